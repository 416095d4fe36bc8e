"""The verbs of an outputs file: each makes the lines of one analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from trialrun.analysis import compared
from trialrun.analysis.columns import Path
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.grouping import NOTHING, Groups, Tally, denominators
from trialrun.analysis.spread import STATISTICS, USUAL, line
from trialrun.analysis.statement import Line, Stated, Value, patterns, plain, words
from trialrun.protocol.output import (
    PARTICIPANTS,
    Categories,
    Comparison,
    Count,
    Heading,
    Hierarchy,
    Listed,
    Statistic,
    Summarised,
    Written,
)
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

COUNT = Written(format=words("{n} ({percent:.1}%)", "{n} ({percent:.1} %)"))
P_VALUE = Written(format=words("{p:.3<>}"))
KNOWN = Written(format=words("{n}"))
TESTS = {
    "anova": compared.anova,
    "kruskal-wallis": compared.kruskal_wallis,
    "chi-square": compared.chi_square,
    "fisher": compared.fisher,
}


@dataclass(frozen=True)
class Counted:
    """What is counted for one line: by part of a cell, by column."""

    tallies: Mapping[str, Mapping[str, Tally]]
    of: Mapping[str, int]

    def n(self, part: str, column: str) -> int:
        return self.tallies[part].get(column, NOTHING).participants


class Verbs:
    """The analyses of one output over its groups."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self.output = groups.output
        self.columns = groups.columns
        self.formats = groups.columns.outputs.file.formats
        self.parts: Mapping[str, Written] = self.output.cells or {"": Written()}

    def lines(self, name: str) -> Iterator[Line]:
        """The lines of the analysis of this name."""
        analysis, path = self.output.rows[name], (*self.groups.path, "rows", name)
        if isinstance(analysis, Heading):
            yield Line((name,), (analysis.heading,), indent=analysis.indent)
        elif isinstance(analysis, Count):
            yield from self.count(name, analysis, path)
        elif isinstance(analysis, Summarised):
            yield from self.summary(name, analysis, path)
        elif isinstance(analysis, Categories):
            yield from self.categories(name, analysis, path)
        elif isinstance(analysis, Hierarchy):
            yield from self.hierarchy(name, analysis, path)
        elif isinstance(analysis, Listed):
            yield from self.listing(name, analysis, path)

    # ---- count ---------------------------------------------------------------------------------

    def count(self, name: str, analysis: Count, path: Path) -> Iterator[Line]:
        table = analysis.count
        rows = self.groups.rows(table, analysis.where, path, "count")
        reads = self._reads(table, analysis, path)
        of = denominators(self.groups, analysis.of, rows, path)
        counted = self._counted(table, rows, reads, of, (), path)
        made = counted.get((), Counted({part: {} for part in self.parts}, of))
        seen = self._seen(table, analysis, rows, reads)
        cells = self._cells("count", analysis, made, seen)
        cells += self._tested(analysis, "counts", made, seen)
        yield Line((name,), (analysis.title or words(name),), tuple(cells), analysis.indent)

    def _reads(self, table: str, analysis: Written, path: Path) -> frozenset[str]:
        found = self.columns.reads(table, analysis.where, (*path, "where")) | self.groups.reads
        for part, cell in self.output.cells.items():
            found |= (
                self.columns.reads(table, cell.where, (*self.groups.path, "cells", part, "where"))
                if (cell.where is not None)
                else frozenset()
            )
        return found

    def _seen(
        self, table: str, analysis: Written, rows: pl.DataFrame, reads: frozenset[str]
    ) -> tuple[Mapping[str, str], Mapping[str, object]]:
        """What the cells of an analysis were made from, by column; and what was asked."""
        from trialrun.protocol.write import said

        return self.groups.fingerprints(table, rows, reads), {"analysis": said(analysis)}

    def _counted(
        self,
        table: str,
        rows: pl.DataFrame,
        reads: frozenset[str],
        of: Mapping[str, int],
        keys: Sequence[str],
        path: Path,
    ) -> dict[tuple[str | None, ...], Counted]:
        """Values of the keys -> what is counted of them, in each part of a cell."""
        held = self.columns.with_columns(table, self.groups.sourced(table, rows, reads), keys)
        found: dict[tuple[str | None, ...], dict[str, dict[str, Tally]]] = {}
        for part, cell in self.parts.items():
            some = held
            if cell.where is not None:
                at: Path = (*self.groups.path, "cells", part, "where")
                rule = self.columns.rule(table, cell.where, at)
                some = held.filter(self.columns.value(table, held, rule).fill_null(False))
            for (column, *values), tally in self.groups.tally(some, keys).items():
                line = found.setdefault(tuple(values), {one: {} for one in self.parts})
                line[part][str(column)] = tally
        return {values: Counted(tallies, of) for values, tallies in found.items()}

    def _cells(
        self,
        verb: str,
        analysis: Written,
        counted: Counted,
        seen: tuple[Mapping[str, str], Mapping[str, object]],
        key: tuple[str, ...] = (),
    ) -> list[Stated]:
        made = []
        for column in self.groups.list:
            for part, cell in self.parts.items():
                tally = counted.tallies[part].get(column.key, NOTHING)
                how = (cell, analysis) if part else (analysis,)
                pattern, zero, none = patterns(*how, self.formats.get(verb), COUNT)
                of = counted.of[column.key]
                n = tally.participants
                made.append(
                    Stated(
                        column.key,
                        {
                            "n": float(n),
                            "N": float(of),
                            "percent": _percent(n, of),
                            "events": float(tally.rows),
                        },
                        zero if zero is not None and n == 0 else pattern,
                        f"{verb}/1",
                        part,
                        none,
                        tally.sources,
                        seen[0][column.key],
                        {**seen[1], "column": column.key, "part": part, "line": list(key)},
                    )
                )
        return made

    # ---- comparisons ---------------------------------------------------------------------------

    def _comparisons(self, analysis: object, kind: str) -> Iterator[tuple[str, Comparison, str]]:
        wanted = getattr(analysis, "compare", True)
        for name, one in self.output.compare.items():
            test = getattr(one, kind)
            if test is not None and (wanted is True or (isinstance(wanted, tuple) and name in wanted)):
                yield name, one, test

    def _tested(
        self,
        analysis: Written,
        kind: str,
        counted: Counted,
        seen: tuple[Mapping[str, str], Mapping[str, object]],
        key: tuple[str, ...] = (),
    ) -> list[Stated]:
        """P-values of a line's counts: those counted against the rest, by column."""
        part = next(iter(self.parts))
        made = []
        for name, one, test in self._comparisons(analysis, kind):
            between = self._between(name, one)
            table = [
                [counted.n(part, column), counted.of[column] - counted.n(part, column)] for column in between
            ]
            p = TESTS[test](table)  # type: ignore[operator]
            made.append(self._p(name, one, test, p, between, seen, key))
        return made

    def _between(self, name: str, one: Comparison) -> tuple[str, ...]:
        for i, column in enumerate(one.between):
            if column not in self.groups.size:
                at = (*self.groups.path, "compare", name, "between", i)
                hint = suggestion(column, self.groups.size)
                self.columns.refuse(at, f"there is no column `{column}` in this output", hint)
        return one.between or self.groups.compared

    def _p(
        self,
        name: str,
        one: Comparison,
        test: str,
        p: compared.P,
        between: Sequence[str],
        seen: tuple[Mapping[str, str], Mapping[str, object]],
        key: tuple[str, ...],
    ) -> Stated:
        pattern, _, none = patterns(one, self.formats.get("p"), P_VALUE)
        values: dict[str, Value] = {"p": p if isinstance(p, NotEstimable) else plain(p)}
        if one.mark:
            under = not isinstance(p, NotEstimable) and p < one.mark.below
            values["mark"] = one.mark.with_ if under else one.mark.otherwise
        inputs = _together([seen[0][column] for column in between])
        asked = {**seen[1], "between": list(between), "line": list(key)}
        return Stated(name, values, pattern, f"{test}/1", "", none, (), inputs, asked)

    # ---- summary -------------------------------------------------------------------------------

    def summary(self, name: str, analysis: Summarised, path: Path) -> Iterator[Line]:
        table, column = self.columns.split(analysis.summary, (*path, "summary"))
        rows = self.columns.with_columns(
            table, self.groups.rows(table, analysis.where, path, "summary"), [column]
        )
        if not rows.schema[column].is_numeric():
            self.columns.refuse((*path, "summary"), f"`{analysis.summary}` is no number", "Use `categories`.")
        known = rows.filter(pl.col(column).is_not_null())
        reads = self._reads(table, analysis, path) | {column}
        held = self.groups.sourced(table, known, reads).join(self.groups.membership, on="_who", how="inner")
        values = {
            str(key): (list(map(float, found)), tuple(sorted({each for each in sources})))
            for key, found, sources in held.sort("_row")
            .group_by("_column", maintain_order=True)
            .agg(pl.col(column), pl.col("_sources").list.explode(keep_nulls=False, empty_as_null=False))
            .iter_rows()
        }
        seen = self._seen(table, analysis, known, reads)
        part = next(iter(self.parts))
        listed = self._statistics(analysis, (*path, "statistics"))
        for i, (key, statistic) in enumerate(listed.items()):
            cells = []
            for one in self.groups.list:
                numbers, sources = values.get(one.key, ([], ()))
                cells.append(
                    self._statistic(analysis, statistic, key, numbers, sources, one.key, part, seen, path)
                )
            if i == 0:
                for label, comparison, test in self._comparisons(analysis, "summary"):
                    between = self._between(label, comparison)
                    p = TESTS[test]([values.get(column, ([], ()))[0] for column in between])
                    cells.append(self._p(label, comparison, test, p, between, seen, ()))
            yield Line(
                (name, key),
                (analysis.title or words(name), statistic.title or words(key)),
                tuple(cells),
                analysis.indent,
            )

    def _statistics(self, analysis: Summarised, path: Path) -> dict[str, Statistic]:
        wanted = analysis.statistics or self.columns.outputs.file.statistics or USUAL
        said = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
        usual = self.columns.outputs.file.statistics
        return {key: line(key, one or usual.get(key), analysis.decimals or 0) for key, one in said.items()}

    def _statistic(
        self,
        analysis: Summarised,
        statistic: Statistic,
        key: str,
        numbers: list[float],
        sources: tuple[int, ...],
        column: str,
        part: str,
        seen: tuple[Mapping[str, str], Mapping[str, object]],
        path: Path,
    ) -> Stated:
        from trialrun.protocol.outputs import placeholders

        pattern, _, none = patterns(statistic, self.formats.get("summary"))
        names = dict.fromkeys(hole[0] for _, text in pattern.by_language for hole in placeholders(text))
        values: dict[str, Value] = {}
        for one in names:
            if one not in STATISTICS:
                hint = suggestion(one, STATISTICS)
                self.columns.refuse((*path, "statistics", key), f"there is no statistic `{one}`", hint)
            found = STATISTICS[one](numbers)
            values[one] = found if isinstance(found, NotEstimable) else plain(float(found))
        asked = {**seen[1], "column": column, "line": [key]}
        return Stated(column, values, pattern, "summary/1", part, none, sources, seen[0][column], asked)

    # ---- categories ----------------------------------------------------------------------------

    def categories(self, name: str, analysis: Categories, path: Path) -> Iterator[Line]:
        table, column = self.columns.split(analysis.categories, (*path, "categories"))
        rows = self.groups.rows(table, analysis.where, path, "categories")
        rows = self.columns.with_columns(table, rows, [column])
        rows = rows.with_columns(_level=_level(rows[column]))
        known = rows.filter(pl.col("_level").is_not_null())
        reads = self._reads(table, analysis, path) | {column}
        of = denominators(self.groups, analysis.of, known, path)
        counted = self._counted(table, known, reads, of, ("_level",), path)
        nothing = Counted({part: {} for part in self.parts}, of)
        seen = self._seen(table, analysis, rows, reads)
        title = analysis.title or words(name)
        p = self._levels_tested(analysis, counted, seen)
        if analysis.known is not None:
            whole = self._counted(table, known, reads, of, (), path).get((), nothing)
            how = Written(format=(self.formats.get("known") or KNOWN).format)
            cells = self._cells("known", how, whole, seen, ("known",))
            yield Line((name, "known"), (title, analysis.known), (*cells, *p), analysis.indent)
            p = []
        for key, label in self._levels(analysis, table, column, counted).items():
            made = counted.get((key,), nothing)
            cells = self._cells("categories", analysis, made, seen, (key,))
            yield Line((name, f"={key}"), (title, label), (*cells, *p), analysis.indent)
            p = []
        if analysis.missing is not None:
            yield self._missing(name, analysis, rows, reads, of, seen, path)

    def _missing(
        self,
        name: str,
        analysis: Categories,
        rows: pl.DataFrame,
        reads: frozenset[str],
        of: Mapping[str, int],
        seen: tuple[Mapping[str, str], Mapping[str, object]],
        path: Path,
    ) -> Line:
        """Members without any known value."""
        known = rows.filter(pl.col("_level").is_not_null()).select("_who")
        without = self.groups.members.join(known, on="_who", how="anti", maintain_order="left")
        counted = self._counted(PARTICIPANTS, without, reads & set(self.columns.sources), of, (), path)
        made = counted.get((), Counted({part: {} for part in self.parts}, of))
        cells = self._cells("categories", analysis, made, seen, ("missing",))
        return Line(
            (name, "missing"),
            (analysis.title or words(name), analysis.missing or words("Missing")),
            tuple(cells),
            analysis.indent,
        )

    def _levels(
        self, analysis: Categories, table: str, column: str, counted: Mapping[tuple[str | None, ...], Counted]
    ) -> dict[str, Text]:
        """The levels in their order: those declared, else those of a cut, then others by the alphabet."""
        declared = analysis.levels or {code: words(code) for code in self.columns.known(table)[column].codes}
        held = sorted(str(key) for (key,) in counted) if analysis.others else []
        return {**declared, **{key: words(key) for key in held if key not in declared}}

    def _levels_tested(
        self,
        analysis: Categories,
        counted: Mapping[tuple[str | None, ...], Counted],
        seen: tuple[Mapping[str, str], Mapping[str, object]],
    ) -> list[Stated]:
        part = next(iter(self.parts))
        made = []
        for name, one, test in self._comparisons(analysis, "categories"):
            between = self._between(name, one)
            levels = sorted(counted, key=str)
            table = [[counted[level].n(part, column) for level in levels] for column in between]
            p = TESTS[test](table) if levels else NotEstimable("no observations")  # type: ignore[operator]
            made.append(self._p(name, one, test, p, between, seen, ()))
        return made

    # ---- hierarchy -----------------------------------------------------------------------------

    def hierarchy(self, name: str, analysis: Hierarchy, path: Path) -> Iterator[Line]:
        table = analysis.hierarchy
        rows = self.groups.rows(table, analysis.where, path, "hierarchy")
        levels = [
            self.columns.split(f"{table}.{one}", (*path, "levels", i))[1]
            for i, one in enumerate(analysis.levels)
        ]
        reads = self._reads(table, analysis, path) | set(levels)
        of = denominators(self.groups, analysis.of, rows, path)
        seen = self._seen(table, analysis, rows, reads)
        found: dict[tuple[str | None, ...], Counted] = {}
        for depth in range(len(levels) + 1):
            found |= self._counted(table, rows, reads, of, levels[:depth], path)
        nothing = Counted({part: {} for part in self.parts}, of)
        if analysis.any is not None:
            yield self._term(name, analysis, (), analysis.any, found.get((), nothing), seen, 0)
        yield from self._under(name, analysis, found, (), seen)

    def _under(
        self,
        name: str,
        analysis: Hierarchy,
        found: Mapping[tuple[str | None, ...], Counted],
        above: tuple[str | None, ...],
        seen: tuple[Mapping[str, str], Mapping[str, object]],
    ) -> Iterator[Line]:
        """The terms under a term, the most frequent first, or by the alphabet."""
        terms = [key for key in found if len(key) == len(above) + 1 and key[:-1] == above]
        part, column = next(iter(self.parts)), analysis.sort_by or self.groups.list[-1].key
        if analysis.sort_by is not None and analysis.sort_by not in self.groups.size:
            at = (*self.groups.path, "rows", name, "sort_by")
            self.columns.refuse(
                at, f"there is no column `{column}` in this output", suggestion(column, self.groups.size)
            )

        def place(key: tuple[str | None, ...]) -> tuple[int, int, str]:
            word = key[-1] or "\uffff"
            if analysis.sort == "alphabet":
                return 0, 0, word
            tally = found[key].tallies[part].get(column, NOTHING)
            return -tally.participants, -tally.rows, word

        for key in sorted(terms, key=place):
            label = words(key[-1]) if key[-1] is not None else words("Not coded", "Non codé")
            yield self._term(name, analysis, key, label, found[key], seen, len(key) - 1)
            yield from self._under(name, analysis, found, key, seen)

    def _term(
        self,
        name: str,
        analysis: Hierarchy,
        key: tuple[str | None, ...],
        label: Text,
        counted: Counted,
        seen: tuple[Mapping[str, str], Mapping[str, object]],
        indent: int,
    ) -> Line:
        named = tuple(f"={one}" if one is not None else "missing" for one in key)
        cells = self._cells("hierarchy", analysis, counted, seen, named)
        cells += self._tested(analysis, "counts", counted, seen, named)
        return Line((name, *named), (label,), tuple(cells), analysis.indent + indent)

    # ---- listing -------------------------------------------------------------------------------

    def listing(self, name: str, analysis: Listed, path: Path) -> Iterator[Line]:
        table = analysis.listing
        rows = self.groups.rows(table, analysis.where, path, "listing")
        wanted = [*analysis.columns, *analysis.sort]
        for one in wanted:
            self.columns.split(f"{table}.{one}", (*path, "columns", one))
        rows = self.columns.with_columns(table, rows, wanted)
        rows = rows.sort(*(analysis.sort or ("USUBJID",)), "_row", nulls_last=True)
        reads = self._reads(table, analysis, path) | set(analysis.columns)
        for number, row in enumerate(self.groups.sourced(table, rows, reads).iter_rows(named=True), 1):
            sources = tuple(row["_sources"])
            cells = [
                Stated(column, {"value": _held(row[column])}, how.format or words("{value}"), "listing/1", "",
                       words(""), sources, "", {"row": list(sources), "column": column})
                for column, how in analysis.columns.items()
            ]  # fmt: skip
            yield Line((name, str(number)), (), tuple(cells), analysis.indent)


def _held(value: object) -> Value:
    if value is None:
        return ""
    return (
        plain(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    )


def _percent(n: int, of: int) -> Value:
    return plain(100 * n / of) if of else NotEstimable("no participants")


def _together(hashes: Sequence[str]) -> str:
    import hashlib

    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _level(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Boolean:
        return values.cast(pl.Int8).replace_strict([1, 0], ["Y", "N"], return_dtype=pl.String)
    if values.dtype.is_float():
        return pl.Series([None if one is None else f"{one:.12g}" for one in values], dtype=pl.String)
    return values.cast(pl.String)
