"""The study report: the skeleton of ICH E3, filled from the protocol and from the results dataset.

Results stand in words in sections 10 to 12, each number with its result, and as tables, figures and listings
in sections 14 and 16.2. What only people can write says so.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trialrun import __version__
from trialrun.analysis.ard import Ard
from trialrun.protocol.output import Output
from trialrun.protocol.protocol import Protocol
from trialrun.report.assumption import assumed, model_assumed
from trialrun.report.display import Display, DisplayRow, Head, Shown, display
from trialrun.report.document import Block, Document, Heading, Paragraph, Picture, Points
from trialrun.report.facts import facts_of
from trialrun.report.figures.picture import Begun, finished, picture
from trialrun.report.finding import LINES, Finding, counted, findings, see
from trialrun.report.language import Language
from trialrun.report.language import language as spoken
from trialrun.report.plan import chapters, facts, heading, left, points, words
from trialrun.report.published import published

RESULTS = ("10", "11", "12")
TABLES = (("14.1", "14.1."), ("14.2", "14.2."), ("14.3", "14.3."))


@dataclass(frozen=True)
class Edition:
    """Which trial a document is about, and when: ``as_of`` None is now; ``model`` tells what virtual people
    assume (`name`, `assumptions`); ``tables`` the SHA-256 of each table by its code."""

    virtual: bool
    as_of: datetime.date | None = None
    seed: int | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)


def study_report(
    protocol: Protocol, ard: Ard, edition: Edition, language: str = "en", begun: Begun | None = None
) -> Document:
    """The report of one trial. ValueError for a language that it is not written in."""
    said = spoken(language)
    found = findings(protocol, ard, said)
    shown = dict(drawn(ard, language, begun or {}))
    blocks = (
        *_synopsis(protocol, found, said),
        *chapters(protocol, said),
        *_results(ard, found, said),
        *_discussion(protocol, ard, edition, said),
        *_outputs(ard, shown, said),
        *_appendices(protocol, ard, edition, shown, said),
    )
    return document("report", said("document.report"), protocol, ard, edition, said, blocks)


def document(
    kind: str,
    subtitle: str,
    protocol: Protocol,
    ard: Ard,
    edition: Edition,
    said: Language,
    blocks: Sequence[Block],
) -> Document:
    """What every document of a trial has around its blocks."""
    study = protocol.study
    when = said("document.as.of", date=said.date(edition.as_of)) if edition.as_of else ""
    foot = [f"{study.id} {study.version}", when, said("document.results", hash=ard.hash[:12])]
    return Document(
        kind=kind,
        title=study.title(said.code),
        subtitle=subtitle,
        language=said.code,
        blocks=tuple(blocks),
        banner=said("banner") if edition.virtual else "",
        standing=study.standing(said.code) if study.standing else "",
        facts=tuple(_head(protocol, edition, said)),
        foot=" · ".join(part for part in foot if part),
        generator=f"trialrun {__version__}",
    )


def _head(protocol: Protocol, edition: Edition, said: Language) -> Iterator[tuple[str, str]]:
    yield from facts_of(protocol, said)
    if edition.as_of:
        yield said("fact.as.of"), said.date(edition.as_of)


def drawn(ard: Ard, language: str, begun: Begun) -> Iterator[tuple[str, Display | Picture]]:
    """Every planned output as it is laid out or drawn, last the figures that others are drawing."""
    for key, planned in ard.outputs.items():
        if planned.kind != "figure":
            yield key, display(ard, key, language)
        elif key not in begun:
            yield key, picture(ard, key, language)
    for key, figure in begun.items():
        yield key, finished(*figure)


# ---- in words ------------------------------------------------------------------------------------


def _synopsis(protocol: Protocol, found: list[Finding], said: Language) -> Iterator[Block]:
    yield heading("2", 1, said)
    yield facts(
        (said(f"level.{one.level}"), one.text(said.code)) for one in protocol.study.objectives.values()
    )
    yield from _told(found, said, level=2)


def _told(found: list[Finding], said: Language, level: int) -> Iterator[Block]:
    """Each endpoint: its title and its sentences."""
    for one in found:
        yield Heading(f"{one.title} ({said(f'level.{one.level}').lower()})", level)
        if one.sentences:
            yield Points(one.sentences)


def _results(ard: Ard, found: list[Finding], said: Language) -> Iterator[Block]:
    """Sections 10 to 12: the outputs of each section, counts in words."""
    by = _by_section(ard.outputs)
    numbers = sorted({above for one in (*by, "11.4.1") for above in _above(one)}, key=_order)
    for chapter in RESULTS:
        yield heading(chapter, 1, said)
        for number in (one for one in numbers if one.split(".")[0] == chapter):
            level = 1 + number.count(".")
            if f"e3.{number}" in said.words:
                yield heading(number, level, said)
            if number == "11.4.1":
                yield from _told(found, said, level + 1)
            yield from _section(ard, by.get(number, []), said)
        if chapter != "10":
            yield from left({"11": "11.4.7", "12": "12.6"}[chapter], 2, said)


def _section(ard: Ard, keys: list[str], said: Language) -> Iterator[Block]:
    for key in keys:
        sentences = tuple(counted(ard, key, said, LINES)) if ard.outputs[key].kind == "table" else ()
        if sentences:
            yield Points(sentences)
    if keys:
        yield Paragraph(see(keys, ard, said), note=True)


def _by_section(outputs: Mapping[str, Output]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, one in outputs.items():
        if one.section and one.section.split(".")[0] in RESULTS:
            found.setdefault(one.section, []).append(key)
    return found


def _above(number: str) -> list[str]:
    """A section and those that it is part of, but for the chapter: 11.4.1 and 11.4."""
    parts = number.split(".")
    return [".".join(parts[:end]) for end in range(2, len(parts) + 1)]


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".") if part.isdigit())


def _discussion(protocol: Protocol, ard: Ard, edition: Edition, said: Language) -> Iterator[Block]:
    yield heading("13", 1, said)
    if beside := published(protocol, ard, edition.virtual, said):
        yield words(said("published.cite", cite=protocol.sources.published.cite))  # type: ignore[union-attr]
        if edition.virtual:
            yield words(f"{said('published.tuned')} {said('published.virtual')}", note=True)
        yield beside
    yield words(said("e3.left"), note=True)


# ---- outputs -------------------------------------------------------------------------------------


def _outputs(ard: Ard, shown: Mapping[str, Display | Picture], said: Language) -> Iterator[Block]:
    yield heading("14", 1, said)
    placed: set[str] = set()
    for number, prefix in TABLES:
        mine = [key for key in ard.outputs if key.lstrip("FT").startswith(prefix)]
        if mine:
            yield heading(number, 2, said)
            yield from (shown[key] for key in mine)
            placed |= set(mine)
    rest = [key for key, one in ard.outputs.items() if key not in placed and one.kind != "listing"]
    if rest:
        yield heading("14.4", 2, said)
        yield from (shown[key] for key in rest)


def _appendices(
    protocol: Protocol, ard: Ard, edition: Edition, shown: Mapping[str, Display | Picture], said: Language
) -> Iterator[Block]:
    cited = [one.cite for one in protocol.sources.sources.values() if one.cite]
    yield heading("15", 1, said)
    cited += [protocol.sources.published.cite] if protocol.sources.published else []
    yield points(dict.fromkeys(cited))
    yield heading("16", 1, said)
    yield heading("16.1.9", 2, said)
    yield from _assumptions(protocol, edition, said)
    yield Heading(said("section.provenance"), 3)
    yield facts(_provenance(protocol, ard, edition, said))
    numbered = tuple(prefix for _, prefix in TABLES)  # a listing may stand among the tables, as ICH E3 has it
    listings = [
        key for key, one in ard.outputs.items() if one.kind == "listing" and not key.startswith(numbered)
    ]
    if listings:
        yield heading("16.2", 2, said)
        yield from (shown[key] for key in listings)


def _assumptions(protocol: Protocol, edition: Edition, said: Language) -> Iterator[Block]:
    groups = assumed(protocol, said)
    if edition.virtual and (modelled := model_assumed(edition.model)):
        groups.append((said("group.model"), modelled))
    yield Heading(said("section.assumptions"), 3)
    count = sum(len(listed) for _, listed in groups)
    yield words(f"{said('assumptions.intro', count=count)} {said('assumptions.language')}".strip())
    for number, (title, listed) in enumerate(groups, 1):
        rows = tuple(DisplayRow((each["about"],), (Shown(each["reason"]),)) for each in listed)
        head = (Head("reason", said("assumptions.reason"), numeric=False),)
        stub = (said("assumptions.element"),)
        yield Display(
            f"assumed-{number}", "table", title, "", stub, head, rows, (), language=said.code, planned=False
        )


def _provenance(protocol: Protocol, ard: Ard, edition: Edition, said: Language) -> Iterator[tuple[str, str]]:
    yield said("provenance.protocol"), f"{protocol.id} {protocol.study.version}"
    yield said("provenance.hash"), protocol.hash
    yield said("provenance.outputs"), protocol.reported.hash
    yield said("provenance.software"), f"trialrun {__version__}"
    yield said("provenance.participants"), said(f"provenance.{'virtual' if edition.virtual else 'real'}")
    if edition.seed is not None:
        yield said("provenance.seed"), str(edition.seed)
    yield said("provenance.results"), ard.hash
    for code, digest in edition.tables.items():
        yield f"{said('provenance.table')} {code}", digest
