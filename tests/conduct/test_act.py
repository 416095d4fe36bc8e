import numpy as np

from trialrun.conduct.act import acts, due


def listed(story, day, hour=12, language="en"):
    return {(a.kind, a.name, a.point): a for a in acts(story.cohort, 0, story.at(day, hour)[0], language)}


def names(story, day, hour=12):
    return {(a.kind, a.name) for a in due(story.cohort, 0, story.at(day, hour)[0])}


def test_before_consent_only_consent_is_due(story):
    assert names(story, -14) == {("form", "consent")}
    found = listed(story, -14)
    assert (
        str(found["form", "demography", "SCR"].reasons[0]) == "no signed consent → record the consent first"
    )
    assert found["include", "include", "SCR"].status == "forbidden"


def test_screening_is_due_until_it_is_filled_and_then_inclusion(story):
    story.fill("consent", "SCR", -14)
    assert {("form", "demography"), ("form", "prior_therapy"), ("specimen", "treg_blood")} <= names(
        story, -14
    )
    story.screen()
    left = names(story, -13)
    assert ("include", "include") in left
    assert not {("form", "demography"), ("form", "prior_therapy")} & left
    story.include()
    assert listed(story, 0)["include", "include", "SCR"].status == "done"


def test_day_1_is_due_with_its_forms(story):
    story.screen().include()
    found = listed(story, 0)
    assert found["injection", "injection", "C1.D1"].status == "forbidden"
    assert len(found["injection", "injection", "C1.D1"].reasons) == 3 + 4  # every protection and permission
    assert found["injection", "injection", "C1.D2"].status == "later"
    story.visit("C1.D1", 0)
    assert ("injection", "injection") in names(story, 0)
    assert found["injection", "injection", "C1.D1"].title == "W1 D1: 1.5 million IU"
    assert (
        listed(story, 0, language="fr")["injection", "injection", "C1.D1"].title == "S1 J1: 1.5 millions d'UI"
    )
    assert (
        listed(story, 0, language="fr")["form", "ae_review", "C1.D1"].title
        == "Revue des événements indésirables"
    )


def test_what_does_not_apply_is_not_asked(story):
    story.screen().include()
    assert ("form", "pregnancy") in names(story, 0)
    story.fill("demography", "SCR", -14, sex="M")
    assert ("form", "pregnancy") not in names(story, 0)


def test_a_decision_without_its_review_is_forbidden_and_says_why(story):
    story.dosed().visit("tolerance_C1", 19, without=("ae_review",))
    decision = listed(story, 19)["decision", "tolerance_C1", "tolerance_C1"]
    assert decision.status == "forbidden"
    assert decision.reasons[0].condition == "needs.ae_review"
    assert ("form", "ae_review") in names(story, 19)
    story.fill("ae_review", "tolerance_C1", 19)
    assert ("decision", "tolerance_C1") in names(story, 19)
    assert listed(story, 24, 8)["decision", "tolerance_C1", "tolerance_C1"].status == "forbidden"  # old forms


def test_after_a_stop_no_injection_but_the_follow_up(story):
    story.dosed()
    story.cohort.stop(story.everyone, "stops.rescue", story.at(10))
    found = listed(story, 77)
    assert {a.status for a in found.values() if a.kind == "injection" and a.point != "C1"} == {"done", "void"}
    assert found["decision", "tolerance_C1", "tolerance_C1"].status == "void"
    assert ("form", "vital_signs", "W11") in found
    assert found["form", "vital_signs", "W11"].status == "due"


def test_after_the_end_nothing_is_due(story):
    story.dosed()
    story.visit("W11", 77)
    story.fill("end_of_participation", "any time", 80, status="lost")
    assert names(story, 81) == set()
    assert np.isnat(story.cohort.stopped[0])


def test_acts_of_one_among_many_are_those_of_one_alone(people):
    many, alone = people(3), people(1).dosed()
    many.dosed()
    many.cohort.stop(np.array([0, 2]), "stops.rescue", many.at(6)[:2])
    now = alone.at(19)[0]
    assert [str(a) for a in acts(many.cohort, 1, now)] == [str(a) for a in acts(alone.cohort, 0, now)]
