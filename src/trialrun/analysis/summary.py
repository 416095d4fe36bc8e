"""What tables say by themselves, whoever's study they come from: disposition, exposure, adverse events."""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf, isnan
from typing import Any

import polars as pl

from trialrun import __version__
from trialrun.analysis.adverse_event import adverse_events
from trialrun.analysis.arm import By, Tables, arms, column
from trialrun.analysis.disposition import disposition
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exposure import exposure
from trialrun.analysis.rounding import half_away

# Decimals of every number in the summary: more than is printed, fewer than machines may differ in.
DECIMALS = 6


def summary(tables: Tables, by: By = "ARM") -> dict[str, Any]:
    """The three tables as plain data, by planned (ARM) or actual (ACTARM) arm; no protocol is needed.

    ``switched``: participants whose actual arm is another than the planned one. ValueError without DM.
    """
    groups = arms(tables, by)
    subjects = tables["DM"]
    planned, actual = column(subjects, "ARMCD"), column(subjects, "ACTARMCD")
    found = {
        "studies": column_values(subjects, "STUDYID"),
        "software": f"trialrun {__version__}",
        "virtual": bool((subjects.select(column(subjects, "VIRTUAL")).to_series() == "Y").any()),
        "by": by,
        "switched": subjects.filter((planned != actual).fill_null(False)).height,
        "rows": {code: table.height for code, table in tables.items()},
        "disposition": disposition(tables, groups),
        "exposure": exposure(tables, groups),
        "adverse_events": adverse_events(tables, groups),
    }
    rounded: dict[str, Any] = plain(found)
    return rounded


def plain(value: Any) -> Any:
    """A value as JSON has it, numbers rounded half away from zero; an infinite bound becomes null.

    ValueError for what is not a number, TypeError for what has no place among results.
    """
    if isinstance(value, NotEstimable):
        return {"not_estimable": value.reason}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{type(value).__name__} {value!r} has no place in results")


def _number(value: float) -> float | None:
    if isnan(value):
        raise ValueError("a result is not a number; give NotEstimable with the reason")
    return None if isinf(value) else float(half_away(value, DECIMALS))


def column_values(table: pl.DataFrame, name: str) -> list[str]:
    """The values of a text column, each once, in their order."""
    return table.select(column(table, name)).to_series().drop_nulls().unique(maintain_order=True).to_list()
