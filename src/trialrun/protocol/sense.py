"""Checks that what is written can be used: citations, languages, units, time zones, aggregates, names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trialrun.protocol.element import ASSUMPTION, Part
from trialrun.protocol.endpoint import OrganResponse, PairedChange
from trialrun.protocol.form import Item
from trialrun.protocol.link import FORMS, PANEL, SOURCES, STUDY, VARIABLES, Path
from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.problem import Problem, coded, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import RESERVED
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.source import Source
from trialrun.protocol.text import Text
from trialrun.protocol.trace import elements
from trialrun.protocol.unit import Unit, UnitError
from trialrun.protocol.variable import TAKES

FILES = {"forms": FORMS, "variables": VARIABLES, "panels": PANEL, "assays": PANEL}
"""The file of an element by the first part of its path; that of others is the study's."""


def sense(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Everything that has a right shape and right names, and still cannot be used."""
    checks = {
        "citation": _citations,
        "language": _languages,
        "unit": _units,
        "time-zone": _zones,
        "otherwise": _endings,
        "endpoint-not-measured": _endpoints,
        "dose": _courses,
        "aggregate": _aggregates,
        "reserved-name": _names,
    }
    return [problem for code, check in checks.items() for problem in coded(check(protocol, sources), code)]


def _citations(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    cited = protocol.sources.sources
    for where, element in elements(protocol).items():
        path = tuple(where.split("/"))
        source = sources[FILES.get(path[0], STUDY)]
        for i, citation in enumerate(element.from_):
            name, _, number = citation.partition("#")
            if (
                citation == ASSUMPTION
                or not number
                or (name in cited and int(number) in cited[name].statements)
            ):
                continue
            hint = suggestion(name, cited)
            if name in cited:
                hint = f"Statements of {name}: {', '.join(map(str, cited[name].statements))}."
            yield Problem(
                source.place((*path, "from", i)), f"there is no statement `{citation}` in sources.yaml", hint
            )


def _languages(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Words in a language that the study does not list; such a language is most often a typing error."""
    known = protocol.study.languages
    whole = {STUDY: protocol.study, FORMS: dict(protocol.forms), SOURCES: protocol.sources}
    for file, content in whole.items():
        for path, text in _texts(content, ("forms",) if file == FORMS else ()):
            for code in text.languages:
                if code not in known and (code != "en" or len(text.languages) > 1):
                    hint = f"The study's languages: {', '.join(known)}."
                    yield Problem(
                        sources[file].key_place((*path, code)), f"there is no language `{code}`", hint
                    )


def _texts(part: object, path: Path) -> Iterator[tuple[Path, Text]]:
    if isinstance(part, Text):
        yield path, part
    elif isinstance(part, Part):
        for name, field in type(part).model_fields.items():
            yield from _texts(getattr(part, name), (*path, field.alias or name))
    elif isinstance(part, dict | tuple):
        for key, inner in _members(part):
            yield from _texts(inner, (*path, key))


def _members(part: dict[str, object] | tuple[object, ...]) -> Iterable[tuple[str | int, object]]:
    return part.items() if isinstance(part, dict) else enumerate(part)


def _zones(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    for name, site in protocol.study.sites.items():
        try:
            ZoneInfo(site.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            place = sources[STUDY].place(("sites", name, "timezone"))
            yield Problem(place, f"`{site.timezone}` is not a time zone", "Write e.g. Europe/Paris.")


def _units(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Units that cannot be read, and an SDTM name that means two units."""
    first: dict[str, tuple[str, str]] = {}
    for name, form in protocol.forms.items():
        for key, item in form.items.items():
            path = ("forms", name, "items", key)
            if item.unit and item.unit != "none":
                yield from _unit(item.unit, sources[FORMS], (*path, "unit"))
            if item.sdtm and item.unit:
                where, unit = first.setdefault(item.sdtm, (f"{name}.{key}", item.unit))
                if unit != item.unit:
                    message = f"{item.sdtm} is in {item.unit} here and in {unit} in {where}"
                    yield Problem(
                        sources[FORMS].place((*path, "unit")), message, "Use one unit, or another SDTM name."
                    )
    for name, substance in protocol.study.treatment.substances.items():
        yield from _unit(substance.unit, sources[STUDY], ("treatment", "substances", name, "unit"))


def _unit(unit: str, source: Source, path: Path) -> Iterator[Problem]:
    try:
        Unit.parse(unit)
    except UnitError as error:
        hint = f"{error.hint[0].upper()}{error.hint[1:]}. " if error.hint else ""
        yield Problem(
            source.place(path), error.message, f"{hint}Units are UCUM, e.g. g/L, 10*9/L, mm[Hg], Cel."
        )


def _endings(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    source = sources[STUDY]
    for name, decision in protocol.decisions.items():
        last = list(decision.outcomes.values())[-1]
        others = [
            key for key, outcome in decision.outcomes.items() if outcome.otherwise and outcome is not last
        ]
        if not last.otherwise or others:
            message = "the last outcome, and only it, says `otherwise: true`"
            where = [f"Remove it from {', '.join(others)}."] if others else []
            key = next(reversed(decision.outcomes))
            where += [] if last.otherwise else [f"Write `otherwise: true` in `{key}` instead of its `when`."]
            yield Problem(source.key_place(("decisions", name, "outcomes")), message, " ".join(where))
    for name, visit in protocol.study.visits.items():
        if visit.after and visit.after.after == LAST_DOSE and visit.otherwise:
            message = "a visit counted from the last dose has no `otherwise`"
            yield Problem(source.key_place(("visits", name, "otherwise")), message, "Remove it.")


def _endpoints(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """End points that nothing feeds: measured elsewhere, or waiting for states that no form offers."""
    for name, endpoint in protocol.study.endpoints.items():
        path = ("endpoints", name)
        if isinstance(endpoint, PairedChange):
            for at in (endpoint.at, *endpoint.baseline):
                if at in protocol.timepoints and at not in _measured(protocol, endpoint.parameter):
                    place = sources[STUDY].place((*path, "at" if at == endpoint.at else "baseline"))
                    hint = f"It is at {', '.join(_measured(protocol, endpoint.parameter)) or 'no timepoint'}."
                    yield Problem(place, f"{endpoint.parameter} is not measured at {at}", hint)
        if isinstance(endpoint, OrganResponse):
            yield from _unexamined(protocol, name, endpoint, sources[STUDY])
            for organ, states in endpoint.organs.items():
                codes = {code for item in _items(protocol, organ) for code in item.codes}
                for i, state in enumerate(states):
                    if codes and state not in codes:
                        place = sources[STUDY].place((*path, "organs", organ, i))
                        yield Problem(place, f"{organ} has no state `{state}`", suggestion(state, codes))


def _unexamined(protocol: Protocol, name: str, endpoint: OrganResponse, source: Source) -> Iterator[Problem]:
    """Organs of a response that nobody examines at its visits."""
    for organ in endpoint.organs:
        measured = _measured(protocol, organ)
        for key, visits in (("at", (endpoint.at,)), ("baseline", endpoint.baseline)):
            if not set(visits) & set(measured):
                place = source.place(("endpoints", name, key))
                hint = f"It is at {', '.join(measured) or 'no timepoint'}."
                yield Problem(place, f"{organ} is not examined at {' or '.join(visits)}", hint)


def _items(protocol: Protocol, sdtm: str) -> list[Item]:
    return [item for form in protocol.forms.values() for item in form.items.values() if item.sdtm == sdtm]


def _measured(protocol: Protocol, sdtm: str) -> tuple[str, ...]:
    """Timepoints of the forms that hold an item of this SDTM name."""
    holding = (f for f, form in protocol.forms.items() if any(i.sdtm == sdtm for i in form.items.values()))
    return tuple(point for form in holding for point in protocol.where_asked[form])


def _courses(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """A complete course asks for more doses than one has; a dose is more than its form can hold."""
    treatment = protocol.study.treatment
    counts = {name: cycle.doses.count for name, cycle in treatment.cycles.items()}
    if not 1 <= treatment.missed_dose.complete_with <= max(counts.values(), default=0):
        place = sources[STUDY].place(("treatment", "missed_dose", "complete_with"))
        message = f"no course has {treatment.missed_dose.complete_with} doses"
        yield Problem(place, message, f"The most is {max(counts.values(), default=0)}.")
    for name, cycle in treatment.cycles.items():
        if cycle.complete_with and cycle.complete_with > counts[name]:
            place = sources[STUDY].place(("treatment", "cycles", name, "complete_with"))
            yield Problem(
                place, f"{name} has {counts[name]} doses, fewer than that", "Write at most as many."
            )
    form = protocol.forms.get(protocol.study.recorded_on.injection)
    limits = form.items["dose"].limits if form and "dose" in form.items else None
    for name, level in treatment.levels.items():
        if limits and level.per is None and level.dose not in limits:
            place = sources[STUDY].place(("treatment", "levels", name, "dose"))
            hint = f"It holds {limits}; one of the two is wrong."
            yield Problem(place, f"a dose of {level.dose:g} cannot be entered on the injection form", hint)


def _aggregates(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Aggregates over items of a kind they cannot take, and definitions that go round in a circle."""
    for name, variable in protocol.variables.items():
        form, item = variable.reads
        word = variable.aggregate or ("surface" if variable.surface else "item")
        if variable.surface:
            yield from _surface(protocol, sources[VARIABLES], name)
            continue
        kind = row_types(protocol.forms[form]).get(item) if form in protocol.forms else None
        if kind and kind.kind not in TAKES.get(word, (kind.kind,)):
            place = sources[VARIABLES].place(("variables", name, word))
            hint = f"`{word}` takes an item that is a {' or '.join(TAKES[word])}."
            yield Problem(place, f"`{word}` cannot be taken of {form}.{item}, a {kind.kind}", hint)
        if circle := _circle(protocol, name, (name,)):
            place = sources[VARIABLES].place(("variables", name, "where"))
            yield Problem(
                place,
                f"variables read each other in a circle: {' → '.join(circle)}",
                "Let one of them read items only.",
            )


def _surface(protocol: Protocol, source: Source, name: str) -> Iterator[Problem]:
    """A body surface is made of a height in cm and a weight in kg."""
    wanted = (("height", "cm"), ("weight", "kg"))
    for i, ((form, item), (what, unit)) in enumerate(
        zip(protocol.variables[name].read_all, wanted, strict=True)
    ):
        asked = protocol.forms[form].items.get(item) if form in protocol.forms else None
        if asked and asked.unit != unit:
            place = source.place(("variables", name, "surface", i))
            yield Problem(
                place, f"{form}.{item} is in {asked.unit or 'no unit'}", f"The {what} must be in {unit}."
            )


def _circle(protocol: Protocol, name: str, seen: tuple[str, ...]) -> tuple[str, ...]:
    """The chain from a variable back to itself, through the rules of its rows; empty if there is none."""
    rule = protocol.rules.get(f"variables.{name}")
    rows = protocol.variables[name].reads[0]
    for read in sorted(rule.reads) if rule else ():
        if read in row_types(protocol.forms[rows]) or read not in protocol.variables:
            continue
        if read == seen[0]:
            return (*seen, read)
        if read not in seen and (found := _circle(protocol, read, (*seen, read))):
            return found
    return ()


def _names(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Names that a rule could not tell from its own words, or from what every row has."""
    for name in protocol.variables:
        if name.upper() in RESERVED:
            place = sources[VARIABLES].key_place(("variables", name))
            yield Problem(
                place, f"`{name}` is a word of the rule language", "Give the variable another name."
            )
    for key, form in protocol.forms.items():
        for name in form.items:
            if name.upper() in RESERVED or name in ("happened", "lasting"):
                place = sources[FORMS].key_place(("forms", key, "items", name))
                what = (
                    "a word of the rule language"
                    if name.upper() in RESERVED
                    else "something that every row has"
                )
                yield Problem(place, f"`{name}` is {what}", "Give the item another name.")
