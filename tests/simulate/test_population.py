"""model.yaml: read, held against the study and the model, and all its assumptions listed."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.problem import Problem, ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.models.il2_treg import Il2Treg
from trialrun.simulate.people import Given, ModelFile
from trialrun.simulate.population import assumptions, known_models, load_model, model_of, population
from trialrun.simulate.trial import run

ORIGINAL = (bundled()["vascu_il2"] / "model.yaml").read_text("utf-8")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], folder)
    return folder


def problems(study: Path, text: str) -> list[Problem]:
    """What is found wrong with a model file."""
    (study / "model.yaml").write_text(text, "utf-8")
    with pytest.raises(ProtocolError) as error:
        population(load(study))
    return list(error.value.problems)


def line_of(text: str, words: str) -> int:
    return next(k for k, line in enumerate(text.splitlines(), 1) if words in line)


# ---- what is right -------------------------------------------------------------------------------


def test_the_bundled_file_is_right_and_read_once(protocol: Protocol) -> None:
    file = population(protocol)
    assert isinstance(file, ModelFile)
    assert population(protocol) is file
    assert file.people.accrual.screened == 12.5
    assert file.answers["laboratory"].items["bilirubin_uln"] == Given(always=17)


def test_every_part_gives_its_source_and_assumptions_their_reason(protocol: Protocol) -> None:
    listed = assumptions(protocol)
    assert len({entry["element"] for entry in listed}) == len(listed)
    assert all(entry["reason"] and entry["about"] and entry["from"] for entry in listed)
    assert {entry["standing"] for entry in listed} == {"published", "fitted", "assumed"}
    by_element = {entry["element"]: entry for entry in listed}
    assert by_element["model/people/missed_visit"]["about"] == "missed visit"
    assert by_element["model/answers/vital_signs"]["about"] == "Vital signs and pre-injection check"
    for name in ("accrual", "hour", "late_course", "leaving", "ends"):
        assert f"model/people/{name}" in by_element
    statements = Il2Treg.load().statements()
    assert [e["element"] for e in listed if e["element"].startswith("il2_treg/")] == [
        f"il2_treg/{one.name}" for one in statements
    ]


def test_every_key_of_the_file_is_read(protocol: Protocol) -> None:
    """What the file says is what was understood: nothing in it is dead."""
    content: dict[str, Any] = yaml.safe_load(ORIGINAL)
    read = population(protocol)
    for part in ("people", "events", "logs", "answers"):
        found = getattr(read, part)
        names = found.keys() if isinstance(found, dict) else type(found).model_fields
        assert set(content[part]) == set(names)


def test_models_are_known_by_name() -> None:
    assert known_models() == ("il2_treg", "stated")
    assert load_model("il2_treg") is load_model("il2_treg")


# ---- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong", "message", "hint"),
    [
        ("model: il2_treg", "model: il2_tregs", "there is no model `il2_tregs`", "il2_treg"),
        ("form: ae_review", "form: ae_revue", "there is no form `ae_revue`", "ae_review"),
        ("died: died", "died: dead", "there is no code `dead`", "died"),
        ("withdrawn: 0.035", "moved: 0.035", "there is no code `moved`", "withdrawn"),
        ("item: reason_not_given", "item: reason", "there is no item `reason`", "reason_not_given"),
        ("{quantity: bvas,", "{quantity: bvsa,", "there is no quantity `bvsa`", "bvas"),
        ("{laboratory: spo2}", "{laboratory: sp02}", "there is no laboratory value `sp02`", "spo2"),
        ("{process: virus}", "{process: viru}", "there is no process `viru`", "virus"),
        ("{organ: gut,", "{organ: guts,", "there is no organ `guts`", "gut"),
        ("with: kidney", "with: kidneys", "there is no organ `kidneys`", "kidney"),
        ("{shows: [flare]}", "{shows: [flair]}", "there is no sign `flair`", "flare"),
        ("share: {F: 0.5, M: 0.5}", "share: {F: 0.5, X: 0.5}", "there is no code `X`", "M"),
        ("thigh: 0.3", "leg: 0.3", "there is no code `leg`", None),
        ("category: flu_like", "category: flue", "there is no code `flue`", "flu_like"),
        ("medicine: steroid", "medicine: steroids", "there is no code `steroids`", "steroid"),
        ("    fever: {term", "    fevers: {term", "there is no reaction `fevers`", "fever"),
        ("{arthralgia: joints}", "{arthralgias: joints}", "there is no organ `arthralgias`", "arthralgia"),
        ("lymphoma_watch:\n", "lymphoma:\n", "there is no form `lymphoma`", "lymphoma_watch"),
        ("haemoglobin: {", "hemoglobin: {", "there is no item `hemoglobin`", "haemoglobin"),
        ("crp: {about: 5,", "crp: {chance: 0.5,", "`chance` does not answer a number", "about"),
        ("above: background", "above: floor", "there is no item `floor`", None),
        ("{signed: true,", "{signed: false,", "people who do not consent are not simulated", "true"),
        ("sex: {F: 0.9, M: 1.1}", "sex: {F: 0.9}", "not a share of exactly F", None),
        ("at: [SCR]", "at: [W14]", "there is no timepoint of this form `W14`", "W11"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_knows_is_found_with_its_line(
    study: Path, right: str, wrong: str, message: str, hint: str | None
) -> None:
    text = ORIGINAL.replace(right, wrong, 1)
    assert text != ORIGINAL
    found = problems(study, text)
    match = [problem for problem in found if re.search(message, problem.message)]
    assert match, found
    assert match[0].place.file == "model.yaml"
    assert match[0].place.line
    if hint:
        assert hint in str(match[0].hint)


def test_a_problem_stands_where_it_was_made(study: Path) -> None:
    text = ORIGINAL.replace("{laboratory: spo2}", "{laboratory: sp02}")
    [found] = problems(study, text)
    assert found.place.line == line_of(text, "sp02")
    assert found.place.path == ("answers", "vital_signs", "items", "spo2", "laboratory")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("missed_visit: {chance: 0.03", "missed_visit: {odds: 0.03", "the key `odds` is not known here"),
        ("chance: 0.03", "chance: 3", "this must be at most 1"),
        ("screened: 12.5", "screened: -1", "this must be more than 0"),
        ("visits: Mon Tue Wed Thu Fri", "visits: Monday", "does not name days of the week"),
        ("{1: 0.60, 2: 0.35, 3: 0.05}", "{1: 0.60, 2: 0.35, 3: 0.5}", "add up to 1.45"),
        ("infection: {share: 0.5", "infection: {share: 0.6", "add up to 1.1"),
        ("limits: 8..11", "limits: 11..8", "ends below its beginning"),
        ("inclusion: {after: 7 days", "inclusion: {after: 7", "not a length of time"),
        ("spread: 1, from: assumption, reason: Visits", "spread: 1, reason: Visits", "`from` is missing"),
        ("{process: virus}", "{process: virus, about: 3}", "exactly one source, not about and process"),
        ("{laboratory: neutrophils}", "{times: 2}", "exactly one source, not none"),
    ],
)  # fmt: skip
def test_a_shape_that_is_wrong_is_told_in_words(study: Path, right: str, wrong: str, message: str) -> None:
    text = ORIGINAL.replace(right, wrong, 1)
    assert text != ORIGINAL
    found = problems(study, text)
    assert any(message in problem.message for problem in found), found
    assert all(problem.place.line for problem in found)


def test_a_form_or_item_that_nobody_answers_is_missed(study: Path) -> None:
    text = ORIGINAL.replace("temperature: {laboratory: temperature}\n      ", "")
    found = problems(study, text)
    assert ["`vital_signs.temperature` must be answered" in problem.message for problem in found] == [True]
    start, end = ORIGINAL.index("  pregnancy:\n"), ORIGINAL.index("  hcv_rna:\n")
    [problem] = problems(study, ORIGINAL[:start] + ORIGINAL[end:])
    assert problem.message == "nobody answers the form `pregnancy`"


def test_all_problems_are_told_at_once(study: Path) -> None:
    text = ORIGINAL.replace("form: ae_review", "form: ae_revue").replace(
        "{laboratory: spo2}", "{laboratory: o2}"
    )
    assert len(problems(study, text)) == 2


def test_a_study_without_virtual_people_says_so(study: Path) -> None:
    (study / "model.yaml").unlink()
    with pytest.raises(ProtocolError, match="VASCU-IL2 has no virtual people"):
        population(load(study))


# ---- what a study changes, and leaves out ----------------------------------------------------------


def changed(text: str) -> str:
    """The file with a number of the model and a hazard changed, without flares and forgotten forms."""
    file = yaml.safe_load(text)
    said = {"from": "assumption", "reason": "For a test."}
    file["parameters"] = {"treg_share": {"typical": 6, **said}}
    file["hazards"] = {"death": {"per_day": 0, **said}}
    del file["events"]["flare"], file["people"]["forgotten"]
    for form in ("vital_signs", "flare_assessment"):
        for item in ("new_sign", "suspected"):
            file["answers"][form]["items"].pop(item, None)
    file["answers"]["vital_signs"]["items"]["new_sign"] = False
    file["answers"]["flare_assessment"]["items"]["suspected"] = False
    return str(yaml.safe_dump(file, sort_keys=False, allow_unicode=True))


def test_a_study_may_change_numbers_of_its_model(study: Path) -> None:
    (study / "model.yaml").write_text(changed(ORIGINAL), "utf-8")
    protocol = load(study)
    model, usual = model_of(protocol), load_model("il2_treg")
    assert (model.parameters["treg_share"].typical, usual.parameters["treg_share"].typical) == (6, 3.27)
    assert model.parameters["treg_share"].cv == usual.parameters["treg_share"].cv
    assert model.clinic.hazards(np.ones(2))["death"].tolist() == [0, 0]
    assert usual.clinic.hazards(np.ones(2))["death"].min() > 0
    listed = {each["element"]: each for each in assumptions(protocol)}
    assert listed["model/parameters/treg_share"]["reason"] == "For a test."
    assert "il2_treg/parameters.treg_share" not in listed
    assert "il2_treg/parameters.cd4" in listed


def test_a_number_that_the_model_has_not_is_found(study: Path) -> None:
    text = (
        changed(ORIGINAL)
        .replace("  treg_share:", "  treg_shore:")
        .replace("  death:\n    per", "  deaths:\n    per")
    )
    found = [(problem.message, problem.hint) for problem in problems(study, text)]
    assert found[0] == ("there is no parameter of the model `treg_shore`", "Did you mean `treg_share`?")
    assert found[1] == ("there is no hazard of the model `deaths`", "Did you mean `death`?")


def test_people_without_flares_and_forgotten_forms_run(study: Path) -> None:
    text = (study / "study.yaml").read_text("utf-8").replace("planned: 10", "planned: 3")
    (study / "study.yaml").write_text(text, "utf-8")
    (study / "model.yaml").write_text(changed(ORIGINAL), "utf-8")
    cohort = run(load(study), 1)
    assert (~np.isnat(cohort.first_injection)).sum() == 3
    assert not cohort.logs["flare"].rows
    assert not cohort.logs["rescue"].rows
