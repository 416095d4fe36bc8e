"""A palette for densities: from dark violet to bright yellow, its lightness even and always rising.

So it reads alike for colour-blind people and in grey. Made in Oklab, whose matrices are those of Ottosson
2020 (bottosson.github.io/posts/oklab; not verified: an error would only change the shades).
"""

from __future__ import annotations

import math
from functools import cache

LEVELS = 32


@cache
def palette() -> bytes:
    """LEVELS colours, three bytes each, from the fewest events to the most."""
    found = bytearray()
    for level in range(LEVELS):
        share = level / (LEVELS - 1)
        found += _srgb(0.36 + 0.56 * share, 0.13 + 0.02 * share, math.radians(290 - 185 * share))
    return bytes(found)


def swatches(number: int) -> list[str]:
    """So many colours of the palette, as CSS writes them, for its key."""
    colours = palette()
    places = [round(place * (LEVELS - 1) / (number - 1)) for place in range(number)]
    return [f"#{colours[3 * place : 3 * place + 3].hex()}" for place in places]


def _srgb(light: float, chroma: float, hue: float) -> bytes:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return bytes(round(255 * _gamma(min(max(one, 0.0), 1.0))) for one in linear)


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
