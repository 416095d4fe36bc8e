"""The Analysis Results Dataset: every number of every planned output, what it is made from, and how it
is written. Renderers take it and never compute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.columns import Columns, Fact, Tables
from trialrun.analysis.outputs.count import categories, count
from trialrun.analysis.outputs.grouping import Column, Groups
from trialrun.analysis.outputs.hierarchy import hierarchy
from trialrun.analysis.outputs.listing import listing, narrative
from trialrun.analysis.outputs.numbers import summary
from trialrun.analysis.outputs.settled import settled
from trialrun.analysis.outputs.statement import Line, Stated, Value, words
from trialrun.analysis.outputs.told import facts_told
from trialrun.analysis.outputs.wording import written
from trialrun.protocol.analysis import (
    Ancova,
    Categories,
    Count,
    EndpointResult,
    Hierarchy,
    Listed,
    Monitored,
    Narrative,
    Organs,
    Projection,
    Proportion,
    Summarised,
    Survival,
    Told,
)
from trialrun.protocol.cell import PARTICIPANTS
from trialrun.protocol.figure import Drawn
from trialrun.protocol.output import Analysis, Heading, Output
from trialrun.protocol.outputs import Outputs
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text

_COLUMNS: dict[str, Any] = {
    "output": pl.String,  # its number, 14.1.1
    "analysis": pl.String,  # the name of the row in the file; "N" for the numbers in the column heads
    "line": pl.Int64,  # place of the line in the output, from 0
    "path": pl.String,  # JSON list: the keys that name the line
    "labels": pl.String,  # JSON list of {language: words}
    "indent": pl.Int64,
    "column": pl.String,  # group of participants, a comparison, or a column of a listing
    "part": pl.String,  # which of the cells under one column, "" where there is one
    "cell": pl.String,  # SHA-256 of method, inputs and parameters
    "statistic": pl.String,
    "value": pl.Float64,
    "text": pl.String,
    "not_estimable": pl.String,  # the reason
    "pattern": pl.String,  # JSON {language: words}: how the whole cell is written
    "none": pl.String,  # the same, where a statistic in it cannot be estimated
    "method": pl.String,  # with its version: count/1
    "parameters": pl.String,  # canonical JSON
    "inputs": pl.String,  # SHA-256 of the participants and values read
    "sources": pl.List(pl.UInt32),  # numbers of rows, see `Ard.rows`
    "notes": pl.String,  # JSON list of {language: words}: what a reader of the line must know
}
SCHEMA = pl.Schema(_COLUMNS)


@dataclass(frozen=True)
class Cell:
    """One cell of an output: its id, its statistics, and how they are written."""

    id: str
    column: str
    part: str
    values: Mapping[str, Value]
    pattern: Text
    none: Text | None = None


def formatted(cell: Cell, language: str = "en") -> str:
    """The text of a cell, the only way from a number to what is printed."""
    return written(cell.pattern, cell.values, cell.none, language)


@dataclass(frozen=True, eq=False)
class Ard:
    """``cells``: a row for each statistic of each cell (`SCHEMA`), in the order of the outputs.

    ``rows``: of the rows they are made from, number, table, id ("AE/participant/sequence") and SRC.
    ``outputs`` and ``columns``: what was planned, and the columns of each output with their N.
    ``data``: of cells whose statistics come from numbers, these numbers, by the cell's id.
    ``made``: tables that the analysis made itself, such as the visits that were due.
    """

    cells: pl.DataFrame
    rows: pl.DataFrame
    outputs: Mapping[str, Output]
    columns: Mapping[str, tuple[Column, ...]]
    headers: Mapping[str, Text | None] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    made: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of every cell and its values."""
        told = self.cells.drop("sources").write_csv()
        return hashlib.sha256(told.encode()).hexdigest()

    def of(self, output: str) -> pl.DataFrame:
        """The cells of one output."""
        return self._parts.get((output,), self.cells.clear())

    @cached_property
    def _parts(self) -> dict[tuple[Any, ...], pl.DataFrame]:
        return self.cells.partition_by("output", as_dict=True, maintain_order=True)

    def sources(self, cell: str) -> pl.DataFrame:
        """The rows that a cell is made from: ``row``, ``table``, ``id``, ``SRC``."""
        found = self.cells.filter(pl.col("cell") == cell)["sources"].explode().unique()
        return self.rows.filter(pl.col("row").is_in(found.implode()))

    def heads(self, output: str) -> dict[str, str]:
        """Column -> the id of the cell that counts its participants."""
        sizes = self.of(output).filter(pl.col("line") == -1)
        return dict(sizes.select("column", "cell").iter_rows())

    def lines(self, output: str) -> Sequence[tuple[Line, list[Cell]]]:
        """The lines of an output with their cells, in order; words in the lines' labels."""
        if output not in self._lines:  # each document of each language asks for them
            self._lines[output] = list(self._read(output))
        return self._lines[output]

    @cached_property
    def _lines(self) -> dict[str, list[tuple[Line, list[Cell]]]]:
        return {}

    def _read(self, output: str) -> Iterator[tuple[Line, list[Cell]]]:
        told = self.of(output).drop("sources", "parameters", "inputs").filter(pl.col("line") >= 0)
        found = told.rows(named=True)
        place = 0
        while place < len(found):
            end = place
            while end < len(found) and found[end]["line"] == found[place]["line"]:
                end += 1
            first = found[place]
            labels, notes = _texts(first["labels"]), _texts(first["notes"])
            line = Line(tuple(json.loads(first["path"])), labels, (), first["indent"], notes)
            yield line, _cells(found[place:end])
            place = end


def _cells(rows: list[dict[str, Any]]) -> list[Cell]:
    made: dict[tuple[str, str], Cell] = {}
    for row in rows:
        if row["cell"] is None:
            continue
        key = row["column"], row["part"]
        if key not in made:
            none = _text(row["none"]) if row["none"] is not None else None
            made[key] = Cell(row["cell"], *key, {}, _text(row["pattern"]), none)
        value = row["value"] if row["value"] is not None else row["text"]
        held = NotEstimable(row["not_estimable"]) if row["not_estimable"] is not None else value
        made[key].values[row["statistic"]] = held  # type: ignore[index]
    return list(made.values())


def analyse_outputs(
    tables: Tables,
    outputs: Outputs,
    protocol: Protocol | None = None,
    only: Collection[str] | None = None,
    facts: Mapping[str, Fact] | None = None,
) -> Ard:
    """Every planned output, or ``only`` some, from SDTM-shaped tables (any tables with USUBJID); the protocol
    for endpoints and for the words of codes and visits. ``facts`` are what an output may tell of the run that
    its tables do not hold (``seed``); of them ``as_of`` is the day up to which data are counted, without
    which it is the last day in the tables.

    ProtocolError, with the place in the outputs file, where a table or a column is not there.
    """
    planned = {
        key: settled(one, outputs, protocol)
        for key, one in outputs.planned.items()
        if only is None or key in only
    }
    columns = Columns(tables, outputs, protocol, planned, facts)
    records: list[dict[str, Any]] = []
    heads, headers = {}, {}
    data: dict[str, Mapping[str, object]] = {}
    for key, output in planned.items():
        groups = Groups(columns, key, output)
        heads[key], headers[key] = groups.list, groups.header
        records += _of_output(key, groups, data)
    held: dict[str, Any] = {name: [one.get(name) for one in records] for name in SCHEMA}
    frame = pl.DataFrame(held | {"sources": _lists(held["sources"])}, schema=SCHEMA)
    used = frame["sources"].explode().drop_nulls().unique()
    made = {name: table for name, table in columns.raw.items() if name not in tables}
    return Ard(frame, columns.rows_of(used.to_list()), planned, heads, headers, data, made)


def _lists(found: Sequence[tuple[int, ...] | None]) -> pl.Series:
    """Lists of row numbers as a column: many times as fast as one list after the other."""
    sizes = [len(one) if one is not None else 0 for one in found]
    places = np.repeat(np.arange(len(found), dtype=np.uint32), sizes)
    flat = np.fromiter(chain.from_iterable(one for one in found if one), np.uint32, sum(sizes))
    lists = (
        pl.DataFrame({"place": places, "number": flat}).group_by("place", maintain_order=True).agg("number")
    )
    known = pl.DataFrame(
        {
            "place": np.arange(len(found), dtype=np.uint32),
            "known": np.array([one is not None for one in found], dtype=np.bool_),
        }
    )
    joined = known.join(lists, on="place", how="left", maintain_order="left")
    none = pl.lit([], dtype=pl.List(pl.UInt32))
    filled = pl.when("known").then(pl.col("number").fill_null(none))
    return joined.select(filled.alias("sources"))["sources"]


def _of_output(key: str, groups: Groups, data: dict[str, Mapping[str, object]]) -> Iterator[dict[str, Any]]:
    """The heads of the columns as line -1, then the analyses one after the other; fills ``data``."""
    yield from _records(key, "N", -1, _sizes(groups), data)
    lines = [(name, line) for name, one in groups.output.rows.items() for line in _lines(groups, name, one)]
    if groups.output.page == "participant":
        lines = [(name, _paged(groups, line)) for name, line in lines]
        lines.sort(key=lambda one: one[1].key[1])  # stable: the analyses of a participant keep their order
    for place, (name, line) in enumerate(lines):
        yield from _records(key, name, place, line, data)


def _paged(groups: Groups, line: Line) -> Line:
    """A line with the participant, whom its key ends with, before everything else."""
    name, *rest, who = line.key
    people = groups.columns.people
    column = "SUBJID" if "SUBJID" in people.columns else "USUBJID"
    shown = people.filter(people["USUBJID"] == who)[column][0]
    place = "/".join(
        [name, *rest]
    )  # one key for each of the line's words, so that a participant is said once
    return replace(line, key=("participant", who, place), labels=(words(str(shown)), *line.labels))


def _sizes(groups: Groups) -> Line:
    inputs = groups.fingerprints(PARTICIPANTS, groups.members, groups.reads)
    own = groups.members.select("_who", "_row").join(groups.membership, on="_who", how="inner")
    rows = {str(key): tuple(found) for key, found in own.group_by("_column").agg("_row").iter_rows()}
    cells = [
        Stated(
            one.key,
            {"N": float(one.n)},
            words("{N}"),
            "size/1",
            sources=tuple(sorted(rows.get(one.key, ()))),
            inputs=inputs[one.key],
            parameters={"set": groups.output.set, "column": one.key},
        )
        for one in groups.list
    ]
    return Line(("N",), (words("N"),), tuple(cells))


def _lines(groups: Groups, name: str, analysis: Analysis) -> Iterator[Line]:
    """The lines of one analysis, by its verb."""
    if isinstance(analysis, Drawn):
        return iter(())  # it has no numbers of its own
    if isinstance(analysis, Heading):
        return iter([Line((name,), (analysis.heading,), indent=analysis.indent)])
    asked = Asked(groups, name, analysis)
    match analysis:
        case Count():
            return count(asked, analysis)
        case Categories():
            return categories(asked, analysis)
        case Summarised():
            return summary(asked, analysis)
        case Hierarchy():
            return hierarchy(asked, analysis)
        case Ancova():
            from trialrun.analysis.outputs.ancova import ancova

            return ancova(asked, analysis)
        case Listed():
            return listing(asked, analysis)
        case Narrative():
            return narrative(asked, analysis)
        case Told():
            return facts_told(asked, analysis)
        case Projection():
            from trialrun.analysis.outputs.projection import projection

            return projection(asked, analysis)
        case EndpointResult():
            from trialrun.analysis.outputs.endpoints import endpoint  # here, as it imports the whole engine

            return endpoint(asked, analysis)
        case Proportion():
            from trialrun.analysis.outputs.proportion import proportion

            return proportion(asked, analysis)
        case Survival():
            from trialrun.analysis.outputs.survival import survival

            return survival(asked, analysis)
        case Monitored():
            from trialrun.analysis.outputs.boundary import boundary

            return boundary(asked, analysis)
        case Organs():
            from trialrun.analysis.outputs.organs import organs

            return organs(asked, analysis)
        case _:
            from trialrun.analysis.outputs.verbs import over_time  # here, for the same reason

            return over_time(asked, analysis)


def _records(
    output: str, analysis: str, place: int, line: Line, data: dict[str, Mapping[str, object]]
) -> Iterator[dict[str, Any]]:
    head = {
        "output": output, "analysis": analysis, "line": place, "path": _json(list(line.key)),
        "labels": f"[{','.join(map(_words, line.labels))}]", "indent": line.indent,
        "notes": f"[{','.join(map(_words, line.notes))}]",
    }  # fmt: skip
    if not line.cells:
        yield head
    for cell in line.cells:
        parameters = _json(cell.parameters, sort=True)
        identity = _identity(cell, parameters)
        if cell.data is not None:
            data[identity] = cell.data
        told = {
            "column": cell.column, "part": cell.part, "cell": identity,
            "pattern": _words(cell.pattern),
            "none": _words(cell.none) if cell.none is not None else None,
            "method": cell.method, "parameters": parameters, "inputs": cell.inputs,
            "sources": sorted({*cell.sources}),
        }  # fmt: skip
        for statistic, value in cell.values.items():
            yield head | told | {"statistic": statistic} | _valued(value)


def _valued(value: Value) -> dict[str, Any]:
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.reason}
    return {"text": value} if isinstance(value, str) else {"value": value}


def _identity(cell: Stated, parameters: str) -> str:
    return hashlib.sha256(f"{cell.method}\n{cell.inputs}\n{parameters}".encode()).hexdigest()


@lru_cache(maxsize=4096)
def _words(text: Text) -> str:
    return _json(dict(text.by_language))


def _json(value: Any, sort: bool = False) -> str:
    return (_SORTED if sort else _AS_SAID).encode(value)


_AS_SAID = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SORTED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=8192)
def _text(told: str) -> Text:
    return Text(tuple(json.loads(told).items()))


@lru_cache(maxsize=8192)
def _texts(told: str) -> tuple[Text, ...]:
    return tuple(Text(tuple(one.items())) for one in json.loads(told))
