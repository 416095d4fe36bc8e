"""Results at a glance: each endpoint's number, interval and test, and sentences that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trialrun.protocol.endpoint import Endpoint, PairedChange
from trialrun.protocol.protocol import Protocol
from trialrun.report.comparison import Written, arms, between, comparison
from trialrun.report.estimate import adjusted, bare, change_of, interval, level, missing, plain, share
from trialrun.report.language import Language
from trialrun.report.participants import event_words

Found = Mapping[str, Any]
CUSTOM = 0.05  # the level that readers take for granted where the study states none


@dataclass(frozen=True)
class Statement:
    """One endpoint as printed. Where there are arms, ``of`` says which two are compared, and ``arms`` are the
    title, estimate and interval of each."""

    name: str
    level: str
    title: str
    estimate: str
    interval: str
    test: str
    sentences: tuple[str, ...]
    of: str = ""
    arms: tuple[tuple[str, str, str], ...] = ()


def statements(protocol: Protocol, results: Found, language: Language) -> list[Statement]:
    """The endpoints, primary ones first, in the order of the study file."""
    endpoints = protocol.study.endpoints
    order = sorted(
        endpoints, key=lambda name: ("primary", "secondary", "exploratory").index(endpoints[name].level)
    )
    return [statement(protocol, results, name, language) for name in order]


def statement(protocol: Protocol, results: Found, name: str, language: Language) -> Statement:
    endpoint, found = protocol.study.endpoints[name], results["endpoints"][name]
    family = (results["multiplicity"] or {"endpoints": {}})["endpoints"].get(name)
    write = {
        "proportion_without_event": _without,
        "paired_change": _change,
        "organ_response": _response,
    }[endpoint.kind]
    if "arms" in found:
        each = {arm: write(protocol, endpoint, part, None, language) for arm, part in found["arms"].items()}
        estimate, within, test, sentences = comparison(protocol, endpoint, found, family, language)
    else:
        each = {}
        estimate, within, test, sentences = write(protocol, endpoint, found, family, language)
    return Statement(
        name=name,
        level=endpoint.level,
        title=endpoint.title(language.code),
        estimate=estimate,
        interval=within,
        test=test,
        sentences=tuple(sentences),
        of=between(protocol, found, language),
        arms=tuple(arms(protocol, each, language)),
    )


def _without(
    protocol: Protocol, endpoint: Endpoint, found: Found, family: Any, language: Language
) -> Written:
    return (
        *share(found["without_event"], language),
        language("glance.not.tested"),
        _without_words(protocol, found, language),
    )


def _without_words(protocol: Protocol, found: Found, language: Language) -> Iterator[str]:
    part = found["without_event"]
    events = {name: event_words(protocol, name, language) for name in found["by_event"]}
    if part["n"]:
        share = language.percent(part["x"], part["n"])
        said = language.listed(list(events.values()), "without.or")
        yield language("words.without", x=part["x"], n=part["n"], share=share, events=said)
        upper = found["event_rate_upper"]
        yield language(
            "words.without.upper", upper=language.share(upper["upper"]), level=level(upper, language)
        )
    yield from _counted("words.without.lost", found["lost_counted_as_events"], language)
    for name, each in found["by_event"].items():
        if each["not_adjudicated"]:
            count = each["not_adjudicated"]
            yield language("words.not.adjudicated", event=_sentence(events[name]), count=count)
    yield from _counted("words.pending", found["pending"], language)


def _sentence(words: str) -> str:
    """The same words at the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def _change(protocol: Protocol, endpoint: Endpoint, found: Found, family: Any, language: Language) -> Written:
    assert isinstance(endpoint, PairedChange)
    estimate = language("not.estimable")
    if not missing(found["estimate"]):
        estimate = change_of(found, found["estimate"], language)
    at = protocol.timepoints[endpoint.at].label(language.code)
    words = _change_words(found, family, at, language)
    return (
        estimate,
        interval(found["interval"], lambda x: plain(found, x, language), language),
        _test(found, family, language),
        words,
    )


def _test(found: Found, family: Any, language: Language) -> str:
    if missing(found["test"]):
        return language("glance.no.test", n=found["n"], at_least=found["at_least"])
    return adjusted(language.p(found["test"]["p"]), family, language)


def _change_words(found: Found, family: Any, at: str, language: Language) -> Iterator[str]:
    if missing(found["estimate"]):
        yield language("words.change.none", at=at)
    else:
        kind = "ratio" if found["scale"] == "log" else "linear"
        value = plain(found, found["estimate"], language)
        said = {"at": at, "value": value, "n": found["n"], "rose": found["rose"], "fell": found["fell"]}
        same = found["unchanged"]
        unchanged = language("words.change.unchanged", count=same) if same else ""
        yield language(f"words.change.{kind}", **said, unchanged=unchanged)
        yield _verdict(found, family, language)
        yield from _least(found, language)
    yield from _counted("words.change.unpaired", found["unpaired"], language)
    policy = found.get("treatment_policy")
    if policy and policy["n"] != found["n"] and not missing(policy["estimate"]):
        value = change_of(found, policy["estimate"], language)
        p = "" if missing(policy["test"]) else f", {language.p(policy['test']['p'])}"
        yield language("words.change.policy", value=value, n=policy["n"], p=p)


def _least(found: Found, language: Language) -> Iterator[str]:
    """Says so when the test could not have succeeded, whatever the size of the differences."""
    test = found["test"]
    if not missing(test) and test["minimum_p"] > CUSTOM:
        p = bare(test["minimum_p"], language)
        yield language.plural("words.change.minimum", test["nonzero"], p=p)


def _verdict(found: Found, family: Any, language: Language) -> str:
    if missing(found["test"]):
        return language("words.change.untested", n=found["n"], at_least=found["at_least"])
    p = language.p(found["test"]["p"])
    if family is None:
        return language(
            "words.change.yes.alone" if found["test"]["p"] <= CUSTOM else "words.change.no.alone", p=p
        )
    word = "words.change.yes" if family["rejected"] else "words.change.no"
    return language(word, p=p, adjusted=language.p(family["adjusted"]))


def _response(
    protocol: Protocol, endpoint: Endpoint, found: Found, family: Any, language: Language
) -> Written:
    return (
        *share(found["response"], language),
        language("glance.not.tested"),
        _response_words(protocol, found, language),
    )


def _response_words(protocol: Protocol, found: Found, language: Language) -> Iterator[str]:
    def label(point: str) -> str:
        return protocol.timepoints[point].label(language.code)

    part = found["response"]
    if part["n"]:
        share = language.percent(part["x"], part["n"])
        said = {"x": part["x"], "n": part["n"], "share": share, "at": label(found["at"])}
        yield language("words.response", **said, complete=found["complete"], partial=found["partial"])
    yield from _counted("words.response.missing", found["missing"], language)
    yield from _counted("words.response.none.involved", found["nothing_involved"], language)
    yield from _counted("words.pending", found["pending"], language)
    others = [
        language("words.response.visit", x=each["response"]["x"], n=each["response"]["n"], at=label(at))
        for at, each in found["visits"].items()
        if at != found["at"] and each["response"]["n"]
    ]
    if others:
        yield language("words.response.visits", listed=language.listed(others))


def _counted(key: str, count: int, language: Language) -> Iterator[str]:
    if count:
        yield language.plural(key, count)
