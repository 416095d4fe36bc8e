"""Each participant over the visits of a file: every change from one of them, or why it is not known.

Names are as the readers give them: one spelling each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from trialrun.cytometry.response.change import (
    SpotChange,
    Stained,
    StainedChange,
    spot_change,
    stained_change,
)
from trialrun.cytometry.response.counts import Stain
from trialrun.cytometry.response.elispot import Result
from trialrun.cytometry.response.ics import Rule
from trialrun.cytometry.response.rows import key


def spots(results: Sequence[Result], baseline: str) -> dict[str, dict[str, SpotChange]]:
    """The change of the net total by participant and visit, from ``baseline``.

    A visit on several plates is compared where it stands beside the other, or where there is one pair only.
    """
    visits = list(dict.fromkeys(one.assay.visit for one in results))
    found: dict[str, dict[str, list[Result]]] = {}
    for one in results:
        found.setdefault(one.assay.participant, {}).setdefault(one.assay.visit, []).append(one)
    return {
        who: {visit: _spots(mine, baseline, visit) for visit in visits if visit != baseline}
        for who, mine in found.items()
    }


def _spots(mine: Mapping[str, list[Result]], baseline: str, visit: str) -> SpotChange:
    for name in (baseline, visit):
        if name not in mine:
            return SpotChange(None, None, 0, f"no assay of {name}")
    pairs = list(product(mine[baseline], mine[visit]))
    together = [pair for pair in pairs if key(pair[0].assay.plate) == key(pair[1].assay.plate)]
    pairs = together or pairs
    if len(pairs) > 1:
        plates = dict.fromkeys(one.assay.plate for pair in pairs for one in pair)
        why = f"it can be compared in several ways, on plates {', '.join(plates)}; keep one assay of a visit"
        return SpotChange(None, None, 0, why)
    return spot_change(*pairs[0])


Group = tuple[str, str, str]  # participant, subset, cytokine


def stains(
    found: Sequence[Stain], baseline: str, rule: Rule | None = None
) -> dict[Group, dict[str, dict[str, StainedChange]]]:
    """The change of the net response by participant, subset and cytokine; then antigen; then visit."""
    rule = rule or Rule()
    visits = list(dict.fromkeys(one.visit for one in found))
    groups: dict[Group, dict[str, Stain]] = {}
    for one in found:
        groups.setdefault((one.participant, one.subset, one.cytokine), {})[one.visit] = one
    return {
        group: {
            antigen: {
                visit: _stained(mine, antigen, baseline, visit, rule) for visit in visits if visit != baseline
            }
            for antigen in dict.fromkeys(name for one in mine.values() for name in one.antigens)
        }
        for group, mine in groups.items()
    }


def _stained(mine: Mapping[str, Stain], antigen: str, baseline: str, visit: str, rule: Rule) -> StainedChange:
    wells = []
    for name in (baseline, visit):
        well = _wells(mine.get(name), antigen, name)
        if isinstance(well, str):
            return StainedChange(None, None, None, None, None, well)
        wells.append(well)
    return stained_change(*wells, minimum_parent=rule.minimum_parent, level=rule.level)


def _wells(stain: Stain | None, antigen: str, visit: str) -> Stained | str:
    """The antigen's wells, or why there are none."""
    if stain is None:
        return f"no assay of {visit}"
    if antigen not in stain.antigens:
        return f"no well with the antigen at {visit}"
    if (stimulated := stain.antigens[antigen]) is None:
        return f"the stimulated well of {visit} was lost"
    if stain.control is None:
        return f"no unstimulated well was counted at {visit}"
    return Stained(stimulated, stain.control)
