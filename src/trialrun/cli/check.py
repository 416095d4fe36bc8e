"""`trialrun check`: compile a study, and list everything wrong or doubtful."""

from __future__ import annotations

import shlex
from math import comb
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.terminal import as_json, console, print_json, print_standing, program
from trialrun.protocol.compile import load
from trialrun.protocol.lint import Finding, lint, report
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions

if TYPE_CHECKING:
    from trialrun.protocol.lint.code import Code


@click.command()
@click.argument("study", required=False)
@click.option("--assumptions", "listed", is_flag=True, help="List every assumption with its reason.")
@click.option("--outputs", is_flag=True, help="Try the planned outputs too, on tables of nobody.")
@click.option("--explain", metavar="CODE", help="Explain one code of an error or finding, or `all`.")
@as_json
def check(study: str | None, listed: bool, outputs: bool, explain: str | None, as_json: bool) -> None:
    """Compile STUDY and list everything wrong or doubtful.

    Errors are listed all at once, each with its place and what to write instead (exit code 1). The code
    beside each error and finding is what `--explain` explains.
    """
    if (study is None) == (explain is None):
        raise click.UsageError("Give a STUDY to check, or --explain CODE.")
    if explain is not None:
        _explain(explain, as_json)
    elif study is not None and as_json:
        _for_programs(study, outputs)
    elif study is not None:
        _for_people(_loaded(study, outputs), study, listed)


def _compiled(study: str, outputs: bool) -> Protocol:
    """The study; with ``outputs``, every table and column that they name is looked for as well."""
    protocol = load(study)
    learnt = protocol.panels and protocol.panels.learnt
    if learnt and learnt.outdated:
        raise ProtocolError(learnt.outdated.values())
    if outputs:
        from trialrun.analysis.outputs.tried import tried  # here, as it imports what computes

        if problems := tried(protocol):
            raise ProtocolError(problems)
    return protocol


def _for_programs(study: str, outputs: bool) -> None:
    try:
        print_json(report(_compiled(study, outputs)))
    except ProtocolError as error:
        wrong = [problem.as_json() for problem in error.problems]
        empty: dict[str, Any] = {"study": study, "protocol_hash": None, "errors": wrong}
        print_json({**empty, "findings": [], "assumptions": []})
        click.get_current_context().exit(1)


def _loaded(study: str, outputs: bool) -> Protocol:
    """The compiled study; what is wrong is printed with a word on its codes, and the command ends."""
    try:
        return _compiled(study, outputs)
    except ProtocolError as error:
        click.echo(error.render(), err=True)
        if any(problem.code for problem in error.problems):
            click.echo(f"What a code in [ ] means: {program()} check --explain CODE", err=True)
        click.get_current_context().exit(1)


def _for_people(protocol: Protocol, study: str, listed: bool) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out, about = console(), protocol.study
    out.print(Text(f"{protocol.id}, version {about.version}", style="bold"))
    out.print(about.title())
    print_standing(out, protocol)
    out.print(f"\n{_summary(protocol)}", style="dim", soft_wrap=False)
    for sentence in _precision(protocol):
        out.print(sentence, style="dim")
    findings = lint(protocol)
    out.print(f"\nNo errors. {_tally(findings)}")
    for finding in findings:
        out.print(Padding(_finding(finding), (1, 2, 0, 2)))
    if findings:
        out.print(f"\nWhat a code means: {program()} check --explain CODE", style="dim", soft_wrap=True)
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
    courses = _counted(len(protocol.cycles), "course")
    arms = [f"{study.arms[arm].title()}: {_given(protocol, arm)}" for arm in protocol.arms]
    given = f". {'; '.join(arms)}" if arms else f" with {_given(protocol, None)}"
    last = protocol.timepoints[protocol.last_visit]
    return (
        f"Phase {study.phase}, {_counted(study.enrolment.planned, 'participant')} planned. "
        f"{courses}{given}, last visit {last.label()} on study day {last.day}. "
        f"{_counted(len(protocol.forms), 'form')}, {_counted(len(protocol.rules), 'rule')}."
    )


def _given(protocol: Protocol, arm: str | None) -> str:
    """What one participant of an arm is given in all: ``20 doses (52.5 million IU in all)``."""
    substances = protocol.study.treatment.substances
    sums = protocol.given(arm)
    amounts = (
        f"{amount:g} {substances[name].unit_name()}{f'/{per}'.replace('m2', 'm²') if per else ''}"
        for (name, per), (amount, _) in sums.items()
    )
    doses = sum(count for _, count in sums.values())
    return f"{_counted(doses, 'dose')} ({', '.join(amounts)} in all)"


def _precision(protocol: Protocol) -> list[str]:
    """How wide the intervals of proportions are at worst, which is where half of the participants have it."""
    from trialrun.protocol.endpoint import OrganResponse, WithoutEvent

    kinds = (WithoutEvent, OrganResponse)
    proportions = [one for one in protocol.study.endpoints.values() if isinstance(one, kinds)]
    return [_widest(protocol, level) for level in sorted({one.confidence for one in proportions})]


MOST_COUNTED = 400  # participants up to which a binomial tail is summed term by term


def _widest(protocol: Protocol, level: float) -> str:
    planned = min(protocol.study.enrolment.planned, MOST_COUNTED)
    lower, upper = _exact(planned // 2, planned, (1 - level) / 2)
    return (
        f"A proportion is known least well near one half: {planned // 2} of {planned} participants have an "
        f"exact {100 * level:g} % interval of {100 * lower:.0f} % to {100 * upper:.0f} %."
    )


def _exact(count: int, of: int, tail: float) -> tuple[float, float]:
    """Clopper and Pearson's interval (1934, Biometrika 26:404), by halving: scipy would take longer to load
    than all else that is done here."""

    def upper(count: int, of: int) -> float:
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            below = sum(comb(of, k) * middle**k * (1 - middle) ** (of - k) for k in range(count + 1))
            low, high = (middle, high) if below > tail else (low, middle)
        return high if count < of else 1.0

    return 1 - upper(of - count, of), upper(count, of)


def _counted(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number == 1 else 's'}"


def _tally(findings: list[Finding]) -> str:
    """How many findings there are, and how many of them are open."""
    if not findings:
        return "No findings."
    still = sum(finding.resolution is None for finding in findings)
    return f"{_counted(len(findings), 'finding')}, {still or 'none'} open:"


def _finding(finding: Finding) -> Any:
    from rich.text import Text

    place = finding.place
    where = place.file if place.line is None else f"{place.file}:{place.line}:{place.column}"
    head = (f"{finding.code}  ", "bold"), (f"{where}  {finding.path}", "dim")
    found = Text.assemble(*head, f"\n{finding.message}")
    if finding.resolution:
        return found.append("\nResolved by the study: ", style="green").append(finding.resolution)
    return found.append("\nOpen.", style="yellow")


def _explain(name: str, as_json: bool) -> None:
    from trialrun.protocol.lint.registry import CODES, explained, meant

    code = explained(name)
    if name == "all":
        print_json([one.as_json() for one in CODES]) if as_json else _print_all(CODES)
    elif code is None:
        close = meant(name)
        hint = f"Did you mean `{close}`?" if close else f"{program()} check --explain all lists them."
        raise click.BadParameter(f"there is no code `{name}`. {hint}", param_hint="--explain")
    elif as_json:
        print_json(code.as_json())
    else:
        _print_code(code)


def _print_all(codes: tuple[Code, ...]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    out = console()
    for kind, title in (
        ("error", "Errors: the study cannot be compiled"),
        ("finding", "Findings: worth a second look"),
    ):
        table = Table(box=SIMPLE, padding=(0, 1, 0, 0), show_edge=False, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(ratio=1)
        for code in sorted((one for one in codes if one.kind == kind), key=lambda one: one.name):
            table.add_row(code.name, code.means)
        out.print(f"{title}\n", style="bold")
        out.print(table)
        out.print()


def _print_code(code: Code) -> None:
    from rich.text import Text

    out, example = console(), code.example
    out.print(Text.assemble((code.name, "bold"), (f"  {code.kind}", "dim")))
    out.print(f"\n{code.means}")
    out.print(Text.assemble("\n", ("Why it matters. ", "bold"), code.matters))
    out.print(Text.assemble("\n", ("How to mend it. ", "bold"), code.mend))
    for title, lines, style in (
        (f"This triggers it ({example.file}):", example.now, "yellow"),
        ("and this does not:", example.was, "green"),
    ):
        out.print(f"\n{title}\n", style="bold")
        shown = dedent(lines).rstrip() or "(nothing there)"
        out.print(Text(indent(shown, "    "), style=style), soft_wrap=True)
