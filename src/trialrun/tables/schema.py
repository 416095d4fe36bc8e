"""The shape of the tables: domains, columns, keys, after CDISC SDTM 2.0 and its guide SDTMIG 3.4.

A domain's columns follow from its class (findings, events, interventions); the few that need more
name it here. What a study's forms name beyond that (``sdtm: CE.CEMAJOR``) becomes a further column
or, in a findings domain, a test code. Three columns are ours and stand on every table:

- ``TIMEPT``: the planned timepoint's id in the study file (``C4.D5``); null for what happened at any time;
- ``SRC``: the entries or files that the row was made from, separated by commas;
- ``VIRTUAL``: ``Y`` for a virtual participant, ``N`` for a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from trialrun.protocol.form import Item
from trialrun.protocol.problem import nearest
from trialrun.protocol.protocol import Protocol

Core = Literal["required", "expected", "permissible"]
Role = Literal["identifier", "topic", "qualifier", "result", "timing", "source"]
Class = Literal[
    "special purpose", "interventions", "events", "findings", "trial design", "relationship", "not known"
]
Kind = Literal["text", "number", "integer"]

DTYPES: dict[Kind, type[pl.DataType]] = {"text": pl.String, "number": pl.Float64, "integer": pl.Int64}


@dataclass(frozen=True)
class Column:
    """One variable of a domain."""

    name: str
    label: str
    kind: Kind = "text"
    core: Core = "permissible"
    role: Role = "qualifier"

    @property
    def dtype(self) -> type[pl.DataType]:
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Domain:
    """One table: its class, columns in order, and the columns that together name a row."""

    code: str
    label: str
    kind: Class
    columns: tuple[Column, ...]
    keys: tuple[str, ...]

    @cached_property
    def schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)


# Code: (label, class). SDTMIG 3.4, sections 5 and 6.
CODES: dict[str, tuple[str, Class]] = {
    "DM": ("Demographics", "special purpose"),
    "SV": ("Subject Visits", "special purpose"),
    "EX": ("Exposure", "interventions"),
    "CM": ("Concomitant and Prior Medications", "interventions"),
    "PR": ("Procedures", "interventions"),
    "SU": ("Substance Use", "interventions"),
    "AE": ("Adverse Events", "events"),
    "BE": ("Biospecimen Events", "events"),
    "CE": ("Clinical Events", "events"),
    "DS": ("Disposition", "events"),
    "DV": ("Protocol Deviations", "events"),
    "HO": ("Healthcare Encounters", "events"),
    "MH": ("Medical History", "events"),
    "CP": ("Cell Phenotype Findings", "findings"),
    "DA": ("Product Accountability", "findings"),
    "DD": ("Death Details", "findings"),
    "EG": ("ECG Test Results", "findings"),
    "FA": ("Findings About Events or Interventions", "findings"),
    "FT": ("Functional Tests", "findings"),
    "GF": ("Genomics Findings", "findings"),
    "IS": ("Immunogenicity Specimen Assessments", "findings"),
    "LB": ("Laboratory Test Results", "findings"),
    "MB": ("Microbiology Specimen", "findings"),
    "MI": ("Microscopic Findings", "findings"),
    "MK": ("Musculoskeletal System Findings", "findings"),
    "NV": ("Nervous System Findings", "findings"),
    "OE": ("Ophthalmic Examinations", "findings"),
    "PC": ("Pharmacokinetics Concentrations", "findings"),
    "PE": ("Physical Examination", "findings"),
    "QS": ("Questionnaires", "findings"),
    "RE": ("Respiratory System Findings", "findings"),
    "RP": ("Reproductive System Findings", "findings"),
    "RS": ("Disease Response and Clinical Classification", "findings"),
    "SC": ("Subject Characteristics", "findings"),
    "TR": ("Tumor/Lesion Results", "findings"),
    "TU": ("Tumor/Lesion Identification", "findings"),
    "UR": ("Urinary System Findings", "findings"),
    "VS": ("Vital Signs", "findings"),
}

ALWAYS = ("DM", "SV", "EX", "DS")  # made from the conduct of the trial, whatever the forms name

SOURCE = (
    Column("TIMEPT", "Planned Timepoint Identifier", role="timing"),
    Column("SRC", "Source Entries", core="required", role="source"),
    Column("VIRTUAL", "Virtual Participant", core="required", role="source"),
)

OURS = tuple(column.name for column in SOURCE)


def identifiers(code: str) -> tuple[Column, ...]:
    """What every row of a domain begins with."""
    sequence = Column(f"{code}SEQ", "Sequence Number", "integer", "required", "identifier")
    return (
        Column("STUDYID", "Study Identifier", core="required", role="identifier"),
        Column("DOMAIN", "Domain Abbreviation", core="required", role="identifier"),
        Column("USUBJID", "Unique Subject Identifier", core="required", role="identifier"),
        *([] if code in ("DM", "SV") else [sequence]),
    )


VISIT = (
    # A number with decimals in SDTM: an unplanned visit lies between its neighbours (3.1).
    Column("VISITNUM", "Visit Number", "number", role="timing"),
    Column("VISIT", "Visit Name", role="timing"),
    Column("VISITDY", "Planned Study Day of Visit", "integer", role="timing"),
    Column("EPOCH", "Epoch", role="timing"),
)


def _span(code: str, start: Core) -> tuple[Column, ...]:
    return (
        Column(f"{code}STDTC", "Start Date/Time", core=start, role="timing"),
        Column(f"{code}ENDTC", "End Date/Time", role="timing"),
        Column(f"{code}STDY", "Study Day of Start", "integer", role="timing"),
        Column(f"{code}ENDY", "Study Day of End", "integer", role="timing"),
    )


def _findings(code: str) -> Iterator[Column]:
    if code == "FA":
        yield Column("FAOBJ", "Object of the Observation", core="required")
    yield Column(f"{code}TESTCD", "Test Short Name", core="required", role="topic")
    yield Column(f"{code}TEST", "Test Name", core="required")
    yield Column(f"{code}CAT", "Category", core="expected")
    yield Column(f"{code}ORRES", "Result in Original Units", core="expected", role="result")
    yield Column(f"{code}ORRESU", "Original Units", core="expected")
    yield Column(f"{code}STRESC", "Result in Standard Format", core="expected", role="result")
    yield Column(f"{code}STRESN", "Numeric Result in Standard Units", "number", "expected", "result")
    yield Column(f"{code}STRESU", "Standard Units", core="expected")
    yield Column(f"{code}STAT", "Completion Status")
    yield Column(f"{code}REASND", "Reason Not Done")
    yield Column(f"{code}BLFL", "Last Non-Missing Value before First Dose")
    yield from VISIT
    yield Column(f"{code}DTC", "Date/Time of Collection", core="expected", role="timing")
    yield Column(f"{code}DY", "Study Day of Collection", "integer", role="timing")


def _events(code: str) -> Iterator[Column]:
    yield Column(f"{code}TERM", "Reported Term", core="required", role="topic")
    yield Column(f"{code}DECOD", "Standardized Term", core="required" if code == "DS" else "permissible")
    yield Column(f"{code}CAT", "Category", core="expected")
    yield Column(f"{code}SCAT", "Subcategory")
    yield from VISIT
    yield from _span(code, "expected")


def _interventions(code: str) -> Iterator[Column]:
    yield Column(f"{code}TRT", "Treatment", core="required", role="topic")
    yield Column(f"{code}CAT", "Category", core="expected")
    yield Column(f"{code}SCAT", "Subcategory")
    yield Column(f"{code}OCCUR", "Occurrence")
    yield Column(f"{code}DOSE", "Dose", "number")
    yield Column(f"{code}DOSU", "Dose Units")
    yield Column(f"{code}ROUTE", "Route of Administration")
    yield from VISIT
    yield from _span(code, "expected")


def _demographics() -> Iterator[Column]:
    yield Column("SUBJID", "Subject Identifier for the Study", core="required", role="topic")
    yield Column("RFSTDTC", "Reference Start: First Dose", core="expected", role="timing")
    yield Column("RFENDTC", "Reference End: Last Participation", core="expected", role="timing")
    yield Column("RFXSTDTC", "First Dose", core="expected", role="timing")
    yield Column("RFXENDTC", "Last Dose", core="expected", role="timing")
    yield Column("RFICDTC", "Informed Consent", core="expected", role="timing")
    yield Column("RFPENDTC", "End of Participation", core="expected", role="timing")
    yield Column("DTHDTC", "Death", core="expected", role="timing")
    yield Column("DTHFL", "Subject Death Flag", core="expected")
    yield Column("SITEID", "Study Site Identifier", core="required")
    yield Column("AGE", "Age", "number", "expected")
    yield Column("AGEU", "Age Units", core="expected")
    yield Column("SEX", "Sex", core="expected")
    yield Column("ARMCD", "Planned Arm Code", core="expected")
    yield Column("ARM", "Description of Planned Arm", core="expected")
    yield Column("ACTARMCD", "Actual Arm Code", core="expected")
    yield Column("ACTARM", "Description of Actual Arm", core="expected")
    yield Column("ARMNRS", "Reason Arm and/or Actual Arm is Null", core="expected")
    yield Column("ACTARMUD", "Description of Unplanned Actual Arm", core="expected")
    yield Column("COUNTRY", "Country", core="required")


def _visits() -> Iterator[Column]:
    yield Column("VISITNUM", "Visit Number", "number", "required", "topic")
    yield from VISIT[1:]
    yield from _span("SV", "expected")


# What a domain has beyond its class, before its visit columns. EXPDOSE, EXSETTING and EXPLACE are ours.
MORE: dict[str, tuple[Column, ...]] = {
    "EX": (
        Column("EXPDOSE", "Planned Dose", "number", "expected"),
        Column("EXREASOC", "Reason for Occurrence Value"),
        Column("EXSETTING", "Setting Decided for the Course"),
        Column("EXPLACE", "Place of Administration"),
        Column("EXLOC", "Location of Dose Administration"),
    ),
    "AE": (
        Column("AESER", "Serious Event", core="expected"),
        Column("AEACN", "Action Taken with Study Treatment", core="expected"),
        Column("AEREL", "Causality", core="expected"),
        Column("AEOUT", "Outcome", core="expected"),
        Column("AETOXGR", "Standard Toxicity Grade", core="expected"),
    ),
    "CM": (Column("CMINDC", "Indication"),),
    "CP": (Column("CPXFN", "External File Path"),),
    "IS": (Column("ISXFN", "External File Path"),),
    "BE": (Column("BEREFID", "Specimen in the Study File", core="expected", role="identifier"),),
}

_BUILT = {"findings": _findings, "events": _events, "interventions": _interventions}


def standard(code: str, kind: Class | None = None) -> tuple[Column, ...]:
    """The domain's own columns, between the identifiers and the source; `kind` for a code not in CODES."""
    if code == "DM":
        return tuple(_demographics())
    if code == "SV":
        return tuple(_visits())
    columns = list(_BUILT[kind or CODES[code][1]](code))
    at = next(i for i, column in enumerate(columns) if column.name == "VISITNUM")
    return (*columns[:at], *MORE.get(code, ()), *columns[at:])


def _keys(code: str) -> tuple[str, ...]:
    kind = CODES[code][1]
    if code == "DM":
        return ("STUDYID", "USUBJID")
    if code == "SV":
        return ("STUDYID", "USUBJID", "TIMEPT")
    if code == "EX":
        return ("STUDYID", "USUBJID", "EXTRT", "TIMEPT", "EXSTDTC")
    if kind == "findings":
        return ("STUDYID", "USUBJID", f"{code}TESTCD", f"{code}CAT", "TIMEPT", f"{code}DTC")
    topic = f"{code}TERM" if kind == "events" else f"{code}TRT"
    return ("STUDYID", "USUBJID", topic, f"{code}CAT", f"{code}SCAT", "TIMEPT", f"{code}STDTC")


def named(protocol: Protocol) -> Iterator[tuple[str, str, Item, str, str]]:
    """Every item that goes into a table, in form order: form, item id, item, domain, variable or test."""
    for form, content in protocol.forms.items():
        for name, item in content.items.items():
            if item.sdtm:
                code, variable = item.sdtm.split(".")
                yield form, name, item, code, variable


def tests(protocol: Protocol, code: str) -> dict[str, list[tuple[str, str, Item]]]:
    """Test code -> (form, item id, item) that measure it, in one findings domain."""
    own = {column.name for column in standard(code)}
    found: dict[str, list[tuple[str, str, Item]]] = {}
    for form, name, item, domain, variable in named(protocol):
        if domain == code and variable not in own:
            found.setdefault(variable, []).append((form, name, item))
    return found


def label(item: Item) -> str:
    """What the item measures, in English: its `test`, or its question."""
    return item.test or item.ask("en")


def choices(item: Item) -> tuple[str, ...]:
    """The codes an answer may be: those of a choice, N and Y for yes/no; empty if anything may be."""
    return ("N", "Y") if item.type == "boolean" else tuple(item.codes)


def _extra(protocol: Protocol, code: str, known: set[str]) -> tuple[Column, ...]:
    """Columns that only this study's forms name."""
    if CODES[code][1] == "findings":
        return ()
    found: dict[str, Column] = {}
    for _, _, item, domain, variable in named(protocol):
        if domain == code and variable not in known:
            kind: Kind = "number" if item.type in ("number", "integer") else "text"
            found.setdefault(variable, Column(variable, label(item), kind))
    return tuple(found.values())


def domain(protocol: Protocol, code: str) -> Domain:
    """One table of this study. ValueError for a code that is not a domain known here."""
    if code not in CODES:
        places = ", ".join(f"{form}.{item}" for form, item, _, used, _ in named(protocol) if used == code)
        cure = nearest(code, CODES) or f"one of {', '.join(CODES)}"
        raise ValueError(f"forms.yaml ({places or 'no item'}): `{code}` is not a known domain; write {cure}")
    own = standard(code)
    extra = _extra(protocol, code, {column.name for column in own})
    before = [column for column in own if column.role != "timing"]
    timing = [column for column in own if column.role == "timing"]
    columns = own if not extra else (*before, *extra, *timing)
    return Domain(code, *CODES[code], (*identifiers(code), *columns, *SOURCE), _keys(code))


def domains(protocol: Protocol) -> dict[str, Domain]:
    """Every table of this study, in the order of CODES: those of its conduct and those its forms name."""
    used = {*ALWAYS, *(code for _, _, _, code, _ in named(protocol))}
    if protocol.study.specimens:
        used.add("BE")
    order = {code: place for place, code in enumerate(CODES)}
    return {code: domain(protocol, code) for code in sorted(used, key=lambda code: order.get(code, -1))}
