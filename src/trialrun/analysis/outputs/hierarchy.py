"""Terms within terms (system organ class, preferred term), and the worst grade of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from trialrun.analysis.outputs.asked import NOBODY, Asked, Counted, Counts, Key, Seen
from trialrun.analysis.outputs.count import level, named
from trialrun.analysis.outputs.statement import Line, words
from trialrun.protocol.analysis import Hierarchy
from trialrun.protocol.grouping import Each
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

NOT_CODED = words("Not coded", "Non codé")


class Terms:
    """The terms of one hierarchy, counted at every depth."""

    def __init__(self, asked: Asked, analysis: Hierarchy) -> None:
        self.asked, self.analysis = asked, analysis
        table, columns = analysis.hierarchy, asked.columns
        rows = asked.rows(table, "hierarchy")
        self.names = [
            columns.split(f"{table}.{one}", (*asked.path, "levels", i))[1]
            for i, one in enumerate(analysis.levels)
        ]
        reads = asked.reads(table) | set(self.names) | ({analysis.worst} if analysis.worst else set())
        rows = columns.with_columns(table, rows, self.names)
        self.titles = [columns.levels(table, one, Each(), rows) for one in self.names]
        self.of = asked.whom(analysis.of, table, rows)
        self.seen: Seen = asked.seen(table, rows, reads)
        self.counted: dict[Key, Counted] = {}
        self.grades: dict[Key, Counts] = {}
        self.grade_titles: dict[str, Text] = {}
        graded = self._graded(table, rows) if analysis.worst else None
        for depth in range(len(self.names) + 1):
            keys = self.names[:depth]
            self.counted |= asked.counted(table, rows, reads, keys)
            if graded is not None:
                worst = graded.filter(pl.col("_grade") == pl.col("_grade").max().over("_who", *keys))
                for (*key, grade), made in asked.counted(table, worst, reads, [*keys, "_grade"]).items():
                    self.grades.setdefault(tuple(key), {})[(grade,)] = made  # type: ignore[index]

    def _graded(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the place of their grade, from 0; those without a grade left out."""
        _, column = self.asked.columns.split(f"{table}.{self.analysis.worst}", (*self.asked.path, "worst"))
        rows = self.asked.columns.with_columns(table, rows, [column])
        self.grade_titles = self.asked.columns.levels(table, column, Each(titles=self.analysis.grades), rows)
        places = {one: i for i, one in enumerate(self.grade_titles)}
        place = level(rows[column]).replace_strict(places, default=None, return_dtype=pl.Int64)
        return rows.with_columns(place.alias("_grade")).filter(pl.col("_grade").is_not_null())

    def lines(self) -> Iterator[Line]:
        if self.analysis.any is not None:
            yield from self._term((), self.analysis.any, 0)
        yield from self._under(())

    def _under(self, above: Key) -> Iterator[Line]:
        """The terms under a term, in order, each with what is under it."""
        depth = len(above)
        if depth == len(self.names):
            return
        terms = [key for key in self.counted if len(key) == depth + 1 and key[:-1] == above]
        for key in sorted((key for key in terms if self._frequent(key)), key=self._place):
            yield from self._term(key, self._label(key), depth)
            yield from self._under(key)

    def _label(self, key: Key) -> Text:
        term = key[-1]
        return NOT_CODED if term is None else self.titles[len(key) - 1].get(term, words(term))

    def _frequent(self, key: Key) -> bool:
        """Whether a term is had by so many per cent in any column."""
        least = self.analysis.at_least
        return least == 0 or any(
            self.counted[key].at(self.asked.first, column.key).participants * 100
            >= least * self.of.at((), column.key, self.asked.first)
            > 0
            for column in self.asked.groups.list
        )

    def _place(self, key: Key) -> tuple[int, int, str]:
        """Most participants first, then most events, then by the alphabet. What is not coded comes last."""
        word = "\uffff" if key[-1] is None else key[-1]
        sort = self.analysis.sort[min(len(key), len(self.analysis.sort)) - 1]
        if sort == "alphabet":
            return 0, 0, word
        tally = self.counted[key].at(self.asked.first, self._sort_column)
        return -tally.participants, -tally.rows if sort == "frequency" else 0, word

    @property
    def _sort_column(self) -> str:
        groups, wanted = self.asked.groups, self.analysis.sort_by
        if wanted is not None and wanted not in groups.size:
            hint = suggestion(wanted, groups.size)
            self.asked.columns.refuse(
                (*self.asked.path, "sort_by"), f"there is no column `{wanted}` in this output", hint
            )
        return wanted or groups.list[-1].key

    def _term(self, key: Key, label: Text, indent: int) -> Iterator[Line]:
        asked, line = self.asked, named(key)
        made = self.counted.get(key, NOBODY)
        cells = asked.cells("hierarchy", made, self.of, self.seen, line)
        cells += asked.tested(made, self.of, self.seen, line)
        indent += self.analysis.indent
        yield Line((asked.name, *line), (label,), tuple(cells), indent)
        found: Mapping[Key, Counted] = self.grades.get(key, {})
        for i, (grade, title) in enumerate(self.grade_titles.items()):
            if (str(i),) in found:
                below = (*line, f"worst={grade}")
                cells = asked.cells("worst", found[(str(i),)], self.of, self.seen, below)
                yield Line((asked.name, *below), (title,), tuple(cells), indent + 1)


def hierarchy(asked: Asked, analysis: Hierarchy) -> Iterator[Line]:
    """A line for each term, those under it below it."""
    yield from Terms(asked, analysis).lines()
