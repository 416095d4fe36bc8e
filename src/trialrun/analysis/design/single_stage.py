"""One group, one look: is the rate above `p0`? The exact binomial test and how many participants it needs.

Fleming, Biometrics 1982;38:143 (normal approximation); A'Hern, Stat Med 2001;20:859 (exact).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import NormalDist

import numpy as np

from trialrun.analysis.design.binomial import at_least, at_most


@dataclass(frozen=True, slots=True)
class SingleStage:
    """`needed` responses among `n` participants reject a rate of p0 or less.

    `size` is the probability of that at p0, `power` at p1. Programs that state r mean "reject above r":
    r = needed - 1.
    """

    needed: int
    n: int
    size: float
    power: float


def critical(n: int, p0: float, alpha: float) -> int | None:
    """The fewest responses with P(X >= responses | n, p0) <= `alpha`; None if even n of n are too likely."""
    tails = at_least(np.arange(n + 1), n, p0)
    inside = tails <= alpha
    return int(inside.argmax()) if inside.any() else None


def exact(n: int, p0: float, p1: float, alpha: float) -> SingleStage | None:
    """The exact one-sided test with `n` participants; None if no outcome is significant."""
    _check(p0, p1, alpha, 0.5)
    needed = critical(n, p0, alpha)
    if needed is None:
        return None
    return SingleStage(needed, n, float(at_least(needed, n, p0)), float(at_least(needed, n, p1)))


def designs(p0: float, p1: float, alpha: float, beta: float, *, n_max: int = 1000) -> Iterator[SingleStage]:
    """Every n up to `n_max` whose exact test has power 1 - beta or more, from the smallest.

    They are not all n from the first on: power falls where a further response becomes necessary.
    """
    _check(p0, p1, alpha, beta)
    for n in range(1, n_max + 1):
        found = exact(n, p0, p1, alpha)
        if found and 1 - at_most(found.needed - 1, n, p1) >= 1 - beta:
            yield found


def a_hern(p0: float, p1: float, alpha: float, beta: float, *, n_max: int = 1000) -> SingleStage:
    """The smallest exact design. Raises ValueError if none has at most `n_max` participants."""
    found = next(designs(p0, p1, alpha, beta, n_max=n_max), None)
    if found is None:
        raise ValueError(f"no single-stage design has at most {n_max} participants; raise n_max")
    return found


def smallest(
    p0: float, p1: float, alpha: float, beta: float, count: int, *, n_max: int = 1000
) -> tuple[SingleStage, ...]:
    """The `count` smallest exact designs."""
    return tuple(islice(designs(p0, p1, alpha, beta, n_max=n_max), count))


def settled(p0: float, p1: float, alpha: float, beta: float, *, n_max: int = 1000) -> SingleStage:
    """The smallest exact design from which every larger n, up to `n_max`, has the power too.

    Raises ValueError if there is none.
    """
    found = list(designs(p0, p1, alpha, beta, n_max=n_max))
    if not found or found[-1].n != n_max:
        raise ValueError(f"at n = {n_max} the power is not settled yet; raise n_max")
    apart = [i for i, (one, after) in enumerate(pairwise(found)) if after.n > one.n + 1]
    return found[apart[-1] + 1 if apart else 0]


def fleming(p0: float, p1: float, alpha: float, beta: float) -> SingleStage:
    """Fleming's single-stage design by normal approximation, with its exact size and power.

    Neither need keep what was asked for: compare `a_hern`.
    """
    _check(p0, p1, alpha, beta)
    z_alpha, z_beta = NormalDist().inv_cdf(1 - alpha), NormalDist().inv_cdf(1 - beta)
    deviation = z_alpha * np.sqrt(p0 * (1 - p0)) + z_beta * np.sqrt(p1 * (1 - p1))
    n = int(np.ceil((deviation / (p1 - p0)) ** 2))
    needed = int(np.floor(n * p0 + z_alpha * np.sqrt(n * p0 * (1 - p0)))) + 1
    return SingleStage(needed, n, float(at_least(needed, n, p0)), float(at_least(needed, n, p1)))


def _check(p0: float, p1: float, alpha: float, beta: float) -> None:
    if not 0 < p0 < p1 < 1 or not 0 < alpha < 1 or not 0 < beta < 1:
        raise ValueError(
            f"p0={p0}, p1={p1}, alpha={alpha}, beta={beta}: needs 0 < p0 < p1 < 1 and errors between 0 and 1"
        )
