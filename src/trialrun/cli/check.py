"""`trialrun check`: compile a study, and list everything wrong or doubtful."""

from __future__ import annotations

import shlex
from typing import Any

import click

from trialrun.cli.terminal import as_json, console, print_json, print_standing, program
from trialrun.protocol.compile import load
from trialrun.protocol.lint import Finding, lint, report
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions


@click.command()
@click.argument("study")
@click.option("--assumptions", "listed", is_flag=True, help="List every assumption with its reason.")
@as_json
def check(study: str, listed: bool, as_json: bool) -> None:
    """Compile STUDY and list everything wrong or doubtful.

    Errors are listed all at once, each with its place and what to write instead (exit code 1).
    """
    if as_json:
        _for_programs(study)
    else:
        _for_people(load(study), study, listed)


def _for_programs(study: str) -> None:
    try:
        print_json(report(load(study)))
    except ProtocolError as error:
        wrong = [problem.as_json() for problem in error.problems]
        empty: dict[str, Any] = {"study": study, "protocol_hash": None, "errors": wrong}
        print_json({**empty, "findings": [], "assumptions": []})
        click.get_current_context().exit(1)


def _for_people(protocol: Protocol, study: str, listed: bool) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out, about = console(), protocol.study
    out.print(Text(f"{protocol.id}, version {about.version}", style="bold"))
    out.print(about.title())
    print_standing(out, protocol)
    out.print(f"\n{_summary(protocol)}", style="dim", soft_wrap=False)
    findings = lint(protocol)
    out.print("\nNo errors.", _counted(len(findings), "finding") + (":" if findings else "."))
    for finding in findings:
        out.print(Padding(_finding(finding), (1, 2, 0, 2)))
    assumed = assumptions(protocol)
    out.print(f"\n{_counted(len(assumed), 'assumption')}, each with its reason", end="")
    again = f"{program()} check {shlex.quote(study)} --assumptions"
    out.print(":" if listed else f" ({again}).")
    for one in assumed if listed else []:
        out.print(Padding(Text.assemble((one["about"], "bold"), f"\n{one['reason']}"), (1, 2, 0, 2)))
    out.print(f"\nProtocol {protocol.hash}", style="dim", soft_wrap=True)


def _summary(protocol: Protocol) -> str:
    """The size of the trial in a sentence."""
    study = protocol.study
    last = protocol.timepoints[protocol.last_visit]
    return (
        f"Phase {study.phase}, {_counted(study.enrolment.planned, 'participant')} planned. "
        f"{_treatment(protocol)}, last visit {last.label()} on study day {last.day}. "
        f"{_counted(len(protocol.forms), 'form')}, {_counted(len(protocol.rules), 'rule')}."
    )


def _treatment(protocol: Protocol) -> str:
    """Courses and doses; what is given in all only where everyone is given the same."""
    if protocol.arms:
        counts = sorted({sum(point.of(arm) for point in protocol.doses) for arm in protocol.arms})
        each = f"{counts[0]} to {counts[-1]} doses" if len(counts) > 1 else _counted(counts[0], "dose")
        return f"{len(protocol.arms)} arms, each of {each}"
    doses = [point.dose for point in protocol.doses if point.dose]
    said = f"{_counted(len(protocol.cycles), 'course')} with {_counted(len(doses), 'dose')}"
    if any(dose.per for dose in doses):
        return said
    totals: dict[str, float] = {}
    for dose in doses:
        totals[dose.substance] = totals.get(dose.substance, 0) + dose.amount
    substances = protocol.study.treatment.substances
    given = ", ".join(f"{total:g} {substances[name].unit_name()}" for name, total in totals.items())
    return f"{said} ({given} in all)"


def _counted(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number == 1 else 's'}"


def _finding(finding: Finding) -> Any:
    from rich.text import Text

    found = Text(finding.message)
    if finding.resolution:
        return found.append("\nResolved by the study: ", style="green").append(finding.resolution)
    return found.append(f"\nOpen ({finding.path}).", style="yellow")
