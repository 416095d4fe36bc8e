"""Checks that every name used in the study files exists where it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from trialrun.protocol.endpoint import OrganResponse, PairedChange, WithoutEvent
from trialrun.protocol.problem import MANY, Problem, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.source import Source
from trialrun.protocol.variable import Variable

Path = tuple[str | int, ...]
Missing = tuple[str, Path, str, str, Iterable[str]]  # file, path, kind, name, known names

CONTEXTS = ("this visit", "course day 1", "latest")
PERIODS = ("this course", "latest course", "courses", "since first dose", "study")
DEATH = "death"

STUDY, FORMS, VARIABLES, SOURCES = "study.yaml", "forms.yaml", "variables.yaml", "sources.yaml"
PANEL = "panel.yaml"


def link(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Every dangling name."""
    checks = (
        _activities,
        _occurrences,
        _places,
        _variables,
        _decisions,
        _recorded_on,
        _enrolment,
        _endpoints,
        _objectives,
    )
    missing = (one for check in checks for one in check(protocol))
    return [_dangling(sources, *one) for one in islice(missing, MANY)]


def _dangling(
    sources: Mapping[str, Source], file: str, path: Path, kind: str, name: str, known: Iterable[str]
) -> Problem:
    return Problem(sources[file].place(path), f"there is no {kind} `{name}`", suggestion(name, known), "name")


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


def _occurrences(protocol: Protocol) -> Iterator[Missing]:
    """The date item that says when a row of a form took place."""
    for name, form in protocol.forms.items():
        dates = [key for key, item in form.items.items() if item.type == "date"]
        if form.occurs and form.occurs not in dates:
            yield (
                FORMS,
                ("forms", name, "occurs"),
                f"date item of the form `{name}` called",
                form.occurs,
                dates,
            )


def _places(protocol: Protocol) -> Iterator[Missing]:
    """The item and codes of the places, and every setting that is to have some."""
    places, form = protocol.study.treatment.places, protocol.study.recorded_on.injection
    if places is None or places.item is None or form not in protocol.forms:
        return
    path: Path = ("treatment", "places")
    items = {key: item for key, item in protocol.forms[form].items.items() if item.type == "choice"}
    if places.item not in items:
        yield STUDY, (*path, "item"), f"choice item of the form `{form}` called", places.item, items
        return
    codes = items[places.item].codes
    for kind, listed in places.allowed.items():
        for i, code in enumerate(listed):
            if code not in codes:
                yield STUDY, (*path, "allowed", kind, i), f"code of {form}.{places.item}", code, codes
    for where, kind in _settings(protocol):
        if kind not in places.allowed:
            yield STUDY, where, "setting in `treatment.places.allowed` called", kind, places.allowed


def _settings(protocol: Protocol) -> Iterator[tuple[Path, str]]:
    """Every setting and place of a dose day that the study names, with the path of the name."""
    deciding = set()
    for name, cycle in protocol.study.treatment.cycles.items():
        path: Path = ("treatment", "cycles", name)
        yield from (((*path, "places", day), place) for day, place in cycle.places.items())
        if cycle.setting_decision is None:
            yield (*path, "setting"), cycle.setting
        else:
            deciding.add(cycle.setting_decision)
    for name in sorted(deciding & protocol.decisions.keys()):
        for key, outcome in protocol.decisions[name].outcomes.items():
            if outcome.effect == "continue":
                at: Path = ("decisions", name, "outcomes", key)
                yield (*at, "setting") if outcome.setting else at, outcome.setting or key


def _variables(protocol: Protocol) -> Iterator[Missing]:
    for name, variable in protocol.variables.items():
        path = ("variables", name)
        word = variable.aggregate or ("surface" if variable.surface else "item")
        missing = [one for pair in variable.read_all for one in _read(protocol, (*path, word), *pair)]
        yield from missing
        if not missing:
            yield from _moments(protocol, variable, path)


def _read(protocol: Protocol, path: Path, form: str, item: str) -> Iterator[Missing]:
    """The form and the item that a variable reads."""
    if form not in protocol.forms:
        yield VARIABLES, path, "form", form, protocol.forms
    elif item not in (known := row_types(protocol.forms[form])):
        yield VARIABLES, path, f"item of the form `{form}` called", item, known


def _moments(protocol: Protocol, variable: Variable, path: Path) -> Iterator[Missing]:
    for form in dict.fromkeys(form for form, _ in variable.read_all):
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
            if form not in protocol.forms:
                yield STUDY, (*path, "needs", i), "form", form, protocol.forms
            elif form not in asked:
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
