"""Who the participants of each arm were before treatment: age, sex, strata, and what endpoints start from."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from trialrun.analysis.arrays import Arrays, Mask
from trialrun.analysis.endpoint import measured
from trialrun.analysis.log import Tables
from trialrun.analysis.paired_change import from_scale, mean_baseline
from trialrun.analysis.rounding import quantile
from trialrun.protocol.allocation import SITE, Blocks
from trialrun.protocol.endpoint import PairedChange
from trialrun.protocol.protocol import Protocol


def baseline(protocol: Protocol, arrays: Arrays, tables: Tables) -> dict[str, Any]:
    """Of one trial, everyone allocated: for each arm its ``n``, and of each characteristic what is known.

    A number has ``n``, ``median``, ``lower`` and ``upper`` (quartiles); a choice ``counts`` by code, and
    ``unknown``. Numbers are named AGE or by endpoint, choices SEX, SITE or by the variable of a stratum.
    """
    subjects = tables["DM"].sort("USUBJID")
    numbers = {"AGE": _column(subjects, "AGE"), **_starts(protocol, arrays)}
    choices = {"SEX": _codes(subjects, "SEX"), **_strata(protocol, arrays, subjects)}
    return {
        arm: {
            "n": int(who.sum()),
            "numbers": {name: _spread(values[who]) for name, values in numbers.items()},
            "choices": {name: _counted(codes, who) for name, codes in choices.items()},
        }
        for arm in arrays.arms
        for who in [allocated(arrays, arm)]
    }


def allocated(arrays: Arrays, arm: str) -> Mask:
    """(n,): everyone that the arm was given to, dosed or not."""
    return np.asarray(arrays.only(arm).present[0])


def _column(subjects: pl.DataFrame, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    if name not in subjects.columns:
        return np.full(subjects.height, np.nan)
    return subjects[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _codes(subjects: pl.DataFrame, name: str) -> list[str | None]:
    return subjects[name].to_list() if name in subjects.columns else [None] * subjects.height


def _starts(protocol: Protocol, arrays: Arrays) -> dict[str, Any]:
    """The baseline of every measured change, by endpoint."""
    found = {}
    for name, endpoint in protocol.study.endpoints.items():
        if isinstance(endpoint, PairedChange):
            points = [arrays.point(point) for point in endpoint.baseline]
            values = measured(arrays, endpoint.parameter)[0][:, points]
            found[name] = from_scale(mean_baseline(values, endpoint.scale), endpoint.scale)
    return found


def _strata(protocol: Protocol, arrays: Arrays, subjects: pl.DataFrame) -> dict[str, list[str | None]]:
    """The codes of the strata of the allocation that the tables tell."""
    allocation = protocol.study.allocation
    found: dict[str, list[str | None]] = {}
    for name in allocation.strata if isinstance(allocation, Blocks) else ():
        if name == SITE:
            found["SITE"] = _codes(subjects, "SITEID")
        elif (code := _finding(protocol, name)) and code in arrays.categories:
            found[name] = _first(arrays, code)
    return found


def _finding(protocol: Protocol, variable: str) -> str:
    """The SDTM name of the item that a variable reads."""
    form, item = protocol.variables[variable].reads
    return protocol.item(form, item).sdtm or ""


def _first(arrays: Arrays, name: str) -> list[str | None]:
    """The first code that each has of a finding."""
    codes, seen = (each[0] for each in arrays.states(name))
    first = codes[np.arange(len(codes)), seen.argmax(axis=1)]
    return [
        arrays.labels[name][code] if any_ else None
        for code, any_ in zip(first, seen.any(axis=1), strict=True)
    ]


def _spread(values: Any) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    median, lower, upper = (quantile(known, q) for q in (0.5, 0.25, 0.75))
    return {"n": int(known.size), "median": median, "lower": lower, "upper": upper}


def _counted(codes: list[str | None], who: Mask) -> dict[str, Any]:
    mine = [code for code, here in zip(codes, who, strict=True) if here]
    known = sorted({code for code in codes if code is not None})
    return {"counts": {code: mine.count(code) for code in known}, "unknown": mine.count(None)}
