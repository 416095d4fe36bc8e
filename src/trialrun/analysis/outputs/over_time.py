"""What analyses of trajectories share: who is in which column, the statistics asked for, and their cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import Asked, Seen
from trialrun.analysis.outputs.spread import line
from trialrun.analysis.outputs.statement import Stated, Value, patterns, plain, words
from trialrun.analysis.outputs.trajectory import Course
from trialrun.protocol.cell import PARTICIPANTS, Statistic
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text
from trialrun.protocol.write import said

Usual = Mapping[str, tuple[Text, Text]]
Find = Callable[[str], Value]


@dataclass(frozen=True)
class Found:
    """What one line holds in one column: its statistics by name, the rows behind them, and the numbers that
    they are computed from."""

    find: Find
    known: Collection[str]
    sources: tuple[int, ...] = ()
    data: Mapping[str, object] | None = None
    unsure: NotEstimable | None = None

    def value(self, name: str) -> Value:
        """A statistic; none but counts where its values cannot be taken together."""
        return self.find(name) if self.unsure is None or name in COUNTS else self.unsure


COUNTS = ("n", "N", "pairs", "unpaired", "left_out", "imputed", "method", "df2")


def found(
    values: Mapping[str, Value],
    sources: tuple[int, ...] = (),
    data: Mapping[str, object] | None = None,
    of: Course | None = None,
) -> Found:
    return Found(values.__getitem__, values, sources, data, of.unsure if of else None)


def listed(values: NDArray[np.float64]) -> list[Any]:
    """Numbers as JSON has them; null for what was not measured."""
    if values.ndim > 1:
        return [listed(row) for row in values]
    return [None if np.isnan(value) else float(value) for value in values]


def members(asked: Asked) -> dict[str, NDArray[np.int64]]:
    """Column -> the numbers of its participants, of those for whom the rule of the analysis is true."""
    some = np.sort(asked.rows(PARTICIPANTS, "where")["_who"].to_numpy()).astype(np.int64)
    return {one.key: some[asked.groups.inside[one.key][some]] for one in asked.groups.list}


def seen(asked: Asked, one: Course) -> Seen:
    """What is read of a trajectory: its rows, of the members of the output."""
    some = asked.rows(PARTICIPANTS, "where").select("_who")
    mine = one.rows.join(some, on="_who", how="semi", maintain_order="left")
    made = asked.seen(one.table, mine.drop("_value", "_visit"), asked.reads(PARTICIPANTS) | one.reads)
    return Seen(made.inputs, {**made.asked, "trajectory": said(one.how)})


def statistics(
    asked: Asked, given: Mapping[str, Statistic], usual: Usual, default: Sequence[str], decimals: int
) -> dict[str, Statistic]:
    """The lines: as the analysis has them, else the usual ones; titled and written as usual if not said."""
    made = {}
    for key, one in (given or dict.fromkeys(default, Statistic())).items():
        if key in usual:
            title, pattern = usual[key]
            made[key] = one.model_copy(update={"title": one.title or title, "format": one.format or pattern})
        else:
            made[key] = line(key, one, decimals)
    return made


def cell(
    asked: Asked, method: str, statistic: Statistic, key: Sequence[str], held: Found, column: str, seen: Seen
) -> Stated:
    """One cell: the statistics that its pattern names."""
    pattern, _, none = patterns(statistic, asked.format(method.partition("/")[0]))
    names = dict.fromkeys(hole[0] for _, text in pattern.by_language for hole in placeholders(text))
    for name in names:
        if name not in held.known:
            hint = suggestion(name, held.known)
            asked.columns.refuse((*asked.path, "statistics"), f"there is no statistic `{name}`", hint)
    values = {name: _plain(held.value(name)) for name in names}
    parameters = {**seen.asked, "column": column, "line": list(key), "statistics": list(names)}
    return Stated(
        column,
        values,
        pattern,
        method,
        asked.first,
        none,
        held.sources,
        seen.inputs[column],
        parameters,
        held.data if held.unsure is None else None,
    )


def _plain(value: Value) -> Value:
    return plain(float(value)) if isinstance(value, int | float) else value


def significant(value: float | NotEstimable, digits: int = 6) -> Value:
    """A number of an optimiser, to as many digits as every machine finds alike."""
    return value if isinstance(value, NotEstimable) else float(f"{value:.{digits}g}")


def titled(statistic: Statistic, name: str) -> Text:
    return statistic.title or words(name)


def heads(asked: Asked, one: Course, of: int) -> tuple[Text, ...]:
    """The words above the visits: of the analysis (none where its title is empty), and of a trajectory that
    is one of several."""
    title = asked.analysis.title
    own = () if title is None or not title("en") else (title,)
    return own if title is not None and of == 1 else (*own, one.how.title)
