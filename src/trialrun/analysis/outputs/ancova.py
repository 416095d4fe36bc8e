"""Numbers of the columns compared by a linear model: analysis of covariance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.linear_model import LinearModel
from trialrun.analysis.outputs.asked import Asked, Key, Seen
from trialrun.analysis.outputs.count import level, named
from trialrun.analysis.outputs.numbers import worded
from trialrun.analysis.outputs.statement import Line, Stated, Value, bounded, patterns, words
from trialrun.protocol.output import Ancova, Statistic
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

TREATMENT = "treatment"

LINES: Mapping[str, Mapping[str, tuple[Text, str]]] = {
    "mean": {
        "n": (words("n", "n"), "{n}"),
        "mean_se": (words("LS mean (SE)", "Moyenne ajustée (erreur type)"), "{mean:.1} ({se:.2})"),
        "ci": (words("CI", "IC"), "({lower:.1}; {upper:.1})"),
    },
    "versus": {
        "p": (words("p-value", "Valeur p"), "{p:.3<>}"),
        "difference_se": (
            words("Difference of LS means (SE)", "Différence des moyennes ajustées (erreur type)"),
            "{difference:.1} ({se:.2})",
        ),
        "ci": (words("CI", "IC"), "({lower:.1}; {upper:.1})"),
    },
    "dose": {"p": (words("p-value", "Valeur p"), "{p:.3<>}")},
    "effect": {"p": (words("p-value", "Valeur p"), "{p:.3<>}")},
}
"""What a row asks for -> its usual lines."""

STATISTICS = {
    "mean": ("n", "mean", "se", "df", "lower", "upper"),
    "versus": ("n", "difference", "se", "df", "t", "p", "lower", "upper"),
    "dose": ("n", "slope", "se", "df", "t", "p", "lower", "upper"),
    "effect": ("n", "F", "df", "df_error", "p"),
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
class _Model:
    fitted: LinearModel
    n: Mapping[str, int]
    sources: tuple[int, ...]


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
        needed = list(dict.fromkeys([self.value, *self.factors, *self.covariates, *dose]))
        rows = columns.with_columns(self.table, asked.rows(self.table, "ancova"), [*needed, *asked.each])
        for where, some in (("ancova", [self.value]), ("covariates", self.covariates), ("dose", dose)):
            for one in some:
                if not rows.schema[one].is_numeric():
                    hint = "A factor may be words: name it in `factors`." if where == "covariates" else None
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

    def _column(self, word: str, name: str, *place: int) -> str:
        path = (*self.asked.path, word, *place)
        return self.asked.columns.split(name if "." in name else f"{self.table}.{name}", path)[1]

    def _refuse_twice(self) -> None:
        keys = ["USUBJID", *self.asked.each]
        twice = self.rows.filter(self.rows.select(keys).is_duplicated())
        if twice.height:
            who = twice["USUBJID"][0]
            columns = twice.filter(pl.col("USUBJID") == who)["_column"].unique().sort().to_list()
            if len(columns) > 1:
                message = f"participant {who} stands in the columns {' and '.join(columns)}"
                hint = "A model needs columns that nobody shares: give the output a `by` of its own."
            else:
                message = f"participant {who} has more than one row of {self.table}"
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
        factors = {one: level(rows[one]).to_list() for one in self.factors}
        covariates = {one: rows[one].cast(pl.Float64).to_list() for one in self.covariates}
        if self.question == "dose":
            dose = self._column("dose", str(self.analysis.dose))
            covariates = {"dose": rows[dose].cast(pl.Float64).to_list(), **covariates}
        else:
            factors = {TREATMENT: rows["_column"].to_list(), **factors}
        fitted = LinearModel(rows[self.value].cast(pl.Float64).to_list(), factors, covariates)
        sources = rows["_sources"].list.explode(keep_nulls=False, empty_as_null=False)
        n = dict(rows.group_by("_column").len().iter_rows())
        return _Model(fitted, n, tuple(sorted(set(sources))))

    def lines(self) -> dict[str, Statistic]:
        """The lines as the row says them, else as it usually has them."""
        usual = LINES[self.question]
        said = self.analysis.statistics or dict.fromkeys(usual, Statistic())
        made = {}
        for name, one in said.items():
            title, pattern = usual.get(name, (words(name), f"{{{name}:.2}}"))
            updated = {"title": one.title or title, "format": one.format or words(pattern)}
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
        inputs = hashlib.sha256("".join(self.seen.inputs[one] for one in self.asked.groups.compared).encode())
        asked = {**self.seen.asked, "column": column, "line": list(key)}
        first = self.asked.first
        return Stated(
            column, values, pattern, "ancova/1", first, none, model.sources, inputs.hexdigest(), asked
        )

    def _found(self, model: _Model, column: str) -> object:
        fitted, analysis = model.fitted, self.analysis
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
