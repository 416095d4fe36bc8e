import polars as pl
import pytest

from trialrun.tables.defect import Defect
from trialrun.tables.validate import validate

SCR = pl.col("TIMEPT") == "SCR"
C4 = pl.col("TIMEPT") == "C4.D5"


def planted(tables, code, where, **values):
    """The tables with `values` in the first row that satisfies `where`, and the number of that row."""
    table = tables[code].with_row_index("_row")
    row = table.filter(where)["_row"][0]
    here = pl.col("_row") == row
    changed = [
        pl.when(here).then(pl.lit(value).cast(table.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    ]
    return {**tables, code: table.with_columns(changed).drop("_row")}, row


def test_what_is_built_is_valid(tables, protocol):
    assert validate(tables, protocol) == []


DEFECTS = [
    ("LB", pl.col("LBTESTCD") == "ALT", {"SRC": None}, "SRC", "required"),
    ("AE", pl.lit(True), {"AETERM": "  "}, "AETERM", "required"),
    ("CP", C4, {"STUDYID": "OTHER"}, "STUDYID", "the study is VASCU-IL2"),
    ("CP", C4, {"DOMAIN": "LB"}, "DOMAIN", "the domain is CP"),
    ("VS", SCR, {"USUBJID": "VASCU-IL2-PSL-099"}, "USUBJID", "no such participant in DM"),
    ("DM", pl.lit(True), {"VIRTUAL": "yes"}, "VIRTUAL", "write Y or N"),
    ("DM", pl.lit(True), {"SEX": "X"}, "SEX", "not a code of the form: F, M"),
    ("DM", pl.lit(True), {"AGE": 130.0}, "AGE", "outside the limits 0..120"),
    ("VS", SCR, {"VSDTC": "15/02/2010"}, "VSDTC", "not an ISO 8601 date"),
    ("VS", SCR, {"VSDTC": "2010-02-30T08:00:00"}, "VSDTC", "not an ISO 8601 date"),
    ("VS", SCR, {"VSDY": -13}, "VSDY", "does not agree with VSDTC"),
    ("EX", pl.col("TIMEPT") == "C1.D1", {"EXSTDY": 0}, "EXSTDY", "does not agree with EXSTDTC"),
    ("AE", pl.lit(True), {"AEENDTC": "2010-03-01", "AEENDY": 1}, "AEENDTC", "lies before AESTDTC"),
    ("AE", pl.lit(True), {"AEOUT": "cured"}, "AEOUT", "not a code of the form: fatal"),
    ("AE", pl.lit(True), {"AESER": "maybe"}, "AESER", "not a code of the form: N, Y"),
    ("AE", pl.lit(True), {"AETOXGR": "6"}, "AETOXGR", "outside the limits 1..5"),
    ("AE", pl.lit(True), {"AETOXGR": "severe"}, "AETOXGR", "outside the limits 1..5"),
    ("EX", C4, {"EXDOSE": 30.0}, "EXDOSE", "outside the limits 0..18"),
    ("EX", C4, {"EXDOSE": None}, "EXDOSE", "given, yet no dose"),
    ("EX", pl.col("EXOCCUR") == "N", {"EXDOSE": 3.0}, "EXDOSE", "not given, yet a dose"),
    (
        "FA",
        pl.col("FATESTCD") == "PURPURA",
        {"FASTRESC": "cured"},
        "FASTRESC",
        "not a code of the form: absent, active",
    ),
    ("LB", pl.col("LBTESTCD") == "HEMATUR", {"LBSTRESC": "1"}, "LBSTRESC", "not a code of the form: N, Y"),
    ("CP", pl.col("CPTESTCD") == "TREGCD4", {"CPSTRESN": 101.0}, "CPSTRESN", "outside the limits 0..100"),
    ("LB", pl.col("LBTESTCD") == "CREAT", {"LBSTRESU": "mg/dL"}, "LBSTRESU", "CREAT is measured in umol/L"),
    ("LB", pl.col("LBTESTCD") == "CREAT", {"LBTESTCD": "CREA"}, "LBTESTCD", "no form measures this"),
    ("IS", pl.col("ISSTAT") == "NOT DONE", {"ISORRES": "5"}, "ISSTAT", "not done, yet there is a result"),
    ("IS", pl.col("ISSTAT") == "NOT DONE", {"ISSTAT": None}, "ISSTRESC", "nothing says that it was not done"),
    ("RS", C4 | SCR, {"TIMEPT": "C9.D1"}, "TIMEPT", "the study has no such timepoint"),
    ("RS", SCR, {"VISITNUM": 7}, "VISITNUM", "is not the number of the timepoint"),
]


@pytest.mark.parametrize(("code", "where", "values", "column", "message"), DEFECTS)
def test_a_planted_defect_is_found_where_it_is(tables, protocol, code, where, values, column, message):
    spoiled, row = planted(tables, code, where, **values)
    found = [
        defect for defect in validate(spoiled, protocol) if defect.domain == code and defect.column == column
    ]
    [defect] = [defect for defect in found if message in defect.message]
    assert defect.row == row
    written = spoiled[code][column][row]
    assert defect.value == (None if written is None else str(written))
    assert defect.source == spoiled[code]["SRC"][row]


def test_a_row_written_twice_is_found_by_its_key_and_by_its_number(tables, protocol):
    twice = {**tables, "VS": pl.concat([tables["VS"], tables["VS"].head(1)])}
    found = {(defect.row, defect.column) for defect in validate(twice, protocol)}
    last = tables["VS"].height
    assert found == {(0, "VSDTC"), (last, "VSDTC"), (0, "VSSEQ"), (last, "VSSEQ")}


def test_a_participant_named_twice_is_found(tables, protocol):
    twice = {**tables, "DM": pl.concat([tables["DM"], tables["DM"].head(1)])}
    assert {(d.domain, d.row, d.column) for d in validate(twice, protocol)} == {
        ("DM", 0, "USUBJID"),
        ("DM", 3, "USUBJID"),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("VSDTC"), "VS, VSDTC: the column is missing"),
        (
            lambda t: t.with_columns(pl.col("VSSTRESN").cast(pl.String)),
            "VS, VSSTRESN: holds String; it must hold Float64",
        ),
        (lambda t: t.with_columns(EXTRA=pl.lit(1)), "VS, EXTRA: the domain has no such column"),
    ],
)
def test_a_misshapen_table_is_told_once(tables, protocol, change, message):
    [defect] = validate({**tables, "VS": change(tables["VS"])}, protocol)
    assert str(defect) == message


def test_missing_and_unknown_tables_are_found(tables, protocol):
    found = {
        (d.domain, d.message.partition(";")[0]) for d in validate({**tables, "XX": tables["VS"]}, protocol)
    }
    assert found == {("XX", "unknown table")}
    without = {code: table for code, table in tables.items() if code not in ("DM", "VS")}
    found = [(d.domain, d.message) for d in validate(without, protocol)]
    assert found == [("DM", "the table is missing"), ("VS", "the table is missing")]


def test_a_partial_date_is_valid_and_has_no_day(tables, protocol):
    partial, _ = planted(tables, "CM", pl.lit(True), CMSTDTC="2008", CMSTDY=None)
    assert validate(partial, protocol) == []


def test_a_defect_reads_as_a_sentence():
    defect = Defect("LB", 3, "LBSTRESN", "-1.0", "PSL-001#7", "outside the limits 0..100")
    assert str(defect) == "LB row 3, LBSTRESN is -1.0: outside the limits 0..100 [PSL-001#7]"
