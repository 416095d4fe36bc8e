"""The processes of a Dask cluster (`trialrun[cluster]`), which do what those of this machine would."""

from __future__ import annotations

import logging
import pickle
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from trialrun import __version__

from . import batch
from .cores import answer

__all__ = ["Cluster", "ClusterError"]

CONNECT = 5.0
"""Seconds in which a scheduler answers, or nobody is there."""
PATIENCE = 60.0
"""Seconds in which a cluster without workers gets one: those that a nanny starts again take a few."""


LISTED = 5
"""Workers that are named when many complain."""


class ClusterError(Exception):
    """A cluster that cannot do the work: which, why, and what to do about it."""

    def __init__(self, address: str, cause: str, cure: str) -> None:
        super().__init__(address, cause, cure)
        self.address, self.cause, self.cure = address, cause, cure

    def __str__(self) -> str:
        return f"the cluster {self.address}: {self.cause}. {self.cure}"

    def render(self) -> str:
        return str(self)


class Cluster:
    """The workers of a Dask scheduler; they have to run the same trialrun, and to see the same files.

    What they are sent are bytes, so that nothing of a task is looked into, and nothing of a result is read
    but here. Each is told with which engine its numbers are made: a worker that comes late makes no others.
    """

    def __init__(self, address: str, patience: float = PATIENCE) -> None:
        self.address = address
        self.patience = patience
        self.client: Any = None
        self.empty_since: float | None = None

    def open(self) -> None:
        """Connect, and ask each worker for its engine. Raises ClusterError."""
        try:
            from distributed import Client
            from distributed.comm.addressing import get_address_host_port
        except ImportError:
            cure = "Run: pip install 'trialrun[cluster]'"
            raise self._error("it is reached through Dask, which is not installed", cure) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told here
        try:
            self._knock(*get_address_host_port(self.address))
            self.client = Client(self.address, timeout=CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
        except Exception as error:  # whatever a stranger's answer makes of itself, a MemoryError even
            cure = "Give the address that `dask scheduler` prints, such as tcp://10.0.0.1:8786."
            raise self._error(f"no scheduler answers there ({error})", cure) from None
        self.executor = self.client.get_executor(pure=False)
        self._first_workers()
        self._ask(
            _differs,
            batch.engine(),
            "would make other numbers than this machine",
            "Install the same trialrun, NumPy and SciPy there as here, and start the workers again.",
        )

    def see(self, paths: Iterable[Path]) -> None:
        """Raises ClusterError where a worker lacks a file or folder that this machine has."""
        self._ask(
            _lacks,
            [str(path) for path in paths if path.exists()],
            "do not see what this machine sees",
            "Put the files, and --out, into folders that all machines share under the same path.",
        )

    def spread(self, tasks: int, near: bool) -> bool:
        return tasks > 0 and not near

    def submit(self, question: bytes) -> Future[bytes]:
        future: Future[bytes] = self.executor.submit(_answer, batch.engine(), question)
        return future

    def check(self) -> None:
        """Raises ClusterError if the scheduler went away, or for long there has been no worker."""
        again = "Start it again, and run the same command: with --out it goes on from here."
        if self.client.status != "running":
            raise self._error("its scheduler went away", again)
        if self._workers():
            self.empty_since = None
            return
        self.empty_since = self.empty_since or monotonic()
        if monotonic() - self.empty_since > self.patience:
            raise self._error(f"it has had no worker for {self.patience:.0f} seconds", again)

    def close(self) -> None:
        if self.client is not None:
            self.client.close(timeout=CONNECT)

    def _knock(self, host: str, port: int) -> None:
        """Raises OSError where nobody listens or speaks: for these a client would wait, or even without end.
        A scheduler speaks first, but for one that is encrypted."""
        with socket.create_connection((host, port), CONNECT) as line:
            if not self.address.startswith(("tls:", "wss:", "ws:", "ucx:")):
                line.recv(1)

    def _workers(self) -> dict[str, Any]:
        return dict(self.client.scheduler_info(n_workers=-1)["workers"])

    def _first_workers(self) -> None:
        until = monotonic() + CONNECT
        while not self._workers():
            if monotonic() > until:
                cure = f"Start some: dask worker {self.address} --nthreads 1 --nworkers auto"
                raise self._error(f"it has had no worker for {CONNECT:.0f} seconds", cure)
            sleep(0.1)

    def _ask(self, complaint: Callable[[Any], str], told: Any, cause: str, cure: str) -> None:
        """Hear the complaint of every worker that is still there, and raise those that there are."""
        said = self.client.run(complaint, told, on_error="return")
        found = {worker: said[worker] for worker in said.keys() & self._workers().keys()}
        named = [
            f"{worker} ({type(one).__name__}: {one})" if isinstance(one, Exception) else f"{worker} ({one})"
            for worker, one in sorted(found.items())
            if one
        ]
        if named:
            some = ", ".join(named[:LISTED]) + (" …" if len(named) > LISTED else "")
            raise self._error(f"{len(named)} of {len(found)} workers {cause}: {some}", cure)

    def _error(self, cause: str, cure: str) -> ClusterError:
        return ClusterError(self.address, cause, cure)


def _differs(engine: str) -> str:
    """The complaint of a worker whose engine is another."""
    ours = batch.engine()
    return "" if ours == engine else f"trialrun {__version__}, engine {ours[:12]}, not {engine[:12]}"


def _lacks(paths: Sequence[str]) -> str:
    """The complaint of a worker that does not see some of these."""
    lacking = [path for path in paths if not Path(path).exists()]
    return f"not {lacking[0]}, and {len(lacking) - 1} more" if lacking else ""


def _answer(engine: str, question: bytes) -> bytes:
    """What a worker does with a task; one that came after all were asked may be of another engine."""
    if said := _differs(engine):
        return pickle.dumps(f"it came to a worker that would make other numbers ({said}); gate it again")
    return answer(question)
