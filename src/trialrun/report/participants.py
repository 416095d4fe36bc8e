"""Each participant's course as the figures and listings show it, read from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from trialrun.analysis.log import Tables, rows
from trialrun.protocol.endpoint import OrganResponse, WithoutEvent
from trialrun.protocol.protocol import Protocol
from trialrun.report.language import Language
from trialrun.tables import term


@dataclass(frozen=True)
class Dose:
    day: int
    cycle: str
    amount: float  # 0 = recorded as not given
    setting: str | None
    place: str | None


@dataclass(frozen=True)
class Event:
    """Something that happened on a study day: a form id, and the grade of an adverse event."""

    day: float
    kind: str
    grade: float | None = None
    serious: bool = False
    category: str | None = None


@dataclass(frozen=True)
class Participant:
    """One dosed participant; days are SDTM study days."""

    id: str
    label: str
    doses: tuple[Dose, ...]
    adverse: tuple[Event, ...]
    events: tuple[Event, ...]
    holds: tuple[float, ...]  # days of decisions to wait
    stopped: float | None
    last_day: float
    ending: str | None
    arm: str = ""  # its name in the study file; "" in a study without arms


def participants(protocol: Protocol, tables: Tables) -> list[Participant]:
    """Everyone who received a dose, in the order of the first dose; one arm after the other."""
    dosed = tables["DM"].drop_nulls("RFXSTDTC").sort("RFXSTDTC", "USUBJID")
    codes = {term.arm_code(name): name for name in protocol.arms}
    arms = [codes.get(code, "") for code in dosed["ARMCD"]] if codes else [""] * dosed.height
    named = [row["USUBJID"] for row in dosed.iter_rows(named=True)]
    doses, adverse, events = _doses(protocol, tables), _adverse(protocol, tables), _events(protocol, tables)
    ends = tables["DS"].filter(pl.col("DSSCAT") == term.PARTICIPATION)
    stops = tables["DS"].filter(pl.col("DSSCAT") == term.TREATMENT)
    ending = dict(ends.select("USUBJID", "DSDECOD").iter_rows())
    stopped = dict(stops.select("USUBJID", "DSSTDY").iter_rows())
    holds = _holds(protocol, tables)
    last = _last_days(tables)
    found = [
        Participant(
            id=who,
            label=label,
            doses=tuple(doses.get(who, ())),
            adverse=tuple(adverse.get(who, ())),
            events=tuple(events.get(who, ())),
            holds=tuple(holds.get(who, ())),
            stopped=stopped.get(who),
            last_day=float(last.get(who, 1)),
            ending=ending.get(who),
            arm=arm,
        )
        for who, label, arm in zip(named, dosed["SUBJID"], arms, strict=True)
    ]
    return sorted(found, key=lambda one: protocol.arms.index(one.arm) if one.arm else 0)


def _holds(protocol: Protocol, tables: Tables) -> dict[str, list[float]]:
    """Days on which a decision ended in an outcome that holds the treatment."""
    waiting = [
        (term.capitals(name), term.capitals(outcome))
        for name, decision in protocol.decisions.items()
        for outcome, said in decision.outcomes.items()
        if said.effect == "hold"
    ]
    found: dict[str, list[float]] = {}
    decided = tables["DS"].select("USUBJID", "DSSTDY", "DSSCAT", "DSDECOD").sort("USUBJID", "DSSTDY")
    for who, day, decision, outcome in decided.iter_rows():
        if (decision, outcome) in waiting and day is not None:
            found.setdefault(who, []).append(float(day))
    return found


def _doses(protocol: Protocol, tables: Tables) -> dict[str, list[Dose]]:
    found: dict[str, list[Dose]] = {}
    columns = ("USUBJID", "TIMEPT", "EXSTDY", "EXDOSE", "EXSETTING", "EXPLACE")
    for who, point, day, amount, setting, place in _select(tables["EX"], columns).iter_rows():
        if day is not None and point in protocol.timepoints:
            cycle = protocol.timepoints[point].cycle or ""
            found.setdefault(who, []).append(Dose(day, cycle, amount or 0.0, setting, place))
    return found


def _adverse(protocol: Protocol, tables: Tables) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    form = protocol.study.recorded_on.adverse_event
    for row in rows(protocol, tables, form).sort("USUBJID", "day").iter_rows(named=True):
        if row["day"] is not None and row["day"] >= 1:
            event = Event(row["day"], form, row.get("grade"), bool(row.get("serious")), row.get("category"))
            found.setdefault(row["USUBJID"], []).append(event)
    return found


def _events(protocol: Protocol, tables: Tables) -> dict[str, list[Event]]:
    """Occurrences of the events that endpoints are about, logs only."""
    found: dict[str, list[Event]] = {}
    for form in event_forms(protocol):
        for who, day in (
            rows(protocol, tables, form).select("USUBJID", "day").sort("USUBJID", "day").iter_rows()
        ):
            if day is not None and day >= 1:
                found.setdefault(who, []).append(Event(day, form))
    return found


def event_forms(protocol: Protocol) -> list[str]:
    """The log forms that endpoints count as events, in the order of the study file; adverse events are drawn
    anyhow."""
    named: dict[str, None] = {}
    for endpoint in protocol.study.endpoints.values():
        if isinstance(endpoint, WithoutEvent):
            named |= dict.fromkeys(endpoint.events)
        elif isinstance(endpoint, OrganResponse):
            named |= dict.fromkeys(endpoint.unless)
    others = set(protocol.logs) - {protocol.study.recorded_on.adverse_event}
    return [form for form in named if form in others]


def _last_days(tables: Tables) -> dict[str, int]:
    """The last study day known of: a visit or the end of participation."""
    ends = tables["DS"].filter(pl.col("DSSCAT") == term.PARTICIPATION)
    both = pl.concat([tables["SV"].select("USUBJID", day="SVSTDY"), ends.select("USUBJID", day="DSSTDY")])
    return dict(both.drop_nulls().group_by("USUBJID").agg(pl.col("day").max()).iter_rows())


def _select(table: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    return table.select(pl.col(c) if c in table.columns else pl.lit(None).alias(c) for c in columns)


def short(protocol: Protocol, subject: str) -> str:
    """A participant's identifier without the study's, which is on every page."""
    return subject.removeprefix(f"{protocol.id}-")


def course_label(protocol: Protocol, cycle: str, language: str) -> str:
    """A course as its days are labelled in a language: ``W3``, in French ``S3``."""
    day_1 = protocol.timepoints[f"{cycle}.D1"].label(language)
    return day_1.rpartition(" ")[0] or day_1


def event_words(protocol: Protocol, name: str, language: Language) -> str:
    """What endpoints call an event, to stand inside a sentence: the title of its form, or ``death``."""
    if name not in protocol.forms:
        return language.words.get(f"event.{name}", name.replace("_", " "))
    title = protocol.forms[name].title(language.code)
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def words_of(protocol: Protocol, form: str, item: str, code: str | None, language: str) -> str:
    """A code in the study's own words, or the code itself."""
    asked: Any = protocol.forms[form].items.get(item)
    if code is None or asked is None or code not in asked.codes:
        return code or ""
    return str(asked.codes[code](language))
