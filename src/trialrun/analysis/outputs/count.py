"""Counts of participants: one line, the levels of a variable, terms within terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import COUNT_TESTS, NOBODY, Asked, Counted, Counts, Key, Seen, Whom
from trialrun.analysis.outputs.compared import P
from trialrun.analysis.outputs.statement import Line, words
from trialrun.analysis.outputs.stratified import Association, cochran_mantel_haenszel
from trialrun.protocol.analysis import Categories, Count
from trialrun.protocol.cell import PARTICIPANTS, Written
from trialrun.protocol.grouping import Comparison, Each
from trialrun.protocol.text import Text

Tested = tuple[P, Mapping[str, object]]  # a P-value, and the counts that it is computed from
Tests = Iterator[tuple[str, Comparison, str, tuple[str, ...], dict[Key, Tested]]]

NO_ONE: Tested = (NotEstimable("no observations"), {})
KNOWN = Written(format=words("{n}"))
MISSING = words("Missing", "Manquant")


def count(asked: Asked, analysis: Count) -> Iterator[Line]:
    """One line, or one for each combination of ``each``: participants with such a row."""
    table = analysis.count
    rows = asked.rows(table, "count")
    reads = asked.reads(table) | set(asked.each)
    of = asked.whom(analysis.of, table, rows)
    seen = asked.seen(table, rows, reads)
    counted = asked.counted(table, rows, reads, list(asked.each))
    for values, labels in asked.combinations(table, rows):
        made, key = counted.get(values, NOBODY), named(values)
        cells = [
            *asked.cells("count", made, of, seen, key, values),
            *asked.tested(made, of, seen, key, values),
        ]
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
    of = asked.whom(analysis.of, table, known)
    tests = [*_tests(asked, counted), *_stratified(asked, table, known, list(levels))]
    for values, labels in asked.combinations(table, rows):
        above, words_above = (asked.name, *named(values)), (*asked.title, *labels)
        p = [
            asked.p(name, one, test, tested[0], between, seen, named(values), tested[1])
            for name, one, test, between, found in tests
            for tested in [found.get(values, NO_ONE)]
        ]
        if analysis.known is not None:
            how = Written(format=(asked.format("known") or KNOWN).format)
            here = whole.get(values, NOBODY)
            cells = asked.cells("known", here, of, seen, (*above[1:], "known"), values, how)
            yield Line((*above, "known"), (*words_above, analysis.known), (*cells, *p), analysis.indent)
            p = []
        for key, label in levels.items():
            made, line = counted.get((*values, key), NOBODY), (*above, f"={key}")
            if made is NOBODY and not analysis.empty:
                continue
            cells = asked.cells("categories", made, of, seen, line[1:], values)
            yield Line(line, (*words_above, label), (*cells, *p), analysis.indent)
            p = []
        some = _here(known, values, list(asked.each))
        if analysis.missing is not None or _silent(asked, table, column, some):
            yield _missing(asked, analysis, some, of, seen, above, words_above, values)


def _silent(asked: Asked, table: str, column: str, known: pl.DataFrame) -> bool:
    """Whether somebody has no value in a column that the participants were given with: the levels would not
    add up to all, and no line say why."""
    given = table == PARTICIPANTS and column not in asked.columns.outputs.file.derive
    return (
        given
        and asked.analysis.where is None
        and not asked.each
        and known["_who"].n_unique() < asked.groups.members.height
    )


def _here(rows: pl.DataFrame, values: Key, names: list[str]) -> pl.DataFrame:
    """The rows with these values."""
    for name, value in zip(names, values, strict=True):
        rows = rows.filter(level(rows[name]) == value)
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
    of: Whom,
    seen: Seen,
    key: tuple[str, ...],
    labels: tuple[Text, ...],
    at: Key,
) -> Line:
    """Members without any known value."""
    without = asked.groups.members.join(known.select("_who"), on="_who", how="anti", maintain_order="left")
    made = asked.counted(PARTICIPANTS, without, frozenset()).get((), NOBODY)
    cells = asked.cells("categories", made, of, seen, (*key[1:], "missing"), at)
    return Line((*key, "missing"), (*labels, analysis.missing or MISSING), tuple(cells), analysis.indent)


def _tests(asked: Asked, counted: Counts) -> Tests:
    """(name, comparison, test, columns, P-values at each combination) of the levels by column."""
    for name, one, test, between in asked.comparisons("categories"):
        if test in COUNT_TESTS:
            tables: dict[Key, list[list[int]]] = {}
            for key in sorted(counted, key=str):
                counts = [counted[key].at(asked.first, column).participants for column in between]
                tables.setdefault(key[:-1], []).append(counts)
            found: dict[Key, Tested] = {
                key: (COUNT_TESTS[test](table), {"table": table}) for key, table in tables.items()
            }
            yield name, one, test, between, found


def _stratified(asked: Asked, table: str, rows: pl.DataFrame, levels: Sequence[str]) -> Tests:
    """The same of the tests that are controlled for strata; whatever the part of a cell."""
    for name, one, test, between in asked.comparisons("categories"):
        if test in COUNT_TESTS:
            continue
        for i, stratum in enumerate(one.strata):
            asked.columns.split(f"{table}.{stratum}", (*asked.above, "compare", name, "strata", i))
        some = asked.columns.with_columns(table, rows, one.strata)
        some = some.filter(pl.col(stratum).is_not_null() for stratum in one.strata)
        counted = asked.whole(table, some, [*asked.each, *one.strata, "_level"])
        found: dict[Key, dict[Key, dict[str, Counted]]] = {}
        for key, made in counted.items():
            here, within = key[: len(asked.each)], key[len(asked.each) : -1]
            found.setdefault(here, {}).setdefault(within, {})[str(key[-1])] = made
        tests = {key: _controlled(list(held.values()), one, between, levels) for key, held in found.items()}
        yield name, one, test, between, tests


def _controlled(
    strata: list[dict[str, Counted]], one: Comparison, between: Sequence[str], levels: Sequence[str]
) -> Tested:
    """The levels have their numbers as scores where all are numbers, else their places."""
    tables = [
        [[stratum.get(one, NOBODY).at("", column).participants for one in levels] for column in between]
        for stratum in strata
    ]
    try:
        scores = [float(one) for one in levels]
    except ValueError:
        scores = [float(place) for place in range(1, len(levels) + 1)]
    association: Association = one.categories  # type: ignore[assignment]
    if sum(sum(map(sum, table)) > 1 for table in tables) < one.least_strata:
        return NotEstimable(f"fewer than {one.least_strata} strata with two participants"), {"strata": tables}
    return cochran_mantel_haenszel(tables, association, scores), {"strata": tables, "scores": scores}


def level(values: pl.Series) -> pl.Series:
    """Values as text: Y and N for true and false, numbers as people write them."""
    if values.dtype == pl.Boolean:
        return values.cast(pl.Int8).replace_strict([1, 0], ["Y", "N"], return_dtype=pl.String)
    if values.dtype.is_float():
        return pl.Series([None if one is None else f"{one:.12g}" for one in values], dtype=pl.String)
    return values.cast(pl.String)
