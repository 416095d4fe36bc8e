"""Results as a reporting event of the CDISC Analysis Results Standard, version 1.0.

Model and JSON schema: https://github.com/cdisc-org/analysis-results-standard. One analysis is a row of the
outputs file by one method; its results are the cells of the Analysis Results Dataset, each once. The
standard has no place for a hash of inputs: those stand in ``cells.csv``, in the order of the results here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

from trialrun import __version__
from trialrun.analysis.ard import Ard
from trialrun.analysis.outputs.grouping import ALL
from trialrun.analysis.outputs.wording import written
from trialrun.exchange.ars_condition import condition
from trialrun.protocol.analysis import EndpointResult, Listed
from trialrun.protocol.cell import PARTICIPANTS
from trialrun.protocol.grouping import Grouping
from trialrun.protocol.output import Output
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text
from trialrun.protocol.write import said

Json = dict[str, Any]
Row = dict[str, Any]

PURPOSES = {
    "primary": "PRIMARY OUTCOME MEASURE",
    "secondary": "SECONDARY OUTCOME MEASURE",
    "exploratory": "EXPLORATORY OUTCOME MEASURE",
}
NAMES = {
    "n": "Count of participants", "N": "Participants that a percentage is of", "percent": "Percentage",
    "events": "Count of rows", "mean": "Mean", "sd": "Standard deviation", "median": "Median",
    "min": "Minimum", "max": "Maximum", "q1": "First quartile", "q3": "Third quartile",
    "lower": "Lower confidence limit", "upper": "Upper confidence limit", "p": "P-value",
    "estimate": "Estimate", "value": "Value as it stands",
}  # fmt: skip


def reporting_event(ard: Ard, protocol: Protocol, language: str = "en") -> Json:
    """The reporting event of all outputs in the dataset, its words in one language."""
    return _Event(ard, protocol, language).told()


@dataclass(frozen=True)
class _Analysis:
    """The cells of one row of the outputs file by one method; ``compared`` names a column of comparisons."""

    output: str
    name: str
    method: str
    compared: str
    rows: list[Row]

    @cached_property
    def id(self) -> str:
        parts = ("An", self.output, self.name, _method(self.method), self.compared)
        return ".".join(part for part in parts if part)


class _Event:
    def __init__(self, ard: Ard, protocol: Protocol, language: str) -> None:
        self.ard = ard
        self.protocol = protocol
        self.file = protocol.reported.file
        self.language = language
        self.groupings: dict[str, Json] = {}
        self.subsets: dict[tuple[str, str], Json] = {}
        self.everyone = self.file.participants

    def told(self) -> Json:
        analyses = [self._analysis(one) for one in self.analyses]
        study = self.protocol.study
        return {
            "id": f"{self.protocol.id}.{study.version}",
            "name": study.title(self.language),
            "description": f"Results {self.ard.hash} of protocol {self.protocol.hash}.",
            "version": 1,
            "mainListOfContents": self._contents(),
            "analysisSets": self._sets(),
            "dataSubsets": list(self.subsets.values()),
            "analysisGroupings": list(self.groupings.values()),
            "methods": self._methods(),
            "analyses": analyses,
            "outputs": [self._output(key, one) for key, one in self.ard.outputs.items()],
        }

    @cached_property
    def analyses(self) -> list[_Analysis]:
        """The cells of every output, cut where the row, the method or the column of comparisons changes."""
        names = ("output", "analysis", "line", "path", "labels", "column", "part", "statistic", "value")
        more = ("text", "not_estimable", "pattern", "none", "method")
        cells = self.ard.cells.select(*names, *more).drop_nulls("statistic")
        found: dict[tuple[str, str, str, str], list[Row]] = {}
        for row in cells.iter_rows(named=True):
            compared = row["column"] if row["column"] in self.ard.outputs[row["output"]].compare else ""
            found.setdefault((row["output"], row["analysis"], row["method"], compared), []).append(row)
        return [_Analysis(*key, rows) for key, rows in found.items()]

    # ---- who and what ------------------------------------------------------------------------------

    def _sets(self) -> list[Json]:
        used = dict.fromkeys(one.set for one in self.ard.outputs.values() if one.set)
        told = []
        for order, name in enumerate(used, 1):
            one = self.file.sets[name]
            where = one.where or ""
            found = {"id": f"Set.{name}", "name": one.title(self.language), "label": name}
            if where:
                found["description"] = where
            told.append(
                {**found, "level": 1, "order": order, **(condition(where, self.everyone) if where else {})}
            )
        return told

    def _subset(self, table: str, where: str) -> str:
        key = table, where
        if key not in self.subsets:
            order = len(self.subsets) + 1
            self.subsets[key] = {
                "id": f"Subset.{order}",
                "name": f"{table}: {where}",
                "level": 1,
                "order": order,
                **condition(where, table),
            }
        return str(self.subsets[key]["id"])

    def _grouping(self, output: str) -> str | None:
        """The groups of participants of an output; None where everyone is one column."""
        planned = self.ard.outputs[output]
        by, id = (planned.by, f"Grouping.{output}") if planned.by else (self.file.by, "Grouping")
        if by is None or [one.key for one in self.ard.columns[output]] == [ALL]:
            return None
        if id not in self.groupings:
            self.groupings[id] = {
                "id": id,
                "name": by.column or "Groups of participants",
                "dataDriven": by.column is not None and not by.order,
                **({"groupingDataset": self.everyone, "groupingVariable": by.column} if by.column else {}),
                "groups": [],
            }
        self._grow(id, output, by)
        return id

    def _grow(self, id: str, output: str, by: Grouping) -> None:
        """The groups that this output shows: one without anybody may be missing from another."""
        groups = self.groupings[id]["groups"]
        there = {one["id"] for one in groups}
        for one in self.ard.columns[output]:
            if f"{id}.{one.key}" in there:
                continue
            if one.key in by.groups:
                rule = condition(by.groups[one.key].where, self.everyone)
            elif by.column and one.key != "total":
                compared = {"dataset": self.everyone, "variable": by.column, "comparator": "EQ"}
                rule = {"condition": {**compared, "value": [one.key]}}
            else:
                rule = {}
            told = {"id": f"{id}.{one.key}", "name": one.title(self.language), "label": one.key}
            groups.append({**told, "level": 1, "order": len(groups) + 1, **rule})

    # ---- analyses ----------------------------------------------------------------------------------

    def _analysis(self, one: _Analysis) -> Json:
        planned = self.ard.outputs[one.output]
        row = None if one.name == "N" else planned.rows[one.name]
        table, variable = self._about(row)
        told: Json = {
            "id": one.id,
            "name": self._title(one, row),
            "reason": {"controlledTerm": self._reason(row)},
            "purpose": {"controlledTerm": self._purpose(row)},
            "methodId": f"Method.{_method(one.method)}",
            "version": 1,
            "dataset": table,
            "variable": variable,
        }
        if planned.set:
            told["analysisSetId"] = f"Set.{planned.set}"
        if where := getattr(row, "where", None):
            told["dataSubsetId"] = self._subset(table, where)
        factors = self._factors(one)
        if factors:
            told["orderedGroupings"] = [
                {"order": order, "groupingId": id, "resultsByGroup": True}
                for order, (id, _) in enumerate(factors, 1)
            ]
        if {"n", "N", "percent"} <= {each["statistic"] for each in one.rows}:
            told["referencedAnalysisOperations"] = [
                {"referencedOperationRelationshipId": relation, "analysisId": one.id}
                for relation in _relations(one.method)
            ]
        if row is not None:
            code = json.dumps(said(row), ensure_ascii=False, separators=(",", ":"))
            told["programmingCode"] = {"context": f"trialrun {__version__}", "code": code}
        told["results"] = [self._result(factors, each) for each in one.rows]
        return told

    def _title(self, one: _Analysis, row: Any) -> str:
        if row is None:
            return "Participants in each column"
        title = getattr(row, "title", None)
        name = title(self.language) if title else one.name
        if one.compared:
            compared = self.ard.outputs[one.output].compare[one.compared].title(self.language)
            return f"{name}: {compared}"
        return str(name)

    def _about(self, row: Any) -> tuple[str, str]:
        """The dataset and the variable that a row of the outputs file names."""
        for verb in ("summary", "categories"):
            if column := getattr(row, verb, None):
                table, _, name = str(column).rpartition(".")
                return table or self.everyone, name
        for verb in ("count", "hierarchy", "listing"):
            if named := getattr(row, verb, None):
                return self.everyone if named == PARTICIPANTS else str(named), "USUBJID"
        if isinstance(row, EndpointResult):
            return self.everyone, row.endpoint
        return self.everyone, "USUBJID"

    def _reason(self, row: Any) -> str:
        return "SPECIFIED IN PROTOCOL" if isinstance(row, EndpointResult) else "SPECIFIED IN SAP"

    def _purpose(self, row: Any) -> str:
        ranked = isinstance(row, EndpointResult)
        return PURPOSES[self.protocol.study.endpoints[row.endpoint].level if ranked else "exploratory"]

    # ---- results -----------------------------------------------------------------------------------

    def _factors(self, one: _Analysis) -> list[tuple[str, str]]:
        """(grouping id, column of the dataset that holds the group) of an analysis."""
        found = []
        planned = self.ard.outputs[one.output]
        held = dict.fromkeys(row["column"] for row in one.rows)
        people = {each.key for each in self.ard.columns[one.output]}
        if held.keys() <= people:
            if id := self._grouping(one.output):
                found.append((id, "column"))
        elif not one.compared:  # columns of a listing, or of what is no group of participants
            titles = self._columns_listed(planned, one.name)
            found.append((self._own(one, "columns", {key: titles.get(key, key) for key in held}), "column"))
        if len({row["line"] for row in one.rows}) > 1:
            lines = {row["line"]: _words(row["labels"], self.language) or row["path"] for row in one.rows}
            found.append((self._own(one, "lines", {str(key): words for key, words in lines.items()}), "line"))
        if len({row["part"] for row in one.rows}) > 1:
            parts = {row["part"]: row["part"] for row in one.rows}
            found.append((self._own(one, "parts", parts), "part"))
        return found

    def _columns_listed(self, planned: Output, name: str) -> Mapping[str, str]:
        row = planned.rows.get(name)
        listed = row.columns if isinstance(row, Listed) else {}
        return {key: one.title(self.language) for key, one in listed.items()}

    def _own(self, one: _Analysis, what: str, groups: Mapping[str, str]) -> str:
        """A grouping that belongs to one analysis: its lines, its parts, the columns of a listing."""
        id = f"{one.id}.{what}"
        if id not in self.groupings:
            listed = [
                {"id": f"{id}.{key}", "name": words or key, "level": 1, "order": order}
                for order, (key, words) in enumerate(groups.items(), 1)
            ]
            self.groupings[id] = {"id": id, "name": what, "dataDriven": False, "groups": listed}
        return id

    def _result(self, factors: list[tuple[str, str]], row: Row) -> Json:
        told: Json = {"operationId": f"Method.{_method(row['method'])}.{row['statistic']}"}
        if factors:
            told["resultGroups"] = [
                {"groupingId": id, "groupId": f"{id}.{row[column]}"} for id, column in factors
            ]
        if row["value"] is not None:
            told["rawValue"] = repr(row["value"]).removesuffix(".0")
        elif row["text"] is not None:
            told["rawValue"] = row["text"]
        if (shown := _formatted(row, self.language)) is not None:
            told["formattedValue"] = shown
        return told

    # ---- methods, outputs, contents ------------------------------------------------------------------

    def _methods(self) -> list[Json]:
        found: dict[str, list[str]] = {}
        for one in self.analyses:
            held = found.setdefault(one.method, [])
            held += [s for row in one.rows if (s := row["statistic"]) not in held]
        return [_method_told(name, statistics) for name, statistics in found.items()]

    def _output(self, key: str, planned: Output) -> Json:
        id = f"Display.{key}"
        words = {"Title": [planned.title], "Rowlabel Header": planned.stub, "Footnote": planned.footnotes}
        if planned.subtitle:
            words["Title"] = [planned.title, planned.subtitle]
        sections = [
            {
                "sectionType": kind,
                "orderedSubSections": [
                    {
                        "order": order,
                        "subSection": {"id": f"{id}.{kind.split()[0]}.{order}", "text": one(self.language)},
                    }
                    for order, one in enumerate(texts, 1)
                ],
            }
            for kind, texts in words.items()
            if texts
        ]
        title = planned.title(self.language)
        shown = {
            "id": id,
            "name": title,
            "version": 1,
            "displayTitle": title,
            "displaySections": sections,
        }
        told: Json = {"id": f"Output.{key}", "name": title, "label": f"{planned.kind.capitalize()} {key}"}
        return {**told, "version": 1, "displays": [{"order": 1, "display": shown}]}

    def _contents(self) -> Json:
        items = []
        for order, (key, some) in enumerate(groupby(self.analyses, key=lambda one: one.output), 1):
            planned = self.ard.outputs[key]
            listed = [
                {
                    "name": self._title(one, None if one.name == "N" else planned.rows[one.name]),
                    "level": 2,
                    "order": place,
                    "analysisId": one.id,
                }
                for place, one in enumerate(some, 1)
            ]
            told = {"name": planned.title(self.language), "level": 1, "order": order}
            items.append({**told, "outputId": f"Output.{key}", "sublist": {"listItems": listed}})
        return {"name": "Planned outputs", "contentsList": {"listItems": items}}


def _method(name: str) -> str:
    return name.replace("/", "-")


def _relations(method: str) -> tuple[str, str]:
    percent = f"Method.{_method(method)}.percent"
    return f"{percent}.numerator", f"{percent}.denominator"


def _method_told(name: str, statistics: list[str]) -> Json:
    id = f"Method.{_method(name)}"
    verb, _, version = name.partition("/")
    operations: list[Json] = [
        {"id": f"{id}.{one}", "name": NAMES.get(one, one), "label": one, "order": order}
        for order, one in enumerate(statistics, 1)
    ]
    if {"n", "N", "percent"} <= set(statistics):
        operations[statistics.index("percent")]["referencedOperationRelationships"] = [
            {
                "id": relation,
                "referencedOperationRole": {"controlledTerm": role},
                "operationId": f"{id}.{one}",
            }
            for relation, role, one in zip(
                _relations(name), ("NUMERATOR", "DENOMINATOR"), ("n", "N"), strict=True
            )
        ]
    told = {"id": id, "name": verb.replace("_", " "), "label": name}
    return {**told, "description": f"Version {version} of trialrun's method.", "operations": operations}


def _words(labels: str, language: str) -> str:
    return " / ".join(Text(tuple(one.items()))(language) for one in json.loads(labels))


def _formatted(row: Row, language: str) -> str | None:
    """How this statistic is written in its cell; None where the cell does not show it."""
    hole = _hole(row["pattern"], row["statistic"], language)
    if hole is None:
        return None
    if row["not_estimable"] is not None:
        return Text(tuple(json.loads(row["none"]).items()))(language) if row["none"] else "NE"
    value = row["value"] if row["value"] is not None else row["text"]
    return written(hole, {row["statistic"]: value}, None, language)


@lru_cache(maxsize=4096)
def _hole(pattern: str, statistic: str, language: str) -> Text | None:
    """How the pattern of a cell writes a statistic; None where it does not."""
    for part in Text(tuple(json.loads(pattern).items()))(language).split("{")[1:]:
        hole = part.partition("}")[0]
        if hole.partition(":")[0] == statistic:
            return Text((("en", "{" + hole + "}"),))
    return None


def text(event: Mapping[str, Any]) -> str:
    """A reporting event as JSON with each analysis, method, output … on a line of its own."""

    def said(part: Any) -> str:
        if isinstance(part, list):
            return "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in part) + "\n]"
        return json.dumps(part, ensure_ascii=False)

    return "{\n" + ",\n".join(f"{json.dumps(key)}: {said(part)}" for key, part in event.items()) + "\n}\n"
