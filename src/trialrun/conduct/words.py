"""What a rule found, in plain words: facts with their units, and what to fill in where a value is not known.

In English only, whatever the languages of the study.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl

from trialrun.conduct.reading import View, place, proof
from trialrun.protocol.protocol import Dose, Protocol
from trialrun.protocol.rule import Rule
from trialrun.protocol.rule_columns import explain, missing, sentence
from trialrun.protocol.variable import Variable

COMPARISONS = (
    (" is not >= ", " is below "),
    (" is not <= ", " is above "),
    (" is not > ", " is not above "),
    (" is not < ", " is not below "),
    (" is not <> ", " is "),
    (" is not = ", " is not "),
    (" is >= ", " is at least "),
    (" is <= ", " is at most "),
    (" is > ", " is above "),
    (" is < ", " is below "),
    (" is <> ", " is not "),
    (" is = ", " is "),
)
# UCUM codes that people do not write; the others are read as they stand.
UNITS = (
    ("mm[Hg]", "mmHg"),
    ("10*9/L", "× 10⁹/L"),
    ("umol/L", "µmol/L"),
    ("Cel", "°C"),
    ("{1.73_m2}", "1.73 m²"),
)


def fact(rule: Rule, frame: pl.DataFrame, row: int) -> str:
    """Why a rule is true or false of a row: ``spo2 91 % is below 92 %``."""
    return _plain(sentence(explain(rule, frame, row)), rule.reads)


def unknown(rule: Rule, frame: pl.DataFrame, row: int) -> tuple[str, ...]:
    """The variables that keep a rule from being true or false of a row."""
    return missing(rule, frame, row)


def listed(names: Iterable[str]) -> str:
    """Variables as people read them: ``pregnancy test, weight day 1``."""
    return ", ".join(name.replace("_", " ") for name in names)


def amount(protocol: Protocol, dose: Dose | None, given: float, language: str = "en") -> str:
    """An amount in the words of the dose's substance: ``1.5 million IU``."""
    unit = protocol.study.treatment.substances[dose.substance].unit_name(language) if dose else ""
    return f"{given:g} {unit}" if np.isfinite(given) else "an unknown amount"


def _plain(text: str, names: Iterable[str]) -> str:
    for code, word in (*COMPARISONS, *UNITS):
        text = text.replace(code, word)
    text = (
        re.sub(r"\{(\w+(?:/\w+)?)\}", r"\1", text).replace("[", "(").replace("]", ")").replace(" * ", " × ")
    )
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"\b{name}\b", name.replace("_", " "), text)
    return text


# ---- what to fill in -----------------------------------------------------------------------------


def cure(view: View, names: Iterable[str], row: int) -> str:
    """What to fill in, and where, so that variables become known for one of ``view.who``."""
    wanted: dict[tuple[str, str], list[str]] = {}
    others: list[str] = []
    for name in names:
        variable = view.protocol.variables[name]
        if variable.aggregate is None and variable.reads[0] in view.cohort.sheets:
            for form, item in variable.read_all:
                wanted.setdefault((form, place(variable.at[0], view.point)), []).append(item)
        else:
            others += _rows(view, variable, row)
    return "; ".join(
        dict.fromkeys([*(_fill(view, *where, items, row) for where, items in wanted.items()), *others])
    )


def _fill(view: View, form: str, point: str, items: list[str], row: int) -> str:
    asked = view.protocol.forms[form]
    questions = ", ".join(f"«{asked.items[item].ask()}»" for item in dict.fromkeys(items))
    where = "" if point == "latest" else f" at {point}"
    again = "".join(_stale(view, form, point, items, row))
    return f"fill «{asked.title()}»{where} ({questions}){again}"


def _stale(view: View, form: str, point: str, items: list[str], row: int) -> Iterator[str]:
    """What stands there, where it is known but does not count at this moment."""
    sheet, one = view.cohort.sheets[form], view.who[row]
    if point in sheet.column and not any(np.isnan(sheet.value(item, point)[one]) for item in items):
        yield f" again: what stands there is of {shown(sheet.at(point)[one])}"


def _rows(view: View, variable: Variable, row: int) -> Iterator[str]:
    """A list: its proof, if that is not given; else what its rows lack."""
    title = view.protocol.forms[variable.reads[0]].title()
    if variable.complete is not None:
        form, item, at = proof(variable.complete)
        point = place(at, view.point)
        sheet = view.cohort.sheets[form]
        if point not in sheet.column or sheet.value(item, point)[view.who[row]] != 1:
            asked = view.protocol.forms[form]
            yield f"confirm «{asked.items[item].ask()}» on «{asked.title()}» at {point}"
            return
    yield f"complete every row of «{title}»"


def shown(moment: Any) -> str:
    """A local minute or a date as people read it: ``2008-03-18 10:00``."""
    return str(moment).replace("T", " ")
