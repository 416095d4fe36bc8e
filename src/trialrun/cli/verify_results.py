"""`trialrun verify-results`: compute kept results again, and compare."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialrun.cli.terminal import as_json, console, print_json

if TYPE_CHECKING:
    from trialrun.results.verify import Difference, Verified

MOST = 40  # differences that are listed for people; programs get all


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--trial",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Build the tables from this trial's record, as of the folder's day.",
)
@as_json
@click.pass_context
def verify_results(ctx: click.Context, folder: Path, trial: Path | None, as_json: bool) -> None:
    """Compute the results in FOLDER again from its own tables and study, and compare.

    Every cell, every document and the hash of every file is compared. Whoever can change the files can
    change the list of hashes too: only --trial compares with something that lies elsewhere.
    """
    from trialrun.results.verify import verify_results

    if trial is None:
        found = verify_results(folder)
    else:
        from trialrun.record.known import stand
        from trialrun.record.trial import Trial

        opened = Trial.open(trial)
        try:
            stand(opened)
            found = verify_results(folder, opened)
        finally:
            opened.close()
    if as_json:
        print_json({"same": found.same, **asdict(found)})
    else:
        _print(found, trial is not None)
    ctx.exit(0 if found.same else 1)


def _print(found: Verified, record: bool) -> None:
    out = console()
    for fault in found.faults:
        click.echo(fault)
    if found.differences:
        out.print(_table(found.differences[:MOST]))
        if len(found.differences) > MOST:
            out.print(f"… and {len(found.differences) - MOST} more; --json lists all")
    for note in found.notes:
        click.echo(note)
    if found.same:
        source = "from the trial's record" if record else "from its own tables"
        click.echo(
            f"{found.cells:,} numbers computed again {source}, all the same; {found.files} files as listed"
        )
        if not record:
            click.echo(
                "who can change one file can change all of them: --trial compares with the trial's record"
            )
    else:
        faults = f"{len(found.faults)} {'fault' if len(found.faults) == 1 else 'faults'} in files"
        click.echo(f"{len(found.differences)} of {found.cells:,} numbers differ; {faults}")


def _table(differences: list[Difference]) -> object:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("Output", "Line", "Column", "Statistic", "Then", "Now"):
        table.add_column(head)
    for one in differences:
        texts = [str(one.then if one.then is not None else "–"), str(one.now if one.now is not None else "–")]
        table.add_row(one.output, one.line, one.column, one.statistic, *texts)
    return table
