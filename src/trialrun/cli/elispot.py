"""`trialrun elispot`: the plates of a laboratory, judged."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import as_json, console, print_json

if TYPE_CHECKING:
    from trialrun.cytometry.response.elispot import Response, Result

SAID = {True: "positive", False: "negative", None: "unknown"}
VALID = {True: "valid", False: "not valid", None: "not known to be valid"}


@click.command()
@click.argument("plate", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--alpha", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="DFR(eq) p.")
@click.option(
    "--net", type=click.FloatRange(0), default=55.0, show_default=True, help="Least net SFC per million."
)
@click.option(
    "--fold", type=click.FloatRange(0), default=3.0, show_default=True, help="Least multiple of background."
)
@click.option(
    "--viability", type=click.FloatRange(0, 100), default=80.0, show_default=True, help="Least, percent."
)
@as_json
def elispot(plate: Path, alpha: float, net: float, fold: float, viability: float, as_json: bool) -> None:
    """Judge the ELISpot assays in PLATE, a CSV file with a line for each well.

    Columns: plate, well, participant, visit, stimulus, spots, cells; and viability and role where known.
    """
    from trialrun.cytometry.response.elispot import Rule, judge
    from trialrun.cytometry.response.plate import read

    rule = Rule(alpha=alpha, minimum_net=net, fold=fold, viability=viability)
    results = [judge(assay, rule) for assay in read(plate)]
    if as_json:
        print_json({"rule": asdict(rule), "assays": [_told(one) for one in results]})
    else:
        _print(results)


def _told(result: Result) -> dict[str, Any]:
    assay = result.assay
    head = {"participant": assay.participant, "visit": assay.visit, "plate": assay.plate}
    told = {name: value for name, value in asdict(result).items() if name != "assay"}
    return {**head, "viability": assay.viability, **told}


def _print(results: list[Result]) -> None:
    from rich import box
    from rich.table import Table

    out = console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("Participant", "Visit", "Stimulus"):
        table.add_column(head)
    for head in ("SFC/10⁶", "Net", "p (eq)", "p (2x)"):
        table.add_column(head, justify="right")
    table.add_column("Response")
    for result in results:
        who = (result.assay.participant, result.assay.visit)
        table.add_row(*who, "background", _number(result.background), "", "", "", VALID[result.valid])
        for name, one in result.responses.items():
            table.add_row("", "", name, *_numbers(one), SAID[one.positive])
        table.add_row(
            "", "", "net total", "", _number(result.total, result.at_least), "", "", end_section=True
        )
    out.print(table)
    for result in results:
        who_ = f"{result.assay.participant} {result.assay.visit}"
        notes = [f"{who_}: {finding}" for finding in result.findings]
        for name, one in result.responses.items():
            if one.reason and not any(one.reason.endswith(finding) for finding in result.findings):
                notes.append(f"{who_}, {name}: {one.reason}")
        for note in notes:
            out.print(note)


def _numbers(one: Response) -> tuple[str, str, str, str]:
    return (
        _number(one.sfc, one.at_least),
        _number(one.net, one.at_least),
        _p(one.eq.p if one.eq else None),
        _p(one.double.p if one.double else None),
    )


def _number(value: float | None, at_least: bool = False) -> str:
    return "–" if value is None else f"{'≥ ' if at_least else ''}{value:.0f}"


def _p(value: float | None) -> str:
    return "–" if value is None else "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0")
