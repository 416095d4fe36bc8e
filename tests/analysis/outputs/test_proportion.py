"""Proportions and survival as lines of an output: reference values, nobody, everybody, no event at all."""

import polars as pl
import pytest

from trialrun.analysis.ard import analyse_outputs
from trialrun.protocol.outputs import compile_outputs
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.source import parse
from trialrun.report.display import display, text

FILE = """
outputs:
  '1':
    kind: table
    title: T
    rows:
      a: {}
"""


def analysed(row, **columns):
    """The ARD of one row over participants with these columns."""
    people = pl.DataFrame({"USUBJID": [f"P{i}" for i in range(len(next(iter(columns.values()))))], **columns})
    outputs, problems = compile_outputs(parse(FILE.replace("{}", row), "outputs.yaml"))
    assert outputs is not None, problems
    return analyse_outputs({"DM": people}, outputs)


def of(ard, key, statistic):
    """One number, or why there is none."""
    path = pl.col("path") == f'["a","{key}"]'
    [row] = ard.of("1").filter(path & (pl.col("statistic") == statistic)).iter_rows(named=True)
    return row["not_estimable"] or row["value"]


EVERYTHING = (
    "{proportion: X = 'Y', intervals: [clopper-pearson, wilson, mid-p, blaker, sterne, likelihood-ratio, "
    "jeffreys], upper: [clopper-pearson, mid-p], prior: [1, 1], above: [0.5], density: 4}"
)

# statistics.md: 8 of 10 and 0 of 10, computed with R.
EIGHT_OF_TEN = {
    "clopper-pearson": (44.39, 97.48),
    "wilson": (49.02, 94.33),
    "mid-p": (48.05, 96.50),
    "blaker": (44.44, 96.32),
    "sterne": (44.65, 96.32),
    "jeffreys": (49.72, 95.59),
    "equal_tail": (48.22, 93.98),
    "highest_density": (51.63, 95.94),
}


def test_eight_of_ten_has_every_interval_of_the_references():
    ard = analysed(EVERYTHING, X=["Y"] * 8 + ["N"] * 2)
    for key, ends in EIGHT_OF_TEN.items():
        assert (of(ard, key, "lower"), of(ard, key, "upper")) == pytest.approx(ends, abs=0.006)
    assert of(ard, "posterior_mean", "mean") == 75
    assert of(ard, "above=0.5", "probability") == pytest.approx(0.9673, abs=5e-5)


def test_none_of_ten_has_an_interval_that_ends_above_zero():
    ard = analysed(EVERYTHING, X=["N"] * 10)
    assert of(ard, "clopper-pearson", "upper") == pytest.approx(30.85, abs=0.005)
    assert of(ard, "upper_clopper-pearson", "upper") == pytest.approx(25.89, abs=0.005)
    assert of(ard, "mid-p", "upper") == pytest.approx(25.89, abs=0.005)
    assert of(ard, "clopper-pearson", "lower") == 0


def test_all_of_ten_never_has_an_interval_without_width():
    ard = analysed(EVERYTHING, X=["Y"] * 10)
    for key in EIGHT_OF_TEN:
        assert of(ard, key, "lower") < 80


def test_nobody_has_a_prior_and_no_interval():
    ard = analysed(EVERYTHING, X=pl.Series([], dtype=pl.String))
    assert of(ard, "share", "percent") == "no participants"
    assert of(ard, "clopper-pearson", "lower") == "no participants"
    assert of(ard, "posterior_mean", "mean") == 50
    assert "There is no participant" in text(display(ard, "1"))


def test_who_is_unknown_is_left_out_and_told():
    ard = analysed("{proportion: X = 'Y'}", X=["Y", "N", None])
    assert (of(ard, "share", "x"), of(ard, "share", "n"), of(ard, "unknown", "unknown")) == (1, 2, 1)


def test_who_is_unknown_is_a_no_only_where_the_file_says_so():
    ard = analysed("{proportion: X = 'Y', of: set}", X=["Y", "N", None])
    assert (of(ard, "share", "x"), of(ard, "share", "n")) == (1, 3)
    assert "unknown" not in text(display(ard, "1")).lower()


def test_a_proportion_may_be_of_those_who_satisfy_a_rule():
    ard = analysed("{proportion: X = 'Y', of: Z > 1}", X=["Y", "N", "Y"], Z=[1.0, 2.0, 3.0])
    assert (of(ard, "share", "x"), of(ard, "share", "n")) == (1, 2)


def test_a_density_encloses_one():
    ard = analysed("{proportion: X = 'Y', prior: [0.6, 1.4], density: 400}", X=["Y"] * 3 + ["N"] * 7)
    drawn = ard.of("1").filter(pl.col("statistic") == "posterior")["value"]
    assert len(drawn) == 400
    assert drawn.sum() / 400 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{proportion: X = 'Y', intervals: [wilsn]}", "there is no interval `wilsn`"),
        ("{proportion: X = 'Y', upper: [blaker]}", "there is no one-sided bound `blaker`"),
        ("{proportion: X = 'Y', above: [0.1]}", "needs a prior"),
        ("{proportion: X = 'Y', prior: [0, 1]}", "two numbers above zero"),
        ("{proportion: Q = 'Y'}", "no variable Q"),
        ("{survival: X, event: X = 'Y'}", "`X` is no number"),
    ],
)
def test_what_cannot_be_is_told(row, message):
    with pytest.raises(ProtocolError, match=message) as error:
        analysed(row, X=["Y"])
    assert error.value.problems[0].place.line == 7


# ---- survival ------------------------------------------------------------------------------------

CURVE = "{survival: D, event: E = 'Y', at: {10: Day 10}, show: [counts, at, risk, median, steps]}"


def test_without_an_event_the_interval_is_exact_and_the_median_has_a_reason():
    ard = analysed(CURVE, D=[12.0] * 10, E=["N"] * 10)
    assert of(ard, "at=10", "survival") == 100
    assert of(ard, "at=10", "lower") == pytest.approx(69.15, abs=0.005)  # Clopper-Pearson, 10 of 10
    assert of(ard, "median", "median") == "survival stays above 0.5"
    assert "not reached" in text(display(ard, "1"))
    assert "non atteinte" in text(display(ard, "1", "fr"))


def test_survival_falls_by_the_textbook():
    # Three deaths at 2, 4 and 6 of five, one censored at 5: 4/5, 3/5, 3/5 x 1/2.
    ard = analysed(CURVE, D=[2.0, 4.0, 5.0, 6.0, 12.0], E=["Y", "Y", "N", "Y", "N"])
    assert of(ard, "at=10", "survival") == pytest.approx(30)
    assert of(ard, "risk=10", "n") == 1
    assert (of(ard, "events", "n"), of(ard, "censored", "n")) == (3, 2)
    assert of(ard, "step=4", "survival") == pytest.approx(60)
    assert (of(ard, "step=5", "censored"), of(ard, "step=5", "at_risk")) == (1, 3)
    assert of(ard, "median", "median") == 6


def test_beyond_everyone_nothing_is_said():
    ard = analysed(CURVE, D=[2.0, 5.0], E=["Y", "N"])
    assert of(ard, "at=10", "survival") == "nobody was followed so long"


def test_nobody_has_no_curve():
    ard = analysed(CURVE, D=pl.Series([], dtype=pl.Float64), E=pl.Series([], dtype=pl.String))
    assert of(ard, "at=10", "survival") == "no participants"
    assert of(ard, "median", "median") == "no participants"
    assert "not reached" not in text(display(ard, "1"))


def test_a_time_that_is_not_known_is_left_out_and_told():
    ard = analysed(CURVE, D=[2.0, None], E=["Y", "N"])
    assert (of(ard, "n", "n"), of(ard, "unknown", "n")) == (1, 1)


def test_a_competing_event_does_not_censor():
    row = "{survival: D, event: E = 'Y', competing: E = 'C', at: {10: Day 10}, show: [counts, incidence]}"
    ard = analysed(row, D=[2.0, 3.0, 5.0, 12.0], E=["C", "Y", "Y", "N"])
    assert of(ard, "competing", "n") == 1
    # 1/4 is gone before; each later event then takes 1/4 of the whole.
    assert of(ard, "incidence=10", "incidence") == pytest.approx(50)
