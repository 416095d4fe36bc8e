"""The named arrays that endpoints read. They do not know whether people were real.

Every array has a leading trial axis: T trials of n participants over P timepoints. A real trial is
the case T = 1, built from the tables by `from_tables`; a simulation fills the fields directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trialrun.protocol.protocol import Protocol
from trialrun.tables import schema, term
from trialrun.tables.build import study_day

Tables = Mapping[str, pl.DataFrame]
Days = NDArray[np.float64]  # SDTM study days (1 = first dose, no day 0); NaN = unknown or not happened
Numbers = NDArray[np.float64]
Codes = NDArray[np.int8]  # position in `labels`; -1 = unknown
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Events:
    """What happened to each dosed participant from the first dose on; all arrays are (T, n).

    happened: at least one event counts. first: study day of the first one, NaN if none happened or
    if no day is known (`happened` tells them apart). count: how many count. An event of unknown day
    counts; one that adjudicators refused (--ADJUD) or that did not occur (--OCCUR) does not.
    """

    happened: Mask
    first: Days
    count: Counts


@dataclass(frozen=True, eq=False)
class Arrays:
    """One or many trials as arrays: T trials, n participants by USUBJID, P timepoints in order of the plan.

    subjects: (n,) names, for listings. points: (P,) timepoint ids ("C4.D5").
    present: (T, n) False for padding where trials differ in size; True for everyone screened.
    dosed: (T, n) received at least one injection. Study days are NaN for those who did not.
    doses: (T, n, P) amount given in the substance's unit; 0 = recorded as not given, NaN = not recorded
    or no dose planned there.
    days: (T, n, P) study day on which the timepoint took place: of the dose if one was given there, else of
    the last thing done for it (a laboratory may have come days ahead); NaN where it did not take place.
    last_day: (T, n) last study day on which the participant was seen or is known of.
    ended: (T, n) position in `endings` of how participation ended; -1 = not ended.
    endings: the DSDECOD terms ("COMPLETED", "LOST TO FOLLOW-UP", "WITHDRAWAL BY SUBJECT", "DEATH", …).
    numbers: name ("LB.ALT") -> values (T, n, P) and mask, True where observed (values are NaN elsewhere).
    categories: name ("FA.KIDNEY") -> codes (T, n, P) and mask, True where observed (codes are -1 elsewhere).
    labels: name -> its codes, in the order of the form ("absent", "active", …; "N", "Y" for yes/no).
    occurrences: form id of a log ("flare", "rescue", "ae", …) or "death" -> Events.
    arms: the study's arms; empty where it has one group without a name. arm: (T, n) position in `arms` of the
    arm each was allocated to; -1 = none.
    """

    subjects: tuple[str, ...]
    points: tuple[str, ...]
    present: Mask
    dosed: Mask
    doses: Numbers
    days: Days
    last_day: Days
    ended: Codes
    endings: tuple[str, ...]
    numbers: Mapping[str, tuple[Numbers, Mask]] = field(default_factory=dict)
    categories: Mapping[str, tuple[Codes, Mask]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    occurrences: Mapping[str, Events] = field(default_factory=dict)
    arms: tuple[str, ...] = ()
    arm: Codes = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int8))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, n, P)."""
        trials, participants, points = self.days.shape
        return trials, participants, points

    @property
    def attended(self) -> Mask:
        """(T, n, P) True where the timepoint took place."""
        return ~np.isnan(self.days)

    def point(self, name: str) -> int:
        """Position of a timepoint on the last axis."""
        return self.points.index(_known(name, self.points, "timepoint"))

    def parameter(self, name: str) -> tuple[Numbers, Mask]:
        """Values (T, n, P) of a measurement and the mask of those observed."""
        return self.numbers[_known(name, self.numbers, "measurement")]

    def states(self, name: str) -> tuple[Codes, Mask]:
        """Codes (T, n, P) of a categorical finding and the mask of those observed; see `among`."""
        return self.categories[_known(name, self.categories, "categorical finding")]

    def among(self, name: str, states: tuple[str, ...]) -> tuple[Mask, Mask]:
        """(T, n, P) True where the finding is one of `states` (unknown: False), and the mask of the known."""
        codes, mask = self.states(name)
        labels = self.labels[name]
        wanted = [labels.index(_known(state, labels, f"state of {name}")) for state in states]
        return np.isin(codes, wanted) & mask, mask

    def events(self, name: str) -> Events:
        """Events from the first dose on, by form id of the log ("flare") or "death"."""
        return self.occurrences[_known(name, self.occurrences, "event")]

    def only(self, arm: str) -> Arrays:
        """The same trials with nobody present but those of one arm."""
        place = self.arms.index(_known(arm, self.arms, "arm"))
        return replace(self, present=self.present & (self.arm == place))

    def ended_as(self, *terms: str) -> Mask:
        """(T, n) True where participation ended in one of these ways ("LOST TO FOLLOW-UP", "DEATH", …)."""
        wanted = [self.endings.index(_known(term, self.endings, "ending")) for term in terms]
        return np.isin(self.ended, wanted)


def _known(name: str, names: Mapping[str, object] | tuple[str, ...], what: str) -> str:
    """The name itself, or a KeyError that says which name was probably meant."""
    if name in names:
        return name
    near = get_close_matches(name, list(names), n=1)
    cure = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(names) or 'none'}"
    raise KeyError(f"no {what} `{name}`; {cure}")


def from_tables(protocol: Protocol, tables: Tables) -> Arrays:
    """The arrays of one trial (T = 1) from its tables. A domain that is not there holds nothing."""
    subjects = tuple(sorted(tables["DM"]["USUBJID"]))
    grid = _Grid(subjects, tuple(protocol.timepoints))
    given = grid.rows(tables.get("EX"), pl.col("EXOCCUR") == "Y")
    dosed = grid.anyone(given)
    deaths = grid.rows(_deaths(tables))
    ended, endings = _ended(protocol, grid, tables)
    numbers, categories, labels = _measured(protocol, grid, tables)
    return Arrays(
        subjects=subjects,
        points=grid.points,
        present=np.ones((1, len(subjects)), dtype=np.bool_),
        dosed=dosed,
        doses=_doses(grid, tables),
        days=_days(grid, tables, given),
        last_day=_last_day(grid, tables, given, deaths),
        ended=ended,
        endings=endings,
        numbers=numbers,
        categories=categories,
        labels=labels,
        occurrences={**_logged(protocol, grid, tables, dosed), "death": _events(grid, deaths, "DAY", dosed)},
        arms=protocol.arms,
        arm=_arm(protocol, grid, tables),
    )


class _Grid:
    """Where participants and timepoints stand in the arrays."""

    def __init__(self, subjects: tuple[str, ...], points: tuple[str, ...]) -> None:
        self.subjects = subjects
        self.points = points
        self.who = pl.DataFrame(
            {"USUBJID": subjects, "_who": range(len(subjects))}, schema_overrides={"USUBJID": pl.String}
        )
        self.where = pl.DataFrame({"TIMEPT": points, "_where": range(len(points))})

    def rows(self, table: pl.DataFrame | None, keep: pl.Expr | None = None) -> pl.DataFrame | None:
        """The rows that satisfy `keep`, with the participant's place; None if there is no table."""
        if table is None:
            return None
        chosen = table if keep is None else table.filter(keep)
        return chosen.join(self.who, on="USUBJID", how="inner", maintain_order="left")

    def planned(self, rows: pl.DataFrame | None) -> pl.DataFrame | None:
        """Only the rows at a timepoint, with its place; None if there is no table."""
        if rows is None:
            return None
        return rows.join(self.where, on="TIMEPT", how="inner", maintain_order="left")

    def anyone(self, rows: pl.DataFrame | None) -> Mask:
        found = np.zeros((1, len(self.subjects)), dtype=np.bool_)
        if rows is not None:
            found[0, rows["_who"].to_numpy()] = True
        return found

    def sheet(self, rows: pl.DataFrame | None, column: str) -> Numbers:
        """(1, n, P) the column at each participant and timepoint, of `planned` rows: of several the
        last, NaN for none."""
        values = np.full((1, len(self.subjects), len(self.points)), np.nan)
        if rows is not None:
            known = rows[column].is_not_null().to_numpy()
            who, where = (rows[one].to_numpy()[known] for one in ("_who", "_where"))
            values[0, who, where] = rows[column].cast(pl.Float64).to_numpy()[known]
        return values

    def each(self, rows: pl.DataFrame | None, value: pl.Expr) -> Numbers:
        """(1, n) one number per participant from its rows; NaN for none."""
        values = np.full((1, len(self.subjects)), np.nan)
        if rows is not None:
            found = rows.group_by("_who").agg(_value=value.cast(pl.Float64)).drop_nulls()
            values[0, found["_who"].to_numpy()] = found["_value"].to_numpy()
        return values


def _arm(protocol: Protocol, grid: _Grid, tables: Tables) -> Codes:
    """The arm of each, as allocated (ARMCD)."""
    codes = [term.arm_code(name) for name in protocol.arms]
    place = pl.col("ARMCD").replace_strict(codes, range(len(codes)), default=None, return_dtype=pl.Float64)
    found = grid.each(grid.rows(tables["DM"]) if codes else None, place.last())
    return np.where(np.isnan(found), -1, found).astype(np.int8)


def _doses(grid: _Grid, tables: Tables) -> Numbers:
    amount = pl.when(pl.col("EXOCCUR") == "N").then(0.0).otherwise("EXDOSE")
    rows = grid.planned(grid.rows(tables.get("EX")))
    return grid.sheet(None if rows is None else rows.with_columns(_amount=amount), "_amount")


def _days(grid: _Grid, tables: Tables, given: pl.DataFrame | None) -> Days:
    dose_day = grid.sheet(grid.planned(given), "EXSTDY")
    visit_day = grid.sheet(grid.planned(grid.rows(tables.get("SV"))), "SVENDY")
    return np.where(np.isnan(dose_day), visit_day, dose_day)


def _last_day(grid: _Grid, tables: Tables, given: pl.DataFrame | None, deaths: pl.DataFrame | None) -> Days:
    last = [
        grid.each(grid.rows(tables.get("SV")), pl.col("SVENDY").max()),
        grid.each(given, pl.col("EXSTDY").max()),
        grid.each(_participation(grid, tables), pl.col("DSSTDY").max()),
        grid.each(deaths, pl.col("DAY").max()),
    ]
    latest: Days = np.fmax.reduce(last)
    return latest


def _participation(grid: _Grid, tables: Tables) -> pl.DataFrame | None:
    return grid.rows(tables.get("DS"), pl.col("DSSCAT") == term.PARTICIPATION)


def _ended(protocol: Protocol, grid: _Grid, tables: Tables) -> tuple[Codes, tuple[str, ...]]:
    """How participation ended; the terms are the field's, then the study's own, then any other found."""
    rows = _participation(grid, tables)
    own = [
        term.ending(code)
        for _, _, item, *name in schema.named(protocol)
        if name == ["DS", "DSDECOD"]
        for code in item.codes
    ]
    found = [] if rows is None else sorted(rows["DSDECOD"].drop_nulls().unique())
    endings = tuple(dict.fromkeys([*term.ENDINGS.values(), *own, *found]))
    code = pl.col("DSDECOD").replace_strict(
        endings, range(len(endings)), default=None, return_dtype=pl.Float64
    )
    codes = grid.each(rows, code.last())
    return np.where(np.isnan(codes), -1, codes).astype(np.int8), endings


def _measured(
    protocol: Protocol, grid: _Grid, tables: Tables
) -> tuple[dict[str, tuple[Numbers, Mask]], dict[str, tuple[Codes, Mask]], dict[str, tuple[str, ...]]]:
    """Every finding that a form asks for at a timepoint: numbers, and codes with their labels."""
    numbers: dict[str, tuple[Numbers, Mask]] = {}
    categories: dict[str, tuple[Codes, Mask]] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for domain in schema.domains(protocol).values():
        if domain.kind != "findings":
            continue
        code = domain.code
        table = grid.planned(grid.rows(tables.get(code)))
        parts = (
            {}
            if table is None
            else table.sort(f"{code}DTC", maintain_order=True).partition_by(f"{code}TESTCD", as_dict=True)
        )
        for test, places in schema.tests(protocol, code).items():
            name, rows = f"{code}.{test}", parts.get((test,))
            items = [item for _, _, item in places]
            choices = tuple(dict.fromkeys(choice for item in items for choice in schema.choices(item)))
            if choices:
                labels[name] = choices
                categories[name] = _codes(grid, rows, f"{code}STRESC", choices)
            elif items[0].type in ("number", "integer"):
                values = grid.sheet(rows, f"{code}STRESN")
                numbers[name] = values, ~np.isnan(values)
    return numbers, categories, labels


def _codes(
    grid: _Grid, rows: pl.DataFrame | None, column: str, choices: tuple[str, ...]
) -> tuple[Codes, Mask]:
    code = pl.col(column).replace_strict(choices, range(len(choices)), default=None, return_dtype=pl.Float64)
    values = grid.sheet(None if rows is None else rows.with_columns(_code=code), "_code")
    mask = ~np.isnan(values)
    return np.where(mask, values, -1).astype(np.int8), mask


def _logged(protocol: Protocol, grid: _Grid, tables: Tables, dosed: Mask) -> dict[str, Events]:
    """The events of every log that becomes events or interventions."""
    found = {}
    for form in protocol.logs:
        codes = {code for name, _, _, code, _ in schema.named(protocol) if name == form}
        for code in sorted(code for code in codes if schema.CODES[code][1] in ("events", "interventions")):
            rows = grid.rows(tables.get(code), _of_form(protocol, form, code))
            found[form] = _events(grid, _counted(rows, code), f"{code}STDY", dosed)
    return found


def _of_form(protocol: Protocol, form: str, code: str) -> pl.Expr:
    """The rows of a form in its table: by category, which is the form's title unless the form asks."""
    category = pl.col(f"{code}CAT")
    asking = {name for name, _, _, *variable in schema.named(protocol) if variable == [code, f"{code}CAT"]}
    titles = {
        name: protocol.forms[name].title("en")
        for name, _, _, where, _ in schema.named(protocol)
        if where == code
    }
    if form not in asking:
        return category == titles[form]
    return ~category.is_in([title for name, title in titles.items() if name not in asking]).fill_null(False)


def _counted(rows: pl.DataFrame | None, code: str) -> pl.DataFrame | None:
    """Without the events that were refused or did not occur."""
    if rows is None:
        return None
    refusals = [name for name in (f"{code}ADJUD", f"{code}OCCUR") if name in rows.columns]
    return (
        rows.filter(pl.all_horizontal(pl.col(name).ne_missing("N") for name in refusals))
        if refusals
        else rows
    )


def _events(grid: _Grid, rows: pl.DataFrame | None, day: str, dosed: Mask) -> Events:
    since = None if rows is None else rows.filter((pl.col(day) >= 1) | pl.col(day).is_null())
    count = np.nan_to_num(grid.each(since, pl.len())).astype(np.int64) * dosed
    return Events(count > 0, grid.each(since, pl.col(day).min()), count)


def _deaths(tables: Tables) -> pl.DataFrame:
    """USUBJID and DAY (study day or null), one row per participant who died, from DM, DS and fatal events."""
    dm = tables["DM"]
    first = pl.col("RFSTDTC").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    told = [dm.filter(pl.col("DTHFL") == "Y").select("USUBJID", DAY=study_day(pl.col("DTHDTC"), first))]
    if (ds := tables.get("DS")) is not None:
        told.append(ds.filter(pl.col("DSDECOD") == term.DEATH).select("USUBJID", DAY="DSSTDY"))
    if (ae := tables.get("AE")) is not None:
        fatal = pl.col("AEOUT").str.to_lowercase().is_in(term.FATAL)
        told.append(ae.filter(fatal).select("USUBJID", DAY="AEENDY"))
    return pl.concat(told).group_by("USUBJID").agg(pl.col("DAY").min()).sort("USUBJID")
