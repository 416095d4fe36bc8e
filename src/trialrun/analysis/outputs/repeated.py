"""Tests over several visits at once, of the participants who were seen at all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.repeated import BlockTest, cochran_q, friedman, page, quade
from trialrun.analysis.longitudinal.anova_type import anova_type
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.over_time import (
    Usual,
    cell,
    found,
    heads,
    listed,
    members,
    seen,
    significant,
    statistics,
    titled,
)
from trialrun.analysis.outputs.paired import answers, at
from trialrun.analysis.outputs.statement import Line, Value, words
from trialrun.analysis.outputs.trajectory import Course, chosen, course
from trialrun.analysis.paired_change import RESOLUTION
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text
from trialrun.protocol.trajectory import RepeatedTests

Floats = NDArray[np.float64]
Result = dict[str, Value]
_NAMES = ("statistic", "df", "df2", "p_asymptotic", "p", "method")


def _random(title: Text) -> Text:
    return words(
        f"{title('en')}: too many orders to enumerate; p from 100,000 random ones, seed 1.",
        f"{title('fr')}\N{NO-BREAK SPACE}: trop d'ordres à énumérer\N{NO-BREAK SPACE}; p d'après "
        "100\N{NARROW NO-BREAK SPACE}000 ordres au hasard, graine 1.",
    )


def _block(test: BlockTest | NotEstimable) -> Result:
    if isinstance(test, NotEstimable):
        return dict.fromkeys(_NAMES, test)
    statistic: Value = significant(test.statistic) if np.isfinite(test.statistic) else "∞"
    return {
        "statistic": statistic,
        "df": float(test.df[0]),
        "df2": float(test.df[1]) if len(test.df) > 1 else "",
        "p_asymptotic": significant(test.p_asymptotic),
        "p": test.p,
        "method": test.method,
    }


def _page(values: Floats) -> Result:
    test = page(values, alternative="two-sided")
    if isinstance(test, NotEstimable):
        return dict.fromkeys(_NAMES, test)
    return {
        "statistic": significant(test.z),
        "df": "–",
        "df2": "",
        "p_asymptotic": significant(test.p_asymptotic),
        "p": test.p,
        "method": test.method,
    }


def _anova_type(values: Floats) -> Result:
    """Its p is that of Box's second degrees of freedom, which keeps the level with few participants."""
    test = anova_type(values)
    if isinstance(test, NotEstimable):
        return dict.fromkeys(_NAMES, test)
    return {
        "statistic": significant(test.statistic),
        "df": significant(test.df),
        "df2": significant(test.df2),
        "p_asymptotic": significant(test.p),
        "p": significant(test.p_box),
        "method": "Box",
    }


TESTS: Mapping[str, tuple[Text, Callable[[Floats], Result]]] = {
    "friedman": (words("Friedman", "Friedman"), lambda values: _block(friedman(values))),
    "anova-type": (
        words("ANOVA-type statistic of ranks (LD-F1)", "Statistique de type ANOVA des rangs (LD-F1)"),
        _anova_type,
    ),
    "quade": (words("Quade", "Quade"), lambda values: _block(quade(values))),
    "page": (words("Page, trend over visits", "Page, tendance au fil des visites"), _page),
    "cochran": (words("Cochran's Q", "Q de Cochran"), lambda values: _block(cochran_q(values))),
}
DF = {
    "anova-type": words("{df:.2}; {df2:.1}", "{df:.2}\N{NO-BREAK SPACE}; {df2:.1}"),
    "quade": words("{df}; {df2}", "{df}\N{NO-BREAK SPACE}; {df2}"),
}
USUAL: Usual = {
    "n": (words("Complete", "Complets"), words("{n}")),
    "left_out": (words("Left out", "Exclus"), words("{left_out}")),
    "statistic": (words("Statistic", "Statistique"), words("{statistic:.2}")),
    "df": (words("df", "ddl"), words("{df}")),
    "p_asymptotic": (words("Asymptotic p", "p asymptotique"), words("{p_asymptotic:.4<>}")),
    "p": (words("p", "p"), words("{p:.4<>}")),
}


def repeated(asked: Asked, analysis: RepeatedTests) -> Iterator[Line]:
    """A line for each statistic of each test."""
    one = course(asked.columns, analysis.repeated)
    binary = one.how.positive is not None
    tests = analysis.tests or (("cochran",) if binary else ("friedman", "anova-type"))
    for i, name in enumerate(tests):
        known = ["cochran"] if binary else [key for key in TESTS if key != "cochran"]
        if name not in known:
            hint = suggestion(name, known) or f"Write one of {', '.join(known)}."
            asked.columns.refuse((*asked.path, "tests", i), f"there is no test `{name}` of this", hint)
    visits = chosen(asked.columns, one, analysis.at, asked.path)
    people, read = members(asked), seen(asked, one)
    read = replace(read, asked={**read.asked, "visits": list(visits)})
    asks = statistics(asked, analysis.statistics, USUAL, tuple(USUAL), 0)
    for name in tests:
        title, _ = TESTS[name]
        complete = {column: _complete(one, who, visits, name) for column, who in people.items()}
        data = {column: {"matrix": listed(values)} for column, (values, _) in complete.items()}
        held = {column: _result(*each, name) for column, each in complete.items()}
        random = any(str(each["method"]).startswith("Monte Carlo") for each in held.values())
        for key, said in asks.items():
            line, own = (one.name, name, key), DF.get(name) if said.format == USUAL["df"][1] else None
            statistic = said.model_copy(update={"format": own}) if own else said
            cells = [
                cell(
                    asked,
                    f"{name}/1",
                    statistic,
                    line,
                    found(held[column], one.sources(who.tolist(), visits), data[column], one),
                    column,
                    read,
                )
                for column, who in people.items()
            ]
            labels = (*heads(asked, one, 1), title, titled(statistic, key))
            notes = (_random(title),) if random else ()
            yield Line((asked.name, *line), labels, tuple(cells), analysis.indent, notes)


def _complete(one: Course, who: NDArray[np.int64], visits: tuple[str, ...], name: str) -> tuple[Floats, int]:
    """(n, visits) of one column, and how many of those seen at all are left out for want of a visit."""
    look = answers if name == "cochran" else at
    values = np.stack([look(one, visit)[who] for visit in visits], axis=-1)
    whole = ~np.isnan(values).any(axis=1)
    some = int((~np.isnan(values).all(axis=1)).sum())
    return np.round(values[whole], RESOLUTION), some - int(whole.sum())  # a mean is a binary fraction


def _result(complete: Floats, left_out: int, name: str) -> Result:
    return {"n": float(len(complete)), "left_out": float(left_out), **TESTS[name][1](complete)}
