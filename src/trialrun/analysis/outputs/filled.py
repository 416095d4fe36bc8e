"""Missing values at one visit: what the change is without them, with them imputed, and how far they must lie
from the others to undo the conclusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import log

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable, error_rate
from trialrun.analysis.exact.paired_t import PairedT, paired_t
from trialrun.analysis.imputation import (
    Pooled,
    exact_signed_rank,
    imputed,
    imputed_change,
    tipping_change,
)
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.over_time import (
    Usual,
    cell,
    found,
    heads,
    listed,
    members,
    seen,
    significant,
    statistics,
    titled,
)
from trialrun.analysis.outputs.paired import at
from trialrun.analysis.outputs.statement import Line, Value, words
from trialrun.analysis.outputs.trajectory import BASELINE, Course, chosen, course
from trialrun.analysis.paired_change import RESOLUTION, from_scale, on_scale
from trialrun.protocol.text import Text
from trialrun.protocol.trajectory import Imputed

Floats = NDArray[np.float64]
_OBSERVED = words("Measured alone", "Valeurs mesurées seules")
_AT_RANDOM = words("Imputed, missing at random", "Imputées, manquantes au hasard")
_TIPS = words("First shift that undoes the conclusion", "Premier décalage qui renverse la conclusion")
_HOLDS = words("none{tips_at}", "aucun{tips_at}")


def usual(scale: str, decimals: int) -> Usual:
    log_scale, places = scale == "log", 2 if scale == "log" else decimals + 1
    return {
        "n": (words("Participants", "Participants"), words("{n}")),
        "imputed": (words("Of them imputed", "Dont imputés"), words("{imputed}")),
        "estimate": (
            words("Geometric mean ratio (CI)", "Rapport des moyennes géométriques (IC)")
            if log_scale
            else words("Mean change (CI)", "Variation moyenne (IC)"),
            words(
                f"{{estimate:.{places}}} ({{lower:.{places}}} to {{upper:.{places}}})",
                f"{{estimate:.{places}}} ({{lower:.{places}}} à {{upper:.{places}}})",
            ),
        ),
        "df": (words("df", "ddl"), words("{df:.1}")),
        "fmi": (words("Missing information", "Information manquante"), words("{fmi:.2}")),
        "p": (words("p", "p"), words("{p:.4<>}")),
        "p_exact": (words("Exact signed-rank p", "p exact des rangs signés"), words("{p_exact:.4<>}")),
    }  # fmt: skip


def imputation(asked: Asked, analysis: Imputed) -> Iterator[Line]:
    """The measured pairs alone; imputed at random; each shift of the imputed; and the first that tips."""
    one = course(asked.columns, analysis.imputation)
    visits = chosen(asked.columns, one, analysis.at, asked.path)
    if len(analysis.at) != 1 or not one.how.baseline:
        hint = "Write e.g. `at: W11`, and a `baseline` in the trajectory."
        asked.columns.refuse((*asked.path, "imputation"), "missing values are imputed at one visit", hint)
    none = 1.0 if one.how.scale == "log" else 0.0
    for i, shift in enumerate(analysis.shifts):
        if one.how.scale == "log" and shift <= 0:
            hint = "On the log scale a shift multiplies; write e.g. 0.8."
            asked.columns.refuse((*asked.path, "shifts", i), f"{shift} has no logarithm", hint)
    shifts = (none, *(float(each) for each in analysis.shifts if each != none))
    people, read = members(asked), seen(asked, one)
    read = replace(read, asked={**read.asked, "visit": visits[0]})
    results = {column: _results(one, who, visits[0], analysis, shifts) for column, who in people.items()}
    used = (BASELINE, visits[0])
    told = {"imputations": analysis.imputations, "seed": analysis.seed, "level": analysis.level}
    data = {
        column: dict(zip(("before", "after"), map(listed, _arrays(one, who, visits[0])), strict=True)) | told
        for column, who in people.items()
    }
    usually = usual(one.how.scale, one.how.decimals)
    asks = statistics(asked, analysis.statistics, usually, tuple(usually), 0)
    titles = (_OBSERVED, _AT_RANDOM, *(_shifted(one, each) for each in shifts[1:]))
    for place, title in enumerate(titles):
        for key, statistic in asks.items():
            part = {"shift": shifts[place - 1]} if place else {"scale": one.how.scale}
            line = (one.name, "observed" if not place else f"={shifts[place - 1]:g}", key)
            cells = [
                cell(
                    asked,
                    "imputation/1",
                    statistic,
                    line,
                    found(
                        results[column][place], one.sources(who.tolist(), used), {**data[column], **part}, one
                    ),
                    column,
                    read,
                )
                for column, who in people.items()
            ]
            labels = (*heads(asked, one, 1), title, titled(statistic, key))
            yield Line((asked.name, *line), labels, tuple(cells), analysis.indent)
    if len(shifts) > 1:
        yield from _tipping(asked, analysis, one, people, results, shifts)


def _shifted(one: Course, shift: float) -> Text:
    if one.how.scale == "log":
        return words(f"Imputed × {shift:g}", f"Imputées × {shift:g}".replace(".", ","))
    return words(f"Imputed {shift:+g}", f"Imputées {shift:+g}".replace(".", ","))


def _on_scale(one: Course, shift: float) -> float:
    return log(shift) if one.how.scale == "log" else shift


def _arrays(one: Course, who: NDArray[np.int64], visit: str) -> tuple[Floats, Floats]:
    """Baselines and values on the scale, of those who have a baseline."""
    before, after = one.baseline[who], on_scale(at(one, visit)[who], one.how.scale)
    known = ~np.isnan(before)
    return before[known], after[known]


def _results(
    one: Course, who: NDArray[np.int64], visit: str, analysis: Imputed, shifts: Sequence[float]
) -> list[dict[str, Value]]:
    before, after = _arrays(one, who, visit)
    differences = np.round((after - before)[~np.isnan(after)], RESOLUTION)
    missing = int(np.isnan(after).sum())
    alone = paired_t(differences, level=analysis.level)
    exact = exact_signed_rank(differences)
    observed: dict[str, Value] = {"n": float(len(differences)), "imputed": 0.0, "p_exact": exact}
    measured = {**observed, **_told(one, alone)}
    if not missing:
        return [measured, *({**measured} for _ in shifts)]
    draws = imputed(before, after, imputations=analysis.imputations, seed=analysis.seed)
    steps = [_on_scale(one, shift) for shift in shifts]
    stressed = tipping_change(differences, missing, steps)
    rows = [measured]
    for i, step in enumerate(steps):
        pooled = (
            draws
            if isinstance(draws, NotEstimable)
            else imputed_change(before, after, draws, shift=step, level=analysis.level)
        )
        p = stressed if isinstance(stressed, NotEstimable) else stressed.p[i]
        rows.append({"n": float(len(before)), "imputed": float(missing), "p_exact": p, **_told(one, pooled)})
    return rows


def _told(one: Course, result: PairedT | Pooled | NotEstimable) -> dict[str, Value]:
    names = ("estimate", "lower", "upper", "df", "fmi", "p")
    if isinstance(result, NotEstimable):
        return dict.fromkeys(names, result)
    middle = result.mean if isinstance(result, PairedT) else result.estimate
    ends = {"estimate": middle, "lower": result.interval.lower, "upper": result.interval.upper}
    read: dict[str, Value] = {
        name: significant(float(from_scale(value, one.how.scale))) for name, value in ends.items()
    }
    fmi = result.fmi if isinstance(result, Pooled) else 0.0
    return {**read, "df": significant(float(result.df)), "fmi": significant(fmi), "p": significant(result.p)}


def _tipping(
    asked: Asked,
    analysis: Imputed,
    one: Course,
    people: Mapping[str, NDArray[np.int64]],
    results: Mapping[str, list[dict[str, Value]]],
    shifts: Sequence[float],
) -> Iterator[Line]:
    """The first shift at which the pooled test, and the exact one, no longer find a change at the level."""
    asks = statistics(asked, {}, {}, ("p", "p_exact"), 0)
    read = seen(asked, one)
    for key in asks:
        cells = []
        for column, who in people.items():
            tips = _first(results[column][1:], shifts, key, error_rate(analysis.level))
            pattern = _HOLDS if tips == "" else words("{tips_at}")
            statistic = asks[key].model_copy(update={"format": pattern})
            held = found({"tips_at": tips}, one.sources(who.tolist(), [BASELINE, *analysis.at]), None, one)
            line = (one.name, "tips", key)
            cells.append(cell(asked, "tipping/1", statistic, line, held, column, read))
        labels = (*heads(asked, one, 1), _TIPS, words(key))
        yield Line((asked.name, one.name, "tips", key), labels, tuple(cells), analysis.indent)


def _first(results: list[dict[str, Value]], shifts: Sequence[float], key: str, alpha: float) -> Value:
    """The first shift that undoes the conclusion, "" where none of them does."""
    if results[0]["imputed"] == 0:
        return NotEstimable("no value is missing")
    held = [isinstance(p := each[key], float) and p <= alpha for each in results]
    if not held[0]:
        return NotEstimable("no change was found before any shift")
    tips = next((shift for shift, still in zip(shifts, held, strict=True) if not still), None)
    return "" if tips is None else tips
