"""P-values of tables: against scipy's, and against every table counted one by one."""

from itertools import product
from math import comb, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.compared import (
    _freeman_halton,
    anova,
    chi_square,
    fisher,
    kruskal_wallis,
)
from trialrun.analysis.outputs.stratified import cochran_mantel_haenszel

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


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 4), min_size=3, max_size=3))
@settings(max_examples=30)
def test_by_logarithms_fisher_is_what_whole_numbers_say(table):
    ours = fisher(table)
    if isinstance(ours, float):
        filled = [row for row in table if any(row)]
        assert ours == pytest.approx(_freeman_halton(tuple(filled)), rel=1e-6)


def test_fisher_of_a_large_table_is_that_of_r():
    """R 4.2: fisher.test(…, workspace = 2e8); sodium in table 14-6.03 of the CDISC pilot study."""
    assert fisher([[10, 60, 14], [7, 62, 13], [12, 58, 10]]) == pytest.approx(0.72753033894, rel=1e-7)


# ---- strata --------------------------------------------------------------------------------------

SECOND = [[1, 3], [4, 2], [0, 3]]


def test_general_association_is_that_of_r():
    """R 4.2: mantelhaen.test of the array of these tables; with three levels, and four columns too."""
    tables = [[[4, 3, 0], [2, 5, 1], [1, 2, 1]], [[1, 2, 2], [3, 0, 2], [4, 3, 2]]]
    assert cochran_mantel_haenszel(tables, "cmh-general", [1, 2, 3]) == pytest.approx(0.9846760746)


@given(st.lists(st.tuples(COUNT, COUNT), min_size=3, max_size=3), st.integers(2, 5))
def test_two_levels_make_means_general_whatever_their_scores(table, score):
    general = cochran_mantel_haenszel([table, SECOND], "cmh-general", [1, 2])
    means = cochran_mantel_haenszel([table, SECOND], "cmh-means", [score, 2 * score])
    assert general == means


def test_one_stratum_is_the_chi_square_less_one_observation():
    table = [[10, 4, 3], [5, 9, 1]]
    statistic = stats.chi2_contingency(table, correction=False).statistic * 31 / 32
    ours = cochran_mantel_haenszel([table], "cmh-general", [1, 2, 3])
    assert ours == pytest.approx(stats.chi2.sf(statistic, 2))


def test_a_correlation_is_that_of_the_scores():
    table = [[3, 1, 0], [1, 2, 2], [0, 1, 4]]
    pairs = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    r = stats.pearsonr(*zip(*pairs, strict=True)).statistic
    ours = cochran_mantel_haenszel([table], "cmh-correlation", [1, 2, 3])
    assert ours == pytest.approx(stats.chi2.sf((len(pairs) - 1) * r**2, 1))


@pytest.mark.parametrize("tables", [[], [[[1, 0], [0, 0]]], [[[2, 0], [3, 0]], [[0, 4], [0, 1]]]])
def test_strata_in_which_nothing_varies_say_why(tables):
    assert isinstance(cochran_mantel_haenszel(tables, "cmh-general", [1, 2]), NotEstimable)
