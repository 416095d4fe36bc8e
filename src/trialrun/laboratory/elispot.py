"""What the wells of one visit, in an ELISpot, answer by the words of a study."""

from __future__ import annotations

from dataclasses import replace

from trialrun.cytometry.response import elispot
from trialrun.cytometry.response.elispot import Assay, Result, Rule
from trialrun.cytometry.response.rows import key
from trialrun.laboratory.judged import Judged
from trialrun.protocol.assay import BACKGROUND, Answer, Elispot

__all__ = ["answers", "judged", "rule"]

CENSORED = "wells are too numerous to count, and a lower bound is no number"


def rule(words: Elispot, alpha: float = 0.05) -> Rule:
    """When an assay is valid by the words of a study. alpha: of a response, which no answer hangs on."""
    valid = words.valid
    return Rule(alpha=alpha, minimum_net=valid.net, fold=valid.fold, viability=valid.viability)


def judged(assay: Assay, words: Elispot, alpha: float = 0.05) -> Result:
    """An assay by the words of a study: of its antigens and no others, under the names that it gives them."""
    known = _names(words)
    found = {known[key(said)]: wells for said, wells in assay.antigens.items() if key(said) in known}
    in_order = {name: found[name] for name in words.antigens if name in found}
    return elispot.judge(replace(assay, antigens=in_order), rule(words, alpha))


def answers(assay: Assay, words: Elispot) -> Judged:
    """What an assay answers; nothing if it is not valid, or not known to be."""
    result = judged(assay, words)
    failed = _twice(assay, words) or ("" if result.valid is True else "; ".join(result.findings))
    numbers = {item: _number(result, words, answer) for item, answer in words.fills.items()}
    known = _names(words)
    return Judged(failed, numbers, tuple(said for said in assay.antigens if key(said) not in known))


def _twice(assay: Assay, words: Elispot) -> str:
    """That wells under two names are one antigen, of which nobody can tell which counts."""
    known, first = _names(words), dict[str, str]()
    for said in assay.antigens:
        if (name := known.get(key(said))) and (before := first.setdefault(name, said)) != said:
            return f"`{before}` and `{said}` are both the antigen {name}; give its wells one name"
    return ""


def _number(result: Result, words: Elispot, answer: Answer) -> float | str:
    """A number of a valid assay, or why there is none."""
    if answer.percent:
        return result.assay.viability if result.assay.viability is not None else "viability is not known"
    if answer.spots == BACKGROUND:
        return result.background if result.background is not None else "no background"
    if answer.total:
        if absent := [name for name in words.antigens if name not in result.responses]:
            return f"no well with {', '.join(absent)}"
        total = result.total if answer.total == "signed" else result.total_above
        return str(result.total_reason) if total is None else CENSORED if result.at_least else total
    one = result.responses.get(str(answer.antigen))
    if one is None:
        return f"no well with {answer.antigen}"
    if one.net is None or one.sfc is None:
        return f"{answer.antigen}: {one.reason}"
    return CENSORED if one.at_least else one.sfc if answer.spots else one.net


def _names(words: Elispot) -> dict[str, str]:
    """The names that plates give an antigen, as they are compared -> its name."""
    return {key(said): name for name, some in words.antigens.items() for said in (name, *some)}
