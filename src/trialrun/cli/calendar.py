"""`trialrun calendar`: one participant's dates."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from trialrun.cli.terminal import as_json, console, print_json, print_standing, require_language, write
from trialrun.protocol.calendar import Disorder, Slip, slips
from trialrun.protocol.calendar import calendar as planned
from trialrun.protocol.compile import load
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol

Row = Mapping[str, Any]

FIRST, LAST = 1900, 2200  # years, far enough on both sides for any trial and the dates counted from its start

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "dates": "dates if the first dose is on",
        "colon": ":",
        "course": "course",
        "arm": "arm",
        "decision": "Decision",
        "point": ".",
        "if": "{}, if “{}” ends as expected",
        "late": "omitted by the study",
        "early": "not allowed by the study",
        "slip": "Begun on {}; planned for {}, {}. What follows is counted from the planned day.",
        "doses": ("{} dose of {}", "{} doses of {}"),
        "days": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        "columns": ("Date", "Day", "Visit", "Where", "± days"),
        "what": "What",
        "places": {},
    },
    "fr": {
        "dates": "dates si la première dose est le",
        "colon": " :",
        "course": "cure",
        "arm": "bras",
        "decision": "Décision",
        "point": ",",
        "if": "{}, si « {} » finit comme prévu",
        "late": "omise selon l'étude",
        "early": "non permise par l'étude",
        "slip": "Commencée le {} ; prévue le {}, {}. La suite est comptée à partir du jour prévu.",
        "doses": ("{} dose de {}", "{} doses de {}"),
        "days": ("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
        "columns": ("Date", "Jour", "Visite", "Lieu", "± jours"),
        "what": "Quoi",
        "places": {
            "hospital": "à l'hôpital",
            "day hospital": "en hôpital de jour",
            "ambulatory": "en ambulatoire",
            "on site": "sur place",
            "home": "à domicile",
        },
    },
}


class Day(click.ParamType[datetime.date]):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        try:
            date = datetime.datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=datetime.UTC).date()
        except ValueError:
            self.fail(f"{value!r} is not a date; write year-month-day, e.g. 2008-03-03.", param, ctx)
        if not FIRST <= date.year <= LAST:
            self.fail(f"{value!r} is out of reach; write a year from {FIRST} to {LAST}.", param, ctx)
        return date


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
@click.option("--arm", help="An arm of the study; the first one if not said.")
@click.option("--language", default="en", show_default=True, help="A language of the study.")
@click.option("--full", is_flag=True, help="List all that is done on each date.")
@click.option(
    "--ics", type=click.Path(dir_okay=False, path_type=Path), help="Write the dates as an iCalendar file."
)
@click.option(
    "--participant",
    metavar="CODE",
    help="With --ics: keeps its events the same ones if the start moves. It is not written into the file.",
)
@click.option(
    "--revision",
    type=click.IntRange(0, 2**31 - 1),
    help="With --ics: a number to raise when the file replaces another.  [default: how many --began]",
)
@as_json
def calendar(
    study: str,
    start: datetime.date,
    began: tuple[tuple[str, datetime.date], ...],
    arm: str | None,
    language: str,
    full: bool,
    ics: Path | None,
    participant: str | None,
    revision: int | None,
    as_json: bool,
) -> None:
    """Give one participant's dates under STUDY.

    Decisions are taken to end as the study expects. With --ics they go into a file for calendar programs;
    importing a later file with the same start (or participant) moves its events and adds none.
    """
    protocol = load(study)
    if ics is None and (participant is not None or revision is not None):
        raise click.UsageError(
            "--participant and --revision belong to --ics FILE; add it, or leave them out."
        )
    require_language(protocol, language)
    arm = _arm(protocol, arm)
    actual = _actual(protocol, start, began, arm)
    try:
        rows = planned(protocol, start, actual, language, arm)
    except Disorder as error:
        raise click.BadParameter(str(error), param_hint="'--began'") from error
    if ics is not None:
        from trialrun.exchange.ics import ics as exported

        told = [{**row, "where": _where(protocol, row, language)} for row in rows]
        number = len(began) if revision is None else revision
        write(ics, exported(protocol, told, start, language, participant, number))
    if as_json:
        print_json(rows)
        return
    slipped = {slip.cycle: slip for slip in slips(protocol, start, actual, arm)}
    for slip in slipped.values():
        click.secho(f"Warning: {slip.message}.", fg="yellow", err=True)
    if ics is not None:
        click.echo(ics)
        return
    _for_people(protocol, start, arm, rows, slipped, language, full)


def _arm(protocol: Protocol, arm: str | None) -> str | None:
    """The arm that is meant; the first one where none is named."""
    if arm is not None and arm not in protocol.arms:
        hint = (suggestion(arm, protocol.arms) or "the study has one arm, without a name").replace("`", "'")
        raise click.BadParameter(f"there is no arm '{arm}'. {hint}", param_hint="'--arm'")
    return arm or next(iter(protocol.arms), None)


def _actual(
    protocol: Protocol, start: datetime.date, began: tuple[tuple[str, datetime.date], ...], arm: str | None
) -> dict[str, datetime.date]:
    """Course -> its actual day 1, each said once, and the first one as ``--start`` says."""
    first = protocol.timepoints[protocol.first_of(arm)].cycle
    actual: dict[str, datetime.date] = {}
    for cycle, date in began:
        wrong = None
        if cycle not in protocol.cycles:
            hint = (suggestion(cycle, protocol.cycles) or "").replace("`", "'")
            wrong = f"there is no cycle '{cycle}'. {hint}"
        elif not protocol.timepoints[f"{cycle}.D1"].of(arm):
            wrong = _of_another_arm(protocol, cycle, arm)
        elif cycle in actual:
            wrong = f"{cycle} is given twice, with {actual[cycle]} and {date}; write it once."
        elif cycle == first and date != start:
            wrong = f"{cycle} begins with the first dose, by --start on {start}, not on {date}; write one."
        if wrong:
            raise click.BadParameter(wrong, param_hint="'--began'")
        actual[cycle] = date
    return actual


def _of_another_arm(protocol: Protocol, cycle: str, arm: str | None) -> str:
    mine = ", ".join(name for name in protocol.cycles if protocol.timepoints[f"{name}.D1"].of(arm))
    others = " or ".join(f"--arm {one}" for one in protocol.timepoints[f"{cycle}.D1"].arms)
    return f"{cycle} is not a cycle of the arm {arm}, which has {mine}. Write one of these, or {others}."


def _for_people(
    protocol: Protocol,
    start: datetime.date,
    arm: str | None,
    rows: list[dict[str, Any]],
    slipped: Mapping[str, Slip],
    language: str,
    full: bool,
) -> None:
    words = WORDS.get(language, WORDS["en"])
    out = console()
    whose = f", {words['arm']} {arm} ({protocol.study.arms[arm].title(language)})" if arm else ""
    out.print(f"{protocol.id}{whose}{words['colon']} {words['dates']} {start}", style="bold")
    print_standing(out, protocol, language)
    rows = [{**row, "where": _where(protocol, row, language)} for row in rows]
    cells = [(*words["columns"], words["what"]), *(_cells(row, words) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, (_, group) in enumerate(groupby(rows, key=lambda row: (row["epoch"], row["cycle"]))):
        listed = list(group)
        slip = slipped.get(listed[0]["cycle"])
        out.print(f"\n{_heading(protocol, listed, slip, language)}", style="bold")
        if slip:
            window = protocol.study.treatment.cycles[slip.cycle].window.words(language)
            out.print(words["slip"].format(slip.began, slip.planned, window), style="yellow")
        listed = [row for row in listed if row["kind"] != "omitted"]
        if listed:
            out.print(_table(listed, widths, words, full, heads=number == 0))


def _heading(protocol: Protocol, rows: list[dict[str, Any]], slip: Slip | None, language: str) -> str:
    """``Treatment: course W3, 5 doses of 3 million IU``, with what its setting depends on."""
    words = WORDS.get(language, WORDS["en"])
    title = protocol.study.epochs[rows[0]["epoch"]].title(language)
    cycle = rows[0]["cycle"]
    if cycle is None:
        return title
    label = protocol.timepoints[f"{cycle}.D1"].label(language).split()[0]
    course = f"{title}{words['colon']} {words['course']} {label}"
    if slip:
        return f"{course}, {words['late' if slip.late else 'early']}"
    doses = [_dose(row, words) for row in rows if row["dose"] is not None]
    provided = next((row for row in rows if "provided" in row), None)
    if doses:
        course = f"{course}, {words['doses'][len(doses) > 1].format(len(doses), doses[0])}"
    if provided is None:
        return course
    decision = protocol.decisions[provided["provided"].partition(" = ")[0]].title(language)
    setting = _place(protocol, provided["setting"], language)
    return f"{course} ({words['if'].format(setting, decision)})"


def _dose(row: Row, words: Mapping[str, Any]) -> str:
    return f"{row['dose']:g} {row['unit']}".replace(".", words["point"], 1)


def _where(protocol: Protocol, row: Row, language: str) -> str:
    return _place(protocol, row["place"] or row["setting"] or "", language)


def _place(protocol: Protocol, place: str, language: str) -> str:
    """A place or setting in a language: as the study names it, unless there are words for it.

    The study names places by one word in English; the form of an injection has words for some.
    """
    if language == "en" or not place:
        return place
    known = WORDS.get(language, {}).get("places", {})
    form = protocol.forms.get(protocol.study.recorded_on.injection)
    item = form.items.get("place") if form else None
    text = item.codes.get(place.replace(" ", "_")) if item else None
    return str(known.get(place) or (text(language) if text else place))


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
        row["where"],
        _window(row),
        "; ".join([*title, *row["what"]]),
    )


def _window(row: Row) -> str:
    """The days around a date: ``±3``, ``-0/+7``, ``0``; a window in hours keeps its unit: ``-0/+12 h``."""
    text = str(row["window"]["text"])
    if text[0] not in "±-":
        return "0"
    size, _, unit = text.partition(" ")
    return f"{size} h" if unit in ("hours", "heures") else size
