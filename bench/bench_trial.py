"""One virtual trial of the bundled study: through the record's commands, against the fast path on columns."""

import datetime
import time
from statistics import median

from trialrun.demo.crowd import Recorded
from trialrun.demo.ledger import STAFF, VirtualClock
from trialrun.protocol.compile import load
from trialrun.record.trial import Trial
from trialrun.simulate.trial import arrivals, conduct, run

ROUNDS = 3


def recorded(seed: int) -> tuple[float, int]:
    """(seconds, entries) of a trial through the record, in memory."""
    protocol = load("vascu_il2")
    start = time.perf_counter()
    clock = VirtualClock(datetime.datetime(2008, 1, 1, tzinfo=datetime.UTC))
    trial = Trial.in_memory(protocol, virtual=True, clock=clock, seed=seed, people=STAFF)
    conduct(protocol, arrivals(protocol, seed), Recorded(trial, clock, seed))
    return time.perf_counter() - start, sum(1 for _ in trial.store.rows())


def fast(seed: int) -> float:
    """Seconds of the same trial on columns."""
    protocol = load("vascu_il2")
    start = time.perf_counter()
    run(protocol, seed)
    return time.perf_counter() - start


def main() -> None:
    rounds = [(recorded(seed), fast(seed)) for seed in range(1, ROUNDS + 1)]
    record = median(seconds for (seconds, _), _ in rounds)
    columns = median(seconds for _, seconds in rounds)
    entries = median(count for (_, count), _ in rounds)
    print(
        f"record {record:.1f} s for {entries:.0f} entries, columns {columns:.1f} s: {record / columns:.1f} ×"
    )


if __name__ == "__main__":
    main()
