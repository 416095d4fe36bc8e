"""Small trials that several tests ask for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def ten(cases: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    """(10, 4) ten participants at four visits, two values missing."""
    values = cases["mmrm_us_treg10"]["inputs"]["y"]
    return np.array([np.nan if value is None else value for value in values]).reshape(4, 10).T


@pytest.fixture(scope="session")
def against_first() -> np.ndarray:
    """(10, 4, 4) the mean at the first visit, and what each other visit adds to it."""
    x = np.zeros((10, 4, 4))
    x[:, :, 0] = 1
    x[:, [1, 2, 3], [1, 2, 3]] = 1
    return x
