"""The blank two-arm trial: clean, dated in both arms, allocated fairly, analysed and told by arm."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import count

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.analysis.arrays import from_tables
from trialrun.analysis.comparison import compare
from trialrun.analysis.estimate import NotEstimable
from trialrun.conduct.cohort import Cohort
from trialrun.demo.crowd import Recorded
from trialrun.protocol.calendar import calendar
from trialrun.protocol.compile import load
from trialrun.protocol.lint import lint
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import trace
from trialrun.report.document import Points
from trialrun.report.finding import plain_text
from trialrun.report.study_report import Edition, study_report
from trialrun.simulate.ledger import Columns
from trialrun.simulate.trial import run
from trialrun.tables.validate import validate

Tables = dict[str, pl.DataFrame]
PROTOCOL = load("parallel_blank")
START = np.datetime64("2027-01-04T10:00", "m")
WHO = st.tuples(st.sampled_from(("NORTH", "SOUTH")), st.sampled_from(("moderate", "severe")))


# ---- the study -----------------------------------------------------------------------------------


def test_it_is_clean_and_every_statement_is_executed(blank: Protocol) -> None:
    assert [one for one in lint(blank) if one.resolution is None] == []
    listed = trace(blank)["statements"]
    assert [one["id"] for one in listed if not one["elements"] and not one["context"]] == []


@pytest.mark.parametrize(("arm", "substance"), [("active", "x"), ("placebo", "placebo")])
def test_both_arms_have_the_same_days_and_their_own_tablets(
    blank: Protocol, arm: str, substance: str
) -> None:
    days = {row["id"]: row["day"] for row in calendar(blank, date(2027, 1, 11), arm=arm)}
    doses = [days[f"LOAD.D{k}"] for k in (1, 2, 3)] + [days[f"KEEP.D{k}"] for k in range(1, 8)]
    assert doses == [1, 2, 3, 8, 15, 22, 29, 36, 43, 50]
    assert [days[visit] for visit in ("SCR", "W2", "W4", "W6", "W8", "SAFETY", "W12")] == [
        -14, 15, 29, 43, 57, 78, 85,
    ]  # fmt: skip
    given = [blank.timepoints[point].dose_of(arm) for point in ("LOAD.D1", "KEEP.D1")]
    assert [(dose.substance, dose.amount) for dose in given if dose] == [(substance, 2), (substance, 1)]


def test_nothing_of_it_is_python(blank: Protocol) -> None:
    assert blank.model["model"] == "stated"
    assert set(blank.files) == {"study.yaml", "forms.yaml", "variables.yaml", "sources.yaml", "model.yaml"}


# ---- allocation ----------------------------------------------------------------------------------


def include(people: list[tuple[str, str]], chance: Callable[[int], int]) -> Cohort:
    """These people (site, severity), included one after the other."""
    ledger = Columns(PROTOCOL, len(people))
    cohort = ledger.cohort
    for one, (site, severity) in enumerate(people):
        who, when = np.array([one]), np.array([START + one * np.timedelta64(1, "D")])
        cohort.site[one] = site
        cohort.enter("history", "SCR", who, when, when, {"severity": [severity], "excluding": [False]})
        assert cohort.arm_of(one) is None  # nothing is stored ahead of the inclusion
        assert cohort.block[one] == 0
        ledger.include(who, when, chance)
    return cohort


def draws(seed: int) -> Callable[[int], int]:
    generator = np.random.default_rng(seed)
    return lambda below: int(generator.integers(below))


def strata(people: list[tuple[str, str]], cohort: Cohort) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """(arm, size of its block) of each participant, by stratum, in order."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for one, who in enumerate(people):
        found.setdefault(who, []).append((str(cohort.arm_of(one)), int(cohort.block[one])))
    return found


@settings(max_examples=25)
@given(st.lists(WHO, min_size=1, max_size=24), st.integers(0, 2**32 - 1))
def test_every_full_block_of_a_stratum_is_balanced(people: list[tuple[str, str]], seed: int) -> None:
    difference = 0
    for given_ in strata(people, include(people, draws(seed))).values():
        left = list(given_)
        while left:
            size = left[0][1]
            block, left = left[:size], left[size:]
            counts = Counter(arm for arm, _ in block)
            assert size in (2, 4)
            assert {of for _, of in block} == {size}
            assert max(counts.values()) <= size // 2
            difference += counts["active"] - counts["placebo"]
            if len(block) == size:
                assert counts["active"] == counts["placebo"]
    assert abs(difference) <= 2 * 4  # at most half of an open block of four in each of four strata


@settings(max_examples=15)
@given(st.lists(WHO, min_size=0, max_size=8), WHO, st.integers(0, 2**32 - 1))
def test_the_next_arm_cannot_be_known_unless_its_block_is_used_up(
    people: list[tuple[str, str]], last: tuple[str, str], seed: int
) -> None:
    """The same record so far, another chance for the last one alone: every arm that is left can come."""
    before = strata([*people, last], include([*people, last], draws(seed)))[last][:-1]
    while before and len(before) >= before[0][1]:
        before = before[before[0][1] :]
    size = before[0][1] if before else 0
    counts = Counter(arm for arm, _ in before)
    left = {arm for arm in PROTOCOL.arms if counts[arm] < size // 2} if size else set(PROTOCOL.arms)
    asked = _asked(people, seed)
    found = set()
    for place in range(4):
        cohort = include([*people, last], _then(draws(seed), asked, place))
        found.add(cohort.arm_of(len(people)))
    assert found == left


def _then(draw: Callable[[int], int], times: int, place: int) -> Callable[[int], int]:
    """Chance that answers as ``draw`` so many times, and from then on with one place."""
    asked = count(1)
    return lambda below: draw(below) if next(asked) <= times else place % below


def _asked(people: list[tuple[str, str]], seed: int) -> int:
    """How often chance is asked to include these people."""
    draw, asked = draws(seed), []

    def chance(below: int) -> int:
        asked.append(below)
        return draw(below)

    if people:
        include(people, chance)
    return len(asked)


def test_the_same_seed_gives_the_same_arms_and_another_seed_others(small: Protocol) -> None:
    one, again, other = (arms(run(small, seed)) for seed in (5, 5, 6))
    assert one == again
    assert one != other
    assert Counter(one)["active"] in (5, 6, 7)


def arms(cohort: Cohort) -> list[str]:
    order = np.argsort(cohort.included, kind="stable")
    return [str(cohort.arm_of(int(one))) for one in order if not np.isnat(cohort.included[one])]


def test_the_record_and_the_fast_path_hold_the_same(small: Protocol, recorded: Recorded) -> None:
    fast = run(small, 5)
    for one, site in enumerate(recorded.sites):
        mine = site.cohort
        assert (mine.arm_of(0), mine.block[0]) == (fast.arm_of(one), fast.block[one])
        assert mine.site[0] == fast.site[one]
        np.testing.assert_array_equal(mine.included[0], fast.included[one])
        for name, sheet in mine.sheets.items():
            for item, values in sheet.values.items():
                np.testing.assert_array_equal(values[0], fast.sheets[name].values[item][one], f"{one} {item}")


def test_no_entry_before_an_inclusion_holds_an_arm(recorded: Recorded) -> None:
    """Where the arm of a participant stands in the record, it stands from the act of inclusion on."""
    store, included = recorded.trial.store, 0
    for chain in store.heads():
        for entry in store.chain(chain):
            said = json.dumps(entry.payload, default=str)
            included += entry.act == "include"
            assert ('"arm"' in said) == ('"block"' in said) == (entry.act == "include"), entry
    assert included == 12


# ---- analysis and report -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ard(small: Protocol, tables: Tables) -> Ard:
    return analyse_outputs(tables, small.reported, small)


def test_its_tables_are_sound(small: Protocol, tables: Tables) -> None:
    assert validate(tables, small) == []
    assert set(tables["DM"]["ARMCD"].drop_nulls()) == {"ACTIVE", "PLACEBO"}


def test_everyone_is_in_one_arm_as_the_record_has_it(
    small: Protocol, tables: Tables, recorded: Recorded
) -> None:
    arrays = from_tables(small, tables)
    assert arrays.arms == ("active", "placebo")
    sites = {f"{small.id}-{site.ledger.subject}": site.cohort for site in recorded.sites}  # type: ignore[attr-defined]
    for i, subject in enumerate(arrays.subjects):
        place = int(arrays.arm[0, i])
        assert (arrays.arms[place] if place >= 0 else None) == sites[subject].arm_of(0)
    total = sum(int(arrays.only(arm).present.sum()) for arm in arrays.arms)
    assert total == 12


def test_no_endpoint_is_pooled_over_arms(ard: Ard) -> None:
    for key in ("14.2.1", "14.2.2"):
        assert [column.key for column in ard.columns[key]] == ["ACTIVE", "PLACEBO"]
    sizes = {column.key: column.n for column in ard.columns["14.1.3"]}
    assert sizes["ACTIVE"] + sizes["PLACEBO"] == sizes["total"]


def test_what_is_tested_is_the_difference_between_arms(small: Protocol, tables: Tables, ard: Ard) -> None:
    arrays = from_tables(small, tables)
    for number, name in enumerate(small.study.endpoints, 1):
        lines = {line.key[-1]: cells for line, cells in ard.lines(f"14.2.{number}")}
        assert "p" not in lines
        [cell] = lines["difference_p"]
        assert cell.column == "ACTIVE"
        compared = compare(small, arrays, name)
        assert compared is not None
        expected = compared.test_at(0)
        p = cell.values["difference_p"]
        assert p == expected if isinstance(expected, NotEstimable) else p == pytest.approx(expected.p)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_tells_both_arms(small: Protocol, ard: Ard, language: str) -> None:
    made = study_report(small, ard, Edition(virtual=True), language)
    said = [plain_text(item) for block in made.blocks if isinstance(block, Points) for item in block.items]
    for words in ("Placebo", "Substance X"):
        assert sum(sentence.startswith(words) for sentence in said) >= 4
    difference = "Différence entre les bras" if language == "fr" else "Difference between the arms"
    assert sum(difference in sentence for sentence in said) >= 2
