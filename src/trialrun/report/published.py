"""The published trial beside this one: each of its results, ours, and whether the model was fitted to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.report.comparison import title
from trialrun.report.estimate import change_of, missing
from trialrun.report.figures.figure import Rows
from trialrun.report.language import Language
from trialrun.report.participants import event_words
from trialrun.report.section import unit

Found = Mapping[str, Any]


def published(protocol: Protocol, results: Found, language: Language) -> Rows | None:
    """Published results, and ours where an endpoint is their counterpart."""
    there = protocol.sources.published
    if there is None:
        return None
    code = language.code
    ours = [_ours(protocol, row, results, language) for row in there.results]
    notes = [_note(row, results["virtual"], language) for row in there.results]
    body = tuple(
        (row.about(code), row.value(code), mine, note)
        for row, mine, note in zip(there.results, ours, notes, strict=True)
    )
    head = ("published.result", "published.there", "published.here", "published.note")
    return Rows(tuple(language(word) for word in head), body)


def _note(row: Any, virtual: bool, language: Language) -> str:
    """The study's note, and for virtual participants whether their model was fitted to this result."""
    own = [row.note(language.code)] if row.note else []
    fitted = [language("published.fitted" if row.fitted else "published.not.fitted")] if virtual else []
    return " ".join(own + fitted)


def _ours(protocol: Protocol, row: Any, results: Found, language: Language) -> str:
    found = results["endpoints"].get(row.endpoint)
    if found is None:
        return _beside(protocol, row.id, results, language)
    if "arms" in found:
        each = found["arms"].items()
        said = [
            f"{title(protocol, arm, language)}: {_of(protocol, row, part, language)}" for arm, part in each
        ]
        return "; ".join(said)
    return _of(protocol, row, found, language)


def _of(protocol: Protocol, row: Any, found: Found, language: Language) -> str:
    """What one group's endpoint says where the published result speaks of it."""
    if found["kind"] == "proportion_without_event":
        return _events(protocol, found, language)
    if found["kind"] == "organ_response":
        part = found["response"]
        return language("published.events", x=part["x"], n=part["n"])
    if "p" in (row.number or {}):
        return language("not.estimable") if missing(found["test"]) else language.p(found["test"]["p"])
    return _levels(found, language)


def _events(protocol: Protocol, found: Found, language: Language) -> str:
    """Each event that is itself what the endpoint is about; those of a composite strategy stay out."""
    n, lost = found["without_event"]["n"], found["lost_counted_as_events"]
    listed = []
    for name, each in found["by_event"].items():
        if each["composite"]:
            continue
        said = language("published.events", x=each["participants"], n=n)
        if each["not_adjudicated"]:
            waiting = language.plural("published.waiting", each["not_adjudicated"])
            said = f"{said} ({waiting})"
        listed.append(f"{event_words(protocol, name, language)}{language('colon')}{said}")
    return "; ".join(listed) + (language.plural("published.lost", lost) if lost else "")


def _beside(protocol: Protocol, name: str, results: Found, language: Language) -> str:
    """Ours for the results that every study has under the same name, whatever its endpoints."""
    if name == "serious_events":
        serious = results["safety"]["serious"]
        said = {
            "events": serious["events"],
            "x": serious["participants"],
            "n": results["safety"]["participants"],
        }
        return language("published.serious", **said)
    if name == "cumulative_dose":
        given = results["exposure"]
        groups = [given] if given else [arm["exposure"] for arm in results["arms"].values()]
        planned = dict.fromkeys(language.number(one["planned"]["cumulative"]) for one in groups)
        return f"{language.listed(list(planned))} {unit(protocol, language)}"
    return language("published.none")


def _levels(found: Found, language: Language) -> str:
    """Median at baseline and at the primary timepoint, and the change."""
    at = {each["point"]: each["median"] for each in found["timepoints"]}
    before, after = at.get("baseline"), at.get(found["at"])
    if missing(before) or missing(after) or before is None or after is None or missing(found["estimate"]):
        return language("not.estimable")
    levels = {"before": language.significant(before), "after": language.significant(after)}
    kind = "ratio" if found["scale"] == "log" else "linear"
    change = language(f"published.change.{kind}", value=change_of(found, found["estimate"], language))
    return f"{language('published.change', **levels)} ({change})"
