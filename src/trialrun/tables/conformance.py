"""What SDTM asks of any table, whoever's study it is: the checks that need no protocol.

Each check looks at the columns that are there: which ones have to be is the first check's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from trialrun.tables import term
from trialrun.tables.build import study_day
from trialrun.tables.defect import Defect, tell
from trialrun.tables.schema import Domain

# ISO 8601, complete or cut off from the right, as SDTM allows: 2010, 2010-03, 2010-03-01, 2010-03-01T09:30.
ISO_8601 = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?)?)?$"


@dataclass(frozen=True)
class Look:
    """What the checks look at beside the table: the others, and the reference start of each participant.

    `first`: USUBJID and the day of RFSTDTC (`_first`), from DM; None if DM does not tell.
    """

    tables: Mapping[str, pl.DataFrame]
    first: pl.DataFrame | None
    study: str | None


def look(tables: Mapping[str, pl.DataFrame], study: str | None = None) -> Look:
    """`study`: its identifier, where it is known from elsewhere than DM."""
    subjects = tables.get("DM")
    if subjects is None or "USUBJID" not in subjects.columns:
        return Look(tables, None, study)
    if study is None and "STUDYID" in subjects.columns:
        named = subjects.drop_nulls("STUDYID").group_by("STUDYID").len()
        study = next(iter(named.sort("len", "STUDYID", descending=[True, False])["STUDYID"]), None)
    if "RFSTDTC" not in subjects.columns:
        return Look(tables, None, study)
    day = pl.col("RFSTDTC").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    first = subjects.select("USUBJID", _first=day).unique("USUBJID", keep="first", maintain_order=True)
    return Look(tables, first, study)


Check = Callable[[pl.DataFrame, Domain, Look], Iterator[Defect]]


def conform(table: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """Every defect of one table that can be told without its protocol."""
    rows = table.with_row_index("_row")
    for check in CHECKS:
        yield from check(rows, shape, beside)


def _required(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    for column in shape.columns:
        if column.core != "required":
            continue
        if column.name not in rows.columns:
            yield Defect(shape.code, None, column.name, None, None, "the column is missing")
            continue
        empty = pl.col(column.name).is_null()
        if column.kind == "text":
            empty = empty | (pl.col(column.name).str.strip_chars() == "")
        yield from tell(rows, shape.code, column.name, empty, "a value is required")


def _identified(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    code, subjects = shape.code, beside.tables.get("DM")
    wrong: dict[str, tuple[pl.Expr, str]] = {
        "STUDYID": (pl.col("STUDYID") != pl.lit(beside.study), f"the study is {beside.study}"),
        "DOMAIN": (pl.col("DOMAIN") != code, f"the domain is {code}"),
        "VIRTUAL": (~pl.col("VIRTUAL").is_in(term.YES_NO), "write Y or N"),
    }
    if code != "DM" and subjects is not None and "USUBJID" in subjects.columns:
        stranger = ~pl.col("USUBJID").is_in(subjects["USUBJID"].implode())
        wrong["USUBJID"] = (stranger, "no such participant in DM")
    for name, (bad, message) in wrong.items():
        if name in rows.columns:
            yield from tell(rows, code, name, bad, message)


def _unique(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    keys = [name for name in shape.keys if name in rows.columns]
    if keys and shape.keys[-1] in keys:
        named = ", ".join(name for name in keys if name != "STUDYID")
        twice = pl.struct(*keys).is_duplicated()
        yield from tell(rows, shape.code, keys[-1], twice, f"another row has the same {named}")
    sequence = f"{shape.code}SEQ"
    if {"USUBJID", sequence} <= set(rows.columns) and sequence not in shape.keys:
        again = pl.struct("USUBJID", sequence).is_duplicated()
        yield from tell(rows, shape.code, sequence, again, "another row of the participant has this number")


def _dates(rows: pl.DataFrame) -> list[str]:
    return [name for name in rows.columns if name.endswith("DTC") and rows.schema[name] == pl.String]


def _dated(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    for name in _dates(rows):
        wrong = ~pl.col(name).str.contains(ISO_8601) | (
            (pl.col(name).str.len_chars() >= 10)
            & pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_null()
        )
        yield from tell(rows, shape.code, name, wrong, "not an ISO 8601 date, e.g. 2010-03-01T09:30")


def _days(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """A study day must be what the date and the reference start in DM say."""
    if beside.first is None or "USUBJID" not in rows.columns:
        return
    rows = rows.join(beside.first, on="USUBJID", how="left", maintain_order="left")
    for when in _dates(rows):
        day = when.removesuffix("DTC") + "DY"
        if day in rows.columns:
            right = study_day(pl.col(when), pl.col("_first"))
            wrong = pl.col(day).ne_missing(right)
            yield from tell(rows, shape.code, day, wrong, f"does not agree with {when} and RFSTDTC in DM")


def _ordered(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    pairs = [(f"{shape.code}STDTC", f"{shape.code}ENDTC"), ("RFSTDTC", "RFENDTC"), ("RFXSTDTC", "RFXENDTC")]
    for start, end in pairs:
        if {start, end} <= set(_dates(rows)):
            yield from tell(rows, shape.code, end, before(pl.col(end), pl.col(start)), f"lies before {start}")


def before(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Whether one ISO 8601 date lies before another, compared only as precisely as both are known.

    Null if either is not known, or is no such date.
    """
    length = pl.min_horizontal(one.str.len_chars(), other.str.len_chars())
    earlier = one.str.slice(0, length) < other.str.slice(0, length)
    return pl.when(one.str.contains(ISO_8601) & other.str.contains(ISO_8601)).then(earlier)


def _termed(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """Variables whose answers every study has in common."""
    lists = {"FL": term.FLAG, "OCCUR": (*term.YES_NO, "U"), "PRESP": term.FLAG, "STAT": (term.NOT_DONE,)}
    for name in rows.columns:
        if name in ("AESER", *term.SERIOUS):
            allowed: tuple[str, ...] | None = term.YES_NO
        elif name == "SEX":
            allowed = term.SEXES
        else:
            allowed = next((terms for end, terms in lists.items() if name.endswith(end)), None)
        if allowed and rows.schema[name] == pl.String:
            wrong = ~pl.col(name).is_in(allowed)
            yield from tell(rows, shape.code, name, wrong, f"write {' or '.join(allowed)}")


def _resulted(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """Nothing is both done and not done; what is empty says why."""
    code = shape.code
    results = [name for name in (f"{code}ORRES", f"{code}STRESC") if name in rows.columns]
    if shape.kind != "findings" or not results:
        return
    done = pl.any_horizontal(pl.col(name).is_not_null() for name in results)
    status = f"{code}STAT"
    skipped = pl.col(status).eq_missing(term.NOT_DONE) if status in rows.columns else pl.lit(False)
    if status in rows.columns:
        yield from tell(rows, code, status, skipped & done, "not done, yet there is a result")
    message = "no result, and nothing says that it was not done"
    yield from tell(rows, code, results[-1], ~skipped & ~done, message)


def _numbered(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """A result in numbers is the result in text, as precisely as that is written; a test has one unit."""
    code = shape.code
    text, number, unit, test = (f"{code}{name}" for name in ("STRESC", "STRESN", "STRESU", "TESTCD"))
    if {text, number} <= set(rows.columns) and rows.schema[number].is_numeric():
        written = pl.col(text).cast(pl.Float64, strict=False)
        decimals = pl.col(text).str.extract(r"\.(\d*)").str.len_chars().fill_null(0)
        margin = 0.5 * pl.lit(10.0).pow(-decimals.cast(pl.Float64)) + 1e-9 * written.abs()
        wrong = (written - pl.col(number)).abs() > margin
        yield from tell(rows, code, number, wrong, f"is not the number in {text}")
    if {test, number, unit} <= set(rows.columns):
        # The same test on another material or by another method may well be told in another unit.
        of = [test, *(n for n in (f"{code}CAT", f"{code}SPEC", f"{code}METHOD") if n in rows.columns)]
        some = rows.filter(pl.col(number).is_not_null() & pl.col(unit).is_not_null())
        yield from _odd(some, code, of, unit, f"most rows of this {test} have another unit")


def _named(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """A code has one name."""
    pairs = ((f"{shape.code}TESTCD", f"{shape.code}TEST"), ("VISITNUM", "VISIT"), ("ETCD", "ELEMENT"))
    for code, name in (*pairs, ("ARMCD", "ARM"), ("ACTARMCD", "ACTARM")):
        if {code, name} <= set(rows.columns):
            some = rows.filter(pl.col(code).is_not_null() & pl.col(name).is_not_null())
            yield from _odd(some, shape.code, [code], name, f"most rows of this {code} have another {name}")


def _odd(rows: pl.DataFrame, code: str, of: list[str], column: str, message: str) -> Iterator[Defect]:
    """The rows whose value in `column` is another than the most frequent one of those that agree in `of`."""
    counted = rows.group_by(*of, column).len().sort("len", column, descending=[True, False])
    usual = counted.group_by(*of, maintain_order=True).agg(pl.col(column).first().alias("_usual"))
    rows = rows.join(usual, on=of, how="left", nulls_equal=True, maintain_order="left")
    yield from tell(rows, code, column, pl.col(column) != pl.col("_usual"), message)


def _dosed(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    if shape.code != "EX" or not {"EXOCCUR", "EXDOSE"} <= set(rows.columns):
        return
    given = pl.col("EXOCCUR") == "Y"
    yield from tell(rows, "EX", "EXDOSE", given & pl.col("EXDOSE").is_null(), "given, yet no dose")
    withheld = (pl.col("EXOCCUR") == "N") & (pl.col("EXDOSE") > 0)
    yield from tell(rows, "EX", "EXDOSE", withheld, "not given, yet a dose")


def _serious(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """An event is serious if and only if it meets a criterion of seriousness."""
    if shape.code != "AE" or "AESER" not in rows.columns:
        return
    not_serious = pl.col("AESER").ne_missing("Y")
    criteria = [name for name in term.SERIOUS if name in rows.columns]
    for name in criteria:
        yield from tell(
            rows, "AE", "AESER", not_serious & (pl.col(name) == "Y"), f"not serious, yet {name} is Y"
        )
    if "AEOUT" in rows.columns:
        fatal = pl.col("AEOUT").str.to_lowercase().is_in(term.FATAL)
        yield from tell(rows, "AE", "AESER", not_serious & fatal, "not serious, yet the outcome is fatal")
    if set(term.SERIOUS[:-1]) <= set(criteria):
        none = pl.all_horizontal(pl.col(name).ne_missing("Y") for name in criteria)
        yield from tell(rows, "AE", "AESER", ~not_serious & none, "serious, yet no criterion is met")


def _alive(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """Nothing begins after death, and every table that tells of a death agrees with DM."""
    subjects = beside.tables.get("DM", pl.DataFrame())
    if not {"USUBJID", "DTHFL", "DTHDTC"} <= set(subjects.columns) or "USUBJID" not in rows.columns:
        return
    deaths = subjects.select("USUBJID", _died="DTHFL", _death="DTHDTC").unique("USUBJID", maintain_order=True)
    rows = rows.join(deaths, on="USUBJID", how="left", maintain_order="left")
    code = shape.code
    if code == "DM":
        undated = pl.col("DTHDTC").is_not_null() & pl.col("DTHFL").ne_missing("Y")
        yield from tell(rows, code, "DTHFL", undated, "a date of death, yet no death")
    fatal = {"DS": ("DSDECOD", (term.DEATH.lower(),)), "AE": ("AEOUT", term.FATAL)}.get(code)
    if fatal and fatal[0] in rows.columns:
        said = pl.col(fatal[0]).str.to_lowercase().is_in(fatal[1]) & pl.col("_died").ne_missing("Y")
        yield from tell(rows, code, fatal[0], said, "DM does not say that the participant died")
    start = next((name for name in (f"{code}STDTC", f"{code}DTC") if name in _dates(rows)), None)
    if start and code not in ("DS", "DD"):
        late = before(pl.col("_death"), pl.col(start))
        yield from tell(rows, code, start, late, "lies after the participant's death")


def _armed(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """Every arm of DM is one of the trial's, where the trial's are told (TA)."""
    arms = beside.tables.get("TA", pl.DataFrame())
    if shape.code != "DM" or "ARMCD" not in arms.columns:
        return
    for name in ("ARMCD", "ACTARMCD"):
        if name in rows.columns:
            known = pl.col(name).is_in(arms["ARMCD"].implode())
            none = pl.col(name).str.to_uppercase().is_in(term.NO_ARM)
            yield from tell(rows, "DM", name, ~known & ~none, "no such arm in TA")


def _related(rows: pl.DataFrame, shape: Domain, beside: Look) -> Iterator[Defect]:
    """What points at a row of another table (SUPP--, RELREC, CO) points at one that is there."""
    if not {"RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL"} <= set(rows.columns):
        return
    pointing = rows.filter(pl.col("IDVAR").is_not_null() & pl.col("USUBJID").is_not_null())
    for (domain, variable), some in pointing.group_by("RDOMAIN", "IDVAR", maintain_order=True):
        parent = beside.tables.get(str(domain), pl.DataFrame())
        if {"USUBJID", str(variable)} <= set(parent.columns):
            numeric = parent.schema[str(variable)].is_numeric()
            value = pl.col("IDVARVAL").str.strip_chars()
            keyed = some.with_columns(_key=value.cast(pl.Float64, strict=False) if numeric else value)
            kind = pl.Float64 if numeric else pl.String
            there = parent.select("USUBJID", _key=pl.col(str(variable)).cast(kind))
            some = keyed.join(there, on=["USUBJID", "_key"], how="anti", maintain_order="left")
        yield from tell(some, shape.code, "IDVARVAL", pl.lit(True), f"no row of {domain} has this {variable}")


CHECKS: tuple[Check, ...] = (
    _required,
    _identified,
    _unique,
    _dated,
    _days,
    _ordered,
    _termed,
    _named,
    _resulted,
    _numbered,
    _dosed,
    _serious,
    _alive,
    _armed,
    _related,
)
