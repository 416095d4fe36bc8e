"""Who stands in which column of a table: the arms of DM, and those who have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from trialrun.tables import term

Tables = Mapping[str, pl.DataFrame]
By = Literal["ARM", "ACTARM"]  # as planned, or as treated


@dataclass(frozen=True)
class Arms:
    """The columns of a table in order, and its participants.

    ``members``: USUBJID, ``arm`` (the title of the column), ``dosed``. Nobody in DM is left out: who has no
    arm stands under why, after the arms. The arms are in the order of TA where the trial has one.
    """

    titles: tuple[str, ...]
    unassigned: frozenset[str]
    members: pl.DataFrame

    def dosed(self) -> Arms:
        """Those who had a dose; a column nobody is left in is gone."""
        members = self.members.filter("dosed")
        there = set(members["arm"])
        return Arms(tuple(title for title in self.titles if title in there), self.unassigned, members)

    def columns(self) -> list[dict[str, Any]]:
        """Title and number of participants of each column; the last is the total, if there are several."""
        counts = self.count(self.members)
        listed: list[dict[str, Any]] = [
            {"title": title, "assigned": title not in self.unassigned} for title in self.titles
        ]
        if len(listed) > 1:
            listed.append({"title": None, "assigned": True})
        return [
            {**column, "participants": count["participants"]}
            for column, count in zip(listed, counts, strict=True)
        ]

    def count(self, rows: pl.DataFrame) -> list[dict[str, int]]:
        """Participants and rows in each column. `rows` has USUBJID; rows of others are not counted."""
        placed = rows if "arm" in rows.columns else self.place(rows)
        grouped = placed.group_by("arm").agg(pl.col("USUBJID").n_unique().alias("n"), pl.len().alias("rows"))
        found = {arm: (n, many) for arm, n, many in grouped.iter_rows()}
        counts = [found.get(title, (0, 0)) for title in self.titles]
        if len(counts) > 1:  # each participant stands in one column
            counts.append((sum(n for n, _ in counts), sum(many for _, many in counts)))
        return [{"participants": n, "events": many} for n, many in counts]

    def each(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        """The rows of each column, in the order of the columns."""
        placed = self.place(rows)
        parts = [placed.filter(pl.col("arm") == title) for title in self.titles]
        return [*parts, placed] if len(parts) > 1 else parts

    def place(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of members, with their ``arm``."""
        return rows.join(
            self.members.select("USUBJID", "arm"), on="USUBJID", how="inner", maintain_order="left"
        )


def arms(tables: Tables, by: By = "ARM") -> Arms:
    """The arms of a trial. ValueError if the tables have no DM, or it names nobody (USUBJID)."""
    if "USUBJID" not in tables.get("DM", pl.DataFrame()).columns:
        raise ValueError("the tables have no DM with USUBJID: nobody is known to have taken part")
    named = tables["DM"].drop_nulls("USUBJID")
    subjects = named.unique("USUBJID", keep="first", maintain_order=True)
    code, absent = column(subjects, f"{by}CD"), column(subjects, "ARMNRS")
    none = code.str.to_uppercase().is_in(term.NO_ARM).fill_null(False)
    title = pl.coalesce(column(subjects, by), code, absent, pl.lit(term.NOT_ASSIGNED))
    placed = subjects.select(
        "USUBJID",
        arm=title,
        code=code,
        assigned=~none & pl.coalesce(column(subjects, by), code).is_not_null(),
    )
    members = placed.join(
        doses(tables).select("USUBJID", dosed=True).unique(), on="USUBJID", how="left", maintain_order="left"
    ).with_columns(pl.col("dosed").fill_null(False))
    order = {one: place for place, one in enumerate(_planned(tables))}
    listed = placed.select("arm", "code", "assigned").unique("arm", keep="first", maintain_order=True).rows()
    listed.sort(key=lambda one: (not one[2], order.get(one[1], len(order)), one[0]))
    unassigned = frozenset(arm for arm, _, assigned in listed if not assigned)
    return Arms(tuple(arm for arm, _, _ in listed), unassigned, members.select("USUBJID", "arm", "dosed"))


def _planned(tables: Tables) -> list[str]:
    arms = tables.get("TA", pl.DataFrame())
    return arms["ARMCD"].unique(maintain_order=True).to_list() if "ARMCD" in arms.columns else []


def doses(tables: Tables) -> pl.DataFrame:
    """The rows of EX that are doses: all but those of nothing, and those that are said not to be given.

    Where EXOCCUR says of any row that it was given, the others are none. A dose of 0 is one of placebo, or
    none; an unknown dose is one. Without EX, the first dose that DM tells (RFXSTDTC).
    """
    if "EX" not in tables:
        subjects = tables["DM"]
        first = column(subjects, "RFXSTDTC")
        return subjects.select("USUBJID", EXSTDTC=first).drop_nulls("EXSTDTC")
    rows = tables["EX"].with_columns(column(tables["EX"], name) for name in ("USUBJID", "EXSTDTC", "EXOCCUR"))
    if (rows["EXOCCUR"] == "Y").any():
        return rows.filter(pl.col("EXOCCUR").eq_missing("Y"))
    nothing = pl.col("EXDOSE").eq_missing(0) if "EXDOSE" in rows.columns else pl.lit(False)
    placebo = column(rows, "EXTRT").str.to_uppercase().str.contains("PLACEBO").fill_null(False)
    return rows.filter(pl.col("EXOCCUR").ne_missing("N") & (~nothing | placebo))


def column(table: pl.DataFrame, name: str) -> pl.Expr:
    """A text column, null throughout where the table has none of that name."""
    return pl.col(name) if name in table.columns else pl.lit(None, pl.String).alias(name)
