"""What may be done now: inclusion and injections, each with the conditions of the study files.

An act is judged at its own moment: a consent or an end that came later does not count against it. Only a
stop, and a hold that has run out, count by when the act is entered: what is dated back does not escape them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from trialrun.conduct import words
from trialrun.conduct.cohort import UNALLOCATED, Cohort, Index, Numbers, Times, day
from trialrun.conduct.dose import amounts, doses
from trialrun.conduct.reading import View, judged, read
from trialrun.conduct.setting import places
from trialrun.conduct.standing import Standing, begins_course, held, hold_ends, screening_point, standing
from trialrun.conduct.verdict import NO, UNKNOWN, YES, Condition, Reason, Verdict, plain
from trialrun.protocol.chain import Mask
from trialrun.protocol.protocol import Timepoint
from trialrun.protocol.rule import Rule


def may_include(cohort: Cohort, who: Index, now: Times) -> Verdict:
    """Conditions for including ``who`` at ``now`` (len(who),): consent and every criterion."""
    included = ~np.isnat(cohort.included[who])
    conditions = [
        plain("included", ~included, "already included", "nothing to do", final=True),
        open_(cohort, who, now),
        consented(cohort, who, now),
    ]
    cure = "this person cannot be included; correct the form if it is wrong"
    return Verdict((*conditions, *_eligible(cohort, who, now, cure)))


def may_inject(
    cohort: Cohort,
    point: str,
    who: Index,
    now: Times,
    amount: Any = None,
    place: Any = None,
    entered: Times | None = None,
) -> Verdict:
    """Conditions for giving the injection planned at ``point`` to ``who`` at ``now`` (len(who),).

    amount: the dose that is to be given, one or one each, in the unit of the plan; None is not looked at.
    place: the code of the place where it is to be given, one or one each; None is not looked at.
    entered: when the injection is written down (local, len(who),), if later than ``now``.
    """
    planned = cohort.protocol.timepoints[point]
    here = standing(cohort, spread(cohort, who, now))
    conditions = [
        open_(cohort, who, now),
        *_arm(cohort, planned, who),
        *_once(cohort, planned, who, now),
        _not_stopped(cohort, who, latest(now, entered)),
        consented(cohort, who, now),
        plain("included", cohort.included[who] <= now, "not included yet", "include the participant first"),
        *_decided(cohort, planned, who, now),
        *_course(cohort, here, planned, who, now),
    ]
    conditions += _amount(cohort, planned, who, now, amount)
    if place is not None:
        conditions += _placed(cohort, planned, who, place)
    if point in cohort.protocol.first_doses:
        cure = "do not give it; correct the form if it is wrong"
        conditions += _eligible(cohort, who, now, cure)
    return Verdict(
        (*conditions, *_before_course(cohort, planned, who, now), *_before_dose(cohort, point, who, now))
    )


def spread(cohort: Cohort, who: Index, now: Times) -> Times:
    """The moments of ``who`` as moments of the whole cohort, NaT for the others."""
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[who] = now
    return moments


def latest(now: Times, entered: Times | None) -> Times:
    """When an act is written down: not before it is done."""
    return now if entered is None else np.asarray(np.maximum(now, entered))


# ---- the participant -----------------------------------------------------------------------------


def consented(cohort: Cohort, who: Index, now: Times) -> Condition:
    """Consent was signed by then."""
    return plain("consent", cohort.consented[who] <= now, "no signed consent", "record the consent first")


def open_(cohort: Cohort, who: Index, now: Times) -> Condition:
    """Participation had not ended before that."""
    ended = cohort.ended[who]

    def message(row: int) -> str:
        return f"participation ended on {day(ended)[row]} ({cohort.end_status[who[row]]})"

    cure = "nothing more can be done for this participant"
    return plain("participation", ~(now > ended), message, cure, final=True)


def _not_stopped(cohort: Cohort, who: Index, now: Times) -> Condition:
    """No stop by then, and no hold that had run out, whether or not anyone has looked since."""
    stopped = cohort.stopped[who] <= now
    over = {name: run_out(cohort, name, who, now) for name in cohort.protocol.decisions}

    def message(row: int) -> str:
        if stopped[row]:
            why = stop_words(cohort, str(cohort.stop_rule[who[row]]))
            return f"injections were stopped on {day(cohort.stopped[who])[row]}: {why}"
        why = next(stop_words(cohort, f"decisions.{name}.hold") for name in over if over[name][row])
        return f"injections are to be stopped: {why}"

    holds = ~np.logical_or.reduce([stopped, *over.values()])
    return plain("stopped", holds, message, "no more injections; follow-up goes on", final=True)


def run_out(cohort: Cohort, decision: str, who: Index, now: Times) -> Mask:
    """Whose hold by a decision had lasted too long by then."""
    return np.asarray(held(cohort, decision)[who] & (day(now) > hold_ends(cohort, decision)[who]))


def stop_words(cohort: Cohort, rule: str) -> str:
    """Why injections were stopped, by ``stops.name``, ``decisions.name`` or ``decisions.name.hold``."""
    kind, name, *rest = rule.split(".")
    if kind == "stops":
        return cohort.protocol.study.stops[name].text()
    title = cohort.protocol.decisions[name].title() if name in cohort.protocol.decisions else rule
    return f"a hold ran out without a decision («{title}»)" if rest else f"by the decision «{title}»"


# ---- the plan ------------------------------------------------------------------------------------


def _once(cohort: Cohort, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """Never the same dose twice, never two doses on one day or nearer to each other than the study allows."""
    sheet = cohort.injections
    recorded = ~np.isnat(sheet.at(planned.id)[who])
    given = np.where(sheet.values["given"][who] == 1, sheet.happened[who], np.datetime64("NaT", "m"))
    same_day = (day(given) == day(now)[:, None]).any(axis=1) & ~recorded
    apart = cohort.protocol.study.treatment.missed_dose.apart
    hours = apart.hours if apart else 0.0
    near = (np.abs(given - now[:, None]) < np.timedelta64(round(hours * 60), "m")).any(axis=1) & ~recorded
    too_near = f"another injection is less than {hours:g} hours away"
    again = "correct the record if it is wrong"
    return [
        plain("recorded", ~recorded, f"{planned.id} is recorded already", again, final=True),
        plain("doubled", ~same_day, "another injection was given that day", "doses are never doubled"),
        plain("apart", ~near | same_day, too_near, f"leave {hours:g} hours between doses"),
    ]


def _decided(cohort: Cohort, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """The decision that sets the course's setting must have been made, and must let treatment go on."""
    name = cohort.protocol.study.treatment.cycles[str(planned.cycle)].setting_decision
    if name is None:
        return []
    title = cohort.protocol.decisions[name].title()
    made = cohort.decided[name][who] <= now
    holding = held(cohort, name)[who] & made
    until = hold_ends(cohort, name)[who]
    return [
        plain(
            f"decisions.{name}", made, f"the decision «{title}» has not been made", "make the decision first"
        ),
        plain(
            f"decisions.{name}.hold",
            ~holding,
            lambda row: f"on hold until {until[row]} by the decision «{title}»",
            lambda row: f"decide again, by {until[row]} at the latest",
        ),
    ]


def _course(cohort: Cohort, here: Standing, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """The time: in the order of the course, not before its day, and not too late."""
    if begins_course(planned):
        return [
            *_first(cohort, planned, who, now),
            _not_omitted(here, planned, who),
            _window(here, planned, who, now),
        ]
    cycle = str(planned.cycle)
    begun = cohort.begun(cycle)[who] <= now
    message = f"course {cycle} has not begun"
    return [plain("course", begun, message, f"give {cycle}.D1 first"), _window(here, planned, who, now)]


def _first(cohort: Cohort, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """No later course without the first dose: who missed it is screened anew, never begun half-way."""
    if planned.id in cohort.protocol.first_doses:
        return []
    begun = cohort.first_injection[who] <= now

    def first(row: int) -> str:
        return cohort.protocol.first_of(cohort.arm_of(int(who[row])))

    return [
        plain(
            "first dose",
            begun,
            lambda row: f"the first dose ({first(row)}) was not given",
            lambda row: f"give {first(row)} first",
        )
    ]


def _not_omitted(here: Standing, planned: Timepoint, who: Index) -> Condition:
    cycle = str(planned.cycle)
    last = here.latest[planned.id][who]

    def message(row: int) -> str:
        return f"course {cycle} could begin until {last[row]} and is left out"

    cure = "it is never caught up; go on with the next course"
    return plain("omitted", ~here.omitted[cycle][who], message, cure, final=True)


def _window(here: Standing, planned: Timepoint, who: Index, now: Times) -> Condition:
    first, last = here.earliest[planned.id][who], here.latest[planned.id][who]
    until = here.until[planned.id][who]
    early, late = day(now) < first, now > until
    by_hour = not begins_course(planned)

    def message(row: int) -> str:
        end = words.shown(until[row]) if by_hour else last[row]
        return f"{planned.id} may be given from {first[row]} to {end}, not at {words.shown(now[row])}"

    def cure(row: int) -> str:
        if early[row]:
            return f"wait until {first[row]}"
        return (
            "it is not made up: record it as not given"
            if by_hour
            else "screening is out of date: screen anew"
        )

    return plain("window", ~(early | late), message, cure)


def _arm(cohort: Cohort, planned: Timepoint, who: Index) -> list[Condition]:
    """A dose of other arms is not for this participant; who was included without an arm has none."""
    if not cohort.protocol.arms:
        return []
    none = (cohort.arm[who] == UNALLOCATED) & ~np.isnat(cohort.included[who])

    def message(row: int) -> str:
        if none[row]:
            return "no arm was given"
        arm = cohort.protocol.study.arms[str(cohort.arm_of(int(who[row])))].title()
        return f"{planned.id} is not for the arm «{arm}»"

    def cure(row: int) -> str:
        return "an arm comes with inclusion" if none[row] else "give what the participant's own arm has"

    return [plain("arm", cohort.within(planned.arms)[who] & ~none, message, cure, final=True)]


def _amount(cohort: Cohort, planned: Timepoint, who: Index, now: Times, given: Any) -> list[Condition]:
    """The amount that is planned can be reckoned, and is what is given (None: not looked at)."""
    right = amounts(cohort, planned.id, who, now)
    plans = doses(cohort, planned.id, who)

    def said(row: int, amount: float) -> str:
        return words.amount(cohort.protocol, plans[row], amount)

    def lacks(row: int) -> str:
        name = str(getattr(plans[row], "of", ""))
        if read(cohort, [name], who, now, planned.id, "complete")[name][row] is not None:
            return "the dose cannot be reckoned: it comes to nothing"
        return f"the dose cannot be reckoned: not known ({name.replace('_', ' ')})"

    conditions = []
    if any(plan and plan.of for plan in plans):
        view = View(cohort, who, now, planned.id, "complete")
        names = sorted({plan.of for plan in plans if plan and plan.of})
        known = Condition(
            "dose_known",
            np.where(np.isnan(right), UNKNOWN, YES).astype(np.int8),
            lambda row, unknown: Reason("dose_known", lacks(row), words.cure(view, names, row), True),
        )
        conditions.append(known)
    if given is not None:
        told = np.broadcast_to(_doses(given), (len(who),))
        conditions.append(
            plain(
                "dose",
                np.isclose(told, right, rtol=0, atol=1e-9) | np.isnan(right),
                lambda row: f"the planned dose is {said(row, right[row])}, not {said(row, float(told[row]))}",
                lambda row: f"give {said(row, right[row])}",
            )
        )
    return conditions


def _doses(given: Any) -> Numbers:
    """Amounts as numbers; NaN for one that is recorded as missing."""
    listed = [given] if isinstance(given, Mapping) else np.atleast_1d(np.asarray(given, dtype=object))
    return np.array(
        [np.nan if one is None or isinstance(one, Mapping) else one for one in listed], dtype=np.float64
    )


def _placed(cohort: Cohort, planned: Timepoint, who: Index, place: Any) -> list[Condition]:
    """Where it is given; nowhere while the setting is not decided."""
    named = cohort.protocol.study.treatment.places
    if named is None or named.item is None:
        return []
    allowed = places(cohort, planned.id, who)
    listed = [place] if isinstance(place, str | Mapping) else np.atleast_1d(np.asarray(place, dtype=object))
    given = np.broadcast_to(np.array([one if isinstance(one, str) else "" for one in listed]), (len(who),))
    codes = cohort.injections.form.items[named.item].codes

    def right(row: int) -> str:
        return " or ".join(f"«{codes[code]()}»" for code in allowed[row])

    def message(row: int) -> str:
        if not allowed[row]:
            return f"where course {planned.cycle} is given has not been decided"
        code = str(given[row])
        wrong = f"at «{codes[code]()}»" if code in codes else "at an unknown place"
        return f"{planned.id} is given at {right(row)}, not {wrong}"

    def cure(row: int) -> str:
        return f"give it at {right(row)}" if allowed[row] else "make the decision first"

    holds = np.array([str(code) in one for code, one in zip(given, allowed, strict=True)], dtype=bool)
    return [plain("place", holds, message, cure)]


# ---- the rules of the study ----------------------------------------------------------------------


def _eligible(cohort: Cohort, who: Index, now: Times, cure: str) -> list[Condition]:
    """Every criterion, on the forms of screening as they stand."""
    view = View(cohort, who, now, screening_point(cohort), "complete")
    criteria = cohort.protocol.study.eligibility.items()
    return [
        _ruled(view, f"eligibility.{name}", one.text(), one.require is not None, cure)
        for name, one in criteria
    ]


def _before_course(cohort: Cohort, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """Permissions: open only where everything is known."""
    view = View(cohort, who, now, planned.id, "complete")
    cure = "put the course off until this has changed"
    rules = cohort.protocol.study.before_course if begins_course(planned) else {}
    return [_ruled(view, f"before_course.{name}", one.text(), True, cure) for name, one in rules.items()]


def _before_dose(cohort: Cohort, point: str, who: Index, now: Times) -> list[Condition]:
    """Protections: they hold on what is known, and say what unknown means."""
    view = View(cohort, who, now, point, "so far")
    cure = "hold the injection and call the investigator"
    found = []
    for name, protection in cohort.protocol.study.before_dose.items():
        condition = _ruled(view, f"before_dose.{name}", protection.text(), False, cure)
        found.append(condition if protection.unknown == "hold" else _lenient(condition))
    return found


def _lenient(condition: Condition) -> Condition:
    state = np.where(condition.state == UNKNOWN, YES, condition.state).astype(np.int8)
    return Condition(condition.id, state, condition.why)


def _ruled(view: View, id: str, title: str, wanted: bool, cure: str) -> Condition:
    """A condition stated by a rule of the study: YES where the rule is ``wanted``."""
    rule = view.protocol.rules[id]
    frame, said = judged(view, rule)
    state = np.where(said == UNKNOWN, UNKNOWN, np.where((said == YES) == wanted, YES, NO)).astype(np.int8)
    return Condition(id, state, _why(view, id, rule, frame, title, cure))


def _why(
    view: View, id: str, rule: Rule, frame: pl.DataFrame, title: str, cure: str
) -> Callable[[int, bool], Reason]:
    def why(row: int, unknown: bool) -> Reason:
        values = tuple((name, value) for name, value in frame.row(row, named=True).items() if name)
        if not unknown:
            return Reason(id, f"{title}: {words.fact(rule, frame, row)}", cure, False, values)
        names = words.unknown(rule, frame, row)
        return Reason(
            id, f"{title}: not known ({words.listed(names)})", words.cure(view, names, row), True, values
        )

    return why
