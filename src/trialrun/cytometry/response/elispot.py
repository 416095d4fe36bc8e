"""ELISpot: spots in replicate wells → spot-forming cells per million, net, and whether it is a response.

A well that is too numerous to count (readers write TNTC or −1) is censored: it holds at least so many spots
and is never a number of its own. What is computed with it is a lower bound and is called so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean, median, variance

from trialrun.cytometry.response.number import rounded
from trialrun.cytometry.response.resampling import FEWEST, Tested, dfr_2x, dfr_eq

MILLION = 1_000_000
CELLS = 200_000  # a well, where nothing is said


@dataclass(frozen=True, slots=True)
class Wells:
    """The replicates of one stimulus.

    spots: of each well that was counted. censored: of each well too numerous to count, the least number
    that it holds, or None where the reader's limit is not known. lost: wells that were not read.
    cells: per well. Raises ValueError for what is not a count.
    """

    spots: tuple[int, ...] = ()
    censored: tuple[int | None, ...] = ()
    lost: int = 0
    cells: float = CELLS

    def __post_init__(self) -> None:
        for count in (*self.spots, *(least for least in self.censored if least is not None), self.lost):
            if not math.isfinite(count) or count != int(count) or count < 0:
                raise ValueError(
                    f"{count} is not a number of spots; a well too numerous to count is `censored`"
                )
        if not math.isfinite(self.cells) or self.cells <= 0:
            raise ValueError(f"{self.cells} is not a number of cells per well")

    def __len__(self) -> int:
        return len(self.spots) + len(self.censored)

    def bounded(self) -> tuple[int, ...] | None:
        """Every well at what it holds at least; None where that is not known of all.

        Without a limit of the reader, a censored well is taken to hold no fewer spots than its fellows that
        could be counted (an assumption).
        """
        if None in self.censored and not self.spots:
            return None
        most = max(self.spots, default=0)
        return (*self.spots, *(most if least is None else least for least in self.censored))

    def per_million(self, wells: tuple[int, ...]) -> float:
        return fmean(wells) * MILLION / self.cells


@dataclass(frozen=True, slots=True)
class Assay:
    """The wells of one participant's visit on one plate. viability: of the thawed cells, in percent."""

    participant: str
    visit: str
    plate: str
    antigens: Mapping[str, Wells]
    controls: Wells
    positive_controls: Mapping[str, Wells] = field(default_factory=dict)
    viability: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When an assay is valid, and when a response is positive.

    Positive: DFR(eq) p ≤ ``alpha`` (Moodie 2006), net ≥ ``minimum_net`` SFC per million, and with the antigen
    ≥ ``fold`` times the background. 55 per million with 4-fold is Dubey et al., J Acquir Immune Defic Syndr
    2007;45:20 (doi:10.1097/QAI.0b013e3180377b5b); 3-fold with 55 is what the reference study sets.
    Valid: viability of at least ``viability`` percent, and every positive control responds by the same two
    thresholds (an assumption: the sources say that they must, not by how much).
    ``variance``: replicates whose variance / (median + 1) is larger are not used. That such replicates be
    filtered is Moodie 2010; the limit of 10 is not verified, an assumption. None switches it off.
    """

    alpha: float = 0.05
    minimum_net: float = 55.0
    fold: float = 3.0
    viability: float = 80.0
    variance: float | None = 10.0
    relabellings: int = FEWEST


@dataclass(frozen=True, slots=True)
class Response:
    """What one antigen gave. sfc, net: per million cells, net signed; lower bounds where ``at_least``.

    eq, double: DFR(eq), which decides, and DFR(2x) beside it; adjusted over the antigens of the assay.
    Where a number is None, and where ``positive`` is None, ``reason`` says why.
    """

    sfc: float | None
    net: float | None
    at_least: bool
    eq: Tested | None
    double: Tested | None
    positive: bool | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One assay judged. valid: None is unknown; ``findings`` says what stands against it or is not known,
    and which wells are lost.

    background: SFC per million of the controls. total: the sum of the signed net responses.
    total_above: the same with responses below the background counted as nought. Both are None, with
    ``total_reason``, unless every antigen has a net response.
    """

    assay: Assay
    valid: bool | None
    findings: tuple[str, ...]
    background: float | None
    responses: Mapping[str, Response]
    total: float | None
    total_above: float | None
    at_least: bool
    total_reason: str | None


def judge(assay: Assay, rule: Rule | None = None) -> Result:
    """The responses of one participant's visit to all antigens, which are one family."""
    rule = rule or Rule()
    background, why = _background(assay.controls, rule)
    valid, findings = _validity(assay, background, why, rule)
    scaled, reasons = {}, {}
    for name, wells in assay.antigens.items():
        counts = wells.bounded()
        reasons[name] = why or _unfit(wells, rule)
        if reasons[name] is None and counts is not None:
            scaled[name] = [count * assay.controls.cells / wells.cells for count in counts]
    spots = assay.controls.spots
    eq = dfr_eq(scaled, spots, fewest=rule.relabellings)
    double = dfr_2x(scaled, spots, fewest=rule.relabellings)
    responses = {
        name: _response(
            wells, background, reasons[name], eq.get(name), double.get(name), rule, valid, findings
        )
        for name, wells in assay.antigens.items()
    }
    nets = {name: one.net for name, one in responses.items()}
    absent = [name for name, net in nets.items() if net is None]
    known = [net for net in nets.values() if net is not None]
    whole = bool(known) and not absent
    return Result(
        assay=assay,
        valid=valid,
        findings=findings,
        background=None if background is None else rounded(background),
        responses=responses,
        total=rounded(sum(known)) if whole else None,
        total_above=rounded(sum(max(net, 0.0) for net in known)) if whole else None,
        at_least=any(one.at_least for one in responses.values()),
        total_reason=None if whole else _absence(absent, responses),
    )


def _absence(absent: list[str], responses: Mapping[str, Response]) -> str:
    if not responses:
        return "no antigen"
    return "; ".join(f"{name}: {responses[name].reason}" for name in absent)


def _background(controls: Wells, rule: Rule) -> tuple[float | None, str | None]:
    """SFC per million without antigen, or why it is not known."""
    if not len(controls):
        return None, f"no control well{' was read' if controls.lost else ''}"
    if controls.censored:
        return None, "control wells are too numerous to count"
    if reason := _varying(controls, rule):
        return None, f"the controls: {reason}"
    return controls.per_million(controls.spots), None


def _unfit(wells: Wells, rule: Rule) -> str | None:
    if not len(wells):
        return _lost(wells) if wells.lost else "no well with the antigen"
    if wells.bounded() is None:
        return "every well is too numerous to count, and the reader's limit is not known"
    return _varying(wells, rule)


def _varying(wells: Wells, rule: Rule) -> str | None:
    """Whether counted replicates lie too far apart; of censored wells the variance is not known."""
    if rule.variance is None or wells.censored or len(wells.spots) < 2:
        return None
    ratio = variance(wells.spots) / (median(wells.spots) + 1)
    if ratio <= rule.variance:
        return None
    return f"replicates vary too much: variance/(median + 1) is {ratio:,.2f}, above {rule.variance:g}"


def _validity(
    assay: Assay, background: float | None, why: str | None, rule: Rule
) -> tuple[bool | None, tuple[str, ...]]:
    wrong, unknown = [], []
    if assay.viability is None:
        unknown.append("viability is not known")
    elif not 0 <= assay.viability <= 100:
        raise ValueError(f"viability of {assay.viability} % is not between 0 and 100")
    elif assay.viability < rule.viability:
        wrong.append(f"viability {assay.viability:g} %, below {rule.viability:g} %")
    if why:
        unknown.append(why)
    if not assay.positive_controls:
        unknown.append("no positive control")
    for name, wells in assay.positive_controls.items():
        responds = _responds(wells, background, rule)
        if responds is None:
            cause = "cannot be judged without a background" if len(wells) else "was not read"
            unknown.append(f"positive control {name} {cause}")
        elif not responds:
            wrong.append(f"positive control {name} does not respond")
    named = {"background": assay.controls, **assay.antigens, **assay.positive_controls}
    lost = [f"{name}: {_lost(wells)}" for name, wells in named.items() if wells.lost]
    return (False if wrong else None if unknown else True), (*wrong, *unknown, *lost)


def _lost(wells: Wells) -> str:
    return f"{wells.lost} of {_counted(len(wells) + wells.lost)} lost"


def _counted(wells: int) -> str:
    return f"{wells} well" if wells == 1 else f"{wells} wells"


def _responds(wells: Wells, background: float | None, rule: Rule) -> bool | None:
    if not len(wells):
        return None
    counts = wells.bounded()
    if counts is None:  # every well is full of spots
        return True
    if background is None:
        return None
    return _large(wells.per_million(counts), background, rule)


def _large(sfc: float, background: float, rule: Rule) -> bool:
    return rounded(sfc - background) >= rule.minimum_net and rounded(sfc) >= rounded(rule.fold * background)


def _response(
    wells: Wells,
    background: float | None,
    reason: str | None,
    eq: Tested | None,
    double: Tested | None,
    rule: Rule,
    valid: bool | None,
    findings: tuple[str, ...],
) -> Response:
    at_least = bool(wells.censored)
    counts = wells.bounded()
    sfc = wells.per_million(counts) if counts else None
    if reason or sfc is None or background is None or eq is None:
        return Response(None if sfc is None else rounded(sfc), None, at_least, eq, double, None, reason)
    positive: bool | None
    if eq.p is None:
        positive, reason = None, eq.reason
    elif not valid:
        positive, reason = (
            None,
            ("not valid: " if valid is False else "not known to be valid: ") + findings[0],
        )
    else:
        positive = eq.p <= rule.alpha and _large(sfc, background, rule)
        if at_least and not positive:
            verb = "is" if len(wells.censored) == 1 else "are"
            positive, reason = None, f"{_counted(len(wells.censored))} {verb} too numerous to count"
    return Response(rounded(sfc), rounded(sfc - background), at_least, eq, double, positive, reason)
