"""Every change from a baseline over a file: the same numbers as of two visits alone, or what is lacking."""

from dataclasses import replace

import pytest

from trialrun.cytometry.response.change import Stained, spot_change, stained_change
from trialrun.cytometry.response.counts import Stain
from trialrun.cytometry.response.course import spots, stains
from trialrun.cytometry.response.elispot import Assay, Wells, judge
from trialrun.cytometry.response.ics import Count, Rule

FIRST = Assay("01", "D1", "P1", {"a": Wells((20, 25, 22))}, Wells((3, 4, 5)), {"m": Wells((200,) * 3)}, 90)
LATER = replace(FIRST, visit="W11", antigens={"a": Wells((31, 35, 38))})


def test_each_participant_is_compared_with_the_own_baseline() -> None:
    other = replace(LATER, participant="02", antigens={"a": Wells((60, 62, 61))})
    found = spots([judge(FIRST), judge(LATER), judge(replace(FIRST, participant="02")), judge(other)], "D1")
    assert found["01"] == {"W11": spot_change(judge(FIRST), judge(LATER))}
    assert found["02"] == {"W11": spot_change(judge(FIRST), judge(replace(other, participant="01")))}
    assert found["02"] != found["01"]


def test_a_visit_that_is_missing_is_named() -> None:
    alone = replace(FIRST, participant="02")
    late = replace(LATER, participant="03")
    found = spots([judge(one) for one in (FIRST, LATER, alone, late)], "D1")
    assert found["02"]["W11"].reason == "no assay of W11"
    assert found["03"]["W11"].reason == "no assay of D1"
    assert spots([judge(FIRST)], "D1") == {"01": {}}


def test_a_visit_on_two_plates_is_compared_where_it_stands_beside_the_other() -> None:
    twice = replace(LATER, plate="P2", antigens={"a": Wells((90, 91, 92))})
    found = spots([judge(FIRST), judge(twice), judge(LATER)], "D1")["01"]["W11"]
    assert found == spot_change(judge(FIRST), judge(LATER))
    apart = spots([judge(replace(FIRST, plate="P3")), judge(twice), judge(LATER)], "D1")["01"]["W11"]
    assert apart.change is None and "several ways, on plates P3, P2, P1" in str(apart.reason)


def stain(visit: str, antigens: dict[str, Count | None], control: Count | None) -> Stain:
    return Stain("01", visit, "CD4", "IFNg", antigens, control, {})


CONTROL = Count(10, 80_000)
BEFORE = stain("D1", {"a": Count(20, 80_000), "b": None, "c": Count(1, 80_000)}, CONTROL)
AFTER = stain("W11", {"a": Count(90, 80_000), "b": Count(3, 80_000)}, CONTROL)


def test_stained_cells_change_by_antigen_and_visit() -> None:
    found = stains([BEFORE, AFTER], "D1")["01", "CD4", "IFNg"]
    pair = [Stained(Count(n, 80_000), CONTROL) for n in (20, 90)]
    assert found["a"] == {"W11": stained_change(*pair)}
    assert found["b"]["W11"].reason == "the stimulated well of D1 was lost"
    assert found["c"]["W11"].reason == "no well with the antigen at W11"


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (replace(AFTER, control=None), "no unstimulated well was counted at W11"),
        (replace(AFTER, subset="CD8"), "no assay of W11"),
        (replace(AFTER, control=Count(1, 900)), "900 parent events in a well, at least 5000 are needed"),
    ],
)
def test_what_is_lacking_is_told(later: Stain, reason: str) -> None:
    found = stains([BEFORE, later], "D1", Rule())["01", "CD4", "IFNg"]["a"]["W11"]
    assert (found.net, found.reason) == (None, reason)
