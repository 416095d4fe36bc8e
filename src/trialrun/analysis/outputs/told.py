"""What was given with the tables and is true of the run as a whole: its model, its seed, its hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.statement import Line, Stated, Value, words
from trialrun.protocol.output import Told


def facts_told(asked: Asked, analysis: Told) -> Iterator[Line]:
    """A line for each of the facts that was given."""
    for name, title in analysis.facts.items():
        if name not in asked.columns.facts:
            continue
        fact = asked.columns.facts[name]
        value: Value = fact if isinstance(fact, str) else float(fact)
        inputs = hashlib.sha256(f"{name}\n{fact}".encode()).hexdigest()
        cell = Stated(
            "value", {"value": value}, words("{value}"), "fact/1", inputs=inputs, parameters={"fact": name}
        )
        yield Line((asked.name, name), (title,), (cell,), analysis.indent)
