"""The organs of a response at visits: how many of those involved respond, or every state as it was seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from trialrun.analysis.arrays import Arrays, from_tables
from trialrun.analysis.endpoint import failed, response
from trialrun.analysis.estimate import Interval, NotEstimable
from trialrun.analysis.outputs.asked import Asked, percent
from trialrun.analysis.outputs.endpoints import only, rows_read
from trialrun.analysis.outputs.proportion import rounded
from trialrun.analysis.outputs.statement import Line, Stated, Value, patterns, words
from trialrun.analysis.proportion import interval
from trialrun.protocol import endpoint as defined
from trialrun.protocol.analysis import Organs
from trialrun.protocol.cell import Written
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text

SHARE = Written(
    format=words(
        "{x}/{n} ({percent:.1}%) [{lower:.1} to {upper:.1}]",
        "{x}/{n} ({percent:.1} %) [{lower:.1} à {upper:.1}]",
    ),
    none=words("–"),
)
EMPTY = words("")


@dataclass(frozen=True)
class Study:
    """What an analysis of organs needs: protocol, endpoint, arrays of the tables, the visits."""

    protocol: Protocol
    planned: defined.OrganResponse
    arrays: Arrays
    visits: tuple[str, ...]


def organs(asked: Asked, analysis: Organs) -> Iterator[Line]:
    """Organ by organ and visit by visit; with ``show: states`` by participant, visits as columns."""
    study = _study(asked, analysis)
    return (
        _states(asked, analysis, study) if analysis.show == "states" else _responses(asked, analysis, study)
    )


def _study(asked: Asked, analysis: Organs) -> Study:
    protocol, path = asked.columns.protocol, (*asked.path, "organs")
    if protocol is None:
        hint = "Give the protocol together with the tables."
        return asked.columns.refuse(path, "an endpoint belongs to a study", hint)
    planned = protocol.study.endpoints[analysis.organs]
    if not isinstance(planned, defined.OrganResponse):
        return asked.columns.refuse(path, f"`{analysis.organs}` is no response of organs")
    for i, one in enumerate(analysis.at):
        if one not in protocol.timepoints:
            asked.columns.refuse((*asked.path, "at", i), f"the study has no visit `{one}`")
    arrays = asked.columns.shared("arrays", lambda: from_tables(protocol, dict(asked.columns.raw)))
    wanted = analysis.at or (planned.at, *planned.secondary_at)
    return Study(protocol, planned, arrays, tuple(one for one in arrays.points if one in wanted))


def organ_title(protocol: Protocol, name: str) -> Text:
    """The words of the item that an organ is recorded by."""
    items = (item for form in protocol.forms.values() for item in form.items.values())
    return next((item.ask for item in items if item.sdtm == name), words(name))


# ---- responses -----------------------------------------------------------------------------------


def _responses(asked: Asked, analysis: Organs, study: Study) -> Iterator[Line]:
    counts = {one.key: _counted(study, only(asked, study.arrays, one.key)) for one in asked.groups.list}
    bare = study.planned.model_copy(update={"organs": {}})
    base = rows_read(asked.columns, asked.path, asked.groups.members, study.protocol, bare)
    findings = _findings(asked, study)
    for i, organ in enumerate(study.planned.organs):
        title = organ_title(study.protocol, organ)
        for visit in study.visits:
            points = [*study.planned.baseline, visit]
            here = findings.filter((pl.col("organ") == organ) & pl.col("TIMEPT").is_in(points))
            rows = pl.concat([base, here.select(base.columns)])
            key = (organ, visit)
            cells = []
            for column in asked.groups.list:
                x, n, missing = counts[column.key][visit][i]
                cells.append(_cell(asked, analysis, column.key, (x, n, missing), rows, key))
            labels = (*_over(asked), title, study.protocol.timepoints[visit].label)
            yield Line((asked.name, *key), labels, tuple(cells), analysis.indent)


def _findings(asked: Asked, study: Study) -> pl.DataFrame:
    """Every row about an organ: ``organ`` (domain.test), ``TIMEPT``, ``_who``, ``_row``, ``USUBJID``."""
    found = []
    for domain in sorted({name.partition(".")[0] for name in study.planned.organs} & set(asked.columns.raw)):
        name = pl.concat_str(pl.lit(f"{domain}."), f"{domain}TESTCD").alias("organ")
        held = asked.columns.table(domain, asked.path)
        found.append(held.select(name, "TIMEPT", "_who", "_row", "USUBJID"))
    schema = {
        "organ": pl.String,
        "TIMEPT": pl.String,
        "_who": pl.UInt32,
        "_row": pl.UInt32,
        "USUBJID": pl.String,
    }
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def _over(asked: Asked) -> tuple[Text, ...]:
    return asked.title if asked.analysis.title is not None else ()


def _counted(study: Study, arrays: Arrays) -> dict[str, list[tuple[int, int, int]]]:
    """Visit -> of each organ: who respond, of whom it was involved and is due, of these not seen.

    Rescue or death by the visit, and an organ that was not seen, are no response, as for the endpoint.
    """
    made = {}
    for visit in study.visits:
        found = response(study.protocol, arrays, study.planned, visit)
        out = failed(study.protocol, arrays, study.planned, visit)
        each = found.organs
        due = found.evaluable[..., np.newaxis] & each.involved
        responds = due & each.responds & each.seen & ~out[..., np.newaxis]
        missing = due & ~each.seen & ~out[..., np.newaxis]
        numbers = [part[0].sum(axis=0).tolist() for part in (responds, due, missing)]
        made[visit] = list(zip(*numbers, strict=True))
    return made


def _cell(
    asked: Asked,
    analysis: Organs,
    column: str,
    counts: tuple[int, int, int],
    rows: pl.DataFrame,
    key: tuple[str, str],
) -> Stated:
    x, n, missing = counts
    found = interval(x, n, level=analysis.level)
    ends: dict[str, Value] = (
        {"lower": found, "upper": found} if isinstance(found, NotEstimable) else _ends(found)
    )
    values: dict[str, Value] = {"x": float(x), "n": float(n), "percent": percent(x, n), **ends}
    values["missing"] = float(missing)
    pattern, _, none = patterns(analysis, asked.format("organs"), SHARE)
    sources = tuple(asked.groups.within(rows, column))
    parameters = {"endpoint": analysis.organs, "column": column, "line": list(key), "level": analysis.level}
    inputs = asked.columns.digest(sources)
    data = {"x": x, "n": n, "level": analysis.level}
    return Stated(column, values, pattern, "organs/1", asked.first, none, sources, inputs, parameters, data)


def _ends(found: Interval) -> dict[str, Value]:
    return {"lower": rounded(100 * found.lower), "upper": rounded(100 * found.upper)}


# ---- states --------------------------------------------------------------------------------------


def _states(asked: Asked, analysis: Organs, study: Study) -> Iterator[Line]:
    """A line for each member and organ; a cell holds the state at a visit and its meaning."""
    rows = {organ: _found(asked, organ) for organ in study.planned.organs}
    members = asked.groups.members.sort("USUBJID")["USUBJID"].to_list()
    for who in members:
        for organ, good in study.planned.organs.items():
            titles, found = _titles(study.protocol, organ), rows[organ].get(who, {})
            before = next((found[one][0] for one in study.planned.baseline if one in found), None)
            cells = []
            for visit in study.visits:
                state, number = found.get(visit, (None, None))
                values: dict[str, Value] = {
                    "state": state if state is not None else NotEstimable("not seen"),
                    "meaning": _meaning(study.planned, before, state, good),
                }
                cells.append(
                    Stated(
                        visit,
                        values,
                        titles.get(state or "", words(state or "")),
                        "organ_state/1",
                        "",
                        EMPTY,
                        () if number is None else (number,),
                        hashlib.sha256(f"{who}\n{state}".encode()).hexdigest(),
                        {"endpoint": analysis.organs, "who": who, "organ": organ, "visit": visit},
                    )
                )
            labels = (*_over(asked), words(who), organ_title(study.protocol, organ))
            yield Line((asked.name, who, organ), labels, tuple(cells), analysis.indent)


def _found(asked: Asked, organ: str) -> dict[str, dict[str, tuple[str, int]]]:
    """Participant -> visit -> the last state recorded there, and its row."""
    domain, _, test = organ.partition(".")
    if domain not in asked.columns.raw:
        return {}
    held = asked.columns.table(domain, asked.path)
    result = f"{domain}STRESC"
    some = held.filter((pl.col(f"{domain}TESTCD") == test) & pl.col(result).is_not_null())
    made: dict[str, dict[str, tuple[str, int]]] = {}
    for who, visit, state, row in some.sort("_row").select("USUBJID", "TIMEPT", result, "_row").iter_rows():
        made.setdefault(who, {})[visit] = (state, row)
    return made


def _meaning(
    planned: defined.OrganResponse, before: str | None, state: str | None, good: tuple[str, ...]
) -> str:
    """responds, no response, worse (or newly involved), not involved, not seen: of an organ at a visit."""
    if state is None:
        return "not seen"
    if state in planned.worse:
        return "worse"
    if before in planned.involved:
        return "responds" if state in good else "no response"
    return "worse" if before is not None and state in planned.involved else "not involved"


def _titles(protocol: Protocol, organ: str) -> Mapping[str, Text]:
    items = (item for form in protocol.forms.values() for item in form.items.values())
    return next((item.codes for item in items if item.sdtm == organ), {})
