"""The reference study's planned outputs on the example trial: numbers by hand, and the same for any order."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

import example_trial as example
from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="module")
def tables(protocol: Protocol) -> Tables:
    return example.tables(protocol)


@pytest.fixture(scope="module")
def ard(protocol: Protocol, tables: Tables) -> Ard:
    return analyse_outputs(tables, protocol.reported, protocol)


def values(ard: Ard, output: str, *path: str) -> dict[str, Any]:
    """The statistics of a line; where one cannot be estimated, the reason."""
    found = ard.of(output).filter(pl.col("path") == json.dumps(list(path), separators=(",", ":")))
    return {
        row["statistic"]: row["value"] if row["value"] is not None else row["not_estimable"]
        for row in found.iter_rows(named=True)
    }


def test_how_far_people_came(ard: Ard) -> None:
    counts = {name: values(ard, "14.1.1", name)["n"] for name in ("screened", "enrolled", "dosed", "stopped")}
    assert counts == {"screened": 11, "enrolled": 10, "dosed": 10, "stopped": 1}
    endings = [values(ard, "14.1.1", "ending", f"={end}")["n"] for end in ("COMPLETED", "LOST TO FOLLOW-UP")]
    assert endings == [9, 1]


def test_without_event_counts_the_flare_and_the_lost(ard: Ard) -> None:
    """Clopper-Pearson for 8 of 10, and the one-sided bound for 2 events in 10 (R binom.test)."""
    found = values(ard, "14.2.1.1", "tolerance", "without_event")
    assert (found["x"], found["n"]) == (8, 10)
    assert values(ard, "14.2.1.1", "tolerance", "interval") == pytest.approx(
        {"lower": 44.3905, "upper": 97.4789}, abs=1e-4
    )
    assert values(ard, "14.2.1.1", "tolerance", "rate_upper")["rate_upper"] == pytest.approx(
        50.6901, abs=1e-4
    )
    complete = values(ard, "14.2.1.1", "tolerance", "complete_case")
    assert (complete["complete_x"], complete["complete_n"]) == (8, 9)


def test_nine_rises_have_the_least_p_that_nine_pairs_can(ard: Ard) -> None:
    assert values(ard, "14.2.2.3", "regulatory_cells", "n")["n"] == 9
    assert values(ard, "14.2.2.3", "regulatory_cells", "rose")["rose"] == 9
    assert values(ard, "14.2.2.3", "regulatory_cells", "p")["p"] == 2 / 2**9
    family = values(ard, "14.2.4.1", "primary", "regulatory_cells", "p_adjusted")
    assert family["p_adjusted"] == 4 / 2**9  # Holm: twice the least of two
    assert values(ard, "14.2.4.1", "primary", "specific_cells", "p_adjusted")["p_adjusted"] > 0.05


def test_what_follows_rescue_is_left_out_of_a_hypothetical_strategy(ard: Ard) -> None:
    assert values(ard, "14.2.2.3", "specific_cells", "n")["n"] == 9
    assert values(ard, "14.2.2.3", "specific_cells", "unpaired")["unpaired"] == 1


def test_organ_response_at_every_visit(ard: Ard) -> None:
    assert [values(ard, "14.2.3.1", f"{at}_any", "share")["x"] for at in ("w11", "w19", "w37")] == [5, 8, 7]
    assert values(ard, "14.2.3.1", "w37", "=missing")["n"] == 1  # the one who was lost


def test_adverse_events(ard: Ard) -> None:
    found = {
        name: values(ard, "14.3.1.1", name) for name in ("any", "related", "grade_3", "serious", "fatal")
    }
    counted = {name: (one["n"], one["events"]) for name, one in found.items()}
    assert counted == {
        "any": (10, 12), "related": (8, 10), "grade_3": (1, 1), "serious": (1, 1), "fatal": (0, 0),
    }  # fmt: skip


def test_exposure(ard: Ard) -> None:
    assert values(ard, "14.1.8", "cumulative", "min_max") == {"min": 37.5, "max": 52.5}


def test_quartiles_are_those_of_sas(tables: Tables, ard: Ard) -> None:
    """Definition 5."""
    ages = tables["DM"].filter(pl.col("RFXSTDTC").is_not_null())["AGE"].to_numpy()
    expected = np.quantile(ages, [0.25, 0.75], method="averaged_inverted_cdf")
    found = values(ard, "14.1.4", "age", "q1_q3")
    assert [found["q1"], found["q3"]] == pytest.approx(expected)


def test_six_participants_are_too_few_to_test(protocol: Protocol) -> None:
    ard = analyse_outputs(example.tables(protocol, 6), protocol.reported, protocol, ["14.2.2.3"])
    assert values(ard, "14.2.2.3", "regulatory_cells", "p") == {"p": "6 pairs; the test needs at least 7"}
    assert values(ard, "14.2.2.3", "regulatory_cells", "estimate")["estimate"] > 1


def test_the_order_of_rows_does_not_matter(protocol: Protocol, tables: Tables, ard: Ard) -> None:
    shuffled = {code: table.sample(fraction=1, shuffle=True, seed=1) for code, table in tables.items()}
    again = analyse_outputs(shuffled, protocol.reported, protocol)
    columns = [name for name in ard.cells.columns if name != "sources"]
    differs = [key for key in ard.outputs if not ard.of(key)[columns].equals(again.of(key)[columns])]
    assert differs == []
