"""What makes the drawings of a page answer to the pointer: Vega, kept in `vendor`, and a piece of ours."""

from __future__ import annotations

from functools import cache
from importlib import resources

_HERE = resources.files("trialrun.report.figures")
SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What vl-convert bundles Vega Embed for; see `vendor/README.md` for how the file is made again."""


@cache
def script() -> str:
    """The script of a page with figures, some 900 kB. It has Vega's interpreter of expressions, so that a
    policy that names it by its hash needs no ``unsafe-eval``. It takes the specifications from a JSON block
    ``figures`` (output -> specification) and replaces the drawing in each ``<figure data-figure="output">``.
    """
    return f"{kept()}\n{(_HERE / 'page.js').read_text('utf-8')}"


def kept() -> str:
    """Vega, Vega-Lite, Vega Embed and what they need, in one."""
    return (_HERE / "vendor" / "vega.js").read_text("utf-8")
