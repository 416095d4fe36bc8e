import datetime
import json

import pytest

from trialrun.protocol.calendar import Disorder, calendar, slips
from trialrun.protocol.protocol import Protocol

MONDAY = datetime.date(2008, 3, 3)


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def test_the_dates_of_one_participant(protocol: Protocol) -> None:
    rows = calendar(protocol, MONDAY)
    doses = [row for row in rows if row["kind"] == "dose"]
    assert [row["day"] for row in doses] == [*range(1, 6), *range(22, 27), *range(43, 48), *range(64, 69)]
    assert sum(row["dose"] for row in doses) == 52.5
    assert {row["unit"] for row in doses} == {"million IU"}
    assert [row["setting"] for row in doses] == ["hospital"] * 5 + ["ambulatory"] * 15
    assert all("provided" not in row for row in doses[:5])
    assert {row["provided"] for row in doses[5:]} == {"tolerance_C1 = ambulatory"}
    assert (rows[0]["id"], rows[0]["day"], rows[0]["date"]) == ("SCR", -14, "2008-02-18")
    assert (rows[-1]["id"], rows[-1]["day"], rows[-1]["date"]) == ("W37", 260, "2008-11-17")


def test_rows_come_in_order_of_date_and_are_plain_json(protocol: Protocol) -> None:
    rows = calendar(protocol, MONDAY)
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    assert json.loads(json.dumps(rows)) == rows
    keys = {
        "date",
        "day",
        "id",
        "label",
        "kind",
        "epoch",
        "cycle",
        "what",
        "dose",
        "unit",
        "setting",
        "place",
        "window",
    }
    assert all(keys <= row.keys() <= keys | {"provided"} for row in rows)
    assert {row["kind"] for row in rows} == {"dose", "visit", "decision"}


def test_visits_of_the_stopped_only_are_left_out(protocol: Protocol) -> None:
    assert "SAFETY" not in {row["id"] for row in calendar(protocol, MONDAY)}


def test_a_window_has_its_first_and_last_date(protocol: Protocol) -> None:
    rows = {row["id"]: row for row in calendar(protocol, MONDAY)}
    assert rows["W11"]["window"] == {"from": "2008-05-16", "to": "2008-05-22", "text": "±3 days"}
    assert rows["C2.D1"]["window"]["to"] == "2008-03-31"


def test_a_course_that_slips_re_chains_what_follows(protocol: Protocol) -> None:
    rows = {row["id"]: row for row in calendar(protocol, MONDAY, {"C2": day("2008-03-28")})}
    assert (rows["C2.D1"]["date"], rows["C2.D1"]["day"]) == ("2008-03-28", 26)
    assert rows["C1.D8"]["date"] == "2008-03-10"
    assert rows["C3.D1"]["day"] == 47
    assert rows["W37"]["day"] == 264


def test_study_days_count_from_the_actual_first_dose(protocol: Protocol) -> None:
    rows = {row["id"]: row for row in calendar(protocol, MONDAY, {"C1": day("2008-03-05")})}
    assert (rows["C1.D1"]["day"], rows["C2.D1"]["day"], rows["W37"]["day"]) == (1, 22, 260)
    assert rows["SCR"]["day"] == -16


def test_in_french(protocol: Protocol) -> None:
    row = next(row for row in calendar(protocol, MONDAY, language="fr") if row["id"] == "C2.D1")
    assert (row["label"], row["unit"], row["window"]["text"]) == ("S3 J1", "millions d'UI", "-0/+7 jours")
    assert "Injection" in row["what"]


def test_an_unknown_course_is_refused(protocol: Protocol) -> None:
    with pytest.raises(KeyError, match="C9"):
        calendar(protocol, MONDAY, {"C9": MONDAY})


@pytest.mark.parametrize(
    ("actual", "says"),
    [
        ({}, []),
        ({"C2": "2008-03-24"}, []),
        ({"C2": "2008-03-31"}, []),
        (
            {"C2": "2008-04-01"},
            ["C2 began on 2008-04-01, 8 days after the planned 2008-03-24; allowed is -0/+7 days"],
        ),
        ({"C2": "2008-03-23"}, ["C2 began on 2008-03-23, 1 day before the planned 2008-03-24"]),
        ({"C2": "2008-03-31", "C3": "2008-04-28"}, []),
        (
            {"C2": "2008-03-31", "C3": "2008-04-28", "C4": "2008-05-20"},
            ["C4 began on 2008-05-20: the delays come to 15 days, and 14 days are allowed in all"],
        ),
    ],
)
def test_a_start_that_the_study_does_not_allow_is_said(
    protocol: Protocol, actual: dict[str, str], says: list[str]
) -> None:
    began = {cycle: day(date) for cycle, date in actual.items()}
    messages = [slip.message for slip in slips(protocol, MONDAY, began)]
    assert len(messages) == len(says)
    for message, said in zip(messages, says, strict=True):
        assert message.startswith(said)


@pytest.mark.parametrize(
    ("actual", "says"),
    [
        ({"C2": "2008-03-01"}, "C2 cannot begin on 2008-03-01: C1, .* lasts from 2008-03-03 to 2008-03-07"),
        ({"C2": "2008-03-07"}, "C2 cannot begin"),
        ({"C3": "2008-03-26"}, "C3 cannot begin on 2008-03-26: C2, .* from 2008-03-24 to 2008-03-28"),
        ({"C2": "2008-03-31", "C3": "2008-04-04"}, "C2, .* from 2008-03-31 to 2008-04-04"),
        ({"C2": "2008-05-30", "C3": "2008-04-14"}, "C3 cannot begin"),
    ],
)
def test_courses_that_overlap_are_refused(protocol: Protocol, actual: dict[str, str], says: str) -> None:
    began = {cycle: day(date) for cycle, date in actual.items()}
    for ask in (calendar, lambda *given: list(slips(*given))):
        with pytest.raises(Disorder, match=says):
            ask(protocol, MONDAY, began)


@pytest.mark.parametrize("began", ["2008-03-23", "2008-04-01"])
def test_a_course_that_the_study_does_not_allow_is_no_plan(protocol: Protocol, began: str) -> None:
    rows = calendar(protocol, MONDAY, {"C2": day(began)})
    left_out = [row for row in rows if row["cycle"] == "C2"]
    assert {(row["kind"], row["dose"], row["unit"]) for row in left_out} == {("omitted", None, None)}
    assert all(began in row["warning"] for row in left_out)
    assert left_out[0]["date"] == "2008-03-24"
    assert next(row["date"] for row in rows if row["id"] == "C3.D1") == "2008-04-14"
    assert not any("warning" in row for row in rows if row not in left_out)


def test_without_the_last_course_follow_up_counts_from_the_first(protocol: Protocol) -> None:
    began = {"C2": day("2008-03-31"), "C3": day("2008-04-28"), "C4": day("2008-05-20")}
    rows = {row["id"]: row for row in calendar(protocol, MONDAY, began)}
    assert (rows["C3.D1"]["kind"], rows["C4.D1"]["kind"]) == ("dose", "omitted")
    assert (rows["W11"]["day"], rows["W37"]["day"]) == (78, 260)
