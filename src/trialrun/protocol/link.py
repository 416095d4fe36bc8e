"""Checks that every name used in the study files exists where it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trialrun.protocol.endpoint import OrganResponse, PairedChange, WithoutEvent
from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.problem import Problem, nearest
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.source import Source
from trialrun.protocol.unit import Unit, UnitError
from trialrun.protocol.variable import Variable

Path = tuple[str | int, ...]
Missing = tuple[str, Path, str, str, Iterable[str]]  # file, path, kind, name, known names

CONTEXTS = ("this visit", "course day 1", "latest")
PERIODS = ("this course", "latest course", "courses", "since first dose", "study")
DEATH = "death"


def link(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Every dangling name, and every citation of a statement that is not there."""
    checks = (_activities, _variables, _decisions, _recorded_on, _enrolment, _endpoints, _citations)
    problems = [_dangling(sources, *missing) for check in checks for missing in check(protocol)]
    return problems + list(_values(protocol, sources))


def _dangling(sources: Mapping[str, Source], file: str, path: Path, kind: str, name: str, known: Iterable[str]) -> Problem:
    known = list(known)
    close = nearest(name, known)
    hint = f"Did you mean `{close}`?" if close else (f"Known: {', '.join(known)}." if 0 < len(known) < 13 else None)
    return Problem(sources[file].place(path), f"there is no {kind} `{name}`", hint)


def _activities(protocol: Protocol) -> Iterator[Missing]:
    for name, activity in protocol.study.activities.items():
        for i, form in enumerate(activity.forms):
            if form not in protocol.forms:
                yield "study.yaml", ("activities", name, "forms", i), "form", form, protocol.forms
        for i, specimen in enumerate(activity.specimens):
            if specimen not in protocol.study.specimens:
                yield "study.yaml", ("activities", name, "specimens", i), "specimen", specimen, protocol.study.specimens


def _variables(protocol: Protocol) -> Iterator[Missing]:
    for name, variable in protocol.variables.items():
        path = ("variables", name)
        form, item = variable.reads
        word = variable.aggregate or "item"
        if form not in protocol.forms:
            yield "variables.yaml", (*path, word), "form", form, protocol.forms
            continue
        if item not in row_types(protocol.forms[form]):
            yield "variables.yaml", (*path, word), f"item in form {form}:", item, protocol.forms[form].items
        yield from _moments(protocol, variable, path)


def _moments(protocol: Protocol, variable: Variable, path: Path) -> Iterator[Missing]:
    form, _ = variable.reads
    asked = protocol.where_asked[form]
    for i, at in enumerate(variable.at):
        if at not in CONTEXTS and at not in asked:
            at_path = (*path, "at", i) if len(variable.at) > 1 else (*path, "at")
            yield "variables.yaml", at_path, f"timepoint with form {form}:", at, [*CONTEXTS, *asked]
    if variable.during and variable.during not in (*PERIODS, *protocol.study.treatment.cycles):
        yield "variables.yaml", (*path, "during"), "period", variable.during, [*PERIODS, *protocol.cycles]
    if variable.complete:
        yield from _proof(protocol, variable.complete, (*path, "complete"))


def _proof(protocol: Protocol, complete: str, path: Path) -> Iterator[Missing]:
    """``form.item@timepoint``: the yes/no item whose yes proves that all rows are there."""
    match = re.fullmatch(r"(\w+)\.(\w+)\s*@\s*(.+)", complete)
    if not match:
        yield "variables.yaml", path, "proof of the form form.item@visit in", complete, []
        return
    form, item, at = match.groups()
    if form not in protocol.forms:
        yield "variables.yaml", path, "form", form, protocol.forms
    elif item not in protocol.forms[form].items or protocol.item(form, item).type != "boolean":
        yield "variables.yaml", path, f"yes/no item in form {form}:", item, protocol.forms[form].items
    elif at not in CONTEXTS and at not in protocol.where_asked[form]:
        yield "variables.yaml", path, f"timepoint with form {form}:", at, protocol.where_asked[form]


def _decisions(protocol: Protocol) -> Iterator[Missing]:
    for name, decision in protocol.decisions.items():
        path: Path = ("decisions", name)
        for i, form in enumerate(decision.needs):
            if form not in protocol.timepoints[name].forms:
                yield "study.yaml", (*path, "needs", i), f"form collected at {name}:", form, protocol.timepoints[name].forms
        if decision.expected not in decision.outcomes:
            yield "study.yaml", (*path, "expected"), "outcome", decision.expected, decision.outcomes
    for name, suspension in protocol.study.suspensions.items():
        if suspension.same:
            form, _, item = suspension.same.partition(".")
            if form not in protocol.forms or item not in protocol.forms[form].items:
                yield "study.yaml", ("suspensions", name, "same"), "item", suspension.same, _items(protocol)


def _recorded_on(protocol: Protocol) -> Iterator[Missing]:
    named = protocol.study.recorded_on
    for key, name in named:
        form, _, item = name.partition(".")
        items = [item] if item else (["given", "dose"] if key == "injection" else [])
        if form not in protocol.forms:
            yield "study.yaml", ("recorded_on", key), "form", form, protocol.forms
            continue
        for needed in items:
            if needed not in protocol.forms[form].items:
                yield "study.yaml", ("recorded_on", key), f"item in form {form}:", needed, protocol.forms[form].items


def _enrolment(protocol: Protocol) -> Iterator[Missing]:
    stagger = protocol.study.enrolment.stagger
    if stagger and stagger.until not in protocol.decisions:
        yield "study.yaml", ("enrolment", "stagger", "until"), "decision", stagger.until, protocol.decisions
    for name, milestone in protocol.study.timeline.items():
        for i, part in enumerate(milestone.sum_of):
            if part not in protocol.study.timeline:
                yield "study.yaml", ("timeline", name, "sum_of", i), "milestone", part, protocol.study.timeline


def _items(protocol: Protocol) -> list[str]:
    return [f"{form}.{item}" for form, asked in protocol.forms.items() for item in asked.items]


def _endpoints(protocol: Protocol) -> Iterator[Missing]:
    measured = {item.sdtm for form in protocol.forms.values() for item in form.items.values() if item.sdtm}
    events = [*protocol.logs, DEATH]
    for name, endpoint in protocol.study.endpoints.items():
        path: Path = ("endpoints", name)
        visits: list[tuple[str, str]] = []
        if isinstance(endpoint, WithoutEvent):
            visits = [("until", endpoint.until), ("complete_at", endpoint.complete_at)]
            yield from (("study.yaml", (*path, "events", i), "event", e, events) for i, e in enumerate(endpoint.events) if e not in events)
        elif isinstance(endpoint, PairedChange):
            visits = [("at", endpoint.at), *(("baseline", v) for v in endpoint.baseline), *(("secondary_at", v) for v in endpoint.secondary_at)]
            if endpoint.parameter not in measured:
                yield "study.yaml", (*path, "parameter"), "item with the SDTM name", endpoint.parameter, sorted(measured)
        elif isinstance(endpoint, OrganResponse):
            visits = [("at", endpoint.at), *(("baseline", v) for v in endpoint.baseline), *(("secondary_at", v) for v in endpoint.secondary_at)]
            yield from (("study.yaml", (*path, "organs", o), "item with the SDTM name", o, sorted(measured)) for o in endpoint.organs if o not in measured)
        for key, visit in visits:
            if visit not in protocol.timepoints:
                yield "study.yaml", (*path, key), "timepoint", visit, protocol.timepoints
    for name, objective in protocol.study.objectives.items():
        for i, key in enumerate(objective.endpoints):
            if key not in protocol.study.endpoints:
                yield "study.yaml", ("objectives", name, "endpoints", i), "endpoint", key, protocol.study.endpoints


def _citations(protocol: Protocol) -> Iterator[Missing]:
    known = {f"{name}#{number}" for name, cited in protocol.sources.sources.items() for number in cited.statements}
    for path, element in protocol.elements().items():
        for citation in element.from_:
            if "#" in citation and citation not in known:
                file = "forms.yaml" if path.startswith("forms/") else "study.yaml"
                yield file, (*path.split("/"), "from"), "statement", citation, sorted(known)


def _values(protocol: Protocol, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Units, time zones, anchors and proofs that are written but cannot be used."""
    for name, site in protocol.study.sites.items():
        try:
            ZoneInfo(site.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            place = sources["study.yaml"].place(("sites", name, "timezone"))
            yield Problem(place, f"`{site.timezone}` is not a time zone", "Write e.g. Europe/Paris.")
    for name, form in protocol.forms.items():
        for key, item in form.items.items():
            if item.unit and item.unit != "none":
                yield from _unit(item.unit, sources["forms.yaml"], ("forms", name, "items", key, "unit"))
    for name, substance in protocol.study.treatment.substances.items():
        yield from _unit(substance.unit, sources["study.yaml"], ("treatment", "substances", name, "unit"))
    yield from _endings(protocol, sources["study.yaml"])


def _unit(unit: str, source: Source, path: Path) -> Iterator[Problem]:
    try:
        Unit.parse(unit)
    except UnitError as error:
        yield Problem(source.place(path), str(error), "Units are UCUM, e.g. g/L, 10*9/L, mm[Hg], Cel.")


def _endings(protocol: Protocol, source: Source) -> Iterator[Problem]:
    for name, decision in protocol.decisions.items():
        last = list(decision.outcomes.values())[-1]
        others = [key for key, outcome in decision.outcomes.items() if outcome.otherwise and outcome is not last]
        if not last.otherwise or others:
            yield Problem(source.place(("decisions", name, "outcomes")), "the last outcome, and only it, says `otherwise: true`", "So that every participant has an outcome.")
    for name, visit in protocol.study.visits.items():
        if visit.after and visit.after.after == LAST_DOSE and visit.otherwise:
            yield Problem(source.place(("visits", name, "otherwise")), "a visit counted from the last dose has no `otherwise`")

