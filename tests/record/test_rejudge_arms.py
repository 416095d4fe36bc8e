"""A trial with arms under another version of its protocol: nothing is drawn anew, what differs is told."""

from pathlib import Path

import pytest

from arms_walk import PEOPLE, SetClock, begun, included
from small_study import BLOCKS, TABLE, small
from trialrun.protocol.protocol import Protocol
from trialrun.record.rejudge import Rejudged, rejudge
from trialrun.record.trial import Trial


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return small(tmp_path_factory.mktemp("arms"))


@pytest.fixture
def trial(study: Protocol) -> Trial:
    return Trial.in_memory(study, virtual=True, clock=SetClock(), people=PEOPLE)


def told(found: Rejudged, asked: str) -> list[tuple[str, str]]:
    return [(one.old("en"), one.new("en")) for one in found.differing if one.asked == asked]


def test_the_same_allocation_judges_the_same(trial: Trial, tmp_path: Path) -> None:
    begun(trial, 0)
    found = rejudge(trial, small(tmp_path, ('version: "1"', 'version: "2"')))
    assert (found.differing, found.judged["allocation"]) == ([], 1)


def test_the_limit_of_a_kind_is_judged(trial: Trial, tmp_path: Path) -> None:
    for _ in range(2):
        included(trial)
    found = rejudge(trial, small(tmp_path, ("at_most: {F: 5}", "at_most: {F: 1}")))
    assert told(found, "inclusions") == [("inclusions open", "inclusions closed")]


def test_another_ratio_is_told(trial: Trial, tmp_path: Path) -> None:
    included(trial, "B")
    ratio = ("ratio: {A: 1, B: 1}, blocks: [2, 4]", "ratio: {A: 3, B: 1}, blocks: [4]")
    found = rejudge(trial, small(tmp_path, ratio))
    assert told(found, "allocation") == [("Series", "drawn by other rules")]
    assert found.differing[0].because == (
        "ratio 1:1 in blocks of 2 or 4 by site, sex → ratio 3:1 in blocks of 4 by site, sex",
    )


def test_a_table_says_which_arm_it_would_have_given(trial: Trial, tmp_path: Path) -> None:
    included(trial, "B")
    adaptive = ("allocation: randomised", "allocation: adaptive")
    found = rejudge(trial, small(tmp_path, (BLOCKS, TABLE), adaptive))
    assert told(found, "allocation") == [("Series", "Loading and maintenance")]


@pytest.mark.parametrize("title", ["Series", "Something else"])
def test_an_arm_that_is_renamed_or_gone_is_survived(trial: Trial, tmp_path: Path, title: str) -> None:
    begun(trial, 0)
    new = small(
        tmp_path,
        ("  B: {title: Series", f"  C: {{title: {title}"),
        ("ratio: {A: 1, B: 1}", "ratio: {A: 1, C: 1}"),
        ("S: {label: Series, arms: B", "S: {label: Series, arms: C"),
    )
    found = rejudge(trial, new)
    if title == "Series":
        assert (told(found, "allocation"), found.misfits) == ([], {})
        return
    assert told(found, "allocation") == [("Series", "does not exist")]
    assert found.misfits == {("arms.B", "arm"): 1}
