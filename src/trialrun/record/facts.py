"""The facts of a trial in long form, each with the entry it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from trialrun.record import local
from trialrun.record.projection import Filled, Projection
from trialrun.record.value import Content, plain
from trialrun.tables.facts import ACTS, SUBJECTS, VALUES, Facts


def facts(projections: Iterable[Projection], virtual: bool) -> Facts:
    """The three frames, in order of participant, form, place and item of the study files."""
    known = list(projections)
    subjects = [(p.subject, p.site, virtual, f"{p.chain}#1") for p in known]
    values = [row for p in known for key, filled in p.filled.items() for row in _values(p, *key, filled)]
    acts = [row for p in known for row in _acts(p)]
    return Facts(
        pl.DataFrame(subjects, SUBJECTS, orient="row"),
        pl.DataFrame(values, VALUES, orient="row"),
        pl.DataFrame(acts, ACTS, orient="row"),
    )


def _values(known: Projection, form: str, place: str, filled: Filled) -> Iterator[tuple[Any, ...]]:
    asked = known.protocol.forms[form]
    point, row = (None, place) if asked.repeats else (place, None)
    happened = local.wall(filled.happened).item()
    for name, item in asked.items.items():
        cell = filled.cells.get(name)
        if cell is None or cell.content is None:
            continue
        number, text, missing = _three(item.type, cell.content)
        yield (
            known.subject,
            form,
            point,
            row,
            name,
            number,
            text,
            missing,
            happened,
            f"{known.chain}#{cell.sequence}",
            filled.planned,
            cell.source["sha256"] if cell.source else None,
        )


def _three(kind: str, content: Content) -> tuple[float | None, str | None, str | None]:
    """A content as number, text, or why it is missing."""
    value = plain(content)
    if value is None:
        return None, None, content["missing"]
    if kind in ("number", "integer"):
        return float(value), None, None
    return None, ("Y" if value else "N") if kind == "boolean" else str(value), None


def _acts(known: Projection) -> Iterator[tuple[Any, ...]]:
    for act in known.acts:
        happened = local.wall(act.happened).item()
        source = f"{known.chain}#{act.sequence}"
        yield known.subject, act.act, act.name, act.point, act.outcome, happened, act.by, source
