"""The commands that read a study: check, trace and calendar."""

import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main
from trialrun.protocol.compile import bundled, load


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A study with one error in each of two files."""
    folder = tmp_path / "wrong"
    shutil.copytree(bundled()["vascu_il2"], folder)
    for file, old, new in (
        ("study.yaml", "masking: open", "masking: opne"),
        ("forms.yaml", "by: nurse", "bye: nurse"),
    ):
        text = (folder / file).read_text("utf-8").replace(old, new, 1)
        (folder / file).write_text(text, "utf-8")
    return folder


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_check_for_programs() -> None:
    found = as_json("check", "vascu_il2")
    assert list(found) == ["study", "protocol_hash", "errors", "findings", "assumptions"]
    assert (found["study"], found["errors"]) == ("VASCU-IL2", [])
    finding = next(one for one in found["findings"] if one["code"] == "label-against-offset")
    assert "W1" in finding["message"] and "W3" in finding["message"]
    assert all(one["resolution"] for one in found["findings"])
    assert all(one["reason"] for one in found["assumptions"])


def test_check_of_a_wrong_study_for_programs(wrong: Path) -> None:
    result = run("check", wrong, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert list(found) == ["study", "protocol_hash", "errors", "findings", "assumptions"]
    assert found["protocol_hash"] is None
    assert {one["file"] for one in found["errors"]} == {"study.yaml", "forms.yaml"}
    error = next(one for one in found["errors"] if one["file"] == "study.yaml")
    assert set(error) == {"code", "file", "line", "column", "path", "message", "hint"}
    assert (error["path"], error["hint"]) == (
        "design.masking",
        "Did you mean `open`? Write open or single or double.",
    )
    assert error["code"] == "shape"


def test_check_of_a_wrong_study_for_people(wrong: Path) -> None:
    result = run("check", wrong)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "(design.masking): `opne` is not a right `masking` [shape]" in result.stderr
    assert result.stderr.endswith("problems.\nWhat a code in [ ] means: trialrun check --explain CODE\n")


def test_check_for_people() -> None:
    output = run("check", "vascu_il2").output
    assert "Historical reference, not for enrolment" in output
    assert "20 doses (52.5 million IU in all), last visit W37 on study day 260" in " ".join(output.split())
    assert re.search(r"No errors\. \d+ findings, none open:", output)
    assert "label-against-offset  study.yaml:93:3  treatment/cycles" in output
    assert "check --explain CODE" in output
    assert "Resolved by the study" in output
    assert f"{len(as_json('check', 'vascu_il2')['assumptions'])} assumptions, each with its reason" in output
    assert max(map(len, output.splitlines())) <= 100


def test_check_lists_assumptions_on_demand() -> None:
    reason = "No act of a trial may precede consent."
    assert reason not in run("check", "vascu_il2").output
    assert reason in run("check", "vascu_il2", "--assumptions").output


@pytest.mark.parametrize("command", [("check",), ("trace",), ("calendar", "--start", "2008-03-03")])
def test_an_unknown_study_is_wrong_input(command: tuple[str, ...]) -> None:
    result = run(*command, "vascu_il")
    assert result.exit_code == 1
    assert "Did you mean `vascu_il2`?" in result.stderr


def test_trace_for_programs() -> None:
    found = as_json("trace", "vascu_il2")
    assert [one["id"] for one in found["statements"]] == [f"R{i}" for i in range(1, 21)]
    assert all({"id", "says", "context", "elements"} <= one.keys() for one in found["statements"])
    assert [one["id"] for one in found["statements"] if not one["elements"]] == ["R5"]


def test_trace_for_people() -> None:
    output = run("trace", "vascu_il2").output
    for word in (
        "R20",
        "E5",
        "activity: Suppression assay",
        "context: nothing to execute",
        "Assumptions (",
        "not for enrolment",
    ):
        assert word in output
    assert max(map(len, output.splitlines())) <= 100


def test_calendar_for_programs() -> None:
    rows = as_json("calendar", "vascu_il2", "--start", "2008-03-03")
    doses = [row for row in rows if row["kind"] == "dose"]
    assert [row["day"] for row in doses] == [*range(1, 6), *range(22, 27), *range(43, 48), *range(64, 69)]
    assert sum(row["dose"] for row in doses) == 52.5
    assert {row["setting"] for row in doses[:5]} == {"hospital"}
    assert (rows[-1]["label"], rows[-1]["day"]) == ("W37", 260)


def test_calendar_for_people() -> None:
    output = run("calendar", "vascu_il2", "--start", "2008-03-03").output
    lines = output.splitlines()
    assert max(map(len, lines)) <= 100
    [dose] = [line for line in lines if "2008-03-24" in line]
    assert dose.split()[:3] == ["Mon", "2008-03-24", "22"]
    for word in ("W3 D1", "day hospital", "-0/+7 "):
        assert word in dose
    assert "Historical reference, not for enrolment" in output
    dates = [row["date"] for row in as_json("calendar", "vascu_il2", "--start", "2008-03-03")]
    assert [date for line in lines[1:] for date in dates if date in line] == dates
    assert "Treatment: course W1, 5 doses of 1.5 million IU\n" in output
    assert "Treatment: course W3, 5 doses of 3 million IU (ambulatory" in output


def test_calendar_leaves_room_for_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("calendar", "vascu_il2", "--start", "2008-03-03").output.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("Vital signs and pre-injection" in line for line in lines)


def test_calendar_in_full_lists_all_that_is_done() -> None:
    assert "Flare assessment" in run("calendar", "vascu_il2", "--start", "2008-03-03", "--full").output


def test_calendar_in_french() -> None:
    output = run("calendar", "vascu_il2", "--start", "2008-03-03", "--language", "fr").output
    assert "Traitement : cure S3, 5 doses de 3 millions d'UI (en ambulatoire, si" in output
    assert "1,5 millions d'UI" in output
    assert "Référence historique" in output
    for place in ("à l'hôpital", "en hôpital de jour", "en ambulatoire", "sur place"):
        assert f" {place} " in output
    assert "hospital" not in output and "on site" not in output
    assert "lun 2008-03-03" in output


def test_calendar_of_a_course_that_slipped() -> None:
    start = ("calendar", "vascu_il2", "--start", "2008-03-03")
    rows = {row["id"]: row for row in as_json(*start, "--began", "C2=2008-03-28", "--began", "C3=2008-04-20")}
    assert (rows["C2.D1"]["day"], rows["C3.D1"]["date"], rows["C4.D1"]["date"]) == (
        26,
        "2008-04-20",
        "2008-05-11",
    )
    assert run(*start, "--began", "C2=2008-03-28").stderr == ""


def test_calendar_warns_of_a_slip_that_is_not_allowed() -> None:
    result = run("calendar", "vascu_il2", "--start", "2008-03-03", "--began", "C2=2008-04-10")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: C2 began on 2008-04-10, 17 days after the planned 2008-03-24")
    assert "Treatment: course W3, omitted by the study\nBegun on 2008-04-10;" in result.stdout
    assert " W3 D" not in result.stdout
    french = run(
        "calendar", "vascu_il2", "--start", "2008-03-03", "--began", "C2=2008-03-23", "--language", "fr"
    )
    assert "cure S3, non permise par l'étude\nCommencée le 2008-03-23 ; prévue le 2008-03-24" in french.stdout


def test_calendar_warns_programs_on_the_rows_concerned() -> None:
    rows = as_json("calendar", "vascu_il2", "--start", "2008-03-03", "--began", "C2=2008-04-10")
    warned = [row for row in rows if "warning" in row]
    assert {(row["cycle"], row["kind"], row["dose"]) for row in warned} == {("C2", "omitted", None)}
    assert warned[0]["warning"].startswith("C2 began on 2008-04-10, 17 days after the planned 2008-03-24")
    assert sum(row["dose"] or 0 for row in rows) == 37.5


@pytest.mark.parametrize(
    "command", [("check", "vascu_il2"), ("calendar", "vascu_il2", "--start", "2008-03-03")]
)
def test_no_line_ends_in_blanks(command: tuple[str, ...]) -> None:
    assert [line for line in run(*command).stdout.splitlines() if line != line.rstrip()] == []


def test_a_finding_has_its_place() -> None:
    [found] = [one for one in as_json("check", "vascu_il2")["findings"] if one["code"] == "participation"]
    text = (bundled()["vascu_il2"] / found["file"]).read_text("utf-8").splitlines()
    assert text[found["line"] - 1][found["column"] - 1 :].startswith("participation:")
    shown = run("check", "vascu_il2").stdout
    assert f"participation  study.yaml:{found['line']}:{found['column']}  timeline/participation" in shown


def test_a_calendar_says_which_arm_it_shows() -> None:
    shown = " ".join(run("calendar", "dilfrequency_like", "--start", "2015-01-01").stdout.split())
    assert shown.startswith("DILFREQUENCY-LIKE, arm R1 (")


def test_a_calendar_refuses_a_course_of_another_arm() -> None:
    result = run(
        "calendar", "dilfrequency_like", "--start", "2015-01-01", "--arm", "R5", "--began", "T1=2015-01-01"
    )
    assert result.exit_code == 2
    assert "T1 is not a cycle of the arm R5, which has T5. Write one of these, or --arm R1." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing option '--start'"),
        (("--start", "2008-13-03"), "'2008-13-03' is not a date; write year-month-day"),
        (("--start", "3 March"), "is not a date"),
        (
            ("--start", "2008-03-03", "--began", "C22=2008-03-28"),
            "there is no cycle 'C22'. Did you mean 'C2'?",
        ),
        (
            ("--start", "2008-03-03", "--began", "C2"),
            "'C2' is not a cycle and its date; write e.g. C2=2008-03-28",
        ),
        (("--start", "2008-03-03", "--began", "C2=soon"), "'soon' is not a date"),
        (("--start", "9999-12-01"), "write a year from 1900 to 2200"),
        (("--start", "0001-01-01"), "write a year from 1900 to 2200"),
        (("--start", "2008-03-03", "--began", "C2=9999-12-01"), "write a year from 1900 to 2200"),
        (
            ("--start", "2008-03-03", "--began", "C2=2008-03-01"),
            "C2 cannot begin on 2008-03-01: C1, the course before it, lasts from 2008-03-03 to 2008-03-07.",
        ),
        (
            ("--start", "2008-03-03", "--began", "C2=2008-03-24", "--began", "C2=2008-03-25"),
            "C2 is given twice",
        ),
        (
            ("--start", "2008-03-03", "--began", "C1=2008-03-04"),
            "C1 begins with the first dose, by --start on 2008-03-03, not on 2008-03-04",
        ),
        (("--start", "2008-03-03", "--language", "de"), "Its languages: en, fr."),
    ],
)
def test_wrong_usage_of_calendar(arguments: tuple[str, ...], says: str) -> None:
    result = run("calendar", "vascu_il2", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.parametrize("command", ["check", "trace"])
def test_check_and_trace_import_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from trialrun.cli import main\n"
        f"main(['{command}', 'vascu_il2', '--json'], standalone_mode=False)\n"
        "print(*sorted({'numpy', 'polars', 'scipy', 'django', 'rich', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def processor_time(*code: str) -> float:
    """Seconds of a new process, the best of three."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", *code], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(3))


def test_check_takes_less_than_a_second() -> None:
    """Of processor time, where ten million numbers are added in 0.6 s; a slower machine has more."""
    slower = max(1.0, processor_time("s = 0\nfor i in range(10_000_000): s += i") / 0.6)
    check = "from trialrun.cli import main; main()"
    assert processor_time(check, "check", "vascu_il2") < slower


def test_the_hash_is_that_of_the_protocol() -> None:
    assert load("vascu_il2").hash in run("check", "vascu_il2").output


@pytest.mark.parametrize(("count", "of"), [(0, 1), (1, 2), (5, 10), (40, 81), (200, 400)])
def test_the_interval_that_check_shows_is_the_exact_one(count: int, of: int) -> None:
    from scipy.stats import binomtest

    from trialrun.cli.check import _exact

    expected = binomtest(count, of).proportion_ci(0.95)
    assert _exact(count, of, 0.025) == pytest.approx((expected.low, expected.high), abs=1e-9)
