from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.sample import Channel, Sample

CHANNELS = (
    Channel("FSC-A", range=262144),
    Channel("FITC/A", "CD4", range=1024, gain=2.5),
    Channel("Time", range=4194304, gain=0.01),
)
KEYWORDS = {
    "$SPILLOVER": "2,FSC-A,FITC/A,1,0.1,0,1",
    "$TIMESTEP": "0.01",
    "$SRC": "sérum 赤",
    "VISIT": "a//b/",
    "LABEL": "1/2/2026",
}
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def sample(events: np.ndarray) -> Sample:
    return Sample("a.fcs", "", CHANNELS, events, KEYWORDS)


@settings(max_examples=60)
@given(events=arrays(np.float32, st.tuples(st.just(3), st.integers(0, 30)), elements=floats))
def test_what_is_written_is_read_again(events: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round.fcs"
    write(path, sample(events))
    again = read(path)
    assert np.array_equal(again.events.view(np.uint32), events.view(np.uint32))
    assert again.channels == CHANNELS
    assert {key: again.keywords[key] for key in KEYWORDS} == KEYWORDS
    assert again.findings == (() if events.size else ("the file has no events",))


def test_the_same_sample_is_the_same_bytes(tmp_path: Path) -> None:
    events = np.arange(30, dtype=np.float32).reshape(3, 10)
    write(tmp_path / "a.fcs", sample(events))
    write(tmp_path / "b.fcs", read(tmp_path / "a.fcs"))
    write(tmp_path / "c.fcs", read(tmp_path / "b.fcs"))
    assert (tmp_path / "b.fcs").read_bytes() == (tmp_path / "c.fcs").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.fcs", "b.fcs", "c.fcs"]


def test_flowio_reads_it_too(tmp_path: Path) -> None:
    from flowio import FlowData

    events = np.arange(30, dtype=np.float32).reshape(3, 10)
    write(tmp_path / "a.fcs", sample(events))
    other = FlowData(tmp_path / "a.fcs")
    assert np.array_equal(other.as_array(preprocess=False).T, events)
    assert (other.pnn_labels[0], other.pns_labels) == ("FSC-A", ["", "CD4", ""])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"events": np.full((3, 2), 0.1)}, "DATA"),
        ({"events": np.full((3, 2), 1e300)}, "DATA"),
        ({"events": np.full((3, 2), np.nan, np.float32)}, "DATA"),
        ({"events": np.zeros((2, 2), np.float32)}, "DATA"),
        ({"channels": (*CHANNELS[:2], Channel("Time", amplification=(4, 1)))}, "$PnE"),
        ({"channels": (*CHANNELS[:2], Channel("/Time"))}, "$PnN"),
        ({"keywords": {"PATH": "/data"}}, "PATH"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(
    change: dict[str, object], place: str, tmp_path: Path
) -> None:
    with pytest.raises(FcsError) as raised:
        write(tmp_path / "a.fcs", replace(sample(np.zeros((3, 2), np.float32)), **change))
    assert raised.value.place == place
    assert list(tmp_path.iterdir()) == []
