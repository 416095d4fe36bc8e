"""Which specimen a file is of: by the manifest, else by the file's own keywords; never by a guess.

A file is matched if what names its specimen names one that was taken, if nothing else that it says
contradicts it (a tube's label or a patient's number of the hospital's own does not), if nobody withdrew it
there, and if no other file says the same. What its keywords say against its row of the manifest a person may
accept there, with the reason; so too a file that was withdrawn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trialrun.cytometry.batch import PARTICIPANT as WHOSE  # the keywords
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.specimen import Specimen, marked, specimens
from trialrun.protocol.panel import Panel
from trialrun.record.projection import bare, same
from trialrun.record.trial import Trial

SPECIMEN, PARTICIPANT, TIMEPOINT = "specimen", "participant", "timepoint"
KEYWORD = "$SMNO"  # FCS 3.1: the specimen's (e.g. a tube's) label
ACCEPT = "accept"
VIRTUAL = "VIRTUAL"
"""The keyword of a file whose events were simulated."""
SEED = "VIRTUAL SEED"
"""The keyword of the seed of the trial that it was simulated for."""

Place = tuple[str, str]
"""A participant and a timepoint."""


@dataclass(frozen=True)
class File:
    """A file as far as matching looks at it; said: its row of the manifest, None where there is no manifest,
    and empty for a file that the manifest does not name."""

    name: str
    sha256: str
    keywords: Mapping[str, str]
    said: Mapping[str, str] | None = None

    def keyword(self, name: str) -> str:
        return self.keywords.get(name, "").strip()

    @property
    def accepted(self) -> str | None:
        """The reason for which the manifest accepts it, whatever its keywords say against its row."""
        said = (self.said or {}).get(ACCEPT, "").strip()
        return said if bare(said) else None

    @property
    def source(self) -> dict[str, str]:
        """What is known before it is gated of what its numbers come from."""
        return {"sha256": self.sha256} | ({"accepted": self.accepted} if self.accepted else {})


@dataclass(frozen=True)
class Matched:
    """By the sha256 of a file, its specimen; and a finding for every file that has none."""

    specimens: Mapping[str, Specimen]
    findings: tuple[Finding, ...]


def ends(panel: Panel) -> tuple[str, str]:
    """The specimen that a panel's files are of, and the form that its numbers answer. ValueError for a panel
    without."""
    if panel.specimen is None or panel.form is None:
        raise ValueError("a panel comes into a trial by its `specimen` and its `form`; write both")
    return panel.specimen, panel.form


def match(trial: Trial, panel: Panel, files: Sequence[File]) -> Matched:
    """Match files to the specimens that a panel stains and that were taken in a trial.

    ValueError for a panel that is of no specimen or fills no form.
    """
    name, _ = ends(panel)
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
        if isinstance(one, Specimen):
            one = _withdrawn(trial, panel, file, one) or one
        if isinstance(one, Finding):
            findings.append(one)
        else:
            found[file.sha256] = one
    for id, count in Counter(one.id for one in found.values()).items():
        if count > 1:
            findings += _both(files, found, id)
            found = {sha256: one for sha256, one in found.items() if one.id != id}
    return Matched(found, tuple(findings))


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
    seed = file.keyword(SEED)
    if simulated and seed and trial.seed is not None and seed != str(trial.seed):
        message = f"it was simulated for a trial of seed {seed}, and this is one of seed {trial.seed}"
        return Finding("virtual", file.name, message, "find the file that was simulated for this trial")
    ids = _ids(trial, name, file)
    if isinstance(ids, Finding):
        return ids
    if len(ids) > 1:
        return _contradiction(file, f"it is said to be of {' and of '.join(ids)}", "the file's label")
    (id,) = ids
    if id not in taken:
        return Finding("unmatched", file.name, *_stranger(trial, name, id, taken))
    of = taken[id]
    if file.accepted is None and (said := _somebody_else(trial, file, of.subject)):
        return _contradiction(file, f"it is said to be of {id}, and {said}", "the file's keyword")
    row = file.said or {}
    for column, right in ((PARTICIPANT, of.subject), (TIMEPOINT, of.point)):
        if (told := row.get(column, "").strip()) and told != right:
            message = f"it is said to be of {id}, and its row of the manifest says {column} {told}"
            return Finding("contradiction", file.name, message, "correct the manifest")
    if others := places - {(of.subject, of.point)}:
        where = " and ".join(f"{subject} at {point}" for subject, point in sorted(others))
        message = f"it is said to be of {id}, and answers of {where} come from it"
        cure = "find out which is right; if those are not, correct them to `unknown`, and gate it again"
        return Finding("contradiction", file.name, message, cure)
    return of


def withdrawn(
    trial: Trial, form: str, fills: Collection[str | None], source: Mapping[str, str], of: Specimen
) -> str | None:
    """That a person took back numbers that this very source gave of this specimen, by whom and why.

    fills: the items that the numbers answer; source: as for `land.Numbers`.
    """
    filled = trial.projection(of.subject).filled.get((form, of.point))
    if filled is None:
        return None
    taken = {one for item, one in filled.taken_back(source).items() if item in fills}
    if not taken:
        return None
    part = any(cell.source and same(cell.source, source) for cell in filled.cells.values())
    said = sorted({f"by {_named(trial, one.by)} because: {one.reason}" for one in taken})
    return f"it was withdrawn{' in part' if part else ''} from {of.id} {', and '.join(said)}"


def _withdrawn(trial: Trial, panel: Panel, file: File, of: Specimen) -> Finding | None:
    fills = {quantity.fills for quantity in panel.quantities.values()}
    message = withdrawn(trial, str(panel.form), fills, file.source, of)
    if message is None:
        return None
    again = ", for another reason than the one for which it was accepted before" if file.accepted else ""
    cure = f"leave it out; or write in a column `{ACCEPT}` of the manifest why it counts again{again}"
    return Finding("withdrawn", file.name, message, cure)


def _named(trial: Trial, user: str) -> str:
    person = trial.person(user)
    return person.name if person else user


def _contradiction(file: File, message: str, what: str) -> Finding:
    cure = f"find out which is right; correct the manifest or {what}, or write in a column `{ACCEPT}` of the "
    return Finding("contradiction", file.name, message, f"{cure}manifest why its row is right")


def _somebody_else(trial: Trial, file: File, subject: str) -> str | None:
    """What a file says of itself if it names another participant than the one that it is said to be of.

    `PARTICIPANT` has to name this one. `PATIENT ID`, in which hospitals write numbers of their own, must not
    be that of another participant, were it of none that is here.
    """
    ours, _ = WHOSE
    for keyword in WHOSE:
        said = file.keyword(keyword)
        if not said or bare(said) == bare(subject):
            continue
        if keyword == ours or _numbered_otherwise(trial, said, subject):
            return f"its keyword {keyword} says {said}"
    return None


def _numbered_otherwise(trial: Trial, said: str, subject: str) -> bool:
    """Whether a text has a number as the trial gives them (a site's name, then digits) that is not this
    participant's: `psl 1` is PSL-001, and PSL-0011 is not."""
    sites = "|".join(map(_spread, sorted(trial.protocol.study.sites, key=len, reverse=True)))
    site, _, number = subject.rpartition("-")
    own = bare(site), number.lstrip("0")
    found = re.findall(rf"(?<![^\W_])({sites})[\W_]*([0-9]+)", said.casefold())
    return any((bare(there), digits.lstrip("0")) != own for there, digits in found)


def _spread(name: str) -> str:
    """The pattern of a name, whatever signs are between its letters."""
    return r"[\W_]*".join(map(re.escape, bare(name)))


def _names_another(trial: Trial, label: str, id: str) -> bool:
    """Whether a label names another specimen or participant of a trial than this id does; what sites write
    of their own (`Tube 1`) names none."""
    if bare(label) == bare(id):
        return False
    for subject in trial.subjects():
        if not id.startswith(f"{subject}."):
            if _stands_in(label, subject):
                return True
            continue
        names = trial.protocol.study.specimens
        known = (marked(subject, point, name) for point in trial.protocol.timepoints for name in names)
        if any(bare(label) == bare(one) for one in known):
            return True
    return False


def _stands_in(label: str, subject: str) -> bool:
    """Whether a label has the name of a participant, however its signs are written, not in a longer one."""
    return re.search(rf"(?<![^\W_]){_spread(subject)}(?![^\W_])", label.casefold()) is not None


def _ids(trial: Trial, name: str, file: File) -> list[str] | Finding:
    """The ids of the specimens that a file is said to be of: one, unless it contradicts itself. Beside a row
    its label counts only where it names another one, and not where the row is accepted."""
    labelled = file.keyword(KEYWORD)
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
    if labelled and file.accepted is None and _names_another(trial, labelled, ids[0]):
        ids.append(labelled)
    return list(dict.fromkeys(ids))


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
