"""The small words of a study file: text in languages, spans of time, windows, anchors, limits.

Each is written as people write it (``21 days``, ``±3 days``, ``C1 + 21 days``, ``5 daily``,
``30..45``) and parsed once; a wrong one says what would be right.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator

from trialrun.protocol.problem import shown

DAYS = {"day": 1.0, "days": 1.0, "week": 7.0, "weeks": 7.0, "hour": 1 / 24, "hours": 1 / 24}
MOST_DOSES = 400  # of one cycle: a year of daily doses and then some
MOST_DAYS = 36_525  # a hundred years: nothing in a trial is longer
MOST_BLOOD = 10_000  # millilitres: nobody has more
# A month as months are counted in a trial's planning: a twelfth of the mean Gregorian year (365.2425 days).
MONTH = 365.2425 / 12


def _few(days: float, written: object) -> float:
    """The days, unless they are more than any trial has."""
    if days > MOST_DAYS:
        raise ValueError(f"`{shown(written)}` is more than a hundred years; write a shorter time")
    return days


@dataclass(frozen=True)
class Text:
    """Words in one or more languages."""

    by_language: tuple[tuple[str, str], ...]

    def __call__(self, language: str = "en") -> str:
        words = dict(self.by_language)
        return words.get(language) or words.get("en") or self.by_language[0][1]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(code for code, _ in self.by_language)


def _text(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, dict) and value:
        return Text(tuple((_language(code, words), _words(code, words)) for code, words in value.items()))
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
        return Text((("en", str(value)),))
    if isinstance(value, float | bool):
        raise ValueError("these words look like a number or a true/false; put them between quotes")
    raise ValueError("there are no words; write e.g. Pulse, or {en: Pulse, fr: Pouls}")


def _language(code: str, words: Any) -> str:
    if " " in code or (words is None and len(code) != 2):
        raise ValueError(
            f"`{code}` follows a comma; inside {{ }}, put a text that contains a comma between quotes"
        )
    if not re.fullmatch(r"[a-z]{2}", code):
        raise ValueError(
            f"`{shown(code)}` is not a language code of two small letters; write e.g. {{en: …, fr: …}}"
        )
    return code


def _words(code: str, words: Any) -> str:
    if not isinstance(words, str) or not words.strip():
        raise ValueError(f"`{code}` has no words; a text that is a number goes between quotes")
    return words


@dataclass(frozen=True)
class Span:
    """A length of time in days; months stay months, so that sums of months are exact."""

    days: float
    months: int = 0

    def __str__(self) -> str:
        if self.months:
            return f"{self.months} month{'s' if self.months != 1 else ''}"
        if self.days != int(self.days):
            return f"{round(self.days * 24, 3):g} hours"
        return f"{int(self.days)} day{'s' if self.days != 1 else ''}"

    @property
    def hours(self) -> float:
        return self.days * 24


def span(value: Any) -> Span:
    if isinstance(value, Span):
        return value
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", str(value))
    if match and match[2] in ("month", "months") and "." not in match[1]:
        days = _few(float(match[1]) * MONTH, value)
        return Span(days, int(match[1]))
    if not match or match[2] not in DAYS:
        raise ValueError(f"`{shown(value)}` is not a length of time; write e.g. 21 days, 72 hours, 18 months")
    return Span(_few(float(match[1]) * DAYS[match[2]], value))


@dataclass(frozen=True)
class Window:
    """How many days before and after its planned day an act may take place."""

    before: float = 0.0
    after: float = 0.0

    def __str__(self) -> str:
        return self.words("en")

    def words(self, language: str) -> str:
        """As people read it, in English or French: ``±3 days``, ``le jour même``."""
        days, hours, same = (
            ("jours", "heures", "le jour même") if language == "fr" else ("days", "hours", "on the day")
        )
        if not self.before and not self.after:
            return same
        whole = self.before % 1 == 0 and self.after % 1 == 0
        before, after, unit = (
            (self.before, self.after, days) if whole else (self.before * 24, self.after * 24, hours)
        )
        return f"±{before:g} {unit}" if before == after else f"-{before:g}/+{after:g} {unit}"


def _window(value: Any) -> Window:
    if isinstance(value, Window):
        return value
    text = str(value).strip()
    both = re.fullmatch(r"±\s*([0-9]+)(?:\s*(days?|weeks?))?", text)
    split = re.fullmatch(r"-\s*([0-9]+)\s*/\s*\+\s*([0-9]+)(?:\s*(days?|weeks?))?", text)
    if both:
        size = _few(float(both[1]) * DAYS[both[2] or "days"], value)
        return Window(size, size)
    if split:
        unit = DAYS[split[3] or "days"]
        return Window(_few(float(split[1]) * unit, value), _few(float(split[2]) * unit, value))
    if re.fullmatch(r"\s*[0-9]+\s*(days?|weeks?)?\s*", text):
        raise ValueError(f"`{shown(value)}` does not say before or after; write ±{text} or -0/+{text}")
    raise ValueError(f"`{shown(value)}` is not a window; write e.g. ±3 days or -0/+7 days")


@dataclass(frozen=True)
class Anchor:
    """A day counted from something: ``C1 + 21 days``, ``first dose + 84 days``, ``C1 + 18..21 days``.

    ``after`` is a cycle, ``first dose``, ``last dose``, or a variable that is a date (``relapse + 14 days``).
    """

    after: str
    offset: float
    until: float

    def __str__(self) -> str:
        days = f"{self.offset:g}" if self.until == self.offset else f"{self.offset:g}..{self.until:g}"
        return f"{self.after} + {days} days"


def _anchor(value: Any) -> Anchor:
    if isinstance(value, Anchor):
        return value
    counted_from, days = r"(first dose|last dose|[A-Za-z][A-Za-z0-9_]*)", r"([0-9]+)(?:\s*\.\.\s*([0-9]+))?"
    pattern = rf"{counted_from}\s*\+\s*{days}\s*(days?|weeks?)"
    match = re.fullmatch(pattern, str(value).strip())
    if not match:
        raise ValueError(
            f"`{shown(value)}` does not say a day counted from something; write e.g. C1 + 21 days"
        )
    unit = DAYS[match[4]]
    first = float(match[2]) * unit
    last = float(match[3]) * unit if match[3] else first
    _few(max(first, last), value)
    if last < first:
        raise ValueError(f"`{value}` ends before it begins; write the smaller number first")
    return Anchor(match[1], first, last)


@dataclass(frozen=True)
class Doses:
    """How many doses a cycle has, and how many days apart."""

    count: int
    every: int = 1

    def __str__(self) -> str:
        return f"{self.count} daily" if self.every == 1 else f"{self.count} every {self.every} days"


def _doses(value: Any) -> Doses:
    if isinstance(value, Doses):
        return value
    text = str(value).strip()
    daily = re.fullmatch(r"([0-9]{1,5}) daily", text)
    spaced = re.fullmatch(r"([0-9]{1,5}) every ([0-9]{1,5}) days", text)
    count, every = (int(daily[1]), 1) if daily else (int(spaced[1]), int(spaced[2])) if spaced else (0, 0)
    if re.search(r"hours?\b|times (a|per) day|(twice|[0-9]+ ?x) (daily|a day)", text):
        raise ValueError(
            f"`{shown(value)}`: several doses a day cannot be written yet; write the days, e.g. 5 daily, "
            "with the amount of a whole day"
        )
    if not 1 <= count <= MOST_DOSES or not 1 <= every <= MOST_DAYS:
        raise ValueError(f"`{shown(value)}` is not a number of doses; write e.g. 5 daily or 13 every 14 days")
    return Doses(count, every)


@dataclass(frozen=True)
class Limits:
    """The lowest and highest value allowed, both included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def _limits(value: Any) -> Limits:
    if isinstance(value, Limits):
        return value
    match = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?)\s*\.\.\s*(-?[0-9]+(?:\.[0-9]+)?)", str(value).strip())
    if not match:
        raise ValueError(f"`{shown(value)}` is not a range; write e.g. 30..45")
    low, high = float(match[1]), float(match[2])
    if not (isfinite(low) and isfinite(high)):
        raise ValueError(f"`{shown(value)}` has a number that is too large; write e.g. 30..45")
    if high < low:
        raise ValueError(f"the range `{value}` ends below its beginning; write the smaller number first")
    return Limits(low, high)


@dataclass(frozen=True)
class Volume:
    """A volume of blood in millilitres."""

    millilitres: float

    def __str__(self) -> str:
        return f"{self.millilitres:g} mL"


def _volume(value: Any) -> Volume:
    if isinstance(value, Volume):
        return value
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*mL", str(value).strip())
    if not match:
        raise ValueError(f"`{shown(value)}` is not a volume; write e.g. 10 mL")
    if float(match[1]) > MOST_BLOOD:
        raise ValueError(f"`{shown(value)}` is more blood than anyone has; write e.g. 10 mL")
    return Volume(float(match[1]))


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _date(value: Any) -> datetime.date:
    if isinstance(value, datetime.date):
        return value
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            raise ValueError
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"`{shown(value)}` is not a date; write year-month-day, e.g. 2008-03-01") from None


def _word(parse: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(parse)


Words = Annotated[Text, _word(_text)]
Length = Annotated[Span, _word(span)]
Tolerance = Annotated[Window, _word(_window)]
Counted = Annotated[Anchor, _word(_anchor)]
DoseCount = Annotated[Doses, _word(_doses)]
Range = Annotated[Limits, _word(_limits)]
Millilitres = Annotated[Volume, _word(_volume)]
Day = Annotated[datetime.date, _word(_date)]
Several = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
