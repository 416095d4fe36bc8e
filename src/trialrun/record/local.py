"""The site's wall clock: how a moment is written in an entry, and read back into a cohort.

A minute is an array of one (datetime64[m]), since a real participant is a batch of one.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from trialrun.conduct.cohort import Times
from trialrun.conduct.verdict import Reason
from trialrun.journal.errors import Unstorable
from trialrun.journal.moment import bounds

FIRST_YEAR = 1900


def text(happened: datetime, zone: str) -> str:
    """A naive local time with its zone, as entries hold it: `2026-03-29T08:30[Europe/Paris]`."""
    return f"{happened.isoformat(timespec='seconds' if happened.second else 'minutes')}[{zone}]"


def minute(local: datetime) -> Times:
    """A naive local time as a minute."""
    return np.array([local], dtype="datetime64[m]")


def there(instant: datetime, zone: str) -> Times:
    """The minute that the site's clock showed at an instant."""
    return minute(instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None))


@lru_cache(maxsize=8192)
def wall(text: str) -> Times:
    """The minute that such a text names."""
    found = np.array([text.partition("[")[0]], dtype="datetime64[m]")
    found.flags.writeable = False
    return found


def stored(time: str, zone: str) -> Times:
    """The site's minute at which an entry was stored (its UTC time is given)."""
    return there(datetime.fromisoformat(time), zone)


def date_of(minute: Times) -> date:
    """The day of a minute."""
    moment: datetime = minute[0].item()
    return moment.date()


def shown(minute: Times) -> str:
    """As people read it: `2026-03-29 08:30`."""
    return str(minute[0]).replace("T", " ")


def faults(happened: object, zone: str, now: datetime) -> list[Reason]:
    """Why an act cannot have taken place then: no such time, not yet, or before anyone who lives."""
    if not isinstance(happened, datetime):
        return [Reason("happened", f"{happened!r:.40} is no date and time", "give a datetime without a zone")]
    if happened.tzinfo is not None:
        return [Reason("happened", f"{happened} carries a zone", "give the time on the site's wall clock")]
    if happened.year < FIRST_YEAR:
        return [Reason("happened", f"the year {happened.year} is before any trial", "correct the time")]
    try:
        earliest, _ = bounds(text(happened, zone))
    except (Unstorable, OverflowError) as error:
        return [Reason("happened", str(error), "correct the time")]
    if earliest > now:
        message = f"{happened:%Y-%m-%d %H:%M} lies in the future: at the site it is {shown(there(now, zone))}"
        return [Reason("happened", message, "record it once it has happened")]
    return []
