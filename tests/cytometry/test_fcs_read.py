"""Files that are odd in one way each, and yet beyond doubt: read right, with a finding where it is owed."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fcs_file import fcs, measured, some_events
from trialrun.cytometry.fcs.checksum import checksum
from trialrun.cytometry.fcs.error import FcsError
from trialrun.cytometry.fcs.read import read, read_all

EVENTS = some_events()
WHOLE = np.floor(EVENTS)
NEEDED = EVENTS.size * 4
GOOD = fcs(EVENTS)
BEGIN = GOOD.index(EVENTS.astype("<f4").tobytes())
END = BEGIN + NEEDED - 1
SPACED = fcs(EVENTS, gap=b" " * 40)


@dataclass(frozen=True)
class Mutant:
    """found: a finding, "" for none. events: what is read, if it is not EVENTS."""

    name: str
    data: bytes
    found: str = ""
    events: np.ndarray | None = None


def crc(good: bytes, damaged: int | None = None) -> bytes:
    body = bytearray(good[:-8])
    tail = f"{checksum(bytes(body)):08d}".encode()
    if damaged is not None:
        body[damaged] ^= 1
    return bytes(body) + tail


def last_bit_flipped() -> np.ndarray:
    data = bytearray(EVENTS.astype("<f4").tobytes())
    data[-4] ^= 1
    return np.frombuffer(bytes(data), "<f4").reshape(EVENTS.shape)


TWO = fcs(EVENTS, keywords={"$NEXTDATA": "%NX%"})
TWO_SETS = TWO.replace(b"%NX%", str(len(TWO)).encode().rjust(4)) + fcs(EVENTS[:50])
INTEGERS = {"kind": "I", "bits": [32] * 4}

READ = [
    Mutant("as it should be", GOOD),
    Mutant("FCS 2.0", fcs(EVENTS, version="FCS2.0", text_data=(0, 0))),
    Mutant("FCS 2.0 without $TOT", fcs(EVENTS, version="FCS2.0", keywords={"$TOT": None})),
    Mutant("FCS 3.2", fcs(EVENTS, version="FCS3.2")),
    Mutant("HEADER blank", fcs(EVENTS, header_data=("", ""))),
    Mutant("HEADER 0, as for large files", fcs(EVENTS, header_data=(0, 0))),
    Mutant("TEXT 0", fcs(EVENTS, text_data=(0, 0))),
    Mutant("end exclusive", fcs(EVENTS, shift=(0, 1)), found="one byte too late"),
    Mutant("end exclusive in HEADER alone", fcs(EVENTS, header_data=(BEGIN, END + 1))),
    Mutant("end exclusive, no tail", fcs(EVENTS, shift=(0, 1), tail=b""), found="one byte too late"),
    Mutant("end one short", fcs(EVENTS, shift=(0, -1)), found="one byte too early"),
    Mutant(
        "begin on the delimiter of TEXT", fcs(EVENTS, shift=(-1, 0)), found="one byte later than declared"
    ),
    Mutant("HEADER overlaps TEXT", fcs(EVENTS, header_data=(80, 79 + NEEDED)), found="HEADER.*overlap TEXT"),
    Mutant("TEXT overlaps itself", fcs(EVENTS, text_data=(80, 79 + NEEDED)), found="TEXT says.*overlap TEXT"),
    Mutant("HEADER beyond the file", fcs(EVENTS, header_data=(BEGIN, END + 800)), found="HEADER.*bytes, and"),
    Mutant(
        "TEXT a few bytes late, nothing in between",
        fcs(EVENTS, text_data=(BEGIN + 46, END + 46), tail=b"x" * 60),
        found="HEADER is right",
    ),
    Mutant("big-endian", fcs(EVENTS, little=False)),
    Mutant("double", fcs(EVENTS, kind="D")),
    Mutant("big-endian double", fcs(EVENTS, kind="D", little=False)),
    Mutant("integers of 16 bits", fcs(WHOLE % 65536, kind="I", bits=[16] * 4), events=WHOLE % 65536),
    Mutant("integers of 24 bits", fcs(WHOLE, kind="I", bits=[24] * 4), events=WHOLE),
    Mutant("big-endian 24 bits", fcs(WHOLE, kind="I", bits=[24] * 4, little=False), events=WHOLE),
    Mutant("40, 48, 56 and 64 bits", fcs(WHOLE, kind="I", bits=[40, 48, 56, 64]), events=WHOLE),
    Mutant("widths mixed", fcs(WHOLE % 256, kind="I", bits=[8, 16, 24, 32]), events=WHOLE % 256),
    Mutant(
        "widths mixed, big",
        fcs(WHOLE % 256, kind="I", bits=[8, 32, 24, 16], little=False),
        events=WHOLE % 256,
    ),
    Mutant(
        "8 bits, no $BYTEORD",
        fcs(WHOLE % 256, kind="I", bits=[8] * 4, keywords={"$BYTEORD": None}),
        events=WHOLE % 256,
    ),
    Mutant(
        "$BYTEORD 1,2",
        fcs(WHOLE % 65536, kind="I", bits=[16] * 4, keywords={"$BYTEORD": "1,2"}),
        events=WHOLE % 65536,
    ),
    Mutant("bits above $PnR", fcs(WHOLE + 2**20, **INTEGERS), found=r"bits above \$PnR", events=WHOLE),
    Mutant(
        "$PnR no power of 2", fcs(WHOLE % 1000, **INTEGERS, keywords={"$P1R": "1000"}), events=WHOLE % 1000
    ),
    Mutant("$MODE missing", fcs(EVENTS, keywords={"$MODE": None}), found=r"\$MODE is missing"),
    Mutant("no events", fcs(EVENTS[:0]), found="no events", events=EVENTS[:0]),
    Mutant(
        "no events, offsets 0",
        fcs(EVENTS[:0], header_data=(0, 0), text_data=(0, 0)),
        found="no events",
        events=EVENTS[:0],
    ),
    Mutant("doubled delimiter in a value", fcs(EVENTS, keywords={"$SYS": "RSX-11/M"})),
    Mutant("empty value", fcs(EVENTS, keywords={"$COM": ""}), found="empty values"),
    Mutant(
        "several empty values",
        fcs(EVENTS, keywords={"A": "", "B": "", "C": "x", "D": ""}),
        found="empty values",
    ),
    Mutant("last value empty", fcs(EVENTS, more=b"LAST//"), found="empty values"),
    Mutant("TEXT ends in two delimiters", fcs(EVENTS, more=b"/")),
    Mutant("TEXT padded", fcs(EVENTS, closing=b"/   ")),
    Mutant("TEXT not closed", fcs(EVENTS, closing=b"  "), found="does not end in its delimiter"),
    Mutant("delimiter form feed", fcs(EVENTS, delimiter="\f")),
    Mutant("delimiter *", fcs(EVENTS, delimiter="*")),
    Mutant("delimiter backslash", fcs(EVENTS, delimiter="\\", keywords={"$FIL": "C:\\a\\b.fcs"})),
    Mutant("Latin-1", fcs(EVENTS, keywords={"$OP": "Hélène"}, encoding="latin-1"), found="Latin-1"),
    Mutant("UTF-8", fcs(EVENTS, keywords={"$OP": "Hélène 赤"})),
    Mutant("keywords in lower case", fcs(EVENTS).replace(b"$TOT", b"$tot").replace(b"$P1N", b"$p1n")),
    Mutant("spaces around numbers", fcs(EVENTS, keywords={"$TOT": "  200   ", "$PAR": " 4"})),
    Mutant("a keyword twice", fcs(EVENTS, more=b"X/1/X/2/"), found="has X twice"),
    Mutant(
        "supplemental TEXT is TEXT",
        fcs(EVENTS, keywords={"$BEGINSTEXT": "58", "$ENDSTEXT": "9999"}),
        found="supplemental TEXT is declared where TEXT is",
    ),
    Mutant("duplicate $PnN", fcs(EVENTS, keywords={"$P2N": "C1"}), found="several channels C1"),
    Mutant("$PnN missing", fcs(EVENTS, keywords={"$P2N": None}), found=r"\$P2N is missing"),
    Mutant("$PnE missing", fcs(EVENTS, keywords={"$P2E": None}), found=r"\$P2E is missing"),
    Mutant("$PnR missing, floating point", fcs(EVENTS, keywords={"$P2R": "NA"}), found=r"\$P2R.*not known"),
    Mutant("checksum right", crc(GOOD)),
    Mutant("checksum wrong", crc(GOOD, END - 3), found="may be damaged", events=last_bit_flipped()),
    Mutant("cut within the checksum", GOOD[:-3], found="ends within its checksum"),
    Mutant("no checksum", GOOD[:-8]),
    Mutant(
        "$NEXTDATA beyond the file",
        fcs(EVENTS, keywords={"$NEXTDATA": "9999999"}),
        found=r"\$NEXTDATA is 9999999",
    ),
    Mutant("$NEXTDATA into itself", fcs(EVENTS, keywords={"$NEXTDATA": "60"}), found=r"\$NEXTDATA is 60"),
]


def test_there_are_enough_mutants_and_each_is_another() -> None:
    assert len({mutant.data for mutant in READ}) == len(READ) >= 40


@pytest.mark.parametrize("mutant", READ, ids=lambda mutant: mutant.name)
def test_what_is_beyond_doubt_is_read(mutant: Mutant, tmp_path: Path) -> None:
    path = tmp_path / "a.fcs"
    path.write_bytes(mutant.data)
    sample = measured(path)
    expected = EVENTS if mutant.events is None else mutant.events
    assert np.array_equal(sample.events, expected.T)
    assert np.isfinite(sample.events).all()
    assert sample.events.dtype == np.float32
    assert sample.events.flags.c_contiguous
    findings = "; ".join(sample.findings)
    assert re.search(mutant.found, findings) if mutant.found else not findings, findings


def test_who_knows_better_chooses_among_two_places(tmp_path: Path) -> None:
    path = tmp_path / "a.fcs"
    path.write_bytes(fcs(EVENTS, gap=b" " * 40, text_data=(BEGIN, END)))
    assert np.array_equal(read(path, offsets="HEADER").events, EVENTS.T)


def test_data_sets_are_chosen_by_number(tmp_path: Path) -> None:
    path = tmp_path / "a.fcs"
    path.write_bytes(TWO_SETS)
    assert [sample.count for sample in read_all(path)] == [200, 50]
    assert np.array_equal(read(path, data_set=2).events, EVENTS[:50].T)
    with pytest.raises(FcsError, match="there is no number 3"):
        read(path, data_set=3)


def test_the_same_events_in_fewer_bits_are_a_twin(tmp_path: Path) -> None:
    fine = WHOLE * 4
    ranges = {f"$P{n}R": str(2**20) for n in range(1, 5)}
    coarse = fcs(
        fine // 1024,
        version="FCS2.0",
        kind="I",
        bits=[16] * 4,
        keywords={"$NEXTDATA": "%NX%", **{f"$P{n}R": "1024" for n in range(1, 5)}},
    )
    path = tmp_path / "a.lmd"
    path.write_bytes(
        coarse.replace(b"%NX%", str(len(coarse)).encode())
        + fcs(fine, **INTEGERS, keywords=ranges, version="FCS3.0")
    )
    sample = read(path)
    assert np.array_equal(sample.events, fine.T)
    assert "the same events twice" in sample.findings[-1]


def test_types_may_be_mixed_since_fcs_3_2(tmp_path: Path) -> None:
    record = np.zeros(200, dtype=[("a", "<f4"), ("b", "<u2"), ("c", "<f8"), ("d", "u1", (3,))])
    record["a"], record["b"], record["c"] = EVENTS[:, 0], WHOLE[:, 1] % 65536, EVENTS[:, 2] / 3
    record["d"][:, 0] = np.arange(200)
    path = tmp_path / "a.fcs"
    kinds = {"$P1DATATYPE": "F", "$P3DATATYPE": "D", "$P1R": "262144", "$P2R": "65536", "$P4R": "16777216"}
    path.write_bytes(
        fcs(EVENTS, version="FCS3.2", kind="I", bits=[32, 16, 64, 24], keywords=kinds, data=record.tobytes())
    )
    sample = read(path)
    assert sample.events.dtype == np.float64
    assert np.array_equal(sample.events, [record["a"], record["b"], record["c"], np.arange(200)])


def test_the_supplemental_text_is_read(tmp_path: Path) -> None:
    extra = b"/SPILL/none/$P1S/CD4/"
    whole = fcs(EVENTS, keywords={"$BEGINSTEXT": "%%B%", "$ENDSTEXT": "%%E%"}, tail=b"")
    whole = whole.replace(b"%%B%", b"%4d" % len(whole)).replace(
        b"%%E%", b"%4d" % (len(whole) + len(extra) - 1)
    )
    path = tmp_path / "a.fcs"
    path.write_bytes(whole + extra)
    sample = read(path)
    assert np.array_equal(sample.events, EVENTS.T)
    assert (sample.keywords["SPILL"], sample.channels[0].stain) == ("none", "CD4")


def test_channels_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.fcs"
    path.write_bytes(fcs(EVENTS, keywords={"$P2N": "C1"}))
    sample = read(path)
    assert sample.names == ("C1 [P1]", "C1 [P2]", "C3", "C4")
    with pytest.raises(KeyError):
        sample.column("C1")
