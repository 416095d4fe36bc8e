"""Which specimen a file is of: by the manifest, else by the file's own keywords; never by a guess.

A file is matched if what names its specimen names one that was taken, if nothing else that it says
contradicts it, and if no other file says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trialrun.laboratory.finding import Finding
from trialrun.laboratory.specimen import Specimen, marked, specimens
from trialrun.record.trial import Trial

SPECIMEN, PARTICIPANT, TIMEPOINT = "specimen", "participant", "timepoint"
KEYWORD = "$SMNO"  # FCS 3.1: the specimen's (e.g. a tube's) label
OF = "PARTICIPANT"
"""The keyword of whom a file says to be; the label speaks for the specimen."""
VIRTUAL = "VIRTUAL"
"""The keyword of a file whose events were simulated."""
SEED = "VIRTUAL SEED"
"""The keyword of the seed of the trial that it was simulated for."""


@dataclass(frozen=True)
class File:
    """A file as far as matching looks at it; said: its row of the manifest, None where there is no manifest,
    and empty for a file that the manifest does not name."""

    name: str
    sha256: str
    keywords: Mapping[str, str]
    said: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Matched:
    """By the sha256 of a file, its specimen; and a finding for every file that has none."""

    specimens: Mapping[str, Specimen]
    findings: tuple[Finding, ...]


def match(trial: Trial, name: str, files: Sequence[File]) -> Matched:
    """Match files to the specimens of one name that were taken in a trial."""
    taken = specimens(trial, name)
    places = answered(trial)
    found: dict[str, Specimen] = {}
    findings: list[Finding] = []
    twice = {sha256 for sha256, count in Counter(file.sha256 for file in files).items() if count > 1}
    for file in files:
        if file.sha256 in twice:
            same = ", ".join(other.name for other in files if other.sha256 == file.sha256 and other != file)
            findings.append(Finding("duplicate", file.name, f"has the same bytes as {same}", "give it once"))
            continue
        one = _one(trial, name, file, taken, places.get(file.sha256, set()))
        if isinstance(one, Finding):
            findings.append(one)
        else:
            found[file.sha256] = one
    for id, count in Counter(one.id for one in found.values()).items():
        if count > 1:
            findings += _both(files, found, id)
            found = {sha256: one for sha256, one in found.items() if one.id != id}
    return Matched(found, tuple(findings))


Place = tuple[str, str]
"""A participant and a timepoint."""


def answered(trial: Trial) -> dict[str, set[Place]]:
    """By the sha256 of a file, where answers come from it: nowhere after a person has taken its numbers back,
    though it stays in the record."""
    found: dict[str, set[Place]] = {}
    for subject in trial.subjects():
        for (_, point), filled in trial.projection(subject).filled.items():
            for cell in filled.cells.values():
                if cell.source:
                    found.setdefault(cell.source["sha256"], set()).add((subject, point))
    return found


def _both(files: Iterable[File], found: Mapping[str, Specimen], id: str) -> list[Finding]:
    names = [file.name for file in files if file.sha256 in found and found[file.sha256].id == id]
    cure = "say which one counts, and leave the other out"
    listed = ", ".join(names)
    return [Finding("duplicate", name, f"{listed} are all said to be of {id}", cure) for name in names]


def _one(
    trial: Trial, name: str, file: File, taken: Mapping[str, Specimen], places: set[Place]
) -> Specimen | Finding:
    simulated = VIRTUAL in file.keywords
    if simulated and not trial.virtual:
        message = "its events are simulated (keyword VIRTUAL), and these participants are people"
        return Finding("virtual", file.name, message, "leave it out; find the file that was measured")
    seed = file.keywords.get(SEED, "").strip()
    if simulated and seed and trial.seed is not None and seed != str(trial.seed):
        message = f"it was simulated for a trial of seed {seed}, and this is one of seed {trial.seed}"
        return Finding("virtual", file.name, message, "find the file that was simulated for this trial")
    ids = _ids(name, file)
    if isinstance(ids, Finding):
        return ids
    if len(ids) > 1:
        message = f"it is said to be of {' and of '.join(ids)}"
        return Finding("unmatched", file.name, message, "correct the manifest, or the file's label")
    (id,) = ids
    if id not in taken:
        return Finding("unmatched", file.name, *_stranger(trial, name, id, taken))
    whose = file.keywords.get(OF, "").strip()
    if whose and whose != taken[id].subject:
        message = f"it is said to be of {id}, and says of itself that it is of {whose}"
        return Finding("unmatched", file.name, message, "correct the manifest, or the file's keyword")
    said = file.said or {}
    for column, right in ((PARTICIPANT, taken[id].subject), (TIMEPOINT, taken[id].point)):
        if (told := said.get(column, "").strip()) and told != right:
            message = f"it is said to be of {id}, and its row of the manifest says {column} {told}"
            return Finding("unmatched", file.name, message, "correct the manifest")
    if others := places - {(taken[id].subject, taken[id].point)}:
        where = " and ".join(f"{subject} at {point}" for subject, point in sorted(others))
        message = f"it is said to be of {id}, and answers of {where} come from it"
        cure = "find out which is right; if those are not, correct them to `unknown`, and gate it again"
        return Finding("unmatched", file.name, message, cure)
    return taken[id]


def _ids(name: str, file: File) -> list[str] | Finding:
    """The ids of the specimens that a file is said to be of: one, unless it contradicts itself."""
    labelled = file.keywords.get(KEYWORD, "").strip()
    if file.said is None:
        if labelled:
            return [labelled]
        cure = "give a manifest (--manifest), a row for each file"
        return Finding("unmatched", file.name, f"it has no {KEYWORD}, which names the specimen", cure)
    said = {key: value.strip() for key, value in file.said.items() if value.strip()}
    ids = [said[SPECIMEN]] if SPECIMEN in said else []
    if PARTICIPANT in said and TIMEPOINT in said:
        ids.append(marked(said[PARTICIPANT], said[TIMEPOINT], name))
    if not ids:
        message = "the manifest does not say of whom and when it is" if said else "it is not in the manifest"
        cure = f"add its row, with {PARTICIPANT} and {TIMEPOINT}, or {SPECIMEN}"
        return Finding("unmatched", file.name, message, cure)
    return list(dict.fromkeys([*ids, *([labelled] if labelled else [])]))


def _stranger(trial: Trial, name: str, id: str, taken: Mapping[str, Specimen]) -> tuple[str, str]:
    """Why an id is of no specimen that was taken, and what to do."""
    subjects = [subject for subject in trial.subjects() if id.startswith(f"{subject}.")]
    if not subjects:
        message = f"it is said to be of {id}, and no participant of this trial is named there"
        return message, "correct the participant"
    there = [one.point for one in taken.values() if one.subject == subjects[0]]
    message = f"it is said to be of {id}, and no such {name} was taken"
    of_them = f"of {subjects[0]} it was taken at {', '.join(there)}" if there else "record its collection"
    return message, of_them
