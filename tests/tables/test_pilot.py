"""The CDISC pilot study, data of real people: it is read whole, and what is wrong with it is found."""

import polars as pl
import pytest

from trialrun.tables.defect import by_kind
from trialrun.tables.sdtm import read
from trialrun.tables.validate import validate


@pytest.fixture(scope="module")
def data(pilot):
    return read(pilot / "cdiscpilotsdtm")


def test_it_is_read_whole(data, pilot):
    rows = {
        path.stem: pl.scan_parquet(path).select(pl.len()).collect().item()
        for path in (pilot / "cdiscpilotsdtm").glob("*.parquet")
    }
    assert sum(table.height for table in data.tables.values()) == sum(rows.values())
    assert data.tables["LB"].height == rows["lbch"] + rows["lbhe"] + rows["lbur"]
    assert data.tables["DM"].height == 306
    assert {"TA", "TE", "TV", "TI", "TS", "SE", "RELREC", "SUPPDM", "SUPPLB"} <= set(data.tables)
    assert data.defects == []
    for table in data.tables.values():
        assert (table["VIRTUAL"] == "N").all()
        assert table["SRC"].is_unique().all()


# What is wrong with the data as published, looked at by hand:
# - AESER is N for events that were fatal, threatened life, disabled, were cancer or led to a stay in
#   hospital, any of which makes an event serious by definition (ICH E2A; cancer is a criterion of AE's own).
#   The three deaths are among them.
# - One visit is dated the day after its participant's death.
# - Nine totals of questionnaires, scaled up for unanswered items, are cut off in the text where they should
#   be rounded (61.5 for 61.55, 20 for 20.57).
FINDINGS = [
    ("SV", "SVSTDTC", "lies after the participant's death", 1),
    ("AE", "AESER", "not serious, yet AESCAN is Y", 3),
    ("AE", "AESER", "not serious, yet AESDISAB is Y", 1),
    ("AE", "AESER", "not serious, yet AESDTH is Y", 3),
    ("AE", "AESER", "not serious, yet AESHOSP is Y", 27),
    ("AE", "AESER", "not serious, yet AESLIFE is Y", 5),
    ("AE", "AESER", "not serious, yet the outcome is fatal", 3),
    ("QS", "QSSTRESN", "is not the number in QSSTRESC", 9),
]


def test_its_findings_are_these(data):
    found = validate(data.tables)
    assert [(kind.domain, kind.column, kind.message, kind.count) for kind in by_kind(found)] == FINDINGS
    first = next(defect for defect in found if "AESDTH" in defect.message)
    assert str(first) == "AE row 104, AESER is N: not serious, yet AESDTH is Y [ae.parquet#105]"
    event = data.tables["AE"].row(104, named=True)
    assert (event["USUBJID"], event["AEDECOD"], event["AESDTH"]) == ("01-701-1211", "SUDDEN DEATH", "Y")
