"""The analyses that need the whole engine of statistics, by their verbs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.filled import imputation
from trialrun.analysis.outputs.modelled import mixed_model
from trialrun.analysis.outputs.paired import paired_change, positive
from trialrun.analysis.outputs.related import adjusted, correlation
from trialrun.analysis.outputs.repeated import repeated
from trialrun.analysis.outputs.statement import Line
from trialrun.protocol.trajectory import (
    Correlated,
    Imputed,
    Modelled,
    Multiplicity,
    Paired,
    Positive,
    RepeatedTests,
)

OverTime = Paired | Positive | Modelled | RepeatedTests | Imputed | Correlated | Multiplicity


def over_time(asked: Asked, analysis: OverTime) -> Iterator[Line]:
    """The lines of one analysis."""
    match analysis:
        case Paired():
            return paired_change(asked, analysis)
        case Positive():
            return positive(asked, analysis)
        case Modelled():
            return mixed_model(asked, analysis)
        case RepeatedTests():
            return repeated(asked, analysis)
        case Imputed():
            return imputation(asked, analysis)
        case Correlated():
            return correlation(asked, analysis)
        case Multiplicity():
            return adjusted(asked, analysis)
    assert_never(analysis)
