"""What a batch leaves behind: a table of quantities, and from what they were made."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trialrun import __version__
from trialrun.protocol.file import whole

from .batch import Batch, engine, participant, portraits
from .fcs.linear import PROVENANCE
from .outcome import Outcome
from .quantity import Estimate
from .report.portrait import Portrait, unpacked

__all__ = ["COLUMNS", "inert", "provenance", "table", "write"]

COLUMNS = (
    "file", "participant", "timepoint", "specimen", "reference", "batch", "quantity", "unit",
    "value", "low", "high", "border", "corrected", "events", "of", "reason",
    "adjusted", "adjusted_low", "adjusted_high", "adjusted_events", "adjusted_by", "adjusted_reason",
    "failed",
)  # fmt: skip
"""Of `quantities.csv`; `value` is of automatic gates alone, and `adjusted` of those with a person's."""
KEYWORDS = (
    "$FIL", "$CYT", "$CYTSN", "$INST", "$DATE", "$BTIM", "$ETIM", "$SMNO", "$VOL", "VIRTUAL",
)  # fmt: skip
"""What is told of a file's own account; its operator and the source of its specimen may name people."""
FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=@\uff1d\uff20]|[-+\uff0d\uff0b][^;\t\r\n]*[(|!\[])")
"""Where a cell begins (also in a spreadsheet that parts them at ; or a tab) with = or @, or with a sign
before what calls or fetches: `-7` and `+PMA.fcs` do neither. docs/decisions/formulas-in-tables.md."""
RAW = f"numbers of the file, {PROVENANCE}; then compensated as the panel says"


def write(batch: Batch, out: Path, visits: Sequence[str] = ()) -> None:
    """`quantities.csv`, `provenance.json` and in each language the report, each whole or not at all.

    visits: in their order, by default that in which the manifest names them.
    """
    from .report.language import LANGUAGES
    from .report.page import page

    out.mkdir(parents=True, exist_ok=True)
    texts = {
        "quantities.csv": table(batch),
        "provenance.json": json.dumps(provenance(batch), ensure_ascii=False, indent=1) + "\n",
    }
    drawn = _portraits(batch, out)
    texts |= {f"report.{code}.html": page(batch, drawn, code, visits) for code in LANGUAGES}
    for name, text in texts.items():
        with whole(out / name) as part:
            part.write_text(text, "utf-8", newline="\n")


def _portraits(batch: Batch, out: Path) -> dict[str, Portrait]:
    """What was drawn of each file; of one whose drawings cannot be read, nothing."""
    found = {}
    for one in batch.outcomes:
        path = portraits(out) / f"{one.file.sha256}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            found[one.file.name] = unpacked(json.loads(path.read_text("utf-8")))
    return found


def table(batch: Batch) -> str:
    """A row for each quantity of each file, as CSV, of which no text is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in batch.outcomes:
        writer.writerows({key: inert(value) for key, value in row.items()} for row in _rows(one))
    return text.getvalue()


def inert(value: Any) -> Any:
    """A cell as it stands, but for an apostrophe before what a spreadsheet would compute or fetch."""
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def _rows(one: Outcome) -> Iterator[dict[str, Any]]:
    row = one.file.row
    head = {key: row[key] for key in ("timepoint", "specimen", "reference", "batch")}
    head |= {"file": one.file.name, "participant": participant(one.file), "failed": "; ".join(one.failed)}
    for name, value in one.estimates.items():
        yield {**head, "quantity": name, **asdict(value), **_by_hand(one, name)}


def _by_hand(one: Outcome, name: str) -> dict[str, Any]:
    if one.adjusted is None:
        return {}
    value, gates = one.adjusted.estimates[name], one.adjusted.gates
    return {
        "adjusted": value.value,
        "adjusted_low": value.low,
        "adjusted_high": value.high,
        "adjusted_events": value.events,
        "adjusted_by": "; ".join(dict.fromkeys(gate["by"] for gate in gates.values())),
        "adjusted_reason": "; ".join(f"{of}: {gate['reason']}" for of, gate in gates.items()),
    }


def provenance(batch: Batch) -> dict[str, Any]:
    """All that is known of a batch, as JSON: with it the numbers can be made again."""
    return {
        "tool": "trialrun",
        "version": __version__,
        "engine": engine(),
        "panel": batch.name,
        "panel_sha256": batch.hash,
        "raw": RAW,
        "scales": "gates are on the scales of the panel's transforms, of which 1 is the top of the channel",
        "training": dict(batch.training),
        "controls": [
            {"file": one.name, "sha256": one.sha256, "reference": one.row["reference"]}
            for one in batch.controls
        ],
        "files": [_file(one) for one in batch.outcomes],
        "not_gated": [{"file": one.name, "reason": one.reason} for one in batch.failures],
        "manifest": list(batch.notes),
    }


def _file(one: Outcome) -> dict[str, Any]:
    file = one.file
    return {
        "file": file.name,
        "sha256": file.sha256,
        "participant": participant(file),
        "manifest": dict(file.row.said),
        "keywords": {key: said for key in KEYWORDS if (said := file.keywords.get(key, "").strip())},
        "events": file.events,
        "findings": list(file.findings),
        "quality": [{**asdict(rule), "outcome": rule.outcome} for rule in one.quality],
        "failed": list(one.failed),
        "populations": {
            name: _population(count, one.reasons.get(name), one.gates.get(name))
            for name, count in one.counts.items()
        },
        "quantities": _estimates(one.estimates),
        "adjusted": one.adjusted
        and {
            "gates": dict(one.adjusted.gates),
            "populations": dict(one.adjusted.counts),
            "quantities": _estimates(one.adjusted.estimates),
        },
    }


def _population(count: int | None, reason: str | None, gate: Any) -> dict[str, Any]:
    return {"events": count, **({"reason": reason} if reason else {}), **({"gate": gate} if gate else {})}


def _estimates(found: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in found.items()}
