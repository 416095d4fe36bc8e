"""The endpoints of a study as lines of an output: the same results as everywhere, by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import assert_never

import numpy as np
import polars as pl

from trialrun.analysis.arrays import Arrays, from_tables
from trialrun.analysis.comparison import Comparison, Shift, compare
from trialrun.analysis.endpoint import Result, estimate
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.organ_response import OrganResponse
from trialrun.analysis.outputs.asked import Asked, percent
from trialrun.analysis.outputs.columns import Columns, Path
from trialrun.analysis.outputs.statement import Line, Stated, Value, patterns, plain, words
from trialrun.analysis.paired_change import PairedChange
from trialrun.analysis.signed_rank import SignedRank
from trialrun.analysis.without_event import WithoutEvent
from trialrun.protocol import endpoint as defined
from trialrun.protocol.analysis import EndpointResult
from trialrun.protocol.cell import Statistic
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text
from trialrun.protocol.write import said
from trialrun.tables import term

SHARE = words("{x}/{n} ({percent:.1}%)", "{x}/{n} ({percent:.1} %)")
RANGE = words("{lower:.1} to {upper:.1}", "{lower:.1} à {upper:.1}")
P = words("{p:.4<>}")

# The lines of each kind, unless the file says others.
LINES: Mapping[str, Mapping[str, tuple[Text, Text]]] = {
    "proportion_without_event": {
        "without_event": (words("Without an event, n/N (%)", "Sans événement, n/N (%)"), SHARE),
        "interval": (words("Exact confidence interval (%)", "Intervalle de confiance exact (%)"), RANGE),
        "rate_upper": (
            words(
                "One-sided upper bound of the event rate (%)",
                "Borne supérieure unilatérale du taux d'événements (%)",
            ),
            words("{rate_upper:.1}"),
        ),
        "observed": (words("With an event", "Avec événement"), words("{observed}")),
        "lost": (
            words("Lost, counted as events", "Perdus de vue, comptés comme événements"),
            words("{lost}"),
        ),
        "pending": (words("Still followed", "Encore suivis"), words("{pending}")),
        "complete_case": (
            words("Without the lost, n/N (%)", "Sans les perdus de vue, n/N (%)"),
            words(
                "{complete_x}/{complete_n} ({complete_percent:.1}%)",
                "{complete_x}/{complete_n} ({complete_percent:.1} %)",
            ),
        ),
    },
    "paired_change": {
        "n": (words("Pairs", "Paires"), words("{n}")),
        "estimate": (
            words("Hodges-Lehmann estimate", "Estimation de Hodges-Lehmann"),
            words("{estimate:.2}"),
        ),
        "interval": (
            words("Exact confidence interval", "Intervalle de confiance exact"),
            words("{lower:.2} to {upper:.2}", "{lower:.2} à {upper:.2}"),
        ),
        "p": (words("Exact signed-rank test, p", "Test exact des rangs signés, p"), P),
        "rose": (words("Rose", "Hausse"), words("{rose}")),
        "fell": (words("Fell", "Baisse"), words("{fell}")),
        "unchanged": (words("Unchanged", "Inchangé"), words("{unchanged}")),
        "unpaired": (words("Without a pair", "Sans paire"), words("{unpaired}")),
    },
    "organ_response": {
        "response": (words("Responders, n/N (%)", "Répondeurs, n/N (%)"), SHARE),
        "interval": (words("Exact confidence interval (%)", "Intervalle de confiance exact (%)"), RANGE),
        "complete": (words("Complete response", "Réponse complète"), words("{complete}")),
        "partial": (words("Partial response", "Réponse partielle"), words("{partial}")),
        "none": (words("No response", "Pas de réponse"), words("{none}")),
        "missing": (
            words("Missing, counted as no response", "Manquants, comptés comme non répondeurs"),
            words("{missing}"),
        ),
        "pending": (words("Still followed", "Encore suivis"), words("{pending}")),
        "nothing_involved": (
            words("No organ known to be involved at baseline", "Aucun organe connu comme atteint au départ"),
            words("{nothing_involved}"),
        ),
    },
}  # fmt: skip

# Those of a comparison of two arms that the study declares.
DIFFERENCE: Mapping[str, tuple[Text, Text]] = {
    "difference": (words("Difference from {other}", "Différence avec {other}"), words("{difference:.2}")),
    "difference_interval": (
        words("Confidence interval of the difference", "Intervalle de confiance de la différence"),
        words(
            "{difference_lower:.2} to {difference_upper:.2}", "{difference_lower:.2} à {difference_upper:.2}"
        ),
    ),
    "difference_p": (
        words("Exact test of the difference, p", "Test exact de la différence, p"),
        words("{difference_p:.4<>}"),
    ),
}


def endpoint(asked: Asked, analysis: EndpointResult) -> Iterator[Line]:
    """The lines of an endpoint; each column is analysed as if its participants were the trial."""
    protocol, tables = asked.columns.protocol, asked.columns.raw
    if protocol is None:
        hint = "Give the protocol together with the tables."
        asked.columns.refuse((*asked.path, "endpoint"), "an endpoint belongs to a study", hint)
    planned = protocol.study.endpoints[analysis.endpoint]
    arrays = asked.columns.shared("arrays", lambda: from_tables(protocol, dict(tables)))
    results = {
        one.key: estimate(protocol, only(asked, arrays, one.key), analysis.endpoint)
        for one in asked.groups.list
    }
    told = {column: _statistics(one) for column, one in results.items()}
    data = {column: _data(one) for column, one in results.items()}
    rows = rows_read(asked.columns, asked.path, asked.groups.members, protocol, planned)
    behind = {one.key: rows_of(asked, rows, one.key) for one in asked.groups.list}
    inputs = {key: asked.columns.digest(numbers) for key, numbers in behind.items()}
    title = analysis.title or planned.title
    for name, statistic in _lines(analysis, planned).items():
        cells = []
        for column in asked.groups.list:
            key = column.key
            cell = _cell(asked, statistic, name, told[key], key, behind[key], inputs[key], planned)
            cells.append(replace(cell, data=data[key]))
        yield Line((asked.name, name), (title, statistic.title or words(name)), tuple(cells), analysis.indent)
    if planned.compare is not None and not analysis.statistics:
        yield from _compared(asked, analysis, protocol, arrays, planned.compare.arms, rows)


def only(asked: Asked, arrays: Arrays, column: str) -> Arrays:
    """The trial with nobody present but the participants of a column."""
    there = asked.groups.membership.filter(pl.col("_column") == column).select("_who")
    named = set(asked.groups.members.join(there, on="_who", how="semi")["USUBJID"])
    mask = np.array([subject in named for subject in arrays.subjects], dtype=np.bool_)
    return replace(arrays, present=arrays.present & mask[np.newaxis, :])


def _compared(
    asked: Asked,
    analysis: EndpointResult,
    protocol: Protocol,
    arrays: Arrays,
    arms: tuple[str, ...],
    rows: pl.DataFrame,
) -> Iterator[Line]:
    """The difference of two arms that the endpoint declares, in the column of the first one."""
    planned = protocol.study.endpoints[analysis.endpoint]
    comparison = compare(protocol, arrays, analysis.endpoint)
    found = _difference(comparison)
    columns = {one.key: arm for arm in arms for one in asked.groups.list if one.key == term.arm_code(arm)}
    if len(columns) < len(arms):
        return
    place = next(key for key, arm in columns.items() if arm == arms[0])
    title = analysis.title or planned.title
    other = protocol.study.arms[arms[1]].title
    sources = tuple(sorted({row for one in columns for row in rows_of(asked, rows, one)}))
    for name, (label, pattern) in DIFFERENCE.items():
        statistic = Statistic(format=pattern)
        read = asked.columns.digest(sources)
        cell = _cell(asked, statistic, name, found, place, sources, read, planned)
        of = Text(tuple((code, said.format(other=other(code))) for code, said in label.by_language))
        cell = replace(cell, data=_compared_data(comparison))
        yield Line((asked.name, name), (title, of), (cell,), analysis.indent)


def _difference(found: Comparison | None) -> Mapping[str, Value]:
    """Estimate, interval and p of a comparison; differences of proportions in percentage points."""
    assert found is not None
    times = 1 if isinstance(found, Shift) else 100
    estimated, interval, test = found.estimate_at(0), found.interval_at(0), found.test_at(0)
    bounds = _bounds(interval, times)
    return {
        "difference": estimated if isinstance(estimated, NotEstimable) else plain(float(estimated) * times),
        "difference_lower": bounds["lower"],
        "difference_upper": bounds["upper"],
        "difference_p": test if isinstance(test, NotEstimable) else plain(test.p),
    }


def _lines(analysis: EndpointResult, planned: defined.Endpoint) -> dict[str, Statistic]:
    usual = LINES[planned.kind]
    if planned.compare is not None:  # what is tested is the difference, not the change within one arm
        usual = {key: one for key, one in usual.items() if key != "p"}
    made = {}
    for key, one in (analysis.statistics or dict.fromkeys(usual, Statistic())).items():
        title, pattern = usual.get(key, (words(key), words(f"{{{key}}}")))
        made[key] = one.model_copy(update={"title": one.title or title, "format": one.format or pattern})
    return made


def _cell(
    asked: Asked,
    statistic: Statistic,
    name: str,
    found: Mapping[str, Value],
    column: str,
    sources: tuple[int, ...],
    inputs: str,
    planned: defined.Endpoint,
) -> Stated:
    pattern, _, none = patterns(statistic, asked.format("endpoint"))
    names = dict.fromkeys(hole[0] for _, text in pattern.by_language for hole in placeholders(text))
    for one in names:
        if one not in found:
            message = f"this endpoint has no statistic `{one}`"
            asked.columns.refuse((*asked.path, "statistics"), message, suggestion(one, found))
    parameters = {
        "endpoint": said(planned),
        "column": column,
        "line": [name],
        "statistics": list(names),
    }
    values = {one: found[one] for one in names}
    return Stated(
        column, values, pattern, f"{planned.kind}/1", asked.first, none, sources, inputs, parameters
    )


# ---- where from ----------------------------------------------------------------------------------


def rows_read(
    columns: Columns, path: Path, people: pl.DataFrame, protocol: Protocol, planned: defined.Endpoint
) -> pl.DataFrame:
    """``_who``, ``_row``, ``USUBJID`` that an endpoint reads: findings, events, doses, endings."""
    mine = people.select("_who", "_row", "USUBJID")

    def rows(table: str, keep: pl.Expr | None = None) -> pl.DataFrame:
        if table not in columns.raw:
            return mine.clear()
        held = columns.table(table, path)
        held = held if keep is None else held.filter(keep)
        chosen = held.join(mine.select("_who"), on="_who", how="semi", maintain_order="left")
        return chosen.select("_who", "_row", "USUBJID")

    def finding(name: str, points: tuple[str, ...]) -> pl.DataFrame:
        domain, _, test = name.partition(".")
        if domain not in columns.raw:
            return mine.clear()
        return rows(domain, pl.col(f"{domain}TESTCD").eq(test) & pl.col("TIMEPT").is_in(points))

    def events(names: tuple[str, ...]) -> list[pl.DataFrame]:
        domains = dict.fromkeys(protocol.forms[one].domain for one in names if one in protocol.forms)
        return [rows(one) for one in domains if one]

    found = [rows("EX"), rows("DS")]
    if isinstance(planned, defined.PairedChange):
        found.append(finding(planned.parameter, (*planned.baseline, planned.at)))
    elif isinstance(planned, defined.OrganResponse):
        points = (*planned.baseline, planned.at, *planned.secondary_at)
        found += [finding(name, points) for name in planned.organs]
        found += events(planned.unless)
    elif isinstance(planned, defined.WithoutEvent):
        found += [rows("SV"), *events(planned.events)]
    return pl.concat([mine, *found]).unique().sort("_row")


def rows_of(asked: Asked, rows: pl.DataFrame, column: str) -> tuple[int, ...]:
    return tuple(asked.groups.within(rows, column))


# ---- statistics ----------------------------------------------------------------------------------


def _statistics(found: Result) -> dict[str, Value]:
    """The numbers of an endpoint's result, by the names that patterns use; shares in per cent."""
    if isinstance(found, WithoutEvent):
        n, x, lost = int(found.n[0]), int(found.without[0]), int(found.lost_count[0])
        return {
            **_share("", x, n),
            **_bounds(found.proportion.at(0), 100),
            "rate_upper": _upper(found.upper.at(0)),
            "observed": float(found.observed[0]),
            "lost": float(lost),
            "pending": float(found.pending[0].sum()),
            **_share("complete_", x, n - lost),
        }
    if isinstance(found, PairedChange):
        difference = found.differences[0][found.paired[0]]
        test = found.test_at(0)
        estimated = found.estimate_at(0)
        return {
            "n": float(found.n[0]),
            "unpaired": float(found.unpaired[0]),
            "rose": float((difference > 0).sum()),
            "fell": float((difference < 0).sum()),
            "unchanged": float((difference == 0).sum()),
            "estimate": estimated if isinstance(estimated, NotEstimable) else plain(float(estimated)),
            **_bounds(found.interval_at(0), 1),
            "p": plain(test.p) if isinstance(test, SignedRank) else test,
        }
    if isinstance(found, OrganResponse):
        n, x = int(found.n[0]), int(found.responders[0])
        counts = {
            name: float(getattr(found, name)[0].sum())
            for name in ("complete", "partial", "missing", "pending", "nothing_involved")
        }
        return {**_share("", x, n), **_bounds(found.proportion.at(0), 100), **counts, "none": float(n - x)}
    assert_never(found)


def _data(found: Result) -> dict[str, object]:
    """The numbers that the statistics of a result are computed from."""
    if isinstance(found, PairedChange):
        x = found.differences[0][found.paired[0]].tolist()
        told = {"scale": found.scale, "level": found.interval.level, "at_least": found.at_least}
        return {"x": x, "unpaired": int(found.unpaired[0]), **told}
    if isinstance(found, WithoutEvent):
        x, lost = int(found.without[0]), int(found.lost_count[0])
        return {"x": x, "n": int(found.n[0]), "lost": lost, "level": found.proportion.level}
    return {"x": int(found.responders[0]), "n": int(found.n[0]), "level": found.proportion.level}


def _compared_data(found: Comparison | None) -> dict[str, object]:
    """The same of two arms."""
    assert found is not None
    if isinstance(found, Shift):
        first, second = (one.tolist() for one in found.changes(0))
        told = {"scale": found.first.scale, "level": found.level, "at_least": found.first.at_least}
        return {"first": first, "second": second, **told}
    return {"x": found.x[:, 0].tolist(), "n": found.n[:, 0].tolist(), "level": found.interval.level}


def _share(prefix: str, x: int, n: int) -> dict[str, Value]:
    return {f"{prefix}x": float(x), f"{prefix}n": float(n), f"{prefix}percent": percent(x, n)}


def _bounds(found: Interval | NotEstimable, times: float) -> dict[str, Value]:
    if isinstance(found, NotEstimable):
        return {"lower": found, "upper": found}
    return {"lower": plain(found.lower * times), "upper": plain(found.upper * times)}


def _upper(found: Interval | NotEstimable) -> Value:
    return found if isinstance(found, NotEstimable) else plain(found.upper * 100)
