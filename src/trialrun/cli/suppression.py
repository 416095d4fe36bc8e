"""`trialrun suppression`: suppression over the ratios of regulatory cells to responders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.landing import (
    alone,
    chosen,
    entering,
    into_a_trial,
    landed_data,
    of_an_assay,
    opened,
    tell_landed,
)
from trialrun.cli.response import Block, Columns, Number, Page, between, decimal, told, whole
from trialrun.cli.terminal import as_json, print_json

if TYPE_CHECKING:
    from trialrun.cytometry.response.coculture import Coculture
    from trialrun.cytometry.response.rows import Content
    from trialrun.cytometry.response.suppression import Curve, Point
    from trialrun.laboratory.land import Landed
    from trialrun.record.trial import Trial

HEADS = {"divided": "Divided %", "division_index": "Div. index"}
NO_ONE = "no well at 1:1"


@click.command()
@click.argument("table", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--dividing", type=Number(0), help="Least mean of responders alone.  [default: 10 %, or an index of 0.1]"
)
@into_a_trial
@of_an_assay
@as_json
def suppression(
    table: Path,
    dividing: float | None,
    folder: Path | None,
    by: str | None,
    assay: str | None,
    as_json: bool,
) -> None:
    """Give the suppression curves of TABLE, a CSV file with a line for each well.

    Columns: participant, visit, ratio, and either divided (percent of the responders) or division_index;
    where known plate and well. A ratio is regulatory cells to responders, as 1:2 or 0.5; responders alone
    are 0.

    With --trial each participant's visit is matched to the specimen that was taken, and answers the form
    that the study's `assays` name. What does not fit is listed, and nothing of it is entered.
    """
    from trialrun.cytometry.response.coculture import judge, read
    from trialrun.cytometry.response.suppression import LEAST

    alone(folder, by=by, assay=assay)
    if folder is not None and dividing is not None:
        raise click.UsageError("--dividing does not go with --trial")
    content = read(table)
    measure = content.found[0].measure
    least = LEAST[measure] if dividing is None else dividing
    curves = [(one, judge(one, dividing)) for one in content.found]
    landed = None
    with opened(folder) as trial:
        if trial is not None:
            landed = _landed(trial, table, content.found, assay, by)
    if as_json:
        said = {"measure": measure, "least_dividing": least, **told(content)}
        said |= {"curves": [_told(*one) for one in curves]}
        print_json(said | (landed_data(landed) if landed else {}))
    else:
        _page(content, curves)
        if landed:
            tell_landed(landed, folder)
    if landed and landed.findings:
        raise click.exceptions.Exit(1)


def _landed(
    trial: Trial, table: Path, found: Sequence[Coculture], name: str | None, by: str | None
) -> Landed:
    """What became of the numbers."""
    from trialrun.laboratory.plate import bring

    name, _ = chosen(trial, "suppression", name)
    return bring(trial, name, table, found, by=by or entering(trial))


def _page(content: Content[Coculture], curves: Sequence[tuple[Coculture, Curve]]) -> None:
    measure = content.found[0].measure
    page = Page()
    columns = Columns("Ratio", {"Wells": 5, HEADS[measure]: 9, "Suppression %": 13, "95 % CI": 8})
    page.blocks(columns, [_block(*one) for one in curves])
    if most := max((ratio for one in content.found for ratio in one.wells if ratio > 1), default=None):
        other = _ratio(1 / most)
        page.line(f"{_ratio(most)} is read as more regulatory cells than responders; if not, write {other}.")
    page.about(content)


def _told(one: Coculture, found: Curve) -> dict[str, Any]:
    wells = [{"ratio": ratio, "values": values} for ratio, values in one.wells.items()]
    head = {"participant": one.participant, "visit": one.visit, "plate": one.plate or None, "wells": wells}
    at = _one(found)
    why = None if at else found.reason or NO_ONE
    return {**head, **asdict(found), "at_one": asdict(at) if at else None, "at_one_reason": why}


def _one(found: Curve) -> Point | None:
    """The point at one regulatory cell for one responder; it is never interpolated."""
    return next((point for point in found.points or () if point.ratio == 1), None)


def _block(one: Coculture, found: Curve) -> Block:
    points = {point.ratio: point for point in found.points or ()}
    rows = []
    for ratio, values in one.wells.items():
        counted = [value for value in values if value is not None]
        mean = decimal(fmean(counted) if counted else None, 2 if one.measure == "division_index" else 1)
        at = points.get(ratio)
        numbers = (whole(at.suppression), between(at.interval)) if at else ("–" if ratio else "", "")
        rows.append((_ratio(ratio) if ratio else "alone", f"{len(counted)}", mean, *numbers))
    if found.area is not None:
        rows.append(("area", "", "", whole(found.area), between(found.area_interval)))
    if found.half is not None:
        rows.append((f"half-way {_ratio(found.half)}", "", "", "50", ""))
    plate = f", plate {one.plate}" if one.plate else ""
    return Block(f"{one.participant}, {one.visit}{plate}", rows, _notes(one, found))


def _notes(one: Coculture, found: Curve) -> list[str]:
    notes = [found.reason] if found.reason else []
    if found.half_reason:
        notes.append(f"half-way: {found.half_reason}")
    if found.points and not _one(found):
        notes.append(NO_ONE)
    for ratio, values in one.wells.items():
        if lost := values.count(None):
            wells = f"{len(values)} well{'' if len(values) == 1 else 's'}"
            notes.append(f"{_ratio(ratio) if ratio else 'alone'}: {lost} of {wells} lost")
    return notes


def _ratio(ratio: float) -> str:
    """As people write it: 1:4 for 0.25; 1:2.8 where it is between."""
    more = max(ratio, 1 / ratio)
    near = Fraction(more).limit_denominator(4)
    close = abs(near - more) < 1e-6 * more
    said = f"{float(near):g}" if close else f"{more:.2g}" if more < 10 else f"{more:.0f}"
    return f"{said}:1" if ratio > 1 else f"1:{said}"
