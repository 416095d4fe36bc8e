"""Scales: FlowUtils' numbers, back and forth, and the least value that reaches a bound."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from flowutils import transforms
from hypothesis import given
from hypothesis import strategies as st

from trialrun.cytometry.flowjo import OffsetLog, Table
from trialrun.cytometry.transform import (
    Asinh,
    GatingError,
    Hyperlog,
    Linear,
    Log,
    Logicle,
    Transform,
    threshold,
)

VALUES = np.concatenate([-np.geomspace(1e4, 1e-3, 60), [0.0], np.geomspace(1e-3, 1e6, 90)])
T, W, M, A = 262144.0, 0.8, 4.5, 0.3
SCALES: list[Transform] = [Linear(T, 100), Asinh(T, M, A), Logicle(T, W, M, A), Hyperlog(T, W, M, A)]


@pytest.mark.parametrize("scale", [*SCALES, Log(T, M)], ids=lambda scale: type(scale).__name__)
def test_the_top_is_1_and_values_come_back(scale: Transform) -> None:
    assert scale.apply(np.array([T]))[0] == pytest.approx(1, abs=1e-12)
    values = VALUES[scale.least < VALUES] if scale.least == 0 else VALUES
    assert np.allclose(scale.inverse(scale.apply(values)), values, rtol=1e-9, atol=1e-7)
    assert (np.diff(scale.apply(values)) > 0).all()


def test_scales_are_flowutils_to_the_last_bit() -> None:
    four = {"t": T, "m": M, "w": W, "a": A}
    assert np.array_equal(Logicle(T, W, M, A).apply(VALUES), transforms.logicle(VALUES, None, **four))
    assert np.array_equal(Hyperlog(T, W, M, A).apply(VALUES), transforms.hyperlog(VALUES, None, **four))
    assert np.allclose(Asinh(T, M, A).apply(VALUES), transforms.asinh(VALUES, None, T, M, A), atol=1e-15)
    above = VALUES[VALUES > 0]
    assert np.array_equal(Log(T, M).apply(above), transforms.log(above, None, T, M))


@given(st.sampled_from([*SCALES, Log(T, M)]), st.floats(-0.3, 1.3))
def test_the_least_value_that_reaches_a_bound_is_the_least(scale: Transform, bound: float) -> None:
    least = threshold(scale, bound)
    assert math.isfinite(least)
    assert scale.apply(np.array([least]))[0] >= bound
    assert not scale.apply(np.array([math.nextafter(least, -math.inf)]))[0] >= bound


def test_a_bound_beyond_a_flat_scale_is_never_or_always_reached() -> None:
    flat = Table((0.0, 10.0), (0.0, 1.0))
    assert (threshold(flat, 0.0), threshold(flat, 0.5), threshold(flat, 2.0)) == (-math.inf, 5.0, math.inf)


def test_flowjo_biexponential_is_its_own_table(shared: Path) -> None:
    made = pytest.importorskip("flowkit._models.transforms._wsp_transforms")
    name = "tr_biex_l256_w-7.943282_n1.000000_m4.418540_r262144.000029.csv"
    with (shared / "data/cytometry/simple" / name).open(encoding="utf-8") as file:
        rows = [[float(cell) for cell in row] for row in csv.reader(file) if row[0].isdecimal()]
    asked = {"width_basis": -7.943282, "neg": 1.0, "pos": 4.41854, "max_value": 262144.000029}
    values, scaled = made.generate_biex_lut(**asked)
    table = Table(tuple(map(float, values)), tuple(map(float, scaled)))
    expected = np.array(rows)
    assert len(expected) == 4096
    assert np.allclose(table.inverse(expected[:, 0]), expected[:, 1], rtol=1e-5, atol=1e-3)


def test_flowjo_logarithm_is_0_below_its_offset() -> None:
    scale = OffsetLog(10, 4)
    assert scale.apply(np.array([-5.0, 10.0, 1e5])).tolist() == pytest.approx([0, 0, 1])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Logicle(0, 0.5, 4.5), "T and M must be above 0"),
        (lambda: Logicle(T, 3, 4.5), "W must be between 0 and M / 2"),
        (lambda: Logicle(T, 1, 4.5, 3), "A must be between −W and M − 2 W"),
        (lambda: Hyperlog(T, 0, 4.5), "W must be above 0 and at most M / 2"),
        (lambda: Asinh(T, 4, 5), "A must be between 0 and M"),
        (lambda: Log(T, 0), "T and M must be above 0"),
        (lambda: Linear(0), "T must be above 0"),
    ],
)
def test_parameters_that_no_scale_has_are_refused(make: object, told: str) -> None:
    with pytest.raises(GatingError, match=told):
        make()  # type: ignore[operator]
