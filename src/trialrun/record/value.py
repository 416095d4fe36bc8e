"""Whether what someone wants to write on a form is an answer to its questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
import polars as pl

from trialrun.conduct.verdict import Reason
from trialrun.journal.canon import LARGEST
from trialrun.protocol.form import Form, Item
from trialrun.protocol.problem import nearest
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Rule
from trialrun.protocol.rule_columns import evaluate

WHY_MISSING = ("not done", "unknown", "not applicable")

LONGEST = 10_000
"""Characters of the longest text that one answer, reason or comment may have."""

Content = Any
"""What stands at an item: a JSON scalar, `{"missing": why}`, or None for nothing."""


@dataclass(frozen=True)
class Answers:
    """What one command says about a form.

    values: item -> answer; missing: item -> one of `WHY_MISSING`; confirmed: item -> comment, for a
    value outside its limits that is right all the same.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """The contents that result (item -> content), and everything that is wrong with the answers."""

    contents: dict[str, Content]
    reasons: list[Reason]


Known = Callable[[Iterable[str]], Mapping[str, Any]]
"""Variables that an `only_if` reads beside the form's own items: names -> values."""


def check(
    protocol: Protocol,
    form: str,
    answers: Answers,
    until: date,
    kept: Mapping[str, Content] | None = None,
    known: Known = dict.fromkeys,
) -> Checked:
    """The answers as they would stand on the form, with every problem found.

    until: the last date that an answer may name; kept: what stands there already and stays, unless
    answered anew (a correction). What is kept but no longer asked is cleared.
    """
    asked = protocol.forms[form]
    reasons = _strangers(asked, answers)
    given: dict[str, Content] = {}
    for name, item in asked.items.items():
        try:
            if name in answers.missing:
                given[name] = _missing(item, answers.missing[name], answers.values.get(name))
            elif name in answers.values:
                given[name] = _typed(item, answers.values[name], until)
                _within(item, given[name], answers.confirmed.get(name))
        except ValueError as error:
            message, cure = error.args
            reasons.append(Reason(f"item.{name}", f"«{item.ask()}»: {message}", cure))
    contents = {**(kept or {}), **given}
    reasons += _unanswered(protocol, form, contents, given, answers, known)
    return Checked(contents, reasons)


def unstorable(place: str, said: Any) -> Iterator[Reason]:
    """What no record can hold, whatever is asked: half a character, a text or a number without end."""
    if isinstance(said, str):
        if len(said) > LONGEST:
            message = f"the text has {len(said)} characters"
            yield Reason(place, message, f"write {LONGEST} at most, or attach it")
        elif any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in said):
            yield Reason(place, "the text holds a NUL or half a character", "type the text again")
    elif isinstance(said, Integral) and abs(int(said)) > LARGEST:
        yield Reason(place, "the number is beyond ±(2^53 - 1)", "write the right number")


def plain(content: Content) -> Any:
    """The value itself: None where there is none, for whatever reason."""
    return None if isinstance(content, dict) else content


def _strangers(form: Form, answers: Answers) -> list[Reason]:
    named = dict.fromkeys([*answers.values, *answers.missing, *answers.confirmed])
    strangers = [name for name in named if name not in form.items]
    return [_stranger(form, name) for name in strangers]


def _stranger(form: Form, name: str) -> Reason:
    close = nearest(name, form.items)
    cure = f"did you mean {close}?" if close else f"its items are {', '.join(form.items)}"
    return Reason(f"item.{name}", f"`{name}` is not asked on «{form.title()}»", cure)


def _missing(item: Item, why: str, value: Any) -> Content:
    if why not in WHY_MISSING:
        raise ValueError(f"`{why}` does not say why the value is missing", f"write {', '.join(WHY_MISSING)}")
    if value is not None:
        raise ValueError(f"the value {value} is given and said to be {why}", "keep one of the two")
    return {"missing": why}


def _typed(item: Item, value: Any, until: date) -> Content:
    """The value as it is stored. Raises ValueError(message, cure)."""
    if value is None:
        return None
    if item.type == "boolean":
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise ValueError(f"{value!r} is neither yes nor no", "write true or false")
    if item.type == "choice":
        if isinstance(value, str) and value in item.codes:
            return str(value)
        raise ValueError(f"{value!r} is not one of its codes", f"write {', '.join(item.codes)}")
    if item.type == "text":
        if isinstance(value, str) and value.strip():
            return str(value)
        raise ValueError(f"{value!r} is not a text", "write words, or leave it out")
    return _dated(value, until) if item.type == "date" else _number(item, value)


def _dated(value: Any, until: date) -> str:
    try:
        day = (
            value
            if isinstance(value, date) and not isinstance(value, datetime)
            else date.fromisoformat(value)
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"{value!r} is not a date", "write it like 2026-03-29") from error
    if day > until:
        raise ValueError(f"{day} lies in the future of {until}", "write a day that has come")
    return day.isoformat()


def _number(item: Item, value: Any) -> float | int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not math.isfinite(float(value)):
        raise ValueError(f"{value!r} is not a number", "write a number, or say why it is missing")
    number = int(value) if isinstance(value, Integral) else float(value)
    if item.type == "integer" and number != int(number):
        raise ValueError(f"{number} is not a whole number", "write a whole number")
    if item.decimals is not None and round(number, item.decimals) != number:
        raise ValueError(f"{number} has more than {item.decimals} decimals", f"round it to {item.decimals}")
    return number


def _within(item: Item, content: Content, comment: str | None) -> None:
    """A value outside its limits is stored only with a comment that confirms it."""
    if item.limits is None or content is None or content in item.limits or (comment and comment.strip()):
        return
    unit = "" if item.unit == "none" else f" {item.unit}"
    raise ValueError(
        f"{content:g} lies outside {item.limits}{unit}", "correct it, or confirm it with a comment"
    )


# ---- what must be answered -------------------------------------------------------------------


def _unanswered(
    protocol: Protocol,
    form: str,
    contents: dict[str, Content],
    given: Mapping[str, Content],
    answers: Answers,
    known: Known,
) -> list[Reason]:
    """Required items without an answer, and answers to what is not asked."""
    reasons = []
    for name, item in protocol.forms[form].items.items():
        asked = _asked(protocol, form, name, contents, known)
        if asked is False and plain(given.get(name)) is not None:
            message = f"«{item.ask()}» is asked only if {item.only_if}"
            reasons.append(Reason(f"item.{name}", message, "leave it out, or correct what it depends on"))
        elif asked is False and name not in given:
            contents[name] = None
        elif asked and item.required and contents.get(name) is None and not _tried(name, answers):
            message = f"«{item.ask()}» is not answered"
            reasons.append(
                Reason(
                    f"item.{name}",
                    message,
                    f"answer it, or say {', '.join(WHY_MISSING[:-1])} or {WHY_MISSING[-1]}",
                    True,
                )
            )
    return reasons


def _tried(item: str, answers: Answers) -> bool:
    """Whether an answer was given, though perhaps one that was refused already."""
    return answers.values.get(item) is not None or item in answers.missing


def _asked(
    protocol: Protocol, form: str, item: str, contents: Mapping[str, Content], known: Known
) -> bool | None:
    rule = protocol.rules.get(f"forms.{form}.{item}")
    if rule is None:
        return True
    items = protocol.forms[form].items
    values = {name: _readable(items[name], contents.get(name)) for name in rule.reads if name in items}
    others = [name for name in rule.reads if name not in items]
    values |= known(others) if others else {}
    return _holds(rule, tuple(sorted(values.items())))


def _readable(item: Item, content: Content) -> Any:
    value = plain(content)
    if value is not None and item.type in ("number", "integer"):
        return float(value)
    return date.fromisoformat(value) if value is not None and item.type == "date" else value


@lru_cache(maxsize=4096)
def _holds(rule: Rule, values: tuple[tuple[str, Any], ...]) -> bool | None:
    frame = pl.DataFrame({name: [value] for name, value in values})
    found: bool | None = evaluate({"asked": rule}, frame)["asked"][0]
    return found
