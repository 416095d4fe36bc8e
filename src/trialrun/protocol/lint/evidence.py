"""What feeds what: items that nobody reads, forms that nobody asks, names that nothing uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel

from trialrun.protocol.form import Form
from trialrun.protocol.knowable import asked_at_any_time
from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.plan import ANY_TIME, EVERY_DOSE
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.schedule import Activity
from trialrun.protocol.text import Anchor


@finding(
    "feeds-nothing",
    means="An item is asked, and no rule, table, endpoint or act of the trial reads it.",
    matters="Participants are burdened, and personal data are kept, for nothing; or a reader was forgotten.",
    mend="Give it its SDTM name (`sdtm`), let a rule read it, or stop asking.",
    file="forms.yaml",
    was="      creatinine: {",
    now="      haemolysed: {ask: {en: Haemolysed, fr: Hémolyse}, type: boolean}\n      creatinine: {",
)
def feeds_nothing(protocol: Protocol) -> Iterator[Found]:
    """A remark, a text that may stay empty, is for people to read and feeds nothing else."""
    readers = _read_items(protocol)
    for name, form in protocol.forms.items():
        for key, item in form.items.items():
            remark = item.type == "text" and not item.required
            if not item.sdtm and not remark and f"{name}.{key}" not in readers:
                yield Found(f"forms/{name}/items/{key}", f"Nothing reads {name}.{key} «{item.ask()}».")


def _read_items(protocol: Protocol) -> set[str]:
    """Every ``form.item`` that something reads."""
    read = _said(protocol.study) | {
        _proof(one.complete) for one in protocol.variables.values() if one.complete
    }
    for name, variable in protocol.variables.items():
        pairs = variable.read_all
        read |= {f"{form}.{item}" for form, item in pairs}
        read |= _of_rows(protocol, f"variables.{name}", variable.reads[0])
    for name, form in protocol.forms.items():
        read |= {f"{name}.{form.occurs}"}
        for key in form.items:
            read |= _of_rows(protocol, f"forms.{name}.{key}", name)
    injection, places = protocol.study.recorded_on.injection, protocol.study.treatment.places
    return read | {f"{injection}.{item}" for item in ("given", "dose", places.item if places else None)}


def _proof(complete: str) -> str:
    return complete.partition("@")[0].strip()


def _of_rows(protocol: Protocol, rule: str, form: str) -> set[str]:
    """The items of a form that a rule over its rows reads."""
    reads = protocol.rules[rule].reads if rule in protocol.rules else frozenset()
    named = reads & row_types(protocol.forms[form]).keys()
    return {f"{form}.{item}" for item in {*named, *(("onset", "ended") if "lasting" in named else ())}}


@finding(
    "form-not-asked",
    means="A form belongs to no activity: it is asked at no visit and at no other time.",
    matters="Nobody can fill it, and whatever reads it stays unknown.",
    mend="Name it in an activity (`forms`), or remove it.",
    was="forms: [ae, rescue, deviation, end]",
    now="forms: [ae, rescue, end]",
)
def not_asked(protocol: Protocol) -> Iterator[Found]:
    for name in protocol.forms:
        if not protocol.where_asked[name] and name not in asked_at_any_time(protocol):
            yield Found(f"forms/{name}", f"No activity asks the form {name}.")


@finding(
    "asked-twice",
    means="Two activities ask the same form at the same timepoint.",
    matters="It is filled once: the blood, the condition or the timing of the second activity are lost.",
    mend="Take the form, or the timepoint, out of one of them.",
    was="forms: [review], at: [C*.D1, tolerance, W6, W10, EVENT]",
    now="forms: [review, diary], at: [C*.D1, tolerance, W6, W10, EVENT]",
)
def asked_twice(protocol: Protocol) -> Iterator[Found]:
    by: dict[tuple[str, str], str] = {}
    for name, activity in protocol.study.activities.items():
        for form in activity.forms:
            twice = [
                point for point in _points(protocol, activity) if by.setdefault((form, point), name) != name
            ]
            if twice:
                other = by[form, twice[0]]
                message = f"{name} and {other} both ask {form} at {', '.join(twice)}."
                yield Found(f"activities/{name}", message)


def _points(protocol: Protocol, activity: Activity) -> list[str]:
    """The timepoints at which an activity is written to take place."""
    return [
        name
        for name, point in protocol.timepoints.items()
        if any(
            fnmatchcase(name, at) or (at == EVERY_DOSE and point.dose) for at in activity.at if at != ANY_TIME
        )
    ]


@finding(
    "only-if-circle",
    means="Items are asked only if each other has been answered.",
    matters="None of them can ever be answered, and the form can never be complete.",
    mend="Let one of them be asked unconditionally.",
    file="forms.yaml",
    was="      why: {ask: {en: Why not, fr: Pourquoi pas}, type: text, only_if: NOT given,",
    now="      late: {ask: {en: Late, fr: Tard}, type: boolean, only_if: why IS NULL, sdtm: EX.LATE}\n"
    "      why: {ask: {en: Why not, fr: Pourquoi pas}, type: text, only_if: NOT late,",
)
def circles(protocol: Protocol) -> Iterator[Found]:
    for name, form in protocol.forms.items():
        for key in form.items:
            if circle := _circle(protocol, name, form, (key,)):
                message = f"Asked only if each other is answered: {' → '.join(circle)}."
                yield Found(f"forms/{name}/items/{key}", message)


def _circle(protocol: Protocol, name: str, form: Form, seen: tuple[str, ...]) -> tuple[str, ...]:
    """The chain of conditions from an item back to itself, told at its first item; empty if there is none."""
    rule = protocol.rules.get(f"forms.{name}.{seen[-1]}")
    for read in sorted(rule.reads & form.items.keys()) if rule else ():
        if read == seen[0]:
            return (
                (*seen, read)
                if list(form.items).index(read) == min(map(list(form.items).index, seen))
                else ()
            )
        if read not in seen and (found := _circle(protocol, name, form, (*seen, read))):
            return found
    return ()


@finding(
    "unused",
    means="A variable, level, substance, specimen, epoch or length of time is named and not used.",
    matters="It is most often left over from an earlier version, or its user has been forgotten.",
    mend="Use it, or remove it.",
    was="    usual: {dose: 300, from: outline#2}",
    now="    usual: {dose: 300, from: outline#2}\n    double: {dose: 600, from: outline#2}",
)
def unused(protocol: Protocol) -> Iterator[Found]:
    study = protocol.study
    said = _said(study)
    read = {name for rule in protocol.rules.values() for name in rule.reads} | said
    for name in protocol.variables:
        if name not in read:
            yield Found(f"variables/{name}", f"No rule reads the variable {name}.")
    doses = [point.dose for point in protocol.doses if point.dose]
    given = {one for dose in doses for one in (dose.level, dose.substance)} | said
    kinds: tuple[tuple[str, Iterable[str], set[str]], ...] = (
        ("treatment/levels", study.treatment.levels, given),
        ("treatment/substances", study.treatment.substances, given),
        ("specimens", study.specimens, {one for row in study.activities.values() for one in row.specimens}),
        ("epochs", study.epochs, {point.epoch for point in protocol.timepoints.values()}),
        ("timeline", *_lengths(protocol)),
    )
    for kind, names, used in kinds:
        for name in names:
            if name not in used:
                yield Found(f"{kind}/{name}", f"Nothing uses {name}, of {kind.replace('/', ': ')}.")


def _lengths(protocol: Protocol) -> tuple[list[str], set[str]]:
    """Where one length is the sum of others: the lengths, and those that are a sum or part of one."""
    timeline = protocol.study.timeline
    sums = {name for name, one in timeline.items() if one.sum_of}
    parts = {part for one in timeline.values() for part in one.sum_of}
    return [name for name, one in timeline.items() if one.lasts and sums], sums | parts


def _said(part: Any) -> set[str]:
    """Every name that stands as a value somewhere in a part of the study."""
    if isinstance(part, str):
        return {part}
    if isinstance(part, Anchor):
        return {part.after}
    if isinstance(part, BaseModel):
        return {one for name in type(part).model_fields for one in _said(getattr(part, name))}
    if isinstance(part, Mapping):
        return {one for inner in part.values() for one in _said(inner)}
    if isinstance(part, list | tuple):
        return {one for inner in part for one in _said(inner)}
    return set()


CODES = (feeds_nothing, not_asked, asked_twice, circles, unused)
