"""A small virtual trial written by hand and seed: what tests of results and of the report look at."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from trialrun.protocol.protocol import Protocol
from trialrun.tables.build import build
from trialrun.tables.facts import ACTS, SUBJECTS, VALUES, Facts

START = date(2008, 3, 17)
ORGANS = ("purpura", "ulcer", "joints", "nerve", "kidney", "gut", "cns")
INVOLVED = {
    1: ("purpura", "joints"), 2: ("purpura", "nerve"), 3: ("nerve",), 4: ("purpura", "joints", "kidney"),
    5: ("purpura",), 6: ("ulcer", "nerve"), 7: ("purpura", "nerve", "kidney"), 8: ("joints",),
    9: ("purpura", "nerve"), 10: ("kidney", "purpura"),
}  # fmt: skip
# Each event: participant, study day, category, grade, serious, related, days it lasted.
EVENTS = (
    (1, 3, "injection_site", 1, False, True, 2), (1, 24, "flu_like", 1, False, True, 2),
    (2, 2, "fever", 2, False, True, 1), (3, 4, "injection_site", 1, False, True, 3),
    (4, 25, "flu_like", 2, False, True, 2), (4, 66, "fever", 1, False, True, 1),
    (5, 90, "infection", 2, True, False, 8), (6, 5, "lymphopenia", 3, False, True, 4),
    (7, 45, "flu_like", 1, False, True, 2), (8, 23, "injection_site", 2, False, True, 5),
    (9, 67, "fever", 1, False, True, 1), (10, 12, "laboratory", 1, False, False, 20),
)  # fmt: skip
FLARE, LOST, MISSES_A_DOSE = 7, 9, 4


@dataclass
class Book:
    """Collects facts, an entry of the participant's chain for each form and act."""

    protocol: Protocol
    virtual: bool = True
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    subjects: list[dict[str, Any]] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)
    entries: int = 0

    def fill(
        self, subject: str, form: str, point: str | None, day: date, row: str | None = None, **answers: Any
    ) -> None:
        self.entries += 1
        when = datetime.combine(day, time(10 if form == "injection" else 8))
        for item, answer in answers.items():
            number, text = None, None
            if isinstance(answer, bool):
                text = "Y" if answer else "N"
            elif isinstance(answer, int | float):
                number = float(answer)
            else:
                text = answer.isoformat() if isinstance(answer, date) else answer
            place = {"subject": subject, "form": form, "point": point, "row": row, "item": item}
            said = {"number": number, "text": text, "missing": None if answer is not None else "not asked"}
            self.values.append({**place, **said, "happened": when, "source": f"{subject}#{self.entries}"})

    def act(self, subject: str, act: str, day: date, **more: str) -> None:
        self.entries += 1
        said = {"name": None, "point": None, "outcome": None, **more}
        when = datetime.combine(day, time(9))
        row = {"subject": subject, "act": act, "happened": when, "by": "investigator", **said}
        self.acts.append({**row, "source": f"{subject}#{self.entries}"})

    def facts(self) -> Facts:
        frames = [(self.subjects, SUBJECTS), (self.values, VALUES), (self.acts, ACTS)]
        return Facts(*(pl.DataFrame(rows, schema=schema, orient="row") for rows, schema in frames))


def tables(protocol: Protocol, participants: int = 10, virtual: bool = True) -> dict[str, pl.DataFrame]:
    """The example as tables: `participants` dosed, and one who failed screening."""
    book = Book(protocol, virtual)
    for number in range(1, participants + 1):
        _participant(book, number, START + timedelta(days=52 * (number - 1) + 3 * (number % 3)))
    _enrol(book, 99, START + timedelta(days=200))
    failed = START + timedelta(days=190)
    book.fill("PSL-099", "end_of_participation", None, failed, status="screen_failure", date=failed)
    return build(protocol, book.facts())


def _enrol(book: Book, number: int, first: date) -> str:
    subject = f"PSL-{number:03}"
    chain = {"subject": subject, "site": "PSL", "virtual": book.virtual, "source": f"{subject}#0"}
    book.subjects.append(chain)
    book.fill(subject, "consent", "SCR", first - timedelta(days=14), signed=True)
    book.fill(
        subject, "demography", "SCR", first - timedelta(days=14), sex="MF"[number % 2], age=45 + 2 * number
    )
    return subject


def _participant(book: Book, number: int, first: date) -> None:
    subject = _enrol(book, number, first)
    book.act(subject, "include", first - timedelta(days=3))
    baseline = book.chance.uniform(1.8, 4.2)
    last = {FLARE: 50, LOST: 133}.get(number, 999)
    for point in book.protocol.timepoints.values():
        day = first + timedelta(days=point.offset)
        if point.only or (point.offset > 140 and number == LOST):
            continue
        if point.dose and point.offset <= last:
            _injection(book, subject, number, point, day)
        if point.dose and point.offset > last:
            continue
        if point.id == "tolerance_C1":
            outcome = "hospital" if number == 6 else "ambulatory"
            book.act(subject, "decide", day, name=point.id, point=point.id, outcome=outcome)
        _assess(book, subject, number, point, day, baseline)
    for index, event in enumerate(e for e in EVENTS if e[0] == number):
        _adverse_event(book, subject, index, first, event)
    if number == FLARE:
        day = first + timedelta(days=50)
        book.fill(subject, "flare", None, day, "f1", organ="kidney", major=True, onset=day, adjudicated=True)
        book.fill(subject, "rescue", None, day, "r1", medicine="steroid", started=day)
        book.act(subject, "stop", day, name="flare")
    end = first + timedelta(days=140 if number == LOST else 259)
    book.fill(subject, "end_of_participation", None if number == LOST else "W37", end, date=end,
              status="lost" if number == LOST else "completed")  # fmt: skip


def _injection(book: Book, subject: str, number: int, point: Any, day: date) -> None:
    if number == MISSES_A_DOSE and point.id == "C2.D4":
        answers = {"given": False, "dose": 0.0, "reason_not_given": "toxicity"}
    else:
        place = "hospital" if point.cycle == "C1" or number == 6 else "home"
        place = point.place.replace(" ", "_") if point.place and place == "home" else place
        answers = {"given": True, "dose": point.dose.amount, "place": place}
    book.fill(subject, "injection", point.id, day, **answers)


def _assess(book: Book, subject: str, number: int, point: Any, day: date, baseline: float) -> None:
    course = {"C1": 1.6, "C2": 2.4, "C3": 2.9, "C4": 3.3}
    if "cytometry" in point.forms:
        rise = course[point.cycle] if point.course_day == 5 else 1.3 if 0 < point.offset < 140 else 1.0
        level = round(baseline * rise * book.chance.uniform(0.85, 1.18), 2)
        book.fill(subject, "cytometry", point.id, day, treg_percent=level)
    if "elispot" in point.forms:
        spots = max(0, round(120 + 15 * number + book.chance.uniform(-60, 70)))
        book.fill(subject, "elispot", point.id, day, total_net=spots)
    if "organs" in point.forms:
        states = {name: _state(number, name, point.offset) for name in ORGANS}
        book.fill(subject, "organs", point.id, day, **states)


def _state(number: int, organ: str, offset: int) -> str:
    if organ not in INVOLVED[(number - 1) % 10 + 1]:
        return "absent"
    if offset < 42 or number == 8:
        return "active"
    if number == FLARE and organ == "kidney":
        return "worse" if offset < 140 else "improved"
    return "resolved" if offset > 110 else "improved"


def _adverse_event(book: Book, subject: str, index: int, first: date, event: tuple[Any, ...]) -> None:
    _, day, category, grade, serious, related, lasted = event
    onset = first + timedelta(days=day - 1)
    book.fill(
        subject, "ae", None, onset, f"a{index}", term=category.replace("_", " "), category=category,
        system="general", grade=grade, related=related, serious=serious, onset=onset,
        ended=onset + timedelta(days=lasted), outcome="resolved", action="none",
    )  # fmt: skip
