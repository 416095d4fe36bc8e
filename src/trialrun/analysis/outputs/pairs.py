"""Statistics of a measurement and of its change from baseline, by the name that a pattern gives them.

Changes are tested exactly (signed ranks, signs, sign flips). On the log scale the change tested is a log
ratio, and what is estimated is a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.exact.paired_t import PairedT, paired_t
from trialrun.analysis.exact.sign import sign_test
from trialrun.analysis.exact.sign_flip import sign_flip
from trialrun.analysis.outputs.over_time import listed
from trialrun.analysis.outputs.spread import STATISTICS
from trialrun.analysis.outputs.statement import words
from trialrun.analysis.paired_change import RESOLUTION, Scale, from_scale, on_scale
from trialrun.analysis.signed_rank import (
    SignedRank,
    Zeros,
    minimum_p,
    pseudo_median,
    pseudo_median_interval,
    signed_rank,
)
from trialrun.protocol.text import Text

Floats = NDArray[np.float64]
Number = float | NotEstimable


@dataclass(frozen=True, eq=False)
class Pairs:
    """Values of participants (n,), NaN where not measured, and their baselines (n,) on the scale.

    Below ``at_least`` pairs the change is estimated, not tested.
    """

    values: Floats
    baseline: Floats
    scale: Scale = "linear"
    level: float = 0.95
    at_least: int = 1

    @cached_property
    def after(self) -> Floats:
        return on_scale(self.values, self.scale)

    @cached_property
    def paired(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.after) & ~np.isnan(self.baseline))

    @cached_property
    def differences(self) -> Floats:
        """On the scale, rounded so that ties and zeros are those of the measurements."""
        return np.round((self.after - self.baseline)[self.paired], RESOLUTION)

    @cached_property
    def data(self) -> dict[str, object]:
        """What every statistic is computed from."""
        how = {"scale": self.scale, "level": self.level, "at_least": self.at_least}
        return {"values": listed(self.values), "baseline": listed(self.baseline), **how}

    @property
    def observed(self) -> list[float]:
        return [float(each) for each in self.values[~np.isnan(self.values)]]

    @property
    def start(self) -> list[float]:
        """The baselines of the pairs, as they are read."""
        return [float(each) for each in from_scale(self.baseline[self.paired], self.scale)]

    @property
    def change(self) -> list[float]:
        """The differences as they are read: in the unit of the measurement, whatever the scale."""
        later, before = self.values[self.paired], from_scale(self.baseline[self.paired], self.scale)
        return [float(each) for each in np.round(later - before, RESOLUTION)]

    def tested(self, p: Callable[[], Number]) -> Number:
        """A p-value, where there are pairs enough."""
        n = len(self.differences)
        if n < self.at_least:
            return NotEstimable(f"{n} pairs; the test needs at least {self.at_least}")
        return p()

    def rank_test(self, zeros: Zeros) -> SignedRank | NotEstimable:
        return signed_rank(self.differences, zeros=zeros)

    @cached_property
    def interval(self) -> Interval | NotEstimable:
        return pseudo_median_interval(self.differences, level=self.level)

    @cached_property
    def t(self) -> PairedT | NotEstimable:
        return paired_t(self.differences, level=self.level)

    def read(self, value: float) -> float:
        return float(from_scale(value, self.scale))


def _of(found: object, name: str) -> Number:
    if isinstance(found, NotEstimable):
        return found
    value = getattr(found, name)
    return NotEstimable("not found by enumeration") if value is None else float(value)


def _bound(pairs: Pairs, found: Interval | NotEstimable, name: str) -> Number:
    return found if isinstance(found, NotEstimable) else pairs.read(getattr(found, name))


def _estimate(pairs: Pairs) -> Number:
    found = pseudo_median(pairs.differences)
    return NotEstimable("no pairs") if isinstance(found, NotEstimable) else pairs.read(found)


def _mean(pairs: Pairs) -> Number:
    """The mean change stands where its interval does not: one pair, or equal changes."""
    if not len(pairs.differences):
        return NotEstimable("no pairs")
    return pairs.read(float(pairs.differences.mean()))


def _t_bound(name: str) -> Callable[[Pairs], Number]:
    return lambda one: one.t if isinstance(one.t, NotEstimable) else _bound(one, one.t.interval, name)


def _spread_of(name: str, values: Callable[[Pairs], list[float]]) -> Callable[[Pairs], Number]:
    return lambda one: STATISTICS[name](values(one))


PAIRED: Mapping[str, Callable[[Pairs], Number]] = {
    **{name: _spread_of(name, lambda one: one.observed) for name in STATISTICS},
    **{f"baseline_{name}": _spread_of(name, lambda one: one.start) for name in STATISTICS},
    **{f"change_{name}": _spread_of(name, lambda one: one.change) for name in STATISTICS},
    "pairs": lambda one: float(len(one.differences)),
    "unpaired": lambda one: float(len(one.paired) - len(one.differences)),
    "rose": lambda one: float((one.differences > 0).sum()),
    "fell": lambda one: float((one.differences < 0).sum()),
    "unchanged": lambda one: float((one.differences == 0).sum()),
    "estimate": _estimate,
    "lower": lambda one: _bound(one, one.interval, "lower"),
    "upper": lambda one: _bound(one, one.interval, "upper"),
    "t_mean": _mean,
    "t_lower": _t_bound("lower"),
    "t_upper": _t_bound("upper"),
    "p": lambda one: one.tested(lambda: _of(one.rank_test("pratt"), "p")),
    "mid_p": lambda one: one.tested(lambda: _of(one.rank_test("pratt"), "mid_p")),
    "p_wilcoxon": lambda one: one.tested(lambda: _of(one.rank_test("wilcoxon"), "p")),
    "p_minimum": lambda one: float(minimum_p((one.differences != 0).sum())),
    "p_sign": lambda one: one.tested(lambda: _of(sign_test(one.differences), "p")),
    "p_sign_flip": lambda one: one.tested(lambda: _of(sign_flip(one.differences), "p")),
    "p_t": lambda one: one.tested(lambda: _of(one.t, "p")),
}
"""``estimate`` is that of Hodges and Lehmann with its exact interval; ``t_mean`` the mean change, a geometric
mean ratio on the log scale, with Student's interval; ``p`` is of the signed ranks as Pratt has zeros."""


def _range(estimate: str, lower: str, upper: str, decimals: int) -> Text:
    holes = [f"{{{name}:.{decimals}}}" for name in (estimate, lower, upper)]
    return words(f"{holes[0]} ({holes[1]} to {holes[2]})", f"{holes[0]} ({holes[1]} à {holes[2]})")


def usual(scale: Scale, decimals: int) -> Mapping[str, tuple[Text, Text]]:
    """Line -> its words and its pattern."""
    ratio, finer = scale == "log", 2 if scale == "log" else decimals + 1
    p = {
        "p": words("Signed-rank p (Pratt)", "p des rangs signés (Pratt)"),
        "mid_p": words("mid-P", "mid-P"),
        "p_wilcoxon": words("Signed-rank p (Wilcoxon)", "p des rangs signés (Wilcoxon)"),
        "p_sign": words("Sign test p", "p du test du signe"),
        "p_sign_flip": words("Sign-flip p", "p de permutation des signes"),
        "p_t": words("Paired t p", "p du test t apparié"),
        "p_minimum": words("Least attainable p", "Plus petit p possible"),
        "p_adjusted": words("Adjusted p", "p ajusté"),
    }
    pairs = f"{{change_mean:.{decimals + 1}}} ({{change_sd:.{decimals + 2}}})"
    return {
        "pairs": (words("Pairs", "Paires"), words("{pairs}")),
        "unpaired": (words("Without a pair", "Sans paire"), words("{unpaired}")),
        "rose": (words("Rose", "Hausse"), words("{rose}")),
        "fell": (words("Fell", "Baisse"), words("{fell}")),
        "unchanged": (words("Unchanged", "Inchangé"), words("{unchanged}")),
        "direction": (
            words("Rose / unchanged / fell", "Hausse / inchangé / baisse"),
            words("{rose} / {unchanged} / {fell}"),
        ),
        "change": (words("Change, mean (SD)", "Variation, moyenne (écart-type)"), words(pairs)),
        "estimate": (
            words("Hodges-Lehmann ratio (exact CI)", "Rapport de Hodges-Lehmann (IC exact)")
            if ratio
            else words("Hodges-Lehmann change (exact CI)", "Variation de Hodges-Lehmann (IC exact)"),
            _range("estimate", "lower", "upper", finer),
        ),
        "t_mean": (
            words("Geometric mean ratio (CI)", "Rapport des moyennes géométriques (IC)")
            if ratio
            else words("Mean change (CI)", "Variation moyenne (IC)"),
            _range("t_mean", "t_lower", "t_upper", finer),
        ),
        **{name: (title, words(f"{{{name}:.4<>}}")) for name, title in p.items()},
    }  # fmt: skip


EVERY = ("n", "mean_sd", "median", "min_max", "pairs", "change", "t_mean", "estimate", "p")
