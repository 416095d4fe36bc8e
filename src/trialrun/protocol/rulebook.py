"""Reads every rule of the study files and links it to the variables it names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from trialrun.protocol.allocation import Table
from trialrun.protocol.form import Form
from trialrun.protocol.problem import FEW, Problem
from trialrun.protocol.rule import Rule, RuleError, RuleProblem, Type, parse
from trialrun.protocol.source import Source
from trialrun.protocol.study import StudyFile
from trialrun.protocol.variable import TAKES, Variable

DATE = Type("date")
DURATION = Type("duration")


@dataclass(frozen=True)
class Stated:
    """A rule as written: its name, where it stands, and the names it may read."""

    name: str
    file: str
    path: tuple[str | int, ...]
    text: str
    names: Mapping[str, Type]


def type_of(variable: Variable, forms: Mapping[str, Form]) -> Type | None:
    """The type of a variable; None where the item it reads is not known, or of a kind it does not take."""
    if variable.surface:
        known = all(f in forms and i in forms[f].items for f, i in variable.read_all)
        return Type("number", "m2") if known else None
    form, item = variable.reads
    found = row_types(forms[form]).get(item) if form in forms else None
    if found is None or found.kind not in TAKES.get(variable.aggregate or "item", (found.kind,)):
        return None
    if variable.aggregate == "count":
        return Type("number")
    return DURATION if variable.aggregate in ("span", "since") else found


def row_types(form: Form) -> dict[str, Type]:
    """What a rule over the rows of a form may read: its items, when it happened and how long it lasted."""
    types = {name: item.kind for name, item in form.items.items()}
    types["happened"] = DATE
    if {"onset", "ended"} <= set(form.items):
        types["lasting"] = DURATION
    return types


def stated(
    study: StudyFile, forms: Mapping[str, Form], variables: Mapping[str, Variable], types: Mapping[str, Type]
) -> Iterator[Stated]:
    """Every rule of the study, in file order."""
    main = "study.yaml"
    for key, criterion in study.eligibility.items():
        for word in ("require", "exclude"):
            if (text := getattr(criterion, word)) is not None:
                yield Stated(f"eligibility.{key}", main, ("eligibility", key, word), text, types)
    for key, permission in study.before_course.items():
        yield Stated(
            f"before_course.{key}", main, ("before_course", key, "require"), permission.require, types
        )
    for key, protection in study.before_dose.items():
        yield Stated(f"before_dose.{key}", main, ("before_dose", key, "hold"), protection.hold, types)
    for key, stop in study.stops.items():
        yield Stated(f"stops.{key}", main, ("stops", key, "when"), stop.when, types)
    for key, decision in study.decisions.items():
        for name, outcome in decision.outcomes.items():
            if outcome.when is not None:
                yield Stated(
                    f"decisions.{key}.{name}",
                    main,
                    ("decisions", key, "outcomes", name, "when"),
                    outcome.when,
                    types,
                )
    for key, suspension in study.suspensions.items():
        yield Stated(
            f"suspensions.{key}", main, ("suspensions", key, "participants"), suspension.participants, types
        )
    if isinstance(study.allocation, Table):
        yield Stated("allocation.counted", main, ("allocation", "counted"), study.allocation.counted, types)
    for key, substudy in study.substudies.items():
        yield Stated(f"substudies.{key}", main, ("substudies", key, "require"), substudy.require, types)
    for key, activity in study.activities.items():
        if activity.only_if is not None:
            yield Stated(f"activities.{key}", main, ("activities", key, "only_if"), activity.only_if, types)
    for key, variable in variables.items():
        form = forms.get(variable.reads[0])
        if variable.where is not None and form:
            names = {**types, **row_types(form)}
            yield Stated(
                f"variables.{key}", "variables.yaml", ("variables", key, "where"), variable.where, names
            )
    for key, form in forms.items():
        for name, item in form.items.items():
            if item.only_if is not None:
                names = {other: found for other, found in row_types(form).items() if other != name}
                path = ("forms", key, "items", name, "only_if")
                yield Stated(f"forms.{key}.{name}", "forms.yaml", path, item.only_if, names)


def compile_rules(
    rules: Iterator[Stated], sources: Mapping[str, Source], untyped: Collection[str]
) -> tuple[dict[str, Rule], list[Problem]]:
    """Parse every rule; a problem is placed at the character of the file where it stands.

    A variable that is declared but ``untyped`` (its form or item is wrong) is a problem of its declaration,
    not of the rules that read it.
    """
    compiled: dict[str, Rule] = {}
    problems: list[Problem] = []
    for one in rules:
        try:
            compiled[one.name] = parse(one.text, one.names)
        except RuleError as error:
            said = [found for found in error.problems if not _names(one.text, found, untyped)]
            problems += [_placed(one, found, sources[one.file]) for found in said[:FEW]]
    return compiled, problems


def _names(text: str, found: RuleProblem, names: Collection[str]) -> bool:
    """Whether a problem stands at one of these names."""
    word = re.match(r"\w+", text[found.offset :])
    return word is not None and word[0] in names


def _placed(one: Stated, found: RuleProblem, source: Source) -> Problem:
    hint = found.hint and f"{found.hint[0].upper()}{found.hint[1:]}{'' if found.hint[-1] in '.?' else '.'}"
    return Problem(
        source.place_within(one.path, one.text, found.offset),
        f"in the rule: {found.message}",
        hint,
        found.code,
    )
