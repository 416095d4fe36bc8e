"""Changes from baseline at each visit: of a measurement, and of who is positive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis import multiplicity
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.mcnemar import mcnemar
from trialrun.analysis.outputs.asked import Asked, Seen, percent
from trialrun.analysis.outputs.over_time import (
    Found,
    Usual,
    cell,
    found,
    heads,
    listed,
    members,
    seen,
    statistics,
    titled,
)
from trialrun.analysis.outputs.pairs import EVERY, PAIRED, Pairs, usual
from trialrun.analysis.outputs.spread import STATISTICS
from trialrun.analysis.outputs.statement import Line, Value, words
from trialrun.analysis.outputs.trajectory import BASELINE, Course, chosen, course
from trialrun.analysis.paired_change import from_scale
from trialrun.protocol.cell import Statistic
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.trajectory import Paired, Positive

ADJUST: Mapping[str, Callable[[multiplicity.Family], NDArray[np.float64]]] = {
    "holm": multiplicity.holm,
    "hochberg": multiplicity.hochberg,
    "hommel": multiplicity.hommel,
    "bh": multiplicity.benjamini_hochberg,
    "by": multiplicity.benjamini_yekutieli,
}
Place = tuple[str, str]  # trajectory, visit


def paired_change(asked: Asked, analysis: Paired) -> Iterator[Line]:
    """A line for each statistic of each visit of each trajectory; of the baseline, those of values alone."""
    people = members(asked)
    courses = {name: course(asked.columns, name) for name in analysis.paired_change}
    visits = {name: chosen(asked.columns, one, analysis.at, asked.path) for name, one in courses.items()}
    pairs: dict[str, dict[Place, Pairs]] = {
        column: {
            (name, visit): _pairs(one, who, visit, analysis)
            for name, one in courses.items()
            for visit in visits[name]
        }
        for column, who in people.items()
    }
    families = {column: _family(held, analysis) for column, held in pairs.items()}
    for name, one in courses.items():
        usually = usual(one.how.scale, one.how.decimals)
        asks = statistics(asked, analysis.statistics, usually, EVERY, one.how.decimals)
        read = seen(asked, one)
        for visit in visits[name]:
            for key, statistic in asks.items():
                if visit == BASELINE and not _of_values(statistic):
                    continue
                line = (name, f"={visit}", key)
                cells = [
                    cell(
                        asked,
                        "paired_change/1",
                        statistic,
                        line,
                        _found(
                            one, visit, who, pairs[column][name, visit], families[column], analysis.adjust
                        ),
                        column,
                        _with_family(read, statistic, families[column]),
                    )
                    for column, who in people.items()
                ]
                labels = (*heads(asked, one, len(courses)), one.title(visit), titled(statistic, key))
                yield Line((asked.name, *line), labels, tuple(cells), analysis.indent)


def _pairs(one: Course, who: NDArray[np.int64], visit: str, analysis: Paired) -> Pairs:
    before = one.baseline[who]
    return Pairs(at(one, visit)[who], before, one.how.scale, analysis.level, analysis.at_least)


def at(one: Course, visit: str) -> NDArray[np.float64]:
    """(participants,) the values at a visit, NaN where not measured; the baseline as it is read."""
    if visit == BASELINE:
        return np.asarray(from_scale(one.baseline, one.how.scale))
    place = one.place(visit)
    return np.full(len(one.values), np.nan) if place is None else one.values[:, place]


def _family(held: Mapping[Place, Pairs], analysis: Paired) -> dict[Place, tuple[Value, Value]]:
    """Place -> p and adjusted p; the family is every change that the analysis tests."""
    tested = {place: PAIRED["p"](one) for place, one in held.items() if place[1] != BASELINE}
    if analysis.adjust is None or not tested:
        return {}
    adjusted = ADJUST[analysis.adjust](list(tested.values()))
    return {
        place: (p, p if isinstance(p, NotEstimable) else float(q))
        for (place, p), q in zip(tested.items(), adjusted, strict=True)
    }


def _found(
    one: Course,
    visit: str,
    who: NDArray[np.int64],
    pairs: Pairs,
    family: Mapping[Place, tuple[Value, Value]],
    adjust: str | None,
) -> Found:
    place, data = (one.name, visit), pairs.data
    adjusted: Value = NotEstimable("no adjustment was asked for")
    if place in family:
        adjusted = family[place][1]
        raw = [None if isinstance(p, NotEstimable) else p for p, _ in family.values()]
        data = {**data, "family": raw, "place": list(family).index(place) + 1, "adjust": adjust}
    sources = one.sources(who.tolist(), [BASELINE, visit])
    known = (*PAIRED, "p_adjusted")

    def find(name: str) -> Value:
        return adjusted if name == "p_adjusted" else PAIRED[name](pairs)

    return Found(find, known, sources, data, one.unsure)


def _with_family(read: Seen, statistic: Statistic, family: Mapping[Place, tuple[Value, Value]]) -> Seen:
    """An adjusted p is made from every p of its family."""
    if "p_adjusted" not in named_in(statistic):
        return read
    raw = [str(p) if isinstance(p, NotEstimable) else p for p, _ in family.values()]
    return replace(read, asked={**read.asked, "family": raw})


def _of_values(statistic: Statistic) -> bool:
    """Whether a statistic is of values alone: all that there is to say of the baseline."""
    return all(name in STATISTICS for name in named_in(statistic))


def named_in(statistic: Statistic) -> set[str]:
    """The statistics that the pattern of a line names."""
    texts = statistic.format.by_language if statistic.format else ()
    return {hole[0] for _, text in texts for hole in placeholders(text)}


# ---- who is positive -----------------------------------------------------------------------------

_SHARE = words("{x}/{N} ({percent:.1}%)", "{x}/{N} ({percent:.1} %)")
POSITIVE: Usual = {
    "share": (words("Positive, n/N (%)", "Positifs, n/N (%)"), _SHARE),
    "gained": (words("Became positive", "Devenus positifs"), words("{gained}")),
    "lost": (words("Became negative", "Devenus négatifs"), words("{lost}")),
    "pairs": (words("Pairs", "Paires"), words("{pairs}")),
    "odds_ratio": (
        words("Odds ratio (exact CI)", "Rapport de cotes (IC exact)"),
        words("{odds_ratio:.2} ({lower:.2} to {upper:.2})", "{odds_ratio:.2} ({lower:.2} à {upper:.2})"),
    ),
    "p": (words("McNemar's exact test, p", "Test exact de McNemar, p"), words("{p:.4<>}")),
    "mid_p": (words("mid-P", "mid-P"), words("{mid_p:.4<>}")),
}
_VALUES = ("x", "N", "percent")


def positive(asked: Asked, analysis: Positive) -> Iterator[Line]:
    """Who is positive at each visit; of later ones also McNemar's exact test against the baseline.

    The baseline is the first of its visits with an answer, as a mean of yes and no is neither.
    """
    one = course(asked.columns, analysis.positive)
    if one.how.positive is None:
        hint = "Say in the trajectory what makes it positive: `positive: LBSTRESN >= 5`."
        message = f"the trajectory `{one.name}` says not what is positive"
        asked.columns.refuse((*asked.path, "positive"), message, hint)
    people, read = members(asked), seen(asked, one)
    asks = statistics(asked, analysis.statistics, POSITIVE, tuple(POSITIVE), 0)
    for visit in chosen(asked.columns, one, analysis.at, asked.path):
        for key, statistic in asks.items():
            if visit == BASELINE and not named_in(statistic) <= set(_VALUES):
                continue
            line = (one.name, f"={visit}", key)
            cells = [
                cell(asked, "positive/1", statistic, line, _answers(one, visit, who, analysis), column, read)
                for column, who in people.items()
            ]
            labels = (*heads(asked, one, 1), one.title(visit), titled(statistic, key))
            yield Line((asked.name, *line), labels, tuple(cells), analysis.indent)


def answers(one: Course, visit: str) -> NDArray[np.float64]:
    """(participants,) 1 for positive, 0 for not, NaN where not known."""
    if visit != BASELINE:
        place = one.place(visit)
        return np.full(len(one.values), np.nan) if place is None else one.positive[:, place]
    made = np.full(len(one.values), np.nan)
    for name in one.how.baseline:
        place = one.place(name)
        made = made if place is None else np.where(np.isnan(made), one.positive[:, place], made)
    return made


def _answers(one: Course, visit: str, who: NDArray[np.int64], analysis: Positive) -> Found:
    before, after = answers(one, BASELINE)[who], answers(one, visit)[who]
    known = ~np.isnan(after)
    x, n = int((after == 1).sum()), int(known.sum())
    values: dict[str, Value] = {"x": float(x), "N": float(n), "percent": percent(x, n)}
    pairs = known & ~np.isnan(before)
    lost = int((pairs & (before == 1) & (after == 0)).sum())
    gained = int((pairs & (before == 0) & (after == 1)).sum())
    values |= {"pairs": float(pairs.sum()), "lost": float(lost), "gained": float(gained)}
    test = mcnemar(lost, gained, level=analysis.level)
    for name in ("odds_ratio", "p", "mid_p"):
        values[name] = test if isinstance(test, NotEstimable) else _finite(getattr(test, name))
    for name in ("lower", "upper"):
        values[name] = test if isinstance(test, NotEstimable) else _finite(getattr(test.interval, name))
    data = {"before": listed(before), "after": listed(after), "level": analysis.level}
    return found(values, one.sources(who.tolist(), [BASELINE, visit]), data, one)


def _finite(value: float) -> Value:
    return value if np.isfinite(value) else "∞"
