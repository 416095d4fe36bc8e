"""A proportion of participants with its intervals and what is believed of it: a line for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from trialrun.analysis.bayes import Posterior, posterior
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.outputs.asked import NOBODY, Asked, Counted, Key, Seen, percent
from trialrun.analysis.outputs.count import named
from trialrun.analysis.outputs.statement import Line, Stated, Value, patterns, words
from trialrun.analysis.proportion import METHODS, TWO_SIDED, Method, Side, interval
from trialrun.protocol.analysis import Proportion
from trialrun.protocol.cell import PARTICIPANTS, Written
from trialrun.protocol.outputs import DENOMINATORS
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

TITLE = words("Proportion", "Proportion")
SHARE = words("{x}/{n} ({percent:.1}%)", "{x}/{n} ({percent:.1} %)")
RANGE = words("{lower:.1} to {upper:.1}", "{lower:.1} à {upper:.1}")
DENSITY = words("{p:.2}: {prior:.3}, {posterior:.3}")
NAMES: Mapping[Method, Text] = {
    **{key: words(name) for key, (name, _) in METHODS.items()},
    "wilson-cc": words("Wilson with continuity correction", "Wilson avec correction de continuité"),
    "mid-p": words("mid-P", "mi-P"),
    "likelihood-ratio": words("likelihood ratio", "rapport de vraisemblance"),
}
_DIGITS = 8
"""Significant digits of what a root finder or a special function gives: fewer than machines differ in."""


@dataclass(frozen=True)
class Item:
    """A line that every proportion of an analysis has: its key, words, pattern, and numbers from x of n.

    ``how``: which numbers of x of n these are, as who computes them again is told.
    """

    key: str
    title: Text
    pattern: Text
    values: Mapping[str, Value]
    how: Mapping[str, object] = field(default_factory=dict)


def rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def proportion(asked: Asked, analysis: Proportion) -> Iterator[Line]:
    """The lines of a proportion, for each combination of ``each``."""
    _methods(asked, analysis)
    table = analysis.table
    rule = asked.columns.rule(table, analysis.proportion, (*asked.path, "proportion"))
    rows = asked.rows(table, "table")
    rows = rows.with_columns(_holds=asked.columns.value(table, rows, rule))
    reads = asked.reads(table) | rule.reads | set(asked.each)
    seen = asked.seen(table, rows, reads)
    base, told = _base(asked, analysis, rows)
    holds = asked.counted(table, base.filter(pl.col("_holds")), reads, list(asked.each))
    known = asked.counted(table, base, reads, list(asked.each))
    without = asked.counted(table, told, reads, list(asked.each))
    for values, labels in asked.combinations(table, rows):
        counts = [found.get(values, NOBODY) for found in (holds, known, without)]
        yield from _lines(asked, analysis, counts, values, labels, seen)


def _base(asked: Asked, analysis: Proportion, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows a proportion is of, and those left out because it is not known whether the rule is true."""
    if analysis.of == "set":
        return rows.with_columns(pl.col("_holds").fill_null(False)), rows.clear()
    if analysis.of not in DENOMINATORS:
        some = asked.columns.chosen(PARTICIPANTS, analysis.of, (*asked.path, "of"))
        rows = rows.join(some.select("_who"), on="_who", how="semi", maintain_order="left")
    known = rows.filter(pl.col("_holds").is_not_null())
    keys = ["_who", *asked.each]
    return known, rows.join(known, on=keys, how="anti", maintain_order="left", nulls_equal=True)


def _methods(asked: Asked, analysis: Proportion) -> None:
    for word in ("intervals", "upper", "lower"):
        known = [one for one in METHODS if word == "intervals" or one not in TWO_SIDED]
        for i, one in enumerate(getattr(analysis, word)):
            if one not in known:
                message = f"there is no {'interval' if word == 'intervals' else 'one-sided bound'} `{one}`"
                asked.columns.refuse((*asked.path, word, i), message, suggestion(one, known))
    if analysis.prior is not None and min(analysis.prior) <= 0:
        asked.columns.refuse((*asked.path, "prior"), "a prior needs two numbers above zero", "Write [1, 1].")
    if analysis.prior is None and (analysis.above or analysis.density):
        hint = "Write e.g. prior: [1, 1], which takes every proportion to be as likely."
        asked.columns.refuse(asked.path, "what is believed of a proportion needs a prior", hint)


def _lines(
    asked: Asked,
    analysis: Proportion,
    counts: list[Counted],
    values: Key,
    labels: tuple[Text, ...],
    seen: Seen,
) -> Iterator[Line]:
    """The lines of one proportion; ``counts``: of whom the rule is true, of whom it is known, of whom not."""
    columns = [one.key for one in asked.groups.list]
    title = (analysis.title,) if analysis.title else () if analysis.each else (TITLE,)
    x, n, unknown = ({one: found.at(asked.first, one) for one in columns} for found in counts)
    of = asked.groups.size if analysis.of == "set" else {one: n[one].participants for one in columns}
    items = {
        one: _items(analysis, x[one].participants, of[one], unknown[one].participants) for one in columns
    }
    some = any(unknown[one].participants for one in columns)
    for i, item in enumerate(items[columns[0]]):
        if item.key == "unknown" and not some:
            continue
        key = (*named(values), item.key)
        cells = []
        for one in columns:
            pattern, _, none = patterns(
                analysis if item.key == "share" else Written(none=analysis.none),
                Written(format=item.pattern),
                asked.format("proportion"),
            )
            cells.append(
                Stated(
                    one,
                    items[one][i].values,
                    pattern,
                    "proportion/1",
                    asked.first,
                    none,
                    (unknown if item.key == "unknown" else n)[one].sources,
                    seen.inputs[one],
                    {**seen.asked, "column": one, "line": list(key)},
                    {"x": x[one].participants, "n": of[one], **items[one][i].how},
                )
            )
        yield Line((asked.name, *key), (*title, *labels, item.title), tuple(cells), analysis.indent)


def _items(analysis: Proportion, x: int, n: int, unknown: int) -> list[Item]:
    share = {"x": float(x), "n": float(n), "percent": percent(x, n)}
    found = [Item("share", words("n/N (%)"), SHARE, share)]
    level = f"{100 * analysis.level:.10g}"
    for word, side in (("intervals", "two-sided"), ("upper", "upper"), ("lower", "lower")):
        for method in getattr(analysis, word):
            found.append(_interval(x, n, analysis.level, method, side, level))  # type: ignore[arg-type]
    if analysis.prior is not None:
        found += _believed(analysis, x, n, level)
    left_out = words("Unknown, left out", "Inconnu, non compté")
    return [*found, Item("unknown", left_out, words("{unknown}"), {"unknown": float(unknown)})]


def _interval(x: int, n: int, level: float, method: Method, side: Side, percent_: str) -> Item:
    made = interval(x, n, level=level, method=method, side=side)
    values: dict[str, Value] = (
        {"lower": made, "upper": made}
        if isinstance(made, NotEstimable)
        else {"lower": rounded(100 * made.lower), "upper": rounded(100 * made.upper)}
    )
    name = NAMES[method]
    how = {"interval": method, "side": side, "level": level}
    if side == "two-sided":
        title = words(f"{percent_}% CI, {name('en')} (%)", f"IC à {_comma(percent_)} %, {name('fr')} (%)")
        return Item(method, title, RANGE, values, how)
    bound = ("upper", "supérieure") if side == "upper" else ("lower", "inférieure")
    title = words(
        f"One-sided {percent_}% {bound[0]} bound, {name('en')} (%)",
        f"Borne {bound[1]} unilatérale à {_comma(percent_)} %, {name('fr')} (%)",
    )
    return Item(f"{side}_{method}", title, words(f"{{{side}:.1}}"), {side: values[side]}, how)


# ---- what is believed ----------------------------------------------------------------------------


def _believed(analysis: Proportion, x: int, n: int, level: str) -> Iterator[Item]:
    a, b = analysis.prior or (1, 1)
    after, before = posterior(x, n, a, b), posterior(0, 0, a, b)
    prior = f"Beta({a:g}; {b:g})"
    how = {"prior": [a, b], "level": analysis.level}
    yield Item(
        "posterior_mean",
        words(f"Posterior mean, prior {prior} (%)", f"Moyenne a posteriori, a priori {_comma(prior)} (%)"),
        words("{mean:.1}"),
        {"mean": rounded(100 * after.mean), "a": after.a, "b": after.b},
        how,
    )
    yield Item(
        "equal_tail",
        words(
            f"{level}% credible interval, equal tails (%)",
            f"Intervalle de crédibilité à {_comma(level)} %, queues égales (%)",
        ),
        RANGE,
        _ends(after.equal_tail(analysis.level)),
        {**how, "interval": "equal-tail"},
    )
    yield Item(
        "highest_density",
        words(
            f"{level}% credible interval, highest density (%)",
            f"Intervalle de crédibilité à {_comma(level)} %, plus haute densité (%)",
        ),
        RANGE,
        _ends(after.highest_density(analysis.level)),
        {**how, "interval": "highest-density"},
    )
    for threshold in analysis.above:
        share = f"{100 * threshold:.10g}"
        title = words(
            f"P(proportion > {share}%), posterior", f"P(proportion > {_comma(share)} %), a posteriori"
        )
        above = {"probability": rounded(after.above(threshold))}
        yield Item(
            f"above={threshold:g}", title, words("{probability:.3<>}"), above, {**how, "threshold": threshold}
        )
    yield from _density(analysis.density, before, after, how)


def _density(points: int, before: Posterior, after: Posterior, how: Mapping[str, object]) -> Iterator[Item]:
    """The densities at the middle of so many equal parts of the scale: finite even where they rise to it."""
    for i in range(points):
        p = (i + 0.5) / points
        values = {
            "p": rounded(p),
            "prior": rounded(before.density(p)),
            "posterior": rounded(after.density(p)),
        }
        title = words(f"Density at {p:.4g}", f"Densité en {_comma(f'{p:.4g}')}")
        yield Item(f"density={p:.6g}", title, DENSITY, values, {**how, "at": p})


def _ends(found: Interval | NotEstimable) -> dict[str, Value]:
    if isinstance(found, NotEstimable):
        return {"lower": found, "upper": found}
    return {"lower": rounded(100 * found.lower), "upper": rounded(100 * found.upper)}


def _comma(text: str) -> str:
    return text.replace(".", ",")
