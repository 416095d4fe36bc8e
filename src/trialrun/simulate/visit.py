"""What a virtual site does at a visit: forms, samples, the injection, the decision, the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trialrun.conduct.act import applies
from trialrun.conduct.cohort import Cohort, Index, Times, day
from trialrun.conduct.decision import judge
from trialrun.conduct.dose import amounts
from trialrun.conduct.permission import may_inject
from trialrun.conduct.standing import held
from trialrun.conduct.verdict import NO, Verdict
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol, Task, Timepoint
from trialrun.simulate.agenda import MINUTE, Agenda
from trialrun.simulate.answer import Voices
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person, uniforms
from trialrun.simulate.event import Events
from trialrun.simulate.flare import Flares
from trialrun.simulate.ledger import Ledger, Row, in_turn
from trialrun.simulate.model import Flags
from trialrun.simulate.people import ModelFile

# The order of a visit, in minutes after arrival: a site's routine, not a claim about people.
SAMPLE, INJECTION, DECISION, END, OVER = 20, 60, 90, 120, 125
FORMS_A_MINUTE = 4


class Visits:
    """The visits of a batch of people; what happens is written into the ledger."""

    def __init__(
        self,
        protocol: Protocol,
        file: ModelFile,
        people: Sequence[Person],
        ledger: Ledger,
        agenda: Agenda,
        bodies: Bodies,
        events: Events,
        flares: Flares,
    ) -> None:
        self.protocol = protocol
        self.people = file.people
        self.ledger = ledger
        self.agenda = agenda
        self.bodies, self.events, self.flares = bodies, events, flares
        self.voices = Voices(protocol, file, people, bodies, events, flares)
        self.arm_is_open: Callable[[str | None, np.datetime64], bool] = lambda arm, when: True
        self._forgotten = uniforms(people, "forgotten", len(protocol.timepoints))
        on = protocol.study.recorded_on
        self._acts = {on.injection, on.end.partition(".")[0]}  # forms that are filled by what is done

    @property
    def cohort(self) -> Cohort:
        return self.ledger.cohort

    def visit(self, point: Timepoint, who: Index, date: np.datetime64) -> None:
        """One visit of each of ``who``, whose participation goes on."""
        if not point.dose:
            missed = self.agenda.misses(point, who)
            self.agenda.skip(point.id, who[missed])
            who = who[~missed]
        who = who[self._goes_on(point, who)]
        if not len(who):
            return
        when = self.agenda.arrive(point.id, who, date)
        self.agenda.leave(who, when + OVER * MINUTE)
        self.bodies.wake(who, when)
        self.bodies.live(who, when)
        self._forms(point, who, when)
        if point.dose:
            self._inject(point, who, when + INJECTION * MINUTE)
        if point.kind == "decision":
            self._decide(point.id, who, when + DECISION * MINUTE)
        dosed = ~np.isnat(self.cohort.first_injection[who])
        self.flares.look(who[dosed], when[dosed])
        if point.id == self.protocol.last_visit:
            self.end(who, when + END * MINUTE, self.people.ends.completed)

    def _goes_on(self, point: Timepoint, who: Index) -> Flags:
        """An act earlier on the same day may have made injections and decisions void."""
        stopped = ~np.isnat(self.cohort.stopped[who])
        return ~stopped if point.dose or point.kind == "decision" else np.ones(len(who), dtype=bool)

    # ---- forms and samples -------------------------------------------------------------------

    def _forms(self, point: Timepoint, who: Index, when: Times) -> None:
        """First what is asked and examined; then blood, with the forms that are filled from it."""
        tasks = [task for task in point.tasks if task.form not in self._acts]
        sampled = {task.activity for task in tasks if task.specimen}
        asked = [task for task in tasks if task.activity not in sampled]
        for k, task in enumerate(asked):
            self._form(point, task, who, when, k // FORMS_A_MINUTE)
        if not sampled:
            return
        self.bodies.live(who, when + SAMPLE * MINUTE)
        for task in (task for task in tasks if task.activity in sampled):
            if task.specimen:
                drawn = who[self._applies(task.activity, who, when)]
                if len(drawn):
                    taken = _of(drawn, who, when) + SAMPLE * MINUTE
                    self.ledger.collect(task.specimen, point.id, drawn, taken)
            else:
                self._form(point, task, who, when, SAMPLE)

    def _form(self, point: Timepoint, task: Task, who: Index, when: Times, after: int) -> None:
        form = str(task.form)
        asked = who[self._applies(task.activity, who, when)]
        if point.kind == "decision":
            asked = asked[
                ~self._forgets(point, form, asked) & ~self._fresh(point, form, asked, _of(asked, who, when))
            ]
        if not len(asked):
            return
        times = _of(asked, who, when) + after * MINUTE
        if form in self.protocol.logs:
            rows = [
                row
                for one, moment in zip(asked, times, strict=True)
                for row in self._rows(form, point.id, int(one), moment)
            ]
            for turn in in_turn(rows):
                self.ledger.write(form, turn)
            return
        given = self.voices.answer(form, point.id, asked, times, self.cohort)
        self.ledger.enter(form, point.id, asked, times, given)

    def _rows(self, form: str, point: str, one: int, when: np.datetime64) -> list[Row]:
        rows = self.voices.rows(form, one, point, when, self.cohort)
        return [Row(one, f"{form}-{k + 1}", when, when, values) for k, values in enumerate(rows)]

    def _applies(self, activity: str, who: Index, when: Times) -> Flags:
        return applies(self.cohort, activity, who, when)

    def _forgets(self, point: Timepoint, form: str, who: Index) -> Flags:
        """A form forgotten at the first attempt is filled when its lack is noticed."""
        spec = self.people.forgotten
        if spec is None or form != spec.form:
            return np.zeros(len(who), dtype=bool)
        forgotten = self._forgotten[who, self.agenda.position[point.id]] < spec.chance
        return np.asarray(forgotten & self.agenda.first_try(point.id, who))

    def _fresh(self, point: Timepoint, form: str, who: Index, when: Times) -> Flags:
        """Who waits only for another form, and has this one filled recently enough."""
        age = when + DECISION * MINUTE - self.cohort.sheets[form].at(point.id)[who]
        limit = np.timedelta64(round(self.protocol.decisions[point.id].within.hours * 60), "m")
        return np.asarray((age <= limit) & ~held(self.cohort, point.id)[who])

    # ---- injections --------------------------------------------------------------------------

    def _inject(self, point: Timepoint, who: Index, when: Times) -> None:
        """Give what may be given. A day 1 that may not be given waits; a later dose is recorded so."""
        dose = point.dose
        assert dose is not None
        verdict = may_inject(self.cohort, point.id, who, when)
        missed = self.agenda.misses(point, who)
        allowed = verdict.permitted & ~missed
        if point.id in self.protocol.first_doses:
            arms_open = [self.arm_is_open(self.cohort.arm_of(int(one)), when[i]) for i, one in enumerate(who)]
            allowed &= np.array(arms_open, dtype=bool)
        given = amounts(self.cohort, point.id, who, when)
        arms = np.array([self.cohort.arm_of(one) or "" for one in who.tolist()])
        for arm, amount in sorted(set(zip(arms[allowed].tolist(), given[allowed].tolist(), strict=True))):
            mine = allowed & (arms == arm) & (given == amount)
            self._give(point, who[mine], when[mine], amount, arm)
        if point.course_day == 1:
            later = day(when[~allowed]) + np.timedelta64(int(self.people.again.course.days), "D")
            self.agenda.again(point.id, who[~allowed], later)
            return
        held_back = ~allowed & np.isnat(self.cohort.stopped[who])
        if held_back.any():
            why = [self._why(verdict, int(i), bool(missed[i])) for i in np.flatnonzero(held_back)]
            self._withhold(point, who[held_back], when[held_back], why)

    def _give(self, point: Timepoint, who: Index, when: Times, amount: float, arm: str) -> None:
        form = self.protocol.study.recorded_on.injection
        given = self.voices.answer(form, point.id, who, when, self.cohort, {"given": True, "dose": amount})
        self.ledger.inject(point.id, who, when, given)
        self.bodies.live(who, when)
        self.bodies.inject(who, amount, arm)
        for one, moment in zip(who, when, strict=True):
            self.events.react(int(one), point.id, moment, amount, arm)

    def _withhold(self, point: Timepoint, who: Index, when: Times, why: list[str]) -> None:
        form, reasons = self.protocol.study.recorded_on.injection, self.people.missed_dose
        said = {"given": False, "dose": 0.0, reasons.item: why}
        self.ledger.inject(
            point.id, who, when, self.voices.answer(form, point.id, who, when, self.cohort, said)
        )
        for one, moment, reason in zip(who, when, why, strict=True):
            if reason == reasons.sign:
                self.events.acted(int(one), moment, "held")

    def _why(self, verdict: Verdict, row: int, missed: bool) -> str:
        """A sign found comes first, then a value that is not known; else it was missed for other reasons."""
        reasons = self.people.missed_dose
        unmet = [c for c in verdict.conditions if c.id.startswith("before_dose.") and c.state[row] == NO]
        if unmet:
            return reasons.sign
        return reasons.missed if missed and verdict.permitted[row] else reasons.unknown

    # ---- decisions, the end ------------------------------------------------------------------

    def _decide(self, decision: str, who: Index, when: Times) -> None:
        """Decide where the rules are ready; the others, and those on hold, are seen again later."""
        ready = judge(self.cohort, decision, who, when).ready
        if ready.any():
            self.ledger.decide(decision, who[ready], when[ready])
        again = self.people.again
        holding = held(self.cohort, decision)[who]
        waits = np.where(holding, int(again.hold.days), int(again.form.days)).astype("timedelta64[D]")
        self.agenda.again(decision, who, day(when) + waits)

    def end(self, who: Index, when: Times, how: str) -> None:
        """End a participation: at the last visit, or at any time."""
        form, _, item = self.protocol.study.recorded_on.end.partition(".")
        ends = self.people.ends
        planned = self.protocol.last_visit if how == ends.completed else ANY_TIME
        said: dict[str, Any] = {item: how}
        for name, asked in self.protocol.forms[form].items.items():
            if asked.type == "date":
                said[name] = [str(date) for date in day(when)]
            elif asked.type == "text":
                said[name] = self.events.spec.death.cause
        self.ledger.enter(
            form, planned, who, when, self.voices.answer(form, planned, who, when, self.cohort, said)
        )


def _of(some: Index, who: Index, when: Times) -> Times:
    """The moments of some of ``who``."""
    return when[np.isin(who, some)]
