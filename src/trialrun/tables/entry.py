"""Facts made ready for the tables: checked, in one order, each value beside what its item says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from trialrun.protocol.plan import ANY_TIME
from trialrun.protocol.protocol import Protocol
from trialrun.tables import schema
from trialrun.tables.facts import ACTS, SUBJECTS, VALUES, Facts

RECORD = ("subject", "form", "point", "row")  # what one filled form is named by


class FactsError(ValueError):
    """The facts do not fit the protocol: what, where, how often."""


@dataclass(frozen=True)
class Entries:
    """The facts of a trial, sorted, with the words of the protocol beside them."""

    protocol: Protocol
    facts: Facts

    @cached_property
    def subjects(self) -> pl.DataFrame:
        """subject, USUBJID, SITEID, VIRTUAL, SRC."""
        study = self.protocol.id
        # A subject's number may carry its site already (PSL-001); the site is not said twice.
        number = pl.col("subject").str.strip_prefix(pl.col("site") + "-")
        return self.facts.subjects.select(
            "subject",
            USUBJID=pl.concat_str(pl.lit(study), "site", number, separator="-"),
            SITEID="site",
            VIRTUAL=pl.when("virtual").then(pl.lit("Y")).otherwise(pl.lit("N")),
            SRC="source",
        ).sort("USUBJID")

    @cached_property
    def values(self) -> pl.DataFrame:
        """The values of items that have an SDTM name, with ``order``, ``domain``, ``variable``, ``title``,
        ``label``, ``unit``, ``type``, the value as text (``value``) and in words (``words``)."""
        found = self.facts.values.join(_items(self.protocol), on=["form", "item"], how="inner")
        found = found.join(_words(self.protocol), on=["form", "item", "text"], how="left")
        value = _texts(found)
        return (
            found.with_columns(value=value)
            .with_columns(words=pl.coalesce("words", "value"))
            .filter(pl.col("value").is_not_null() | pl.col("missing").is_not_null())
            .pipe(by_source, "subject", "order", "point", "row")
        )

    @cached_property
    def acts(self) -> pl.DataFrame:
        return by_source(self.facts.acts, "subject", "happened", "act", "name", "point", "outcome")

    def of(self, *domains: str) -> pl.DataFrame:
        return self.values.filter(pl.col("domain").is_in(domains))


def entries(protocol: Protocol, facts: Facts) -> Entries:
    """The facts, once it is clear that they fit the protocol. FactsError lists all that does not."""
    if problems := list(_misshapen(facts)):
        raise FactsError("\n".join([*problems, "no table was made"]))
    planned = Facts(facts.subjects, _planned(facts.values), _planned(facts.acts))
    if problems := list(_misfits(protocol, planned)):
        raise FactsError("\n".join([*problems, "no table was made"]))
    return Entries(protocol, planned)


def _planned(frame: pl.DataFrame) -> pl.DataFrame:
    """What is done at any time has no planned timepoint."""
    return frame.with_columns(point=pl.when(pl.col("point") != ANY_TIME).then("point"))


def by_source(frame: pl.DataFrame, *first: str) -> pl.DataFrame:
    """Sorted by `first`, then in the order of the entries, so that the input's order never shows."""
    source = pl.col("source")
    number = source.str.extract(r"#(\d+)$").cast(pl.Int64)
    keyed = frame.with_columns(_chain=source.str.extract(r"^(.*)#"), _number=number)
    rest = [name for name in frame.columns if name not in first]
    return keyed.sort(*first, "_chain", "_number", *rest, nulls_last=True).drop("_chain", "_number")


def sources(column: str = "source") -> pl.Expr:
    """The distinct entries of a group, in order, separated by commas."""
    return pl.col(column).drop_nulls().unique(maintain_order=True).str.join(",")


def iso(column: str) -> pl.Expr:
    """A local date and time as ISO 8601, to the second."""
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S")


def _items(protocol: Protocol) -> pl.DataFrame:
    rows = [
        {
            "form": form,
            "item": name,
            "order": order,
            "domain": domain,
            "variable": variable,
            "title": protocol.forms[form].title("en"),
            "label": schema.label(item),
            "unit": None if item.unit == "none" else item.unit,
            "type": item.type,
            "decimals": 0 if item.type == "integer" else item.decimals,
        }
        for order, (form, name, item, domain, variable) in enumerate(schema.named(protocol))
    ]
    texts = dict.fromkeys(("form", "item", "domain", "variable", "title", "label", "unit", "type"), pl.String)
    return pl.DataFrame(rows, schema={**texts, "order": pl.Int64, "decimals": pl.Int64})


def _words(protocol: Protocol) -> pl.DataFrame:
    """The English words of every code."""
    rows = [
        (form, name, code, words("en"))
        for form, name, item, _, _ in schema.named(protocol)
        for code, words in item.codes.items()
    ]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("form", "item", "text", "words"), pl.String), orient="row"
    )


def _texts(values: pl.DataFrame) -> pl.Series:
    numbers, texts, decimals = (values[name].to_list() for name in ("number", "text", "decimals"))
    written = [
        text if number is None else _written(number, places)
        for number, text, places in zip(numbers, texts, decimals, strict=True)
    ]
    return pl.Series(written, dtype=pl.String)


def _written(number: float, decimals: int | None) -> str:
    """A number with its declared decimals, or with all its digits where that would lose some."""
    short = f"{number:.{decimals}f}" if decimals is not None else f"{number:g}"
    return short if float(short) == number else repr(number)


def _misshapen(facts: Facts) -> Iterator[str]:
    frames = (
        ("subjects", facts.subjects, SUBJECTS),
        ("values", facts.values, VALUES),
        ("acts", facts.acts, ACTS),
    )
    for name, frame, expected in frames:
        if frame.schema != expected:
            yield f"{name}: the columns are {dict(frame.schema)}, not {dict(expected)}"


def _misfits(protocol: Protocol, facts: Facts) -> Iterator[str]:
    forms = {(form, item) for form, content in protocol.forms.items() for item in content.items}
    known = pl.DataFrame(list(forms), schema={"form": pl.String, "item": pl.String}, orient="row")
    strangers = facts.values.join(known, on=["form", "item"], how="anti")
    yield from _told(strangers, ("form", "item"), "values: the protocol has no such item")
    for name, frame in (("values", facts.values), ("acts", facts.acts)):
        points = frame.filter(
            pl.col("point").is_not_null() & ~pl.col("point").is_in(list(protocol.timepoints))
        )
        yield from _told(points, ("point",), f"{name}: the protocol has no such timepoint")
        yield from _told(
            frame.join(facts.subjects, on="subject", how="anti"), ("subject",), f"{name}: no such subject"
        )
    twice = facts.values.filter(pl.struct(*RECORD, "item").is_duplicated())
    yield from _told(twice, (*RECORD, "item"), "values: the same item has more than one value")
    yield from _told(
        facts.subjects.filter(pl.col("subject").is_duplicated()), ("subject",), "subjects: named twice"
    )
    infinite = facts.values.filter(pl.col("number").is_nan() | pl.col("number").is_infinite())
    yield from _told(
        infinite, (*RECORD, "item"), "values: not a number; leave it empty and say why in `missing`"
    )


def _told(rows: pl.DataFrame, names: tuple[str, ...], what: str) -> Iterator[str]:
    """One line for rows that are wrong in the same way, with the first of them."""
    if rows.height:
        first = rows.sort(*names).row(0, named=True)
        where = ", ".join(f"{name} {first[name]}" for name in names if first[name] is not None)
        yield f"{what}: {where}" + (f" (and {rows.height - 1} more)" if rows.height > 1 else "")
