"""Files that are wrong in one way each: refused, with the place, the cause and the cure."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fcs_file import fcs, measured, some_events
from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.read import read

EVENTS = some_events()
WHOLE = np.floor(EVENTS)
GOOD = fcs(EVENTS)
BEGIN = GOOD.index(EVENTS.astype("<f4").tobytes())
END = BEGIN + EVENTS.size * 4 - 1


class Mutant(NamedTuple):
    """refused: the place, and words of the cause."""

    name: str
    data: bytes
    refused: tuple[str, str]


def with_nan(value: float) -> np.ndarray:
    events = EVENTS.copy()
    events[17, 2] = value
    return events


TWO = fcs(EVENTS, keywords={"$NEXTDATA": "%NX%"})
TWO_SETS = TWO.replace(b"%NX%", str(len(TWO)).encode().rjust(4)) + fcs(EVENTS[:50])
HUGE = "999999999999"
REFUSED = [
    Mutant("empty", b"", ("HEADER", "does not begin with FCS")),
    Mutant("no FCS file", b"hello world" * 50, ("HEADER", "does not begin with FCS")),
    Mutant("FCS 4.0", fcs(EVENTS, version="FCS4.0"), ("HEADER", "version 'FCS4.0'")),
    Mutant("FCS 1.0", fcs(EVENTS, version="FCS1.0"), ("HEADER", "version 'FCS1.0'")),
    Mutant("cut in HEADER", GOOD[:40], ("HEADER", "cut after 40 of 58 bytes")),
    Mutant("cut in TEXT", GOOD[:300], ("TEXT", "the file ends at byte 299")),
    Mutant("cut before DATA", GOOD[:BEGIN], ("DATA", "the file is cut")),
    Mutant("cut in DATA", GOOD[: BEGIN + 1600], ("DATA", "the file is cut")),
    Mutant("cut within an event", GOOD[: END - 1], ("DATA", "the file is cut")),
    Mutant("cut by one byte", GOOD[:END], ("DATA", "the file is cut")),
    Mutant("HEADER not a number", fcs(EVENTS, header_data=("x", "y")), ("HEADER", "an offset of DATA")),
    Mutant("HEADER negative", fcs(EVENTS, header_data=(-5, 9)), ("HEADER", "an offset of DATA")),
    Mutant("TEXT nowhere", fcs(EVENTS, header_text=("", "")), ("HEADER", "where TEXT is")),
    Mutant(
        "TEXT one byte late", fcs(EVENTS, header_text=(59, BEGIN - 1)), ("TEXT", "should be the delimiter")
    ),
    Mutant("TEXT ends before it begins", fcs(EVENTS, header_text=(300, 100)), ("TEXT", "hold nothing")),
    Mutant("DATA nowhere", fcs(EVENTS, header_data=(0, 0), text_data=(0, 0)), ("DATA", "does not say where")),
    Mutant("both beyond the file", fcs(EVENTS, shift=(9000, 9000)), ("DATA", "the file is cut")),
    Mutant("both in TEXT", fcs(EVENTS, shift=(-100, -100)), ("DATA", "overlap TEXT")),
    Mutant("both in HEADER", fcs(EVENTS, shift=(40 - BEGIN, 40 - BEGIN)), ("DATA", "begin within HEADER")),
    Mutant("begin one late, end right", fcs(EVENTS, gap=b" " * 9, shift=(1, 0)), ("DATA", "is not certain")),
    Mutant(
        "begin one early, end right", fcs(EVENTS, gap=b"\x7f" * 9, shift=(-1, 0)), ("DATA", "is not certain")
    ),
    Mutant(
        "two possible places", fcs(EVENTS, gap=b" " * 40, text_data=(BEGIN, END)), ("DATA", "nothing decides")
    ),
    Mutant("$TOT too large", fcs(EVENTS, keywords={"$TOT": "400"}), ("$TOT", "400 events of 16 bytes")),
    Mutant("$TOT too small", fcs(EVENTS, keywords={"$TOT": "100"}), ("$TOT", "100 events of 16 bytes")),
    Mutant("$TOT 0", fcs(EVENTS, keywords={"$TOT": "0"}), ("$TOT", "0 events")),
    Mutant("$TOT missing", fcs(EVENTS, keywords={"$TOT": None}), ("$TOT", "does not have it")),
    Mutant("$TOT no number", fcs(EVENTS, keywords={"$TOT": "many"}), ("$TOT", "not a whole number")),
    Mutant("$TOT negative", fcs(EVENTS, keywords={"$TOT": "-200"}), ("$TOT", "not a whole number")),
    Mutant("$TOT 1_000", fcs(EVENTS, keywords={"$TOT": "2_00"}), ("$TOT", "not a whole number")),
    Mutant("$TOT of 5000 digits", fcs(EVENTS, keywords={"$TOT": "9" * 5000}), ("$TOT", "not a whole number")),
    Mutant("$TOT huge", fcs(EVENTS, keywords={"$TOT": HUGE}), ("$TOT", HUGE)),
    Mutant("$PAR huge", fcs(EVENTS, keywords={"$PAR": HUGE}), ("$PAR", HUGE)),
    Mutant("$PAR 0", fcs(EVENTS, keywords={"$PAR": "0"}), ("$PAR", "0 parameters")),
    Mutant("$PAR one less", fcs(EVENTS, keywords={"$PAR": "3"}), ("$TOT", "200 events of 12 bytes")),
    Mutant(
        "everything huge",
        fcs(EVENTS, keywords={"$TOT": HUGE}, text_data=("99999999", HUGE), header_data=(0, 0)),
        ("DATA", "the file is cut"),
    ),
    Mutant("$PnB missing", fcs(EVENTS, keywords={"$P2B": None}), ("$P2B", "does not have it")),
    Mutant("$PnB 16 for floating point", fcs(EVENTS, keywords={"$P2B": "16"}), ("$P2B", "16 bits")),
    Mutant("$PnB 10", fcs(WHOLE % 1024, kind="I", keywords={"$P2B": "10"}), ("$P2B", "10 bits")),
    Mutant("$PnB huge", fcs(WHOLE, kind="I", keywords={"$P2B": "8000000000"}), ("$P2B", "8000000000 bits")),
    Mutant("$PnB *", fcs(WHOLE, kind="I", keywords={"$P2B": "*"}), ("$P2B", "not a whole number")),
    Mutant(
        "$PnR missing, integers",
        fcs(WHOLE, kind="I", keywords={"$P2R": None}),
        ("$P2R", "which bits are data"),
    ),
    Mutant("$PnG no number", fcs(EVENTS, keywords={"$P2G": "high"}), ("$P2G", "no gain")),
    Mutant("$PnE no number", fcs(EVENTS, keywords={"$P2E": "log"}), ("$P2E", "two numbers")),
    Mutant("mixed endian", fcs(EVENTS, keywords={"$BYTEORD": "3,4,1,2"}), ("$BYTEORD", "neither")),
    Mutant("$BYTEORD missing", fcs(EVENTS, keywords={"$BYTEORD": None}), ("$BYTEORD", "does not have it")),
    Mutant("$MODE H", fcs(EVENTS, keywords={"$MODE": "H"}), ("$MODE", "histogram")),
    Mutant("$DATATYPE A", fcs(EVENTS, keywords={"$DATATYPE": "A"}), ("$DATATYPE", "text")),
    Mutant("$DATATYPE Z", fcs(EVENTS, keywords={"$DATATYPE": "Z"}), ("$DATATYPE", "none of I, F and D")),
    Mutant("$DATATYPE missing", fcs(EVENTS, keywords={"$DATATYPE": None}), ("$DATATYPE", "does not say")),
    Mutant("$DATATYPE D with 32 bits", fcs(EVENTS, keywords={"$DATATYPE": "D"}), ("$P1B", "32 bits")),
    Mutant("NaN", fcs(with_nan(np.nan)), ("DATA", "event 18 of channel C3")),
    Mutant("infinite", fcs(with_nan(np.inf)), ("DATA", "event 18 of channel C3")),
    Mutant(
        "64 bits beyond exactness",
        fcs(WHOLE + 2.0**60, kind="I", bits=[64] * 4, keywords={f"$P{n}R": str(2**64) for n in range(1, 5)}),
        ("DATA", "too large to be exact"),
    ),
    Mutant(
        "a value that begins with the delimiter",
        fcs(EVENTS, more=b"PATH///data/"),
        ("TEXT", "doubled delimiter"),
    ),
    Mutant("a delimiter is missing", GOOD.replace(b"$TOT/", b"$TOT "), ("TEXT", "do not pair up")),
    Mutant(
        "a million delimiters",
        fcs(EVENTS, more=b"/" * 1_000_000 + b"A/1/"),
        ("TEXT", "delimiters, more than"),
    ),
    Mutant("a million keywords", fcs(EVENTS, more=b"A/1/" * 300_000), ("TEXT", "delimiters, more than")),
    Mutant("delimiter 0", fcs(EVENTS, delimiter="\0"), ("TEXT", "should be the delimiter")),
    Mutant("delimiter a digit", fcs(EVENTS, delimiter="7"), ("TEXT", "should be the delimiter")),
    Mutant("$TOT twice", fcs(EVENTS, more=b"$TOT/100/"), ("$TOT", "twice")),
    Mutant("$BEGINDATA no number", fcs(EVENTS, text_data=("a", "b")), ("$BEGINDATA", "not a byte offset")),
    Mutant(
        "supplemental TEXT in DATA",
        fcs(EVENTS, keywords={"$BEGINSTEXT": "1200", "$ENDSTEXT": "1300"}),
        ("$BEGINSTEXT", "overlaps another segment"),
    ),
    Mutant(
        "supplemental TEXT beyond the file",
        fcs(EVENTS, keywords={"$BEGINSTEXT": "90000", "$ENDSTEXT": "91300"}),
        ("supplemental TEXT", "the file ends at byte"),
    ),
    Mutant(
        "two data sets", TWO_SETS, ("data sets", "1: 200 events of 4 channels, 2: 50 events of 4 channels")
    ),
]


def test_there_are_enough_mutants_and_each_is_another() -> None:
    assert len({mutant.data for mutant in REFUSED}) == len(REFUSED) >= 40


@pytest.mark.parametrize("mutant", REFUSED, ids=lambda mutant: mutant.name)
def test_what_is_not_is_refused_with_its_reason(mutant: Mutant, tmp_path: Path) -> None:
    path = tmp_path / "a.fcs"
    path.write_bytes(mutant.data)
    with pytest.raises(FcsError) as raised:
        measured(path)
    error = raised.value
    assert error.place == mutant.refused[0], error
    assert mutant.refused[1] in error.cause, error
    assert str(error).startswith(f"{path}: {error.place}: ")
    assert error.cure.endswith(".")
    assert "Error" not in str(error)


@pytest.mark.parametrize("path", ["none.fcs", ".", "/dev/null", "a\0b"])
def test_what_cannot_be_opened_is_said(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FcsError) as raised:
        read(path)
    assert raised.value.place == "file"
