"""`trialrun crosscheck`: every analysis computed again in R, and compared."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialrun.cli.terminal import as_json, console, print_json, program, write

if TYPE_CHECKING:
    from trialrun.exchange.crosscheck import Compared, Crosschecked
    from trialrun.exchange.r_script import Plan

MOST = 40  # statistics that are listed for people; programs get all
SCRIPT = "crosscheck.R"


class NothingToCheck(Exception):
    """A folder without results or tables."""

    def render(self) -> str:
        return str(self)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--script",
    "script_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only write the R script, into this file.",
)
@click.option("--all", "everything", is_flag=True, help="List every statistic, not only what differs.")
@as_json
@click.pass_context
def crosscheck(
    ctx: click.Context, folder: Path, script_file: Path | None, everything: bool, as_json: bool
) -> None:
    """Compute the numbers in FOLDER again in R, and compare.

    FOLDER is one that `report` made, or a trial that keeps its tables. An R script redoes the analyses from
    the same data by other means. Without R it is written, to be run where R is.
    """
    from trialrun.exchange.crosscheck import rscript, run
    from trialrun.exchange.r_script import script

    plan, title = _plan(folder)
    found = rscript() if script_file is None else None
    if found is None:
        _written(script(plan, title), script_file or Path(SCRIPT), script_file is None)
        return
    checked = run(plan, title, found)
    if as_json:
        print_json(checked.plain())
    else:
        _print(checked, everything)
    ctx.exit(1 if checked.wrong else 0)


def _plan(folder: Path) -> tuple[Plan, str]:
    """What is computed again: the kept cells of a folder, else those of its tables now; and of what."""
    from trialrun.analysis import ard_file
    from trialrun.analysis.ard import analyse_outputs
    from trialrun.exchange.r_script import plan
    from trialrun.protocol.compile import load
    from trialrun.results.wanted import STUDY, TABLES
    from trialrun.tables import files

    try:
        tables, protocol = files.read(folder / TABLES), load(str(folder / STUDY))
    except OSError as error:
        raise NothingToCheck(
            f"{folder} cannot be crosschecked: {error}. Name a folder of results: `{program()} report TRIAL` "
            "makes one."
        ) from error
    kept = folder / ard_file.CELLS
    cells = ard_file.read_cells(kept) if kept.is_file() else None
    only = None if cells is None else cells["output"].unique().to_list()
    ard = analyse_outputs(tables, protocol.reported, protocol, only, _facts(folder))
    return plan(ard, cells), protocol.id


def _facts(folder: Path) -> dict[str, str | float]:
    """What the manifest of a folder of results tells beside its tables."""
    from trialrun.results.folder import MANIFEST
    from trialrun.results.wanted import Wanted

    manifest = folder / MANIFEST
    return Wanted.of(json.loads(manifest.read_text("utf-8"))).facts if manifest.is_file() else {}


def _written(text: str, path: Path, no_r: bool) -> None:
    write(path, text.encode())
    if no_r:
        click.echo("R is not installed here: nothing was compared.")
    click.echo(f"{path} redoes the analyses; run it where R is:\n\n  Rscript {shlex.quote(str(path))}\n")
    click.echo("It prints one line for each number, and exits with 1 where one differs.")


# ---- for people ----------------------------------------------------------------------------------


def _print(checked: Crosschecked, everything: bool) -> None:
    out = console()
    out.print(_methods(checked))
    none = [one for one in checked.compared if one.verdict == "no counterpart"]
    listed = checked.compared if everything else checked.wrong
    if listed:
        shown = listed if everything else listed[:MOST]
        out.print(_statistics(shown))
        if len(shown) < len(listed):
            click.echo(f"… and {len(listed) - len(shown)} more; --json lists all")
    if none:
        names = sorted({f"{one.method} {one.statistic}" for one in none})
        out.print(f"Not crosschecked, for want of a counterpart: {', '.join(names)}")
    if checked.left_out:
        out.print(f"Not crosschecked at all: {', '.join(sorted(checked.left_out))}")
    agree, wrong = sum(one.verdict == "agrees" for one in checked.compared), len(checked.wrong)
    click.echo(
        f"{agree:,} numbers agree with R, {wrong:,} do not; "
        f"{100 * checked.share:.1f}% of all that are computed were crosschecked"
    )


def _methods(checked: Crosschecked) -> object:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Method")
    for head in ("Agree", "Differ", "Not crosschecked", "Largest difference", "Tolerance"):
        table.add_column(head, justify="right")
    for one in checked.by_method():
        told = ("", "") if one.tolerance is None else (f"{one.largest:.1e}", f"{one.tolerance:g}")
        table.add_row(one.method, f"{one.agree:,}", f"{one.differ:,}", f"{one.not_crosschecked:,}", *told)
    return table


def _statistics(shown: tuple[Compared, ...]) -> object:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("Analysis", "Statistic"):
        table.add_column(head, overflow="fold")
    for head in ("Ours", "R", "Difference", "Tolerance"):
        table.add_column(head, justify="right")
    table.add_column("Verdict", overflow="fold")
    for one in shown:
        difference = "" if one.difference is None else f"{one.difference:.1e}"
        table.add_row(
            one.place,
            one.statistic,
            _said(one.ours),
            _said(one.r),
            difference,
            f"{one.tolerance:g}",
            one.verdict,
            style="red" if one.wrong else None,
        )
    return table


def _said(value: float | None) -> str:
    return "–" if value is None else f"{value:.8g}"
