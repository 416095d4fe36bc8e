"""A batch of participants whose acts go through `conduct`, each watched by the second reading.

Every act is asked for, accepted or refused as a site's would be, and written into the participant's history.
What `conduct` permits is judged by the oracle at that very moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.conduct.decision import judge
from trialrun.conduct.dose import amounts
from trialrun.conduct.permission import may_include, may_inject
from trialrun.conduct.reading import View, answers, judged
from trialrun.conduct.standing import held, screening_point
from trialrun.conduct.stop import overdue, triggered
from trialrun.conduct.verdict import NO, UNKNOWN, YES, Verdict
from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.simulate.rehearse.diary import Diary, Filled
from trialrun.simulate.rehearse.history import Does, Step
from trialrun.simulate.rehearse.oracle import Breach, against_decision, against_dose, against_inclusion
from trialrun.simulate.rehearse.reached import ANSWERS, Evidence, Key, Reached

Answers = Mapping[str, Any]
WATCHED = ("stops", "suspensions", "activities", "substudies", "allocation")
NOTHING: Answers = {}


class Play:
    """N participants of one protocol. twists: how many departures each makes (N,), to tell the simplest;
    arms: the arm that each is given at inclusion (N,), None in a study without any."""

    def __init__(
        self, protocol: Protocol, twists: Sequence[int], reached: Reached, arms: Sequence[str | None]
    ) -> None:
        n = len(twists)
        self.arms = np.array(arms, dtype=object)
        self.protocol, self.reached = protocol, reached
        self.cohort = Cohort(protocol, n)
        self.diaries = [Diary(protocol) for _ in range(n)]
        self.steps: list[list[Step]] = [[] for _ in range(n)]
        self.twists = np.asarray(twists)
        self.screening = screening_point(self.cohort)
        self._rows = [0] * n
        self._judged: dict[Any, list[Breach]] = {}

    # ---- what is told ------------------------------------------------------------------------

    def fill(self, form: str, point: str, who: Index, when: Times, given: Sequence[Answers]) -> None:
        """Fill a form at a timepoint, each with answers of their own."""
        if not len(who):
            return
        items = list(dict.fromkeys(item for one in given for item in one))
        columns = {item: [one.get(item) for one in given] for item in items}
        self.cohort.enter(form, point, who, when, when, columns)
        ends = form == self.protocol.study.recorded_on.end.partition(".")[0]
        does: Does = "end" if ends else "fill"
        told: dict[tuple[int, int], tuple[Filled, int, Step]] = {}
        for one, moment, said in zip(who.tolist(), _minutes(when), given, strict=True):
            key = moment, id(said)
            if key not in told:
                step = Step(moment, does, form, "" if point == ANY_TIME else point, tuple(said.items()))
                filled = Filled(moment, self.diaries[one].plain(form, said))
                told[key] = filled, hash((form, point, moment, tuple(filled.values.items()))), step
            filled, mark, step = told[key]
            self.diaries[one].take(form, point, filled, mark)
            self.steps[one].append(step)
        self._note(("form", form), who)
        self._protect(who, when, form)

    def write(
        self, log: str, one: int, happened: int, told: int, values: Answers, row: str | None = None
    ) -> str:
        """Add a row to a log, told so many days after it happened; or go on with one. Nothing is stopped by
        it before ``protect``."""
        self._rows[one] += 1
        row = row or f"row-{self._rows[one]}"
        there, now = _moment(happened), _moment(happened + told * 1440)
        self.cohort.write(log, one, row, there, now, values)
        self.diaries[one].write(log, row, happened, values)
        self._step(one, happened + told * 1440, "write", log, "", {**values, "": row}, told=told)
        self._note(("form", log), np.array([one]))
        return row

    def protect(self, who: Index, when: Times, forms: Iterable[str]) -> None:
        """Let the stop rules act on rows that were just written."""
        for rule, some in triggered(self.cohort, who, when, set(forms)):
            self._stop(rule, some, when[np.isin(who, some)])

    # ---- what is asked for -------------------------------------------------------------------

    def include(self, who: Index, when: Times) -> None:
        """Include who may be, each in their arm."""
        verdict = may_include(self.cohort, who, when)
        self._rules(verdict, who)
        fits = verdict.permitted
        for arm in dict.fromkeys(self.arms[who[fits]]):
            theirs = fits & (self.arms[who] == arm)
            self.cohort.include(who[theirs], when[theirs], arm)
        for k, (one, moment) in enumerate(zip(who.tolist(), _minutes(when), strict=True)):
            if fits[k]:
                found = against_inclusion(self.diaries[one], self.screening, moment)
                self.diaries[one].included, self.diaries[one].arm = moment, self.arms[one]
                self._permitted(
                    one, moment, "include", "include", str(self.screening), found, values=self._given(one)
                )
            else:
                self._refused(one, moment, "include", "include", str(self.screening), verdict, k)

    def _given(self, one: int) -> Answers:
        """The arm that inclusion gives."""
        return {} if self.arms[one] is None else {"arm": self.arms[one]}

    def dose(self, point: str, who: Index, when: Times, *, probe: bool = False) -> Any:
        """Give the dose to who may have it: (len(who),) True where given. probe: only ask, and judge."""
        planned = self.protocol.timepoints[point]
        verdict = may_inject(self.cohort, point, who, when)
        if not probe:
            self._rules(verdict, who, point, when)
        fits = verdict.permitted
        right = amounts(self.cohort, point, who, when)
        given = [{"given": True, "dose": float(one)} for one in right]
        form = self.protocol.study.recorded_on.injection
        for k, (one, moment) in enumerate(zip(who.tolist(), _minutes(when), strict=True)):
            if fits[k]:
                found = self._against(self.diaries[one], planned, moment, given[k]["dose"])
                if not probe or found:
                    self._permitted(one, moment, "dose", form, point, found)
            elif not probe:
                self._refused(one, moment, "dose", form, point, verdict, k)
        if not probe and fits.any():
            self.cohort.enter(
                form, point, who[fits], when[fits], when[fits], {"given": True, "dose": right[fits]}
            )
            for k in np.flatnonzero(fits).tolist():
                self.diaries[int(who[k])].fill(form, point, int(when[k].astype(np.int64)), given[k])
            self._note(("form", form), who[fits])
            self._protect(who[fits], when[fits], form)
        return fits

    def _against(self, diary: Diary, planned: Timepoint, moment: int, given: float) -> list[Breach]:
        """What speaks against a dose; judged once for all who were told the same."""
        made = tuple((name, *some) for name, some in diary.decided.items())
        key = (planned.id, moment, diary.mark, diary.included, diary.arm, diary.stopped, made)
        if key not in self._judged:
            self._judged[key] = against_dose(diary, planned, moment, given)
        return self._judged[key]

    def withhold(self, point: str, who: Index, when: Times, given: Sequence[Answers]) -> None:
        """Record a dose as not given."""
        form = self.protocol.study.recorded_on.injection
        said = [{"given": False, "dose": 0.0, **one} for one in given]
        columns = {
            item: [one.get(item) for one in said] for item in dict.fromkeys(k for s in said for k in s)
        }
        self.cohort.enter(form, point, who, when, when, columns)
        for one, moment, values in zip(who.tolist(), _minutes(when), said, strict=True):
            self.diaries[one].fill(form, point, moment, values)
            self._step(one, moment, "withhold", form, point, values, {"withheld"})
        self._note(("withheld", point), who)
        self._protect(who, when, form)

    def decide(self, decision: str, who: Index, when: Times) -> None:
        """Decide where the rules are ready."""
        judgement = judge(self.cohort, decision, who, when)
        outcomes = list(self.protocol.decisions[decision].outcomes)
        for name, frame in judgement.frames.items():
            id = f"decisions.{decision}.{name}"
            self._said(id, who, answers(self.protocol.rules[id], frame))
        held_before = held(self.cohort, decision)[who]
        ready = judgement.ready
        if ready.any():
            self.cohort.decide(decision, who[ready], judgement.outcome[ready], when[ready])
        for k, (one, moment) in enumerate(zip(who.tolist(), _minutes(when), strict=True)):
            if not ready[k]:
                waits = str(judgement.unknown[k])
                codes = {f"unknown:{waits}"} if waits else set()
                self._refused(one, moment, "decide", decision, decision, judgement.verdict, k, codes)
                continue
            name = outcomes[judgement.outcome[k]]
            found = against_decision(self.diaries[one], decision, name, moment)
            self.diaries[one].decided.setdefault(decision, []).append((moment, name))
            more = {f"outcome:{name}"} | ({"after a hold"} if held_before[k] else set())
            self._permitted(one, moment, "decide", decision, decision, found, more, f"decided: {name}")
            self.reached.note(("outcome", decision, name), self._evidence(one))
            effect = self.protocol.decisions[decision].outcomes[name].effect
            if held_before[k]:
                last = self.diaries[one].decided[decision][-2][1]
                self.reached.note(("lifted", decision, last, effect), self._evidence(one))
            if effect == "stop":
                self._stopped(one, moment, f"decisions.{decision}")

    def look(self, who: Index, when: Times) -> None:
        """What the rules that watch all along say now: stops, suspensions, conditions of activities."""
        for name, rule in self.protocol.rules.items():
            kind = name.partition(".")[0]
            if kind in WATCHED:
                way = "complete" if kind in ("activities", "substudies") else "so far"
                view = View(self.cohort, who, when, None, way)  # type: ignore[arg-type]
                self._said(name, who, judged(view, rule)[1])

    def tick(self, who: Index, when: Times) -> None:
        """Let time act: holds that run out, events that last too long."""
        for rule, some in overdue(self.cohort, who, when):
            self._stop(rule, some, when[np.isin(who, some)])

    # ---- stops -------------------------------------------------------------------------------

    def _protect(self, who: Index, when: Times, form: str) -> None:
        self.protect(who, when, (form,))

    def _stop(self, rule: str, who: Index, when: Times) -> None:
        self.cohort.stop(who, rule, when)
        for one, moment in zip(who.tolist(), _minutes(when), strict=True):
            self._stopped(one, moment, rule)

    def _stopped(self, one: int, moment: int, rule: str) -> None:
        if self.diaries[one].stopped is None:
            self.diaries[one].stopped = moment
            kind, _, name = rule.partition(".")
            why = self.protocol.study.stops[name].text() if kind == "stops" else rule
            self._step(one, moment, "stop", rule, "", {}, {f"stop:{rule}"}, why)
            self.reached.note(("stop", rule), self._evidence(one))
            if kind == "stops":
                self._overtaken(one, moment)

    def _overtaken(self, one: int, moment: int) -> None:
        """The outcomes that would stop someone whom a stop rule has stopped already."""
        for decision, spec in self.protocol.decisions.items():
            for name, outcome in spec.outcomes.items():
                rule = self.protocol.rules.get(f"decisions.{decision}.{name}")
                stops = rule is not None and outcome.effect == "stop"
                if rule and stops and self.diaries[one].says(rule, moment, decision, proven=False):
                    self.reached.note(("overtaken", decision, name), self._evidence(one))

    # ---- what came of it ---------------------------------------------------------------------

    def _permitted(
        self, one: int, moment: int, does: Does, name: str, point: str, found: list[Breach],
        more: set[str] | None = None, said: str = "permitted", values: Answers = NOTHING,
    ) -> None:  # fmt: skip
        codes = {"permitted", *(more or ())}
        codes |= {f"{'blind' if breach.blind else 'unsafe'}:{breach.id}" for breach in found}
        words = f"{said}, though {'; '.join(breach.words for breach in found)}" if found else said
        self._step(one, moment, does, name, point, values, codes, words)
        kind = "given" if does == "dose" else does
        self.reached.note((kind, point), self._evidence(one))
        self.reached.note((f"{kind} in arm", point, str(self.arms[one])), self._evidence(one))
        for breach in found:
            danger = "blind" if breach.blind else "unsafe"
            self.reached.note((danger, does, breach.id), self._evidence(one))

    def _refused(
        self, one: int, moment: int, does: Does, name: str, point: str, verdict: Verdict, row: int,
        more: set[str] | None = None,
    ) -> None:  # fmt: skip
        unmet = [c for c in verdict.conditions if c.state[row] != YES]
        shown = [c for c in unmet if c.final] or unmet
        codes = {"refused", *(c.id for c in shown), *(more or ())}
        waits = [f"not known: {code.partition(':')[2]}" for code in more or ()]
        words = "; ".join([*(c.reason(row).message for c in shown), *waits])
        self._step(one, moment, does, name, point, {}, codes, f"refused: {words}")
        self.reached.note(("refused", does, point, str(self.arms[one]), str(len(codes))), self._evidence(one))

    def _step(
        self, one: int, moment: int, does: Does, name: str, point: str, values: Answers,
        codes: set[str] | frozenset[str] = frozenset(), said: str = "", told: int = 0,
    ) -> None:  # fmt: skip
        listed = tuple(values.items())
        self.steps[one].append(Step(moment, does, name, point, listed, frozenset(codes), said, told))

    def _evidence(self, one: int) -> Evidence:
        return Evidence(self.steps[one], len(self.steps[one]), int(self.twists[one]))

    def _note(self, key: Key, who: Index) -> None:
        """The simplest of many that reached the same."""
        if len(who):
            best = who[np.argmin(self.twists[who])]
            self.reached.note(key, self._evidence(int(best)), len(who))

    def note(self, key: Key, who: Index) -> None:
        self._note(key, who)

    def _said(self, rule: str, who: Index, said: Any) -> None:
        for state, word in ANSWERS.items():
            self._note(("rule", rule, word), who[said == state])

    def _rules(
        self, verdict: Verdict, who: Index, point: str | None = None, when: Times | None = None
    ) -> None:
        """What the rules of an act said: YES is what the study wants of it."""
        study = self.protocol.study
        for condition in verdict.conditions:
            if condition.id not in self.protocol.rules:
                continue
            kind, _, name = condition.id.partition(".")
            wanted = kind == "before_course" or (
                kind == "eligibility" and study.eligibility[name].require is not None
            )
            said = np.where(
                condition.state == UNKNOWN, UNKNOWN, np.where((condition.state == YES) == wanted, YES, NO)
            )
            if kind == "before_dose" and study.before_dose[name].unknown == "continue" and when is not None:
                view = View(self.cohort, who, when, point, "so far")
                said = judged(view, self.protocol.rules[condition.id])[1]
            self._said(condition.id, who, said)


def _minutes(when: Times) -> list[int]:
    return [int(moment) for moment in when.astype(np.int64)]


def _moment(minute: int) -> np.datetime64:
    return np.datetime64(int(minute), "m")
