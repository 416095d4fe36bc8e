"""What commands that bring a laboratory's numbers into a trial have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trialrun.cli.terminal import console, visible

if TYPE_CHECKING:
    from rich.console import Console

    from trialrun.laboratory.land import Landed
    from trialrun.protocol.assay import Assay
    from trialrun.record.trial import Trial

Command = TypeVar("Command", bound=Callable[..., Any])


def into_a_trial(command: Command) -> Command:
    """The options `--trial` (as `folder`) and `--by`."""
    folder = click.option(
        "--trial",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        help="Keep the files in this trial, and enter their numbers into its record.",
    )
    by = click.option("--by", metavar="PERSON", help="With --trial: in whose name. Needed for a real trial.")
    return folder(by(command))


of_an_assay = click.option(
    "--assay", metavar="NAME", help="With --trial: which assay of its study, if it has several of this kind."
)


def alone(folder: Path | None, **options: object) -> None:
    """Refuse what goes with `--trial` only, where there is none."""
    if folder is None and (said := [f"--{name}" for name, value in options.items() if value is not None]):
        raise click.UsageError(f"{' and '.join(said)} go{'es' * (len(said) == 1)} with --trial")


def written(*names: str) -> str:
    """The options among these that somebody wrote, in words."""
    context, given = click.get_current_context(), click.core.ParameterSource.COMMANDLINE
    return ", ".join(f"--{name}" for name in names if context.get_parameter_source(name) == given)


def chosen(trial: Trial, method: str, name: str | None) -> tuple[str, Assay]:
    """The assay of the trial's study that is meant. Raises UsageError."""
    panels = trial.protocol.panels
    known = {key: one for key, one in (panels.assays if panels else {}).items() if one.method == method}
    if not known:
        message = f"its study has no assay with `method: {method}` in panel.yaml"
        raise click.BadParameter(message, param_hint="'--trial'")
    if name is None and len(known) > 1:
        raise click.UsageError(f"its study has several; add --assay {' or --assay '.join(known)}")
    name = name or next(iter(known))
    if name not in known:
        message = f"the study has no such assay '{name}': {', '.join(known)}"
        raise click.BadParameter(message, param_hint="'--assay'")
    return name, known[name]


@contextmanager
def opened(folder: Path | None) -> Iterator[Trial | None]:
    """The trial whose record the numbers go into, if any; a virtual one's clock stands at its last entry."""
    if folder is None:
        yield None
        return
    from trialrun.record.known import stand
    from trialrun.record.trial import Trial

    trial = Trial.open(folder)
    try:
        stand(trial)
        yield trial
    finally:
        trial.close()


def entering(trial: Trial) -> str:
    """The first of a virtual trial's laboratory; for a real one somebody must be named."""
    if not trial.virtual:
        message = "this trial is real: say who enters the numbers, with --by and a user id"
        raise click.BadParameter(message, param_hint="'--by'")
    for person in trial.people():
        if person.role == "laboratory":
            return person.id
    raise click.BadParameter("nobody of this trial is of the laboratory: name someone", param_hint="'--by'")


def landed_data(landed: Landed) -> dict[str, object]:
    """What became of the numbers, as data."""
    return {
        "record": dict(landed.done),
        "findings": [
            {"kind": one.kind, "file": one.file, "message": one.message, "cure": one.cure}
            for one in (*landed.findings, *landed.notes)
        ],
    }


def tell_landed(landed: Landed, folder: Path | None) -> None:
    """What became of the numbers, for people."""
    screen = console()
    counts = Counter(landed.done.values())
    told = ", ".join(f"{counts[did]} {did}" for did in ("entered", "corrected", "unchanged"))
    screen.print(f"\nInto the record of {folder}: {told}")
    unknown = [one for one in landed.findings if one.kind == "unknown"]
    left_out = [one for one in landed.findings if one.kind != "unknown"]
    for head, found in (("Not in the record", left_out), ("To be looked at", [*unknown, *landed.notes])):
        if found:
            screen.print(f"\n{head}")
            listed(screen, map(str, found))


def listed(screen: Console, lines: Iterable[str]) -> None:
    """Each line with those that it is broken into below it, further in."""
    from rich.text import Text

    for line in lines:
        parts = Text(visible(line)).wrap(screen, max(1, screen.width - 4), overflow="fold")
        for number, part in enumerate(parts):
            screen.print(Text(" " * (4 if number else 2)) + part, soft_wrap=True)
