"""Reference answers of SAS, R's mmrm, pbkrtest, nlme, geepack, afex and nparLD, each within its tolerance."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trialrun.analysis.longitudinal.anova_type import AnovaType, anova_type
from trialrun.analysis.longitudinal.fit import fit
from trialrun.analysis.longitudinal.gee import Gee, gee
from trialrun.analysis.longitudinal.inference import Contrast, FTest, contrast, f_test
from trialrun.analysis.longitudinal.repeated_anova import RepeatedAnova, repeated_anova
from trialrun.analysis.longitudinal.structure import random_slope, structure

Cases = Mapping[str, Mapping[str, Any]]
UNIT = np.eye(4)


@pytest.fixture(scope="module")
def lung(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """FEV1 (1, 200, 4) of 200 people at four visits, and the design: an intercept and an arm."""
    with (shared / "data/statistics/mmrm_fev_data.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = sorted({row["USUBJID"] for row in rows})
    y, arm = np.full((1, len(people), 4), np.nan), np.zeros(len(people))
    for row in rows:
        i = people.index(row["USUBJID"])
        arm[i] = row["ARMCD"] == "TRT"
        if row["FEV1"] != "NA":
            y[0, i, int(row["AVISIT"][-1]) - 1] = float(row["FEV1"])
    return y, np.stack([np.ones((len(people), 4)), np.tile(arm[:, None], 4)], axis=-1)


def found(fits, row, **options) -> Contrast:
    result = contrast(fits, row, **options)
    assert isinstance(result, Contrast)
    return result


def close(values, expected, tolerance) -> None:
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance)


def compare(fits, case, kind, **options) -> None:
    """Estimates, standard errors, df and p of the four means, as the case names them with `kind`."""
    expected, tolerance = case["expected"], case["abs_tol"]
    rows = [found(fits, row, **options) for row in UNIT]
    close([row.estimate for row in rows], expected["est"], tolerance)
    close([row.se for row in rows], expected[f"se_{kind}"], tolerance)
    close([row.df for row in rows], expected[f"df_{kind}"], tolerance)
    p = [row.p for row in rows]
    close(p, expected[f"p_{kind}"], tolerance)
    np.testing.assert_allclose(p, expected[f"p_{kind}"], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "covariance"), [("mmrm_us_treg10", "unstructured"), ("mmrm_ar1_treg10", "ar1")]
)
def test_mmrm_treg10(name, covariance, cases: Cases, ten, against_first) -> None:
    case, expected = cases[name], cases[name]["expected"]
    fits = fit(ten[None], against_first, structure(covariance, 4))
    close(fits.curvature.deviance, expected["reml_dev"], case["abs_tol"])
    compare(fits, case, "kr", method="kenward-roger-linear")
    compare(fits, case, "satt", method="satterthwaite")
    overall = f_test(fits, UNIT[1:], method="kenward-roger-linear")
    assert isinstance(overall, FTest)
    close(overall.f, expected["F_kr"], case["abs_tol"])
    close(overall.denominator, expected["ddf_kr"], case["abs_tol"])
    np.testing.assert_allclose(overall.p, expected["p_F"], rtol=1e-3)


def test_ri_kr_treg10(cases: Cases, ten, against_first) -> None:
    case = cases["ri_kr_treg10"]
    expected, tolerance = case["expected"], case["abs_tol"]
    fits = fit(ten[None], against_first, structure("random-intercept", 4))
    close(fits.curvature.deviance, expected["reml_dev"], tolerance)
    close(fits.theta[0], [expected["tau2"], expected["sigma2"]], tolerance)
    compare(fits, case, "kr", information="expected")
    overall = f_test(fits, UNIT[1:], information="expected")
    assert isinstance(overall, FTest)
    close(
        [overall.f, overall.numerator, overall.denominator, overall.scaling, overall.p],
        [expected[name] for name in ("F", "ndf", "ddf", "F_scaling", "p")],
        tolerance,
    )


def test_kr_sleepstudy(cases: Cases) -> None:
    case = cases["kr_sleepstudy"]
    expected, tolerance = case["expected"], case["abs_tol"]
    y, days = np.reshape(case["inputs"]["Reaction"], (1, 18, 10)), np.arange(10.0)
    x = np.broadcast_to(np.stack([np.ones(10), days], axis=-1), (18, 10, 2))
    fits = fit(y, x, random_slope(days))
    rows = [found(fits, row, information="expected") for row in np.eye(2)]
    close(fits.curvature.deviance, expected["reml"], tolerance)
    close([row.estimate for row in rows], expected["est"], tolerance)
    close([row.se for row in rows], expected["se"], tolerance)
    close([row.df for row in rows], expected["df"], tolerance)
    close([row.p for row in rows], expected["p"], tolerance)
    intercept, both, slope, residual = fits.theta[0]
    spread = np.sqrt([intercept, slope, residual])
    close(spread, [expected["sd_int"], expected["sd_slope"], expected["sigma"]], tolerance)
    close(both / spread[0] / spread[1], expected["corr"], tolerance)


def test_gls_un_treg10(cases: Cases, ten, against_first) -> None:
    case = cases["gls_un_treg10"]
    fits = fit(ten[None], against_first, structure("unstructured", 4))
    close(fits.curvature.deviance, case["expected"]["reml_dev"], case["abs_tol"])
    rows = [found(fits, row, method="satterthwaite") for row in UNIT]
    close([row.estimate for row in rows], case["expected"]["est"], case["abs_tol"])
    close([row.se for row in rows], case["expected"]["se_model"], case["abs_tol"])


@pytest.mark.parametrize(
    ("name", "covariance"), [("sas_kr_fev_ar1", "ar1"), ("sas_kr_fev_cs", "compound-symmetry")]
)
def test_sas_kr_fev(name, covariance, cases: Cases, lung) -> None:
    case = cases[name]
    row = found(fit(*lung, structure(covariance, 4)), [0, 1])
    close(row.estimate, case["expected"]["est"], case["abs_tol"])
    close([row.se, row.se], [case["expected"]["se"], case["published"]["se_SAS"]], case["abs_tol"])
    close([row.df, row.df], [case["expected"]["df"], case["published"]["df_SAS"]], case["abs_tol"])


# Standard error with and without second derivatives, and df, of SAS 9.4 PROC MIXED, ddfm=kr and
# ddfm=kr(linear), as openpharma/mmrm keeps them in design/ddfm_covtype. SAS stops its iterations earlier
# than we do; the tolerances are those of mmrm's own tests.
SAS = {
    "ar1": (0.95865439662225, 0.96058142305176, 188.46934887972),
    "heterogeneous-ar1": (0.7590316099633, 0.75924807546934, 188.225339095373),
    "compound-symmetry": (0.7964696053595, 0.7964696053595, 177.038485931223),
    "heterogeneous-compound-symmetry": (0.67414806011886, 0.67403858183242, 190.737701349941),
    "heterogeneous-ante-dependence": (0.66172017349971, 0.66158550758897, 162.393385281755),
    "toeplitz": (0.87839805519623, 0.87839805519623, 160.027408337368),
    "heterogeneous-toeplitz": (0.72543828853831, 0.72537324518435, 180.062730071701),
    "unstructured": (0.66124382270307, 0.66124382270307, 160.733266403768),
}


@pytest.mark.parametrize("covariance", SAS)
def test_sas_kr_fev_other_structures(covariance, lung) -> None:
    se, se_linear, df = SAS[covariance]
    fits = fit(*lung, structure(covariance, 4))
    row, linear = found(fits, [0, 1]), found(fits, [0, 1], method="kenward-roger-linear")
    np.testing.assert_allclose([row.se, linear.se], [se, se_linear], rtol=2e-4)
    np.testing.assert_allclose([row.df, linear.df], df, rtol=1e-3)


def test_sas_potthoff_roy_un_ml(cases: Cases) -> None:
    case = cases["sas_potthoff_roy_un_ml"]
    inputs, expected, tolerance = case["inputs"], case["expected"], case["abs_tol"]
    y = np.reshape(np.array(inputs["distance"], dtype=float), (1, 27, 4))
    age = np.reshape(np.array(inputs["age"], dtype=float), (27, 4))
    girl = np.reshape(np.array([sex == "Female" for sex in inputs["Sex"]], dtype=float), (27, 4))
    x = np.stack([np.ones_like(age), girl, age, girl * age], axis=-1)
    fits = fit(y, x, structure("unstructured", 4), reml=False)
    close(fits.curvature.deviance, expected["m2ll"], tolerance)
    close(fits.curvature.beta[0], expected["est"], tolerance)
    se = np.sqrt(np.diagonal(fits.curvature.phi[0]))
    close(se * np.sqrt(108 / 104), expected["se"], tolerance)  # nlme divides by values minus means


def test_gee_md_treg10(cases: Cases, ten, against_first) -> None:
    case = cases["gee_md_treg10"]
    result = gee(ten, against_first)
    assert isinstance(result, Gee)
    close(result.beta, case["expected"]["est"], case["abs_tol"])
    close(np.sqrt(np.diagonal(result.variances["none"])), case["expected"]["se_robust"], case["abs_tol"])
    close(result.alpha, case["expected"]["alpha"], case["abs_tol"])


def test_rm_anova_gg(cases: Cases) -> None:
    case = cases["rm_anova_gg"]
    expected, result = case["expected"], repeated_anova(case["inputs"]["m"])
    assert isinstance(result, RepeatedAnova)
    assert isinstance(result.mauchly, tuple)
    assert list(result.df) == expected["df"]
    names = ("F", "p", "gg", "p_gg", "hf", "mauchly_W", "mauchly_p")
    values = [
        result.f,
        result.p,
        result.greenhouse_geisser,
        result.p_greenhouse_geisser,
        result.huynh_feldt,
        *result.mauchly,
    ]
    close(values, [expected[name] for name in names], case["abs_tol"])


def test_nparld_ats_treg10(cases: Cases) -> None:
    case = cases["nparld_ats_treg10"]
    expected, result = case["expected"], anova_type(case["inputs"]["m"])
    assert isinstance(result, AnovaType)
    close([result.statistic, result.df, result.p], [expected[k] for k in ("ATS", "df", "p")], case["abs_tol"])
    close(result.effects, expected["RTE"], case["abs_tol"])
