import json

import polars as pl
import pyreadstat
import pytest

from trialrun.tables.dataset import READERS, SdtmError, frame
from trialrun.tables.sdtm import read

DM = pl.DataFrame(
    {
        "STUDYID": ["S1", "S1"],
        "DOMAIN": ["DM", "DM"],
        "USUBJID": ["S1-01", "S1-02"],
        "SUBJID": ["01", "02"],
        "RFSTDTC": ["2014-01-02", ""],
        "SITEID": ["701", "701"],
        "AGE": [63.0, None],
        "COUNTRY": ["FRA", "FRA"],
        "DMDY": [-7.0, None],
    }
)


def dataset_json(table: pl.DataFrame) -> dict:
    columns = [
        {
            "itemOID": f"IT.{name}",
            "name": name,
            "label": name,
            "dataType": "float" if dtype.is_numeric() else "string",
        }
        for name, dtype in table.schema.items()
    ]
    head = {"datasetJSONVersion": "1.1.0", "name": "DM", "records": table.height, "columns": columns}
    return {**head, "rows": [list(row) for row in table.rows()]}


def write(table: pl.DataFrame, path) -> None:
    if path.suffix == ".xpt":
        pyreadstat.write_xport(table, str(path), table_name="DM")
    elif path.suffix == ".parquet":
        table.write_parquet(path)
    elif path.suffix == ".csv":
        table.write_csv(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(dataset_json(table)))
    else:
        head = dataset_json(table)
        rows = head.pop("rows")
        path.write_text("\n".join(json.dumps(line) for line in [head, *rows]) + "\n")


@pytest.mark.parametrize("kind", READERS)
def test_every_kind_of_file_gives_the_same_table(tmp_path, kind):
    write(DM, tmp_path / f"dm{kind}")
    data = read(tmp_path)
    assert data.defects == []
    table = data.tables["DM"]
    assert table.columns == [*DM.columns, "SRC", "VIRTUAL"]
    assert table["SRC"].to_list() == [f"dm{kind}#1", f"dm{kind}#2"]
    assert table["AGE"].to_list() == [63.0, None]
    assert table["DMDY"].to_list() == [-7, None]
    assert table.schema["DMDY"] == pl.Int64
    assert table["RFSTDTC"].to_list() == ["2014-01-02", None]
    assert table["SITEID"].to_list() == ["701", "701"]


def test_decimals_written_as_text_are_numbers_where_the_variable_is_one(tmp_path):
    content = dataset_json(DM)
    content["columns"][6]["dataType"] = "decimal"
    content["rows"][0][6] = "63.5"
    (tmp_path / "dm.json").write_text(json.dumps(content))
    assert read(tmp_path).tables["DM"]["AGE"].to_list() == [63.5, None]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("dm.xpt", b"no transport file", "cannot be read as .xpt"),
        ("dm.parquet", b"PAR1 junk", "cannot be read as .parquet"),
        ("dm.csv", b"USUBJID,SEX\n01,F,extra,more\n", "cannot be read as .csv"),
        ("dm.csv", b"USUBJID,CITY\n01,\xc9vry\n", "UTF-8"),
        ("dm.csv", b"", "cannot be read as .csv"),
        ("dm.json", b"{", "cannot be read as .json"),
        ("dm.json", b"[1, 2]", "expected an object with `columns` and `rows`"),
        (
            "dm.json",
            b'{"columns": [{"label": "x"}], "rows": []}',
            "every column has a `name` and a `dataType`",
        ),
        (
            "dm.json",
            b'{"columns": [{"name": "A", "dataType": "string"}], "rows": {}}',
            "`rows` is a list of lists",
        ),
        (
            "dm.json",
            b'{"columns": [{"name": "A", "dataType": "string"}], "rows": [["1", "2"]]}',
            "row 1 does not have",
        ),
        ("dm.json", b"\xff\xfe", "not UTF-8 text"),
        ("dm.ndjson", b"", "cannot be read as .ndjson"),
        ("dm.json", b"[" * 100_000, "cannot be read as .json"),
        ("dm.sas7bdat", b"", "files of this kind are not read; give .xpt, .parquet"),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused_by_name(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SdtmError) as refused:
        frame(path)
    assert str(path) in refused.value.render()
    assert said in refused.value.render()


def test_a_transport_file_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    write(DM, tmp_path / "dm.xpt")
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    with pytest.raises(SdtmError, match=r"pip install 'trialrun\[sdtm\]'"):
        read(tmp_path)


def test_a_transport_file_with_two_datasets_is_refused_rather_than_half_read(tmp_path):
    write(DM, tmp_path / "dm.xpt")
    whole = (tmp_path / "dm.xpt").read_bytes()
    (tmp_path / "dm.xpt").write_bytes(whole + whole[240:])
    with pytest.raises(SdtmError, match="more than one dataset"):
        read(tmp_path)


def test_a_mark_at_the_beginning_of_a_csv_is_no_part_of_a_name(tmp_path):
    (tmp_path / "dm.csv").write_bytes(b"\xef\xbb\xbfDOMAIN,USUBJID\nDM,1\n")
    assert read(tmp_path).tables["DM"]["DOMAIN"].to_list() == ["DM"]
