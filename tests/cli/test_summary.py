"""`trialrun summary`: a stranger's tables in, findings and three tables out."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["summary", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize(("spoken", "serious"), [("en", "Serious"), ("fr", "Graves")])
def test_people_read_findings_and_tables(pilot: Path, spoken: str, serious: str) -> None:
    result = run(pilot / "cdiscpilotsdtm", "--language", spoken)
    assert result.exit_code == 0
    assert "CDISCPILOT01" in result.stdout
    [line] = [line for line in result.stdout.splitlines() if line.startswith(f" {serious} ")]
    assert line.split()[-1] == "[3]"
    assert "…" not in result.stdout  # no number is cut, however narrow the terminal
    assert "ae.parquet#105" in result.stdout


def test_programs_read_the_same_as_json(pilot: Path) -> None:
    found = json.loads(run(pilot / "cdiscpilotsdtm", "--json", "--arm", "actual").stdout)
    assert len(found["findings"]) == 52
    assert found["findings"][0]["source"] == "sv.parquet#2225"
    sizes = {column["title"]: column["participants"] for column in found["exposure"]["columns"]}
    assert sizes == {"Placebo": 86, "Xanomeline High Dose": 72, "Xanomeline Low Dose": 96, None: 254}


def test_a_page_is_written_whole_or_not_at_all(pilot: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.html"
    assert run(pilot / "cdiscpilotsdtm", "--html", page).exit_code == 0
    assert page.read_text("utf-8").rstrip().endswith("</html>")
    assert [path.name for path in tmp_path.iterdir()] == ["summary.html"]
    refused = run(pilot / "cdiscpilotsdtm", "--html", tmp_path / "nowhere" / "x.html")
    assert refused.exit_code == 1
    assert "cannot be written" in refused.stderr


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    nothing = run(tmp_path)
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "no SDTM file in it; expected files such as dm.xpt" in nothing.stderr
    (tmp_path / "ae.xpt").write_bytes(b"junk")
    broken = run(tmp_path)
    assert broken.exit_code == 1
    assert "ae.xpt: cannot be read as .xpt" in broken.stderr
    (tmp_path / "ae.xpt").unlink()
    pl.DataFrame({"STUDYID": ["S"], "DOMAIN": ["AE"], "USUBJID": ["1"]}).write_csv(tmp_path / "ae.csv")
    alone = run(tmp_path)
    assert alone.exit_code == 1
    assert "the tables have no DM with USUBJID: nobody is known to have taken part" in alone.stderr
