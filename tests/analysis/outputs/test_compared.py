"""P-values of tables: against scipy's, and against every table counted one by one."""

from itertools import product
from math import comb, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.compared import anova, chi_square, fisher, kruskal_wallis

GROUPS = [[1.0, 2, 3, 3], [2.0, 5, 6], [7.0, 8, 9, 4]]
COUNT = st.integers(0, 9)


@given(st.lists(st.tuples(COUNT, COUNT), min_size=2, max_size=2))
def test_fisher_of_two_by_two_is_scipys(table):
    ours = fisher(table)
    if isinstance(ours, NotEstimable):
        assert any(map(sum, table)) is False or 0 in [*map(sum, table), *map(sum, zip(*table, strict=True))]
    else:
        assert ours == pytest.approx(stats.fisher_exact(table).pvalue)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=3, max_size=3))
def test_fisher_of_a_larger_table_is_the_sum_over_all_tables(table):
    rows = [sum(row) for row in table]
    size = sum(row[0] for row in table)
    ours = fisher(table)
    if 0 in rows or size in (0, sum(rows)):
        return
    ways = {
        first: prod(comb(row, one) for row, one in zip(rows, first, strict=True))
        for first in product(*(range(row + 1) for row in rows))
        if sum(first) == size
    }
    seen = ways[tuple(row[0] for row in table)]
    assert ours == pytest.approx(sum(one for one in ways.values() if one <= seen) / sum(ways.values()))


def test_fisher_does_not_care_which_way_a_table_lies():
    table = [[58, 28], [25, 59], [27, 57]]
    assert fisher(table) == fisher(list(zip(*table, strict=True)))


def test_the_usual_tests_are_scipys():
    assert anova(GROUPS) == pytest.approx(stats.f_oneway(*GROUPS).pvalue)
    assert kruskal_wallis(GROUPS) == pytest.approx(stats.kruskal(*GROUPS).pvalue)
    table = [[10, 4, 3], [5, 9, 1]]
    assert chi_square(table) == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert chi_square([[10, 4, 3, 0], [5, 9, 1, 0], [0, 0, 0, 0]]) == chi_square(table)


@pytest.mark.parametrize(
    ("test", "data"),
    [
        (anova, []),
        (anova, [[1.0, 2.0], []]),
        (anova, [[1.0], [2.0]]),
        (anova, [[1.0, 1.0], [2.0, 2.0]]),
        (kruskal_wallis, [[1.0, 1.0], [1.0]]),
        (kruskal_wallis, [[1.0], []]),
        (chi_square, [[0, 0], [0, 0]]),
        (chi_square, [[3, 0], [4, 0]]),
        (fisher, [[0, 5], [0, 6]]),
        (fisher, [[0, 0], [2, 3]]),
    ],
)
def test_what_cannot_be_tested_says_why(test, data):
    found = test(data)
    assert isinstance(found, NotEstimable)
    assert found.reason
