"""The TEXT of a data set: keywords and their values (FCS 3.1, section 3.2).

A delimiter within a value is doubled by the standard, which therefore knows no empty value; yet many
programs write empty values, so that two delimiters may mean either. Both readings are tried, and one is
taken if it alone makes sense: an even number of parts, and no keyword that is empty or holds the
delimiter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .error import FcsError
from .header import Segment

# What a number hangs on: said twice differently, it is refused. Of any other keyword the first is kept.
BINDING = re.compile(
    r"\$(BEGINDATA|ENDDATA|BYTEORD|DATATYPE|MODE|PAR|TOT|NEXTDATA|TIMESTEP|P\d+(B|R|E|G|N|DATATYPE)|COMP|SPILLOVER)"
    r"|SPILL|SPILLOVER|COMP|DET_SPILL"
)
LIMIT = 200_000  # delimiters; an assumption: the longest TEXT seen has some thousands
PADDING = b" \0\r\n"


@dataclass(frozen=True)
class Text:
    """Keywords in upper case. extent: from the delimiter that opens to the one that closes."""

    keywords: dict[str, str]
    delimiter: bytes
    extent: Segment
    findings: tuple[str, ...]


def text(data: memoryview, segment: Segment, file: str, name: str = "TEXT") -> Text:
    """The keywords in `segment` of a data set. Raises FcsError."""
    if segment.length < 2 or segment.begin < 0:
        raise FcsError(file, name, f"{segment} hold nothing", "Export the file again.")
    if segment.end >= len(data):
        raise FcsError(
            file,
            name,
            f"it should end at byte {segment.end}, but the file ends at byte {len(data) - 1}",
            "The file is cut; copy it again.",
        )
    raw = bytes(data[segment.begin : segment.end + 1])
    delimiter = raw[:1]
    if not 1 <= delimiter[0] <= 126 or delimiter.isalnum() or delimiter in b"$,.":
        raise FcsError(
            file,
            name,
            f"byte {segment.begin} should be the delimiter, but is {delimiter!r}",
            "The offsets of TEXT in HEADER are wrong; export the file again.",
        )
    body, extent, findings = _closed(raw, delimiter, segment, name)
    # Two delimiters at the end: the second may close an empty value.
    hollow = (extent.length - 1 - len(body)) % 2 == 0
    pairs = _pairs(body, delimiter, hollow, file, name)
    if any(not value for _, value in pairs):
        findings.append(f"{name} has empty values, which the standard does not allow")
    decoded, foreign = _decoded(pairs)
    keywords, doubles = _once(decoded, file, name)
    return Text(keywords, delimiter, extent, (*findings, *foreign, *doubles))


def merged(first: Text, second: Text, file: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The keywords of TEXT and its supplement."""
    return _once([*first.keywords.items(), *second.keywords.items()], file, "supplemental TEXT")


def _closed(raw: bytes, delimiter: bytes, segment: Segment, name: str) -> tuple[bytes, Segment, list[str]]:
    """What stands between the first and the last delimiter, whatever follows the last."""
    body = raw[1:].rstrip(PADDING.replace(delimiter, b""))
    findings = []
    if not body.endswith(delimiter):
        head, _, tail = body.rpartition(delimiter)
        if len(tail) == 1 and head.count(delimiter) % 2:  # the first byte of what follows TEXT
            body = head + delimiter
        else:
            findings.append(f"{name} does not end in its delimiter")
            return body, segment, findings
    extent = Segment(segment.begin, segment.begin + len(body))
    run = len(body) - len(body.rstrip(delimiter))
    # An odd run closes a value that ends in (run - 1) / 2 delimiters; an even one holds an idle one.
    keep = run - 1 if run % 2 else 0
    return body[: len(body) - run + keep], extent, findings


def _pairs(body: bytes, delimiter: bytes, hollow: bool, file: str, name: str) -> list[tuple[bytes, bytes]]:
    if (many := body.count(delimiter)) > LIMIT:
        raise FcsError(
            file, name, f"it has {many} delimiters, more than any cytometer writes", "Export it again."
        )
    plain = _whole(body.split(delimiter), hollow)
    if delimiter * 2 not in body:
        if plain is None:
            raise FcsError(
                file,
                name,
                f"its {body.count(delimiter) + 1} parts do not pair up as keywords and values",
                "A delimiter is missing or a keyword is empty; export the file again.",
            )
        return plain
    mark = b"\xff\xfe\xff"  # in no UTF-8 text, and hardly in any other
    parts = body.replace(delimiter * 2, mark).split(delimiter)
    escaped = _whole([part.replace(mark, delimiter) for part in parts], hollow)
    if escaped is not None and any(delimiter in keyword for keyword, _ in escaped):
        escaped = None
    if escaped is not None and plain is not None and escaped != plain:
        raise FcsError(
            file,
            name,
            f"the doubled delimiter {delimiter!r} may stand for itself or for an empty value",
            "Export the file with another delimiter.",
        )
    if escaped is not None:
        return escaped
    if plain is not None:
        return plain
    raise FcsError(
        file,
        name,
        f"it does not pair up as keywords and values, whether the doubled delimiter {delimiter!r} stands for"
        " itself or for an empty value",
        "Export the file again, with a delimiter that no value holds.",
    )


def _whole(parts: list[bytes], hollow: bool) -> list[tuple[bytes, bytes]] | None:
    """Keywords and values, or None if these parts cannot be that. hollow: the last value may be empty."""
    if len(parts) % 2 and hollow:
        parts = [*parts, b""]
    keywords, values = parts[::2], parts[1::2]
    if len(keywords) != len(values) or any(not keyword.strip() for keyword in keywords):
        return None
    return list(zip(keywords, values, strict=True))


def _decoded(pairs: list[tuple[bytes, bytes]]) -> tuple[list[tuple[str, str]], list[str]]:
    try:
        return [(keyword.decode(), value.decode()) for keyword, value in pairs], []
    except UnicodeDecodeError:
        latin = [(keyword.decode("latin-1"), value.decode("latin-1")) for keyword, value in pairs]
        return latin, ["TEXT is not UTF-8: read as Latin-1"]


def _once(pairs: Iterable[tuple[str, str]], file: str, name: str) -> tuple[dict[str, str], tuple[str, ...]]:
    keywords: dict[str, str] = {}
    findings = []
    for keyword, value in pairs:
        key = keyword.strip().upper()
        if keywords.setdefault(key, value) == value:
            continue
        if BINDING.fullmatch(key):
            raise FcsError(
                file,
                key,
                f"{name} has it twice, as {keywords[key]!r} and {value!r}",
                "Export the file again.",
            )
        findings.append(f"{name} has {key} twice: the first is kept")
    return keywords, tuple(findings)
