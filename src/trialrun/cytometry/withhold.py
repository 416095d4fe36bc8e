"""Numbers that are not given: those that rest on what a broken rule is about, where it says `then: withhold`.

The sample does not fail, so that an effect of treatment (few cells of one kind) costs no other number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trialrun.protocol.lineage import beneath, rests
from trialrun.protocol.panel import Panel, SharedCut

from .manifest import Row
from .outcome import Outcome
from .quality import Judged
from .quantity import Estimate, counted_by

__all__ = ["withheld"]


def withheld(panel: Panel, one: Outcome) -> Outcome:
    """The outcome without the numbers that its rules withhold. One that a person's gates change is that
    person's own, and stays."""
    broken = [rule for rule in one.quality if rule.outcome == "withhold"]
    reasons = {name: _reason(panel, name, broken, one.file.row) for name in one.estimates}
    if not any(reasons.values()):
        return one
    by_hand = one.adjusted
    if by_hand is not None:
        same = {
            name: reason if by_hand.estimates[name] == one.estimates[name] else ""
            for name, reason in reasons.items()
        }
        by_hand = replace(by_hand, estimates=_without(by_hand.estimates, same))
    return replace(one, estimates=_without(one.estimates, reasons), adjusted=by_hand)


def _without(estimates: Mapping[str, Estimate], reasons: Mapping[str, str]) -> dict[str, Estimate]:
    """Estimates, those for which there is a reason without value, interval and events."""
    return {
        name: Estimate(None, value.unit, reason=value.reason or reasons[name]) if reasons[name] else value
        for name, value in estimates.items()
    }


def _reason(panel: Panel, name: str, broken: list[Judged], row: Row) -> str:
    return "; ".join(f"{rule.rule}: {rule.message}" for rule in broken if _concerns(panel, rule, name, row))


def _concerns(panel: Panel, rule: Judged, name: str, row: Row) -> bool:
    """Whether a quantity rests on what a rule is about: of a cut every event beyond it, of a number of events
    what is said of these alone."""
    quantity, reference = panel.quantities[name], counted_by(panel, row)
    if isinstance(panel.quality[rule.rule], SharedCut):
        return rests(panel, quantity, rule.about, reference)
    return any(beneath(panel, quantity, of, reference) for of in rule.about)
