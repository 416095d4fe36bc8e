"""A participant's tubes become files, and the files numbers: the work of one process of the laboratory."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialrun import __version__
from trialrun.cytometry.batch import gate
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.manifest import Manifest, Row
from trialrun.laboratory.receive import Result
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.chance import Person
from trialrun.simulate.population import population
from trialrun.simulate.tube import Tube, sample, tube


@dataclass(frozen=True)
class Order:
    """One specimen that is to be gated: of whom and what, from which stream, and what is truly in it."""

    panel: str
    form: str
    subject: str
    specimen: str
    person: Person
    purpose: str
    quantities: Mapping[str, float]
    answers: Mapping[str, Any]


@dataclass(frozen=True)
class Gated:
    """What was found in the file of an order, and the truth: both by quantity of the panel. warnings: the
    rules of the panel that it does not fulfil and that let it pass; withholding: those that take some of its
    numbers."""

    order: Order
    result: Result
    truth: Mapping[str, float]
    warnings: tuple[str, ...]
    withholding: tuple[str, ...]


BLOOD = 50  # µL of blood in a tube: assumption, only its ratio to the beads enters
_STUDY: list[Protocol] = []


def prepare(study: Path) -> None:
    """What a process is told once: the study, pickled by the process that started it."""
    _STUDY[:] = [pickle.loads(study.read_bytes())]


def gated(panel: str, orders: Sequence[Order], folder: Path) -> list[Gated]:
    """Make the file of each specimen and gate them together, as those of one participant."""
    (protocol,) = _STUDY
    assert protocol.panels is not None
    made = {f"{order.specimen}.{panel}.fcs": order for order in orders}
    tubes = {name: _file(protocol, order, folder / name) for name, order in made.items()}
    manifest = Manifest({name: Row(_row(filled, made[name])) for name, filled in tubes.items()})
    batch = gate([folder / name for name in made], protocol.panels, panel, manifest=manifest)
    if batch.failures:
        raise RuntimeError("; ".join(f"{one.name}: {one.reason}" for one in batch.failures))
    found = []
    for one in batch.outcomes:
        order = made[one.file.name]
        result = Result(
            one.file.path, one.file.keywords, one.values, batch.source(one), one.failed, answers=order.answers
        )
        warnings, withholding = (
            tuple(rule.rule for rule in one.quality if rule.outcome == outcome)
            for outcome in ("warn", "withhold")
        )
        found.append(Gated(order, result, tubes[one.file.name].truth(), warnings, withholding))
    return found


def _row(filled: Tube, order: Order) -> dict[str, str]:
    """What the manifest says of a tube: of whom it is, and how its cells are counted."""
    said = {"participant": order.subject, "storage": "fresh"}
    if filled.beads is not None:
        said |= {"counting": "beads", "beads": f"{filled.beads * BLOOD:.6g}", "blood_ul": str(BLOOD)}
    return said


def _file(protocol: Protocol, order: Order, path: Path) -> Tube:
    """Write the file of one specimen."""
    assert protocol.panels is not None
    panel, cells = protocol.panels.panels[order.panel], population(protocol).cells[order.panel]
    filled = tube(panel, cells, order.quantities, order.answers)
    said = sample(
        filled,
        filled.draw(order.person, order.purpose),
        file=path.name,
        participant=order.subject,
        specimen=order.specimen,
        seed=order.person.seed,
        version=__version__,
    )
    write(path, said)
    return filled
