"""Tasks over processes: all of them, in their order, whatever becomes of the processes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from .memory import reuse

__all__ = ["Cores", "Machine", "Processes", "answer"]

Work = Callable[..., Any]
Task = tuple[Any, ...]
AT_ONCE = 256
"""Tasks that are sent before the first of them is done; more would only fill memory."""
TICK = 2.0
"""Seconds after which it is asked whether anything can still come."""


class Processes(Protocol):
    """Where tasks are done. What is sent, and what comes back, are bytes that only `answer` reads."""

    def open(self) -> None:
        """Be ready; raises what a person has to read if they cannot be."""

    def see(self, paths: Iterable[Path]) -> None:
        """Raises if a process would not see these, which this one sees."""

    def spread(self, tasks: int, near: bool) -> bool:
        """Whether so many tasks are worth it, or this process had better do them itself."""

    def submit(self, question: bytes) -> Future[bytes]:
        """What `answer` gives; an exception if the process died of it."""

    def check(self) -> None:
        """Raises if nothing will come any more."""

    def close(self) -> None: ...


class Machine:
    """Processes of this machine, one for each core; for one core none but this."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.pool: ProcessPoolExecutor | None = None

    def open(self) -> None: ...

    def see(self, paths: Iterable[Path]) -> None: ...

    def spread(self, tasks: int, near: bool) -> bool:
        return self.cores > 1 and (tasks > 1 or near)

    def submit(self, question: bytes) -> Future[bytes]:
        with _single_threads():
            try:
                return self._pool().submit(answer, question)
            except BrokenProcessPool:
                self.close()
                return self._pool().submit(answer, question)

    def _pool(self) -> ProcessPoolExecutor:
        self.pool = self.pool or ProcessPoolExecutor(self.cores, get_context("spawn"))
        return self.pool

    def check(self) -> None: ...

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None


class Cores:
    """What does the tasks of a batch: so many cores of this machine, or other processes."""

    def __init__(self, cores: int | Processes) -> None:
        self.processes: Processes = Machine(cores) if isinstance(cores, int) else cores

    def __enter__(self) -> Cores:
        try:
            self.processes.open()
        except BaseException:
            self.processes.close()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        self.processes.close()

    def see(self, paths: Iterable[Path], out: Path | None) -> None:
        """Raises if a process would not see the files, or the folder for what it finds."""
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        self.processes.see(path.absolute() for path in (*paths, *([out] if out is not None else [])))

    def all(
        self,
        work: Work,
        tasks: Sequence[Task],
        tell: Callable[[float], None],
        finished: Callable[[int, Any], None] | None = None,
        near: bool = False,
    ) -> list[Any]:
        """`work` of every task, in their order; of one that cannot be done the reason, as text.

        finished: called with the number and the result of each as it is done. near: on this machine, by a
        process of its own if there may be any.
        """
        found: dict[int, Any] = {}

        def take(number: int, result: Any) -> None:
            found[number] = result
            if finished is not None:
                finished(number, result)
            tell(len(found) / len(tasks))

        if self.processes.spread(len(tasks), near):
            # A process that dies takes along those that wait: these are tried again, each by itself.
            for number in self._spread(work, dict(enumerate(tasks)), take):
                for error in self._spread(work, {number: tasks[number]}, take).values():
                    take(number, f"the process that gated it was ended ({error}); is there enough memory?")
        else:
            for number, task in enumerate(tasks):
                take(number, _tried(work, *task))
        return [found[number] for number in range(len(tasks))]

    def _spread(
        self, work: Work, tasks: Mapping[int, Task], take: Callable[[int, Any], None]
    ) -> dict[int, str]:
        """Let the tasks be done, and tell which were lost, and by what."""
        queue = iter(tasks.items())
        waiting: dict[Future[bytes], int] = {}
        lost: dict[int, str] = {}
        while True:
            for number, task in islice(queue, AT_ONCE - len(waiting)):
                waiting[self.processes.submit(pickle.dumps((work, task)))] = number
            if not waiting:
                return dict(sorted(lost.items()))
            done = wait(waiting, TICK, FIRST_COMPLETED).done
            for future in done:
                number = waiting.pop(future)
                if error := "cancelled" if future.cancelled() else future.exception():
                    lost[number] = error if isinstance(error, str) else type(error).__name__
                else:
                    take(number, _tried(pickle.loads, future.result()))
            if lost or not done:
                self.processes.check()


def answer(question: bytes) -> bytes:
    """What a process does with a task that it is sent. Whatever fails comes back as text."""
    found = _tried(_answer, question)
    return found if isinstance(found, bytes) else pickle.dumps(found)


def _answer(question: bytes) -> bytes:
    work, task = pickle.loads(question)
    return pickle.dumps(work(*task))


def _tried(work: Work, *task: Any) -> Any:
    """What a task gives; what it fails with as text, so that no file keeps the others from their numbers."""
    reuse()
    try:
        return work(*task)
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace else ""
        return f"unexpected: {type(error).__name__}: {error}{place}; please report this"


@contextmanager
def _single_threads() -> Iterator[None]:
    """Processes that are started meanwhile use one thread each: there is one for every core."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
