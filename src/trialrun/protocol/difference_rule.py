"""How one rule differs from another, clause by clause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trialrun.protocol.change_words import say
from trialrun.protocol.content import meaning, parts
from trialrun.protocol.rule import And, Node, Not, Or, variables
from trialrun.protocol.text import Text


def clauses(old: Node | None, new: Node | None, names: Mapping[str, str]) -> Iterator[Text]:
    """The clauses that changed, came and went; nothing where the rules have no clause in common.

    names: what the variables of the old rule are called in the new one.
    """
    if old is None or new is None or (joined := _joint(old, new)) is None:
        return
    gone, come = _apart(old, new, joined, names)
    if len(gone) == len(parts(old)) and len(come) == len(parts(new)) and (len(gone), len(come)) != (1, 1):
        return
    for one in list(gone):
        like = [other for other in come if _reads(one, names) == _reads(other, {})]
        if len(like) == 1:
            gone.remove(one)
            come.remove(like[0])
            yield from _changed(one, like[0], names)
    yield from (say("clause.gone", old=one) for one in gone)
    yield from (say("clause.new", new=one) for one in come)


def _joint(old: Node, new: Node) -> type[And] | type[Or] | None:
    """What joins the clauses of both; a rule of one clause goes with either."""
    kinds = {type(node) for node in (old, new) if isinstance(node, And | Or)}
    return kinds.pop() if len(kinds) == 1 else None


def _apart(
    old: Node, new: Node, kind: type[And] | type[Or], names: Mapping[str, str]
) -> tuple[list[Node], list[Node]]:
    ours = {meaning(part, names): part for part in _parts(old, kind)}
    theirs = {meaning(part): part for part in _parts(new, kind)}
    return (
        [part for one, part in ours.items() if one not in theirs],
        [part for one, part in theirs.items() if one not in ours],
    )


def _parts(node: Node, kind: type[And] | type[Or]) -> tuple[Node, ...]:
    return parts(node) if isinstance(node, kind) else (node,)


def _changed(old: Node, new: Node, names: Mapping[str, str]) -> Iterator[Text]:
    """Where both are long, what differs inside; else the two as they are."""
    while isinstance(old, Not) and isinstance(new, Not):
        old, new = old.part, new.part
    inside = list(clauses(old, new, names)) if isinstance(old, And | Or) and isinstance(new, And | Or) else []
    yield from inside or [say("clause.changed", old=old, new=new)]


def _reads(node: Node, names: Mapping[str, str]) -> frozenset[str]:
    return frozenset(names.get(one.name, one.name) for one in variables(node))
