"""A cell as text: the one place where a computed value becomes what is printed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.statement import Value
from trialrun.analysis.rounding import half_away
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.text import Text

_HOLE = re.compile(r"\{\w+(?::[^{}]*)?\}")


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[tuple[str, ...], tuple[tuple[str, str, str, str], ...]]:
    return tuple(_HOLE.split(pattern)), tuple(placeholders(pattern))


def written(pattern: Text, values: Mapping[str, Value], none: Text | None, language: str = "en") -> str:
    """The text of a cell. Where a statistic in it cannot be estimated, ``none`` stands for the whole."""
    texts, holes = _pieces(pattern(language))
    said = []
    for name, width, decimals, flags in holes:
        value = values[name]
        if isinstance(value, NotEstimable):
            return none(language) if none is not None else "NE"
        said.append(_said(value, decimals, flags, language).rjust(int(width or 0)))
    return texts[0] + "".join(one + text for one, text in zip(said, texts[1:], strict=True))


def _said(value: float | str, decimals: str, flags: str, language: str) -> str:
    if isinstance(value, str):
        return value
    text = number(value, int(decimals), flags) if decimals else _shortest(value)
    return text.replace(".", ",") if language == "fr" else text


def _shortest(value: float) -> str:
    return f"{value:.12g}"


def number(value: float, decimals: int, flags: str = "") -> str:
    """To so many decimals, halves away from zero; ``<``: what is less than the last place says so
    (``<0.001``); ``>``: what is short of one, or of a hundred, does not reach it (``>0.999``); ``~``: the
    nearest double is rounded, as C's printf and R do."""
    least = 10.0**-decimals
    if "<" in flags and 0 < value < least:
        return f"<{least:.{decimals}f}"
    if "~" in flags:
        return f"{value:z.{decimals}f}"
    rounded = half_away(value, decimals)
    for whole in (1, 100):
        if ">" in flags and rounded == whole and value < whole:
            return f">{whole - least:.{decimals}f}"
    return str(rounded)


_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


def date_in_words(value: str, language: str) -> str:
    """An ISO 8601 date as a sentence has it; a partial one, or what is no date, as it stands."""
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})", value)
    if found is None:
        return value
    day = "1er" if language == "fr" and found[3] == "01" else str(int(found[3]))
    return f"{day} {_MONTHS[language].split()[int(found[2]) - 1]} {found[1]}"
