"""The virtual laboratory: a file for each specimen, gated like any other, and its numbers in the record.

A participant's files are gated together when the last of them has been taken, by other processes while the
trial goes on. All numbers are written when everybody has left, each with the day on which it came: what the
record gets hangs on no computer's speed, and the trial waits for no file, since no rule of it reads them.
"""

from __future__ import annotations

import datetime
import os
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np

from trialrun.demo.tubes import Gated, Order, gated, prepare
from trialrun.laboratory.finding import Finding
from trialrun.laboratory.match import File
from trialrun.laboratory.receive import Reception
from trialrun.laboratory.specimen import marked
from trialrun.protocol.panel import Panel
from trialrun.protocol.panels import UNITS
from trialrun.protocol.protocol import Protocol
from trialrun.record.trial import Trial
from trialrun.simulate.cells import Cells
from trialrun.simulate.chance import Person
from trialrun.simulate.population import population

RESULTS_AFTER = np.timedelta64(14, "D")  # assumption: how long a laboratory takes with a participant's files
BY = "laboratory"
NOTHING: Mapping[str, float] = {}


def stained(protocol: Protocol) -> dict[str, tuple[str, Panel, Cells]]:
    """Form -> (name of its panel, panel, cells), where the study says what the cells look like.

    A form that a rule of the conduct reads is left to the model: its numbers must be there at the visit.
    """
    if protocol.panels is None:
        return {}
    read = {variable.reads[0] for variable in protocol.variables.values()}
    read |= {form for decision in protocol.decisions.values() for form in decision.needs}
    cells = population(protocol).cells
    return {
        panel.form: (name, panel, cells[name])
        for name, panel in protocol.panels.panels.items()
        if panel.form and panel.specimen and name in cells and panel.form not in read
    }


@dataclass
class Compared:
    """Truth and estimate of one quantity, of every specimen in which both are known."""

    title: str
    unit: str
    pairs: list[tuple[float, float]] = field(default_factory=list)

    @property
    def errors(self) -> list[float]:
        """How far each estimate is from its truth, in the unit."""
        return [abs(found - true) for true, found in self.pairs]

    @property
    def share(self) -> float | None:
        """The median error in % of the truth, None where the truth is always 0."""
        shares = [100 * abs(found - true) / true for true, found in self.pairs if true]
        return median(shares) if shares else None

    def summary(self) -> dict[str, Any]:
        """As data, in three digits."""
        found = {
            "median_error": median(self.errors),
            "worst_error": max(self.errors),
            "median_error_percent": self.share,
        }
        digits = {name: None if value is None else float(f"{value:.3g}") for name, value in found.items()}
        return {"title": self.title, "unit": self.unit, "specimens": len(self.pairs), **digits}


class Laboratory:
    """The specimens of one trial, from the tube to the record."""

    def __init__(self, trial: Trial, processes: int | None = None) -> None:
        """processes: that gate beside this one, one for each core by default; 0: a thread of this one."""
        self.trial = trial
        self.forms = stained(trial.protocol)
        self.compared: dict[str, Compared] = {}
        self.findings: list[Finding] = []
        self.landed = 0  # files whose numbers are in the record
        self.warnings: Counter[str] = Counter()
        self.withholding: Counter[str] = Counter()
        self._orders: dict[str, list[Order]] = {}
        self._sent: list[tuple[np.datetime64, list[Future[list[Gated]]]]] = []
        self._folder = TemporaryDirectory(prefix="trialrun-cells-")
        self._processes = (os.cpu_count() or 1) if processes is None else processes
        self._pool: Executor | None = None

    def takes(self, form: str) -> bool:
        """Whether the numbers of a form come from files."""
        return form in self.forms

    def take(
        self,
        subject: str,
        person: Person,
        form: str,
        point: str,
        truth: Mapping[str, float],
        answers: Mapping[str, Any],
    ) -> None:
        """Keep a specimen with what is truly in it; one that was taken already stays as it was."""
        name, panel, _ = self.forms[form]
        specimen = marked(subject, point, str(panel.specimen))
        orders = self._orders.setdefault(subject, [])
        if specimen not in {order.specimen for order in orders}:
            orders.append(
                Order(
                    name,
                    form,
                    subject,
                    specimen,
                    person,
                    f"cells {name} {point}",
                    dict(truth),
                    dict(answers),
                )
            )

    def send(self, subject: str, date: np.datetime64) -> None:
        """No more specimens of this participant are to come: gate what there is."""
        orders = self._orders.pop(subject, [])
        if not orders:
            return
        folder, pool = Path(self._folder.name), self._started()
        futures = [
            pool.submit(gated, name, mine, folder)
            for name in dict.fromkeys(order.panel for order in orders)
            if (mine := [order for order in orders if order.panel == name])
        ]
        self._sent.append((date + RESULTS_AFTER, futures))

    def _started(self) -> Executor:
        """The processes, which are told the study by a file: it is larger than what a pipe holds, and nobody
        waits until they have started."""
        if self._pool is None:
            study = Path(self._folder.name) / "study.pickle"
            study.write_bytes(pickle.dumps(self.trial.protocol))
            if self._processes:
                context = get_context("spawn")
                self._pool = ProcessPoolExecutor(self._processes, context, prepare, (study,))
            else:
                self._pool = ThreadPoolExecutor(1, initializer=prepare, initargs=(study,))
        return self._pool

    def results(self) -> Iterator[np.datetime64]:
        """Land everything that was sent, by the day of its results; each day is told before it is written."""
        for day, futures in sorted(self._sent, key=lambda one: one[0]):
            yield day
            for future in futures:
                self._land(future.result())
        self._sent = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    # ---- into the record -----------------------------------------------------------------------

    def _land(self, results: list[Gated]) -> None:
        """Like any laboratory's files: matched by their own labels, then their numbers land."""
        _, panel, _ = self.forms[results[0].order.form]
        found = [one.result for one in results]
        reception = Reception(self.trial, panel)
        reception.match([File(one.name, one.sha256, one.keywords) for one in found])
        landed = reception.receive(found, by=BY)
        self.findings += landed.findings
        self.landed += len(landed.done)
        for one in results:
            self.warnings.update(one.warnings)
            self.withholding.update(one.withholding)
            if one.order.specimen in landed.done:
                self._compare(panel, one)

    def _compare(self, panel: Panel, one: Gated) -> None:
        items = self.trial.protocol.forms[one.order.form].items
        for name, quantity in panel.quantities.items():
            value = one.result.values.get(name)
            if quantity.fills and name in one.truth and value is not None:
                item = items[quantity.fills]
                unit = UNITS.get(quantity.kind) or ""
                said = self.compared.setdefault(name, Compared(item.ask("en"), unit))
                said.pairs.append((one.truth[name], value))


def evening(date: np.datetime64) -> datetime.datetime:
    """When a laboratory's results are written on a day."""
    day = date.astype("datetime64[D]").astype(datetime.date)
    assert isinstance(day, datetime.date)
    return datetime.datetime.combine(day, datetime.time(21, 30), datetime.UTC)
