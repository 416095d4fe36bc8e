"""A boundary that suspends inclusions, and the path of this trial under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialrun.analysis.boundary import from_steps
from trialrun.report.figures.figure import BLUE, VERMILION, WIDTH, Figure, Rows, data, draw
from trialrun.report.language import Language


def boundary(name: str, title: str, found: Mapping[str, Any], language: Language) -> Figure:
    """Events against participants dosed: the region that stops, and where the trial went."""
    standing = found["standing"]
    n_max = max(found["n_max"], standing["n"], found["steps"][0][0])
    limits = from_steps([(n, k) for n, k in found["steps"] if n <= n_max], n_max).stop_at
    path = standing["path"]
    body = tuple(
        (str(n), language("boundary.none") if k is None else f"≥ {k}", _events_at(path, n))
        for n, k in enumerate(limits, 1)
    )
    return Figure(
        id=f"boundary-{name}",
        title=title,
        label=language("boundary.label", events=standing["events"], n=standing["n"]),
        svg=draw(_chart(limits, path, n_max, language), f"boundary-{name}", language),
        rows=Rows((language("boundary.dosed"), language("boundary.stop"), language("boundary.here")), body),
        key=(("stop", language("boundary.region")), ("step", language("boundary.path"))),
    )


def _events_at(path: list[dict[str, Any]], n: int) -> str:
    """The most events there were while n participants had been dosed."""
    found = [step["events"] for step in path if step["n"] == n]
    return str(max(found)) if found else "–"


def _chart(limits: tuple[int | None, ...], path: list[dict[str, Any]], n_max: int, language: Language) -> Any:
    import altair as alt

    top = max(k for k in limits if k is not None) + 1.5
    stops = [{"from": n - 0.5, "to": n + 0.5, "k": k - 0.5, "top": top} for n, k in enumerate(limits, 1) if k]
    x = alt.Scale(domain=[0.5, n_max + 0.5], nice=False)
    y = alt.Scale(domain=[-0.3, top], nice=False)
    down = alt.Y("k:Q", scale=y, title=language("boundary.axis"),
                 axis=alt.Axis(values=list(range(int(top) + 1)), format="d"))  # fmt: skip
    across = alt.Axis(values=list(range(1, n_max + 1)), grid=False, format="d")
    along = alt.X("from:Q", scale=x, title=language("boundary.dosed"), axis=across)
    region = alt.Chart(data(stops)).mark_rect(color=VERMILION, opacity=0.18)
    region = region.encode(x=along, x2="to:Q", y=down, y2="top:Q")
    edge = alt.Chart(data(stops)).mark_rule(color=VERMILION, strokeWidth=2)
    edge = edge.encode(x=alt.X("from:Q", scale=x), x2="to:Q", y=down)
    word = alt.Chart(data([{"n": n_max + 0.4, "k": top - 0.25}])).mark_text(
        text=language("boundary.word"), align="right", baseline="top", color=VERMILION, fontWeight="bold"
    )
    word = word.encode(x=alt.X("n:Q", scale=x), y=down)
    steps = data([{**step, "k": step["events"], "order": i} for i, step in enumerate(path)])
    trial = alt.Chart(steps).encode(x=alt.X("n:Q", scale=x), y=down)
    line = trial.mark_line(color=BLUE, strokeWidth=2.5).encode(order="order:O")
    dots = trial.mark_point(filled=True, color=BLUE, size=45, opacity=1)
    return alt.layer(region, edge, word, line, dots).properties(width=WIDTH - 70, height=200)
