"""Two stages: after the first, a treatment with too few responses goes no further.

Simon, Control Clin Trials 1989;10:1; admissible designs: Jung, Lee, Kim and George, Stat Med 2004;23:561.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.design.binomial import at_least, at_most, pmf, rates

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TwoStage:
    """Stop after `n1` with `r1` responses or fewer; of all `n`, more than `r` reject the null rate."""

    r1: int
    n1: int
    r: int
    n: int

    def __post_init__(self) -> None:
        if not (0 <= self.r1 <= self.n1 < self.n and self.r1 <= self.r <= self.n):
            raise ValueError(
                f"{self.r1}/{self.n1}, {self.r}/{self.n}: needs 0 <= r1 <= n1 < n and r1 <= r <= n"
            )

    def early(self, p: ArrayLike) -> _Floats:
        """P(stop after the first stage) at rates `p`, and in their shape."""
        return at_most(self.r1, self.n1, p)

    def expected_n(self, p: ArrayLike) -> _Floats:
        """The mean number of participants."""
        return np.asarray(self.n1 + (1 - self.early(p)) * (self.n - self.n1))

    def reject(self, p: ArrayLike) -> _Floats:
        """P(reject the null rate): the size at that rate, the power at the alternative."""
        return self.at_least(self.r + 1, p)

    def at_least(self, x: int, p: ArrayLike) -> _Floats:
        """P(go on to the second stage, and x responses or more in all)."""
        rate = rates(p)
        first = np.arange(self.r1 + 1, self.n1 + 1)
        second = at_least(x - first, self.n - self.n1, rate[..., np.newaxis])
        return np.asarray((pmf(self.n1, rate)[..., self.r1 + 1 :] * second).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class Search:
    """For each total n that has one, the design with the smallest expected n at p0, from the smallest n."""

    p0: float
    designs: tuple[TwoStage, ...]

    @property
    def minimax(self) -> TwoStage:
        """The fewest participants in all, and among those the fewest expected."""
        return self.designs[0]

    @property
    def optimal(self) -> TwoStage:
        """The fewest participants expected at p0, among designs up to the greatest n searched."""
        return min(self.designs, key=lambda design: float(design.expected_n(self.p0)))

    @property
    def admissible(self) -> tuple[tuple[TwoStage, float, float], ...]:
        """Designs that minimise w n + (1 - w) EN for some w, from minimax to optimal, each with its w:
        (from, to).
        """
        expected = [(d.n, float(d.expected_n(self.p0)), d) for d in self.designs]
        hull: list[tuple[int, float, TwoStage]] = []
        for point in expected[: self.designs.index(self.optimal) + 1]:
            while len(hull) > 1 and _slope(hull[-2], point) <= _slope(hull[-2], hull[-1]):
                hull.pop()
            hull.append(point)
        # Two neighbours cost the same where w (n' - n) = (1 - w) (EN - EN').
        equal = [-slope / (1 - slope) for slope in (_slope(a, b) for a, b in pairwise(hull))]
        return tuple(
            (point[2], low, high) for point, low, high in zip(hull, [*equal, 0.0], [1.0, *equal], strict=True)
        )


def _slope(one: tuple[int, float, TwoStage], other: tuple[int, float, TwoStage]) -> float:
    return (other[1] - one[1]) / (other[0] - one[0])


def search(p0: float, p1: float, alpha: float, beta: float, *, n_max: int = 100) -> Search:
    """Every two-stage design up to `n_max` that keeps both errors, the best for each n.

    Raises ValueError for impossible rates, or if no design is small enough. A greater `n_max` may hold a
    better optimal design where the one found is close to it.
    """
    if not 0 < p0 < p1 < 1 or not 0 < alpha < 1 or not 0 < beta < 1:
        raise ValueError(
            f"p0={p0}, p1={p1}, alpha={alpha}, beta={beta}: needs 0 < p0 < p1 < 1 and errors between 0 and 1"
        )
    tables = _Tables(p0, p1, n_max)
    found = [best for n in range(2, n_max + 1) if (best := tables.best(n, alpha, beta))]
    if not found:
        raise ValueError(
            f"no two-stage design keeps both errors with at most {n_max} participants; raise n_max"
        )
    return Search(p0, tuple(found))


class _Tables:
    """Probabilities of each stage, by its number of participants, computed once for a whole search."""

    def __init__(self, p0: float, p1: float, n_max: int) -> None:
        self.first = [(pmf(n, p0), pmf(n, p1)) for n in range(n_max + 1)]
        k = np.arange(-n_max, n_max + 1)
        # above[n][which][i]: P(X > i - n_max) among n participants
        self.above = [(at_least(k + 1, n, p0), at_least(k + 1, n, p1)) for n in range(n_max + 1)]
        self.cumulative = [(one.cumsum(), other.cumsum()) for one, other in self.first]
        self.n_max = n_max

    def best(self, n: int, alpha: float, beta: float) -> TwoStage | None:
        """The design for n participants in all with the smallest expected n."""
        # More than r of all is needed in two stages as in one, so that one stage bounds r from above.
        powerful = int((self.above[n][1][self.n_max :] >= 1 - beta).sum())
        size = self.above[n][0][self.n_max : self.n_max + powerful]
        columns = min(powerful, int((size > alpha).sum()) + 1)
        best: tuple[float, TwoStage | None] = (np.inf, None)
        for n1 in range(1, n if columns else 1):
            early, missed = self.cumulative[n1]
            rows = int(np.searchsorted(missed[:-1], beta, side="right"))  # stopping early is an error at p1
            if rows and n1 + (1 - early[rows - 1]) * (n - n1) < best[0]:
                best = min(best, self._keeping(n1, n, rows, columns, alpha, beta), key=lambda one: one[0])
        return best[1]

    def _keeping(
        self, n1: int, n: int, rows: int, columns: int, alpha: float, beta: float
    ) -> tuple[float, TwoStage | None]:
        """The greatest r1 with which some r keeps both errors: the smallest expected n at p0.

        The size falls with r, and so does the power: the first r that keeps the size has most power.
        """
        kept = self._reject(0, n1, n, columns)[1 : rows + 1] <= alpha
        r = kept.argmax(axis=1)
        power = self._reject(1, n1, n, columns)[np.arange(1, rows + 1), r]
        works = np.flatnonzero(kept.any(axis=1) & (power >= 1 - beta))
        if not works.size:
            return np.inf, None
        r1 = int(works[-1])
        expected = n1 + (1 - float(self.cumulative[n1][0][r1])) * (n - n1)
        return expected, TwoStage(r1, n1, max(int(r[r1]), r1), n)

    def _reject(self, which: int, n1: int, n: int, columns: int) -> _Floats:
        """P(X1 >= x1 and X > r): (n1 + 2, columns), by x1 and r."""
        start = self.n_max - n1
        windows = sliding_window_view(self.above[n - n1][which][start : self.n_max + columns], columns)[::-1]
        joint = self.first[n1][which][:, np.newaxis] * windows
        found = np.zeros((n1 + 2, columns))
        found[:-1] = joint[::-1].cumsum(axis=0)[::-1]
        return found
