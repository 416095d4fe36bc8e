"""`trialrun summary`: anyone's tables, what is wrong with them, and what they say."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from trialrun.cli.terminal import as_json, console, print_json, write

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from trialrun.analysis.arm import By
    from trialrun.report.figures.figure import Rows

WORDS = 26  # characters that the words beside numbers have at least
BY: dict[str, By] = {"planned": "ARM", "actual": "ACTARM"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--arm", type=click.Choice(list(BY)), default="planned", show_default=True, help="Whose columns."
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the whole as a page.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True)
@as_json
def summary(folder: Path, arm: str, html: Path | None, language: str, as_json: bool) -> None:
    """Read the SDTM files in FOLDER: findings, then three tables by arm.

    The files may be SAS transport (.xpt), Parquet, CSV or Dataset-JSON (.json, .ndjson), of any study.
    Findings do not change the exit code: the tables are made from the rows as they stand.
    """
    from trialrun.analysis.summary import summary
    from trialrun.tables.sdtm import read
    from trialrun.tables.validate import validate

    data = read(folder)
    defects = [*data.defects, *validate(data.tables)]
    try:
        found = summary(data.tables, BY[arm])
    except ValueError as error:
        raise click.ClickException(f"{folder}: {error}") from error
    name = ", ".join(found["studies"]) or folder.name
    if html:
        _write(html, found, defects, name, language)
    if as_json:
        print_json({"findings": [dataclasses.asdict(one) for one in defects], **found})
    else:
        _for_people(found, defects, name, language)


def _write(path: Path, found: Any, defects: Any, name: str, language: str) -> None:
    from trialrun.report.summary import render

    write(path, render(found, defects, name, language).encode())


def _for_people(found: Any, defects: Any, name: str, language: str) -> None:
    from rich.text import Text

    from trialrun.report.language import language as spoken
    from trialrun.report.summary import sections

    words, out = spoken(language), console()
    shown = sections(found, defects, words)
    out.print(Text(name, style="bold"))
    if found["virtual"]:
        out.print(Text(words("banner"), style="bold magenta"))
    out.print(", ".join(f"{code} {rows}" for code, rows in found["rows"].items()), style="dim")
    out.print(" ".join(shown["notes"]))
    counted = words.plural("summary.findings", len(defects)) if defects else words("summary.findings.none")
    out.print(f"\n{words('summary.findings')}", style="bold")
    out.print(counted)
    if defects:
        _grid(out, shown["kinds"], ())
    for section, rows, said in (
        ("disposition", shown["disposition"], [words("summary.disposition.note")]),
        ("exposure", shown["exposure"], [words("summary.exposure.note")]),
        ("events", shown["overview"] if shown["exposure"] else None, shown["event_notes"]),
    ):
        out.print(f"\n{words(f'summary.{section}')}", style="bold")
        if rows is None:
            out.print(words("summary.events.none" if shown["exposure"] else "summary.exposure.none"))
        else:
            _grid(out, rows, range(1, len(rows.head)))
            out.print(" ".join(said), style="dim")
    if shown["serious"] and shown["serious"].body:
        out.print(f"\n{words('summary.serious.terms')}", style="bold")
        _grid(out, shown["serious"], range(1, len(shown["serious"].head)))


def _grid(out: Console, rows: Rows, numbers: Collection[int]) -> None:
    """Printed rows; numbers are never broken or cut: rather is a line longer than the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    room = 2
    for place, title in enumerate(rows.head):
        longest = max((len(row[place]) for row in rows.body), default=0)
        least = longest if place in numbers else min(longest, WORDS)
        room += least + 2
        side: Literal["right", "left"] = "right" if place in numbers else "left"
        table.add_column(
            Text(title),
            justify=side,
            vertical="bottom" if numbers else "top",  # a number stands beside the end of its words
            min_width=least if numbers else None,
        )
    for row in rows.body:
        table.add_row(*(Text(cell, no_wrap=place in numbers) for place, cell in enumerate(row)))
    out.print(table, width=max(out.width, room) if numbers else None, crop=False)
