"""Who may do what: deny unless a right is written down."""

import pytest
from record_walk import Walk

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
