"""Events against people: the region that stops, and where the trial went."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Boundary
from trialrun.report.figures.cells import Cells
from trialrun.report.figures.figure import BLUE, VERMILION, WIDTH, Drawing, data, layered, tips

ACROSS, HEIGHT = WIDTH - 70, 230


def boundary(drawn: Boundary, cells: Cells) -> Drawing:
    """Limits are drawn whether or not anyone has been treated."""
    column = cells.columns[-1].key
    limits = _points(cells, drawn.limits, "stop_at", column)
    path = _points(cells, drawn.path, "events", column) if drawn.path else []
    if not limits and not path:
        return Drawing(None, "")
    language, code = cells.language, cells.language.code
    if path:
        said = language("picture.boundary", events=f"{path[-1]['k']:.0f}", n=f"{path[-1]['n']:.0f}")
    else:
        said = language("picture.boundary.none")
    reached = any(one["n"] == limit["n"] and one["k"] >= limit["k"] for one in path for limit in limits)
    said += " " + language("boundary.reached.short" if reached else "boundary.not.reached")
    return Drawing(_chart(drawn, cells, limits, path, code), said)


def _points(cells: Cells, row: str, statistic: str, column: str) -> list[dict[str, Any]]:
    """n and how many events (``k``) of every line that has both."""
    found = []
    for one in cells.lines(row):
        n, k = one.value("n", column), one.value(statistic, column)
        if n is not None and k is not None:
            found.append({"n": n, "k": k, "said": one.text(column), "title": one.title})
    return found


def _chart(
    drawn: Boundary, cells: Cells, limits: list[dict[str, Any]], path: list[dict[str, Any]], code: str
) -> Any:
    import altair as alt

    n_max = int(max(one["n"] for one in [*limits, *path]))
    top = max(one["k"] for one in [*limits, *path]) + 1.5
    xs, ys = alt.Scale(domain=[0, n_max + 0.5], nice=False), alt.Scale(domain=[-0.3, top], nice=False)
    every = 1 if n_max <= 25 else 5
    across = alt.Axis(values=list(range(0, n_max + 1, every)), grid=False, format="d")
    x = alt.X("n:Q", scale=xs, title=drawn.x_title(code), axis=across)
    y = alt.Y("k:Q", scale=ys, title=drawn.y_title(code),
              axis=alt.Axis(values=list(range(int(top) + 1)), format="d"))  # fmt: skip
    stops = [
        {"from": one["n"] - 0.5, "to": one["n"] + 0.5, "k": one["k"] - 0.5, "top": top, "title": one["title"],
         "said": one["said"]}
        for one in limits
    ]  # fmt: skip
    layers: list[Any] = []
    if stops:
        base, along = (
            alt.Chart(data(stops)),
            alt.X("from:Q", scale=xs, title=drawn.x_title(code), axis=across),
        )
        region = base.mark_rect(color=VERMILION, opacity=0.18)
        hints = tips(("title", drawn.x_title(code)), ("said", drawn.stop(code)))
        layers.append(region.encode(x=along, x2=alt.X2("to:Q"), y=y, y2=alt.Y2("top:Q"), tooltip=hints))
        layers.append(base.mark_rule(color=VERMILION, strokeWidth=2).encode(x=along, x2=alt.X2("to:Q"), y=y))
        word = alt.Chart(data([{"n": n_max + 0.35, "k": top - 0.2, "words": drawn.stop(code)}]))
        mark = word.mark_text(align="right", baseline="top", fill=VERMILION, fontWeight="bold")
        layers.append(mark.encode(x=x, y=y, text=alt.Text("words:N")))
    if path:
        steps = [{"n": 0, "k": 0, "order": -1, "said": "", "title": ""}]
        steps += [{**one, "order": place} for place, one in enumerate(path)]
        base = alt.Chart(data(steps)).encode(x=x, y=y)
        layers.append(base.mark_line(color=BLUE, strokeWidth=2.5).encode(order=alt.Order("order:O")))
        dots = alt.Chart(data(steps[1:])).mark_point(filled=True, color=BLUE, size=50, opacity=1)
        layers.append(dots.encode(x=x, y=y, tooltip=tips(("title", " "), ("said", drawn.y_title(code)))))
    return layered(*layers, width=ACROSS, height=HEIGHT)
