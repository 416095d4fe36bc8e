"""Every way to spoil a study is refused at its file and line in under a second, or shown to be harmless.

The table of them is printed at the end of a run (``tests/conftest.py``).
"""

import gc
import os
import re
import resource
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from mutation_table import mutations
from mutations import Mutation

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.problem import Problem, ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.schema import schema
from trialrun.protocol.source import read

MUTATIONS = mutations()
SLOWEST = 1.0  # seconds of the processor, which a busy machine does not lengthen
MOST_MEMORY = 100_000  # kB by which the peak of this process may grow
SHAPE = ("missing key", "misspelt key", "wrong shape")  # what an editor can see in one file
JARGON = re.compile(
    r"Input should|pydantic|Value error|NoneType|\bdict\b|Traceback|<class|YAML: |sys\.|\bstr\b|None"
)


@pytest.mark.parametrize("one", MUTATIONS, ids=str)
def test_a_mutation_is_refused_at_its_place_or_is_harmless(
    one: Mutation, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(bundled()[one.study], folder)
    one.apply(folder)
    if one.name.endswith("may not be read") and os.access(folder / one.file, os.R_OK):
        pytest.skip("whoever runs this may read every file")
    problems, compiled, seconds = _compiled(folder)
    seen = _refused_by_schema(folder, one) if one.kind in SHAPE else None
    record_property("mutation", [one.kind, one.name, not problems, seconds, seen])
    assert seconds < SLOWEST
    if one.harmless:
        assert not problems, "\n".join(map(str, problems))
        assert _content(compiled) == _content(load(one.study))
        return
    assert problems, "it was accepted"
    _well_said(one, problems)
    assert seen is not False, "the schema accepts it"


def _compiled(folder: Path) -> tuple[tuple[Problem, ...], Protocol | None, float]:
    """The problems, the protocol if there are none, and the seconds it took."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.freeze()  # a command begins without the heap of a thousand tests, which collections would walk
    began = time.process_time()
    problems, compiled = (), None
    try:
        compiled = load(folder)
    except ProtocolError as error:
        problems = error.problems
        assert len(error.render()) < 100_000
    seconds = time.process_time() - began
    gc.unfreeze()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < MOST_MEMORY
    return problems, compiled, seconds


def _content(protocol: Protocol) -> object:
    """All that a protocol says, the order of what is named included."""
    named = (protocol.forms, protocol.variables, protocol.timepoints, protocol.rules, protocol.types)
    whole = (protocol.study, protocol.sources, protocol.model, protocol.outputs)
    return [list(one.items()) for one in named], whole


def _well_said(one: Mutation, problems: tuple[Problem, ...]) -> None:
    """Something is said at the right place, and nothing that is said speaks of how the program is made."""
    shown = "\n".join(map(str, problems[:5]))
    there = [said for said in problems if Path(said.place.file).name in (one.file, "study")]
    if one.line is not None:
        there = [said for said in there if said.place.line == one.line]
    assert there, f"nothing is said of {one.file}:{one.line}, but:\n{shown}"
    assert any(one.says in f"{said.message} {said.hint}" for said in there), (
        f"nobody says `{one.says}`:\n{shown}"
    )
    for said in problems:
        assert not JARGON.search(f"{said.message} {said.hint or ''}".replace(one.name, "")), str(said)
        assert not said.message.endswith(".")
        assert said.hint is None or said.hint[-1] in ".?", said.hint


def _refused_by_schema(folder: Path, one: Mutation) -> bool:
    """Whether an editor that knows the schema marks it."""
    try:
        content: object = read(folder / one.file).content
    except ProtocolError:  # of nothing but comments
        content = None
    return not _validator(one.file).is_valid(content)


@cache
def _validator(file: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(file.removesuffix(".yaml")))


def test_there_are_many_mutations_and_each_has_its_own_name() -> None:
    assert len(MUTATIONS) >= 140
    assert len({str(one) for one in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_bundled_study_is_spoiled(name: str) -> None:
    assert any(one.study == name for one in MUTATIONS)
