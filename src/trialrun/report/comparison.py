"""Arms side by side: an endpoint's estimate in each, the difference between them, and sentences about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trialrun.analysis.rounding import half_away
from trialrun.protocol.endpoint import Endpoint
from trialrun.protocol.protocol import Protocol
from trialrun.report.estimate import Found, adjusted, bare, change_of, interval, missing, plain
from trialrun.report.language import Language
from trialrun.report.participants import event_words

Written = tuple[str, str, str, Iterator[str]]
"""An estimate, its interval, its test, and sentences about it."""
CUSTOM = 0.05  # the level that readers take for granted where the study states none
TESTS = {"paired_change": "test.rank.sum"}  # by kind of endpoint; the others compare proportions


def arms(
    protocol: Protocol, each: Mapping[str, Written], language: Language
) -> Iterator[tuple[str, str, str]]:
    """Title, estimate and interval of every arm."""
    for arm, (estimate, within, _, _) in each.items():
        yield title(protocol, arm, language), estimate, within


def between(protocol: Protocol, found: Found, language: Language) -> str:
    """``Substance X minus Placebo``, where the study declares a comparison."""
    if "comparison" not in found:
        return ""
    first, second = (title(protocol, arm, language) for arm in found["comparison"]["arms"])
    return language("compare.of", first=first, second=second)


def title(protocol: Protocol, arm: str, language: Language) -> str:
    return protocol.study.arms[arm].title(language.code)


def comparison(
    protocol: Protocol, endpoint: Endpoint, found: Found, family: Any, language: Language
) -> Written:
    """The difference that the study declares; without one, nothing but the arms."""
    there = found.get("comparison")
    if there is None:
        sentences = _per_arm(protocol, found, language)
        return language("glance.by.arm"), "", language("glance.not.compared"), sentences
    sentences = _sentences(protocol, endpoint, found, family, language)
    if missing(there["estimate"]):
        return language("not.estimable"), language("interval.none"), _test(there, family, language), sentences
    estimate, written = _difference(there, language)
    return estimate, interval(there["interval"], written, language), _test(there, family, language), sentences


def _difference(there: Found, language: Language) -> tuple[str, Any]:
    """The difference as printed, and how its bounds are."""
    if "scale" in there:
        return change_of(there, there["estimate"], language), lambda x: plain(there, x, language)
    return language("glance.points", value=_points(there["estimate"], language)), lambda x: _points(
        x, language
    )


def _points(value: float, language: Language) -> str:
    """A difference of proportions in percentage points, with its sign."""
    points = half_away(value * 100, 1)
    return ("+" if points > 0 else "") + language.number(float(points), 1)


def _test(there: Found, family: Any, language: Language) -> str:
    if missing(there["test"]):
        return language("glance.not.compared")
    return adjusted(language.p(there["test"]["p"]), family, language)


# ---- in words ------------------------------------------------------------------------------------


def _sentences(
    protocol: Protocol, endpoint: Endpoint, found: Found, family: Any, language: Language
) -> Iterator[str]:
    there = found["comparison"]
    first, second = (title(protocol, arm, language) for arm in there["arms"])
    if missing(there["estimate"]):
        yield language("compare.none", first=first, second=second)
    else:
        kind = {"linear": "linear", "log": "ratio"}.get(there.get("scale", ""), "share")
        said = {"first": first, "second": second, "n": there["n"][0], "m": there["n"][1]}
        value, _ = _difference(there, language)
        if "scale" in there:
            value = plain(there, there["estimate"], language)
            said["at"] = protocol.timepoints[endpoint.at].label(language.code)  # type: ignore[union-attr]
        yield language(f"compare.{kind}", value=value, **said)
        yield _verdict(endpoint, there, family, language)
        minimum = there["test"].get("minimum_p", 0.0)
        if minimum > CUSTOM:
            yield language("compare.minimum", p=bare(minimum, language))
    yield from _per_arm(protocol, found, language)


def _verdict(endpoint: Endpoint, there: Found, family: Any, language: Language) -> str:
    if missing(there["test"]):
        n, m = there["n"]
        return language("compare.untested", n=n, m=m, at_least=there.get("at_least", 1))
    p = there["test"]["p"]
    said = {"p": language.p(p), "test": language(TESTS.get(endpoint.kind, "test.fisher"))}
    if family is None:
        return language("compare.yes.alone" if p <= CUSTOM else "compare.no.alone", **said)
    word = "compare.yes" if family["rejected"] else "compare.no"
    return language(word, **said, adjusted=language.p(family["adjusted"]))


def _per_arm(protocol: Protocol, found: Found, language: Language) -> Iterator[str]:
    """What is to be known of each arm's number: who rose and fell, who is missing, and how they count."""
    parts = found["arms"]
    if found["kind"] == "paired_change":
        said = [
            language("compare.rose", arm=title(protocol, arm, language), rose=part["rose"], fell=part["fell"])
            for arm, part in parts.items()
        ]
        yield language("compare.moved", listed=language("semicolon").join(said))
    if found["kind"] == "proportion_without_event":
        names = next(iter(parts.values()))["by_event"]
        events = [event_words(protocol, name, language) for name in names]
        yield language("compare.events", events=language.listed(events, "or"))
    for key in ("unpaired", "lost_counted_as_events", "missing", "nothing_involved", "pending"):
        counts = {arm: part[key] for arm, part in parts.items() if part.get(key)}
        if counts:
            listed = [f"{count} ({title(protocol, arm, language)})" for arm, count in counts.items()]
            yield language(f"compare.{key}", listed=", ".join(listed))
