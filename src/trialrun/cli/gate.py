"""`trialrun gate`: from FCS files to numbers."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialrun.cli.landing import entering, into_a_trial, landed_data, listed, opened, tell_landed
from trialrun.cli.terminal import as_json, console, print_json, progress

if TYPE_CHECKING:
    from rich.console import Console

    from trialrun.cytometry.batch import Batch
    from trialrun.cytometry.cores import Processes
    from trialrun.cytometry.manifest import Manifest
    from trialrun.cytometry.outcome import Outcome
    from trialrun.cytometry.quantity import Estimate
    from trialrun.laboratory.receive import Reception
    from trialrun.protocol.panels import Panels
    from trialrun.record.trial import Trial

LONGEST = 24  # letters of a file's name on one line
MANY = 6  # files that are told the same, from which on it is told once
NUMBER = re.compile(r"(?<![\w.,-])-?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?(?![\w-])")
STEPS = {"read": "Reading", "gate": "Gating"}


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--panel",
    "said",
    metavar="PANEL",
    help="FILE, STUDY, FILE:NAME or STUDY:NAME; with --trial a NAME of its study, or nothing if it has one.",
)
@into_a_trial
@click.option("--manifest", type=click.Path(path_type=Path), help="CSV: of whom each file is, and more.")
@click.option("--adjustments", type=click.Path(path_type=Path), help="YAML: gates drawn by a person.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for what is found.")
@click.option("--membership", is_flag=True, help="With --out: also which event is in which population.")
@click.option("--cores", type=click.IntRange(1), help="Processes.  [default: one for each core]")
@click.option("--cluster", metavar="ADDRESS", help="Instead of them: the workers of a Dask scheduler.")
@as_json
def gate(
    files: tuple[Path, ...],
    said: str | None,
    folder: Path | None,
    by: str | None,
    manifest: Path | None,
    adjustments: Path | None,
    out: Path | None,
    membership: bool,
    cores: int | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Gate FILES (FCS files, or folders of them) with a panel, and tell its quantities.

    Files of one participant share their gates. With --out, quantities.csv, provenance.json, a report with
    every gate drawn (report.en.html, report.fr.html) and what is needed to go on after an interruption are
    kept in a folder.

    With --trial each file is matched to a specimen that was taken, by the manifest or else by its keyword
    $SMNO. What does not fit is listed, and nothing of it is kept.

    Exit code 1: a file could not be gated or gives no number, or its numbers are not in the record; the
    others were.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: each process is one thread
    from trialrun.cytometry import batch_folder
    from trialrun.cytometry.adjustment import read_adjustments
    from trialrun.cytometry.batch import gate as run
    from trialrun.cytometry.batch import named
    from trialrun.cytometry.manifest import read_manifest

    if membership and out is None:
        raise click.UsageError("--membership needs a folder: add --out DIR")
    if cores is not None and cluster is not None:
        raise click.UsageError("--cores are those of this machine, --cluster is of others: give one of them")
    if folder is None and said is None:
        raise click.UsageError("with which panel? Add --panel PANEL, or --trial TRIAL")
    if folder is not None and adjustments is not None:
        message = "--adjustments does not go with --trial: into a record comes what the panel finds. Correct"
        raise click.UsageError(f"{message} an answer there by hand, with its reason.")
    with opened(folder) as trial:
        panels, name = find(said or "") if trial is None else planned(trial, said)
        who = "" if trial is None else by or entering(trial)
        paths = list(found(files))
        if not paths:
            where = ", ".join(str(one) for one in files)
            raise click.BadParameter(f"there is no file .fcs or .lmd in {where}", param_hint="'FILES'")
        said_of = read_manifest(manifest, panels.panels, _items(trial, panels, name)) if manifest else None
        drawn = (
            read_adjustments(adjustments, panels.panels[name], list(named(paths))) if adjustments else None
        )
        reception = _reception(trial, panels, name, said_of)
        with progress(STEPS) as tell:
            batch = run(
                paths, panels, name, manifest=said_of, admit=reception.admit if reception else None,
                adjustments=drawn, out=out, membership=membership,
                cores=_cluster(cluster) if cluster is not None else cores or _cores(), tell=tell,
            )  # fmt: skip
        if out is not None:
            batch_folder.write(batch, out, tuple(trial.protocol.timepoints) if trial else ())
        landed = reception.land(batch, by=who) if reception else None
    if as_json:
        print_json(batch_folder.provenance(batch) | (landed_data(landed) if landed else {}))
    else:
        show(batch, out)
        if landed:
            tell_landed(landed, folder)
    if batch.failures or any(one.empty for one in batch.outcomes) or (landed and landed.findings):
        raise click.exceptions.Exit(1)


def _reception(trial: Trial | None, panels: Panels, name: str, said_of: Manifest | None) -> Reception | None:
    """Where the files come into the trial, if there is one."""
    if trial is None:
        return None
    from trialrun.laboratory.receive import Reception

    return Reception(trial, panels.panels[name], said_of)


def _items(trial: Trial | None, panels: Panels, name: str) -> tuple[str, ...]:
    """What a manifest may answer of the panel's form, in a trial: what the panel does not fill."""
    panel = panels.panels[name]
    if trial is None or panel.form is None:
        return ()
    fills = {one.fills for one in panel.quantities.values()}
    return tuple(item for item in trial.protocol.forms[panel.form].items if item not in fills)


def planned(trial: Trial, said: str | None) -> tuple[Panels, str]:
    """The panel of the trial's own study that is meant: a record takes no other. Raises UsageError."""
    panels = trial.protocol.panels
    able = [name for name, one in panels.panels.items() if one.specimen and one.form] if panels else []
    if panels is None or not able:
        raise click.BadParameter(
            "its study has no panel with a `specimen` and a `form`", param_hint="'--trial'"
        )
    if said is None and len(able) == 1:
        return panels, able[0]
    if said not in able:
        message = f"with --trial it is one of the trial's own panels: {', '.join(able)}"
        raise click.BadParameter(message, param_hint="'--panel'")
    return panels, said


def _cluster(address: str) -> Processes:
    from trialrun.cytometry.cluster import Cluster

    return Cluster(address)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def found(files: tuple[Path, ...]) -> Iterator[Path]:
    """The files, and those of the folders."""
    for path in files:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.suffix.lower() in (".fcs", ".lmd"))
        else:
            yield path


def find(said: str) -> tuple[Panels, str]:
    """The panel that PANEL means. Raises ProtocolError, or UsageError where it means none or several."""
    from trialrun.protocol.compile import load
    from trialrun.protocol.panels import load_panels

    where, _, name = said.rpartition(":") if ":" in said and not Path(said).exists() else (said, "", "")
    panels = load_panels(where) if Path(where).is_file() else load(where).panels
    hint = "'--panel'"
    if panels is None:
        raise click.BadParameter(f"the study {where} has no panel.yaml", param_hint=hint)
    known = list(panels.panels)
    if not name and len(known) > 1:
        raise click.BadParameter(
            f"there are several; write {' or '.join(f'{where}:{one}' for one in known)}", param_hint=hint
        )
    if name and name not in known:
        raise click.BadParameter(f"{where} has no panel '{name}': {', '.join(known)}", param_hint=hint)
    return panels, name or known[0]


# ---- for people -----------------------------------------------------------------------------------


def show(batch: Batch, out: Path | None = None) -> None:
    """A table of quantities, and what has to be said beside it."""
    screen = console()
    if batch.outcomes:
        _table(batch, screen)
    for title, lines in _notes(batch):
        if lines:
            screen.print(f"\n{title}")
            listed(screen, lines)
    if out is not None:
        again = f" ({batch.resumed} known from before)" if batch.resumed else ""
        where = f"{out / 'quantities.csv'}, {out / 'report.en.html'}"
        screen.print(f"\n{_files(len(batch.outcomes))} gated{again}: {where}")


def _table(batch: Batch, screen: Console) -> None:
    from rich import box
    from rich.table import Table

    from trialrun.protocol.panels import UNITS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    widest = min(LONGEST, max(len(one.file.name) for one in batch.outcomes))
    table.add_column("File", overflow="fold", min_width=widest)
    names = list(batch.panel.quantities)
    room = screen.width - widest - 3  # a letter at each end and between the columns, two of padding
    cells = {name: [_cell(one, name) for one in batch.outcomes] for name in names}
    shown: list[str] = []
    for name in names:
        unit = UNITS.get(batch.panel.quantities[name].kind, "").strip("{}")
        head = [*name.split("_"), f"[{unit}]"] if unit else name.split("_")
        width = max(len(line) for cell in [*cells[name], "\n".join(head)] for line in cell.split("\n"))
        room -= width + 3
        if shown and room < 0:
            break
        table.add_column("\n".join(head), justify="right", no_wrap=True)
        shown.append(name)
    for i, one in enumerate(batch.outcomes):
        table.add_row(one.file.name, *(cells[name][i] for name in shown))
    screen.print(table)
    if left := names[len(shown) :]:
        screen.print(f"Not shown for want of width: {', '.join(left)}")


def _cell(one: Outcome, name: str) -> str:
    """The value over its interval; beside the automatic value that of a person's gates."""
    text = _value(one.estimates[name])
    if one.adjusted is not None and one.adjusted.estimates[name] != one.estimates[name]:
        text += f"\nadjusted {_value(one.adjusted.estimates[name])}"
    return text


def _value(one: Estimate) -> str:
    if one.value is None:
        return "–"
    text = _number(one.value)
    if one.low is None or one.high is None:
        return text
    return f"{text}\n{_number(one.low)}–{_number(one.high)}"


def _number(value: float) -> str:
    """Three digits, or all of a whole number."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _notes(batch: Batch) -> Iterator[tuple[str, list[str]]]:
    """What a reader has to know, under its headings."""
    yield (
        "Failed by the panel's rules",
        [f"{one.file.name}: {reason}" for one in batch.outcomes for reason in one.failed],
    )
    yield "Numbers withheld by the panel's rules", _alike(_said(batch, "withhold"))
    yield "To be looked at", _alike(_said(batch, "warn"))
    yield (
        "About the files",
        _counted(said for one in batch.outcomes for said in one.file.findings),
    )
    yield "About the manifest", list(batch.notes)
    yield (
        "Could not be judged",
        _counted(line for _, line in _said(batch, "unknown")),
    )
    yield (
        "Not estimable",
        list(_not_estimable(batch)),
    )
    yield (
        "Gates",
        _counted(
            f"{name}: {finding}"
            for one in batch.outcomes
            for name, told in one.gates.items()
            for finding in told.get("findings", ())
        ),
    )
    yield "Not gated", [f"{one.name}: {one.reason}" for one in batch.failures]


def _said(batch: Batch, outcome: str) -> Iterator[tuple[str, str]]:
    """Of each file what rules of one outcome say."""
    for one in batch.outcomes:
        for rule in one.quality:
            if rule.outcome == outcome:
                yield one.file.name, f"{rule.rule}: {rule.message}"


def _alike(said: Iterable[tuple[str, str]]) -> list[str]:
    """What is said of each file; of many that are told alike but for the numbers, once with their range."""
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for file, line in said:
        groups.setdefault(tuple(NUMBER.split(line)), []).append((file, line))
    found = []
    for between, some in groups.items():
        if len(some) < MANY:
            found += [f"{file}: {line}" for file, line in some]
            continue
        numbers = zip(*(NUMBER.findall(line) for _, line in some), strict=True)
        line = between[0] + "".join(map("".join, zip(map(_range, numbers), between[1:], strict=True)))
        found.append(f"{line} ({_files(len(some))})")
    return found


def _range(numbers: Iterable[str]) -> str:
    ordered = sorted(set(numbers), key=lambda number: float(number.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _counted(lines: Iterator[str]) -> list[str]:
    """Each line once, with the number of files that it is of."""
    return [f"{line} ({_files(count)})" for line, count in Counter(lines).items()]


def _not_estimable(batch: Batch) -> Iterator[str]:
    """Each cause once, with the quantities that it leaves without a number."""
    found: dict[str, tuple[dict[str, None], set[str]]] = {}
    for one in batch.outcomes:
        for name, value in one.estimates.items():
            if value.reason:
                cause = value.reason.rpartition(" is not known: ")[2]
                names, files = found.setdefault(cause, ({}, set()))
                names[name] = None
                files.add(one.file.name)
    for cause, (names, files) in found.items():
        yield f"{', '.join(names)}: {cause} ({_files(len(files))})"


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"
