"""What a sample breaks by rule: how it was acquired, what it holds, and how it stands beside the others.

Time and flow are judged in bins of equal time, against what chance does to a count; where bins differ by more
than chance, against that, as 1.4826 × the median absolute deviation. Whoever wants the ideas: flowAI (Monaco
2016, doi:10.1093/bioinformatics/btw191) and PeacoQC (Emmaneel 2022, doi:10.1002/cyto.a.24501); thresholds are
the panel's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trialrun.protocol import panel as said
from trialrun.protocol.lineage import made_from, shared_cuts
from trialrun.protocol.panel import Panel

from .columns import Columns, Source
from .manifest import Row
from .marker import channel
from .method import Edge
from .pool import ENOUGH
from .populate import Populated
from .quantity import Estimate
from .sample import Events, Sample
from .transform import GatingError

NORMAL = 1.4826  # the MAD of a normal distribution times this is its standard deviation
PER_BIN = 500  # events; an assumption
BINS = (10, 400)  # at least and at most; fewer show no course, an assumption

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What a rule says of a sample. passed: None where it could not be judged, as `message` tells.

    then: what comes of a sample that breaks it, as in the panel; about: the populations that it speaks of.
    """

    rule: str
    passed: bool | None
    message: str
    value: float | None = None
    about: tuple[str, ...] = ()
    then: Literal["fail", "withhold", "warn"] = "warn"

    @property
    def outcome(self) -> str:
        """passed, unknown, or what the panel says then."""
        if self.passed is None:
            return "unknown"
        return "passed" if self.passed else self.then


def quality(populated: Populated, row: Row) -> list[Judged]:
    """Every rule of the panel that looks at one sample alone."""
    found = []
    for name, rule in populated.panel.quality.items():
        judged = _alone(name, rule, populated, row)
        if judged is not None:
            found.append(replace(judged, then=rule.then))
    return found


def _alone(name: str, rule: said.Quality, populated: Populated, row: Row) -> Judged | None:
    sample = populated.sample
    try:
        match rule:
            case said.Events():
                return _events(name, rule, populated)
            case said.FlowRate():
                share = flow_anomalies(_time(sample), rule.deviations)
                return _share(name, share, rule.at_most, "passed while the flow was odd")
            case said.Stability():
                share = _unstable(populated, rule)
                return _share(name, share, rule.at_most, "came while a marker was odd")
            case said.Margin():
                worst, share = _margins(populated, rule)
                return _share(name, share, rule.at_most, f"lie at an end of {worst}")
            case said.Storage():
                return _storage(name, rule, row)
            case said.SharedCut():
                return _cut(name, rule, populated)
    except (GatingError, _Unknown) as reason:
        return Judged(name, None, str(reason))
    return None


class _Unknown(Exception):
    """A rule that cannot be judged in a sample."""


def _events(name: str, rule: said.Events, populated: Populated) -> Judged:
    count = populated.count(rule.of)
    if count is None:
        return Judged(name, None, f"`{rule.of}` is not known: {populated.reason(rule.of)}")
    message = f"{count:,} events of `{rule.of}`, at least {rule.at_least:,} are asked for"
    return Judged(name, count >= rule.at_least, message, float(count), (rule.of,))


def _storage(name: str, rule: said.Storage, row: Row) -> Judged:
    if not row["storage"]:
        return Judged(name, None, "the manifest does not say whether it was fresh or frozen")
    message = f"it was {row['storage']}, and {rule.only} is asked for"
    return Judged(name, row["storage"] == rule.only, message)


SERVE = "shared cuts that serve it: {0} of {0}"
UNFIT = (
    "the shared cut of `{}` does not serve it: {}",
    "the shared cut of `{}` does not serve it, nor does that of {}; of the first: {}",
)
UNSEEN = (
    "nobody can see whether the shared cut of `{}` serves it: {}",
    "nobody can see whether the shared cut of `{}` serves it, nor that of {}; of the first: {}",
)
FEW = f"its parent has fewer than {ENOUGH} events"


def _cut(name: str, rule: said.SharedCut, populated: Populated) -> Judged:
    """Whether the cuts that it shares serve it."""
    names = rule.of or shared_cuts(populated.panel)
    unfit: dict[str, str] = {}
    unseen: dict[str, str] = {}
    for one in names:
        edge = populated.found.get(one)
        if isinstance(edge, Edge) and edge.unfit:
            unfit[one] = edge.unfit
        elif unseen.keys().isdisjoint(made_from(populated.panel, (one,))) and (
            reason := _unseen(populated, one)
        ):
            unseen[one] = reason
    if unfit:
        return Judged(name, False, _first(UNFIT, unfit), float(len(unfit)), tuple(unfit))
    if unseen:
        return Judged(name, None, _first(UNSEEN, unseen))
    return Judged(name, True, SERVE.format(len(names)), 0.0)


def _unseen(populated: Populated, name: str) -> str:
    """Why nobody can see whether the cut of a population serves a sample; empty where it can be seen."""
    if name in populated.reasons:
        return f"`{name}` is not known: {populated.reason(name)}"
    edge, parent = populated.found.get(name), populated.panel.populations[name].of
    if isinstance(edge, Edge) and edge.divided:
        return edge.divided
    return FEW if (populated.count(parent) or 0) < ENOUGH else ""


def _first(words: tuple[str, str], reasons: Mapping[str, str]) -> str:
    """The reason of the first population, and the names of the others."""
    first, *others = reasons
    if not others:
        return words[0].format(first, reasons[first])
    return words[1].format(first, ", ".join(others), reasons[first])


def _share(name: str, share: float, most: float, of_what: str) -> Judged:
    value = float(f"{100 * share:.8g}")
    message = f"{value:.3g} % of the events {of_what}, at most {most:g} % are allowed"
    return Judged(name, value <= most, message, value)


# ---- time -----------------------------------------------------------------------------------------


def _time(sample: Sample) -> Array:
    for one in sample.channels:
        if one.name.casefold() == "time":
            return sample.column(one.name).astype(np.float64)
    raise _Unknown("the file has no channel `Time`")


def bins(time: Array) -> NDArray[np.int64]:
    """The bin of equal time of each event, from 0. Raises _Unknown for times that say nothing."""
    start, end = float(time.min(initial=np.inf)), float(time.max(initial=-np.inf))
    if not end > start:
        raise _Unknown("all events have the same time")
    if (np.diff(time) < 0).mean() > 0.01:  # a few that are out of order are rounding of the instrument
        raise _Unknown("the time goes back again and again, as in files that were joined")
    number = min(max(len(time) // PER_BIN, BINS[0]), BINS[1])
    if len(time) < BINS[0] * 50:
        raise _Unknown(f"{len(time)} events are too few to see a course of time")
    ticks = len(np.unique(time))
    number = min(number, max(BINS[0], ticks // 4))  # a bin holds several ticks, or the ticks would show
    place = ((time - start) / (end - start) * number).astype(np.int64)
    return np.minimum(place, number - 1)


def flow_anomalies(time: Array, deviations: float) -> float:
    """The share of events in bins whose rate differs by so many robust SD from that of most events.

    time: of each event, in file order. Chance alone spreads a rate by the square root of its number. Events,
    not bins, have a vote on what is usual: a clot lasts long and lets few through.
    """
    place = bins(time)
    counts = np.bincount(place).astype(np.float64)
    middle = float(np.median(counts[place]))
    spread = max(_robust(counts[place]), float(np.sqrt(middle)), 1.0)
    odd = np.abs(counts - middle) > deviations * spread
    odd[-1] &= counts[-1] > middle  # the last bin may be cut short
    return float(counts[odd].sum() / counts.sum())


def _unstable(populated: Populated, rule: said.Stability) -> float:
    place = bins(_time(populated.sample))
    odd = np.zeros(int(place.max()) + 1, dtype=bool)
    columns = Columns(Source(populated.sample))
    for marker in rule.markers or _stained(populated):
        odd |= wandering(columns.linear(populated.scales.linear(marker)), place, rule.deviations)
    return float(odd[place].mean())


def wandering(values: Events, place: NDArray[np.int64], deviations: float) -> NDArray[np.bool_]:
    """Bins of time whose median is another than that of the file.

    values: of each event, on any scale; place: the bin of each. Of a bin that is like the others, half of the
    events lie above the file's median, give or take the square root of their number (the sign test): that
    holds where the median falls in a gap between two populations, and moves far with every event.
    """
    middle = np.median(values)
    number = int(place.max()) + 1
    above = np.bincount(place[values > middle], minlength=number).astype(np.float64)
    below = np.bincount(place[values < middle], minlength=number).astype(np.float64)
    away = (above - below) / np.sqrt(np.maximum(above + below, 1.0))
    away -= np.median(away)  # what is odd for a while moves the file's median, and so all other bins
    return np.asarray(np.abs(away) > deviations * max(_robust(away), 1.0))


# ---- margins --------------------------------------------------------------------------------------


def _margins(populated: Populated, rule: said.Margin) -> tuple[str, float]:
    """The marker with most events at an end of its channel, and their share."""
    worst, most = "any marker", 0.0
    for marker in rule.markers or _stained(populated):
        share = margin(populated.sample, channel(populated.panel, marker, populated.sample).name)
        if share > most:
            worst, most = marker, share
    return worst, most


def margin(sample: Sample, name: str) -> float:
    """The share of events at the highest value a channel can hold ($PnR), or piled up at its least one.

    A least value that few events have is none that the instrument stopped at.
    """
    values = sample.column(name)
    if not len(values):
        return 0.0
    top = next(one.range for one in sample.channels if one.name == name)
    high = float((values >= top - 1).mean()) if top > 1 else 0.0
    lowest = float((values == values.min()).mean()) if values.min() < values.max() else 0.0
    return high + (lowest if lowest > 0.001 else 0.0)  # a thousandth: an assumption


def _stained(populated: Populated) -> list[str]:
    """The markers that the file has."""
    found = []
    for marker in populated.panel.markers:
        try:
            channel(populated.panel, marker, populated.sample)
        except GatingError:
            continue
        found.append(marker)
    return found


def _robust(values: Array) -> float:
    """1.4826 × the median absolute deviation."""
    return NORMAL * float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0


# ---- beside the others ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Beside:
    """What rules over several samples look at in one: medians by (population, marker), on their scales."""

    medians: Mapping[tuple[str, str], float]
    estimates: Mapping[str, Estimate]
    row: Row


def medians(populated: Populated) -> dict[tuple[str, str], float]:
    """What the rules for drift compare."""
    found = {}
    for rule in populated.panel.quality.values():
        if not isinstance(rule, said.Drift) or not populated.count(rule.of):
            continue
        for marker in rule.markers or _stained(populated):
            try:
                values = populated.values(marker, rule.of)
                transform = populated.scales.dimension(marker).transform
            except GatingError:
                continue
            assert transform is not None
            middle = transform.apply(np.array([np.median(values)], dtype=np.float64))[0]
            found[rule.of, marker] = float(f"{middle:.8g}")
    return found


def beside(panel: Panel, samples: Sequence[Beside]) -> list[list[Judged]]:
    """For each sample what the rules over several say of it."""
    found: list[list[Judged]] = [[] for _ in samples]
    for name, rule in panel.quality.items():
        for number, one in enumerate(samples):
            if isinstance(rule, said.Drift):
                judged = _drifted(name, rule, one, samples)
            elif isinstance(rule, said.Bridging):
                judged = _bridged(name, rule, one, samples)
            else:
                continue
            found[number].append(replace(judged, then=rule.then))
    return found


def _drifted(name: str, rule: said.Drift, one: Beside, samples: Sequence[Beside]) -> Judged:
    worst: tuple[float, str] | None = None
    for of, marker in one.medians:
        if of != rule.of or (rule.markers and marker not in rule.markers):
            continue
        others = np.array([s.medians[of, marker] for s in samples if (of, marker) in s.medians])
        if len(others) < rule.at_least:
            words = f"samples to compare: {len(others)}, at least {rule.at_least} are asked for"
            return Judged(name, None, words)
        spread = max(_robust(others), 0.01)  # of the scale: less is no drift anyone sees; an assumption
        away = abs(one.medians[of, marker] - float(np.median(others))) / spread
        worst = max(worst or (0.0, marker), (away, marker))
    if worst is None:
        return Judged(name, None, f"no median of `{rule.of}` is known")
    value = float(f"{worst[0]:.8g}")
    message = (
        f"the median of {worst[1]} in `{rule.of}` is {value:.3g} robust SD from the other samples, "
        f"at most {rule.deviations:g} are allowed"
    )
    return Judged(name, value <= rule.deviations, message, value)


def _bridged(name: str, rule: said.Bridging, one: Beside, samples: Sequence[Beside]) -> Judged:
    """The controls of a sample's batch, against those of all other batches."""
    batch = one.row["batch"]
    controls: dict[str, list[float]] = {}
    for other in samples:
        if other.row["reference"] == rule.reference:
            value = other.estimates[rule.quantity].value
            if value is not None:
                controls.setdefault(other.row["batch"], []).append(value)
    if batch not in controls:
        run = f"batch `{batch}`" if batch else "this batch"
        return Judged(name, None, f"{run} has no bridging control `{rule.reference}`")
    rest = [float(np.mean(some)) for run, some in sorted(controls.items()) if run != batch]
    if len(rest) < rule.at_least:
        words = f"other batches with a bridging control: {len(rest)}, at least {rule.at_least} are asked for"
        return Judged(name, None, words)
    middle, spread = float(np.mean(rest)), float(np.std(rest, ddof=1))
    if not spread > 0:
        return Judged(name, None, "the bridging controls of the other batches are all the same")
    away = float(f"{abs(float(np.mean(controls[batch])) - middle) / spread:.8g}")
    message = (
        f"the bridging control's {rule.quantity} is {away:.3g} SD from the other batches, "
        f"at most {rule.deviations:g} are allowed"
    )
    return Judged(name, away <= rule.deviations, message, away)
