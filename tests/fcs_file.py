"""FCS files made in memory, right or wrong in any way that a test asks for."""

import time
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trialrun.cytometry.fcs.read import read
from trialrun.cytometry.sample import Sample

TEXT_BEGIN = 58
Offsets = tuple[int | str, int | str]


def integers(values: np.ndarray, bits: Sequence[int], little: bool) -> bytes:
    """Events × parameters as unsigned integers of any whole number of bytes."""
    order = "little" if little else "big"
    return b"".join(
        int(value).to_bytes(width // 8, order)
        for event in values
        for value, width in zip(event, bits, strict=True)
    )


def fcs(
    events: np.ndarray,
    *,
    version: str = "FCS3.1",
    kind: str = "F",
    little: bool = True,
    bits: Sequence[int] | None = None,
    keywords: Mapping[str, str | None] | None = None,
    delimiter: str = "/",
    more: bytes = b"",
    gap: bytes = b"",
    tail: bytes = b"00000000",
    header_text: Offsets | None = None,
    header_data: Offsets | None = None,
    text_data: Offsets | None = None,
    shift: Offsets = (0, 0),
    data: bytes | None = None,
    closing: bytes | None = None,
    encoding: str = "utf-8",
) -> bytes:
    """A data set of events × parameters.

    keywords: instead of, or beside, the usual ones; None leaves one out. more: the end of TEXT, as it is.
    gap: between TEXT and DATA. tail: after DATA. header_text, header_data, text_data: what HEADER and TEXT
    say, instead of the truth. shift: added to what both say of DATA. data: instead of the events.
    closing: how TEXT ends.
    """
    count, size = events.shape
    bits = bits or [{"F": 32, "D": 64}.get(kind, 32)] * size
    if data is None:
        endian = "<" if little else ">"
        data = (
            integers(events, bits, little)
            if kind == "I"
            else events.astype(f"{endian}f{bits[0] // 8}").tobytes()
        )
    pairs: dict[str, str | None] = {
        "$BEGINDATA": "%BEGIN%%",
        "$ENDDATA": "%%%END%%",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BYTEORD": "1,2,3,4" if little else "4,3,2,1",
        "$DATATYPE": kind,
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(size),
        "$TOT": str(count),
    }
    for number, width in enumerate(bits, 1):
        top = 262144 if kind != "I" else 2 ** min(width, 18)
        pairs |= {f"$P{number}B": str(width), f"$P{number}E": "0,0", f"$P{number}R": str(top)}
        pairs |= {f"$P{number}N": f"C{number}", f"$P{number}G": "1"}
    pairs |= dict(keywords or {})
    mark = delimiter.encode()
    text = mark + b"".join(
        key.encode(encoding) + mark + value.encode(encoding).replace(mark, mark * 2) + mark
        for key, value in pairs.items()
        if value is not None
    )
    text += more
    if closing is not None:
        text = text.removesuffix(mark) + closing
    begin = TEXT_BEGIN + len(text) + len(gap)
    true = (begin + int(shift[0]), begin + len(data) - 1 + int(shift[1]))
    told = text_data or true
    text = text.replace(b"%BEGIN%%", str(told[0]).rjust(8).encode()).replace(
        b"%%%END%%", str(told[1]).rjust(8).encode()
    )
    header = f"{version}    ".encode() + b"".join(
        str(offset).rjust(8).encode()
        for pair in (header_text or (TEXT_BEGIN, TEXT_BEGIN + len(text) - 1), header_data or true, (0, 0))
        for offset in pair
    )
    return header + text + gap + data + tail


def some_events(count: int = 200, size: int = 4) -> np.ndarray:
    """Plausible values, events × parameters, each exact in single precision; the last counts up like Time."""
    rng = np.random.default_rng(1)
    values: np.ndarray[Any, Any] = rng.uniform(0, 2**17, (count, size)).astype(np.float32).astype(np.float64)
    values[:, -1] = np.arange(count)
    return values


def measured(path: Path) -> Sample:
    """Read, in two seconds and with memory for ten times the file, half a megabyte at least."""
    limit = 10 * path.stat().st_size + 500_000
    tracemalloc.start()
    start = time.perf_counter()
    try:
        return read(path)
    finally:
        seconds = time.perf_counter() - start
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < 2
        assert peak < limit
