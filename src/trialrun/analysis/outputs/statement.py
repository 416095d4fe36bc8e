"""The lines of an output as computed: what each cell holds, how it is written, and what it is made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trialrun.analysis.estimate import NotEstimable
from trialrun.protocol.cell import Written
from trialrun.protocol.text import Text

Value = float | str | NotEstimable

DIGITS = 12
"""Significant digits of a value: more than is ever printed, fewer than machines may differ in."""


def plain(value: float) -> float:
    """A number to so many digits, so that the last bits of a sum are nobody's business."""
    return float(f"{value:.{DIGITS}g}")


def words(en: str, fr: str | None = None) -> Text:
    return Text((("en", en), ("fr", fr))) if fr is not None else Text((("en", en),))


@dataclass(frozen=True)
class Stated:
    """One cell: its statistics, and the pattern that writes them.

    ``data``: the numbers that the statistics are computed from, for whoever computes them again.
    """

    column: str
    values: Mapping[str, Value]
    pattern: Text
    method: str
    part: str = ""
    none: Text | None = None
    sources: tuple[int, ...] = ()
    inputs: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Line:
    """One line of an output: the keys that name it, its words, and its cells; ``notes``: what a reader of
    its numbers must know."""

    key: tuple[str, ...]
    labels: tuple[Text, ...]
    cells: tuple[Stated, ...] = ()
    indent: int = 0
    notes: tuple[Text, ...] = ()


def bounded(pattern: Text, values: Mapping[str, Value], limits: Sequence[str]) -> Text:
    """The pattern with a limit's words (``<.0001``) for its first number, where that is beyond the limit."""
    if not limits:
        return pattern
    first = next((one for one in _HOLE.finditer(pattern()) if isinstance(values.get(one[1]), float)), None)
    value = values[first[1]] if first else None
    if not isinstance(value, float):
        return pattern
    for limit in limits:
        bound = float(limit[1:])
        if value < bound if limit[0] == "<" else value > bound:
            return Text(
                (("en", _put(pattern("en"), limit)), ("fr", _put(pattern("fr"), limit.replace(".", ","))))
            )
    return pattern


def _put(text: str, words: str) -> str:
    return _HOLE.sub(lambda hole: words.rjust(int(hole[2] or 0)), text, count=1)


_HOLE = re.compile(r"\{(\w+)(?::(\d*)[^{}]*)?\}")

NONE = words("NE")


def patterns(written: Written, *defaults: Written | None) -> tuple[Text, Text | None, Text]:
    """(format, zero, none) as the first of these says it; a format of one's own has a zero of its own."""
    chain = [written, *(one for one in defaults if one is not None)]
    place = next((i for i, one in enumerate(chain) if one.format is not None), len(chain) - 1)
    made = chain[place].format or words("{n}")
    zero = next((one.zero for one in chain[: place + 1] if one.zero is not None), None)
    none = next((one.none for one in chain if one.none is not None), NONE)
    return made, zero, none
