"""`trialrun new`: begin a study from a commented skeleton."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from trialrun.cli.terminal import program


def _languages(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in value.split(","))
    if not all(re.fullmatch(r"[a-z]{2}", code) for code in codes) or len(set(codes)) < len(codes):
        raise click.BadParameter("write codes of two small letters, each once, e.g. en,fr")
    return codes


def _title(context: click.Context, option: click.Parameter, value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise click.BadParameter("write the title in words, on one line")
    return value.strip()


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--title", default="A trial to be named", callback=_title, help="What the trial is called.")
@click.option(
    "--arms", type=click.IntRange(1, 2), default=1, show_default=True, help="Groups of participants."
)
@click.option("--languages", default="en", show_default=True, callback=_languages, help="E.g. en,fr.")
def new(folder: Path, title: str, arms: int, languages: tuple[str, ...]) -> None:
    """Begin a study in FOLDER, from a commented skeleton.

    It compiles as it is. Its placeholders are assumptions that say "To be decided".
    """
    from trialrun.protocol.skeleton import begin

    begin(folder, title, languages, arms)
    name = shlex.quote(str(folder))
    click.echo(f"{folder} holds a study that compiles. Begin with {folder / 'study.yaml'}, then:\n")
    click.echo(f"  {program()} check {name} --assumptions")
