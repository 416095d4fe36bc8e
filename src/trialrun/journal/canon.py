"""The one text of a value: JSON canonicalised by RFC 8785, and its SHA-256.

RFC 8785 (JCS) fixes key order, number format and escapes, so equal values have equal bytes. JSON has
one kind of number: 2.0 is written `2` and read back as an int.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

import rfc8785

from trialrun.journal.errors import Unstorable

# Beyond ±(2^53 - 1) a double no longer holds every integer (RFC 7493, section 2.2).
LARGEST = 2**53 - 1


def canonical(value: object) -> str:
    """The RFC 8785 text of `value`. Raises Unstorable, naming each part that has none."""
    try:
        return rfc8785.dumps(value).decode()  # type: ignore[arg-type]  # anything else is refused below
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise Unstorable("; ".join(_faults(value, "")) or f"no canonical text: {error}") from error


def digest(text: str | bytes) -> str:
    """SHA-256 of a text (as UTF-8), 64 hexadecimal digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def parse(text: str) -> Any:
    """The value of a canonical text. Raises ValueError if it is not JSON."""
    return _DECODER.decode(text)


def _integer(digits: str) -> int | float:
    """An integral number; a double writes its integers in full up to 1e21, so a long one was a double."""
    number = int(digits)
    return number if abs(number) <= LARGEST else float(number)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse)


def _faults(value: object, path: str) -> Iterator[str]:
    """Where and why `value` has no canonical text, each with its cure."""
    place = path.lstrip(".") or "the value"
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            yield f"{place}: half a character (a lone surrogate); type the text again"
    elif isinstance(value, int):
        if abs(value) > LARGEST:
            yield f"{place}: {value} is beyond ±(2^53 - 1); store it as text"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{place}: {value} is not a number; store None, and why it is missing beside it"
    elif isinstance(value, dict):
        for key, each in value.items():
            if isinstance(key, str):
                yield from _faults(key, f"{path}.{key}")
                yield from _faults(each, f"{path}.{key}")
            else:
                yield f"{place}: the key {key!r} is not text; write it as text"
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _faults(each, f"{path}[{index}]")
    else:
        yield f"{place}: {type(value).__name__} is not storable; make it plain text, number, list or dict"
