"""A mixture of responders and non-responders over participants: a sensitivity analysis, never the decision.

MIMOSA, Finak et al., Biostatistics 2014;15:87 (arXiv:1208.5809). Counts are binomial. Without a response both
shares are one, from Beta(αu, βu); with one the stimulated share is larger, from Beta(αs, βs). The parameters
and the share of responders are found by EM.

It needs participants of both kinds: in a cohort in which all respond it calls every one a responder, also one
whose counts say nothing (585 of 48,997 against 818 of 72,289). So it refuses few participants, and a fit
that leaves one kind empty. Where responses are faint the likelihood is flat and programs end at other places:
of three simulated cytokines two agree with MIMOSA 1.29.1, the faintest does not (share .71 against .39).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialrun.cytometry.response.counts import Stain
from trialrun.cytometry.response.ics import Count, fisher
from trialrun.cytometry.response.number import Floats, rounded

LABEL = "sensitivity analysis: mixture over participants (MIMOSA, EM)"
FEWEST = 20  # participants, an assumption: both kinds have to be seen
EMPTY = 0.01  # share of participants below which a kind is empty, an assumption
SEEDS = 10  # participants that start as responders, as the authors' program does
ROUNDS = 200
CLOSE = 1e-8  # relative gain in likelihood at which the fit rests
SIZES = (10.0, 200.0)  # α + β is between the first and the second divided by the mean (the same program)


@dataclass(frozen=True, slots=True)
class Member:
    """One participant: the probability of a response, and the false discovery rate of the calls up to it."""

    probability: float
    false_discovery: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """responders: the share w of participants. Where members are None, ``reason`` says why."""

    members: Mapping[str, Member] | None
    responders: float | None
    reason: str | None = None
    label: str = LABEL


def mixture(pairs: Mapping[str, tuple[Count, Count]], *, fewest: int = FEWEST) -> Mixture:
    """Fit the participants' counts, (stimulated, control) by participant, of one antigen and cytokine.

    Probabilities are rounded to four decimals, for they come from an optimiser.
    """
    known = {name: pair for name, pair in pairs.items() if min(one.parent for one in pair) > 0}
    if len(known) < max(2, fewest):
        some = f"{len(known)} participant{'' if len(known) == 1 else 's'}"
        return Mixture(None, None, f"{some}, at least {max(2, fewest)} are needed")
    counts = np.array([[s.positive, s.parent, u.positive, u.parent] for s, u in known.values()], float).T
    if not counts[0].any() or not counts[2].any():
        return Mixture(None, None, "no positive cell in any " + ("control" if counts[0].any() else "well"))
    w, z = _fit(counts, _start(known))
    if not EMPTY <= w <= 1 - EMPTY:
        kind = "non-responders" if w > 0.5 else "responders"
        why = f"the fit leaves no {kind}; a mixture needs both, use each participant's own test"
        return Mixture(None, rounded(round(w, 4)), why)
    order = np.argsort(1 - z, kind="stable")
    rates = np.empty_like(z)
    rates[order] = np.cumsum((1 - z)[order]) / np.arange(1, z.size + 1)
    members = {
        name: Member(round(float(p), 4) + 0.0, round(float(q), 4) + 0.0)
        for name, p, q in zip(known, z, rates, strict=True)
    }
    return Mixture(members, rounded(round(w, 4)))


Cohort = tuple[str, str, str, str]  # visit, subset, cytokine, antigen


def mixtures(stains: Sequence[Stain], *, fewest: int = FEWEST) -> dict[Cohort, Mixture]:
    """One mixture for each visit, subset, cytokine and antigen, over the participants with both counts.

    Names are as `counts.read` gives them.
    """
    cohorts: dict[Cohort, dict[str, tuple[Count, Count]]] = {}
    for one in stains:
        for antigen, count in one.antigens.items():
            pairs = cohorts.setdefault((one.visit, one.subset, one.cytokine, antigen), {})
            if count and one.control:
                pairs[one.participant] = count, one.control
    return {cohort: mixture(pairs, fewest=fewest) for cohort, pairs in cohorts.items()}


def _start(pairs: Mapping[str, tuple[Count, Count]]) -> Floats:
    """1 for those who begin as responders: the smallest Fisher p, at most ten, at a 5 % discovery rate."""
    p = np.array([fisher(*pair) for pair in pairs.values()])
    order = np.argsort(p, kind="stable")
    allowed = np.nonzero(p[order] <= 0.05 * np.arange(1, p.size + 1) / p.size)[0]
    called = int(allowed[-1]) + 1 if allowed.size else 1
    z = np.zeros(p.size)
    z[order[: called if called == p.size else min(called, SEEDS)]] = 1
    return z


def _fit(counts: Floats, z: Floats) -> tuple[float, Floats]:
    """EM: the share of responders, and each participant's probability of being one."""
    from scipy.optimize import minimize

    stimulated, control = counts[0] / counts[1], counts[2] / counts[3]
    means = np.clip([stimulated[z > 0].mean(), control.mean()], 1e-6, 0.5)
    at = np.array([*np.log(means / (1 - means)), *np.log(np.maximum(2.0 / means, 2 * SIZES[0]))])
    w, last = float(np.clip(z.mean(), 1e-3, 1 - 1e-3)), -np.inf
    limits = np.log(np.maximum(SIZES[1] / means, 4 * SIZES[0]))
    bounds = [(-13.8, 9.2)] * 2 + [(np.log(SIZES[0]), float(limit)) for limit in limits]
    for _ in range(ROUNDS):
        weights = z

        def missed(point: Floats, weights: Floats = weights) -> float:
            none, some = _likelihoods(counts, point)
            return -float((1 - weights) @ none + weights @ some)

        at = minimize(missed, at, method="L-BFGS-B", bounds=bounds).x
        none, some = _likelihoods(counts, at)
        none, some = none + np.log1p(-w), some + np.log(w)
        z = np.exp(some - np.logaddexp(none, some))
        w = float(np.clip(z.mean(), 1e-9, 1 - 1e-9))
        likelihood = float(np.logaddexp(none, some).sum())
        if abs(likelihood - last) <= CLOSE * abs(likelihood):
            break
        last = likelihood
    return w, z


def _likelihoods(counts: Floats, point: Floats) -> tuple[Floats, Floats]:
    """Logarithms of each participant's marginal likelihood without and with a response, less a constant."""
    from scipy.special import betaln

    n_s, big_s, n_u, big_u = counts
    means, sizes = 1 / (1 + np.exp(-point[:2])), np.exp(point[2:])
    (a_s, a_u), (b_s, b_u) = means * sizes, (1 - means) * sizes
    none = betaln(n_s + n_u + a_u, big_s + big_u - n_s - n_u + b_u) - betaln(a_u, b_u)
    apart = betaln(n_u + a_u, big_u - n_u + b_u) - betaln(a_u, b_u)
    apart += betaln(n_s + a_s, big_s - n_s + b_s) - betaln(a_s, b_s)
    after = _above(n_s + a_s, big_s - n_s + b_s, n_u + a_u, big_u - n_u + b_u)
    return none, apart + np.log(after) - np.log(_above(a_s, b_s, a_u, b_u))


def _above(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """P(Beta(a, b) > Beta(c, d)) for rare cells.

    The odds of a Beta are a ratio of gammas, whose denominator hardly varies where b and d are large; then
    X/b > Y/d of two gammas is X/(X + Y) > b/(b + d), an incomplete beta function.
    """
    from scipy.special import betaincc

    return np.asarray(np.maximum(betaincc(a, c, b / (b + d)), 1e-300))
