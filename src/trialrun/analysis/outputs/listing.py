"""Rows as they stand, each value a cell; and sentences about them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from trialrun.analysis.outputs import vocabulary
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.statement import Line, Stated, Value, plain, words
from trialrun.analysis.outputs.wide import BEHIND
from trialrun.analysis.outputs.wording import date_in_words, written
from trialrun.protocol.analysis import Listed, Narrative
from trialrun.protocol.form import Item
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.text import Text

EMPTY = words("")
VALUE, DATE = words("{value}"), words("{date}")
LANGUAGES = ("en", "fr")
_HOLE = re.compile(r"\{(\w+)\}")


class Reading:
    """The rows of an analysis in order, and the words for what stands in their columns."""

    def __init__(
        self, asked: Asked, table: str, word: str, names: Sequence[str], sort: Sequence[str]
    ) -> None:
        self.asked, self.table = asked, table
        columns = asked.columns
        rows = asked.rows(table, word)
        for i, one in enumerate(sort):
            columns.split(f"{table}.{one}", (*asked.path, "sort", i))
        rows = columns.with_columns(table, rows, [*names, *sort])
        order = dict.fromkeys((*(sort or ("USUBJID",)), *names))  # what is alike in all of it needs no order
        self.rows = rows.sort(*order, "_row", nulls_last=True)
        self.titles = {one: columns.titles(table, one, rows[one]) for one in names}
        known = columns.known(table)
        self.dates = {one for one in names if known[one].kind == "date"}
        self.base = columns.base(table)
        self.tests = vocabulary.tests(columns.protocol, self.base)
        self.spread = columns.spread(table)
        self.results = {f"{self.base}STRESC", f"{self.base}STRESN", *(self.tests if self.spread else ())}
        self._known: dict[tuple[str, object], tuple[Value, Text]] = {}
        self.identity = dict(columns.rows_of(rows["_row"].to_list()).select("row", "id").iter_rows())

    def written(self, column: str, row: Mapping[str, Any]) -> tuple[Value, Text]:
        """A value and how it is written: a code in the study's words, a number to the decimals that the study
        asks for, a date without its hour."""
        value = row[column]
        if column in self.results:
            item = self.tests.get(column if self.spread else str(row.get(f"{self.base}TESTCD")))
            if item is not None:
                number = row.get(f"{self.base}STRESN") if not self.spread else None
                value = _counted(item, value if number is None else number)
                return _held(value), _result(item, value)
        if (column, value) not in self._known:  # many rows say the same
            held = _held(value)
            pattern = DATE if column in self.dates else self.titles[column].get(str(held), VALUE)
            self._known[column, value] = held, pattern
        return self._known[column, value]

    def sources(self, column: str, row: Mapping[str, Any], whole: tuple[int, ...]) -> tuple[int, ...]:
        """Of a test that was made a column, the row that it stood in; else what the whole row is from."""
        own = row.get(f"{BEHIND}{column}", whole)
        return own if isinstance(own, tuple) else (own,) if own is not None else whole

    def __iter__(self) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
        reads = self.asked.reads(self.table) | set(self.titles)
        behind = self.asked.groups.behind(self.table, self.rows, reads)
        also = {"_row", "USUBJID", f"{self.base}STRESN", f"{self.base}TESTCD"}
        needed = {*self.titles, *(f"{BEHIND}{one}" for one in self.titles), *also}
        some = self.rows.select(one for one in self.rows.columns if one in needed)
        for row, sources in zip(some.iter_rows(named=True), behind, strict=True):
            yield row, tuple(sources)


def _counted(item: Item, value: object) -> object:
    """A number that a column of texts holds as such."""
    if item.type in ("number", "integer") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _result(item: Item, value: object) -> Text:
    if isinstance(value, int | float):
        return VALUE if item.decimals is None else words(f"{{value:.{item.decimals}}}")
    return vocabulary.answers(item).get(str(value), VALUE)


def listing(asked: Asked, analysis: Listed) -> Iterator[Line]:
    """A line for each row, sorted; a code that the study has words for is written in them."""
    table = analysis.listing
    for one in analysis.columns:
        asked.columns.split(f"{table}.{one}", (*asked.path, "columns", one))
    told = Reading(asked, table, "listing", list(analysis.columns), analysis.sort)
    for number, (row, sources) in enumerate(told, 1):
        identity = told.identity[row["_row"]]
        cells = []
        for column, how in analysis.columns.items():
            value, pattern = told.written(column, row)
            if value == "":
                pattern = EMPTY
            elif how.format is not None or how.titles:
                pattern = how.format or how.titles.get(str(value)) or pattern
            behind = told.sources(column, row, sources)
            values = {"value": value, **(_moment(value) if column in told.dates else {})}
            inputs = hashlib.sha256(f"{identity}\n{value}".encode()).hexdigest()
            asks = {"row": identity, "column": column}
            cells.append(Stated(column, values, pattern, "listing/2", "", EMPTY, behind, inputs, asks))
        yield Line((asked.name, str(number)), (), tuple(cells), analysis.indent)


def _moment(value: Value) -> dict[str, Value]:
    """The day and the hour of a date."""
    day, _, hour = str(value).partition("T")
    return {"date": day, "time": hour[:5]}


def _held(value: object) -> Value:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    return plain(float(value)) if isinstance(value, int | float) else str(value)


# ---- narratives ----------------------------------------------------------------------------------


def narrative(asked: Asked, analysis: Narrative) -> Iterator[Line]:
    """A line for each row: what its title says of it, and the sentences that hold of it in one cell.

    The line's key ends in the participant, so that an output may have a page for each.
    """
    table = analysis.narrative
    texts = [analysis.title, *(one.text for one in analysis.sentences)]
    names = list(
        dict.fromkeys(hole for text in texts for _, said in text.by_language for hole in _holes(said))
    )
    for one in names:
        asked.columns.split(f"{table}.{one}", (*asked.path, "sentences"))
    told = Reading(asked, table, "narrative", names, analysis.sort)
    holds = [_holds(asked, table, told.rows, one.where, i) for i, one in enumerate(analysis.sentences)]
    for number, (row, sources) in enumerate(told):
        identity, who = told.identity[row["_row"]], str(row["USUBJID"])
        values, patterns = {}, {}
        for one in names:
            values[one], pattern = told.written(one, row)
            patterns[one] = analysis.titles.get(one, {}).get(str(values[one]), pattern)
        said = [one.text for one, true in zip(analysis.sentences, holds, strict=True) if true[number]]
        filled = {key: " ".join(_filled(one, values, patterns, key) for one in said) for key in LANGUAGES}
        title = {
            key: written(words(_filled(analysis.title, values, patterns, key)), values, None, key)
            for key in LANGUAGES
        }
        inputs = hashlib.sha256(f"{identity}\n{sorted(values.items())}".encode()).hexdigest()
        cell = Stated(
            "text",
            values,
            Text(tuple(filled.items())),
            "narrative/1",
            sources=tuple(sorted({source for one in names for source in told.sources(one, row, sources)})),
            inputs=inputs,
            parameters={"row": identity, "sentences": [dict(one.by_language) for one in said]},
        )
        yield Line(
            (asked.name, str(number + 1), who), (Text(tuple(title.items())),), (cell,), analysis.indent
        )


def _holds(asked: Asked, table: str, rows: pl.DataFrame, where: str | None, place: int) -> list[bool]:
    if where is None:
        return [True] * rows.height
    rule = asked.columns.rule(table, where, (*asked.path, "sentences", place, "where"))
    found: list[bool] = asked.columns.value(table, rows, rule).fill_null(False).to_list()
    return found


def _holes(text: str) -> list[str]:
    return [hole[0] for hole in placeholders(text)]


UNKNOWN = words("not known", "inconnu")


def _filled(text: Text, values: Mapping[str, Value], patterns: Mapping[str, Text], language: str) -> str:
    """A sentence with words and dates in it; numbers are left as holes that the cell's values fill."""

    def one(found: re.Match[str]) -> str:
        name = found[1]
        value, pattern = values[name], patterns[name](language)
        if value == "":
            return UNKNOWN(language)
        if pattern == "{date}":
            return date_in_words(str(value), language)
        if isinstance(value, float):
            return pattern.replace("{value", f"{{{name}")
        return (str(value) if pattern == "{value}" else pattern).replace("{", "(").replace("}", ")")

    return _HOLE.sub(one, text(language))
