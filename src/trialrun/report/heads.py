"""The head of a display in its lines: words over several columns, and those of each column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from trialrun.report.display import Display, Head


@dataclass(frozen=True)
class Span:
    """Words over ``columns`` columns and ``rows`` lines; ``id``: the result that counts who is meant."""

    text: str
    columns: int = 1
    rows: int = 1
    id: str | None = None
    numeric: bool = True


def heads(shown: Display) -> tuple[tuple[Span, ...], ...]:
    """One line of a head, or two where groups of columns have words of their own."""
    own = tuple(
        Span(head.title, id=None if head.part else head.id, numeric=head.numeric) for head in shown.heads
    )
    if not any(head.under for head in shown.heads):
        return ((*(Span(words, numeric=False) for words in shown.stub), *own),)
    above = [Span(words, rows=2, numeric=False) for words in shown.stub]
    below: list[Span] = []
    place = 0
    for (under, _), some in groupby(shown.heads, key=_group):
        found = list(some)
        spans = own[place : place + len(found)]
        place += len(found)
        if under:
            above.append(Span(under, len(found), id=found[0].id if found[0].part else None))
            below += spans
        else:
            above += [Span(one.text, rows=2, id=one.id, numeric=one.numeric) for one in spans]
    return tuple(above), tuple(below)


def _group(head: Head) -> tuple[str, str | None]:
    """Neighbours under the same words, and of the same participants where the words count them."""
    return head.under, head.id if head.part else None
