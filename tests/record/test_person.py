"""Who may do what: deny unless a right is written down."""

import pytest
from record_walk import Walk, later

from trialrun.record.person import RIGHTS, ROLES, Person
from trialrun.record.refusal import Refused


def test_every_role_has_its_rights_written_down() -> None:
    assert set(RIGHTS) == set(ROLES)


def test_monitors_and_data_managers_never_touch_clinical_values() -> None:
    clinical = {
        "enrol",
        "enter",
        "write",
        "correct",
        "collect",
        "include",
        "dose",
        "decide",
        "sign",
        "attach",
    }
    for role in ("monitor", "data manager"):
        assert not RIGHTS[role] & clinical


def test_only_the_investigator_includes_and_decides() -> None:
    assert [role for role, acts in RIGHTS.items() if acts & {"include", "decide"}] == ["investigator"]


@pytest.mark.parametrize("role", ["monitor", "data manager"])
def test_an_act_without_the_right_is_refused_with_who_may(walk: Walk, role: str) -> None:
    walk.trial.register(Person("mo", "Mo Nitor", role), by="anna", key="register-mo")
    with pytest.raises(Refused, match="has no right to `enrol`") as refused:
        walk.trial.enrol("PSL", by="mo", key="by-mo")
    assert "investigator, nurse" in refused.value.render()
    assert walk.trial.subjects() == ()


@pytest.mark.parametrize(
    ("role", "form", "able"),
    [
        ("laboratory", "laboratory", True),
        ("laboratory", "vital_signs", False),
        ("nurse", "laboratory", True),
        ("nurse", "ae_review", False),
        ("pharmacist", "ae_review", False),
        ("adjudicator", "ae_review", False),
        ("investigator", "vital_signs", True),
    ],
)
def test_a_form_is_filled_by_those_it_is_for(walk: Walk, role: str, form: str, able: bool) -> None:
    walk.trial.register(Person("x", "X Y", role), by="anna", key="register-x")
    walk.begin()
    with pytest.raises(Refused) as refused:
        walk.enter(form, "C1.D1", later(0, 1), {"bogus": 1}, by="x")
    assert ("by" not in refused.value.names()) == able


def test_adjudicators_answer_what_a_log_leaves_open_for_them(walk: Walk) -> None:
    walk.trial.register(Person("ada", "Ada J", "adjudicator"), by="anna", key="register-ada")
    walk.begin()
    flare = {"organ": "purpura", "major": False, "onset": "2008-03-18"}
    walk.write("flare", "1", later(1), flare)
    with pytest.raises(Refused, match="does not fill «Vasculitis flare»"):
        walk.correct("flare", "1", {"major": True}, by="ada")
    walk.correct("flare", "1", {"adjudicated": True}, by="ada")


def test_investigators_are_registered_by_investigators(walk: Walk) -> None:
    walk.trial.register(Person("dm", "Dee", "data manager"), by="anna", key="dm")
    walk.trial.register(Person("nora", "Nora", "nurse"), by="dm", key="nora")
    with pytest.raises(Refused, match="does not register an investigator"):
        walk.trial.register(Person("ivan", "Ivan", "investigator"), by="dm", key="ivan")
    with pytest.raises(Refused, match="contains a `/`"):
        walk.trial.enrol("PSL", by="anna", key="a/b")
    assert walk.trial.person("ivan") is None
