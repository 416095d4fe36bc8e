"""A safety boundary when outcomes come late: participants are treated while earlier ones are still followed.

Two ways of counting are in use. "followed" looks up the boundary at the number of participants whose outcome
is known; "treated" at all who were treated, as if those still followed had no event, which stops later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trialrun.analysis.boundary import Boundary
from trialrun.analysis.estimate import check_choice

Counting = Literal["followed", "treated"]
Arrivals = Literal["regular", "random"]
_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DelayedCharacteristics:
    """What a boundary does at each event probability; every array has the shape of `p`.

    `stop` is the probability of ever reaching the boundary, `stop_early` of reaching it before all are
    treated; `expected_treated` and `expected_events` are means, events among all who were treated, those that
    come after stopping included. `method` says how they were found; `error` is the Monte Carlo standard error
    of `stop`, 0 where exact.
    """

    p: _Floats
    stop: _Floats
    stop_early: _Floats
    expected_treated: _Floats
    expected_events: _Floats
    method: str
    error: _Floats


def with_pending(
    boundary: Boundary, p: ArrayLike, pending: int, *, counting: Counting = "followed"
) -> DelayedCharacteristics:
    """Exact, if always `pending` participants are still followed when the next is treated (0: none).

    The outcome of participant k is known just before participant k + pending + 1 would be treated. Raises
    ValueError for a negative number or an unknown word.
    """
    check_choice("counting", counting, get_args(Counting))
    if pending < 0:
        raise ValueError(f"{pending} participants cannot be followed; write 0 or more")
    known = np.arange(1, boundary.n_max + 1)
    treated = np.minimum(known + pending, boundary.n_max)
    looked_up = known if counting == "followed" else treated
    shifted = Boundary(tuple(boundary.stop_at[n - 1] for n in looked_up))
    rates = np.asarray(p, dtype=np.float64)
    chance = shifted.stop_probabilities(rates)
    stop = chance.sum(axis=-1)
    mean = (chance * treated).sum(axis=-1) + (1 - stop) * boundary.n_max
    early = chance[..., treated < boundary.n_max].sum(axis=-1)
    method = f"exact, {pending} pending"
    return DelayedCharacteristics(rates, stop, early, mean, mean * rates, method, np.zeros(rates.shape))


@dataclass(frozen=True, slots=True)
class Accrual:
    """How participants come and are followed, in one unit of time.

    `every`: between two participants, exactly ("regular") or on average ("random", a Poisson process).
    `follow_up`: until a participant without an event counts as such; an event comes at any time within it,
    each equally likely, and is known at once.
    """

    every: float
    follow_up: float
    arrivals: Arrivals = "random"

    def __post_init__(self) -> None:
        check_choice("arrivals", self.arrivals, get_args(Arrivals))
        if not (self.every > 0 and self.follow_up >= 0):
            raise ValueError(
                f"accrual every {self.every}, followed for {self.follow_up}: times must be positive"
            )


def simulate(
    boundary: Boundary,
    p: ArrayLike,
    accrual: Accrual,
    *,
    trials: int = 10_000,
    seed: int,
    counting: Counting = "followed",
) -> DelayedCharacteristics:
    """By simulation: nobody waits, and treatment ends at the moment the boundary is reached.

    The same seed gives the same result. "followed" counts participants with an event or a complete follow-up;
    since events are known sooner than their absence, it stops more often than the boundary was made for.
    """
    check_choice("counting", counting, get_args(Counting))
    rates = np.asarray(p, dtype=np.float64)
    if trials < 1 or not np.all((rates >= 0) & (rates <= 1)):
        raise ValueError(
            f"{trials} trials at event probabilities {p!r}: needs one trial or more, and 0 <= p <= 1"
        )
    streams = np.random.SeedSequence(seed).spawn(rates.size)
    found = [
        _simulated(boundary, rate, accrual, trials, np.random.default_rng(stream), counting)
        for rate, stream in zip(rates.ravel().tolist(), streams, strict=True)
    ]
    stop, early, treated, events = (np.reshape(column, rates.shape) for column in zip(*found, strict=True))
    method = f"simulated, {trials} trials, seed {seed}"
    error = np.sqrt(stop * (1 - stop) / trials)
    return DelayedCharacteristics(rates, stop, early, treated, events, method, error)


def _simulated(
    boundary: Boundary,
    rate: float,
    accrual: Accrual,
    trials: int,
    chance: np.random.Generator,
    counting: Counting,
) -> tuple[float, float, float, float]:
    """Means over the trials: stopped, stopped early, treated, events."""
    shape = (trials, boundary.n_max)
    gaps = np.full(shape, accrual.every)
    if accrual.arrivals == "random":
        gaps = chance.exponential(accrual.every, shape)
    start = gaps.cumsum(axis=1)
    happens = chance.random(shape) < rate
    event = np.where(happens, start + chance.random(shape) * accrual.follow_up, np.inf)
    known = np.minimum(event, start + accrual.follow_up)
    stopped_at = _reached_at(boundary, start, event, known, counting)
    treated = start <= stopped_at[:, np.newaxis]
    n = treated.sum(axis=1)
    stopped = np.isfinite(stopped_at)
    early = stopped & (n < boundary.n_max)
    events = (treated & happens).sum(axis=1)
    return float(stopped.mean()), float(early.mean()), float(n.mean()), float(events.mean())


def _reached_at(
    boundary: Boundary, start: _Floats, event: _Floats, known: _Floats, counting: Counting
) -> _Floats:
    """When each trial reaches the boundary: (trials,), infinity if never."""
    clock = known if counting == "followed" else start
    found = np.full(len(start), np.inf)
    for moments in (start, event, known):
        for i in range(moments.shape[1]):
            now = moments[:, i : i + 1]
            happened = np.isfinite(now[:, 0])
            n, events = (clock <= now).sum(axis=1), (event <= now).sum(axis=1)
            reached = happened & boundary.reached(events, n)
            found = np.where(reached, np.minimum(found, now[:, 0]), found)
    return found
