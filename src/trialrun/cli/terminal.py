"""What commands print: JSON for programs, and text of the terminal's width for people."""

from __future__ import annotations

import codecs
import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment
    from rich.text import Text

    from trialrun.protocol.protocol import Protocol

_FILLED = re.compile(r" +((?:\x1b\[[0-9;]*m)*)(?=\n)")  # blanks, and what ends a colour
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # control, and bidi control

SPELT = {
    **{
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "≥": ">=",
        "≤": "<=",
        "×": "x",
        "·": "*",
        "→": "->",
        "±": "+/-",
    },
    **{"²": "^2", "³": "^3", "⁶": "^6", "⁹": "^9", "µ": "u", "μ": "u", "\u00a0": " ", "\u202f": " "},
    **{"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"'},
}  # signs in letters that every terminal has; a name is not among them, since it would become another


def _spelt(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a terminal cannot show: how they are spelt, or their numbers."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    said = (SPELT.get(one) or one.encode("ascii", "backslashreplace").decode() for one in lost)
    return "".join(said), error.end


codecs.register_error("spelt", _spelt)


def never_fail(stream: Any) -> None:
    """Let a stream spell what its encoding lacks, unless it knows already what else to do."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in {"strict", "surrogateescape"}:
        stream.reconfigure(errors="spelt")


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(content: Any) -> None:
    """JSON is UTF-8 (RFC 8259); where another encoding is asked for, ASCII, which is UTF-8 too."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    unicode = codecs.lookup(encoding).name == "utf-8"
    click.echo(json.dumps(content, ensure_ascii=not unicode, indent=2))


def visible(text: str) -> str:
    """Text in which all that a terminal would obey, or read in another order, is spelt (`\\x1b`): files, and
    their names, may say anything."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def console() -> Console:
    """Where people read; rich is imported here, so that programs do not wait for it."""
    from rich.console import Console

    class Visible(Console):
        def render_str(self, text: str, **named: Any) -> Text:
            return super().render_str(visible(text), **named)

        def render(self, *arguments: Any, **named: Any) -> Iterator[Segment]:
            for one in super().render(*arguments, **named):
                yield one if one.control else one._replace(text=visible(one.text))

    never_fail(sys.stdout)
    return Visible(highlight=False, markup=False, emoji=False, file=cast("IO[str]", _Trimmed(sys.stdout)))


class _Trimmed:
    """A stream without the blanks at the ends of lines, with which rich fills them up."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(_FILLED.sub(r"\1", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class progress:
    """A bar per step on standard error, drawn only where a person watches.

    steps: what each step is called, by its key.
    """

    def __init__(self, steps: Mapping[str, str]) -> None:
        self.steps = steps

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        out = Console(stderr=True)
        self.progress = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
        self.progress.__enter__()
        self.tasks: dict[str, Any] = {}
        return self.tell

    def tell(self, step: str, share: float) -> None:
        if step not in self.tasks:
            self.tasks[step] = self.progress.add_task(self.steps[step], total=1.0)
        self.progress.update(self.tasks[step], completed=share)

    def __exit__(self, *error: Any) -> None:
        self.progress.__exit__(*error)


def print_standing(out: Console, protocol: Protocol, language: str = "en") -> None:
    """What the study says of its own standing goes on every page that people read."""
    from rich.padding import Padding
    from rich.text import Text

    standing = protocol.study.standing
    if standing:
        out.print(Padding(Text(standing(language), style="bold yellow"), (1, 2, 0, 2)))


def require_language(protocol: Protocol, language: str, written: Collection[str] | None = None) -> None:
    """Wrong usage, if the study is not written in this language, or (``written``) this tool is not."""
    known = [code for code in protocol.study.languages if written is None or code in written]
    if language not in known:
        message = f"the study is not written in '{language}'. Its languages: {', '.join(known)}."
        raise click.BadParameter(message, param_hint="'--language'")


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what the disk refuses is said in words."""
    from trialrun.protocol.file import whole

    try:
        with whole(path) as part:
            part.write_bytes(content)
    except OSError as error:
        reason = error.strerror or error
        raise click.ClickException(f"{path} cannot be written: {reason}. Choose another file.") from error


def program() -> str:
    """This tool as its commands are to be typed: by name where that finds it, else as it was called."""
    called = Path(sys.argv[0])
    if called.stem != "trialrun":  # called from Python
        return "trialrun"
    found = shutil.which("trialrun")
    by_name = found is not None and Path(found).resolve() == called.resolve()
    ours = called.resolve().parent == Path(sys.prefix).resolve() / "bin"  # run from .venv/bin
    return "trialrun" if by_name or ours else shlex.quote(sys.argv[0])
