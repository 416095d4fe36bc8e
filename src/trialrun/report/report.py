"""The study report: one HTML file that needs nothing else, for the screen, the phone and paper."""

from __future__ import annotations

from typing import Any

from trialrun.analysis.arrays import Arrays, from_tables
from trialrun.analysis.log import Tables
from trialrun.protocol.endpoint import OrganResponse, PairedChange
from trialrun.protocol.protocol import Protocol
from trialrun.report import section
from trialrun.report.baseline import baseline
from trialrun.report.comparison import title
from trialrun.report.estimate import missing
from trialrun.report.figures.accrual import accrual
from trialrun.report.figures.boundary import boundary
from trialrun.report.figures.figure import Figure
from trialrun.report.figures.organs import organ_title, organs
from trialrun.report.figures.swimmer import swimmer
from trialrun.report.figures.trajectories import trajectories
from trialrun.report.language import Language
from trialrun.report.language import language as spoken
from trialrun.report.page import environment
from trialrun.report.participants import participants
from trialrun.report.published import published
from trialrun.report.statement import statements


def render(protocol: Protocol, tables: Tables, results: dict[str, Any], language: str = "en") -> str:
    """The report of one trial as HTML.

    ``results`` are those of ``analyse``; a ``seed`` among them is printed. ValueError for a language the
    report is not written in. The same input gives the same text.
    """
    words = spoken(language)
    arrays = from_tables(protocol, tables)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            protocol=protocol,
            study=protocol.study,
            results=results,
            tables=tables,
            section=section,
            published=published,
            t=words,
            lang=language,
            statements=statements(protocol, results, words),
            figures=_figures(protocol, tables, arrays, results, words),
            **_boundaries(protocol, results, words),
            organ_rows=_organ_rows(protocol, results, words),
            has_organs=any(isinstance(one, OrganResponse) for one in protocol.study.endpoints.values()),
            **_arms(protocol, results, words),
        )
    )


def _arms(protocol: Protocol, results: dict[str, Any], words: Language) -> dict[str, Any]:
    """What the report shows arm by arm; of a study without arms, one exposure without a title."""
    arms = [(title(protocol, arm, words), found) for arm, found in results.get("arms", {}).items()]
    return {
        "arms": arms,
        "exposures": [(name, found["exposure"]) for name, found in arms] or [("", results["exposure"])],
        "baseline": baseline(protocol, results["baseline"], words) if arms else None,
    }


def _figures(
    protocol: Protocol, tables: Tables, arrays: Arrays, results: dict[str, Any], words: Language
) -> dict[str, list[Figure]]:
    """Every figure by section; a section without anything to draw has none."""
    endpoints = protocol.study.endpoints
    drawn: dict[str, list[Figure]] = {"trajectories": [], "organs": [], "swimmer": [], "accrual": []}
    who = participants(protocol, tables)
    if who:
        changes = [name for name, each in endpoints.items() if isinstance(each, PairedChange)]
        responses = [name for name, each in endpoints.items() if isinstance(each, OrganResponse)]
        drawn["trajectories"] = [trajectories(protocol, arrays, name, words) for name in changes]
        drawn["organs"] = [organs(protocol, arrays, name, words) for name in responses]
        drawn["swimmer"] = [swimmer(protocol, who, words)]
    if results["accrual"]["included"]:
        drawn["accrual"] = [accrual(results["accrual"], words)]
    return drawn


def _boundaries(protocol: Protocol, results: dict[str, Any], words: Language) -> dict[str, Any]:
    """The suspension rules that are boundaries (more than one participant, any kind of event), drawn."""
    drawn = []
    for name, found in results["suspensions"].items():
        title = protocol.study.suspensions[name].text(words.code)
        stepped = len(found["steps"]) > 1 and not found["same"]
        if stepped and not missing(found["standing"]) and found["standing"]["n"]:
            drawn.append((found, boundary(name, title, found, words)))
    return {"boundaries": drawn}


def _organ_rows(protocol: Protocol, results: dict[str, Any], words: Language) -> list[tuple[str, list[Any]]]:
    """For each organ endpoint the label of its visit, and organ, involved, responding."""
    listed = []
    for name, found in results["endpoints"].items():
        endpoint = protocol.study.endpoints[name]
        if isinstance(endpoint, OrganResponse):
            rows = [
                (organ_title(protocol, organ, words), count["involved"], count["responding"])
                for organ, count in found["organs"].items()
                if count["involved"]
            ]
            listed.append((protocol.timepoints[endpoint.at].label(words.code), rows))
    return listed
