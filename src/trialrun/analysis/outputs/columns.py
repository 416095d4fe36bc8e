"""Tables as an outputs file sees them: typed columns, participant-level columns, rules, and row numbers.

Supplemental qualifiers stand beside their rows, and columns of participants beside the rows of any table.
In a rule a text column whose name ends in DTC is a date (a partial one is unknown), a grade (TOXGR) a number.
Every row of every table has a number of its own (``_row``), so that a result can name the rows behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NoReturn, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.analysis.outputs import due, vocabulary
from trialrun.protocol.cell import PARTICIPANTS
from trialrun.protocol.derived import Judged, View
from trialrun.protocol.grouping import Each
from trialrun.protocol.outputs import Outputs
from trialrun.protocol.problem import ProtocolError, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Rule, RuleError, Type, parse
from trialrun.protocol.rule_columns import evaluate
from trialrun.protocol.text import Text
from trialrun.tables.schema import domains

_T = TypeVar("_T")

Path = tuple[str | int, ...]
Tables = Mapping[str, pl.DataFrame]
Fact = str | float

ROWS: dict[str, Any] = {
    "row": pl.UInt32,  # its number among all rows of all tables
    "table": pl.String,
    "place": pl.UInt32,  # in its table, from 0
    "id": pl.String,  # AE/participant/sequence
    "SRC": pl.String,  # where it is from: entries of the journal, or a file and a row of it
}


class Columns:
    """The tables of a study, by name, with what an outputs file adds to them."""

    def __init__(
        self,
        tables: Tables,
        outputs: Outputs,
        protocol: Protocol | None = None,
        planned: Collection[str] | None = None,
        facts: Mapping[str, Fact] | None = None,
    ) -> None:
        self.outputs = outputs
        self.facts = dict(facts or {})
        self.planned = outputs.planned if planned is None else planned
        self.protocol = protocol
        self._shared: dict[str, Any] = {}
        self.raw = {name: _finite(table) for name, table in tables.items() if "USUBJID" in table.columns}
        if protocol is not None:
            absent = {code: one.empty() for code, one in domains(protocol).items() if code not in self.raw}
            self.raw |= due.tables(protocol, self.raw, self.facts.get(due.AS_OF)) | absent
        self.offsets: dict[str, int] = {}
        self.types: dict[str, dict[str, Type]] = {}
        self.sources: dict[str, pl.Series] = {}  # of derived columns of participants: lists of row numbers
        self._made: dict[str, pl.DataFrame] = {}
        self._texts: dict[str, list[str]] = {}
        self._rules: dict[tuple[str, str, str], Rule] = {}
        self._chosen: dict[tuple[str, str], tuple[pl.DataFrame, pl.DataFrame]] = {}
        self._behind: dict[tuple[str, ...], pl.Series] = {}
        total = 0
        for name in sorted(self.raw):
            self.offsets[name] = total
            total += self.raw[name].height
        self.people = self._people()
        from trialrun.analysis.outputs.derivation import (
            derive_participants,
        )  # here, as it needs these columns

        derive_participants(self)

    def shared(self, name: str, make: Callable[[], _T]) -> _T:
        """Something that several analyses need, made once."""
        if name not in self._shared:
            self._shared[name] = make()
        made: _T = self._shared[name]
        return made

    def refuse(self, path: Path, message: str, hint: str | None = None) -> NoReturn:
        raise ProtocolError([self.outputs.problem(path, message, hint, "output")])

    def _people(self) -> pl.DataFrame:
        """One row for each participant; ``_who`` numbers them."""
        name = self.outputs.file.participants
        if name not in self.raw:
            hint = suggestion(name, self.raw) or "Give the table that has one row for each participant."
            self.refuse(("participants",), f"there is no table `{name}` among those given", hint)
        table = self._numbered(name)
        if table["USUBJID"].is_duplicated().any():
            twice = table.filter(table["USUBJID"].is_duplicated())["USUBJID"][0]
            self.refuse(
                ("participants",),
                f"{name} has more than one row for participant {twice}",
                "Name a table that has one row for each.",
            )
        people = table.sort("USUBJID").with_columns(_who=pl.int_range(pl.len(), dtype=pl.UInt32))
        self.types[PARTICIPANTS] = types(people)
        return people

    def _numbered(self, name: str) -> pl.DataFrame:
        """A table with its row numbers and its supplemental qualifiers."""
        numbered = self.raw[name].with_columns(
            _row=pl.int_range(pl.len(), dtype=pl.UInt32) + self.offsets[name]
        )
        extra = self.raw.get(f"SUPP{name}")
        return numbered if extra is None else _supplemented(name, numbered, extra)

    # ---- tables --------------------------------------------------------------------------------

    def table(self, name: str, path: Path) -> pl.DataFrame:
        """A table with ``_row`` and ``_who``; of rows whose participant is known."""
        if name in (PARTICIPANTS, self.outputs.file.participants):
            return self.people
        if name not in self._made:
            view = self.outputs.file.tables.get(name)
            self._made[name] = self._given(name, path) if view is None else self._view(name, view)
        return self._made[name]

    def _given(self, name: str, path: Path) -> pl.DataFrame:
        if name not in self.raw:
            known = [*self.outputs.file.tables, *self.raw, PARTICIPANTS]
            self.refuse(path, f"there is no table `{name}` among those given", suggestion(name, known))
        who = self.people.select("USUBJID", "_who")
        made = self._numbered(name).join(who, on="USUBJID", how="inner", maintain_order="left")
        self.types[name] = types(made)
        return made

    def _view(self, name: str, view: View) -> pl.DataFrame:
        from trialrun.analysis.outputs.derivation import derive_rows
        from trialrun.analysis.outputs.wide import spread_rows

        path: Path = ("tables", name)
        self._made[name] = self.chosen(view.rows, view.where, (*path, "where"), (*path, "rows"))
        self.types[name] = dict(self.known(view.rows))
        if view.spread is not None:
            spread_rows(self, name, view, path)
        derive_rows(self, name, view, path)
        self._made[name] = _kept(self, name, view, path)
        return self._made[name]

    def put(self, name: str, column: pl.Series, kind: Type) -> None:
        """Add a column to a table."""
        if name == PARTICIPANTS:
            self.people = self.people.with_columns(column)
        else:
            self._made[name] = self._made[name].with_columns(column)
        self.types[name][column.name] = kind

    # ---- columns -------------------------------------------------------------------------------

    def known(self, name: str) -> dict[str, Type]:
        """The columns that a rule over the rows of a table may read, with their types."""
        people = self.types[PARTICIPANTS]
        if name in (PARTICIPANTS, self.outputs.file.participants):
            return people
        return people | self.types[name]

    def split(self, column: str, path: Path, default: str = PARTICIPANTS) -> tuple[str, str]:
        """(table, column) of a column as written; ProtocolError if there is none."""
        table, dot, name = column.rpartition(".")
        table = table if dot else default
        self.table(table, path)
        known = self.known(table)
        if name not in known:
            where = "the participants have" if table == PARTICIPANTS else f"{table} has"
            self.refuse(path, f"{where} no column `{name}`", suggestion(name, known))
        return table, name

    def titles(self, table: str, column: str, values: pl.Series | None = None) -> dict[str, Text]:
        """The words that the study has for the values of a column, in the order of the study."""
        if self.types.get(table, {}).get(column) == Type("boolean"):
            return dict(vocabulary.YES_NO)
        if self.protocol is None:
            return {}
        derived = self.outputs.file.derive.get(column)
        if isinstance(derived, Judged) and not derived.day:
            from trialrun.analysis.outputs.judged import STATES  # here, as it imports the whole engine

            return STATES[self.protocol.study.endpoints[derived.endpoint].kind]
        base = self.base(table)
        item = vocabulary.tests(self.protocol, base).get(column) if self.spread(table) else None
        return vocabulary.answers(item) if item else vocabulary.titles(self.protocol, base, column, values)

    def decimals(self, table: str, values: Mapping[str, str | None]) -> int:
        """The decimals with which the study asks for the test that is named among values; 0 if none is."""
        base = self.base(table)
        tests = self.shared(f"tests of {base}", lambda: vocabulary.tests(self.protocol, base))
        item = tests.get(values.get(f"{base}TESTCD") or "")
        return (item.decimals or 0) if item else 0

    def base(self, table: str) -> str:
        """The table that a view is made from; of the participants the one that they stand in."""
        if table == PARTICIPANTS:
            return self.outputs.file.participants
        while (view := self.outputs.file.tables.get(table)) is not None:
            table = view.rows
        return table

    def spread(self, table: str) -> bool:
        """Whether the tests of a view are its columns."""
        while (view := self.outputs.file.tables.get(table)) is not None:
            if view.spread is not None:
                return True
            table = view.rows
        return False

    def levels(
        self, table: str, column: str, how: Each, rows: pl.DataFrame, held: str | None = None
    ) -> dict[str, Text]:
        """The values of a column in order, with their words: by another column (``by``); else those titled;
        else as the study or a cut has them; then any other by the alphabet. ``held``: where they stand."""
        known = {code: Text((("en", code),)) for code in self.known(table)[column].codes}
        titles = {**known, **self.titles(table, column), **how.titles}
        name = held or column
        more = dict.fromkeys([name, how.by] if how.by else [name])
        frame = self.with_columns(table, rows, [column, *more]).select(list(more)).drop_nulls(name)
        found = frame.unique(name, keep="first", maintain_order=True) if frame.height else frame
        found = found.sort(how.by or name, name)
        present = [value_text(value) for value in found[name].to_list()]
        declared = [*how.titles] or [*known]
        order = (
            [*declared, *(one for one in titles if one in present), *present] if how.by is None else present
        )
        return {one: titles.get(one, Text((("en", one),))) for one in dict.fromkeys(order)}

    def with_columns(self, name: str, rows: pl.DataFrame, needed: Iterable[str]) -> pl.DataFrame:
        """Rows of a table with the participants' columns that are needed and are not there."""
        held = {*rows.columns}
        more = [column for column in dict.fromkeys(needed) if column not in held]
        return rows.hstack(self.people[more][rows["_who"]]) if more else rows

    # ---- rules ---------------------------------------------------------------------------------

    def rule(self, name: str, text: str, path: Path, expect: Literal["boolean", "any"] = "boolean") -> Rule:
        """A rule over the rows of a table; ProtocolError with the place of every column that is not there."""
        self.table(name, path)
        key = (name, text, expect)
        if key not in self._rules:
            try:
                self._rules[key] = _rule(text, self.known(name), expect)
            except RuleError as error:
                raise ProtocolError(self.outputs.rule_problems(path, text, error)) from None
        return self._rules[key]

    def value(self, name: str, rows: pl.DataFrame, rule: Rule) -> pl.Series:
        """What a rule says of each of some rows of a table."""
        frame, known = self.with_columns(name, rows, rule.reads), self.known(name)
        meant = []
        for one in rule.reads:
            if (kind := known[one].kind) in _MEANT and frame[one].dtype == pl.String:
                meant.append(_MEANT[kind](pl.col(one)))
        return evaluate({"value": rule}, frame.with_columns(meant) if meant else frame)["value"]

    def chosen(self, name: str, text: str | None, path: Path, table_path: Path = ()) -> pl.DataFrame:
        """The rows of a table for which a rule is true; of those for which it is unknown, none."""
        rows = self.table(name, table_path or path)
        if text is None:
            return rows
        whole, some = self._chosen.get((name, text), (None, rows))
        if whole is not rows:  # or it has got further columns
            some = rows.filter(self.value(name, rows, self.rule(name, text, path)))
            self._chosen[name, text] = rows, some
        return some

    def reads(self, name: str, text: str | None, path: Path) -> frozenset[str]:
        return self.rule(name, text, path).reads if text is not None else frozenset()

    def reads_any(self, name: str, text: str, path: Path) -> frozenset[str]:
        return self.rule(name, text, path, "any").reads

    # ---- where rows come from ------------------------------------------------------------------

    def people_sources(self, columns: Iterable[str]) -> pl.Series:
        """Row numbers behind these columns of each participant: the participant's own row, and what
        derived columns were made from."""
        more = tuple(sorted({one for one in columns if one in self.sources}))
        if more not in self._behind:
            lists = [self.sources[one].alias(one) for one in more]
            frame = self.people.select("_row").with_columns(lists)
            self._behind[more] = frame.select(pl.concat_list("_row", *more).alias("_sources"))["_sources"]
        return self._behind[more]

    def digest(self, numbers: Iterable[int]) -> str:
        """SHA-256 of what rows hold, whatever their order and their sources are."""
        texts = [self._text_of(number) for number in set(numbers)]
        return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()

    def _text_of(self, number: int) -> str:
        name = next(one for one in reversed(self.offsets) if self.offsets[one] <= number)
        if name not in self._texts:
            held = self.raw[name].drop("SRC", due.CUT, strict=False)
            plain = [pl.col(one).cast(pl.String).fill_null("") for one in held.columns if _is_flat(held, one)]
            joined = held.select(pl.concat_str(pl.lit(name), *plain, separator="\x1f")).to_series()
            self._texts[name] = joined.to_list()
        return self._texts[name][number - self.offsets[name]]

    def rows_of(self, numbers: Sequence[int]) -> pl.DataFrame:
        """The rows of these numbers, in order, see `ROWS`."""
        wanted, found = np.unique(np.asarray(numbers, dtype=np.uint32)), []
        for name, first in self.offsets.items():
            low, high = np.searchsorted(wanted, [first, first + self.raw[name].height])
            if low < high:
                found.append(_identified(name, self.raw[name], wanted[low:high], wanted[low:high] - first))
        return pl.concat([pl.DataFrame(schema=ROWS), *found]).sort("row")


def _rule(text: str, known: Mapping[str, Type], expect: Literal["boolean", "any"]) -> Rule:
    """A rule, which every analysis of a study reads alike; RuleError with the nearest names."""
    try:
        return _read(text, tuple((name, kind) for name, kind in known.items() if name in text), expect)
    except RuleError:
        return parse(text, known, expect=expect)


@lru_cache(maxsize=2048)
def _read(text: str, known: tuple[tuple[str, Type], ...], expect: Literal["boolean", "any"]) -> Rule:
    return parse(text, dict(known), expect=expect)


_MEANT: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "date": lambda one: one.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
    "number": lambda one: one.cast(pl.Float64, strict=False),
}
"""What a rule reads in a column of texts, by its type."""


def value_text(value: object) -> str:
    """A value as the key of a line: numbers as people write them."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def types(table: pl.DataFrame) -> dict[str, Type]:
    """The types of a table's columns, as rules have them."""
    return {
        name: _type(name, dtype)
        for name, dtype in table.schema.items()
        if not name.startswith("_") and not isinstance(dtype, pl.List)
    }


def _type(name: str, dtype: pl.DataType) -> Type:
    if dtype == pl.Boolean:
        return Type("boolean")
    if dtype == pl.Date or (dtype == pl.String and name.endswith("DTC")):
        return Type("date")
    return Type("number" if dtype.is_numeric() or name.endswith("TOXGR") else "choice")


def _supplemented(name: str, table: pl.DataFrame, extra: pl.DataFrame) -> pl.DataFrame:
    """A table with a column for each supplemental qualifier, by participant or by sequence number."""
    sequence = f"{name}SEQ"
    known = extra.filter(pl.col("QNAM").is_not_null() & ~pl.col("QNAM").is_in(table.columns))
    whole = known.filter(pl.col("IDVAR").is_null())
    each = known.filter(pl.col("IDVAR") == sequence)
    if whole.height:
        wide = whole.pivot("QNAM", index="USUBJID", values="QVAL", aggregate_function="first")
        table = table.join(wide, on="USUBJID", how="left", maintain_order="left")
    if each.height and sequence in table.columns:
        place = pl.col("IDVARVAL").cast(pl.Float64, strict=False).cast(table.schema[sequence])
        wide = each.with_columns(place.alias(sequence)).pivot(
            "QNAM", index=["USUBJID", sequence], values="QVAL", aggregate_function="first"
        )
        table = table.join(wide, on=["USUBJID", sequence], how="left", maintain_order="left")
    return table


def _kept(columns: Columns, name: str, view: View, path: Path) -> pl.DataFrame:
    """One row of each group, where a view says which."""
    rows = columns._made[name]
    if view.keep is None:
        return rows
    for i, one in enumerate(view.each):
        columns.split(f"{name}.{one}", (*path, "each", i))
    if view.by is not None:
        columns.split(f"{name}.{view.by}", (*path, "by"))
        rows = rows.sort(view.by, "_row", nulls_last=view.keep == "first")
    some = columns.with_columns(name, rows, view.each)
    keys = ["_who", *view.each]
    return some.unique(keys, keep=view.keep, maintain_order=True).sort("_row")


def _is_flat(table: pl.DataFrame, name: str) -> bool:
    return not isinstance(table.schema[name], pl.List)


def _identified(
    name: str, table: pl.DataFrame, numbers: NDArray[np.uint32], places: NDArray[np.uint32]
) -> pl.DataFrame:
    """Rows at their places in a table, see `ROWS`."""
    sequence = next((one for one in (f"{name[:2]}SEQ", "ASEQ") if one in table.columns), None)
    parts = [pl.lit(name), pl.col("USUBJID")]
    if sequence and name != "DM":
        parts.append(pl.col(sequence).cast(pl.Int64, strict=False).cast(pl.String))
    elif name not in ("DM", "ADSL"):
        parts.append((pl.col("place") + 1).cast(pl.String))
    source = pl.col("SRC").cast(pl.String) if "SRC" in table.columns else pl.lit(None, pl.String)
    identity = pl.concat_str(parts, separator="/", ignore_nulls=True)
    named = [one for one in ("USUBJID", sequence, "SRC") if one in table.columns]
    held = table.select(named)[places].hstack([pl.Series("row", numbers), pl.Series("place", places)])
    return held.select("row", pl.lit(name).alias("table"), "place", id=identity, SRC=source)


def _finite(table: pl.DataFrame) -> pl.DataFrame:
    """A table whose numbers are numbers: NaN and the infinities are missing."""
    floats = [name for name, kind in table.schema.items() if kind.is_float()]
    return table.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in floats)
