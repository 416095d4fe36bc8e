"""Where the events lie: HEADER and TEXT both say it, and often disagree with each other or with the file.

A place is possible if it lies behind HEADER and within the data set, does not overlap TEXT, and is as long
as $TOT events, within one byte (the end is often given as the byte after the last). One possible place is
taken; of two, the one that follows TEXT immediately if the other would leave bytes between that are not blank
and belong to nothing; else the file is refused, unless the caller chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .error import FcsError
from .header import LENGTH, Header, Segment
from .number import integer

Source = Literal["HEADER", "TEXT"]


@dataclass(frozen=True)
class Layout:
    """begin: first byte of DATA. shift: its declared length less that of its events (-1, 0, 1)."""

    begin: int
    count: int
    shift: int
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Space:
    """What the file offers. data: the data set to its last byte. size: bytes of an event. total: $TOT."""

    data: memoryview
    size: int
    total: int | None
    text: Segment

    @property
    def end(self) -> int:
        return len(self.data)

    def follows(self, begin: int, other: int) -> bool:
        """Whether DATA at `begin` follows TEXT, and at `other` would leave a gap that is not blank."""
        first = self.text.end + 1
        return begin == first < other and bool(bytes(self.data[first:other]).strip(b" \0\r\n"))


def declared(keywords: Mapping[str, str], name: str, file: str) -> Segment | None:
    """The segment that TEXT gives by $BEGIN… and $END…; None where both are 0 or missing."""
    ends = []
    for key in (f"$BEGIN{name}", f"$END{name}"):
        value = keywords.get(key, "").strip()
        number = integer(value) if value else 0
        if number is None:
            raise FcsError(
                file, key, f"{value!r} is not a byte offset", "Correct it or export the file again."
            )
        ends.append(number)
    return Segment(*ends) if any(ends) else None


def layout(
    header: Header, keywords: Mapping[str, str], space: Space, file: str, offsets: Source | None
) -> Layout:
    """The one possible place of the events. offsets: whose word to take, if both are possible."""
    told: dict[Source, Segment] = {}
    if header.data is not None:
        told["HEADER"] = header.data
    if (segment := declared(keywords, "DATA", file)) is not None:
        told["TEXT"] = segment
    if offsets is not None:
        told = {source: segment for source, segment in told.items() if source == offsets}
    if space.total == 0 and all(segment.length <= 1 for segment in told.values()):
        return Layout(LENGTH, 0, 0, ("the file has no events",))
    if not told:
        raise FcsError(
            file,
            "DATA",
            f"{offsets or 'neither HEADER nor TEXT'} does not say where it is",
            "Export the file again.",
        )
    possible: dict[Source, Layout] = {}
    reasons: dict[Source, str] = {}
    for source, segment in told.items():
        judged = _judged(segment, space)
        if isinstance(judged, Layout):
            possible[source] = judged
        else:
            reasons[source] = judged
    if not possible:
        raise _impossible(told, reasons, space, file)
    return _chosen(told, possible, reasons, space, file)


def _judged(segment: Segment, space: Space) -> Layout | str:
    """What this segment would hold, or why it cannot be."""
    if segment.begin < LENGTH:
        return f"{segment} begin within HEADER"
    if segment.begin >= space.end:
        return f"{segment} begin after the end at byte {space.end - 1}"
    if segment.length < 0:
        return f"{segment} end before they begin"
    count = segment.length // space.size if space.total is None else space.total
    shift = segment.length - count * space.size
    begin = segment.begin
    if not -1 <= shift <= 1:
        needed = f"{count} events of {space.size} bytes are {count * space.size} bytes"
        return f"{segment} are {segment.length} bytes, and {needed}"
    events = Segment(begin, begin + count * space.size - 1)
    if events.end >= space.end:
        return f"{segment} go beyond the end at byte {space.end - 1}"
    if events.overlaps(space.text):
        if shift == 1 and begin == space.text.end:  # begins one byte early, on the delimiter that closes TEXT
            return Layout(begin + 1, count, 0, ("DATA begins one byte later than declared",))
        return f"{segment} overlap TEXT, {space.text}"
    return Layout(begin, count, shift, ())


def _impossible(
    told: Mapping[Source, Segment], reasons: Mapping[Source, str], space: Space, file: str
) -> FcsError:
    said = dict.fromkeys(reasons.values())
    sources = {
        reason: " and ".join(one for one, other in reasons.items() if other == reason) for reason in said
    }
    cause = "; ".join(f"by {source}, {reason}" for reason, source in sources.items())
    if any("beyond" in reason or "after the end" in reason for reason in reasons.values()):
        return FcsError(file, "DATA", f"{cause}: the file is cut", "Copy the file again from the cytometer.")
    if space.total is not None and all(segment.length > 1 for segment in told.values()):
        lengths = {segment.length for segment in told.values()}
        if len(lengths) == 1 and not -1 <= lengths.pop() - space.total * space.size <= 1:
            return FcsError(
                file, "$TOT", f"{cause}: $TOT, $PAR or $PnB is wrong, or DATA is", "Export the file again."
            )
    return FcsError(file, "DATA", f"{cause}: no place is possible", "Export the file again.")


def _chosen(
    told: Mapping[Source, Segment],
    possible: Mapping[Source, Layout],
    reasons: Mapping[Source, str],
    space: Space,
    file: str,
) -> Layout:
    findings = [f"DATA is not where {source} says: {reason}" for source, reason in reasons.items()]
    source, found = next(iter(possible.items()))
    if len({each.begin for each in possible.values()}) > 1:
        both = " and ".join(f"{one} ({told[one]})" for one in possible)
        begins = [each.begin for each in possible.values()]
        following = [one for one, each in possible.items() if space.follows(each.begin, max(begins))]
        if len(following) != 1:
            raise FcsError(
                file,
                "DATA",
                f"it can lie where {both} say, and nothing decides",
                "Compare with the cytometer's program, then read it with offsets='HEADER' or offsets='TEXT'.",
            )
        source, found = following[0], possible[following[0]]
        findings.append(f"DATA can lie where {both} say: {source} is right, for it leaves no gap after TEXT")
    elif len(possible) == 2:
        # Both begin alike: the one whose end fits better needs no excuse.
        source, found = min(possible.items(), key=lambda item: abs(item[1].shift))
    if found.shift:
        side = "late" if found.shift > 0 else "early"
        findings.append(f"DATA is declared to end one byte too {side}")
    return Layout(found.begin, found.count, found.shift, (*findings, *found.findings))
