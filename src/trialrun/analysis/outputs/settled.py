"""What a study adds to a planned output: the columns that an analysis brings along, and footnotes that say
the estimand, the conventions of numbers, and the windows of visits."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.analysis.outputs.statement import words
from trialrun.protocol.analysis import ListedColumn, Monitored, Organs, Summarised
from trialrun.protocol.output import Analysis, Output
from trialrun.protocol.outputs import Outputs
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text

EVENTS = {
    "death": words("death", "décès"),
    "stopping": words("treatment stopped", "arrêt du traitement"),
    "missed_doses": words("missed doses", "doses manquées"),
}
"""Intercurrent events that are no form of a study."""


def settled(output: Output, outputs: Outputs, protocol: Protocol | None) -> Output:
    """An output with all that is printed of it: nothing is left for the display to look up."""
    notes = [*output.footnotes]
    if protocol is not None:
        notes += [estimand(protocol, one) for one in output.estimands if one in protocol.study.endpoints]
    notes += conventions(output, outputs, protocol)
    rows = {name: _with_columns(row, protocol) for name, row in output.rows.items()}
    return output.model_copy(update={"rows": rows, "footnotes": tuple(notes)})


# ---- footnotes -----------------------------------------------------------------------------------


def estimand(protocol: Protocol, endpoint: str) -> Text:
    """The five attributes of ICH E9(R1) in one note."""
    said = protocol.study.endpoints[endpoint].estimand
    notes = []
    for code in ("en", "fr"):
        colon, comma = (" : ", " ; ") if code == "fr" else (": ", "; ")
        handled = ", ".join(
            f"{event_words(protocol, event)(code)} ({strategy_words(how)(code)})"
            for event, how in said.intercurrent.items()
        )
        four = [one(code) for one in (said.population, said.treatment, said.variable, said.summary)]
        names, values = NAMES[code], (*four[:3], handled, four[3])
        told = comma.join(f"{name}{colon}{value}" for name, value in zip(names[1:], values, strict=True))
        notes.append(f"{names[0]}{colon}{told}.")
    return words(*notes)


NAMES = {
    "en": ("Estimand", "population", "treatment", "variable", "intercurrent events", "summary"),
    "fr": ("Estimande", "population", "traitement", "variable", "événements intercurrents", "résumé"),
}


def event_words(protocol: Protocol, event: str) -> Text:
    """An intercurrent event in words: those of its form, else its name."""
    if event in protocol.forms:
        return protocol.forms[event].title
    return EVENTS.get(event, words(event.replace("_", " ")))


def strategy_words(how: Text) -> Text:
    """A strategy in both languages, where it is no more than its name."""
    usual = {"treatment policy": "politique de traitement", "while on treatment": "sous traitement"}
    return words(how("en"), usual[how("en")]) if how("fr") in usual else how


def conventions(output: Output, outputs: Outputs, protocol: Protocol | None) -> Iterator[Text]:
    """What the file says that every number obeys, where it matters."""
    said = outputs.file.conventions
    rows = list(output.rows.values())
    over_time = any(getattr(row, "trajectories", ()) for row in rows)
    summaries = over_time or any(isinstance(row, Summarised) for row in rows)
    by_visit = over_time or any("TIMEPT" in _each(row) or isinstance(row, Organs) for row in rows)
    if said.quantiles and said.rounding and summaries:
        yield words(
            "Quantiles by SAS definition 5; halves are rounded away from zero.",
            "Quantiles selon la définition 5 de SAS ; les demis sont arrondis loin de zéro.",
        )
    if said.visits and protocol is not None and by_visit:
        windows = visits(protocol)
        yield words(
            f"A value belongs to the visit it was recorded for; planned days and windows: {windows('en')}.",
            f"Une valeur appartient à la visite de sa saisie ; jours prévus et fenêtres : {windows('fr')}.",
        )


def _each(row: Analysis) -> tuple[str, ...]:
    return tuple(getattr(row, "each", ()))


def visits(protocol: Protocol) -> Text:
    """The visits that everyone has, with their day and window."""
    planned = protocol.study.visits
    points = [
        one for one in protocol.timepoints.values() if one.id in planned and planned[one.id].only is None
    ]
    said = []
    for code in ("en", "fr"):
        day = "jour" if code == "fr" else "day"
        found = (f"{one.label(code)} {day} {one.day:g} ({one.window.words(code)})" for one in points)
        said.append(", ".join(found))
    return words(*said)


# ---- columns -------------------------------------------------------------------------------------


def _with_columns(row: Analysis, protocol: Protocol | None) -> Analysis:
    """An analysis that has columns of its own, with those that the file does not say."""
    if isinstance(row, Monitored) and row.show == "participants" and not row.columns:
        return row.model_copy(update={"columns": _monitored(row)})
    if isinstance(row, Organs) and row.show == "states" and not row.columns and protocol is not None:
        points = {name: point.label for name, point in protocol.timepoints.items() if name in row.at}
        columns = {name: ListedColumn(title=label) for name, label in points.items()}
        return row.model_copy(update={"columns": columns})
    return row


def _monitored(row: Monitored) -> dict[str, ListedColumn]:
    titles = {
        "dosed": words("Dosed", "Traités"),
        "first": words("First dose", "Première dose"),
        "event": words("Event", "Événement"),
        "events": words("Events known", "Événements connus"),
        "limit": words("Suspends at", "Suspension à"),
    }
    if row.prior is not None and row.above is not None:
        share = f"{100 * row.above:.10g}"
        title = words(f"P(rate > {share}%)", f"P(taux > {share.replace('.', ',')} %)")
        titles["posterior"] = title
    titles["decision"] = words("Decision", "Décision")
    return {name: ListedColumn(title=title) for name, title in titles.items()}
