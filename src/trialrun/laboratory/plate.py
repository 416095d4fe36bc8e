"""The plates of a laboratory come in: each participant's visit is matched to its specimen, judged, and its
numbers land. Who cannot be matched, or is not valid, is listed; nothing is guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from trialrun import __version__
from trialrun.cytometry.batch import engine
from trialrun.cytometry.response.answers import Answers, Visit, answers
from trialrun.cytometry.response.rows import key
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.match import withdrawn
from trialrun.laboratory.specimen import Specimen, specimens
from trialrun.protocol.assay import Assay
from trialrun.record.trial import Trial

__all__ = ["bring"]


def bring(trial: Trial, name: str, path: Path, found: Sequence[Visit], *, by: str) -> Landed:
    """Answer the form of an assay with what was found on the plates of a file.

    found: as the reader of the assay's method reads the file. KeyError for an assay that the study has not.
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
    for one in found:
        where, of = _label(path, one), (key(one.participant), key(one.visit))
        if of not in taken:
            findings.append(_unmatched(trial, words, where, one))
        elif counted[of] > 1:
            cure = "say which one counts, and leave the other out of the file"
            findings.append(Finding("duplicate", where, "this visit stands on another plate too", cure))
        elif back := withdrawn(trial, words.form, words.fills.keys(), source, taken[of]):
            cure = "leave it out of the file, or write a file with what is right"
            findings.append(Finding("withdrawn", where, back, cure))
        else:
            judged = answers(one, words)
            findings += _told(where, judged)
            if not judged.failed:
                values = {item: None if isinstance(n, str) else n for item, n in judged.numbers.items()}
                sound.append((taken[of], Numbers(path.name, content, values, source)))
    landed = land(trial, words.form, sound, by=by)
    return Landed(landed.done, (*findings, *landed.findings))


def _label(path: Path, one: Visit) -> str:
    plate = f", plate {one.plate}" if one.plate else ""
    return f"{path.name}, {one.participant or 'nobody'}, {one.visit or 'no visit'}{plate}"


def _unmatched(trial: Trial, words: Assay, where: str, one: Visit) -> Finding:
    subject = {key(subject): subject for subject in trial.subjects()}.get(key(one.participant))
    if subject is None:
        message = f"nobody here is called `{one.participant}`"
        return Finding("unmatched", where, message, "correct the plate's file")
    there = sorted(its.point for its in specimens(trial, words.specimen).values() if its.subject == subject)
    message = f"no {words.specimen} of {subject} was taken at `{one.visit}`"
    listed = f"it was taken at {', '.join(there)}" if there else "none was taken"
    return Finding("unmatched", where, message, f"correct the plate's file or the record: {listed}")


def _told(where: str, judged: Answers) -> list[Finding]:
    """Why a visit cannot be used; or which numbers it has not, each cause once, and which wells are not
    read."""
    if judged.failed:
        cure = "do it again, or enter by hand what can be defended"
        return [Finding("failed", where, judged.failed, cure)]
    found = []
    if judged.unread:
        cure = "if it is one of them, add the name to the study's `antigens`"
        message = f"{', '.join(judged.unread)}: no antigen of the assay"
        found.append(Finding("unread", where, message, cure))
    causes: dict[str, list[str]] = {}
    for item, one in judged.numbers.items():
        if isinstance(one, str):
            causes.setdefault(one, []).append(item)
    cure = "they are entered as `unknown`"
    found += [
        Finding("unknown", where, f"{why}; without a number: {', '.join(items)}", cure)
        for why, items in causes.items()
    ]
    return found
