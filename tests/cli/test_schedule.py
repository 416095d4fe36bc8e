"""The commands that hand a study out: schedule, and calendar --ics."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main

DATES = ("calendar", "vascu_il2", "--start", "2008-03-03")


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_narrow_terminal_is_told_where_to_write_it() -> None:
    result = run("schedule", "vascu_il2")
    assert result.exit_code == 0
    assert "Historical reference, not for enrolment" in result.output
    assert "23 columns and 24 rows: too wide for this terminal" in result.output
    assert "trialrun schedule vascu_il2 --html schedule.html" in result.output
    assert max(map(len, result.output.splitlines())) <= 100


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_wide_terminal_shows_it_whole(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = run("schedule", "vascu_il2", "--language", language).output.splitlines()
    assert max(map(len, lines)) <= 200
    [ecg] = [line for line in lines if line.strip().startswith(("Electrocardiogram", "Électrocardiogramme"))]
    assert ecg.split() == [ecg.split()[0], "X"]
    [blood] = [
        line for line in lines if line.strip().startswith(("Blood drawn", "Sang prélevé")) and "59" in line
    ]
    assert blood.split()[-3:] == ["8", "59", "8"]
    assert any(line.strip().startswith("[a] Doses") for line in lines)


def test_files_are_written_whole_and_named(tmp_path: Path) -> None:
    html, pdf = tmp_path / "s.html", tmp_path / "s.pdf"
    result = run("schedule", "vascu_il2", "--html", html, "--pdf", pdf, "--language", "fr")
    assert result.output.split() == [str(html), str(pdf)]
    assert "Calendrier des activités" in html.read_text("utf-8")
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.html", "s.pdf"]


def test_for_programs() -> None:
    told = json.loads(run("schedule", "vascu_il2", "--json").stdout)
    assert list(told) == [
        "study", "version", "protocol_hash", "language", "title", "standing", "columns", "rows", "blood",
        "notes", "assumptions",
    ]  # fmt: skip
    assert (len(told["columns"]), len(told["rows"])) == (23, 23)


def test_where_typst_is_missing_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    result = run("schedule", "vascu_il2", "--html", tmp_path / "s.html", "--pdf", tmp_path / "s.pdf")
    assert result.exit_code == 1
    assert "pip install 'trialrun[pdf]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("schedule", "vascu_il"), 1, "Did you mean `vascu_il2`?"),
        (("schedule", "vascu_il2", "--language", "de"), 2, "Its languages: en, fr."),
        (("schedule", "vascu_il2", "--html", "no/s.html"), 1, "no/s.html cannot be written: No such file"),
        ((*DATES, "--ics", "no/s.ics"), 1, "cannot be written"),
        ((*DATES, "--revision", "1"), 2, "belong to --ics FILE"),
        ((*DATES, "--participant", "7"), 2, "belong to --ics FILE"),
    ],
)  # fmt: skip
def test_wrong_input(arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "s.html").mkdir()
    result = run("schedule", "vascu_il2", "--html", tmp_path / "s.html")
    assert result.exit_code == 2 and "is a directory" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.html"]


def test_dates_go_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "dates.ics"
    start = (*DATES, "--ics", file)
    assert run(*start).output.split() == [str(file)]
    text = file.read_text("utf-8")
    assert text.startswith("BEGIN:VCALENDAR") and "SEQUENCE:0" in text
    assert "hospital" in text, "where it takes place is in the description"
    run(*start, "--began", "C2=2008-03-28", "--language", "fr")
    assert "SEQUENCE:1" in file.read_text("utf-8"), "a course that has begun makes it a later file"
    run(*start, "--began", "C2=2008-03-28", "--revision", "7")
    assert "SEQUENCE:7" in file.read_text("utf-8")


def test_the_dates_are_also_for_programs(tmp_path: Path) -> None:
    file = tmp_path / "dates.ics"
    rows = json.loads(run(*DATES, "--ics", file, "--json").stdout)
    assert file.read_text("utf-8").count("BEGIN:VEVENT") == len(rows)


def test_a_calendar_without_a_file_does_not_import_its_library() -> None:
    code = (
        "import sys; from trialrun.cli import main\n"
        "main(['calendar', 'vascu_il2', '--start', '2008-03-03', '--json'], standalone_mode=False)\n"
        "print(*sorted({'icalendar', 'typst', 'django', 'altair'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
