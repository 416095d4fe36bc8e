"""What was given with the tables and is true of the run as a whole: its model, its seed, its hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from trialrun.analysis.outputs import due
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.columns import Columns, Fact
from trialrun.analysis.outputs.statement import Line, Stated, Value, words
from trialrun.protocol.analysis import Told


def facts_told(asked: Asked, analysis: Told) -> Iterator[Line]:
    """A line for each of the facts that was given, or that a virtual run tells of itself."""
    known = virtual_run(asked.columns) | asked.columns.facts
    for name, title in analysis.facts.items():
        if name not in known:
            continue
        fact = known[name]
        value: Value = fact if isinstance(fact, str) else float(fact)
        inputs = hashlib.sha256(f"{name}\n{fact}".encode()).hexdigest()
        cell = Stated(
            "value",
            {"value": value},
            words("{value}"),
            "fact/1",
            sources=tuple(asked.groups.members["_row"].sort().to_list()),  # a run is of its participants
            inputs=inputs,
            parameters={"fact": name},
        )
        yield Line((asked.name, name), (title,), (cell,), analysis.indent)


def virtual_run(columns: Columns) -> dict[str, Fact]:
    """Of tables of virtual participants alone: the ``model``, and hashes of the ``study``, of the
    participants (``cohort``) and of all ``tables``."""
    people = columns.people
    if columns.protocol is None or "VIRTUAL" not in people.columns or not (people["VIRTUAL"] == "Y").all():
        return {}
    if people.is_empty():
        return {}
    given = {name: table for name, table in columns.raw.items() if name not in due.MADE and table.height}
    told = [f"{name}: {row}" for name, table in given.items() for row in table.write_csv().splitlines()]
    return {
        "model": str(columns.protocol.model.get("model", "")),
        "study": columns.protocol.hash,
        "cohort": _hashed(people.select("USUBJID").write_csv()),
        "tables": _hashed("\n".join(sorted(told))),
    }


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
