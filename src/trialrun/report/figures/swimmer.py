"""The course of every participant: follow-up, courses by setting, doses, holds, events."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.report.comparison import title
from trialrun.report.figures.figure import (
    BLACK,
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    Figure,
    Rows,
    data,
    days_marked,
    draw,
)
from trialrun.report.language import Language
from trialrun.report.participants import Participant, event_forms

# Settings are the study's words; the first two get these colours, any further one grey.
SETTING_COLOURS = (BLUE, SKY, GREY)
# What each mark is: shape (an SVG path about the origin, or a Vega name), colour, size.
MARKS = {
    "missed": ("cross", INK, 40),
    "hold": ("M-1,-1h0.7v2h-0.7zM0.3,-1h0.7v2h-0.7z", BLACK, 30),
    "adverse": ("triangle-up", ORANGE, 70),
    "serious": ("triangle-up", VERMILION, 110),
    "event": ("diamond", PURPLE, 130),
    "stopped": ("square", BLACK, 60),
}
OFFSETS = {
    "adverse": -9,
    "serious": -9,
    "stopped": 9,
}  # above and below the bar, so that no mark hides another
ROW = 26


def swimmer(protocol: Protocol, who: Sequence[Participant], language: Language) -> Figure:
    """A bar per participant from the first dose to the last day known of."""
    settings = _settings(protocol, who)
    titles = [protocol.forms[name].title(language.code).lower() for name in event_forms(protocol)]
    forms = language.listed(titles)
    marks = [mark for one in who for mark in _marks(one)]
    seen = [kind for kind in MARKS if any(mark["kind"] == kind for mark in marks)]
    arms = {arm: title(protocol, arm, language) for arm in protocol.arms}
    key = [(f"setting-{min(i, 2)}", language.setting(setting)) for i, setting in enumerate(settings)]
    key += [("dose", language("swimmer.dose"))]
    key += [(kind, language(f"swimmer.{kind}", forms=forms)) for kind in seen]
    key += [("follow", language("swimmer.follow"))]
    key += [("ongoing", language("swimmer.ongoing"))] if any(one.ending is None for one in who) else []
    return Figure(
        id="swimmer",
        title=language("swimmer.title"),
        label=language("swimmer.label", count=len(who)),
        svg=draw(_chart(who, settings, marks, arms, language), "swimmer", language),
        rows=_rows(who, forms, arms, language),
        note=language("swimmer.note"),
        key=tuple(key),
    )


def _settings(protocol: Protocol, who: Sequence[Participant]) -> list[str]:
    """The settings that occur, those that the study file fixes first."""
    fixed = [c.setting for c in protocol.study.treatment.cycles.values() if c.setting_decision is None]
    found = [dose.setting or "unknown" for one in who for dose in one.doses]
    return [setting for setting in dict.fromkeys([*fixed, *found]) if setting in found]


def _bars(one: Participant) -> list[dict[str, Any]]:
    """One bar per course, from its first to its last dose."""
    bars = []
    for _, doses in groupby(one.doses, key=lambda dose: dose.cycle):
        listed = list(doses)
        start, end = listed[0].day - 0.5, listed[-1].day + 0.5
        bars.append({"who": one.label, "from": start, "to": end, "setting": listed[0].setting or "unknown"})
    return bars


def _marks(one: Participant) -> list[dict[str, Any]]:
    marks = [{"day": float(dose.day), "kind": "missed"} for dose in one.doses if dose.amount == 0]
    marks += [{"day": e.day, "kind": "serious" if e.serious else "adverse"}
              for e in one.adverse if e.serious or (e.grade or 0) >= 2]  # fmt: skip
    # Several events of one day are one mark: they would lie on each other.
    marks += [{"day": day, "kind": "event"} for day in sorted({event.day for event in one.events})]
    marks += [{"day": day, "kind": "hold"} for day in one.holds]
    if one.stopped is not None:
        marks.append({"day": float(one.stopped), "kind": "stopped"})
    return [{"who": one.label, **mark} for mark in marks]


def _chart(
    who: Sequence[Participant],
    settings: list[str],
    marks: list[dict[str, Any]],
    arms: dict[str, str],
    language: Language,
) -> Any:
    """``arms`` are the titles of the study's arms; the participants of each stand under theirs."""
    import altair as alt

    heads = {arm: name for arm, name in arms.items() if any(one.arm == arm for one in who)}
    order = [
        row
        for arm in heads or ("",)
        for row in [*([heads[arm]] if arm else []), *(o.label for o in who if o.arm == arm)]
    ]
    last = max((one.last_day for one in who), default=1.0)
    x = alt.Scale(domain=[0, last * 1.06 + 4], nice=False)
    ticks = [1, *days_marked(last)]
    day = alt.X("day:Q", scale=x, title=language("study.day"), axis=alt.Axis(values=ticks, grid=True))
    y = alt.Y("who:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=8))
    follow = data([{"who": one.label, "from": 0.5, "to": one.last_day} for one in who])
    line = alt.Chart(follow).mark_bar(height=7, color=PALE, cornerRadius=3)
    line = line.encode(x=alt.X("from:Q", scale=x, title=language("study.day")), x2="to:Q", y=y)
    colours = [SETTING_COLOURS[min(i, 2)] for i in range(len(settings))]
    colour = alt.Color("setting:N", scale=alt.Scale(domain=settings, range=colours), legend=None)
    bars = alt.Chart(data([bar for one in who for bar in _bars(one)])).mark_bar(height=15)
    bars = bars.encode(x=alt.X("from:Q", scale=x), x2="to:Q", y=y, color=colour)
    given = [{"who": one.label, "day": float(d.day)} for one in who for d in one.doses if d.amount > 0]
    doses = alt.Chart(data(given)).mark_tick(color="white", thickness=0.7, height=15).encode(x=day, y=y)
    layers = [line, bars, doses, *_heads(heads, x, y)]
    for kind, (shape, fill, size) in MARKS.items():
        chosen = [mark for mark in marks if mark["kind"] == kind]
        if chosen:
            point = alt.Chart(data(chosen)).mark_point(
                shape=shape, fill=fill, stroke="white", strokeWidth=0.8, size=size, opacity=1,
                yOffset=OFFSETS.get(kind, 0),
            )  # fmt: skip
            layers.append(point.encode(x=day, y=y))
    ongoing = [{"who": one.label, "day": one.last_day} for one in who if one.ending is None]
    if ongoing:
        arrow = alt.Chart(data(ongoing)).mark_text(text="▶", dx=8, color=GREY, fontSize=10)
        layers.append(arrow.encode(x=day, y=y))
    return alt.layer(*layers).properties(width=WIDTH - 90, height=ROW * len(order) + 8)


def _heads(heads: dict[str, str], x: Any, y: Any) -> list[Any]:
    """A line under the title of each arm, which stands as a row of its own."""
    import altair as alt

    if not heads:
        return []
    rows = data([{"who": name, "day": 0.0} for name in heads.values()])
    rule = alt.Chart(rows).mark_rule(color=GREY, strokeWidth=1, yOffset=9).encode(y=y)
    return [rule]


def _rows(who: Sequence[Participant], forms: str, arms: dict[str, str], language: Language) -> Rows:
    """``forms`` are the words for what endpoints count as events; without any there is no column for them."""
    body = [_row(one, arms, language) for one in who]
    columns = [key for key in COLUMNS if (key != "swimmer.events" or forms) and (key != "arm" or arms)]
    head = tuple(language(key, forms=forms) for key in columns)
    return Rows(head, tuple(tuple(row[key] for key in columns) for row in body))


COLUMNS = (
    "participant", "arm", "swimmer.given", "swimmer.missed.head", "swimmer.grade2", "swimmer.serious.head",
    "swimmer.events", "swimmer.stopped.head", "swimmer.last", "swimmer.end",
)  # fmt: skip


def _row(one: Participant, arms: dict[str, str], language: Language) -> dict[str, str]:
    graded = [e for e in one.adverse if (e.grade or 0) >= 2]
    days = sorted({int(e.day) for e in one.events})
    cells = (
        one.label,
        arms.get(one.arm, ""),
        str(sum(dose.amount > 0 for dose in one.doses)),
        str(sum(dose.amount == 0 for dose in one.doses)),
        _list(int(e.day) for e in graded),
        _list(int(e.day) for e in one.adverse if e.serious),
        _list(days),
        "–" if one.stopped is None else str(int(one.stopped)),
        str(int(one.last_day)),
        language.ending(one.ending),
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _list(days: Any) -> str:
    return ", ".join(str(day) for day in days) or "–"
