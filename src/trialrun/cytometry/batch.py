"""Many files at once: who shares a gate with whom, over all cores, and again from where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from trialrun import __version__
from trialrun.protocol.panel import Panel
from trialrun.protocol.panels import Panels

from .adjustment import Adjustment
from .border import template
from .cores import Cores, Processes
from .group import Failure, Group, look
from .manifest import Manifest, Row
from .method import imported
from .outcome import Looked, Outcome
from .rounds import Rounds
from .template import Template
from .training import templates

__all__ = ["Batch", "engine", "gate"]

Tell = Callable[[str, float], None]
Admit = Callable[[Sequence[Looked]], Sequence[Looked]]
PARTS = ".parts"
PARTICIPANT = ("PARTICIPANT", "PATIENT ID")
"""Keywords that say of whom a sample is, if the manifest does not; the second is that of BD's software."""


@dataclass(frozen=True)
class Batch:
    """What came of all files.

    outcomes: in the order of the files' names. controls: files that were gates for others. failures: files
    that were not gated. notes: what of the manifest had no part in it. resumed: how many were known from
    before. hash: of the panel and the files it names.
    """

    name: str
    panel: Panel
    hash: str
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]
    controls: tuple[Looked, ...] = ()
    training: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    resumed: int = 0

    def source(self, one: Outcome) -> dict[str, str]:
        """What the numbers of a file come from."""
        return {
            "sha256": one.file.sha256,
            "panel": self.hash,
            "engine": engine(),
            "version": __version__,
        }


@cache
def engine() -> str:
    """SHA-256 of the code that makes numbers from files, and the versions of the libraries that it uses."""
    import numpy
    import scipy

    found = hashlib.sha256(f"{numpy.__version__} {scipy.__version__}".encode())
    here = Path(__file__).parent
    paths = [path for path in sorted(here.rglob("*.py")) if "report" not in path.relative_to(here).parts]
    for words in ("[bp]*.py", "assay*.py", "lineage.py"):  # of borders, panels, populations and assays
        paths += sorted((here.parent / "protocol").glob(words))
    for path in paths:
        found.update(path.relative_to(here.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


@cache
def _pencil() -> str:
    """SHA-256 of the code that draws: what another version drew is drawn again."""
    here = Path(__file__).parent / "report"
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()


def portraits(out: Path) -> Path:
    """The folder in which the drawings of a batch are kept for its report, each by the file's SHA-256."""
    return out / PARTS / f"portraits-{_pencil()[:12]}"


def named(paths: Sequence[Path]) -> dict[str, Path]:
    """The files by the names that they go by: their own, or where two have the same, their paths."""
    unique = dict.fromkeys(paths)
    own = [path.name for path in unique]
    return {path.name if own.count(path.name) == 1 else path.as_posix(): path for path in unique}


def gate(
    paths: Sequence[Path],
    panels: Panels,
    name: str,
    *,
    manifest: Manifest | None = None,
    admit: Admit | None = None,
    adjustments: Mapping[str, tuple[Adjustment, ...]] | None = None,
    out: Path | None = None,
    membership: bool = False,
    cores: int | Processes = 1,
    tell: Tell | None = None,
) -> Batch:
    """Gate files with a panel.

    admit: chooses the files that are gated, and may say more of them; the others have no part in any gate.
    adjustments: by name of a file. out: a folder in which each finished group is kept with its drawings, so
    that the next run begins where this one stopped.
    membership: write there which event is in which population. tell: called with `read` or `gate` and the
    share that is done.
    cores: how many of this machine, or other processes, such as those of a cluster.
    The same files give the same batch, in whatever order they are named and over however many cores.
    """
    panel = panels.panels[name]
    tell = tell or (lambda step, share: None)
    out = out.absolute() if out is not None else None
    with Cores(cores) as run:
        run.see(paths, out)
        looked, failures = _look(paths, panel, manifest, run, tell)
        looked, strangers = _of_the_panel(looked, name)
        looked, twins = _once(admit(looked) if admit else looked)
        failures += [*strangers, *twins]
        controls = tuple(one for one in looked if _role(panel, one) == "control")
        learnt, drawn = _learnt(panels, name, run), imported(panel, panels.folder)
        training = panels.training(name)
        groups = [
            Group(
                panel,
                some,
                _controls(some, controls),
                learnt,
                drawn,
                {one.name: adjustments[one.name] for one in some if adjustments and one.name in adjustments},
                membership=out / "membership" if out is not None and membership else None,
                portraits=portraits(out) if out is not None else None,
            )
            for some in _groups(panel, [one for one in looked if one not in controls])
        ]
        hash = panels.hash(name)
        rounds = Rounds(panel, f"{engine()} {hash}", out and out / PARTS)
        resumed = rounds.gate(groups, run, lambda share: tell("gate", share))
    outcomes = rounds.outcomes
    failures += rounds.failures
    return Batch(
        name,
        panel,
        hash,
        outcomes,
        tuple(sorted(failures, key=lambda one: one.name)),
        controls,
        training,
        manifest.notes(named(paths)) if manifest else (),
        resumed,
    )


def _learnt(panels: Panels, name: str, run: Cores) -> Mapping[str, Template | str]:
    """The borders that were learnt before, and those that are learnt now; these in a process of one thread,
    in which small matrices take a tenth of the time that many threads need that wait for each other."""
    panel = panels.panels[name]
    known: dict[str, Template | str] = {key: template(one) for key, one in panels.borders(name).items()}
    known |= {key: f"{one.message}. {one.hint}" for key, one in panels.outdated(name).items()}
    trained = [key for key, one in panel.populations.items() if getattr(one, "trained_on", ())]
    if not trained:
        return known
    (found,) = run.all(templates, [(panel, panels.folder)], lambda share: None, near=True)
    return known | (dict.fromkeys(trained, found) if isinstance(found, str) else found)


# ---- files and groups -----------------------------------------------------------------------------


def _look(
    paths: Sequence[Path], panel: Panel, manifest: Manifest | None, run: Cores, tell: Tell
) -> tuple[list[Looked], list[Failure]]:
    """Every file with its row, in the order of their names."""
    files = sorted(named(paths).items())
    looked: list[Looked] = []
    failures: list[Failure] = []
    raw = panel.compensation == "none"
    results = run.all(
        look, [(path.absolute(), name, raw) for name, path in files], lambda share: tell("read", share)
    )
    for (name, path), one in zip(files, results, strict=True):
        if isinstance(one, str):
            failures.append(Failure(name, one))
        elif isinstance(one, Failure):
            failures.append(one)
        elif manifest is None:
            looked.append(one)
        else:
            row = manifest.of(name, path)
            findings = (*one.findings, *_against(one, row))
            looked.append(replace(one, row=row or Row(), findings=findings))
    return looked, failures


def _against(one: Looked, row: Row | None) -> Iterator[str]:
    """Where the manifest and the file say different things."""
    if row is None:
        yield "the manifest has no row of it; it is taken for what its keywords say"
        return
    for column, keywords in (("participant", PARTICIPANT), ("specimen", ("$SMNO",))):
        for keyword in keywords:
            said = one.keywords.get(keyword, "").strip()
            if said and row[column] and said != row[column]:
                yield f"the manifest says {column} `{row[column]}`, and the file's keyword {keyword} `{said}`"


def _once(files: Sequence[Looked]) -> tuple[list[Looked], list[Failure]]:
    """Files with the same bytes count once."""
    first: dict[str, Looked] = {}
    for one in files:
        first.setdefault(one.sha256, one)
    again = [one for one in files if first[one.sha256] is not one]
    reason = "it has the same bytes as {}; give it once"
    return list(first.values()), [Failure(one.name, reason.format(first[one.sha256].name)) for one in again]


def _of_the_panel(files: Sequence[Looked], name: str) -> tuple[list[Looked], list[Failure]]:
    """The files that the manifest gives to this panel, or to none; the others are told."""
    ours = [one for one in files if one.row["panel"] in ("", name)]
    reason = "the manifest says that it is of the panel `{}`; gate it with that one"
    return ours, [Failure(one.name, reason.format(one.row["panel"])) for one in files if one not in ours]


def _role(panel: Panel, one: Looked) -> str | None:
    reference = panel.references.get(one.row["reference"])
    return reference.role if reference else None


def participant(one: Looked) -> str:
    """Of whom a sample is, as the manifest or else the file says; empty where neither does."""
    said = one.row["participant"]
    keywords = (one.keywords.get(key, "").strip() for key in PARTICIPANT)
    return said or ("" if one.row["reference"] else next((word for word in keywords if word), ""))


def _groups(panel: Panel, files: Sequence[Looked]) -> list[tuple[Looked, ...]]:
    """Files that share their gates: of a participant, or of a run; each reference by itself."""
    groups: dict[tuple[str, str], list[Looked]] = {}
    for one in files:
        who = participant(one) if panel.pooled == "participant" else one.row["batch"]
        key = ("file", one.name)
        if one.row["reference"]:
            key = ("reference", one.row["reference"])
        elif who and panel.pooled != "sample":
            key = (panel.pooled, who)
        groups.setdefault(key, []).append(one)
    return [tuple(some) for _, some in sorted(groups.items())]


def _controls(files: Sequence[Looked], controls: Sequence[Looked]) -> dict[str, tuple[Looked, ...]]:
    """The controls of the runs that these files were in; of all, where a run is not said."""
    runs = {one.row["batch"] for one in files}
    found: dict[str, list[Looked]] = {}
    for one in controls:
        run = one.row["batch"]
        if not run or "" in runs or run in runs:
            found.setdefault(one.row["reference"], []).append(one)
    return {name: tuple(some) for name, some in found.items()}
