"""What commands print: JSON for programs, and text of the terminal's width for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(content: Any) -> None:
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def console() -> Console:
    """Where people read; rich is imported here, so that programs do not wait for it."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)
