"""A safety boundary: stop when the events among the first n participants reach b[n].

Probabilities assume that outcomes are immediate: each participant's is known before the next is
treated. Where participants overlap, more may be treated than `expected_treated` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Boundary:
    """`stop_at[n - 1]` is the number of events that stops after n participants.

    None where no number of events can: before monitoring starts, or while n is below it.
    """

    stop_at: tuple[int | None, ...]

    @property
    def n_max(self) -> int:
        """The number of participants treated if nothing stops the trial."""
        return len(self.stop_at)

    def steps(self) -> tuple[tuple[int, int], ...]:
        """The boundary as printed: (from this n, stop at this many events)."""
        pairs = [(n, b) for n, b in enumerate(self.stop_at, start=1) if b is not None]
        return tuple(pair for i, pair in enumerate(pairs) if i == 0 or pair[1] != pairs[i - 1][1])

    def reached(self, events: ArrayLike, n: ArrayLike) -> NDArray[np.bool_]:
        """Whether `events` among the first `n` participants meet the boundary; arrays broadcast.

        n = 0 never does. Raises ValueError where n lies outside 0 … n_max.
        """
        size = np.asarray(n)
        if np.any((size < 0) | (size > self.n_max)):
            raise ValueError(f"the boundary is stated for up to {self.n_max} participants; got n = {n!r}")
        limits = np.array([np.inf, *(np.inf if b is None else b for b in self.stop_at)])
        return np.asarray(np.asarray(events) >= limits[size])

    def stop_probabilities(self, p: ArrayLike) -> NDArray[np.float64]:
        """P(first reached after n participants), n = 1 … n_max: the shape of `p`, then n_max."""
        rates = np.asarray(p, dtype=np.float64)
        if not np.all((rates >= 0) & (rates <= 1)):
            raise ValueError(f"event probabilities must lie between 0 and 1; got {p!r}")
        rate = rates[..., np.newaxis]
        going = np.zeros((*rates.shape, self.n_max + 1))  # by number of events so far
        going[..., 0] = 1.0
        stop = np.zeros((*rates.shape, self.n_max))
        for index, limit in enumerate(self.stop_at):
            going[..., 1:] = going[..., 1:] * (1 - rate) + going[..., :-1] * rate
            going[..., :1] *= 1 - rate
            if limit is not None:
                stop[..., index] = going[..., limit:].sum(axis=-1)
                going[..., limit:] = 0.0
        return stop

    def ahead(self, n: int, events: int, pending: int, belief: float | tuple[float, float]) -> float:
        """P(reached from here on) after `events` among `n`, of whom `pending` may still have one.

        `belief` is the rate of the event, or the Beta prior of one that is not known. Those who are pending
        count as at the start of their follow-up, so that the probability is no less than it is. Their
        outcomes come before those of the participants from n + 1 to n_max, one after the other.
        """

        def chance(happened: int, seen: int) -> float:  # of the next event
            if isinstance(belief, float):
                return belief
            return (belief[0] + happened) / (belief[0] + belief[1] + seen)

        def limit(size: int) -> float:
            at = self.stop_at[size - 1] if size else None
            return np.inf if at is None else at

        settled = n - pending
        going, reached = {events: 1.0}, 0.0
        if events >= limit(n):
            return 1.0
        for step in range(pending + self.n_max - n):
            size = max(n, settled + step + 1)
            after: dict[int, float] = {}
            for happened, probability in going.items():
                p = chance(happened, settled + step)
                for k, share in ((happened + 1, p), (happened, 1 - p)):
                    after[k] = after.get(k, 0.0) + probability * share
            reached += sum(one for k, one in after.items() if k >= limit(size))
            going = {k: one for k, one in after.items() if k < limit(size)}
        return reached

    def operating_characteristics(self, p: ArrayLike) -> OperatingCharacteristics:
        """Exact, by recursion over participants, for event probabilities `p` of any shape."""
        rates = np.asarray(p, dtype=np.float64)
        stop = self.stop_probabilities(rates)
        total, early = stop.sum(axis=-1), stop[..., :-1].sum(axis=-1)
        treated = (stop * np.arange(1, self.n_max + 1)).sum(axis=-1) + (1 - total) * self.n_max
        return OperatingCharacteristics(rates, total, early, treated)


@dataclass(frozen=True, slots=True, eq=False)
class OperatingCharacteristics:
    """What a boundary does at each event probability; every array has the shape of `p`.

    `stop` is the probability of ever reaching the boundary, `stop_early` of reaching it before
    the last participant, `expected_treated` the mean number of participants treated.
    """

    p: NDArray[np.float64]
    stop: NDArray[np.float64]
    stop_early: NDArray[np.float64]
    expected_treated: NDArray[np.float64]


def from_steps(steps: Sequence[tuple[int, int]], n_max: int) -> Boundary:
    """The boundary of a study file: `[(2, 2), (5, 3)]` stops at 2 events from n = 2, at 3 from n = 5.

    Raises ValueError unless the n rise strictly within 1 … n_max and every event count is at
    least 1 and does not fall, for a boundary that falls would stop on no new event.
    """
    starts, counts = [n for n, _ in steps], [b for _, b in steps]
    if not steps or starts != sorted(set(starts)) or starts[0] < 1 or starts[-1] > n_max:
        raise ValueError(f"boundary steps {list(steps)}: n must rise strictly, from 1 to {n_max} at most")
    if counts != sorted(counts) or counts[0] < 1:
        raise ValueError(f"boundary steps {list(steps)}: event counts must start at 1 or more and never fall")
    in_force = {n: max((b for start, b in steps if start <= n), default=None) for n in range(1, n_max + 1)}
    return Boundary(tuple(b if b is not None and b <= n else None for n, b in in_force.items()))
