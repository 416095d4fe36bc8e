"""Outputs from a file: the CDISC pilot study's tables are reproduced cell by cell, by data alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.ard import analyse_outputs, formatted
from trialrun.protocol.outputs import load_outputs
from trialrun.protocol.problem import ProtocolError
from trialrun.report.display import display, text
from trialrun.tables import adam
from trialrun.tables.sdtm import read

OUTPUTS = Path(__file__).parent / "outputs"
PUBLISHED = ("14-1.01", "14-2.01", "14-5.02")


@pytest.fixture(scope="module")
def tables(pilot):
    return read(pilot / "cdiscpilotsdtm").tables


@pytest.fixture(scope="module")
def ard(tables):
    return analyse_outputs(tables, load_outputs(OUTPUTS / "pilot.yaml"))


def published(path: Path) -> list[list[str]]:
    """The rows of a published table (RTF) as the text of their cells, blanks kept."""
    rows = []
    for row in re.findall(r"\\trowd.*?\\row", path.read_text("latin-1"), re.DOTALL):
        cells = [cell.split(r"\pard\intbl")[-1] for cell in re.split(r"\\cell(?![a-z])", row)[:-1]]
        rows.append([re.sub(r"\\[a-z]+-?\d* ?|[{}]", "", cell.replace(r"\line ", "\n")) for cell in cells])
    return rows


@pytest.mark.parametrize("number", PUBLISHED)
def test_a_published_table_is_reproduced_cell_by_cell_blanks_included(ard, shared, number):
    rows = published(shared / f"data/standards/pilot_tables/atorus_{number}.rtf")
    body = rows[3:] if number == "14-5.02" else rows[2:]
    shown = display(ard, number)
    ours = [
        ["  " * row.indent + row.labels[0], *row.labels[1:], *(cell.text for cell in row.cells)]
        for row in shown.rows
    ]
    width = len(shown.stub) + len(shown.heads)
    ours = [[*row, *[""] * (width - len(row))] for row in ours]
    # Between the systems the published tables have a line without anything, and one at the end of 14-2.01.
    assert [row for row in ours if any(row)] == [row for row in body if any(row)]
    heads = [one for one in rows[1] if one]
    assert heads == list(dict.fromkeys(head.under or head.title for head in shown.heads))


# ---- more tables of the same study, against counts made here ------------------------------------


@pytest.fixture(scope="module")
def subjects(pilot):
    return pl.read_parquet(pilot / "cdiscpilotadam" / "adsl.parquet")


@pytest.fixture(scope="module")
def more(tables, pilot):
    derived = adam.read([pilot / "cdiscpilotadam" / f"{name}.parquet" for name in ("adsl", "advs")])
    return analyse_outputs({**tables, **derived}, load_outputs(OUTPUTS / "pilot_more.yaml"))


def value(ard, output, path, column, statistic):
    """One number of a table, by the keys of its line."""
    named = (pl.col("path") == path) & (pl.col("column") == column) & (pl.col("statistic") == statistic)
    [found] = ard.of(output).filter(named)["value"]
    return found


ARM = "Xanomeline Low Dose"


def test_reasons_of_early_termination(more, subjects):
    for reason, n in subjects.filter(TRT01P=ARM).drop_nulls("DCSREAS")["DCSREAS"].value_counts().iter_rows():
        assert value(more, "14-1.02", f'["reasons","={reason}"]', ARM, "n") == n
    [p] = more.of("14-1.02").filter(analysis="efficacy", column="p")["value"]
    assert p == pytest.approx(0.32812, abs=1e-5)  # fisher.test(matrix(c(3, 83, 0, 84, 1, 83), 2)) of R


def test_sites_stand_in_two_columns_with_three_counts_each(more, subjects):
    shown = display(more, "14-1.03")
    rows = [[*row.labels, *(cell.text for cell in row.cells[:3])] for row in shown.rows]
    of = subjects.filter(TRT01P="Placebo")
    counts = of.group_by("SITEGR1", "SITEID").agg(
        pl.len(), *((pl.col(flag) == "Y").sum() for flag in ("EFFFL", "COMP24FL"))
    )
    ours = {(row[0], row[1]): row[2:] for row in rows[:-1]}
    for pooled, site, *numbers in counts.iter_rows():
        assert ours[pooled, site] == [str(number) for number in numbers]
    assert rows[-1] == ["TOTAL", "", "86", "79", "60"]


def test_dose_of_completers_and_of_everyone_beside_each_other(more, subjects):
    shown = display(more, "14-4.01")
    assert [(head.under, head.title) for head in shown.heads][1:3] == [
        ("Completers at Week 24", "Low Dose\n(N=28)"),
        ("Safety Population", "Placebo\n(N=86)"),
    ]
    low = subjects.filter(TRT01P=ARM)
    for column, some in (("c_low", low.filter(COMP24FL="Y")), ("s_low", low)):
        for statistic in ("mean", "median", "max"):
            found = value(more, "14-4.01", f'["cumulative","{statistic}"]', column, statistic)
            assert found == pytest.approx(getattr(some["CUMDOSE"], statistic)())


def test_terms_are_counted_once_for_each_participant(more, tables):
    flags = tables["SUPPAE"].filter(QNAM="AETRTEM", QVAL="Y").select("USUBJID", "IDVARVAL")
    events = tables["AE"].with_columns(IDVARVAL=pl.col("AESEQ").cast(pl.String))
    arms = tables["DM"].select("USUBJID", "ARM")
    rows = events.join(flags, on=["USUBJID", "IDVARVAL"]).join(arms, on="USUBJID").filter(ARM=ARM)
    for (system, term), some in rows.group_by("AEBODSYS", "AEDECOD"):
        path = f'["events","={system}","={term}"]'
        assert value(more, "14-5.01", path, ARM, "n") == some["USUBJID"].n_unique()
        assert value(more, "14-5.01", path, ARM, "events") == some.height


def test_statistics_stand_beside_each_other_with_the_group_before_the_visit(more, pilot):
    shown = display(more, "14-7.01")
    assert shown.stub == ("Measure", "Position", "Treatment", "Planned Relative Time")
    assert [head.title for head in shown.heads] == ["N", "n", "Mean", "SD"]
    assert shown.rows[1].labels == ("", "", "", "Week 24")
    signs = pl.read_parquet(pilot / "cdiscpilotadam" / "advs.parquet")
    first = signs.filter(PARAMCD="DIABP", ATPTN=815, TRTA="Placebo", AVISIT="Week 24", ANL01FL="Y")["AVAL"]
    texts = [cell.text for cell in shown.rows[1].cells]
    assert texts == ["86", str(first.len()), f"{first.mean():.1f}", f"{first.std():.2f}"]


def test_change_from_baseline_is_of_the_last_value_in_each_window(more, tables):
    weights = tables["VS"].filter((pl.col("VSTESTCD") == "WEIGHT") & pl.col("VSSTRESN").is_not_null())
    base = weights.filter(VSBLFL="Y").select("USUBJID", base="VSSTRESN")
    late = weights.filter(pl.col("VSDY").is_between(85, 168)).sort("VSDY").group_by("USUBJID").last()
    change = late.join(base, on="USUBJID").select(change=pl.col("VSSTRESN") - pl.col("base"))["change"]
    path = '["change","=Weeks 13-24","n"]'
    assert value(more, "14-7.03", path, "total", "n") == change.len()
    found = value(more, "14-7.03", '["change","=Weeks 13-24","mean_sd"]', "total", "mean")
    assert found == pytest.approx(change.mean())


# ---- where a number comes from -------------------------------------------------------------------


def test_every_cell_leads_to_rows_and_their_sources(ard, tables):
    cells = ard.cells.filter(pl.col("value").is_not_null() & (pl.col("column") != "p"))
    counted = cells.filter(pl.col("statistic") == "n", pl.col("value") > 0)
    assert (counted["sources"].list.len() > 0).all()
    assert counted["sources"].explode().is_in(ard.rows["row"].implode()).all()
    cell = counted.filter(output="14-5.02", analysis="events")["cell"][0]
    [row] = ard.sources(cell).filter(table="AE").iter_rows(named=True)
    code, subject, sequence = row["id"].split("/")
    [event] = tables[code].filter(USUBJID=subject, AESEQ=int(sequence)).iter_rows(named=True)
    assert (event["AESER"], event["SRC"]) == ("Y", row["SRC"])


def test_a_derived_number_leads_to_the_rows_it_was_derived_from(ard):
    [cell] = ard.of("14-2.01").filter(analysis="mmse", statistic="n", column="total")["cell"]
    behind = ard.sources(cell)["table"].value_counts()
    assert dict(behind.iter_rows()) == {"DM": 254, "QS": 1524}


def test_a_cell_has_another_id_only_if_its_own_data_change(tables, ard):
    other = tables["DM"].with_columns(
        AGE=pl.when(pl.col("USUBJID") == "01-701-1015").then(64.0).otherwise("AGE")
    )
    again = analyse_outputs({**tables, "DM": other}, load_outputs(OUTPUTS / "pilot.yaml"))
    key = ["output", "path", "column", "part", "statistic"]
    both = ard.cells.join(again.cells, on=key, nulls_equal=True)
    changed = both.filter(pl.col("cell") != pl.col("cell_right"))
    assert set(changed["analysis"]) == {"age"}  # and not the age group, which is the same
    assert set(changed["column"]) == {"Placebo", "total", "p"}


def test_the_order_of_rows_changes_no_id(tables):
    mixed = {
        name: table.sample(fraction=1, shuffle=True, seed=1) if name in ("DM", "AE") else table
        for name, table in tables.items()
    }
    first, second = (
        analyse_outputs(each, load_outputs(OUTPUTS / "pilot.yaml")).cells.drop("sources")
        for each in (tables, mixed)
    )
    assert first.equals(second)


PROGRAM = """
import sys
from pathlib import Path
from trialrun.analysis.ard import analyse_outputs
from trialrun.protocol.outputs import load_outputs
from trialrun.report.display import display, text
from trialrun.tables.sdtm import read
ard = analyse_outputs(read(Path(sys.argv[1])).tables, load_outputs(sys.argv[2]))
print(ard.hash, "".join(text(display(ard, one)) for one in ard.outputs))
"""


def test_results_do_not_depend_on_threads_hash_seeds_zones_or_processor(pilot):
    told = set()
    for threads, seed, zone, features in (("1", "1", "UTC", ""), ("3", "2", "Asia/Tokyo", "AVX2 FMA3")):
        varied = {"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": seed, "TZ": zone}
        environment = {**os.environ, **varied, "NPY_DISABLE_CPU_FEATURES": features}
        command = [sys.executable, "-c", PROGRAM, pilot / "cdiscpilotsdtm", OUTPUTS / "pilot.yaml"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=300
        )
        told.add(done.stdout)
    assert len(told) == 1


def test_one_output_alone_is_the_same_as_among_others(tables, ard):
    alone = analyse_outputs(tables, load_outputs(OUTPUTS / "pilot.yaml"), only=["14-5.02"])
    assert list(alone.outputs) == ["14-5.02"]
    assert alone.cells.equals(ard.of("14-5.02"))


# ---- data and files that do not fit --------------------------------------------------------------

SMALL = {
    "DM": pl.DataFrame(
        {
            "USUBJID": ["1", "2", "3"],
            "ARM": ["A", "A", "B"],
            "AGE": [40.0, None, None],
            "SEX": ["F", None, "M"],
            "SRC": ["dm#1", "dm#2", "dm#3"],
        }
    ),
    "AE": pl.DataFrame(
        schema={"USUBJID": pl.String, "AESEQ": pl.Int64, "AEDECOD": pl.String, "AESTDTC": pl.String}
    ),
}


def small(tmp_path, rows, more="", tables=SMALL):
    """The text of a table with these rows, of three participants and no event."""
    path = tmp_path / "outputs.yaml"
    path.write_text(f"by: ARM\n{more}\noutputs:\n  '1':\n    kind: table\n    title: T\n    rows:\n{rows}")
    return analyse_outputs(tables, load_outputs(path))


def line(ard, number=0, language="en"):
    return [formatted(cell, language) for cell in list(ard.lines("1"))[number][1]]


def test_no_events_are_none_and_no_values_are_not_estimable(tmp_path):
    rows = """
      age: {summary: AGE, statistics: [n, mean_sd, median]}
      events: {hierarchy: AE, levels: [AEDECOD], any: Any}
      sex: {categories: SEX, missing: Missing, of: known}
"""
    ard = small(tmp_path, rows)
    assert line(ard, 0) == ["1", "0"]
    assert line(ard, 1) == ["NE", "NE"]  # one value has no deviation, none has no mean
    assert line(ard, 2) == ["40.0", "NE"]
    assert line(ard, 2, "fr") == ["40,0", "NE"]
    assert line(ard, 3) == ["0 (0.0%)", "0 (0.0%)"]
    assert line(ard, 4) == ["1 (100.0%)", "0 (0.0%)"]
    assert line(ard, 6) == ["1 (100.0%)", "0 (0.0%)"]
    assert display(ard, "1").reasons == ("one observation", "no observations")
    assert not ard.cells["value"].is_nan().any()


def test_nobody_is_a_table_of_noughts(tmp_path):
    nobody = {name: table.clear() for name, table in SMALL.items()}
    ard = small(tmp_path, "      all: {count: participants}\n      age: {summary: AGE}", tables=nobody)
    assert line(ard, 0) == ["NE"]
    assert line(ard, 1) == ["0"]
    assert "no participants" in display(ard, "1").reasons


def test_a_rule_that_is_unknown_chooses_nobody(tmp_path):
    ard = small(
        tmp_path,
        "      old: {count: participants, where: AGE > 30}\n"
        "      not: {count: participants, where: NOT AGE > 30}",
    )
    assert [line(ard, 0), line(ard, 1)] == [["1 (50.0%)", "0 (0.0%)"], ["0 (0.0%)", "0 (0.0%)"]]


@pytest.mark.parametrize(
    ("rows", "message", "hint"),
    [
        ("a: {summary: AGES}", "the participants have no column `AGES`", "Did you mean `AGE`?"),
        ("a: {count: AF}", "there is no table `AF` among those given", "Did you mean `AE`?"),
        ("a: {count: AE, where: AGEE > 3}", "in the rule: ", "AGE"),
        ("a: {count: AE, where: AGE > 'x'}", "in the rule: ", ""),
        ("a: {summary: SEX}", "`SEX` is no number", "categories"),
        ("a: {summary: AGE, statistics: {m: {format: '{meen}'}}}", "there is no statistic `meen`", "`mean`"),
        ("a: {hierarchy: AE, levels: [AEDECD]}", "AE has no column `AEDECD`", "Did you mean `AEDECOD`?"),
        ("a: {endpoint: x}", "an endpoint belongs to a study", "protocol"),
        ("a: {hierarchy: AE, levels: [AEDECOD], sort_by: C}", "there is no column `C` in this output", ""),
        ("a: {listing: DM, columns: {AEG: {title: A}}}", "DM has no column `AEG`", "AGE"),
    ],
)
def test_what_is_not_in_the_data_is_told_with_its_place(tmp_path, rows, message, hint):
    tables = {
        **SMALL,
        "AE": pl.DataFrame({"USUBJID": ["1"], "AESEQ": [1], "AEDECOD": ["X"], "AESTDTC": ["2020"]}),
    }
    with pytest.raises(ProtocolError) as caught:
        small(tmp_path, f"      {rows}", tables=tables)
    [problem] = caught.value.problems
    assert problem.place.file == "outputs.yaml" and problem.place.line == 8
    assert message in problem.message
    assert hint in (problem.hint or "")


def test_a_participant_who_is_there_twice_is_refused(tmp_path):
    twice = {**SMALL, "DM": pl.concat([SMALL["DM"], SMALL["DM"]])}
    with pytest.raises(ProtocolError, match="more than one row for participant 1"):
        small(tmp_path, "      all: {count: participants}", tables=twice)


def test_a_partial_date_is_unknown(tmp_path):
    events = pl.DataFrame({
        "USUBJID": ["1", "3"], "AESEQ": [1, 1], "AEDECOD": ["X", "X"],
        "AESTDTC": ["2020-02", "2020-02-05T10:00"],
    })  # fmt: skip
    ard = small(
        tmp_path, "      late: {count: AE, where: AESTDTC >= '2020-01-01'}", tables={**SMALL, "AE": events}
    )
    assert line(ard) == ["0 (0.0%)", "1 (100.0%)"]


def test_text_shows_a_table(tmp_path):
    shown = text(display(small(tmp_path, "      all: {title: All, count: participants}"), "1"))
    assert shown.splitlines()[-2].split() == ["All", "2", "(100.0%)", "1", "(100.0%)"]


def test_another_denominator_is_another_cell(tmp_path):
    rows = "      women: {count: participants, where: SEX = 'F', of: AGE > 30}"
    older = {**SMALL, "DM": SMALL["DM"].with_columns(AGE=pl.lit(50.0))}
    first, second = small(tmp_path, rows), small(tmp_path, rows, tables=older)
    assert [line(first)[0], line(second)[0]] == ["1 (100.0%)", "1 (50.0%)"]
    assert first.cells.filter(line=0)["cell"][0] != second.cells.filter(line=0)["cell"][0]


def test_events_by_time_at_risk(tmp_path):
    events = pl.DataFrame({"USUBJID": ["1", "1"], "AESEQ": [1, 2], "AEDECOD": ["X", "Y"]})
    time = SMALL["DM"].with_columns(TIME=pl.Series([10.0, 10.0, None]))
    row = "      rate: {count: AE, time: TIME, format: '{events} in {time}: {rate:.2}'}"
    ard = small(tmp_path, row, tables={"DM": time, "AE": events})
    assert line(ard) == ["2 in 20: 0.10", "NE"]


def test_worst_grade_of_each_participant_at_every_depth(tmp_path):
    events = pl.DataFrame({
        "USUBJID": ["1", "1", "1", "2"], "AESEQ": [1, 2, 3, 1], "AEBODSYS": ["S", "S", "T", "S"],
        "AEDECOD": ["x", "y", "z", "x"], "AETOXGR": ["1", "3", "2", None],
    })  # fmt: skip
    rows = "      a: {hierarchy: AE, levels: [AEBODSYS, AEDECOD], any: Any, worst: AETOXGR, format: '{n}'}"
    ard = small(tmp_path, rows, tables={**SMALL, "AE": events})
    told = {one.key[1:]: formatted(cells[0]) for one, cells in ard.lines("1")}
    assert told == {
        (): "2", ("worst=3",): "1",
        ("=S",): "2", ("=S", "worst=3"): "1",
        ("=S", "=x"): "2", ("=S", "=x", "worst=1"): "1", ("=S", "=y"): "1", ("=S", "=y", "worst=3"): "1",
        ("=T",): "1", ("=T", "worst=2"): "1", ("=T", "=z"): "1", ("=T", "=z", "worst=2"): "1",
    }  # fmt: skip


def test_a_listing_shows_rows_with_their_sources(tmp_path):
    rows = (
        "      all: {listing: DM, sort: [AGE, USUBJID], columns: {USUBJID: {title: Who}, AGE: {title: Age}}}"
    )
    ard = small(tmp_path, rows)
    assert [line(ard, i) for i in range(3)] == [["1", "40"], ["2", ""], ["3", ""]]
    assert ard.sources(list(ard.lines("1"))[2][1][0].id)["SRC"].to_list() == ["dm#3"]
