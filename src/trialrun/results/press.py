"""Documents of many outputs, each language printed by a process of its own.

A process starts before the numbers are there: it loads what draws and sets meanwhile, then takes the results
from its standard input and writes its documents into the folder.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from trialrun.analysis.ard import Ard
from trialrun.protocol.compile import load
from trialrun.results.documents import documents
from trialrun.results.wanted import STUDY, TABLES, Wanted
from trialrun.tables import files

MANY = 30  # outputs: with fewer, a process takes longer to start than to print


def pays(outputs: int) -> bool:
    """Whether so many outputs are printed sooner by processes of their own: on one processor they would only
    take turns."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return outputs > MANY and there > 1


class Press:
    """The processes of some languages, waiting for their results."""

    def __init__(self, folder: Path, languages: Sequence[str]) -> None:
        command = [sys.executable, "-m", "trialrun.results.press", str(folder)]
        here = os.pathsep.join(path for path in sys.path if path)
        self._processes = [
            subprocess.Popen(
                [*command, language],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": here},
            )
            for language in languages
        ]

    def begin(self, ard: Ard, wanted: Wanted) -> None:
        """Give every process the results."""
        content = pickle.dumps((replace(ard, data={}), wanted))
        for one in self._processes:
            assert one.stdin is not None
            one.stdin.write(content)
            one.stdin.close()
            one.stdin = None

    def finish(self) -> None:
        """Wait until all is printed. RuntimeError where a process failed, with what it said."""
        for one in self._processes:
            _, said = one.communicate()
            if one.returncode:
                raise RuntimeError(said.decode(errors="replace"))

    def stop(self) -> None:
        for one in self._processes:
            if one.poll() is None:
                one.kill()
                one.wait()


@contextmanager
def press(folder: Path, languages: Sequence[str]) -> Iterator[Press]:
    """Processes that end with the block, whatever happens; ``folder`` holds tables and study by then."""
    made = Press(folder, languages)
    try:
        yield made
    finally:
        made.stop()


def main(folder: Path, language: str) -> None:
    """Print one language: what takes time to load comes first, then the results are read."""
    protocol, held = load(folder / STUDY), files.read(folder / TABLES)
    warm()
    ard, wanted = pickle.load(sys.stdin.buffer)
    for name, content in documents(protocol, ard, held, wanted, (language,)).items():
        (folder / name).write_bytes(content)


def warm() -> None:
    """Load what draws, by drawing a point."""
    import altair as alt

    from trialrun.report.figures.figure import data, drawing

    point = alt.Chart(data([{"x": 0}])).mark_point().encode(x="x:Q").to_dict(validate=False)
    drawing({**point, "data": {"values": [{"x": 0}]}}, "warm")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
