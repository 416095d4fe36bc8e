"""A document on pages: its blocks with their titles and levels, and which pages are turned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trialrun.report.display import Display
from trialrun.report.document import Block, Document, Heading, Picture
from trialrun.report.language import Language, language


@dataclass(frozen=True)
class Placed:
    """A block; of headings and outputs their ``title``, and their ``level`` in the outline: none is passed
    over, as PDF/UA has it. ``output``: the id by which a link finds it; one that is shown again has none."""

    block: Block
    title: str = ""
    level: int = 0
    output: str = ""

    @property
    def turned(self) -> bool:
        """Whether it asks for a landscape page."""
        return isinstance(self.block, Display) and self.block.landscape


Run = tuple[bool, tuple[Placed, ...]]


def placed(document: Document) -> Iterator[Placed]:
    words, level, seen = language(document.language), 0, set[str]()
    for block in document.blocks:
        if isinstance(block, Heading):
            level = min(block.level, level + 1)
            yield Placed(block, f"{block.number} {block.title}".strip(), level)
        elif isinstance(block, Display | Picture):
            yield Placed(block, titled(block, words), level + 1, "" if block.id in seen else block.id)
            seen.add(block.id)
        else:
            yield Placed(block)


def runs(document: Document) -> list[Run]:
    """The blocks on pages of one direction (True: turned); headings go with what follows them."""
    made: list[tuple[bool, list[Placed]]] = []
    waiting: list[Placed] = []
    for one in placed(document):
        waiting.append(one)
        if isinstance(one.block, Heading):
            continue
        if not made or made[-1][0] != one.turned:
            made.append((one.turned, []))
        made[-1][1].extend(waiting)
        waiting = []
    if waiting:
        made.append((False, waiting))
    return [(turned, tuple(some)) for turned, some in made]


def titled(block: Display | Picture, words: Language) -> str:
    """Table 14.1.1. Disposition; what is not one of the outputs has only a title."""
    if isinstance(block, Display) and not block.planned:
        return block.title
    kind = "figure" if isinstance(block, Picture) else block.kind
    return f"{words(f'output.{kind}', id=block.id)}. {block.title}"


def outputs(document: Document) -> frozenset[str]:
    """The ids of the outputs that a link can lead to."""
    return frozenset(block.id for block in document.blocks if isinstance(block, Display | Picture))


def notes(shown: Display, words: Language) -> list[str]:
    """What stands below a display: its footnotes, and why something could not be estimated."""
    reasons = (f"{words('not.estimable')}{words('colon')}{one}" for one in shown.reasons)
    return [*shown.footnotes, *reasons]
