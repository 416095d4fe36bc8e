from pathlib import Path

import pytest

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Anchor, Window


def test_twenty_doses_in_four_courses(protocol: Protocol) -> None:
    doses = [(point.id, point.day, point.dose.amount) for point in protocol.doses if point.dose]
    starts = {"C1": 1, "C2": 22, "C3": 43, "C4": 64}
    assert doses == [
        (f"{cycle}.D{i + 1}", start + i, 1.5 if cycle == "C1" else 3)
        for cycle, start in starts.items()
        for i in range(5)
    ]
    assert sum(amount for _, _, amount in doses) == 52.5


def test_the_timepoints_come_in_order(protocol: Protocol) -> None:
    offsets = [point.offset for point in protocol.timepoints.values()]
    assert offsets == sorted(offsets)
    assert next(iter(protocol.timepoints)) == "SCR"
    assert protocol.first_dose == "C1.D1"
    assert protocol.last_visit == "W37"
    assert protocol.timepoints["W37"].day == 260


def test_there_is_no_study_day_0(protocol: Protocol) -> None:
    days = {point.offset: point.day for point in protocol.timepoints.values()}
    assert days[-14] == -14
    assert days[0] == 1
    assert 0 not in days.values()


def test_a_course_day_hangs_on_its_course(protocol: Protocol) -> None:
    first, fifth = protocol.timepoints["C2.D1"], protocol.timepoints["C2.D5"]
    assert (first.anchor, first.window) == (Anchor("C1", 21, 21), Window(0, 7))
    assert (fifth.anchor, fifth.window, fifth.course_day) == (Anchor("C2", 4, 4), Window(0, 1), 5)
    assert (first.place, fifth.place, protocol.timepoints["C2.D2"].place) == ("day hospital", "on site", None)


def test_a_decision_is_a_timepoint_with_the_forms_it_needs(protocol: Protocol) -> None:
    point = protocol.timepoints["tolerance_C1"]
    assert (point.kind, point.day, point.window) == ("decision", 19, Window(0, 3))
    assert set(protocol.decisions["tolerance_C1"].needs) <= set(point.forms)


def test_labels_have_a_french_form(protocol: Protocol) -> None:
    labels = {name: point.label("fr") for name, point in protocol.timepoints.items()}
    assert (labels["C2.D1"], labels["C1.D8"], labels["W11"], labels["SCR"]) == (
        "S3 J1",
        "S1 J8",
        "S11",
        "Sélection",
    )
    assert protocol.timepoints["C2.D1"].label() == "W3 D1"


def test_patterns_attach_forms_to_many_timepoints(protocol: Protocol) -> None:
    assert protocol.where_asked["injection"] == tuple(point.id for point in protocol.doses)
    assert protocol.where_asked["suppression"] == ("SCR", "C4.D5", "W37")
    assert protocol.where_asked["ae"] == ()  # any time
    assert set(protocol.where_asked["cytometry"]) >= {f"C{i}.D{day}" for i in range(1, 5) for day in (1, 5)}


def test_a_form_or_specimen_is_asked_once_at_a_timepoint(protocol: Protocol) -> None:
    for point in protocol.timepoints.values():
        assert len(point.forms) == len(set(point.forms))
        assert len(point.specimens) == len(set(point.specimens))


def test_logs_are_the_forms_that_repeat(protocol: Protocol) -> None:
    assert {"ae", "flare", "rescue", "prior_therapy"} <= set(protocol.logs)
    assert "vital_signs" not in protocol.logs


@pytest.mark.parametrize(
    ("doses", "days"), [("3 daily", [1, 2, 3]), ("3 every 2 days", [1, 3, 5]), ("1 daily", [1])]
)
def test_doses_may_be_daily_or_apart(study: Path, doses: str, days: list[int]) -> None:
    text = (study / "study.yaml").read_text("utf-8")
    for old, new in (
        ("day: 1, doses: 5 daily", f"day: 1, doses: {doses}"),
        ("C*.D1, C*.D2, C*.D3, C*.D4, C*.D5", "C*.D1"),
        ("secondary_at: [C1.D5, ", "secondary_at: ["),
    ):
        assert old in text
        text = text.replace(old, new)
    (study / "study.yaml").write_text(text, "utf-8")
    protocol = load(study)
    assert [point.day for point in protocol.doses if point.cycle == "C1"] == days
    assert [point.course_day for point in protocol.doses if point.cycle == "C1"] == days


def test_the_first_dose_is_that_of_day_1_wherever_it_stands(study: Path) -> None:
    lines = (study / "study.yaml").read_text("utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("    C1: "))
    lines[at], lines[at + 3] = lines[at + 3], lines[at]
    (study / "study.yaml").write_text("\n".join(lines), "utf-8")
    protocol = load(study)
    assert protocol.first_dose == "C1.D1"
    assert [point.day for point in protocol.doses][::5] == [1, 22, 43, 64]
