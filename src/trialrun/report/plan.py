"""What was planned, as the study report tells it (ICH E3, sections 6 to 9): every word is the study's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trialrun.analysis.outputs.settled import event_words, strategy_words
from trialrun.protocol.element import Sourced
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text
from trialrun.report.display import Display, DisplayRow, Head, Shown
from trialrun.report.document import Block, Facts, Heading, Paragraph, Piece, Points
from trialrun.report.facts import courses, facts_of
from trialrun.report.language import Language

RANKS = ("primary", "secondary", "exploratory")


def chapters(protocol: Protocol, language: Language) -> Iterator[Block]:
    """Sections 5 to 9; what only people can write says so."""
    yield from left("5", 1, language)
    yield from _people(protocol, language)
    yield from _introduction(protocol, language)
    yield heading("9", 1, language)
    yield heading("9.1", 2, language)
    yield facts(facts_of(protocol, language))
    yield from _selection(protocol, language)
    yield from _treatment(protocol, language)
    yield from _variables(protocol, language)
    yield from left("9.6", 2, language)
    yield from _statistics(protocol, language)
    yield from left("9.8", 2, language)


def heading(number: str, level: int, language: Language) -> Heading:
    return Heading(language(f"e3.{number}"), level, number)


def left(number: str, level: int, language: Language) -> Iterator[Block]:
    """A section that no program can write."""
    yield heading(number, level, language)
    yield words(language("e3.left"), note=True)


def words(text: str, note: bool = False) -> Paragraph:
    return Paragraph((Shown(text),), note)


def points(items: Iterable[str]) -> Points:
    return Points(tuple((Shown(item),) for item in items))


def facts(rows: Iterable[tuple[str, str]]) -> Facts:
    said: list[tuple[str, tuple[Piece, ...]]] = [(term, (Shown(text),)) for term, text in rows if text]
    return Facts(tuple(said))


# ---- sections ------------------------------------------------------------------------------------


def _people(protocol: Protocol, language: Language) -> Iterator[Block]:
    study = protocol.study
    yield heading("6", 1, language)
    places = ", ".join(f"{site.name} ({site.city})" for site in study.sites.values())
    yield facts([(language("fact.sponsor"), study.sponsor), (language("fact.sites"), places)])


def _introduction(protocol: Protocol, language: Language) -> Iterator[Block]:
    study = protocol.study
    if study.background:
        yield heading("7", 1, language)
        told = study.background.values()
        yield points(f"{one.about}: {one.value}" if one.value else one.about for one in told)
    yield heading("8", 1, language)
    ranked = sorted(study.objectives.values(), key=lambda one: RANKS.index(one.level))
    yield facts((language(f"level.{one.level}"), one.text(language.code)) for one in ranked)


def _selection(protocol: Protocol, language: Language) -> Iterator[Block]:
    criteria = protocol.study.eligibility.values()
    yield heading("9.3", 2, language)
    yield heading("9.3.1", 3, language)
    yield points(one.text(language.code) for one in criteria if one.require)
    if any(one.exclude for one in criteria):
        yield heading("9.3.2", 3, language)
        yield points(one.text(language.code) for one in criteria if one.exclude)
    if protocol.study.stops:
        yield heading("9.3.3", 3, language)
        yield words(language("plan.stops"))
        yield points(one.text(language.code) for one in protocol.study.stops.values())


def _treatment(protocol: Protocol, language: Language) -> Iterator[Block]:
    study, code = protocol.study, language.code
    yield heading("9.4", 2, language)
    yield heading("9.4.1", 3, language)
    yield points(courses(protocol, language))
    before: dict[str, Mapping[str, Sourced]] = {
        "plan.before.course": study.before_course,
        "plan.before.dose": study.before_dose,
    }
    if any(before.values()):
        yield heading("9.4.5", 3, language)
        yield facts((language(key), _texts(rules, code)) for key, rules in before.items())
    if study.prohibited:
        yield heading("9.4.7", 3, language)
        yield points(one.what(code) for one in study.prohibited.values())


def _texts(rules: Mapping[str, Sourced], code: str) -> str:
    found = (getattr(one, "text", None) for one in rules.values())
    return "; ".join(text(code) for text in found if isinstance(text, Text))


def _variables(protocol: Protocol, language: Language) -> Iterator[Block]:
    endpoints = protocol.study.endpoints.values()
    yield heading("9.5", 2, language)
    ranked = sorted(endpoints, key=lambda one: RANKS.index(one.level))
    yield facts((language(f"level.{one.level}"), one.title(language.code)) for one in ranked)
    yield _visits(protocol, language)


def _visits(protocol: Protocol, language: Language) -> Display:
    """Every planned moment with its study day and window."""
    rows = []
    for point in protocol.timepoints.values():
        if point.planned and (point.course_day or 1) == 1:
            cells = (Shown(str(point.day)), Shown(point.window.words(language.code)))
            rows.append(DisplayRow((point.label(language.code),), cells))
    head = (Head("day", language("soa.day")), Head("window", language("soa.window")))
    title, stub = language("plan.visits"), (language("plan.visit"),)
    return Display(
        "visits", "table", title, "", stub, head, tuple(rows), (), language=language.code, planned=False
    )


def _statistics(protocol: Protocol, language: Language) -> Iterator[Block]:
    study, code = protocol.study, language.code
    yield heading("9.7", 2, language)
    yield heading("9.7.1", 3, language)
    yield words(language("plan.rounding"))
    sets = protocol.reported.file.sets.items()
    yield facts((f"{one.title(code)} ({key})", one.text(code) if one.text else "") for key, one in sets)
    if study.multiplicity:
        names = [study.endpoints[name].title(code) for name in study.multiplicity.over]
        alpha = language.number(study.multiplicity.alpha)
        yield words(language("plan.multiplicity", listed=language.listed(names), alpha=alpha))
    for name, endpoint in study.endpoints.items():
        yield Heading(language("plan.estimand", title=endpoint.title(code)), 4, "")
        yield facts(_estimand(protocol, name, language))
    yield heading("9.7.2", 3, language)
    said = {"planned": study.enrolment.planned, "replace": study.enrolment.replace}
    yield words(language("plan.size", **said))
    if study.enrolment.reason:
        yield words(study.enrolment.reason, note=True)


def _estimand(protocol: Protocol, name: str, language: Language) -> Iterator[tuple[str, str]]:
    """The five attributes of ICH E9(R1)."""
    estimand, code = protocol.study.endpoints[name].estimand, language.code
    for attribute in ("population", "treatment", "variable"):
        yield language(f"estimand.{attribute}"), getattr(estimand, attribute)(code)
    events = (
        f"{event_words(protocol, event)(code)}: {strategy_words(how)(code)}"
        for event, how in estimand.intercurrent.items()
    )
    yield language("estimand.intercurrent"), "; ".join(events)
    yield language("estimand.summary"), estimand.summary(code)
