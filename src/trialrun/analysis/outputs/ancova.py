"""Numbers of the columns compared by a linear model: analysis of covariance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.linear_model import Estimated, LinearModel, digits
from trialrun.analysis.longitudinal.adjusted import RANDOM_SLOPE, AdjustedMeans
from trialrun.analysis.longitudinal.inference import Method
from trialrun.analysis.longitudinal.structure import Name
from trialrun.analysis.outputs.asked import Asked, Key, Seen
from trialrun.analysis.outputs.count import level, named
from trialrun.analysis.outputs.numbers import worded
from trialrun.analysis.outputs.statement import Line, Stated, Value, bounded, patterns, words
from trialrun.protocol.analysis import Ancova, OverVisits
from trialrun.protocol.cell import Statistic
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

TREATMENT = "treatment"

INTERVAL = (
    words("{level}% CI", "IC à {level} %"),
    words("({lower:.1} to {upper:.1})", "({lower:.1} à {upper:.1})"),
)
LINES: Mapping[str, Mapping[str, tuple[Text, Text]]] = {
    "mean": {
        "n": (words("n", "n"), words("{n}")),
        "mean_se": (words("LS mean (SE)", "Moyenne ajustée (erreur type)"), words("{mean:.1} ({se:.2})")),
        "ci": INTERVAL,
    },
    "versus": {
        "p": (words("p-value", "Valeur p"), words("{p:.3<>}")),
        "difference_se": (
            words("Difference of LS means (SE)", "Différence des moyennes ajustées (erreur type)"),
            words("{difference:.1} ({se:.2})"),
        ),
        "ci": INTERVAL,
    },
    "dose": {"p": (words("p-value", "Valeur p"), words("{p:.3<>}"))},
    "effect": {"p": (words("p-value", "Valeur p"), words("{p:.3<>}"))},
}
"""What a row asks for -> its usual lines."""

STATISTICS = {
    "mean": ("n", "mean", "se", "df", "lower", "upper"),
    "versus": ("n", "difference", "se", "df", "t", "p", "lower", "upper"),
    "dose": ("n", "slope", "se", "df", "t", "p", "lower", "upper"),
    "effect": ("n", "F", "df", "df_error", "p"),
}

HINTS = {
    "covariates": "A factor may be words: name it in `factors`.",
    "over": "Visits are in the order of a number: name e.g. AVISITN.",
}

TOLD = {
    "mean": "least squares means (`versus`, `dose` or `effect` ask for more)",
    "versus": "a difference",
    "dose": "a slope",
    "effect": "a test of an effect",
}


def ancova(asked: Asked, analysis: Ancova) -> Iterator[Line]:
    """The lines of a model, for each combination of ``each``."""
    data = _Data(asked, analysis)
    for key, labels in asked.combinations(data.table, data.rows):
        model = data.model(key)
        for name, statistic in data.lines().items():
            where = (*named(key), name)
            cells = [data.cell(model, statistic, where, column) for column in data.columns]
            told = (*asked.title, *labels, *worded(asked, statistic, name))
            yield Line((asked.name, *where), told, tuple(cells), analysis.indent)


@dataclass(frozen=True)
class _OverVisits:
    """A mixed model, and the places of the visits that it is read at."""

    means: AdjustedMeans
    at: list[int]

    def estimate(self, columns: Mapping[str, float], analysis: Ancova) -> Estimated | NotEstimable:
        method: Method = analysis.over.df if analysis.over else "kenward-roger"
        found = self.means.estimate(columns, self.at, method=method, level=analysis.level)
        if isinstance(found, NotEstimable):
            return found
        told = (
            found.estimate,
            found.se,
            found.df,
            found.t,
            found.p,
            found.interval.lower,
            found.interval.upper,
        )
        return Estimated(*map(digits, told))


@dataclass(frozen=True)
class _Model:
    fitted: LinearModel | _OverVisits
    n: Mapping[str, int]
    sources: tuple[int, ...]
    data: Mapping[str, object] | None


class _Data:
    """The rows of a model: one for each participant who has all that it reads."""

    def __init__(self, asked: Asked, analysis: Ancova) -> None:
        self.asked, self.analysis = asked, analysis
        columns = asked.columns
        self.table, self.value = columns.split(analysis.ancova, (*asked.path, "ancova"))
        self.question = next((one for one in ("versus", "dose", "effect") if getattr(analysis, one)), "mean")
        self.factors = [self._column("factors", one, i) for i, one in enumerate(analysis.factors)]
        self.covariates = [self._column("covariates", one, i) for i, one in enumerate(analysis.covariates)]
        dose = [self._column("dose", analysis.dose)] if analysis.dose else []
        over = analysis.over
        self.visit = [self._column("over", over.visit, "visit")] if over else []
        needed = list(dict.fromkeys([self.value, *self.factors, *self.covariates, *dose, *self.visit]))
        rows = columns.with_columns(self.table, asked.rows(self.table, "ancova"), [*needed, *asked.each])
        numbers = {
            "ancova": [self.value],
            "covariates": self.covariates,
            "dose": dose,
            "over": self.visit,
        }
        for where, some in numbers.items():
            for one in some:
                if not rows.schema[one].is_numeric():
                    hint = HINTS.get(where)
                    columns.refuse((*asked.path, where), f"`{self.table}.{one}` is no number", hint)
        reads = asked.reads(self.table) | {*needed, *asked.each}
        self.seen: Seen = asked.seen(self.table, rows, reads)
        compared = asked.groups.membership.filter(pl.col("_column").is_in(asked.groups.compared))
        rows = asked.groups.sourced(self.table, rows.drop_nulls(needed), reads)
        self.rows = rows.join(compared, on="_who", how="inner", maintain_order="left")
        self._refuse_twice()
        self.columns = self._shown()
        if analysis.effect is not None:
            effects = [TREATMENT, *self.factors, *self.covariates]
            if analysis.effect not in effects:
                hint = suggestion(analysis.effect, effects)
                columns.refuse((*asked.path, "effect"), f"the model has no effect `{analysis.effect}`", hint)

    def _column(self, word: str, name: str, *place: int | str) -> str:
        path = (*self.asked.path, word, *place)
        return self.asked.columns.split(name if "." in name else f"{self.table}.{name}", path)[1]

    def _refuse_twice(self) -> None:
        keys = ["USUBJID", *self.visit, *self.asked.each]
        twice = self.rows.filter(self.rows.select(keys).is_duplicated())
        if twice.height:
            who = twice["USUBJID"][0]
            columns = twice.filter(pl.col("USUBJID") == who)["_column"].unique().sort().to_list()
            if len(columns) > 1:
                message = f"participant {who} stands in the columns {' and '.join(columns)}"
                hint = "A model needs columns that nobody shares: give the output a `by` of its own."
            else:
                once = "at a visit" if self.visit else f"of {self.table}"
                message = f"participant {who} has more than one row {once}"
                hint = "A model takes one of each: choose by `where`, or repeat it by `each`."
            self.asked.columns.refuse((*self.asked.path, "ancova"), message, hint)

    def _shown(self) -> list[str]:
        """The columns that have a cell: those said, else all but the reference; of one test, the last."""
        compared = self.asked.groups.compared
        words = [*(("versus", one) for one in [self.analysis.versus] if one)]
        words += [("columns", one) for one in self.analysis.columns]
        for word, one in words:
            if one not in compared:
                message = f"there is no column `{one}` in this output"
                self.asked.columns.refuse((*self.asked.path, word), message, suggestion(one, compared))
        if self.analysis.columns:
            return list(self.analysis.columns)
        if self.question in ("dose", "effect"):
            return [compared[-1]]
        return [one for one in compared if one != self.analysis.versus]

    # ---- models ------------------------------------------------------------------------------

    def model(self, key: Key) -> _Model:
        rows = self.rows
        for name, value in zip(self.asked.each, key, strict=True):
            rows = rows.filter(level(rows[name]) == value)
        sources = rows["_sources"].list.explode(keep_nulls=False, empty_as_null=False)
        n = dict(rows.group_by("_column").agg(pl.col("_who").n_unique()).iter_rows())
        if self.analysis.over is not None:
            return _Model(self._over_visits(rows, self.analysis.over), n, tuple(sorted(set(sources))), None)
        factors = {one: level(rows[one]).to_list() for one in self.factors}
        covariates = {one: rows[one].cast(pl.Float64).to_list() for one in self.covariates}
        if self.question == "dose":
            dose = self._column("dose", str(self.analysis.dose))
            covariates = {"dose": rows[dose].cast(pl.Float64).to_list(), **covariates}
        else:
            factors = {TREATMENT: rows["_column"].to_list(), **factors}
        values = rows[self.value].cast(pl.Float64).to_list()
        fitted = LinearModel(values, factors, covariates)
        data = {"y": values, "factors": factors, "covariates": covariates, "level": self.analysis.level}
        return _Model(fitted, n, tuple(sorted(set(sources))), data)

    def _over_visits(self, rows: pl.DataFrame, over: OverVisits) -> _OverVisits:
        """The mixed model of rows, one for each participant and visit."""
        visits = sorted(set(rows[self.visit[0]].to_list()))
        self._refuse_over(over, visits)
        people = rows.unique("_who", maintain_order=True).select("_who", "_column", *self.factors)
        who = {one: i for i, one in enumerate(people["_who"].to_list())}
        place = (
            [who[one] for one in rows["_who"].to_list()],
            [visits.index(one) for one in rows[self.visit[0]]],
        )

        def spread(name: str) -> NDArray[np.float64]:
            held = np.full((len(who), len(visits)), np.nan)
            held[place] = rows[name].cast(pl.Float64).to_numpy()
            return held

        def fitted() -> AdjustedMeans:
            return AdjustedMeans(
                spread(self.value),
                people["_column"].to_list(),
                {one: level(people[one]).to_list() for one in self.factors},
                {one: spread(one) for one in self.covariates},
                by_visit=over.by_visit,
                structures=over.covariance,
                times=visits,
                margins=self.analysis.margins,
            )

        # Rows of an output ask for means and differences of one model: it is fitted once.
        needed = [self.value, *self.factors, *self.covariates, *self.visit]
        read = rows.select("_who", "_column", *needed).write_csv(), over, self.analysis.margins
        means = self.asked.columns.shared(
            f"{needed} {hashlib.sha256(str(read).encode()).hexdigest()}", fitted
        )
        return _OverVisits(means, [visits.index(one) for one in over.at or visits])

    def _refuse_over(self, over: OverVisits, visits: list[float]) -> None:
        """Words that name no visit, no covariance, no part of the model."""
        known = {
            "at": ([f"{one:g}" for one in over.at], [f"{one:g}" for one in visits], "visit"),
            "covariance": (over.covariance, [*get_args(Name), RANDOM_SLOPE], "covariance"),
            "by_visit": (over.by_visit, [*self.factors, *self.covariates], "factor or covariate"),
        }
        for word, (said, there, what) in known.items():
            for one in said:
                if one not in there:
                    message = f"there is no {what} `{one}` in this model"
                    hint = suggestion(one, there) or f"Write one of {', '.join(there)}."
                    self.asked.columns.refuse((*self.asked.path, "over", word), message, hint)

    def lines(self) -> dict[str, Statistic]:
        """The lines as the row says them, else as it usually has them."""
        usual = LINES[self.question]
        said = self.analysis.statistics or dict.fromkeys(usual, Statistic())
        made = {}
        for name, one in said.items():
            title, pattern = usual.get(name, (words(name), words(f"{{{name}:.2}}")))
            level = f"{100 * self.analysis.level:g}"
            title = words(*(text.replace("{level}", level) for _, text in title.by_language))
            updated = {"title": one.title or title, "format": one.format or pattern}
            made[name] = one.model_copy(update=updated)
        return made

    def cell(self, model: _Model, statistic: Statistic, key: tuple[str, ...], column: str) -> Stated:
        pattern, _, none = patterns(statistic, self.analysis, self.asked.format("ancova"))
        found = self._found(model, column)
        names = dict.fromkeys(hole[0] for _, text in pattern.by_language for hole in placeholders(text))
        values: dict[str, Value] = {}
        for name in names:
            if name not in STATISTICS[self.question]:
                message = f"there is no statistic `{name}` of {TOLD[self.question]}"
                hint = f"There are {', '.join(STATISTICS[self.question])}."
                self.asked.columns.refuse((*self.asked.path, "statistics"), message, hint)
            values[name] = float(model.n.get(column, 0)) if name == "n" else _statistic(found, name)
        pattern = bounded(pattern, values, statistic.limits)
        read = "".join(self.seen.inputs[one] for one in self.asked.groups.compared)
        asks = {"question": self.question, "column": column, "other": self.analysis.versus}
        data = model.data and {**model.data, **asks, "effect": self.analysis.effect}
        return Stated(
            column,
            values,
            pattern,
            "mixed_model/1" if self.visit else "ancova/1",
            self.asked.first,
            none,
            model.sources,
            hashlib.sha256(read.encode()).hexdigest(),
            {**self.seen.asked, "column": column, "line": list(key)},
            data,
        )

    def _found(self, model: _Model, column: str) -> object:
        fitted, analysis = model.fitted, self.analysis
        if isinstance(fitted, _OverVisits):
            reference = {analysis.versus: -1.0} if analysis.versus else {}
            return fitted.estimate({column: 1.0, **reference}, analysis)
        if self.question == "dose":
            return fitted.slope("dose", analysis.level)
        if self.question == "effect":
            return fitted.effect(str(analysis.effect))
        if self.question == "versus":
            return fitted.difference(TREATMENT, column, str(analysis.versus), analysis.level)
        return fitted.mean(TREATMENT, column, analysis.margins, analysis.level)


_NAMED = {"mean": "estimate", "difference": "estimate", "slope": "estimate", "F": "f"}


def _statistic(found: object, name: str) -> Value:
    if isinstance(found, NotEstimable):
        return found
    return float(getattr(found, _NAMED.get(name, name)))
