"""Peak against peak in multiples of the upper limit of normal, for liver injury by drugs."""

from __future__ import annotations

from typing import Any

from trialrun.protocol.figure import Edish
from trialrun.report.figures.cells import Cells, known, shortened
from trialrun.report.figures.figure import BLUE, GREY, INK, VERMILION, WIDTH, Drawing, data, layered, tips

SIDE, HEIGHT = WIDTH - 150, 340
CORNERS = (("hy", 1, 1), ("cholestasis", 0, 1), ("temple", 1, 0), ("normal", 0, 0))  # name, right, top


def edish(drawn: Edish, cells: Cells) -> Drawing:
    """A point for everyone who has both peaks. Beyond both limits is where Hy's law may hold, beyond one
    Temple's corollary or cholestasis (FDA, Drug-Induced Liver Injury, 2009)."""
    code = cells.language.code
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    points: list[dict[str, Any]] = [
        {"who": names[row.text(drawn.who)], "x": x, "y": y, "x_said": row.text(drawn.x),
         "y_said": row.text(drawn.y), "beyond": x > drawn.x_limit or y > drawn.y_limit}
        for row, (x, y) in known(rows, drawn.x, drawn.y)
        if min(x, y) > 0
    ]  # fmt: skip
    if not points:
        return Drawing(None, "")
    said = cells.language("picture.edish", count=len(points), x=drawn.x_title(code), y=drawn.y_title(code))
    stated = cells.statements(cells.stated())
    return Drawing(_chart(drawn, cells, points), f"{said} {stated}".strip())


def _chart(drawn: Edish, cells: Cells, points: list[dict[str, Any]]) -> Any:
    import altair as alt

    language, code = cells.language, cells.language.code
    ticks = [0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100]
    scales = []
    for key, most in (("x", float(drawn.x_limit)), ("y", float(drawn.y_limit))):
        held = [one[key] for one in points]
        scales.append([min(0.2, *held) * 0.85, max(most * 4, *held) * 1.25])
    xs, ys = (alt.Scale(type="log", domain=one, nice=False) for one in scales)
    across, up = (alt.Axis(values=ticks, format="~r", grid=False) for _ in range(2))
    x, y = (
        alt.X("x:Q", title=drawn.x_title(code), scale=xs, axis=across),
        alt.Y("y:Q", title=drawn.y_title(code), scale=ys, axis=up),
    )
    limit = alt.Chart(data([{"x": drawn.x_limit, "y": drawn.y_limit}]))
    dash: dict[str, Any] = {"color": GREY, "strokeDash": [5, 4]}
    layers: list[Any] = [limit.mark_rule(**dash).encode(x=x), limit.mark_rule(**dash).encode(y=y)]
    for name, right, top in CORNERS:
        corner = {"x": scales[0][right], "y": scales[1][top], "words": language(f"picture.edish.{name}")}
        look: dict[str, Any] = {"align": "right" if right else "left", "baseline": "top" if top else "bottom"}
        look |= {"dx": -6 if right else 6, "dy": 6 if top else -6, "fill": GREY}
        layers.append(alt.Chart(data([corner])).mark_text(**look).encode(x=x, y=y, text=alt.Text("words:N")))
    base = alt.Chart(data(points)).encode(x=x, y=y)
    ink = alt.Color("beyond:N", legend=None, scale=alt.Scale(domain=[False, True], range=[BLUE, VERMILION]))
    form = alt.Shape(
        "beyond:N", legend=None, scale=alt.Scale(domain=[False, True], range=["circle", "diamond"])
    )
    hints = tips(
        ("who", cells.title(drawn.of, drawn.who)),
        ("x_said", drawn.x_title(code)),
        ("y_said", drawn.y_title(code)),
    )
    dots = base.mark_point(filled=True, size=80, opacity=0.85, stroke="white", strokeWidth=0.8)
    layers.append(dots.encode(color=ink, shape=form, tooltip=hints))
    far = [one for one in points if one["beyond"]]
    if far:
        who = alt.Chart(data(far)).mark_text(dx=9, align="left", fontSize=11, fill=INK)
        layers.append(who.encode(x=x, y=y, text=alt.Text("who:N")))
    return layered(*layers, width=SIDE, height=HEIGHT)
