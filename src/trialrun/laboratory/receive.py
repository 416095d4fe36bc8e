"""A batch of gated files comes in: each is matched to its specimen, and its numbers land."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from trialrun.cytometry.batch import PARTICIPANT as WHOSE  # the keywords
from trialrun.cytometry.batch import Batch
from trialrun.cytometry.manifest import Manifest
from trialrun.cytometry.outcome import Looked
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.match import KEYWORD as LABEL
from trialrun.laboratory.match import File, Matched, Place, answered, ends, match
from trialrun.protocol.form import Item
from trialrun.protocol.panel import Panel
from trialrun.record.trial import Trial


@dataclass(frozen=True)
class Result:
    """What was found in one file: by quantity of the panel, None where one is not estimable.

    failed: why the sample fails, if it does; said: its row of the manifest; answers: to items of the form
    that the panel does not fill; source: as for `land.Numbers`.
    """

    path: Path
    keywords: Mapping[str, str]
    values: Mapping[str, float | None]
    source: Mapping[str, str]
    failed: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def sha256(self) -> str:
        return self.source["sha256"]


class Reception:
    """The files of a batch on their way into a trial: matched to their specimens, then their numbers land.

        reception = Reception(trial, panel, manifest)
        batch = gate(paths, …, manifest=manifest, admit=reception.admit)
        landed = reception.land(batch, by=…)

    ValueError for a panel that is of no specimen or fills no form.
    """

    def __init__(self, trial: Trial, panel: Panel, manifest: Manifest | None = None) -> None:
        ends(panel)
        self.trial, self.panel, self.manifest = trial, panel, manifest
        self.files: Mapping[str, File] = {}
        self.matched = Matched({}, ())

    def admit(self, files: Sequence[Looked]) -> list[Looked]:
        """Those whose specimen is known, with what is known of it, and the references, which have none."""
        others = [one for one in files if not one.row["reference"]]
        said = [None if self.manifest is None else one.row.said for one in others]
        self.match(
            [File(one.name, one.sha256, one.keywords, row) for one, row in zip(others, said, strict=True)]
        )
        return [
            self._known(one) for one in files if one.row["reference"] or one.sha256 in self.matched.specimens
        ]

    def match(self, files: Sequence[File]) -> None:
        """Find the specimen of each file."""
        self.files = {one.sha256: one for one in files}
        self.matched = match(self.trial, self.panel, files)

    def _known(self, one: Looked) -> Looked:
        if one.row["reference"]:
            return one
        of = self.matched.specimens[one.sha256]
        known = {"participant": of.subject, "timepoint": of.point, "specimen": of.id}
        findings = one.findings
        label = one.keywords.get(LABEL, "").strip()
        if label not in ("", of.id) and not one.row["specimen"]:  # else it is told already
            findings += (f"it is matched to {of.id}, and its keyword {LABEL} says `{label}`",)
        if not one.row["participant"]:  # else it is told already
            findings += tuple(
                f"it is matched to {of.subject}, and its keyword {keyword} says `{said}`"
                for keyword in WHOSE
                if (said := one.keywords.get(keyword, "").strip()) not in ("", of.subject)
            )
        return replace(one, row=replace(one.row, said={**one.row.said, **known}), findings=findings)

    def land(self, batch: Batch, *, by: str) -> Landed:
        """Answer the panel's form with what was found in a batch of files that were admitted."""
        found = [
            Result(
                one.file.path,
                one.file.keywords,
                one.values,
                batch.source(one),
                one.failed,
                one.file.row.said,
            )
            for one in batch.outcomes
            if not one.file.row["reference"]
        ]
        return self.receive(found, by=by)

    def receive(self, found: Sequence[Result], *, by: str) -> Landed:
        """Answer the panel's form with what was found in files that are matched and sound."""
        _, form = ends(self.panel)
        sound, findings = [], [*self.matched.findings]
        places = answered(self.trial)
        for one in found:
            if one.sha256 not in self.matched.specimens:
                continue
            if one.failed:
                findings.append(_failed(one, places.get(one.sha256, set())))
                continue
            numbers = self._numbers(one)
            if sha256(numbers.content).hexdigest() != one.sha256:
                findings.append(
                    Finding("failed", one.name, "it was changed since it was gated", "gate it again")
                )
                continue
            sound.append((self.matched.specimens[one.sha256], numbers))
        landed = land(self.trial, form, sound, by=by)
        return Landed(landed.done, (*findings, *landed.findings))

    def _numbers(self, one: Result) -> Numbers:
        items = self.trial.protocol.forms[str(self.panel.form)].items
        fills = {q.fills: one.values.get(name) for name, q in self.panel.quantities.items() if q.fills}
        row = {name: _read(items[name], text) for name, text in one.said.items() if name in items}
        others = {**row, **one.answers}
        given = {name: value for name, value in others.items() if name not in fills and value is not None}
        source = {**one.source, **self.files[one.sha256].source}
        return Numbers(one.name, one.path.read_bytes(), fills, source, given)


def _failed(one: Result, places: set[Place]) -> Finding:
    """Why a sample fails, and where numbers of it stand from before."""
    message = "; ".join(one.failed)
    if not places:
        cure = "acquire it again, or enter by hand what can be defended"
        return Finding("failed", one.name, message, cure)
    where = " and ".join(f"{subject} at {point}" for subject, point in sorted(places))
    cure = "correct them to `unknown`, or say there why they can be defended"
    return Finding("failed", one.name, f"{message}; numbers of {where} still come from it", cure)


def _read(item: Item, text: str) -> Any:
    """A cell of a manifest as the answer that its item asks for; what is none stays text, and is refused."""
    if not text.strip():
        return None
    try:
        if item.type == "integer":
            return int(text)
        if item.type == "number":
            return float(text)
    except ValueError:
        return text
    return {"yes": True, "no": False}.get(text.lower(), text) if item.type == "boolean" else text
