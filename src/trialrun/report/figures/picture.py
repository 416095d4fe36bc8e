"""A planned figure: drawn from the cells of its output, said in words, its table beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from trialrun.analysis.ard import Ard
from trialrun.protocol.analysis import Listed
from trialrun.protocol.figure import Densities, Drawn
from trialrun.protocol.output import Output
from trialrun.report.display import Display, display
from trialrun.report.document import Picture
from trialrun.report.figures.cells import Cells
from trialrun.report.figures.figure import Drawing, drawing, inlined, nobody, specification
from trialrun.report.figures.kinds.boundary import boundary
from trialrun.report.figures.kinds.densities import densities
from trialrun.report.figures.kinds.dots import dots
from trialrun.report.figures.kinds.edish import edish
from trialrun.report.figures.kinds.flow import flow
from trialrun.report.figures.kinds.heat_map import heat_map
from trialrun.report.figures.kinds.kaplan_meier import kaplan_meier
from trialrun.report.figures.kinds.means import means
from trialrun.report.figures.kinds.pairs import pairs
from trialrun.report.figures.kinds.profiles import profiles
from trialrun.report.figures.kinds.scatter import scatter
from trialrun.report.figures.kinds.swimmer import swimmer
from trialrun.report.figures.kinds.timeline import timeline
from trialrun.report.figures.kinds.trellis import trellis
from trialrun.report.figures.kinds.waterfall import waterfall
from trialrun.report.figures.vega import Vega
from trialrun.report.language import language as catalogue

KINDS: Mapping[str, Callable[[Any, Cells], Drawing]] = {
    "flow": flow,
    "kaplan_meier": kaplan_meier,
    "boundary": boundary,
    "profiles": profiles,
    "pairs": pairs,
    "means": means,
    "waterfall": waterfall,
    "heat_map": heat_map,
    "swimmer": swimmer,
    "scatter": scatter,
    "densities": densities,
    "dots": dots,
    "timeline": timeline,
    "trellis": trellis,
    "edish": edish,
}

Begun = Mapping[str, tuple[Picture, Future[str]]]
"""Figures that Vega is drawing: each as it is but for its drawing."""


def picture(ard: Ard, output: str, language: str = "en") -> Picture:
    """A figure of the planned outputs; one of nobody says so. ValueError where a column cannot be drawn."""
    sketched = sketch(ard, output, language)
    return replace(sketched, svg=drawing(sketched.spec, f"f{output}"))


def begun(ard: Ard, language: str, vega: Vega) -> Begun:
    """Every figure, while Vega draws it."""
    keys = (key for key, planned in ard.outputs.items() if planned.kind == "figure")
    sketched = (sketch(ard, key, language) for key in keys)
    return {one.id: (one, vega.draw(one.spec)) for one in sketched}


def finished(sketched: Picture, drawn: Future[str]) -> Picture:
    """A figure that was begun, with its drawing: waits for it."""
    return replace(sketched, svg=inlined(drawn.result(), f"f{sketched.id}"))


def sketch(ard: Ard, output: str, language: str) -> Picture:
    """The figure before it is drawn: all of it but the SVG."""
    import altair as alt

    planned, words = ard.outputs[output], catalogue(language)
    drawn = next(one for one in planned.rows.values() if isinstance(one, Drawn))
    with alt.utils.schemapi.debug_mode(False):  # the tests check every specification; a run has no need to
        made = KINDS[drawn.figure](drawn, Cells(ard, output, words))
        spec = specification(made.chart if made.chart is not None else nobody(words), words)
    return Picture(
        id=output,
        title=planned.title(language),
        alt=made.alt if made.chart is not None else words("picture.nobody"),
        spec=spec,
        svg="",
        beside=beside(ard, output, language),
        section=planned.section,
        notes=(*(one(language) for one in planned.footnotes), *made.notes),
    )


def beside(ard: Ard, output: str, language: str) -> Display:
    """The numbers of a figure as a table: its statistics; of a figure that has none what it lists first."""
    planned = ard.outputs[output]
    kept = _beside(planned)
    own = ard.of(output)
    cells = own.filter((own["line"] < 0) | own["analysis"].is_in(list(kept)))
    alone = planned.model_copy(update={"rows": kept})
    return display(replace(ard, cells=cells, outputs={**ard.outputs, output: alone}), output, language)


def _beside(planned: Output) -> dict[str, Any]:
    drawn = next(one for one in planned.rows.values() if isinstance(one, Drawn))
    # The points of a curve are no table that anyone reads.
    points = {one.of for one in drawn.curves.values()} if isinstance(drawn, Densities) else set()
    rows = {
        name: one for name, one in planned.rows.items() if not isinstance(one, Drawn) and name not in points
    }
    stated = {name: one for name, one in rows.items() if not isinstance(one, Listed)}
    return stated or dict(list(rows.items())[:1])
