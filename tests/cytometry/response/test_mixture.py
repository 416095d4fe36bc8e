"""The mixture over participants against MIMOSA's own fits, and the cohorts that it refuses."""

import csv
from pathlib import Path

import numpy as np
import pytest

from trialrun.cytometry.response.ics import Count
from trialrun.cytometry.response.mixture import mixture

Pairs = dict[str, tuple[Count, Count]]


def fitted(shared: Path, name: str) -> tuple[Pairs, list[dict[str, str]]]:
    with (shared / f"data/cytometry/ics_counts/mimosa_{name}_EM.csv").open() as file:
        rows = list(csv.DictReader(file))

    def count(row: dict[str, str], kind: str, end: str) -> Count:
        positive = int(row[f"{kind}.CYTNUM{end}"])
        return Count(positive, positive + int(row[f"{kind}.NSUB{end}"]))

    return {row["UID"]: (count(row, "n.stim", ""), count(row, "n.unstim", "_REF")) for row in rows}, rows


@pytest.mark.parametrize(("name", "near", "calls"), [("ICS_IL2", 0.02, 0), ("ICS_TNF", 0.07, 1)])
def test_the_fit_is_mimosas_within_tolerance(shared: Path, name: str, near: float, calls: int) -> None:
    pairs, rows = fitted(shared, name)
    found = mixture(pairs)
    assert found.members is not None and found.responders is not None
    assert "sensitivity" in found.label
    theirs = np.array([float(row["Pr.response"]) for row in rows])
    ours = np.array([found.members[row["UID"]].probability for row in rows])
    assert abs(ours - theirs).max() < near
    assert found.responders == pytest.approx(theirs.mean(), abs=0.015)
    called = [found.members[row["UID"]].false_discovery <= 0.01 for row in rows]
    assert abs(sum(called) - sum(float(row["fdr"]) <= 0.01 for row in rows)) <= calls


def test_a_cohort_of_responders_only_is_refused(shared: Path) -> None:
    """MIMOSA calls all 21 of this cohort, one of whom has Fisher p = .166."""
    found = mixture(fitted(shared, "COMPASS_IFNgorIL2")[0])
    assert found.members is None and found.responders == 1
    assert "leaves no non-responders" in str(found.reason)


def test_few_participants_or_no_positive_cell_are_refused() -> None:
    few = {str(k): (Count(5, 9000), Count(1, 9000)) for k in range(10)}
    assert "10 participants, at least 20" in str(mixture(few).reason)
    none = {str(k): (Count(0, 9000), Count(0, 9000)) for k in range(30)}
    assert "no positive cell" in str(mixture(none).reason)
    lost = {str(k): (Count(0, 0), Count(1, 9000)) for k in range(30)}
    assert "0 participants" in str(mixture(lost).reason)
