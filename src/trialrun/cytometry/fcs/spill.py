"""The spillover matrix that a file carries, and whether its values are compensated already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..sample import Sample
from .error import FcsError
from .number import decimal, integer

# $SPILLOVER is FCS 3.1's, SPILL that of BD's FCS 3.0; the others were seen in files. Where several are there,
# the first counts. DET_SPILL names detectors by their filters and stands beside SPILL, so that it comes last.
KEYWORDS = ("$SPILLOVER", "SPILLOVER", "SPILL", "$SPILL", "$COMP", "COMP", "DET_SPILL")
BLANK = {"", "0", "EMPTY", "NONE"}


def spill(sample: Sample) -> tuple[tuple[str, ...], NDArray[np.float64]] | None:
    """The channels and their matrix, or None if the file carries none.

    The matrix has a row for each dye and a column for each detector, as in the file: compensated events are
    events × channels @ inverse(matrix). Channels are names ($PnN); a file may give their numbers instead.
    Raises FcsError for a matrix that does not fit the file or cannot be inverted.
    """
    for keyword in KEYWORDS:
        value = sample.keywords.get(keyword, "").strip()
        if value.upper() not in BLANK and _subtracted(value) is None:
            return _parsed(sample, keyword, value)
    return None


def compensated(sample: Sample) -> str | None:
    """Why the values are to be taken as compensated already; None if nothing says so.

    Channels are called "Comp-…" (as FlowJo exports them), or a $COMP tells what the electronics subtracted.
    The flag APPLY COMPENSATION is no such sign: see `asks_for_compensation`.
    """
    names = [name for name in sample.names if name.lower().startswith(("comp-", "fj_comp_"))]
    if names:
        return f"channels are called {', '.join(names)}"
    for keyword in ("$COMP", "COMP"):
        subtracted = _subtracted(sample.keywords.get(keyword, ""))
        if subtracted is not None and any(subtracted):
            return f"{keyword} tells what the electronics subtracted"
    return None


def uncompensated(sample: Sample) -> bool:
    """Whether the file carries a matrix that changes something, and nothing says that it was applied."""
    try:
        found = spill(sample)
    except FcsError:
        return True
    if found is None or np.array_equal(found[1], np.eye(len(found[0]))):
        return False
    return compensated(sample) is None


def asks_for_compensation(sample: Sample) -> bool | None:
    """The flag APPLY COMPENSATION: whether the matrix is to be applied when the file is read.

    It does not say that the values are compensated: in Diva's files, where it is TRUE, they are not. None if
    the file says nothing.
    """
    for keyword in ("APPLY COMPENSATION", "APPLY_COMPENSATION"):
        flag = sample.keywords.get(keyword, "").strip().upper()
        if flag in ("TRUE", "FALSE"):
            return flag == "TRUE"
    return None


def _subtracted(value: str) -> list[float] | None:
    """FCS 3.0's $COMP: n, then n × n percentages of what was subtracted, without names; else None."""
    numbers = [decimal(part) for part in value.split(",")]
    size = integer(value.split(",")[0])
    if size is None or len(numbers) != 1 + size * size or None in numbers:
        return None
    return [number for number in numbers[1:] if number is not None]


def _parsed(sample: Sample, keyword: str, value: str) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    parts = [part.strip() for part in value.replace("\n", ",").split(",")]
    while parts and not parts[-1]:  # some programs end the list with a comma
        parts.pop()
    size = integer(parts[0]) if parts else None
    if not size:
        raise _bad(sample, keyword, "it does not begin with a number of channels")
    if len(parts) != 1 + size + size * size:
        many = len(parts) - 1 - size
        hint = "; a decimal comma?" if many > size * size else "; it is cut?" if many < size * size else ""
        raise _bad(sample, keyword, f"{size} channels need {size * size} values, but it has {many}{hint}")
    names = _named(sample, keyword, parts[1 : 1 + size])
    numbers = [decimal(part) for part in parts[1 + size :]]
    if None in numbers:
        wrong = parts[1 + size + numbers.index(None)]
        raise _bad(sample, keyword, f"{wrong!r} is not a number")
    matrix = np.array(numbers, dtype=np.float64).reshape(size, size)
    if (np.diagonal(matrix) <= 0).any():
        raise _bad(sample, keyword, "a dye does not show in its own channel: the diagonal is not positive")
    if np.linalg.matrix_rank(matrix) < size:
        raise _bad(sample, keyword, "the matrix cannot be inverted")
    return names, matrix


def _named(sample: Sample, keyword: str, given: list[str]) -> tuple[str, ...]:
    """The channels by name; by number, if that is what all are and no channel is called so."""
    known = set(sample.names)
    numbers = [integer(name) for name in given]
    if not known & set(given) and all(number and number <= len(sample.channels) for number in numbers):
        given = [sample.channels[number - 1].name for number in numbers if number]
    unknown = sorted(set(given) - known)
    if unknown:
        raise _bad(sample, keyword, f"the file has no channel {', '.join(unknown)}")
    if len(set(given)) < len(given):
        raise _bad(sample, keyword, "it names a channel twice")
    return tuple(given)


def _bad(sample: Sample, keyword: str, cause: str) -> FcsError:
    return FcsError(sample.file, keyword, cause, "Correct it, or give the compensation matrix yourself.")
