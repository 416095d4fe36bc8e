"""The rooms and their arrows: who may import whom, who may know Django, and who may know the disease."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "trialrun"

# A room, and the other rooms it may import. Nothing flows back. Every room may ask for its own
# modules and for what `trialrun/__init__.py` itself defines (the version).
ARROWS: dict[str, set[str]] = {
    "protocol": set(),
    "conduct": {"protocol"},
    "tables": {"protocol"},
    "journal": {"protocol"},
    "record": {"protocol", "conduct", "tables", "journal"},
    "laboratory": {"protocol", "tables", "record", "cytometry"},
    "results": {"protocol", "tables", "journal", "record", "analysis", "simulate", "report", "exchange"},
    "web": {"record", "report", "exchange", "analysis", "results"},
    "cytometry": {"protocol", "tables"},
    "analysis": {"protocol", "tables"},
    "simulate": {"protocol", "conduct", "tables", "analysis", "cytometry"},
    "report": {"protocol", "tables", "analysis", "journal"},
    "exchange": {"protocol", "tables", "analysis", "journal"},
    "studies": set(),  # the bundled studies: data
}
ARROWS["demo"] = set(ARROWS) - {"web"}
ARROWS["cli"] = set(ARROWS)

# Where Django may be imported: these rooms, and these commands.
DJANGO = {"record", "web", "cli/demo.py", "cli/verify.py"}

# Words that only a study file, or a model that a study file names, may know. Letters on either side
# make another word ("list_registry" holds the letters of one).
WORDS = re.compile(
    r"(?<![a-z])(?:interleukin|aldesleukin|vasculitis|cryoglobulin\w*|hcv|tregs?)(?![a-z])", re.IGNORECASE
)
KNOWING = ("studies/", "simulate/models/")


def imports(source: str, module: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported in `source`, wherever in the file it stands.

    `module` is the package that relative imports start from, as parts. `from a import b` gives `a.b`,
    since b may be a module.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = module[: len(module) - node.level + 1] if node.level else ()
            base = ".".join([*origin, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def forbidden(room: str, file: str, name: str, rooms: set[str]) -> str | None:
    """Why `file` of `room` may not import `name`, or None if it may."""
    top, _, rest = name.partition(".")
    target = rest.partition(".")[0]
    if top == "django" and not {room, file} & DJANGO:
        return "only the record, the web and listed commands know Django"
    if top == "trialrun" and target in rooms and target != room and target not in ARROWS[room]:
        return f"{room} may not import {target}"
    return None


def crossings(package: Path) -> list[str]:
    """Every forbidden import under `package`, as `file:line: reason`."""
    found = []
    for path in sorted(package.glob("*/**/*.py")):
        file = path.relative_to(package).as_posix()
        room = file.partition("/")[0]
        if room not in ARROWS:
            found.append(f"{file}: `{room}` is not a room; add it to the arrows, or move the file")
            continue
        parents = ("trialrun", *Path(file).parent.parts)
        for line, name in imports(path.read_text(encoding="utf-8"), parents):
            if reason := forbidden(room, file, name, set(ARROWS)):
                found.append(f"{file}:{line}: {reason}")
    return found


def mentions(package: Path) -> list[str]:
    """Every word of the reference study outside the places that may know it, as `file:line: word`."""
    found = []
    for path in sorted(path for path in package.rglob("*") if path.is_file()):
        file = path.relative_to(package).as_posix()
        if file.startswith(KNOWING) or "__pycache__" in file:
            continue
        found += [f"{file}: {word}" for word in WORDS.findall(file.replace("_", " "))]
        for line, text in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1):
            found += [f"{file}:{line}: {word}" for word in WORDS.findall(text)]
    return found


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small package with one good import per room that has any."""
    for room, others in ARROWS.items():
        lines = [
            "from trialrun import __version__",
            *(f"import trialrun.{other}" for other in sorted(others)),
        ]
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("\n".join(lines))
    return tmp_path


def test_the_rooms_keep_to_their_arrows() -> None:
    assert crossings(PACKAGE) == []


def test_only_studies_and_their_models_know_the_disease() -> None:
    assert mentions(PACKAGE) == []


def test_the_arrows_have_no_cycle() -> None:
    remaining = dict(ARROWS)
    while free := [room for room, others in remaining.items() if not others & set(remaining)]:
        for room in free:
            del remaining[room]
    assert remaining == {}


def test_a_good_house_is_accepted(house: Path) -> None:
    assert crossings(house) == []


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("protocol/units.py", "import trialrun.tables", "protocol may not import tables"),
        ("protocol/units.py", "from trialrun import conduct", "protocol may not import conduct"),
        ("protocol/units.py", "from trialrun.cli import main", "protocol may not import cli"),
        ("conduct/act.py", "from ..journal import entry", "conduct may not import journal"),
        ("conduct/act.py", "from .. import record", "conduct may not import record"),
        ("conduct/__init__.py", "from ..web.page import page", "conduct may not import web"),
        ("simulate/models/il2.py", "from ...report import table", "simulate may not import report"),
        ("report/page.py", "def late():\n    import trialrun.record.store", "report may not import record"),
        ("demo/run.py", "from trialrun.web import pages", "demo may not import web"),
        ("tables/schema.py", "from django.db import models", "know Django"),
        ("cli/check.py", "import django", "know Django"),
        ("manager/all.py", "", "`manager` is not a room"),
    ],
)
def test_a_forbidden_import_is_found(house: Path, file: str, source: str, complaint: str) -> None:
    (house / file).parent.mkdir(parents=True, exist_ok=True)
    (house / file).write_text(source)
    [found] = crossings(house)
    assert found.startswith(file)
    assert complaint in found


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("record/models.py", "from django.db import models"),
        ("cli/verify.py", "import django"),
        ("conduct/act.py", "from .state import State\nfrom . import due\nfrom ..protocol.rule import Rule"),
        ("simulate/models/il2.py", "from ..arms import arm\nfrom ...analysis import arrays"),
    ],
)
def test_an_allowed_import_is_not_complained_of(house: Path, file: str, source: str) -> None:
    (house / file).parent.mkdir(parents=True, exist_ok=True)
    (house / file).write_text(source)
    assert crossings(house) == []


@pytest.mark.parametrize(
    "text", ["# low-dose Interleukin-2", "hcv_rna", "x = 'cryoglobulins'", "TREGS", "anti-HCV", "Vasculitis"]
)
def test_a_word_of_the_disease_is_found(house: Path, text: str) -> None:
    (house / "web" / "page.html").write_text(f"one\n{text}\n")
    [found] = mentions(house)
    assert found.startswith("web/page.html:2: ")


def test_words_are_welcome_in_studies_and_models_and_inside_other_words(house: Path) -> None:
    (house / "simulate" / "models").mkdir()
    (house / "simulate" / "models" / "il2.py").write_text("# interleukin")
    (house / "studies" / "study.yaml").write_text("vasculitis")
    (house / "exchange" / "registry.py").write_text("list_registry = SubjectRegister = None")
    assert mentions(house) == []


def test_a_file_named_after_the_disease_is_found(house: Path) -> None:
    (house / "analysis" / "treg_count.py").write_text("")
    assert mentions(house) == ["analysis/treg_count.py: treg"]
