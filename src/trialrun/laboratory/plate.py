"""The plates of a laboratory come in: each participant's visit is matched to its specimen, judged, and its
numbers land. Who cannot be matched, or is not valid, is listed; nothing is guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from trialrun import __version__
from trialrun.cytometry.batch import engine
from trialrun.cytometry.response.elispot import Assay, Result, Rule, judge
from trialrun.cytometry.response.rows import key
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.match import withdrawn
from trialrun.laboratory.specimen import Specimen, specimens
from trialrun.protocol.assay import BACKGROUND, Answer
from trialrun.protocol.assay import Assay as Words
from trialrun.record.trial import Trial

__all__ = ["bring", "judged", "label", "rule"]

CENSORED = "wells are too numerous to count, and a lower bound is no number"


def label(path: Path, assay: Assay) -> str:
    """What an assay of a plate file is called in a list."""
    return f"{path.name}, {assay.participant or 'nobody'}, {assay.visit or 'no visit'}, plate {assay.plate}"


def rule(words: Words, alpha: float = 0.05) -> Rule:
    """When an assay is valid by the words of a study. alpha: of a response, which no answer hangs on."""
    valid = words.valid
    return Rule(alpha=alpha, minimum_net=valid.net, fold=valid.fold, viability=valid.viability)


def judged(assay: Assay, words: Words, alpha: float = 0.05) -> Result:
    """An assay by the words of a study: of its antigens and no others, under the names that it gives them."""
    known = _names(words)
    found = {known[key(said)]: wells for said, wells in assay.antigens.items() if key(said) in known}
    in_order = {name: found[name] for name in words.antigens if name in found}
    return judge(replace(assay, antigens=in_order), rule(words, alpha))


def bring(trial: Trial, name: str, path: Path, found: Sequence[Assay], *, by: str) -> Landed:
    """Answer the form of an assay with what was found on the plates of a file.

    found: as `response.plate.read` reads the file. KeyError for an assay that the study has not.
    """
    panels = trial.protocol.panels
    if panels is None:
        raise KeyError(name)
    words = panels.assays[name]
    content = path.read_bytes()
    source = {
        "sha256": sha256(content).hexdigest(),
        "panel": panels.hash_assay(name),
        "engine": engine(),
        "version": __version__,
    }
    taken = {(key(one.subject), key(one.point)): one for one in specimens(trial, words.specimen).values()}
    sound: list[tuple[Specimen, Numbers]] = []
    findings: list[Finding] = []
    counted = Counter((key(one.participant), key(one.visit)) for one in found)
    for assay in found:
        where = label(path, assay)
        specimen = taken.get((key(assay.participant), key(assay.visit)))
        if specimen is None:
            findings.append(_unmatched(trial, words, where, assay))
        elif counted[key(assay.participant), key(assay.visit)] > 1:
            cure = "say which one counts, and leave the other out of the file"
            findings.append(Finding("duplicate", where, "this visit stands on another plate too", cure))
        elif back := withdrawn(trial, words.form, words.fills.keys(), source, specimen):
            cure = "leave it out of the file, or write a file with what is right"
            findings.append(Finding("withdrawn", where, back, cure))
        else:
            result = judged(assay, words)
            if result.valid is not True:
                cure = "do it again, or enter by hand what can be defended"
                findings.append(Finding("failed", where, "; ".join(result.findings), cure))
                continue
            numbers = {item: _number(result, words, answer) for item, answer in words.fills.items()}
            findings += _unread(words, where, assay)
            findings += _unknown(where, numbers)
            values = {item: None if isinstance(one, str) else one for item, one in numbers.items()}
            sound.append((specimen, Numbers(path.name, content, values, source)))
    landed = land(trial, words.form, sound, by=by)
    return Landed(landed.done, (*findings, *landed.findings))


def _unmatched(trial: Trial, words: Words, where: str, assay: Assay) -> Finding:
    subjects = {key(one): one for one in trial.subjects()}
    subject = subjects.get(key(assay.participant))
    if subject is None:
        message, cure = f"nobody here is called `{assay.participant}`", "correct the plate's file"
        return Finding("unmatched", where, message, cure)
    there = sorted(one.point for one in specimens(trial, words.specimen).values() if one.subject == subject)
    message = f"no {words.specimen} of {subject} was taken at `{assay.visit}`"
    listed = f"it was taken at {', '.join(there)}" if there else "none was taken"
    return Finding("unmatched", where, message, f"correct the plate's file or the record: {listed}")


def _unread(words: Words, where: str, assay: Assay) -> list[Finding]:
    """Wells that no answer is asked of."""
    known = _names(words)
    if not (others := [said for said in assay.antigens if key(said) not in known]):
        return []
    cure = "if it is one of them, add the name to the study's `antigens`"
    return [Finding("unread", where, f"{', '.join(others)}: no antigen of the assay", cure)]


def _unknown(where: str, numbers: Mapping[str, float | str]) -> list[Finding]:
    """Each cause once, with the items that it leaves without a number."""
    causes: dict[str, list[str]] = {}
    for item, one in numbers.items():
        if isinstance(one, str):
            causes.setdefault(one, []).append(item)
    cure = "they are entered as `unknown`"
    return [Finding("unknown", where, f"{', '.join(items)}: {why}", cure) for why, items in causes.items()]


def _number(result: Result, words: Words, answer: Answer) -> float | str:
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


def _names(words: Words) -> dict[str, str]:
    """The names that plates give an antigen, as they are compared -> its name."""
    return {key(said): name for name, some in words.antigens.items() for said in (name, *some)}
