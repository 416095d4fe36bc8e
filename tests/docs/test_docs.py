"""The documentation is true: its marked examples are run, and its links lead somewhere.

An example is a fence of kind `console` under a line `<!-- run -->` (or `<!-- run: exits 1 -->`). Each
`$ trialrun …` in it is run, and must print the lines shown below it and no others; a line `...` stands
for any lines, and `...` within a line for any text. The examples of one page run in order in one empty
folder, so that a page can tell a story. A fence under `<!-- file: path -->` becomes that file there, one
under `<!-- add: path -->` its next part, and `<!-- change: path: old => new -->` mends a word of it.
`<!-- trial: name -->` makes a small trial there, and `<!-- samples: folder -->` small FCS files.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from small_samples import small_samples
from small_trial import small_trial
from trialrun.cli import main
from trialrun.protocol.compile import bundled

ROOT = Path(__file__).resolve().parent.parent.parent
ALONE = ("README.md", "write-a-protocol.md")
"""The pages whose commands run as processes of their own: they stand for the others."""
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^<!-- run(?:: exits (?P<code>\d))? -->\n+```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
FILE = re.compile(
    r"^<!-- (?P<act>file|add): (?P<path>\S+) -->\n+```\w+\n(?P<body>.*?)^```$"
    r"|^<!-- change: (?P<changed>\S+): (?P<old>.+?) => (?P<new>.+?) -->$"
    r"|^<!-- copy: (?P<study>\w+) => (?P<copy>\w+) -->$"
    r"|^<!-- trial: (?P<trial>\w+) -->$"
    r"|^<!-- samples: (?P<samples>\w+) -->$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!\w+:|#)(?P<target>[^)#\s]+)")


@dataclass(frozen=True)
class Example:
    """One command of a page: what is typed, what it shall print, and its exit code."""

    line: int
    command: str
    shown: str
    code: int


def examples(text: str) -> Iterator[Example]:
    for fence in FENCE.finditer(text):
        first = text.count("\n", 0, fence.start("body")) + 1
        for part in re.finditer(
            r"^\$ (?P<command>.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", fence["body"], re.MULTILINE
        ):
            line = first + fence["body"].count("\n", 0, part.start())
            yield Example(line, part["command"], part["shown"], int(fence["code"] or 0))


def write(found: re.Match[str], folder: Path) -> None:
    """Write, lengthen or change the file that a page shows, or copy a bundled study."""
    if found["copy"]:
        shutil.copytree(bundled()[found["study"]], folder / found["copy"])
        return
    if found["trial"]:
        small_trial(folder / found["trial"])
        return
    if found["samples"]:
        small_samples(folder / found["samples"])
        return
    path = folder / (found["path"] or found["changed"])
    path.parent.mkdir(parents=True, exist_ok=True)
    before = "" if found["act"] == "file" else path.read_text(encoding="utf-8")
    if found["changed"]:
        assert before.count(found["old"]) == 1, f"`{found['old']}` is not once in {path.name}"
        path.write_text(before.replace(found["old"], found["new"]), encoding="utf-8")
    else:
        path.write_text(before + found["body"], encoding="utf-8")


PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT / "src")}


def words(command: str) -> list[str]:
    program, *arguments = shlex.split(command)
    assert program == "trialrun", f"only trialrun is run here, not `{program}`"
    return arguments


def run(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of `trialrun …` in `folder`; its two streams come as one, as on a terminal.

    Not as a process of its own, which would spend most of its time on imports.
    """
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, words(command), prog_name="trialrun", env=PLAIN)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def run_alone(command: str, folder: Path) -> tuple[int, str]:
    """The same as a process of its own, as people run it."""
    python = [sys.executable, "-c", "from trialrun.cli import main; main(prog_name='trialrun')"]
    done = subprocess.run(
        [*python, *words(command)],
        cwd=folder,
        env=os.environ | PLAIN,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is what `shown` says, blanks at line ends and blank lines at the end aside."""
    lines = [
        r"(?:.*\n)*?"
        if line.strip() == "..."
        else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r" *\n"
        for line in shown.rstrip().splitlines()
    ]
    return re.fullmatch("".join(lines), printed.rstrip() + "\n" if printed.strip() else "") is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_do_what_is_shown(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    waiting = list(FILE.finditer(text))
    way = run_alone if page.name in ALONE else run
    for example in examples(text):
        while waiting and text.count("\n", 0, waiting[0].start()) < example.line:
            write(waiting.pop(0), tmp_path)
        code, printed = way(example.command, tmp_path)
        place = f"{page.name}:{example.line}: $ {example.command}"
        assert code == example.code, f"{place}\nexits {code}:\n{printed}"
        assert matches(example.shown, printed), f"{place}\nprints:\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_lead_somewhere(page: Path) -> None:
    targets = [link["target"] for link in LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_has_an_example_that_is_run() -> None:
    assert list(examples((ROOT / "README.md").read_text(encoding="utf-8")))


def test_examples_are_found_with_place_and_exit_code() -> None:
    text = (
        "# Page\n\n<!-- run: exits 1 -->\n```console\n$ trialrun a\none\ntwo\n$ trialrun b\n```\n"
        "```console\n$ trialrun unmarked\n```\n"
    )
    assert list(examples(text)) == [
        Example(5, "trialrun a", "one\ntwo\n", 1),
        Example(8, "trialrun b", "", 1),
    ]


def test_a_page_can_write_a_file_in_parts_and_mend_it(tmp_path: Path) -> None:
    text = (
        "<!-- file: a/b.yaml -->\n```yaml\none: 1\n```\n<!-- add: a/b.yaml -->\n```yaml\ntwo: 3\n```\n"
        "<!-- change: a/b.yaml: two: 3 => two: 2 -->\n"
    )
    for found in FILE.finditer(text):
        write(found, tmp_path)
    assert (tmp_path / "a" / "b.yaml").read_text() == "one: 1\ntwo: 2\n"


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("one\ntwo\n", "one  \ntwo\n\n", True),
        ("one\n", "one\ntwo\n", False),
        ("two\n", "one\ntwo\n", False),
        ("...\ntwo\n...\n", "one\ntwo\nthree\n", True),
        ("...\nfour\n", "one\ntwo\n", False),
        ("took ... s\n", "took 0.12 s\n", True),
        ("a.b\n", "axb\n", False),
        ("", "", True),
        ("", "surprise\n", False),
        ("one\n", "", False),
    ],
)
def test_what_is_shown_is_what_is_printed(shown: str, printed: str, expected: bool) -> None:
    assert matches(shown, printed) is expected
