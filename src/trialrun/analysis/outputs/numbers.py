"""Numbers of participants or of rows, summarised: a line for each statistic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import NUMBER_TESTS, Asked, Key, Seen
from trialrun.analysis.outputs.count import named
from trialrun.analysis.outputs.spread import STATISTICS, USUAL, line
from trialrun.analysis.outputs.statement import Line, Stated, Value, patterns, plain, words
from trialrun.protocol.output import Statistic, Summarised
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.problem import suggestion


class Held(NamedTuple):
    """Values, the rows that they are from, and their units, where the table has them."""

    values: list[float]
    sources: tuple[int, ...] = ()
    units: tuple[str, ...] = ()


NOTHING = Held([])
NOT_SAID = Statistic()


def summary(asked: Asked, analysis: Summarised) -> Iterator[Line]:
    """The lines of a summary, for each combination of ``each``."""
    table, column = asked.columns.split(analysis.summary, (*asked.path, "summary"))
    others = [one.of for one in analysis.statistics.values() if one.of is not None]
    numbers = list(dict.fromkeys([column, *others]))
    for one in others:
        asked.columns.split(f"{table}.{one}", (*asked.path, "statistics"))
    rows = asked.columns.with_columns(table, asked.rows(table, "summary"), [*numbers, *asked.each])
    rows = rows.with_columns(pl.col(pl.Null).cast(pl.Float64))
    for one in numbers:
        if not rows.schema[one].is_numeric():
            message = f"`{one}` is no number"
            asked.columns.refuse((*asked.path, "summary"), message, "Count its levels: `categories`.")
    known = {one: rows.filter(pl.col(one).is_not_null()) for one in numbers}
    reads = asked.reads(table) | set(asked.each)
    held = {one: _values(asked, table, one, known[one], reads | {one}) for one in numbers}
    seen = {one: asked.seen(table, known[one], reads | {one}) for one in numbers}
    for key, labels in asked.combinations(table, rows):
        for i, (name, statistic) in enumerate(_statistics(asked, analysis, table, key).items()):
            where, values, said = (
                (*named(key), name),
                held[statistic.of or column],
                seen[statistic.of or column],
            )
            cells = [
                _cell(asked, statistic, where, values.get((one.key, *key), NOTHING), one.key, said)
                for one in asked.groups.list
            ]
            cells += _tested(asked, values, key, said) if i == 0 else []
            title = statistic.title or words(name)
            yield Line((asked.name, *where), (*asked.title, *labels, title), tuple(cells), analysis.indent)


def _values(
    asked: Asked, table: str, column: str, rows: pl.DataFrame, reads: frozenset[str]
) -> dict[Key, Held]:
    """(column of the output, *values of each) -> the numbers, in the order of the rows."""
    held = asked.groups.sourced(table, rows, reads).join(asked.groups.membership, on="_who", how="inner")
    unit = next((one for one in _units(column) if one in held.columns), None)
    grouped = held.sort("_row").group_by("_column", *asked.each, maintain_order=True)
    found = grouped.agg(
        pl.col(column).cast(pl.Float64).alias("_numbers"),
        pl.col("_sources").list.explode(keep_nulls=False, empty_as_null=False),
        (pl.col(unit).drop_nulls().unique() if unit else pl.lit([], pl.List(pl.String))).alias("_units"),
    )
    return {
        tuple(None if one is None else str(one) for one in row[:-3]): Held(
            row[-3], tuple(sorted(set(row[-2]))), tuple(sorted(row[-1] or ()))
        )
        for row in found.iter_rows()
    }


def _units(column: str) -> tuple[str, ...]:
    """The columns that may hold a number's unit: LBSTRESU of LBSTRESN, AVALU of AVAL."""
    finding = column.removesuffix("STRESN")
    return (f"{finding}STRESU",) if finding != column else (f"{column}U",)


def _statistics(asked: Asked, analysis: Summarised, table: str, key: Key) -> dict[str, Statistic]:
    """The lines, as the analysis, else the file, else everyone has them; with the decimals of the test, where
    the analysis is repeated for tests and says none."""
    file = asked.columns.outputs.file.statistics
    said = analysis.statistics or file or dict.fromkeys(USUAL, NOT_SAID)
    decimals = analysis.decimals
    if decimals is None:
        decimals = asked.columns.decimals(table, dict(zip(asked.each, key, strict=True)))
    return {
        one: line(one, file.get(one, told) if told == NOT_SAID else told, decimals)
        for one, told in said.items()
    }


def _cell(
    asked: Asked, statistic: Statistic, key: tuple[str, ...], held: Held, column: str, seen: Seen
) -> Stated:
    pattern, _, none = patterns(statistic, asked.format("summary"))
    names = dict.fromkeys(hole[0] for _, text in pattern.by_language for hole in placeholders(text))
    values: dict[str, Value] = {}
    for name in names:
        if name == "N":
            values[name] = float(asked.groups.size[column])
            continue
        if name not in STATISTICS:
            message = f"there is no statistic `{name}`"
            asked.columns.refuse((*asked.path, "statistics"), message, suggestion(name, STATISTICS))
        found = STATISTICS[name](held.values)
        if len(held.units) > 1 and name != "n":
            found = NotEstimable(f"values in different units: {', '.join(held.units)}")
        values[name] = found if isinstance(found, NotEstimable) else plain(float(found))
    parameters = {**seen.asked, "column": column, "line": list(key), "statistics": list(names)}
    return Stated(
        column,
        values,
        pattern,
        "summary/1",
        asked.first,
        none,
        held.sources,
        seen.inputs[column],
        parameters,
        {"x": held.values},
    )


def _tested(asked: Asked, values: Mapping[Key, Held], key: Key, seen: Seen) -> list[Stated]:
    """P-values of the numbers by column; they stand in the first line."""
    made = []
    for name, one, test, between in asked.comparisons("summary"):
        held = [values.get((column, *key), NOTHING).values for column in between]
        p, data = NUMBER_TESTS[test](held), {"groups": held}
        made.append(asked.p(name, one, test, p, between, seen, named(key), data))
    return made
