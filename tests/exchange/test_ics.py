"""iCalendar files: read back by an independent reading of RFC 5545, stable, and nothing personal in them."""

import datetime
import re
from typing import Any

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.exchange.ics import ics
from trialrun.protocol.calendar import calendar
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

MONDAY = datetime.date(2008, 3, 3)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("vascu_il2")


def written(protocol: Protocol, began: dict[str, datetime.date] | None = None, **more: Any) -> bytes:
    spoken = more.get("language", "en")
    return ics(protocol, calendar(protocol, MONDAY, began, spoken), MONDAY, **more)


def events(text: bytes) -> dict[str, Any]:
    """Summary -> event."""
    return {str(event["summary"]): event for event in icalendar.Calendar.from_ical(text).walk("VEVENT")}


def unfolded(text: bytes) -> list[str]:
    """The lines of the file, put together again as RFC 5545, section 3.1, says."""
    return re.sub(rb"\r\n[ \t]", b"", text).decode().split("\r\n")


def test_every_date_of_the_calendar_is_an_event(protocol: Protocol) -> None:
    rows = calendar(protocol, MONDAY)
    found = list(icalendar.Calendar.from_ical(written(protocol)).walk("VEVENT"))
    assert [event.decoded("dtstart") for event in found] == [
        datetime.date.fromisoformat(row["date"]) for row in rows
    ]
    dose = events(written(protocol))["VASCU-IL2 · W1 D1, 1.5 million IU"]
    assert dose.decoded("dtend") - dose.decoded("dtstart") == datetime.timedelta(days=1)
    assert (dose["status"], dose["transp"], dose["class"]) == ("TENTATIVE", "TRANSPARENT", "PRIVATE")


def test_a_decision_lasts_as_long_as_it_may_be_taken(protocol: Protocol) -> None:
    event = events(written(protocol))["VASCU-IL2 · Decision: Tolerance of the first course"]
    assert event.decoded("dtstart") == datetime.date(2008, 3, 21)
    assert event.decoded("dtend") == datetime.date(2008, 3, 25), "the RFC's end is the day after the last"


def test_the_description_says_that_nothing_is_certain(protocol: Protocol) -> None:
    for event in events(written(protocol)).values():
        said = str(event["description"])
        assert said.startswith("Planned, not confirmed.\nHistorical reference, not for enrolment.")
    w11 = str(events(written(protocol))["VASCU-IL2 · W11"]["description"])
    assert "May take place from 2008-05-16 to 2008-05-22." in w11
    assert "HCV RNA" in w11


def test_a_later_file_moves_the_same_events(protocol: Protocol) -> None:
    before, after = written(protocol), written(protocol, {"C2": datetime.date(2008, 3, 28)}, revision=1)
    old, new = ({str(e["uid"]): e for e in events(text).values()} for text in (before, after))
    assert old.keys() == new.keys() and len(old) == len(calendar(protocol, MONDAY))
    assert {int(e["sequence"]) for e in old.values()} == {0} and {
        int(e["sequence"]) for e in new.values()
    } == {1}
    moved = {uid for uid in old if old[uid].decoded("dtstart") != new[uid].decoded("dtstart")}
    assert moved and len(moved) < len(old)


def test_participants_and_studies_have_events_of_their_own(protocol: Protocol) -> None:
    uids = [
        {str(e["uid"]) for e in events(written(protocol, participant=who)).values()}
        for who in ("01-001", "01-002", None)
    ]
    assert not uids[0] & uids[1] and not uids[0] & uids[2]
    later = ics(
        protocol,
        calendar(protocol, datetime.date(2008, 3, 10)),
        datetime.date(2008, 3, 10),
        participant="01-001",
    )
    assert {str(e["uid"]) for e in events(later).values()} == uids[0], (
        "a start that moves keeps a participant's events"
    )


def test_the_participant_cannot_be_read_from_the_file(protocol: Protocol) -> None:
    text = written(protocol, participant="DUPONT-Jean")
    assert (
        b"DUPONT" not in text
        and b"ATTENDEE" not in text
        and b"ORGANIZER" not in text
        and b"VALARM" not in text
    )


def test_a_course_that_is_left_out_is_cancelled(protocol: Protocol) -> None:
    found = events(written(protocol, {"C2": datetime.date(2008, 4, 10)}))
    cancelled = [event for event in found.values() if event["status"] == "CANCELLED"]
    assert len(cancelled) == 5
    assert all(
        str(event["description"]).startswith("Left out: C2 began on 2008-04-10") for event in cancelled
    )


def test_in_french(protocol: Protocol) -> None:
    found = events(written(protocol, language="fr"))
    said = str(found["VASCU-IL2 · S1 J1, 1,5 millions d'UI"]["description"])
    assert said.startswith("Prévu, non confirmé.\nRéférence historique")


def test_no_clock_is_read(protocol: Protocol) -> None:
    assert written(protocol) == written(protocol)
    assert {line for line in unfolded(written(protocol)) if line.startswith("DTSTAMP")} == {
        "DTSTAMP:20080303T000000Z"
    }


@settings(max_examples=40)
@given(title=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=200))
def test_any_words_fold_escape_and_come_back(title: str) -> None:
    protocol = load("vascu_il2")
    row = {**calendar(protocol, MONDAY)[-1], "what": [title]}
    text = ics(protocol, [row], MONDAY)
    assert max(map(len, text.split(b"\r\n"))) <= 75
    assert b"\n" not in text.replace(b"\r\n", b"")
    [line] = [line for line in unfolded(text) if line.startswith("DESCRIPTION:")]
    raw = re.sub(
        r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], line.removeprefix("DESCRIPTION:")
    )
    assert raw.split("\n")[-1] == f"What: {title}."
