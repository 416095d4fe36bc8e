"""The fourteen gates of a real FlowJo workspace on synthetic events in its files' layout, against FlowKit."""

import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from trialrun.cytometry import flowjo
from trialrun.cytometry.engine import gate
from trialrun.cytometry.sample import Channel, Sample

ROUNDS = 7
EVENTS = 290_172
STUDY = Path(__file__).parents[2] / "shared/data/cytometry/eqapol_8color_ics"
WORKSPACE = STUDY / "8_color_ICS.wsp"
LARGE = ("Singlets", "aAmine-", "CD3+", "CD4+", "CD8+")
NAME = "101_DEN084Y5_15_E01_008_clean.fcs"


def events(dyes: tuple[str, ...], spread: np.ndarray) -> dict[str, np.ndarray]:
    """Channels of synthetic events, of which about as many reach each population as in the real file.

    Stains are dim (normal) or bright (lognormal), mixed by the matrix as detectors see them.
    """
    chance = np.random.default_rng(20201126)
    width = np.where(chance.random(EVENTS) < 0.13, 130_000, chance.normal(81_000, 3_700, EVENTS))
    height = chance.normal(112_000, 26_000, EVENTS)
    columns = {"FSC-A": height * width / 65_536, "FSC-H": height, "FSC-W": width}
    side, wide = chance.lognormal(10.35, 0.3, EVENTS), chance.normal(80_000, 9_000, EVENTS)
    columns |= {"SSC-A": side, "SSC-H": side * 65_536 / wide, "SSC-W": wide}
    kind = chance.random(EVENTS)
    bright = {
        "Aqua": chance.random(EVENTS) < 0.3,
        "CD3": kind < 0.82,
        "CD4": kind < 0.51,
        "CD8": (kind > 0.51) & (kind < 0.79),
    }
    stains = []
    for dye in dyes:
        stained = next((found for key, found in bright.items() if dye.startswith(key)), kind % 0.01 < 1e-4)
        stains.append(np.where(stained, chance.lognormal(8.2, 0.4, EVENTS), chance.normal(60, 70, EVENTS)))
    columns |= dict(zip(dyes, (np.stack(stains, axis=1) @ spread).T, strict=True))
    columns["Time"] = np.linspace(1.3, 73, EVENTS)
    return {name: column.astype(np.float32) for name, column in columns.items()}


def workspace() -> flowjo.Workspace:
    return next(one for one in flowjo.read(WORKSPACE) if one.sample == NAME)


def make(path: Path) -> None:
    """The events, their channels' names and the populations into files: apart, to cost no contestant."""
    gates = [population.gate for population in workspace().hierarchy.populations]
    dimensions = [dimension for one in gates for dimension in one.dimensions]
    matrix = next(one.compensation for one in dimensions if one.compensation)
    columns = events(matrix.detectors, np.array(matrix.matrix))
    np.save(path, np.stack(list(columns.values())))
    path.with_suffix(".json").write_text(json.dumps(list(columns)))
    path.with_suffix(".pickle").write_bytes(pickle.dumps(workspace().hierarchy))


Found = dict[str, Any]


def timed(call: Callable[[], Any], rounds: int) -> tuple[Any, Found]:
    """What the last call gave, and of all calls: the median s of the clock and of the processor, and MB."""
    before, wall, busy = peak(), [], []
    for _ in range(rounds):
        starts = time.perf_counter(), time.process_time()
        given = call()
        wall.append(time.perf_counter() - starts[0])
        busy.append(time.process_time() - starts[1])
    spent = {"first": wall[0], "wall": median(wall), "busy": median(busy)}
    return given, {**spent, "peak": peak(), "more": peak() - before}


def peak() -> float:
    """Most memory this process ever had, MB (ru_maxrss also has that of the process which started it)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def ours(path: Path, exact: bool = False) -> Found:
    names = json.loads(path.with_suffix(".json").read_text())
    sample = Sample(NAME, "", tuple(Channel(name) for name in names), np.load(path), {})
    # Read before, by FlowKit, whose memory is not to be counted here.
    hierarchy = pickle.loads(path.with_suffix(".pickle").read_bytes())
    gated, found = timed(lambda: gate(sample, hierarchy, exact=exact), ROUNDS)
    paths = {name: "/".join(part.split("/")[-1] for part in hierarchy.path(name)) for name in gated.counts}
    return {"counts": {paths[name]: count for name, count in gated.counts.items()}, **found}


def theirs(path: Path) -> Found:
    import flowkit

    warnings.simplefilter("ignore")
    names = json.loads(path.with_suffix(".json").read_text())
    sample = flowkit.Sample(np.load(path).T, sample_id=NAME, channel_labels=names)
    strategy = flowkit.Workspace(str(WORKSPACE), load_missing_file_data=True).get_gating_strategy(NAME)
    results, found = timed(lambda: strategy.gate_sample(sample), 3)
    report = results.report
    named = zip(report.gate_path, report.gate_name, report["count"], strict=True)
    return {"counts": {"/".join((*path[1:], name)): int(count) for path, name, count in named}, **found}


CONTESTANTS: dict[str, Callable[[Path], Found]] = {
    "trialrun": ours,
    "trialrun, exact": partial(ours, exact=True),
    "FlowKit": theirs,
}


def alone(name: str, path: Path) -> Found:
    """One contestant in a process of its own, given one core and one thread."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, name, str(path)]
    done = subprocess.run(command, env={**os.environ, **one}, check=True, capture_output=True, text=True)
    found: Found = json.loads(done.stdout)
    return found


def main() -> None:
    if not WORKSPACE.exists():
        print(f"not run: there is no {WORKSPACE}")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.npy"
        make(path)
        found = {name: alone(name, path) for name in CONTESTANTS}
    counts = {name: one["counts"] for name, one in found.items()}
    same = all(one == counts["FlowKit"] for one in counts.values())
    print(f"{len(counts['FlowKit'])} gates, {EVENTS} events × 15: counts {'equal' if same else 'DIFFER'}")
    real = workspace().counts
    here = {path.rpartition("/")[2]: count for path, count in counts["trialrun"].items()}
    print("events in the real file and here:", *(f"{name} {real[name]} {here[name]};" for name in LARGE))
    for name, one in found.items():
        times = " ".join(f"{key} {1000 * one[key]:.0f} ms," for key in ("wall", "busy", "first"))
        print(f"{name:<16} {times} peak {one['peak']:.0f} MB, {one['more']:.0f} MB more than before")
    wall, busy = (found["FlowKit"][key] / found["trialrun"][key] for key in ("wall", "busy"))
    print(f"trialrun is {wall:.0f} × faster than FlowKit by the clock, {busy:.0f} × by processor time")
    if not same:
        sys.exit("\n".join(f"{name}: {one}" for name, one in counts.items()))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(CONTESTANTS[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main()
