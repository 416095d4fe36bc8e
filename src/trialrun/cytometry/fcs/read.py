"""An FCS file as samples: the numbers as they stand in the file, or the reason why they cannot be known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..sample import Sample
from .checksum import judged
from .decoding import decoded, little_endian, strange
from .error import FcsError
from .header import LENGTH, Segment, header
from .layout import Layout, Source, Space, declared, layout
from .number import integer
from .parameter import Parameter, parameters, whole
from .text import Text, merged, text


@dataclass(frozen=True)
class _File:
    path: str
    name: str
    sha256: str
    data: memoryview


def read(path: Path | str, data_set: int | None = None, offsets: Source | None = None) -> Sample:
    """The one data set of a file, or the one that is chosen.

    data_set: 1 for the first. A file with several is refused without it, but for the pair that LMD files of
    Beckman Coulter hold: the same events as FCS 2.0 and, in full resolution, as FCS 3.0. That is read.
    offsets: whose word to take where HEADER and TEXT place the events differently and both could be true.
    Raises FcsError, and nothing else, for a file that cannot be read beyond doubt.
    """
    file = _opened(path)
    begins, findings = _data_sets(file)
    if data_set is not None:
        if not 1 <= data_set <= len(begins):
            raise FcsError(
                file.path,
                "data sets",
                f"there is no number {data_set}",
                f"Choose 1 to {len(begins)} as data_set.",
            )
        return _sample(file, begins, data_set - 1, offsets, findings)
    if len(begins) == 1:
        return _sample(file, begins, 0, offsets, findings)
    samples = [_sample(file, begins, number, offsets, findings) for number in range(len(begins))]
    if len(samples) == 2 and _same_events(*samples):
        note = "the file holds the same events twice: read is data set 2, in full resolution"
        twin = samples[1]
        return Sample(
            twin.file, twin.sha256, twin.channels, twin.events, twin.keywords, (*twin.findings, note)
        )
    sizes = ", ".join(
        f"{number}: {sample.count} events of {len(sample.channels)} channels"
        + (f" ({name})" if (name := sample.keywords.get("$FIL", "").strip()) else "")
        for number, sample in enumerate(samples[:20], 1)
    )
    raise FcsError(
        file.path,
        "data sets",
        f"the file holds {len(samples)} ({sizes})",
        "Choose one, for example data_set=1.",
    )


def read_all(path: Path | str, offsets: Source | None = None) -> list[Sample]:
    """Every data set of a file, in its order. Raises FcsError."""
    file = _opened(path)
    begins, findings = _data_sets(file)
    return [_sample(file, begins, number, offsets, findings) for number in range(len(begins))]


def _opened(path: Path | str) -> _File:
    path = Path(path)
    try:
        if not path.is_file():
            cause = "it is a folder or a device" if path.exists() else "there is no such file"
            raise FcsError(str(path), "file", cause, "Give the path of an FCS file.")
        with path.open("rb") as stream:
            if (start := stream.read(LENGTH))[:3] != b"FCS":  # a film, perhaps: it is not read to its end
                header(memoryview(start), str(path))
            stream.seek(0)
            data = stream.read()
    except (OSError, ValueError) as error:
        raise FcsError(
            str(path), "file", f"it cannot be opened ({error})", "Check its name and permissions."
        ) from None
    return _File(str(path), path.name, hashlib.sha256(data).hexdigest(), memoryview(data))


def _data_sets(file: _File) -> tuple[list[int], tuple[str, ...]]:
    """Where each data set begins, following $NEXTDATA, which counts from the beginning of its own."""
    begins = [0]
    while True:
        begin = begins[-1]
        rest = file.data[begin:]
        keywords = text(rest, header(rest, file.path).text, file.path).keywords
        value = keywords.get("$NEXTDATA", "").strip()
        step = integer(value) if value else 0
        if step == 0:
            return begins, ()
        if step is not None and step >= LENGTH and bytes(rest[step : step + 3]) == b"FCS":
            begins.append(begin + step)
            continue
        return begins, (
            f"$NEXTDATA is {value}, where no data set begins: the file may be cut after this one",
        )


def _sample(
    file: _File, begins: list[int], number: int, offsets: Source | None, findings: tuple[str, ...]
) -> Sample:
    last = number + 1 == len(begins)
    data = file.data[begins[number] : None if last else begins[number + 1]]
    head = header(data, file.path)
    main = text(data, head.text, file.path)
    if (mode := main.keywords.get("$MODE", "").strip().upper()) not in ("L", ""):
        raise FcsError(
            file.path,
            "$MODE",
            f"it is {mode!r}: a histogram, not a list of events",
            "Export it in list mode.",
        )
    described, _ = parameters(main.keywords, file.path)
    total = (
        whole(main.keywords, "$TOT", file.path)
        if head.version != "FCS2.0" or "$TOT" in main.keywords
        else None
    )
    space = Space(data, sum(each.width for each in described), total, main.extent)
    place = layout(head, main.keywords, space, file.path, offsets)
    little = little_endian(main.keywords.get("$BYTEORD", ""), {each.width for each in described}, file.path)
    _aligned(file, data, place, described, little, space)
    events = Segment(place.begin, place.begin + place.count * space.size - 1)
    keywords, supplement = _supplemented(file, data, main, events)
    described, odd = parameters(keywords, file.path)
    values, masked = decoded(data[events.begin : events.end + 1], described, place.count, little, file.path)
    return Sample(
        file=file.name,
        sha256=file.sha256,
        channels=tuple(each.channel for each in described),
        events=values,
        keywords=keywords,
        findings=(
            *main.findings,
            *supplement,
            *odd,
            *place.findings,
            *masked,
            *(() if mode else ("$MODE is missing: DATA has the length of a list of events, and is one",)),
            *_unclaimed(data, main.extent.end + 1, events.begin),
            *judged(data, 1 + max(each.end for each in (events, head.text, head.analysis) if each)),
            *(findings if last else ()),
        ),
    )


def _aligned(
    file: _File, data: memoryview, place: Layout, described: list[Parameter], little: bool, space: Space
) -> None:
    """Where DATA is one byte too long or short, its begin may be wrong, or its end: the values tell."""
    other = place.begin + place.shift
    length = place.count * space.size
    if (
        not place.shift
        or not place.count
        or other + length > len(data)
        or other <= space.text.end < other + length
    ):
        return
    here, there = (
        strange(data[begin : begin + length], described, place.count, little)
        for begin in (place.begin, other)
    )
    # Many programs give the byte after the last as the end, so that this needs no proof; the rest does.
    if there < here or (there == here and place.shift < 0):
        raise FcsError(
            file.path,
            "DATA",
            f"it is declared one byte too {'long' if place.shift > 0 else 'short'}: whether its first byte is"
            f" {place.begin} or {other} is not certain",
            "Export the file again.",
        )


def _supplemented(
    file: _File, data: memoryview, main: Text, events: Segment
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The keywords with those of the supplemental TEXT, if there is one."""
    segment = declared(main.keywords, "STEXT", file.path)
    if segment is None or segment.length < 2:
        return main.keywords, ()
    if segment.begin == main.extent.begin:
        return main.keywords, ("the supplemental TEXT is declared where TEXT is: there is none",)
    if segment.overlaps(events) or segment.overlaps(main.extent) or segment.begin < LENGTH:
        raise FcsError(
            file.path,
            "$BEGINSTEXT",
            f"the supplemental TEXT, {segment}, overlaps another segment",
            "Its keywords are not known; export the file again.",
        )
    more = text(data, segment, file.path, "supplemental TEXT")
    keywords, findings = merged(main, more, file.path)
    return keywords, (*more.findings, *findings)


def _unclaimed(data: memoryview, begin: int, end: int) -> tuple[str, ...]:
    """A finding if there is something between TEXT and DATA: TEXT may be longer than declared."""
    if not bytes(data[begin:end]).strip(b" \0\r\n"):
        return ()
    return (f"bytes {begin} to {end - 1}, between TEXT and DATA, belong to nothing: keywords may be lost",)


def _same_events(coarse: Sample, fine: Sample) -> bool:
    """Whether a channel of the first is, event for event, one of the second in fewer bits."""
    if coarse.count != fine.count or not coarse.count or len(coarse.channels) != len(fine.channels):
        return False
    for row, (one, other) in enumerate(zip(coarse.channels, fine.channels, strict=True)):
        values = coarse.events[row]
        if other.range > one.range >= 2 and values.min() < values.max():
            shifted = np.floor(fine.events[row].astype(np.float64) * one.range / other.range)
            if np.array_equal(shifted, values):
                return True
    return False
