"""Numbers as keywords spell them."""

from __future__ import annotations

import re

INTEGER = re.compile(r"\s*\+?(\d{1,18})\s*", re.ASCII)
DECIMAL = re.compile(
    r"\s*[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})(e[+-]?\d{1,3})?\s*", re.ASCII | re.IGNORECASE
)


def integer(value: str) -> int | None:
    """A whole number of at most 18 digits, not negative; None if it is anything else."""
    found = INTEGER.fullmatch(value)
    return int(found[1]) if found else None


def decimal(value: str) -> float | None:
    """A finite number, with a point or (some programs) one comma for it; None if it is anything else."""
    value = value.replace(",", ".") if "." not in value else value
    number = float(value) if DECIMAL.fullmatch(value) else None
    return number if number is not None and abs(number) != float("inf") else None
