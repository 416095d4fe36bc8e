"""`trialrun elispot`: the plates of a laboratory, judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
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
    written,
)
from trialrun.cli.response import (
    ALONE,
    SAID,
    Block,
    Columns,
    Number,
    Page,
    between,
    from_baseline,
    named,
    p,
    reasons,
    told,
    whole,
)
from trialrun.cli.terminal import as_json, print_json

if TYPE_CHECKING:
    from trialrun.cytometry.response.change import SpotChange
    from trialrun.cytometry.response.elispot import Assay, Response, Result, Rule
    from trialrun.laboratory.land import Landed
    from trialrun.record.trial import Trial

VALID = {True: "valid", False: "not valid", None: "not known to be valid"}
COLUMNS = Columns("Stimulus", {"SFC/10⁶": 8, "Net": 8, "p (eq)": 6, "p (2x)": 6, "Response": 8}, ["Response"])
CHANGES = Columns("Visit", {"SFC/10⁶": 8, "95 % CI": 14, "p (exact)": 9})
HINTS = {
    "no control well": "if there is one, write background in a column role",
    "no positive control": "if there is one, write positive in a column role",
}


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
@from_baseline
@into_a_trial
@of_an_assay
@as_json
def elispot(
    plate: Path,
    alpha: float,
    net: float,
    fold: float,
    viability: float,
    baseline: str | None,
    folder: Path | None,
    by: str | None,
    assay: str | None,
    as_json: bool,
) -> None:
    """Judge the ELISpot assays in PLATE, a CSV file with a line for each well.

    Columns: plate, well, participant, visit, stimulus, spots, cells (per well); and viability (percent) and
    role (antigen, background, positive) where known. Spots are a count, TNTC, or lost.

    With --trial each participant's visit is matched to the specimen that was taken, and valid assays answer
    the form that the study's `assays` name. What does not fit is listed, and nothing of it is entered.
    """
    from trialrun.cytometry.response.course import spots
    from trialrun.cytometry.response.elispot import Rule, judge
    from trialrun.cytometry.response.plate import read

    rule = Rule(alpha=alpha, minimum_net=net, fold=fold, viability=viability)
    alone(folder, by=by, assay=assay)
    if folder is not None and (said := written("net", "fold", "viability")):
        raise click.UsageError(
            f"{said} does not go with --trial: there the study says when an assay is valid"
        )
    content = read(plate)
    since = None if baseline is None else named(baseline, [one.visit for one in content.found])
    results, landed = [judge(one, rule) for one in content.found], None
    with opened(folder) as trial:
        if trial is not None:
            rule, results, landed = _landed(trial, plate, content.found, assay, by, alpha)
    changes = {} if since is None else spots(results, since)
    if as_json:
        found = {"rule": asdict(rule), **told(content), "assays": [_told(one) for one in results]}
        found |= {} if since is None else {"baseline": since, "changes": _changes(changes)}
        print_json(found | (landed_data(landed) if landed else {}))
    else:
        page = Page()
        page.blocks(COLUMNS, [_block(one) for one in results])
        page.blocks(CHANGES, [_course(who, f"{since}", course) for who, course in changes.items()])
        page.about(content)
        if landed:
            tell_landed(landed, folder)
    if landed and landed.findings:
        raise click.exceptions.Exit(1)


def _landed(
    trial: Trial, plate: Path, found: Sequence[Assay], name: str | None, by: str | None, alpha: float
) -> tuple[Rule, list[Result], Landed]:
    """The assays as the study judges them, by which rule, and what became of their numbers."""
    from trialrun.cytometry.response.answers import judged, rule
    from trialrun.laboratory.plate import bring
    from trialrun.protocol.assay import Elispot

    name, words = chosen(trial, "elispot", name)
    assert isinstance(words, Elispot)
    landed = bring(trial, name, plate, found, by=by or entering(trial))
    return rule(words, alpha), [judged(one, words, alpha) for one in found], landed


def _told(result: Result) -> dict[str, Any]:
    assay = result.assay
    head = {"participant": assay.participant, "visit": assay.visit, "plate": assay.plate}
    found = {name: value for name, value in asdict(result).items() if name != "assay"}
    return {**head, "viability": assay.viability, **found}


def _block(result: Result) -> Block:
    assay = result.assay
    rows = [
        ("background", whole(result.background), "", "", "", ""),
        *((name, *_numbers(one), SAID[one.positive]) for name, one in result.responses.items()),
        ("net total", "", whole(result.total, result.at_least), "", "", ""),
    ]
    if result.total_above != result.total:  # a pool below the background counts as nought here
        rows.append(("net total above 0", "", whole(result.total_above, result.at_least), "", "", ""))
    title = f"{assay.participant}, {assay.visit}, plate {assay.plate}"
    return Block(title, rows, _notes(result), VALID[result.valid], good=result.valid is True)


def _notes(result: Result) -> list[str]:
    """What stands against the assay, and why a response is not known, each said once."""
    notes = [f"{one} ({HINTS[one]})" if one in HINTS else one for one in result.findings]
    for name, one in result.responses.items():
        if one.reason and not any(one.reason.endswith(note) for note in result.findings):
            notes.append(f"{name}: {one.reason}")
    return list(dict.fromkeys(notes))


def _numbers(one: Response) -> tuple[str, str, str, str]:
    return (
        whole(one.sfc, one.at_least),
        whole(one.net, one.at_least),
        p(one.eq.p if one.eq else None),
        p(one.double.p if one.double else None),
    )


def _changes(changes: Mapping[str, Mapping[str, SpotChange]]) -> list[dict[str, Any]]:
    return [
        {"participant": who, "visit": visit, **asdict(change)}
        for who, course in changes.items()
        for visit, change in course.items()
    ]


def _course(who: str, baseline: str, course: Mapping[str, SpotChange]) -> Block:
    """The change of one participant's net total from the baseline to each visit."""
    rows = [
        (visit, whole(one.change.value), between(one.change.interval), p(one.p))
        for visit, one in course.items()
        if one.change
    ]
    notes = reasons((visit, one.reason or one.p_reason) for visit, one in course.items())
    return Block(f"{who}, change of the net total since {baseline}", rows, notes if course else [ALONE])
