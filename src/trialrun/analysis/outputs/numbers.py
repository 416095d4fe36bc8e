"""Numbers of participants or of rows, summarised: a line for each statistic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import NUMBER_TESTS, Asked, Key, Seen
from trialrun.analysis.outputs.columns import value_text
from trialrun.analysis.outputs.count import named
from trialrun.analysis.outputs.spread import STATISTICS, USUAL, line
from trialrun.analysis.outputs.statement import Line, Stated, Value, bounded, patterns, plain, words
from trialrun.protocol.analysis import Summarised
from trialrun.protocol.cell import Statistic
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

NOT_SAID = Statistic()


@dataclass(frozen=True)
class Held:
    """The numbers of a cell, the rows that they are from, how many rows there are with one or without, the
    units of the numbers, where the table has them, and how many participants the numbers are of."""

    numbers: list[float] = field(default_factory=list)
    sources: tuple[int, ...] = ()
    rows: int = 0
    units: tuple[str, ...] = ()
    people: int = 0


NOTHING = Held()
SEVERAL = words(
    "Of some participants a line holds several values: n counts values, not participants.",
    "Plusieurs valeurs de certains participants par ligne : n compte des valeurs, non des participants.",
)


@dataclass(frozen=True)
class Measured:
    """A column of numbers: (column of the output, *values of each) -> its numbers; and what was read."""

    values: Mapping[Key, Held]
    seen: Seen


def summary(asked: Asked, analysis: Summarised) -> Iterator[Line]:
    """The lines of a summary, for each combination of ``each``."""
    table, column = asked.columns.split(analysis.summary, (*asked.path, "summary"))
    rows = asked.rows(table, "summary")
    said = _said(asked, analysis)
    others = {one.of: name for name, one in said.items() if one.of}
    measured = {column: _measured(asked, table, column, rows)}
    measured |= {one: _measured(asked, table, one, rows, name) for one, name in others.items()}
    rows = asked.columns.with_columns(table, rows, asked.each)
    lines: dict[int, dict[str, Statistic]] = {}  # by their decimals
    for key, labels in asked.combinations(table, rows):
        decimals = _decimals(asked, analysis, table, key)
        if decimals not in lines:
            lines[decimals] = {one: line(one, told, decimals) for one, told in said.items()}
        for i, (name, statistic) in enumerate(lines[decimals].items()):
            of = measured[statistic.of or column]
            where = (*named(key), name)
            cells = [
                _cell(asked, statistic, where, of.values.get((one.key, *key), NOTHING), one.key, of.seen)
                for one in asked.groups.list
            ]
            cells += _tested(asked, measured[column].values, key, of.seen) if i == 0 else []
            told = (*asked.title, *labels, *worded(asked, statistic, name))
            here = [of.values.get((one.key, *key), NOTHING) for one in asked.groups.list]
            notes = (SEVERAL,) if any(one.people < len(one.numbers) for one in here) else ()
            yield Line((asked.name, *where), told, tuple(cells), analysis.indent, notes)


def worded(asked: Asked, statistic: Statistic, name: str) -> tuple[Text, ...]:
    """The words of a line; one whose title is empty stands in the line of what is above it."""
    title = statistic.title or words(name)
    return (title,) if title() or asked.output.across else ()


def _measured(asked: Asked, table: str, column: str, rows: pl.DataFrame, name: str = "") -> Measured:
    """The numbers of a column: that of the summary, or of the statistic of that name."""
    place = (*asked.path, *(("statistics", name, "of") if name else ("summary",)))
    if name:
        asked.columns.split(f"{table}.{column}", place)
    rows = asked.columns.with_columns(table, rows, [column, *asked.each])
    if rows.schema[column] == pl.Null:
        rows = rows.with_columns(pl.col(column).cast(pl.Float64))
    if not rows.schema[column].is_numeric():
        asked.columns.refuse(place, f"`{column}` is no number", "Count its levels: `categories`.")
    reads = asked.reads(table) | {column, *asked.each}
    return Measured(_values(asked, table, column, rows, reads), asked.seen(table, rows, reads))


def _values(
    asked: Asked, table: str, column: str, rows: pl.DataFrame, reads: frozenset[str]
) -> dict[Key, Held]:
    """(column of the output, *values of each) -> the numbers, in the order of the rows."""
    held = asked.groups.sourced(table, rows, reads).join(asked.groups.membership, on="_who", how="inner")
    unit = next((one for one in units_of(column) if one in held.columns), None)
    grouped = held.sort("_row").group_by("_column", *asked.each, maintain_order=True)
    known, none = pl.col(column).is_not_null(), pl.lit([], pl.List(pl.String))
    found = grouped.agg(
        pl.col(column).cast(pl.Float64).drop_nulls().alias("_numbers"),
        pl.col("_sources").filter(known).list.explode(keep_nulls=False, empty_as_null=False),
        pl.len().alias("_rows"),
        (pl.col(unit).filter(known).drop_nulls().unique() if unit else none).alias("_units"),
        pl.col("_who").filter(known).n_unique().alias("_people"),
    )
    made: dict[Key, Held] = {}
    for *key, numbers, sources, count, units, people in found.iter_rows():
        values = tuple(None if one is None else value_text(one) for one in key)
        made[values] = Held(numbers, tuple(sorted(set(sources))), count, tuple(sorted(units or ())), people)
    return made


def units_of(column: str) -> tuple[str, ...]:
    """The columns that may hold a number's unit: LBSTRESU of LBSTRESN, AVALU of AVAL."""
    finding = column.removesuffix("STRESN")
    return (f"{finding}STRESU",) if finding != column else (f"{column}U",)


def _said(asked: Asked, analysis: Summarised) -> dict[str, Statistic]:
    """The lines, as the analysis, else the output, else the file, else everyone has them."""
    own, file = asked.output.statistics, asked.columns.outputs.file.statistics
    said = analysis.statistics or own or file or dict.fromkeys(USUAL, NOT_SAID)
    known = {**file, **{one: told for one, told in own.items() if told != NOT_SAID}}
    return {one: known.get(one, told) if told == NOT_SAID else told for one, told in said.items()}


def _decimals(asked: Asked, analysis: Summarised, table: str, key: Key) -> int:
    """The decimals of the lines: of the test, where the analysis is repeated for tests and says none."""
    if analysis.decimals is not None:
        return analysis.decimals
    return asked.columns.decimals(table, dict(zip(asked.each, key, strict=True)))


def _cell(
    asked: Asked, statistic: Statistic, key: tuple[str, ...], held: Held, column: str, seen: Seen
) -> Stated:
    pattern, _, none = patterns(statistic, asked.format("summary"))
    names = dict.fromkeys(hole[0] for _, text in pattern.by_language for hole in placeholders(text))
    values: dict[str, Value] = {}
    for name in names:
        if name in ("N", "rows"):
            values[name] = float(asked.groups.size[column] if name == "N" else held.rows)
            continue
        if name not in STATISTICS:
            message = f"there is no statistic `{name}`"
            known = [*STATISTICS, "N", "rows"]
            asked.columns.refuse(
                (*asked.path, "statistics"),
                message,
                suggestion(name, known) or f"There are {', '.join(known)}.",
            )
        found = STATISTICS[name](held.numbers)
        if len(held.units) > 1 and name != "n":
            found = NotEstimable(f"values in different units: {', '.join(held.units)}")
        values[name] = found if isinstance(found, NotEstimable) else plain(float(found))
    pattern = bounded(pattern, values, statistic.limits)
    parameters = {**seen.asked, "column": column, "line": list(key), "statistics": list(names)}
    return Stated(
        column,
        values,
        pattern,
        "summary/1",
        asked.first,
        none,
        held.sources or asked.groups.everyone.get(column, ()),
        seen.inputs[column],
        parameters,
        {"x": held.numbers} if len(held.units) < 2 else None,
    )


def _tested(asked: Asked, values: Mapping[Key, Held], key: Key, seen: Seen) -> list[Stated]:
    """P-values of the numbers by column; they stand in the first line."""
    made = []
    for name, one, test, between in asked.comparisons("summary"):
        held = [values.get((column, *key), NOTHING).numbers for column in between]
        p, data = NUMBER_TESTS[test](held), {"groups": held}
        behind = [row for column in between for row in values.get((column, *key), NOTHING).sources]
        made.append(asked.p(name, one, test, p, between, seen, named(key), data, behind))
    return made
