"""Events of a virtual specimen: the same for the same seed, in the cells' proportions, as bright as said."""

import numpy as np
import pytest

from trialrun.cytometry.synthetic import Drawn, Instrument, Kind, draw

CHANNELS = ("FSC-A", "FSC-H", "A", "B")
INSTRUMENT = Instrument(
    CHANNELS,
    scatter={"FSC-A": 1.0, "FSC-H": 0.1},
    follows={"FSC-H": "FSC-A"},
    detectors=("A", "B"),
    spill=((1.0, 0.1), (0.02, 1.0)),
)
SIZE = {"FSC-A": 80_000.0, "FSC-H": 70_000.0}
KINDS = (
    Kind("one", 300.0, {**SIZE, "A": 9000.0, "B": 1.0}),
    Kind("two", 100.0, {**SIZE, "A": 1.0, "B": 4000.0}, {"B": 0.2}),
    Kind("bead", 50.0, {"FSC-A": 20_000.0, "FSC-H": 20_000.0, "A": 100_000.0}, single=True),
)


def drawn(seed: int, events: int = 20_000) -> Drawn:
    return draw(INSTRUMENT, KINDS, events, np.random.Generator(np.random.PCG64(seed)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert drawn(1).events.tobytes() == drawn(1).events.tobytes()
    assert drawn(1).events.tobytes() != drawn(2).events.tobytes()


def test_events_are_whole_numbers_of_the_scale_in_the_order_of_time() -> None:
    found = drawn(1)
    assert found.channels == (*CHANNELS, "Time")
    assert (found.events == np.rint(found.events)).all()
    assert np.abs(found.events[:-1]).max() <= INSTRUMENT.top
    assert (np.diff(found.events[-1]) >= 0).all()
    assert found.events[-1].max() < INSTRUMENT.seconds / INSTRUMENT.step


def test_kinds_come_in_their_proportions_and_beads_are_never_stuck() -> None:
    found = drawn(1)
    counts = found.counts(KINDS)
    assert counts["bead"] == pytest.approx(20_000 * 50 / 450, rel=0.06)
    cells = counts["one"] + counts["two"]
    assert counts["one"] / cells == pytest.approx(0.75, abs=0.02)
    stuck = int((found.kind == -1).sum())
    assert stuck == pytest.approx(0.015 * (cells + 2 * stuck), rel=0.01)
    assert cells + 2 * stuck + counts["bead"] == 20_000


def test_brightness_and_spill_are_as_said() -> None:
    found = drawn(1)
    signal = np.linalg.solve(np.array(INSTRUMENT.spill).T, found.events[2:4].astype(np.float64))
    for place, kind in enumerate(KINDS[:2]):
        mine = signal[:, found.kind == place]
        assert np.median(mine[place]) == pytest.approx(kind.at["AB"[place]], rel=0.02)
        assert abs(np.median(mine[1 - place])) < 15
    raw = found.events[3, found.kind == 0]
    assert np.median(raw) == pytest.approx(900, rel=0.05)


def test_two_cells_at_once_have_the_area_of_both_and_hardly_more_height() -> None:
    found = drawn(1)
    ratio = found.events[0] / found.events[1]
    single, stuck = np.median(ratio[found.kind == 0]), np.median(ratio[found.kind == -1])
    assert stuck / single > 1.5


@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf")])
def test_impossible_numbers_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="known numbers"):
        draw(INSTRUMENT, (Kind("x", number, {}),), 100, np.random.default_rng(1))
    with pytest.raises(ValueError, match="known numbers"):
        draw(INSTRUMENT, (Kind("x", 0.0, {}),), 100, np.random.default_rng(1))
