"""A drawing (SVG) as it is put on paper: by itself, and as points where a format knows no lines."""

from __future__ import annotations

import re

_SPACES = ' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_SIZE = re.compile(r'viewBox="[-\d.]+[ ,][-\d.]+[ ,]([\d.]+)[ ,]([\d.]+)"')


def alone(svg: str) -> str:
    """The drawing outside a page, where it has to say what it is."""
    return svg if "xmlns=" in svg else svg.replace("<svg", f"<svg{_SPACES}", 1)


def size(svg: str, across: float, high: float) -> tuple[float, float]:
    """Width and height of the drawing, as large as these allow, in their unit."""
    found = _SIZE.search(svg)
    shape = float(found[2]) / float(found[1]) if found else high / across
    width = min(across, high / shape)
    return width, width * shape


def png(svg: str, scale: float = 3) -> bytes:
    """The drawing as points, ``scale`` for each of its own."""
    import vl_convert  # here, as it is large

    drawn: bytes = vl_convert.svg_to_png(alone(svg), scale=scale)
    return drawn
