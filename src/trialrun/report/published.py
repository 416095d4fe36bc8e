"""The published trial beside this one: each of its results, ours, and whether the model was fitted to it."""

from __future__ import annotations

from collections.abc import Mapping

from trialrun.analysis.ard import Ard, formatted
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.study import PublishedResult
from trialrun.report.display import Display, DisplayRow, Head, Shown
from trialrun.report.finding import filled, held_by
from trialrun.report.language import Language

OURS: Mapping[str, str] = {
    "proportion_without_event": "published.events.observed",
    "organ_response": "published.events",
    "paired_change": "published.{scale}",
}


def published(protocol: Protocol, ard: Ard, virtual: bool, language: Language) -> Display | None:
    """Published results, and ours where an endpoint or a row of an output is their counterpart."""
    there = protocol.sources.published
    if there is None:
        return None
    code = language.code
    rows = tuple(
        DisplayRow(
            (row.about(code),),
            (
                Shown(row.value(code)),
                _ours(protocol, ard, row, language),
                Shown(_note(row, virtual, language)),
            ),
        )
        for row in there.results
    )
    keys = ("published.there", "published.here", "published.note")
    heads = tuple(Head(key, language(key), numeric=False) for key in keys)
    stub = (language("published.result"),)
    return Display(
        "published",
        "table",
        language("section.published"),
        "",
        stub,
        heads,
        rows,
        (),
        language=code,
        planned=False,
    )


def _note(row: PublishedResult, virtual: bool, language: Language) -> str:
    """The study's note, and for virtual participants whether their model was fitted to this result."""
    own = [row.note(language.code)] if row.note else []
    fitted = [language("published.fitted" if row.fitted else "published.not.fitted")] if virtual else []
    return " ".join(own + fitted)


def _ours(protocol: Protocol, ard: Ard, row: PublishedResult, language: Language) -> Shown:
    """What this trial says where the published result speaks of it."""
    if row.beside:
        return _beside(ard, row.beside.output, row.beside.row, language)
    endpoint = protocol.study.endpoints.get(row.endpoint or "")
    columns = held_by(ard, row.endpoint) if row.endpoint else []
    if endpoint is None or not columns:
        return Shown(language("published.none"))
    key = OURS[endpoint.kind].format(scale=getattr(endpoint, "scale", ""))
    key = "published.p" if "p" in (row.number or {}) else key
    said = [(column.title(language.code), filled(language(key), held, language)) for column, held in columns]
    texts = ["".join(piece.text for piece in pieces) for _, pieces in said]
    if len(said) > 1:
        texts = [f"{title}{language('colon')}{text}" for (title, _), text in zip(said, texts, strict=True)]
    first = next((p.id for p in said[0][1] if isinstance(p, Shown) and p.id), None)
    return Shown(language("semicolon").join(texts), first)


def _beside(ard: Ard, output: str, row: str, language: Language) -> Shown:
    """The first cell of a row of an output that was made, with the row's words: they may not be those of
    the published result."""
    if output in ard.outputs:
        for line, cells in ard.lines(output):
            if line.key[0] == row and cells:
                said = f"{line.labels[-1](language.code)}{language('colon')}" if line.labels else ""
                return Shown(f"{said}{formatted(cells[0], language.code)}", cells[0].id)
    return Shown(language("published.none"))
