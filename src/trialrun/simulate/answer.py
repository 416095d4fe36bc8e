"""What virtual people answer: the study's ``model.yaml`` says for each item where its value comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.setting import setting
from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule_columns import expression
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person, normals, uniforms
from trialrun.simulate.event import Events
from trialrun.simulate.filtration import filtration_rate
from trialrun.simulate.flare import Flares
from trialrun.simulate.model import Array, Flags
from trialrun.simulate.people import Given, ModelFile

Answers = dict[str, list[Any]]
AMBULATORY = "ambulatory"


@dataclass(frozen=True)
class Look:
    """Some people at one moment of one visit, and what can be seen of them: arrays (len(who),)."""

    bodies: Bodies
    events: Events
    flares: Flares
    cohort: Cohort
    point: str
    who: Index
    when: Times

    @cached_property
    def signs(self) -> Mapping[str, Flags]:
        return {**self.events.signs(self.who, self.when), "flare": self.flaring}

    def sign(self, name: str) -> Flags:
        return self.signs.get(name, np.zeros(len(self.who), dtype=bool))

    @cached_property
    def flaring(self) -> Flags:
        return self.flares.going(self.who, self.when)

    @cached_property
    def truth(self) -> Mapping[str, Array]:
        return self.bodies.truth(self.who)

    @cached_property
    def laboratory(self) -> Mapping[str, Array]:
        return self.bodies.laboratory(self.who, self.point, self.sign("fever"), self.sign("leak"))

    @cached_property
    def improved(self) -> Flags:
        """Organs that are better than on the day of the first injection (len(who), organs)."""
        dosed = ~np.isnat(self.cohort.first_injection[self.who])
        return self.bodies.improved(self.who) & self.bodies.involved[self.who] & dosed[:, None] & ~self.flared

    @cached_property
    def flared(self) -> Flags:
        """The organ of a flare that goes on (len(who), organs)."""
        columns = np.arange(len(self.bodies.organs))
        return np.asarray((self.flares.organ[self.who, None] == columns) & self.flaring[:, None])

    @cached_property
    def affected(self) -> Flags:
        """Organs that the disease affects now (len(who), organs): involved and not better, or flaring."""
        return np.asarray((self.bodies.involved[self.who] & ~self.improved) | self.flared)

    def organ(self, name: str) -> int:
        return self.bodies.organs.index(name)


class Voices:
    """Answers the forms for a batch of people, from their bodies and their own chance."""

    def __init__(
        self,
        protocol: Protocol,
        file: ModelFile,
        people: Sequence[Person],
        bodies: Bodies,
        events: Events,
        flares: Flares,
    ) -> None:
        self.protocol = protocol
        self.file = file
        self.bodies, self.events, self.flares = bodies, events, flares
        self._column = {name: k for k, name in enumerate(_names(file))}
        lines = [(form, line) for form, history in file.logs.items() for line in history.lines]
        self._line = {name: k for k, name in enumerate(lines)}
        count, points = len(self._column), len(protocol.timepoints)
        self._trait = uniforms(people, "traits", count)
        self._trait_normal = normals(people, "trait numbers", count)
        self._visit_normal = normals(people, "visit numbers", points, count)
        self._has_line = uniforms(people, "lines of history", len(lines))
        self._shift = normals(people, "dates of history", len(lines))

    # ---- forms and rows ------------------------------------------------------------------------

    def answer(
        self,
        form: str,
        point: str,
        who: Index,
        when: Times,
        cohort: Cohort,
        said: Mapping[str, Any] | None = None,
    ) -> Answers:
        """Values of every item of a planned form: lists (len(who)); None where an item does not apply.

        said: items that the site itself answers, one value for all or one each.
        """
        look = Look(self.bodies, self.events, self.flares, cohort, point, who, when)
        given = self.file.answers[form].items if form in self.file.answers else {}
        values: Answers = {item: [None] * len(who) for item in self.protocol.forms[form].items}
        for item in sorted(given, key=lambda name: given[name].rank):
            if not given[item].at or point in given[item].at:
                values[item] = self._values(
                    (form, item), self.protocol.item(form, item), given[item], look, values
                )
        for item, value in (said or {}).items():
            values[item] = list(value) if isinstance(value, list) else [value] * len(who)
        return only_where_asked(self.protocol, form, values)

    def rows(
        self, form: str, one: int, point: str, when: np.datetime64, cohort: Cohort
    ) -> list[dict[str, Any]]:
        """The rows of a log as person ``one`` has them at screening."""
        look = Look(self.bodies, self.events, self.flares, cohort, point, np.array([one]), np.array([when]))
        found = []
        for line, spec in self.file.logs[form].lines.items() if form in self.file.logs else ():
            if self._has_line[one, self._line[form, line]] < spec.chance:
                for row in spec.rows:
                    items = {name: self.protocol.item(form, name) for name in row}
                    key = (form, line)
                    found.append(
                        {
                            name: self._values((*key, name), items[name], row[name], look, {})[0]
                            for name in row
                        }
                    )
        return found

    # ---- one item ------------------------------------------------------------------------------

    def _values(
        self, name: tuple[str, ...], item: Item, given: Given, look: Look, values: Answers
    ) -> list[Any]:
        column = self._column[name]
        source = given.source
        if source == "always":
            return [given.always] * len(look.who)
        if source == "chance":
            return [bool(u < given.chance) for u in self._trait[look.who, column]]
        if source == "share":
            return self._shared(given, self._trait[look.who, column], look.who)
        if source == "affected":
            organs = [look.organ(organ) for organ in given.affected]
            return list(map(bool, np.atleast_1d(look.affected[:, organs].all(axis=1))))
        if source == "shows":
            return list(map(bool, np.logical_or.reduce([look.sign(sign) for sign in given.shows])))
        if source == "organ":
            return self._organ(given, look)
        if source == "days_ago":
            return self._dates(name, given, look)
        if source == "by_setting":
            places = setting(look.cohort, look.point, look.who)
            return [(given.by_setting or {}).get(self._place(look.point, place)) for place in places]
        return _rounded(item, self._number(column, given, look, values), given)

    def _shared(self, given: Given, u: Array, who: Index) -> list[str]:
        """A code each; of codes that name an organ (``among``) only those whose organ is involved."""
        shares = given.share or {}
        codes = list(shares)
        weights = np.tile(np.array(list(shares.values())), (len(who), 1))
        for code, organ in given.among.items():
            weights[:, codes.index(code)] *= self.bodies.involved[who, self.bodies.organs.index(organ)]
        weights[weights.sum(axis=1) == 0] = list(shares.values())
        bounds = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)[:, :-1]
        return [codes[int(k)] for k in (u[:, None] >= bounds).sum(axis=1)]

    def _organ(self, given: Given, look: Look) -> list[str]:
        """Compared with the day of the first injection; before it an organ is absent or active."""
        k = look.organ(str(given.organ))
        involved, improved, flared = look.bodies.involved[look.who, k], look.improved[:, k], look.flared[:, k]
        calm = np.where(involved, np.where(improved, str(given.improved), "active"), "absent")
        states = np.where(flared, np.where(involved, "worse", "new"), calm)
        return [str(state) for state in states]

    def _dates(self, name: tuple[str, ...], given: Given, look: Look) -> list[str]:
        """Dates of one line of a log are shifted together."""
        line = self._line.get((name[0], name[1]))
        z = self._trait_normal[look.who, self._column[name]] if line is None else self._shift[look.who, line]
        days = np.rint(float(given.days_ago or 0) + given.spread * z)
        if given.limits:
            days = np.clip(days, given.limits.low, given.limits.high)
        return [str(date) for date in look.when.astype("datetime64[D]") - days.astype("timedelta64[D]")]

    def _place(self, point: str, place: str) -> str:
        """Ambulatory is not at home on every day: the study names the days that are given elsewhere."""
        planned = self.protocol.timepoints[point].place
        return planned if planned and place == AMBULATORY else place

    # ---- numbers -------------------------------------------------------------------------------

    def _number(self, column: int, given: Given, look: Look, values: Answers) -> Array:
        if given.sum:
            return _summed(given, values)
        if given.filtration:
            names = given.filtration
            sex, age = (
                self.said(names.sex, look.who),
                np.array(self.said(names.age, look.who), dtype=np.float64),
            )
            return filtration_rate(
                np.array(values[names.creatinine], dtype=np.float64), age, np.array(sex) == "F"
            )
        z = self._visit_normal[look.who, self.bodies.points[look.point], column]
        number = self._source(column, given, look, z) * given.times * np.exp(given.vary * z)
        for other, factors in given.by.items():
            number = number * np.array([factors[code] for code in self.said(other, look.who)])
        for sign, factor in given.when.items():
            number = number * np.where(look.sign(sign), factor, 1.0)
        if given.plus:
            number = number + np.array(values[given.plus], dtype=np.float64)
        return self._with_disease(given, look, number + given.flare * look.flaring)

    def _source(self, column: int, given: Given, look: Look, z: Array) -> Array:
        if given.about is not None:
            trait = self._trait_normal[look.who, column]
            return np.asarray(given.about + given.spread * trait + given.within * z)
        if given.quantity and given.earlier:
            return self.bodies.earlier(given.quantity, look.who, self._trait_normal[look.who, column])
        if given.quantity:
            return self.bodies.measured(given.quantity, look.truth, look.who, look.point)
        if given.laboratory:
            return look.laboratory[given.laboratory]
        if given.process:
            return self.bodies.process(given.process, look.who, look.point)
        return np.asarray((look.when - look.cohort.last_injection[look.who]) / np.timedelta64(1, "h"))

    def _with_disease(self, given: Given, look: Look, number: Array) -> Array:
        """What depends on one organ, or on any."""
        if given.with_ is not None:
            k = look.organ(given.with_)
            eased = np.where(look.improved[:, k], given.eased, 1.0)
            number = np.where(look.affected[:, k] | look.improved[:, k], number * eased, given.without)
        if given.residual:
            left = look.improved[:, [look.organ(organ) for organ in given.residual]]
            number = np.where(look.affected.any(axis=1) | left.any(axis=1), np.maximum(number, 1.0), 0.0)
        return number

    def said(self, name: str, who: Index) -> list[Any]:
        """What a person always answers to an item (``form.item``) that is a share of codes or a number."""
        form, _, item = name.partition(".")
        given, column = self.file.answers[form].items[item], self._column[form, item]
        if given.share:
            return self._shared(given, self._trait[who, column], who)
        number = (given.about or 0.0) + given.spread * self._trait_normal[who, column]
        return _rounded(self.protocol.item(form, item), number, given)


def _names(file: ModelFile) -> Iterable[tuple[str, ...]]:
    """Every item with an answer: (form, item), or (log, line, item)."""
    for form, answers in file.answers.items():
        yield from ((form, item) for item in answers.items)
    for form, history in file.logs.items():
        for line, spec in history.lines.items():
            yield from dict.fromkeys((form, line, item) for row in spec.rows for item in row)


def _summed(given: Given, values: Answers) -> Array:
    """The sum of other items of the form, each above another one; what is below counts zero."""
    floor = np.array(values[given.above], dtype=np.float64) if given.above else 0.0
    parts = [np.array(values[name], dtype=np.float64) for name in given.sum]
    if given.above:
        parts = [np.maximum(part - floor, 0.0) for part in parts]
    return np.asarray(np.sum(parts, axis=0))


def _rounded(item: Item, numbers: Array, given: Given) -> list[float | None]:
    """Numbers at the precision that the item asks for, within its limits."""
    bounds = [limits for limits in (given.limits, item.limits) if limits]
    for limits in bounds:
        numbers = np.clip(numbers, limits.low, limits.high)
    rounded = np.round(numbers, item.decimals or 0)
    return [None if np.isnan(value) else float(value) + 0.0 for value in rounded]


# ---- what is not asked ---------------------------------------------------------------------------


def only_where_asked(protocol: Protocol, form: str, values: Answers) -> Answers:
    """Take back the answers to items whose condition (``only_if``) does not hold."""
    asked = protocol.forms[form]
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
