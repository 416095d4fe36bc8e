"""Whatever happens to the bytes before DATA, the reader answers: with numbers, or with why not."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fcs_file import TEXT_BEGIN, fcs, measured, some_events
from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.spill import spill
from trialrun.cytometry.sample import Sample

EVENTS = some_events(40)
GOOD = fcs(EVENTS, keywords={"$SPILLOVER": "2,C1,C2,1,0.1,0.2,1", "$P1S": "CD4"}, gap=b"    ")
BEGIN = GOOD.index(EVENTS.astype("<f4").tobytes())
flips = st.lists(st.tuples(st.integers(0, BEGIN - 1), st.integers(1, 255)), min_size=1, max_size=4)


def answer(data: bytes) -> Sample | None:
    """What is read; None if it is refused. Any other exception, a long wait or much memory fails the test."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.fcs"
        path.write_bytes(data)
        try:
            sample = measured(path)
        except FcsError as error:
            assert all((error.place, error.cause, error.cure))
            return None
    with suppress(FcsError):
        spill(sample)
    assert np.isfinite(sample.events).all()
    assert sample.events.shape == (len(sample.channels), sample.count)
    return sample


def flipped(changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(GOOD)
    for place, bits in changes:
        data[place] ^= bits
    return bytes(data)


@settings(max_examples=80)
@given(flips)
def test_flipped_bytes_in_header_and_text_are_answered(changes: list[tuple[int, int]]) -> None:
    answer(flipped(changes))


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, TEXT_BEGIN - 1), st.integers(1, 255)), min_size=1, max_size=3))
def test_a_wrong_header_never_makes_wrong_numbers(changes: list[tuple[int, int]]) -> None:
    sample = answer(flipped(changes))
    assert sample is None or np.array_equal(sample.events, EVENTS.T)


@settings(max_examples=30)
@given(st.integers(0, len(GOOD) - 9))
def test_a_cut_file_is_refused(length: int) -> None:
    assert answer(GOOD[:length]) is None


@settings(max_examples=30)
@given(st.integers(0, BEGIN - 1), st.binary(min_size=1, max_size=12))
def test_bytes_put_in_or_left_out_are_answered(place: int, extra: bytes) -> None:
    answer(GOOD[:place] + extra + GOOD[place:])
    answer(GOOD[:place] + GOOD[place + len(extra) :])


@settings(max_examples=40)
@given(
    st.sampled_from(["$TOT", "$PAR", "$P1B", "$BEGINDATA", "$ENDDATA", "$NEXTDATA", "$BEGINSTEXT"]),
    st.text("0123456789 -+._,/\\$eEé\0\n٣", max_size=30),
)
def test_any_value_of_a_keyword_is_answered(keyword: str, value: str) -> None:
    answer(fcs(EVENTS, keywords={keyword: value}))
