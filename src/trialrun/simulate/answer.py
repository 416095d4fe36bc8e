"""What virtual people answer: the study's ``model.yaml`` says for each item where its value comes from.

A plain value is always that value. Otherwise one of ``chance`` (yes/no), ``share`` (a code), ``about``
(a number, fixed for the person or drawn at each visit), ``quantity``, ``laboratory``, ``organ``,
``process`` (from the model), ``days_ago`` (a date), ``since: injection`` (hours), ``by_setting``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.setting import setting
from trialrun.protocol.form import Form, Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule_columns import expression
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person, normals, uniforms
from trialrun.simulate.model import Array, Flags

Answers = dict[str, list[Any]]


class Voices:
    """Answers the forms for a batch of people, from their bodies and their own chance."""

    def __init__(self, protocol: Protocol, people: Sequence[Person], bodies: Bodies) -> None:
        self.protocol = protocol
        self.bodies = bodies
        self.spec: Mapping[str, Mapping[str, Any]] = protocol.model["answers"]
        self._column: dict[tuple[str, str], int] = {}
        for form, items in self.spec.items():
            for item in items:
                self._column[form, item] = len(self._column)
        count, points = len(self._column), len(protocol.timepoints)
        self._trait = uniforms(people, "traits", count)
        self._trait_normal = normals(people, "trait numbers", count)
        self._visit_normal = normals(people, "visit numbers", points, count)
        self._row = uniforms(people, "rows", 64)
        self.shows: dict[str, Flags] = {}  # signs of events going on now, by the model's name for them

    def answer(self, form: str, point: str, who: Index, when: Times, cohort: Cohort, set_: Mapping[str, Any] | None = None) -> Answers:
        """Values of every item of a planned form: lists (len(who)); None where an item does not apply."""
        asked = self.protocol.forms[form]
        given = self.spec.get(form, {})
        values: Answers = {}
        for item in asked.items:
            if set_ and item in set_:
                values[item] = list(np.broadcast_to(np.asarray(set_[item], dtype=object), (len(who),)))
            elif item in given:
                values[item] = self._values(form, item, given[item], point, who, when, cohort)
            else:
                values[item] = [None] * len(who)
        return only_where_asked(self.protocol, form, values)

    def rows(self, form: str, point: str, who: Index, when: Times, cohort: Cohort) -> list[Answers]:
        """The rows of a log at screening."""
        found = []
        for k, row in enumerate(self.protocol.model["logs"].get(form, [])):
            values: Answers = {}
            for j, (item, spec) in enumerate(row.items()):
                if isinstance(spec, dict) and "share" in spec:
                    values[item] = _share(spec["share"], self._row[who, (7 * k + j) % 64])
                else:
                    values[item] = self._values(form, item, spec, point, who, when, cohort)
            found.append(values)
        return found

    def _values(self, form: str, item: str, spec: Any, point: str, who: Index, when: Times, cohort: Cohort) -> list[Any]:
        asked = self.protocol.item(form, item)
        if not isinstance(spec, dict):
            return [spec] * len(who)
        column = self._column.get((form, item))
        if "chance" in spec:
            return [bool(u < spec["chance"]) for u in self._trait[who, column]]
        if "share" in spec:
            return _share(spec["share"], self._trait[who, column])
        if "days_ago" in spec:
            return [str(day - int(spec["days_ago"])) for day in when.astype("datetime64[D]")]
        if "organ" in spec:
            return self._organ(spec, who, cohort)
        if "by_setting" in spec:
            return [spec["by_setting"].get(self._place(point, place)) for place in setting(cohort, point, who)]
        return _rounded(asked, self._number(spec, column, point, who, when, cohort), spec)

    def _number(self, spec: Mapping[str, Any], column: int | None, point: str, who: Index, when: Times, cohort: Cohort) -> Array:
        if "about" in spec:
            z = self._visit_normal[who, self.bodies.points[point], column] if spec.get("each") == "visit" else self._trait_normal[who, column]
            return np.asarray(spec["about"] + spec["spread"] * z)
        if "quantity" in spec:
            return self.bodies.quantity(spec["quantity"], who, point)
        if "laboratory" in spec:
            none = np.zeros(self.bodies.n, dtype=bool)
            fever, leak = self.shows.get("fever", none)[who], self.shows.get("leak", none)[who]
            return self.bodies.laboratory(who, point, fever, leak)[spec["laboratory"]]
        if "process" in spec:
            return self.bodies.process(spec["process"], who, point)
        if "since" in spec:
            return np.asarray((when - cohort.last_injection[who]) / np.timedelta64(1, "h"))
        raise KeyError(f"model.yaml: {dict(spec)} is not an answer")

    def _organ(self, spec: Mapping[str, Any], who: Index, cohort: Cohort) -> list[str]:
        """Before the first injection an organ is absent or active; later it may have improved."""
        involved, improved = self.bodies.organ(spec["organ"], who)
        dosed = ~np.isnat(cohort.first_injection[who])
        states = np.where(involved, np.where(dosed & improved, spec["improved"], "active"), "absent")
        return [str(state) for state in states]

    def _place(self, point: str, place: str) -> str:
        """Ambulatory is not at home on every day: the study names the days that are given elsewhere."""
        planned = self.protocol.timepoints[point].place
        return planned if planned and place == "ambulatory" else place


def _share(shares: Mapping[str, float], u: NDArray[np.float64]) -> list[Any]:
    codes = list(shares)
    bounds = np.cumsum([shares[code] for code in codes])[:-1]
    return [codes[i] for i in np.searchsorted(bounds, u, side="right")]


def _rounded(item: Item, numbers: Array, spec: Mapping[str, Any]) -> list[float | None]:
    """Numbers at the precision that the item asks for, within its limits."""
    low = max(spec.get("from", -np.inf), item.limits.low if item.limits else -np.inf)
    high = min(spec.get("to", np.inf), item.limits.high if item.limits else np.inf)
    kept = np.clip(numbers * spec.get("times", 1.0), low, high)
    rounded = np.round(kept, item.decimals if item.decimals is not None else 0)
    return [None if np.isnan(value) else float(value) + 0.0 for value in rounded]


def only_where_asked(protocol: Protocol, form: str, values: Answers) -> Answers:
    """Take back the answers to items whose condition (``only_if``) does not hold."""
    asked: Form = protocol.forms[form]
    conditional = [name for name, item in asked.items.items() if item.only_if and name in values]
    if not conditional:
        return values
    frame = pl.DataFrame({name: _series(asked.items[name], given) for name, given in values.items()})
    for name in conditional:
        rule = protocol.rules[f"forms.{form}.{name}"]
        if rule.reads <= set(frame.columns):
            holds = frame.select(expression(rule).alias("holds"))["holds"]
            values[name] = [value if hold else None for value, hold in zip(values[name], holds, strict=True)]
    return values


def _series(item: Item, values: list[Any]) -> pl.Series:
    kinds = {"number": pl.Float64, "integer": pl.Float64, "boolean": pl.Boolean}
    if item.type == "date":
        return pl.Series(values, dtype=pl.String).str.to_date()
    return pl.Series(values, dtype=kinds.get(item.type, pl.String))
