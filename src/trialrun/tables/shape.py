"""The shape of a domain that others made: what SDTM asks of it, and all that it has beside."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from trialrun.tables.schema import (
    CODES,
    OURS,
    SOURCE,
    Class,
    Column,
    Core,
    Domain,
    Kind,
    identifiers,
    standard,
)

# Datasets that no form fills, but that anyone's SDTM may bring. SDTMIG 3.4, sections 5, 7 and 8.
# Code: (label, class, required variables, the variables that together name a row).
OTHERS: dict[str, tuple[str, Class, tuple[str, ...], tuple[str, ...]]] = {
    "SE": (
        "Subject Elements",
        "special purpose",
        ("USUBJID", "ETCD", "SESTDTC"),
        ("USUBJID", "SESTDTC", "ETCD"),
    ),
    "TA": ("Trial Arms", "trial design", ("ARMCD", "ARM", "TAETORD", "ETCD"), ("ARMCD", "TAETORD")),
    "TE": ("Trial Elements", "trial design", ("ETCD", "ELEMENT", "TESTRL"), ("ETCD",)),
    "TV": ("Trial Visits", "trial design", ("VISITNUM", "TVSTRL"), ("VISITNUM", "ARMCD")),
    "TI": (
        "Trial Inclusion/Exclusion Criteria",
        "trial design",
        ("IETESTCD", "IETEST"),
        ("IETESTCD", "TIVERS"),
    ),
    "TS": ("Trial Summary", "trial design", ("TSSEQ", "TSPARMCD", "TSPARM"), ("TSPARMCD", "TSSEQ")),
    "CO": ("Comments", "special purpose", ("COSEQ", "COVAL"), ("USUBJID", "COSEQ")),
    "RELREC": (
        "Related Records",
        "relationship",
        ("RDOMAIN", "RELID"),
        ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELID"),
    ),
}
SUPPLEMENT = (("RDOMAIN", "USUBJID", "QNAM", "QLABEL", "QVAL"), ("USUBJID", "IDVAR", "IDVARVAL", "QNAM"))

# Variables that are numbers in SDTM 2.0, wherever they stand.
NUMBERS = re.compile(
    r"(..(STRESN|STNRLO|STNRHI|DOSE|DOSTOT|TPTNUM|(LLT|PT|HLT|HLGT|BDSY|SOC)CD)|VISITNUM|VISITDY|AGE|TAETORD)"
)
WHOLE = re.compile(r"(..(SEQ|DY|STDY|ENDY)|VISITDY)")

OBSERVED: dict[str, Class] = {"TESTCD": "findings", "TERM": "events", "TRT": "interventions"}


def recognised(code: str, table: pl.DataFrame) -> Domain:
    """The shape of a domain by its class. A code that is not known has the class of its topic variable."""
    kind = _class(code, table.columns)
    keys: tuple[str, ...]
    if code in CODES or kind in OBSERVED.values():
        asked = {column.name: column for column in (*identifiers(code), *standard(code, kind))}
        keys = {"DM": ("USUBJID",), "SV": ("USUBJID", "VISITNUM")}.get(code, ("USUBJID", f"{code}SEQ"))
    else:
        required, keys = SUPPLEMENT if code.startswith("SUPP") else OTHERS.get(code, ("", kind, (), ()))[2:]
        asked = {name: _guessed(name, None, "required") for name in ("STUDYID", *required)}
    there = [
        asked.get(name) or _guessed(name, table.schema[name]) for name in table.columns if name not in OURS
    ]
    missing = [
        column for name, column in asked.items() if column.core == "required" and name not in table.columns
    ]
    label = CODES[code][0] if code in CODES else OTHERS[code][0] if code in OTHERS else code
    return Domain(code, label, kind, (*there, *missing, *SOURCE), keys)


def _class(code: str, columns: Iterable[str]) -> Class:
    if code in CODES:
        return CODES[code][1]
    if code in OTHERS:
        return OTHERS[code][1]
    if code.startswith("SUPP"):
        return "relationship"
    return next((kind for topic, kind in OBSERVED.items() if f"{code}{topic}" in columns), "not known")


def _guessed(name: str, dtype: pl.DataType | None = None, core: Core = "permissible") -> Column:
    """A variable by the pattern of its name, or else by what it holds; a date is text in SDTM."""
    number = dtype is not None and dtype.is_numeric() and not name.endswith("DTC")
    kind: Kind = "integer" if WHOLE.fullmatch(name) else "text"
    if kind == "text" and (number or NUMBERS.fullmatch(name)):
        kind = "number"
    return Column(name, name, kind, core)


def ordered(codes: Iterable[str]) -> list[str]:
    """Domains in the order of CODES, then the datasets of OTHERS, then whatever else."""
    known = [*CODES, *OTHERS]
    return sorted(codes, key=lambda code: (known.index(code) if code in known else len(known), code))
