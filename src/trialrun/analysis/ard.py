"""The Analysis Results Dataset: every number of every planned output, what it is made from, and how it
is written. Renderers take it and never compute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.columns import Columns, Fact, Tables
from trialrun.analysis.outputs.count import categories, count
from trialrun.analysis.outputs.grouping import Column, Groups, groups_of
from trialrun.analysis.outputs.hierarchy import hierarchy
from trialrun.analysis.outputs.listing import listing, narrative
from trialrun.analysis.outputs.numbers import summary
from trialrun.analysis.outputs.recorded import Recorded
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
from trialrun.protocol.outputs import Outputs, placeholders
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text


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
    """``cells``: a row for each statistic of each cell (`recorded.SCHEMA`), in the order of the outputs.

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
    recorded = Recorded()
    heads, headers = {}, {}
    for key, output in planned.items():
        groups = groups_of(columns, key, output)
        heads[key], headers[key] = groups.list, groups.header
        _record(key, output, groups, recorded)
    frame = recorded.frame()
    used = frame["sources"].explode().drop_nulls().unique()
    made = {name: table for name, table in columns.raw.items() if name not in tables}
    return Ard(frame, columns.rows_of(used.to_list()), planned, heads, headers, recorded.data, made)


def _record(key: str, output: Output, groups: Groups, recorded: Recorded) -> None:
    """The heads of the columns as line -1, then the analyses one after the other."""
    recorded.add(key, "N", -1, _sizes(groups))
    lines = [
        (name, line) for name, one in output.rows.items() for line in _lines(groups, key, output, name, one)
    ]
    if output.page == "participant":
        lines = [(name, _paged(groups, line)) for name, line in lines]
        lines.sort(key=lambda one: one[1].key[1])  # stable: the analyses of a participant keep their order
    for place, (name, line) in enumerate(lines):
        _refuse_untold(groups.columns, key, output, name, line)
        recorded.add(key, name, place, line)


def _refuse_untold(columns: Columns, key: str, output: Output, name: str, line: Line) -> None:
    """Unless every statistic that a cell's pattern names is one of its own."""
    for cell in line.cells:
        if untold := _untold(cell.pattern, tuple(cell.values)):
            compared = cell.column in output.compare
            path = ("compare", cell.column, "format") if compared else ("rows", name)
            message = f"there is no statistic `{untold}` in a cell of `{cell.column if compared else name}`"
            mark = "Say what is marked: mark: {below: 0.05, with: '*'}." if untold == "mark" else None
            columns.refuse(("outputs", key, *path), message, mark or suggestion(untold, cell.values))


@lru_cache(maxsize=4096)
def _untold(pattern: Text, known: tuple[str, ...]) -> str | None:
    """The first statistic of a pattern that a cell does not have."""
    holes = (hole[0] for _, text in pattern.by_language for hole in placeholders(text))
    return next((one for one in holes if one not in known), None)


def _paged(groups: Groups, line: Line) -> Line:
    """A line with the participant, whom its key ends with, before everything else."""
    name, *rest, who = line.key
    shown = groups.columns.shared("SUBJID", lambda: _shown(groups.columns.people))[who]
    place = "/".join(
        [name, *rest]
    )  # one key for each of the line's words, so that a participant is said once
    return replace(line, key=("participant", who, place), labels=(words(shown), *line.labels))


def _shown(people: pl.DataFrame) -> dict[str, str]:
    """Participant -> how a page names them."""
    column = "SUBJID" if "SUBJID" in people.columns else "USUBJID"
    return dict(zip(people["USUBJID"].to_list(), map(str, people[column].to_list()), strict=True))


def _sizes(groups: Groups) -> Line:
    inputs = groups.fingerprints(PARTICIPANTS, groups.members, groups.reads)
    cells = [
        Stated(
            one.key,
            {"N": float(one.n)},
            words("{N}"),
            "size/1",
            sources=groups.everyone.get(one.key, ()),
            inputs=inputs[one.key],
            parameters={"set": groups.set, "column": one.key},
        )
        for one in groups.list
    ]
    return Line(("N",), (words("N"),), tuple(cells))


def _lines(groups: Groups, key: str, output: Output, name: str, analysis: Analysis) -> Iterator[Line]:
    """The lines of one analysis, by its verb."""
    if isinstance(analysis, Drawn):
        return iter(())  # it has no numbers of its own
    if isinstance(analysis, Heading):
        return iter([Line((name,), (analysis.heading,), indent=analysis.indent)])
    asked = Asked(groups, key, output, name, analysis)
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


@lru_cache(maxsize=8192)
def _text(told: str) -> Text:
    return Text(tuple(json.loads(told).items()))


@lru_cache(maxsize=8192)
def _texts(told: str) -> tuple[Text, ...]:
    return tuple(Text(tuple(one.items())) for one in json.loads(told))
