"""A participant's record as the place where a virtual site writes: every act is a command."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from trialrun.conduct.allocation import Chance
from trialrun.conduct.cohort import Cohort, Index, Times
from trialrun.protocol.protocol import Protocol
from trialrun.record.person import Person
from trialrun.record.trial import Trial
from trialrun.simulate.ledger import Row

REPEATED = "done again, as the visit was put off"
FOLLOWED = "follow-up of the event"

STAFF = (
    Person("investigator", "Virtual investigator", "investigator"),
    Person("nurse", "Virtual nurse", "nurse"),
    Person("pharmacist", "Virtual pharmacist", "pharmacist"),
    Person("laboratory", "Virtual laboratory", "laboratory"),
    Person("adjudicator", "Virtual adjudicator", "adjudicator"),
)


Keep = Callable[[str, str, Mapping[str, Any]], bool]
"""A form, its timepoint and the answers -> whether a laboratory answers it later, from its own files."""


def nowhere(form: str, point: str, answers: Mapping[str, Any]) -> bool:
    """No laboratory: every form is answered at once."""
    return False


class VirtualClock:
    """A clock that the demonstration sets: a virtual trial's own time. It never steps back by itself."""

    def __init__(self, start: datetime.datetime) -> None:
        self._now = start

    def now(self) -> datetime.datetime:
        return self._now

    def set(self, moment: datetime.datetime) -> None:
        self._now = moment


class RecordLedger:
    """One participant of a trial, enrolled on the morning of the day of screening: two who are screened
    on one day have their numbers before either comes."""

    def __init__(
        self, trial: Trial, clock: VirtualClock, site: str, number: int, date: np.datetime64
    ) -> None:
        self.trial = trial
        self.keep: Keep = nowhere
        self.clock = clock
        self.site = site
        self.number = number
        self._acts = 0
        self._last = date.astype("datetime64[m]")
        self._zone = ZoneInfo(trial.protocol.study.sites[site].timezone)
        self._set(self._last)
        self.subject = trial.enrol(site, by="investigator", key=f"enrol-{number}")

    @property
    def protocol(self) -> Protocol:
        return self.trial.protocol

    @property
    def cohort(self) -> Cohort:
        return self.trial.cohort(self.subject)

    # ---- acts --------------------------------------------------------------------------------

    def enter(
        self, form: str, point: str, who: Index, when: Times, answers: Mapping[str, Sequence[Any]]
    ) -> None:
        subject = self._at(when[0])
        if self.keep(form, point, {item: values[0] for item, values in answers.items()}):
            return
        again = not np.isnat(self.cohort.sheets[form].at(point)[0])
        values = _given({item: values[0] for item, values in answers.items()})
        reason = REPEATED if again else None
        self.trial.enter(
            subject,
            form,
            point,
            _naive(when[0]),
            values,
            by=self._role(form),
            key=self._key(form),
            reason=reason,
        )

    def write(self, form: str, rows: Sequence[Row]) -> None:
        for row in rows:
            subject = self._at(row.now)
            there = any(found["row"] == row.id for found in self.cohort.logs[form].rows)
            self.trial.write(
                subject,
                form,
                row.id,
                _naive(row.when),
                _given(row.values),
                by=self._role(form),
                key=self._key(form),
                reason=FOLLOWED if there else None,
            )

    def collect(self, specimen: str, point: str, who: Index, when: Times) -> None:
        subject = self._at(when[0])
        if np.isnat(self.cohort.collected[specimen, point][0]):
            self.trial.collect(subject, specimen, point, _naive(when[0]), by="nurse", key=self._key(specimen))

    def include(self, who: Index, when: Times, chance: Chance) -> None:
        subject, key = self._at(when[0]), self._key("include")
        self.trial.include(subject, _naive(when[0]), by="investigator", key=key, chance=chance)

    def inject(self, point: str, who: Index, when: Times, answers: Mapping[str, Sequence[Any]]) -> None:
        values = _given({item: given[0] for item, given in answers.items()})
        self.trial.dose(self._at(when[0]), point, _naive(when[0]), values, by="nurse", key=self._key(point))

    def decide(self, decision: str, who: Index, when: Times) -> None:
        self.trial.decide(
            self._at(when[0]), decision, _naive(when[0]), by="investigator", key=self._key(decision)
        )

    def tick(self, who: Index, when: Times) -> None:
        self.trial.tick(self._at(when[0]))

    # ---- by whom, when, under which key ------------------------------------------------------

    def _at(self, moment: np.datetime64) -> str:
        """Set the clock to the moment of writing, which may be later than what is written."""
        if moment > self._last:
            self._last = moment
        self._set(self._last)
        return self.subject

    def _set(self, moment: np.datetime64) -> None:
        self.clock.set(_naive(moment).replace(tzinfo=self._zone).astimezone(datetime.UTC))

    def _role(self, form: str) -> str:
        by = self.protocol.forms[form].by
        return by if by in {person.id for person in STAFF} else "investigator"

    def _key(self, what: str) -> str:
        self._acts += 1
        return f"{self.number}-{self._acts}-{what}"


def _naive(moment: np.datetime64) -> datetime.datetime:
    found = moment.astype(datetime.datetime)
    assert isinstance(found, datetime.datetime)
    return found


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {item: value for item, value in values.items() if value is not None}
