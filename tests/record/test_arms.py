"""A trial with arms: who gets which is drawn when it is given, recorded with it, and kept to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arms_walk import PEOPLE, SetClock, at, begun, check, included, said, screened
from small_study import small
from trialrun.protocol.protocol import Protocol
from trialrun.record.refusal import Refused
from trialrun.record.trial import Trial
from trialrun.tables.build import build


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return small(tmp_path_factory.mktemp("arms"))


@pytest.fixture
def trial(study: Protocol) -> Trial:
    return Trial.in_memory(study, virtual=True, clock=SetClock(), people=PEOPLE)


def test_the_entry_holds_the_arm_and_the_block_and_nothing_was_stored_ahead(trial: Trial) -> None:
    subject = included(trial, "B")
    entry = list(trial.store.chain(f"participant:{subject}"))[-1]
    assert (entry.act, entry.payload["arm"], entry.payload["block"]) == ("include", "B", 4)
    chains = ("trial", "site:ONE", f"participant:{subject}")
    stored = [e for chain in chains for e in trial.store.chain(chain) if e.act != "include"]
    assert "arm" not in {key for entry in stored for key in entry.payload}


def test_replay_gives_the_same_arm(trial: Trial) -> None:
    subject = included(trial, "B")
    assert trial.projection(subject).cohort.arm_of(0) == "B"


def test_the_second_of_a_block_of_two_has_the_other_arm(trial: Trial) -> None:
    first = included(trial, "A")  # a block of 2, since the first size was drawn
    second = included(trial)
    arms = {trial.projection(subject).cohort.arm_of(0) for subject in (first, second)}
    assert arms == {"A", "B"}


def test_strata_have_blocks_of_their_own(trial: Trial) -> None:
    included(trial, "A", sex="F")
    other = included(trial, "A", sex="M")
    elsewhere = included(trial, "A", site="TWO")
    assert [trial.projection(s).cohort.arm_of(0) for s in (other, elsewhere)] == ["A", "A"]


def test_a_real_trial_draws_by_its_own_chance(study: Protocol) -> None:
    class Now:
        def now(self) -> datetime:
            return datetime.now(UTC)

    from trialrun.journal.clock import SystemClock

    trial = Trial.in_memory(study, virtual=False, clock=SystemClock(), people=PEOPLE)
    when = datetime.now() - timedelta(days=2)  # noqa: DTZ005
    subject = trial.enrol("ONE", **said())
    trial.enter(subject, "consent", "SCR", when, {"signed": True, "blood": True}, **said())
    trial.enter(subject, "person", "SCR", when, {"sex": "F", "height": 180, "weight": 80}, **said("nils"))
    with pytest.raises(Refused) as refused:
        trial.include(subject, when + timedelta(hours=1), chance=lambda below: 0, **said())
    assert "by chance alone" in str(refused.value)
    trial.include(subject, when + timedelta(hours=1), **said())
    assert trial.projection(subject).cohort.arm_of(0) in ("A", "B")


def test_what_belongs_to_another_arm_is_refused(trial: Trial) -> None:
    subject = included(trial, "B")
    with pytest.raises(Refused) as refused:
        trial.dose(subject, "LOAD.D1", at(trial, 0), {"given": True, "dose": 40}, **said("nils"))
    assert "is not for the arm «Series»" in str(refused.value)
    trial.enter(subject, "check", "S1.D1", at(trial, 0), {"well": True, "pulse": 70}, **said("nils"))
    trial.dose(subject, "S1.D1", at(trial, 0.1), {"given": True, "dose": 40}, **said("nils"))


def wrong_kit(trial: Trial) -> str:
    """Someone of arm B who was given what arm A is to have."""
    subject = included(trial, "B")
    given = {"given": True, "dose": 40}
    trial.dose(subject, "LOAD.D1", at(trial, 0.1), given, deviation="the wrong kit was given", **said("nils"))
    return subject


def test_a_dose_of_another_arm_that_was_really_given_is_recorded_as_a_deviation(trial: Trial) -> None:
    subject = wrong_kit(trial)
    known = trial.projection(subject)
    entry = next(e for e in trial.store.chain(f"participant:{subject}") if e.act == "dose")
    assert [broken["condition"] for broken in entry.payload["broken"]] == ["arm"]
    assert str(known.cohort.first_injection[0]) == "2020-03-09T12:24"
    assert known.filled["deviation", "dose LOAD.D1"]


def test_stops_and_days_see_a_dose_of_another_arm(trial: Trial) -> None:
    subject = wrong_kit(trial)
    with pytest.raises(Refused) as refused:
        trial.dose(subject, "S1.D1", at(trial, 0.2), {"given": True, "dose": 40}, **said("nils"))
    assert "another injection was given that day" in str(refused.value)
    event = {"term": "rash", "onset": "2020-03-10", "severe": True}
    trial.write(subject, "event", "1", at(trial, 1), event, **said())
    assert trial.projection(subject).cohort.stop_rule[0] == "stops.severe"


def test_a_dose_of_another_arm_is_not_one_that_was_missed(trial: Trial) -> None:
    subject = included(trial, "B")
    with pytest.raises(Refused) as refused:
        trial.dose(subject, "LOAD.D2", at(trial, 2), {"given": False}, **said("nils"))
    assert "is not for the arm «Series»" in str(refused.value)


def test_the_actual_arm_is_that_of_what_was_taken(trial: Trial, study: Protocol) -> None:
    columns = ("ARMCD", "ACTARMCD", "ARMNRS", "ACTARMUD")
    subject = wrong_kit(trial)
    assert build(study, trial.facts())["DM"].select(columns).rows() == [("B", "A", None, None)]
    trial.enter(subject, "check", "S1.D1", at(trial, 1), {"well": True, "pulse": 70}, **said("nils"))
    trial.dose(subject, "S1.D1", at(trial, 1.1), {"given": True, "dose": 40}, **said("nils"))
    assert build(study, trial.facts())["DM"].select(columns).rows() == [
        ("B", None, "UNPLANNED TREATMENT", "Doses of Load, Series 1")
    ]


def test_a_dose_by_surface_is_refused_where_it_is_not_the_planned_one(trial: Trial) -> None:
    subject = included(trial, "B")
    trial.enter(subject, "check", "S1.D1", at(trial, 0), {"well": True, "pulse": 70}, **said("nils"))
    with pytest.raises(Refused) as refused:
        trial.dose(subject, "S1.D1", at(trial, 0.1), {"given": True, "dose": 45}, **said("nils"))
    assert "the planned dose is 40 mg, not 45 mg" in str(refused.value)


def test_a_visit_that_an_event_brings_waits_for_it(trial: Trial) -> None:
    subject = included(trial, "B")
    trial.enter(subject, "check", "S1.D1", at(trial, 0), {"well": True, "pulse": 70}, **said("nils"))
    trial.dose(subject, "S1.D1", at(trial, 0.1), {"given": True, "dose": 40}, **said("nils"))
    seen = {"well": True, "pulse": 70}
    with pytest.raises(Refused) as refused:
        trial.enter(subject, "check", "SEEN", at(trial, 8), seen, **said("nils"))
    assert "waits for «first event»" in str(refused.value)
    event = {"term": "rash", "onset": "2020-03-12", "severe": False}
    trial.write(subject, "event", "1", at(trial, 8), event, **said())
    trial.enter(subject, "check", "SEEN", at(trial, 8.1), seen, **said("nils"))


def refusal(trial: Trial, subject: str, point: str, day: float) -> str:
    with pytest.raises(Refused) as refused:
        check(trial, subject, point, day)
    return str(refused.value)


@pytest.fixture
def soon(tmp_path: Path) -> Trial:
    """Follow-up begins so soon that its planned day comes before the dose that it is counted from."""
    changes = (
        ("after: last dose + 28 days", "after: last dose + 4 days"),
        ("after: first dose + 140 days", "after: first dose + 3 days"),
    )
    return Trial.in_memory(small(tmp_path, *changes), virtual=True, clock=SetClock(), people=PEOPLE)


def test_a_visit_after_the_last_dose_waits_for_it(soon: Trial) -> None:
    subject = begun(soon, 0, 14, 28)
    assert "LATE waits for the last dose" in refusal(soon, subject, "LATE", 43)
    check(soon, subject, "LATE", 47)  # the fourth was left out by then


def test_a_visit_after_the_first_dose_or_a_course_waits_for_it(soon: Trial) -> None:
    subject = included(soon, "B")
    assert "W20 waits for the first dose" in refusal(soon, subject, "W20", 1)
    assert "S1.D8 waits for the course S1" in refusal(soon, subject, "S1.D8", 6)


def test_a_visit_of_a_course_that_was_left_out_is_refused(trial: Trial) -> None:
    subject = begun(trial, 0)
    assert "course S2 does not take place" in refusal(trial, subject, "S2.D8", 21)


def test_visits_as_needed_come_one_after_the_other(trial: Trial) -> None:
    subject = begun(trial, 0)
    assert "EXTRA_1 comes before EXTRA_2" in refusal(trial, subject, "EXTRA_2", 3)
    check(trial, subject, "EXTRA_1", 4)
    assert "EXTRA_1 comes before EXTRA_2" in refusal(trial, subject, "EXTRA_2", 3.5)
    check(trial, subject, "EXTRA_2", 5)


def test_a_visit_as_needed_does_not_precede_consent(trial: Trial) -> None:
    at(trial, -7)
    assert "no signed consent" in refusal(trial, trial.enrol("ONE", **said()), "EXTRA_1", 0)


@pytest.mark.parametrize("joined", [True, False])
def test_nothing_is_recorded_for_a_substudy_without_its_consent(trial: Trial, joined: bool) -> None:
    subject = included(trial, "B", blood=joined)
    trial.enter(subject, "check", "S1.D1", at(trial, 0), {"well": True, "pulse": 70}, **said("nils"))
    trial.dose(subject, "S1.D1", at(trial, 0.1), {"given": True, "dose": 40}, **said("nils"))

    def keep() -> None:
        trial.enter(subject, "kept", "W20", at(trial, 140), {"tubes": 3}, **said("lab"))

    if joined:
        keep()
        return
    with pytest.raises(Refused) as refused:
        keep()
    assert "joined «Biobank»" in str(refused.value)


def test_the_limit_of_a_kind_closes_the_trial_to_it(trial: Trial) -> None:
    for _ in range(5):
        included(trial, sex="F")
    with pytest.raises(Refused) as refused:
        included(trial, sex="F")
    assert "at most 5 are planned" in str(refused.value)
    included(trial, sex="M")


def test_the_tables_say_who_is_in_which_arm(trial: Trial, study: Protocol) -> None:
    subject = included(trial, "B")
    screened(trial)
    trial.enter(subject, "check", "S1.D1", at(trial, 0), {"well": True, "pulse": 70}, **said("nils"))
    trial.dose(subject, "S1.D1", at(trial, 0.1), {"given": True, "dose": 40}, **said("nils"))
    people = build(study, trial.facts())["DM"].select("SUBJID", "ARMCD", "ARM", "ACTARM", "ARMNRS").rows()
    assert people == [
        ("ONE-001", "B", "Series", "Series", None),
        ("ONE-002", None, None, None, "NOT ASSIGNED"),
    ]


def test_what_was_planned_by_surface_stays_what_it_was(trial: Trial, study: Protocol) -> None:
    subject = begun(trial, 0)
    taller = {"sex": "F", "height": 190, "weight": 95}
    when = at(trial, -7)
    at(trial, 1)
    trial.enter(subject, "person", "SCR", when, taller, reason="measured again", **said("nils"))
    exposed = build(study, trial.facts())["EX"]
    assert exposed.select("EXPDOSE", "EXDOSE").rows() == [(40.0, 40.0)]
