"""A line for each participant over time, with the middle of all and shaded times."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from trialrun.protocol.figure import Middle, Profiles, Shade
from trialrun.report.figures.cells import Cells, known, shortened
from trialrun.report.figures.figure import (
    BAND,
    BLUE,
    GREY,
    VERMILION,
    WIDTH,
    Drawing,
    data,
    heights,
    layered,
    rules,
    time_axis,
    tips,
    y_at,
)

ACROSS, HEIGHT = WIDTH - 70, 290
LETTER = 6.4  # about the width of one at 11 pixels, with some room


def profiles(drawn: Profiles, cells: Cells) -> Drawing:
    """Every participant's values over time; of a logarithmic axis those above nothing."""
    code, log = cells.language.code, drawn.scale == "log"
    rows = cells.listed(drawn.of)
    names = shortened([row.text(drawn.who) for row in rows])
    points: list[dict[str, Any]] = [
        {
            "who": names[row.text(drawn.who)],
            "x": x,
            "y": y,
            "day": row.text(drawn.x),
            "said": row.text(drawn.y),
        }
        for row, (x, y) in known(rows, drawn.x, drawn.y)
        if not log or y > 0
    ]
    if not points:
        return Drawing(None, "")
    middle = _middle(drawn.middle, cells) if drawn.middle else []
    lines = [(float(one.at), one.title(code) if one.title else "") for one in drawn.lines]
    alt_text = cells.language(
        "picture.profiles", count=len({one["who"] for one in points}), y=drawn.y_title(code)
    )
    if middle and drawn.middle:
        first, last, title = middle[0], middle[-1], drawn.middle.title(code)
        alt_text += " " + cells.language(
            "picture.profiles.middle", title=title, at=first["about"], value=first["said"],
            end=last["about"], last=last["said"],
        )  # fmt: skip
    titles = cells.title(drawn.of, drawn.who), drawn.x_title(code), drawn.y_title(code)
    return Drawing(_chart(drawn, cells, points, middle, lines, titles), alt_text)


def _middle(middle: Middle, cells: Cells) -> list[dict[str, Any]]:
    """The points of the middle, in the order of the axis."""
    column = cells.columns[-1].key
    places = {
        key: one.value(middle.statistic, column) for key, _, one in cells.along(middle.x, middle.statistic)
    }
    found = [
        {
            "x": places.get(key),
            "y": one.value(middle.statistic, column),
            "about": words,
            "said": one.text(column),
        }
        for key, words, one in cells.along(middle.y, middle.statistic)
    ]
    kept = [one for one in found if one["x"] is not None and one["y"] is not None]
    return sorted(kept, key=lambda one: float(one["x"]))


def shaded(shade: Shade | None, cells: Cells) -> list[dict[str, Any]]:
    """Bands: where each begins and ends, half a unit beyond either end, and its words."""
    if shade is None:
        return []
    column = cells.columns[-1].key
    ends = {
        key: one.value(shade.statistic, column) for key, _, one in cells.along(shade.end, shade.statistic)
    }
    bands = []
    for key, words, one in cells.along(shade.begin, shade.statistic):
        begin, end = one.value(shade.statistic, column), ends.get(key)
        if begin is not None and end is not None:
            bands.append({"from": begin - 0.5, "to": end + 0.5, "middle": (begin + end) / 2, "words": words})
    return bands


def bands(found: list[dict[str, Any]], scale: Any) -> list[Any]:
    """The layers of bands, their words above the frame; of bands that stand close only the first in full."""
    import altair as alt

    if not found:
        return []
    first, last = scale["domain"]
    unit = ACROSS / (last - first)
    pairs = pairwise(sorted(found, key=lambda one: float(one["middle"])))
    close = any((b["middle"] - a["middle"]) * unit < LETTER * len(b["words"]) for a, b in pairs)
    named = [
        {**one, "words": one["words"].split()[-1] if close and place else one["words"]}
        for place, one in enumerate(found)
    ]
    base = alt.Chart(data(named))
    band = base.mark_rect(color=BAND).encode(x=alt.X("from:Q", scale=scale), x2=alt.X2("to:Q"))
    words = base.mark_text(dy=-5, fill=GREY, fontSize=11, baseline="bottom")
    return [band, words.encode(x=alt.X("middle:Q", scale=scale), y=y_at(0), text=alt.Text("words:N"))]


def _chart(
    drawn: Profiles,
    cells: Cells,
    points: list[dict[str, Any]],
    middle: list[dict[str, Any]],
    lines: list[tuple[float, str]],
    titles: tuple[str, str, str],
) -> Any:
    import altair as alt

    days, log = [one["x"] for one in points], drawn.scale == "log"
    values = [*(one["y"] for one in points), *(at for at, _ in lines)]
    within = alt.Scale(domain=[min(*days, 1) - 6, max(*days, 30) + 8], nice=False)
    x = alt.X("x:Q", title=titles[1], scale=within, axis=time_axis(max(*days, 30), min(days)))
    y, scale = heights(titles[2], values, log, zero=drawn.zero)
    hints = tips(("who", titles[0]), ("day", titles[1]), ("said", titles[2]))
    dot: dict[str, Any] = {"size": 16, "color": BLUE, "opacity": 0.55}
    people = alt.Chart(data(points)).encode(x=x, y=y, detail=alt.Detail("who:N"), order=alt.Order("x:Q"))
    layers = [
        *bands(shaded(drawn.shade, cells), within),
        *rules(lines, scale, ACROSS),
        people.mark_line(color=BLUE, opacity=0.32, strokeWidth=1.2),
        people.mark_point(filled=True, **dot).encode(tooltip=hints),
    ]
    if middle and drawn.middle:
        layers += _line(middle, drawn.middle.title(cells.language.code), x, y)
    return layered(*layers, width=ACROSS, height=HEIGHT)


def _line(middle: list[dict[str, Any]], name: str, x: Any, y: Any) -> list[Any]:
    """The middle of everyone, named where it stands highest, away from its crowded end."""
    import altair as alt

    base = alt.Chart(data(middle)).encode(x=x, y=y, order=alt.Order("x:Q"))
    word = alt.Chart(data([max(middle, key=lambda one: float(one["y"]))])).encode(x=x, y=y)
    place: dict[str, Any] = {"text": name, "fontWeight": "bold", "align": "left", "dx": 8, "dy": -12}
    hints = tips(("about", name), ("said", name))
    return [
        base.mark_line(color="white", strokeWidth=5),
        base.mark_line(color=VERMILION, strokeWidth=3),
        base.mark_point(color=VERMILION, filled=True, size=45, opacity=1).encode(tooltip=hints),
        word.mark_text(**place, stroke="white", strokeWidth=5, strokeJoin="round"),
        word.mark_text(**place, fill=VERMILION),
    ]
