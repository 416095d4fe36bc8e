"""Endpoints, boundary and organs of the reference study as outputs, by hand, down to nobody at all."""

from datetime import timedelta
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organ_trial import EXAMINED, ORGANS, START, Person, protocol, tables
from trialrun.analysis.ard import analyse_outputs
from trialrun.report.display import display, text

CLINICAL = ("14.2.1.1", "14.2.1.2", "14.2.1.3", "14.2.1.4", "14.2.3.1", "14.2.3.2")
INVOLVED = {"PURPURA": "active", "JOINTS": "active"}


def analysed(people, only=CLINICAL):
    study = protocol()
    return analyse_outputs(tables(people), study.outputs, study, only=only)


def at(ard, output, statistic, *path, column="all"):
    """One number of a line, or the reason why there is none."""
    found = [
        row
        for row in ard.of(output).filter(statistic=statistic, column=column).iter_rows(named=True)
        if row["path"] == "[" + ",".join(f'"{one}"' for one in path) + "]"
    ]
    [row] = found
    return row["not_estimable"] or row["text"] or row["value"]


def same(states=INVOLVED, visits=EXAMINED):
    return dict.fromkeys(visits, states)


# ---- degenerate trials ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([], id="nobody"),
        pytest.param([Person(same())], id="one participant"),
        pytest.param([Person({**same(), "W19": {}})] * 10, id="everybody responds"),
        pytest.param([Person(same())] * 10, id="no event at all"),
        pytest.param([Person(same(), flares=[None])] * 10, id="everybody has an event on an unknown day"),
        pytest.param([Person(same(), last=30, ended=None)], id="still followed"),
    ],
)
def test_every_output_can_be_written_without_nan_and_without_an_interval_of_no_width(people):
    ard = analysed(people)
    assert not ard.cells["value"].is_nan().any()
    assert ard.cells["value"].drop_nulls().is_finite().all()
    for output, language in product(CLINICAL, ("en", "fr")):
        assert "nan" not in text(display(ard, output, language)).lower()
    shares = ard.cells.filter(~pl.col("path").str.contains("median"))  # of days, which may all be the same
    ends = shares.filter(pl.col("statistic").is_in(["lower", "upper"])).drop_nulls("value")
    widths = ends.group_by("cell", maintain_order=True).agg(pl.col("value").max() - pl.col("value").min())
    both = ends.group_by("cell", maintain_order=True).len()["len"] == 2
    assert (widths["value"].filter(both) > 0).all()


def test_nobody_has_no_proportion_and_a_boundary_all_the_same():
    ard = analysed([])
    assert at(ard, "14.2.1.1", "percent", "flare", "share") == "no participants"
    assert at(ard, "14.2.1.4", "stop", "flares", "rates", "rate=0.1", column="decision") == pytest.approx(
        0.096, abs=5e-4
    )


# ---- absence of flare ----------------------------------------------------------------------------


def test_no_flare_in_ten_excludes_more_than_a_quarter():
    ard = analysed([Person(same())] * 10, ["14.2.1.1", "14.2.1.3"])
    assert at(ard, "14.2.1.1", "upper", "flare", "clopper-pearson") == pytest.approx(30.85, abs=0.005)
    assert at(ard, "14.2.1.1", "upper", "flare", "upper_clopper-pearson") == pytest.approx(25.89, abs=0.005)
    assert at(ard, "14.2.1.3", "lower", "time", "at=253") == pytest.approx(69.15, abs=0.005)


# Without a flare, of how many: of a flare on day 20, a death on day 40, a loss on day 100, and nothing.
STRATEGIES = {
    "composite": (1, 4),
    "policy": (1, 4),
    "alive": (2, 4),
    "treated": (3, 4),
    "complete": (1, 3),
    "best": (2, 4),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_counts_a_flare_a_death_and_a_loss_in_its_own_way(strategy, strategies):
    x, n = (at(strategies, "14.2.1.2", one, strategy, "share") for one in ("x", "n"))
    assert (x, n) == STRATEGIES[strategy]


@pytest.fixture(scope="module")
def strategies():
    people = [
        Person(same(), flares=[20]),
        Person(same(), last=40, ended="DEATH"),
        Person(same(), last=100, ended="LOST TO FOLLOW-UP"),
        Person(same()),
    ]
    return analysed(people, ["14.2.1.2", "14.2.1.3"])


def test_the_lost_are_censored_and_the_dead_are_not(strategies):
    assert at(strategies, "14.2.1.3", "n", "time", "events") == 2
    assert at(strategies, "14.2.1.3", "n", "time", "censored") == 2
    assert at(strategies, "14.2.1.3", "survival", "time", "at=64") == 50


# ---- the boundary --------------------------------------------------------------------------------


def later(n, **more):
    return Person(same(), began=START + timedelta(days=30 * n), **more)


def test_a_second_flare_among_three_suspends_when_it_is_known():
    ard = analysed([later(0, flares=[10]), later(1), later(2, flares=[5]), later(3)], ["14.2.1.4"])
    known = [
        at(ard, "14.2.1.4", "events", "flares", "participants", f"P0{i}", column="events")
        for i in range(1, 5)
    ]
    reached = [
        at(ard, "14.2.1.4", "reached", "flares", "participants", f"P0{i}", column="decision")
        for i in range(1, 5)
    ]
    assert known == [1, 1, 2, 2]
    assert reached == [0, 0, 1, 1]
    assert "suspend" in text(display(ard, "14.2.1.4"))


def test_a_flare_that_comes_after_the_next_is_dosed_is_not_known_before():
    ard = analysed([later(0, flares=[45]), later(1), later(2)], ["14.2.1.4"])
    known = [
        at(ard, "14.2.1.4", "events", "flares", "participants", f"P0{i}", column="events")
        for i in range(1, 4)
    ]
    assert known == [0, 1, 1]


def test_the_posterior_is_that_of_the_stated_prior():
    from scipy.stats import beta

    ard = analysed([later(0, flares=[10]), later(1)], ["14.2.1.4"])
    found = at(ard, "14.2.1.4", "probability", "flares", "participants", "P02", column="posterior")
    assert found == pytest.approx(beta.sf(0.1, 1.6, 2.4), rel=1e-6)


# ---- estimands and conventions -------------------------------------------------------------------


def test_an_output_says_its_estimand_in_both_languages():
    ard = analysed([], ["14.2.1.1"])
    english, french = (text(display(ard, "14.2.1.1", code)) for code in ("en", "fr"))
    for words in (
        "Estimand: population: ",
        "treatment: ",
        "variable: ",
        "intercurrent events: ",
        "summary: ",
    ):
        assert words in english
    assert "Rescue treatment (composite, counts as a flare)" in english
    assert "décès (composite, compte comme une poussée)" in french.lower()


def test_a_summary_says_how_quantiles_are_taken():
    ard = analysed([], ["14.1.4", "14.2.2.1"])
    assert "SAS definition 5" in text(display(ard, "14.1.4"))
    assert "W11 day 78 (±3 days)" in text(display(ard, "14.2.2.1"))
    assert "S11 jour 78 (±3 jours)" in text(display(ard, "14.2.2.1", "fr"))


# ---- unchanged disease ---------------------------------------------------------------------------

RESPONSES = ("14.2.3.1", "14.2.3.2")
WORDS = ("active", "persistent", "worse", "new")  # persistent: a word that the form does not have


@st.composite
def unchanged(draw):
    """Somebody with the same organs involved at every visit, whatever they are called, and any scores."""
    involved = draw(st.lists(st.sampled_from(ORGANS), unique=True))
    same_words = draw(st.booleans())
    words = {organ: draw(st.sampled_from(WORDS)) for organ in involved}
    organs = {
        visit: words if same_words else {one: draw(st.sampled_from(WORDS)) for one in involved}
        for visit in EXAMINED
    }
    organs |= (
        {visit: dict.fromkeys(involved, "active") for visit in ("SCR", "C1.D1")} if not same_words else {}
    )
    return Person(organs, {visit: draw(st.integers(0, 63)) for visit in EXAMINED})


@given(st.lists(unchanged(), min_size=1, max_size=12))
@settings(max_examples=10)
def test_unchanged_disease_never_counts_as_a_response_however_it_is_called_or_scored(people):
    assert responders(analysed(people, RESPONSES)) == set()


@given(unchanged())
@settings(max_examples=5)
def test_unchanged_disease_has_the_same_organs_with_fixed_weights_at_every_visit(person):
    ard = analysed([person], ["14.2.3.3"])
    fixed = ard.of("14.2.3.3").filter(analysis="organ_sum", statistic="mean")["value"]
    assert fixed.n_unique() <= 1


TRAP = dict.fromkeys(("PURPURA", "JOINTS", "NERVE"), "active")


def test_the_score_falls_from_12_to_5_by_its_weights_alone_and_the_fixed_weights_do_not():
    # Purpura, arthralgia and mononeuritis: 2 + 1 + 9 as new or worse items, 1 + 1 + 3 as persistent ones.
    score = {visit: 12 if visit in ("SCR", "C1.D1") else 5 for visit in EXAMINED}
    ard = analysed([Person(same(TRAP), score)], [*RESPONSES, "14.2.3.3"])
    change = {
        row["analysis"]: row["value"]
        for row in ard.of("14.2.3.3").filter(statistic="change_mean").iter_rows(named=True)
        if "W19" in row["path"]
    }
    assert change == {"bvas": -7, "organ_sum": 0}
    assert at(ard, "14.2.3.1", "n", "halved") == 1
    assert at(ard, "14.2.3.1", "n", "reweighted") == 1
    assert responders(ard) == set()


def responders(ard):
    """Every line of the response outputs that counts somebody as responding."""
    found = set()
    for output, path, statistic, value in ard.cells.select(
        "output", "path", "statistic", "value"
    ).iter_rows():
        counting = statistic == "x" or (statistic == "n" and ("=complete" in path or "=partial" in path))
        if counting and value:
            found.add((output, path))
    return found


def test_a_disease_that_goes_does_count():
    ard = analysed([Person({**same(), "W19": dict.fromkeys(INVOLVED, "resolved")})], RESPONSES)
    assert ("14.2.3.1", '["w19_any","share"]') in responders(ard)
    assert ("14.2.3.2", '["organs","FA.PURPURA","W19"]') in responders(ard)
