"""The model without a mechanism: what is stated is what happens, each person apart from the others."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.problem import ProtocolError
from trialrun.simulate.models.stated import Stated
from trialrun.simulate.population import assumptions, model_of, population
from trialrun.simulate.stated import Course, Quantity, StatedFile

WHY: dict[str, Any] = {"from": "assumption", "reason": "A test."}
REACTIONS = {"chance": {"a": 0.2, "b": 0.0}, "kinds": {"x": 0.5, "y": 0.5}, "worst_grade": {1: 0.9, 3: 0.1}}


def model(**change: Any) -> Stated:
    """One quantity around 50, which changes in arm `a`."""
    quantity = {"unit": "1", "about": 50, "spread": 0, "within": 2, **change, **WHY}
    said = {
        "quantities": {"q": quantity},
        "reactions": {**REACTIONS, **WHY},
        "death": {"per_year": 0.1, **WHY},
    }
    return Stated.load(StatedFile.model_validate(said))


def seen(of: Stated, days: float, arm: str = "a", doses: tuple[float, ...] = (0.0,), z: float = 0.0) -> float:
    """The quantity so many days after the first dose."""
    values = of.draw(np.array([[0.0, z]]))
    state = of.start(values, np.zeros(1))
    for dose in doses:
        state = of.inject(of.advance(state, values, np.array([dose])), np.array([0]), 1.0, arm)
    return float(of.observe(of.advance(state, values, np.array([days])), values)["q"][0])


def test_half_of_the_change_is_there_after_its_half_time() -> None:
    of = model(change={"a": {"most": -10, "half": "2 weeks"}})
    assert seen(of, 0) == 50
    assert seen(of, 14) == 45
    assert seen(of, 1e7) == pytest.approx(40, abs=1e-3)
    assert seen(of, 100, arm="b") == 50


def test_a_change_per_week_ends() -> None:
    of = model(change={"a": {"per_week": 2, "until": "3 weeks"}})
    assert [seen(of, days) for days in (7, 21, 70)] == [52, 56, 56]


def test_on_a_log_scale_changes_are_factors() -> None:
    of = model(scale="log", change={"a": {"most": 0.25, "half": "1 weeks"}})
    assert seen(of, 7) == pytest.approx(25)
    values, state = of.draw(np.zeros((1, 2))), of.start(of.draw(np.zeros((1, 2))), np.zeros(1))
    assert of.observe(state, values)["q"][0] == pytest.approx(50)
    assert of.measure({"q": np.array([50.0])}, {"q": np.array([1.0])})["q"][0] == pytest.approx(
        50 * np.exp(2)
    )


def test_what_was_gained_wanes_once_doses_act_no_more() -> None:
    of = model(change={"a": {"per_week": 7, "lasts": "7 days", "wanes": "10 days"}})
    assert seen(of, 7) == 57
    assert seen(of, 17) == 50 + 7 / 2
    assert seen(of, 17, doses=(0.0, 10.0)) == 67
    assert seen(of, 27, doses=(0.0, 10.0)) == 50 + 17 / 2


def test_people_differ_by_the_spread() -> None:
    of = model(change={"a": {"most": -10, "half": "1 days", "spread": 4}})
    assert seen(of, 1, z=1.5) == 50 + (-10 + 6) / 2


def test_everyone_is_the_arm_of_a_study_without_arms() -> None:
    of = model(change={"most": -10, "half": "1 days"})
    assert seen(of, 1, arm="") == 45


def test_values_stay_within_their_limits() -> None:
    of = model(limits="0..48", change={"a": {"per_week": 7}})
    assert seen(of, 50) == 48
    assert of.measure({"q": np.array([48.0])}, {"q": np.array([3.0])})["q"][0] == 48


@given(st.lists(st.tuples(st.floats(0, 50), st.sampled_from("ab"), st.floats(-3, 3)), min_size=2, max_size=6))
def test_nobody_depends_on_who_else_is_there(people: list[tuple[float, str, float]]) -> None:
    of = model(
        spread=3,
        change={"a": {"most": -10, "half": "5 days", "spread": 2, "lasts": "9 days", "wanes": "4 days"}},
    )
    normals = np.array([[z, -z] for _, _, z in people])
    values = of.draw(normals)
    state = of.advance(
        of.start(values, np.zeros(len(people))), values, np.array([day for day, _, _ in people])
    )
    for i, (_, arm, _) in enumerate(people):
        state = of.inject(state, np.array([i]), 1.0, arm)
    late = np.full(len(people), 80.0)
    together = of.observe(of.advance(state, values, late), values)["q"]
    for i, (day, arm, _) in enumerate(people):
        mine = of.draw(normals[i : i + 1])
        alone = of.advance(of.start(mine, np.zeros(1)), mine, np.array([day]))
        alone = of.advance(of.inject(alone, np.array([0]), 1.0, arm), mine, np.array([80.0]))
        assert of.observe(alone, mine)["q"][0] == together[i]
        assert state.take(np.array([i])).t[0] == day


def test_reactions_come_as_often_as_stated() -> None:
    of = model()
    chances = [-np.expm1(-of.reaction_hazard(np.array([1.0, 9.0]), arm)) for arm in "ab"]
    np.testing.assert_allclose(chances, [[0.2, 0.2], [0, 0]])
    assert of.clinic.worst_grade(np.array([0.0, 0.89, 0.91, 0.999])).tolist() == [1, 1, 3, 3]
    assert of.clinic.reaction(np.array([0.4, 0.6])).tolist() == ["x", "y"]
    assert of.hazards(of.start(of.draw(np.zeros((1, 2))), np.zeros(1)))["death"][0] == pytest.approx(
        0.1 / 365.25
    )


def test_time_does_not_run_backwards_and_doses_are_known() -> None:
    of = model()
    values = of.draw(np.zeros((1, 2)))
    state = of.start(values, np.array([3.0]))
    with pytest.raises(ValueError, match="in a participant's past"):
        of.advance(state, values, np.array([2.0]))
    with pytest.raises(ValueError, match="unknown, negative or infinite"):
        of.inject(state, np.array([0]), -1.0)
    with pytest.raises(ValueError, match="expected \\(N, 2\\)"):
        of.draw(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("course", "complaint"),
    [
        ({}, "either `most` and `half`, or `per_week`"),
        ({"most": 1}, "`most` and `half` go together"),
        ({"most": 1, "half": "1 days", "until": "2 days"}, "`until` ends a change `per_week`"),
        ({"per_week": 1, "lasts": "2 days"}, "`lasts` and `wanes` go together"),
    ],
)
def test_a_course_is_whole(course: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Course.model_validate(course)


def test_a_log_scale_has_no_zero() -> None:
    said = {"unit": "1", "scale": "log", "about": 3, "spread": 0, "within": 0, **WHY}
    with pytest.raises(ValidationError, match="changes are factors"):
        Quantity.model_validate({**said, "change": {"per_week": -1}})


# ---- in a study ----------------------------------------------------------------------------------


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    shutil.copytree(bundled()["parallel_blank"], folder)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("        active: {most: -16", "        actve: {most: -16", "there is no arm `actve`"),
        (
            "chance: {active: 0.06, placebo: 0.03}",
            "chance: {active: 0.06}",
            "no chance of reactions is stated for the arm `placebo`",
        ),
        (
            "chance: {active: 0.06, placebo: 0.03}",
            "chance: 0.06",
            "no chance of reactions is stated for the arm `active`",
        ),
        ("model: stated", "model: il2_treg", "`stated` goes with `model: stated`"),
        ("headache: 0.5, nausea", "headache: 0.4, nausea", "the shares of `kinds` add up to 0.9"),
        ("{quantity: score}", "{quantity: scor}", "there is no quantity `scor`"),
        ("half: 2 weeks, spread: 9, lasts", "spread: 9, lasts", "`most` and `half` go together"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(blank: Path, old: str, new: str, complaint: str) -> None:
    text = (blank / "model.yaml").read_text("utf-8")
    assert old in text
    (blank / "model.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ProtocolError) as told:
        population(load(blank))
    assert complaint in str(told.value)
    assert "model.yaml:" in str(told.value)


def test_every_number_is_told_once_with_where_it_comes_from() -> None:
    protocol = load("parallel_blank")
    assert model_of(protocol).statements() == []
    told = [one["element"] for one in assumptions(protocol)]
    assert len(told) == len(set(told))
    assert {"model/stated/quantities/score", "model/stated/reactions", "model/stated/death"} <= set(told)
