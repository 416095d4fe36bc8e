"""Whether the doses of the plan can be given and written down as they are meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor

from trialrun.protocol.form import Item
from trialrun.protocol.link import FORMS, STUDY
from trialrun.protocol.problem import Problem
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import Source
from trialrun.protocol.text import Limits
from trialrun.protocol.treatment import Level
from trialrun.protocol.unit import Unit, UnitError, linear, named
from trialrun.protocol.variable import body_surface


def dosing(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Doses too near to each other, in another unit than they are read in, or of people whom no dose fits."""
    wrong = list(_unfit_form(protocol, sources[FORMS]))
    return wrong or [
        *_too_near(protocol, sources[STUDY]),
        *_other_unit(protocol, sources[FORMS]),
        *_misnamed(protocol, sources[STUDY]),
        *_unfit_people(protocol, sources[STUDY]),
    ]


def _unfit_form(protocol: Protocol, source: Source) -> Iterator[Problem]:
    """``given`` is yes or no, and ``dose`` a number."""
    form = protocol.study.recorded_on.injection
    for key, kinds, wanted in (
        ("given", ("boolean",), "yes or no"),
        ("dose", ("number", "integer"), "a number"),
    ):
        asked = protocol.forms[form].items[key].type
        if asked not in kinds:
            place = source.place(("forms", form, "items", key, "type"))
            message = f"`{key}` of the form that records a dose is {wanted}, and its type here is {asked}"
            yield Problem(place, message, f"Write `type: {kinds[0]}`.", "injection-form")


def _too_near(protocol: Protocol, source: Source) -> Iterator[Problem]:
    apart = protocol.study.treatment.missed_dose.apart
    for name, cycle in protocol.study.treatment.cycles.items():
        if apart and cycle.doses.count > 1 and apart.days > cycle.doses.every:
            message = (
                f"the doses of {name} are planned {cycle.doses.every} days apart, and must be {apart} apart"
            )
            place = source.place(("treatment", "cycles", name, "doses"))
            hint = "Plan them further apart, or shorten `missed_dose.apart`."
            yield Problem(place, message.replace(" 1 days ", " 1 day "), hint, "doses-too-near")


def _other_unit(protocol: Protocol, source: Source) -> Iterator[Problem]:
    """The number on the injection form is compared with the plan as it stands, in every arm."""
    form = protocol.study.recorded_on.injection
    written = protocol.forms[form].items["dose"].unit
    place = source.place(("forms", form, "items", "dose", "unit"))
    every = (dose for point in protocol.doses for dose in (point.dose, *point.doses.values()) if dose)
    planned = dict.fromkeys((dose.substance, dose.unit) for dose in every)
    if len({unit for _, unit in planned}) > 1:
        listed = ", ".join(f"{substance} in {unit}" for substance, unit in planned)
        hint = "Plan all doses in the unit of the form (a placebo in that of what it stands for)."
        yield Problem(place, f"one number is written down for doses planned in {listed}", hint, "dose-unit")
        return
    for substance, unit in planned:
        if written not in (None, "none", unit):
            message = f"doses are written down in {written}, and {substance} is planned in {unit}"
            yield Problem(place, message, f"Write `unit: {unit}` here.", "dose-unit")


def _misnamed(protocol: Protocol, source: Source) -> Iterator[Problem]:
    """A dose that people read in another unit than it is in, a thousandfold too much."""
    for name, substance in protocol.study.treatment.substances.items():
        for language in substance.unit_name.languages:
            words = substance.unit_name(language)
            if _says_other(words, substance.unit):
                place = source.place(("treatment", "substances", name, "unit_name"))
                message = f"people read doses of {name} in `{words}`, and they are in {substance.unit}"
                yield Problem(place, message, "One of the two is wrong.", "unit-name")


def _says_other(words: str, unit: str) -> bool:
    """Whether words name a unit, and not this one; U alone is also what people write for [iU]."""
    told = named(words)
    if told is None:
        return False
    for one in (told, Unit.parse("[iU]")) if words.strip() == "U" else (told,):
        try:
            scale, shift = linear(one, unit)
        except UnitError:
            continue
        if scale == 1 and not shift:
            return False
    return True


def _unfit_people(protocol: Protocol, source: Source) -> Iterator[Problem]:
    """A dose per kg or m² at both ends of what may be entered for its measure."""
    form = protocol.study.recorded_on.injection
    holds = protocol.forms[form].items["dose"].limits
    for name, level in protocol.study.treatment.levels.items():
        place = source.place(("treatment", "levels", name, "dose"))
        for measure in _ends(protocol, level):
            given = _given(level, measure)
            who = f"of {measure:.3g} {'m²' if level.per == 'm2' else level.per} ({level.of})"
            if given <= 0:
                message = f"a participant {who} would be given nothing"
                hint = "Correct the dose, `round`, or the limits of what is measured."
                yield Problem(place, message, hint, "dose")
            elif holds and given not in holds:
                message = f"a participant {who} would be given {given:g}, which the form {form} cannot hold"
                hint = f"It holds {holds}; correct the dose, `at_most`, or the limits of what is measured."
                yield Problem(place, message, hint, "dose")


def _ends(protocol: Protocol, level: Level) -> tuple[float, ...]:
    """The least and the most that the measure of a level may be, as far as the forms limit it."""
    variable = protocol.variables.get(level.of or "")
    if variable is None or variable.aggregate in ("count", "sum", "span", "since"):
        return ()
    ranges = [_range(protocol.item(form, item)) for form, item in variable.read_all]
    known = [one for one in ranges if one]
    if len(known) < len(ranges):
        return ()
    if variable.surface is None:
        return known[0].low, known[0].high
    height, weight = known
    low = body_surface(variable.formula, height.low, weight.low)
    return float(low), float(body_surface(variable.formula, height.high, weight.high))


def _range(item: Item) -> Limits | None:
    return item.limits or item.usual


def _given(level: Level, measure: float) -> float:
    """The dose of a measure: the nearest multiple of ``round``, a half up, and then at most ``at_most``."""
    given = level.dose * measure
    if level.round:
        given = round(floor(round(given / level.round, 9) + 0.5) * level.round, 9)
    return min(given, level.at_most or given)
