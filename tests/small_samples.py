"""Small FCS files for the documentation: blood of two people, and two samples of it gated by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.sample import Channel, Sample

CHANNELS = (
    ("FSC-A", ""),
    ("FSC-H", ""),
    ("V1-A", "CD3"),
    ("V2-A", "CD4"),
    ("B1-A", "CD25"),
    ("B2-A", "CD127"),
)
SHARES = {"P1-before": 0.05, "P1-during": 0.12, "P1-after": 0.07, "P2-before": 0.06}


def blood(seed: int, share: float, count: int = 20_000) -> tuple[Sample, np.ndarray, np.ndarray]:
    """Lymphocytes, of which 70 % are T cells and half of these CD4+; which are CD4+, and which are rare."""
    stream = np.random.default_rng(seed)
    t = stream.random(count) < 0.7
    cd4 = t & (stream.random(count) < 0.5)
    rare = cd4 & (stream.random(count) < share)
    size = stream.normal(60_000, 9_000, count)
    two = stream.random(count) < 0.03
    stains = [
        (np.where(t, 9.2, 5.5), 0.35),
        (np.where(cd4, 9.0, 5.2), 0.35),
        (np.where(rare, 8.0, 6.0), 0.45),
        (np.where(rare, 5.8, 7.4), 0.45),
    ]
    rows = [size * np.where(two, 1.8, 1.0), size * stream.normal(0.95, 0.02, count)]
    rows += [np.exp(stream.normal(middle, spread)) for middle, spread in stains]
    events = np.rint(np.stack(rows)).astype(np.float32)
    channels = tuple(Channel(name, stain, 262144.0) for name, stain in CHANNELS)
    return Sample("", "", channels, events, {"$CYT": "made up"}), cd4, rare


def small_samples(folder: Path) -> None:
    """Four samples of two people, and in `gated` two parents with the events that a person took."""
    (folder / "gated").mkdir(parents=True)
    for seed, (name, share) in enumerate(SHARES.items()):
        write(folder / f"{name}.fcs", blood(seed, share)[0])
    for number in (1, 2):
        sample, cd4, rare = blood(100 + number, 0.06)
        write(folder / f"gated/R{number}-cd4.fcs", replace(sample, events=sample.events[:, cd4]))
        write(folder / f"gated/R{number}-rare.fcs", replace(sample, events=sample.events[:, rare]))
