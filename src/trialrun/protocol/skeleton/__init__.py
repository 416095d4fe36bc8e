"""A study to begin with: a commented skeleton that compiles, each placeholder marked "To be decided"."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from trialrun.protocol.compile import REQUIRED, load
from trialrun.protocol.problem import Place, Problem, ProtocolError
from trialrun.protocol.schema import SCHEMAS, schema

__all__ = ["begin", "write_schemas"]

# What differs between a study of one group and a study of two.
_ONE = {"allocation": "none", "groups": "", "low": "", "level": "usual"}
_TWO = {
    "allocation": "randomised",
    "groups": """\
arms:                              # the groups of participants, by name
  active: {title: Usual dose, from: assumption, reason: "To be decided: the groups."}
  control: {title: Low dose, from: assumption, reason: "To be decided: the groups."}
allocation: {method: blocks, ratio: {active: 1, control: 1}, blocks: [4, 6], from: assumption, \
reason: "To be decided: how participants come to a group."}
""",
    "low": '    low: {dose: 10, from: assumption, reason: "To be decided: what the control group has."}\n',
    "level": "{active: usual, control: low}",
}
SCHEMA_FOLDER = ".schema"  # beside the study files, where their first lines tell an editor to look


def begin(folder: Path, title: str, languages: Sequence[str], arms: int) -> None:
    """Make a study folder from the skeleton; raises ProtocolError if it exists and is not empty.

    It is made beside its place, compiled, and moved there whole: either all of it is there, or nothing.
    """
    _refuse_taken(folder)
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".study-", dir=folder.parent) as made:
            draft = Path(made) / folder.name
            draft.mkdir()
            for name, text in _texts(folder.name, title, languages, arms).items():
                (draft / name).write_text(text, encoding="utf-8")
            write_schemas(draft / SCHEMA_FOLDER)
            load(draft)
            draft.rename(folder)  # also onto an empty folder
    except OSError as error:
        raise ProtocolError([Problem(Place(str(folder)), f"cannot be made: {error.strerror}")]) from None


def write_schemas(folder: Path, names: Sequence[str] = tuple(SCHEMAS)) -> tuple[Path, ...]:
    """Write the JSON Schema of these study files as ``NAME.schema.json``; their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"{name}.schema.json" for name in names)
    for path, name in zip(paths, names, strict=True):
        text = json.dumps(schema(name), ensure_ascii=False, indent=2)
        path.write_text(f"{text}\n", encoding="utf-8")
    return paths


def _refuse_taken(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        what = "exists and is not empty" if folder.is_dir() else "exists and is not a folder"
        hint = "Nothing was written. Give the name of a folder that does not exist yet."
        raise ProtocolError([Problem(Place(str(folder)), what, hint)])


def _texts(name: str, title: str, languages: Sequence[str], arms: int) -> dict[str, str]:
    titles = dict.fromkeys(languages, title)
    said = {
        "id": _id(name),
        "title": _flow(titles) if titles.keys() - {"en"} else json.dumps(title, ensure_ascii=False),
        "languages": f"[{', '.join(languages)}]",
        "arms": str(arms),
        **(_ONE if arms == 1 else _TWO),
    }
    folder = resources.files(__package__)
    return {file: Template((folder / file).read_text("utf-8")).substitute(said) for file in REQUIRED}


def _flow(words: dict[str, str]) -> str:
    """Words by language on one line; JSON's quotes and escapes are YAML's too."""
    return (
        f"{{{', '.join(f'{code}: {json.dumps(said, ensure_ascii=False)}' for code, said in words.items())}}}"
    )


def _id(name: str) -> str:
    """The folder's name as the id of a trial: ``my study`` becomes MY-STUDY."""
    word = re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")
    return word if re.search(r"[A-Z]", word) else "MY-STUDY"
