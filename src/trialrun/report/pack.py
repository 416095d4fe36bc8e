"""A pack: the outputs that certain readers are given, the safety board's or the sponsor's, on any day."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.analysis.ard import Ard
from trialrun.protocol.output import Pack
from trialrun.protocol.problem import suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule_prose import length
from trialrun.report.document import Block, Document, Heading, Points
from trialrun.report.figures.picture import Begun
from trialrun.report.finding import counted
from trialrun.report.language import Language
from trialrun.report.language import language as spoken
from trialrun.report.plan import facts
from trialrun.report.study_report import Edition, document, drawn


class NoPack(Exception):
    """A pack was asked for that the study's outputs do not plan."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name, self.known = name, known
        super().__init__(name)

    def render(self) -> str:
        hint = suggestion(self.name, self.known) or "Plan it in outputs.yaml, under `packs`."
        return f"outputs.yaml plans no pack `{self.name}`. {hint}"


def planned(protocol: Protocol, name: str) -> tuple[str, ...]:
    """The outputs that a pack needs. Raises NoPack."""
    packs = protocol.reported.file.packs
    if name not in packs:
        raise NoPack(name, list(packs))
    return tuple(dict.fromkeys((*packs[name].said, *packs[name].outputs)))


def pack(
    protocol: Protocol,
    ard: Ard,
    edition: Edition,
    name: str,
    language: str = "en",
    begun: Begun | None = None,
) -> Document:
    """One pack of one trial, in one language. Raises NoPack, and ValueError for a language unknown here."""
    said = spoken(language)
    planned(protocol, name)
    asked = protocol.reported.file.packs[name]
    blocks = tuple(_blocks(protocol, ard, asked, said, begun or {}))
    return document(name, asked.title(language), protocol, ard, edition, said, blocks)


def _blocks(protocol: Protocol, ard: Ard, asked: Pack, said: Language, begun: Begun) -> Iterator[Block]:
    for key in asked.said:
        yield Heading(ard.outputs[key].title(said.code), 2)
        yield Points(tuple(counted(ard, key, said)))
    if asked.said:
        yield Heading(said("pack.milestones"), 2)
        yield facts(_milestones(protocol, said))
    shown = dict(drawn(ard, said.code, begun))
    yield from (shown[key] for key in asked.outputs)


def _milestones(protocol: Protocol, said: Language) -> Iterator[tuple[str, str]]:
    for name, one in protocol.study.timeline.items():
        when = said.date(one.date) if one.date else length(one.lasts, said.code) if one.lasts else ""
        yield said.words.get(f"milestone.{name}", name.replace("_", " ")), when
