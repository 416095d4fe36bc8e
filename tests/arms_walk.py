"""Participants of the small study with arms, walked through its record."""

from datetime import UTC, datetime, timedelta
from itertools import count

from trialrun.record.person import Person
from trialrun.record.trial import Trial

DAY_1 = datetime(2020, 3, 9, 10)  # noqa: DTZ001 (a site's wall clock)
PEOPLE = (Person("anna", "Anna Berg", "investigator"), Person("nils", "Nils Roy", "nurse"),
          Person("lab", "Lou Faure", "laboratory"))  # fmt: skip
KEYS = count()


class SetClock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.moment = datetime(2020, 2, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


def at(trial: Trial, day: float) -> datetime:
    """A moment so many days after the first one; the clock stands an hour later."""
    when = DAY_1 + timedelta(days=day)
    trial.clock.moment = when.replace(tzinfo=UTC)  # type: ignore[attr-defined]
    return when


def said(by: str = "anna") -> dict[str, str]:
    return {"by": by, "key": str(next(KEYS))}


def screened(trial: Trial, site: str = "ONE", sex: str = "F", blood: bool = True) -> str:
    when = at(trial, -7)
    subject = trial.enrol(site, **said())
    trial.enter(subject, "consent", "SCR", when, {"signed": True, "blood": blood}, **said())
    measures = {"sex": sex, "height": 180, "weight": 80}
    trial.enter(subject, "person", "SCR", when, measures, **said("nils"))
    return subject


def included(trial: Trial, arm: str | None = None, **person: object) -> str:
    """A participant; of an arm if one is named, since chance may be passed in to a virtual trial."""
    subject = screened(trial, **person)  # type: ignore[arg-type]
    draw = {None: None, "A": lambda below: 0, "B": lambda below: below - 1}[arm]
    trial.include(subject, at(trial, -1), chance=draw, **said())
    return subject


def begun(trial: Trial, *days: float) -> str:
    """Someone of arm B with the first doses of the series on these days."""
    subject = included(trial, "B")
    for number, day in enumerate(days, 1):
        check(trial, subject, f"S{number}.D1", day)
        given = {"given": True, "dose": 40}
        trial.dose(subject, f"S{number}.D1", at(trial, day + 0.1), given, **said("nils"))
    return subject


def check(trial: Trial, subject: str, point: str, day: float) -> None:
    trial.enter(subject, "check", point, at(trial, day), {"well": True, "pulse": 70}, **said("nils"))
