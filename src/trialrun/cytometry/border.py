"""A learnt border between what gates events (`template`) and what a study holds (`protocol.border`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trialrun import __version__
from trialrun.protocol.border import EDITION, Border, Fit, seal
from trialrun.protocol.borders import learnt_with
from trialrun.protocol.file import sha256
from trialrun.protocol.panel import Panel
from trialrun.protocol.population import Transitional
from trialrun.protocol.write import said

from .method import markers
from .template import Reference, Template, learn, left_out
from .training import reference, samples
from .transform import GatingError
from .transitional import fit

__all__ = ["Learnt", "learnt", "template"]


@dataclass(frozen=True)
class Learnt:
    """A border and what it was learnt from. said: the border as a file says it."""

    border: Border
    said: dict[str, Any]
    events: int
    members: int


def learnt(panel: Panel, population: Transitional, folder: Path) -> Learnt:
    """The border of a population that is trained on references, as a study can hold it.

    folder: from where the panel names its files. Raises FcsError and GatingError as `training.reference`
    does, GatingError where nothing can be learnt, and OSError.
    """
    by_hand = samples(panel, population)
    references = [reference(panel, population, one, folder) for one in by_hand]
    try:
        whole = learn(references)
    except ValueError as error:
        raise GatingError(str(error)) from None
    others = zip(by_hand, references, left_out(references, whole), strict=True)
    files = dict.fromkeys(file for one in by_hand for file in (one.parent, *one.members))
    border: dict[str, Any] = {
        "method": "transitional",
        "edition": EDITION,
        "program": f"trialrun {__version__}",
        **{key: getattr(population, key) for key in ("of", "high", "low", "also")},
        "learnt_from": {file: sha256(folder / file) for file in files},
        "learnt_with": learnt_with(panel, population),
        "agreement": {by.parent: agreement(one, rest) for by, one, rest in others if rest is not None},
        "fit": _fit(whole, markers(population)),
        "without": [_fit(one, markers(population)) for one in whole.without],
        "sha256": "0" * 64,
    }
    content = said(Border(**border))
    content["sha256"] = seal(content)
    counts = [(len(one.members), int(one.members.sum())) for one in references]
    return Learnt(
        Border.model_validate(content), content, sum(all for all, _ in counts), sum(own for _, own in counts)
    )


def agreement(one: Reference, others: Template) -> float:
    """F1 of a reference's members as gated by the border of all others."""
    gate = fit([one.values], others)
    held = gate.apply(one.values).members if gate.estimable else np.zeros(len(one.members), dtype=bool)
    both = 2 * int((held & one.members).sum())
    return round(both / max(int(held.sum() + one.members.sum()), 1), 4)


def template(border: Border) -> Template:
    """The template that a border was written from: it holds the same events."""
    whole, *others = (_template(one) for one in (border.fit, *border.without))
    return Template(**(vars(whole) | {"without": tuple(others)}))


def _template(one: Fit) -> Template:
    weights = [*one.plane, *one.further.values()]
    return Template(
        tuple(np.array(knots) for knots in one.knots.values()),
        np.concatenate([np.array(row) for row in weights]),
        np.array(one.bulk),
        np.array(one.spread),
        one.ceiling,
        one.share,
        one.references,
    )


def _fit(one: Template, names: Sequence[str]) -> Fit:
    """The numbers of a template by the names of its markers."""
    first, second, *others = (len(knots) for knots in one.knots)
    plane, *further = np.split(one.weights, np.cumsum([(first + 1) * (second + 1), *others])[:-1])
    return Fit(
        references=one.references,
        share=one.prior,
        bulk=(float(one.bulk[0]), float(one.bulk[1])),
        spread=(float(one.spread[0]), float(one.spread[1])),
        ceiling=one.ceiling,
        knots={name: tuple(knots.tolist()) for name, knots in zip(names, one.knots, strict=True)},
        plane=tuple(tuple(row) for row in plane.reshape(first + 1, second + 1).tolist()),
        further={name: tuple(row.tolist()) for name, row in zip(names[2:], further, strict=True)},
    )
