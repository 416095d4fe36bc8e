"""The pages that people read: one HTML file each, from a template, that needs nothing else."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def environment() -> Environment:
    """Where templates are found, with the style that all pages share."""
    environment = Environment(
        loader=PackageLoader("trialrun.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["style"] = Markup(environment.loader.get_source(environment, "page.css")[0])  # type: ignore[union-attr]
    environment.filters["drawing"] = Markup
    return environment
