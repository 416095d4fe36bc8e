"""Disposition by arm, from the tables alone: who took part, had a dose, completed, and why others ended."""

from __future__ import annotations

from typing import Any

import polars as pl

from trialrun.analysis.arm import Arms, Tables, column
from trialrun.tables import term

COMPLETED = "COMPLETED"


def disposition(tables: Tables, arms: Arms) -> dict[str, Any]:
    """Participants at each step, one count a column of `arms`.

    ``ended`` are those whose participation ended before its completion, ``reasons`` why, most frequent
    first; of those ``without`` nothing says how it ended.
    """
    ends = endings(tables)
    completed = ends.filter(pl.col("DSDECOD") == COMPLETED)
    early = ends.filter(pl.col("DSDECOD") != COMPLETED)
    members = arms.members
    subjects = tables["DM"]
    died = subjects.filter(column(subjects, "DTHFL") == "Y").select("USUBJID")
    steps = {
        "participants": members,
        "dosed": members.filter("dosed"),
        "completed": completed,
        "ended": early,
        "without": members.join(ends, on="USUBJID", how="anti"),
        "died": died,
    }
    counts = {step: _participants(arms, rows.select("USUBJID")) for step, rows in steps.items()}
    reasons = [
        {"reason": reason, "counts": _participants(arms, some.select("USUBJID"))}
        for (reason,), some in early.group_by("DSDECOD")
    ]
    reasons.sort(key=lambda one: (-one["counts"][-1], one["reason"]))
    return {"columns": arms.columns(), "counts": counts, "reasons": reasons}


def _participants(arms: Arms, rows: pl.DataFrame) -> list[int]:
    return [count["participants"] for count in arms.count(rows)]


def endings(tables: Tables) -> pl.DataFrame:
    """USUBJID and DSDECOD: how each participation ended, the last word by date and number.

    Of DS these are the disposition events that are not about treatment alone; where some are said to be of
    participation (DSSCAT), only those. Having completed the screening is no end.
    """
    if "DS" not in tables:
        return pl.DataFrame(schema={"USUBJID": pl.String, "DSDECOD": pl.String})
    rows = tables["DS"].with_columns(column(tables["DS"], "USUBJID"))
    kind, part = column(rows, "DSCAT").str.to_uppercase(), column(rows, "DSSCAT").str.to_uppercase()
    decoded = pl.coalesce(column(rows, "DSDECOD"), column(rows, "DSTERM")).str.to_uppercase()
    rows = rows.with_columns(DSDECOD=decoded, _part=part).filter(kind.eq_missing(term.DISPOSITION))
    if (rows["_part"] == term.PARTICIPATION).any():
        rows = rows.filter(pl.col("_part") == term.PARTICIPATION)
    screened = column(rows, "EPOCH").str.to_uppercase().eq_missing("SCREENING")
    rows = rows.filter(
        pl.col("_part").ne_missing(term.TREATMENT)
        & ~(screened & pl.col("DSDECOD").eq_missing(COMPLETED))
        & pl.col("DSDECOD").is_not_null()
    )
    order = [name for name in ("DSSTDTC", "DSSEQ") if name in rows.columns]
    last = rows.sort(*order, nulls_last=False) if order else rows
    return last.group_by("USUBJID", maintain_order=True).agg(pl.col("DSDECOD").last())
