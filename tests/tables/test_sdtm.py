from datetime import date, datetime, time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.tables.dataset import SdtmError
from trialrun.tables.sdtm import adopt, read
from trialrun.tables.validate import validate


def ae(**columns):
    rows = len(next(iter(columns.values())))
    same = {"STUDYID": ["S"] * rows, "DOMAIN": ["AE"] * rows, "USUBJID": ["S-1"] * rows}
    return pl.DataFrame(
        {**same, "AESEQ": list(range(1, rows + 1)), "AETERM": ["Fever"] * rows, **columns}, strict=False
    )


def test_blank_not_a_number_and_infinity_are_nothing():
    made = adopt({"ae": ae(AEOUT=["", "   ", "FATAL  "], AEDOSE=[float("nan"), float("inf"), 2.0])}).tables[
        "AE"
    ]
    assert made["AEOUT"].to_list() == [None, None, "FATAL"]
    assert made["AEDOSE"].to_list() == [None, None, 2.0]


def test_typed_dates_and_truth_become_the_text_of_sdtm():
    table = ae(
        AESTDTC=[date(2014, 1, 2)],
        AEENDTC=[datetime.combine(date(2014, 1, 3), time(9, 30))],
        AESER=[True],
        aetoxgr=[3.0],
    )
    made = adopt({"ae": table}).tables["AE"]
    said = made.select("AESTDTC", "AEENDTC", "AESER", "AETOXGR").row(0)
    assert said == ("2014-01-02", "2014-01-03T09:30:00", "Y", "3")


def test_a_value_that_does_not_fit_its_variable_is_told_with_its_place_and_read_as_empty():
    first = ae(AESTDY=["1", "2"])
    second = ae(AESTDY=["3", "2.5"]).with_columns(AESEQ=pl.Series(["3", "four"]))
    data = adopt([("ae1", first), ("ae2", second)])
    assert [str(defect) for defect in data.defects] == [
        "AE row 3, AESEQ is four: not a whole number; read as empty [ae2#2]",
        "AE row 3, AESTDY is 2.5: not a whole number; read as empty [ae2#2]",
    ]
    assert data.tables["AE"]["AESTDY"].to_list() == [1, 2, 3, None]
    assert data.tables["AE"]["SRC"].to_list() == ["ae1#1", "ae1#2", "ae2#1", "ae2#2"]


def test_a_visit_number_may_lie_between_two_others():
    assert adopt({"ae": ae(VISITNUM=["3.1"])}).tables["AE"]["VISITNUM"].to_list() == [3.1]


def test_domains_are_known_by_what_they_hold_and_further_variables_stay():
    def part(**columns):
        return pl.DataFrame({"STUDYID": ["S"], **{name: [value] for name, value in columns.items()}})

    parts = [
        ("lbch", part(DOMAIN="LB", USUBJID="S-1", LBSEQ=1, LBTESTCD="ALT", LBTEST="ALT", LBMETHOD="x")),
        ("lbhe", part(DOMAIN="LB", USUBJID="S-1", LBSEQ=2, LBTESTCD="HGB", LBTEST="Hb", LBFAST="N")),
        (
            "supplbch",
            part(RDOMAIN="LB", USUBJID="S-1", IDVAR="LBSEQ", IDVARVAL="1", QNAM="A", QLABEL="A", QVAL="1"),
        ),
        ("relrec", part(RDOMAIN="LB", USUBJID="S-1", IDVAR="LBSEQ", IDVARVAL="1", RELID="1")),
        ("ta", part(DOMAIN="TA", ARMCD="A", ARM="A", TAETORD=1, ETCD="E")),
        ("facexx", part(DOMAIN="FACE", USUBJID="S-1", FATESTCD="X", FATEST="X")),
        ("zz", part(DOMAIN="ZZ", USUBJID="S-1", ZZSEQ=1, ZZTERM="Own")),
        ("dm", part(DOMAIN="", USUBJID="S-1", SUBJID="1")),
        ("adsl", part(USUBJID="S-1", TRT01P="A")),
    ]
    data = adopt(parts)
    assert list(data.tables) == ["DM", "FA", "LB", "TA", "RELREC", "SUPPLB", "ZZ"]
    assert data.tables["LB"]["LBMETHOD"].to_list() == ["x", None]
    assert data.tables["LB"]["LBFAST"].to_list() == [None, "N"]
    [left] = data.defects
    assert (left.domain, left.column, left.source) == ("ADSL", "*", "adsl")


def test_our_own_tables_come_back_as_they_were(tables):
    data = adopt({code.lower(): table for code, table in tables.items()})
    assert data.defects == []
    for code, table in tables.items():
        assert data.tables[code].select(table.columns).equals(table), code
    assert validate(data.tables) == []


def test_one_variable_in_two_spellings_is_refused():
    with pytest.raises(SdtmError, match="AESEV is there twice"):
        adopt({"ae": ae(AESEV=["MILD"], aesev=["SEVERE"])})


def test_a_folder_without_data_is_told(tmp_path):
    with pytest.raises(SdtmError, match=r"no SDTM file in it; expected files such as dm\.xpt"):
        read(tmp_path)
    with pytest.raises(SdtmError, match="no such folder"):
        read(tmp_path / "nowhere")


def test_other_files_of_a_folder_are_left_out_and_told(tmp_path):
    ae(AESTDTC=["2014"]).write_csv(tmp_path / "ae.csv")
    (tmp_path / "notes.json").write_text('{"title": "Notes"}')
    (tmp_path / "_meta.json").write_text("{}")
    (tmp_path / "define.xml").write_text("<ODM/>")
    data = read(tmp_path)
    assert list(data.tables) == ["AE"]
    assert [str(defect) for defect in data.defects] == ["NOTES, *: not a dataset; left out [notes.json]"]


VALUES = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["2014-01-02", "12", "1.5", "Y", " "]))


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), max_size=8))
def test_whatever_the_values_no_row_is_lost_and_none_is_without_its_source(rows):
    names = ("USUBJID", "AESEQ", "AESTDTC", "AESER")
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(
        DOMAIN=pl.lit("AE")
    )
    data = adopt({"ae": table})
    if not rows:
        return
    made = data.tables["AE"]
    assert made.height == len(rows)
    assert made["SRC"].to_list() == [f"ae#{number}" for number in range(1, len(rows) + 1)]
    for defect in [*data.defects, *validate(data.tables)]:
        if defect.row is not None:
            assert defect.source == made["SRC"][defect.row]
    lost = sum(row[1] is not None and row[1].strip() != "" for row in rows) - made["AESEQ"].drop_nulls().len()
    assert (
        sum(defect.column == "AESEQ" and "read as empty" in defect.message for defect in data.defects) >= lost
    )
