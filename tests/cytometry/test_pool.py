"""One cut for several samples: a sample that it does not serve is told, and costs the others nothing."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry.batch import Batch, gate
from trialrun.cytometry.fcs.write import write
from trialrun.cytometry.manifest import read_manifest
from trialrun.cytometry.method import Edge, find
from trialrun.cytometry.pool import against, alone, pooled
from trialrun.cytometry.quality import Judged
from trialrun.cytometry.quantity import Estimate
from trialrun.cytometry.report.language import language
from trialrun.cytometry.rounds import _worse
from trialrun.cytometry.sample import Channel, Sample
from trialrun.protocol.panels import load_panels
from trialrun.protocol.population import Density

EVERYWHERE = (-np.inf, np.inf)
PANEL = """\
panels:
  tube:
    title: A tube
    from: assumption
    reason: For the tests.
    markers: {A: A-A, B: B-A}
    compensation: none
    transforms: {default: {asinh: {cofactor: 100}}}
    populations:
      high: {of: all, method: density, by: A, keep: high}
      both: {of: high, method: density, by: B, keep: high}
      rest: {of: all, method: boolean, where: NOT high}
      rest_b: {of: rest, method: density, by: B, keep: high}
    quantities:
      high_percent: {percent: high, of: all}
      both_percent: {percent: both, of: high}
      rest_percent: {percent: rest_b, of: rest}
"""


def two(seed: int, share: float = 0.4, count: int = 4000, moved: float = 0.0) -> np.ndarray:
    """Two peaks, at 1 and at 4."""
    stream = np.random.default_rng(seed)
    high = int(count * share)
    return np.concatenate([stream.normal(4, 0.4, high), stream.normal(1, 0.4, count - high)]) + moved


def test_a_cut_in_a_samples_own_peak_is_told_and_one_in_its_valley_is_not() -> None:
    assert against(alone(two(1)), 2.5, 0.99) == ""
    assert "in a peak of its own" in against(alone(two(1, moved=1.5)), 2.5, 0.99)
    assert "in a peak of its own" in against(alone(two(1, share=0)), 1.2, 0.99)
    assert "on one side" in against(alone(two(1, moved=4)), 2.5, 0.99)
    assert alone(two(1, count=400)) is None


@pytest.mark.parametrize("share", [0, 0.01, 0.03, 0.97, 1])
def test_a_sample_that_has_hardly_any_of_a_population_is_served_all_the_same(share: float) -> None:
    assert against(alone(two(1, share)), 2.5, 0.99) == ""


def test_one_tube_that_is_off_takes_no_valley_from_the_others_in_whatever_order() -> None:
    good = [two(seed) for seed in (1, 2, 3)]
    expected = pooled(good, EVERYWHERE).cut
    for off in (1.5, 3, -1.5, -3):
        parts = [*good, two(4, moved=off)]
        for order in permutations(range(4)):
            found = pooled([parts[number] for number in order], EVERYWHERE)
            assert found.aside == (order.index(3),)
            assert found.cut == expected


def test_a_valley_beside_one_tube_that_is_off_is_not_taken_for_that_of_all() -> None:
    """All good samples lie on one side of that valley; their own parts off a few events."""
    good = [two(seed, share=0.04) for seed in (1, 2, 3, 4)]
    off = np.concatenate([two(9, 0, 3000, moved=-4), two(9, 0, 1000)])
    found = pooled([off, *good], EVERYWHERE)
    assert found.aside == (0,)
    assert found.cut == pooled(good, EVERYWHERE).cut


def test_a_tube_with_a_peak_in_the_gap_of_the_others_is_set_aside_though_its_cut_lies_there_too() -> None:
    good = [two(seed, share=0.1) for seed in (1, 2, 3, 4)]
    off = np.concatenate([two(9, 0, 3600) / 4 + 1.75, two(9, 1, 400)])
    found = pooled([*good, off], EVERYWHERE)
    assert found.aside == (4,)
    assert found.cut == pooled(good, EVERYWHERE).cut


def test_where_two_differ_nobody_is_set_aside_and_it_is_told() -> None:
    sliced = pooled([two(1), two(2, moved=1.5)], EVERYWHERE)
    assert sliced.aside == () and any(sliced.against)
    filled = pooled([two(1), two(2, moved=1), two(3, moved=2)], EVERYWHERE)
    assert filled.aside == () and "does not serve these samples" in filled.cut.reasons[0]
    wandering = pooled([two(seed, moved=seed / 2) for seed in range(5)], EVERYWHERE)
    assert "in a peak of its own" in wandering.against[0]


def three(seed: int, debris: int, beads: int, gap: float) -> np.ndarray:
    """Debris at 1, beads, and cells at 8."""
    stream = np.random.default_rng(seed)
    peaks = ((1.0, debris), (gap, beads), (8.0, 8000))
    return np.concatenate([stream.normal(at, 0.3, count) for at, count in peaks])


def test_three_peaks_with_two_clear_valleys_are_no_disagreement() -> None:
    """Which of two clear valleys a sample alone would be cut in says nothing against the other."""
    parts = [three(seed, 4000, 3000, 4.4) for seed in range(4)] + [
        three(seed, 3000, 4000, 4.4) for seed in range(4, 9)
    ]
    found = pooled(parts, EVERYWHERE)
    alones = [pooled([part], EVERYWHERE).cut.threshold for part in parts]
    assert found.cut.threshold is not None
    assert any(at is not None and abs(at - found.cut.threshold) > 2 for at in alones)
    assert found.elsewhere == 0 and not any(found.against) and not found.aside


def test_a_pool_without_a_valley_gets_none_from_the_roughness_of_its_samples() -> None:
    parts = [np.random.default_rng(seed).normal(0, 1, 300) for seed in range(9)]
    found = pooled(parts, EVERYWHERE)
    assert (found.cut.threshold, found.aside) == (None, ())
    assert found.cut.reasons == ("no valley: the density has one peak only",)


def tubes(folder: Path, times: Sequence[float], rule: str = "", count: int = 4000) -> Batch:
    """A tube for each number, whose intensities are so many times those of the others."""
    quality = f"    quality:\n      cuts: {{kind: cut{rule}}}\n" if rule else ""
    (folder / "panel.yaml").write_text(PANEL + quality, "utf-8")
    names = [f"{number}.fcs" for number in range(len(times))]
    stream = np.random.default_rng(7)
    for number, (name, factor) in enumerate(zip(names, times, strict=True)):
        both = [two(number, count=count), stream.permutation(two(number + 50, count=count))]
        events = np.rint(100 * np.sinh(np.stack(both)) * factor)
        channels = tuple(Channel(one, "", 262144.0) for one in ("A-A", "B-A"))
        write(folder / name, Sample("", "", channels, events.astype(np.float32), {}))
    rows = "".join(f"{name},P1\n" for name in names)
    (folder / "manifest.csv").write_text(f"file,participant\n{rows}", "utf-8")
    panels = load_panels(folder / "panel.yaml")
    manifest = read_manifest(folder / "manifest.csv", panels.panels)
    return gate([folder / name for name in names], panels, "tube", manifest=manifest)


def test_good_tubes_keep_their_numbers_beside_a_bad_one(tmp_path: Path) -> None:
    alone = tubes(tmp_path, [1, 1, 1]).outcomes
    *good, bad = tubes(tmp_path, [1, 1, 1, 6]).outcomes
    for one, before in zip(good, alone, strict=True):
        assert one.estimates == before.estimates
        assert one.gates["high"]["findings"] == [
            "the cut was found without 1 of 4 samples, which it does not serve"
        ]
    (said,) = bad.gates["high"]["findings"]
    assert said.endswith("; the cut was found without this sample")
    words, code = language("fr").said(said)
    assert code == "fr" and "the" not in words.split()


def test_where_half_of_the_tubes_are_off_everybody_is_told_that_they_differ(tmp_path: Path) -> None:
    """Those that are off have a peak below all others, which parts them from the rest and so seems clean."""
    good = [two(seed, share=0.04) for seed in (1, 2)]
    off = [np.concatenate([two(seed, 0, 3000, moved=-4), two(seed, 0, 1000)]) for seed in (3, 4)]
    found = pooled([*good, *off], EVERYWHERE)
    assert (found.aside, found.elsewhere) == ((), 2)
    one, other = tubes(tmp_path, [1, 12]).outcomes
    for outcome in (one, other):
        said = outcome.gates["high"]["findings"][0]
        assert said.startswith("of 2 samples 1 would by themselves be cut elsewhere")
        assert language("fr").said(said)[1] == "fr"


# ---- the rule -------------------------------------------------------------------------------------

WARN, FAIL = ", then: warn", ", then: fail"


def verdicts(batch: Batch) -> list[str]:
    return [rule.outcome for one in batch.outcomes for rule in one.quality]


def test_a_tube_that_a_cut_does_not_serve_breaks_the_rule_and_the_others_pass(tmp_path: Path) -> None:
    found = tubes(tmp_path, [1, 1, 1, 6], WARN)
    assert verdicts(found) == ["passed", "passed", "passed", "warn"]
    assert found.outcomes[0].quality[0].message == "shared cuts that serve it: 3 of 3"
    (bad,) = found.outcomes[3].quality
    assert bad.message.startswith("the shared cut of `high` does not serve it, nor does that of ")
    assert bad.message.endswith("; the cut was found without this sample")
    assert bad.value is not None and bad.value > 1
    for said in (bad.message, found.outcomes[0].quality[0].message):
        words, code = language("fr").said(said)
        assert code == "fr" and not {"the", "cut", "does"} & set(words.split())


def test_only_the_cuts_that_are_named_are_looked_at(tmp_path: Path) -> None:
    found = tubes(tmp_path, [1, 1, 1, 6], ", of: high, then: warn")
    assert found.outcomes[3].quality[0].value == 1
    words, code = language("fr").said(found.outcomes[3].quality[0].message)
    assert code == "fr" and words.startswith("la coupure commune de «\N{NO-BREAK SPACE}high")


@pytest.mark.parametrize("times", [(1, 12), (12, 1)])
def test_where_half_of_the_tubes_differ_neither_passes_nor_is_set_aside(
    tmp_path: Path, times: tuple[float, float]
) -> None:
    """The cut serves the brighter or the darker one, whichever of them is off."""
    warned, failed = (tubes(tmp_path, times, f", of: high{then}") for then in (WARN, FAIL))
    assert (verdicts(warned), verdicts(failed)) == (["warn"] * 2, ["fail"] * 2)
    assert [one.estimates for one in failed.outcomes] == [one.estimates for one in warned.outcomes]
    reasons = sorted(one.quality[0].message for one in warned.outcomes)
    assert "its two peaks lie on one side" in reasons[0] and "look at this gate in each" in reasons[1]


def test_where_half_would_be_cut_elsewhere_and_the_cut_serves_all_none_has_passed() -> None:
    parts = [two(seed, share=0.04, moved=moved)[None] for seed, moved in ((1, 0), (2, 3))]
    found = find(Density(of="all", method="density", by="A", keep="high"), parts, EVERYWHERE)
    assert isinstance(found, Edge) and found.divided and not found.unfit


@pytest.mark.parametrize("few", ["of: rest, at_least: 1000", "of: both, at_least: 100"])
def test_one_of_two_that_differ_does_not_pass_because_the_other_fails_by_another_rule(
    tmp_path: Path, few: str
) -> None:
    """Whichever of them fails."""
    found = tubes(tmp_path, [1, 12], f", of: high, then: warn}}\n      enough: {{kind: events, {few}")
    left = next(one for one in found.outcomes if not one.failed)
    assert left.gates["high"].get("findings") is None, "it is cut alone, and so it seems fine"
    (said,) = (rule for rule in left.quality if rule.rule == "cuts")
    assert said.outcome == "warn" and said.message.endswith("; that was in gates found with all samples")
    assert language("fr").said(said.message)[1] == "fr"


def test_a_tube_that_fails_by_the_rule_has_no_part_in_any_gate_of_the_others(tmp_path: Path) -> None:
    alone = tubes(tmp_path, [1, 1, 1]).outcomes
    *good, bad = tubes(tmp_path, [1, 1, 1, 6], FAIL).outcomes
    assert [(one.estimates, one.gates, one.failed) for one in good] == [
        (one.estimates, one.gates, ()) for one in alone
    ]
    (reason,) = bad.failed
    assert reason.startswith("cuts: the shared cut of `high` does not serve it")
    assert good[0].file.findings == ("its gates were found without 3.fcs, which fails by rule",)


def test_numbers_beyond_a_cut_that_does_not_serve_are_withheld_and_the_gates_stay(tmp_path: Path) -> None:
    warned = tubes(tmp_path, [1, 1, 1, 6], ", of: rest_b, then: warn").outcomes
    *good, bad = tubes(tmp_path, [1, 1, 1, 6], ", of: rest_b, then: withhold").outcomes
    assert [one.estimates for one in good] == [one.estimates for one in warned[:3]]
    assert (bad.failed, bad.gates, bad.counts) == ((), warned[3].gates, warned[3].counts)
    withheld = {name for name, one in bad.estimates.items() if one.value is None}
    assert withheld == {"rest_percent"} and warned[3].estimates["rest_percent"].value is not None
    (rule,) = bad.quality
    assert bad.estimates["rest_percent"] == Estimate(None, "%", reason=f"cuts: {rule.message}")
    assert not any("fails by rule" in said for one in (*good, bad) for said in one.file.findings)


def test_what_was_withheld_stays_so_when_others_are_set_aside(tmp_path: Path) -> None:
    """Of two that differ the one that is left is cut alone, and so it seems fine."""
    few = "of: high, then: withhold}\n      enough: {kind: events, of: rest, at_least: 1000"
    left = next(one for one in tubes(tmp_path, [1, 12], f", {few}").outcomes if not one.failed)
    (said,) = (rule for rule in left.quality if rule.rule == "cuts")
    assert said.outcome == "withhold" and said.about == ("high",)
    assert left.empty, "all is made from it"


def test_a_number_withheld_in_either_round_is_withheld() -> None:
    first, other = (Judged("cuts", False, one, 1.0, (one,), "withhold") for one in ("a", "b"))
    assert _worse(first, first) == first
    both = _worse(other, first)
    assert (set(both.about), both.message) == ({"a", "b"}, "b; a")
    assert _worse(both, first) == both
    assert _worse(first, both) == both
    assert _worse(Judged("cuts", False, "c", then="fail"), first).outcome == "fail"
    assert _worse(Judged("cuts", True, "c", then="withhold"), first) == first


def test_what_cannot_be_seen_has_not_passed(tmp_path: Path) -> None:
    few = tubes(tmp_path, [1, 1], WARN, count=800).outcomes[0].quality[0]
    assert few.outcome == "unknown"
    assert few.message == (
        "nobody can see whether the shared cut of `both` serves it, nor that of rest_b; "
        "of the first: its parent has fewer than 500 events"
    )
    assert language("fr").said(few.message)[1] == "fr"
    lost = tubes(tmp_path, [1, 1], WARN, count=20).outcomes[0].quality[0]
    assert lost.outcome == "unknown"
    assert lost.message == (
        "nobody can see whether the shared cut of `high` serves it: `high` is not known: "
        "too few events: 40, at least 50 are needed"
    )
