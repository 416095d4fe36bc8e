"""Counts of participants: one line, the levels of a variable, terms within terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import COUNT_TESTS, NOBODY, Asked, Counts, Key, Seen
from trialrun.analysis.outputs.statement import Line, Stated, words
from trialrun.protocol.output import PARTICIPANTS, Categories, Count, Each, Written
from trialrun.protocol.text import Text

KNOWN = Written(format=words("{n}"))
MISSING = words("Missing", "Manquant")


def count(asked: Asked, analysis: Count) -> Iterator[Line]:
    """One line, or one for each combination of ``each``: participants with such a row."""
    table = analysis.count
    rows = asked.rows(table, "count")
    reads = asked.reads(table) | set(asked.each)
    of = asked.denominators(analysis.of, rows)
    seen = asked.seen(table, rows, reads)
    counted = asked.counted(table, rows, reads, list(asked.each))
    for values, labels in asked.combinations(table, rows):
        made, key = counted.get(values, NOBODY), named(values)
        cells = [*asked.cells("count", made, of, seen, key), *asked.tested(made, of, seen, key)]
        yield Line((asked.name, *key), (*asked.title, *labels), tuple(cells), analysis.indent)


def named(values: Key) -> tuple[str, ...]:
    """Values as keys of a line: a value after ``=``, so that none is taken for a word of ours."""
    return tuple("missing" if value is None else f"={value}" for value in values)


def categories(asked: Asked, analysis: Categories) -> Iterator[Line]:
    """A line for each level of a variable; of a table, participants with a row at this level."""
    table, column = asked.columns.split(analysis.categories, (*asked.path, "categories"))
    rows = asked.columns.with_columns(table, asked.rows(table, "categories"), [column])
    rows = rows.with_columns(_level=level(rows[column]))
    known = rows.filter(pl.col("_level").is_not_null())
    reads = asked.reads(table) | {column, *asked.each}
    seen = asked.seen(table, rows, reads)
    counted = asked.counted(table, known, reads, [*asked.each, "_level"])
    whole = asked.counted(table, known, reads, list(asked.each))
    levels = _levels(asked, analysis, table, column, known)
    for values, labels in asked.combinations(table, rows):
        here = _here(known, values, list(asked.each))
        of = asked.denominators(analysis.of, here)
        above, words_above = (asked.name, *named(values)), (*asked.title, *labels)
        p = _tested(asked, counted, values, seen)
        if analysis.known is not None:
            how = Written(format=(asked.format("known") or KNOWN).format)
            cells = asked.cells("known", whole.get(values, NOBODY), of, seen, (*above[1:], "known"), how)
            yield Line((*above, "known"), (*words_above, analysis.known), (*cells, *p), analysis.indent)
            p = []
        for key, label in levels.items():
            made, line = counted.get((*values, key), NOBODY), (*above, f"={key}")
            cells = asked.cells("categories", made, of, seen, line[1:])
            yield Line(line, (*words_above, label), (*cells, *p), analysis.indent)
            p = []
        if analysis.missing is not None:
            yield _missing(asked, analysis, here, of, seen, above, words_above)


def _here(rows: pl.DataFrame, values: Key, names: list[str]) -> pl.DataFrame:
    """The rows with these values."""
    for name, value in zip(names, values, strict=True):
        rows = rows.filter(pl.col(name).cast(pl.String) == value)
    return rows


def _levels(
    asked: Asked, analysis: Categories, table: str, column: str, rows: pl.DataFrame
) -> dict[str, Text]:
    """The levels in their order: declared, else as the study or a cut has them; and any other found."""
    if analysis.levels and not analysis.others:
        return dict(analysis.levels)
    return asked.columns.levels(table, column, Each(titles=analysis.levels), rows, "_level")


def _missing(
    asked: Asked,
    analysis: Categories,
    known: pl.DataFrame,
    of: Mapping[str, int],
    seen: Seen,
    key: tuple[str, ...],
    labels: tuple[Text, ...],
) -> Line:
    """Members without any known value."""
    without = asked.groups.members.join(known.select("_who"), on="_who", how="anti", maintain_order="left")
    made = asked.counted(PARTICIPANTS, without, frozenset()).get((), NOBODY)
    cells = asked.cells("categories", made, of, seen, (*key[1:], "missing"))
    return Line((*key, "missing"), (*labels, analysis.missing or MISSING), tuple(cells), analysis.indent)


def _tested(asked: Asked, counted: Counts, values: Key, seen: Seen) -> list[Stated]:
    """P-values of the levels by column; they stand in the first line."""
    made = []
    levels = sorted((key for key in counted if key[:-1] == values), key=str)
    for name, one, test, between in asked.comparisons("categories"):
        table = [[counted[key].at(asked.first, column).participants for key in levels] for column in between]
        p = COUNT_TESTS[test](table) if levels else NotEstimable("no observations")
        made.append(asked.p(name, one, test, p, between, seen, named(values), {"table": table}))
    return made


def level(values: pl.Series) -> pl.Series:
    """Values as text: Y and N for true and false, numbers as people write them."""
    if values.dtype == pl.Boolean:
        return values.cast(pl.Int8).replace_strict([1, 0], ["Y", "N"], return_dtype=pl.String)
    if values.dtype.is_float():
        return pl.Series([None if one is None else f"{one:.12g}" for one in values], dtype=pl.String)
    return values.cast(pl.String)
