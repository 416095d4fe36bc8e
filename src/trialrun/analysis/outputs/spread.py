"""Statistics of numbers, by the name that a pattern gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import exp, fsum, log, sqrt

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.statement import words
from trialrun.analysis.rounding import quantile
from trialrun.protocol.cell import Statistic
from trialrun.protocol.text import Text

Number = float | NotEstimable
NO_VALUES = NotEstimable("no observations")
ONE_VALUE = NotEstimable("one observation")
NOT_POSITIVE = NotEstimable("a value that is not above zero")


def mean(values: Sequence[float]) -> Number:
    return fsum(values) / len(values) if values else NO_VALUES


def sd(values: Sequence[float]) -> Number:
    if len(values) < 2:
        return ONE_VALUE if values else NO_VALUES
    middle = fsum(values) / len(values)
    return sqrt(fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def _se(values: Sequence[float]) -> Number:
    found = sd(values)
    return found if isinstance(found, NotEstimable) else found / sqrt(len(values))


def _cv(values: Sequence[float]) -> Number:
    spread, middle = sd(values), mean(values)
    if isinstance(spread, NotEstimable) or isinstance(middle, NotEstimable):
        return spread
    return 100 * spread / middle if middle else NotEstimable("a mean of zero")


def _geometric(statistic: Callable[[Sequence[float]], Number]) -> Callable[[Sequence[float]], Number]:
    def found(values: Sequence[float]) -> Number:
        if any(value <= 0 for value in values):
            return NOT_POSITIVE
        made = statistic([log(value) for value in values])
        return made if isinstance(made, NotEstimable) else exp(made)

    return found


def _least(values: Sequence[float]) -> Number:
    return min(values) if values else NO_VALUES


def _most(values: Sequence[float]) -> Number:
    return max(values) if values else NO_VALUES


STATISTICS: Mapping[str, Callable[[Sequence[float]], Number]] = {
    "n": len,
    "mean": mean,
    "sd": sd,
    "se": _se,
    "cv": _cv,
    "sum": lambda values: fsum(values) if values else NO_VALUES,
    "geometric_mean": _geometric(mean),
    "geometric_sd": _geometric(sd),
    "median": lambda values: quantile(values, 0.5),
    "q1": lambda values: quantile(values, 0.25),
    "q3": lambda values: quantile(values, 0.75),
    "min": _least,
    "max": _most,
}
"""Quartiles are SAS definition 5 (Hyndman and Fan's type 2); SD and SE have n - 1."""

LINES: Mapping[str, tuple[Text, str]] = {
    "n": (words("n", "n"), "{n}"),
    "mean": (words("Mean", "Moyenne"), "{mean:.1}"),
    "sd": (words("SD", "Écart-type"), "{sd:.2}"),
    "mean_sd": (words("Mean (SD)", "Moyenne (écart-type)"), "{mean:.1} ({sd:.2})"),
    "se": (words("SE", "Erreur type"), "{se:.2}"),
    "cv": (words("CV (%)", "CV (%)"), "{cv:.1}"),
    "sum": (words("Sum", "Somme"), "{sum:.0}"),
    "geometric_mean": (words("Geometric mean", "Moyenne géométrique"), "{geometric_mean:.1}"),
    "median": (words("Median", "Médiane"), "{median:.1}"),
    "q1_q3": (words("Q1–Q3", "Q1–Q3"), "{q1:.1}–{q3:.1}"),
    "min": (words("Min", "Min"), "{min:.0}"),
    "max": (words("Max", "Max"), "{max:.0}"),
    "min_max": (words("Min–Max", "Min–Max"), "{min:.0}–{max:.0}"),
}
"""Line -> its words and its pattern for values without decimals; each further one adds a place."""

USUAL = ("n", "mean_sd", "median", "q1_q3", "min_max")


def line(name: str, said: Statistic, decimals: int) -> Statistic:
    """How a line of a summary is titled and written: as the file says it, else the usual way."""
    known = name.removeprefix(f"{said.of}_") if said.of else name
    title, pattern = LINES.get(known, (words(known), f"{{{known}:.1}}"))
    usual = words(_finer(pattern, decimals))
    return said.model_copy(update={"title": said.title or title, "format": said.format or usual})


def _finer(pattern: str, decimals: int) -> str:
    """Every number of a pattern to so many places more."""
    return re.sub(r":\.(\d)\}", lambda found: f":.{int(found[1]) + decimals}}}", pattern)
