"""The map of the tool: which commands there are, found without importing any of them.

`trialrun --help` costs only click. A command's own module is imported when that command is called,
so a study check never pays for the web framework, nor a help page for numpy.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import click

from trialrun import __version__

GUIDE = """\b
STUDY is a study folder, or the name of a bundled study.
TRIAL is a trial folder: its study, its record and its files.
OLD and NEW are each one of these.
FOLDER holds SDTM files of any study.

Exit codes: 0 done, 1 the input is wrong, 2 wrong usage."""


@dataclass(frozen=True)
class Entry:
    """One command on the map: where its click command lives (`module:attribute`), and its line of help."""

    target: str
    help: str

    def load(self) -> click.Command:
        module, attribute = self.target.split(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is not a click command")
        return command


MAP: dict[str, dict[str, Entry]] = {
    "Start here": {
        "demo": Entry("trialrun.cli.demo:demo", "Run the bundled study on virtual people, up to its report."),
    },
    "A study": {
        "new": Entry("trialrun.cli.new:new", "Begin a study in a folder, from a commented skeleton."),
        "check": Entry("trialrun.cli.check:check", "Compile STUDY and list everything wrong or doubtful."),
        "trace": Entry("trialrun.cli.trace:trace", "Show which source each part of STUDY rests on."),
        "calendar": Entry("trialrun.cli.calendar:calendar", "Give one participant's dates under STUDY."),
        "rehearse": Entry("trialrun.cli.rehearse:rehearse", "Find the dead ends of STUDY."),
        "schedule": Entry("trialrun.cli.schedule:schedule", "Set the schedule of activities of STUDY."),
        "diff": Entry("trialrun.cli.diff:diff", "Say what changed from OLD to NEW, and what it decides."),
        "schema": Entry("trialrun.cli.schema:schema", "Give editors the JSON Schema of study files."),
    },
    "Tables": {
        "summary": Entry(
            "trialrun.cli.summary:summary", "Check anyone's SDTM in FOLDER, and tabulate it by arm."
        ),
    },
    "Cells": {
        "gate": Entry("trialrun.cli.gate:gate", "Gate FCS files with a panel: populations and quantities."),
        "learn": Entry("trialrun.cli.learn:learn", "Learn borders from samples gated by hand, for a study."),
        "elispot": Entry("trialrun.cli.elispot:elispot", "Judge the ELISpot assays of a plate's counts."),
        "ics": Entry("trialrun.cli.ics:ics", "Judge the responses in a table of stained cells (ICS)."),
        "suppression": Entry(
            "trialrun.cli.suppression:suppression", "Give suppression over ratios from a table of wells."
        ),
    },
    "A trial": {
        "report": Entry("trialrun.cli.report:report", "Write what was known of TRIAL on a day, as results."),
        "looks": Entry("trialrun.cli.looks:looks", "List who looked at which results of TRIAL, and when."),
        "verify-results": Entry(
            "trialrun.cli.verify_results:verify_results", "Compute kept results again, and compare."
        ),
        "crosscheck": Entry(
            "trialrun.cli.crosscheck:crosscheck", "Compute the numbers of results again in R, and compare."
        ),
        "verify": Entry("trialrun.cli.verify:verify", "Prove the record of TRIAL whole and unaltered."),
    },
}

ENTRIES = {name: entry for section in MAP.values() for name, entry in section.items()}


@runtime_checkable
class InputError(Protocol):
    """What an exception offers to say "the input is wrong": its own text, ready for a terminal.

    This is the one place where the rooms' errors meet the commands. Any exception with a `render()`
    is printed to standard error as it renders itself, and the exit code is 1. All others are bugs,
    and keep their traceback.
    """

    def render(self) -> str: ...


class Map(click.Group):
    """A group whose commands are known by name and imported on call."""

    def main(self, *args: Any, **extra: Any) -> Any:
        from trialrun.cli.terminal import never_fail

        never_fail(sys.stdout)  # click prints help pages without asking for a console
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = ENTRIES.get(cmd_name)
        return entry.load() if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in ENTRIES:
            raise click.NoSuchCommand(args[0], possibilities=ENTRIES, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, ENTRIES))
        for title, section in MAP.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in section.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(GUIDE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not isinstance(error, InputError):
                raise
            from trialrun.cli.terminal import visible

            click.echo(visible(error.render()), err=True)
            ctx.exit(1)


@click.group(cls=Map, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trialrun")
def main() -> None:
    """A clinical-trial protocol as a program: run it on people, or on virtual people."""
