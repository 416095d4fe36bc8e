"""`trialrun diff`: two versions of a protocol, for people and for programs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main
from trialrun.cli.diff_words import KIND_WORDS, WHOM, WORDS
from trialrun.demo.demonstration import run as run_trial
from trialrun.protocol.change import KINDS, STAGES
from trialrun.protocol.compile import bundled, load

EDITS = (
    ('version: "1.0"', 'version: "1.1"'),
    ("'75 a', text", "'80 a', text"),
    ("full: {dose: 3,", "full: {dose: 2.5,"),
    ("C1 + 175 days, window: ±7 days", "C1 + 175 days, window: ±14 days"),
    ("systolic < '90 mm[Hg]'", "systolic < '100 mm[Hg]'"),
)


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def study(folder: Path, *edits: tuple[str, str]) -> Path:
    shutil.copytree(bundled()["vascu_il2"], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "study.yaml").write_text(text, "utf-8")
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return study(tmp_path / "new", *EDITS)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial folder with one virtual participant."""
    folder = tmp_path_factory.mktemp("trial")
    protocol = load(study(folder / "study", ("planned: 10", "planned: 1")))
    run_trial(protocol, folder / "trial", seed=1).close()
    return folder / "trial"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["diff", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_for_people(new: Path) -> None:
    output = run("vascu_il2", new).output
    assert "VASCU-IL2 version 1.0 → VASCU-IL2 version 1.1" in output
    assert "Historical reference, not for enrolment" in output
    assert "6 changes: 1 safety, 1 eligibility, 2 treatment, 1 schedule, 1 administrative." in output
    order = [output.index(said) for said in reversed(WHOM["en"]) if said in output]
    assert order == sorted(order) and len(order) == 4
    assert "For example, age 76 years: before, criterion not met, or not known to be;" in output
    assert max(map(len, output.splitlines())) <= 100


def test_in_french(new: Path) -> None:
    output = run("vascu_il2", new, "--language", "fr").output.replace("\N{NO-BREAK SPACE}", " ")
    assert "6 changements : 1 sécurité, 1 éligibilité, 2 traitement" in output
    assert "Niveau de dose full : quantité d'une dose 3 millions d'UI → 2,5 millions d'UI." in output
    assert "Visite S25 : fenêtre ±7 jours → ±14 jours." in output


def test_for_programs(new: Path) -> None:
    found = as_json("vascu_il2", new)
    assert list(found) == ["old", "new", "changes", "trial"]
    assert (found["old"]["version"], found["new"]["version"], found["trial"]) == ("1.0", "1.1", None)
    window = next(one for one in found["changes"] if one["path"] == "visits/W25/window")
    assert (window["kind"], window["act"], window["until"]) == (
        "schedule",
        "changes",
        "who have not passed W25",
    )
    assert (window["old"], window["new"], window["concerns"]) == ("±7 days", "±14 days", list(STAGES))
    assert {one["kind"] for one in found["changes"]} <= set(KINDS)


def test_no_change(tmp_path: Path) -> None:
    same = study(tmp_path / "same", ("# VASCU-IL2 as a program.", "# A comment."))
    assert "No change: the two say the same." in run("vascu_il2", same).output
    turned = study(tmp_path / "turned", ("triad OR biopsy_proven,", "biopsy_proven OR triad,"))
    assert "No change in meaning" in run("vascu_il2", turned).output
    assert as_json("vascu_il2", turned)["changes"] == []


def test_a_trial_is_judged_again(trial: Path, new: Path) -> None:
    found = as_json(trial, new)["trial"]
    assert found["judged"]["dose"] >= 15
    assert found["participants"] == sum(found["stages"].values())
    [dose, *_] = [one for one in found["differing"] if one["name"] == "C2.D1"]
    assert dose["old"] == "permitted" and dose["new"] == "forbidden"
    assert any("the planned dose is 2.5 million IU, not 3 million IU" in why for why in dose["because"])
    output = " ".join(run(trial, new).output.split())
    assert "What was recorded, judged by the new rules" in output
    assert "doses" in output and "now in the trial: 0" in output


def test_a_trial_folder_stands_for_its_protocol(trial: Path) -> None:
    assert [one["path"] for one in as_json("vascu_il2", trial)["changes"]] == ["enrolment/planned"]
    assert "No change" in run(trial, trial).output


def test_an_unknown_study_is_wrong_input(new: Path) -> None:
    result = run("vascu_il", new)
    assert result.exit_code == 1
    assert "Did you mean `vascu_il2`?" in result.stderr


def test_a_language_without_words_is_wrong_usage(new: Path) -> None:
    assert run("vascu_il2", new, "--language", "de").exit_code == 2


def test_both_languages_say_everything() -> None:
    assert WORDS["en"].keys() == WORDS["fr"].keys()
    assert set(KIND_WORDS["en"]) == set(KIND_WORDS["fr"]) == set(KINDS)
    assert len(WHOM["en"]) == len(WHOM["fr"]) == len(STAGES) + 1
