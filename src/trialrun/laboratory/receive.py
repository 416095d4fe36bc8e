"""A batch of gated files comes in: each is matched to its specimen, and its numbers land."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from trialrun.cytometry.batch import Batch, named
from trialrun.cytometry.manifest import Row
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.land import Landed, Numbers, land
from trialrun.laboratory.match import File, match
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


def results(batch: Batch, paths: Sequence[Path], rows: Mapping[str, Row] | None) -> list[Result]:
    """What a batch found, file by file, but for references, which are of no participant.

    paths: all that were to be gated: a file that the batch left out because another has the same bytes stands
    here too, since it may be said to be of somebody else. rows: the manifest, which then speaks for every
    file; None where there is none.
    """
    found = {
        one.file.sha256: Result(
            one.file.path,
            one.file.keywords,
            one.values,
            batch.source(one),
            one.failed,
            None if rows is None else dict(one.file.row.said),
        )
        for one in batch.outcomes
        if not one.file.row["reference"]
    }
    left = {one.name for one in batch.failures}
    twins = []
    for name, path in named(paths).items():
        if name in left and path.is_file() and (twin := found.get(_digest(path))):
            row = (rows or {}).get(name) or (rows or {}).get(path.name) or Row()
            twins.append(replace(twin, path=path, said=None if rows is None else dict(row.said)))
    return [*found.values(), *twins]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def receive(trial: Trial, panel: Panel, results: Sequence[Result], *, by: str) -> Landed:
    """Match a batch to the specimens of its panel, and answer the panel's form where it fits.

    ValueError for a panel that is of no specimen or fills no form.
    """
    if panel.specimen is None or panel.form is None:
        raise ValueError("a panel comes into a trial by its `specimen` and its `form`; write both")
    files = [File(one.name, one.sha256, one.keywords, one.said) for one in results]
    matched = match(trial, panel.specimen, files)
    sound, findings = [], [*matched.findings]
    for one in results:
        if one.sha256 not in matched.specimens:
            continue
        if one.failed:
            cure = "acquire it again, or enter by hand what can be defended"
            findings.append(Finding("failed", one.name, "; ".join(one.failed), cure))
            continue
        numbers = _numbers(trial, panel, one)
        if sha256(numbers.content).hexdigest() != one.sha256:
            findings.append(Finding("failed", one.name, "it was changed since it was gated", "gate it again"))
            continue
        sound.append((matched.specimens[one.sha256], numbers))
    landed = land(trial, panel.form, sound, by=by)
    return Landed(landed.done, (*findings, *landed.findings))


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
