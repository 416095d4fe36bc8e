"""What the conduct of the trial leaves behind: visits, disposition, specimens, demographics."""

from __future__ import annotations

import polars as pl

from trialrun.protocol.protocol import Protocol
from trialrun.tables import term
from trialrun.tables.entry import Entries, by_source, iso, sources
from trialrun.tables.occurrence import GIVEN, occurrences
from trialrun.tables.schema import Domain


def visits(known: Entries) -> pl.DataFrame:
    """SV: a row per planned timepoint that took place, from the first to the last thing done for it.

    A timepoint took place if a value was found or something was done; a dose recorded as not given is
    no visit by itself.
    """
    recorded = known.protocol.study.recorded_on.injection
    filled = known.facts.values.filter(
        pl.col("point").is_not_null() & (pl.col("number").is_not_null() | pl.col("text").is_not_null())
    )
    withheld = filled.filter(
        (pl.col("form") == recorded) & (pl.col("item") == "given") & (pl.col("text") != "Y")
    )
    done = filled.join(withheld, on=("subject", "form", "point"), how="anti")
    acted = known.acts.filter(pl.col("point").is_not_null() & (pl.col("act") == "collect"))
    names = ("subject", "point", "happened", "source")
    seen = by_source(pl.concat([done.select(names), acted.select(names)]), "subject", "point")
    return seen.group_by("subject", "point", maintain_order=True).agg(
        SVSTDTC=iso("happened").min(), SVENDTC=iso("happened").max(), SRC=sources()
    )


def disposition(known: Entries, domain: Domain) -> pl.DataFrame:
    """DS: consent, inclusion, decisions, the end of treatment and of participation."""
    formed = _formed(known, occurrences(known, domain))
    return pl.concat([formed, _included(known), _decided(known), _stopped(known)], how="diagonal")


def _formed(known: Entries, rows: pl.DataFrame) -> pl.DataFrame:
    """What forms say: a yes/no that is yes is a milestone, a choice is how participation ended."""
    if "DSDECOD" not in rows.columns:
        return rows.clear()
    named = known.of("DS").filter(pl.col("variable") == "DSDECOD").filter(pl.col("value").is_not_null())
    named = named.select("subject", "form", "point", "row", "type", "label", "words")
    rows = rows.join(named, on=("subject", "form", "point", "row"), nulls_equal=True, maintain_order="left")
    milestone = pl.col("type") == "boolean"
    decod = pl.col("DSDECOD")
    return rows.filter(~milestone | (decod == "Y")).with_columns(
        DSTERM=pl.when(milestone).then("label").otherwise("words"),
        DSDECOD=pl.when(milestone)
        .then(pl.col("label").str.to_uppercase())
        .otherwise(decod.map_elements(term.ending, return_dtype=pl.String)),
        DSCAT=pl.when(milestone).then(pl.lit(term.MILESTONE)).otherwise(pl.lit(term.DISPOSITION)),
        DSSCAT=pl.when(~milestone).then(pl.lit(term.PARTICIPATION)),
    )


def _acted(known: Entries, act: str) -> pl.DataFrame:
    acts = known.acts.filter(pl.col("act") == act)
    return acts.with_columns(DSSTDTC=iso("happened"), SRC=pl.col("source")).drop("source", "by", "act")


def _included(known: Entries) -> pl.DataFrame:
    return _acted(known, "include").with_columns(
        DSTERM=pl.lit("Included"), DSDECOD=pl.lit(term.ENROLLED), DSCAT=pl.lit(term.MILESTONE)
    )


def _decided(known: Entries) -> pl.DataFrame:
    """A decision's outcome: the decision is the subcategory, the outcome the term."""
    rows = [
        (name, outcome, said.text("en"), term.capitals(name), term.capitals(outcome))
        for name, decision in known.protocol.decisions.items()
        for outcome, said in decision.outcomes.items()
    ]
    names = ("name", "outcome", "DSTERM", "DSSCAT", "DSDECOD")
    words = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    decided = _acted(known, "decide").with_columns(point=pl.coalesce("point", "name"))
    decided = decided.join(words, on=("name", "outcome"), how="left", maintain_order="left")
    return decided.with_columns(DSTERM=pl.coalesce("DSTERM", "outcome"), DSCAT=pl.lit(term.OTHER))


def _stopped(known: Entries) -> pl.DataFrame:
    """The end of the injections: the rule that ended them is the term."""
    said = {name: stop.text("en") for name, stop in known.protocol.study.stops.items()}
    said |= {name: decision.title("en") for name, decision in known.protocol.decisions.items()}
    # A rule may be named by its place in the study file: stops.flare, decisions.tolerance_C1.
    reason = pl.coalesce("name", pl.lit("other")).str.replace(r"^(stops|decisions)\.", "")
    return _acted(known, "stop").with_columns(
        DSTERM=reason.replace(said),
        DSDECOD=reason.str.replace_all("_", " ").str.to_uppercase(),
        DSCAT=pl.lit(term.DISPOSITION),
        DSSCAT=pl.lit(term.TREATMENT),
    )


def specimens(known: Entries) -> pl.DataFrame:
    """BE: a row per specimen collected."""
    titles = {name: specimen.title("en") for name, specimen in known.protocol.study.specimens.items()}
    return known.acts.filter(pl.col("act") == "collect").with_columns(
        BETERM=pl.col("name").replace(titles),
        BEDECOD=pl.lit(term.COLLECTING),
        BECAT=pl.lit(term.COLLECTION),
        BEREFID=pl.col("name"),
        BESTDTC=iso("happened"),
        SRC="source",
    )


def demographics(known: Entries, doses: pl.DataFrame, made: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """DM: a row per subject. `doses`: subject, first_dose, last_dose; `made`: rows of the other tables."""
    rows = known.subjects.select("subject", "SITEID", pl.col("SRC").alias("source"))
    deaths = _deaths(made["DS"], made.get("AE"))
    about = (_answers(known), doses, _milestones(known, made["DS"]), deaths, _last(made["SV"]), _arms(known))
    for extra in (*about, _received(known, made["EX"])):
        rows = rows.join(extra, on="subject", how="left", maintain_order="left")
    countries = {name: site.country for name, site in known.protocol.study.sites.items()}
    first, last = iso("first_dose"), iso("last_dose")
    rows = rows.with_columns(
        SUBJID="subject",
        RFSTDTC=first,
        RFXSTDTC=first,
        RFXENDTC=last,
        RFENDTC=pl.when(first.is_not_null()).then(pl.coalesce("RFPENDTC", "last_seen")),
        COUNTRY=pl.col("SITEID").replace_strict(countries, default=None, return_dtype=pl.String),
        SRC=pl.concat_str("source", "answered", separator=",", ignore_nulls=True),
    )
    return _with_arm(rows.drop("source"), known.protocol)


def _with_arm(rows: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    """The arm that inclusion gave, or the one that there is, and the one whose plan was followed; or why
    there is none."""
    planned, actual = (_named(protocol, name) for name in ("given_arm", "received_arm"))
    dosed = pl.col("first_dose").is_not_null()
    assigned = dosed | pl.col("included").is_not_null()
    failed = pl.col("ended").eq_missing(term.SCREEN_FAILURE)
    untreated = (
        pl.when(assigned)
        .then(pl.lit(term.NOT_TREATED))
        .otherwise(pl.when(failed).then(pl.lit(term.SCREEN_FAILURE)).otherwise(pl.lit(term.NOT_ASSIGNED)))
    )
    unplanned = dosed & actual[0].is_null()
    return rows.with_columns(
        ARM=pl.when(assigned).then(planned[0]),
        ARMCD=pl.when(assigned).then(planned[1]),
        ACTARM=pl.when(dosed).then(actual[0]),
        ACTARMCD=pl.when(dosed).then(actual[1]),
        ARMNRS=pl.when(~dosed).then(untreated).when(unplanned).then(pl.lit(term.UNPLANNED)),
        ACTARMUD=pl.when(unplanned).then("received"),
    )


def _named(protocol: Protocol, column: str) -> tuple[pl.Expr, pl.Expr]:
    """(title, code) of the arm in a column; of a study without any, of the one that there is."""
    if not protocol.arms:
        substances = protocol.study.treatment.substances
        words = " + ".join(s.name("en") for s in substances.values())
        return pl.lit(words, pl.String), pl.lit(term.capitals("+".join(substances))[:20], pl.String)
    titles = {name: each.title("en") for name, each in protocol.study.arms.items()}
    codes = {name: term.arm_code(name) for name in titles}
    title, code = (
        pl.col(column).replace_strict(each, default=None, return_dtype=pl.String) for each in (titles, codes)
    )
    return title, code


def _arms(known: Entries) -> pl.DataFrame:
    """subject, given_arm: the arm given on inclusion."""
    included = known.acts.filter(pl.col("act") == "include")
    return included.group_by("subject", maintain_order=True).agg(given_arm=pl.col("outcome").last())


def _received(known: Entries, exposed: pl.DataFrame) -> pl.DataFrame:
    """subject, received_arm, received (the courses that doses were given of, in words).

    The arm is the one whose plan has every dose that was given: their own if it has them, another if it is
    the only one that has; none where no plan has them all.
    """
    protocol = known.protocol
    courses = {p.id: protocol.study.treatment.cycles[str(p.cycle)].label for p in protocol.doses}
    plans = [(point.id, arm) for point in protocol.doses for arm in protocol.arms if point.of(arm)]
    plan = pl.DataFrame(plans, schema={"point": pl.String, "arm": pl.String}, orient="row")
    given = exposed.filter(GIVEN).sort("happened", maintain_order=True)
    given = given.select("subject", "point", course=pl.col("point").replace_strict(courses, default=None))
    words = given.group_by("subject", maintain_order=True).agg(
        received=pl.lit("Doses of ")
        + pl.col("course").drop_nulls().unique(maintain_order=True).str.join(", ")
    )
    followed = given.with_columns(doses=pl.len().over("subject")).join(plan, on="point")
    followed = followed.group_by("subject", "arm").agg(pl.col("doses").first(), kept=pl.len())
    followed = followed.filter(pl.col("doses") == pl.col("kept")).join(_arms(known), on="subject", how="left")
    own = pl.col("arm").eq_missing(pl.col("given_arm"))
    one = followed.filter(own | (pl.len() == 1).over("subject"))
    one = one.group_by("subject").agg(received_arm=pl.col("arm").sort_by(own, descending=True).first())
    return words.join(one, on="subject", how="left", maintain_order="left")


def _answers(known: Entries) -> pl.DataFrame:
    """subject, and what the forms say of it for DM."""
    values = known.of("DM")
    variables = sorted(values["variable"].unique())
    unit = pl.col("unit").filter(pl.col("variable") == "AGE").first().replace(term.AGES)
    return values.group_by("subject", maintain_order=True).agg(
        *(pl.col("value").filter(pl.col("variable") == name).first().alias(name) for name in variables),
        AGEU=unit,
        answered=sources(),
    )


def _milestones(known: Entries, disposed: pl.DataFrame) -> pl.DataFrame:
    """subject, RFICDTC, RFPENDTC, included, ended: from DS."""
    start, decod = pl.col("DSSTDTC"), pl.col("DSDECOD")
    participation = pl.col("DSSCAT").eq_missing(term.PARTICIPATION)
    consent = known.protocol.study.recorded_on.consent.partition(".")[0]
    return disposed.group_by("subject", maintain_order=True).agg(
        RFICDTC=start.filter(pl.col("form").eq_missing(consent)).min(),
        RFPENDTC=start.filter(participation).max(),
        included=start.filter(decod.eq_missing(term.ENROLLED)).min(),
        ended=decod.filter(participation).last(),
    )


def _deaths(disposed: pl.DataFrame, events: pl.DataFrame | None) -> pl.DataFrame:
    """subject, DTHFL, DTHDTC: from how participation ended and from fatal events."""
    ended = disposed.filter(pl.col("DSDECOD").eq_missing(term.DEATH)).select("subject", DTHDTC="DSSTDTC")
    deaths = [ended]
    if events is not None and {"AEOUT", "AEENDTC"} <= set(events.columns):
        fatal = pl.col("AEOUT").str.to_lowercase().is_in(term.FATAL)
        deaths.append(events.filter(fatal).select("subject", DTHDTC="AEENDTC"))
    dead = pl.concat(deaths).group_by("subject", maintain_order=True)
    return dead.agg(pl.col("DTHDTC").drop_nulls().first()).with_columns(DTHFL=pl.lit("Y"))


def _last(seen: pl.DataFrame) -> pl.DataFrame:
    return seen.group_by("subject", maintain_order=True).agg(last_seen=pl.col("SVENDTC").max())
