"""Every command's refusals in the words of the reason, and what an accepted one leaves."""

import hashlib
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest
from record_walk import (
    EVENT,
    FULL,
    GIVEN,
    LABORATORY,
    NO_FLARE,
    SCREENED,
    VITAL_SIGNS,
    Walk,
    arrays,
    at,
    later,
)

from trialrun.record.refusal import Refused
from trialrun.tables.build import build

CONCOMITANT = {"medicine": "Paracetamol", "started": "2008-03-01", "indication": "Fever"}


def refused(walk: Walk, command: Callable[..., Any], *said: Any, **more: Any) -> Refused:
    """The refusal of a command, having checked that it left no trace."""
    store, subject = walk.trial.store, walk.subject
    heads = store.heads()
    before = deepcopy(arrays(walk.trial.cohort(subject))) if subject else {}
    with pytest.raises(Refused) as caught:
        command(*said, **more)
    assert store.heads() == heads
    if subject:
        for name, after in arrays(walk.trial.cohort(subject)).items():
            np.testing.assert_array_equal(after, before[name], err_msg=name)
    assert "nothing was stored" in caught.value.render()
    return caught.value


@pytest.fixture
def screened(walk: Walk) -> Walk:
    walk.screen()
    return walk


@pytest.fixture
def begun(walk: Walk) -> Walk:
    walk.begin()
    return walk


@pytest.fixture
def decided(walk: Walk) -> Walk:
    walk.first_course()
    walk.decision_forms(later(19))
    walk.decide(later(19, 1))
    return walk


# ---- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"temprature": 37}, "`temprature` is not asked on «Vital signs and pre-injection check» → did you"),
        ({"temperature": "37"}, "«Temperature»: '37' is not a number"),
        ({"temperature": True}, "«Temperature»: True is not a number"),
        ({"temperature": float("nan")}, "«Temperature»: nan is not a number"),
        ({"temperature": 36.85}, "«Temperature»: 36.85 has more than 1 decimals"),
        ({"temperature": 51.0}, "«Temperature»: 51 lies outside 30..45 Cel → correct it, or confirm it with"),
        ({"systolic": 120.5}, "«Systolic pressure»: 120.5 is not a whole number"),
        ({"new_sign": 1}, "is neither yes nor no"),
        ({"pulse": None}, "«Pulse» is not answered → answer it, or say not done, unknown or not applicable"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_is_refused(screened: Walk, changed: dict[str, Any], words: str) -> None:
    error = refused(screened, screened.enter, "vital_signs", "C1.D1", later(0), {**VITAL_SIGNS, **changed})
    assert words in error.render()
    assert len(error.reasons) == 1


def test_a_code_and_a_date_must_be_right(screened: Walk) -> None:
    wrong = {"therapy": "aspirin", "result": "relapse", "started": "2008-02-30", "ended": "2008-12-01"}
    error = refused(screened, screened.write, "prior_therapy", "2", SCREENED, wrong)
    assert [reason.condition for reason in error.reasons] == ["item.therapy", "item.started", "item.ended"]
    assert "'aspirin' is not one of its codes → write peg_interferon, ribavirin" in error.render()
    assert "'2008-02-30' is not a date" in error.render()
    assert "2008-12-01 lies in the future of 2008-03-03" in error.render()


def test_all_problems_are_told_at_once(screened: Walk) -> None:
    values = {**VITAL_SIGNS, "pulse": 900, "systolic": None, "colour": "red"}
    error = refused(
        screened, screened.enter, "vital_signs", "C1.D1", at("2008-03-02 00:00"), values, by="nobody"
    )
    wrong = {"actor", "window", "consent", "item.pulse", "item.systolic", "item.colour"}
    assert set(error.names()) == wrong


def test_a_value_outside_its_limits_is_stored_once_confirmed(screened: Walk) -> None:
    hot = {**VITAL_SIGNS, "temperature": 45.5}
    entry = screened.enter("vital_signs", "C1.D1", later(0), hot, confirmed={"temperature": "measured twice"})
    assert entry.payload["confirmed"] == {"temperature": "measured twice"}
    assert (
        screened.trial.cohort(screened.subject).sheets["vital_signs"].value("temperature", "C1.D1")[0] == 45.5
    )


def test_what_is_missing_says_why(screened: Walk) -> None:
    values = {name: value for name, value in VITAL_SIGNS.items() if name != "spo2"}
    error = refused(
        screened, screened.enter, "vital_signs", "C1.D1", later(0), values, missing={"spo2": "lost"}
    )
    assert "`lost` does not say why the value is missing" in error.render()
    assert (
        "given and said to be not done"
        in refused(
            screened,
            screened.enter,
            "vital_signs",
            "C1.D1",
            later(0),
            VITAL_SIGNS,
            missing={"spo2": "not done"},
        ).render()
    )
    entry = screened.enter("vital_signs", "C1.D1", later(0), values, missing={"spo2": "not done"})
    assert {c.item: c.new for c in entry.changes}["spo2"] == {"missing": "not done"}
    facts = screened.trial.facts().values
    row = facts.filter(item="spo2", point="C1.D1").row(0, named=True)
    assert (row["number"], row["missing"]) == (None, "not done")
    assert row["source"] == f"{entry.chain}#{entry.sequence}"


def test_what_is_asked_depends_on_other_answers(screened: Walk) -> None:
    trial, when = screened, SCREENED
    woman = {"sex": "F", "age": 60, "guardianship": False, "social_cover": True}
    assert refused(trial, trial.enter, "demography", "SCR", when, woman, reason="again").names() == (
        "item.contraception",
        "item.breast_feeding",
    )
    man = {**woman, "sex": "M"}
    assert (
        "is asked only if sex = 'F'"
        in refused(
            trial, trial.enter, "demography", "SCR", when, {**man, "contraception": True}, reason="again"
        ).render()
    )
    unknown = {name: value for name, value in woman.items() if name != "sex"}
    trial.enter("demography", "SCR", when, unknown, missing={"sex": "unknown"}, reason="again")
    trial.enter("demography", "SCR", when, man, reason="again")


# ---- where and when ------------------------------------------------------------------------------


def test_a_form_stands_at_its_timepoints(screened: Walk) -> None:
    enter = screened.enter
    error = refused(screened, enter, "thyroid", "C2.D1", later(0), {"tsh": 2})
    assert "«Thyroid» is not planned at C2.D1 → it is planned at SCR, C3.D1, W11, W37" in error.render()
    error = refused(screened, enter, "ae", "C1.D1", later(0), EVENT)
    assert "«Adverse event» has a row for each occurrence → write a row of it" in error.render()
    error = refused(screened, screened.write, "thyroid", "1", later(0), {"tsh": 2})
    assert "«Thyroid» is filled at timepoints → enter it at its timepoint" in error.render()
    error = refused(screened, enter, "injection", "C1.D1", later(0), GIVEN)
    assert "record it as a dose" in error.render()
    with pytest.raises(Refused, match="there is no form `vital_sings` → did you mean vital_signs"):
        screened.trial.enter(screened.subject, "vital_sings", "SCR", SCREENED, {}, by="anna", key="x")


def test_time_is_the_sites_and_has_come(screened: Walk) -> None:
    trial, subject = screened.trial, screened.subject
    said = {"values": VITAL_SIGNS, "by": "nils", "key": "t"}
    enter = partial(trial.enter, subject, "vital_signs", "C1.D1", **said)
    error = refused(screened, enter, later(0))
    assert "2008-03-17 09:00 lies in the future: at the site it is 2008-03-03 10:00" in error.render()
    screened.clock.set(at("2008-04-01 00:00"))
    error = refused(screened, enter, at("2008-03-30 02:30"))  # the clocks went forward
    assert "never was" in error.render()
    error = refused(screened, enter, screened.clock.now())
    assert "carries a zone" in error.render()
    entry = enter(at("2008-03-30 03:30"))
    assert entry.happened == "2008-03-30T03:30[Europe/Paris]"
    assert entry.time == "2008-04-01T00:00:00.000Z"


def test_nothing_precedes_consent(walk: Walk) -> None:
    walk.clock.set(SCREENED)
    walk.subject = walk.trial.enrol("PSL", by="anna", key="e")
    vital = partial(walk.enter, "vital_signs", "SCR", values=VITAL_SIGNS)
    assert refused(walk, vital, SCREENED).names() == ("consent",)
    consent = {"signed": True, "version": "2.0", "biobank": True, "genetic": False}
    walk.enter("consent", "SCR", SCREENED, consent)
    early = refused(walk, vital, at("2008-03-02 09:00"))
    assert "2008-03-02 09:00 is before the consent of 2008-03-03 09:00" in early.render()
    assert refused(walk, vital, at("2008-03-03 08:59")).names() == ("consent",)  # not even on that day
    vital(SCREENED)
    event = {**EVENT, "onset": "2008-03-03"}
    assert refused(walk, walk.write, "ae", "1", at("2008-03-03 08:30"), event).names() == ("consent",)


def test_nothing_follows_the_end(screened: Walk) -> None:
    screened.clock.set(later(2))
    status = {"status": "withdrawn", "date": "2008-03-17"}
    screened.trial.end(screened.subject, later(0), status, by="anna", key="end")
    error = refused(screened, screened.enter, "vital_signs", "C1.D2", later(1), VITAL_SIGNS)
    assert "participation ended on 2008-03-17 (withdrawn)" in error.render()
    assert (
        "participation"
        in refused(
            screened,
            screened.trial.end,
            screened.subject,
            later(1),
            status,
            by="anna",
            key="end2",
            point="W37",
        ).names()
    )
    assert "participation" in refused(screened, screened.include, later(1)).names()
    screened.enter("ecg", "SCR", SCREENED, {"normal": True}, reason="read again")  # what took place before
    screened.correct("end_of_participation", "any time", {"status": "lost"})
    assert screened.trial.cohort(screened.subject).end_status[0] == "lost"


# ---- again, rows, corrections --------------------------------------------------------------------


def test_a_form_is_entered_again_only_with_a_reason(screened: Walk) -> None:
    again = {**LABORATORY, "alt": 44}
    error = refused(screened, screened.enter, "laboratory", "SCR", later(-5), again)
    assert "«Safety laboratory» at SCR was entered for 2008-03-03T09:00" in error.render()
    entry = screened.enter("laboratory", "SCR", later(-5), again, reason="repeated on 12 March")
    [change] = entry.changes
    assert (change.item, change.old, change.new, change.reason) == ("alt", 41, 44, "repeated on 12 March")
    sheet = screened.trial.cohort(screened.subject).sheets["laboratory"]
    assert sheet.at("SCR")[0] == np.datetime64("2008-03-12T09:00")


def test_a_row_goes_on_and_says_why_where_it_changes(begun: Walk) -> None:
    begun.write("ae", "1", later(1), {**EVENT, "onset": "2008-03-18"})
    begun.clock.set(later(4))
    ended = {"ended": "2008-03-19"}
    assert [c.item for c in begun.write("ae", "1", later(3), ended).changes] == ["ended"]
    error = refused(begun, begun.write, "ae", "1", later(3), {"outcome": "resolved"})
    assert "`outcome` was ongoing and would become resolved → give the reason" in error.render()
    begun.write("ae", "1", later(3), {"outcome": "resolved"}, reason="it went")
    assert refused(begun, begun.write, "ae", "1", later(3), {"outcome": "resolved"}).names() == ("nothing",)
    [row] = begun.trial.cohort(begun.subject).logs["ae"].rows
    assert (row["outcome"], row["happened"]) == ("resolved", np.datetime64("2008-03-18T09:00"))
    assert refused(begun, begun.write, "ae", " ", later(3), EVENT).names() == ("row",)


def test_a_correction_keeps_old_and_new_and_says_why(begun: Walk) -> None:
    error = refused(begun, begun.correct, "vital_signs", "C1.D1", {"pulse": 71}, reason=" ")
    assert "a correction says why" in error.render()
    error = refused(begun, begun.correct, "vital_signs", "W11", {"pulse": 71})
    assert "was never entered at W11" in error.render()
    assert refused(begun, begun.correct, "vital_signs", "C1.D1", {"pulse": 72}).names() == ("nothing",)
    assert refused(begun, begun.correct, "vital_signs", "C1.D1", {"pulse": None}).names() == ("item.pulse",)
    entry = begun.correct("vital_signs", "C1.D1", {"pulse": 71}, happened=later(0, -1))
    assert [(c.item, c.old, c.new, c.reason) for c in entry.changes] == [
        ("pulse", 72, 71, "misread"),
        ("happened", "2008-03-17T09:00[Europe/Paris]", "2008-03-17T08:00[Europe/Paris]", "misread"),
    ]
    sheet = begun.trial.cohort(begun.subject).sheets["vital_signs"]
    assert (sheet.value("pulse", "C1.D1")[0], sheet.at("C1.D1")[0]) == (71, np.datetime64("2008-03-17T08:00"))


def test_a_correction_clears_what_is_no_longer_asked(begun: Walk) -> None:
    error = refused(begun, begun.correct, "injection", "C1.D1", {"given": False, "dose": 0})
    assert error.names() == ("item.reason_not_given",)
    entry = begun.correct("injection", "C1.D1", {"given": False, "dose": 0, "reason_not_given": "patient"})
    cleared = {change.item for change in entry.changes if change.new is None}
    assert cleared == {"place", "giver", "site_of_injection", "lot"}
    assert np.isnat(begun.trial.cohort(begun.subject).first_injection[0])


def test_the_time_of_a_row_can_be_corrected(begun: Walk) -> None:
    begun.write("ae", "1", later(1), {**EVENT, "onset": "2008-03-17"})
    begun.correct("ae", "1", {}, happened=later(0, 2))
    [row] = begun.trial.cohort(begun.subject).logs["ae"].rows
    assert row["happened"] == np.datetime64("2008-03-17T11:00")


# ---- keys and people -----------------------------------------------------------------------------


def test_a_command_sent_twice_is_one_entry(screened: Walk) -> None:
    first = screened.enter("vital_signs", "C1.D1", later(0), VITAL_SIGNS, key="same")
    screened.correct("vital_signs", "C1.D1", {"pulse": 80})
    length = screened.trial.store.head(first.chain)
    assert screened.enter("vital_signs", "C1.D1", later(0), VITAL_SIGNS, key="same") == first
    assert screened.trial.store.head(first.chain) == length
    error = refused(screened, screened.enter, "vital_signs", "C1.D2", later(1), VITAL_SIGNS, key="same")
    assert f"the key `same` already stands for entry {first.sequence}" in error.render()
    assert refused(screened, screened.enter, "ecg", "SCR", SCREENED, {"normal": True}, key="").names() == (
        "key",
    )


def test_enrolment_numbers_each_site_and_is_idempotent(walk: Walk) -> None:
    numbers = [walk.trial.enrol("PSL", by="anna", key=key) for key in ("a", "b", "a")]
    assert numbers == ["PSL-001", "PSL-002", "PSL-001"]
    assert walk.trial.subjects() == ("PSL-001", "PSL-002")
    error = refused(walk, walk.trial.enrol, "LYON", by="eve", key="c")
    assert error.names() == ("actor", "site")


def test_only_people_who_are_there_act_on_people_who_are_there(screened: Walk) -> None:
    error = refused(screened, screened.include, later(-1), by="eve")
    assert "nobody is registered as `eve`" in error.render()
    with pytest.raises(Refused, match="there is no participant `PSL-999`"):
        screened.trial.include("PSL-999", later(-1), by="anna", key="x")


# ---- inclusion, samples, files -------------------------------------------------------------------


def test_inclusion_waits_for_every_criterion(walk: Walk) -> None:
    walk.screen(bvas={"total": 1}, demography={"age": 17})
    error = refused(walk, walk.include, later(-1))
    assert error.names() == ("eligibility.adult", "eligibility.active")
    assert "Aged 18 to 75 years: age 17" in error.render()
    walk.correct("demography", "SCR", {"age": 71})
    walk.correct("bvas", "SCR", {"total": 11})
    walk.include(later(-1))
    assert refused(walk, walk.include, later(-1)).names() == ("included",)


def test_a_trial_can_refuse_another_participant(screened: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    from trialrun.conduct.verdict import Condition, Reason, Verdict

    full = Reason("enrolment.planned", "ten are included", "none")
    closed = Verdict((Condition("enrolment.planned", np.zeros(1, dtype=np.int8), lambda row, unknown: full),))
    monkeypatch.setattr("trialrun.record.command.may_enrol", lambda *arguments: closed)
    assert refused(screened, screened.include, later(-1)).reasons == (full,)


def test_a_specimen_is_collected_once_where_it_is_planned(screened: Walk) -> None:
    def collect(specimen: str, point: str) -> object:
        said = {"by": "nils", "key": screened.key()}
        return screened.trial.collect(screened.subject, specimen, point, SCREENED, **said)

    collect("pbmc", "SCR")
    assert screened.trial.cohort(screened.subject).collected["pbmc", "SCR"][0] == np.datetime64(
        "2008-03-03T09:00"
    )
    assert refused(screened, collect, "pbmc", "SCR").names() == ("recorded",)
    assert (
        "no pbmc is planned at C1.D2 → it is planned at SCR"
        in refused(screened, collect, "pbmc", "C1.D2").render()
    )
    assert "specimens are treg_blood, pbmc" in refused(screened, collect, "urine", "SCR").render()


def test_a_file_is_kept_under_its_hash(screened: Walk) -> None:
    screened.clock.set(later(0))
    entry = screened.trial.attach(screened.subject, "scan.pdf", b"%PDF", later(0), by="anna", key="f")
    assert (entry.payload["name"], entry.payload["size"]) == ("scan.pdf", 4)
    assert screened.trial.file(entry.payload["sha256"]) == b"%PDF"


COUNTS = {"treg_percent": 2.61, "treg_count": 18.4, "treg_no_cd25": 2.7, "cd25_intensity": 3600}
OTHER = {"cd4_count": 705, "nk_count": 140, "activated_cd8": 4, "mz_b_percent": 9, "events_cd4": 61000}


def test_a_computed_value_leads_to_its_file(screened: Walk) -> None:
    form, point, when = "cytometry", "SCR", SCREENED
    source = {"sha256": hashlib.sha256(b"FCS").hexdigest(), "panel": "1a2b"}
    error = refused(screened, screened.enter, form, point, when, {**COUNTS, **OTHER}, source=source)
    assert error.names() == ("source",)
    screened.trial.attach(screened.subject, "a.fcs", b"FCS", when, by="lab", key="file")
    entry = screened.enter(form, point, when, {**COUNTS, **OTHER}, source=source)
    assert entry.payload["source"] == source
    screened.correct(form, point, {"cd4_count": 706}, by="lab")
    cells = screened.trial.projection(screened.subject).filled[form, point].cells
    assert cells["treg_percent"].source == source
    assert cells["cd4_count"].source is None
    files = screened.trial.facts().values.filter(pl.col("form") == form).select("item", "file")
    assert dict(files.iter_rows())["treg_percent"] == source["sha256"]
    assert dict(files.iter_rows())["cd4_count"] is None
    rows = build(screened.trial.protocol, screened.trial.facts())["CP"]
    found = dict(rows.select("CPTESTCD", "CPXFN").iter_rows())
    assert (found["TREGCD4"], found["CD4CNT"]) == (f"files/{source['sha256']}", None)


# ---- injections ----------------------------------------------------------------------------------


def test_a_forbidden_dose_is_refused_then_recorded_as_a_deviation(begun: Walk) -> None:
    begun.enter("vital_signs", "C1.D2", later(1), {**VITAL_SIGNS, "temperature": 39.1})
    wrong = {**GIVEN, "dose": 3}
    error = refused(begun, begun.dose, "C1.D2", later(1, 1), wrong)
    assert error.names() == ("dose", "before_dose.vital_signs")
    assert "the planned dose is 1.5 million IU, not 3 million IU" in error.render()
    assert "Fever, low pressure or low oxygen: temperature 39.1" in error.render()
    entry = begun.dose("C1.D2", later(1, 1), wrong, deviation="wrong vial taken")
    assert [broken["condition"] for broken in entry.payload["broken"]] == ["dose", "before_dose.vital_signs"]
    cohort = begun.trial.cohort(begun.subject)
    [row] = cohort.logs["deviation"].rows
    assert row["category"] == "dose"
    assert row["about"].startswith("C1.D2: wrong vial taken (the planned dose is 1.5")
    assert cohort.injections.value("dose", "C1.D2")[0] == 3


def test_a_deviation_still_answers_its_form_and_is_not_invented(begun: Walk) -> None:
    begun.enter("vital_signs", "C1.D2", later(1), VITAL_SIGNS)
    without = {name: value for name, value in GIVEN.items() if name != "place"}
    assert refused(begun, begun.dose, "C1.D2", later(1), without, deviation="x").names() == ("item.place",)
    entry = begun.dose("C1.D2", later(1), GIVEN, deviation="nothing was broken")
    assert "broken" not in entry.payload
    assert begun.trial.cohort(begun.subject).logs["deviation"].rows == []


def test_unknown_oxygen_holds_the_injection(begun: Walk) -> None:
    values = {name: value for name, value in VITAL_SIGNS.items() if name != "spo2"}
    begun.enter("vital_signs", "C1.D2", later(1), values, missing={"spo2": "not done"})
    error = refused(begun, begun.dose, "C1.D2", later(1), GIVEN)
    unknown = "Fever, low pressure or low oxygen: not known (spo2)"
    assert f"{unknown} → fill «Vital signs and pre-injection check» at C1.D2" in error.render()
    assert error.reasons[0].unknown


def test_a_missing_pregnancy_test_keeps_the_second_course_shut(decided: Walk) -> None:
    decided.course_day_1("C2", later(21), without=("pregnancy",))
    error = refused(decided, decided.dose, "C2.D1", later(21), FULL)
    assert (
        "Pregnancy test negative: not known (pregnancy test) → fill «Pregnancy test» at C2.D1"
        in error.render()
    )
    decided.enter("pregnancy", "C2.D1", later(21), {"result": "negative"})
    decided.dose("C2.D1", later(21), FULL)


def test_what_was_not_given_says_why_and_is_not_checked_further(begun: Walk) -> None:
    skipped = {"given": False, "dose": 0}
    assert refused(begun, begun.dose, "C1.D2", later(1), skipped).names() == ("item.reason_not_given",)
    begun.dose("C1.D2", later(1), {**skipped, "reason_not_given": "logistic"})
    again = refused(begun, begun.dose, "C1.D2", later(1), {**skipped, "reason_not_given": "logistic"})
    assert "C1.D2 is recorded already" in again.render()


def test_day_1_of_a_course_that_can_still_begin_is_not_missed(decided: Walk) -> None:
    missed = {"given": False, "dose": 0, "reason_not_given": "hold"}
    error = refused(decided, decided.dose, "C2.D1", later(23), missed)
    assert "the course waits until 2008-04-14: day 1 that is not given is not missed" in error.render()
    decided.dose("C2.D1", later(29), missed)


def test_a_correction_of_an_injection_passes_the_same_rules(begun: Walk) -> None:
    begun.enter("vital_signs", "C1.D2", later(1), {**VITAL_SIGNS, "temperature": 39.5})
    begun.dose("C1.D2", later(1, 1), {"given": False, "dose": 0, "reason_not_given": "toxicity"})
    fix = partial(begun.correct, "injection")
    given = {**GIVEN, "dose": 18}
    assert refused(begun, fix, "C1.D2", given).names() == ("dose", "before_dose.vital_signs")
    assert refused(begun, fix, "C1.D1", {"dose": 3}).names() == ("dose",)
    assert refused(begun, fix, "C1.D1", {"dose": 3}, deviation=" ").names() == ("deviation", "dose")
    assert "consent" in refused(begun, fix, "C1.D1", {}, happened=at("2007-01-01 09:00")).names()
    assert refused(begun, fix, "C1.D1", {"lot": "L-18"}, by="lab").names() == ("by",)
    fix("C1.D1", {"lot": "L-18"}, by="nils")
    entry = fix("C1.D2", given, deviation="ten-fold error")
    assert [b["condition"] for b in entry.payload["broken"]] == ["dose", "before_dose.vital_signs"]
    [row] = begun.trial.cohort(begun.subject).logs["deviation"].rows
    assert (row["row"], row["happened"]) == ("dose C1.D2", np.datetime64("2008-03-18T10:00"))


def test_a_second_deviation_of_one_dose_has_a_row_of_its_own(begun: Walk) -> None:
    begun.correct("injection", "C1.D1", {"dose": 3}, deviation="wrong vial")
    begun.correct("injection", "C1.D1", {"dose": 2}, deviation="half of it spilt")
    rows = begun.trial.cohort(begun.subject).logs["deviation"].rows
    assert [row["row"] for row in rows] == ["dose C1.D1", "dose C1.D1 (2)"]


def test_a_correction_is_judged_of_its_own_moment(walk: Walk) -> None:
    """A stop that came later forbids nothing; one that time had brought by then does."""
    walk.first_course()
    walk.write(
        "ae", "1", later(5), {**EVENT, "category": "capillary_leak", "grade": 3, "onset": "2008-03-22"}
    )
    assert not np.isnat(walk.trial.cohort(walk.subject).stopped[0])
    walk.correct("injection", "C1.D5", {}, happened=later(4, 1.5))
    assert walk.trial.cohort(walk.subject).logs["deviation"].rows == []


def test_an_overdue_stop_forbids_even_what_is_dated_before_it_was_written(begun: Walk) -> None:
    begun.write("ae", "1", later(1), {**EVENT, "grade": 3, "onset": "2008-03-18"})
    begun.enter("vital_signs", "C1.D5", later(4), VITAL_SIGNS)
    begun.clock.set(later(5))
    assert len(begun.trial.tick()) == 1
    error = refused(begun, begun.dose, "C1.D5", later(4, 20), GIVEN)
    assert error.names() == ("stopped",)


def test_what_is_due_stops_before_any_command(begun: Walk) -> None:
    begun.write("ae", "1", later(1), {**EVENT, "grade": 3, "onset": "2008-03-18"})
    begun.clock.set(later(6))
    error = refused(begun, begun.correct, "vital_signs", "C1.D1", {"pulse": 71}, reason=" ")
    assert error.names() == ("reason",)  # and the stop was taken back with it
    begun.correct("vital_signs", "C1.D1", {"pulse": 71})
    acts = [entry.act for entry in begun.trial.store.chain("participant:PSL-001")]
    assert acts[-2:] == ["stop", "correct"]


def test_a_second_dose_never_takes_the_place_of_the_first(begun: Walk) -> None:
    error = refused(begun, begun.dose, "C1.D1", later(0, 3), {**GIVEN, "dose": 3}, deviation="given twice")
    assert error.names() == ("recorded",)
    assert "write the extra dose as a row of «Protocol deviation»" in error.render()
    assert begun.trial.cohort(begun.subject).injections.value("dose", "C1.D1")[0] == 1.5


def test_a_deviation_is_told_in_words(begun: Walk) -> None:
    error = refused(begun, begun.dose, "C1.D2", later(1), GIVEN, deviation=" ")
    assert error.names()[0] == "deviation"


def test_an_injection_is_given_or_not_and_not_before_its_day(begun: Walk) -> None:
    skipped = {"given": False, "dose": 0, "reason_not_given": "logistic"}
    assert refused(begun, begun.dose, "C1.D4", later(1), skipped).names() == ("window",)
    begun.clock.set(later(1))
    assert refused(begun, begun.dose, "C1.D2", later(1), {**skipped, "dose": 1}).names() == ("item.dose",)
    unknown = {"dose": 0, "reason_not_given": "logistic"}
    error = refused(begun, begun.dose, "C1.D2", later(1), unknown, missing={"given": "unknown"})
    assert "it is not known whether it was given" in error.render()
    begun.dose("C1.D2", later(1), skipped)
    assert refused(begun, begun.correct, "injection", "C1.D2", {"dose": 2}).names() == ("item.dose",)


# ---- the days of a timepoint, consent and end ----------------------------------------------------


def test_a_timepoint_waits_for_its_day_and_notes_what_comes_late(begun: Walk) -> None:
    error = refused(begun, begun.enter, "vital_signs", "W37", later(1), VITAL_SIGNS)
    assert "W37 begins on 2008-11-24 00:00, not at 2008-03-18 09:00 → wait until then" in error.render()
    collect = partial(begun.trial.collect, begun.subject, "treg_blood", by="nils")
    begun.clock.set(later(30))
    assert refused(begun, collect, "C4.D5", later(1), key="early").names() == ("window",)
    assert collect("C1.D8", later(7), key="then").payload.get("late") is None
    begun.enter("laboratory", "C1.D5", later(2), LABORATORY)  # up to 72 hours ahead
    assert "late" not in begun.enter("vital_signs", "C1.D8", later(8), VITAL_SIGNS).payload
    assert begun.enter("laboratory", "C1.D8", later(12), LABORATORY).payload["late"] is True
    moved = refused(begun, begun.correct, "vital_signs", "C1.D8", {}, happened=later(2))
    assert moved.names() == ("window",)


def test_consent_is_not_taken_back_by_a_correction(begun: Walk) -> None:
    error = refused(begun, begun.correct, "consent", "SCR", {"signed": False})
    assert "a withdrawal is an end of participation" in error.render()
    error = refused(begun, begun.correct, "consent", "SCR", {}, happened=later(0, 0.5))
    assert "is after what was done at 2008-03-03 09:00" in error.render()
    again = {"signed": True, "version": "3.0", "biobank": True, "genetic": False}
    assert refused(begun, begun.enter, "consent", "SCR", later(1), again, reason="new").names() == (
        "consent",
    )
    begun.correct("consent", "SCR", {"version": "3.0"}, happened=at("2008-03-03 08:00"))


def test_the_end_comes_after_what_was_done(begun: Walk) -> None:
    begun.clock.set(later(10))
    end = partial(begun.trial.end, begun.subject, by="anna")
    gone = {"status": "withdrawn", "date": "2008-03-12"}
    error = refused(begun, end, later(-5), gone, key="a")
    assert "something was done at 2008-03-17 10:00: participation did not end at" in error.render()
    error = refused(begun, end, later(10), {**gone, "status": "completed"}, key="b")
    assert "W37 begins on 2008-11-24: participation is not completed before" in error.render()
    end(later(2), gone, key="c")
    form = partial(begun.correct, "end_of_participation", "any time")
    assert refused(begun, form, {"status": "completed"}).names() == ("end",)
    assert refused(begun, form, {}, happened=later(-1)).names() == ("end",)


def test_events_are_told_after_the_end(begun: Walk) -> None:
    event = {**EVENT, "onset": "2008-03-18"}
    begun.write("ae", "1", later(1), event)
    begun.clock.set(later(9))
    gone = {"status": "withdrawn", "date": "2008-03-20"}
    begun.trial.end(begun.subject, later(3), gone, by="anna", key="end")
    begun.write("ae", "2", later(2), {**event, "category": "other"})  # it was before
    begun.write("ae", "1", later(6), {"ended": "2008-03-20"})
    late = {**event, "onset": "2008-03-22"}
    assert refused(begun, begun.write, "ae", "3", later(5), late).names() == ("participation",)
    begun.write("ae", "3", later(5), {**late, "serious": True, "seriousness": "hospitalisation"})


# ---- what is no command at all -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        ({"key": "stop/44"}, "key"),
        ({"key": None}, "key"),
        ({"key": 7}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"by": None}, "by"),
        ({"happened": "2008-03-17"}, "happened"),
        ({"happened": date(2008, 3, 17)}, "happened"),
        ({"happened": None}, "happened"),
        ({"happened": at("0001-01-01 00:00")}, "happened"),
        ({"happened": at("9999-12-31 23:59")}, "happened"),
        ({"form": ["ae"]}, "form"),
        ({"row": None}, "row"),
        ({"row": "\0"}, "row"),
        ({"reason": 3}, "reason"),
        ({"values": None}, "values"),
        ({"values": {1: 2}}, "values"),
        ({"values": {**CONCOMITANT, "medicine": "\ud800"}}, "item.medicine"),
        ({"values": {**CONCOMITANT, "medicine": "a\0b"}}, "item.medicine"),
        ({"values": {**CONCOMITANT, "medicine": "x" * 10_001}}, "item.medicine"),
        ({"values": {**CONCOMITANT, "medicine": 10**400}}, "item.medicine"),
        ({"values": {**CONCOMITANT, "started": at("2008-01-01 00:00")}}, "item.started"),
        ({"missing": {"medicine": 10**400}}, "item.medicine"),
        ({"confirmed": {"medicine": 1}}, "item.medicine"),
    ],
    ids=str,
)  # fmt: skip
def test_words_that_are_no_command_are_refused(begun: Walk, said: dict[str, Any], condition: str) -> None:
    usual = {"form": "concomitant", "row": "1", "happened": later(0), "values": CONCOMITANT}
    usual |= {"by": "anna", "key": "k", "missing": {}, "confirmed": {}, "reason": None}
    assert condition in refused(begun, begun.trial.write, begun.subject, **{**usual, **said}).names()
    begun.trial.write(begun.subject, **usual)


def test_a_number_without_end_and_a_missing_reason_are_refused(begun: Walk) -> None:
    begun.clock.set(later(1))
    endless = {**VITAL_SIGNS, "temperature": 10**400}
    error = refused(begun, begun.enter, "vital_signs", "C1.D2", later(1), endless)
    assert error.names() == ("item.temperature",)
    error = refused(begun, begun.correct, "vital_signs", "C1.D1", {"pulse": 71}, reason=None)
    assert error.names() == ("reason",)
    error = refused(begun, begun.correct, "vital_signs", "C1.D1", {}, happened="yesterday")
    assert error.names() == ("happened",)


# ---- decisions, stops, holds ---------------------------------------------------------------------


def test_a_decision_waits_for_the_review_and_says_so(walk: Walk) -> None:
    walk.first_course()
    walk.decision_forms(later(19), without=("ae_review",))
    error = refused(walk, walk.decide, later(19, 1))
    assert (
        "«Adverse event review» is not filled → fill «Adverse event review» at tolerance_C1" in error.render()
    )
    assert "«Later courses ambulatory» cannot be judged: not known (" in error.render()
    assert "worst related grade C1" in error.render()
    assert refused(walk, walk.decide, later(19, 1), "tolerance_C2").names() == ("decision",)


def test_a_decision_keeps_what_it_read(decided: Walk) -> None:
    [entry] = [e for e in decided.trial.store.chain("participant:PSL-001") if e.act == "decide"]
    assert entry.payload["outcome"] == "ambulatory"
    assert entry.payload["values"]["worst_related_grade_C1"] == 0
    acts = {e.sequence: e for e in decided.trial.store.chain("participant:PSL-001")}
    read = {acts[number].payload["form"] for number in entry.payload["read"]}
    assert {"ae_review", "flare_assessment", "laboratory", "hcv_rna", "tolerance"} <= read
    assert "demography" not in read
    assert refused(decided, decided.decide, later(20)).names() == ("decided",)
    assert decided.trial.would_differ("PSL-001", "tolerance_C1") is None


def test_a_correction_after_a_decision_shows_that_it_would_differ(decided: Walk) -> None:
    decided.write("ae", "9", later(3), {**EVENT, "grade": 2, "onset": "2008-03-20"})
    difference = decided.trial.would_differ("PSL-001", "tolerance_C1")
    assert difference is not None
    assert (difference.decided, difference.now) == ("ambulatory", "hold")
    assert difference.changed["unresolved_grade_2_C1"] == (0, 1)
    outcomes = list(decided.trial.protocol.decisions["tolerance_C1"].outcomes)
    assert outcomes[decided.trial.cohort("PSL-001").outcome["tolerance_C1"][0]] == "ambulatory"


def test_what_happened_after_a_decision_does_not_make_it_differ(decided: Walk) -> None:
    decided.course_day_1("C2", later(21))
    decided.dose("C2.D1", later(21, 1), FULL)
    decided.write("ae", "9", later(22), {**EVENT, "grade": 4, "category": "other", "onset": "2008-04-08"})
    assert not np.isnat(decided.trial.cohort("PSL-001").stopped[0])
    assert decided.trial.would_differ("PSL-001", "tolerance_C1") is None
    with pytest.raises(Refused, match="never made"):
        walk = decided
        walk.subject = walk.trial.enrol("PSL", by="anna", key="second")
        walk.trial.would_differ(walk.subject, "tolerance_C1")


def test_a_dose_limiting_event_stops_the_injections_and_follow_up_goes_on(begun: Walk) -> None:
    leak = {**EVENT, "category": "capillary_leak", "grade": 3, "onset": "2008-03-18"}
    entry = begun.write("ae", "1", later(1), leak)
    stop = list(begun.trial.store.chain(entry.chain))[-1]
    assert (stop.act, stop.actor) == ("stop", "system")
    assert stop.payload == {"rule": "stops.dose_limiting_toxicity", "cause": entry.sequence}
    begun.enter("vital_signs", "C1.D3", later(2), VITAL_SIGNS)
    error = refused(begun, begun.dose, "C1.D3", later(2, 1), GIVEN)
    assert "injections were stopped on 2008-03-18: Dose-limiting toxicity" in error.render()
    begun.enter("flare_assessment", "W11", later(77), NO_FLARE)
    facts = begun.trial.facts().acts
    assert facts.filter(act="stop")["name"].to_list() == ["stops.dose_limiting_toxicity"]


def test_a_decision_to_stop_stops(walk: Walk) -> None:
    walk.first_course()
    walk.decision_forms(later(19), without=("tolerance",))
    walk.enter("tolerance", "tolerance_C1", later(19), {"infection": True, "home_unsafe": False})
    walk.decide(later(19, 1))
    walk.clock.set(later(25))
    assert walk.trial.tick() == []
    walk.clock.set(later(27))
    [stop] = walk.trial.tick()
    assert stop.payload["rule"] == "decisions.tolerance_C1.hold"
    assert walk.trial.tick() == []
    walk.course_day_1("C2", later(27))
    assert "stopped" in refused(walk, walk.dose, "C2.D1", later(27), FULL).names()


def test_an_event_that_lasts_too_long_stops_though_nothing_is_entered(begun: Walk) -> None:
    begun.write("ae", "1", later(1), {**EVENT, "grade": 3, "onset": "2008-03-18"})
    assert begun.trial.tick() == []
    begun.enter("vital_signs", "C1.D5", later(4), VITAL_SIGNS)
    begun.clock.set(later(5))
    error = refused(begun, begun.dose, "C1.D5", later(5), GIVEN)
    assert error.names() == ("stopped",)
    [stop] = begun.trial.tick()
    assert stop.payload == {"rule": "stops.dose_limiting_toxicity", "cause": None}


# ---- signatures ----------------------------------------------------------------------------------


def test_a_signature_is_voided_by_any_later_change(begun: Walk) -> None:
    trial, subject = begun.trial, begun.subject
    entry = trial.sign(subject, "vital_signs", "C1.D1", "I am responsible for these data", by="anna", key="s")
    [signature] = trial.signatures(subject)
    assert (signature.name, signature.role, signature.meaning) == (
        "Anna Berg",
        "investigator",
        "I am responsible for these data",
    )
    assert signature.valid
    assert (
        trial.sign(subject, "vital_signs", "C1.D1", "I am responsible for these data", by="anna", key="s")
        == entry
    )
    first = begun.correct("vital_signs", "C1.D1", {"pulse": 71})
    begun.correct("vital_signs", "C1.D1", {"pulse": 72})  # back again: it was changed all the same
    [signature] = trial.signatures(subject)
    assert (signature.valid, signature.voided) == (False, first.sequence)
    assert refused(begun, trial.sign, subject, "ecg", "W11", " ", by="anna", key="t").names() == (
        "meaning",
        "point",
    )
