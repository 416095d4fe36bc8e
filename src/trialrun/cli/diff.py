"""`trialrun diff`: what changed from one version of a protocol to another, for whom, and what it decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialrun.cli.diff_words import KIND_WORDS, WHOM, WORDS
from trialrun.cli.terminal import as_json, console, print_json, print_standing
from trialrun.protocol.change import KINDS, STAGES, Change
from trialrun.protocol.compile import load
from trialrun.protocol.difference import difference
from trialrun.protocol.protocol import Protocol

if TYPE_CHECKING:
    from trialrun.record.rejudge import Rejudged

COLOURS = {
    "safety": "bold red",
    "eligibility": "bold magenta",
    "treatment": "bold yellow",
    "schedule": "bold cyan",
}


@click.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--language", type=click.Choice(list(WORDS)), default="en", show_default=True, help="Of the words."
)
@as_json
def diff(old: str, new: str, language: str, as_json: bool) -> None:
    """Say what changed from OLD to NEW, for whom, and what it decides.

    Each is a study folder, a bundled study or a trial folder, which stands for the protocol it was run with.
    If OLD is a trial, its participants are judged again by the rules of NEW: who would not be eligible, which
    doses would be forbidden, which decisions and stops would differ. Nothing in the trial is changed.
    """
    before, after = load(_study(old)), load(_study(new))
    changes = difference(before, after)
    found = _replayed(Path(old), after, quiet=as_json) if changes and _is_trial(Path(old)) else None
    if as_json:
        print_json(_for_programs(before, after, changes, found, language))
    else:
        _for_people(before, after, changes, found, language)


def _study(name: str) -> str | Path:
    """The study of a trial folder; anything else is a study itself."""
    inside = Path(name) / "study"
    return inside if (inside / "study.yaml").exists() else name


def _is_trial(folder: Path) -> bool:
    return (folder / "record.sqlite3").exists()


def _replayed(folder: Path, after: Protocol, *, quiet: bool) -> Rejudged:
    """A trial's participants by the new rules, with progress where a person watches."""
    from trialrun.record.rejudge import rejudge
    from trialrun.record.trial import Trial

    trial = Trial.open(folder)
    try:
        if quiet:
            return rejudge(trial, after)
        from rich.console import Console
        from rich.progress import track

        watched = Console(stderr=True)
        return rejudge(
            trial,
            after,
            lambda steps: track(steps, "Judging what was recorded", console=watched, transient=True),
        )
    finally:
        trial.close()


# ---- for programs ----------------------------------------------------------------------------------


def _for_programs(
    before: Protocol, after: Protocol, changes: Sequence[Change], found: Rejudged | None, language: str
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "old": _named(before),
        "new": _named(after),
        "changes": [change.as_json(language) for change in changes],
        "trial": None,
    }
    if found:
        content["trial"] = {
            "participants": found.participants,
            "stages": dict(found.stages),
            "judged": dict(found.judged),
            "differing": [one.as_json(language) for one in found.differing],
            "misfits": [
                {"what": what, "why": why, "participants": count}
                for (what, why), count in sorted(found.misfits.items())
            ],
        }
    return content


def _named(protocol: Protocol) -> dict[str, str]:
    return {"study": protocol.id, "version": protocol.study.version, "protocol_hash": protocol.hash}


# ---- for people ------------------------------------------------------------------------------------


def _for_people(
    before: Protocol, after: Protocol, changes: Sequence[Change], found: Rejudged | None, language: str
) -> None:
    from rich.text import Text

    out, words = console(), WORDS[language]
    names = [f"{one.id} {words['version']} {one.study.version}" for one in (before, after)]
    out.print(Text(" → ".join(names), style="bold"))
    out.print(after.study.title(language))
    print_standing(out, after, language)
    out.print()
    if not changes:
        out.print(words["same" if before.hash == after.hash else "same meaning"])
        return
    out.print(_summary(changes, language))
    for stages, group in _by_whom(changes):
        out.print(Text(f"\n{_whom(stages, found, language)}", style="bold"))
        out.print(_table(group, language))
    if found:
        from trialrun.cli.diff_replay import print_replay

        print_replay(out, before, after, found, language)


def _summary(changes: Sequence[Change], language: str) -> str:
    """How many changes, of which kinds."""
    words, kinds = WORDS[language], KIND_WORDS[language]
    counted = [(kind, sum(change.kind == kind for change in changes)) for kind in KINDS]
    listed = ", ".join(f"{count} {kinds[kind]}" for kind, count in counted if count)
    return f"{words['change' if len(changes) == 1 else 'changes'].format(n=len(changes))} {listed}."


def _by_whom(changes: Sequence[Change]) -> Iterator[tuple[tuple[str, ...], list[Change]]]:
    """Changes by whom they touch, those that touch the most first; within, by kind."""
    order = sorted(changes, key=lambda change: (-len(change.concerns), change.concerns))
    for stages, group in groupby(order, key=lambda change: change.concerns):
        yield stages, list(group)


def _whom(stages: tuple[str, ...], found: Rejudged | None, language: str) -> str:
    said = WHOM[language][len(stages)]
    if found is None or not stages:
        return said
    count = sum(found.stages[stage] for stage in stages)
    return f"{said} ({WORDS[language]['now'].format(n=count)})"


def _table(changes: Sequence[Change], language: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    kinds = KIND_WORDS[language]
    table.add_column(width=max(map(len, kinds.values())), no_wrap=True)
    table.add_column(ratio=1)
    for change in changes:
        said = Text(bound(change.says(language)))
        for line, style in _below(change, language):
            said.append(f"\n{bound(line)}", style=style)
        table.add_row(Text(kinds[change.kind], style=COLOURS.get(change.kind, "bold")), said)
    return table


def bound(said: str) -> str:
    """French puts a space before : and ; that no line may break at."""
    return re.sub(r" (?=[:;]( |$))", "\N{NO-BREAK SPACE}", said)


def _below(change: Change, language: str) -> Iterator[tuple[str, str]]:
    """What else to know of a change, an example of what it decides, and until when it touches people;
    each a line and its style."""
    words = WORDS[language]
    yield from ((note(language), "dim") for note in change.notes)
    if change.example:
        listed = [(name, value) for name, value in change.example.values if name in change.example.telling]
        rest = len(listed) < len(change.example.values)
        shown = listed or change.example.values
        values = ", ".join(f"{name.replace('_', ' ')} {value(language)}" for name, value in shown)
        plain = words["rest"] if rest and listed else ""
        said = {"old": change.example.old(language), "new": change.example.new(language)}
        yield words["example"].format(values=values + plain, **said), "italic"
    elif change.tried:
        yield words["tried"].format(n=change.tried), "italic"
    if change.until and change.concerns != STAGES[:1]:
        yield words["until"].format(until=change.until(language)), "dim"
