"""`trialrun schema`: the JSON Schema of study files, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from trialrun.cli.terminal import print_json

FILES = ("study", "forms", "variables", "sources", "panel", "borders")


@click.command()
@click.argument("file", type=click.Choice(FILES), required=False)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write *.schema.json to a folder."
)
def schema(file: str | None, out: Path | None) -> None:
    """Print the JSON Schema of a study FILE, or write those of all.

    An editor that knows YAML uses it to complete keys and to mark mistakes as you type. What needs the
    whole study (names, units, rules) is for `trialrun check`.
    """
    from trialrun.protocol.schema import schema as made
    from trialrun.protocol.skeleton import write_schemas

    if out is None and file is None:
        raise click.UsageError(f"Name a file ({', '.join(FILES)}), or a folder for all of them with --out.")
    if out is None:
        print_json(made(str(file)))
        return
    try:
        for path in write_schemas(out, (file,) if file else FILES):
            click.echo(path)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from None
