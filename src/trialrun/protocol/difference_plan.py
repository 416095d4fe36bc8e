"""What two plans do differently: acts that appear and vanish, and days that move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trialrun.protocol.change import NOT_FOLLOWED, STAGES, Act, Change
from trialrun.protocol.change_words import both, join, quoted, say
from trialrun.protocol.concern import Reach, called, reach, wider
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.text import Text

if TYPE_CHECKING:
    from trialrun.protocol.pair import Pair

Path = tuple[str, ...]
Acts = dict[tuple[str, str], list[str]]
"""(form or specimen, its name) -> the timepoints where it is planned, in order of the plan."""


def plan_changes(found: Pair) -> Iterator[Change]:
    """Every change that shows only when the plan is laid out."""
    yield from _acts(found)
    yield from _dose_days(found)
    yield from _followed(found)
    yield from _total(found)


# ---- acts ----------------------------------------------------------------------------------------


def acts(protocol: Protocol) -> Acts:
    """What is done where; a form that may be filled at any time is planned there too."""
    done: Acts = {}
    for point in protocol.timepoints.values():
        for task in point.tasks:
            kind, name = ("form", task.form) if task.form else ("specimen", str(task.specimen))
            done.setdefault((kind, str(name)), []).append(point.id)
    for activity in protocol.study.activities.values():
        if ANY_TIME in activity.at:
            for form in activity.forms:
                done.setdefault(("form", form), []).append(ANY_TIME)
    return {act: list(dict.fromkeys(points)) for act, points in done.items()}


def _acts(found: Pair) -> Iterator[Change]:
    old = {
        (kind, found.renames.path((kind + "s", name))[1]): [found.renames.point(p) for p in points]
        for (kind, name), points in acts(found.old).items()
    }
    new = acts(found.new)
    for act in dict.fromkeys([*old, *new]):
        before, after = old.get(act, []), new.get(act, [])
        if come := [point for point in after if point not in before and _shared(found, act, point)]:
            yield _act(found, found.new, act, "appears", come)
        if gone := [point for point in before if point not in after and _shared(found, act, point)]:
            yield _act(found, found.old, act, "vanishes", gone)


def _shared(found: Pair, act: tuple[str, str], point: str) -> bool:
    """Whether both know the act and the moment: of one that is new as a whole, its own change tells."""
    kind, name = act
    known = all((kind + "s", name) in said.elements for said in (found.before, found.after))
    return known and (point == ANY_TIME or _both(found, point))


def _both(found: Pair, point: str) -> bool:
    return (
        point in {found.renames.point(one) for one in found.old.timepoints} and point in found.new.timepoints
    )


def _act(found: Pair, where: Protocol, act: tuple[str, str], way: str, points: list[str]) -> Change:
    kind, name = act
    members: Mapping[str, object] = found.new.forms if kind == "form" else found.new.study.specimens
    title = quoted(members[name].title)  # type: ignore[attr-defined]
    listed = join(say("any time") if one == ANY_TIME else called(_point(found, where, one)) for one in points)
    says = say(f"act.{way}", what=say(kind, title=title), points=listed)
    reached: Reach = (STAGES, None)
    if ANY_TIME not in points:
        reached = reach(where, [_point(found, where, one).id for one in points])
    return Change(
        "schedule", "appears" if way == "appears" else "vanishes", f"plan/{kind}s/{name}", says, *reached
    )


def _point(found: Pair, where: Protocol, name: str) -> Timepoint:
    """A timepoint of one of the protocols by its new name."""
    known = where.timepoints
    return known[name] if where is found.new else next(
        point for old, point in known.items() if found.renames.point(old) == name)  # fmt: skip


def _dose_days(found: Pair) -> Iterator[Change]:
    """Doses that a course gains or loses; those of a course that comes or goes are told with it."""
    cycles = {*found.new.cycles} & {
        found.renames.path(("treatment", "cycles", c))[2] for c in found.old.cycles
    }
    old = [found.renames.point(point.id) for point in found.old.doses]
    new = [point.id for point in found.new.doses]
    ways: tuple[tuple[str, Act, Protocol, list[str]], ...] = (
        ("doses.appear", "appears", found.new, [one for one in new if one not in old]),
        ("doses.vanish", "vanishes", found.old, [one for one in old if one not in new]),
    )
    for key, act, where, points in ways:
        points = [point for point in points if point.split(".")[0] in cycles]
        if points:
            reached = reach(where, [_point(found, where, one).id for one in points])
            yield Change("treatment", act, "plan/doses", say(key, points=join(points)), *reached)


# ---- days ----------------------------------------------------------------------------------------


def moved(found: Pair, path: Path) -> Iterator[Text]:
    """By how much a visit, a decision or a course moves whose own day was changed."""
    name = f"{path[2]}.D1" if path[0] == "treatment" else path[1]
    if not _both(found, name):
        return
    old, new = _point(found, found.old, name), found.new.timepoints[name]
    if old.offset != new.offset:
        point = both((path[2],) * 2) if path[0] == "treatment" else called(new)
        yield join((say("move", point=point, old=old.day, new=new.day), "."), "")


def _followed(found: Pair) -> Iterator[Change]:
    """Days that move although nothing was changed at them: what they are counted from has moved."""
    moves = [
        (old, new)
        for new in found.new.timepoints.values()
        if _both(found, new.id)
        and (old := _point(found, found.old, new.id)).offset != new.offset
        and not _own(found, new)
    ]
    heads = [(old, new) for old, new in moves if not new.dose or new.course_day == 1]
    if heads:
        listed = join((say("move", point=_head(new), old=old.day, new=new.day) for old, new in heads), "; ")
        reached = reach(found.new, [new.id for _, new in moves])
        yield Change("schedule", "changes", "plan/days", say("follow", moves=listed), *reached)


def _own(found: Pair, point: Timepoint) -> bool:
    """Whether the day of a timepoint, or how far apart the doses of its course are, was itself changed."""
    path = ("treatment", "cycles", str(point.cycle)) if point.dose else (f"{point.kind}s", point.id)
    keys = ("day", "after", "when") if not point.dose or point.course_day == 1 else ("doses",)
    return any(found.before.meanings.get((*path, k)) != found.after.meanings.get((*path, k)) for k in keys)


def _head(point: Timepoint) -> Text:
    return both((str(point.cycle),) * 2) if point.dose else called(point)


# ---- amounts -------------------------------------------------------------------------------------


def dosed(protocol: Protocol, level: str, amount: float | None) -> Text | None:
    """An amount of a level in the words of the substance given at it."""
    if amount is None:
        return None
    used = {point.dose.substance for point in protocol.doses if point.dose and point.dose.level == level}
    substances = protocol.study.treatment.substances
    return join((amount, *(substances[one].unit_name for one in sorted(used)[:1])), " ")


def _total(found: Pair) -> Iterator[Change]:
    """What one participant of each arm receives in all, if everything is given."""
    shared = [arm for arm in found.new.arms if arm in found.old.arms]
    for arm in shared or (None,):
        old, new = found.old.given(arm), found.new.given(arm)
        if old != new:
            sides = {"old": _summed(found.old, old), "new": _summed(found.new, new)}
            whose = {"arm": found.new.study.arms[arm].title} if arm else {}
            says = say("total.arm" if arm else "total", **sides, **whose)
            wide = wider(reach(one, [p.id for p in one.doses if p.of(arm)]) for one in (found.old, found.new))
            yield Change("treatment", "changes", "plan/total", says, wide[0] or NOT_FOLLOWED, wide[1])


def _summed(protocol: Protocol, sums: dict[tuple[str, str | None], tuple[float, int]]) -> Text:
    substances = protocol.study.treatment.substances
    return join(
        (
            say("total.of", amount=join((amount, _unit(substances[name].unit_name, per)), " "), count=count)
            for (name, per), (amount, count) in sums.items()
        ),
        " + ",
    )


def _unit(unit: Text, per: str | None) -> Text:
    """``mg``, ``mg/m²``."""
    measure = f"/{per.replace('m2', 'm²')}" if per else ""
    return Text(tuple((code, words + measure) for code, words in unit.by_language))
