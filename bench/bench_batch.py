"""Two hundred small files gated over one core, over all, and again when they are known from before."""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from trialrun.cytometry.batch import gate
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.sample import Channel, Sample
from trialrun.protocol.panels import Panels, load_panels

FILES, EVENTS = 200, 20_000
TURNS = 3
MARKERS = ("size", "height", "A", "B", "C", "D")
PANEL = """\
panels:
  tube:
    title: A tube
    from: assumption
    reason: For the bench.
    markers: {size: size, height: height, A: A, B: B, C: C, D: D}
    compensation: none
    transforms: {default: logicle, size: linear, height: linear}
    populations:
      single: {of: all, method: singlets, by: [size, height]}
      a: {of: single, method: density, by: A, keep: high}
      b: {of: a, method: density, by: B, keep: high}
      c: {of: b, method: tail, by: C, keep: high}
      d: {of: b, method: mixture, by: [C, D], components: 2}
    quantities:
      a: {percent: a, of: single}
      b: {percent: b, of: a}
      c: {percent: c, of: b}
      d: {percent: d, of: b}
    quality:
      margin: {kind: margin, at_most: 5}
"""


def sample(number: int) -> Sample:
    """Two clouds in each stain, as seen by an instrument of 18 bits."""
    chance = np.random.default_rng(number)
    size = chance.lognormal(11.2, 0.15, EVENTS)
    rows = [size, size * chance.normal(0.8, 0.03, EVENTS)]
    for share in (0.7, 0.6, 0.1, 0.4):
        bright = chance.random(EVENTS) < share
        rows.append(np.where(bright, chance.lognormal(9.3, 0.3, EVENTS), chance.normal(60, 90, EVENTS)))
    channels = tuple(Channel(name, "", 262_144.0) for name in MARKERS)
    return Sample("", "", channels, np.clip(np.rint(np.stack(rows)), -500, 262_143).astype(np.float32), {})


def seconds(paths: list[Path], panels: Panels, cores: int, out: Path) -> float:
    """Wall time of the whole batch with what its report draws, s; every file has to get its numbers."""
    start = time.perf_counter()
    batch = gate(paths, panels, "tube", cores=cores, out=out)
    elapsed = time.perf_counter() - start
    known = sum(one.estimates["d"].value is not None for one in batch.outcomes)
    assert known == FILES, f"{known} of {FILES} files have their numbers"
    return elapsed


def main() -> None:
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        (where / "panel.yaml").write_text(PANEL, "utf-8")
        panels = load_panels(where / "panel.yaml")
        paths = [where / f"{number:03}.fcs" for number in range(FILES)]
        for number, path in enumerate(paths):
            write(path, sample(number))
        ones, alls, agains = [], [], []
        for turn in range(TURNS):
            ones.append(seconds(paths, panels, 1, where / f"one{turn}"))
            alls.append(seconds(paths, panels, cores, where / f"all{turn}"))
            agains.append(seconds(paths, panels, cores, where / f"all{turn}"))
        one, all_, again = median(ones), median(alls), median(agains)
        print(f"{FILES} files of {EVENTS:,} events, 5 gates found and drawn in each: 1 core {one:5.1f} s")
        if cores > 1:
            print(f"{cores} cores {all_:5.1f} s, {one / all_:.2f} × as quick as one")
        print(f"known from before {again:5.1f} s, {one / again:.1f} × as quick as one")


if __name__ == "__main__":
    main()
