"""The estimated glomerular filtration rate."""

from __future__ import annotations

import numpy as np

from trialrun.simulate.model import Array, Flags

UMOL_PER_MG = 88.42  # µmol/L of creatinine in 1 mg/dL


def filtration_rate(creatinine: Array, age: Array, female: Flags) -> Array:
    """mL/min/1.73 m² from creatinine (µmol/L), age (years) and sex (N,), by CKD-EPI 2021.

    Inker et al. 2021, N Engl J Med 385:1737: 142 × min(c/κ, 1)^α × max(c/κ, 1)^−1.2 × 0.9938^age
    (× 1.012 for women), c in mg/dL, κ 0.7 and α −0.241 for women, 0.9 and −0.302 for men.
    """
    kappa, alpha = np.where(female, 0.7, 0.9), np.where(female, -0.241, -0.302)
    relative = creatinine / UMOL_PER_MG / kappa
    low, high = np.minimum(relative, 1.0) ** alpha, np.maximum(relative, 1.0) ** -1.2
    return np.asarray(142 * low * high * 0.9938**age * np.where(female, 1.012, 1.0))
