"""What a folder of results is to hold, and from which record."""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from trialrun import __version__
from trialrun.analysis.ard import Ard
from trialrun.protocol.protocol import Protocol

TABLES, STUDY = "tables", "study"
"""Where a folder of results has what it is made from."""

ENGINES = ("numpy", "polars", "scipy")
"""The packages that compute: their versions stand in the manifest."""

_EVERYONE = {"all", "total"}


@dataclass(frozen=True)
class Wanted:
    """The pack, its languages and formats; the day whose knowledge the tables hold, ISO 8601; some outputs
    (None: all that are planned); real or virtual people, and the seed of these.

    chains: participant's chain -> (length, hash of its last entry): the entries that the tables are from.
    """

    pack: str
    as_of: str
    languages: tuple[str, ...]
    formats: tuple[str, ...]
    outputs: tuple[str, ...] | None = None
    virtual: bool = False
    seed: int | None = None
    chains: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, str | float]:
        """What outputs may tell of the run that the tables do not hold."""
        return {"as_of": self.as_of, **({"seed": float(self.seed)} if self.seed is not None else {})}

    def manifest(self, protocol: Protocol, ard: Ard) -> dict[str, Any]:
        """What is known of a folder before any of its files is opened."""
        return {
            "study": protocol.id,
            "version": protocol.study.version,
            "protocol": protocol.hash,
            "planned": protocol.reported.hash,
            "outputs": list(ard.outputs),
            "every_output": self.outputs is None,
            "pack": self.pack,
            "as_of": self.as_of,
            "languages": list(self.languages),
            "formats": list(self.formats),
            "participants": "virtual" if self.virtual else "real",
            "seed": self.seed,
            "unblinded": by_arm(protocol, ard.columns),
            "results": ard.hash,
            "record": {
                chain: {"length": length, "hash": last}
                for chain, (length, last) in sorted(self.chains.items())
            },
            "software": software(),
        }

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Wanted:
        """Read back from a manifest. KeyError or TypeError for one that is not whole."""
        return cls(
            manifest["pack"],
            manifest["as_of"],
            tuple(manifest["languages"]),
            tuple(manifest["formats"]),
            None if manifest["every_output"] else tuple(manifest["outputs"]),
            manifest["participants"] == "virtual",
            manifest["seed"],
            {chain: (end["length"], end["hash"]) for chain, end in manifest["record"].items()},
        )


def by_arm(protocol: Protocol, columns: Mapping[str, Collection[Any]]) -> bool:
    """Whether results by group of a masked trial are among those that are shown."""
    masked = protocol.study.design.masking != "open"
    return masked and any({one.key for one in found} - _EVERYONE for found in columns.values())


@cache
def software() -> dict[str, str]:
    """What made the results: this program, Python, and the packages that compute."""
    found = {"trialrun": __version__, "python": platform.python_version()}
    for name in ENGINES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover - vendored without metadata
            found[name] = "unknown"
    return found
