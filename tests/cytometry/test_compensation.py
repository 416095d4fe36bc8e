"""Compensation: the direction that real cells show, spectral unmixing, and matrices that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import Delaunay

from trialrun.cytometry.compensation import Compensation, spillover
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.transform import GatingError


def test_dyes_are_rows_and_the_inverse_stands_on_the_right() -> None:
    matrix = Compensation.square(("FITC-A", "PE-A"), [[1, 0.2], [0, 1]])
    # A cell with FITC only: a fifth of its light is seen by the PE detector as well.
    assert matrix.apply(np.array([[1000.0], [200.0]])).ravel().tolist() == [1000, 0]


def test_real_cells_show_the_same_direction(shared: Path) -> None:
    """Few cells lie among those gated by hand without being of them, once compensated the right way."""
    folder = shared / "data/cytometry/treg_meyer"
    parent = read(folder / "Well_A01_CD3+CD4+.fcs")
    matrix = spillover(parent)
    assert matrix is not None
    gated = {
        row.tobytes()
        for name in ("T_reg_memory", "T_reg_naive")
        for row in np.ascontiguousarray(read(folder / f"Well_A01_{name}.fcs").events.T)
    }
    mine = np.array([row.tobytes() in gated for row in np.ascontiguousarray(parent.events.T)])
    raw = np.stack([parent.column(name) for name in matrix.detectors])

    def among(stains: np.ndarray) -> int:
        # CD127, whose detector has no part in the matrix, and CD25, whose detector has.
        pair = [parent.column("BL1-H"), stains[matrix.detectors.index("VL1-H")]]
        points = np.arcsinh(np.stack(pair, axis=1).astype(np.float64) / 150)
        return int((Delaunay(points[mine]).find_simplex(points[~mine]) >= 0).sum())

    other_way = Compensation.square(matrix.detectors, np.array(matrix.matrix).T.tolist())
    assert mine.sum() == 604
    assert [among(one) for one in (raw, other_way.apply(raw), matrix.apply(raw))] == [216, 215, 41]


def test_compensating_agrees_with_flowutils() -> None:
    from flowutils.compensate import compensate, compensate_spectral_ols

    chance = np.random.default_rng(3)
    shares = np.eye(6) + chance.uniform(0, 0.2, (6, 6)) * (1 - np.eye(6))
    names = tuple("abcdef")
    events = chance.lognormal(6, 2, (6, 500))
    square = Compensation.square(names, shares.tolist())
    assert np.allclose(square.apply(events), compensate(events.T, shares).T, rtol=1e-10, atol=1e-8)
    spectral = Compensation(names, names[:3], tuple(map(tuple, shares[:3].tolist())))
    theirs = compensate_spectral_ols(events.T, shares[:3]).T[:3]
    assert np.allclose(spectral.apply(events), theirs, rtol=1e-10, atol=1e-8)


def test_an_event_has_the_same_bits_whatever_the_others_are() -> None:
    chance = np.random.default_rng(4)
    matrix = Compensation.square(tuple("abc"), [[1, 0.1, 0.03], [0.2, 1, 0.07], [0.01, 0.4, 1]])
    events = chance.lognormal(6, 2, (3, 1001))
    assert np.array_equal(matrix.apply(events)[:, 7::13], matrix.apply(events[:, 7::13]))


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        ([[1, 0.1]], r"expected 2 rows \(fluorochromes\) of 2 numbers \(detectors\)"),
        ([[1, float("nan")], [0, 1]], "every number must be finite"),
        ([[1, 1], [1, 1]], "cannot be undone"),
        ([[1, 1], [1, 1.0000001]], "cannot be undone"),
        ([[0, 0], [0, 0]], "cannot be undone"),
    ],
)
def test_a_matrix_that_cannot_be_is_refused(matrix: list[list[float]], told: str) -> None:
    with pytest.raises(GatingError, match=told):
        Compensation.square(("FITC-A", "PE-A"), matrix)


def test_a_detector_has_one_place() -> None:
    with pytest.raises(GatingError, match="detector a is named twice"):
        Compensation.square(("a", "a"), [[1, 0], [0, 1]])


def test_more_dyes_than_detectors_are_refused() -> None:
    with pytest.raises(GatingError, match="3 fluorochromes cannot be told apart by 2 detectors"):
        Compensation(("a", "b"), ("x", "y", "z"), ((1, 0), (0, 1), (1, 1)))
