"""`trialrun demo`: the main job on a bundled study."""

from __future__ import annotations

import datetime
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import as_json, print_json, program, progress

if TYPE_CHECKING:
    from trialrun.demo.demonstration import Demonstration

BUNDLED = "vascu_il2"  # the study that is run if none is named
PEOPLE = 3  # lines of the disposition on the closing screen
NAMES = {"en": "English", "fr": "French"}

STEPS = {
    "check": "Checking the protocol",
    "run": "Running virtual participants day by day through the record",
    "tables": "Building the tables",
    "analysis": "Computing the planned outputs",
    "report": "Writing the reports",
    "verify": "Verifying the record",
}


@click.command()
@click.argument("study", default=BUNDLED)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    show_default="vascu-demo, after the study",
    help="A new folder for everything.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="The same seed gives the same trial.",
)
@as_json
def demo(study: str, out: Path | None, seed: int, as_json: bool) -> None:
    """Run STUDY on virtual people, up to its report.

    Virtual participants are screened, included, injected, examined and followed day by day, every act
    entered through the record's own commands, and their cells gated from simulated FCS files; then
    tables, analysis and report are made of it.
    """
    from trialrun.demo.demonstration import demonstrate, summary

    begun = time.monotonic()
    out = out or Path(f"{Path(study).resolve().name.partition('_')[0]}-demo")
    with _writing(out):
        if as_json:
            made = demonstrate(study, out, seed)
        else:
            with progress(STEPS) as tell:
                made = demonstrate(study, out, seed, tell)
    if as_json:
        print_json(summary(made))
    else:
        _close(made, time.monotonic() - begun, study)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """What the disk refuses, in words."""
    another = "Choose another folder with --out."
    try:
        for path in (out, *out.parents):
            if path.exists() and not path.is_dir():
                raise click.ClickException(f"{path} is a file, not a folder. {another}")
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename and str(error.filename) != str(out) else ""
        raise click.ClickException(
            f"the trial cannot be written to {out}: {error.strerror or error}{where}. {another}"
        ) from error


def _close(made: Demonstration, seconds: float, study: str = BUNDLED) -> None:
    """The closing screen: what came out, where everything is, what to try next."""
    from rich import box
    from rich.console import Console, Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    standing = made.protocol.study.standing
    files = Table(box=None, show_header=False, pad_edge=False)
    for name, what in _files(made):
        files.add_row(Text(str(made.folder / name), style="bold"), what)
    parts: list[Any] = [
        Text("Virtual participants: simulated, not observed.", style="bold magenta"),
        *([Text(standing(), style="italic")] if standing else []),
        Text(""),
        *_headlines(made),
        Text(""),
        files,
    ]
    if made.defects:
        parts += [
            Text(""),
            Text(f"{len(made.defects)} findings in the tables or the record:", style="bold red"),
            *map(Text, made.defects[:5]),
        ]
    counted = f"{made.entries:,} entries, {'not all' if made.defects else 'all'} verified"
    title = f"{made.protocol.id} · {counted} · {made.rows:,} table rows · {seconds:.0f} s"
    console.print(Panel(Group(*parts), title=title, box=box.ROUNDED, padding=(1, 2)))
    console.print("\nWhat to try next", style="bold")
    for command, what in _tries(made, study):  # outside the panel and never broken, so that it can be copied
        console.print(f"  {what}:", style="dim")
        console.print(Text(f"    {command}", style="cyan"), soft_wrap=True)


def _headlines(made: Demonstration) -> list[Any]:
    """The people and the end points, in the words of the report."""
    from rich.table import Table
    from rich.text import Text

    from trialrun.demo.demonstration import people, told

    endpoints = Table(box=None, show_header=False, pad_edge=False)
    for one, sentences in told(made):
        endpoints.add_row(Text(one.title, style="bold"), "\n".join(sentences[:2]))
    return [Text("; ".join(people(made)[:PEOPLE])), Text(""), endpoints, *_cells(made)]


def _cells(made: Demonstration) -> list[Any]:
    """The truth of the virtual cells against what was gated."""
    from rich.table import Table
    from rich.text import Text

    if not made.cells:
        return []
    compared = Table(box=None, pad_edge=False, header_style="dim")
    compared.add_column("estimate against truth")
    for name in ("median error", "worst"):
        compared.add_column(name, justify="right", no_wrap=True)
    for one in made.cells:
        unit = "points" if one.unit == "%" else one.unit.replace("uL", "µL")
        share = f" ({one.share:.0f} %)" if one.share is not None else ""
        compared.add_row(
            one.title, _measured(median(one.errors), unit) + share, _measured(max(one.errors), unit)
        )
    said = f"{made.files} simulated FCS files, one for each specimen, gated into the record"
    passed = [
        Text(f"Warned of by the panel's rule `{rule}`, and let pass: {count} files", style="dim")
        for rule, count in made.warnings.items()
    ]
    withheld = [
        Text(
            f"Numbers withheld by the panel's rule `{rule}`: some of {count} file{'s' * (count != 1)}",
            style="dim",
        )
        for rule, count in made.withholding.items()
    ]
    failed = [
        Text(f"Not in the record, {len(made.left_out)} files, as {made.left_out[0]}", style="dim")
    ] if made.left_out else []  # fmt: skip
    return [Text(""), Text(said, style="bold"), compared, *passed, *withheld, *failed]


def _measured(value: float, unit: str) -> str:
    """Two digits, or all before the point."""
    number = f"{value:.0f}" if value >= 10 else f"{value:.2g}"
    return f"{number} {unit}".strip()


def _files(made: Demonstration) -> list[tuple[str, str]]:
    languages = made.protocol.study.languages
    listed = [("report.html", "the report: open it in a browser")]
    listed += [
        (f"report.{language}.html", f"the same in {NAMES.get(language, language)}")
        for language in languages[1:]
    ]
    what = "results as kept: the study report as HTML and PDF, every number with its rows"
    return [
        *listed,
        *((f"reports/{path.name}", what) for path in _kept(made.folder)),
        ("tables/", "SDTM-shaped tables (Parquet), each row with its source"),
        ("record.sqlite3", "the record: every entry, chained and hashed"),
        ("anchor.txt", "the length and head of every chain; keep it elsewhere"),
        ("SHA256SUMS", "the hash of every file of the results"),
        ("study/", "the protocol this trial was run with"),
    ]


def _kept(folder: Path) -> list[Path]:
    """The folders of results, named after their days."""
    return sorted(path for path in folder.glob("reports/*") if path.is_dir())


def _tries(made: Demonstration, study: str) -> list[tuple[str, str]]:
    called = program()
    again = "" if study == BUNDLED else f" {shlex.quote(study)}"
    dates = (milestone.date for milestone in made.protocol.study.timeline.values() if milestone.date)
    begin = next(dates, datetime.date(2030, 1, 7))
    start = begin + datetime.timedelta(days=-begin.weekday() % 7)  # a Monday
    people = f"another {made.protocol.study.enrolment.planned} virtual participants"
    ends = [datetime.date.fromisoformat(path.name[:10]) for path in _kept(made.folder)]
    middle = begin + (ends[-1] - begin) / 2 if ends and begin < ends[-1] else begin
    name, anchor, folder, another = (
        shlex.quote(str(path))
        for path in (
            made.folder,
            made.folder / "anchor.txt",
            made.folder / "study",
            f"{made.folder}-2",
        )
    )
    return [
        (f"{called} verify {name} --anchor {anchor}", "prove the record whole"),
        (f"{called} report {name} --as-of {middle}", "what was known half-way"),
        (f"{called} trace {folder}", "where every element of the protocol comes from"),
        (f"{called} calendar {folder} --start {start}", "one participant's dates"),
        (f"{called} demo{again} --seed 2 --out {another}", people),
    ]
