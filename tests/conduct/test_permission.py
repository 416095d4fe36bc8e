import numpy as np
import pytest

from trialrun.conduct.permission import may_include


def refused(story, day=-1):
    return {r.condition: str(r) for r in may_include(story.cohort, story.everyone, story.at(day)).reasons()}


# ---- inclusion -----------------------------------------------------------------------------------


def test_complete_screening_permits_inclusion(story):
    assert refused(story.screen()) == {}


def test_without_consent_nothing_is_permitted(story):
    story.screen(without=("consent",))
    assert set(refused(story)) == {"consent", "eligibility.consented"}
    assert "fill «Consent» at SCR («Consent signed»)" in refused(story)["eligibility.consented"]
    assert "consent" in story.against("C1.D1", 0)
    story.fill("consent", "SCR", 3)
    assert "consent" in refused(story)  # a consent that came later does not count


def test_eligibility_says_what_is_missing_and_what_is_not_met(story):
    story.screen()
    story.fill("demography", "SCR", -14, age=17)
    story.fill("laboratory", "SCR", -14, egfr=None)
    said = refused(story)
    assert set(said) == {"eligibility.adult", "eligibility.renal"}
    assert said["eligibility.adult"].startswith("Aged 18 to 75 years: age 17 a is not between 18 a and 75 a")
    assert (
        "fill «Safety laboratory» at SCR («Estimated glomerular filtration rate»)"
        in said["eligibility.renal"]
    )


def test_a_list_that_is_not_confirmed_proves_nothing(story):
    story.screen()
    story.fill("vasculitis_history", "SCR", -14, earlier_complete=None)
    said = refused(story)
    assert set(said) == {"eligibility.cryoglobulin", "eligibility.refractory"}
    assert "confirm «All earlier treatment lines" in said["eligibility.refractory"]


def test_nobody_is_included_twice_or_after_the_end(story):
    story.screen().include()
    assert set(refused(story, 0)) == {"included"}
    story.fill("end_of_participation", "any time", 2, status="withdrawn")
    assert set(refused(story, 3)) == {"included", "participation"}


# ---- before a course -----------------------------------------------------------------------------


def test_a_first_course_is_given_as_planned(story):
    story.screen().include()
    story.visit("C1.D1", 0)
    assert story.may("C1.D1", 0, amount=1.5).permitted.all()
    assert set(story.against("C1.D2", 1)) >= {"course"}


def test_the_second_course_waits_for_the_decision(story):
    story.dosed().visit("C2.D1", 21)
    assert set(story.against("C2.D1", 21)) == {"decisions.tolerance_C1"}
    assert "the decision «Tolerance of the first course» has not been made" in str(story.against("C2.D1", 21))
    story.decide(19)
    assert story.may("C2.D1", 21, amount=3).permitted.all()
    assert "decisions.tolerance_C1" in story.against(
        "C2.D1", 19, hour=9
    )  # at its moment it had not been made


def test_a_hold_keeps_the_course_shut_and_then_stops(story):
    story.dosed()
    story.decide(19, infection=True)
    story.visit("C2.D1", 21)
    assert story.against("C2.D1", 21) == {
        "decisions.tolerance_C1.hold": "on hold until 2008-04-12 by the decision "
        "«Tolerance of the first course» → decide again, by 2008-04-12 at the latest"
    }
    assert story.protect(26) == []
    assert set(story.against("C2.D1", 27)) == {"stopped"}  # also before anyone has looked
    assert story.protect(27) == ["decisions.tolerance_C1.hold"]
    assert "a hold ran out without a decision" in story.against("C2.D1", 27, hour=13)["stopped"]


def test_a_missing_pregnancy_test_blocks_the_next_course(story):
    story.ambulatory().visit("C2.D1", 21, without=("pregnancy",))
    assert story.against("C2.D1", 21) == {
        "before_course.not_pregnant": "Pregnancy test negative: not known (pregnancy test) → "
        "fill «Pregnancy test» at C2.D1 («Result»)"
    }
    story.fill("demography", "SCR", -14, sex="M")
    assert story.may("C2.D1", 21).permitted.all()


def test_values_that_do_not_permit_are_said_with_their_units(story):
    story.ambulatory().visit("C2.D1", 21)
    story.fill("laboratory", "C2.D1", 21, platelets=60, creatinine=130)
    said = story.against("C2.D1", 21)
    assert "platelets 60 × 10⁹/L is below 75 × 10⁹/L → put the course off" in said["before_course.blood"]
    assert "creatinine 130 µmol/L is above 1.5 × creatinine baseline" in said["before_course.kidney_liver"]


@pytest.mark.parametrize("form", ["ae_review", "flare_assessment"])
def test_no_course_begins_before_the_last_one_was_reviewed(story, form):
    story.ambulatory().visit("C2.D1", 21, without=(form,))
    assert set(story.against("C2.D1", 21)) == {"before_course.reviewed"}


def test_old_values_do_not_open_a_course_that_slipped(story):
    story.ambulatory().visit("C2.D1", 21)
    said = story.against("C2.D1", 25)
    assert "before_dose.vital_signs" in said
    assert "at C2.D1 (" in said["before_course.blood"]
    assert "again: what stands there is of 2008-04-07 09:00" in said["before_course.blood"]
    story.visit("C2.D1", 25)
    assert story.may("C2.D1", 25).permitted.all()


def test_a_course_too_early_too_late_and_left_out(story):
    story.ambulatory()
    for day in (20, 28, 29):
        story.visit("C2.D1", day)
        said = story.against("C2.D1", day, hour=23)
        assert set(said) == {20: {"window"}, 28: set(), 29: {"omitted"}}[day]
    assert "course C2 could begin until 2008-04-14 and is left out → it is never caught up" in said["omitted"]
    assert "wait until 2008-04-07" in story.against("C2.D1", 20)["window"]


def test_an_injection_dated_back_does_not_escape_a_hold_or_a_stop(story):
    story.dosed()
    story.decide(19, infection=True)
    story.visit("C2.D1", 21)
    assert set(story.against("C2.D1", 21)) == {"decisions.tolerance_C1.hold"}
    assert set(story.against("C2.D1", 21, entered=story.at(27))) == {"stopped"}
    story.cohort.stop(story.everyone, "stops.rescue", story.at(24))
    assert set(story.against("C2.D1", 21, entered=story.at(23))) == {"decisions.tolerance_C1.hold"}
    assert set(story.against("C2.D1", 21, entered=story.at(24))) == {"stopped"}


@pytest.mark.parametrize("lacking", [{"grade": None}, {"related": None}, {"onset": None}, {"ended": -1}])
def test_no_course_begins_while_an_event_cannot_be_judged(story, lacking):
    story.ambulatory().visit("C2.D1", 21)
    if "ended" in lacking:
        lacking = {"ended": story.date(lacking["ended"])}
    story.event(5, row="a", **{"grade": 3, "related": False, **lacking})
    assert set(story.against("C2.D1", 21)) == {"before_course.reviewed"}
    story.row("ae", 5, row="a", grade=3, related=False, onset=story.date(5), ended=story.date(8))
    assert story.may("C2.D1", 21).permitted.all()


def test_eligibility_that_was_corrected_shuts_the_first_course(story):
    story.screen().include().visit("C1.D1", 0)
    assert story.may("C1.D1", 0).permitted.all()
    story.fill("demography", "SCR", -14, age=17)
    story.fill("exclusions", "SCR", -14, contraindicated=None)
    said = story.against("C1.D1", 0)
    assert set(said) == {"eligibility.adult", "eligibility.contraindication"}
    assert "do not give it; correct the form if it is wrong" in said["eligibility.adult"]
    story.inject("C1.D1", 0)
    story.visit("C1.D2", 1)
    assert story.may("C1.D2", 1).permitted.all()  # what was begun is for the stops to end


# ---- where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "point", "allowed"),
    [
        ("ambulatory", "C1.D1", {"hospital"}),
        ("ambulatory", "C2.D1", {"hospital", "day_hospital"}),
        ("ambulatory", "C2.D2", {"hospital", "day_hospital", "on_site", "home"}),
        ("ambulatory", "C2.D5", {"hospital", "day_hospital", "on_site"}),
        ("hospital", "C2.D1", {"hospital"}),
        ("hospital", "C2.D2", {"hospital"}),
        ("hold", "C2.D2", set()),
    ],
)
def test_a_dose_is_given_where_its_setting_says(story, outcome, point, allowed):
    story.dosed()
    position = np.array([story.outcomes.index(outcome)], dtype=np.int8)
    story.cohort.decide("tolerance_C1", story.everyone, position, story.at(19))
    for place in ("hospital", "day_hospital", "on_site", "home", "moon", {"missing": "unknown"}):
        said = story.may(point, 22, place=place)
        [condition] = [c for c in said.conditions if c.id == "place"]
        assert bool(condition.state[0]) == (place in allowed if isinstance(place, str) else False)
    assert "place" not in {c.id for c in story.may(point, 22).conditions}


def test_a_wrong_place_is_said_in_words(story):
    assert story.dosed().against("C2.D1", 21, place="home")["place"] == (
        "where course C2 is given has not been decided → make the decision first"
    )
    story.screen().visit("C1.D2", 1)
    story.cohort.injections.happened[:, 1:] = np.datetime64("NaT")
    story.cohort.injections.values["given"][:, 1:] = np.nan
    assert story.against("C1.D2", 1, place="home") == {
        "place": "C1.D2 is given at «Hospital ward», not at «Home» → give it at «Hospital ward»"
    }
    assert story.may("C1.D2", 1, place=["hospital"]).permitted.all()


# ---- before a dose -------------------------------------------------------------------------------


@pytest.fixture
def second_day(story):
    story.screen().include().course("C1", 0, doses=1)
    story.visit("C1.D2", 1)
    return story


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"spo2": 91}, "Fever, low pressure or low oxygen: spo2 91 % is below 92 %"),
        ({"temperature": 38.5}, "temperature 38.5 °C is at least 38.5 °C"),
        ({"systolic": 89}, "systolic 89 mmHg is below 90 mmHg"),
        ({"spo2": 91, "temperature": None}, "spo2 91 % is below 92 %"),  # one sign is enough
    ],
)
def test_a_sign_holds_the_injection(second_day, changed, said):
    second_day.fill("vital_signs", "C1.D2", 1, **changed)
    against = second_day.against("C1.D2", 1)
    assert set(against) == {"before_dose.vital_signs"}
    assert said in against["before_dose.vital_signs"]
    assert "hold the injection and call the investigator" in against["before_dose.vital_signs"]


def test_unknown_oxygen_holds_the_injection(second_day):
    second_day.fill("vital_signs", "C1.D2", 1, spo2=None)
    assert second_day.against("C1.D2", 1) == {
        "before_dose.vital_signs": "Fever, low pressure or low oxygen: not known (spo2) → fill "
        "«Vital signs and pre-injection check» at C1.D2 («Oxygen saturation in room air»)"
    }
    assert second_day.may("C1.D2", 1).reasons()[0].unknown


def test_weight_counts_from_day_1_of_the_course(second_day):
    second_day.fill("vital_signs", "C1.D2", 1, weight=66.1)
    assert second_day.may("C1.D2", 1).permitted.all()
    second_day.fill("vital_signs", "C1.D2", 1, weight=66.3)
    assert set(second_day.against("C1.D2", 1)) == {"before_dose.weight_gain"}


def test_a_dose_may_be_a_day_late_by_the_hour(second_day):
    second_day.fill("vital_signs", "C1.D2", 2)
    assert second_day.may("C1.D2", 2, hour=10).permitted.all()
    assert second_day.against("C1.D2", 2, hour=11) == {
        "window": "C1.D2 may be given from 2008-03-18 to 2008-03-19 10:00, not at 2008-03-19 11:00 → "
        "it is not made up: record it as not given"
    }


def test_doses_are_never_doubled(second_day):
    second_day.fill("vital_signs", "C1.D2", 2)
    second_day.inject("C1.D2", 2, hour=9.5)
    assert set(second_day.against("C1.D2", 2)) == {"recorded"}
    second_day.fill("vital_signs", "C1.D3", 2)
    assert set(second_day.against("C1.D3", 2)) == {"doubled"}
    second_day.fill("vital_signs", "C1.D3", 3)
    assert second_day.may("C1.D3", 3).permitted.all()


def test_two_doses_around_midnight_are_doubled_too(second_day):
    second_day.fill("vital_signs", "C1.D2", 1, hour=23)
    second_day.inject("C1.D2", 1, hour=23.9)
    second_day.fill("vital_signs", "C1.D3", 2, hour=0)
    assert second_day.against("C1.D3", 2, hour=0.1) == {
        "apart": "another injection is less than 12 hours away → leave 12 hours between doses"
    }
    assert set(second_day.against("C1.D3", 2, hour=11.8)) == {"apart"}
    assert second_day.may("C1.D3", 2, hour=11.9).permitted.all()


@pytest.mark.parametrize(
    ("amount", "said"), [(3, "3 million IU"), ({"missing": "unknown"}, "an unknown amount")]
)
def test_a_wrong_dose_is_refused_with_both_amounts(second_day, amount, said):
    assert second_day.against("C1.D2", 1, amount=amount) == {
        "dose": f"the planned dose is 1.5 million IU, not {said} → give 1.5 million IU"
    }


def test_a_stop_and_an_end_count_from_their_moment(second_day):
    second_day.cohort.stop(second_day.everyone, "stops.dose_limiting_toxicity", second_day.at(1, 14))
    assert second_day.may("C1.D2", 1, hour=10).permitted.all()
    assert second_day.against("C1.D2", 1, hour=14) == {
        "stopped": "injections were stopped on 2008-03-18: Dose-limiting toxicity → "
        "no more injections; follow-up goes on"
    }
    second_day.fill("end_of_participation", "any time", 1, hour=15, status="withdrawn")
    assert set(second_day.against("C1.D2", 1, hour=16)) == {"participation", "stopped"}
    assert "(withdrawn)" in second_day.against("C1.D2", 1, hour=16)["participation"]


def test_who_is_not_included_gets_nothing(story):
    story.screen().visit("C1.D1", 0)
    assert set(story.against("C1.D1", 0)) == {"included"}
    assert np.isnat(story.cohort.included).all()


def test_no_later_course_begins_without_the_first_dose(story):
    story.screen().include()
    assert "give C1.D1 first" in story.against("C2.D1", 21)["first dose"]
    assert "first dose" not in story.against("C1.D1", 0)
    story.course("C1", 0)
    assert "first dose" not in story.against("C2.D1", 21)
