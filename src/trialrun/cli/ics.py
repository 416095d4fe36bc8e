"""`trialrun ics`: a laboratory's table of stained cells, judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.response import (
    ALONE,
    SAID,
    Block,
    Columns,
    Number,
    Page,
    between,
    decimal,
    from_baseline,
    named,
    p,
    reasons,
    told,
)
from trialrun.cli.terminal import as_json, print_json

if TYPE_CHECKING:
    from trialrun.cytometry.response.change import StainedChange
    from trialrun.cytometry.response.counts import Stain
    from trialrun.cytometry.response.course import Group
    from trialrun.cytometry.response.ics import Count, Response, Rule
    from trialrun.cytometry.response.mixture import Cohort, Mixture

    Changes = Mapping[Group, Mapping[str, Mapping[str, StainedChange]]]
    Responses = Mapping[str, Response]

COLUMNS = Columns(
    "Antigen",
    {"Events": 10, "Net %": 7, "95 % CI": 16, "p": 5, "Holm": 5, "Response": 8},
    left=["Response"],
    stacked=[("Net %", "95 % CI"), ("p", "Holm")],
)
CHANGES = Columns(
    "Antigen",
    {"Visit": 5, "Net %": 7, "95 % CI": 16, "p (min)": 7, "p (max)": 7},
    left=["Visit"],
    stacked=[("Net %", "95 % CI"), ("p (min)", "p (max)")],
)
MEMBERS = Columns("Participant", {"P (response)": 12, "False discovery": 15})
SENSITIVITY = "Sensitivity analysis, not the decision: mixture over participants (MIMOSA, EM)"


@click.command()
@click.argument("table", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--alpha", type=Number(0, 1), default=0.01, show_default=True, help="Largest p of Fisher, after Holm."
)
@click.option(
    "--net", type=Number(0, 100), default=0.0, show_default=True, help="Least net response, in points of %."
)
@click.option(
    "--parent",
    type=click.IntRange(1),
    default=5000,
    show_default=True,
    help="Fewest parent events of a well.",
)
@from_baseline
@click.option("--sensitivity", is_flag=True, help="Add MIMOSA's mixture, which decides nothing.")
@as_json
def ics(
    table: Path,
    alpha: float,
    net: float,
    parent: int,
    baseline: str | None,
    sensitivity: bool,
    as_json: bool,
) -> None:
    """Judge the responses in TABLE, a CSV file with a line for each well of stained cells.

    Columns: participant, visit, subset, cytokine, stimulation, positive and parent (events); and role
    (antigen, background, positive) where known. A lost well says so in both counts.
    """
    from trialrun.cytometry.response.counts import read
    from trialrun.cytometry.response.course import stains
    from trialrun.cytometry.response.ics import Rule, responses
    from trialrun.cytometry.response.mixture import mixtures

    rule = Rule(alpha=alpha, minimum_net=net, minimum_parent=parent)
    content = read(table)
    found = content.found
    judged = [(one, responses(one.antigens, one.control, rule), _controls(one, rule)) for one in found]
    since = None if baseline is None else named(baseline, [one.visit for one in found])
    changes = {} if since is None else stains(found, since, rule)
    mixed = mixtures(found) if sensitivity else {}
    if as_json:
        said = {"rule": asdict(rule), **told(content), "stains": [_told(*one) for one in judged]}
        said |= {} if since is None else {"baseline": since, "changes": _changes(changes)}
        print_json(said | ({"sensitivity": _mixtures(mixed)} if sensitivity else {}))
        return
    page = Page()
    page.blocks(COLUMNS, [_block(*one) for one in judged])
    page.blocks(CHANGES, [_course(group, f"{since}", course) for group, course in changes.items()])
    if sensitivity:
        page.heading(SENSITIVITY)
        page.blocks(MEMBERS, [_members(cohort, one, found) for cohort, one in mixed.items() if one.members])
        for note in reasons((" ".join(cohort), one.reason) for cohort, one in mixed.items()):
            page.note(note)
    page.about(content)


def _controls(stain: Stain, rule: Rule) -> dict[str, Response]:
    """Positive controls are no family: each is judged alone."""
    from trialrun.cytometry.response.ics import responses

    return {
        name: responses({name: count}, stain.control, rule)[name]
        for name, count in stain.positive_controls.items()
    }


def _told(stain: Stain, found: Responses, controls: Responses) -> dict[str, Any]:
    def every(counts: Mapping[str, Count | None], judged: Responses) -> dict[str, Any]:
        return {name: {"events": _counts(counts[name]), **asdict(one)} for name, one in judged.items()}

    return {
        "participant": stain.participant,
        "visit": stain.visit,
        "subset": stain.subset,
        "cytokine": stain.cytokine,
        "control": _counts(stain.control),
        "responses": every(stain.antigens, found),
        "positive_controls": every(stain.positive_controls, controls),
    }


def _counts(count: Count | None) -> dict[str, int] | None:
    return asdict(count) if count else None


def _changes(changes: Changes) -> list[dict[str, Any]]:
    return [
        dict(zip(("participant", "subset", "cytokine"), group, strict=True))
        | {"antigen": antigen, "visit": visit, **asdict(one)}
        for group, antigens in changes.items()
        for antigen, course in antigens.items()
        for visit, one in course.items()
    ]


def _mixtures(mixed: Mapping[Cohort, Mixture]) -> list[dict[str, Any]]:
    return [
        dict(zip(("visit", "subset", "cytokine", "antigen"), cohort, strict=True)) | asdict(one)
        for cohort, one in mixed.items()
    ]


def _block(stain: Stain, found: Responses, controls: Responses) -> Block:
    rows = [
        ("background", _events(stain.control), "", "", "", "", ""),
        *(_row(name, stain.antigens[name], one) for name, one in found.items()),
        *(_row(f"{name} (control)", stain.positive_controls[name], one) for name, one in controls.items()),
    ]
    notes = reasons((name, one.reason) for name, one in [*found.items(), *controls.items()])
    failed = [name for name, one in controls.items() if one.positive is False]
    notes += [f"positive control {name} does not respond" for name in failed]
    title = f"{stain.participant}, {stain.visit}, {stain.subset}, {stain.cytokine}"
    return Block(title, rows, notes)


def _row(name: str, count: Count | None, one: Response) -> tuple[str, ...]:
    numbers = decimal(one.net), between(one.interval, 3), p(one.p), p(one.adjusted)
    return (name, _events(count), *numbers, SAID[one.positive])


def _events(count: Count | None) -> str:
    return f"{count.positive}/{count.parent}" if count else "–"


def _course(group: Group, baseline: str, course: Mapping[str, Mapping[str, StainedChange]]) -> Block:
    """The change of one participant's net responses from the baseline to each visit."""
    every = [(antigen, visit, one) for antigen, visits in course.items() for visit, one in visits.items()]
    rows = [
        (antigen, visit, decimal(one.net), between(one.interval, 3), p(one.minimal), p(one.maximal))
        for antigen, visit, one in every
        if one.reason is None
    ]
    notes = reasons((f"{antigen} {visit}", one.reason) for antigen, visit, one in every)
    title = f"{', '.join(group)}, change of the net response since {baseline}"
    return Block(title, rows, notes if every else [ALONE])


def _members(cohort: Cohort, one: Mixture, found: list[Stain]) -> Block:
    members = one.members or {}
    rows = [
        (name, decimal(member.probability), decimal(member.false_discovery))
        for name, member in members.items()
    ]
    visit, subset, cytokine, _ = cohort
    there = [s.participant for s in found if (s.visit, s.subset, s.cytokine) == (visit, subset, cytokine)]
    lost = reasons((name, "left out, for want of a count") for name in there if name not in members)
    return Block(
        ", ".join(cohort), rows, lost, f"{100 * (one.responders or 0):.0f} % of participants respond"
    )
