"""`trialrun learn`: the borders of a panel, learnt once, as a file that a study holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import as_json, console, print_json, progress, write

if TYPE_CHECKING:
    from trialrun.cytometry.border import Learnt

HEAD = "# As `trialrun learn` wrote it, from samples gated by hand. Change nothing here: learn again.\n\n"


@click.command()
@click.argument("panel")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="borders.yaml of the study."
)
@as_json
def learn(panel: str, out: Path, as_json: bool) -> None:
    """Learn the borders of PANEL from its samples gated by hand, and write them as a file of a study.

    PANEL is FILE or FILE:NAME: a panel beside those samples, in which populations are `trained_on` them.
    In the panel.yaml of a study these say `border: NAME` instead; the name is that of the population.
    Other borders that are in the file already stay there.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: small matrices are quicker with one
    from trialrun.cli.gate import find
    from trialrun.cytometry.border import learnt
    from trialrun.cytometry.fcs.error import FcsError
    from trialrun.cytometry.transform import GatingError
    from trialrun.protocol.population import Transitional
    from trialrun.protocol.source import parse
    from trialrun.protocol.write import written

    panels, name = find(panel)
    populations = panels.panels[name].populations.items()
    trained = {key: one for key, one in populations if isinstance(one, Transitional) and one.trained_on}
    if not trained:
        message = f"no population of the panel {name} is `trained_on` samples gated by hand"
        raise click.BadParameter(message, param_hint="'PANEL'")
    before = _before(out)
    found: dict[str, Learnt] = {}
    with progress({"learn": "Learning"}) as tell:
        for number, (key, one) in enumerate(trained.items()):
            tell("learn", number / len(trained))
            try:
                found[key] = learnt(panels.panels[name], one, panels.folder)
            except (GatingError, FcsError, OSError) as error:
                raise click.ClickException(
                    f"{key}: nothing can be learnt from its samples: {error}"
                ) from None
    text = HEAD + written({"borders": before | {key: one.said for key, one in found.items()}})
    parse(text, out.name)  # a study file holds so much and no more
    write(out, text.encode())
    if as_json:
        print_json({"file": str(out), "borders": {key: _plain(one) for key, one in found.items()}})
    else:
        _show(found, before, out)


def _before(out: Path) -> dict[str, Any]:
    """The borders that the file holds already. Raises ProtocolError, or UsageError if it is no such file."""
    from trialrun.protocol.source import read

    if not out.exists():
        return {}
    content = read(out).content
    if list(content) != ["borders"] or not isinstance(content["borders"], dict):
        raise click.BadParameter(
            f"{out} is there, and no file of borders; choose another", param_hint="'--out'"
        )
    return content["borders"]


def _plain(one: Learnt) -> dict[str, Any]:
    return {
        "events": one.events,
        "members": one.members,
        "agreement": dict(one.border.agreement),
        "learnt_from": dict(one.border.learnt_from),
        "sha256": one.border.sha256,
    }


def _show(found: Mapping[str, Learnt], before: Mapping[str, Any], out: Path) -> None:
    """What was learnt from what, and how to go on."""
    from rich import box
    from rich.table import Table

    screen = console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for head in ("Border", "Markers", "Of"):
        table.add_column(head, overflow="fold", min_width=len(head))
    for head in ("Samples", "Events", "Members", "F1"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, one in found.items():
        border = one.border
        counts = (str(border.fit.references), f"{one.events:,}", f"{one.members:,}")
        table.add_row(name, ", ".join(border.fit.knots), border.of, *counts, _agreement(one))
    screen.print(table, "")
    if any(one.border.agreement for one in found.values()):
        screen.print("F1: of each sample, gated by the border of all others.", soft_wrap=False)
    same = all(before.get(key) == one.said for key, one in found.items())
    kept = len(before.keys() - found.keys())
    others = f"; {kept} other{'s' * (kept > 1)} kept" if kept else ""
    count = f"{len(found)} border{'s' * (len(found) > 1)}"
    screen.print(f"\n{out}: {count} {'as before' if same else 'written'}{others}", soft_wrap=False)
    screen.print(f"In the study's panel.yaml: `border: {next(iter(found))}` in place of `trained_on`")


def _agreement(one: Learnt) -> str:
    values = sorted(one.border.agreement.values())
    if not values:
        return "–"
    ends = dict.fromkeys(f"{value:.3f}".removeprefix("0") for value in (values[0], values[-1]))
    return " to ".join(ends)
