"""Facts become tables."""

from __future__ import annotations

from datetime import date

import polars as pl

from trialrun.protocol.protocol import Protocol
from trialrun.tables.entry import Entries, entries
from trialrun.tables.facts import Facts
from trialrun.tables.findings import findings
from trialrun.tables.occurrence import exposure, first_and_last, occurrences
from trialrun.tables.schema import Domain, domains
from trialrun.tables.special import demographics, disposition, specimens, visits

Tables = dict[str, pl.DataFrame]


def build(protocol: Protocol, facts: Facts) -> Tables:
    """The tables of a trial by domain, in the order of `schema.CODES`, whatever the order of the facts.

    A domain that the study names is there even when it has no row. FactsError if the facts do not fit
    the protocol.
    """
    known = entries(protocol, facts)
    shapes = domains(protocol)
    raw = {"EX": exposure(known, shapes["EX"]), "SV": visits(known), "DS": disposition(known, shapes["DS"])}
    if "BE" in shapes:
        raw["BE"] = specimens(known)
    doses = first_and_last(raw["EX"])
    for code, shape in shapes.items():
        if shape.kind == "findings":
            raw[code] = findings(known, shape, doses.select("subject", "first_dose"))
        elif code not in raw and code != "DM":
            raw[code] = occurrences(known, shape)
    raw["DM"] = demographics(known, doses, raw)
    finish = _Finish(known, doses, raw["SV"])
    return {code: finish(raw[code], shape) for code, shape in shapes.items()}


def study_day(when: pl.Expr, first: pl.Expr) -> pl.Expr:
    """SDTM study day of an ISO 8601 date; there is no day 0; null unless the whole day is known."""
    days = (when.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False) - first).dt.total_days()
    return pl.when(days >= 0).then(days + 1).otherwise(days)


class _Finish:
    """What every table gets in the same way: identifiers, visit, epoch, study days, order, sequence."""

    def __init__(self, known: Entries, doses: pl.DataFrame, seen: pl.DataFrame) -> None:
        self.study = known.protocol.id
        self.plan = _plan(known.protocol)
        self.subjects = known.subjects.select("subject", "USUBJID", "VIRTUAL")
        self.first = doses.select("subject", _first=pl.col("first_dose").dt.date())
        self.epochs = _epochs(known.protocol, self.first, seen.join(self.plan, on="point"))

    def __call__(self, rows: pl.DataFrame, shape: Domain) -> pl.DataFrame:
        code = shape.code
        if "point" not in rows.columns:
            rows = rows.with_columns(point=pl.lit(None, pl.String))
        for side in (self.subjects, self.first):
            rows = rows.join(side, on="subject", how="left", maintain_order="left")
        rows = rows.join(self.plan, on="point", how="left", maintain_order="left")
        rows = rows.with_columns(STUDYID=pl.lit(self.study), DOMAIN=pl.lit(code), TIMEPT=pl.col("point"))
        for when, day in ((f"{code}{x}DTC", f"{code}{x}DY") for x in ("", "ST", "EN")):
            if when in rows.columns and day in shape.names:
                rows = rows.with_columns(study_day(pl.col(when), pl.col("_first")).alias(day))
        start = next((name for name in (f"{code}STDTC", f"{code}DTC") if name in rows.columns), None)
        if "EPOCH" in shape.names and start:
            rows = self._with_epoch(rows, start)
        order = ["order"] if "order" in rows.columns else []
        absent = [pl.lit(None).alias(name) for name in shape.names if name not in rows.columns]
        rows = rows.with_columns(*absent).with_columns(
            pl.col(name).cast(dtype) for name, dtype in shape.schema.items()
        )
        return _numbered(rows, shape, order, start)

    def _with_epoch(self, rows: pl.DataFrame, start: str) -> pl.DataFrame:
        """The planned epoch of a timepoint; what has none belongs to the epoch its day falls in."""
        rows = rows.with_row_index("_row").with_columns(
            _day=pl.col(start).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        )
        dated = (
            rows.filter(pl.col("_day").is_not_null()).select("_row", "subject", "_day").sort("_day", "_row")
        )
        epochs = self.epochs.sort("_begun", "_rank")
        found = dated.join_asof(
            epochs, left_on="_day", right_on="_begun", by="subject", check_sortedness=False
        )
        rows = rows.join(found.select("_row", "_epoch"), on="_row", how="left", maintain_order="left")
        return rows.with_columns(EPOCH=pl.coalesce("EPOCH", "_epoch")).drop("_row", "_day", "_epoch")


def _numbered(rows: pl.DataFrame, shape: Domain, order: list[str], start: str | None) -> pl.DataFrame:
    """Sorted by subject, time and place in the plan, then by all else; numbered within the subject."""
    first = ["USUBJID", *([start] if start else []), *(n for n in ("VISITNUM",) if n in shape.names), *order]
    rest = [name for name in shape.names if name not in first]
    rows = rows.sort(*first, *rest, nulls_last=True)
    sequence = f"{shape.code}SEQ"
    if sequence in shape.names:
        rows = rows.with_columns(pl.int_range(1, pl.len() + 1).over("USUBJID").cast(pl.Int64).alias(sequence))
    return rows.select(shape.names)


def _plan(protocol: Protocol) -> pl.DataFrame:
    """point, VISITNUM (its place in the plan), VISIT, VISITDY, EPOCH."""
    rows = [
        (
            name,
            number,
            point.label("en"),
            point.day if point.planned else None,
            epoch_term(protocol, point.epoch),
        )
        for number, (name, point) in enumerate(protocol.timepoints.items(), 1)
    ]
    schema = {
        "point": pl.String,
        "VISITNUM": pl.Float64,
        "VISIT": pl.String,
        "VISITDY": pl.Int64,
        "EPOCH": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def epoch_term(protocol: Protocol, epoch: str) -> str:
    """An epoch as it stands in EPOCH: its English title in capitals."""
    return protocol.study.epochs[epoch].title("en").upper()


def _epochs(protocol: Protocol, first: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """subject, _epoch, _begun: the day each epoch began for each participant.

    The first one has no beginning, that of the first dose begins with it, the others with their first visit.
    """
    ranks = {epoch_term(protocol, name): rank for rank, name in enumerate(protocol.study.epochs)}
    dosing = epoch_term(protocol, protocol.timepoints[protocol.first_dose].epoch)
    begun = (
        seen.group_by("subject", "EPOCH", maintain_order=True)
        .agg(_begun=pl.col("SVSTDTC").min().str.slice(0, 10).str.to_date("%Y-%m-%d"))
        .join(first, on="subject", how="left")
        .with_columns(_begun=pl.when(pl.col("EPOCH") == dosing).then("_first").otherwise("_begun"))
    )
    always = begun.select("subject").unique(maintain_order=True)
    always = always.with_columns(EPOCH=pl.lit(next(iter(ranks))), _begun=pl.lit(date.min))
    begun = pl.concat(
        [always, begun.filter(pl.col("EPOCH") != next(iter(ranks))).select("subject", "EPOCH", "_begun")]
    )
    rank = pl.col("EPOCH").replace_strict(ranks, return_dtype=pl.Int64)
    return begun.drop_nulls("_begun").select("subject", "_begun", _rank=rank, _epoch="EPOCH")
