"""Inclusions against the plan."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from trialrun.report.figures.figure import BLUE, GREY, INK, WIDTH, Figure, Rows, data, draw
from trialrun.report.language import Language


def accrual(found: Mapping[str, Any], language: Language) -> Figure:
    """Cumulative inclusions as steps, and the straight line from the planned start to the planned end."""
    dates = [datetime.date.fromisoformat(each) for each in found["included"]]
    return Figure(
        id="accrual",
        title=language("accrual.title"),
        label=language("accrual.label", count=len(dates), planned=found["planned"]),
        svg=draw(_chart(found, dates, language), "accrual", language),
        rows=Rows(
            (language("accrual.number"), language("accrual.date")),
            tuple((str(i), language.date(date)) for i, date in enumerate(dates, 1)),
        ),
        key=(("step", language("accrual.actual")), ("plan", language("accrual.plan"))),
    )


def _chart(found: Mapping[str, Any], dates: list[datetime.date], language: Language) -> Any:
    import altair as alt

    planned = found["planned"]
    plan = [{"on": found["start"], "n": 0}, {"on": found["end"], "n": planned}]
    plan = plan if found["start"] and found["end"] else []
    shown = [*(step["on"] for step in plan), *found["included"]]
    first, last = min(shown, default="2000-01-01"), max(shown, default="2000-12-31")
    begin = [{"on": found["start"] or first, "n": 0}]
    steps = [*begin, *({"on": date.isoformat(), "n": n} for n, date in enumerate(dates, 1))]
    axis = alt.Axis(grid=False, values=_quarters(first, last), labelExpr=_months(language))
    # Dates are drawn as milliseconds in UTC, so that no time zone of a machine moves them.
    x = alt.X("t:Q", title=None, scale=alt.Scale(domain=[_ms(first), _ms(last)], nice=False), axis=axis)
    top = max(planned, len(dates)) + 1
    y = alt.Y("n:Q", title=language("accrual.axis"), scale=alt.Scale(domain=[0, top], nice=False),
              axis=alt.Axis(tickMinStep=1, format="d"))  # fmt: skip
    line = alt.Chart(data(_timed(plan))).mark_line(strokeDash=[6, 4], color=GREY, strokeWidth=1.5)
    line = line.encode(x=x, y=y)
    curve = alt.Chart(data(_timed(steps))).mark_line(interpolate="step-after", color=BLUE, strokeWidth=2.5)
    curve = curve.encode(x=x, y=y)
    dots = alt.Chart(data(_timed(steps[1:]))).mark_point(filled=True, color=BLUE, size=36, opacity=1)
    dots = dots.encode(x=x, y=y)
    limit = alt.Chart(data([{"n": planned}])).mark_rule(color=INK, strokeWidth=0.6, opacity=0.5).encode(y=y)
    return alt.layer(limit, line, curve, dots).properties(width=WIDTH - 70, height=230)


def _ms(day: str) -> int:
    moment = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC)
    return int(moment.timestamp() * 1000)


def _timed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "t": _ms(row["on"])} for row in rows]


def _quarters(first: str, last: str) -> list[int]:
    """The first days of quarters (of half-years where there are many) between two dates."""
    years = range(int(first[:4]), int(last[:4]) + 1)
    every = 3 if len(years) <= 3 else 6 if len(years) <= 6 else 12
    days = [f"{year}-{month:02}-01" for year in years for month in range(1, 13, every)]
    return [_ms(day) for day in days if first <= day <= last]


def _months(language: Language) -> str:
    names = language("months.short").split()
    listed = ", ".join(f"'{name}'" for name in names)
    return f"[{listed}][utcmonth(datum.value)] + ' ' + utcyear(datum.value)"
