"""Whether what is to be recorded fits: its form and place, the person, the moment, the participation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Times, day
from trialrun.conduct.reading import answers, read
from trialrun.conduct.standing import Standing, before_it, screening_point, standing, visited
from trialrun.conduct.verdict import YES, Reason
from trialrun.protocol.form import Form
from trialrun.protocol.plan import FIRST_DOSE, LAST_DOSE
from trialrun.protocol.problem import nearest
from trialrun.protocol.protocol import Task, Timepoint
from trialrun.record import local
from trialrun.record.person import FILLS, RIGHTS
from trialrun.record.projection import WHO, Filled, Projection
from trialrun.record.submission import Submission
from trialrun.record.value import Answers, Checked, Content, check

COMPLETED = "completed"
"""The code of an end of participation that comes only once the last visit is due."""
SERIOUS = "AE.AESER"
"""The SDTM name of the item that says whether an adverse event is serious."""


class Fitting(Submission):
    """The checks that commands share; each gives the reasons against, none where all is well."""

    def _title(self, form: object) -> str:
        found: Form | None = self.protocol.forms.get(form) if isinstance(form, str) else None
        return found.title() if found else f"{form!s:.40}"

    def _today(self, known: Projection) -> date:
        return local.date_of(local.there(self.clock.now(), known.zone))

    def _form(self, form: str, *, repeats: bool) -> list[Reason]:
        found = self.protocol.forms.get(form)
        if found is None:
            return [stranger("form", form, self.protocol.forms)]
        if found.repeats == repeats:
            return []
        cure = "write a row of it" if found.repeats else "enter it at its timepoint"
        what = "has a row for each occurrence" if found.repeats else "is filled at timepoints"
        return [Reason("form", f"«{found.title()}» {what}", cure)]

    def _planned(self, known: Projection, form: str, point: str) -> list[Reason]:
        """Whether a form is filled at a timepoint at all."""
        if reasons := self._form(form, repeats=False):
            return reasons
        columns = known.cohort.sheets[form].points
        if point in columns:
            return []
        where = f"it is planned at {', '.join(columns)}"
        return [Reason("point", f"«{self._title(form)}» is not planned at {point}", where)]

    def _strange(
        self, known: Projection, point: str, *, form: str | None = None, specimen: str | None = None
    ) -> list[Reason]:
        """What is not for this participant: a timepoint of another arm, a substudy that was not joined."""
        planned = self.protocol.timepoints.get(point)
        if planned is None:
            return []
        if not known.cohort.within(planned.arms)[0]:
            arm = self.protocol.study.arms[str(known.cohort.arm_of(0))].title()
            return [Reason("arm", f"{point} is not for the arm «{arm}»", "name a timepoint of that arm")]
        return self._unjoined(known, planned, form, specimen)

    def _unjoined(
        self, known: Projection, planned: Timepoint, form: str | None, specimen: str | None
    ) -> list[Reason]:
        """That the substudy which alone asks for it was not joined."""
        tasks = [
            task for task in planned.tasks if (task.form, task.specimen) in ((form, None), (None, specimen))
        ]
        asking = [self.protocol.activity(task.activity).substudy for task in tasks]
        if not asking or not all(asking) or any(self._joined(known, str(name)) for name in asking):
            return []
        title = self.protocol.study.substudies[str(asking[0])].title()
        message = f"it is not known that the participant joined «{title}»"
        return [Reason("substudy", message, "nothing is recorded for a substudy without its consent")]

    def _joined(self, known: Projection, substudy: str) -> bool:
        rule, now = self.protocol.rules[f"substudies.{substudy}"], local.there(self.clock.now(), known.zone)
        return bool(answers(rule, read(known.cohort, rule.reads, WHO, now, None, "complete"))[0] == YES)

    # ---- by whom, and when -------------------------------------------------------------------------

    def _fills(self, by: str, form: str, answers: Answers | None = None) -> list[Reason]:
        """Whether this person fills this form; adjudicators also answer what a log leaves open for them."""
        person, asked = self.person(by), self.protocol.forms.get(form)
        if person is None or asked is None or person.role not in FILLS:
            return []
        able = [role for role, forms in FILLS.items() if asked.by in forms]
        if form == self.protocol.study.recorded_on.injection:
            able = [role for role in able if "dose" in RIGHTS[role]]
        if person.role in able:
            return []
        if person.role == "adjudicator" and asked.repeats and answers:
            named = {*answers.values, *answers.missing, *answers.confirmed} & {*asked.items}
            if not any(asked.items[name].required for name in named):
                return []
        message = f"{person.name} ({person.role}) does not fill «{asked.title()}»"
        return [Reason("by", message, f"this is for: {', '.join(able)}")]

    @property
    def _end_form(self) -> str:
        return self.protocol.study.recorded_on.end.partition(".")[0]

    @property
    def _consent_form(self) -> str:
        return self.protocol.study.recorded_on.consent.partition(".")[0]

    def _tasks(
        self, known: Projection, point: str, *, form: str | None = None, specimen: str | None = None
    ) -> list[Task]:
        """What is planned of a form or specimen at a timepoint with dates: not screening nor any time."""
        planned = None if point == screening_point(known.cohort) else self.protocol.timepoints.get(point)
        tasks = planned.tasks if planned else ()
        return [task for task in tasks if (task.form, task.specimen) in ((form, None), (None, specimen))]

    def _too_early(self, known: Projection, tasks: list[Task], point: str, now: Times) -> list[Reason]:
        """Nothing is done at a timepoint before its first day, unless the study lets it be done ahead."""
        if not tasks:
            return []
        rows = [self.protocol.activity(task.activity) for task in tasks]
        ahead = max((row.ahead.days for row in rows if row.ahead), default=0.0)
        here = standing(known.cohort, now)
        if unready := self._unready(known, here, point, now):
            return unready
        first = here.earliest[point].astype("datetime64[m]")
        first = first - np.timedelta64(round(ahead * 24 * 60), "m")
        if not (now < first)[0]:
            return self._waiting(known, here, point)
        message = f"{point} begins on {local.shown(first)}, not at {local.shown(now)}"
        return [Reason("window", message, "wait until then, or name the timepoint at which it was done")]

    def _unready(self, known: Projection, here: Standing, point: str, now: Times) -> list[Reason]:
        """Why a timepoint has no day: its event, the visit before it or its course is not there."""
        cohort, planned = known.cohort, self.protocol.timepoints[point]
        anchor = planned.anchor.after if planned.anchor else ""
        if planned.event and np.isnat(here.earliest[point])[0]:
            message = f"{point} waits for «{planned.event.replace('_', ' ')}», of which no date is known"
            return [Reason("event", message, "record what brought it about first")]
        before = before_it(cohort, point) if planned.as_needed else None
        if before and not (visited(cohort, before) <= now)[0]:
            return [Reason("series", f"{before} comes before {point}", "name them in the order they came")]
        if planned.kind == "visit" and planned.otherwise is None and here.unbegun(cohort, point)[0]:
            message = f"{point} is not to come: the course {anchor} does not take place"
            return [Reason("void", message, "name the timepoint at which it was done")]
        return []

    def _waiting(self, known: Projection, here: Standing, point: str) -> list[Reason]:
        """What a timepoint is counted from, and has not come though its planned day has."""
        if not here.waiting(known.cohort, point)[0]:
            return []
        planned = self.protocol.timepoints[point].anchor
        anchor = planned.after if planned else ""
        what = {FIRST_DOSE: "the first dose", LAST_DOSE: "the last dose"}.get(anchor, f"the course {anchor}")
        message = f"{point} waits for {what}"
        return [Reason("window", message, "record that first, or name the timepoint at which it was done")]

    def _late(self, known: Projection, tasks: list[Task], point: str, now: Times) -> dict[str, bool]:
        """A note that it was done after the window of its timepoint: it counts, and shows."""
        late = bool(tasks) and bool((now > standing(known.cohort, now).until[point])[0])
        return {"late": True} if late else {}

    def _told(
        self, known: Projection, form: str, row: str, now: Times, contents: Mapping[str, Content]
    ) -> list[Reason]:
        """Whether a log takes a row of that time. What is there goes on after the end of participation, and
        serious adverse events are told whenever they come (ICH E2A)."""
        items = self.protocol.forms[form].items
        serious = any(items[name].sdtm == SERIOUS and contents[name] is True for name in contents)
        reported = serious and form == self.protocol.study.recorded_on.adverse_event
        lasting = reported or (form, row) in known.filled
        reasons = self._within_participation(known, now)
        return [reason for reason in reasons if not (lasting and reason.condition == "participation")]

    def _still(
        self,
        known: Projection,
        form: str,
        place: str,
        moment: Times,
        contents: Mapping[str, Content],
        moved: bool,
    ) -> list[Reason]:
        """Whether what is corrected still fits into the participation."""
        if form in (self._end_form, self._consent_form):
            return self._framed(known, form, known.filled[form, place], moment, contents)
        if not moved:
            return []
        if self.protocol.forms[form].repeats:
            return self._told(known, form, place, moment, contents)
        early = self._too_early(known, self._tasks(known, place, form=form), place, moment)
        # The rules of injections look at their days themselves.
        early = [] if form == self.protocol.study.recorded_on.injection else early
        return [*self._within_participation(known, moment), *early]

    def _framed(
        self,
        known: Projection,
        form: str,
        before: Filled | None,
        moment: Times,
        contents: Mapping[str, Content],
    ) -> list[Reason]:
        """Consent comes before everything that is recorded, and the end after it."""
        if form == self._end_form:
            return self._ending(known, moment, contents)
        return self._consenting(known, moment, contents) if form == self._consent_form and before else []

    def _consenting(self, known: Projection, moment: Times, contents: Mapping[str, Content]) -> list[Reason]:
        item = self.protocol.study.recorded_on.consent.partition(".")[2]
        done = self._done(known, self._consent_form)
        if contents.get(item) is not True and not np.isnat(known.cohort.first_injection[0]):
            message = "injections were given under this consent"
            return [Reason("consent", message, "a withdrawal is an end of participation: record that")]
        if done and moment[0] > min(done):
            message = f"{local.shown(moment)} is after what was done at {local.shown(np.array([min(done)]))}"
            return [Reason("consent", message, "nothing of the trial precedes consent; correct the time")]
        return []

    def _ending(self, known: Projection, moment: Times, contents: Mapping[str, Content]) -> list[Reason]:
        item = self.protocol.study.recorded_on.end.partition(".")[2]
        done, reasons = self._done(known, self._end_form), []
        if done and moment[0] < max(done):
            message = f"something was done at {local.shown(np.array([max(done)]))}"
            message = f"{message}: participation did not end at {local.shown(moment)}"
            reasons.append(Reason("end", message, "correct the time, or what was recorded after it"))
        last = [*self.protocol.where_asked[self._end_form]][-1:]
        if contents.get(item) == COMPLETED and last:
            first = standing(known.cohort, moment).earliest[last[0]]
            if (day(moment) < first)[0]:
                message = f"{last[0]} begins on {first[0]}: participation is not completed before"
                reasons.append(Reason("end", message, "write why it ended early"))
        return reasons

    def _done(self, known: Projection, without: str) -> list[np.datetime64]:
        """When everything took place that people recorded at timepoints, but for one form."""
        sheets = known.cohort.sheets
        forms = [f.happened for (form, _), f in known.filled.items() if form in sheets and form != without]
        acts = [act.happened for act in known.acts if act.act != "stop"]
        return [local.wall(text)[0] for text in (*forms, *acts)]

    def _check(
        self,
        known: Projection,
        form: str,
        point: str | None,
        answers: Answers,
        filled: Filled | None,
        until: date,
    ) -> Checked:
        def elsewhere(names: Iterable[str]) -> dict[str, Any]:
            now = local.there(self.clock.now(), known.zone)
            return read(known.cohort, names, WHO, now, point, "so far").row(0, named=True)

        kept = filled.contents() if filled else None
        return check(self.protocol, form, answers, until, kept, elsewhere)


def stranger(kind: str, name: str, known: Mapping[str, Any]) -> Reason:
    close = nearest(name, known)
    return Reason(
        kind,
        f"there is no {kind} `{name}`",
        f"did you mean {close}?" if close else f"there are {', '.join(known)}",
    )
