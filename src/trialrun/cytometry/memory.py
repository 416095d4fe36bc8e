"""What a process does with memory that it has freed."""

from __future__ import annotations

from functools import cache

__all__ = ["reuse"]

KEPT = 64 << 20
"""Bytes that are kept for what comes next: more than a column of a large file, less than such a file."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt(3), in glibc's malloc.h


@cache
def reuse() -> None:
    """Let columns be made where others were, once and for all of this process.

    Else each large array is asked of the system and given back, and the system clears it page by page: of two
    hundred small files that was a sixth of the time, and most of what a second core could not halve. Only
    glibc has the switch; others stay as they are.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(MMAP_THRESHOLD, KEPT)
    mallopt(TRIM_THRESHOLD, KEPT)
