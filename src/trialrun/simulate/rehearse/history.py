"""What one participant did, act by act, with what came of each: a history, and how people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.diary import DAY

Does = Literal["fill", "write", "include", "dose", "withhold", "decide", "stop", "end"]


@dataclass(frozen=True)
class Step:
    """One act: when (minutes since 1970), what, with which answers, and what came of it.

    codes: the result for programs (``permitted``, ``refused``, ids of conditions …); said: for people.
    told: how many days after it happened a row was written.
    """

    when: int
    does: Does
    name: str
    point: str
    values: tuple[tuple[str, Any], ...] = ()
    codes: frozenset[str] = frozenset()
    said: str = ""
    told: int = 0

    @property
    def answers(self) -> dict[str, Any]:
        return dict(self.values)


History = tuple[Step, ...]


def first_dose(protocol: Protocol, history: Iterable[Step]) -> int | None:
    """The day (since 1970) of the first dose that was given."""
    given = [step.when // DAY for step in history if step.does == "dose" and "permitted" in step.codes]
    return min(given, default=None)


def rows(protocol: Protocol, history: History, usual: Mapping[tuple[str, str], Any]) -> list[dict[str, Any]]:
    """A history as a calendar: a row a day and act, with date, study day, what, and what came of it.

    usual: the answers of the best of courses; only what differs from them is told.
    """
    start = first_dose(protocol, history)
    told: list[dict[str, Any]] = []
    for step in history:
        day = step.when // DAY
        row: dict[str, Any] = {
            "date": str(np.datetime64(day, "D")),
            "day": None if start is None else day - start + (day >= start),
            "what": _what(protocol, step, usual),
            "result": step.said,
        }
        last = told[-1] if told else None
        plain = step.does == "fill" and not step.said
        if last and plain and last["plain"] and last["date"] == row["date"] and last["point"] == step.point:
            last["what"] += f"; {row['what'].removeprefix(f'{step.point}: ')}"
        else:
            told.append({**row, "plain": plain, "point": step.point})
    return [{key: row[key] for key in ("date", "day", "what", "result")} for row in told]


def as_json(history: History) -> list[dict[str, Any]]:
    """The same for programs, act by act and complete."""
    return [
        {
            "happened": str(np.datetime64(step.when, "m")),
            "told_days_later": step.told,
            "act": step.does,
            "name": step.name,
            "point": step.point,
            "values": step.answers,
            "result": sorted(step.codes),
        }
        for step in history
    ]


def _what(protocol: Protocol, step: Step, usual: Mapping[tuple[str, str], Any]) -> str:
    where = f"{step.point}: " if step.point else ""
    if step.does == "include":
        arm = step.answers.get("arm")
        return f"{where}inclusion" + (f" in the arm «{protocol.study.arms[arm].title()}»" if arm else "")
    if step.does == "decide":
        return f"decision «{protocol.decisions[step.name].title()}»"
    if step.does == "stop":
        return "injections stop"
    if step.does in ("dose", "withhold"):
        word = "dose" if step.does == "dose" else "dose not given"
        return f"{where}{word}{_told(protocol, step, usual) if step.does == 'withhold' else ''}"
    form = protocol.forms[step.name]
    late = f", told {step.told} day{'s' if step.told > 1 else ''} late" if step.told else ""
    return f"{where}«{form.title()}»{_told(protocol, step, usual)}{late}"


def _told(protocol: Protocol, step: Step, usual: Mapping[tuple[str, str], Any]) -> str:
    """The answers that are out of the ordinary; all of them of a row."""
    items = protocol.forms[step.name].items
    whole = step.does in ("write", "end")
    said = []
    for item, one in step.values:
        if item not in items or items[item].type == "text":
            continue
        usual_date = items[item].type == "date" and not whole
        if one is not None if whole else not usual_date and usual.get((step.name, item)) != one:
            said.append(f"{item.replace('_', ' ')} {_shown(one, items[item].unit)}")
    return f" ({', '.join(said)})" if said else ""


def _shown(one: Any, unit: str | None) -> str:
    if one is None:
        return "not known"
    if isinstance(one, bool):
        return "yes" if one else "no"
    number = f"{one:g}" if isinstance(one, float | int) else str(one)
    plain = unit in (None, "none") or str(unit).startswith("{")
    return number if plain or not isinstance(one, float | int) else f"{number} {unit}"
