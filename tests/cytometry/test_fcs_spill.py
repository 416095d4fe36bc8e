import numpy as np
import pytest

from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.spill import asks_for_compensation, compensated, spill
from trialrun.cytometry.sample import Channel, Sample

MATRIX = [[1, 0.1], [0.02, 1]]


def sample(*names: str, **keywords: str) -> Sample:
    channels = tuple(Channel(name) for name in names or ("FSC-A", "FITC-A", "PE-A"))
    named = {
        key.replace("_", " ").replace("S S", "$S").replace("S C", "$C"): text
        for key, text in keywords.items()
    }
    return Sample("a.fcs", "", channels, np.zeros((len(channels), 1), np.float32), named)


@pytest.mark.parametrize("keyword", ["$SPILLOVER", "SPILL", "SPILLOVER", "$COMP", "COMP", "DET_SPILL"])
def test_each_keyword_is_known(keyword: str) -> None:
    file = Sample("a.fcs", "", sample().channels, sample().events, {keyword: "2,FITC-A,PE-A,1,0.1,0.02,1"})
    found = spill(file)
    assert found is not None
    assert found[0] == ("FITC-A", "PE-A")
    assert np.array_equal(found[1], MATRIX)


@pytest.mark.parametrize(
    "value",
    [
        "2,FITC-A,PE-A,1,0.1,0.02,1",
        " 2, FITC-A, PE-A, 1.0, 1e-1, .02, 1,",
        "2,2,3,1,0.1,0.02,1",  # numbers of the channels
        "2,FITC-A,PE-A,\n1,0.1,\n0.02,1",
    ],
)
def test_what_can_be_understood_is(value: str) -> None:
    found = spill(sample(SPILL=value.replace(",\n", ",")))
    assert found is not None
    assert found[0] == ("FITC-A", "PE-A")
    assert np.array_equal(found[1], MATRIX)


def test_a_channel_may_be_called_by_a_number() -> None:
    found = spill(sample("2", "1", SPILL="2,1,2,1,0.1,0.02,1"))
    assert found is not None
    assert found[0] == ("1", "2")


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("two,FITC-A,PE-A,1,0.1,0.02,1", "begin with a number"),
        ("2,FITC-A,PE-A,1,0.1,0.02", "it is cut"),
        ("2,FITC-A,PE-A,1,0,1,0,02,1", "decimal comma"),
        ("2,FITC-A,APC-A,1,0.1,0.02,1", "no channel APC-A"),
        ("2,FITC-A,FITC-A,1,0.1,0.02,1", "channel twice"),
        ("2,1,4,1,0.1,0.02,1", "no channel 1, 4"),
        ("2,FITC-A,PE-A,1,0.1,x,1", "'x' is not a number"),
        ("2,FITC-A,PE-A,1,0.1,nan,1", "'nan' is not a number"),
        ("2,FITC-A,PE-A,1,1,1,1", "cannot be inverted"),
        ("2,FITC-A,PE-A,0,1,1,0", "diagonal"),
        ("999999999,FITC-A", "need 999999998000000001 values"),
    ],
)
def test_what_cannot_is_refused(value: str, cause: str) -> None:
    with pytest.raises(FcsError) as raised:
        spill(sample(SPILL=value))
    assert raised.value.place == "SPILL"
    assert cause in raised.value.cause


@pytest.mark.parametrize("value", ["", "0", "Empty", "none"])
def test_none_is_none(value: str) -> None:
    assert spill(sample(SPILL=value)) is None
    assert spill(sample()) is None


def test_what_the_electronics_subtracted_is_no_spillover() -> None:
    file = Sample("a.fcs", "", sample().channels, sample().events, {"$COMP": "2,0.0,-0.1,-40.0,0.0"})
    assert spill(file) is None
    assert compensated(file) == "$COMP tells what the electronics subtracted"


def test_compensated_channels_are_known_by_their_names() -> None:
    assert compensated(sample("FSC-A", "Comp-FITC-A")) == "channels are called Comp-FITC-A"
    assert compensated(sample("FSC-A", "Computed")) is None


def test_the_flag_says_what_it_says() -> None:
    assert asks_for_compensation(sample(APPLY_COMPENSATION="TRUE")) is True
    assert asks_for_compensation(sample(APPLY_COMPENSATION="FALSE")) is False
    assert asks_for_compensation(sample()) is None
    assert compensated(sample(APPLY_COMPENSATION="TRUE")) is None
