"""What is designed is what a study does: its table is compiled, and asked the same questions."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_study import small
from trialrun.analysis.design import three_plus_three
from trialrun.analysis.design.boin import Boin
from trialrun.analysis.design.escalation import Escalation, Line, table
from trialrun.conduct.allocation import Place, allocate
from trialrun.conduct.cohort import Cohort
from trialrun.conduct.roll import Roll, roll
from trialrun.conduct.verdict import NO, YES
from trialrun.protocol.allocation import Table
from trialrun.protocol.protocol import Protocol

NOW = np.datetime64("2020-03-02T10:00", "m")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "design.md"
DESIGNS = {
    "three by three": Escalation(three_plus_three.lines(), 3, 60),
    "three by three, no return": Escalation(three_plus_three.lines(then="stop"), 3, 60),
    "BOIN": Boin(0.25).escalation(60, 3),
    "BOIN, enough": Boin(0.3).escalation(60, 2, enough=8),
}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Protocol]:
    """A study for each design, whose table was pasted."""
    return {name: compiled(tmp_path_factory.mktemp("study"), design) for name, design in DESIGNS.items()}


def compiled(folder: Path, design: Escalation) -> Protocol:
    head = f"method: table\ncohort: {design.cohort}\nstart: A\ncounted: severe_events >= 1\njudged_at: LATE"
    text = f"{head}\n{table(design.lines)}\nfrom: outline#1"
    pasted = "allocation:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    blocks = "{method: blocks, ratio: {A: 1, B: 1}, blocks: [2, 4], strata: [site, sex], from: outline#1}"
    return small(
        folder, (f"allocation: {blocks}\n", pasted), ("allocation: randomised", "allocation: adaptive")
    )


def present(protocol: Protocol, arms: list[str], events: list[bool]) -> Roll:
    cohort = Cohort(protocol, len(arms))
    who = np.arange(len(arms))
    cohort.include(who, NOW + who.astype("timedelta64[m]"))
    return replace(
        roll(cohort, who, np.full(len(arms), NOW + np.timedelta64(100, "m"))),
        arm=np.array(arms, dtype=object),
        judged=np.ones(len(arms), dtype=bool),
        void=np.zeros(len(arms), dtype=bool),
        counts=np.array([YES if event else NO for event in events], dtype=np.int8),
    )


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(DESIGNS)), st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_a_study_goes_where_the_design_goes(
    studies: dict[str, Protocol], name: str, outcomes: list[int]
) -> None:
    design, protocol = DESIGNS[name], studies[name]
    dose, counts, arms, events = 0, ((0, 0), (0, 0)), list[str](), list[bool]()
    for found in outcomes:
        x = min(found, design.cohort)
        arms += ["AB"[dose]] * design.cohort
        events += [i >= design.cohort - x for i in range(design.cohort)]  # told last: no dose closes midway
        pairs = list(counts)
        pairs[dose] = (counts[dose][0] + design.cohort, counts[dose][1] + x)
        counts = (pairs[0], pairs[1])
        there = design.after(dose, counts)
        place = allocate(protocol, present(protocol, arms, events), "", lambda below: 0)
        assert (place.arm if isinstance(place, Place) else None) == (None if there is None else "AB"[there])
        if there is None:
            return
        dose = there


def test_the_pasted_lines_are_read_as_they_were_meant(studies: dict[str, Protocol]) -> None:
    for name, design in DESIGNS.items():
        allocation = studies[name].study.allocation
        assert isinstance(allocation, Table)
        for step, line in zip(allocation.table, design.lines, strict=True):
            assert (step.next, step.exclude, step.or_else) == (line.next, line.exclude, line.or_else)
            for said, meant in ((step.of, line.of), (step.counted, line.counted)):
                assert [k for k in range(70) if k in said] == list(range(meant[0], meant[1] + 1))


def test_the_page_shows_what_the_function_returns() -> None:
    [shown] = re.findall(r"^```yaml\n(table:.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert shown.rstrip() == table(Boin(0.25).lines(6, 3))


def test_what_is_said_by_default_is_left_out() -> None:
    line = Line((3, 6), (2, 6), "lower", exclude=True, or_else="same")
    assert line.text() == "- {of: 3..6, counted: 2..6, next: lower, exclude: true, or_else: same}"
    assert Line((3, 3), (1, 1), "same").stated() == {"of": "3..3", "counted": "1..1", "next": "same"}


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="not below"):
        Line((3, 2), (0, 0), "same")
    with pytest.raises(ValueError, match="1 <= cohort <= n_max"):
        Escalation((), cohort=0, n_max=3)
    with pytest.raises(ValueError, match="no line for 0 of 3"):
        Escalation((Line((3, 3), (1, 3), "stop"),), cohort=3, n_max=9).outcomes([0.5])
    with pytest.raises(ValueError, match="use `simulate`"):
        Boin(0.3).escalation(30, 3).outcomes([0.2, 0.3, 0.4], most=10)
