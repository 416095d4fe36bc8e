"""Numbers of the cells become answers of a form, through the record's own commands.

Whatever stands on a form by a person's hand stays. A number that stands there from the same file is
corrected if the panel, the engine or the version gives another now; the same again changes nothing, and so
does another file that gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trialrun.laboratory.finding import Finding
from trialrun.laboratory.specimen import Specimen
from trialrun.protocol.form import Item
from trialrun.record.projection import Cell, Filled, Withdrawal, nothing, same
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial

Did = Literal["entered", "corrected", "unchanged"]
UNKNOWN = "unknown"
NONE = "was its manifest left out, or is another sample that is gated with it odd?"
WORDS = {"panel": "panel", "engine": "engine", "version": "version"}


@dataclass(frozen=True)
class Numbers:
    """What was found in one file: answers to items of a form, None where a number is not estimable.

    source: `sha256` of the file, `wells` where it is a plate, and the `panel` (its hash), `engine` and
    `version` that computed them; and `accepted`, the reason for which a person accepts the file, if one is
    given.
    others: answers that come with the file (from a manifest), by a person's hand.
    """

    name: str
    content: bytes = field(repr=False)
    values: Mapping[str, float | None]
    source: Mapping[str, str]
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Landed:
    """What was done with each specimen, by its id; and why nothing was done for the rest, or a number is
    missing. notes: what is told beside it, of files whose every number landed."""

    done: Mapping[str, Did]
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()

    def count(self, did: Did) -> int:
        return sum(one == did for one in self.done.values())


def land(trial: Trial, form: str, found: Iterable[tuple[Specimen, Numbers]], *, by: str) -> Landed:
    """Answer a form at the timepoint of each specimen with its numbers, each specimen whole or not at all.

    by: the user id of whom the laboratory's entries name. Done again, it changes nothing.
    """
    done: dict[str, Did] = {}
    findings: list[Finding] = []
    for specimen, numbers in found:
        try:
            did = _land(trial, form, specimen, numbers, by)
        except Refused as refused:
            findings += [
                Finding("refused", numbers.name, reason.message, reason.cure) for reason in refused.reasons
            ]
            continue
        if isinstance(did, Finding):
            findings.append(did)
        else:
            done[specimen.id] = did
    return Landed(done, tuple(findings))


def _land(trial: Trial, form: str, specimen: Specimen, numbers: Numbers, by: str) -> Did | Finding:
    subject, point = specimen.subject, specimen.point
    filled = trial.projection(subject).filled.get((form, point))
    items = trial.protocol.forms[form].items
    values = {name: _rounded(items[name], value) for name, value in numbers.values.items()}
    if filled is None:
        _keep(trial, specimen, numbers, by)
        given = {**numbers.others, **{name: value for name, value in values.items() if value is not None}}
        open_ = [name for name, item in items.items() if item.required and name not in given]
        trial.enter(
            subject, form, point, specimen.happened, given, missing=dict.fromkeys(open_, UNKNOWN),
            source=numbers.source, by=by, key=_key(form, point, numbers, 0),
        )  # fmt: skip
        return "entered"
    if conflict := _conflict(specimen, numbers, filled, values, items):
        return conflict
    changed: dict[str, Any] = {
        name: value for name, value in values.items() if _differs(filled.cells.get(name), value)
    }
    changed |= {name: said for name, said in numbers.others.items() if _open(filled.cells.get(name))}
    if not changed:
        return "unchanged"
    _keep(trial, specimen, numbers, by)
    trial.correct(
        subject,
        form,
        point,
        {name: value for name, value in changed.items() if value is not None},
        missing={name: UNKNOWN for name, value in changed.items() if value is None},
        reason=_reason([cell for name in changed if (cell := filled.cells.get(name))], numbers.source),
        source=numbers.source,
        by=by,
        key=_key(form, point, numbers, filled.sequence),
    )
    return "corrected"


def _keep(trial: Trial, specimen: Specimen, numbers: Numbers, by: str) -> None:
    """Attach the file, once."""
    sha256 = numbers.source["sha256"]
    if sha256 not in trial.projection(specimen.subject).files:
        trial.attach(
            specimen.subject, numbers.name, numbers.content, specimen.happened, by=by, key=f"file {sha256}"
        )


def _conflict(
    specimen: Specimen,
    numbers: Numbers,
    filled: Filled,
    values: Mapping[str, float | int | None],
    items: Mapping[str, Item],
) -> Finding | None:
    """What stands on the form against a file, if anything does."""
    taken, back = filled.taken_back(numbers.source), dict[str, Withdrawal]()
    if _of_another(filled, values, numbers.source):  # it brings nothing back that was taken back of that one
        taken = back = {item: one for all in filled.withdrawn.values() for item, one in all.items()} | taken
    against = [
        *_against_values(filled, numbers.source, values, items, back),
        *_against_manifest(filled, numbers.others, items, taken),
    ]
    if not against:
        return None
    message = f"on the form at {specimen.point} of {specimen.subject}, {'; '.join(against)}"
    cure = "find out which is right; to make room for the file, correct what stands there to `unknown`"
    return Finding("conflict", numbers.name, message, cure)


def _of_another(filled: Filled, names: Iterable[str], source: Mapping[str, str]) -> bool:
    """Whether numbers of another file stand at some of these items."""
    cells = [cell for name in names if (cell := filled.cells.get(name)) and not nothing(cell.content)]
    return any(cell.source and not same(cell.source, source) for cell in cells)


def _against_values(
    filled: Filled,
    source: Mapping[str, str],
    values: Mapping[str, float | int | None],
    items: Mapping[str, Item],
    back: Mapping[str, Withdrawal],
) -> Iterator[str]:
    """What a person wrote or took back, or what another file gave, where this one says something else; and
    numbers that would be lost though nothing that computes them has changed."""
    lost, others = [], set()
    for name, value in values.items():
        cell, asked = filled.cells.get(name), f"«{items[name].ask()}»"
        gives = f"the file gives {_shown(value)}"
        if cell is None or nothing(cell.content):
            if name in back and value is not None:
                yield f"{asked} was taken back: {back[name].reason} ({gives})"
            continue
        stands = f"{asked} stands as {_shown(cell.content)}"
        if cell.source is None:
            yield f"{stands} by hand ({gives})"
        elif not same(cell.source, source):
            if _differs(cell, value):
                others.add(cell.source["sha256"][:12])
                yield f"{stands} from another file, {gives}"
        elif value is None and not _newer(cell.source, source):
            lost.append(stands)
    if others:
        yield f"the other {'file is' if len(others) == 1 else 'files are'} {' and '.join(sorted(others))}"
    if lost:
        yield f"{', '.join(lost)} from this very file, which now gives none: {NONE}"


def _against_manifest(
    filled: Filled,
    others: Mapping[str, Any],
    items: Mapping[str, Item],
    taken: Mapping[str, Withdrawal],
) -> Iterator[str]:
    """What a person took back, or what stands, where the manifest says something else."""
    for name, said in others.items():
        cell, manifest = filled.cells.get(name), f"(the manifest says {said})"
        if name in taken and _open(cell):
            yield f"«{items[name].ask()}» was taken back: {taken[name].reason} {manifest}"
        elif cell is not None and not _open(cell) and cell.content != said:
            stands = f"«{items[name].ask()}» stands as {_shown(cell.content)}" if name in items else name
            yield f"{stands} {manifest}"


def _open(cell: Cell | None) -> bool:
    """Whether nothing stands there yet."""
    return cell is None or nothing(cell.content)


def _newer(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether what computes a number is not what computed it before."""
    return any(before.get(key) != now.get(key) for key in WORDS)


def _differs(cell: Cell | None, value: float | int | None) -> bool:
    """Whether a number is not what stands there; one that is not estimable is what is unknown."""
    content = cell.content if cell else None
    if value is None:
        return not nothing(content)
    return bool(content != value)


def _reason(cells: list[Cell], source: Mapping[str, str]) -> str:
    """Why numbers that stood there change: what computes them is not what it was."""
    before = [cell.source for cell in cells if cell.source]
    if not before:
        accepted = source.get("accepted")
        return "computed from the attached file" + (f", accepted: {accepted}" if accepted else "")
    told = [
        f"{word} {before[0].get(key, 'none')[:12]} → {source.get(key, 'none')[:12]}"
        for key, word in WORDS.items()
        if before[0].get(key) != source.get(key)
    ]
    return "computed again: " + (", ".join(told) or "other samples of the batch")


def _rounded(item: Item, value: float | None) -> float | int | None:
    """A number as its item asks for it."""
    if value is None:
        return None
    if item.type == "integer":
        return round(value)
    return float(value) if item.decimals is None else round(float(value), item.decimals) + 0.0


def _shown(content: Any) -> str:
    if content is None:
        return "nothing"
    if isinstance(content, dict):
        return str(content["missing"])
    return f"{content:g}" if isinstance(content, int | float) else str(content)


def _key(form: str, point: str, numbers: Numbers, sequence: int) -> str:
    """The command's key: the same numbers on the same state of a form are the same command."""
    source = numbers.source
    made = ".".join(source[key][:16] for key in (*WORDS, "sha256") if key in source)
    return f"gate {form} {point} {sequence} {made}"
