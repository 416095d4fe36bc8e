"""How the populations of a panel come from each other, from all events down."""

from __future__ import annotations

from collections.abc import Iterable

from trialrun.protocol.panel import Panel, Quantity
from trialrun.protocol.population import ALL, Density, Tail, reads

__all__ = [
    "ancestors", "beneath", "circular", "in_order", "made_from", "rests", "shared", "shared_cuts", "within",
]  # fmt: skip


def in_order(panel: Panel) -> tuple[str, ...]:
    """The populations, each after those that it is made from; what is circular is left out."""
    done: dict[str, None] = {}
    waiting = dict(panel.populations)
    while ready := [
        name for name, one in waiting.items() if all(parent == ALL or parent in done for parent in reads(one))
    ]:
        for name in ready:
            done[name] = None
            del waiting[name]
    return tuple(done)


def circular(panel: Panel) -> list[str]:
    """The populations that lead back to themselves."""
    return [name for name, one in panel.populations.items() if name in made_from(panel, reads(one))]


def made_from(panel: Panel, names: Iterable[str]) -> set[str]:
    """These populations, and all that they are made from."""
    seen: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name in panel.populations and name not in seen:
            seen.add(name)
            waiting += reads(panel.populations[name])
    return seen


def shared_cuts(panel: Panel) -> tuple[str, ...]:
    """The populations cut in one marker where samples show it together, that a quantity hangs on; each after
    those that it is made from."""
    named: set[str | None] = {name for one in panel.quantities.values() for name in (one.population, one.of)}
    if any(one.absolute for one in panel.quantities.values()) and panel.counting is not None:
        named |= {panel.counting.beads, panel.counting.dual}
    below = made_from(panel, filter(None, named))
    return tuple(name for name in in_order(panel) if name in below and shared(panel, name))


def shared(panel: Panel, name: str) -> bool:
    """Whether a population is cut in one marker where its samples show it together."""
    return isinstance(panel.populations[name], Density | Tail)


def ancestors(panel: Panel, name: str) -> list[str]:
    """The parents of a population from the nearest up to all events; of a circle each once."""
    found: list[str] = []
    while name in panel.populations and name not in found:
        found.append(name)
        name = panel.populations[name].of
    return [*found[1:], ALL]


def within(panel: Panel, one: Quantity) -> bool:
    """Whether a percentage is of the population itself or one above it."""
    return one.of == ALL or one.of == one.percent or one.of in ancestors(panel, str(one.percent))


def beneath(panel: Panel, one: Quantity, name: str, reference: str | None = None) -> bool:
    """Whether a quantity is of a part of a population, is divided by it, or is a median in it. How many
    events the population itself has is not.

    reference: the population by which cells per microlitre are counted, if one is.
    """
    if one.population == name and one.kind in ("count", "absolute"):
        return False
    whole = reference if one.kind == "absolute" else one.of
    return name == whole or any(name in ancestors(panel, part) for part in (one.population, whole) if part)


def rests(panel: Panel, one: Quantity, names: Iterable[str], reference: str | None = None) -> bool:
    """Whether a quantity is made from one of these populations. reference: as for `beneath`."""
    over = reference if one.kind == "absolute" else one.of
    return not made_from(panel, filter(None, (one.population, over))).isdisjoint(names)
