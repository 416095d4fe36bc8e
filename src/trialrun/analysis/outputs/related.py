"""Two numbers of each participant; and p-values of endpoints, adjusted for their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.arrays import Arrays, from_tables
from trialrun.analysis.endpoint import estimate
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.correlation import kendall, spearman
from trialrun.analysis.outputs.asked import Asked, Seen
from trialrun.analysis.outputs.endpoints import only, rows_of, rows_read
from trialrun.analysis.outputs.over_time import Usual, cell, found, members, statistics, titled
from trialrun.analysis.outputs.paired import ADJUST
from trialrun.analysis.outputs.statement import Line, Value, words
from trialrun.analysis.paired_change import RESOLUTION, PairedChange
from trialrun.analysis.signed_rank import SignedRank
from trialrun.protocol.cell import PARTICIPANTS
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trajectory import Correlated, Multiplicity
from trialrun.protocol.write import said

CORRELATION: Usual = {
    "n": (words("Pairs", "Paires"), words("{n}")),
    "rho": (words("Spearman's rho", "Rho de Spearman"), words("{rho:.2}")),
    "p": (words("Exact p", "p exact"), words("{p:.4<>}")),
    "tau": (words("Kendall's tau-b", "Tau-b de Kendall"), words("{tau:.2}")),
    "p_tau": (words("p", "p"), words("{p_tau:.4<>}")),
}


def correlation(asked: Asked, analysis: Correlated) -> Iterator[Line]:
    """Spearman's and Kendall's correlation of two columns of participants; those who have both."""
    names = [
        asked.columns.split(column, (*asked.path, "correlation", i))[1]
        for i, column in enumerate(analysis.correlation)
    ]
    people = asked.rows(PARTICIPANTS, "correlation")
    for i, name in enumerate(names):
        if not people.schema[name].is_numeric() and people.schema[name] != pl.Null:
            asked.columns.refuse((*asked.path, "correlation", i), f"`{name}` is no number")
    both = people.drop_nulls(names)
    read = asked.seen(PARTICIPANTS, both, asked.reads(PARTICIPANTS) | set(names))
    sourced = asked.groups.sourced(PARTICIPANTS, both, names)
    held = {}
    for column, who in members(asked).items():
        some = sourced.filter(pl.col("_who").is_in(pl.Series(who, dtype=pl.UInt32).implode()))
        x, y = (np.round(some[name].cast(pl.Float64).to_numpy(), RESOLUTION) for name in names)
        rows = sorted({row for each in some["_sources"].to_list() for row in each})
        held[column] = found(_correlated(x, y), tuple(rows), {"x": x.tolist(), "y": y.tolist()})
    asks = statistics(asked, analysis.statistics, CORRELATION, tuple(CORRELATION), 0)
    for key, statistic in asks.items():
        cells = [
            cell(asked, "correlation/1", statistic, (key,), one, column, read) for column, one in held.items()
        ]
        labels = (*asked.title, titled(statistic, key))
        yield Line((asked.name, key), labels, tuple(cells), analysis.indent)


def _correlated(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, Value]:
    by_rank, by_order = spearman(x, y), kendall(x, y)
    values: dict[str, Value] = {"n": float(len(x))}
    for name, own in {"rho": "coefficient", "p": "p", "mid_p": "mid_p"}.items():
        values[name] = _number(by_rank, own)
    for name, own in {"tau": "coefficient", "p_tau": "p", "mid_p_tau": "mid_p"}.items():
        values[name] = _number(by_order, own)
    return values


def _number(test: object, name: str) -> Value:
    if isinstance(test, NotEstimable):
        return test
    value = getattr(test, name)
    return NotEstimable("not found by enumeration") if value is None else float(value)


# ---- multiplicity --------------------------------------------------------------------------------

MULTIPLICITY: Usual = {
    "pairs": (words("Pairs", "Paires"), words("{pairs}")),
    "p": (words("Raw p", "p brut"), words("{p:.4<>}")),
    "p_adjusted": (words("Adjusted p", "p ajusté"), words("{p_adjusted:.4<>}")),
    "p_minimum": (words("Least attainable p", "Plus petit p possible"), words("{p_minimum:.4<>}")),
}


def adjusted(asked: Asked, analysis: Multiplicity) -> Iterator[Line]:
    """A line for each statistic of each endpoint of the family; one that is not tested stays in it as 1."""
    protocol, tables = asked.columns.protocol, asked.columns.raw
    if protocol is None:
        hint = "Give the protocol together with the tables."
        asked.columns.refuse((*asked.path, "multiplicity"), "endpoints belong to a study", hint)
    if analysis.where is not None:
        hint = "Give the output another set, or columns of its own."
        asked.columns.refuse((*asked.path, "where"), "an endpoint is of a whole column", hint)
    method, names = _family(asked, analysis, protocol)
    arrays = asked.columns.shared("arrays", lambda: from_tables(protocol, dict(tables)))
    planned = protocol.study.endpoints
    rows = {
        name: rows_read(asked.columns, asked.path, asked.groups.members, protocol, planned[name])
        for name in names
    }
    everything = pl.concat(rows.values()).unique().sort("_row")
    inputs = {one.key: asked.columns.digest(rows_of(asked, everything, one.key)) for one in asked.groups.list}
    family = {name: said(planned[name]) for name in names}
    read = Seen(inputs, {"method": method, "family": family, "set": asked.output.set})
    held = {
        one.key: _tests(protocol, only(asked, arrays, one.key), method, names) for one in asked.groups.list
    }
    asks = statistics(asked, analysis.statistics, MULTIPLICITY, tuple(MULTIPLICITY), 0)
    head = (analysis.title,) if analysis.title is not None else ()
    for name in names:
        for key, statistic in asks.items():
            cells = []
            for column, tests in held.items():
                raw = [None if isinstance(each["p"], NotEstimable) else each["p"] for each in tests.values()]
                data = {"family": raw, "place": names.index(name) + 1, "adjust": method}
                one = found(tests[name], rows_of(asked, rows[name], column), data)
                cells.append(cell(asked, f"{method}/1", statistic, (name, key), one, column, read))
            labels = (*head, planned[name].title, titled(statistic, key))
            yield Line((asked.name, name, key), labels, tuple(cells), analysis.indent)


def _family(asked: Asked, analysis: Multiplicity, protocol: Protocol) -> tuple[str, tuple[str, ...]]:
    rule, endpoints = protocol.study.multiplicity, protocol.study.endpoints
    for i, name in enumerate(analysis.endpoints):
        if name not in endpoints:
            at = (*asked.path, "endpoints", i)
            asked.columns.refuse(at, f"there is no endpoint `{name}`", suggestion(name, endpoints))
    if analysis.multiplicity != "study":
        return analysis.multiplicity, analysis.endpoints or tuple(endpoints)
    if rule is None:
        hint = "Write a method, e.g. `multiplicity: holm`, and `endpoints`."
        asked.columns.refuse((*asked.path, "multiplicity"), "the study says nothing of multiplicity", hint)
    return rule.method, tuple(rule.over)


def _tests(
    protocol: Protocol, arrays: Arrays, method: str, names: Sequence[str]
) -> dict[str, dict[str, Value]]:
    """Endpoint -> its p, adjusted p, pairs and the least p that these can attain."""
    untested = NotEstimable("estimated, not tested")
    tests: dict[str, SignedRank | NotEstimable] = {}
    for name in names:
        result = estimate(protocol, arrays, name)
        tests[name] = result.test_at(0) if isinstance(result, PairedChange) else untested
    raw = [one.p if isinstance(one, SignedRank) else one for one in tests.values()]
    return {
        name: {
            "pairs": float(one.n) if isinstance(one, SignedRank) else one,
            "p": p,
            "p_adjusted": p if isinstance(p, NotEstimable) else float(q),
            "p_minimum": one.minimum_p if isinstance(one, SignedRank) else one,
        }
        for (name, one), p, q in zip(tests.items(), raw, ADJUST[method](raw), strict=True)
    }
