"""Times at which a marker is odd: what is told from chance, whatever the shape of the marker."""

import numpy as np
import pytest

from trialrun.cytometry.quality import wandering

STREAM = np.random.default_rng(7)
BINS, PER_BIN = 40, 500
PLACE = np.repeat(np.arange(BINS), PER_BIN)
ONE = STREAM.normal(0, 1, BINS * PER_BIN)
TWO = np.where(STREAM.random(BINS * PER_BIN) < 0.5, ONE, ONE + 50)  # the median falls in the gap between


@pytest.mark.parametrize(
    "values", [ONE, TWO, np.exp(ONE), np.zeros_like(ONE)], ids=["one", "two", "log", "0"]
)
def test_what_does_not_change_is_not_odd(values: np.ndarray) -> None:
    assert not wandering(values, PLACE, 6).any()


@pytest.mark.parametrize("values", [ONE, TWO, np.exp(ONE)], ids=["one", "two", "log"])
def test_a_marker_that_moves_for_a_while_is_odd_then(values: np.ndarray) -> None:
    moved = np.where((PLACE >= 10) & (PLACE < 14), values + 1, values)
    assert np.flatnonzero(wandering(moved, PLACE, 6)).tolist() == (
        [10, 11, 12, 13] if values is not TWO else []
    )
    share = np.where((PLACE >= 10) & (PLACE < 14), TWO.max(), values)
    assert np.flatnonzero(wandering(share, PLACE, 6)).tolist() == [10, 11, 12, 13]


def test_the_scale_changes_nothing() -> None:
    drifting = ONE + np.maximum(PLACE - 30, 0) / 10
    found = wandering(drifting, PLACE, 2)
    assert found.any()
    assert (found == wandering(np.exp(drifting), PLACE, 2)).all()
