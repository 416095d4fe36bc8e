"""The CDISC pilot study: what the tables say is what was published, cell by cell, where the two overlap."""

import re
from pathlib import Path

import polars as pl
import pytest

from trialrun.analysis.summary import summary
from trialrun.tables.sdtm import read

ARMS = ("Placebo", "Xanomeline Low Dose", "Xanomeline High Dose")


@pytest.fixture(scope="module")
def found(pilot):
    return summary(read(pilot / "cdiscpilotsdtm").tables)


def published(path: Path) -> list[list[str]]:
    """The rows of a published table (RTF) as the text of their cells, empty ones at the end left out."""
    rows = []
    for row in re.findall(r"\\trowd.*?\\row", path.read_text("latin-1"), re.DOTALL):
        cells = [_text(cell) for cell in re.split(r"\\cell(?![a-z])", row)[:-1]]
        rows.append(cells)
    return rows


def _text(cell: str) -> str:
    plain = re.sub(r"\{\\\*.*?\}", "", cell).replace("\\line", " ")
    return re.sub(r"\s+", " ", re.sub(r"\\[a-z]+-?\d* ?|[{}]|NoWrap", "", plain)).strip()


def by_arm(section, values):
    """Values of the arms in the order of the published tables, and the total over them."""
    named = {column["title"]: value for column, value in zip(section["columns"], values, strict=True)}
    return [named[arm] for arm in ARMS]


def printed(x: int, n: int, decimals: int = 0) -> str:
    """``86 (100%)``, without the blanks that pad it, and a lone ``0``."""
    return f"{x}({100 * x / n:.{decimals}f}%)" if x else "0"


def squeezed(cells: list[str]) -> list[str]:
    return [cell.replace(" ", "") for cell in cells]


def test_populations_are_those_of_table_14_1_01(found, shared):
    rows = published(shared / "data/standards/pilot_tables/atorus_14-1.01.rtf")
    table = {row[0]: row[1:5] for row in rows if len(row) > 4}
    disposition = found["disposition"]
    sizes = by_arm(disposition, disposition["counts"]["participants"])
    heads = [f"{arm} (N={n})" for arm, n in zip((*ARMS, "Total"), (*sizes, sum(sizes)), strict=True)]
    assert squeezed(table[""]) == squeezed(heads)
    for label, step in (
        ("Intent-To-Treat (ITT)", "participants"),
        ("Safety", "dosed"),
        ("Complete Study", "completed"),
    ):
        counts = by_arm(disposition, disposition["counts"][step])
        counts, whole = [*counts, sum(counts)], [*sizes, sum(sizes)]
        assert squeezed(table[label]) == [printed(x, n) for x, n in zip(counts, whole, strict=True)], label


def test_serious_events_are_those_of_table_14_5_02(found, shared):
    rows = published(shared / "data/standards/pilot_tables/atorus_14-5.02.rtf")
    table = {row[0]: squeezed(row[1:7]) for row in rows if len(row) > 6 and "(N=" not in row[1]}
    events = found["adverse_events"]
    sizes = by_arm(events, [column["participants"] for column in events["columns"]])
    lines = {"ANY BODY SYSTEM": events["serious"]}
    for system in events["systems"]:
        for one in (system, *system["terms"]):
            if one["serious"][-1]["events"]:
                lines[one["name"]] = one["serious"]
    ours = {}
    for name, counts in lines.items():
        cells = []
        for count, n in zip(by_arm(events, counts), sizes, strict=True):
            many = f"[{count['events']}]" if count["events"] else ""
            cells += [printed(count["participants"], n, 1), many]
        ours[name] = cells
    del table[""], table["System Organ Class/ Preferred Term"]
    assert ours == table


def test_sexes_are_those_of_table_14_2_01_in_the_same_columns(found, shared, pilot):
    """The denominators hold below the level of a column, too."""
    rows = published(shared / "data/standards/pilot_tables/atorus_14-2.01.rtf")
    table = {row[1]: squeezed(row[2:5]) for row in rows if len(row) > 5 and row[1] in ("Male", "Female")}
    subjects = read(pilot / "cdiscpilotsdtm").tables["DM"]
    disposition = found["disposition"]
    sizes = by_arm(disposition, disposition["counts"]["participants"])
    for label, code in (("Male", "M"), ("Female", "F")):
        counts = [subjects.filter((pl.col("ARM") == arm) & (pl.col("SEX") == code)).height for arm in ARMS]
        assert table[label] == [printed(x, n) for x, n in zip(counts, sizes, strict=True)]


def test_events_from_the_first_dose_on_are_those_the_sponsor_flagged(found, pilot):
    flags = pl.read_parquet(pilot / "cdiscpilotsdtm" / "suppae.parquet").filter(pl.col("QNAM") == "AETRTEM")
    events = found["adverse_events"]
    assert events["any"][-1]["events"] == (flags["QVAL"] == "Y").sum() == 910
    assert events["before"]["events"] == (flags["QVAL"] == "N").sum() == 51


def test_reasons_of_discontinuation_are_those_the_sponsor_derived(found, pilot):
    subjects = pl.read_parquet(pilot / "cdiscpilotadam" / "adsl.parquet")
    disposition = found["disposition"]
    reasons = {one["reason"]: by_arm(disposition, one["counts"]) for one in disposition["reasons"]}
    reasons["COMPLETED"] = by_arm(disposition, disposition["counts"]["completed"])
    now = {"PROTOCOL VIOLATION": "PROTOCOL DEVIATION"}  # the term of today's terminology
    derived = {
        now.get(reason, reason): [some.filter(pl.col("TRT01P") == arm).height for arm in ARMS]
        for (reason,), some in subjects.group_by("DCDECOD")
    }
    assert {reason: counts for reason, counts in reasons.items() if any(counts)} == derived


def test_duration_and_cumulative_dose_are_those_the_sponsor_derived(found, pilot):
    subjects = pl.read_parquet(pilot / "cdiscpilotadam" / "adsl.parquet")
    tables = read(pilot / "cdiscpilotsdtm").tables
    open_ended = tables["EX"].filter(pl.col("EXENDTC").is_null())["USUBJID"]
    known = subjects.filter(~pl.col("USUBJID").is_in(open_ended.implode()))
    exposure = found["exposure"]
    [placebo, drug] = exposure["treatments"]
    cumulative = by_arm(exposure, drug["cumulative"])
    cumulative[0] = by_arm(exposure, placebo["cumulative"])[0]
    for arm, days, dose in zip(ARMS, by_arm(exposure, exposure["days"]), cumulative, strict=True):
        some = known.filter(pl.col("TRT01P") == arm)
        for derived, ours in (("TRTDURD", days), ("CUMDOSE", dose)):
            values = some[derived]
            assert (ours["n"], ours["low"], ours["high"]) == (some.height, values.min(), values.max())
            assert ours["median"] == values.median()
