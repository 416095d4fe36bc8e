"""What is wrong with anyone's tables, found without their protocol, each where it was planted."""

import polars as pl
import pytest

from trialrun.tables.sdtm import adopt
from trialrun.tables.validate import validate


def part(code, **columns):
    rows = len(next(iter(columns.values())))
    same = {"STUDYID": ["S"] * rows, "USUBJID": ["S-1"] * rows}
    return pl.DataFrame({**same, "DOMAIN": [code] * rows, **columns})


NO_REASON = {f"AES{reason}": ["N", "N"] for reason in ("CAN", "CONG", "DISAB", "DTH", "HOSP", "LIFE", "OD")}


def sound():
    """A small study of one participant without a defect."""
    return {
        "dm": part(
            "DM", SUBJID=["1"], SITEID=["1"], COUNTRY=["FRA"], RFSTDTC=["2014-01-02"], RFENDTC=["2014-03-01"],
            SEX=["F"], ARMCD=["A"], DTHFL=["Y"], DTHDTC=["2014-03-01"],
        ),
        "ex": part(
            "EX", EXSEQ=[1], EXTRT=["A"], EXOCCUR=["Y"], EXDOSE=[5.0], EXSTDTC=["2014-01-02"], EXSTDY=[1],
        ),
        "ae": part(
            "AE", AESEQ=[1, 2], AETERM=["Fever", "Fall"], AESER=["N", "N"], AEOUT=["UNKNOWN", None],
            AESTDTC=["2014-01", "2014-01-01"], AEENDTC=["2014-01-10", None], AESTDY=[None, -1], **NO_REASON,
        ),
        "lb": part(
            "LB", LBSEQ=[1, 2, 3, 4], LBTESTCD=["ALT"] * 4, LBTEST=["ALT"] * 4, LBORRES=["5", None, "6", "7"],
            LBSTRESC=["5", None, "6.2", "7"], LBSTRESN=[5.0, None, 6.24, 7.0],
            LBSTRESU=["U/L", None, "U/L", "U/L"],
            LBSTAT=[None, "NOT DONE", None, None], LBBLFL=["Y", None, None, None], VISITNUM=[1, 1, 1, 2],
            VISIT=["ONE", "ONE", "ONE", "TWO"], LBDTC=["2014-01-02T09:30", None, None, None],
        ),
        "ds": part("DS", DSSEQ=[1], DSTERM=["Death"], DSDECOD=["DEATH"], DSSTDTC=["2014-03-01"]),
        "ta": part("TA", ARMCD=["A"], ARM=["A"], TAETORD=[1], ETCD=["E"]).drop("USUBJID"),
        "suppae": part(
            "AE", IDVAR=["AESEQ"], IDVARVAL=["2"], QNAM=["X"], QLABEL=["X"], QVAL=["1"],
        ).rename({"DOMAIN": "RDOMAIN"}),
    }  # fmt: skip


def test_a_sound_study_has_no_defect():
    data = adopt(sound())
    assert data.defects == []
    assert validate(data.tables) == []


# Table, row, what is planted, then the column of the defect and a part of its message.
PLANTED = [
    ("ae", 1, {"AETERM": " "}, "AETERM", "required"),
    ("ae", 1, {"STUDYID": "T"}, "STUDYID", "the study is S"),
    ("lb", 0, {"USUBJID": "S-2"}, "USUBJID", "no such participant in DM"),
    ("lb", 1, {"LBSEQ": 1}, "LBSEQ", "another row has the same USUBJID, LBSEQ"),
    ("ae", 1, {"AESTDTC": "01/01/2014"}, "AESTDTC", "not an ISO 8601 date"),
    ("lb", 0, {"LBDTC": "2014-02-30"}, "LBDTC", "not an ISO 8601 date"),
    ("ae", 1, {"AESTDY": 0}, "AESTDY", "does not agree with AESTDTC and RFSTDTC"),
    ("ae", 0, {"AESTDY": 5}, "AESTDY", "does not agree with AESTDTC and RFSTDTC"),
    ("ae", 0, {"AEENDTC": "2013-12"}, "AEENDTC", "lies before AESTDTC"),
    ("dm", 0, {"RFENDTC": "2013-12"}, "RFENDTC", "lies before RFSTDTC"),
    ("ae", 0, {"AESER": "No"}, "AESER", "write N or Y"),
    ("lb", 0, {"LBBLFL": "N"}, "LBBLFL", "write Y"),
    ("dm", 0, {"SEX": "Female"}, "SEX", "write F or M"),
    ("ex", 0, {"EXOCCUR": "X"}, "EXOCCUR", "write N or Y or U"),
    ("lb", 0, {"LBSTAT": "NOT DONE"}, "LBSTAT", "not done, yet there is a result"),
    ("lb", 1, {"LBSTAT": None}, "LBSTRESC", "nothing says that it was not done"),
    ("lb", 0, {"LBSTRESN": 50.0}, "LBSTRESN", "is not the number in LBSTRESC"),
    ("lb", 2, {"LBSTRESN": 6.26}, "LBSTRESN", "is not the number in LBSTRESC"),
    ("lb", 3, {"LBSTRESU": "ukat/L"}, "LBSTRESU", "most rows of this LBTESTCD have another unit"),
    ("lb", 3, {"LBTEST": "AST"}, "LBTEST", "most rows of this LBTESTCD have another LBTEST"),
    ("lb", 3, {"VISITNUM": 1}, "VISIT", "most rows of this VISITNUM have another VISIT"),
    ("ex", 0, {"EXDOSE": None}, "EXDOSE", "given, yet no dose"),
    ("ex", 0, {"EXOCCUR": "N"}, "EXDOSE", "not given, yet a dose"),
    ("ae", 0, {"AESHOSP": "Y"}, "AESER", "not serious, yet AESHOSP is Y"),
    ("ae", 0, {"AEOUT": "FATAL"}, "AESER", "not serious, yet the outcome is fatal"),
    ("ae", 1, {"AESER": "Y"}, "AESER", "serious, yet no criterion is met"),
    ("dm", 0, {"DTHFL": None}, "DTHFL", "a date of death, yet no death"),
    ("ae", 0, {"AESTDTC": "2014-03-02", "AEENDTC": None}, "AESTDTC", "after the participant's death"),
    ("dm", 0, {"ARMCD": "B"}, "ARMCD", "no such arm in TA"),
    ("suppae", 0, {"IDVARVAL": "3"}, "IDVARVAL", "no row of AE has this AESEQ"),
    ("suppae", 0, {"RDOMAIN": "CM"}, "IDVARVAL", "no row of CM has this AESEQ"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "planted", "column", "message"), PLANTED)
def test_a_planted_defect_is_found_where_it_is(name, row, planted, column, message):
    parts = sound()
    table = parts[name]
    here = pl.int_range(pl.len()) == row
    parts[name] = table.with_columns(
        pl.when(here).then(pl.lit(value, dtype=table.schema[variable])).otherwise(variable).alias(variable)
        for variable, value in planted.items()
    )
    data = adopt(parts)
    found = [d for d in validate(data.tables) if d.column == column and message in d.message and d.row == row]
    assert len(found) == 1, validate(data.tables)
    assert found[0].source == f"{name}#{row + 1}"
    value = data.tables[found[0].domain][column][row]
    assert found[0].value == (None if value is None else str(value))


def test_a_death_that_dm_does_not_know_is_found():
    parts = sound()
    parts["dm"] = parts["dm"].with_columns(DTHFL=pl.lit(None, pl.String), DTHDTC=pl.lit(None, pl.String))
    assert [str(defect) for defect in validate(adopt(parts).tables)] == [
        "DS row 0, DSDECOD is DEATH: DM does not say that the participant died [ds#1]"
    ]


def test_a_required_variable_that_is_not_there_is_told_once_and_the_rest_is_still_checked():
    parts = sound()
    parts["lb"] = parts["lb"].drop("LBTEST").with_columns(LBDTC=pl.lit("yesterday"))
    found = [(d.row, d.column) for d in validate(adopt(parts).tables)]
    assert found == [(None, "LBTEST"), *((row, "LBDTC") for row in range(4))]


def test_a_study_without_demographics_is_told():
    parts = sound()
    del parts["dm"]
    assert "DM, *: the table is missing" in [str(defect) for defect in validate(adopt(parts).tables)]
