"""`trialrun looks`: who looked at which results of a trial, and when."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialrun.cli.terminal import as_json, console, print_json

if TYPE_CHECKING:
    from trialrun.record.look import Looked


@click.command()
@click.argument("trial", type=click.Path(path_type=Path, file_okay=False))
@as_json
def looks(trial: Path, as_json: bool) -> None:
    """List who looked at which results of TRIAL, and when, from its record."""
    from trialrun.record.trial import Trial

    opened = Trial.open(trial)
    try:
        found, planned = opened.looks(), len(opened.protocol.reported.planned)
    finally:
        opened.close()
    if as_json:
        print_json([_told(one) for one in found])
    elif found:
        _print(found, planned)
    else:
        click.echo("Nobody has looked at results of this trial yet.")


def _told(one: Looked) -> dict[str, object]:
    who = {"entry": one.sequence, "time": one.time, "by": one.user, "name": one.name, "role": one.role}
    return {**who, **asdict(one.look)}


def _print(found: tuple[Looked, ...], planned: int) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("Entry", "When (UTC)", "Who", "Pack", "As known on", "Outputs"):
        table.add_column(head)
    for one in found:
        look = one.look
        every = len(look.outputs) == planned
        table.add_row(
            str(one.sequence),
            one.time[:16].replace("T", "\n"),
            f"{one.name}\n({one.role})",
            f"{look.pack}, by arm: unblinded" if look.unblinded else look.pack,
            look.as_of,
            (f"all {planned}" if every else f"{len(look.outputs)} of {planned}") + f"\n{look.results[:8]}",
        )
    console().print(table)
