"""Organs, events, virus, antigen-specific cells and laboratory of the reference model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.simulate.models.il2_treg import Il2Treg

MODEL = Il2Treg.load()
CLINIC = MODEL.clinic
N = 40_000


def normals(columns: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, columns))


def test_hazard_of_a_flare_follows_the_activity() -> None:
    rates = CLINIC.hazards(np.array([1.0, 0.5, 0.0]))
    assert rates["flare"] == pytest.approx([4.1e-4, 2.05e-4, 0])
    assert 1 - np.exp(-259 * rates["flare"][0]) == pytest.approx(0.10, abs=0.005)
    assert 1 - np.exp(-365.25 * rates["death"]) == pytest.approx([0.04] * 3, rel=1e-3)


@pytest.mark.parametrize(("dose", "chance"), [(0, 0.16), (0.33, 0.51), (1, 0.83), (3, 0.99)])
def test_chance_of_an_adverse_event_in_a_course_of_five(dose: float, chance: float) -> None:
    """1, 3, 5 and 6 of 6 were published (Hartemann et al. 2013)."""
    hazard = 5 * MODEL.reaction_hazard(np.array([dose]))
    assert 1 - np.exp(-hazard) == pytest.approx(chance, abs=0.01)


def test_grades_and_kinds_have_their_chances() -> None:
    u = np.random.default_rng(4).random(N)
    grades = CLINIC.worst_grade(u)
    for grade, chance in ((1, 0.70), (2, 0.26), (3, 0.035), (4, 0.005)):
        assert (grades == grade).mean() == pytest.approx(chance, abs=0.01)
    assert (CLINIC.reaction(u) == "injection_site_reaction").mean() == pytest.approx(0.688, abs=0.01)
    assert CLINIC.worst_grade(np.array([0.0, np.nextafter(1, 0)])).tolist() == [1, 4]
    for name in ("worst_grade", "kind"):
        assert sum(MODEL.data["adverse_events"][name]["chances"].values()) == pytest.approx(1)


def test_organs_are_independent_given_at_least_one() -> None:
    involved = CLINIC.involved(normals(len(CLINIC.organs)))
    assert involved.any(axis=1).all()
    chances = np.array(list(MODEL.data["organs"]["chances"].values()))
    some = 1 - np.prod(1 - chances)
    assert involved.mean(axis=0) == pytest.approx(chances / some, abs=0.01)
    both = (involved[:, 0] & involved[:, 2]).mean()
    assert both == pytest.approx(chances[0] * chances[2] / some, abs=0.01)
    assert (involved.sum(axis=1) == 1).mean() == pytest.approx(
        sum(c / (1 - c) for c in chances) * np.prod(1 - chances) / some, abs=0.01
    )


@given(st.floats(-50, 50), st.floats(1, 10))
def test_an_unchanged_disease_never_improves(z: float, activity: float) -> None:
    shares = CLINIC.thresholds(np.full((1, 7), z))
    assert not CLINIC.improved(np.array([activity]), shares).any()
    assert CLINIC.improved(np.array([0.0]), shares).all() or z < -30


@pytest.mark.parametrize("gap", [0.5, 14.0, 90.0])
def test_virus_fluctuates_alike_at_any_spacing(gap: float) -> None:
    z = normals(2)
    first = CLINIC.rna(z[:, 0])
    second = CLINIC.rna(z[:, 1], first, np.full(N, gap))
    for value in (first, second):
        assert value.mean() == pytest.approx(6.0, abs=0.01)
        assert value.std() == pytest.approx(0.3, rel=0.02)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(np.exp(-gap / 30), abs=0.02)


def test_virus_does_not_jump_in_no_time() -> None:
    first = CLINIC.rna(normals(1)[:, 0])
    assert CLINIC.rna(normals(1, 2)[:, 0], first, np.zeros(N)) == pytest.approx(first)


def test_specific_cells_are_absent_in_a_third() -> None:
    level = CLINIC.specific_cells(normals(2))
    assert (level == 0).mean() == pytest.approx(0.35, abs=0.01)
    present = level[level > 0]
    assert np.median(present) == pytest.approx(60, rel=0.03)
    assert present.std() / present.mean() == pytest.approx(1.0, rel=0.1)
    read = CLINIC.specific_cells_measured(level, normals(1, 3)[:, 0])
    assert np.array_equal(read == 0, level == 0)
    within = read[level > 0] / present
    assert within.std() / within.mean() == pytest.approx(0.5, rel=0.05)


def test_laboratory_shows_fever_and_leak() -> None:
    k = len(CLINIC.laboratory)
    usual = CLINIC.usual(normals(k))
    none, every = np.zeros(N, dtype=bool), np.ones(N, dtype=bool)
    z = normals(k, 2)
    calm = CLINIC.measured(usual, z, none, none)
    assert list(calm) == list(CLINIC.laboratory)
    febrile = CLINIC.measured(usual, z, every, none)
    leaking = CLINIC.measured(usual, z, none, every)
    assert (calm["temperature"] >= 38).mean() < 1e-3
    assert (febrile["temperature"] >= 38).mean() > 0.9
    assert (leaking["weight"] > calm["weight"] + 2).mean() > 0.6
    assert (leaking["systolic"] < calm["systolic"]).all()
    assert (leaking["spo2"] < calm["spo2"]).all()
    assert calm["spo2"].max() <= 100
    assert all((values > 0).all() for values in calm.values())
    assert np.median(calm["alt"]) == pytest.approx(60, rel=0.03)


def test_clinic_does_not_depend_on_the_batch() -> None:
    k = len(CLINIC.laboratory)
    z = normals(k)[:200]
    calm = np.zeros(200, dtype=bool)
    usual = CLINIC.usual(z)
    read = CLINIC.measured(usual, z, calm, calm)
    for i in range(0, 200, 7):
        mine = CLINIC.usual(z[i : i + 3])
        assert np.array_equal(mine, usual[i : i + 3])
        alone = CLINIC.measured(mine, z[i : i + 3], calm[:3][: len(mine)], calm[:3][: len(mine)])
        assert all(np.array_equal(alone[name], read[name][i : i + 3]) for name in read)
