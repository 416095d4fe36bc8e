"""When it took place, on the wall clock of the site, as against when it was stored.

The text is ISO 8601 followed by the zone's name in brackets (RFC 9557): `2026-10-25T02:30[Europe/Paris]`.
It may be partial (`2026-10[Europe/Paris]`), since people remember months better than minutes, and may
carry its offset, which is needed only to tell the two 02:30 of an autumn night apart. An act therefore
took place between two instants; what is not known is neither guessed nor refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trialrun.journal.errors import Unstorable

_SHAPE = re.compile(
    r"(?P<date>\d{4}(-\d\d(-\d\d)?)?)(?P<time>T\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?"
    r"(?P<offset>[+-]\d\d:\d\d)?\[(?P<zone>[\w+/-]+)\]"
)
_TICK = timedelta(milliseconds=1)


def moment(instant: datetime) -> str:
    """The text of an exact moment; `instant` must carry a ZoneInfo. Milliseconds are kept, finer dropped."""
    if not isinstance(instant.tzinfo, ZoneInfo) or not instant.tzinfo.key:
        raise Unstorable(f"{instant} carries no named zone; give it the ZoneInfo of the site")
    return f"{instant.isoformat(timespec='milliseconds')}[{instant.tzinfo.key}]"


@lru_cache(maxsize=4096)
def bounds(text: str) -> tuple[datetime, datetime]:
    """The earliest and the latest instant (UTC) that `text` can mean; equal when it is exact.

    A time without seconds counts as its first instant. Raises Unstorable when the text has another
    shape, the zone is unknown, or the zone's clock never showed that time.
    """
    found = _SHAPE.fullmatch(text)
    if not found or (found["time"] and len(found["date"]) < 10) or (found["offset"] and not found["time"]):
        raise Unstorable(f"`{text}` is not a moment; write it like 2026-10-25T02:30[Europe/Paris]")
    try:
        zone = ZoneInfo(found["zone"])
        first, last = _span(found["date"], found["time"])
    except (ZoneInfoNotFoundError, ValueError, OverflowError) as error:
        raise Unstorable(f"`{text}` is not a moment: {error}") from error
    if found["offset"]:
        return _with_offset(text, first, found["offset"], zone)
    earliest = first.replace(tzinfo=zone, fold=0).astimezone(UTC)
    latest = last.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if found["time"] and earliest.astimezone(zone).replace(tzinfo=None) != first:
        raise Unstorable(f"`{text}` never was: the clocks went forward over it; correct the time")
    return earliest, latest


def _span(date: str, time: str | None) -> tuple[datetime, datetime]:
    """First and last wall-clock reading that a date, perhaps partial, and a time, perhaps none, can mean."""
    first = datetime.fromisoformat((date + "-01-01"[len(date) - 4 :]) + (time or ""))
    if time:
        return first, first
    if len(date) == 10:
        return first, first + timedelta(days=1) - _TICK
    year, month = divmod(first.month, 12) if len(date) == 7 else (1, 0)
    return first, first.replace(year=first.year + year, month=month + 1) - _TICK


def _with_offset(text: str, local: datetime, offset: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    instant = datetime.fromisoformat(local.isoformat() + offset).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        raise Unstorable(f"`{text}`: {zone.key} was not at {offset} then; drop the offset or correct it")
    return instant, instant
