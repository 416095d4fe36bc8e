"""`trialrun calendar`: one participant's dates."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import click

from trialrun.cli.terminal import as_json, console, print_json
from trialrun.protocol.calendar import calendar as planned
from trialrun.protocol.calendar import slips
from trialrun.protocol.compile import load
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol

Row = Mapping[str, Any]

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "dates": "dates if the first dose is on",
        "course": "course",
        "decision": "Decision",
        "point": ".",
        "if": "{}, if “{}” ends as expected",
        "days": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        "columns": ("Date", "Day", "Visit", "Dose", "Where", "Window"),
        "what": "What",
    },
    "fr": {
        "dates": "dates si la première dose est le",
        "course": "cure",
        "decision": "Décision",
        "point": ",",
        "if": "{}, si « {} » finit comme prévu",
        "days": ("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
        "columns": ("Date", "Jour", "Visite", "Dose", "Lieu", "Fenêtre"),
        "what": "Quoi",
    },
}


class Day(click.ParamType[datetime.date]):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        try:
            return datetime.datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=datetime.UTC).date()
        except ValueError:
            self.fail(f"{value!r} is not a date; write year-month-day, e.g. 2008-03-03.", param, ctx)


class Beginning(click.ParamType[tuple[str, datetime.date]]):
    name = "CYCLE=YYYY-MM-DD"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, datetime.date]:
        cycle, equals, date = value.partition("=")
        if not equals:
            self.fail(f"{value!r} is not a cycle and its date; write e.g. C2=2008-03-28.", param, ctx)
        return cycle, Day().convert(date, param, ctx)


@click.command()
@click.argument("study")
@click.option("--start", type=Day(), required=True, help="Date of the first dose (study day 1).")
@click.option(
    "--began", type=Beginning(), multiple=True, help="Actual day 1 of a course; what hangs on it moves."
)
@click.option("--language", default="en", show_default=True, help="A language of the study.")
@click.option("--full", is_flag=True, help="List all that is done on each date.")
@as_json
def calendar(
    study: str,
    start: datetime.date,
    began: tuple[tuple[str, datetime.date], ...],
    language: str,
    full: bool,
    as_json: bool,
) -> None:
    """Give one participant's dates under STUDY.

    Decisions are taken to end as the study expects.
    """
    protocol = load(study)
    actual = dict(began)
    _require(protocol, actual, language)
    rows = planned(protocol, start, actual, language)
    if as_json:
        print_json(rows)
        return
    for slip in slips(protocol, start, actual):
        click.secho(f"Warning: {slip.message}.", fg="yellow", err=True)
    _for_people(protocol, start, rows, language, full)


def _require(protocol: Protocol, actual: Mapping[str, datetime.date], language: str) -> None:
    for cycle in actual:
        if cycle not in protocol.cycles:
            hint = (suggestion(cycle, protocol.cycles) or "").replace("`", "'")
            raise click.BadParameter(f"there is no cycle '{cycle}'. {hint}", param_hint="'--began'")
    if language not in protocol.study.languages:
        known = ", ".join(protocol.study.languages)
        message = f"the study is not written in '{language}'. Its languages: {known}."
        raise click.BadParameter(message, param_hint="'--language'")


def _for_people(
    protocol: Protocol, start: datetime.date, rows: list[dict[str, Any]], language: str, full: bool
) -> None:
    words = WORDS.get(language, WORDS["en"])
    out = console()
    out.print(f"{protocol.id}: {words['dates']} {start}", style="bold")
    cells = [(*words["columns"], words["what"]), *(_cells(row, words) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, (_, group) in enumerate(groupby(rows, key=lambda row: (row["epoch"], row["cycle"]))):
        listed = list(group)
        out.print(f"\n{_heading(protocol, listed, language)}", style="bold")
        out.print(_table(listed, widths, words, full, heads=number == 0))


def _heading(protocol: Protocol, rows: list[dict[str, Any]], language: str) -> str:
    """``Treatment: course W3``, with what its setting depends on."""
    words = WORDS.get(language, WORDS["en"])
    title = protocol.study.epochs[rows[0]["epoch"]].title(language)
    cycle = rows[0]["cycle"]
    if cycle is None:
        return title
    label = protocol.timepoints[f"{cycle}.D1"].label(language).split()[0]
    provided = next((row for row in rows if "provided" in row), None)
    if provided is None:
        return f"{title}: {words['course']} {label}"
    decision = protocol.decisions[provided["provided"].partition(" = ")[0]].title(language)
    return f"{title}: {words['course']} {label} ({words['if'].format(provided['setting'], decision)})"


def _table(
    rows: list[dict[str, Any]], widths: list[int], words: Mapping[str, Any], full: bool, heads: bool
) -> Any:
    """One line for each date; the last column takes the width that is left."""
    from rich.table import Table

    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, show_header=heads)
    for head, width in zip(words["columns"], widths[:-1], strict=True):
        justify: Any = "right" if head == words["columns"][1] else "left"
        table.add_column(head, width=width, no_wrap=True, justify=justify, header_style="dim")
    table.add_column(words["what"], ratio=1, no_wrap=not full, overflow="ellipsis", header_style="dim")
    for row in rows:
        table.add_row(*_cells(row, words))
    return table


def _cells(row: Row, words: Mapping[str, Any]) -> tuple[str, ...]:
    date = datetime.date.fromisoformat(row["date"])
    decision = row["kind"] == "decision"
    label, title = (words["decision"], [row["label"]]) if decision else (row["label"], [])
    return (
        f"{words['days'][date.weekday()]} {row['date']}",
        str(row["day"]),
        label,
        f"{row['dose']:g} {row['unit']}".replace(".", words["point"], 1) if row["dose"] is not None else "",
        row["place"] or row["setting"] or "",
        row["window"]["text"],
        "; ".join([*title, *row["what"]]),
    )
