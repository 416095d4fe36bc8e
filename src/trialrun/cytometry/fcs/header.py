"""The HEADER of a data set: its version and where its segments lie (FCS 3.1, section 3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .error import FcsError

LENGTH = 58
VERSIONS = ("FCS2.0", "FCS3.0", "FCS3.1", "FCS3.2")
OFFSET = re.compile(rb"[ \0]*(\d{0,8})[ \0]*")


@dataclass(frozen=True)
class Segment:
    """First and last byte of a segment, counted from the first byte of its data set."""

    begin: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.begin + 1

    def overlaps(self, other: Segment) -> bool:
        return self.begin <= other.end and other.begin <= self.end

    def __str__(self) -> str:
        return f"bytes {self.begin} to {self.end}"


@dataclass(frozen=True)
class Header:
    """A segment is None where the HEADER leaves it blank or says 0."""

    version: str
    text: Segment
    data: Segment | None
    analysis: Segment | None


def header(data: memoryview, file: str) -> Header:
    """The HEADER of the data set that begins with `data`. Raises FcsError."""
    version = bytes(data[:6]).decode("ascii", "replace")
    if version[:3] != "FCS":
        raise FcsError(
            file,
            "HEADER",
            "it does not begin with FCS",
            "This is no FCS file; export it from the cytometer again.",
        )
    if version not in VERSIONS:
        raise FcsError(
            file,
            "HEADER",
            f"version {version!r} is not one of {', '.join(VERSIONS)}",
            "Export it as FCS 3.1.",
        )
    if len(data) < LENGTH:
        raise FcsError(
            file, "HEADER", f"it is cut after {len(data)} of {LENGTH} bytes", "Copy the file again."
        )
    text, events, analysis = (
        _segment(data, first, name, file) for first, name in ((10, "TEXT"), (26, "DATA"), (42, "ANALYSIS"))
    )
    if text is None:
        raise FcsError(file, "HEADER", "it does not say where TEXT is", "Export the file again.")
    return Header(version, text, events, analysis)


def _segment(data: memoryview, first: int, name: str, file: str) -> Segment | None:
    ends = []
    for start in (first, first + 8):
        field = bytes(data[start : start + 8])
        digits = OFFSET.fullmatch(field)
        if digits is None and name != "ANALYSIS":
            raise FcsError(
                file,
                "HEADER",
                f"bytes {start} to {start + 7}, an offset of {name}, hold {field!r} instead of a number",
                "The file is damaged or was written wrongly; export it again.",
            )
        ends.append(int(digits[1] or 0) if digits else 0)
    return Segment(*ends) if any(ends) else None
