"""iCalendar (RFC 5545): one participant's planned dates, for any calendar program.

Every date is an event of a whole day, or of the days within which a decision is taken. Its UID comes from
the study, the participant (or the planned start) and the timepoint alone, so that a file imported again
moves its events and adds none. There is no alarm, no attendee and nothing personal in it.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import icalendar

from trialrun import __version__
from trialrun.protocol.protocol import Protocol

Row = Mapping[str, Any]

DAY = datetime.timedelta(days=1)

WORDS = {
    "en": {
        "planned": "Planned, not confirmed.",
        "omitted": "Left out:",
        "decision": "Decision: {}",
        "window": "May take place from {} to {}.",
        "where": "Where: {}.",
        "provided": "If “{}” ends as expected.",
        "what": "What: {}.",
        "name": "{}: planned dates",
    },
    "fr": {
        "planned": "Prévu, non confirmé.",
        "omitted": "Non donné :",
        "decision": "Décision : {}",
        "window": "Peut avoir lieu du {} au {}.",
        "where": "Lieu : {}.",
        "provided": "Si « {} » finit comme prévu.",
        "what": "Quoi : {}.",
        "name": "{} : dates prévues",
    },
}


def ics(
    protocol: Protocol,
    rows: Sequence[Row],
    start: datetime.date,
    language: str = "en",
    participant: str | None = None,
    revision: int = 0,
) -> bytes:
    """The rows of ``protocol.calendar.calendar`` as one iCalendar file; a ``where`` in them is shown.

    ``participant`` is any code that stays the same if the start moves; it enters the UIDs through a hash
    and is not readable from the file. Without it the start stands for the participant. ``revision``
    (SEQUENCE) is raised with each file that replaces another. DTSTAMP, which the RFC asks for, is the start
    at midnight UTC: no clock is read, and the same plan gives the same bytes.
    """
    words = WORDS.get(language, WORDS["en"])
    calendar = icalendar.Calendar()
    calendar.add("prodid", f"-//trialrun//trialrun {__version__}//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", words["name"].format(protocol.id))
    stamp = datetime.datetime.combine(start, datetime.time(), datetime.UTC)
    for row in rows:
        event = _event(protocol, row, words, language)
        event.add("uid", _uid(protocol.id, participant or start.isoformat(), row["id"]))
        event.add("dtstamp", stamp)
        event.add("sequence", revision)
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def _uid(study: str, participant: str, timepoint: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"trialrun:{study}/{participant}/{timepoint}"))


def _event(protocol: Protocol, row: Row, words: Mapping[str, str], language: str) -> icalendar.Event:
    """The days, the title and the description of one date."""
    event = icalendar.Event()
    decision, omitted = row["kind"] == "decision", row["kind"] == "omitted"
    first = last = datetime.date.fromisoformat(row["date"])
    if decision:
        last = datetime.date.fromisoformat(row["window"]["to"])
    event.add("dtstart", first)
    event.add("dtend", last + DAY)  # the RFC's end is the day after
    event.add("summary", f"{protocol.id} · {_title(row, words, language)}")
    event.add("description", "\n".join(_said(protocol, row, words, language)))
    event.add("categories", [row["kind"]])
    event.add("status", "CANCELLED" if omitted else "TENTATIVE")
    event.add("transp", "TRANSPARENT")  # a plan does not make a day busy
    event.add("class", "PRIVATE")
    return event


def _title(row: Row, words: Mapping[str, str], language: str) -> str:
    if row["kind"] == "decision":
        return words["decision"].format(row["label"])
    if row["dose"] is None:
        return str(row["label"])
    amount = f"{row['dose']:g}"
    return f"{row['label']}, {amount.replace('.', ',') if language == 'fr' else amount} {row['unit']}"


def _said(protocol: Protocol, row: Row, words: Mapping[str, str], language: str) -> list[str]:
    """The description, a line for each thing: first that nothing is certain, last what is done."""
    lines = [f"{words['omitted']} {row['warning']}." if "warning" in row else words["planned"]]
    if protocol.study.standing:
        lines.append(protocol.study.standing(language))
    if "warning" in row:
        return lines
    window = row["window"]
    if window["from"] != window["to"]:
        lines.append(words["window"].format(window["from"], window["to"]))
    if row.get("where"):
        lines.append(words["where"].format(row["where"]))
    if "provided" in row:
        decision = protocol.decisions[row["provided"].partition(" = ")[0]]
        lines.append(words["provided"].format(decision.title(language)))
    if row["what"]:
        lines.append(words["what"].format("; ".join(row["what"])))
    return lines
