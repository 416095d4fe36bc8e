"""Results in words: sentences that follow from the cells of planned outputs, and lead back to them.

A sentence is said only if every number in it is there; where one cannot be estimated, the reason is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trialrun.analysis.ard import Ard, Cell
from trialrun.analysis.estimate import NotEstimable
from trialrun.analysis.outputs.grouping import Column
from trialrun.analysis.outputs.statement import Value
from trialrun.analysis.outputs.wording import written
from trialrun.protocol.analysis import Count, EndpointResult
from trialrun.protocol.endpoint import Endpoint
from trialrun.protocol.output import Output
from trialrun.protocol.outputs import placeholders
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Text
from trialrun.protocol.trajectory import Multiplicity
from trialrun.report.display import Shown
from trialrun.report.document import Link, Piece
from trialrun.report.language import Language
from trialrun.report.reason import reason

# The sentences of each kind of endpoint, by their key in the catalogues; those after the first two only
# where their first number is not nought.
SENTENCES: Mapping[str, tuple[str, ...]] = {
    "proportion_without_event": ("without", "without.upper", "without.lost", "pending", "difference"),
    "paired_change": ("change.{scale}", "change.test", "change.adjusted", "change.unpaired", "difference"),
    "organ_response": (
        "response",
        "response.interval",
        "response.missing",
        "response.none",
        "pending",
        "difference",
    ),
}
ALWAYS = {
    "without", "without.upper", "change.log", "change.linear", "change.test", "change.adjusted", "response",
    "response.interval", "difference",
}  # fmt: skip
KINDS = {"table": "output.table", "listing": "output.listing", "figure": "output.figure"}
P_ADJUSTED = "p_adjusted"
LINES = 12  # of a table said in words among others; more is for the table itself
DASH = " \N{EN DASH} "


@dataclass(frozen=True)
class Finding:
    """One endpoint in words: ``outputs`` are those that hold its numbers."""

    name: str
    level: str
    title: str
    sentences: tuple[tuple[Piece, ...], ...]
    outputs: tuple[str, ...]


def findings(protocol: Protocol, ard: Ard, language: Language) -> list[Finding]:
    """Every endpoint of the study that an output reports, primary ones first."""
    ranks = ("primary", "secondary", "exploratory")
    endpoints = protocol.study.endpoints
    order = sorted(endpoints, key=lambda name: ranks.index(endpoints[name].level))
    return [found for name in order if (found := _finding(protocol, ard, name, language)).outputs]


def _finding(protocol: Protocol, ard: Ard, name: str, language: Language) -> Finding:
    endpoint = protocol.study.endpoints[name]
    sentences: list[tuple[Piece, ...]] = []
    columns = held_by(ard, name)
    rule = protocol.study.multiplicity
    count = len(rule.over) if rule else 0
    for column, held in columns:
        whose = column.title(language.code) if len(columns) > 1 else ""
        adjusted = _adjusted(ard, name, column.key) if count > 1 else {}
        sentences += _said(endpoint, {**adjusted, **held}, whose, count, language)
    outputs = tuple(dict.fromkeys(key for key, _ in _reported(ard, name)))
    return Finding(name, endpoint.level, endpoint.title(language.code), tuple(sentences), outputs)


def held_by(ard: Ard, endpoint: str) -> list[tuple[Column, dict[str, Cell]]]:
    """The columns of the first output that reports an endpoint: statistic -> the first cell that holds it."""
    first = next(_reported(ard, endpoint), None)
    return [(column, _held(ard, *first, column.key)) for column in ard.columns[first[0]]] if first else []


def _reported(ard: Ard, endpoint: str) -> Iterator[tuple[str, str]]:
    """The outputs and rows that report an endpoint."""
    for key, output in ard.outputs.items():
        for name, row in output.rows.items():
            if isinstance(row, EndpointResult) and row.endpoint == endpoint:
                yield key, name


def _held(ard: Ard, output: str, analysis: str, column: str) -> dict[str, Cell]:
    """Statistic -> the first cell of a row that holds it, in one column."""
    held: dict[str, Cell] = {}
    for line, cells in ard.lines(output):
        if line.key[0] == analysis:
            for cell in cells:
                if cell.column == column:
                    for statistic in cell.values:
                        held.setdefault(statistic, cell)
    return held


def _adjusted(ard: Ard, endpoint: str, column: str) -> dict[str, Cell]:
    """The p-value of an endpoint that is adjusted as the study says, where an output tells it."""
    for key, output in ard.outputs.items():
        for name, row in output.rows.items():
            if isinstance(row, Multiplicity) and row.multiplicity == "study":
                for line, cells in ard.lines(key):
                    if line.key == (name, endpoint, P_ADJUSTED):
                        found = next((one for one in cells if one.column == column), None)
                        known = found and not isinstance(found.values[P_ADJUSTED], NotEstimable)
                        return {P_ADJUSTED: found} if found and known else {}
    return {}


def _said(
    endpoint: Endpoint, held: Mapping[str, Cell], whose: str, count: int, language: Language
) -> Iterator[tuple[Piece, ...]]:
    level = f"{100 * endpoint.confidence:.6g}"
    places = len(level.partition(".")[2])  # 95 %, but 97.5 %
    given = {"count": str(count), "confidence": language.share(endpoint.confidence, places)}
    for template in SENTENCES[endpoint.kind]:
        key = template.format(scale=getattr(endpoint, "scale", ""))
        pattern = language(f"finding.{key}")
        for name, text in given.items():
            pattern = pattern.replace(f"{{{name}}}", text)
        needed = [hole[0] for hole in placeholders(pattern)]
        if any(name not in held for name in needed):
            continue
        values = [held[name].values[name] for name in needed]
        if why := next((value.reason for value in values if isinstance(value, NotEstimable)), None):
            yield (Shown(language("finding.not.estimable", reason=reason(why, language.code))),)
        elif key in ALWAYS or values[0]:
            begun = (Shown(f"{whose}{language('colon')}"),) if whose else ()
            yield (*begun, *filled(pattern, held, language))


def filled(pattern: str, held: Mapping[str, Cell], language: Language) -> tuple[Piece, ...]:
    """The pieces of a sentence whose holes are statistics, each with the result it shows."""
    pieces: list[Piece] = []
    rest = pattern
    for name, width, decimals, flags in placeholders(pattern):
        hole = f"{{{name}{_format(width, decimals, flags)}}}"
        before, _, rest = rest.partition(hole)
        value = _one(hole, held[name].values, language.code)
        pieces += [*([Shown(before)] if before else []), Shown(value, held[name].id)]
    return (*pieces, *([Shown(rest)] if rest else []))


def _format(width: str, decimals: str, flags: str) -> str:
    said = width + (f".{decimals}" if decimals else "") + flags
    return f":{said}" if said else ""


def _one(hole: str, values: Mapping[str, Value], code: str) -> str:
    return written(Text(((code, hole),)), values, None, code)


# ---- tables in words -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Counted:
    """A line of counts: its words, the headings that it stands under, the counts that it is part of."""

    words: str
    headings: tuple[str, ...]
    within: tuple[str, ...]
    cells: list[Cell]


def counted(
    ard: Ard, output: str, language: Language, most: int | None = None
) -> Iterator[tuple[Piece, ...]]:
    """The counts of a table, a sentence each: its words with those above it, and what every cell says.

    Of a table of more than ``most`` counts only those are told that stand under nothing else, and nothing
    where these are too many as well: a few of the others would pass for all.
    """
    told = list(_counts(ard, output, language.code))
    if most is not None and len(told) > most:
        told = [one for one in told if not one.headings and not one.within]
    if most is not None and len(told) > most:
        return
    names = [(*one.headings, one.words) for one in told]
    for one, name in zip(told, names, strict=True):
        full = name if names.count(name) == 1 else (*one.headings, *one.within, one.words)
        yield tuple(_count_said(ard, output, DASH.join(full), one.cells, language))


def _counts(ard: Ard, output: str, code: str) -> Iterator[_Counted]:
    rows = ard.outputs[output].rows
    above: list[
        tuple[int, str, bool]
    ] = []  # of the lines that this one may belong to: indent, words, heading
    for line, cells in ard.lines(output):
        above = [one for one in above if one[0] < line.indent]
        *over, words = [label(code) for label in line.labels] or [""]
        if cells and isinstance(rows.get(line.key[0]), Count):
            headings = (*(said for _, said, heading in above if heading), *filter(None, over))
            within = tuple(said for _, said, heading in above if not heading)
            yield _Counted(words, headings, within, cells)
        above.append((line.indent, words, not cells))


def _count_said(ard: Ard, output: str, name: str, cells: list[Cell], language: Language) -> Iterator[Piece]:
    """``Any – Events: 12; A year: 3.4``; cells without heads of their own stand after a colon."""
    code, columns, heads = language.code, ard.columns[output], ard.outputs[output].cells
    groups = {one.key: one.title(code) for one in columns} if len(columns) > 1 else {}
    parts = {key: one.title(code) for key, one in heads.items() if one.title}
    yield Shown(name + (DASH if parts else language("colon")))
    for i, cell in enumerate(cells):
        head = ", ".join(filter(None, (groups.get(cell.column), parts.get(cell.part))))
        after = "" if not head else language("colon") if parts else " "
        before = (language("semicolon") if i else "") + head + after
        if before:
            yield Shown(before)
        yield Shown(written(cell.pattern, cell.values, cell.none, code), cell.id)


def plain_text(pieces: tuple[Piece, ...]) -> str:
    """A sentence without what leads back."""
    return "".join(piece.text for piece in pieces)


def named(key: str, output: Output, language: Language) -> str:
    """``Table 14.1.1``; an output whose number is not one of these says only its number."""
    return language(KINDS[output.kind], id=key)


def see(keys: list[str], ard: Ard, language: Language) -> tuple[Piece, ...]:
    """``See Table 14.1.1 (Disposition); …``: where a section's numbers stand."""
    pieces: list[Piece] = [Shown(language("finding.see"))]
    for i, key in enumerate(keys):
        output = ard.outputs[key]
        pieces.append(Link(named(key, output, language), key))
        end = "." if i == len(keys) - 1 else language("semicolon")
        pieces.append(Shown(f" ({output.title(language.code)}){end}"))
    return tuple(pieces)
