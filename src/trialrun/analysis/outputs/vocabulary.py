"""The words that a study has for the values of its tables: answers, timepoints, tests, units, yes and no."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from trialrun.analysis.outputs.statement import words
from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule_prose import unit
from trialrun.protocol.text import Text

YES_NO = {"Y": words("Yes", "Oui"), "N": words("No", "Non")}

STATES = {
    "done": words("Done", "Fait"),
    "missed": words("Missed", "Manqué"),
    "open": words("Due now", "À faire"),
    "later": words("Not yet due", "À venir"),
}


def titles(protocol: Protocol, table: str, column: str, values: pl.Series | None = None) -> dict[str, Text]:
    """Code -> words, in the order of the study. ``values`` are those that a unit is looked for among."""
    prefix, rest = column[:2], column[2:]
    if column == "TIMEPT":
        points = sorted(protocol.timepoints.values(), key=lambda point: point.offset)
        return {point.id: point.label for point in points}
    if column == "SPECIMEN":
        return {key: one.title for key, one in protocol.study.specimens.items()}
    if table in ("VISITS", "SAMPLES") and column == "STATUS":
        return dict(STATES)
    if column == "EPOCH":
        return {key.upper().replace("_", "-"): one.title for key, one in protocol.study.epochs.items()}
    if rest in ("STRESU", "ORRESU") and values is not None:
        return {code: _unit(protocol, code) for code in values.drop_nulls().unique().sort().to_list()}
    if rest in ("TESTCD", "TEST", "OBJ"):
        named = dict(_tests(protocol, prefix))
        return {key if rest == "TESTCD" else _english(one): _measured(one) for key, one in named.items()}
    if rest == "CAT" and not any(item.sdtm == f"{prefix}.{column}" for item in _items(protocol)):
        return {form.title("en"): form.title for form in protocol.forms.values()}
    found: dict[str, Text] = {}
    for item in _items(protocol):
        if item.sdtm == f"{table}.{column}":
            spelt = {
                text("en"): text for text in item.codes.values()
            }  # what a table may hold in place of codes
            found = {**spelt, **answers(item), **found}
    return found


def answers(item: Item) -> dict[str, Text]:
    """What an answer may be, in words."""
    return dict(YES_NO) if item.type == "boolean" else dict(item.codes)


def tests(protocol: Protocol | None, table: str) -> dict[str, Item]:
    """Test code -> the first item that measures it, of one table of findings."""
    return dict(_tests(protocol, table)) if protocol is not None else {}


def _tests(protocol: Protocol, table: str) -> Iterator[tuple[str, Item]]:
    found: dict[str, Item] = {}
    for item in _items(protocol):
        domain, _, variable = (item.sdtm or "").partition(".")
        if domain == table and variable not in found and item.type != "date":
            found[variable] = item
            yield variable, item


def _items(protocol: Protocol) -> Iterator[Item]:
    return (item for form in protocol.forms.values() for item in form.items.values())


def _english(item: Item) -> str:
    return item.test or item.ask("en")


def _measured(item: Item) -> Text:
    """The name of a test, in English its own, if it has one, else the question; with its unit, unless that
    is a word for what is counted (``{score}``) or the name says it."""
    said = {**dict(item.ask.by_language), "en": _english(item)}
    counted = item.unit is None or re.fullmatch(r"\{[^/}]*\}", item.unit) or item.unit == "none"
    units = {} if counted else {one: unit(str(item.unit), one).removeprefix("× ") for one in said}
    return Text(
        tuple(
            (one, f"{text} ({units[one]})" if units and units[one] not in text else text)
            for one, text in said.items()
        )
    )


def _unit(protocol: Protocol, code: str) -> Text:
    """A unit as people write it; of a dose as the study calls it."""
    for one in protocol.study.treatment.substances.values():
        if code in (one.unit, one.unit.replace("10*", "10^").replace(".[iU]", " IU")):
            return one.unit_name
    return words(unit(code, "en").removeprefix("× "), unit(code, "fr").removeprefix("× "))
