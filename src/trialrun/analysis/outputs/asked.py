"""One analysis of an output: its rows, its counts, and its cells with what they are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs import compared
from trialrun.analysis.outputs.columns import Columns, Path, value_text
from trialrun.analysis.outputs.grouping import NOTHING, Groups, Tally
from trialrun.analysis.outputs.statement import Stated, Value, bounded, patterns, plain, words
from trialrun.protocol.analysis import AnalysisPart
from trialrun.protocol.cell import PARTICIPANTS, Written
from trialrun.protocol.grouping import Comparison, Each
from trialrun.protocol.output import Output
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text
from trialrun.protocol.write import said

COUNT = Written(format=words("{n} ({percent:.1}%)", "{n} ({percent:.1} %)"))
P_VALUE = Written(format=words("{p:.3<>}"))

Key = tuple[str | None, ...]
Counts = Mapping[Key, "Counted"]


@dataclass(frozen=True)
class Counted:
    """What is counted for one line: part of a cell -> column -> tally."""

    tallies: Mapping[str, Mapping[str, Tally]]

    def at(self, part: str, column: str) -> Tally:
        return self.tallies.get(part, {}).get(column, NOTHING)


NOBODY = Counted({})


class Whom:
    """Whom percentages are of: everyone of a column, or those counted at a key, in a part of it or in any."""

    def __init__(self, sizes: Mapping[str, int], counted: Counts | None = None, parted: bool = False) -> None:
        self.sizes, self.counted, self.parted = sizes, counted, parted

    def at(self, key: Key, column: str, part: str = "") -> int:
        if self.counted is None:
            return self.sizes[column]
        return self.counted.get(key, NOBODY).at(part if self.parted else "", column).participants


@dataclass(frozen=True)
class Seen:
    """What an analysis was made from: column -> SHA-256 of what was read, and -> the numbers of its rows; and
    what was asked."""

    inputs: Mapping[str, str]
    asked: Mapping[str, object]
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)


class Asked:
    """One analysis over the groups of its output."""

    def __init__(self, groups: Groups, key: str, output: Output, name: str, analysis: AnalysisPart) -> None:
        self.groups, self.output = groups, output
        self.name = name
        self.analysis = analysis
        self.above: Path = ("outputs", key)
        self.path: Path = (*self.above, "rows", name)
        self.parts: Mapping[str, Written] = output.cells or {"": Written()}
        self.first = next(iter(self.parts))

    @property
    def columns(self) -> Columns:
        return self.groups.columns

    @property
    def title(self) -> tuple[Text, ...]:
        """The words of the analysis; of one that is repeated without a title, none."""
        if self.analysis.title is None and self.each:
            return ()
        return (self.analysis.title or words(self.name),)

    def format(self, verb: str) -> Written | None:
        """How cells of a kind are written, as the output, else the file says it."""
        return self.output.formats.get(verb) or self.columns.outputs.file.formats.get(verb)

    # ---- rows ----------------------------------------------------------------------------------

    def rows(self, table: str, word: str) -> pl.DataFrame:
        rows = self.groups.rows(table, self.analysis.where, self.path, word)
        self._refuse_each(table)
        return rows

    def reads(self, table: str) -> frozenset[str]:
        """The columns that the rules of this analysis read."""
        found = self.columns.reads(table, self.analysis.where, (*self.path, "where")) | self.groups.reads
        for part, cell in self.output.cells.items():
            found |= self.columns.reads(table, cell.where, (*self.above, "cells", part, "where"))
        return found

    def seen(self, table: str, rows: pl.DataFrame, reads: frozenset[str]) -> Seen:
        asked = {"analysis": said(self.analysis), "set": self.output.set, "table": table}
        behind = {one.key: self.groups.within(rows, one.key) for one in self.groups.list}
        return Seen(self.groups.fingerprints(table, rows, reads), asked, behind)

    @cached_property
    def each(self) -> dict[str, Each]:
        """The columns that the analysis is repeated for."""
        return dict(getattr(self.analysis, "each", {}))

    def _refuse_each(self, table: str) -> None:
        """Unless the table has these columns, and those that order them."""
        for name, how in self.each.items():
            self.columns.split(f"{table}.{name}", (*self.path, "each"))
            if how.by is not None:
                self.columns.split(f"{table}.{how.by}", (*self.path, "each", name, "by"))

    def combinations(self, table: str, rows: pl.DataFrame) -> list[tuple[Key, tuple[Text, ...]]]:
        """Every combination of values that rows have in the columns of ``each``, in order, with its words."""
        names = list(self.each)
        if not names:
            return [((), ())]
        held = self.columns.with_columns(table, rows, names).select(names).drop_nulls().unique()
        ordered = [self.columns.levels(table, one, self.each[one], rows) for one in names]
        places = [{value: i for i, value in enumerate(one)} for one in ordered]
        keys = sorted(
            (tuple(map(value_text, row)) for row in held.iter_rows()),
            key=lambda row: [place.get(value, len(place)) for place, value in zip(places, row, strict=True)],
        )
        return [
            (row, tuple(one.get(value, words(value)) for one, value in zip(ordered, row, strict=True)))
            for row in keys
        ]

    # ---- counts --------------------------------------------------------------------------------

    def whom(self, of: str, table: str, known: pl.DataFrame) -> Whom:
        """Whom percentages are of: the set; those with a ``known`` value in the rows of a line (``cell``: in
        those of its part); or participants who satisfy a rule."""
        if of == "set":
            return Whom(self.groups.size)
        keys = list(self.each)
        if of == "cell":
            return Whom(self.groups.size, self.counted(table, known, frozenset(), keys), parted=True)
        if of == "known":
            return Whom(self.groups.size, self.whole(table, known, keys))
        some = self.columns.chosen(PARTICIPANTS, of, (*self.path, "of")).select("_who")
        counted = self.whole(PARTICIPANTS, some, ()).get((), NOBODY)
        return Whom({one.key: counted.at("", one.key).participants for one in self.groups.list})

    def whole(self, table: str, rows: pl.DataFrame, keys: Sequence[str]) -> dict[Key, Counted]:
        """Values of the keys -> what is counted of them, whatever the part of a cell; without sources."""
        held = self.columns.with_columns(table, rows, keys)
        found: dict[Key, dict[str, Tally]] = {}
        for (column, *values), tally in self.groups.tally(held, keys).items():
            key = tuple(None if value is None else value_text(value) for value in values)
            found.setdefault(key, {})[str(column)] = tally
        return {key: Counted({"": tallies}) for key, tallies in found.items()}

    def counted(
        self, table: str, rows: pl.DataFrame, reads: frozenset[str], keys: Sequence[str] = ()
    ) -> dict[Key, Counted]:
        """Values of the keys -> what is counted of them, in each part of a cell."""
        held = self.columns.with_columns(table, rows, keys)
        behind = self.groups.behind(table, rows, reads)
        found: dict[Key, dict[str, dict[str, Tally]]] = {}
        for part, cell in self.parts.items():
            some, numbers = held, behind
            if cell.where is not None:
                rule = self.columns.rule(table, cell.where, (*self.above, "cells", part, "where"))
                true = self.columns.value(table, held, rule)
                some, numbers = held.filter(true), list(compress(behind, true.to_list()))
            for (column, *values), tally in self.groups.tally(some, keys, numbers).items():
                key = tuple(None if value is None else value_text(value) for value in values)
                found.setdefault(key, {}).setdefault(part, {})[str(column)] = tally
        return {key: Counted(tallies) for key, tallies in found.items()}

    def cells(
        self,
        verb: str,
        counted: Counted,
        of: Whom,
        seen: Seen,
        key: Sequence[str],
        at: Key = (),
        how: Written | None = None,
    ) -> list[Stated]:
        """The cells of a line of counts: n, N (of those ``at`` a key), percent and events of each column."""
        made = []
        time = self._times()
        for column in self.groups.list:
            for part, cell in self.parts.items():
                tally, N = counted.at(part, column.key), of.at(at, column.key, part)
                asked = (cell, how or self.analysis) if part else (how or self.analysis,)
                pattern, zero, none = patterns(*asked, self.format(verb), COUNT)
                values: dict[str, Value] = {
                    "n": float(tally.participants),
                    "N": float(N),
                    "percent": percent(tally.participants, N),
                    "events": float(tally.rows),
                }
                known: dict[str, object] = {"N": N}
                if time is not None:
                    values |= _rates(tally, time[column.key])
                    known["time"] = time[column.key]
                made.append(
                    Stated(
                        column.key,
                        values,
                        zero if zero is not None and not tally.participants else pattern,
                        f"{verb}/1",
                        part,
                        none,
                        tally.sources or self.groups.everyone.get(column.key, ()),
                        seen.inputs[column.key],
                        {**seen.asked, "column": column.key, "part": part, "line": list(key), **known},
                    )
                )
        return made

    def _times(self) -> Mapping[str, float] | None:
        """Column -> the sum of its participants' time at risk."""
        name = getattr(self.analysis, "time", None)
        if name is None:
            return None
        _, column = self.columns.split(name, (*self.path, "time"))
        held = self.groups.members.select("_who", column).join(self.groups.membership, on="_who", how="inner")
        found = dict(held.group_by("_column").agg(pl.col(column).sum()).iter_rows())
        return {one.key: float(found.get(one.key, 0.0)) for one in self.groups.list}

    # ---- comparisons ---------------------------------------------------------------------------

    def comparisons(self, kind: str) -> Iterator[tuple[str, Comparison, str, tuple[str, ...]]]:
        """(name, comparison, test, columns) of every p-value that this kind of analysis has."""
        wanted = self.analysis.compare
        for name, one in self.output.compare.items():
            test = getattr(one, kind)
            if test is not None and (wanted is True or (isinstance(wanted, tuple) and name in wanted)):
                yield name, one, test, self._between(name, one)

    def _between(self, name: str, one: Comparison) -> tuple[str, ...]:
        for i, column in enumerate(one.between):
            if column not in self.groups.size:
                at: Path = (*self.above, "compare", name, "between", i)
                hint = suggestion(column, self.groups.size)
                self.columns.refuse(at, f"there is no column `{column}` in this output", hint)
        return one.between or self.groups.compared

    def tested(
        self, counted: Counted, of: Whom, seen: Seen, key: Sequence[str], at: Key = ()
    ) -> list[Stated]:
        """P-values of a line: those counted against the rest, or the parts of its cells, by column."""
        made = []
        for name, one, test, between in self.comparisons("counts"):
            n = [counted.at(self.first, column).participants for column in between]
            N = [of.at(at, column, self.first) for column in between]
            table = [[x, whole - x] for x, whole in zip(n, N, strict=True)]
            told = replace(seen, asked={**seen.asked, "N": N})
            p = COUNT_TESTS[test](table)
            made.append(self.p(name, one, test, p, between, told, key, {"table": table}))
        for name, one, test, between in self.comparisons("cells"):
            table = [[counted.at(part, column).participants for part in self.parts] for column in between]
            p = COUNT_TESTS[test](table)
            made.append(self.p(name, one, test, p, between, seen, key, {"table": table}))
        return made

    def p(
        self,
        name: str,
        one: Comparison,
        test: str,
        p: compared.P,
        between: Sequence[str],
        seen: Seen,
        key: Sequence[str],
        data: Mapping[str, object],
        sources: Iterable[int] | None = None,
    ) -> Stated:
        """The cell of a p-value; its rows are those of the analysis in the columns compared, unless said."""
        pattern, _, none = patterns(one, self.format("p"), P_VALUE)
        values: dict[str, Value] = {"p": p if isinstance(p, NotEstimable) else plain(p)}
        if one.mark:
            under = not isinstance(p, NotEstimable) and p < one.mark.below
            values["mark"] = one.mark.with_ if under else one.mark.otherwise
        within, pattern = pattern, bounded(pattern, values, one.limits)
        if one.mark and pattern is not within and values["mark"] == one.mark.otherwise:
            values["mark"] = ""  # a limit needs nothing beside it to stand in line with numbers
        inputs = hashlib.sha256("".join(seen.inputs[column] for column in between).encode()).hexdigest()
        asked = {**seen.asked, "between": list(between), "line": list(key)}
        every = sources if sources is not None else (row for one in between for row in seen.rows.get(one, ()))
        behind = tuple(sorted(set(every)))
        return Stated(name, values, pattern, f"{test}/1", "", none, behind, inputs, asked, data)


COUNT_TESTS: Mapping[str, Callable[[Sequence[Sequence[int]]], compared.P]] = {
    "chi-square": compared.chi_square,
    "fisher": compared.fisher,
}
NUMBER_TESTS: Mapping[str, Callable[[Sequence[Sequence[float]]], compared.P]] = {
    "anova": compared.anova,
    "kruskal-wallis": compared.kruskal_wallis,
}


def percent(n: int, of: int) -> Value:
    return plain(100 * n / of) if of else NotEstimable("no participants")


def _rates(tally: Tally, time: float) -> dict[str, Value]:
    """Events by time at risk, with Garwood's exact 95 % interval of a Poisson rate."""
    if time <= 0:
        none = NotEstimable("no time at risk")
        return {"time": 0.0, "rate": none, "lower": none, "upper": none}
    from trialrun.analysis.exact.rate import intervals  # here, as it imports scipy

    found = intervals(tally.rows, time)
    bounds = {
        "lower": float(found.lower),
        "upper": float(found.upper),
    }  # gamma quantiles: 8 digits hold anywhere
    return {
        "time": plain(time),
        "rate": plain(tally.rows / time),
        **{name: float(f"{bound:.8g}") for name, bound in bounds.items()},
    }
