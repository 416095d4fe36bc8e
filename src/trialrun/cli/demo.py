"""`trialrun demo`: the main job on a bundled study."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import as_json, print_json

if TYPE_CHECKING:
    from trialrun.demo.demonstration import Demonstration

NAMES = {"en": "English", "fr": "French"}

STEPS = {
    "check": "Checking the protocol",
    "run": "Running virtual participants day by day through the record",
    "tables": "Building the tables",
    "analysis": "Analysing the end points",
    "report": "Writing the report",
    "verify": "Verifying the record",
}


@click.command()
@click.argument("study", default="vascu_il2")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("vascu-demo"),
    show_default=True,
    help="A new folder for everything.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed gives the same trial."
)
@as_json
def demo(study: str, out: Path, seed: int, as_json: bool) -> None:
    """Run STUDY on virtual people, up to its report.

    Virtual participants are screened, included, injected, examined and followed day by day, every act
    entered through the record's own commands; then tables, analysis and report are made of it.
    """
    from trialrun.demo.demonstration import demonstrate, summary

    if as_json:
        print_json(summary(demonstrate(study, out, seed)))
        return
    begun = time.monotonic()
    with _progress() as tell:
        made = demonstrate(study, out, seed, tell)
    _close(made, time.monotonic() - begun)


class _progress:
    """A bar per step, drawn only where a person watches."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.progress.__enter__()
        self.tasks: dict[str, Any] = {}
        return self.tell

    def tell(self, step: str, share: float) -> None:
        if step not in self.tasks:
            self.tasks[step] = self.progress.add_task(STEPS[step], total=1.0)
        self.progress.update(self.tasks[step], completed=share)

    def __exit__(self, *error: Any) -> None:
        self.progress.__exit__(*error)


def _close(made: Demonstration, seconds: float) -> None:
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
    tries = Table(box=None, show_header=False, pad_edge=False)
    for command, what in _tries(made):
        tries.add_row(Text(command, style="cyan"), what)
    parts: list[Any] = [
        Text("Virtual participants: simulated, not observed.", style="bold magenta"),
        *([Text(standing(), style="italic")] if standing else []),
        Text(""),
        *_headlines(made),
        Text(""),
        files,
        Text(""),
        Text("What to try next", style="bold"),
        tries,
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


def _headlines(made: Demonstration) -> list[Any]:
    """The people and the end points, in the words of the report."""
    from rich.table import Table
    from rich.text import Text

    from trialrun.report.language import language
    from trialrun.report.statement import statements

    counts = made.results["counts"]
    shown = [f"{value} {name.replace('_', ' ')}" for name, value in counts.items() if value]
    endpoints = Table(box=None, show_header=False, pad_edge=False)
    for one in statements(made.protocol, made.results, language("en")):
        endpoints.add_row(one.title, Text(one.estimate, style="bold"), f"{one.interval}; {one.test}")
    return [Text(", ".join(shown)), Text(""), endpoints]


def _files(made: Demonstration) -> list[tuple[str, str]]:
    languages = made.protocol.study.languages
    listed = [("report.html", "the report: open it in a browser")]
    listed += [
        (f"report.{language}.html", f"the same in {NAMES.get(language, language)}")
        for language in languages[1:]
    ]
    return [
        *listed,
        ("results.json", "every number of it"),
        ("tables/", "SDTM-shaped tables (Parquet), each row with its source"),
        ("record.sqlite3", "the record: every entry, chained and hashed"),
        ("anchor.txt", "the length and head of every chain; keep it elsewhere"),
        ("study/", "the protocol this trial was run with"),
    ]


def _tries(made: Demonstration) -> list[tuple[str, str]]:
    name = made.folder
    return [
        (f"trialrun verify {name} --anchor {name}/anchor.txt", "prove the record whole"),
        (f"trialrun trace {name}/study", "where every element of the protocol comes from"),
        (f"trialrun calendar {name}/study --start 2008-03-03", "one participant's dates"),
        (f"trialrun demo --seed 2 --out {name}-2", "another ten virtual participants"),
    ]
