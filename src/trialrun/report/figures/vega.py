"""Vega in a process of its own: in this one it would hold Python while it draws."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self


class Vega:
    """Draws Vega-Lite specifications one after the other while its caller goes on.

        with Vega() as vega:
            begun = vega.draw(specification)
            ...
            svg = begun.result()

    A result raises ValueError for what cannot be drawn, RuntimeError where the process came to an end.
    """

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", __name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self._turns = ThreadPoolExecutor(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it has nothing to put away, and takes its time
        self._turns.shutdown(cancel_futures=True)
        self._process.communicate()

    def draw(self, specification: Mapping[str, Any]) -> Future[str]:
        """Begin the SVG of a specification."""
        return self._turns.submit(self._drawn, specification)

    def _drawn(self, specification: Mapping[str, Any]) -> str:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(specification) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"the process that draws figures ended with {self._process.wait()}")
        said: dict[str, str] = json.loads(answer)
        if "svg" not in said:
            raise ValueError(said["error"])
        return said["svg"]


def main() -> None:
    """Answer each line, a specification, with a line: its SVG, or what is wrong with it."""
    import vl_convert  # here, as the caller has no need of it

    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    vl_convert.vegalite_to_svg({"mark": "point", "data": {"values": []}})  # starts what it runs on
    for line in sys.stdin:
        try:
            said = {"svg": vl_convert.vegalite_to_svg(json.loads(line))}  # its own reader rounds
        except ValueError as error:
            said = {"error": str(error)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
