from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialrun.conduct.cohort import Sheet
from trialrun.conduct.decision import judge
from trialrun.conduct.permission import may_include, may_inject
from trialrun.conduct.reading import View, judged, matching, read
from trialrun.conduct.roll import roll
from trialrun.conduct.setting import setting
from trialrun.conduct.standing import standing, states
from trialrun.conduct.stop import overdue, triggered


def value(
    story: Any, name: str, day: float, point: str | None = None, knowledge: Any = "so far", hour: float = 12
) -> Any:
    return read(story.cohort, [name], story.everyone, story.at(day, hour), point, knowledge)[name][0]


def test_what_happened_later_does_not_count(story):
    story.fill("vital_signs", "C1.D2", 1, hour=11)
    assert value(story, "spo2", 1, "C1.D2", hour=10) is None
    assert value(story, "spo2", 1, "C1.D2", hour=11) == 98
    story.inject("C1.D1", 0)
    story.event(5, grade=4)
    assert value(story, "dose_limiting_events", 4) == 0
    assert value(story, "dose_limiting_events", 6) == 1


def test_the_latest_of_a_form_that_nobody_is_asked_for_is_unknown(story):
    story.cohort.sheets["pregnancy"] = Sheet(story.protocol.forms["pregnancy"], (), 1)
    assert value(story, "pregnancy_test_latest", 20) is None


def test_latest_is_the_latest_that_is_known(story):
    story.fill("pregnancy", "C1.D1", 0)
    story.fill("pregnancy", "C2.D1", 21, result="positive")
    story.fill("pregnancy", "C3.D1", 42, result=None)
    assert value(story, "pregnancy_test_latest", 20) == "negative"
    assert value(story, "pregnancy_test_latest", 60) == "positive"
    assert value(story, "pregnancy_test_latest", -1) is None


def test_course_day_1_is_that_of_the_course(story):
    story.fill("vital_signs", "C2.D1", 21, weight=60)
    story.fill("vital_signs", "C1.D1", 0, weight=70)
    assert value(story, "weight_day_1", 23, "C2.D3") == 60
    assert value(story, "weight_day_1", 23, "W11") is None


def test_the_first_moment_that_is_known_counts(story):
    story.fill("hcv_rna", "SCR", -14, log10=5)
    assert value(story, "hcv_rna_baseline", 30) == 5
    story.fill("hcv_rna", "C1.D1", 0, log10=6)
    assert value(story, "hcv_rna_baseline", 30) == 6


def test_what_was_measured_for_a_course_that_slipped_counts_no_more(story):
    story.fill("vital_signs", "C2.D1", 21)
    story.fill("laboratory", "C2.D1", 21)
    assert value(story, "temperature", 21, "C2.D1", hour=20) == 36.8
    assert value(story, "temperature", 22, "C2.D1") is None  # of the day
    assert value(story, "platelets", 24, "C2.D1", hour=9) == 210  # up to 72 hours ahead
    assert value(story, "platelets", 24, "C2.D1", hour=10) is None


def test_an_empty_list_is_not_none_until_it_is_confirmed(story):
    story.dosed()
    assert value(story, "worst_related_grade_C1", 19) == 0
    assert value(story, "worst_related_grade_C1", 19, knowledge="complete") is None
    story.fill("ae_review", "tolerance_C1", 19)
    assert value(story, "worst_related_grade_C1", 19, knowledge="complete") == 0
    assert value(story, "worst_related_grade_C1", 19, knowledge="complete", hour=8) is None


@pytest.mark.parametrize("lacking", ["grade", "related"])
def test_a_row_that_cannot_be_judged_is_not_no_event(story, lacking):
    story.dosed()
    story.fill("ae_review", "tolerance_C1", 19)
    story.event(3, grade=2)
    assert value(story, "worst_related_grade_C1", 19, knowledge="complete") == 2
    story.event(4, **{"grade": 3, lacking: None})
    assert value(story, "worst_related_grade_C1", 19, knowledge="complete") is None
    assert value(story, "worst_related_grade_C1", 19) == 2  # what is known so far


def test_protection_is_unknown_where_a_row_could_change_it(story):
    story.dosed()
    rule = story.protocol.rules["decisions.tolerance_C1.stop"]
    view = View(story.cohort, story.everyone, story.at(19), "tolerance_C1", "so far")
    assert judged(view, rule)[1][0] == 0
    story.event(4, grade=3, related=None)
    frame, said = judged(view, rule)
    assert (said[0], frame["dose_limiting_events"][0]) == (-1, None)
    story.event(5, grade=4)
    assert judged(view, rule)[1][0] == 1  # what is known is enough


def test_a_course_is_its_first_21_days_and_a_named_one_lasts_until_the_next(story):
    story.dosed()
    for day in (-1, 0, 20, 21, 23):
        story.event(day, grade=4)
    rows = {name: matching(story.cohort, name, story.everyone, story.at(30), None, "so far")[0] for name in
            ("dose_limiting_events", "serious_related_C1", "severe_related_events")}  # fmt: skip
    assert len(rows["dose_limiting_events"]) == 2
    assert len(rows["severe_related_events"]) == 4
    assert value(story, "unresolved_grade_2_C1", 30) == 4
    story.inject("C2.D1", 23)
    assert value(story, "unresolved_grade_2_C1", 30) == 3  # the one of day 23 belongs to the second course
    assert value(story, "dose_limiting_events", 30) == 3


def test_an_event_belongs_to_its_onset_whenever_its_row_says_it_was_filled(story):
    story.dosed()
    for filled in (-5, 30, 90):  # before the first dose, after the course, later than now
        story.event(filled, grade=4, onset=story.date(5))
    assert value(story, "dose_limiting_events", 4) == 0
    assert value(story, "dose_limiting_events", 25) == 3
    story.row("rescue", -5, medicine="steroid", started=story.date(6))
    assert value(story, "rescues", 6) == 1
    story.row("flare", 40, organ="kidney", major=True, onset=story.date(6))
    assert value(story, "major_flares", 6) == 1


def test_an_event_without_an_onset_belongs_to_the_day_of_its_row(story):
    story.dosed().event(5, grade=4, onset=None)
    assert [value(story, "severe_related_events", day) for day in (4, 5)] == [0, 1]


def test_an_event_that_ended_before_it_began_is_not_short(story):
    story.dosed().event(5, grade=3, category="fever", ended=story.date(2))
    rule = story.protocol.rules["decisions.tolerance_C1.stop"]
    view = View(story.cohort, story.everyone, story.at(19), "tolerance_C1", "so far")
    assert judged(view, rule)[1][0] == -1


def test_missed_doses_are_those_of_the_latest_course(story):
    story.dosed()
    for day in (1, 2, 3):
        story.inject(f"C1.D{day + 1}", day, given=False, reason_not_given="toxicity")
    assert value(story, "doses_missed_for_toxicity", 20) == 3
    story.inject("C2.D1", 21)
    assert value(story, "doses_missed_for_toxicity", 22) == 0


@pytest.mark.parametrize(
    ("category", "grade", "lasted", "counts"),
    [("fever", 3, 3, 0), ("fever", 3, 4, 1), ("lymphopenia", 4, 7, 0), ("lymphopenia", 4, 8, 1),
     ("capillary_leak", 1, 1, 1), ("autoimmune", 1, 1, 0), ("autoimmune", 2, 1, 1), ("fever", 5, 1, 1),
     ("other", 3, 1, 1), ("other", 2, 90, 0)],
)  # fmt: skip
def test_what_limits_the_dose(story, category, grade, lasted, counts):
    story.dosed()
    story.event(5, category=category, grade=grade)
    assert value(story, "dose_limiting_events", 5 + lasted) == counts
    story.event(5, category=category, grade=grade, related=False)
    story.row("ae", 5, row="r1", ended=story.date(5))
    assert value(story, "dose_limiting_events", 5 + lasted) == counts


def test_a_rise_of_the_virus_spans_its_samples(story):
    story.screen().include()
    for point, day, level in (("C1.D1", 0, 6), ("C2.D1", 21, 7.1), ("C3.D1", 42, 7.0)):
        story.inject(point, day)
        story.fill("hcv_rna", point, day, log10=level)
    assert value(story, "hcv_rise_span", 21) == 0
    assert value(story, "hcv_rise_span", 50) == 21


# ---- a batch is its participants -----------------------------------------------------------------

PLAYS = st.lists(
    st.tuples(
        st.integers(0, 3),  # how far the participant is
        st.lists(st.tuples(st.integers(0, 70), st.integers(1, 5), st.booleans(), st.sampled_from(
            ["fever", "lymphopenia", "autoimmune", "hypotension", "other"])), max_size=2),
        st.integers(0, 9),  # a slip of the second course
        st.sampled_from([None, "spo2", "pregnancy", "review", "stop", "end", "flare"]),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


def play(people: Any, plays: list[Any]) -> Any:
    """A cohort whose participants are at different stages."""
    story = people(len(plays)).screen()
    for one, (stage, events, slip, twist) in enumerate(plays):
        who, everyone = np.array([one]), story.everyone
        story.everyone = who
        if stage >= 1:
            story.cohort.include(who, story.at(-1, who=who))
            story.course("C1", 0)
        if stage >= 2:
            story.visit("tolerance_C1", 19, without=("ae_review",) if twist == "review" else ())
        if stage >= 3:
            story.cohort.decide(
                "tolerance_C1", who, np.array([2 + slip % 4], dtype=np.int8), story.at(19, who=who)
            )
            story.visit("C2.D1", 21 + slip, without=("pregnancy",) if twist == "pregnancy" else ())
        if twist == "spo2":
            story.fill("vital_signs", "C2.D1", 21 + slip, spo2=None)
        if twist == "stop":
            story.cohort.stop(who, "stops.rescue", story.at(10 + slip, who=who))
        if twist == "end":
            story.fill("end_of_participation", "any time", 15 + slip, status="lost")
        if twist == "flare":
            story.row("flare", 12 + slip, one, organ="kidney", major=slip % 2 == 0)
        for day, grade, related, category in events:
            story.event(day, one, grade=grade, related=related, category=category)
        story.everyone = everyone
    return story


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLAYS, st.integers(18, 40), st.randoms(use_true_random=False))
def test_a_batch_says_what_each_of_its_participants_alone_says(people, plays, day, chance):
    story = play(people, plays)
    cohort, moments = story.cohort, story.at(day)
    who = np.array(chance.sample(range(cohort.n), chance.randint(1, cohort.n)))
    together = told(cohort, who, moments[who])
    for place, (one, said) in enumerate(zip(who.tolist(), together, strict=True)):
        alone = play(people, [plays[one]])
        [expected] = told(alone.cohort, np.array([0]), moments[:1])
        assert said == expected, (place, one)


def told(cohort: Any, who: Any, now: Any) -> list[Any]:
    """All that conduct says of each participant."""
    moments = np.full(cohort.n, np.datetime64("NaT", "m"))
    moments[who] = now
    here = standing(cohort, moments)
    judgement = judge(cohort, "tolerance_C1", who, now)
    verdicts = [
        may_include(cohort, who, now),
        *(may_inject(cohort, p, who, now, 3) for p in ("C1.D5", "C2.D1", "C2.D2")),
    ]
    stops = [triggered(cohort, who, now), overdue(cohort, who, now)]
    state = states(cohort, moments)
    present = roll(cohort, who, now)
    found = []
    for row, one in enumerate(who.tolist()):
        found.append((
            state[one],
            [(p, str(here.planned[p][one]), str(here.until[p][one]), here.status(cohort, p, moments)[one])
             for p in cohort.protocol.timepoints],
            [str(v.reasons(row)) for v in verdicts],
            (int(judgement.outcome[row]), bool(judgement.ready[row]), str(judgement.reasons(row))),
            str(judgement.values(row)),
            [[rule for rule, whom in each if one in whom] for each in stops],
            setting(cohort, "C2.D1", who)[row],
            [str(each[row]) for each in (present.included, present.dosed_on, present.settled, present.lost)],
            [(str(present.flagged[s][row]), str(present.since[s][row]), sorted(present.same[s][row]))
             for s in present.flagged],
        ))  # fmt: skip
    return found
