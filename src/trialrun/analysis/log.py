"""A study's log forms read back from the tables under their item names, and the rules that count them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from trialrun.analysis.estimate import NotEstimable
from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule_columns import expression
from trialrun.tables.term import capitals

Tables = Mapping[str, pl.DataFrame]
_TYPES = {"number": pl.Float64, "integer": pl.Float64, "boolean": pl.Boolean, "date": pl.Date}


def rows(protocol: Protocol, tables: Tables, form: str) -> pl.DataFrame:
    """The rows of one log: ``USUBJID``, ``day`` (study day of onset), ``on`` (date), ``until``, the items.

    Items have the type that rules expect; those without an SDTM name are not in the tables and not here.
    """
    content = protocol.forms[form]
    named = {name: item for name, item in content.items.items() if item.sdtm}
    code = content.domain
    table = tables.get(code, pl.DataFrame())
    if table.is_empty():
        return pl.DataFrame(schema=_schema(named))
    if f"{code}CAT" in table.columns and not _writes(named, f"{code}CAT"):
        table = table.filter(pl.col(f"{code}CAT") == content.title("en"))
    items = [_column(item).alias(name) for name, item in named.items() if _variable(item) in table.columns]
    when = (
        pl.col(f"{code}STDY").cast(pl.Float64).alias("day"),
        on_date(f"{code}STDTC").alias("on"),
        on_date(f"{code}ENDTC").alias("until"),
    )
    return table.select("USUBJID", *when, *items)


def counted(
    protocol: Protocol, tables: Tables, variable: str, last: pl.DataFrame | None = None
) -> pl.DataFrame | NotEstimable:
    """The log rows that a counting variable of the study counts, on all that is in the tables.

    ``last`` (USUBJID, ``seen``: the last date known of) ends events that have none yet. Not estimable
    where the variable is no count over a log, or reads what the tables do not hold.
    """
    defined = protocol.variables[variable]
    if defined.aggregate != "count" or defined.reads[0] not in protocol.logs:
        return NotEstimable(f"{variable} is not a count of events")
    found = _during(
        protocol, tables, _lasting(rows(protocol, tables, defined.reads[0]), last), defined.during
    )
    if found is None:
        return NotEstimable(f"{variable} counts in a period that the tables do not tell")
    if not defined.where:
        return found
    rule = protocol.rules[f"variables.{variable}"]
    absent = [name for name in rule.reads if name not in found.columns]
    if absent:
        return NotEstimable(f"{variable} reads {', '.join(absent)}")
    return found.filter(expression(rule).fill_null(False))


def _lasting(found: pl.DataFrame, last: pl.DataFrame | None) -> pl.DataFrame:
    """With how many days each event lasted, or has lasted."""
    end = pl.col("until")
    if last is not None:
        found = found.join(last, on="USUBJID", how="left", maintain_order="left")
        end = pl.coalesce("until", "seen")
    return found.with_columns(lasting=(end - pl.col("on")).dt.total_days().cast(pl.Float64))


def _during(
    protocol: Protocol, tables: Tables, found: pl.DataFrame, period: str | None
) -> pl.DataFrame | None:
    if period in (None, "study"):
        return found
    if period == "since first dose":
        return found.filter(pl.col("day") >= 1)
    if period != "courses":
        return None
    lengths = {f"{cycle}.D1": int(protocol.length(cycle)) for cycle in protocol.cycles}
    starts = tables["EX"].filter(pl.col("TIMEPT").is_in(list(lengths)) & (pl.col("EXDOSE") > 0))
    begun = starts.select(
        "USUBJID",
        begun=pl.col("EXSTDY").cast(pl.Float64),
        length=pl.col("TIMEPT").replace_strict(lengths, return_dtype=pl.Int64),
    )
    numbered = found.with_row_index("_row")
    inside = numbered.join(begun, on="USUBJID").filter(
        (pl.col("day") >= pl.col("begun")) & (pl.col("day") < pl.col("begun") + pl.col("length"))
    )
    return numbered.filter(pl.col("_row").is_in(inside["_row"].unique().to_list())).drop("_row")


def _variable(item: Item) -> str:
    return (item.sdtm or "").partition(".")[2]


def _writes(named: Mapping[str, Item], variable: str) -> bool:
    return any(_variable(item) == variable for item in named.values())


def _schema(named: Mapping[str, Item]) -> dict[str, type[pl.DataType]]:
    start: dict[str, type[pl.DataType]] = {"USUBJID": pl.String, "day": pl.Float64}
    return (
        start
        | {"on": pl.Date, "until": pl.Date}
        | {name: _TYPES.get(item.type, pl.String) for name, item in named.items()}
    )


def on_date(column: str) -> pl.Expr:
    """The calendar date of an ISO 8601 text; a partial date is unknown."""
    return pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _column(item: Item) -> pl.Expr:
    value = pl.col(_variable(item))
    if item.type == "boolean":
        return value.replace_strict({"Y": True, "N": False}, default=None, return_dtype=pl.Boolean)
    if item.type in ("number", "integer"):
        return value.cast(pl.Float64, strict=False)
    if item.type == "date":
        return on_date(_variable(item))
    if item.type == "choice":
        # A table may hold a code as the study writes it, in capitals, or in words.
        known = {words(lang): code for code, words in item.codes.items() for lang in words.languages}
        known |= {capitals(code): code for code in item.codes} | {code: code for code in item.codes}
        return value.replace_strict(known, default=None, return_dtype=pl.String)
    return value


def last_seen(tables: Tables) -> pl.DataFrame:
    """USUBJID and the last date known of (``seen``): the end of participation, else the last visit."""
    visits = tables["SV"].select("USUBJID", seen=on_date("SVSTDTC"))
    ends = tables["DM"].select("USUBJID", seen=on_date("RFPENDTC"))
    return pl.concat([visits, ends]).group_by("USUBJID").agg(pl.col("seen").max()).sort("USUBJID")
