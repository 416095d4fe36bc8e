"""All that is known of one participant, in plain Python, and what the variables of the study make of it.

The second reading of `docs/study-language.md`: written apart from `conduct`, so that each finds the other's
mistakes. Moments are minutes since 1970 on the site's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Rule
from trialrun.protocol.variable import Variable
from trialrun.simulate.rehearse.logic import value

DAY = 24 * 60  # minutes


@dataclass(frozen=True)
class Filled:
    """A form or row as it stands: when it says it was filled, and its items (dates as days since 1970)."""

    happened: int
    values: Mapping[str, Any]


@dataclass
class Diary:
    """forms: form -> timepoint -> as it stands; rows: form -> row; decided: decision -> (when, outcome)."""

    protocol: Protocol
    forms: dict[str, dict[str, Filled]] = field(default_factory=dict)
    rows: dict[str, dict[str, Filled]] = field(default_factory=dict)
    included: int | None = None
    decided: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    stopped: int | None = None

    def fill(self, form: str, point: str, when: int, values: Mapping[str, Any]) -> None:
        self._store(self.forms.setdefault(form, {}), form, point, when, values)

    def write(self, form: str, row: str, when: int, values: Mapping[str, Any]) -> None:
        rows = self.rows.setdefault(form, {})
        self._store(rows, form, row, rows[row].happened if row in rows else when, values)

    def _store(
        self, place: dict[str, Filled], form: str, key: str, when: int, values: Mapping[str, Any]
    ) -> None:
        said = self._plain(form, values)
        place[key] = Filled(when, {**place[key].values, **said} if key in place else said)

    def _plain(self, form: str, values: Mapping[str, Any]) -> dict[str, Any]:
        items = self.protocol.forms[form].items
        return {name: plain(items[name].type, one) for name, one in values.items()}

    # ---- doses -------------------------------------------------------------------------------

    def dose(self, point: str) -> Filled | None:
        return self.forms.get(self.protocol.study.recorded_on.injection, {}).get(point)

    def given(self, point: str) -> int | None:
        """When the dose of a timepoint was given."""
        dose = self.dose(point)
        return dose.happened if dose and dose.values.get("given") is True else None

    def doses(self) -> list[int]:
        """When each dose was given, in order of time."""
        doses = self.forms.get(self.protocol.study.recorded_on.injection, {}).values()
        return sorted(one.happened for one in doses if one.values.get("given") is True)

    # ---- variables ---------------------------------------------------------------------------

    def says(self, rule: Rule, now: int, point: str | None, *, proven: bool) -> bool | None:
        """What a rule says at a moment. proven: for what permits, where only a proven value counts."""
        known, unsure = self.read(rule.reads, now, point, proven=proven)
        said = value(rule.tree, known)
        if not proven and unsure and said is False:
            open_ = value(rule.tree, {**known, **dict.fromkeys(unsure)})
            said = None if open_ is None else said
        return said if said is None else bool(said)

    def read(
        self, names: Iterable[str], now: int, point: str | None, *, proven: bool
    ) -> tuple[dict[str, Any], set[str]]:
        """The values, and the names of those that an occurrence nobody can judge yet might change."""
        known: dict[str, Any] = {}
        unsure: set[str] = set()
        for name in names:
            variable = self.protocol.variables[name]
            if variable.aggregate is None:
                known[name] = self._item(variable, now, point)
                continue
            rows, doubtful = self._counted(name, variable, now, point, proven=proven)
            known[name] = self._made_of(variable, rows, now)
            if doubtful:
                unsure.add(name)
            if proven and (doubtful or not self._proven(variable, now, point)):
                known[name] = None
        return known, unsure

    def _item(self, variable: Variable, now: int, point: str | None) -> Any:
        form, item = variable.reads
        if self.protocol.forms[form].repeats:
            rows = [row for row in self._occurrences(form, now) if row[1].values.get(item) is not None]
            return max(rows, key=lambda row: (row[0], row[1].happened))[1].values[item] if rows else None
        for moment in variable.at:
            found = self._latest(form, item, now) if moment == "latest" else self._at(form, moment, now, point)
            known = found.values.get(item) if found else None
            old = (
                variable.within is not None
                and found is not None
                and (now - found.happened > variable.within.days * DAY)
            )
            if known is not None and not old:
                return known
        return None

    def _latest(self, form: str, item: str, now: int) -> Filled | None:
        filled = [
            one
            for one in self.forms.get(form, {}).values()
            if one.happened <= now and one.values.get(item) is not None
        ]
        return max(filled, key=lambda one: one.happened) if filled else None

    def _at(self, form: str, moment: str, now: int, point: str | None) -> Filled | None:
        """A form as filled at a moment; for an injection of today, or as long ahead as the study allows."""
        place = moment
        if moment == "this visit":
            place = point or ""
        elif moment == "course day 1":
            place = f"{(point or '').partition('.')[0]}.D1"
        found = self.forms.get(form, {}).get(place)
        if found is None or found.happened > now:
            return None
        planned = self.protocol.timepoints.get(point or "")
        if moment != "this visit" or planned is None or planned.dose is None:
            return found
        ahead = [
            row.ahead.days
            for task in planned.tasks
            if task.form == form and (row := self.protocol.activity(task.activity)).ahead
        ]
        fresh = found.happened // DAY == now // DAY or now - found.happened <= round(
            max(ahead, default=0) * DAY
        )
        return found if fresh else None

    # ---- aggregates --------------------------------------------------------------------------

    def _occurrences(self, form: str, now: int) -> Iterator[tuple[int, Filled]]:
        """(day it took place, as it stands) of everything that had taken place by now."""
        asked = self.protocol.forms[form]
        filled = self.rows if asked.repeats else self.forms
        for one in filled.get(form, {}).values():
            own = one.values.get(asked.occurs) if asked.occurs else None
            if one.happened <= now if own is None else own <= now // DAY:
                yield own if own is not None else one.happened // DAY, one

    def _counted(
        self, name: str, variable: Variable, now: int, point: str | None, *, proven: bool
    ) -> tuple[list[tuple[int, Filled]], bool]:
        """The occurrences that count, and whether one more cannot be judged."""
        form, item = variable.reads
        rule = self.protocol.rules.get(f"variables.{name}")
        rows, unsure = [], False
        for day, one in self._occurrences(form, now):
            if not self._within(variable.during or "study", day, point):
                continue
            said = True if rule is None else self._row_says(rule, form, one, now, point, proven=proven)
            if said and variable.aggregate != "count" and _item_of(one, item) is None:
                said = None
            unsure |= said is None
            if said:
                rows.append((day, one))
        return rows, unsure

    def _row_says(
        self, rule: Rule, form: str, one: Filled, now: int, point: str | None, *, proven: bool
    ) -> bool | None:
        items = self.protocol.forms[form].items
        known = {name: one.values.get(name) for name in items}
        known["happened"] = one.happened // DAY
        onset, ended = known.get("onset"), known.get("ended")
        lasting = None if onset is None else (now // DAY if ended is None else ended) - onset
        known["lasting"] = lasting if lasting is not None and lasting >= 0 else None
        others = [name for name in rule.reads if name not in known]
        beside, _ = self.read(others, now, point, proven=proven)
        said = value(rule.tree, {**known, **beside})
        return said if said is None else bool(said)

    def _within(self, period: str, day: int, point: str | None) -> bool:
        doses = self.doses()
        if period == "study":
            return True
        if period == "since first dose":
            return bool(doses) and day >= doses[0] // DAY
        cycles = self.protocol.cycles
        starts = {c: moment // DAY for c in cycles if (moment := self.given(f"{c}.D1")) is not None}
        length = int(self.protocol.study.treatment.cycle_length.days)
        if period == "courses":
            return any(start <= day < start + length for start in starts.values())
        if period == "latest course":
            return bool(starts) and max(starts.values()) <= day < max(starts.values()) + length
        if period == "this course":
            start = starts.get((point or "").partition(".")[0])
            return start is not None and start <= day < start + length
        later = [starts[c] for c in cycles[cycles.index(period) + 1 :] if c in starts]
        return period in starts and starts[period] <= day and not (later and day >= min(later))

    def _made_of(self, variable: Variable, rows: list[tuple[int, Filled]], now: int) -> Any:
        kind, item = variable.aggregate, variable.reads[1]
        if not rows:
            return float(variable.none) if isinstance(variable.none, int | float) else variable.none
        if kind == "count":
            return float(len(rows))
        rows = sorted(rows, key=lambda row: (row[0], row[1].happened))
        found = [_item_of(one, item) for _, one in rows]
        if kind == "span":
            return float(max(found) - min(found))
        if kind == "since":
            return float(now // DAY - max(found))
        if kind in ("first", "last"):
            return found[0 if kind == "first" else -1]
        return {"max": max, "min": min, "sum": sum}[str(kind)](found)

    def _proven(self, variable: Variable, now: int, point: str | None) -> bool:
        """Whether a signed statement says that no row is missing."""
        if variable.complete is None:
            return variable.none is None
        where, _, moment = variable.complete.partition("@")
        form, _, item = where.strip().partition(".")
        found = (
            self._latest(form, item, now)
            if moment.strip() == "latest"
            else self._at(form, moment.strip(), now, point)
        )
        return found is not None and found.values.get(item) is True


def _item_of(one: Filled, item: str) -> Any:
    return one.happened // DAY if item == "happened" else one.values.get(item)


def plain(kind: str, given: Any) -> Any:
    """An answer as plain Python: a number as a float, a date as days since 1970, unknown as None."""
    if given is None or (isinstance(given, float) and not np.isfinite(given)):
        return None
    if kind in ("number", "integer"):
        return float(given)
    if kind == "date":
        return int(np.datetime64(given, "D").astype(np.int64))
    return bool(given) if kind == "boolean" else str(given)
