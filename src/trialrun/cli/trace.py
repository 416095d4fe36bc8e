"""`trialrun trace`: which source each part of a study rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from trialrun.cli.terminal import as_json, console, print_json, print_standing
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import about, elements
from trialrun.protocol.trace import trace as traced


@click.command()
@click.argument("study")
@as_json
def trace(study: str, as_json: bool) -> None:
    """Show which source each part of STUDY rests on.

    First every statement of the sources with the elements that execute it, then every assumption
    with its reason.
    """
    protocol = load(study)
    if as_json:
        print_json(traced(protocol))
    else:
        _for_people(protocol, traced(protocol))


def _for_people(protocol: Protocol, found: Mapping[str, Any]) -> None:
    out = console()
    rows = [
        (one["id"], one["says"], _executed(protocol, one))
        for one in (*found["statements"], *found["further"])
    ]
    out.print(f"{protocol.id}: what the sources say, and what executes it", style="bold")
    print_standing(out, protocol)
    out.print()
    out.print(_table(("", "The source says", "Executed by"), rows))
    out.print(
        f"\nAssumptions ({len(found['assumptions'])}): what no source says, and why it is so", style="bold"
    )
    rows = [("", one["about"], one["reason"]) for one in found["assumptions"]]
    out.print(_table(("", "Element", "Reason"), rows))


def _executed(protocol: Protocol, statement: Mapping[str, Any]) -> str:
    if statement["context"]:
        return "(context: nothing to execute)"
    cited = elements(protocol)
    return "\n".join(about(path, cited[path]) for path in statement["elements"]) or "(nothing yet)"


def _table(columns: tuple[str, str, str], rows: Iterable[tuple[str, str, str]]) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, expand=True, padding=(0, 1, 0, 0), show_edge=False, leading=1)
    table.add_column(columns[0], no_wrap=True)
    table.add_column(columns[1], ratio=1)
    table.add_column(columns[2], ratio=1)
    for row in rows:
        table.add_row(*row)
    return table
