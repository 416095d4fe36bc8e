"""What a number or quoted text in a rule means: a code, a date, a length of time or a quantity."""

from __future__ import annotations

import re
from datetime import date
from math import isfinite

from trialrun.protocol.rule import BOOLEAN, Constant, RuleError, RuleProblem, Type
from trialrun.protocol.rule_words import Word, nearest
from trialrun.protocol.unit import Unit, UnitError, days, quantity

__all__ = ["constant", "is_time"]

_TIME = Unit.parse("d").dimensions
_CALENDAR = {"year": "a", "month": "mo"}


def constant(word: Word, hint: Type | None) -> Constant:
    """The value of a number, a truth or quoted text. Quoted text takes the type of what it meets (``hint``);
    alone it is a date, a length of time or a quantity. Raises `RuleError` with one problem.
    """
    if word.kind == "truth":
        return Constant(word.text.upper(), word.text.upper() == "TRUE", BOOLEAN)
    if word.kind == "number":
        return _number(word)
    kind = hint.kind if hint else None
    if hint and kind in ("choice", "text"):
        return _code(word, hint)
    if kind == "boolean":
        raise _refused(word, f"{_quoted(word)} is compared with true or false", "write the condition or NOT")
    if kind == "date" or (kind is None and re.match(r"\d{4}-\d", word.text)):
        return _date(word)
    return _quantity(word, hint)


def is_time(unit: str) -> bool:
    """Whether a unit, in UCUM or in words, is one of time."""
    if _is_worded(unit):
        return True
    try:
        return Unit.parse(unit).dimensions == _TIME
    except UnitError:
        return False


def _number(word: Word) -> Constant:
    if not isfinite(float(word.text)):
        raise _refused(word, f"{word.text} is too large for a number", "write a smaller one")
    return Constant(word.text, float(word.text), Type("number"))


def _code(word: Word, choice: Type) -> Constant:
    if choice.codes and word.text not in choice.codes:
        hint = nearest(word.text, choice.codes) or f"the codes are {', '.join(choice.codes)}"
        raise _refused(word, f"{_quoted(word)} is not one of the codes", hint)
    return Constant(_quoted(word), word.text, choice)


def _date(word: Word) -> Constant:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", word.text, re.ASCII):
            raise ValueError
        return Constant(_quoted(word), date.fromisoformat(word.text), Type("date"))
    except ValueError:
        raise _refused(
            word, f"{_quoted(word)} is not a date", "write year-month-day, as '2008-03-03'"
        ) from None


def _quantity(word: Word, hint: Type | None) -> Constant:
    """A length of time in words is always a duration; '18 years' is a number of them only beside years."""
    if hint is None and not re.match(r"\s*[+-]?\.?\d", word.text):
        raise _refused(
            word, f"{_quoted(word)} meets nothing that says what it is", "compare a variable with it"
        )
    try:
        number, unit = quantity(word.text)
        calendar = _CALENDAR.get(unit.removesuffix("s"), unit)
        if hint and hint.kind == "number" and calendar == hint.unit:
            return Constant(_quoted(word), number, hint)
        timed = hint is not None and hint.kind == "duration" and is_time(unit)
        if timed or calendar != unit or _is_worded(unit):
            return Constant(_quoted(word), days(word.text), Type("duration"))
        Unit.parse(unit)
    except UnitError as error:
        raise _refused(
            word, error.message, error.hint or "units are UCUM, as g/L, mm[Hg], Cel, a (years)"
        ) from None
    return Constant(_quoted(word), number, Type("number", unit))


def _is_worded(unit: str) -> bool:
    return unit.removesuffix("s") in ("second", "minute", "hour", "day", "week")


def _quoted(word: Word) -> str:
    return "'" + word.text.replace("'", "''") + "'"


def _refused(word: Word, message: str, hint: str | None) -> RuleError:
    return RuleError((RuleProblem(word.offset, message, hint),))
