"""The schedule of activities as a page: one HTML file that needs nothing else, on screens and on paper."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trialrun.report.schedule.layout import layout, spans
from trialrun.report.schedule.schedule import Schedule

PRINTED = 7.0  # points on paper at most, so that a usual schedule is one sheet


def page(made: Schedule) -> str:
    """The page as HTML. The table is whole, however wide; on paper it takes A4 if it fits, else A3."""
    laid = layout(made)
    whole = laid if len(laid.parts) == 1 else layout(made, "a3")
    return (
        _environment()
        .get_template("schedule.html.j2")
        .render(
            made=made,
            t=made.words,
            paper=whole.paper,
            size=min(whole.size, PRINTED),
            heads=spans(made.heads),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trialrun.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["style"] = Markup(environment.loader.get_source(environment, "schedule.css")[0])  # type: ignore[union-attr]
    return environment
