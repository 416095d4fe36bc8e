"""`trialrun schedule`: the schedule of activities of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import (
    as_json,
    console,
    print_json,
    print_standing,
    program,
    require_language,
    write,
)
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from trialrun.report.schedule.schedule import Row, Schedule

TITLES = 36  # characters for the titles of rows
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("study")
@click.option("--language", default="en", show_default=True, help="A language of the study: en or fr.")
@click.option("--html", type=FILE, help="Write it as a page that needs nothing else.")
@click.option("--pdf", type=FILE, help="Write it for paper.")
@click.option(
    "--paper",
    type=click.Choice(["a4", "a3"]),
    default="a4",
    show_default=True,
    help="Of the PDF, landscape. What is too wide for a sheet becomes several tables.",
)
@as_json
def schedule(
    study: str, language: str, html: Path | None, pdf: Path | None, paper: str, as_json: bool
) -> None:
    """Set the schedule of activities of STUDY, with footnotes made from its rules.

    Visits across, activities down, as ICH M11 asks for it. Without a file, it is shown here if it fits.
    """
    from trialrun.report.language import LANGUAGES
    from trialrun.report.language import language as spoken
    from trialrun.report.schedule.schedule import plain
    from trialrun.report.schedule.schedule import schedule as made_of

    protocol = load(study)
    require_language(protocol, language, LANGUAGES)
    made = made_of(protocol, spoken(language))
    _write(made, html, pdf, paper)
    if as_json:
        print_json(plain(made))
    elif html or pdf:
        for path in filter(None, (html, pdf)):
            click.echo(path)
    else:
        _for_people(protocol, study, made)


def _write(made: Schedule, html: Path | None, pdf: Path | None, paper: str) -> None:
    """The files that are asked for; each is whole before any is written."""
    files: dict[Path, bytes] = {}
    if html:
        from trialrun.report.schedule.page import page

        files[html] = page(made).encode()
    if pdf:
        from trialrun.report.schedule.paper import pdf as printed

        files[pdf] = printed(made, paper)
    for path, content in files.items():
        write(path, content)


def _for_people(protocol: Protocol, study: str, made: Schedule) -> None:
    from rich.measure import Measurement

    out = console()
    words = made.words
    out.print(f"{made.study}{words('colon')}{words('soa')}", style="bold")
    print_standing(out, protocol, words.code)
    grid = _grid(made)
    needed = Measurement.get(out, out.options.update(width=10_000), grid).maximum
    if needed > out.width:
        out.print(
            f"\n{len(made.heads)} columns and {len(made.rows)} rows: too wide for this terminal "
            f"({needed} characters, of which it has {out.width}). Write it to a file:\n"
        )
        for option in ("--html", "--pdf"):
            name = f"schedule.{option.removeprefix('--')}"
            out.print(f"  {program()} schedule {study} {option} {name}", soft_wrap=True)
        return
    out.print(grid)
    _notes(out, made)


def _grid(made: Schedule) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(f"{made.words('soa.activity')}\n\n{made.words('soa.day')}", width=TITLES)
    shown = ""
    for index, head in enumerate(made.heads):
        column = head.column
        course = column.course if column.course != shown else ""
        shown = column.course
        label = _called(column.label or column.epoch, (*(head.course_notes if course else ()), *head.notes))
        title = f"{course}\n{label}\n{column.day}"
        said = [title, *(row.cells[index] for row in made.rows)]
        longest = max((len(word) for text in said for word in text.split()), default=1)
        table.add_column(title, justify="center", width=longest)
    for group in made.groups:
        table.add_row(group.title, style="bold")
        for row in group.rows:
            table.add_row(_called(_title(row), row.notes), *row.cells)
    if made.total:
        table.add_section()
        table.add_row(_called(made.total.title, made.total.notes), *made.total.cells)
    return table


def _title(row: Row) -> str:
    return f"{row.title} ({row.detail})" if row.detail else row.title


def _called(text: str, notes: tuple[str, ...]) -> str:
    return f"{text} [{','.join(notes)}]" if notes else text


def _notes(out: Console, made: Schedule) -> None:
    from rich.padding import Padding

    out.print(made.words("soa.key"), style="dim")
    for letter, note in made.notes:
        out.print(Padding(f"[{letter}] {note.text}", (0, 0, 0, 2)))
        for item in note.items:
            out.print(Padding(f"- {item}", (0, 0, 0, 6)))
