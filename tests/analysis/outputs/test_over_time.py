"""Changes over time from an outputs file: each verb gives the engine's and the references' numbers, and says
why where there are none."""

import json
from math import exp, log

import numpy as np
import polars as pl
import pytest

from trialrun.analysis import multiplicity
from trialrun.analysis.ard import analyse_outputs
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.exact.paired_t import geometric_mean_ratio
from trialrun.analysis.imputation import imputed, imputed_change, rubin
from trialrun.protocol.outputs import compile_outputs
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.source import parse
from trialrun.report.display import display, text

FILE = """
derive: {{{derive}}}
trajectories:
  level: {{title: {{en: Level, fr: Niveau}}, value: LB.LBSTRESN, visit: VISIT, {level}}}
outputs:
  '1': {{kind: table, title: T, {output} rows: {{a: {row}}}}}
"""


def people(n):
    return [f"S{i:02}" for i in range(n)]


def tables(matrix, visits=None, days=None):
    """DM and LB of a matrix (participants, visits); None is not measured."""
    visits = visits or [f"V{i}" for i in range(len(matrix[0]))]
    days = days or [1 + 7 * i for i in range(len(visits))]
    rows = [
        {"USUBJID": who, "LBSEQ": i, "LBSTRESN": value, "VISIT": visit, "LBDY": day}
        for who, values in zip(people(len(matrix)), matrix, strict=True)
        for i, (value, visit, day) in enumerate(zip(values, visits, days, strict=True))
    ]
    schema = {
        "USUBJID": pl.String,
        "LBSEQ": pl.Int64,
        "LBSTRESN": pl.Float64,
        "VISIT": pl.String,
        "LBDY": pl.Int64,
    }
    return {"DM": pl.DataFrame({"USUBJID": people(len(matrix))}), "LB": pl.DataFrame(rows, schema=schema)}


def analysed(given, row, level="baseline: [V0]", derive="", output=""):
    file = FILE.format(row=row, level=level, derive=derive, output=output)
    outputs, problems = compile_outputs(parse(file, "outputs.yaml"))
    assert not problems, problems
    return analyse_outputs(given, outputs)


def values(ard, *key):
    """Statistic -> value (or reason) of every line whose keys start so."""
    found = {}
    for row in ard.of("1").filter(pl.col("line") >= 0).iter_rows(named=True):
        if json.loads(row["path"])[1 : 1 + len(key)] == list(key):
            value = row["value"] if row["value"] is not None else row["text"]
            found[row["statistic"]] = value if value is not None else NotEstimable(row["not_estimable"])
    return found


ALL_P = (
    "[pairs, unpaired, rose, fell, unchanged, estimate, t_mean, p, mid_p, p_wilcoxon, p_sign, p_sign_flip, "
    "p_t, p_minimum, change, n, median]"
)


# ---- exact paired tests --------------------------------------------------------------------------


def test_the_reference_with_ties_and_zeros_comes_through_the_tables(cases):
    case = cases["wsr_ties_zeros_10"]
    matrix = [[5.0, 5.0 + d] for d in case["inputs"]["d"]]
    found = values(
        analysed(tables(matrix), f"{{paired_change: level, at: [V1], statistics: {ALL_P}}}"), "level", "=V1"
    )
    assert found["p"] == pytest.approx(case["expected"]["pratt_two"], abs=1e-9)
    assert found["p_wilcoxon"] == pytest.approx(case["expected"]["wilcoxon_two"], abs=1e-9)
    assert found["mid_p"] == pytest.approx(case["expected"]["pratt_midp_two"], abs=1e-9)
    assert (found["rose"], found["fell"], found["unchanged"], found["pairs"]) == (7, 1, 2, 10)
    assert found["p_minimum"] == 2 / 2**8


def test_the_reference_of_sign_flips_and_of_students_t(cases):
    case = cases["perm_paired_trial_10"]
    matrix = np.transpose([case["inputs"]["pre"], case["inputs"]["post"]]).tolist()
    found = values(
        analysed(tables(matrix), f"{{paired_change: level, at: [V1], statistics: {ALL_P}}}"), "level", "=V1"
    )
    assert found["p_sign_flip"] == pytest.approx(case["expected"]["p_two"], abs=1e-9)
    assert found["p_t"] == pytest.approx(case["expected"]["p_t"], abs=1e-6)


def test_the_reference_of_a_geometric_mean_ratio(cases):
    case = cases["gmr_paired_10"]
    matrix = np.transpose([case["inputs"]["pre"], case["inputs"]["post"]]).tolist()
    ard = analysed(
        tables(matrix), f"{{paired_change: level, statistics: {ALL_P}}}", "baseline: [V0], scale: log"
    )
    found = values(ard, "level", "=V1")
    assert found["t_mean"] == pytest.approx(case["expected"]["gmr"], abs=1e-7)
    assert [found["t_lower"], found["t_upper"]] == pytest.approx(case["expected"]["ci"], abs=1e-6)
    assert found["p_t"] == pytest.approx(case["expected"]["p"], rel=1e-6)
    engine = geometric_mean_ratio(case["inputs"]["pre"], case["inputs"]["post"])
    assert found["t_mean"] == pytest.approx(engine.ratio, rel=1e-8)
    assert found["estimate"] > 1 and found["change_mean"] == pytest.approx(
        np.mean(np.subtract(case["inputs"]["post"], case["inputs"]["pre"])), abs=1e-8
    )


def test_a_baseline_is_a_mean_on_its_scale_or_the_first_measured():
    matrix = [[1.0, 4.0, 6.0], [None, 3.0, 6.0]]
    row = "{paired_change: level, at: [V2], statistics: [estimate]}"
    log_mean = values(analysed(tables(matrix), row, "baseline: [V0, V1], scale: log"), "level", "=V2")
    assert log_mean["estimate"] == pytest.approx(exp((log(3) + log(2)) / 2), abs=1e-4)
    linear = values(analysed(tables(matrix), row, "baseline: [V0, V1]"), "level", "=V2")
    assert linear["estimate"] == pytest.approx(np.median([3.5, 3.0, 3.25]))
    first = values(analysed(tables(matrix), row, "baseline: [V0, V1], baseline_is: first"), "level", "=V2")
    assert first["estimate"] == pytest.approx(np.median([5.0, 3.0, 4.0]))


@pytest.mark.parametrize(
    ("matrix", "name", "told"),
    [
        ([[None, 2.0], [None, 3.0]], "estimate", "no pairs"),
        ([[1.0, 2.0]], "t_lower", "fewer than 2 observations"),
        ([[1.0, 2.0], [1.0, 2.0], [2.0, 3.0]], "p_t", "all differences are equal"),
        ([[1.0, 2.0], [1.5, 3.0]], "lower", "too few differences for a 95 % interval"),
    ],
)
def test_what_cannot_be_estimated_says_why(matrix, name, told):
    ard = analysed(tables(matrix), f"{{paired_change: level, at: [V1], statistics: {ALL_P}}}")
    assert values(ard, "level", "=V1")[name] == NotEstimable(told)


def test_all_equal_values_have_p_one_and_below_the_least_number_of_pairs_there_is_none():
    row = "{paired_change: level, at: [V1], statistics: [p, p_sign, p_sign_flip, pairs], at_least: LEAST}"
    same = analysed(tables([[2.0, 2.0]] * 4), row.replace("LEAST", "1"))
    assert {values(same, "level", "=V1")[name] for name in ("p", "p_sign", "p_sign_flip")} == {1.0}
    few = values(analysed(tables([[2.0, 2.5]] * 4), row.replace("LEAST", "7")), "level", "=V1")
    assert few["p"] == NotEstimable("4 pairs; the test needs at least 7") and few["pairs"] == 4


def test_of_two_values_at_a_visit_the_last_counts_and_one_that_is_no_number_never():
    given = tables([[1.0, 2.0], [1.0, 4.0]])
    again = (
        given["LB"]
        .filter(pl.col("VISIT") == "V1")
        .with_columns(
            LBSTRESN=pl.Series([9.0, float("nan")]), LBDY=pl.lit(30, pl.Int64), LBSEQ=pl.lit(9, pl.Int64)
        )
    )
    given["LB"] = pl.concat([again, given["LB"]])
    found = values(
        analysed(given, "{paired_change: level, at: [V1], statistics: [n, max, min]}"), "level", "=V1"
    )
    assert found == {"n": 2, "max": 9, "min": 4}


def test_values_in_different_units_are_counted_and_never_compared():
    given = tables([[1.0, 2.0], [1.0, 4.0]])
    given["LB"] = given["LB"].with_columns(LBSTRESU=pl.Series(["g/L", "g/L", "mg/L", "g/L"]))
    derive = "moved: {change: level, at: V1}"
    row = "{paired_change: level, at: [V1], statistics: [pairs, estimate, p]}"
    found = values(analysed(given, row), "level", "=V1")
    assert found["pairs"] == 2
    assert found["p"] == found["estimate"] == NotEstimable("values in different units: g/L, mg/L")
    assert values(analysed(given, "{summary: moved, statistics: [n]}", derive=derive)) == {"n": 0}


def test_every_number_points_to_its_rows_and_another_value_changes_its_id():
    row = "{paired_change: level, at: [V1], statistics: [estimate]}"
    ard = analysed(tables([[1.0, 2.0], [1.0, 4.0]]), row)
    [cell] = ard.of("1").filter(statistic="estimate")["cell"]
    assert ard.sources(cell)["id"].to_list() == ["LB/S00/0", "LB/S00/1", "LB/S01/0", "LB/S01/1"]
    assert (ard.data[cell]["values"], ard.data[cell]["baseline"]) == ([2.0, 4.0], [1.0, 1.0])
    other = analysed(tables([[1.0, 2.0], [1.0, 5.0]]), row)
    assert other.of("1").filter(statistic="estimate")["cell"][0] != cell


def test_an_analysis_may_be_of_some_participants():
    row = "{paired_change: level, at: [V1], where: start >= 2, statistics: [pairs, estimate]}"
    given = tables([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    found = values(analysed(given, row, derive="start: {baseline: level}"), "level", "=V1")
    assert found["pairs"] == 2 and found["estimate"] == 2.5


def test_a_family_is_adjusted_over_all_that_the_analysis_tests(cases):
    steps = np.arange(1.0, 11.0)
    signs = np.where(np.arange(10) < 9, 1, -1)
    matrix = np.stack([np.zeros(10), steps, steps * signs, np.where(np.arange(10) % 2, 1, -1) * steps], 1)
    row = "{paired_change: level, at: [V1, V2, V3], adjust: METHOD, statistics: [p, p_adjusted]}"
    raw = []
    for method, name in (("holm", "holm"), ("bh", "benjamini_hochberg")):
        ard = analysed(tables(matrix.tolist()), row.replace("METHOD", method))
        found = [values(ard, "level", f"=V{i}") for i in (1, 2, 3)]
        raw = [one["p"] for one in found]
        expected = getattr(multiplicity, name)(raw)
        assert [one["p_adjusted"] for one in found] == pytest.approx(expected.tolist())
    assert raw[0] == 2 / 1024


# ---- yes and no ----------------------------------------------------------------------------------


def test_mcnemar_is_the_reference(cases):
    case = cases["mcnemar_exact_1_8"]
    b, c = case["inputs"]["b"], case["inputs"]["c"]
    matrix = [[1.0, 0.0]] * b + [[0.0, 1.0]] * c + [[1.0, 1.0]] * 2 + [[0.0, None]]
    ard = analysed(tables(matrix), "{positive: level, at: [V1]}", "baseline: [V0], positive: LBSTRESN >= 0.5")
    found = values(ard, "level", "=V1")
    assert found["p"] == pytest.approx(case["expected"]["p"], abs=1e-9)
    assert found["mid_p"] == pytest.approx(case["expected"]["midp"], abs=1e-9)
    assert [found["lower"], found["upper"]] == pytest.approx(case["expected"]["or_ci"], rel=1e-6)
    assert (found["x"], found["N"], found["pairs"], found["lost"], found["gained"]) == (10, 11, 11, b, c)


def test_cochrans_q_is_the_reference_and_nobody_changing_has_none(cases):
    case = cases["mcnemar_cochran_q"]
    how = "positive: LBSTRESN = 1"
    matrix = [[float(each) for each in row] for row in case["inputs"]["m"]]
    found = values(analysed(tables(matrix), "{repeated: level}", how), "level", "cochran")
    assert found["statistic"] == pytest.approx(case["expected"]["Q"], abs=1e-4)
    assert found["p_asymptotic"] == pytest.approx(case["expected"]["p"], rel=1e-4)
    assert (found["n"], found["df"]) == (10, 3)
    same = values(analysed(tables([[1.0, 1.0]] * 3), "{repeated: level}", how), "level", "cochran")
    assert same["p"] == NotEstimable("no participant's answer changes")


# ---- several visits ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ten(cases):
    """The ten participants of the references, visits D0, W1, W9 and W24."""
    inputs = cases["mmrm_us_treg10"]["inputs"]
    visits = list(dict.fromkeys(inputs["visit"]))
    held = dict(zip(zip(inputs["id"], inputs["visit"], strict=True), inputs["y"], strict=True))
    return tables([[held[who, visit] for visit in visits] for who in dict.fromkeys(inputs["id"])], visits)


def test_the_mixed_model_is_the_reference(cases, ten):
    expected = cases["mmrm_us_treg10"]["expected"]
    ard = analysed(ten, "{mixed_model: level}", "baseline: [D0]", output="across: statistics,")
    for i, visit in enumerate(("W1", "W9", "W24"), 1):
        found = values(ard, "level", f"={visit}")
        assert found["change"] == pytest.approx(expected["est"][i], abs=1e-4)
        assert found["change_se"] == pytest.approx(expected["se_kr"][i], abs=1e-4)
        assert found["df"] == pytest.approx(expected["df_kr"][i], abs=1e-3)
        assert found["p"] == pytest.approx(expected["p_kr"][i], rel=1e-3)
    assert values(ard, "level", "=baseline") == {"n": 10, "mean": 3.67}
    shown = display(ard, "1", "fr")
    assert "Covariance ajustée : non structurée." in shown.footnotes
    assert any("test apparié exact" in one for one in shown.footnotes)
    assert shown.rows[-1].labels == ("Aucune variation à aucune visite",)


def test_the_baseline_may_be_a_covariate_and_the_next_covariance_serves_where_one_cannot(ten):
    row = "{mixed_model: level, baseline: covariate, covariance: [unstructured, ar1]}"
    found = values(analysed(ten, row, "baseline: [D0]"), "level", "=W9")
    assert found["n"] == 9 and found["change"] == pytest.approx(7.45, abs=0.1)
    few = {**ten, "DM": ten["DM"].head(4), "LB": ten["LB"].filter(pl.col("USUBJID") < "S04")}
    ard = analysed(few, row.replace("baseline: covariate, ", ""), "baseline: [D0]")
    assert isinstance(values(ard, "level", "=W24")["change"], float)
    assert (
        "The covariance first planned could not be fitted; the next in the plan was used."
        in display(ard, "1").footnotes
    )


def test_columns_are_modelled_each_by_itself_and_told_apart(ten):
    given = {**ten, "DM": ten["DM"].with_columns(ARM=pl.Series(["A"] * 7 + ["B"] * 3))}
    row = "{mixed_model: level, covariance: [unstructured, ar1]}"
    ard = analysed(given, row, "baseline: [D0]", output="across: statistics, by: ARM,")
    notes = display(ard, "1", "fr").footnotes
    assert notes[:2] == (
        "A\N{NO-BREAK SPACE}: Covariance ajustée : non structurée.",
        "B\N{NO-BREAK SPACE}: Covariance ajustée : autorégressive d'ordre 1.",
    )


def test_a_mixed_model_without_values_says_why(ten):
    none = {**ten, "LB": ten["LB"].with_columns(LBSTRESN=pl.lit(None, pl.Float64))}
    level = "baseline: [D0], visits: [D0, W1, W9]"
    found = values(analysed(none, "{mixed_model: level}", level), "level", "=W9")
    assert found["p"] == NotEstimable("no values") and found["change"] == NotEstimable("no values")


def test_friedman_and_the_anova_type_statistic_are_the_references(cases, ten):
    small = cases["friedman_exact_small"]
    matrix = [[float(each) for each in row] for row in small["inputs"]["m"]]
    found = values(analysed(tables(matrix), "{repeated: level}", "baseline: []"), "level", "friedman")
    assert found["p"] == pytest.approx(small["expected"]["p_exact"], abs=1e-9)
    assert found["statistic"] == pytest.approx(small["expected"]["chi2"], abs=1e-6)
    ats = cases["nparld_ats_treg10"]
    row = "{repeated: level, at: [D0, W1, W9, W24], tests: [anova-type, page]}"
    ard = analysed(ten, row, "baseline: [D0]")
    found = values(ard, "level", "anova-type")
    assert found["statistic"] == pytest.approx(ats["expected"]["ATS"], rel=1e-5)
    assert found["df"] == pytest.approx(ats["expected"]["df"], rel=1e-5)
    assert (found["n"], found["left_out"]) == (8, 2)


# ---- missing values ------------------------------------------------------------------------------


def test_imputation_is_the_engines_and_without_missing_values_students(ten):
    row = "{imputation: level, at: W9, imputations: 50, seed: 3, shifts: [-4, -9]}"
    ard = analysed(ten, row, "baseline: [D0]", output="across: statistics,")
    wide = ten["LB"].pivot("VISIT", index="USUBJID", values="LBSTRESN")
    before, after = wide["D0"].to_numpy(), wide["W9"].to_numpy()
    draws = imputed(before, after, imputations=50, seed=3)
    engine = imputed_change(before, after, draws)
    found = values(ard, "level", "=0")
    assert found["estimate"] == pytest.approx(engine.estimate, rel=1e-5)
    assert (found["n"], found["imputed"]) == (10, 1)
    assert found["df"] == pytest.approx(engine.df, rel=1e-5)
    assert values(ard, "level", "=-9")["estimate"] == pytest.approx(engine.estimate - 0.9, rel=1e-5)
    assert "none" in text(display(ard, "1")) and "aucun" in text(display(ard, "1", "fr"))
    whole = values(analysed(ten, row.replace("W9", "W1"), "baseline: [D0]"), "level", "=0")
    assert whole["imputed"] == 0 and whole["df"] == 9
    tips = values(analysed(ten, row.replace("W9", "W1"), "baseline: [D0]"), "level", "tips")
    assert tips["tips_at"] == NotEstimable("no value is missing")


def test_draws_are_proper_and_the_same_on_every_run():
    before, after = (
        np.arange(12.0),
        np.append(2 * np.arange(10.0) + np.tile([0.5, -0.5], 5), [np.nan, np.nan]),
    )
    draws = imputed(before, after, imputations=4000, seed=5)
    assert draws.shape == (4000, 2)
    line = np.polyfit(before[:10], after[:10], 1)
    assert draws.mean(axis=0) == pytest.approx(np.polyval(line, before[10:]), abs=0.05)
    # The variance of a prediction: residual (8 df), mean, slope; times df / (df - 2) of the t distribution.
    residual = np.var(after[:10] - np.polyval(line, before[:10]), ddof=2)
    spread = residual * (1 + 1 / 10 + (11 - 4.5) ** 2 / 82.5) * 8 / 6
    assert draws[:, 1].var() == pytest.approx(spread, rel=0.1)
    assert (draws == imputed(before, after, imputations=4000, seed=5)).all()
    assert imputed(before[:3], [1.0, 2.0, np.nan]) == NotEstimable(
        "2 measured values; imputation needs at least 4"
    )
    assert imputed([1.0, np.nan], [1.0, 2.0]) == NotEstimable("a baseline is missing")


def test_the_reference_of_rubins_rules_has_its_degrees_of_freedom(cases):
    case = cases["rubin_pool"]
    found = rubin(case["inputs"]["q"], case["inputs"]["u"], complete_df=9)
    assert found.df == pytest.approx(case["expected"]["df"], abs=1e-6)


# ---- one number of each participant --------------------------------------------------------------


def test_a_peak_its_day_the_area_and_what_persists():
    given = tables(
        [[2.0, 6.0, 4.0, 1.0], [2.0, 2.0, None, None], [2.0, None, None, None]], days=[1, 11, 21, 31]
    )
    derive = (
        "peak: {peak: level}, day: {peak_day: level}, low: {trough: level}, area: {area: level}, "
        "moved: {change: level, at: V2}, times: {ratio: level, at: V1}, start: {baseline: level}, "
        "seen: {measured: level, at: V1}"
    )
    expected = {
        "peak": [6, 2, None], "day": [11, 11, None], "low": [1, 2, None], "moved": [2, None, None],
        "times": [3, 1, None], "start": [2, 2, 2], "seen": [6, 2, None],
        "area": [(20 + 30 + 5) / 30, 0, None],
    }  # fmt: skip
    for name, column in expected.items():
        known = [each for each in column if each is not None]
        found = values(analysed(given, f"{{summary: {name}, statistics: [n, sum]}}", derive=derive))
        assert found == {"n": len(known), "sum": pytest.approx(sum(known))}, name


def test_a_rise_counts_when_a_later_value_confirms_it():
    days = [1, 20, 30, 40]
    rises = [
        [5.0, 6.0, 5.0, 6.1],
        [5.0, 5.0, 6.0, 6.0],
        [5.0, 6.0, 5.0, 5.0],
        [5.0, 6.0, 6.0, 5.9],
        [5.0] + [None] * 3,
    ]
    derive = (
        "rise: {confirmed_rise: level, by: 1, after: 14}, any_rise: {confirmed_rise: level, by: 1, after: 0}"
    )
    for name, n in (("rise", 1), ("any_rise", 4)):
        row = f"{{count: participants, where: {name}, of: {name} IS NOT NULL}}"
        found = values(analysed(tables(rises, days=days), row, derive=derive))
        assert (found["n"], found["N"]) == (n, 4)


def test_the_correlation_is_the_reference_and_equal_values_have_none(cases):
    case = cases["spearman_exact_9"]
    matrix = np.transpose([case["inputs"]["x"], case["inputs"]["y"]]).astype(float).tolist()
    derive = "x: {measured: level, at: V0}, y: {measured: level, at: V1}"
    found = values(analysed(tables([*matrix, [3.0, None]]), "{correlation: [x, y]}", derive=derive))
    assert found["rho"] == pytest.approx(case["expected"]["rho"])
    assert found["p"] == pytest.approx(case["expected"]["p_two"], abs=1e-9)
    assert found["n"] == 9
    same = values(analysed(tables([[1.0, 2.0], [1.0, 3.0]]), "{correlation: [x, y]}", derive=derive))
    assert same["rho"] == NotEstimable("all values are equal")


# ---- what is wrong is told at its place ----------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "level", "message"),
    [
        ("{paired_change: level, at: [V7]}", "baseline: [V0]", "there is no visit `V7`"),
        ("{paired_change: level, statistics: [pp]}", "baseline: [V0]", "there is no statistic `pp`"),
        ("{paired_change: level}", "baseline: [V9]", "there is no visit `V9`"),
        ("{positive: level}", "baseline: [V0]", "says not what is positive"),
        ("{mixed_model: level}", "decimals: 2", "has no baseline"),
        ("{mixed_model: level, covariance: unstrctured}", "baseline: [V0]", "there is no covariance"),
        ("{repeated: level, tests: [cochran]}", "baseline: [V0]", "there is no test `cochran` of this"),
        ("{imputation: level}", "baseline: [V0]", "missing values are imputed at one visit"),
        ("{imputation: level, at: V1, shifts: [-1]}", "baseline: [V0], scale: log", "-1 has no logarithm"),
        ("{correlation: [AGE, AGE]}", "baseline: [V0]", "the participants have no column `AGE`"),
        ("{multiplicity: holm}", "baseline: [V0]", "endpoints belong to a study"),
    ],
)
def test_an_analysis_that_cannot_be_is_refused(row, level, message):
    with pytest.raises(ProtocolError, match=r".") as told:
        analysed(tables([[1.0, 2.0], [2.0, 3.0]]), row, level)
    assert message in told.value.problems[0].message


@pytest.mark.parametrize(
    ("derive", "row", "message"),
    [
        ("x: {ratio: level}", "{summary: x}", "`ratio` is of one visit"),
        ("x: {confirmed_rise: level}", "{summary: x}", "a rise needs its size"),
        ("x: {peak: levle}", "{summary: x}", "there is no trajectory `levle`"),
        ("", "{paired_change: levels}", "there is no trajectory `levels`"),
    ],
)
def test_a_word_that_is_wrong_is_told_before_there_are_tables(derive, row, message):
    file = FILE.format(row=row, level="baseline: [V0]", derive=derive, output="")
    [problem] = compile_outputs(parse(file, "outputs.yaml"))[1]
    assert message in problem.message


@pytest.mark.parametrize("rows", [0, 1])
def test_with_nobody_or_one_participant_every_verb_has_its_lines(rows):
    """On the first day of a trial nothing is wrong with its tables: there is nothing in them yet."""
    given = tables([[1.0, 2.0, 3.0]] * rows) if rows else tables([[1.0, 2.0, 3.0]])
    if not rows:
        given = {name: one.clear() for name, one in given.items()}
    level = "baseline: [V0], visits: [V0, V1, V2], positive: LBSTRESN > 1"
    derive = "x: {peak_day: level}, y: {area: level}"
    for row in (
        "{paired_change: level}",
        "{positive: level}",
        "{mixed_model: level}",
        "{repeated: level}",
        "{imputation: level, at: V1, shifts: [1]}",
        "{correlation: [x, y]}",
    ):
        ard = analysed(given, row, level, derive)
        assert ard.of("1").filter(pl.col("line") >= 0).height
        assert "nan" not in text(display(ard, "1", "fr"))
