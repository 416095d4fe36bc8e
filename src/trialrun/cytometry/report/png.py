"""Levels as a PNG image: one byte a pixel, 0 is clear (PNG 1.2, W3C)."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def png(levels: NDArray[np.uint8], colours: bytes) -> bytes:
    """An image of rows × columns, the first row on top; level n has the n-th colour (three bytes each)."""
    height, width = levels.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = levels
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"\xff\xff\xff" + colours),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def data_url(image: bytes) -> str:
    """The image as it can stand in a page."""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
