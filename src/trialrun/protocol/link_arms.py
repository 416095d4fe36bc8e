"""Checks of arms, allocation, strata, substudies and doses by weight: names that exist, numbers that fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trialrun.protocol.allocation import MOVES, SITE, Blocks, Table
from trialrun.protocol.problem import Problem, suggestion
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.source import Source

STUDY = "study.yaml"
PER = {"kg": "kg", "m2": "m2"}  # what a level is per -> the unit of its variable
Path = tuple[str | int, ...]
Said = tuple[Path, str, str | None]  # path, what is wrong, the cure


def link_arms(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Everything wrong with who gets what."""
    checks = (_counted, _allocated, _stratified, _joined, _levels, _compared)
    source = sources[STUDY]
    found = (said for check in checks for said in check(protocol))
    return [Problem(source.place(path), said, cure, "arms") for path, said, cure in found]


def _unknown(path: Path, kind: str, name: str, known: Iterable[str]) -> Said:
    return path, f"there is no {kind} `{name}`", suggestion(name, known)


def _counted(protocol: Protocol) -> Iterator[Said]:
    """The design's number of arms and way of allocation are those of the study."""
    design, arms, allocation = protocol.study.design, protocol.arms, protocol.study.allocation
    if len(arms) == 1:
        yield ("arms",), "a single arm needs no name", "Leave out `arms`, or describe the other arms too."
    elif design.arms != max(1, len(arms)):
        here = f"`arms` describes {len(arms)}" if arms else "there is no `arms` that describes them"
        yield ("design", "arms"), f"the design has {design.arms} arms, and {here}", "Make the two agree."
    if arms and allocation is None:
        cure = "Write `allocation: {method: blocks, …}` or `{method: table, …}`."
        yield ("arms",), "nothing says which arm a participant gets", cure
    if allocation and not arms:
        yield (
            ("allocation",),
            "there are no arms to allocate",
            "Describe the `arms`, or leave `allocation` out.",
        )
    wanted = "randomised" if isinstance(allocation, Blocks) else "adaptive" if allocation else "none"
    if allocation and arms and design.allocation != wanted:
        message = f"the design says `{design.allocation}`, and allocation is by {allocation.method}"
        yield ("design", "allocation"), message, f"Write {wanted}."
    if allocation is None and not arms and design.allocation != "none":
        message = f"the design says `{design.allocation}`, and nothing says how"
        yield ("design", "allocation"), message, "Describe `arms` and `allocation`, or write none."


def _allocated(protocol: Protocol) -> Iterator[Said]:
    allocation, arms = protocol.study.allocation, protocol.arms
    if isinstance(allocation, Blocks):
        yield from (
            _unknown(("allocation", "ratio", arm), "arm", arm, arms)
            for arm in allocation.ratio
            if arm not in arms
        )
        for arm in arms:
            if arm not in allocation.ratio:
                message = f"the ratio leaves out the arm `{arm}`"
                yield ("allocation", "ratio"), message, "Nobody would get it: give it a part, or remove it."
        for i, name in enumerate(allocation.strata):
            yield from _choice(protocol, ("allocation", "strata", i), name, (SITE,))
    if isinstance(allocation, Table):
        yield from _tabled(protocol, allocation)


def _tabled(protocol: Protocol, allocation: Table) -> Iterator[Said]:
    arms, path = protocol.arms, ("allocation", "table")
    if allocation.start not in arms:
        yield _unknown(("allocation", "start"), "arm", allocation.start, arms)
    judged, at = protocol.timepoints.get(allocation.judged_at), ("allocation", "judged_at")
    if judged is None:
        yield _unknown(at, "timepoint", allocation.judged_at, protocol.timepoints)
    elif not judged.planned:
        cure = "Name a visit or decision that everyone has on a planned day."
        yield at, f"nobody can be judged at `{judged.id}`: it has no planned day", cure
    elif lacking := [arm for arm in arms if not judged.of(arm)]:
        cure = "Name a visit or decision that every arm has."
        yield at, f"`{judged.id}` is not a timepoint of the arm {', '.join(lacking)}", cure
    else:
        yield from _judged_early(protocol, judged)
    for i, step in enumerate(allocation.table):
        if step.next not in (*arms, *MOVES):
            yield _unknown((*path, i, "next"), "arm", step.next, (*arms, *MOVES))
        for k, arm in enumerate(step.on):
            if arm not in arms:
                yield _unknown((*path, i, "on", k), "arm", arm, arms)


def _judged_early(protocol: Protocol, judged: Timepoint) -> Iterator[Said]:
    """Nobody is judged before the first dose, or before the course whose events count is over."""
    at: Path = ("allocation", "judged_at")
    if judged.offset < 0:
        yield at, f"`{judged.id}` comes before the first dose", "Name a visit or decision after it."
        return
    rule = protocol.rules.get("allocation.counted")
    earliest = judged.offset - judged.window.before
    for name in sorted(rule.reads if rule else ()):
        course = protocol.variables[name].during
        if course not in protocol.cycles:
            continue
        last = protocol.timepoints[f"{course}.D1"].offset + protocol.length(course) - 1
        if earliest < last:
            message = (
                f"`{judged.id}` may come on study day {earliest + 1:g}, and `{name}` counts the events of "
                f"{course}, until day {last + 1:g}"
            )
            yield at, message, "Judge later, or shorten the course (`length`)."


def _stratified(protocol: Protocol) -> Iterator[Said]:
    strata = protocol.study.enrolment.strata
    if strata is None:
        return
    path: Path = ("enrolment", "strata")
    wrong = list(_choice(protocol, (*path, "by"), strata.by, ()))
    yield from wrong
    codes = protocol.types[strata.by].codes if not wrong else ()
    for code in strata.at_most:
        if codes and code not in codes:
            yield _unknown((*path, "at_most", code), f"code of `{strata.by}` called", code, codes)


def _choice(protocol: Protocol, path: Path, name: str, others: tuple[str, ...]) -> Iterator[Said]:
    """A variable that is a choice, or one of the other words."""
    choices = [known for known, found in protocol.types.items() if found.kind == "choice"]
    if name not in (*choices, *others):
        yield _unknown(path, "variable that is a choice called", name, (*others, *choices))


def _joined(protocol: Protocol) -> Iterator[Said]:
    for name, activity in protocol.study.activities.items():
        if activity.substudy and activity.substudy not in protocol.study.substudies:
            path = ("activities", name, "substudy")
            yield _unknown(path, "substudy", activity.substudy, protocol.study.substudies)


def _compared(protocol: Protocol) -> Iterator[Said]:
    """An endpoint compares two different arms of the study."""
    for name, endpoint in protocol.study.endpoints.items():
        if endpoint.compare is None:
            continue
        path: Path = ("endpoints", name, "compare")
        first, second = endpoint.compare.arms
        if not protocol.arms:
            yield path, "there are no arms to compare", "Describe the `arms`, or leave `compare` out."
            continue
        for i, arm in enumerate((first, second)):
            if arm not in protocol.arms:
                yield _unknown((*path, "arms", i), "arm", arm, protocol.arms)
        if first == second:
            cure = "Name the treatment first, then what it is compared with."
            yield (*path, "arms"), f"the arm `{first}` is compared with itself", cure


def _levels(protocol: Protocol) -> Iterator[Said]:
    """A dose per kg or m² is of a variable in that unit."""
    for name, level in protocol.study.treatment.levels.items():
        if level.per is None or level.of is None:
            continue
        path: Path = ("treatment", "levels", name, "of")
        found = protocol.types.get(level.of)
        if level.of not in protocol.variables:
            yield _unknown(path, "variable", level.of, protocol.variables)
        elif found and found.unit != PER[level.per]:
            unit = found.unit or "no unit"
            cure = f"Name a variable in {PER[level.per]}."
            yield path, f"the dose is per {level.per}, and `{level.of}` is in {unit}", cure
