import numpy as np
import pytest

from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.linear import linear
from trialrun.cytometry.sample import Channel, Sample


def sample(channel: Channel, **keywords: str) -> Sample:
    events = np.array([[0, 256, 512, 1024]], np.float32)
    return Sample("a.fcs", "", (channel,), events, {f"${key}": value for key, value in keywords.items()})


def test_logarithms_are_expanded() -> None:
    log = sample(Channel("FL1", range=1024, amplification=(4, 0.1)), DATATYPE="I")
    assert linear(log) == pytest.approx(np.array([[0.1, 1, 10, 1000]]))


def test_gain_is_divided_out() -> None:
    assert linear(sample(Channel("FL1", gain=4))).tolist() == [[0, 64, 128, 256]]


def test_time_is_in_seconds_and_has_no_gain() -> None:
    assert linear(sample(Channel("Time", gain=0.01), TIMESTEP="0.5")).tolist() == [[0, 128, 256, 512]]
    assert linear(sample(Channel("Time", gain=0.01))).tolist() == [[0, 256, 512, 1024]]
    assert linear(sample(Channel("TIME"), TIMESTEP="0,5")).tolist() == [[0, 128, 256, 512]]


def test_the_sample_keeps_its_values() -> None:
    file = sample(Channel("FL1", gain=4))
    linear(file)
    assert file.events.tolist() == [[0, 256, 512, 1024]]


@pytest.mark.parametrize(
    ("channel", "keywords", "place"),
    [
        (Channel("Time"), {"TIMESTEP": "xxx"}, "$TIMESTEP"),
        (Channel("Time"), {"TIMESTEP": "0"}, "$TIMESTEP"),
        (Channel("FL1", range=1024, amplification=(4, 1)), {"DATATYPE": "F"}, "$P1E"),
        (Channel("FL1", amplification=(4, 1)), {"DATATYPE": "I"}, "$P1E"),
        (Channel("FL1", range=1, amplification=(400, 1)), {"DATATYPE": "I"}, "DATA"),
    ],
)
def test_what_makes_no_sense_is_refused(channel: Channel, keywords: dict[str, str], place: str) -> None:
    with pytest.raises(FcsError) as raised:
        linear(sample(channel, **keywords))
    assert raised.value.place == place
