"""What may be done now: consent, inclusion, injections, each with the conditions of the study files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.reading import Knowledge, answers, read
from trialrun.conduct.standing import Standing, hold_ends, held, standing
from trialrun.conduct.verdict import NO, UNKNOWN, YES, Condition, Reason, Verdict, plain
from trialrun.protocol.protocol import Timepoint
from trialrun.protocol.rule import Rule
from trialrun.protocol.rule_columns import explain, missing, sentence
from trialrun.protocol.text import Text


def may_include(cohort: Cohort, who: Index, now: Times) -> Verdict:
    """Conditions for including participants of ``who`` at ``now`` (len(who),): consent and every criterion."""
    screening = next((p.id for p in cohort.protocol.visits if p.offset < 0), None)
    conditions = [_consented(cohort, who), _open(cohort, who)]
    included = ~np.isnat(cohort.included[who])
    conditions.append(plain("included", ~included, "already included", "nothing to do"))
    for name, criterion in cohort.protocol.study.eligibility.items():
        rule = cohort.protocol.rules[f"eligibility.{name}"]
        wanted = criterion.require is not None
        conditions.append(_ruled(cohort, f"eligibility.{name}", rule, criterion.text, wanted, who, now, screening, "complete"))
    return Verdict(tuple(conditions))


def may_inject(cohort: Cohort, point: str, who: Index, now: Times, amount: Any = None) -> Verdict:
    """Conditions for giving the injection planned at ``point`` to ``who`` at ``now`` (len(who),)."""
    planned = cohort.protocol.timepoints[point]
    here = standing(cohort, _spread(cohort, who, now))
    conditions = [
        _consented(cohort, who),
        plain("included", ~np.isnat(cohort.included[who]), "not included yet", "include the participant first"),
        _open(cohort, who),
        _not_stopped(cohort, who),
        *_decided(cohort, planned, who, now),
        *_course(cohort, here, planned, who, now),
        *_once(cohort, planned, who, now),
    ]
    if amount is not None:
        conditions.append(_amount(planned, amount, len(who)))
    if planned.course_day == 1:
        for name, permission in cohort.protocol.study.before_course.items():
            rule = cohort.protocol.rules[f"before_course.{name}"]
            conditions.append(_ruled(cohort, f"before_course.{name}", rule, permission.text, True, who, now, point, "complete"))
    for name, protection in cohort.protocol.study.before_dose.items():
        rule = cohort.protocol.rules[f"before_dose.{name}"]
        condition = _ruled(cohort, f"before_dose.{name}", rule, protection.text, False, who, now, point, "so far")
        conditions.append(condition if protection.unknown == "hold" else _lenient(condition))
    return Verdict(tuple(conditions))


def _spread(cohort: Cohort, who: Index, now: Times) -> Times:
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[who] = now
    return moments


def _lenient(condition: Condition) -> Condition:
    state = np.where(condition.state == UNKNOWN, YES, condition.state).astype(np.int8)
    return Condition(condition.id, state, condition.why)


def _consented(cohort: Cohort, who: Index) -> Condition:
    return plain("consent", ~np.isnat(cohort.consented[who]), "no signed consent", "record the consent first")


def _open(cohort: Cohort, who: Index) -> Condition:
    status = cohort.end_status[who]
    return plain("participation", np.isnat(cohort.ended[who]), lambda row: f"participation has ended ({status[row]})", "nothing more can be done for this participant")


def _not_stopped(cohort: Cohort, who: Index) -> Condition:
    stops = cohort.protocol.study.stops

    def message(row: int) -> str:
        rule = str(cohort.stop_rule[who[row]])
        name = rule.removeprefix("stops.")
        words = stops[name].text() if name in stops else rule
        return f"injections were stopped on {day(cohort.stopped[who])[row]}: {words}"

    return plain("stopped", np.isnat(cohort.stopped[who]), message, "no more injections; follow-up goes on")


def _decided(cohort: Cohort, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """The decision that sets the course's setting must have been made, and must let treatment go on."""
    cycle = cohort.protocol.study.treatment.cycles[str(planned.cycle)]
    name = cycle.setting_decision
    if name is None:
        return []
    title = cohort.protocol.decisions[name].title()
    made = cohort.outcome[name][who] >= 0
    holding = held(cohort, name)[who]
    until = day(hold_ends(cohort, name)[who])
    return [
        plain(f"decisions.{name}", made, f"the decision «{title}» has not been made", f"make the decision {name}"),
        plain(f"decisions.{name}.hold", ~holding, lambda row: f"on hold until {until[row]} by the decision «{title}»", f"decide {name} again"),
    ]


def _course(cohort: Cohort, here: Standing, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """The date: within the window, and in the order of the course."""
    point = planned.id
    today = day(now)
    first, last = here.earliest[point][who], here.latest[point][who]
    cycle = str(planned.cycle)
    conditions = []
    if planned.course_day != 1:
        begun = ~np.isnat(cohort.begun(cycle)[who])
        conditions.append(plain("course", begun, f"course {cycle} has not begun", f"give {cycle}.D1 first"))
    if planned.course_day == 1:
        conditions.append(plain("omitted", ~here.omitted[cycle][who], lambda row: f"course {cycle} could begin until {last[row]} and is left out", "it is never caught up; go on with the next course"))
    early = ~np.isnat(first) & (today < first)
    late = ~np.isnat(last) & (today > last)
    conditions.append(plain("window", ~(early | late), lambda row: f"{point} may be given from {first[row]} to {last[row]}, not on {today[row]}", "choose a date in the window"))
    return conditions


def _once(cohort: Cohort, planned: Timepoint, who: Index, now: Times) -> list[Condition]:
    """Never the same dose twice, never two doses on one day."""
    sheet = cohort.injections
    recorded = ~np.isnat(sheet.at(planned.id)[who])
    given = np.where(sheet.values["given"][who] == 1, day(sheet.happened[who]), np.datetime64("NaT", "D"))
    same_day = (given == day(now)[:, None]).any(axis=1) & ~recorded
    return [
        plain("recorded", ~recorded, f"{planned.id} is recorded already", "correct the record if it is wrong"),
        plain("doubled", ~same_day, "another injection was given that day", "doses are never doubled"),
    ]


def _amount(planned: Timepoint, amount: Any, rows: int) -> Condition:
    given = np.broadcast_to(np.asarray(amount, dtype=np.float64), (rows,))
    dose = planned.dose.amount if planned.dose else 0.0
    unit = planned.dose.unit if planned.dose else ""
    return plain("dose", given == dose, lambda row: f"the planned dose is {dose:g} {unit}, not {given[row]:g}", f"give {dose:g} {unit}")


def _ruled(cohort: Cohort, id: str, rule: Rule, text: Text, wanted: bool, who: Index, now: Times, point: str | None, knowledge: Knowledge) -> Condition:
    """A condition stated by a rule of the study: YES where the rule is ``wanted``."""
    frame = read(cohort, rule.reads, who, now, point, knowledge)
    said = answers(rule, frame)
    state = np.where(said == UNKNOWN, UNKNOWN, np.where((said == YES) == wanted, YES, NO)).astype(np.int8)
    return Condition(id, state, _why(id, rule, text, frame))


def _why(id: str, rule: Rule, text: Text, frame: pl.DataFrame) -> Callable[[int, bool], Reason]:
    def why(row: int, unknown: bool) -> Reason:
        one = frame[row]
        values = tuple(one.row(0, named=True).items())
        if unknown:
            names = missing(rule, one)
            return Reason(id, f"{text()}: not known ({', '.join(names)})", f"enter {', '.join(names)}", True, values)
        return Reason(id, f"{text()}: {sentence(explain(rule, one))}", "wait until it has changed, or record a deviation", False, values)

    return why
