"""The facts of a run in long form: what tables are built from, whoever recorded them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SUBJECTS = pl.Schema(
    {"subject": pl.String(), "site": pl.String(), "virtual": pl.Boolean(), "source": pl.String()}
)

# One row per item value as it stands now. `point` is the planned timepoint (None for a log),
# `row` the log row's id (None for a planned form). `number` holds numbers; `text` holds codes,
# yes/no as Y/N, dates as ISO 8601 and free text; `missing` says why there is neither.
VALUES = pl.Schema(
    {
        "subject": pl.String(),
        "form": pl.String(),
        "point": pl.String(),
        "row": pl.String(),
        "item": pl.String(),
        "number": pl.Float64(),
        "text": pl.String(),
        "missing": pl.String(),
        "happened": pl.Datetime("ms"),  # local wall clock of the site
        "source": pl.String(),  # the entry: chain#sequence
        "planned": pl.Float64(),  # of a dose per kg or m²: the amount planned when it was recorded
        "file": pl.String(),  # SHA-256 of the attached file that the value was computed from
    }
)

# One row per act that is not a form: include, decide, stop, collect.
ACTS = pl.Schema(
    {
        "subject": pl.String(),
        "act": pl.String(),
        "name": pl.String(),  # the decision, stop rule or specimen
        "point": pl.String(),
        "outcome": pl.String(),
        "happened": pl.Datetime("ms"),
        "by": pl.String(),
        "source": pl.String(),
    }
)


@dataclass(frozen=True)
class Facts:
    """Subjects, item values and acts of one trial, as frames with the schemas above."""

    subjects: pl.DataFrame
    values: pl.DataFrame
    acts: pl.DataFrame
