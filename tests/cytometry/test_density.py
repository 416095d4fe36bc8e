"""Thresholds on one marker."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry import density
from trialrun.cytometry.fcs.read import read

RANDOM = np.random.default_rng(7)
TWO = np.concatenate([RANDOM.normal(0, 1, 3000), RANDOM.normal(8, 1, 1000)])


def test_the_stored_thresholds_of_opencyto_are_met(shared: Path) -> None:
    stem = str(shared / "data/cytometry/hipc_lyoplate/DC_MONO_NK_12828001_001")
    sample = read(f"{stem}.converted.fcs")
    with gzip.open(f"{stem}.openCyto_membership.csv.gz", "rt") as file:
        paths = next(csv.reader(file))
        within = dict(zip(paths, np.loadtxt(file, delimiter=",", dtype=bool).T, strict=True))
    live = "root/boundary/Monocytes/Live"
    for parent, name, expected, child in (
        (live, "CD14", 1786.4437255859375, f"{live}/CD14+"),
        (f"{live}/CD14-", "Lineage", 2115.254638671875, f"{live}/CD14-/Lineage1"),
    ):
        values = sample.column(name)[within[parent]]
        found = density.valley(values)
        assert found.threshold == pytest.approx(expected, abs=1e-3)
        count = int(found.above(values).sum())
        assert int(within[child].sum()) in (count, len(values) - count)
    # Whatever openCyto was told there (FSC-A was given arguments of its own): the feet of two tails.
    cells, bright = "root/boundary", f"{live}/CD14-Lineage-/CD16-CD56-"
    for parent, name, side, expected, child in (
        (cells, "FSC-A", "left", 72443.546875, f"{cells}/Monocytes"),
        (bright, "HLADR", "right", 2092.03271484375, f"{bright}/HLADR+"),
    ):
        values = sample.column(name)[within[parent]]
        foot = density.tail(values, side)  # type: ignore[arg-type]
        assert foot.threshold == pytest.approx(expected, rel=1e-6)
        assert int(foot.above(values).sum()) == int(within[child].sum())


def test_a_valley_lies_between_two_peaks_and_one_peak_has_none() -> None:
    found = density.valley(TWO)
    assert found.threshold is not None and 2 < found.threshold < 6
    assert found.separation is not None and found.separation > 0.9
    assert density.valley(np.random.default_rng(8).normal(0, 1, 500), adjust=4).reasons == (
        "no valley: the density has one peak only",
    )
    assert "too few" in density.valley(TWO[:10]).reasons[0]
    assert "same value" in density.edge(np.ones(100)).reasons[0]
    with pytest.raises(ValueError, match="not finite"):
        density.valley(np.array([1.0, np.nan]))


def test_a_density_is_one_in_total_and_a_tail_lies_beyond_the_peak() -> None:
    found = density.density(TWO)
    assert np.trapezoid(found.y, found.x) == pytest.approx(1, abs=1e-3)
    right, left = density.tail(TWO[:3000]), density.tail(TWO[:3000], "left")
    assert right.threshold is not None and left.threshold is not None
    assert 1.5 < right.threshold < 5 and -5 < left.threshold < -1.5


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_order_and_unit_change_no_threshold(seed: int, unit: float) -> None:
    moved = np.random.default_rng(seed).permutation(TWO)
    assert density.valley(moved) == density.valley(TWO)
    before, after = density.valley(TWO).threshold, density.valley(TWO * unit).threshold
    assert before is not None and after == pytest.approx(before * unit, rel=1e-6)
