"""Facts written by hand: a small book in which a test enters what happened."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.tables.build import build
from trialrun.tables.facts import ACTS, SUBJECTS, VALUES, Facts

DAY_1 = date(2010, 3, 1)


@dataclass
class Book:
    """Collects facts; each form and each act is one entry of the participant's chain."""

    protocol: Protocol
    subjects: list[dict[str, Any]] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)
    length: dict[str, int] = field(default_factory=dict)

    def enrol(self, subject: str, site: str = "PSL", virtual: bool = True) -> None:
        self.length[subject] = 1
        row = {"subject": subject, "site": site, "virtual": virtual, "source": f"{subject}#1"}
        self.subjects.append(row)

    def entry(self, subject: str) -> str:
        self.length[subject] += 1
        return f"{subject}#{self.length[subject]}"

    def fill(
        self,
        subject: str,
        form: str,
        point: str | None,
        when: datetime,
        row: str | None = None,
        **answers: Any,
    ) -> None:
        """Answers by item: None is left empty, a text that begins with `?` is why there is no answer."""
        source = self.entry(subject)
        for item, answer in answers.items():
            said = {"number": None, "text": None, "missing": None}
            if isinstance(answer, bool):
                said["text"] = "Y" if answer else "N"
            elif isinstance(answer, int | float):
                said["number"] = float(answer)
            elif isinstance(answer, date):
                said["text"] = answer.isoformat()
            elif isinstance(answer, str) and answer.startswith("?"):
                said["missing"] = answer[1:]
            else:
                said["text"] = answer
            place = {"subject": subject, "form": form, "point": point, "row": row, "item": item}
            self.values.append({**place, **said, "happened": when, "source": source})

    def act(
        self,
        subject: str,
        act: str,
        when: datetime,
        name: str | None = None,
        point: str | None = None,
        outcome: str | None = None,
    ) -> None:
        source = self.entry(subject)
        self.acts.append(
            {
                "subject": subject,
                "act": act,
                "name": name,
                "point": point,
                "outcome": outcome,
                "happened": when,
                "by": "investigator",
                "source": source,
            }
        )

    def facts(self, shuffle: int | None = None) -> Facts:
        frames = [(self.subjects, SUBJECTS), (self.values, VALUES), (self.acts, ACTS)]
        if shuffle is not None:
            order = random.Random(shuffle)
            frames = [(order.sample(rows, len(rows)), schema) for rows, schema in frames]
        return Facts(*(pl.DataFrame(rows, schema=schema, orient="row") for rows, schema in frames))

    # ---- whole stretches of a trial --------------------------------------------------------------

    def answers(self, form: str) -> dict[str, Any]:
        """A plausible answer to every item: the middle of the usual range, the first code, no."""
        return {name: self._answer(item) for name, item in self.protocol.forms[form].items.items()}

    def _answer(self, item: Any) -> Any:
        if item.type in ("number", "integer"):
            limits = item.usual or item.limits
            return round((limits.low + limits.high) / 2, item.decimals or 0)
        if item.type == "choice":
            return next(iter(item.codes))
        return {"boolean": False, "text": "text", "date": DAY_1 - timedelta(days=400)}[item.type]

    def attend(
        self, subject: str, point: str, day: date, without: tuple[str, ...] = (), **given: dict[str, Any]
    ) -> None:
        """Fill every planned form of a timepoint but logs; what is `given` for a form goes first."""
        planned = self.protocol.timepoints[point]
        for name in planned.specimens:
            self.act(subject, "collect", datetime.combine(day, time(8, 30)), name, point)
        for form in planned.forms:
            if form in without or self.protocol.forms[form].repeats:
                continue
            hour = 10 if form == "injection" else 8
            answers = self.answers(form)
            if form == "injection":
                answers |= {"given": True, "dose": planned.dose.amount, "reason_not_given": None}
            if form == "consent":
                answers |= {"signed": True}
            if form == "end_of_participation":
                answers |= {"status": "completed", "date": day, "cause_of_death": None}
            self.fill(
                subject, form, point, datetime.combine(day, time(hour)), **(answers | given.get(form, {}))
            )


def on(day: int, hour: int = 9) -> datetime:
    """Local time on an SDTM study day (1 = first dose, no day 0)."""
    return datetime.combine(DAY_1 + timedelta(days=day - (day > 0)), time(hour))


def screen(book: Book, subject: str) -> None:
    book.enrol(subject)
    book.attend(subject, "SCR", on(-14).date(), cytometry={"treg_percent": 2.5})
    rows = [("k1", -30, 0.5), ("k2", -20, 0.75)]
    for row, day, value in rows:
        book.fill(
            subject, "cryoglobulin_determination", None, on(-14), row, value=value, drawn=on(day).date()
        )


def three_participants(protocol: Protocol) -> Book:
    """001 completes; 002 has a flare, is rescued and stops at C2; 003 misses forms and is lost after W11."""
    book = Book(protocol)
    for subject in ("PSL-001", "PSL-002", "PSL-003"):
        screen(book, subject)
        book.act(subject, "include", on(-2), point="SCR")
    _completes(book, "PSL-001")
    _stops(book, "PSL-002")
    _misses(book, "PSL-003")
    return book


def _completes(book: Book, subject: str) -> None:
    for name, point in book.protocol.timepoints.items():
        if name in ("SCR", "SAFETY"):
            continue
        cells = {"cytometry": {"treg_percent": 7.5 if name == "C4.D5" else 3.0}}
        organs = {"organs": {"purpura": "resolved" if point.offset >= 77 else "active"}}
        book.attend(subject, name, on(point.day).date(), **cells, **organs)
        if name == "tolerance_C1":
            book.act(subject, "decide", on(point.day), name, name, "ambulatory")
    fever = {
        "term": "Fever",
        "category": "fever",
        "system": "general",
        "grade": 1,
        "related": True,
        "serious": False,
    }
    dates = {"onset": on(2).date(), "ended": on(3).date(), "outcome": "resolved", "action": "none"}
    book.fill(subject, "ae", None, on(5), "a1", **fever, **dates)
    book.fill(
        subject,
        "prior_therapy",
        None,
        on(-14),
        "p1",
        therapy="rituximab",
        result="relapse",
        started=date(2008, 1, 1),
        ended=date(2008, 2, 1),
    )


def _stops(book: Book, subject: str) -> None:
    for name in ("C1.D1", "C1.D2", "C1.D3", "C1.D4", "C1.D5", "C1.D8", "tolerance_C1"):
        book.attend(subject, name, on(book.protocol.timepoints[name].day).date())
    book.act(subject, "decide", on(19), "tolerance_C1", "tolerance_C1", "hospital")
    book.attend(subject, "C2.D1", on(22).date())
    book.attend(
        subject,
        "C2.D2",
        on(23).date(),
        injection={
            "given": False,
            "dose": 0,
            "reason_not_given": "toxicity",
            "place": None,
            "giver": None,
            "site_of_injection": None,
            "lot": None,
        },
    )
    book.fill(
        subject,
        "flare",
        None,
        on(24),
        "f1",
        organ="kidney",
        major=True,
        onset=on(23).date(),
        adjudicated=None,
    )
    book.fill(
        subject,
        "flare",
        None,
        on(24),
        "f2",
        organ="purpura",
        major=False,
        onset=on(10).date(),
        adjudicated=False,
    )
    book.fill(subject, "rescue", None, on(24), "r1", medicine="steroid", started=on(24).date())
    book.act(subject, "stop", on(24), "flare", "C2.D2")
    for name in ("W11", "SAFETY", "W19"):
        book.attend(subject, name, on(book.protocol.timepoints[name].day).date())
    book.fill(
        subject,
        "end_of_participation",
        None,
        on(150),
        status="died",
        date=on(150).date(),
        cause_of_death="Sepsis",
    )


def _misses(book: Book, subject: str) -> None:
    book.attend(subject, "C1.D1", on(1).date(), without=("cytometry",), elispot={"total_net": "?cells lost"})
    book.attend(subject, "C1.D2", on(2).date())
    book.attend(subject, "W11", on(80).date(), without=("organs",))
    book.fill(subject, "deviation", None, on(81), "d1", about="Visit late", category="visit")
    book.fill(
        subject, "end_of_participation", None, on(120), status="lost", date=on(81).date(), cause_of_death=None
    )


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="session")
def facts(protocol: Protocol) -> Facts:
    return three_participants(protocol).facts()


@pytest.fixture(scope="session")
def tables(protocol: Protocol, facts: Facts) -> dict[str, pl.DataFrame]:
    return build(protocol, facts)


@pytest.fixture
def book(protocol: Protocol) -> Book:
    """An empty book."""
    return Book(protocol)


@pytest.fixture
def three(protocol: Protocol) -> Book:
    """The book of the three participants, to be changed by a test."""
    return three_participants(protocol)
