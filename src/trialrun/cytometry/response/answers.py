"""What the wells of one visit on a plate answer, by the words of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trialrun.cytometry.response import elispot
from trialrun.cytometry.response.coculture import Coculture, judge
from trialrun.cytometry.response.elispot import Assay, Result, Rule, Wells
from trialrun.cytometry.response.rows import key
from trialrun.cytometry.response.suppression import Curve
from trialrun.protocol.assay import BACKGROUND, Answer, Elispot, Suppressed, Suppression
from trialrun.protocol.assay import Assay as Words

__all__ = ["Answers", "Visit", "answers", "judged", "rule"]

CENSORED = "wells are too numerous to count, and a lower bound is no number"
NEAR = 1e-6  # of a ratio that is written in another way

Visit = Assay | Coculture
"""The wells of one participant's visit on one plate."""


@dataclass(frozen=True, slots=True)
class Answers:
    """failed: why nothing of a visit can be used, empty if it can. numbers: by item of the form, a number or
    why there is none. unread: the stimuli that no answer is asked of."""

    failed: str
    numbers: Mapping[str, float | str]
    unread: tuple[str, ...] = ()


def answers(visit: Visit, words: Words) -> Answers:
    """What a visit answers. TypeError for one of another method than the words are of."""
    match visit, words:
        case Assay(), Elispot():
            return _spots(visit, words)
        case Coculture(), Suppression():
            return _suppressed(visit, words)
    raise TypeError(f"{type(visit).__name__} is not of the method {words.method}")


# ---- spots ----------------------------------------------------------------------------------------


def rule(words: Elispot, alpha: float = 0.05) -> Rule:
    """When an assay is valid by the words of a study. alpha: of a response, which no answer hangs on."""
    valid = words.valid
    return Rule(alpha=alpha, minimum_net=valid.net, fold=valid.fold, viability=valid.viability)


def judged(assay: Assay, words: Elispot, alpha: float = 0.05) -> Result:
    """An assay by the words of a study: of its antigens and no others, under the names that it gives them."""
    known = _names(words)
    found = {known[key(said)]: wells for said, wells in assay.antigens.items() if key(said) in known}
    in_order = {name: found[name] for name in words.antigens if name in found}
    must = {key(name) for name in words.valid.controls}
    controls = {
        name: wells for name, wells in assay.positive_controls.items() if not must or key(name) in must
    }
    return elispot.judge(replace(assay, antigens=in_order, positive_controls=controls), rule(words, alpha))


def _spots(assay: Assay, words: Elispot) -> Answers:
    """What an assay answers; nothing if it is not valid, or not known to be."""
    result = judged(assay, words)
    failed = _twice(assay, words) or _lacking(assay, words)
    failed = failed or ("" if result.valid is True else "; ".join(result.findings))
    numbers = {item: _number(result, words, answer) for item, answer in words.fills.items()}
    known = _names(words)
    return Answers(failed, numbers, tuple(said for said in assay.antigens if key(said) not in known))


def _twice(assay: Assay, words: Elispot) -> str:
    """That wells under two names are one antigen, of which nobody can tell which counts."""
    known, first = _names(words), dict[str, str]()
    for said in assay.antigens:
        if (name := known.get(key(said))) and (before := first.setdefault(name, said)) != said:
            return f"`{before}` and `{said}` are both the antigen {name}; give its wells one name"
    return ""


def _lacking(assay: Assay, words: Elispot) -> str:
    """That wells are lacking without which nothing can be judged: of the background, or of a control."""
    valid, there = words.valid, {key(name) for name in assay.positive_controls}
    if absent := [name for name in valid.controls if key(name) not in there]:
        return f"no well with the positive control {', '.join(absent)}"
    return _few(assay.controls, "background", valid.wells) if len(assay.controls) else ""


def _few(wells: Wells, name: str, least: int) -> str:
    count = len(wells)
    return (
        f"{count} well{'s' * (count != 1)} with {name}, at least {least} are asked for"
        if count < least
        else ""
    )


def _number(result: Result, words: Elispot, answer: Answer) -> float | str:
    """A number of a valid assay, or why there is none."""
    if answer.percent:
        return result.assay.viability if result.assay.viability is not None else "viability is not known"
    if answer.spots == BACKGROUND:
        return result.background if result.background is not None else "no background"
    if answer.total:
        if absent := [name for name in words.antigens if name not in result.responses]:
            return f"no well with {', '.join(absent)}"
        for name, wells in result.assay.antigens.items():
            if len(wells) and (few := _few(wells, name, words.valid.wells)):
                return few
        total = result.total if answer.total == "signed" else result.total_above
        return str(result.total_reason) if total is None else CENSORED if result.at_least else total
    one = result.responses.get(str(answer.antigen))
    if one is None:
        return f"no well with {answer.antigen}"
    if one.net is None or one.sfc is None:
        return f"{answer.antigen}: {one.reason}"
    if few := _few(result.assay.antigens[str(answer.antigen)], str(answer.antigen), words.valid.wells):
        return few
    return CENSORED if one.at_least else one.sfc if answer.spots else one.net


def _names(words: Elispot) -> dict[str, str]:
    """The names that plates give an antigen, as they are compared -> its name."""
    return {key(said): name for name, some in words.antigens.items() for said in (name, *some)}


# ---- suppression ----------------------------------------------------------------------------------


def _suppressed(culture: Coculture, words: Suppression) -> Answers:
    """What an assay answers; nothing if its responders do not divide alone."""
    curve = judge(culture)
    numbers = {item: _at(curve, answer) for item, answer in words.fills.items()}
    return Answers(curve.reason or "", numbers)


def _at(curve: Curve, answer: Suppressed) -> float | str:
    """The suppression at a ratio, which is never read off between two others."""
    for point in curve.points or ():
        if abs(point.ratio - answer.ratio) < NEAR * answer.ratio:
            return point.suppression
    return f"no well at {answer.suppression}"
