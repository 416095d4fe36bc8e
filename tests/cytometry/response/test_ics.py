"""ICS decisions and counts as the tables of real assays say, and what cannot be said."""

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from trialrun.cytometry.response.ics import Count, Rule, fisher, newcombe, responses, wilson


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_eqapol_decisions_are_as_its_table_says(shared: Path) -> None:
    table = rows(shared / "data/cytometry/eqapol_8color_ics/eqapol_8color_flowjo_ics_fisher.csv")
    assert len(table) == 16
    positive = {}
    for row in table:
        stimulated = Count(int(row["n_stim"]), int(row["N_stim"]))
        control = Count(int(row["n_neg"]), int(row["N_neg"]))
        found = responses({row["well"]: stimulated}, control)[row["well"]]
        assert found.p == pytest.approx(float(row["p_fisher"]), rel=1e-6, abs=1e-300)
        assert found.net == pytest.approx(float(row["pct_net"]), rel=1e-6, abs=1e-9)
        assert found.stimulated == pytest.approx(float(row["pct_stim"]), rel=1e-6)
        assert found.control == pytest.approx(float(row["pct_neg"]), rel=1e-6)
        assert found.positive is (float(row["p_fisher"]) <= 0.01)
        positive[row["subset"], row["cytokine"], row["well"]] = found.positive
    assert positive["CD4+", "IFNg+", "E05"] is False
    assert positive["CD4+", "CD107a+", "E03"] is False
    assert positive["CD8+", "IFNg+", "E05"] is True


def test_compass_counts_are_as_its_table_says(shared: Path) -> None:
    """The file spells its control in two ways, which would lose 17 of 21 patients."""
    table = rows(shared / "data/cytometry/ics_counts/compass_ics.csv")
    wells: dict[str, dict[str, dict[str, str]]] = {}
    for row in table:
        role = "control" if row["Stimulation"].casefold() == "unstimulated" else "stimulated"
        wells.setdefault(row["PATIENT ID"], {})[role] = row
    markers = {"IFNg": ("IFNg+",), "IL2": ("+2+", "-2+"), "TNF": ("TNF+",)}

    def count(row: dict[str, str], cytokines: str) -> Count:
        """Any of the cytokines, from the counts of the 128 combinations."""
        named = [sign for one in cytokines.split("|") for sign in markers[one]]
        positive = sum(
            int(value)
            for name, value in row.items()
            if "IFNg" in name and any(sign in name.split("/")[-1].split(",")[0] for sign in named)
        )
        return Count(positive, int(row["S/Avid-/L/CD3+/CD4+,Count"]))

    calls = {0.01: 0, 1e-4: 0}
    marginals = rows(shared / "data/cytometry/ics_counts/compass_ics_marginals_fisher.csv")
    assert len(marginals) == 105
    for row in marginals:
        stimulated, control = (
            count(wells[row["pid"]][role], row["cyt"]) for role in ("stimulated", "control")
        )
        assert (stimulated.positive, stimulated.parent) == (int(row["n_stim"]), int(row["N_stim"]))
        assert (control.positive, control.parent) == (int(row["n_unstim"]), int(row["N_unstim"]))
        for alpha in calls:
            found = responses({"pool": stimulated}, control, Rule(alpha=alpha))["pool"]
            assert found.p == pytest.approx(float(row["p_fisher"]), rel=1e-6, abs=1e-300)
            assert found.net == pytest.approx(float(row["pct_diff"]), rel=1e-6)
            calls[alpha] += row["cyt"] == "IFNg|IL2" and found.positive is True
    assert calls == {0.01: 20, 1e-4: 17}


counts = st.integers(1, 400).flatmap(lambda n: st.builds(Count, st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_fisher_is_scipys_and_the_interval_holds_the_net_response(stimulated: Count, control: Count) -> None:
    table = [[one.positive, one.parent - one.positive] for one in (stimulated, control)]
    assert fisher(stimulated, control) == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
    net = stimulated.positive / stimulated.parent - control.positive / control.parent
    lower, upper = newcombe(stimulated, control)
    assert -1 - 1e-9 <= lower <= net <= upper <= 1 + 1e-9
    mirrored = newcombe(control, stimulated)
    assert mirrored == pytest.approx((-upper, -lower))
    found = responses({"a": stimulated}, control, Rule(minimum_parent=1))["a"]
    assert found.positive is not None
    if net <= 0:
        assert found.positive is False


def test_the_interval_is_newcombes() -> None:
    """Newcombe 1998, table II, column (a): 56/70 - 48/80 by method 10."""
    assert newcombe(Count(56, 70), Count(48, 80)) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert wilson(Count(81, 263)) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_antigens_are_one_family() -> None:
    control = Count(4, 80_000)
    wells: dict[str, Count | None] = {"a": Count(18, 80_000), "b": Count(14, 80_000), "c": None}
    found = responses(wells, control)
    assert found["a"].p is not None and found["b"].p is not None
    assert found["a"].adjusted == pytest.approx(3 * found["a"].p, rel=1e-6)  # the lost well counts
    assert found["b"].adjusted == pytest.approx(2 * found["b"].p, rel=1e-6)
    assert (found["a"].positive, found["b"].positive, found["c"].positive) == (True, False, None)
    assert found["c"].reason == "the stimulated well was lost"


def test_a_response_below_the_least_net_response_is_negative() -> None:
    found = responses({"a": Count(60, 80_000)}, Count(4, 80_000), Rule(minimum_net=0.08))["a"]
    assert found.adjusted is not None and found.adjusted < 1e-9
    assert found.positive is False


def test_a_net_response_keeps_its_sign() -> None:
    found = responses({"a": Count(62, 81_990)}, Count(71, 82_636))["a"]
    assert found.net is not None and found.net < 0


@pytest.mark.parametrize(
    ("stimulated", "control", "reason"),
    [
        (Count(3, 90_000), None, "no unstimulated well was counted"),
        (Count(3, 900), Count(0, 90_000), "900 parent events in the stimulated well, at least 5000"),
        (Count(3, 90_000), Count(0, 900), "900 parent events in the unstimulated well"),
        (Count(0, 0), Count(0, 90_000), "no parent events in the stimulated well"),
        (None, Count(0, 90_000), "the stimulated well was lost"),
    ],
)
def test_too_little_is_not_estimable(stimulated: Count | None, control: Count | None, reason: str) -> None:
    found = responses({"a": stimulated}, control)["a"]
    assert reason in str(found.reason)
    assert (found.net, found.p, found.positive) == (None, None, None)


def test_noughts_are_no_response() -> None:
    found = responses({"a": Count(0, 90_000)}, Count(0, 90_000))["a"]
    assert (found.net, found.p, found.positive) == (0, 1, False)


@pytest.mark.parametrize(
    ("positive", "parent", "said"),
    [
        (-1, 9, "not a count"),
        (5, 4, "more than their parent"),
        (math.nan, 9, "not a count"),
        (1.5, 9, "not a count"),
        (1, math.inf, "not a count"),
    ],
)
def test_what_is_not_a_count_is_refused(positive: float, parent: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Count(positive, parent)  # type: ignore[arg-type]
