import numpy as np
import pytest

from trialrun.conduct.setting import setting


@pytest.mark.parametrize(
    ("outcome", "where"),
    [("ambulatory", "ambulatory"), ("ambulatory_after_grade_2", "ambulatory"), ("hospital", "hospital"),
     ("hold", ""), ("review", ""), ("stop", "")],
)  # fmt: skip
def test_the_decision_sets_where_later_courses_are_given(story, outcome, where):
    story.dosed()
    position = np.array([story.outcomes.index(outcome)], dtype=np.int8)
    story.cohort.decide("tolerance_C1", story.everyone, position, story.at(19))
    assert list(setting(story.cohort, "C1.D3", story.everyone)) == ["hospital"]
    assert list(setting(story.cohort, "C3.D1", story.everyone)) == [where]


def test_before_the_decision_it_is_not_known(people):
    story = people(2)
    assert list(setting(story.cohort, "C2.D1", np.array([1, 0]))) == ["", ""]
