"""Thresholds on one marker, mixtures and singlets."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.cytometry import density, mixture, singlets
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


def test_a_valley_lies_between_two_peaks_and_one_peak_has_none() -> None:
    found = density.valley(TWO)
    assert found.threshold is not None and 2 < found.threshold < 6
    assert found.separation is not None and found.separation > 0.9
    assert density.valley(RANDOM.normal(0, 1, 500), adjust=4).reasons == (
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


@pytest.mark.parametrize("freedom", [np.inf, 4.0])
def test_a_mixture_finds_what_was_mixed_in_any_order(freedom: float) -> None:
    values = np.stack([TWO, TWO / 2 + RANDOM.normal(0, 1, len(TWO))])
    found = mixture.fit(values, 2, freedom)
    assert found.weights == pytest.approx([0.75, 0.25], abs=0.02)
    assert found.means[:, 0] == pytest.approx([0, 8], abs=0.15)
    again = mixture.fit(values[:, ::-1], 2, freedom)
    assert (again.means == found.means).all() and again.likelihood == found.likelihood
    assert found.posterior(values).sum(axis=0) == pytest.approx(1)


def test_bic_chooses_and_a_mixture_says_why_not() -> None:
    assert len(mixture.choose(TWO[None, :], (1, 2, 3)).weights) == 2
    cut = mixture.threshold(TWO)
    assert cut.threshold is not None and 3 < cut.threshold < 5
    assert mixture.threshold(RANDOM.normal(0, 1, 2000)).reasons == ("one component fits as well as two",)
    assert "too few" in mixture.fit(TWO[None, :30], 2).reasons[0]


def test_doublets_lie_off_the_line() -> None:
    height = RANDOM.uniform(1e4, 2e5, 5000)
    area = 1.3 * height * RANDOM.normal(1, 0.03, 5000)
    doublets = np.arange(0, 5000, 10)
    area[doublets] *= 1.7
    line = singlets.fit(area, height)
    members = line.members(area, height)
    assert line.slope == pytest.approx(1.3, rel=0.02)
    assert members[doublets].sum() == 0 and 0.98 < np.delete(members, doublets).mean() < 0.999
    assert "too few" in singlets.fit(area[:9], height[:9]).reasons[0]
    assert "rise" in singlets.fit(-area, height).reasons[0]
