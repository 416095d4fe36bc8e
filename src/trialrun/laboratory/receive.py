"""A batch of gated files comes in: each is matched to its specimen, and its numbers land."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from trialrun.cytometry.batch import Batch
from trialrun.cytometry.manifest import Manifest
from trialrun.cytometry.outcome import Looked
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.match import File, Matched, Place, answered, match
from trialrun.protocol.form import Item
from trialrun.protocol.panel import Panel
from trialrun.record.trial import Trial


@dataclass(frozen=True)
class Result:
    """What was found in one file: by quantity of the panel, None where one is not estimable.

    failed: why the sample fails, if it does; said: its row of the manifest, as for `match.File`; answers:
    to items of the form that the panel does not fill; source: as for `land.Numbers`.
    """

    path: Path
    keywords: Mapping[str, str]
    values: Mapping[str, float | None]
    source: Mapping[str, str]
    failed: tuple[str, ...] = ()
    said: Mapping[str, str] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def sha256(self) -> str:
        return self.source["sha256"]


class Reception:
    """The files of a batch on their way into a trial.

        reception = Reception(trial, panel, manifest)
        batch = gate(paths, …, manifest=manifest, admit=reception.admit)
        landed = reception.land(batch, by=…)

    ValueError for a panel that is of no specimen or fills no form.
    """

    def __init__(self, trial: Trial, panel: Panel, manifest: Manifest | None) -> None:
        self.trial, self.panel, self.manifest = trial, panel, manifest
        self.specimen, _ = _ends(panel)
        self.matched = Matched({}, ())

    def admit(self, files: Sequence[Looked]) -> list[Looked]:
        """Those whose specimen is known, with what is known of it, and the references, which have none."""
        others = [one for one in files if not one.row["reference"]]
        said = [None if self.manifest is None else dict(one.row.said) for one in others]
        asked = [File(one.name, one.sha256, one.keywords, row) for one, row in zip(others, said, strict=True)]
        self.matched = match(self.trial, self.specimen, asked)
        return [
            self._known(one) for one in files if one.row["reference"] or one.sha256 in self.matched.specimens
        ]

    def _known(self, one: Looked) -> Looked:
        if one.row["reference"]:
            return one
        of = self.matched.specimens[one.sha256]
        known = {"participant": of.subject, "timepoint": of.point, "specimen": of.id}
        return replace(one, row=replace(one.row, said={**one.row.said, **known}))

    def land(self, batch: Batch, *, by: str) -> Landed:
        """Answer the panel's form with what was found, as `receive` does."""
        found = [
            Result(
                one.file.path,
                one.file.keywords,
                one.values,
                batch.source(one),
                one.failed,
                None if self.manifest is None else dict(one.file.row.said),
            )
            for one in batch.outcomes
            if not one.file.row["reference"]
        ]
        return receive(self.trial, self.panel, found, self.matched, by=by)


def receive(
    trial: Trial, panel: Panel, results: Sequence[Result], matched: Matched | None = None, *, by: str
) -> Landed:
    """Match a batch to the specimens of its panel, unless it is matched, and answer the panel's form where it
    fits.

    ValueError for a panel that is of no specimen or fills no form.
    """
    specimen, form = _ends(panel)
    if matched is None:
        files = [File(one.name, one.sha256, one.keywords, one.said) for one in results]
        matched = match(trial, specimen, files)
    sound, findings = [], [*matched.findings]
    places = answered(trial)
    for one in results:
        if one.sha256 not in matched.specimens:
            continue
        if one.failed:
            findings.append(_failed(one, places.get(one.sha256, set())))
            continue
        numbers = _numbers(trial, panel, one)
        if sha256(numbers.content).hexdigest() != one.sha256:
            findings.append(Finding("failed", one.name, "it was changed since it was gated", "gate it again"))
            continue
        sound.append((matched.specimens[one.sha256], numbers))
    landed = land(trial, form, sound, by=by)
    return Landed(landed.done, (*findings, *landed.findings))


def _failed(one: Result, places: set[Place]) -> Finding:
    """Why a sample fails, and where numbers of it stand from before."""
    message = "; ".join(one.failed)
    if not places:
        cure = "acquire it again, or enter by hand what can be defended"
        return Finding("failed", one.name, message, cure)
    where = " and ".join(f"{subject} at {point}" for subject, point in sorted(places))
    cure = "correct them to `unknown`, or say there why they can be defended"
    return Finding("failed", one.name, f"{message}; numbers of {where} still come from it", cure)


def _ends(panel: Panel) -> tuple[str, str]:
    """The specimen that a panel's files are of, and the form that its numbers answer."""
    if panel.specimen is None or panel.form is None:
        raise ValueError("a panel comes into a trial by its `specimen` and its `form`; write both")
    return panel.specimen, panel.form


def _numbers(trial: Trial, panel: Panel, one: Result) -> Numbers:
    items = trial.protocol.forms[str(panel.form)].items
    fills = {q.fills: one.values.get(name) for name, q in panel.quantities.items() if q.fills}
    row = {name: _read(items[name], text) for name, text in (one.said or {}).items() if name in items}
    others = {**row, **one.answers}
    given = {name: value for name, value in others.items() if name not in fills and value is not None}
    return Numbers(one.name, one.path.read_bytes(), fills, one.source, given)


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
