"""What the wells of one visit, in a suppression assay, answer by the words of a study."""

from __future__ import annotations

from trialrun.cytometry.response.coculture import Coculture, judge
from trialrun.cytometry.response.suppression import Curve
from trialrun.laboratory.judged import Judged
from trialrun.protocol.assay import Suppressed, Suppression

NEAR = 1e-6  # of a ratio that is written in another way


def answers(culture: Coculture, words: Suppression) -> Judged:
    """What an assay answers; nothing if its responders do not divide alone."""
    curve = judge(culture)
    numbers = {item: _number(curve, answer) for item, answer in words.fills.items()}
    return Judged(curve.reason or "", numbers)


def _number(curve: Curve, answer: Suppressed) -> float | str:
    """The suppression at a ratio, which is never read off between two others."""
    for point in curve.points or ():
        if abs(point.ratio - answer.ratio) < NEAR * answer.ratio:
            return point.suppression
    return f"no well at {answer.suppression}"
