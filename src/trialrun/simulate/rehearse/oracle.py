"""What makes an act unsafe, read from the study files a second time: the judge of what `conduct` permits.

Nothing here asks `conduct`. Every breach has the id of the element of the study that it offends, or of the
part of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, isclose

from trialrun.protocol.protocol import Timepoint
from trialrun.protocol.schedule import Outcome
from trialrun.simulate.rehearse.diary import DAY, Diary
from trialrun.tables.term import FATAL

OUTCOME = "AE.AEOUT"  # the SDTM name of what came of an adverse event


@dataclass(frozen=True)
class Breach:
    """What an act offends, and in which words; ``blind`` where only an unknown value stands against it, and
    the study itself lets it go on."""

    id: str
    words: str
    blind: bool = False


def against_dose(diary: Diary, planned: Timepoint, now: int, given: float) -> list[Breach]:
    """Everything that speaks against giving a dose of this amount now; empty for a safe one."""
    checks = (_participant, _arm, _stopped, _doubled, _decided, _time, _permissions, _protections)
    found = [breach for check in checks for breach in check(diary, planned, now)]
    return [*found, *_amount(diary, planned, now, given)]


def against_inclusion(diary: Diary, screening: str | None, now: int) -> list[Breach]:
    """Everything that speaks against including a participant now."""
    return [*_alive(diary, now), *_eligible(diary, screening, now)]


def against_decision(diary: Diary, decision: str, outcome: str, now: int) -> list[Breach]:
    """Why an outcome may not be taken: one before it holds, its own rule is not met, or forms are missing."""
    found = []
    outcomes = diary.protocol.decisions[decision].outcomes
    for name, other in outcomes.items():
        if name == outcome and other.otherwise:
            break
        permits = other.effect == "continue"
        rule = diary.protocol.rules[f"decisions.{decision}.{name}"]
        said = diary.says(rule, now, decision, proven=permits)
        if name == outcome:
            if said is not True:
                found.append(Breach(rule_id(decision, name), f"«{other.text()}» is not known to hold"))
            break
        if said is not False:
            word = "holds" if said else "is not known"
            found.append(Breach(rule_id(decision, name), f"«{other.text()}» comes first and {word}"))
    if outcomes[outcome].effect != "stop":
        found += [*_unfilled(diary, decision, now), *_stopped(diary, None, now)]
    return [*found, *_alive(diary, now)]


def rule_id(decision: str, outcome: str) -> str:
    return f"decisions.{decision}.{outcome}"


def _unfilled(diary: Diary, decision: str, now: int) -> Iterator[Breach]:
    spec = diary.protocol.decisions[decision]
    for form in spec.needs:
        filled = diary.forms.get(form, {}).get(decision)
        if filled is None or not 0 <= now - filled.happened <= spec.within.hours * 60:
            title = diary.protocol.forms[form].title()
            yield Breach(f"decisions.{decision}", f"«{title}» is not filled within {spec.within}")


# ---- the participant -----------------------------------------------------------------------------


def _alive(diary: Diary, now: int) -> Iterator[Breach]:
    """Consent stands, participation goes on, and nobody has been told of a death."""
    form, _, item = diary.protocol.study.recorded_on.consent.partition(".")
    signed = [
        one
        for one in diary.forms.get(form, {}).values()
        if one.happened <= now and one.values.get(item) is True
    ]
    if not signed:
        yield Breach("consent", "no consent is signed")
    form, _, item = diary.protocol.study.recorded_on.end.partition(".")
    for one in diary.forms.get(form, {}).values():
        if one.values.get(item) is not None and one.happened < now:
            yield Breach("participation", "participation has ended")
    for name, rows in diary.rows.items():
        asked = diary.protocol.forms[name]
        fatal = [key for key, item in asked.items.items() if item.sdtm == OUTCOME]
        for row in rows.values() if fatal else ():
            if row.happened <= now and str(row.values.get(fatal[0])).lower() in FATAL:
                yield Breach("death", f"«{asked.title()}» tells of a death")


def _participant(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    yield from _alive(diary, now)
    if diary.included is None or diary.included > now:
        yield Breach("included", "not included")
    if planned.anchor is None:
        screening = next((p.id for p in diary.protocol.visits if p.offset < 0), None)
        yield from _eligible(diary, screening, now)


def _arm(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    """A dose is for those of its arm."""
    if planned.arms and diary.arm not in planned.arms:
        yield Breach("arm", f"{planned.id} is not for the arm {diary.arm or 'that is not given yet'}")


def _amount(diary: Diary, planned: Timepoint, now: int, given: float) -> Iterator[Breach]:
    """How much is given is known, and is what the study says."""
    right = reckoned(diary, planned, now)
    if right is None:
        yield Breach("dose_known", f"the amount of {planned.id} cannot be reckoned")
    elif not isclose(given, right, rel_tol=0, abs_tol=1e-6):
        yield Breach("dose", f"{given:g} is to be given, and {right:g} is the study's")


def reckoned(diary: Diary, planned: Timepoint, now: int) -> float | None:
    """The amount of a dose in the substance's unit; None where the measure it depends on is not known, or it
    comes to nothing."""
    dose = planned.dose_of(diary.arm)
    if dose is None or dose.of is None:
        return dose.amount if dose else None
    measure = diary.read([dose.of], now, planned.id, proven=True)[0][dose.of]
    if measure is None or not measure > 0:
        return None
    exact = dose.amount * float(measure)
    if dose.round:  # to the nearest multiple, a half up
        exact = floor(round(exact / dose.round, 9) + 0.5) * dose.round
    if not exact > 0:
        return None
    return min(exact, dose.at_most) if dose.at_most else exact


def _eligible(diary: Diary, screening: str | None, now: int) -> Iterator[Breach]:
    for name, one in diary.protocol.study.eligibility.items():
        rule = diary.protocol.rules[f"eligibility.{name}"]
        if diary.says(rule, now, screening, proven=True) is not (one.require is not None):
            yield Breach(f"eligibility.{name}", f"«{one.text()}» is not known to be met")


def _stopped(diary: Diary, planned: Timepoint | None, now: int) -> Iterator[Breach]:
    """A recorded stop, a stop rule that holds of what is known, a decision to stop, a hold that ran out."""
    if diary.stopped is not None and diary.stopped <= now:
        yield Breach("stopped", "injections were stopped")
    for name, stop in diary.protocol.study.stops.items():
        if diary.says(diary.protocol.rules[f"stops.{name}"], now, None, proven=False):
            yield Breach(f"stops.{name}", f"«{stop.text()}» holds")
    for name, made in diary.decided.items():
        effects = diary.protocol.decisions[name].outcomes
        if any(effects[outcome].effect == "stop" for _, outcome in made):
            yield Breach(f"decisions.{name}", "it was decided to stop")
        if made and effects[made[-1][1]].effect == "hold":
            length = effects[made[-1][1]].for_
            ends = _first_held(effects, made) // DAY + int(length.days if length else 0)
            if now // DAY > ends:
                yield Breach(f"decisions.{name}.hold", "a hold has run out")


def _first_held(effects: Mapping[str, Outcome], made: list[tuple[int, str]]) -> int:
    """When the hold that goes on began."""
    first = made[-1][0]
    for when, outcome in reversed(made):
        if effects[outcome].effect != "hold":
            break
        first = when
    return first


# ---- the plan ------------------------------------------------------------------------------------


def _doubled(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    apart = diary.protocol.study.treatment.missed_dose.apart
    nearest = min((abs(moment - now) for moment in diary.doses()), default=None)
    if diary.dose(planned.id) is not None:
        yield Breach("recorded", f"{planned.id} is recorded already")
    if any(moment // DAY == now // DAY for moment in diary.doses()):
        yield Breach("doubled", "a dose was given that day")
    elif apart and nearest is not None and nearest < apart.hours * 60:
        yield Breach("apart", f"a dose was given within {apart}")


def _decided(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    """A setting that a decision gives waits for a decision that lets treatment go on."""
    name = diary.protocol.study.treatment.cycles[str(planned.cycle)].setting_decision
    if name is None:
        return
    made = [outcome for when, outcome in diary.decided.get(name, []) if when <= now]
    if not made:
        yield Breach(f"decisions.{name}", "the decision has not been made")
    elif diary.protocol.decisions[name].outcomes[made[-1]].effect != "continue":
        yield Breach(f"decisions.{name}", "the decision does not let treatment go on")


def _time(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    if planned.anchor is None:
        yield from _screened(diary, planned, now)
    elif planned.course_day == 1:
        if not diary.doses():
            yield Breach("first dose", "the first dose was never given")
        due, day = _due(diary, planned), now // DAY
        if due is not None and not due - planned.window.before <= day <= due + planned.window.after:
            yield Breach("window", f"{planned.id} is out of its window")
        allowed = int(diary.protocol.study.treatment.delays.cumulative.days)
        if diary.doses() and day > diary.doses()[0] // DAY + planned.offset + allowed:
            yield Breach("delay", "more delay in all than is allowed")
    else:
        begun = diary.given(f"{planned.cycle}.D1")
        if begun is None or begun > now:
            yield Breach("course", f"course {planned.cycle} has not begun")
            return
        due = begun // DAY + int(planned.anchor.offset)
        late = begun + round((planned.anchor.offset + planned.window.after) * DAY)
        if now // DAY < due - planned.window.before or now > late:
            yield Breach("window", f"{planned.id} is out of its window")


def _due(diary: Diary, planned: Timepoint) -> int | None:
    """The day that day 1 of a course is counted to be: from the course it follows, or where that was left
    out, from the day it was due itself."""
    if planned.anchor is None:
        return None
    before = diary.protocol.timepoints[f"{planned.anchor.after}.D1"]
    begun = diary.given(before.id)
    start = _due(diary, before) if begun is None else begun // DAY
    return None if start is None else start + int(planned.anchor.offset)


def _screened(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    """The first dose comes while screening is within its own window."""
    visit = next((p for p in diary.protocol.visits if p.offset < 0), None)
    if visit is None:
        return
    forms = [one.happened for form in visit.forms if (one := diary.forms.get(form, {}).get(visit.id))]
    ahead = now // DAY - min(forms) // DAY if forms else None
    if ahead is None or not -visit.offset - visit.window.after <= ahead <= visit.window.before - visit.offset:
        yield Breach("window", f"{visit.id} is not within its window before the first dose")


# ---- the rules -----------------------------------------------------------------------------------


def _permissions(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    if planned.course_day != 1:
        return
    for name, one in diary.protocol.study.before_course.items():
        rule = diary.protocol.rules[f"before_course.{name}"]
        if diary.says(rule, now, planned.id, proven=True) is not True:
            yield Breach(f"before_course.{name}", f"«{one.text()}» is not known to be met")


def _protections(diary: Diary, planned: Timepoint, now: int) -> Iterator[Breach]:
    for name, one in diary.protocol.study.before_dose.items():
        rule = diary.protocol.rules[f"before_dose.{name}"]
        said = diary.says(rule, now, planned.id, proven=False)
        if said:
            yield Breach(f"before_dose.{name}", f"«{one.text()}» holds")
        elif said is None:
            blind = one.unknown == "continue"
            yield Breach(f"before_dose.{name}", f"it is not known whether «{one.text()}» holds", blind)
