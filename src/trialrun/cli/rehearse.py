"""`trialrun rehearse`: find the dead ends of a study, and the unsafe acts that some history permits."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import as_json, console, print_json, progress
from trialrun.protocol.compile import load

if TYPE_CHECKING:
    from trialrun.simulate.rehearse.finding import Finding
    from trialrun.simulate.rehearse.rehearsal import Rehearsal

STEPS = {
    "hope": "Looking for the best of courses",
    "twists": "Departing from it, rule by rule and visit by visit",
    "chance": "Departing from it by chance",
    "short": "Shortening the histories",
}
COLUMNS = ("Date", "Day", "What", "Result")


@click.command()
@click.argument("study")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="The same seed gives the same rehearsal.",
)
@click.option(
    "--participants",
    type=click.IntRange(1, 1_000_000),
    default=5000,
    show_default=True,
    help="At most so many; fewer if nothing new is reached.",
)
@as_json
def rehearse(study: str, seed: int, participants: int, as_json: bool) -> None:
    """Walk adversarial participants through STUDY, and list its dead ends.

    They answer at, just below and just above every threshold of the rules, leave out, come late, tell late,
    correct and leave, until nothing new is reached. Each finding comes with the shortest history that shows
    it. Exit code 1 if there is any. If --participants ends it sooner, only what some history shows is a
    finding; what nobody did is listed as not reached yet.
    """
    from trialrun.simulate.rehearse.rehearsal import rehearse as run

    begun = time.monotonic()
    protocol = load(study)
    with nullcontext() if as_json else progress(STEPS) as tell:
        found = run(protocol, seed, participants, tell)
    if as_json:
        print_json(found.as_json())
    else:
        _for_people(found, time.monotonic() - begun)
    click.get_current_context().exit(1 if found.findings else 0)


def _for_people(found: Rehearsal, seconds: float) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out, protocol = console(), found.protocol
    out.print(Text(f"{protocol.id}, version {protocol.study.version}: rehearsal", style="bold"))
    end = "nothing new was reached" if found.exhausted else "no more were allowed (--participants)"
    out.print(f"{found.participants} participants in {seconds:.0f} s, until {end}.", style="dim")
    if not found.shortened:
        out.print("Some histories are longer than they need be, for the same reason.", style="yellow")
    number = len(found.findings)
    out.print(f"\n{number or 'No'} finding{'' if number == 1 else 's'}{':' if number else '.'}")
    for k, finding in enumerate(found.findings, 1):
        _finding(out, found, k, finding)
    if not found.exhausted:
        _pending(out, found)
    for note in found.notes:
        out.print(Padding(Text(f"Note: {note}", style="green"), (1, 2, 0, 2)))
    _coverage(out, found)


def _pending(out: Any, found: Rehearsal) -> None:
    """What cannot be judged, since more participants might reach it; no finding, and no clean bill."""
    from rich.padding import Padding
    from rich.text import Text

    said = "Unsafe acts were looked for; that nobody can reach something was not judged, for more may."
    if found.pending:
        places = ", ".join(dict.fromkeys(one.place for one in found.pending))
        said = f"{said} Not reached yet, or seen one way only: {places}."
    out.print(Padding(Text(f"{said} Allow more with --participants.", style="yellow"), (1, 2, 0, 2)))


def _finding(out: Any, found: Rehearsal, number: int, finding: Finding) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from trialrun.simulate.rehearse.history import rows

    head = Text.assemble((f"{number}. ", "bold"), (finding.message, "bold"))
    head.append(f"\n{finding.code}, {finding.place}", style="yellow")
    out.print(Padding(head, (1, 2, 0, 2)))
    if not finding.history:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=True)
    table.add_column(COLUMNS[0], no_wrap=True, width=10)
    table.add_column(COLUMNS[1], justify="right", no_wrap=True, width=4)
    table.add_column(COLUMNS[2], ratio=3)
    table.add_column(COLUMNS[3], ratio=2)
    for row in rows(found.protocol, finding.history, found.hopes.answers):
        day = "" if row["day"] is None else str(row["day"])
        table.add_row(row["date"], day, row["what"], row["result"])
    out.print(Padding(table, (1, 2, 0, 4)))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _coverage(out: Any, found: Rehearsal) -> None:
    """What was reached, in a few sentences; and what was not looked at."""
    from rich.padding import Padding

    from trialrun.simulate.rehearse.rehearsal import NOT_LOOKED_AT, coverage

    reached = coverage(found.protocol, found.reached)
    done = sum("done" in one for one in reached["timepoints"].values())
    outcomes = sum(map(len, reached["outcomes"].values()))
    rules = reached["rules"]
    both = sum({"yes", "no"} <= set(one) for one in rules.values())
    unknown = sum("unknown" in one for one in rules.values())
    decisions = sum(len(one.outcomes) for one in found.protocol.decisions.values())
    out.print(
        f"\nReached: {done} of {len(reached['timepoints'])} timepoints, {outcomes} of {decisions} outcomes, "
        f"{_counted(len(reached['stops']), 'reason')} to stop; "
        f"of {len(rules)} rules, {both} were seen true and false, {unknown} unknown."
    )
    if found.hopes.unmet:
        out.print(f"Never content at once: {', '.join(found.hopes.unmet)}.")
    out.print("Not looked at:")
    for one in NOT_LOOKED_AT:
        out.print(Padding(f"- {one}", (0, 0, 0, 2)))
