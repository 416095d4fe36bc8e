"""The head of a display in its lines: words over several columns, and those of each column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

from trialrun.report.display import Display, Head


@dataclass(frozen=True)
class Span:
    """Words over ``columns`` columns, from the one numbered ``first``, and ``rows`` lines; ``id``: the result
    that counts who is meant."""

    text: str
    columns: int = 1
    rows: int = 1
    id: str | None = None
    numeric: bool = True
    first: int = 0


def heads(shown: Display) -> tuple[tuple[Span, ...], ...]:
    """One line of a head, or two where groups of columns have words of their own."""
    two = any(head.under for head in shown.heads)
    above = [Span(words, rows=1 + two, numeric=False, first=i) for i, words in enumerate(shown.stub)]
    below: list[Span] = []
    place = len(shown.stub)
    for (under, _), some in groupby(shown.heads, key=_group):
        found = list(some)
        own = [_own(head, i) for i, head in enumerate(found, place)]
        if under:
            counted = found[0].id if found[0].part else None
            above.append(Span(under, len(found), id=counted, first=place))
            below += own
        else:
            above += [replace(one, rows=1 + two) for one in own]
        place += len(found)
    return (tuple(above), tuple(below)) if two else (tuple(above),)


def _own(head: Head, place: int) -> Span:
    return Span(head.title, id=None if head.part else head.id, numeric=head.numeric, first=place)


def _group(head: Head) -> tuple[str, str | None]:
    """Neighbours under the same words, and of the same participants where the words count them."""
    return head.under, head.id if head.part else None
