"""Whom a change touches, by where the changed part takes effect; and of which kind it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from trialrun.protocol.allocation import Blocks
from trialrun.protocol.change import (
    NOBODY,
    NOT_FOLLOWED,
    NOT_INCLUDED,
    STAGES,
    Kind,
    Stage,
    gravest,
)  # fmt: skip
from trialrun.protocol.change_words import both, quoted, say
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.study import StudyFile
from trialrun.protocol.text import Text

Path = tuple[str, ...]

KIND_OF: dict[str, Kind] = {
    **dict.fromkeys(
        ("before_course", "before_dose", "stops", "decisions", "suspensions", "prohibited", "blood_limits"),
        "safety",
    ),
    "eligibility": "eligibility",
    **dict.fromkeys(("treatment", "design", "arms", "allocation"), "treatment"),
    **dict.fromkeys(
        ("visits", "activities", "specimens", "substudies", "epochs", "timeline", "labels"), "schedule"
    ),
    **dict.fromkeys(("forms", "variables", "recorded_on", "panel.yaml", "borders.yaml"), "data"),
    **dict.fromkeys(
        ("objectives", "endpoints", "multiplicity", "enrolment", "model.yaml", "outputs.yaml"), "analysis"
    ),
    **dict.fromkeys(("sources", "published"), "sources"),
}  # fmt: skip
"""Section -> the kind of a change in it; all others are administrative."""

_ESCALATING = (("table",), ("counted",), ("judged_at",), ("cohort",))
"""What of the allocation decides who gets a dose that others have not yet borne."""

_PROTECTING = ("before_course", "before_dose", "stops")
_EVERYONE = ("design", "substudies", "prohibited", "blood_limits", "recorded_on")
Reach = tuple[tuple[Stage, ...], Text | None]


def kind_of(protocols: Iterable[Protocol], path: Path) -> Kind:
    """The kind of a change of what a section says; a variable's is that of the gravest rule that reads it."""
    if path[0] == "variables":
        rules = {rule for one in protocols for rule in readers(one, path[1])}
        return gravest((kind_of((), tuple(rule.split("."))) for rule in rules), "data")
    if path[:2] == ("enrolment", "stagger") or (path[0] == "allocation" and path[1:2] in _ESCALATING):
        return "safety"
    if path[:2] == ("enrolment", "strata"):
        return "eligibility"
    return KIND_OF.get(path[0], "administrative")


@lru_cache(maxsize=512)
def readers(protocol: Protocol, variable: str) -> tuple[str, ...]:
    """The rules of the study that read a variable, also through the rows of another one."""
    found = [name for name, rule in protocol.rules.items() if variable in rule.reads]
    indirect = [name.partition(".")[2] for name in found if name.startswith("variables.")]
    own = [name for name in found if not name.startswith(("variables.", "forms."))]
    more = [rule for other in indirect if other != variable for rule in readers(protocol, other)]
    return tuple(dict.fromkeys([*own, *more, *_uses(protocol.study, variable)]))


def _uses(study: StudyFile, variable: str) -> Iterator[str]:
    """What goes by a variable without a rule: doses that are computed from it, and strata."""
    for name, level in study.treatment.levels.items():
        if level.of == variable:
            yield f"treatment.levels.{name}"
    if isinstance(study.allocation, Blocks) and variable in study.allocation.strata:
        yield "allocation.strata"
    if study.enrolment.strata and study.enrolment.strata.by == variable:
        yield "enrolment.strata"


def concern(protocol: Protocol, path: Path) -> Reach:
    """The stages of those whom the part at ``path`` still concerns, and until when."""
    section, name = path[0], path[1] if len(path) > 1 else ""
    if section in ("eligibility", "enrolment", "suspensions", "arms", "allocation"):
        return NOT_INCLUDED, None
    if section in _PROTECTING:
        return NOT_FOLLOWED, None
    if section in ("visits", "decisions"):
        return reach(protocol, [name])
    if section == "treatment":
        return reach(protocol, _treated(protocol, path))
    if section in ("activities", "specimens", "forms"):
        return _asked(protocol, section, name)
    if section == "variables":
        reaches = [concern(protocol, tuple(rule.split("."))) for rule in readers(protocol, name)]
        return wider(reaches)
    return (STAGES if section in _EVERYONE else NOBODY), None


def _treated(protocol: Protocol, path: Path) -> list[str]:
    """The doses that a part of the treatment is about: those of a course, level or substance, or all."""
    name = path[2] if len(path) > 2 else ""

    def about(point: Timepoint) -> bool:
        dose = point.dose
        named = {
            "cycles": point.cycle,
            "levels": dose and dose.level,
            "substances": dose and dose.substance,
        }
        return named.get(path[1], name) == name

    return [point.id for point in protocol.doses if about(point)]


def _asked(protocol: Protocol, section: str, name: str) -> Reach:
    """Where a form, a specimen or an activity is planned; what may be done at any time touches everyone."""
    rows = {
        row
        for row, activity in protocol.study.activities.items()
        if row == name or (section != "activities" and name in getattr(activity, section))
    }
    if any(ANY_TIME in protocol.study.activities[row].at for row in rows):
        return STAGES, None
    points = [p.id for p in protocol.timepoints.values() if any(
        task.activity == name if section == "activities" else name in (task.form, task.specimen)
        for task in p.tasks)]  # fmt: skip
    return reach(protocol, points)


def reach(protocol: Protocol, points: Iterable[str]) -> Reach:
    """Whoever has not passed the last of some timepoints."""
    known = [protocol.timepoints[point] for point in points if point in protocol.timepoints]
    if not known:
        return NOBODY, None
    last = max(known, key=lambda point: point.offset)
    return _stages(protocol, last), say("until", point=called(last))


def _stages(protocol: Protocol, point: Timepoint) -> tuple[Stage, ...]:
    if point.offset < 0:
        return STAGES[:1] if point.id == protocol.visits[0].id else NOT_INCLUDED
    return NOT_FOLLOWED if point.offset <= max((p.offset for p in protocol.doses), default=0) else STAGES


def wider(reaches: Iterable[Reach]) -> Reach:
    """Of several, the one that touches the most; ``until`` only where it is the only one."""
    listed = list(reaches)
    most = max(listed, key=lambda one: len(one[0]), default=(NOBODY, None))
    return (most[0], None) if any(one[0] == most[0] and one[1] is None for one in listed) else most


def called(point: Timepoint) -> Text:
    """A timepoint as people call it: a visit by its label, and its name where that is another."""
    if point.kind == "decision":
        return quoted(point.label)
    if point.kind == "course":
        return both((point.id, point.id))
    if point.label() == point.id:
        return point.label
    return Text(tuple((code, f"{words} ({point.id})") for code, words in point.label.by_language))
