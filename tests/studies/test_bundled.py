"""Every bundled study runs: check, trace, calendar, virtual people both ways, the report.

Small copies here; with all the planned participants they are marked slow.
"""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from trialrun.cli import main
from trialrun.demo.demonstration import Demonstration, demonstrate
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.lint import lint
from trialrun.protocol.trace import trace
from trialrun.simulate.population import assumptions
from trialrun.simulate.trial import run

STUDIES = sorted(bundled())
MODELLED = [name for name in STUDIES if (bundled()[name] / "model.yaml").exists()]
NEW = ["transreg_like", "dilfrequency_like"]


def smaller(name: str, folder: Path, planned: int) -> Path:
    """A copy of a bundled study with fewer participants."""
    shutil.copytree(bundled()[name], folder)
    study = folder / "study.yaml"
    text, times = re.subn(r"^  planned: \d+$", f"  planned: {planned}", study.read_text("utf-8"), flags=re.M)
    assert times == 1
    study.write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("name", STUDIES)
def test_a_bundled_study_is_clean_and_traced(name: str) -> None:
    protocol = load(name)
    assert [finding for finding in lint(protocol) if finding.resolution is None] == []
    listed = trace(protocol)
    assert all(each["elements"] or each["context"] for each in listed["statements"] + listed["further"])


@pytest.mark.parametrize("name", STUDIES)
def test_every_arm_has_a_calendar(name: str) -> None:
    protocol = load(name)
    for arm in protocol.arms or ("",):
        said = ["calendar", name, "--start", "2014-12-01", *(["--arm", arm] if arm else [])]
        result = CliRunner().invoke(main, said)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_modelled_on_another_says_so(name: str) -> None:
    standing = load(name).study.standing
    if name.endswith("_like"):
        assert standing is not None
        assert "not for enrolment" in standing("en")
        assert "ne pas inclure" in standing("fr")


@pytest.mark.parametrize("name", MODELLED)
def test_what_virtual_people_assume_is_listed_once(name: str) -> None:
    listed = [each["element"] for each in assumptions(load(name))]
    assert len(listed) == len(set(listed))
    changed = [element for element in listed if element.startswith("model/parameters/")]
    for element in changed:
        assert f"il2_treg/parameters.{element.rpartition('/')[2]}" not in listed


@pytest.mark.parametrize("name", NEW)
def test_a_small_demonstration_leaves_no_defect(name: str, tmp_path: Path) -> None:
    study = smaller(name, tmp_path / "study", 4)
    made = demonstrate(str(study), tmp_path / "out", 3)
    assert made.defects == ()
    [included] = made.ard.of("14.1.1").filter(path='["enrolled"]', column=last(made), statistic="n")["value"]
    assert included == 4
    for report in ("report.html", "report.fr.html"):
        assert 'id="out-14.2.1"' in (tmp_path / "out" / report).read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELLED)
def test_a_whole_demonstration_leaves_no_defect(name: str, tmp_path: Path) -> None:
    made = demonstrate(name, tmp_path / "out", 1)
    assert made.defects == ()
    [dosed] = made.ard.of("14.1.1").filter(path='["dosed"]', column=last(made), statistic="n")["value"]
    assert dosed >= 10


def last(made: Demonstration) -> str:
    """The column of everyone."""
    return made.ard.columns["14.1.1"][-1].key


def test_a_disease_that_is_full_takes_nobody_else(tmp_path: Path) -> None:
    study = smaller("transreg_like", tmp_path / "study", 14)
    text = (study / "study.yaml").read_text("utf-8")
    (study / "study.yaml").write_text(
        text.replace("_arthritis: 12, spondylitis: 12", "_arthritis: 1, spondylitis: 1")
    )
    protocol = load(study)
    cohort = run(protocol, 1)
    included = np.flatnonzero(~np.isnat(cohort.included))
    sheet = cohort.sheets["disease"]
    codes = list(protocol.item("disease", "diagnosis").codes)
    kinds = [codes[int(code)] for code in sheet.values["diagnosis"][included, 0]]
    assert kinds.count("rheumatoid_arthritis") <= 1
    assert kinds.count("spondylitis") <= 1
    assert len(included) == 14


def test_virtual_people_keep_the_windows_of_maintenance(tmp_path: Path) -> None:
    protocol = load(smaller("transreg_like", tmp_path / "study", 6))
    cohort = run(protocol, 2)
    first = cohort.injections.at("M.D1").astype("datetime64[D]")
    strayed: set[int] = set()
    for k, point in enumerate(p for p in protocol.doses if p.cycle == "M"):
        on = cohort.injections.at(point.id).astype("datetime64[D]")
        known = ~np.isnat(on)
        assert np.is_busday(on[known]).all()
        strayed |= {int(days) - 14 * k for days in (on - first)[known].astype(np.int64)}
    assert strayed > {0}
    assert min(strayed) >= -3
    assert max(strayed) <= 3


def test_virtual_people_come_after_an_event(tmp_path: Path) -> None:
    protocol = load(smaller("dilfrequency_like", tmp_path / "study", 12))
    cohort = run(protocol, 1)
    came = ~np.isnat(cohort.sheets["self_check"].at("EVENT"))
    marked = {
        row["participant"]
        for row in cohort.logs["ae"].rows
        if row["category"] == "hypoglycaemia" or row["grade"] >= 3
    }
    assert came.any()
    assert set(np.flatnonzero(came)) <= marked
    joined = cohort.sheets["consent"].values["mechanistic"][:, 0] == 1
    sampled = ~np.isnat(cohort.collected["pbmc", "SCR"])
    np.testing.assert_array_equal(sampled, joined)


def test_who_misses_what_the_table_counts_holds_nobody_up(tmp_path: Path) -> None:
    study = smaller("dilfrequency_like", tmp_path / "study", 4)
    text = (study / "model.yaml").read_text("utf-8")
    (study / "model.yaml").write_text(text.replace("missed_visit: {chance: 0.02", "missed_visit: {chance: 1"))
    cohort = run(load(study), 1)
    assert np.isnat(cohort.sheets["cytometry"].at("TROUGH")).all()
    included = np.flatnonzero(~np.isnat(cohort.included))
    arms = [cohort.arm_of(int(one)) for one in included[np.argsort(cohort.included[included])]]
    assert arms == ["R1"] * 4  # nobody can be counted, and everyone makes room for another


def test_nobody_is_screened_beyond_the_cohort(tmp_path: Path) -> None:
    """While a cohort is judged, people wait outside: their screening would run out."""
    cohort = run(load(smaller("dilfrequency_like", tmp_path / "study", 6)), 3)
    screened = np.flatnonzero(~np.isnat(cohort.consented))
    for one in screened:
        begins = cohort.consented[one]
        inside = (cohort.consented[screened] <= begins) & ~(cohort.ended[screened] < begins)
        waiting = inside & ~(cohort.included[screened] <= begins)
        assert waiting.sum() <= 2
