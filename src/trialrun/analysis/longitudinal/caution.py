"""What is known to go wrong with these methods when participants are few; data on every result.

A result carries codes; `CAUTIONS` says each in a sentence. The rates are of false positives at a nominal
.05, from simulated trials of ten participants and four visits (docs/statistics-longitudinal.md).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from trialrun.analysis.longitudinal.fit import Fits
from trialrun.analysis.longitudinal.inference import Method
from trialrun.analysis.longitudinal.likelihood import positive_definite
from trialrun.analysis.longitudinal.structure import Linear

Code = Literal[
    "model-secondary",
    "equal-correlations",
    "normal-inference",
    "several-df",
    "no-global-maximum",
    "negative-component",
    "other-structure",
    "robust-variance",
]

FEW = 20  # participants; below it these cautions apply

CAUTIONS: dict[Code, str] = {
    "model-secondary": "With so few participants the exact paired test is primary and this model secondary.",
    "equal-correlations": (
        "A random intercept assumes equal variances and correlations; where they differ it finds changes "
        "that are not there up to twice as often as stated, and Kenward-Roger does not rescue it."
    ),
    "normal-inference": (
        "The normal distribution ignores that the covariance was estimated: with ten participants it finds "
        "changes that are not there about twice as often as stated."
    ),
    "several-df": (
        "A test of several visits at once keeps its level badly in very small samples (Skene and Kenward, "
        "Stat Med 2010;29:2825); use the exact Friedman test, or the ANOVA-type statistic as Box reads it."
    ),
    "no-global-maximum": (
        "No more participants are complete than there are visits, so the likelihood of an unstructured "
        "covariance has a local maximum only; the estimate hangs on few values."
    ),
    "negative-component": (
        "The variance components are not those of random effects (one is negative); the means and their "
        "tests stand, read as a model of the covariance between visits."
    ),
    "other-structure": "The covariance first planned could not be fitted; the next in the plan was used.",
    "robust-variance": (
        "Sandwich variances are too small with few participants, even when corrected; use the exact paired "
        "test or the mixed model with Kenward-Roger."
    ),
}


def cautions(fits: Fits, method: Method, *, trial: int = 0, complete: int | None = None) -> tuple[Code, ...]:
    """The cautions that apply to one fitted trial; `complete` counts participants seen at every visit."""
    found: list[Code] = []
    name = fits.structure.name
    if fits.participants[trial] < FEW:
        found.append("model-secondary")
        if name in ("random-intercept", "compound-symmetry"):
            found.append("equal-correlations")
        if method == "z":
            found.append("normal-inference")
    if name == "unstructured" and complete is not None and 1 < fits.structure.visits >= complete:
        found.append("no-global-maximum")
    if isinstance(fits.structure, Linear) and fits.structure.components:
        places = np.asarray(fits.structure.components)
        if not positive_definite(fits.theta[trial][places]):
            found.append("negative-component")
    return tuple(found)
