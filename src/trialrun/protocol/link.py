"""Checks that every name used in the study files exists where it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trialrun.protocol.element import ASSUMPTION, Part
from trialrun.protocol.endpoint import OrganResponse, PairedChange, WithoutEvent
from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.problem import Problem, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import RESERVED
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.source import Source
from trialrun.protocol.text import Text
from trialrun.protocol.unit import Unit, UnitError
from trialrun.protocol.variable import Variable

Path = tuple[str | int, ...]
Missing = tuple[str, Path, str, str, Iterable[str]]  # file, path, kind, name, known names

CONTEXTS = ("this visit", "course day 1", "latest")
PERIODS = ("this course", "latest course", "courses", "since first dose", "study")
DEATH = "death"

STUDY, FORMS, VARIABLES, SOURCES = "study.yaml", "forms.yaml", "variables.yaml", "sources.yaml"


def link(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Every dangling name, and everything that is written but cannot be used."""
    checks = (_activities, _variables, _decisions, _recorded_on, _enrolment, _endpoints, _objectives)
    problems = [_dangling(sources, *missing) for check in checks for missing in check(protocol)]
    for review in (_citations, _languages, _units, _zones, _endings, _aggregates, _names):
        problems += review(protocol, sources)
    return problems


def _dangling(
    sources: Mapping[str, Source], file: str, path: Path, kind: str, name: str, known: Iterable[str]
) -> Problem:
    return Problem(sources[file].place(path), f"there is no {kind} `{name}`", suggestion(name, known))


# Names


def _activities(protocol: Protocol) -> Iterator[Missing]:
    for name, activity in protocol.study.activities.items():
        for i, form in enumerate(activity.forms):
            if form not in protocol.forms:
                yield STUDY, ("activities", name, "forms", i), "form", form, protocol.forms
        for i, specimen in enumerate(activity.specimens):
            if specimen not in protocol.study.specimens:
                yield (
                    STUDY,
                    ("activities", name, "specimens", i),
                    "specimen",
                    specimen,
                    protocol.study.specimens,
                )


def _variables(protocol: Protocol) -> Iterator[Missing]:
    for name, variable in protocol.variables.items():
        path = ("variables", name)
        form, item = variable.reads
        word = variable.aggregate or "item"
        if form not in protocol.forms:
            yield VARIABLES, (*path, word), "form", form, protocol.forms
        elif item not in row_types(protocol.forms[form]):
            yield (
                VARIABLES,
                (*path, word),
                f"item of the form `{form}` called",
                item,
                row_types(protocol.forms[form]),
            )
        else:
            yield from _moments(protocol, variable, path)


def _moments(protocol: Protocol, variable: Variable, path: Path) -> Iterator[Missing]:
    form, _ = variable.reads
    known = [*CONTEXTS, *protocol.where_asked[form]]
    for i, at in enumerate(variable.at):
        if at not in known:
            yield VARIABLES, (*path, "at", i), f"visit with the form `{form}` called", at, known
    periods = [*PERIODS, *protocol.cycles]
    if variable.during and variable.during not in periods:
        yield VARIABLES, (*path, "during"), "period", variable.during, periods
    if variable.complete:
        yield from _proof(protocol, variable.complete, (*path, "complete"))


def _proof(protocol: Protocol, complete: str, path: Path) -> Iterator[Missing]:
    """``form.item@visit``: the yes/no item whose yes proves that all rows are there."""
    match = re.fullmatch(r"(\w+)\.(\w+)\s*@\s*(.+)", complete)
    if not match:
        yield VARIABLES, path, "proof of the kind form.item@visit in", complete, []
        return
    form, item, at = match.groups()
    if form not in protocol.forms:
        yield VARIABLES, path, "form", form, protocol.forms
        return
    answers = [name for name, asked in protocol.forms[form].items.items() if asked.type == "boolean"]
    if item not in answers:
        yield VARIABLES, path, f"yes/no item of the form `{form}` called", item, answers
    moments = [*CONTEXTS, *protocol.where_asked[form]]
    if at not in moments:
        yield VARIABLES, path, f"visit with the form `{form}` called", at, moments


def _decisions(protocol: Protocol) -> Iterator[Missing]:
    for name, decision in protocol.decisions.items():
        path: Path = ("decisions", name)
        asked = protocol.timepoints[name].forms if name in protocol.timepoints else ()
        for i, form in enumerate(decision.needs):
            if form not in asked:
                yield STUDY, (*path, "needs", i), f"form collected at {name} called", form, asked
        if decision.expected not in decision.outcomes:
            yield STUDY, (*path, "expected"), "outcome", decision.expected, decision.outcomes
    for name, suspension in protocol.study.suspensions.items():
        if suspension.same and suspension.same not in _items(protocol):
            yield STUDY, ("suspensions", name, "same"), "item", suspension.same, _items(protocol)


def _recorded_on(protocol: Protocol) -> Iterator[Missing]:
    """Consent and end name an item; an injection's form has the items ``given`` and ``dose``."""
    for key, name in protocol.study.recorded_on:
        path: Path = ("recorded_on", key)
        form, _, item = name.partition(".")
        if form not in protocol.forms:
            yield STUDY, path, "form", form, protocol.forms
            continue
        needed = (
            ["given", "dose"] if key == "injection" else [item] if item or key in ("consent", "end") else []
        )
        items = protocol.forms[form].items
        for one in needed:
            if one not in items:
                yield (
                    STUDY,
                    path,
                    f"item of the form `{form}` called",
                    one,
                    [f"{form}.{other}" for other in items],
                )


def _enrolment(protocol: Protocol) -> Iterator[Missing]:
    stagger = protocol.study.enrolment.stagger
    if stagger and stagger.until not in protocol.decisions:
        yield STUDY, ("enrolment", "stagger", "until"), "decision", stagger.until, protocol.decisions
    for name, milestone in protocol.study.timeline.items():
        for i, part in enumerate(milestone.sum_of):
            if part not in protocol.study.timeline:
                yield STUDY, ("timeline", name, "sum_of", i), "milestone", part, protocol.study.timeline


def _items(protocol: Protocol) -> list[str]:
    return [f"{form}.{item}" for form, asked in protocol.forms.items() for item in asked.items]


def _endpoints(protocol: Protocol) -> Iterator[Missing]:
    measured = sorted(
        {item.sdtm for form in protocol.forms.values() for item in form.items.values() if item.sdtm}
    )
    for name, endpoint in protocol.study.endpoints.items():
        path: Path = ("endpoints", name)
        for at, visit in _visits(endpoint):
            if visit not in protocol.timepoints:
                yield STUDY, (*path, *at), "visit", visit, protocol.timepoints
        if isinstance(endpoint, PairedChange) and endpoint.parameter not in measured:
            yield STUDY, (*path, "parameter"), "item with the SDTM name", endpoint.parameter, measured
        if isinstance(endpoint, OrganResponse):
            for organ in endpoint.organs:
                if organ not in measured:
                    yield STUDY, (*path, "organs", organ), "item with the SDTM name", organ, measured
        word = {WithoutEvent: "events", OrganResponse: "unless"}.get(type(endpoint), "")
        events = [*protocol.logs, DEATH]
        for i, event in enumerate(getattr(endpoint, word, ())):
            if event not in events:
                yield STUDY, (*path, word, i), "event", event, events


def _visits(endpoint: object) -> Iterator[tuple[Path, str]]:
    """Every visit an endpoint names, with the path of the name."""
    if isinstance(endpoint, WithoutEvent):
        yield ("until",), endpoint.until
        yield ("complete_at",), endpoint.complete_at
    elif isinstance(endpoint, PairedChange | OrganResponse):
        yield ("at",), endpoint.at
        yield from ((("baseline", i), visit) for i, visit in enumerate(endpoint.baseline))
        yield from ((("secondary_at", i), visit) for i, visit in enumerate(endpoint.secondary_at))


def _objectives(protocol: Protocol) -> Iterator[Missing]:
    known = protocol.study.endpoints
    for name, objective in protocol.study.objectives.items():
        for i, key in enumerate(objective.endpoints):
            if key not in known:
                yield STUDY, ("objectives", name, "endpoints", i), "endpoint", key, known
    if protocol.study.multiplicity:
        for i, key in enumerate(protocol.study.multiplicity.over):
            if key not in known:
                yield STUDY, ("multiplicity", "over", i), "endpoint", key, known
    if protocol.sources.published:
        for i, result in enumerate(protocol.sources.published.results):
            if result.endpoint and result.endpoint not in known:
                yield SOURCES, ("published", "results", i, "endpoint"), "endpoint", result.endpoint, known


# What is written but cannot be used


def _citations(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    cited = protocol.sources.sources
    for where, element in protocol.elements().items():
        path = tuple(where.split("/"))
        source = sources[{"forms": FORMS, "variables": VARIABLES}.get(path[0], STUDY)]
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
        for name, inner in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _texts(inner, (*path, name))


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
            yield Problem(
                source.key_place(("decisions", name, "outcomes")), message, "So that everyone has an outcome."
            )
    for name, visit in protocol.study.visits.items():
        if visit.after and visit.after.after == LAST_DOSE and visit.otherwise:
            message = "a visit counted from the last dose has no `otherwise`"
            yield Problem(source.key_place(("visits", name, "otherwise")), message, "Remove it.")


_TAKES = {
    "max": ("number", "date"),
    "min": ("number", "date"),
    "sum": ("number",),
    "span": ("date",),
    "since": ("date",),
}


def _aggregates(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Aggregates over items of a kind they cannot take, and definitions that go round in a circle."""
    for name, variable in protocol.variables.items():
        form, item = variable.reads
        word = variable.aggregate or "item"
        kind = row_types(protocol.forms[form]).get(item) if form in protocol.forms else None
        if kind and kind.kind not in _TAKES.get(word, (kind.kind,)):
            place = sources[VARIABLES].place(("variables", name, word))
            hint = f"`{word}` takes an item that is a {' or '.join(_TAKES[word])}."
            yield Problem(place, f"`{word}` cannot be taken of {form}.{item}, a {kind.kind}", hint)
        if circle := _circle(protocol, name, (name,)):
            place = sources[VARIABLES].place(("variables", name, "where"))
            yield Problem(
                place,
                f"variables read each other in a circle: {' → '.join(circle)}",
                "Let one of them read items only.",
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
