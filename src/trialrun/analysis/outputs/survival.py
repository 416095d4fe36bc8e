"""Time to an event: how many, survival at stated times, the median, who is at risk, every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import polars as pl

from trialrun.analysis.cumulative_incidence import CumulativeIncidence, cumulative_incidence
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.proportion import rounded
from trialrun.analysis.outputs.statement import Line, Stated, Value, patterns, words
from trialrun.analysis.survival import KaplanMeier, kaplan_meier
from trialrun.protocol.analysis import Survival
from trialrun.protocol.cell import PARTICIPANTS, Written
from trialrun.protocol.text import Text

SHARE = words("{survival:.1} ({lower:.1} to {upper:.1})", "{survival:.1} ({lower:.1} à {upper:.1})")
INCIDENCE = words("{incidence:.1} ({lower:.1} to {upper:.1})", "{incidence:.1} ({lower:.1} à {upper:.1})")
COUNT = words("{n}")
STEP = words(
    "{survival:.1} ({lower:.1} to {upper:.1}), {at_risk} at risk",
    "{survival:.1} ({lower:.1} à {upper:.1}), {at_risk} à risque",
)
TITLE = words("Time to the event", "Délai jusqu'à l'événement")
NOT_REACHED = words("not reached", "non atteinte")
NOBODY = NotEstimable("no participants")
CENSORED, EVENT, COMPETING = 0, 1, 2


@dataclass(frozen=True)
class Followed:
    """One column: times in study days, how each ended, how many are not known, and the curve."""

    time: tuple[float, ...]
    status: tuple[int, ...]
    unknown: int
    curve: KaplanMeier | NotEstimable
    incidence: CumulativeIncidence | NotEstimable
    sources: tuple[int, ...]


@dataclass(frozen=True)
class Item:
    """A line: its key, its words, its pattern and its numbers by column."""

    key: str
    title: Text
    pattern: Text
    values: Mapping[str, Mapping[str, Value]]
    none: Text | None = None
    open: Text | None = None  # the pattern where there is no upper end


def survival(asked: Asked, analysis: Survival) -> Iterator[Line]:
    """The lines that ``show`` asks for; participants whose time or ending is not known are left out, and
    counted."""
    rows, reads = _rows(asked, analysis)
    seen = asked.seen(PARTICIPANTS, rows, reads)
    held = asked.groups.sourced(PARTICIPANTS, rows, reads).join(asked.groups.membership, on="_who")
    found = {
        one.key: _followed(held.filter(pl.col("_column") == one.key).sort("_row"), analysis)
        for one in asked.groups.list
    }
    for item in _items(analysis, found):
        cells = []
        for column, one in found.items():
            ends = not isinstance(item.values[column].get("upper"), NotEstimable)
            how = Written(format=item.open if item.open and not ends else item.pattern)
            reached = None if isinstance(one.curve, NotEstimable) else item.none
            own = analysis if item.key.startswith("at=") else Written(none=reached or analysis.none)
            pattern, _, none = patterns(own, how, asked.format("survival"))
            asked_for = {**seen.asked, "column": column, "line": [item.key]}
            cells.append(
                Stated(
                    column,
                    item.values[column],
                    pattern,
                    "survival/1",
                    asked.first,
                    none,
                    one.sources,
                    seen.inputs[column],
                    asked_for,
                    {
                        "time": one.time,
                        "status": one.status,
                        "level": analysis.level,
                        "scale": analysis.scale,
                        "show": item.key,
                    },
                )
            )
        labels = (analysis.title or TITLE, item.title)
        yield Line((asked.name, item.key), labels, tuple(cells), analysis.indent)


def _rows(asked: Asked, analysis: Survival) -> tuple[pl.DataFrame, frozenset[str]]:
    """Participants with ``_time`` and ``_status``: 0 censored, 1 the event, 2 a competing one."""
    columns = asked.columns
    table, time = columns.split(analysis.survival, (*asked.path, "survival"))
    if table != PARTICIPANTS:
        hint = "Derive it: {min: TABLE.COLUMN}."
        columns.refuse((*asked.path, "survival"), "a time to an event is a column of participants", hint)
    rows = asked.rows(PARTICIPANTS, "survival")
    if not (rows.schema[time].is_numeric() or rows.schema[time] == pl.Null):
        message = f"`{analysis.survival}` is no number"
        columns.refuse((*asked.path, "survival"), message, "Give days: {value: onset - start}.")
    own = pl.col("own")
    event = columns.rule(PARTICIPANTS, analysis.event, (*asked.path, "event"))
    reads = asked.reads(PARTICIPANTS) | {time} | event.reads
    status = columns.value(PARTICIPANTS, rows, event).cast(pl.Int8)
    if analysis.competing is not None:
        other = columns.rule(PARTICIPANTS, analysis.competing, (*asked.path, "competing"))
        reads |= other.reads
        first = columns.value(PARTICIPANTS, rows, other).cast(pl.Int8) * COMPETING
        both = pl.DataFrame({"own": status, "other": first})
        status = both.select(_s=pl.when(own == EVENT).then(own).otherwise(own + pl.col("other")))["_s"]
    return rows.with_columns(_time=pl.col(time).cast(pl.Float64), _status=status), reads


def _followed(rows: pl.DataFrame, analysis: Survival) -> Followed:
    known = rows.drop_nulls(["_time", "_status"])
    time, status = known["_time"].to_list(), known["_status"].to_list()
    behind = {number for one in known["_sources"].to_list() for number in one}
    curve: KaplanMeier | NotEstimable = NOBODY
    incidence: CumulativeIncidence | NotEstimable = NOBODY
    if time:
        event = [int(one == EVENT) for one in status]
        curve = kaplan_meier(time, event, level=analysis.level, scale=analysis.scale)
        incidence = cumulative_incidence(time, status, cause=EVENT, level=analysis.level)
    return Followed(
        tuple(time), tuple(status), rows.height - known.height, curve, incidence, tuple(sorted(behind))
    )


# ---- lines ---------------------------------------------------------------------------------------


def _items(analysis: Survival, found: Mapping[str, Followed]) -> Iterator[Item]:
    level = f"{100 * analysis.level:.10g}"
    if "counts" in analysis.show:
        yield from _counts(analysis, found)
    for shown in analysis.show:
        if shown == "at":
            for day, label in analysis.at.items():
                title = _titled(
                    label,
                    f"{level}% CI",
                    f"IC à {level.replace('.', ',')} %",
                    "event-free, %",
                    "sans événement, %",
                )
                yield Item(f"at={day}", title, SHARE, {c: _at(one, day) for c, one in found.items()})
        elif shown == "incidence":
            for day, label in analysis.at.items():
                title = _titled(
                    label, f"{level}% CI", f"IC à {level.replace('.', ',')} %", "incidence, %", "incidence, %"
                )
                values = {c: _incidence(one, day) for c, one in found.items()}
                yield Item(f"incidence={day}", title, INCIDENCE, values)
        elif shown == "median":
            yield from _median(found, level)
        elif shown == "risk":
            for day, label in analysis.at.items():
                title = _titled(label, "", "", "at risk", "à risque")
                values = {c: {"n": float(sum(t >= day for t in one.time))} for c, one in found.items()}
                yield Item(f"risk={day}", title, COUNT, values)
        elif shown == "steps":
            yield from _steps(found)


def _titled(label: Text, ci: str, ic: str, en: str, fr: str) -> Text:
    """The words of a time, with what stands there."""
    english, french = (f" ({one})" if one else "" for one in (ci, ic))
    return words(f"{label('en')}: {en}{english}", f"{label('fr')} : {fr}{french}")


def _counts(analysis: Survival, found: Mapping[str, Followed]) -> Iterator[Item]:
    kinds = [
        ("n", words("Participants", "Participants"), None),
        ("events", words("With the event", "Avec l'événement"), EVENT),
        ("competing", words("With another event first", "Avec un autre événement d'abord"), COMPETING),
        ("censored", words("Censored", "Censurés"), CENSORED),
    ]
    for key, title, code in kinds:
        if code == COMPETING and analysis.competing is None:
            continue
        values = {
            c: {"n": float(len(one.time) if code is None else one.status.count(code))}
            for c, one in found.items()
        }
        yield Item(key, title, COUNT, values)
    if any(one.unknown for one in found.values()):
        left = words("Time or ending unknown, left out", "Temps ou issue inconnus, non comptés")
        yield Item("unknown", left, COUNT, {c: {"n": float(one.unknown)} for c, one in found.items()})


def _at(one: Followed, day: float) -> dict[str, Value]:
    made = one.curve if isinstance(one.curve, NotEstimable) else one.curve.at(day)
    if isinstance(made, NotEstimable):
        return {"survival": made, "lower": made, "upper": made}
    return {
        "survival": rounded(100 * made.estimate),
        "lower": rounded(100 * made.interval.lower),
        "upper": rounded(100 * made.interval.upper),
        "how": made.interval.method,
    }


def _incidence(one: Followed, day: float) -> dict[str, Value]:
    made = one.incidence if isinstance(one.incidence, NotEstimable) else one.incidence.at(day)
    if isinstance(made, NotEstimable):
        return {"incidence": made, "lower": made, "upper": made}
    return {
        "incidence": rounded(100 * made.estimate),
        "lower": rounded(100 * made.interval.lower),
        "upper": rounded(100 * made.interval.upper),
        "how": made.interval.method,
    }


def _median(found: Mapping[str, Followed], level: str) -> Iterator[Item]:
    """The median, and its interval; an end that is not reached says so."""
    middles: dict[str, dict[str, Value]] = {}
    bands: dict[str, dict[str, Value]] = {}
    for column, one in found.items():
        if isinstance(one.curve, NotEstimable):
            middles[column], bands[column] = {"median": one.curve}, {"lower": one.curve, "upper": one.curve}
            continue
        made = one.curve.quantile(0.5)
        middle = made.estimate
        middles[column] = {"median": middle if isinstance(middle, NotEstimable) else rounded(middle)}
        ends = (made.interval.lower, made.interval.upper)
        no_end = NotEstimable("the bound of survival stays above 0.5")
        bands[column] = dict(
            zip(("lower", "upper"), (rounded(end) if isfinite(end) else no_end for end in ends), strict=True)
        )
    yield Item(
        "median", words("Median (days)", "Médiane (jours)"), words("{median:.0}"), middles, NOT_REACHED
    )
    pattern = words("{lower:.0} to {upper:.0}", "{lower:.0} à {upper:.0}")
    above = words("from {lower:.0}, no upper bound", "à partir de {lower:.0}, sans borne supérieure")
    title = words(f"{level}% CI of the median", f"IC à {level.replace('.', ',')} % de la médiane")
    yield Item("median_interval", title, pattern, bands, open=above)


def _steps(found: Mapping[str, Followed]) -> Iterator[Item]:
    """The curve at day 0, at each event and at each censoring: what a figure draws."""
    days = sorted({0.0, *(day for one in found.values() for day in one.time)})
    for day in days:
        values = {column: _step(one, day) for column, one in found.items()}
        title = words(f"Day {day:g}", f"Jour {day:g}")
        yield Item(f"step={day:g}", title, STEP, values)


def _step(one: Followed, day: float) -> dict[str, Value]:
    def ended(code: int) -> float:
        return float(sum(t == day and s == code for t, s in zip(one.time, one.status, strict=True)))

    at_risk: Sequence[float] = [t for t in one.time if t >= day]
    counts: dict[str, Value] = {
        "time": float(day),
        "at_risk": float(len(at_risk)),
        "events": ended(EVENT),
        "censored": ended(CENSORED) + ended(COMPETING),
    }
    return _at(one, day) | counts
