from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.journal.errors import Unstorable
from trialrun.journal.moment import bounds, moment

# Half-hour and 30-minute steps, both hemispheres, changes at midnight, and none at all.
ZONES = [
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Kolkata",
    "UTC",
]
instants = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001
    lambda time: time.replace(tzinfo=UTC, microsecond=time.microsecond // 1000 * 1000)
)
# The hours around changes of the clock in Europe and America.
changes = st.sampled_from(
    [datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2026, 11, 1, 6)]  # noqa: DTZ001
)
near = st.builds(
    lambda change, minutes: change.replace(tzinfo=UTC) + timedelta(minutes=minutes),
    changes,
    st.integers(-180, 180),
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@settings(max_examples=200)
@given(instants | near, instants | near, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_moments_sort_in_true_order_in_any_zones(
    one: datetime, other: datetime, zone: str, another: str
) -> None:
    first = bounds(moment(one.astimezone(ZoneInfo(zone))))
    second = bounds(moment(other.astimezone(ZoneInfo(another))))
    assert first == (one, one)
    assert (first < second) == (one < other)


@settings(max_examples=200)
@given(instants | near, st.sampled_from(ZONES), st.sampled_from([4, 7, 10, 16, 19]))
def test_less_exact_is_wider_and_never_wrong(instant: datetime, zone: str, letters: int) -> None:
    instant = instant.replace(second=0, microsecond=0)
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat()
    earliest, latest = bounds(f"{local[:letters]}[{zone}]")
    assert earliest <= instant <= latest


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        (
            "2026-07-01T09:05[Europe/Paris]",
            utc(2026, 7, 1, 7, 5),
            utc(2026, 7, 1, 7, 5),
        ),
        ("2026-10-25T02:30[Europe/Paris]", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)),
        ("2026-10-25T02:30+02:00[Europe/Paris]", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 0, 30)),
        ("2026-10-25T02:30+01:00[Europe/Paris]", utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 1, 30)),
        ("2026-12[UTC]", utc(2026, 12, 1), utc(2026, 12, 31, 23, 59, 59, 999000)),
        ("2026[UTC]", utc(2026, 1, 1), utc(2026, 12, 31, 23, 59, 59, 999000)),
        ("2028-02[UTC]", utc(2028, 2, 1), utc(2028, 2, 29, 23, 59, 59, 999000)),
        (
            "2026-10-25[Europe/Paris]",
            utc(2026, 10, 24, 22),
            utc(2026, 10, 25, 22, 59, 59, 999000),
        ),
    ],
)
def test_what_a_text_can_mean(text: str, earliest: datetime, latest: datetime) -> None:
    assert bounds(text) == (earliest, latest)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("2026-03-29T02:30[Europe/Paris]", "never was: the clocks went forward"),
        ("2026-07-01T09:00+01:00[Europe/Paris]", r"Europe/Paris was not at \+01:00 then"),
        ("2026-07-01T09:00[Europe/Lutetia]", "No time zone found"),
        ("2026-07-01T09:00[../etc/passwd]", "not a moment"),
        ("2026-02-30[UTC]", "day"),
        ("2026-07T09:00[UTC]", "write it like"),
        ("2026-07-01+02:00[Europe/Paris]", "write it like"),
        ("2026-07-01T09:00", "write it like"),
        ("2026-07-01T09:00Z[UTC]", "write it like"),
        ("9999[UTC]", "not a moment"),
        ("", "write it like"),
    ],
)
def test_what_cannot_have_been_is_refused(text: str, fault: str) -> None:
    with pytest.raises(Unstorable, match=fault):
        bounds(text)


def test_a_moment_needs_the_name_of_its_zone() -> None:
    with pytest.raises(Unstorable, match="no named zone"):
        moment(utc(2026, 1, 1))
