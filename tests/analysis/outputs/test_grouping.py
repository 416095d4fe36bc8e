"""Groups that several outputs share, and the fingerprints of what is read of them."""

import hashlib

import polars as pl

from trialrun.analysis.outputs.columns import Columns
from trialrun.analysis.outputs.grouping import Groups, groups_of
from trialrun.protocol.outputs import compile_outputs
from trialrun.protocol.source import parse

FILE = """
participants: ADSL
outputs:
  '1': {kind: table, title: One, by: {column: ARM, total: Total}, rows: {n: {count: AE}}}
  '2': {kind: table, title: Two, by: {column: ARM, total: Total}, rows: {n: {count: AE}}}
  '3': {kind: table, title: Three, by: ARM, rows: {n: {count: AE}}}
"""
PEOPLE = pl.DataFrame({"USUBJID": ["c", "a", "b", "d"], "ARM": ["X", "Y", "X", None]})
ROWS = pl.DataFrame(
    {
        "USUBJID": ["b", "a", "b", "d", "nobody"],
        "AETERM": ['said "so"\nand more', None, "", "x\r\n,y", "z"],
        "DAY": [1.5, None, 2.0, 0.1, 9.0],
    }
)


def made() -> tuple[Columns, list[Groups]]:
    outputs, _ = compile_outputs(parse(FILE, "outputs.yaml"))
    assert outputs is not None
    columns = Columns({"ADSL": PEOPLE, "AE": ROWS}, outputs)
    return columns, [groups_of(columns, key, one) for key, one in outputs.planned.items()]


def test_outputs_of_the_same_grouping_share_their_groups() -> None:
    _, (one, two, three) = made()
    assert one is two
    assert three is not one
    assert one.size == {"X": 2, "Y": 1, "total": 4}


def test_a_fingerprint_is_of_the_rows_of_a_column_as_csv_in_order() -> None:
    columns, (groups, *_) = made()
    rows = groups.rows("AE", None, (), "count")
    found = groups.fingerprints("AE", rows, {"AETERM", "DAY"})
    for key, people in {"X": ["b", "c"], "Y": ["a"], "total": ["a", "b", "c", "d"]}.items():
        read = rows.filter(pl.col("USUBJID").is_in(people)).select("USUBJID", "AETERM", "DAY")
        told = read.sort(read.columns, nulls_last=True).write_csv(quote_style="always")
        text = "\n".join(people) + "\n\n" + told
        assert found[key] == hashlib.sha256(text.encode()).hexdigest()
    assert groups.within(rows, "X") == [columns.offsets["AE"], columns.offsets["AE"] + 2]


def test_a_tally_counts_participants_and_rows_of_each_column_with_the_numbers_behind() -> None:
    _, (groups, *_) = made()
    rows = groups.rows("AE", None, (), "count")
    tally = groups.tally(rows, ["DAY"], groups.behind("AE", rows, ()))
    assert tally["X", 1.5].rows == 1
    assert {key for key, *_ in tally} == {"X", "Y", "total"}
    everyone = groups.tally(rows)
    assert (everyone["X",].participants, everyone["X",].rows, everyone["X",].sources) == (1, 2, ())
