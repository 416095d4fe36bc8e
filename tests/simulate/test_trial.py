"""Whole trials: arrivals, staggering, the plan, suspensions, and that every one comes to an end."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from trialrun.conduct.cohort import Cohort, Index, day
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol
from trialrun.simulate.trial import arrivals, conduct, room, run

DAY = np.timedelta64(1, "D")


@pytest.fixture(scope="module")
def trial(protocol: Protocol) -> Cohort:
    return run(protocol, 1)


def included(cohort: Cohort) -> np.ndarray:
    return np.flatnonzero(~np.isnat(cohort.included))


# ---- arrivals ------------------------------------------------------------------------------------


def test_people_arrive_on_working_days_at_the_rate_of_the_study(protocol: Protocol) -> None:
    start = np.datetime64("2008-03-01")
    counts = []
    for seed in range(150):
        coming = arrivals(protocol, seed)
        assert (np.diff(coming) >= 0 * DAY).all()
        assert coming[0] >= start
        assert np.is_busday(coming).all()
        counts.append((coming < start + 548).sum())
    assert np.mean(counts) == pytest.approx(12.5, abs=0.9)
    assert np.var(counts) == pytest.approx(12.5, abs=4)  # a Poisson process


def test_arrivals_belong_to_the_seed_and_the_trial(protocol: Protocol) -> None:
    assert (arrivals(protocol, 1, 2) == arrivals(protocol, 1, 2)).all()
    assert (arrivals(protocol, 1, 2) != arrivals(protocol, 1, 3)).any()
    assert (arrivals(protocol, 1, 2) != arrivals(protocol, 2, 2)).any()


# ---- a trial -------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_trial_and_another_another(tmp_path: Path) -> None:
    shutil.copytree(bundled()["vascu_il2"], folder := tmp_path / "study")
    study = (folder / "study.yaml").read_text("utf-8")
    (folder / "study.yaml").write_text(study.replace("planned: 10", "planned: 3"), "utf-8")
    protocol = load(folder)
    trial, again, other = run(protocol, 1), run(protocol, 1), run(protocol, 2)
    assert len(included(trial)) >= 3
    for name, sheet in trial.sheets.items():
        np.testing.assert_array_equal(sheet.happened, again.sheets[name].happened)
        for item, values in sheet.values.items():
            np.testing.assert_array_equal(values, again.sheets[name].values[item])
    for name, log in trial.logs.items():
        assert log.rows == again.logs[name].rows
    assert trial.logs["ae"].rows != other.logs["ae"].rows
    known = trial.sheets["laboratory"].value("alt", "SCR"), other.sheets["laboratory"].value("alt", "SCR")
    assert (known[0][:5] != known[1][:5]).any()


def test_the_plan_is_met_and_not_exceeded(protocol: Protocol, trial: Cohort) -> None:
    inside = included(trial)
    dosed = ~np.isnat(trial.first_injection[inside])
    assert dosed.sum() == protocol.study.enrolment.planned
    assert len(inside) <= protocol.study.enrolment.planned + protocol.study.enrolment.replace
    screened = ~np.isnat(trial.consented)
    assert not np.isnat(trial.ended[screened]).any()


def test_the_first_three_start_one_after_the_other(trial: Cohort) -> None:
    inside = included(trial)
    order = inside[np.argsort(trial.included[inside])]
    settled = np.fmin(np.fmin(trial.decided["tolerance_C1"], trial.stopped), trial.ended)
    for before, after in pairwise(order[:3]):
        assert trial.included[after] > settled[before]
    assert (trial.included[order[3:]] < settled[order[2:-1]]).any()  # the later ones need not wait


# ---- a crowd that can be watched -----------------------------------------------------------------


class Watched:
    """People about whom nothing is known but when they were screened; each is busy for some days."""

    def __init__(self, protocol: Protocol, lasts: int, *, included: bool, suspended: bool = False) -> None:
        self.cohort = Cohort(protocol, 60)
        self.lasts = lasts
        self.included, self.suspended = included, suspended
        self.screened: list[np.datetime64] = []
        self.days: list[np.datetime64] = []

    def screen(self, number: int, date: np.datetime64) -> None:
        assert number == len(self.screened)
        self.screened.append(date)
        if self.included:
            who, now = np.array([number]), np.array([date]).astype("datetime64[m]")
            self.cohort.include(who, now)
            sheet = self.cohort.injections
            sheet.happened[number, 0], sheet.values["given"][number, 0] = now[0], 1
            if self.suspended:
                event = {
                    "grade": 4,
                    "related": True,
                    "serious": True,
                    "onset": str(date),
                    "outcome": "ongoing",
                }
                self.cohort.write("ae", number, "1", now[0], now[0], event)

    def day(self, date: np.datetime64) -> None:
        self.days.append(date)

    def today(self) -> np.datetime64:
        left = [date + k for date in self.screened[-1:] for k in (1, self.lasts)]
        later = [each for each in left if not self.days or each > self.days[-1]]
        return min(later) if later else np.datetime64("NaT", "D")

    def present(self) -> list[tuple[Cohort, Index]]:
        return [(self.cohort, np.arange(len(self.screened)))]


def test_who_waits_for_ever_does_not_keep_the_trial_running(protocol: Protocol) -> None:
    coming = arrivals(protocol, 1)
    crowd = Watched(protocol, 30, included=True, suspended=True)
    conduct(protocol, coming, crowd)
    assert len(crowd.screened) == 1  # inclusions are suspended from then on
    assert crowd.days[-1] < coming[0] + 45
    assert len(crowd.days) < 15


def test_nobody_is_screened_at_a_weekend_though_he_waited(protocol: Protocol) -> None:
    crowd = Watched(protocol, 19, included=False)
    conduct(protocol, arrivals(protocol, 4), crowd)
    assert np.is_busday(crowd.screened).all()


def test_who_was_never_dosed_is_replaced_as_often_as_the_study_says(protocol: Protocol) -> None:
    cohort, everyone = Cohort(protocol, 20), np.arange(20)
    now = np.full(20, np.datetime64("2008-06-02T10:00", "m"))
    cohort.include(everyone[:10], now[:10])
    assert not room(protocol, [(cohort, everyone[:10])])
    status = list(protocol.item("end_of_participation", "status").codes)
    for gone, open_ in ((1, 1), (2, 2), (4, 2)):
        answers = {"status": [status[1]] * gone, "date": ["2008-06-02"] * gone}
        cohort.enter("end_of_participation", "any time", everyone[:gone], now[:gone], now[:gone], answers)
        cohort.include(everyone[10 : 10 + open_ - 1], now[10 : 10 + open_ - 1])
        assert room(protocol, [(cohort, everyone[: 10 + open_ - 1])])
        cohort.include(everyone[10 : 10 + open_], now[10 : 10 + open_])
        assert not room(protocol, [(cohort, everyone[: 10 + open_])])


# ---- another study -------------------------------------------------------------------------------


def test_a_trial_that_nobody_can_join_ends(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], folder)
    model = (folder / "model.yaml").read_text("utf-8")
    model = model.replace("excluding_disease: {chance: 0.2}", "excluding_disease: {chance: 1}")
    (folder / "model.yaml").write_text(model, "utf-8")
    protocol = load(folder)
    cohort = run(protocol, 1)
    assert len(included(cohort)) == 0
    assert (cohort.end_status == "screen_failure").all()
    assert (day(cohort.ended) - day(cohort.consented) == 7 * DAY).all()
