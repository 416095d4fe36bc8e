"""Tables of a trial of the reference study in which only what a test says has happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

import polars as pl

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.tables.build import build
from trialrun.tables.facts import ACTS, SUBJECTS, VALUES, Facts

ORGANS = ("PURPURA", "ULCER", "JOINTS", "NERVE", "KIDNEY", "GUT", "CNS")
EXAMINED = ("SCR", "C1.D1", "C2.D1", "C3.D1", "C4.D1", "W11", "W14", "W19", "W25", "W31", "W37")
START = date(2008, 3, 17)


@dataclass
class Person:
    """Who is dosed once, seen at every examination up to ``last``, and ends as said (None: goes on).

    ``organs``: visit -> organ -> state, absent where it is not said. ``score``: visit -> total score.
    """

    organs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    score: Mapping[str, float] = field(default_factory=dict)
    flares: Sequence[int | None] = ()
    last: int = 260
    ended: str | None = "COMPLETED"
    began: date = START

    def on(self, day: int) -> str:
        return (self.began + timedelta(days=day - (day > 0))).isoformat()


@cache
def protocol() -> Protocol:
    return load("vascu_il2")


@cache
def _empty() -> dict[str, pl.DataFrame]:
    nothing = (pl.DataFrame(schema=one) for one in (SUBJECTS, VALUES, ACTS))
    return build(protocol(), Facts(*nothing))


def tables(people: Sequence[Person]) -> dict[str, pl.DataFrame]:
    """The SDTM-shaped tables of these people, P01, P02 …"""
    rows: dict[str, list[dict[str, object]]] = {
        code: [] for code in ("DM", "EX", "SV", "DS", "FA", "RS", "CE")
    }
    for number, one in enumerate(people, start=1):
        who = {"USUBJID": f"P{number:02}"}
        first = one.on(1)
        dead = one.ended == "DEATH"
        rows["DM"].append({**who, "RFSTDTC": first, "RFXSTDTC": first, "DTHFL": "Y" if dead else None,
                           "DTHDTC": one.on(one.last) if dead else None})  # fmt: skip
        rows["EX"].append(
            {**who, "EXOCCUR": "Y", "EXDOSE": 1.5, "EXSTDY": 1, "EXSTDTC": first, "TIMEPT": "C1.D1"}
        )
        rows["DS"].append({**who, "DSDECOD": "ENROLLED", "DSSTDY": -7, "DSSTDTC": one.on(-7)})
        if one.ended is not None:
            ended = {"DSDECOD": one.ended, "DSSTDY": one.last, "DSSTDTC": one.on(one.last)}
            rows["DS"].append({**who, **ended, "DSSCAT": "STUDY PARTICIPATION"})
        for point in EXAMINED:
            day = int(protocol().timepoints[point].day)
            if day > one.last:
                continue
            at = {**who, "TIMEPT": point}
            rows["SV"].append({**at, "SVSTDY": day, "SVENDY": day, "SVSTDTC": one.on(day)})
            for organ in ORGANS:
                state = one.organs.get(point, {}).get(organ, "absent")
                found = {"FATESTCD": organ, "FASTRESC": state, "FADY": day, "FADTC": one.on(day)}
                rows["FA"].append({**at, **found})
            if point in one.score:
                found = {"RSTESTCD": "BVASTOT", "RSSTRESN": float(one.score[point]), "RSDY": day}
                rows["RS"].append({**at, **found, "RSDTC": one.on(day)})
        for day in one.flares:
            rows["CE"].append({**who, "CETERM": "flare", "CECAT": "Vasculitis flare", "CESTDY": day,
                               "CESTDTC": one.on(day) if day else None})  # fmt: skip
    return {code: _filled(table, rows.get(code, [])) for code, table in _empty().items()}


def _filled(table: pl.DataFrame, rows: list[dict[str, object]]) -> pl.DataFrame:
    schema = dict(table.schema)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
