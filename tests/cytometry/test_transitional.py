"""The population without a valley, against what people gated by hand."""

from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry import compensation, template, transitional
from trialrun.cytometry.density import Array
from trialrun.cytometry.fcs.read import read

WELLS = {"A01": "", "C01": "_isotype-control", "C03": "_unstained"}
MARKERS = ("VL1-H", "BL1-H", "BL3-H")


def scaled(path: Path) -> tuple[Array, dict[bytes, int]]:
    """Markers × events as they are gated, and each event's place by its bytes."""
    sample = read(path)
    dyes = compensation.spillover(sample)
    assert dyes is not None
    rows = {name: sample.column(name).astype(float) for name in sample.names}
    comped = dyes.apply(np.stack([rows[name] for name in dyes.detectors]))
    rows |= dict(zip(dyes.detectors, comped, strict=True))
    places = {row.tobytes(): place for place, row in enumerate(np.ascontiguousarray(sample.events.T))}
    return np.arcsinh(np.stack([rows[name] for name in MARKERS]) / 1000), places


@pytest.fixture(scope="module")
def wells(shared: Path) -> dict[str, template.Reference]:
    folder = shared / "data/cytometry/treg_meyer"
    found = {}
    for well, suffix in WELLS.items():
        values, places = scaled(folder / f"Well_{well}_CD3+CD4+{suffix}.fcs")
        members = np.zeros(values.shape[1], dtype=bool)
        for child in ("T_reg_memory", "T_reg_naive"):
            events = read(folder / f"Well_{well}_{child}{suffix}.fcs").events
            members[[places[row.tobytes()] for row in np.ascontiguousarray(events.T)]] = True
        found[well] = template.Reference(values, members)
    return found


@pytest.fixture(scope="module")
def templates(wells: dict[str, template.Reference]) -> dict[str, template.Template]:
    """For each well the template that has not seen it."""
    return {one: template.learn([ref for other, ref in wells.items() if other != one]) for one in wells}


def f1(truth: np.ndarray, found: np.ndarray) -> float:
    return float(2 * (truth & found).sum() / (truth.sum() + found.sum()))


@pytest.mark.parametrize("well", WELLS)
def test_each_well_is_gated_as_by_hand_by_the_others(
    well: str, wells: dict[str, template.Reference], templates: dict[str, template.Template]
) -> None:
    values, truth = wells[well].values, wells[well].members
    gate = transitional.fit([values], templates[well])
    share = gate.share(values)
    assert f1(truth, gate.apply(values).members) > 0.96
    assert share.percent == pytest.approx(100 * truth.mean(), rel=0.03)
    assert share.low is not None and share.high is not None
    assert share.low < 100 * truth.mean() < share.high
    alone = gate.without_first(values)
    assert alone.percent is not None and alone.percent > 5


def test_an_unstained_well_is_refused_and_serves_as_a_control(
    shared: Path, wells: dict[str, template.Reference], templates: dict[str, template.Template]
) -> None:
    control, _ = scaled(shared / "data/cytometry/treg_meyer/Well_B03_CD3+CD4+_unstained.fcs")
    assert "stained alike" in transitional.fit([control], templates["A01"]).reasons[0]
    gate = transitional.fit([wells["A01"].values], templates["A01"], [control])
    assert gate.background[0] < 0.1


def test_visits_are_blind_and_the_shoulder_alone_is_poorer(
    wells: dict[str, template.Reference], templates: dict[str, template.Template]
) -> None:
    visits = [one.values for one in wells.values()]
    for learnt in (templates["A01"], None):
        there = transitional.fit(visits, learnt)
        back = transitional.fit([one[:, ::-1] for one in visits[::-1]], learnt)
        assert (there.shift, there.foot, there.seen) == (back.shift, back.foot, back.seen)
    assert f1(wells["A01"].members, there.apply(visits[0]).members) > 0.8
    assert "no reference samples" in there.findings[0]


def test_one_reference_and_two_markers_go_a_long_way(wells: dict[str, template.Reference]) -> None:
    alone = template.learn([wells["C03"]])
    for well in ("A01", "C01"):
        values, truth = wells[well].values, wells[well].members
        gate = transitional.fit([values], alone)
        assert f1(truth, gate.apply(values).members) > 0.95
        assert gate.share(values).percent == pytest.approx(100 * truth.mean(), rel=0.05)
    pair = {name: template.Reference(one.values[:2], one.members) for name, one in wells.items()}
    gate = transitional.fit([pair["A01"].values], template.learn([pair["C01"], pair["C03"]]))
    share, truth = gate.share(pair["A01"].values), pair["A01"].members
    assert f1(truth, gate.apply(pair["A01"].values).members) > 0.94
    assert share.percent == pytest.approx(100 * truth.mean(), rel=0.08)  # more than 5 %: the docs say so
    assert share.corrected == pytest.approx(100 * truth.mean(), rel=0.03)


@pytest.mark.parametrize("well", WELLS)
@pytest.mark.parametrize("percent", [1, 8])
def test_a_known_share_is_found_once(
    well: str,
    percent: int,
    wells: dict[str, template.Reference],
    templates: dict[str, template.Template],
) -> None:
    random, one = np.random.default_rng(5), wells[well]
    inside, outside = np.flatnonzero(one.members), np.flatnonzero(~one.members)
    members = 60 if percent == 1 else 200
    others = members * (100 - percent) // percent
    drawn = np.concatenate([random.choice(inside, members, False), random.choice(outside, others, False)])
    values = one.values[:, drawn]
    share = transitional.fit([values], templates[well]).share(values)
    assert share.percent == pytest.approx(percent, abs=0.3)
    assert share.corrected == pytest.approx(percent, abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("percent", [0.5, 1, 2, 3, 5, 8, 12, 20])
def test_mixtures_of_a_known_share_are_found_without_bias(
    percent: float, wells: dict[str, template.Reference], templates: dict[str, template.Template]
) -> None:
    random = np.random.default_rng(11)
    off, rest = [], []
    for well, one in wells.items():
        inside, outside = np.flatnonzero(one.members), np.flatnonzero(~one.members)
        total = min(len(inside) / percent, len(outside) / (100 - percent)) * 100 * 2 / 3
        parts = (round(total * percent / 100), round(total * (100 - percent) / 100))
        for _ in range(5):
            drawn = np.concatenate(
                [random.choice(inside, parts[0], False), random.choice(outside, parts[1], False)]
            )
            share = transitional.fit([one.values[:, drawn]], templates[well]).share(one.values[:, drawn])
            assert share.percent is not None and share.corrected is not None
            off.append(share.percent - 100 * parts[0] / sum(parts))
            rest.append(share.corrected - 100 * parts[0] / sum(parts))
    assert abs(float(np.mean(off))) <= (0.3 if percent <= 12 else 0.5)
    assert abs(float(np.mean(rest))) <= 0.2


def made(seed: int, members: int) -> template.Reference:
    """A correlated bulk, and members high in the first marker and low in the second."""
    random = np.random.default_rng(seed)
    bulk = random.multivariate_normal([1, 3.3], [[0.5, 0.15], [0.15, 0.3]], 6000)
    rare = random.multivariate_normal([3.2, 2], [[0.1, 0], [0, 0.1]], members)
    return template.Reference(np.concatenate([bulk, rare]).T, np.arange(6000 + members) >= 6000)


def test_a_growing_share_and_the_order_of_references_drag_no_gate() -> None:
    first, second = made(1, 200), made(2, 200)
    learnt, swapped = template.learn([first, second]), template.learn([second, first])
    assert (learnt.weights == swapped.weights).all()
    grown = made(3, 4000)
    gate = transitional.fit([grown.values], learnt)
    assert gate.shift == pytest.approx((0, 0))
    assert f1(grown.members, gate.apply(grown.values).members) > 0.97


def test_what_cannot_be_known_is_said() -> None:
    learnt = template.learn([made(1, 200)])
    few = transitional.fit([made(3, 10).values[:, :500]], learnt)
    assert "too few events" in few.reasons[0] and few.share(np.zeros((2, 5))).percent is None
    far = transitional.fit([made(3, 100).values + 5], learnt)
    assert "do not speak" in far.reasons[0]
    gate = transitional.fit([made(3, 100).values], learnt)
    assert gate.share(np.empty((2, 0))).reasons == ("no parent events",)
    with pytest.raises(ValueError, match="not finite"):
        gate.share(np.full((2, 9), np.nan))
    with pytest.raises(ValueError, match="markers"):
        transitional.fit([np.zeros((3, 2000))], learnt)
    with pytest.raises(ValueError, match="reference"):
        template.learn([])


def test_each_visit_is_judged_by_itself_and_moves_no_gate_that_it_is_refused_by(
    shared: Path, wells: dict[str, template.Reference], templates: dict[str, template.Template]
) -> None:
    blank, _ = scaled(shared / "data/cytometry/treg_meyer/Well_B01_CD3+CD4+_isotype-control.fcs")
    bright = wells["A01"].values.copy()
    bright[0] = np.arcsinh(6 * np.sinh(bright[0]))
    visits = [wells[one].values for one in ("C01", "C03")]
    for learnt in (templates["A01"], None):
        alone = transitional.fit(visits, learnt)
        for other, reason in ((bright, "at most 2 are allowed"), (blank, "stained alike")):
            gate = transitional.fit([other, *visits], learnt, names=("CD25", "CD127"))
            assert (gate.shift, gate.foot, gate.samples) == (alone.shift, alone.foot, 2)
            assert reason in "".join(gate.judged(other).reasons)
            assert "in CD25" in gate.judged(other).reasons[0]
            for visit in (*visits, wells["A01"].values):
                assert gate.judged(visit) == transitional.Judgement()


def test_a_visit_that_lies_half_a_deviation_off_has_a_finding_of_its_own() -> None:
    learnt = template.learn([made(1, 200)])
    visits = [made(number, 200).values for number in (2, 3, 4)]
    visits[2][0] += 0.7
    for gate in (transitional.fit(visits, learnt), transitional.fit(visits)):
        assert gate.estimable and not gate.judged(visits[0]).findings
        (said,) = gate.judged(visits[2]).findings
        assert "in the first marker" in said


def test_two_samples_that_lie_far_apart_have_no_shoulder_together() -> None:
    one, other = made(1, 200).values, made(2, 200).values + 3
    assert "one gate does not serve both" in transitional.fit([one, other]).reasons[0]
    few = transitional.fit([one, other[:, :20]])
    assert few.estimable and "too few events: 20" in few.judged(other[:, :20]).reasons[0]


def test_where_half_of_the_samples_are_off_each_is_told_its_own_reason_and_who_lies_as_it_does() -> None:
    near, far = ([made(number, 200).values + by for number in (1, 2)] for by in (0, 3))
    gate = transitional.fit([*near, *far])
    assert not gate.estimable
    for samples, sign in ((near, "lies -"), (far, "lies +")):
        for one in samples:
            reason = gate.judged(one).reasons[0]
            assert sign in reason and reason.endswith("of 4 samples 2 lie as it does")
