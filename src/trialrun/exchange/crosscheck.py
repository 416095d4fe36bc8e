"""A second engine: the R script of the same analyses run, and what it says of every statistic."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trialrun.exchange.r_script import Plan, script

_FIELDS = ["method", "place", "statistic", "ours", "r", "difference", "tolerance", "verdict"]


class RFailed(Exception):
    """R ended without a table: what it said."""

    def render(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Compared:
    """One statistic: our value, R's (None: not estimable, or no counterpart), and the verdict.

    ``verdict``: agrees, differs, no counterpart, or failed with R's reason.
    """

    method: str
    place: str
    statistic: str
    ours: float | None
    r: float | None
    difference: float | None
    tolerance: float
    verdict: str

    @property
    def wrong(self) -> bool:
        return self.verdict == "differs" or self.verdict.startswith("failed")


@dataclass(frozen=True)
class Summary:
    """One method: how many statistics agree, differ, and have no counterpart; the largest difference."""

    method: str
    agree: int
    differ: int
    not_crosschecked: int
    largest: float
    tolerance: float | None


@dataclass(frozen=True)
class Crosschecked:
    """Every statistic that was looked at, and per method how many were not."""

    compared: tuple[Compared, ...]
    left_out: Mapping[str, int]

    @property
    def wrong(self) -> tuple[Compared, ...]:
        return tuple(one for one in self.compared if one.wrong)

    @property
    def share(self) -> float:
        """The share of computed statistics that R computed too."""
        done = sum(one.verdict != "no counterpart" for one in self.compared)
        total = len(self.compared) + sum(self.left_out.values())
        return done / total if total else 0.0

    def by_method(self) -> tuple[Summary, ...]:
        names = sorted({one.method for one in self.compared} | set(self.left_out))
        return tuple(self._summary(name) for name in names)

    def _summary(self, name: str) -> Summary:
        own = [one for one in self.compared if one.method == name]
        none = sum(one.verdict == "no counterpart" for one in own)
        return Summary(
            name,
            sum(one.verdict == "agrees" for one in own),
            sum(one.wrong for one in own),
            none + self.left_out.get(name, 0),
            max((one.difference for one in own if one.difference is not None), default=0.0),
            own[0].tolerance if own else None,
        )

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "share": self.share,
            "methods": [asdict(one) for one in self.by_method()],
            "statistics": [asdict(one) for one in self.compared],
            "not_crosschecked": dict(self.left_out),
        }


def rscript() -> str | None:
    """Where R's ``Rscript`` is, or None."""
    return shutil.which("Rscript")


def run(plan: Plan, title: str, program: str) -> Crosschecked:
    """Run the script of a plan; raises RFailed."""
    with TemporaryDirectory(prefix="trialrun-") as aside:
        path = Path(aside) / "crosscheck.R"
        path.write_text(script(plan, title), "utf-8", newline="")
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [program, "--vanilla", str(path)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
        )
    try:
        return Crosschecked(read(done.stdout), plan.left_out)
    except ValueError as error:
        said = done.stderr.strip() or "no reason given"
        raise RFailed(f"R did not finish the crosscheck: {said}") from error


def read(text: str) -> tuple[Compared, ...]:
    """The table that the script prints. ValueError if it is none."""
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames != _FIELDS:
        raise ValueError("not the table of a crosscheck")
    return tuple(
        Compared(
            row["method"],
            row["place"],
            row["statistic"],
            _number(row["ours"]),
            _number(row["r"]),
            _number(row["difference"]),
            float(row["tolerance"]),
            row["verdict"],
        )
        for row in rows
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
