"""Series: what is written once and takes place many times."""

from pathlib import Path

import pytest

from small_study import small, write
from trialrun.protocol.calendar import calendar
from trialrun.protocol.compile import load
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return small(tmp_path_factory.mktemp("series"))


def test_a_repeated_course_is_named_by_number_and_counted_from_the_one_before(study: Protocol) -> None:
    assert [name for name in study.cycles if name.startswith("S")] == ["S1", "S2", "S3", "S4"]
    assert [study.timepoints[f"S{i}.D1"].offset for i in (1, 2, 3, 4)] == [0, 14, 28, 42]
    assert str(study.study.treatment.cycles["S3"].after) == "S2 + 14 days"
    assert study.study.treatment.cycles["S4"].label == "Series 4"


def test_only_the_first_of_a_series_has_no_window(study: Protocol) -> None:
    windows = [str(study.timepoints[f"S{i}.D1"].window) for i in (1, 2)]
    assert windows == ["on the day", "-0/+2 days"]


def test_a_visit_of_every_course_and_visits_as_needed(study: Protocol) -> None:
    assert [name for name in study.timepoints if name.endswith(".D8")] == ["S1.D8", "S2.D8", "S3.D8", "S4.D8"]
    assert study.timepoints["S2.D8"].label() == "A week after S2"
    extra = [study.timepoints[name] for name in ("EXTRA_1", "EXTRA_2")]
    assert [point.label() for point in extra] == ["Extra 1", "Extra 2"]
    assert not any(point.planned for point in extra)


def test_the_calendar_of_an_arm_has_its_own_courses_and_only_what_is_planned(study: Protocol) -> None:
    import datetime

    start = datetime.date(2020, 3, 9)
    a = [row["id"] for row in calendar(study, start, arm="A")]
    b = [row["id"] for row in calendar(study, start, arm="B")]
    assert [name for name in a if name.startswith("KEEP")] == ["KEEP.D1", "KEEP.D2", "KEEP.D3", "KEEP.D4"]
    assert not {name for name in b if name.startswith(("KEEP", "LOAD"))}
    assert not {"SEEN", "EXTRA_1"} & {*a, *b}
    late = {arm: next(r for r in calendar(study, start, arm=arm) if r["id"] == "LATE") for arm in ("A", "B")}
    assert [late[arm]["day"] for arm in ("A", "B")] == [57 + 28, 43 + 28]
    dose = next(row for row in calendar(study, start, arm="B") if row["id"] == "S1.D1")
    assert (dose["dose"], dose["unit"]) == (20, "mg/m²")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("repeat: 4, every: 14 days", "repeat: 4", "`repeat` and `every` go together"),
        ("repeat: 4", "repeat: 1", "at least 2"),
        ("S*.D8: {", "Z*.D8: {", "no cycle is called like `Z*`"),
        ("as_needed: 2", "as_needed: 0", "at least 1"),
        ("as_needed: 2", "as_needed: 2, day: -3", "one of `day`, `after` and `as_needed`"),
        ("arms: A, day: 1, doses: 3", "arms: X, day: 1, doses: 3", "there is no arm `X`"),
        (
            "arms: B, day: 1, window",
            "arms: [A, B], day: 1, window",
            "one cycle of the arm A begins on `day: 1`",
        ),
        ("ratio: {A: 1, B: 1}", "ratio: {A: 2, B: 1}", "a block of 2 cannot be shared out as 2:1"),
        ("ratio: {A: 1, B: 1}", "ratio: {A: 1, C: 1}", "there is no arm `C`"),
        ("strata: [site, sex]", "strata: [site, weight]", "no variable that is a choice called `weight`"),
        ("at_most: {F: 5}", "at_most: {G: 5}", "there is no code of `sex` called `G`"),
        ("per: kg, of: weight", "per: kg, of: surface", "the dose is per kg, and `surface` is in m2"),
        ("per: m2, of: surface", "per: m2", "`per` and `of` go together"),
        ("of: surface, round: 5", "of: surface", "comes out as an amount that nobody can measure off"),
        ("after: first_event + 5 days", "after: weight + 5 days", "`weight` is a variable, but not a date"),
        ("substudy: biobank", "substudy: biobanks", "there is no substudy `biobanks`"),
        ("design: {arms: 2", "design: {arms: 3", "the design has 3 arms, and `arms` describes 2"),
        ("allocation: randomised", "allocation: none", "the design says `none`, and allocation is by blocks"),
        (
            "after: first dose + 140 days",
            "after: KEEP + 126 days, arms: A",
            "no visit after the first dose is for",
        ),
        ("complete_with: 4", "complete_with: 5", "KEEP has 4 doses, fewer than that"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    edits = [(old, new)]
    if says.startswith("no visit after the first dose is for"):  # the other visit that everyone has
        edits.append(("after: last dose + 28 days, window", "after: KEEP + 70 days, window"))
    with pytest.raises(ProtocolError) as error:
        load(write(tmp_path / "small", *edits))
    said = [problem for problem in error.value.problems if says in problem.message]
    assert said, error.value
    assert said[0].place.file == "study.yaml"
    assert said[0].place.line is not None
