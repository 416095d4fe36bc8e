import hashlib
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from trialrun.tables.files import read, write

HERE = Path(__file__).parent

PROGRAM = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("book", sys.argv[1])
book = importlib.util.module_from_spec(spec)
sys.modules["book"] = book
spec.loader.exec_module(book)
from trialrun.protocol.compile import load
from trialrun.tables.build import build
from trialrun.tables.files import write
protocol = load("vascu_il2")
write(build(protocol, book.three_participants(protocol).facts(shuffle=int(sys.argv[3]))), Path(sys.argv[2]))
"""


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_what_is_written_is_read(tables, tmp_path):
    write(tables, tmp_path)
    found = read(tmp_path)
    assert set(found) == set(tables)
    assert all(
        found[code].equals(table) and found[code].schema == table.schema for code, table in tables.items()
    )


def test_writing_again_changes_no_byte_and_leaves_nothing_else(tables, tmp_path):
    write(tables, tmp_path)
    first = digests(tmp_path)
    parts = {
        code: pl.concat([table.head(1), table.slice(1)], rechunk=False) for code, table in tables.items()
    }
    write(parts, tmp_path)
    assert digests(tmp_path) == first
    assert all(name.endswith(".parquet") for name in first)


def test_a_domain_that_is_gone_is_removed(tables, tmp_path):
    write(tables, tmp_path)
    write({"DM": tables["DM"]}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dm.parquet"]


def test_two_processes_write_the_same_bytes(tables, tmp_path):
    runs = [("0", "1", "11"), ("4242", "4", "22")]
    for number, (seed, threads, shuffle) in enumerate(runs):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "POLARS_MAX_THREADS": threads}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        command = [
            sys.executable,
            "-c",
            PROGRAM,
            str(HERE / "conftest.py"),
            str(tmp_path / str(number)),
            shuffle,
        ]
        subprocess.run(command, check=True, env=environment)
    write(tables, tmp_path / "here")
    assert digests(tmp_path / "0") == digests(tmp_path / "1") == digests(tmp_path / "here")


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no table: expected files such as dm\.parquet"):
        read(tmp_path)
