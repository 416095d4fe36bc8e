"""The Bayesian optimal interval design: the event rate at a dose, between two boundaries or beyond them.

Liu and Yuan, J R Stat Soc C 2015;64:507. Up at a rate of lambda_e or below, down at lambda_d or above.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.design.beta_binomial import posterior_above
from trialrun.analysis.design.escalation import Escalation, Line, Outcomes

_Floats = NDArray[np.float64]
_SLACK = 1e-9  # a boundary times n that is a whole number but for rounding is that number


@dataclass(frozen=True, slots=True)
class Boin:
    """`target` event rate; `safe` and `toxic`: rates that should lead up and down (0.6 and 1.4 times the
    target).

    A dose and all above it are closed if P(rate > target | data) > `certainty`, from a flat prior, once
    `at_least` participants had it.
    """

    target: float
    safe: float | None = None
    toxic: float | None = None
    certainty: float = 0.95
    at_least: int = 3

    def __post_init__(self) -> None:
        low, high = self._around
        if not 0 < low < self.target < high < 1 or not 0 < self.certainty < 1:
            raise ValueError(f"{self}: needs 0 < safe < target < toxic < 1, and a certainty between 0 and 1")

    @property
    def _around(self) -> tuple[float, float]:
        return (
            0.6 * self.target if self.safe is None else self.safe,
            1.4 * self.target if self.toxic is None else self.toxic,
        )

    @property
    def lambda_e(self) -> float:
        """The escalation boundary."""
        p, q = self.target, self._around[0]
        return log((1 - q) / (1 - p)) / log(p * (1 - q) / (q * (1 - p)))

    @property
    def lambda_d(self) -> float:
        """The de-escalation boundary."""
        p, q = self.target, self._around[1]
        return log((1 - p) / (1 - q)) / log(q * (1 - p) / (p * (1 - q)))

    def decision(self, n: int) -> Decision:
        """What to do with `n` participants at a dose. Raises ValueError for none."""
        if n < 1:
            raise ValueError(f"a decision after {n} participants: write 1 or more")
        up, down = floor(self.lambda_e * n + _SLACK), ceil(self.lambda_d * n - _SLACK)
        out = None
        if n >= self.at_least:
            sure = posterior_above(np.arange(1, n + 1), n, self.target) > self.certainty
            out = int(sure.argmax()) + 1 if sure.any() else None
        return Decision(n, up, down if out is None else min(down, out), out)

    def decisions(self, n_max: int, cohort: int = 1) -> tuple[Decision, ...]:
        """The table for n = cohort, 2 cohort … n_max."""
        return tuple(self.decision(n) for n in range(cohort, n_max + 1, cohort))

    def lines(self, n_max: int, cohort: int, *, enough: int | None = None) -> tuple[Line, ...]:
        """The table of an allocation, for up to `n_max` at a dose, in cohorts.

        With `enough` participants at a dose that it does not close, inclusions end.
        """
        last = n_max if enough is None else min(n_max, enough)
        return tuple(
            line
            for each in self.decisions(last, cohort)
            for line in each.lines(last=enough is not None and each.n + cohort > last)
        )

    def escalation(self, n_max: int, cohort: int, *, start: int = 0, enough: int | None = None) -> Escalation:
        """The design, of `n_max` participants in all."""
        return Escalation(self.lines(n_max, cohort, enough=enough), cohort, n_max, start)

    def selected(self, outcomes: Outcomes) -> NDArray[np.int64]:
        """The dose each end selects: the closest to the target after isotonic regression; -1 for none.

        Closed doses and those not given are left out. Of doses that are equally close, the higher is taken if
        their rate is below the target, else the lower.
        """
        return np.array([self._select(counts) for counts in outcomes.counts], dtype=np.int64)

    def _select(self, counts: NDArray[np.int64]) -> int:
        n, events = counts[:, 0], counts[:, 1]
        closed = (n >= self.at_least) & (posterior_above(events, n, self.target) > self.certainty)
        limit = int(closed.argmax()) if closed.any() else len(n)
        tried = np.flatnonzero(n[:limit] > 0)
        if not tried.size:
            return -1
        # As the authors do: a little of a prior event, so that a dose without events has a variance too.
        mean = (events[tried] + 0.05) / (n[tried] + 0.1)
        a, b = events[tried] + 0.05, n[tried] - events[tried] + 0.05
        weight = (a + b) ** 2 * (a + b + 1) / (a * b)
        smooth = isotonic(mean, weight) + 1e-10 * np.arange(1, tried.size + 1)
        return int(tried[np.abs(smooth - self.target).argmin()])


@dataclass(frozen=True, slots=True)
class Decision:
    """With `n` participants at a dose: up if events <= `up`, down if >= `down`, closed if >= `out` (None:
    never).
    """

    n: int
    up: int
    down: int
    out: int | None

    def lines(self, *, last: bool = False) -> tuple[Line, ...]:
        """The same as lines of a table. The lowest dose stays where it would go down, unless it is closed.

        last: inclusions end here, unless the dose is closed.
        """
        top = self.n if self.out is None else self.out - 1
        of = (self.n, self.n)
        closing = () if self.out is None else (Line(of, (self.out, self.n), "lower", exclude=True),)
        if last:
            return (Line(of, (0, top), "stop"), *closing)
        up, down = min(self.up, top), min(self.down, top + 1)
        found = [Line(of, (0, up), "higher", or_else="same")]
        if up + 1 < down:
            found.append(Line(of, (up + 1, down - 1), "same"))
        if down <= top:
            found.append(Line(of, (down, top), "lower", or_else="same"))
        return (*found, *closing)


def isotonic(values: _Floats, weights: _Floats) -> _Floats:
    """The closest rising sequence, by weighted squares: pooling neighbours that fall."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (v, w, k), (u, x, m) = blocks[-2], blocks[-1]
            blocks[-2:] = [((v * w + u * x) / (w + x), w + x, k + m)]
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks])
