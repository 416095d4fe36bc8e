"""All that is known of one participant, in plain Python, and what the variables of the study make of it.

The second reading of `docs/study-language.md`: written apart from `conduct`, so that each finds the other's
mistakes. Moments are minutes since 1970 on the site's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np

from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Rule
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.variable import Aggregate, Variable
from trialrun.simulate.rehearse.logic import says

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
    arm: str | None = None
    decided: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    stopped: int | None = None
    mark: int = 0  # the same for diaries that were told the same

    def fill(self, form: str, point: str, when: int, values: Mapping[str, Any]) -> None:
        self._store(self.forms.setdefault(form, {}), form, point, when, self.plain(form, values))

    def take(self, form: str, point: str, filled: Filled, mark: int) -> None:
        """Fill a form as another participant has filled it at the same moment."""
        place = self.forms.setdefault(form, {})
        before = place.get(point)
        place[point] = Filled(filled.happened, {**before.values, **filled.values}) if before else filled
        self.mark = hash((self.mark, mark))

    def write(self, form: str, row: str, when: int, values: Mapping[str, Any]) -> None:
        rows = self.rows.setdefault(form, {})
        happened = rows[row].happened if row in rows else when
        self._store(rows, form, row, happened, self.plain(form, values))

    def _store(
        self, place: dict[str, Filled], form: str, key: str, when: int, said: Mapping[str, Any]
    ) -> None:
        self.mark = hash((self.mark, form, key, when, tuple(said.items())))
        place[key] = Filled(when, {**place[key].values, **said} if key in place else said)

    def plain(self, form: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        items = self.protocol.forms[form].items
        return {name: in_plain(items[name].type, one) for name, one in values.items()}

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
        said = says(rule, known)
        if not proven and unsure and said is False and says(rule, {**known, **dict.fromkeys(unsure)}) is None:
            return None
        return said

    def read(
        self, names: Iterable[str], now: int, point: str | None, *, proven: bool
    ) -> tuple[dict[str, Any], set[str]]:
        """The values, and the names of those that an occurrence nobody can judge yet might change."""
        known: dict[str, Any] = {}
        unsure: set[str] = set()
        for name in names:
            variable, aggregate, reads = _kinds(self.protocol)[name]
            if variable.surface:
                known[name] = self._surface(variable, now, point)
                continue
            if aggregate is None:
                known[name] = self._item(*reads, variable, now, point)
                continue
            rows, doubtful = self._counted(name, variable, now, point, proven=proven)
            known[name] = self._made_of(variable, rows, now)
            if doubtful:
                unsure.add(name)
            if proven and (doubtful or not self._proven(variable, now, point)):
                known[name] = None
        return known, unsure

    def _surface(self, variable: Variable, now: int, point: str | None) -> float | None:
        """m² of body surface from cm and kg, both known, by the formula that the study names."""
        height, weight = (self._item(form, item, variable, now, point) for form, item in variable.read_all)
        if height is None or weight is None:
            return None
        if variable.formula == "Mosteller":
            return float((height * weight) ** 0.5 / 60)
        return float(0.007184 * height**0.725 * weight**0.425)

    def _item(self, form: str, item: str, variable: Variable, now: int, point: str | None) -> Any:
        if self.protocol.forms[form].repeats:
            rows = [row for row in self._occurrences(form, now) if row[1].values.get(item) is not None]
            return max(rows, key=lambda row: (row[0], row[1].happened))[1].values[item] if rows else None
        for moment in variable.at:
            found = (
                self._latest(form, item, now) if moment == "latest" else self._at(form, moment, now, point)
            )
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
        _, _, (form, item) = _kinds(self.protocol)[name]
        taken_place = list(self._occurrences(form, now))
        if not taken_place:
            return [], False
        rule = self.protocol.rules.get(f"variables.{name}")
        rows, unsure = [], False
        period = self._period(variable.during or "study", point)
        beside: dict[str, Any] | None = None
        for day, one in taken_place:
            if not any(first <= day < end for first, end in period):
                continue
            said: bool | None = True
            if rule is not None:
                if beside is None:
                    others = _beside(self.protocol, name)
                    beside = self.read(others, now, point, proven=proven)[0] if others else {}
                said = self._row_says(rule, form, one, now, beside)
            if said and variable.aggregate != "count" and _item_of(one, item) is None:
                said = None
            unsure |= said is None
            if said:
                rows.append((day, one))
        return rows, unsure

    def _row_says(
        self, rule: Rule, form: str, one: Filled, now: int, beside: Mapping[str, Any]
    ) -> bool | None:
        known = {name: one.values.get(name) for name in rule.reads}
        if "happened" in known:
            known["happened"] = one.happened // DAY
        if "lasting" in known and "lasting" not in self.protocol.forms[form].items:
            onset, ended = one.values.get("onset"), one.values.get("ended")
            lasting = None if onset is None else (now // DAY if ended is None else ended) - onset
            known["lasting"] = lasting if lasting is not None and lasting >= 0 else None
        return says(rule, {**known, **beside})

    def _period(self, period: str, point: str | None) -> list[tuple[float, float]]:
        """Days (first, and the one after the last) on which an occurrence counts."""
        doses = self.doses()
        if period == "study":
            return [(-inf, inf)]
        if period == "since first dose":
            return [(doses[0] // DAY, inf)] if doses else []
        cycles = self.protocol.cycles
        starts = {c: moment // DAY for c in cycles if (moment := self.given(f"{c}.D1")) is not None}
        spans = {c: (start, start + int(self.protocol.length(c))) for c, start in starts.items()}
        if period == "courses":
            return list(spans.values())
        if period == "latest course":
            return [max(spans.values())] if spans else []
        if period == "this course":
            own = (point or "").partition(".")[0]
            return [spans[own]] if own in spans else []
        later = [starts[c] for c in cycles[cycles.index(period) + 1 :] if c in starts]
        return [(starts[period], min(later, default=inf))] if period in starts else []

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
        if kind == "sum":
            return sum(found)
        return max(found) if kind == "max" else min(found)

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


@lru_cache(maxsize=64)
def _kinds(protocol: Protocol) -> dict[str, tuple[Variable, Aggregate | None, tuple[str, str]]]:
    """Every variable with its kind and the (form, item) it reads, worked out once."""
    return {name: (one, one.aggregate, one.reads) for name, one in protocol.variables.items()}


@lru_cache(maxsize=4096)
def _beside(protocol: Protocol, name: str) -> tuple[str, ...]:
    """The variables that the condition of an aggregate reads beside the items of its rows."""
    own = row_types(protocol.forms[protocol.variables[name].reads[0]])
    return tuple(read for read in sorted(protocol.rules[f"variables.{name}"].reads) if read not in own)


def _item_of(one: Filled, item: str) -> Any:
    return one.happened // DAY if item == "happened" else one.values.get(item)


def in_plain(kind: str, given: Any) -> Any:
    """An answer as plain Python: a number as a float, a date as days since 1970, unknown as None."""
    if given is None or (isinstance(given, float) and not np.isfinite(given)):
        return None
    if kind in ("number", "integer"):
        return float(given)
    if kind == "date":
        return int(np.datetime64(given, "D").astype(np.int64))
    return bool(given) if kind == "boolean" else str(given)
