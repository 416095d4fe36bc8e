"""Where the example trial stands against the boundaries that suspend its inclusions."""

import polars as pl
import pytest

import example_trial as example
from trialrun.analysis.log import counted, last_seen
from trialrun.analysis.suspension import suspensions
from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol

Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("vascu_il2")


@pytest.fixture(scope="module")
def tables(protocol: Protocol) -> Tables:
    return example.tables(protocol)


def test_a_lymphopenia_that_lasts_is_dose_limiting(protocol: Protocol, tables: Tables) -> None:
    lasting = tables["AE"].with_columns(
        AEENDTC=pl.when(pl.col("AECAT") == "lymphopenia").then(None).otherwise("AEENDTC")
    )
    changed = {**tables, "AE": lasting}
    found = counted(protocol, changed, "dose_limiting_events", last_seen(changed))
    assert isinstance(found, pl.DataFrame)
    assert found["USUBJID"].to_list() == ["VASCU-IL2-PSL-006"]


def test_the_flare_boundary_and_where_the_trial_stands(protocol: Protocol, tables: Tables) -> None:
    found = suspensions(protocol, tables)["flares"]
    # Exact, as stated in the literature of this boundary: .096 at 10 %, .648 at 30 %
    assert [round(each["stop"], 3) for each in found["probabilities"]] == [0.096, 0.362, 0.648]
    standing = found["standing"]
    assert (standing["n"], standing["events"], standing["stop_at"]) == (10, 1, 3)
    assert not standing["reached"]
    assert [(step["n"], step["events"]) for step in standing["path"]][6:8] == [(7, 0), (7, 1)]


def test_two_early_events_reach_the_boundary_on_their_day(protocol: Protocol, tables: Tables) -> None:
    flare = tables["CE"]
    early = [
        flare.with_columns(USUBJID=pl.lit(who), CESTDTC=pl.lit(day), CESTDY=pl.lit(30, pl.Int64))
        for who, day in (("VASCU-IL2-PSL-001", "2008-05-20"), ("VASCU-IL2-PSL-002", "2008-06-20"))
    ]
    found = suspensions(protocol, {**tables, "CE": pl.concat(early)})["flares"]["standing"]
    assert found["reached"]
    assert found["reached_on"] == "2008-06-20"


def test_a_refused_flare_does_not_count(protocol: Protocol, tables: Tables) -> None:
    refused = {**tables, "CE": tables["CE"].with_columns(CEADJUD=pl.lit("N"))}
    assert suspensions(protocol, refused)["flares"]["standing"]["events"] == 0
