"""A cluster in place of cores: the same bytes, whatever becomes of its workers and its scheduler."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from small_samples import small_samples
from trialrun.cli import main
from trialrun.cytometry import batch, cluster, cores
from trialrun.cytometry.cluster import Cluster, ClusterError
from trialrun.cytometry.cores import Cores
from trialrun.cytometry.group import Group
from trialrun.protocol.panels import load_panels

SOURCES = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent / "src")}
DASK = Path(sys.executable).with_name("dask")
ENDED = "the process that gated it was ended (KilledWorker); is there enough memory?"
PANEL = """\
panels:
  cells:
    title: Cells
    from: assumption
    reason: For the tests.
    markers: {CD3: CD3, CD4: CD4, CD25: CD25, CD127: CD127}
    compensation: none
    transforms: {default: {asinh: {cofactor: 150}}}
    populations:
      t_cells: {of: all, method: density, by: CD3, keep: high}
      cd4: {of: t_cells, method: density, by: CD4, keep: high}
      rare: {of: cd4, method: transitional, high: CD25, low: CD127, trained_on: ours}
    references:
      ours:
        role: training
        samples:
          - {parent: blood/gated/R1-cd4.fcs, members: blood/gated/R1-rare.fcs}
          - {parent: blood/gated/R2-cd4.fcs, members: blood/gated/R2-rare.fcs}
    quantities:
      rare_percent: {percent: rare, of: cd4}
"""
MANIFEST = "file,participant,timepoint\nP1-before.fcs,P1,before\nP1-during.fcs,P1,during\n"


@dataclass
class Started:
    """A scheduler and its workers, each a process that ends in two minutes, whatever happens to the tests."""

    folder: Path
    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        # The first death of a task's worker is told at once, so that the second try is ours.
        told = SOURCES | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        with (self.folder / "log").open("ab") as log:
            one = subprocess.Popen(
                [DASK, *command],
                env=os.environ | told,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=cwd,
            )
        self.processes.append(one)
        return one

    def worker(self, *more: str) -> subprocess.Popen[bytes]:
        common = ("--nthreads", "1", "--no-dashboard", "--lifetime", "120s", "--local-directory", self.folder)
        return self.start("worker", self.address, *map(str, common), *more)

    def known(self, number: int) -> dict[str, int]:
        """The process of each worker, when there are so many."""
        from distributed import Client

        with Client(self.address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(number, timeout=30)
            return dict(client.run(os.getpid))


pytestmark = pytest.mark.xdist_group("cluster")  # one process, and so one cluster


@contextmanager
def started(folder: Path) -> Iterator[Started]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one = Started(folder, f"tcp://127.0.0.1:{port}")
    try:
        one.start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-dashboard",
            "--idle-timeout",
            "120s",
        )
        yield one
    finally:
        for process in one.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A cluster of two workers."""
    with started(tmp_path_factory.mktemp("cluster")) as one:
        one.worker("--nworkers", "2")
        one.known(2)
        yield one


def all_of(
    address: str, work: Callable[..., Any], *tasks: tuple[Any, ...], patience: float = 60
) -> list[Any]:
    with Cores(Cluster(address, patience)) as run:
        return run.all(work, tasks, lambda share: None)


def blood(folder: Path) -> None:
    small_samples(folder / "blood")
    (folder / "panel.yaml").write_text(PANEL, "utf-8")
    (folder / "manifest.csv").write_text(MANIFEST, "utf-8")


def gate(*arguments: str) -> Result:
    options = ["--panel", "panel.yaml", "--manifest", "manifest.csv", "--membership", *arguments]
    return CliRunner().invoke(main, ["gate", "blood", *options])


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_bytes_are_those_of_one_core(
    two: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # not that of the workers
    blood(tmp_path)
    Path("blood/not.fcs").write_bytes(b"FCS3.1" + b"\xff" * 100)
    found = gate("--out", "far", "--cluster", two.address)
    assert found.exit_code == 1 and "Not gated\n  not.fcs" in found.output, found.output
    assert gate("--out", "near", "--cores", "1").output == found.output.replace("far/", "near/")
    far, near = content(Path("far")), content(Path("near"))
    assert far == near
    assert {"quantities.csv", "provenance.json", "membership/P1-before.fcs.parquet"} < far.keys()


def test_a_task_whose_worker_is_killed_is_done_again(two: Started) -> None:
    worker = next(iter(two.known(2).values()))
    with Cores(Cluster(two.address)) as run:
        killing = Timer(0.5, os.kill, (worker, signal.SIGKILL))
        killing.start()
        assert run.all(time.sleep, [(1.0,), (1.0,)], lambda share: None) == [None, None]
        killing.join()


def test_what_kills_every_worker_costs_nobody_else_anything(two: Started) -> None:
    abort = "__import__('os').abort()"
    assert all_of(two.address, eval, ("1",), (abort,), ("3",)) == [1, ENDED, 3]


def test_what_cannot_be_sent_back_or_read_here_is_told(two: Started) -> None:
    [sent] = all_of(two.address, open, (os.devnull,))
    assert "cannot pickle" in sent
    broken = "type('Broken', (), {'__reduce__': lambda self: (int, ('a number',))})()"
    [read] = all_of(two.address, eval, (broken,))
    assert "invalid literal for int" in read


def test_workers_that_lack_a_file_are_named(
    two: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: True)
    with Cores(Cluster(two.address)) as run, pytest.raises(ClusterError) as error:
        run.see([tmp_path / "1.fcs", tmp_path / "2.fcs"], None)
    assert "2 of 2 workers do not see what this machine sees: tcp://127.0.0.1:" in str(error.value)
    assert f"(not {tmp_path}/1.fcs, and 1 more)" in str(error.value)
    assert "share under the same path" in error.value.render()


def test_a_worker_of_another_engine_is_refused(two: Started, tmp_path: Path) -> None:
    other = "from trialrun.cytometry import batch\nbatch.engine = lambda: 'other'\n"
    (tmp_path / "other.py").write_text(other, "utf-8")
    before = two.known(2)
    worker = two.worker("--no-nanny", "--preload", str(tmp_path / "other.py"))
    [address] = two.known(3).keys() - before.keys()
    with pytest.raises(ClusterError, match="1 of 3 workers would make other numbers") as error:
        all_of(two.address, abs, (1,))
    assert f"{address} (trialrun" in error.value.cause
    worker.terminate()
    worker.wait()


def test_a_worker_that_comes_later_does_no_task_of_another_engine() -> None:
    question = pickle.dumps((abs, (-1,)))
    assert pickle.loads(cluster._answer(batch.engine(), question)) == 1
    assert "would make other numbers" in pickle.loads(cluster._answer("other", question))


def test_a_cluster_without_workers_or_scheduler_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "TICK", 0.2)
    with started(tmp_path) as one:
        one.worker("--no-nanny")
        one.known(1)
        with pytest.raises(ClusterError, match="has had no worker for 0 seconds"):
            all_of(one.address, eval, ("__import__('os').abort()",), patience=0.3)
        monkeypatch.setattr(cluster, "CONNECT", 0.3)
        with pytest.raises(ClusterError, match="--nthreads 1 --nworkers auto"):
            all_of(one.address, abs, (1,))
        monkeypatch.setattr(cluster, "CONNECT", 5.0)
        one.worker("--no-nanny")
        one.known(1)
        scheduler = one.processes[0].pid
        with pytest.raises(ClusterError, match="its scheduler went away"):
            all_of(
                one.address, eval, (f"__import__('os').kill({scheduler}, 9) or __import__('time').sleep(9)",)
            )


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "refused"),
        ("nowhere", "missing port number"),
        ("", "missing port number"),
        ("flow://127.0.0.1:1", "unknown address scheme"),
    ],
)
def test_an_address_at_which_nobody_listens_is_told(address: str, reason: str) -> None:
    with pytest.raises(ClusterError, match=reason) as error:
        all_of(address, abs, (1,))
    assert "dask scheduler" in error.value.cure


def test_a_listener_that_says_nothing_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(ClusterError, match="timed out"):
        all_of(f"127.0.0.1:{mute.getsockname()[1]}", abs, (1,))


def test_the_extra_is_named_where_dask_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'trialrun\[cluster\]'"):
        all_of("tcp://127.0.0.1:1", abs, (1,))


def test_without_a_cluster_dask_is_not_imported() -> None:
    code = "import sys, trialrun.cli.gate, trialrun.cytometry.batch; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ | SOURCES).returncode == 0


def test_what_was_written_into_a_folder_that_is_not_shared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blood(tmp_path)
    monkeypatch.setattr(Group, "written", lambda group, file: (Path("/elsewhere") / file.name,))
    panels = load_panels(tmp_path / "panel.yaml")
    found = batch.gate([tmp_path / "blood" / "P1-after.fcs"], panels, "cells", out=tmp_path / "out")
    assert not found.outcomes
    assert "/elsewhere/P1-after.fcs was written, and is not here" in found.failures[0].reason


def test_cores_and_cluster_do_not_go_together(tmp_path: Path) -> None:
    found = gate("--out", "out", "--cores", "2", "--cluster", "tcp://127.0.0.1:1")
    assert found.exit_code == 2 and "--cluster" in found.output
