"""The analyses of an Analysis Results Dataset as one R script: data, computation and comparison, readable and
self-contained (base R and its recommended packages).

It prints CSV: method, place, statistic, ours, r, difference, tolerance, verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trialrun import __version__
from trialrun.analysis.ard import Ard
from trialrun.exchange.r_method import by_method, catalogue, function
from trialrun.protocol.cell import PARTICIPANTS

AS_THEY_STAND = ("listing", "narrative", "fact")
"""Methods whose numbers are shown as they were recorded: nothing was computed."""

Place = str
Ours = dict[Place, dict[str, float | None]]


@dataclass
class Call:
    """One computation in R: its method, its data, and every cell whose statistics it gives."""

    method: str
    data: str
    ours: Ours = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is computed again, and per method how many statistics have no counterpart."""

    calls: tuple[Call, ...]
    left_out: Mapping[str, int]


def plan(ard: Ard, cells: pl.DataFrame | None = None) -> Plan:
    """What can be computed again of ``cells`` (rows as `Ard.cells` has them; by default all) from
    the data that the dataset keeps."""
    behind = _Data(ard)
    calls: dict[tuple[str, str], Call] = {}
    left_out: dict[str, int] = {}
    made: dict[str, str | None] = {}
    for row in (ard.cells if cells is None else cells).iter_rows(named=True):
        if row["cell"] is None or row["text"] is not None or row["statistic"] is None:
            continue
        method = row["method"].partition("/")[0]
        if method in AS_THEY_STAND:
            continue
        cell = row["cell"]
        if cell not in made:
            made[cell] = behind.of(cell, method) if method in by_method() else None
        data = made[cell]
        if data is None:
            left_out[method] = left_out.get(method, 0) + 1
            continue
        call = calls.setdefault((method, data), Call(method, data))
        call.ours.setdefault(_place(row), {})[row["statistic"]] = row["value"]
    return Plan(tuple(calls.values()), left_out)


def _place(row: Mapping[str, Any]) -> Place:
    path = " / ".join(json.loads(row["path"]))
    column = " ".join(one for one in (row["column"], row["part"]) if one)
    return f"{row['output']} {path} [{column}]"


# ---- data ----------------------------------------------------------------------------------------


class _Data:
    """What R computes from, as R writes it: the numbers that a cell keeps, or of a count its participants."""

    def __init__(self, ard: Ard) -> None:
        self.data = ard.data
        found = ard.cells.filter(pl.col("cell").is_not_null()).unique("cell", maintain_order=True)
        held = found.select("cell", "parameters", "sources", "output")
        self.cells = {cell: rest for cell, *rest in held.iter_rows()}
        self.owner = dict(ard.rows.select("row", "id").iter_rows())
        people = {one: i for i, one in enumerate(dict.fromkeys(map(_participant, self.owner.values())), 1)}
        self.person = {row: people[_participant(one)] for row, one in self.owner.items()}
        self.counts = catalogue()["count.R"].methods
        none = ard.cells.filter((pl.col("statistic") == "n") & (pl.col("value") == 0))
        self.noughts = set(none["cell"])  # behind these stand the participants among whom nobody was counted

    def of(self, cell: str, method: str) -> str | None:
        """The arguments of R's function, or None where nothing is kept."""
        if cell in self.data:
            return arguments(self.data[cell])
        if method not in self.counts or cell not in self.cells:
            return None
        parameters, sources, _ = self.cells[cell]
        asked = json.loads(parameters)
        who = [self.person[one] for one in sources or ()] if cell not in self.noughts else []
        if method == "size":
            return arguments({"who": who})
        participants = asked.get("table") in (None, PARTICIPANTS)
        told = {"who": who, "N": asked.get("N"), "rows": len(set(who)) if participants else len(who)}
        return arguments(told | ({"time": asked["time"]} if "time" in asked else {}))


def _participant(identity: str) -> str:
    """``AE/participant/sequence`` -> its participant."""
    return identity.partition("/")[2].rpartition("/")[0] or identity.partition("/")[2]


def arguments(data: Mapping[str, object]) -> str:
    """Named values as R's ``list(...)`` takes them."""
    return ", ".join(f"{name} = {literal(value)}" for name, value in data.items() if value is not None)


def literal(value: object) -> str:
    """A value in R: a vector of a list of numbers or words, a list of a list of lists."""
    if value is None:
        return "NA"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value).removesuffix(".0")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"list({arguments(value)})"
    if isinstance(value, list | tuple):
        if value and all(isinstance(one, list | tuple | Mapping) for one in value):
            return f"list({', '.join(map(literal, value))})"
        return f"c({', '.join(map(literal, value))})" if value else "numeric(0)"
    raise TypeError(f"{type(value).__name__} has no literal in R")


# ---- text ----------------------------------------------------------------------------------------

_HEAD = f"""every analysis computed again, independently of trialrun {__version__}, which wrote this.
# Run: Rscript FILE.R. It needs R and its recommended packages, prints CSV, and exits with 1 where a
# statistic differs by more than the tolerance of its method.
"""
COMPARE = """\
# ---- comparison ----------------------------------------------------------------------------------
# A statistic agrees where the difference is at most its tolerance times R's value (or 0.001, where that is
# less), or where neither finds one (NA).
results <- list()
redo <- function(method, again, tolerance, data, ...) {
  theirs <- tryCatch(suppressWarnings(do.call(again, data)), error = conditionMessage)
  cells <- list(...)
  for (place in names(cells)) for (name in names(cells[[place]])) {
    ours <- cells[[place]][[name]]
    r <- if (is.character(theirs)) NULL else theirs[[name]]
    if (!is.null(r) && !is.finite(r)) r <- NA
    difference <- if (is.null(r)) NA else abs(ours - r)
    verdict <- if (is.character(theirs)) paste("failed:", theirs)
      else if (is.null(r)) "no counterpart"
      else if (is.na(ours) != is.na(r)) "differs"
      else if (is.na(ours) || difference <= tolerance * max(0.001, abs(r))) "agrees"
      else "differs"
    number <- function(x) if (is.null(x) || is.na(x)) "" else sprintf("%.15g", x)
    results[[length(results) + 1]] <<- c(method, place, name, number(ours), number(r), number(difference),
      sprintf("%g", tolerance), verdict)
  }
}
"""
END = """\
table <- as.data.frame(do.call(rbind, results))
names(table) <- c("method", "place", "statistic", "ours", "r", "difference", "tolerance", "verdict")
write.csv(table, stdout(), row.names = FALSE)
quit(status = as.integer(any(table$verdict == "differs" | startsWith(table$verdict, "failed"))))
"""


def script(plan: Plan, title: str) -> str:
    """The whole script; it exits with 1 where anything differs."""
    used = [by_method()[call.method] for call in plan.calls]
    needed = {name for one in used for name in (one.name, *one.needs)}
    parts = [f"# {title}: {_HEAD}"]
    parts += [f"# ---- {one.name} ----\n{one.text}" for one in catalogue().values() if one.name in needed]
    parts += [COMPARE, "# ---- analyses ----\n", *map(_written, plan.calls), "\n", END]
    return "\n".join(parts)


def _written(call: Call) -> str:
    cells = ",\n".join(
        f"  {literal(place)} = c({', '.join(_named(name, value) for name, value in values.items())})"
        for place, values in call.ours.items()
    )
    head = f"redo({literal(call.method)}, {function(call.method)}, {by_method()[call.method].tolerance:g},"
    return "\n".join([head, *_wrapped(f"list({call.data}),"), cells]) + ")"


def _named(name: str, value: float | None) -> str:
    return f"{name} = {literal(value)}"


def _wrapped(text: str) -> Iterator[str]:
    """Lines of about 110 characters, cut between values."""
    line = " "
    for piece in text.split(", "):
        if len(line) + len(piece) > 108:
            yield line
            line = "   "
        line += f" {piece},"
    yield line.removesuffix(",")
