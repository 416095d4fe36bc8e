"""The calendar of the many-diseases study is the registration's words."""

import datetime

import pytest

from trialrun.protocol.calendar import calendar
from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.protocol import Protocol

MONDAY = datetime.date(2014, 2, 3)
# NCT01988506: 1 million IU a day from day 1 to day 5, then every 2 weeks from day 15 to day 180; primary on
# day 8. The announcement adds days 15, 29, 85, 183 and 240. The arm says "once every 15 days" instead.
INDUCTION = [1, 2, 3, 4, 5]
MAINTENANCE = list(range(15, 180 + 1, 14))
CELLS = [1, 8, 15, 29, 85, 183, 240]


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("transreg_like")


def test_injections_are_on_the_days_of_the_registration(protocol: Protocol) -> None:
    doses = [row for row in calendar(protocol, MONDAY) if row["kind"] == "dose"]
    assert [row["day"] for row in doses] == [*INDUCTION, *MAINTENANCE]
    assert {(row["dose"], row["unit"]) for row in doses} == {(1.0, "million IU")}
    first, *_ = doses
    assert first["date"] == MONDAY.isoformat()
    dates = [datetime.date.fromisoformat(row["date"]) for row in doses]
    assert [(later - MONDAY).days + 1 for later in dates] == [*INDUCTION, *MAINTENANCE]
    assert all(date.weekday() == 0 for date in dates[5:])


def test_six_months_of_every_two_weeks_are_twelve_injections(protocol: Protocol) -> None:
    """Every 15 days there are twelve as well, of which the last is on day 180: the number does not choose
    between the two readings of the registration. The days of the announcement after day 15 do."""
    assert list(range(15, 180 + 1, 15))[11] == 180
    assert {(day - 15) % 14 for day in (29, 85, 183)} == {0}
    assert all((day - 15) % 15 for day in (29, 85, 183))
    assert len(MAINTENANCE) == 12
    assert MAINTENANCE[-1] == 169
    assert protocol.timepoints["D183"].day == MAINTENANCE[-1] + 14  # the thirteenth would fall after day 180


def test_cells_are_looked_at_on_the_days_of_the_sources(protocol: Protocol) -> None:
    endpoint = protocol.study.endpoints["regulatory_cells"]
    assert protocol.timepoints[endpoint.at].day == 8
    looked_at = [point.day for point in protocol.timepoints.values() if "cytometry" in point.forms]
    assert [day for day in looked_at if day > 0] == CELLS
    assert [protocol.timepoints[point].day for point in endpoint.secondary_at] == CELLS[2:]
    last = protocol.timepoints[protocol.last_visit]
    assert (last.id, last.day) == ("D240", 240)


def test_a_later_maintenance_takes_what_follows_along(protocol: Protocol) -> None:
    late = MONDAY + datetime.timedelta(days=21)
    rows = calendar(protocol, MONDAY, {"M": late})
    days = [row["day"] for row in rows if row["id"].startswith("M.")]
    assert days == [day + 7 for day in MAINTENANCE]
    assert {row["id"]: row["day"] for row in rows}["D183"] == 190


def test_eleven_diseases_of_twelve_at_most(protocol: Protocol) -> None:
    strata = protocol.study.enrolment.strata
    assert strata is not None
    assert strata.by == "diagnosis"
    assert list(strata.at_most) == list(protocol.item("disease", "diagnosis").codes)
    assert len(strata.at_most) == 11
    assert set(strata.at_most.values()) == {12}
    assert len(protocol.study.sites) == 5


def test_nothing_is_found_wrong(protocol: Protocol) -> None:
    assert [one for one in lint(protocol) if one.resolution is None] == []
