"""Whether a boundary will be reached if the trial goes on: by the participants still followed and to come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from trialrun.analysis.boundary import from_steps
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.asked import Asked
from trialrun.analysis.outputs.statement import Line, Stated, Value, plain, words
from trialrun.analysis.suspension import suspensions
from trialrun.protocol.analysis import Projection
from trialrun.protocol.problem import suggestion
from trialrun.protocol.text import Text

HEADS = {
    "n": words("Dosed", "Traités"),
    "events": words("With event", "Avec événement"),
    "pending": words("Still followed", "Encore suivis"),
    "more": words("Still to come", "À venir"),
    "reach": words("P(boundary reached)", "P(borne atteinte)"),
}
FORMATS = {"reach": words("{reach:.3<>}")}


def projection(asked: Asked, analysis: Projection) -> Iterator[Line]:
    """A line for each stated rate of the event, and one for the posterior."""
    protocol = asked.columns.protocol
    rules = protocol.study.suspensions if protocol is not None else {}
    if protocol is None or analysis.projection not in rules:
        hint = suggestion(analysis.projection, rules) or "Name a suspension of the study."
        asked.columns.refuse(
            (*asked.path, "projection"), f"there is no suspension `{analysis.projection}`", hint
        )
    raw = asked.columns.raw
    found = asked.columns.shared("suspensions", lambda: suspensions(protocol, raw))[analysis.projection]
    standing = found["standing"]
    n, events = standing.get("n", 0), standing.get("events", 0)
    dosed = raw["DM"].filter(raw["DM"]["RFXSTDTC"].is_not_null())
    pending = max(0, int(dosed["RFPENDTC"].is_null().sum()) - events)
    more = max(0, found["n_max"] - n)
    people = asked.groups.members
    behind = tuple(sorted(people.filter(people["RFXSTDTC"].is_not_null())["_row"].to_list()))
    known = {"n": n, "events": events, "pending": pending, "more": more}
    beliefs: dict[str, float | tuple[float, float]] = {f"{rate:g}": rate for rate in analysis.rates}
    beliefs["posterior"] = analysis.prior
    for name, belief in beliefs.items():
        if "not_estimable" in standing:
            reach: Value = NotEstimable(standing["not_estimable"])
        elif found["same"]:
            reach = NotEstimable("events of several kinds have no single rate")
        elif standing["reached"]:
            reach = 1.0
        else:
            boundary = from_steps([tuple(step) for step in found["steps"]], n + more)
            reach = float(f"{boundary.ahead(n, events, pending, belief):.8g}")
        yield Line((asked.name, name), (_title(belief),), _cells(known, reach, analysis, name, behind))


def _title(belief: float | tuple[float, float]) -> Text:
    if isinstance(belief, float):
        share = f"{100 * belief:g}"
        return words(f"True rate {share} %".replace(" %", "%"), f"Taux réel {share.replace('.', ',')} %")
    told = "; ".join(f"{one:g}" for one in belief)
    french = told.replace(".", ",").replace(";", " ;")
    return words(
        f"Rate as the data say, prior Beta({told})", f"Taux selon les données, a priori bêta({french})"
    )


def _cells(
    known: Mapping[str, int], reach: Value, analysis: Projection, line: str, behind: tuple[int, ...]
) -> tuple[Stated, ...]:
    inputs = hashlib.sha256(json.dumps(dict(known)).encode()).hexdigest()
    asked = {"suspension": analysis.projection, "prior": list(analysis.prior), "line": line}
    values: dict[str, Value] = {**{key: plain(float(one)) for key, one in known.items()}, "reach": reach}
    return tuple(
        Stated(
            key,
            {key: values[key]},
            FORMATS.get(key, words(f"{{{key}}}")),
            "projection/1",
            sources=behind,
            inputs=inputs,
            parameters={**asked, "column": key},
        )
        for key in HEADS
    )
