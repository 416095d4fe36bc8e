"""Answers: what people say on forms agrees with itself, with their bodies and with what is asked."""

import numpy as np
import pytest

from trialrun.conduct.cohort import Cohort
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.answer import Answers, Voices, only_where_asked
from trialrun.simulate.body import Bodies
from trialrun.simulate.chance import Person
from trialrun.simulate.event import Events, Happening
from trialrun.simulate.filtration import filtration_rate
from trialrun.simulate.flare import Flares
from trialrun.simulate.population import population
from trialrun.simulate.site import Site

NOW = np.datetime64("2008-03-03T09:00", "m")
DAY = np.timedelta64(1, "D")
PEOPLE = [Person(5, 0, number) for number in range(60)]


class Asked:
    """People who can be asked forms, with nothing known of them yet."""

    def __init__(self, protocol: Protocol, people: list[Person] = PEOPLE) -> None:
        file = population(protocol)
        self.who = np.arange(len(people))
        self.cohort = Cohort(protocol, len(people))
        self.bodies = Bodies(protocol, people)
        self.events = Events(protocol, file, people, self.bodies)
        self.flares = Flares(file.events.flare, people, self.bodies)
        self.voices = Voices(protocol, file, people, self.bodies, self.events, self.flares)
        self.bodies.wake(self.who, np.full(len(people), NOW))
        self.bodies.live(self.who, np.full(len(people), NOW))

    def __call__(self, form: str, point: str = "SCR", now: np.datetime64 = NOW) -> Answers:
        return self.voices.answer(form, point, self.who, np.full(len(self.who), now), self.cohort)

    def rows(self, form: str, one: int) -> list[dict[str, object]]:
        return self.voices.rows(form, one, "SCR", NOW, self.cohort)

    def sign(self, name: str, one: int = 0) -> None:
        """Give a person an event that shows a sign now."""
        self.events.going[one].append(Happening("X", NOW - DAY, NOW + DAY, {"related": True}, name))

    def flare(self, one: int) -> None:
        self.flares.begins[one], self.flares.known[one] = NOW - DAY, True

    def dosed(self) -> None:
        """Everyone had the first injection three weeks ago, and improved as much as anyone can."""
        sheet = self.cohort.injections
        sheet.happened[:, 0], sheet.values["given"][:, 0] = NOW - 21 * DAY, 1
        self.bodies.state.relative[:] = 0.01  # every activity nearly gone


@pytest.fixture
def asked(protocol: Protocol) -> Asked:
    return Asked(protocol)


def column(answers: Answers, item: str) -> np.ndarray:
    return np.array(answers[item], dtype=np.float64)


# ---- the same person -----------------------------------------------------------------------------


def test_one_alone_answers_as_in_a_batch(protocol: Protocol, asked: Asked) -> None:
    alone = Asked(protocol, PEOPLE[23:24])
    for form, points in protocol.where_asked.items():
        if form in asked.cohort.sheets:
            for point in points[:2]:
                together, one = asked(form, point), alone(form, point)
                for item, values in together.items():
                    assert one[item] == values[23:24], (form, item)
    for log in ("prior_therapy", "cryoglobulin_determination"):
        assert asked.rows(log, 23) == alone.rows(log, 0)


def test_asked_twice_they_say_the_same(asked: Asked) -> None:
    for form in ("demography", "laboratory", "cytometry", "elispot", "organs", "hcv_rna"):
        assert asked(form) == asked(form)


def test_a_trait_stays_and_a_measurement_varies(asked: Asked) -> None:
    first, later = asked("thyroid"), asked("thyroid", "W11")
    apart = column(later, "tsh") - column(first, "tsh")
    assert (apart != 0).mean() > 0.9
    assert apart.std() < 0.6 < 3 * column(first, "tsh").std()
    assert asked("cryoglobulin")["type"] == asked("cryoglobulin", "W11")["type"]


# ---- forms that agree with themselves ------------------------------------------------------------


def test_every_required_item_is_answered_within_its_limits(protocol: Protocol, asked: Asked) -> None:
    for form in protocol.forms:
        if form not in asked.cohort.sheets or form in ("injection", "end_of_participation"):
            continue
        answers = asked(form, protocol.where_asked[form][0])
        for name, item in protocol.forms[form].items.items():
            for value in answers[name]:
                if value is None:
                    assert item.only_if or not item.required, (form, name)
                elif item.type in ("number", "integer"):
                    assert item.limits is None or value in item.limits, (form, name)
                    assert round(value, item.decimals or 0) == value, (form, name)
                elif item.type == "choice":
                    assert value in item.codes, (form, name)


def test_only_women_are_asked_what_concerns_women(asked: Asked) -> None:
    answers = asked("demography")
    for sex, contraception in zip(answers["sex"], answers["contraception"], strict=True):
        assert (contraception is None) == (sex == "M")


def test_filtration_follows_creatinine_age_and_sex(asked: Asked) -> None:
    who, laboratory = asked("demography"), asked("laboratory")
    women = np.array(who["sex"]) == "F"
    rate = filtration_rate(column(laboratory, "creatinine"), column(who, "age"), women)
    np.testing.assert_allclose(column(laboratory, "egfr"), np.round(rate))
    assert np.median(column(laboratory, "creatinine")[women]) < np.median(
        column(laboratory, "creatinine")[~women]
    )


def test_net_spots_are_the_pools_above_background(asked: Asked) -> None:
    answers = asked("elispot", "C1.D1")
    pools = np.array([column(answers, pool) for pool in ("core", "ns3", "ns4", "ns5")])
    net = np.maximum(pools - column(answers, "background"), 0).sum(axis=0)
    np.testing.assert_array_equal(column(answers, "total_net"), net)
    assert 0.2 < (net == 0).mean() < 0.55  # 35 % have no such cells


def test_the_biopsy_is_from_an_affected_organ(asked: Asked) -> None:
    organs, history = asked("organs"), asked("vasculitis_history")
    where = {"skin": "purpura", "nerve": "nerve", "kidney": "kidney"}
    none = [all(organs[o][i] == "absent" for o in where.values()) for i in asked.who]
    for i, site in enumerate(history["biopsy_site"]):
        assert none[i] or organs[where[site]][i] == "active"
        triad = organs["purpura"][i] == "active" and organs["joints"][i] == "active"
        assert history["triad"][i] == triad


def test_earlier_treatments_end_before_the_washout_and_belong_together(asked: Asked) -> None:
    today, with_second = np.datetime64("2008-03-03"), 0
    for one in asked.who:
        rows = asked.rows("prior_therapy", int(one))
        assert [row["therapy"] for row in rows[:2]] == ["peg_interferon", "ribavirin"]
        for key in ("started", "ended", "result"):
            assert rows[0][key] == rows[1][key]
        for row in rows:
            started, ended = np.datetime64(str(row["started"])), np.datetime64(str(row["ended"]))
            assert started < ended < today - np.timedelta64(90, "D")
        with_second += len(rows) == 3
    assert 0.5 < with_second / 60 < 0.9


def test_the_determination_of_the_day_is_the_value_of_the_day(asked: Asked) -> None:
    today = asked("cryoglobulin")["value"]
    for one in asked.who:
        earlier, now = asked.rows("cryoglobulin_determination", int(one))
        assert (now["value"], now["drawn"]) == (today[one], "2008-03-03")
        assert str(earlier["drawn"]) < "2008-02-25"
    assert any(
        asked.rows("cryoglobulin_determination", int(one))[0]["value"] != today[one] for one in asked.who
    )


# ---- the disease in the forms --------------------------------------------------------------------


def test_before_the_first_injection_organs_are_absent_or_active(asked: Asked) -> None:
    states = {state for item in asked("organs").values() for state in item}
    assert states == {"absent", "active"}


def test_what_improves_is_read_organ_by_organ(asked: Asked) -> None:
    before = asked("organs")
    asked.dosed()
    after = asked("organs", "W11")
    for item, gone in (
        ("purpura", "resolved"),
        ("joints", "resolved"),
        ("nerve", "improved"),
        ("kidney", "improved"),
    ):
        for was, now in zip(before[item], after[item], strict=True):
            assert now == (gone if was == "active" else "absent")
    score = asked("bvas", "W11")["total"]
    for i, total in enumerate(score):
        left = any(after[item][i] == "improved" for item in ("nerve", "kidney", "cns"))
        assert (total >= 1) == left


def test_pain_and_urine_follow_their_organs(asked: Asked) -> None:
    organs, pain, urine = asked("organs"), asked("nerve"), asked("renal")
    nerve, kidney = (np.array(organs[name]) == "active" for name in ("nerve", "kidney"))
    assert (column(pain, "pain")[~nerve] == 0).all()
    assert (column(pain, "pain")[nerve] >= 1).all()
    assert (column(urine, "proteinuria")[~kidney] == 0.1).all()
    assert urine["haematuria"] == kidney.tolist()
    asked.dosed()
    eased = asked("nerve", "W11")["pain"]
    assert np.mean(np.array(eased)[nerve]) < 0.7 * np.mean(column(pain, "pain")[nerve])
    assert column(asked("renal", "W11"), "proteinuria")[kidney].max() < 0.3


def test_a_flare_shows_in_its_organ_the_score_and_the_assessment(protocol: Protocol, asked: Asked) -> None:
    calm = asked("bvas", "W11")["total"][0]
    assert asked("flare_assessment", "W11")["suspected"][0] is False
    asked.flare(0)
    item = asked.flares.code(0)
    involved = asked.bodies.involved[0, asked.flares.organ[0]]
    assert asked("organs", "W11")[item][0] == ("worse" if involved else "new")
    assert asked("bvas", "W11")["total"][0] == calm + 6
    assert asked("flare_assessment", "W11")["suspected"][:2] == [True, False]
    assert asked("vital_signs", "W11")["new_sign"][:2] == [True, False]
    over = NOW + 60 * DAY
    assert asked("flare_assessment", "W11", over)["suspected"][0] is False


@pytest.mark.parametrize(
    ("sign", "form", "item", "moves"),
    [
        ("fever", "vital_signs", "temperature", 1),
        ("leak", "vital_signs", "systolic", -1),
        ("infection", "laboratory", "crp", 1),
    ],
)
def test_a_sign_shows_in_whoever_has_it(asked: Asked, sign: str, form: str, item: str, moves: int) -> None:
    before = column(asked(form), item)
    asked.sign(sign)
    after = column(asked(form), item)
    assert np.sign(after[0] - before[0]) == moves
    assert (after[1:] == before[1:]).all()


def test_an_infection_is_told_at_the_decision(asked: Asked) -> None:
    asked.sign("infection", 3)
    told = asked("tolerance", "tolerance_C1")["infection"]
    assert [i for i, yes in enumerate(told) if yes] == [3]


# ---- injections and what is not asked ------------------------------------------------------------


def test_place_and_giver_follow_the_setting(protocol: Protocol, asked: Asked) -> None:
    outcomes = list(protocol.decisions["tolerance_C1"].outcomes)
    asked.cohort.outcome["tolerance_C1"][:30] = outcomes.index("ambulatory")
    asked.cohort.outcome["tolerance_C1"][30:] = outcomes.index("hospital")
    said = {"given": True, "dose": 3.0}
    when = np.full(60, NOW)
    for point, at_home in (("C2.D1", "day_hospital"), ("C2.D2", "home"), ("C2.D5", "on_site")):
        answers = asked.voices.answer("injection", point, asked.who, when, asked.cohort, said)
        assert answers["place"] == [at_home] * 30 + ["hospital"] * 30
        assert answers["giver"][0] == ("home_nurse" if at_home == "home" else "nurse")
        assert answers["reason_not_given"] == [None] * 60


def test_hours_are_counted_from_the_last_injection(site: Site) -> None:
    cytometry, injections = site.cohort.sheets["cytometry"], site.cohort.injections
    asked_at, hours = cytometry.at("C4.D5"), cytometry.value("hours_since_injection", "C4.D5")
    fourth = np.where(
        injections.value("given", "C4.D4") == 1, injections.at("C4.D4"), np.datetime64("NaT", "m")
    )
    known = ~np.isnat(asked_at) & ~np.isnat(fourth)
    assert known.sum() > 50
    np.testing.assert_allclose(hours[known], (asked_at - fourth)[known] / np.timedelta64(1, "h"), atol=0.051)
    assert np.isnan(cytometry.value("hours_since_injection", "SCR")).all()


def test_what_is_not_asked_is_taken_back(protocol: Protocol) -> None:
    values = {"normal": [True, False, None], "significant": [False, False, False]}
    assert only_where_asked(protocol, "ecg", values)["significant"] == [None, False, None]
