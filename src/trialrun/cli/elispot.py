"""`trialrun elispot`: the plates of a laboratory, judged."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from trialrun.cli.terminal import as_json, console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from trialrun.cytometry.response.elispot import Assay, Response, Result
    from trialrun.cytometry.response.rows import Content

SAID = {True: "positive", False: "negative", None: "unknown"}
VALID = {True: "valid", False: "not valid", None: "not known to be valid"}
HEADS = {"SFC/10⁶": 8, "Net": 8, "p (eq)": 6, "p (2x)": 6, "Response": 8}  # with the width of each
NARROWEST = 10  # the column of stimuli: "background"
INDENT, GAP = 2, 2
HINTS = {
    "no control well": "if there is one, write background in a column role",
    "no positive control": "if there is one, write positive in a column role",
}


class Number(click.FloatRange):
    """A number within bounds; click itself lets NaN through, above and below which nothing is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


@click.command()
@click.argument("plate", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--alpha", type=Number(0, 1), default=0.05, show_default=True, help="Largest p by DFR(eq).")
@click.option("--net", type=Number(0), default=55.0, show_default=True, help="Least net SFC per million.")
@click.option(
    "--fold", type=Number(0), default=3.0, show_default=True, help="Least multiple of the background."
)
@click.option(
    "--viability", type=Number(0, 100), default=80.0, show_default=True, help="Least viability, in percent."
)
@as_json
def elispot(plate: Path, alpha: float, net: float, fold: float, viability: float, as_json: bool) -> None:
    """Judge the ELISpot assays in PLATE, a CSV file with a line for each well.

    Columns: plate, well, participant, visit, stimulus, spots, cells (per well); and viability (percent) and
    role (antigen, background, positive) where known. Spots are a count, TNTC, or lost.
    """
    from trialrun.cytometry.response.elispot import Rule, judge
    from trialrun.cytometry.response.plate import read

    rule = Rule(alpha=alpha, minimum_net=net, fold=fold, viability=viability)
    content = read(plate)
    results = [judge(assay, rule) for assay in content.found]
    if as_json:
        told = {
            "rule": asdict(rule),
            "columns_not_read": content.unread,
            "names_taken_for_one": content.spelt,
        }
        print_json(told | {"assays": [_told(one) for one in results]})
    else:
        _print(results)
        _about(content)


def _told(result: Result) -> dict[str, Any]:
    assay = result.assay
    head = {"participant": assay.participant, "visit": assay.visit, "plate": assay.plate}
    told = {name: value for name, value in asdict(result).items() if name != "assay"}
    return {**head, "viability": assay.viability, **told}


def _about(content: Content[Assay]) -> None:
    """What is to be said of the file as a whole."""
    out = console()
    if content.spelt:
        out.print(
            "",
            "Names that are taken for one:",
            *(f"  {one}" for one in content.spelt),
            sep="\n",
            overflow="fold",
        )
    if content.unread:
        out.print("", f"Columns that are not read: {', '.join(content.unread)}.", sep="\n", overflow="fold")


def _print(results: list[Result]) -> None:
    """Every assay under its own line, so that the names of people and plates take no width of the table."""
    from rich.cells import cell_len
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    stimuli = [name for result in results for name in result.responses]
    room = out.width - INDENT - sum(GAP + width for width in HEADS.values())
    first = max(NARROWEST, min(room, max(map(cell_len, stimuli), default=0)))
    for k, result in enumerate(results):
        assay = result.assay
        who = f"{assay.participant}, {assay.visit}, plate {assay.plate}"
        head = Text.assemble((who, "bold"), ": ", (VALID[result.valid], "" if result.valid else "yellow"))
        out.print(*([""] if k else []), head, sep="\n", overflow="fold")
        out.print(Padding(_table(result, first), (0, 0, 0, INDENT)))
        for note in _notes(result):
            out.print(Padding(Text.assemble(("Note: ", "yellow"), note, overflow="fold"), (0, 0, 0, INDENT)))


def _table(result: Result, first: int) -> Table:
    """What each stimulus gave. first: the width of their names."""
    from rich.table import Table

    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Stimulus", width=first, overflow="fold")
    for name, width in HEADS.items():
        justify: Literal["left", "right"] = "left" if name == "Response" else "right"
        table.add_column(name, width=width, overflow="fold", justify=justify)
    table.add_row("background", _number(result.background))
    for name, one in result.responses.items():
        table.add_row(name, *_numbers(one), SAID[one.positive])
    table.add_row("net total", "", _number(result.total, result.at_least))
    return table


def _notes(result: Result) -> list[str]:
    """What stands against the assay, and why a response is not known, each said once."""
    notes = [f"{one} ({HINTS[one]})" if one in HINTS else one for one in result.findings]
    for name, one in result.responses.items():
        if one.reason and not any(one.reason.endswith(note) for note in result.findings):
            notes.append(f"{name}: {one.reason}")
    return list(dict.fromkeys(notes))


def _numbers(one: Response) -> tuple[str, str, str, str]:
    return (
        _number(one.sfc, one.at_least),
        _number(one.net, one.at_least),
        _p(one.eq.p if one.eq else None),
        _p(one.double.p if one.double else None),
    )


def _number(value: float | None, at_least: bool = False) -> str:
    return "–" if value is None else f"{'≥ ' if at_least else ''}{round(value)}"


def _p(value: float | None) -> str:
    return "–" if value is None else "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0")
