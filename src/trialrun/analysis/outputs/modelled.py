"""A mixed model for repeated measures: adjusted means and changes at each visit, and what it assumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.longitudinal.caution import CAUTIONS
from trialrun.analysis.longitudinal.changes import Changes, changes
from trialrun.analysis.longitudinal.covariate import adjusted_changes
from trialrun.analysis.longitudinal.inference import Contrast, FTest
from trialrun.analysis.longitudinal.structure import Name
from trialrun.analysis.outputs.asked import Asked, Seen
from trialrun.analysis.outputs.caution import FRENCH, STRUCTURES
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
from trialrun.analysis.outputs.paired import at, named_in
from trialrun.analysis.outputs.statement import Line, Value, words
from trialrun.analysis.outputs.trajectory import BASELINE, Course, chosen, course
from trialrun.analysis.paired_change import from_scale, on_scale
from trialrun.protocol.cell import Statistic
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text
from trialrun.protocol.trajectory import Modelled

OVERALL = "overall"
_ALL = words("No change at any visit", "Aucune variation à aucune visite")
_MEANS = {"n", "mean", "mean_lower", "mean_upper"}
_CHANGES = ("change", "change_se", "df", "lower", "upper", "p")


def usual(scale: str, decimals: int) -> Usual:
    """Line -> its words and its pattern. On the log scale means are geometric and changes ratios."""
    log, places = scale == "log", decimals + 1
    finer = 2 if log else places
    return {
        "n": (words("n", "n"), words("{n}")),
        "mean": (
            words("Adjusted geometric mean", "Moyenne géométrique ajustée")
            if log
            else words("Adjusted mean", "Moyenne ajustée"),
            words(f"{{mean:.{places}}}"),
        ),
        "change": (
            words("Ratio to baseline (CI)", "Rapport à la valeur initiale (IC)")
            if log
            else words("Change from baseline (CI)", "Variation (IC)"),
            words(
                f"{{change:.{finer}}} ({{lower:.{finer}}} to {{upper:.{finer}}})",
                f"{{change:.{finer}}} ({{lower:.{finer}}} à {{upper:.{finer}}})",
            ),
        ),
        "change_se": (
            words("SE (log scale)", "Erreur type (échelle log)") if log else words("SE", "Erreur type"),
            words("{change_se:.3}"),
        ),
        "df": (words("df", "ddl"), words("{df:.1}")),
        "p": (words("p", "p"), words("{p:.4<>}")),
    }  # fmt: skip


def mixed_model(asked: Asked, analysis: Modelled) -> Iterator[Line]:
    """A line for each statistic of each visit, then the test of all changes at once.

    Each column is analysed as if its participants were the trial.
    """
    one = course(asked.columns, analysis.mixed_model)
    if not one.how.baseline:
        hint = "Name the visits of its baseline in the trajectory."
        asked.columns.refuse(
            (*asked.path, "mixed_model"), f"the trajectory `{one.name}` has no baseline", hint
        )
    for i, name in enumerate(analysis.covariance):
        if name not in get_args(Name):
            hint = suggestion(name, get_args(Name)) or f"Write one of {', '.join(get_args(Name))}."
            asked.columns.refuse((*asked.path, "covariance", i), f"there is no covariance `{name}`", hint)
    visits = chosen(asked.columns, one, analysis.at, asked.path)
    later = tuple(visit for visit in visits if visit != BASELINE)
    people, read = members(asked), seen(asked, one)
    read = replace(read, asked={**read.asked, "visits": list(later)})
    used = (BASELINE, *later)
    y = {column: _responses(one, who, later) for column, who in people.items()}
    told = {
        "visits": list(used),
        "baseline": analysis.baseline,
        "method": analysis.df,
        "level": analysis.level,
        "scale": one.how.scale,
    }
    data = {column: {"y": listed(values), **told} for column, values in y.items()}
    sources = {column: one.sources(who.tolist(), used) for column, who in people.items()}
    fitted = {column: _fitted(values, used, analysis) for column, values in y.items()}
    usually = usual(one.how.scale, one.how.decimals)
    asks = statistics(asked, analysis.statistics, usually, tuple(usually), one.how.decimals)
    notes = () if one.unsure else _notes(asked, fitted)
    means = analysis.baseline == "response"

    def of_change(statistic: Statistic) -> bool:
        return means or not named_in(statistic) & (_MEANS - {"n"})

    for visit in used if means else later:
        for key, statistic in asks.items():
            if not (of_change(statistic) if visit != BASELINE else named_in(statistic) <= _MEANS):
                continue
            line = (one.name, f"={visit}", key)
            cells = [
                cell(
                    asked,
                    "mixed_model/1",
                    statistic,
                    line,
                    found(
                        _at(one, fitted[column], visit),
                        sources[column],
                        {**data[column], "visit": visit, "structure": _structure(fitted[column])},
                        one,
                    ),
                    column,
                    read,
                )
                for column in people
            ]
            labels = (*heads(asked, one, 1), one.title(visit), titled(statistic, key))
            yield Line((asked.name, *line), labels, tuple(cells), analysis.indent, notes)
    yield from _overall(asked, analysis, one, fitted, sources, data, read)


def _structure(model: Changes | NotEstimable) -> str | None:
    """The covariance that was fitted."""
    return None if isinstance(model, NotEstimable) else model.structure


def _responses(one: Course, who: NDArray[np.int64], later: Sequence[str]) -> NDArray[np.float64]:
    """Baseline and later values on the scale of the trajectory; who has none counts for nothing."""
    columns = [one.baseline[who], *(on_scale(at(one, visit)[who], one.how.scale) for visit in later)]
    y = np.stack(columns, axis=-1)
    return y[~np.isnan(y).all(axis=1)]


def _fitted(y: NDArray[np.float64], visits: Sequence[str], analysis: Modelled) -> Changes | NotEstimable:
    """The model, with the first covariance of the plan that can be fitted."""
    if not len(y):
        return NotEstimable("no values")
    model = changes if analysis.baseline == "response" else adjusted_changes
    return model(
        y,
        visits,
        structures=analysis.covariance,  # type: ignore[arg-type]
        method=analysis.df,
        level=analysis.level,
    )


def _at(one: Course, model: Changes | NotEstimable, visit: str) -> Mapping[str, Value]:
    """The statistics of one visit, read on the measurement's own scale."""
    if isinstance(model, NotEstimable):
        return dict.fromkeys((*_MEANS, *_CHANGES), model)
    none = NotEstimable("no value at the visit or at baseline")
    mean = next((each for each in model.means if each.visit == visit), None)
    change = next((each for each in model.changes if each.visit == visit), None)
    counted = mean or change
    values: dict[str, Value] = {"n": float(counted.n) if counted else 0.0}
    level = mean.result if mean else NotEstimable("a model of changes has no means")
    values |= _read(one, level, {"mean": "estimate", "mean_lower": "lower", "mean_upper": "upper"})
    moved = change.result if change else none
    values |= _read(one, moved, {"change": "estimate", "lower": "lower", "upper": "upper"})
    for name, own in {"change_se": "se", "df": "df", "p": "p"}.items():
        values[name] = moved if isinstance(moved, NotEstimable) else significant(getattr(moved, own))
    return values


def _read(one: Course, result: Contrast | NotEstimable, names: Mapping[str, str]) -> dict[str, Value]:
    if isinstance(result, NotEstimable):
        return dict.fromkeys(names, result)
    ends = {"estimate": result.estimate, "lower": result.interval.lower, "upper": result.interval.upper}
    return {name: significant(float(from_scale(ends[own], one.how.scale))) for name, own in names.items()}


def _overall(
    asked: Asked,
    analysis: Modelled,
    one: Course,
    fitted: Mapping[str, Changes | NotEstimable],
    sources: Mapping[str, tuple[int, ...]],
    data: Mapping[str, Mapping[str, object]],
    read: Seen,
) -> Iterator[Line]:
    """F of all changes at once, in the columns of the change and of p."""
    written = {
        "change": words(
            "F({numerator}, {denominator:.1}) = {f:.2}", "F({numerator} ; {denominator:.1}) = {f:.2}"
        ),
        "p": words("{p:.4<>}"),
    }
    for key, pattern in written.items():
        line = (one.name, OVERALL, key)
        statistic = Statistic(format=pattern, title=words(key))
        cells = [
            cell(
                asked,
                "mixed_model/1",
                statistic,
                line,
                found(_tested(fitted[column]), sources[column], data[column], one),
                column,
                read,
            )
            for column in sources
        ]
        labels = (*heads(asked, one, 1), _ALL, titled(statistic, key))
        yield Line((asked.name, *line), labels, tuple(cells), analysis.indent)


def _tested(model: Changes | NotEstimable) -> Mapping[str, Value]:
    test: FTest | NotEstimable = model if isinstance(model, NotEstimable) else model.overall
    names = ("f", "numerator", "denominator", "p")
    if isinstance(test, NotEstimable):
        return dict.fromkeys(names, test)
    return {name: significant(float(getattr(test, name))) for name in names}


# ---- what a reader must know ---------------------------------------------------------------------


def _notes(asked: Asked, fitted: Mapping[str, Changes | NotEstimable]) -> tuple[Text, ...]:
    """The covariance that was fitted, of each column where they differ; and the cautions that apply."""
    models = {column: one for column, one in fitted.items() if not isinstance(one, NotEstimable)}
    alike = len({one.structure for one in models.values()}) == 1 and len(models) == len(fitted)
    used = []
    for column, one in models.items():
        title = asked.groups.column(column).title
        en, fr = ("", "") if alike else (f"{title('en')}: ", f"{title('fr')}\N{NO-BREAK SPACE}: ")
        french = STRUCTURES.get(one.structure, one.structure)
        fitting = words(f"{en}Covariance fitted: {one.structure}.", f"{fr}Covariance ajustée : {french}.")
        used.append(fitting)
    told = (words(CAUTIONS[code], FRENCH[code]) for one in models.values() for code in one.cautions)
    return tuple(dict.fromkeys([*used, *told]))
