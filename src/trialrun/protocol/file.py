"""A file on disk: whole or not there, and known by its SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["sha256", "whole"]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Write a file beside its place, which it takes when it is complete; what failed leaves nothing.

        with whole(path) as part:
            part.write_text(text, "utf-8")

    Raises OSError as the disk does. Two writers of one file at once are not told apart.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, which need not fit into memory. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
