"""The stage: every participant of a batch comes to what is next, does it with their twists, and goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.conduct.act import applies
from trialrun.conduct.cohort import Index, Times, day
from trialrun.conduct.standing import DONE, OPEN, VOID, Standing, held, standing
from trialrun.protocol.allocation import Table
from trialrun.protocol.chain import Days
from trialrun.protocol.plan import ANY_TIME, LAST_DOSE
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.simulate.rehearse.diary import DAY
from trialrun.simulate.rehearse.ending import close
from trialrun.simulate.rehearse.hope import START, Hope, asked, dated
from trialrun.simulate.rehearse.play import Play
from trialrun.simulate.rehearse.reached import Reached
from trialrun.simulate.rehearse.twist import Twist, Walk

HOUR = 60
ARRIVAL, DOSE, DECISION, OVER = 10 * HOUR, 11 * HOUR, 12 * HOUR, 13 * HOUR  # minutes of the day
AGAIN = (1, 3, 7, 8, 15)  # days after which what was refused is tried again
ONE = np.timedelta64(1, "D")
NOWHEN = np.datetime64("NaT", "D")
LONG = 2000  # acts after which a participation is taken to go round in a circle


class Stage:
    """Runs scripts, and notes what they reach. ``run`` takes any number, a batch at a time."""

    def __init__(self, protocol: Protocol, hopes: Hope, reached: Reached) -> None:
        self.protocol, self.hopes, self.reached = protocol, hopes, reached
        self.order = list(protocol.timepoints)
        allocation = protocol.study.allocation
        self.judged_at = allocation.judged_at if isinstance(allocation, Table) else None
        on = protocol.study.recorded_on
        self.end_form, _, self.end_item = on.end.partition(".")
        self.acts = {on.injection, self.end_form}
        self._dated: dict[tuple[str, int], dict[str, Any]] = {}
        self.usual = {form: hopes.form(protocol, form) for form in protocol.forms}

    def run(self, walks: Sequence[Walk], *, probe: bool = False) -> Play:
        """One batch, from screening until nobody has anything left to do."""
        arms = [walk.arm for walk in walks]
        self.play = Play(self.protocol, [len(walk.script) for walk in walks], self.reached, arms)
        self.probe = probe
        n = len(walks)
        self.twists: list[dict[str, list[Twist]]] = [{} for _ in range(n)]
        self.comes: dict[str, list[tuple[int, Twist]]] = {}
        for one, walk in enumerate(walks):
            for twist in walk.script:
                self.twists[one].setdefault(twist.point, []).append(twist)
                if twist.kind == "come":
                    self.comes.setdefault(twist.point, []).append((one, twist))
        self.clock: Days = np.full(n, np.datetime64(START // DAY, "D"))
        self.again: dict[str, Days] = {point: np.full(n, NOWHEN) for point in self.order}
        self.tries = {point: np.zeros(n, dtype=int) for point in self.order}
        self.written: dict[tuple[int, Twist], list[str]] = {}
        theirs = [[self.protocol.timepoints[point].of(arm) for arm in arms] for point in self.order]
        self.theirs = np.array(theirs, dtype=bool)
        self.over = ~self.theirs
        for _ in range(LONG):
            who, position, dates = self._next()
            if not len(who):
                break
            if position == len(self.order):
                self.clock[who] = dates
                continue
            self._come(self.protocol.timepoints[self.order[position]], who, dates)
        close(self.play, self.twists, self._now())
        return self.play

    # ---- who comes next ----------------------------------------------------------------------

    def _next(self) -> tuple[Index, int, Days]:
        """(who, the place in the plan, when) of those who are least far in the plan; the place after the last
        is for those who only let time pass."""
        cohort = self.play.cohort
        now = self._now()
        here = standing(cohort, now)
        nobody = np.full(cohort.n, NOWHEN)
        left = np.asarray(~self.over.all(axis=1))
        wanted = np.stack([self._wanted(here, k, now) if left[k] else nobody for k in range(len(self.order))])
        wanted[self.over] = NOWHEN
        wanted = np.vstack([wanted, self._passing(here)])
        wanted[:, ~np.isnat(cohort.ended)] = NOWHEN
        far = np.where(np.isnat(wanted), np.iinfo(np.int64).max, wanted.astype(np.int64))
        nearest = far.argmin(axis=0)
        some = np.flatnonzero(far.min(axis=0) < np.iinfo(np.int64).max)
        if not len(some):
            return some, 0, wanted[0]
        position = int(nearest[some].min())
        who = some[nearest[some] == position]
        return who, position, wanted[position, who]

    def _passing(self, here: Standing) -> Days:
        """The day after the last on which a dose may be given, for those whose follow-up waits for that."""
        waits = [p for p in self.protocol.visits if p.anchor and p.anchor.after == LAST_DOSE]
        if not waits:
            return np.full(self.play.cohort.n, NOWHEN)
        rows = [k for k, name in enumerate(self.order) if self.protocol.timepoints[name].dose]
        last = np.stack([here.latest[self.order[k]] for k in rows])
        ends = np.fmax.reduce(np.where(self.theirs[rows], last, NOWHEN)) + ONE
        return np.where(here.over | ~(ends > self.clock), NOWHEN, ends)

    def _now(self) -> Times:
        return at(self.clock, OVER)

    def _wanted(self, here: Standing, position: int, now: Times) -> Days:
        """The day each comes for a timepoint: the first of its window unless they have a twist."""
        point, cohort = self.protocol.timepoints[self.order[position]], self.play.cohort
        status = here.status(cohort, point.id, now)
        first, last = here.earliest[point.id], here.latest[point.id]
        if position == self.order.index(str(self.play.screening)):
            first = np.where(np.isnat(first), self.clock, first)
        elif np.isnat(first).all() and point.dose is None and point.kind != "decision":
            first = here.planned[point.id]
        due = np.where(point.offset < 0, first, here.planned[point.id])
        due = np.where(np.isnat(due), first, due)
        due = np.where(np.isnat(self.again[point.id]), due, self.again[point.id])
        if point.as_needed:
            first = here.planned[self.protocol.first_dose]
        due, blind = self._moved(point.id, due, first)
        due = np.where(blind, due, np.maximum(due, first))
        due = np.maximum(due, self.clock)
        gone = (status == DONE) | (status == VOID) | here.waiting(cohort, point.id)
        if point.as_needed:
            gone |= status != OPEN
        if point.kind != "decision":
            gone |= (due > last) & ~blind
        if point.id in self.protocol.first_doses:
            gone |= np.isnat(cohort.included)
        return np.where(gone, NOWHEN, due)

    def _moved(self, point: str, due: Days, first: Days) -> tuple[Days, NDArray[np.bool_]]:
        """Days moved by twists, and for whom the window is not looked at."""
        blind = np.zeros(len(due), dtype=bool)
        due = due.copy()
        for one, twist in self.comes.get(point, ()):
            if self.tries[point][one] == 0:
                due[one] = NOWHEN if twist.never else first[one] + np.timedelta64(twist.days, "D")
                blind[one] = not twist.never
        return due, blind

    # ---- a visit -----------------------------------------------------------------------------

    def _come(self, point: Timepoint, who: Index, dates: Days) -> None:
        play = self.play
        self.clock[who] = np.maximum(self.clock[who], dates)
        morning = dates.astype("datetime64[m]")
        play.tick(who, at(morning, 6 * HOUR))
        self._aside(point, who, morning, after=False)
        who, morning = self._present(who, morning)
        if not len(who):
            return
        play.note(("came", point.id), who)
        for arm in dict.fromkeys(play.arms[who]):
            play.note(("came in arm", point.id, str(arm)), who[play.arms[who] == arm])
        self._forms(point, who, at(morning, ARRIVAL))
        if point.id == play.screening:
            play.include(who, at(morning, DOSE))
        if point.dose:
            self._dose(point, who, at(morning, DOSE))
        if point.kind == "decision":
            self._decide(point, who, at(morning, DECISION))
        if point.kind == "visit":
            self.over[self.order.index(point.id), who] = True
        if (
            point.kind == "decision"
            or (point.dose and point.course_day == 1)
            or point.id in (self.protocol.last_visit, self.judged_at)
        ):
            play.look(who, at(morning, OVER))
        self.tries[point.id][who] += 1
        self._aside(point, who, at(morning, OVER), after=True)
        if point.id == self.protocol.last_visit:
            who, morning = self._present(who, morning)
            self._leave(who, at(morning, OVER + HOUR), point.id)

    def _present(self, who: Index, when: Times) -> tuple[Index, Times]:
        on = np.isnat(self.play.cohort.ended[who])
        return who[on], when[on]

    def _mine(self, one: int, point: str, *kinds: str) -> list[Twist]:
        first = self.tries[point][one] == 0
        return [t for t in self.twists[one].get(point, ()) if t.kind in kinds and (first or t.lasting)]

    def _forms(self, point: Timepoint, who: Index, when: Times) -> None:
        for task in point.tasks:
            form = task.form
            if not form or form in self.acts:
                continue
            fits = applies(self.play.cohort, task.activity, who, when)
            some, times = who[fits], when[fits]
            kept, given = [], []
            for k, one in enumerate(some.tolist()):
                mine = self._mine(one, point.id, "answer", "blank")
                if any(t.kind == "blank" and t.form == form for t in mine):
                    continue
                answers = {k: v for t in mine if t.form == form for k, v in t.answers.items()}
                kept.append(k)
                given.append(self._answers(form, answers, int(times[k].astype(np.int64))))
            if form in self.protocol.logs:
                self._history(form, some[kept], times[kept])
            elif kept:
                self.play.fill(form, point.id, some[kept], times[kept], given)

    def _answers(self, form: str, changed: dict[str, Any], when: int) -> dict[str, Any]:
        if not changed:
            key = form, when
            if key not in self._dated:
                self._dated[key] = dated(self.usual[form], when)
            return self._dated[key]
        items = self.protocol.forms[form].items
        usual = {item: self.hopes.answers[form, item] for item in items}
        return dated(asked(self.protocol, form, {**usual, **changed}), when)

    def _history(self, form: str, who: Index, when: Times) -> None:
        """The rows of a log that are asked for at screening, once."""
        for one, moment in zip(who.tolist(), when.astype(np.int64).tolist(), strict=True):
            if form not in self.play.diaries[one].rows:  # each row once
                for row in self.hopes.rows[form]:
                    self.play.write(form, one, moment, 0, dated(row, moment))
        self.play.protect(who, when, (form,))

    # ---- what happens beside -----------------------------------------------------------------

    def _aside(self, point: Timepoint, who: Index, when: Times, *, after: bool) -> None:
        """Rows, corrections, ends and consent taken back, before a timepoint or after it."""
        told: dict[str, list[int]] = {}
        for k, (one, moment) in enumerate(zip(who.tolist(), when.astype(np.int64).tolist(), strict=True)):
            mine = self.twists[one].get(point.id)
            tries = self.tries[point.id][one] - after
            if mine and tries == 1 and not after:
                self._undo(one, moment, mine)
            doing = [twist for twist in mine or () if tries == 0 and twist.after == after]
            for twist in doing:
                self._do(twist, one, moment, point)
            for twist in doing if tries == 0 else mine or () if tries == 1 and not after else ():
                if twist.kind == "row" and k not in told.setdefault(twist.form, []):
                    told[twist.form].append(k)
        for form, some in told.items():
            self.play.protect(who[some], when[some], (form,))

    def _undo(self, one: int, moment: int, mine: Sequence[Twist]) -> None:
        """Rows are corrected before the next attempt."""
        for twist in mine:
            for row in self.written.get((one, twist), ()) if twist.undo else ():
                values = dated(dict(twist.undo), moment)
                happened = self.play.diaries[one].rows[twist.form][row].happened
                self.play.write(twist.form, one, happened, moment // DAY - happened // DAY, values, row)

    def _do(self, twist: Twist, one: int, moment: int, point: Timepoint) -> None:
        who, when = np.array([one]), np.array([np.datetime64(moment, "m")])
        if not np.isnat(self.play.cohort.ended[one]):
            return
        if twist.kind == "row":
            happened = moment - twist.days * DAY
            row = self.play.write(twist.form, one, happened, twist.days, dated(twist.answers, happened))
            self.written.setdefault((one, twist), []).append(row)
        elif twist.kind == "correct":
            filled = self.play.diaries[one].forms.get(twist.form, {}).get(point.id)
            if filled:
                there = np.array([np.datetime64(filled.happened, "m")])
                self.play.fill(twist.form, point.id, who, there, [dated(twist.answers, filled.happened)])
        elif twist.kind == "leave":
            self._end(who, when, [twist.answers])
        elif twist.kind == "withdraw":
            form, _, item = self.protocol.study.recorded_on.consent.partition(".")
            for place, filled in list(self.play.diaries[one].forms.get(form, {}).items()):
                there = np.array([np.datetime64(filled.happened, "m")])
                self.play.fill(form, place, who, there, [{item: False}])

    # ---- doses and decisions -----------------------------------------------------------------

    def _dose(self, point: Timepoint, who: Index, when: Times) -> None:
        held_back = [bool(self._mine(one, point.id, "withhold")) for one in who.tolist()]
        kept = np.array(held_back)
        if kept.any():
            mine = [self._mine(one, point.id, "withhold")[0].answers for one in who[kept].tolist()]
            self.play.withhold(point.id, who[kept], when[kept], mine)
        who, when = who[~kept], when[~kept]
        if not len(who):
            return
        given = self.play.dose(point.id, who, when)
        if self.probe:
            self._ask_again(point, who, when)
        left = who[~given]
        self._try_again(point.id, left)
        if point.course_day != 1:
            self.over[self.order.index(point.id), left] = self.tries[point.id][left] >= 1

    def _ask_again(self, point: Timepoint, who: Index, when: Times) -> None:
        """Would the same dose be given twice, or the next one or one of another arm on the same day, or
        after midnight?"""
        self.play.dose(point.id, who, at(when, 10), probe=True)
        for other in self._others(point):
            self.play.dose(other, who, at(when, 20), probe=True)
            self.play.dose(other, who, at(day(when), DAY + 1), probe=True)

    def _others(self, point: Timepoint) -> list[str]:
        """The next dose of those who have this one, and the one of the same rank of those who have not."""
        doses = self.protocol.doses
        alike = [p.id for p in doses if set(p.arms) & set(point.arms) or not p.arms or not point.arms]
        foreign = [p.id for p in doses if p.id not in alike]
        k = alike.index(point.id)
        return (
            [*alike[k + 1 :][:1], *foreign[min(k, len(foreign) - 1) :][:1]] if foreign else alike[k + 1 :][:1]
        )

    def _try_again(self, point: str, who: Index) -> None:
        for one in who.tolist():
            k = self.tries[point][one]
            if k < len(AGAIN):
                wait = AGAIN[k] - (AGAIN[k - 1] if k else 0)
                self.again[point][one] = self.clock[one] + np.timedelta64(wait, "D")
            else:
                self.over[self.order.index(point), one] = True

    def _decide(self, point: Timepoint, who: Index, when: Times) -> None:
        self.play.decide(point.id, who, when)
        cohort = self.play.cohort
        left = who[np.isnat(cohort.decided[point.id][who]) | held(cohort, point.id)[who]]
        self._try_again(point.id, left)

    # ---- the end -----------------------------------------------------------------------------

    def _leave(self, who: Index, when: Times, point: str) -> None:
        """The end that the plan foresees, for everyone who is there."""
        if not len(who):
            return
        planned = point if point in self.protocol.where_asked[self.end_form] else ANY_TIME
        if planned in self.play.cohort.sheets[self.end_form].column:
            self._end(who, when, [{} for _ in who], planned)

    def _end(self, who: Index, when: Times, given: Sequence[dict[str, Any]], point: str = ANY_TIME) -> None:
        sheet = self.play.cohort.sheets[self.end_form]
        if point not in sheet.column:
            return
        full = [
            self._answers(self.end_form, dict(one), int(w.astype(np.int64)))
            for one, w in zip(given, when, strict=True)
        ]
        self.play.fill(self.end_form, point, who, when, full)


def at(when: Times | Days, minutes: int) -> Times:
    """So many minutes after a moment, or after the midnight of a day."""
    return np.asarray(when.astype("datetime64[m]") + np.timedelta64(minutes, "m"), dtype="datetime64[m]")
