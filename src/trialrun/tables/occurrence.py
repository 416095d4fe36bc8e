"""Events and interventions: one row per filled form, whatever the domain."""

from __future__ import annotations

import polars as pl

from trialrun.protocol.protocol import Dose, Protocol, Timepoint
from trialrun.tables import schema, term
from trialrun.tables.entry import RECORD, Entries, iso, sources
from trialrun.tables.schema import Domain

GIVEN = pl.col("EXOCCUR").eq_missing("Y")


def occurrences(known: Entries, domain: Domain) -> pl.DataFrame:
    """The rows of an events or interventions domain.

    Its topic and category are what the form names, or else the form's title; its start is the day the
    form names, or else when the form was filled.
    """
    code = domain.code
    topic = f"{code}TERM" if domain.kind == "events" else f"{code}TRT"
    values = known.of(code)
    said = pl.when(pl.col("variable") == topic).then("words").otherwise("value")
    rows = values.group_by(*RECORD, maintain_order=True).agg(
        pl.col("title", "order", "happened").first(),
        pl.col("value").is_not_null().any().alias("_filled"),
        *(said.filter(pl.col("variable") == name).first().alias(name) for name in _variables(values)),
        SRC=sources(),
    )
    rows = rows.filter("_filled").drop("_filled")
    otherwise = {topic: pl.col("title"), f"{code}CAT": pl.col("title"), f"{code}STDTC": iso("happened")}
    return rows.with_columns(
        _unless_asked(known.protocol, rows, code, name, value) for name, value in otherwise.items()
    )


def _unless_asked(protocol: Protocol, rows: pl.DataFrame, code: str, name: str, value: pl.Expr) -> pl.Expr:
    """What the form says, or `value` where the form does not ask: an unanswered question stays empty."""
    asking = [form for form, _, _, *names in schema.named(protocol) if names == [code, name]]
    answer = pl.col(name) if name in rows.columns else pl.lit(None, pl.String)
    return pl.when(pl.col("form").is_in(asking)).then(answer).otherwise(value).alias(name)


def _variables(values: pl.DataFrame) -> list[str]:
    return sorted(values["variable"].unique())


def exposure(known: Entries, domain: Domain) -> pl.DataFrame:
    """EX: a row per dose given or not given, beside what the plan says of it."""
    rows = occurrences(known, domain)
    absent = [
        pl.lit(None, pl.String).alias(name) for name in ("EXOCCUR", "EXDOSE") if name not in rows.columns
    ]
    rows = rows.with_columns(*absent)
    rows = _of_arms(known, rows)
    rows = rows.join(_plan(known.protocol), on=("point", "arm"), how="left", maintain_order="left")
    rows = rows.join(_reckoned(known), on=("subject", "point"), how="left", maintain_order="left")
    rows = rows.join(_settings(known), on=("subject", "point"), how="left", maintain_order="left")
    return rows.with_columns(
        EXTRT=pl.coalesce("substance", "EXTRT"),
        EXPDOSE=pl.coalesce("reckoned", "EXPDOSE"),
        EXDOSE=pl.when(GIVEN).then("EXDOSE"),
        EXSETTING=pl.coalesce("setting", "decided"),
        EXENDTC=pl.col("EXSTDTC"),
    )


def first_and_last(exposed: pl.DataFrame) -> pl.DataFrame:
    """subject, first_dose, last_dose (local date and time) of those who received a dose."""
    given = exposed.filter(GIVEN)
    return given.group_by("subject", maintain_order=True).agg(
        first_dose=pl.col("happened").min(), last_dose=pl.col("happened").max()
    )


def _of_arms(known: Entries, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the arm whose plan they follow: '' where all arms have the same dose."""
    differing = [point.id for point in known.protocol.doses if point.doses]
    given = (
        known.acts.filter(pl.col("act") == "include").group_by("subject").agg(arm=pl.col("outcome").last())
    )
    rows = rows.join(given, on="subject", how="left", maintain_order="left")
    return rows.with_columns(arm=pl.when(pl.col("point").is_in(differing)).then("arm").otherwise(pl.lit("")))


def _plan(protocol: Protocol) -> pl.DataFrame:
    """point, arm, substance, planned dose, unit, route and the setting that the plan fixes.

    A dose per kg or m² has no planned amount of its own: it is each participant's.
    """
    names = ("point", "arm", "substance", "EXPDOSE", "EXDOSU", "EXROUTE", "setting")
    rows = [
        _planned(protocol, point, arm, dose)
        for point in protocol.doses
        for arm in (protocol.arms if point.doses else ("",))
        if (dose := point.dose_of(arm)) is not None
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String) | {"EXPDOSE": pl.Float64}, orient="row")


def _reckoned(known: Entries) -> pl.DataFrame:
    """subject, point, reckoned: what a dose per kg or m² came to when it was recorded."""
    told = known.facts.values.filter(pl.col("planned").is_not_null())
    return told.group_by("subject", "point", maintain_order=True).agg(reckoned=pl.col("planned").first())


def _planned(protocol: Protocol, point: Timepoint, arm: str, dose: Dose) -> tuple[str | float | None, ...]:
    substance = protocol.study.treatment.substances[dose.substance]
    fixed = None if protocol.study.treatment.cycles[str(point.cycle)].setting_decision else point.setting
    unit, route = term.dose_unit(dose.unit), term.capitals(substance.route)
    amount = None if dose.per else dose.amount
    return point.id, arm, term.capitals(dose.substance), amount, unit, route, fixed


def _settings(known: Entries) -> pl.DataFrame:
    """subject, point, decided: the setting that a decision gave to the doses of later courses."""
    protocol = known.protocol
    rows = [
        (point.id, decision, outcome, said.setting or outcome)
        for point in protocol.doses
        if point.cycle and (decision := protocol.study.treatment.cycles[point.cycle].setting_decision)
        for outcome, said in protocol.decisions[decision].outcomes.items()
        if said.effect == "continue"
    ]
    names = ("dose_point", "name", "outcome", "decided")
    meaning = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    decided = known.acts.filter(pl.col("act") == "decide").join(meaning, on=("name", "outcome"), how="inner")
    # A decision that was held and made again: the last one counts.
    last = decided.sort("happened", "dose_point", "decided").group_by(
        "subject", "dose_point", maintain_order=True
    )
    return last.agg(pl.col("decided").last()).rename({"dose_point": "point"})
