"""The site's wall clock: how a moment is written in an entry, and read back into a cohort."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from trialrun.conduct.verdict import Reason
from trialrun.journal.errors import Unstorable
from trialrun.journal.moment import bounds


def text(happened: datetime, zone: str) -> str:
    """A naive local time with its zone, as entries hold it: `2026-03-29T08:30[Europe/Paris]`."""
    return f"{happened.isoformat(timespec='seconds' if happened.second else 'minutes')}[{zone}]"


@lru_cache(maxsize=8192)
def wall(text: str) -> np.datetime64:
    """The local wall-clock minute (datetime64[m]) of such a text."""
    return np.datetime64(text.partition("[")[0], "m")


def stored(time: str, zone: str) -> np.datetime64:
    """The local wall-clock minute at which an entry was stored (its UTC time is given)."""
    return minute(datetime.fromisoformat(time), zone)


def minute(instant: datetime, zone: str) -> np.datetime64:
    """The local wall-clock minute of an instant."""
    return np.datetime64(instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None), "m")


def faults(happened: datetime, zone: str, now: datetime) -> list[Reason]:
    """Why an act cannot have taken place then: no such time, or not yet."""
    if happened.tzinfo is not None:
        return [Reason("happened", f"{happened} carries a zone", "give the time on the site's wall clock")]
    try:
        earliest, _ = bounds(text(happened, zone))
    except Unstorable as error:
        return [Reason("happened", str(error), "correct the time")]
    if earliest > now:
        there = now.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
        message = f"{happened:%Y-%m-%d %H:%M} lies in the future: at the site it is {there}"
        return [Reason("happened", message, "record it once it has happened")]
    return []
