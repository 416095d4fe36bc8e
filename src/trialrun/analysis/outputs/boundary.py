"""A suspension rule of the study against what happened, participant by participant, and what it would do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from trialrun.analysis.bayes import posterior
from trialrun.analysis.boundary import Boundary, from_steps
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.proportion import rounded
from trialrun.analysis.outputs.statement import Line, Stated, Value, patterns, words
from trialrun.analysis.suspension import doses, matched_events
from trialrun.protocol.analysis import Monitored
from trialrun.protocol.cell import Written
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text

NO_LIMIT = NotEstimable("so few participants cannot reach it")
DASH = words("–")
YES, NO = words("yes", "oui"), words("–")
CONTINUE, SUSPEND = words("continue", "poursuivre"), words("suspend", "suspendre")
STOPS = words("{stop:.3} ({treated:.1})")
PATTERNS: Mapping[str, Text] = {
    "dosed": words("{n}"),
    "first": words("{on}"),
    "events": words("{events}"),
    "limit": words("{limit}"),
    "posterior": words("{probability:.3<>}"),
}


Behind = tuple[str, tuple[int, ...]]
"""What a cell was made from: a text to hash, and the numbers of rows."""


@dataclass(frozen=True)
class Step:
    """One participant: number in the order of first doses, events known by the next one's, the limit then."""

    who: str
    n: int
    first: date
    event: bool
    events: int
    limit: int | None
    reached: bool


def boundary(asked: Asked, analysis: Monitored) -> Iterator[Line]:
    """A line for each dosed participant, then one for each true rate; of the whole trial."""
    protocol = _study(asked, analysis)
    rule = protocol.study.suspensions[analysis.boundary]
    title = analysis.title or rule.text
    if analysis.show == "limits":
        yield from _drawn_limits(asked, analysis, _limits(protocol, analysis.boundary, 0))
        return
    found = _steps(asked, protocol, analysis.boundary)
    if analysis.show == "path":
        yield from _drawn_path(asked, analysis, found)
        return
    if isinstance(found, NotEstimable):
        cell = _stated(asked, analysis, "events", {"events": found}, PATTERNS["events"], ("", ()), "standing")
        yield Line((asked.name, "standing"), (title, words("Standing", "État")), (cell,), analysis.indent)
    else:
        for step, behind in found:
            cells = tuple(_cells(asked, analysis, step, behind, same=rule.same is not None))
            yield Line(
                (asked.name, "participants", step.who), (title, words(step.who)), cells, analysis.indent
            )
    if rule.same is None:
        yield from _rates(asked, analysis, _limits(protocol, analysis.boundary, 0))


def _study(asked: Asked, analysis: Monitored) -> Protocol:
    protocol = asked.columns.protocol
    path = (*asked.path, "boundary")
    if protocol is None:
        hint = "Give the protocol together with the tables."
        return asked.columns.refuse(path, "a suspension rule belongs to a study", hint)
    known = protocol.study.suspensions
    if analysis.boundary not in known:
        message = f"the study has no suspension rule `{analysis.boundary}`"
        asked.columns.refuse(path, message, suggestion(analysis.boundary, known))
    return protocol


def _limits(protocol: Protocol, name: str, dosed: int) -> Boundary:
    steps = sorted(protocol.study.suspensions[name].at_least.items())
    return from_steps(steps, max(protocol.study.enrolment.planned, dosed, steps[-1][0]))


def _steps(asked: Asked, protocol: Protocol, name: str) -> list[tuple[Step, Behind]] | NotEstimable:
    """Every dosed participant with what was known of the events before the next was dosed (or to this day),
    and what that was made from: a text to hash, and row numbers."""
    tables = asked.columns.raw
    matched = matched_events(protocol, tables, name)
    if isinstance(matched, NotEstimable):
        return matched
    first = doses(tables)
    limits = _limits(protocol, name, first.height)
    dated = matched.join(first, on="USUBJID", how="left").with_columns(pl.coalesce("on", "first").alias("on"))
    rows = _rows(asked, protocol, name)
    people, begun = first["USUBJID"].to_list(), first["first"].to_list()
    made = []
    for i, (who, on) in enumerate(zip(people, begun, strict=True)):
        known = dated if i + 1 == len(people) else dated.filter(pl.col("on") < begun[i + 1])
        counts = known.group_by("kind").len()["len"].to_list()
        events, reached = max(counts, default=0), any(bool(limits.reached(one, i + 1)) for one in counts)
        own = who in matched["USUBJID"].to_list()
        step = Step(who, i + 1, on, own, events, limits.stop_at[i], reached)
        read = known.sort("on", "USUBJID", "kind").write_csv() + "\n".join(map(str, people[: i + 1]))
        behind = tuple(sorted({row for one in people[: i + 1] for row in rows.get(one, ())}))
        made.append((step, (f"{read}\n{on}", behind)))
    return made


def _rows(asked: Asked, protocol: Protocol, name: str) -> dict[str, list[int]]:
    """USUBJID -> the numbers of its own row and of the events that the rule counts."""
    reads = protocol.rules[f"suspensions.{name}"].reads
    forms = {protocol.variables[one].reads[0] for one in reads}
    domains = {protocol.forms[one].domain for one in forms if one in protocol.forms}
    found = [asked.columns.people.select("USUBJID", "_row")]
    for domain in sorted(one for one in domains if one and one in asked.columns.raw):
        found.append(asked.columns.table(domain, asked.path).select("USUBJID", "_row"))
    return dict(pl.concat(found).group_by("USUBJID").agg("_row").iter_rows())


# ---- for a figure --------------------------------------------------------------------------------


def _drawn_limits(asked: Asked, analysis: Monitored, limits: Boundary) -> Iterator[Line]:
    """A line for each number of participants at which some number of events suspends."""
    column = asked.groups.list[-1].key
    for n, at in enumerate(limits.stop_at, start=1):
        if at is not None:
            values: dict[str, Value] = {"n": float(n), "stop_at": float(at)}
            cell = _stated(asked, analysis, column, values, words("{stop_at}"), ("", ()), f"limit={n}")
            cell = replace(cell, data={"n": n, **_rule(asked, analysis)})
            yield Line((asked.name, f"n={n}"), (words(f"n = {n}"),), (cell,), analysis.indent)


def _drawn_path(
    asked: Asked, analysis: Monitored, found: list[tuple[Step, Behind]] | NotEstimable
) -> Iterator[Line]:
    """A line for each participant: n and the events known then."""
    column = asked.groups.list[-1].key
    for step, behind in [] if isinstance(found, NotEstimable) else found:
        values: dict[str, Value] = {"n": float(step.n), "events": float(step.events)}
        cell = _stated(asked, analysis, column, values, words("{events}"), behind, f"path={step.n}")
        yield Line((asked.name, step.who), (words(step.who),), (cell,), analysis.indent)


# ---- cells ---------------------------------------------------------------------------------------


def _cells(asked: Asked, analysis: Monitored, step: Step, behind: Behind, *, same: bool) -> Iterator[Stated]:
    x, n = float(step.events), float(step.n)
    values: dict[str, dict[str, Value]] = {
        "dosed": {"n": n},
        "first": {"on": step.first.isoformat()},
        "event": {"event": float(step.event)},
        "events": {"events": x},
        "limit": {"limit": NO_LIMIT if step.limit is None else float(step.limit)},
        "decision": {"reached": float(step.reached), "events": x, "n": n},
    }
    words_of = {
        **PATTERNS,
        "event": YES if step.event else NO,
        "decision": SUSPEND if step.reached else CONTINUE,
    }
    if analysis.prior is not None and analysis.above is not None:
        after = posterior(min(step.events, step.n), step.n, *analysis.prior)
        several = NotEstimable("events of several kinds have no single rate")
        probability: Value = several if same else rounded(after.above(analysis.above))
        values["posterior"] = {"probability": probability, "a": after.a, "b": after.b}
    for column in analysis.columns:
        if column not in values:
            message = f"a boundary has no column `{column}`"
            asked.columns.refuse((*asked.path, "columns", column), message, suggestion(column, values))
        cell = _stated(asked, analysis, column, values[column], words_of[column], behind, step.who)
        known = {"n": step.n, "events": step.events, "prior": analysis.prior, "above": analysis.above}
        if not same:  # with events of several kinds, those of the largest kind decide nothing alone
            cell = replace(cell, data={**known, **_rule(asked, analysis)})
        yield cell


def _rates(asked: Asked, analysis: Monitored, limits: Boundary) -> Iterator[Line]:
    """What the boundary does at true rates, for the planned number, each seen before the next."""
    found = limits.operating_characteristics(analysis.rates)
    above = words(
        "P(suspending) (mean dosed) at a rate of",
        "P(suspension) (traités en moyenne) au taux de",
    )
    for rate, stop, treated in zip(
        analysis.rates, found.stop.tolist(), found.expected_treated.tolist(), strict=True
    ):
        values: dict[str, Value] = {"rate": rate, "stop": rounded(stop), "treated": rounded(treated)}
        cell = _stated(asked, analysis, "decision", values, STOPS, ("", ()), f"rate={rate:g}")
        cell = replace(cell, data={"rate": rate, "planned": len(limits.stop_at), **_rule(asked, analysis)})
        share = f"{100 * rate:.10g}"
        label = words(f"{share}%", f"{share.replace('.', ',')} %")
        yield Line((asked.name, "rates", f"rate={rate:g}"), (above, label), (cell,), analysis.indent)


def _rule(asked: Asked, analysis: Monitored) -> dict[str, object]:
    """From how many participants on so many events suspend."""
    steps = sorted(_study(asked, analysis).study.suspensions[analysis.boundary].at_least.items())
    return {"starts": [n for n, _ in steps], "limits": [events for _, events in steps]}


def _stated(
    asked: Asked,
    analysis: Monitored,
    column: str,
    values: Mapping[str, Value],
    pattern: Text,
    behind: Behind,
    line: str,
) -> Stated:
    format_, _, none = patterns(
        Written(format=pattern, none=analysis.none or (DASH if column == "limit" else None)),
        asked.format("boundary"),
    )
    read, sources = behind
    rule = asked.columns.protocol.study.suspensions[analysis.boundary] if asked.columns.protocol else None
    parameters = {
        "rule": analysis.boundary,
        "at_least": dict(rule.at_least) if rule else {},
        "prior": analysis.prior,
        "above": analysis.above,
        "column": column,
        "line": line,
    }
    inputs = hashlib.sha256(read.encode()).hexdigest()
    # What the rule would do is a property of the study: no row stands behind it.
    method = "boundary/1" if sources else "operating_characteristics/1"
    return Stated(column, values, format_, method, "", none, sources, inputs, parameters)
