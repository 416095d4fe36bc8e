"""The clock that is passed in, and how its time is written: UTC, milliseconds, ISO 8601 with Z."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from trialrun.journal.errors import Unstorable


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> datetime:
        """The present moment, with its zone."""
        ...


class SystemClock:
    """The machine's clock: the only one a real trial accepts."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class StandingClock:
    """A clock that stands: of a virtual trial whose record is looked at after its end."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


def written(moment: datetime) -> str:
    """`2026-03-29T01:30:00.000Z`: 24 characters, so that texts sort as times do; finer parts are dropped."""
    if moment.tzinfo is None:
        raise Unstorable(f"the clock says {moment} without a zone; a clock must give an aware UTC time")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
