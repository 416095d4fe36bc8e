"""The plates of a laboratory come in: each participant's visit is matched to its specimen, judged, and its
numbers land. Who cannot be matched, or is not valid, is listed; nothing is guessed.

A plate's file is written again, added to and sorted: what makes a visit the same is what its wells say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from trialrun import __version__
from trialrun.cytometry.batch import engine
from trialrun.cytometry.response.answers import Answers, Visit, answers
from trialrun.cytometry.response.elispot import Assay as Spots
from trialrun.cytometry.response.elispot import Wells
from trialrun.cytometry.response.rows import key
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.match import withdrawn
from trialrun.laboratory.specimen import Specimen, specimens
from trialrun.protocol.assay import Assay
from trialrun.protocol.source import canonical
from trialrun.record.trial import Trial

__all__ = ["bring", "digest"]


def bring(trial: Trial, name: str, path: Path, found: Sequence[Visit], *, by: str) -> Landed:
    """Answer the form of an assay with what was found on the plates of a file.

    found: as the reader of the assay's method reads the file. KeyError for an assay that the study has not.
    """
    panels = trial.protocol.panels
    if panels is None:
        raise KeyError(name)
    words = panels.assays[name]
    content = path.read_bytes()
    common = {
        "sha256": sha256(content).hexdigest(),
        "panel": panels.hash_assay(name),
        "engine": engine(),
        "version": __version__,
    }
    taken = {(key(one.subject), key(one.point)): one for one in specimens(trial, words.specimen).values()}
    sound: list[tuple[Specimen, Numbers]] = []
    findings: list[Finding] = []
    told: dict[str, list[Finding]] = {}
    counted = Counter((key(one.participant), key(one.visit)) for one in found)
    for one in found:
        where, of = _label(path, one), (key(one.participant), key(one.visit))
        source = {**common, "wells": digest(one)}
        if of not in taken:
            findings.append(_unmatched(trial, words, where, one))
        elif counted[of] > 1:
            cure = "say which one counts, and leave the other out of the file"
            findings.append(Finding("duplicate", where, "this visit stands on another plate too", cure))
        elif back := withdrawn(trial, words.form, words.fills.keys(), source, taken[of]):
            cure = "leave it out, or give the wells that are right; if these are, enter their numbers by hand"
            findings.append(Finding("withdrawn", where, back, cure))
        else:
            judged = answers(one, words)
            if judged.failed:
                cure = "do it again, or enter by hand what can be defended"
                findings.append(Finding("failed", where, judged.failed, cure))
                continue
            values = {item: None if isinstance(n, str) else n for item, n in judged.numbers.items()}
            sound.append((taken[of], Numbers(path.name, content, values, source)))
            told[taken[of].id] = _told(where, judged)
    landed = land(trial, words.form, sound, by=by)
    said = [one for id, of_it in told.items() if id in landed.done for one in of_it]
    unknown = [one for one in said if one.kind == "unknown"]
    notes = tuple(one for one in said if one.kind == "unread")
    return Landed(landed.done, (*findings, *landed.findings, *unknown), notes)


def digest(one: Visit) -> str:
    """The SHA-256 of what is understood of a visit: the same in whatever order and case it is written, and
    whatever else is in the file. What people have taken back hangs on it: what it says today it must say
    for ever."""
    said: list[Any] = [key(one.participant), key(one.visit), key(one.plate)]
    if isinstance(one, Spots):
        said += ["spots", one.viability, _replicates(one.controls)]
        said += [_by_name(one.antigens), _by_name(one.positive_controls)]
    else:
        said += [one.measure, [[ratio, _ascending(values)] for ratio, values in sorted(one.wells.items())]]
    return sha256(canonical(said)).hexdigest()


def _by_name(stimuli: Mapping[str, Wells]) -> list[Any]:
    said = [[key(name), *_replicates(its)] for name, its in stimuli.items()]
    return sorted(said, key=lambda its: str(its[0]))


def _replicates(its: Wells) -> list[Any]:
    return [its.cells, its.lost, _ascending(its.spots), _ascending(its.censored)]


def _ascending(values: Sequence[float | None]) -> list[float | None]:
    """Replicates in an order that is not that of the file, those without a value last."""
    return sorted(values, key=lambda value: (value is None, value or 0))


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
    """Which numbers a visit has not, each cause once, and which wells are not read."""
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
