"""What was known of a trial on a day: its entries stored by the end of that day, and nothing later.

A day ends at midnight on the site's clock. Nothing is stored before it has happened, so what is stored by
then has happened by then as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from trialrun.conduct.verdict import Reason
from trialrun.journal.anchor import TRIAL
from trialrun.journal.clock import StandingClock
from trialrun.journal.entry import Entry
from trialrun.record import local
from trialrun.record.facts import facts
from trialrun.record.projection import PREFIX, Projection
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial
from trialrun.tables.facts import Facts


@dataclass(frozen=True)
class Known:
    """The facts of a day, and which entries they are: participant's chain -> (length, hash of the last)."""

    day: date
    facts: Facts
    chains: Mapping[str, tuple[int, str]]


def known(trial: Trial, day: date | None = None) -> Known:
    """What was known at the end of a day, by default of today. Raises Refused for a day without a record."""
    present = today(trial)
    day = present if day is None else day
    begun = datetime.fromisoformat(next(trial.store.chain(TRIAL)).time).date()
    doing = f"Looking at {day}"
    if day < begun:
        message = f"the record begins on {begun}: nothing was known on {day}"
        raise Refused(doing, [Reason("as_of", message, f"give a day from {begun} to {present}")])
    if day > present:
        ends = "the record of this virtual trial ends on" if trial.virtual else "today is"
        message = f"{ends} {present}: what will be known on {day} is not known"
        raise Refused(doing, [Reason("as_of", message, f"give a day from {begun} to {present}")])
    people, chains = [], {}
    for subject in trial.subjects():
        entries = list(_until(trial, subject, day))
        if entries:
            end = local.minute(datetime.combine(day, time(23, 59)))
            people.append(Projection.replay(trial.protocol, subject, entries, until=end))
            chains[PREFIX + subject] = (entries[-1].sequence, entries[-1].hash)
    return Known(day, facts(people, trial.virtual), chains)


def _until(trial: Trial, subject: str, day: date) -> Iterator[Entry]:
    zone = None
    for entry in trial.store.chain(PREFIX + subject):
        zone = zone or trial.protocol.study.sites[str(entry.site)].timezone
        if local.date_of(local.stored(entry.time, zone)) > day:
            return
        yield entry


def today(trial: Trial) -> date:
    """The day it is where it is latest, among the sites of a trial."""
    now = trial.clock.now()
    zones = {site.timezone for site in trial.protocol.study.sites.values()} or {"UTC"}
    return max(now.astimezone(ZoneInfo(zone)).date() for zone in zones)


def stand(trial: Trial) -> None:
    """Let a virtual trial's clock stand at its last entry: its time is that of its record. A real one's
    goes on."""
    if trial.virtual:
        last = max(head.time for head in trial.store.heads().values())
        trial.clock = StandingClock(datetime.fromisoformat(last))
