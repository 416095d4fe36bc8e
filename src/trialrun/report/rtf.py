"""A document as Rich Text Format 1.9, the form in which agencies' and sponsors' word processors take tables.

Written directly; why no library does it: docs/decisions/rtf-by-hand.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from trialrun.report.display import Display
from trialrun.report.document import Document, Facts, Heading, Link, Paragraph, Picture, Piece, Points
from trialrun.report.drawing import png, size
from trialrun.report.heads import Span, heads
from trialrun.report.language import Language, language
from trialrun.report.pages import Placed, notes, outputs, runs
from trialrun.report.widths import widths

# Lengths in twips, of which an inch has 1440 (RTF 1.9.1, "Conventions"); letters in half points.
SHEET = (11906, 16838)  # A4
MARGIN = 1000
INDENT = 200
SIZE, SMALL = 17, 14
WIDE = 10  # columns, from where on the letters are small
LANGUAGES = {
    "en": 2057,
    "fr": 1036,
}  # Windows language identifiers: English (United Kingdom), French (France)
HEAD = (
    r"{\rtf1\ansi\ansicpg1252\uc1\deff0\deflang%d{\fonttbl{\f0\fswiss\fcharset0 Arial;}}"
    r"{\colortbl;\red82\green96\blue109;\red11\green79\blue121;}"
    r"{\stylesheet{\s0 Normal;}%s}{\info{\title %s}}\lang%d\f0\fs%d" + "\n"
)


def rtf(document: Document) -> bytes:
    """The document, a section for each run of pages of one direction; figures as PNG."""
    words, known = language(document.language), outputs(document)
    styles = "".join(rf"{{\s{n} heading {n};}}" for n in range(1, 7))
    code = LANGUAGES[document.language]
    told = [HEAD % (code, styles, text(document.title), code, SIZE + 2)]
    for number, (turned, some) in enumerate(runs(document) or [(False, ())]):
        told.append(_section(document, words, turned, first=number == 0))
        if number == 0:
            told += _front(document)
        for one in some:
            told += _block(one, words, known, turned)
    return ("".join(told) + "}").encode("ascii")


def text(said: str) -> str:
    """Words as RTF: what it reserves is escaped, and all but ASCII told by its UTF-16 numbers."""
    if said.isascii() and said.isprintable() and not any(one in said for one in "\\{}"):
        return said
    return "".join(map(_letter, said))


def _letter(one: str) -> str:
    if one in _SPECIAL:
        return _SPECIAL[one]
    if " " <= one <= "~":
        return one
    units = one.encode("utf-16-le")
    numbers = (int.from_bytes(units[i : i + 2], "little", signed=True) for i in range(0, len(units), 2))
    return "".join(rf"\u{number}?" for number in numbers)


_SPECIAL = {"\\": r"\\", "{": r"\{", "}": r"\}", "\n": r"\line ", "\t": r"\tab ", "\N{NO-BREAK SPACE}": r"\~"}


def _section(document: Document, words: Language, turned: bool, first: bool) -> str:
    """The sheet, with the banner above, and below what the document is and the number of the page."""
    wide, high = SHEET[::-1] if turned else SHEET
    page, pages = (rf"{{\field{{\*\fldinst {name}}}{{\fldrslt 1}}}}" for name in ("PAGE", "NUMPAGES"))
    number = text(words("output.page", page="\0", pages="\1")).replace(r"\u0?", page).replace(r"\u1?", pages)
    edge = wide - 2 * MARGIN
    way = r"\lndscpsxn" if turned else ""
    above = rf"\qc\fs16\b {text(document.banner)}\b0\par\pard\ql\fs14\cf1 {text(document.title)}\par"
    return (
        ("" if first else "\\sect\n")
        + rf"\sectd\sbkpage\pgwsxn{wide}\pghsxn{high}{way}"
        + rf"\marglsxn{MARGIN}\margrsxn{MARGIN}\margtsxn{MARGIN + 200}\margbsxn{MARGIN}\headery500\footery500"
        + rf"{{\header\pard\plain\f0{above}}}"
        + rf"{{\footer\pard\plain\f0\ql\tqr\tx{edge}\fs14\cf1 {text(document.foot)}\tab {number}\par}}"
        + "\n"
    )


def _front(document: Document) -> Iterator[str]:
    yield rf"\pard\sb200\sa60\b\fs32 {text(document.title)}\b0\par" + "\n"
    if document.subtitle:
        yield rf"\pard\fs{SIZE + 2}\cf1 {text(document.subtitle)}\cf0\par" + "\n"
    if document.standing:
        box = "".join(rf"\brdr{side}\brdrs\brdrw10\brsp60" for side in "tlbr")
        yield rf"\pard\sb120\sa120{box}\fs{SIZE + 2}\b {text(document.standing)}\b0\par" + "\n"
    for term, said in document.facts:
        yield _fact(term, text(said))


def _fact(term: str, said: str) -> str:
    return rf"\pard\sa40\li2800\fi-2800\tx2800\fs{SIZE + 2}\cf1 {text(term)}\cf0\tab {said}\par" + "\n"


def _block(one: Placed, words: Language, known: frozenset[str], turned: bool) -> Iterator[str]:
    def pieces(some: Sequence[Piece]) -> str:
        return "".join(_piece(piece, known) for piece in some)

    match one.block:
        case Heading():
            yield _heading(one)
        case Paragraph() as said:
            look = rf"\fs{SIZE}\cf1" if said.note else rf"\fs{SIZE + 2}\cf0"
            yield rf"\pard\sa100{look} {pieces(said.pieces)}\cf0\par" + "\n"
        case Points() as said:
            for item in said.items:
                yield rf"\pard\sa40\li360\fi-240\tx360\fs{SIZE + 2} \bullet\tab {pieces(item)}\par" + "\n"
        case Facts() as said:
            for term, told in said.rows:
                yield _fact(term, pieces(told))
        case Display() as shown:
            yield _heading(one)
            if shown.subtitle:
                yield rf"\pard\keepn\sa80\fs{SIZE}\cf1 {text(shown.subtitle)}\cf0\par" + "\n"
            yield from _table(shown, SHEET[turned] - 2 * MARGIN)
            yield from _notes(notes(shown, words))
        case Picture() as shown:
            yield _heading(one)
            wide, high = size(shown.svg, SHEET[0] - 2 * MARGIN, SHEET[1] - 4 * MARGIN)
            goal = rf"\picwgoal{wide:.0f}\pichgoal{high:.0f}"
            named = rf"{{\*\picprop{{\sp{{\sn wzDescription}}{{\sv {text(shown.alt)}}}}}}}"
            yield rf"\pard\keepn\qc{{\pict{named}\pngblip{goal}" + f"\n{png(shown.svg).hex()}}}\\par\n"
            yield from _notes(shown.notes)


def _piece(piece: Piece, known: frozenset[str]) -> str:
    if isinstance(piece, Link) and piece.output in known:
        where = rf'HYPERLINK \\l "{_anchor(piece.output)}"'
        return rf"{{\field{{\*\fldinst {where}}}{{\fldrslt\cf2\ul {text(piece.text)}}}}}"
    return text(piece.text)


def _anchor(output: str) -> str:
    """The name of a bookmark: letters, digits and underscores."""
    return "out_" + "".join(one if one.isascii() and one.isalnum() else "_" for one in output)


def _heading(one: Placed) -> str:
    level = min(one.level, 6)
    mark = (
        rf"{{\*\bkmkstart {_anchor(one.output)}}}{{\*\bkmkend {_anchor(one.output)}}}" if one.output else ""
    )
    look = rf"\pard\s{level}\outlinelevel{level - 1}\keepn\sb{320 - 40 * level}\sa80\b\fs{30 - 3 * level}"
    return rf"{look} {mark}{text(one.title)}\b0\par" + "\n"


def _notes(some: Sequence[str]) -> Iterator[str]:
    for note in some:
        yield rf"\pard\sb40\fs{SMALL}\cf1 {text(note)}\cf0\par" + "\n"
    yield rf"\pard\sa80\fs{SMALL}\par" + "\n"


# ---- tables --------------------------------------------------------------------------------------


def _table(shown: Display, line: int) -> Iterator[str]:
    """Rows whose heads are repeated on each page and that no page cuts."""
    ends = [round(line * one) for one in accumulate(widths(shown))]
    letters = rf"\fs{SMALL if len(ends) >= WIDE else SIZE}"
    lines = heads(shown)
    for depth, spans in enumerate(lines):
        yield _head(spans, lines, depth, ends, letters)
    whole = _row([ends[-1]])
    cells, last = _row(ends), _row(ends, bottom=True)
    aligned = [r"\ql"] * len(shown.stub) + [r"\qr" if head.numeric else r"\ql" for head in shown.heads]
    for row in shown.rows:
        if row.gap:
            yield rf"{whole}\pard\intbl{letters}\cell\row" + "\n"
            continue
        left = rf"\li{INDENT * row.indent}" if row.indent else ""
        if row.heading:
            said = " ".join(filter(None, row.labels))
            yield rf"{whole}\pard\intbl\keepn\sb60\ql{left}{letters}\b {text(said)}\b0\cell\row" + "\n"
            continue
        texts = [*row.labels, *(cell.text for cell in row.cells)]
        told = [
            rf"\pard\intbl{way}{letters} {text(said)}\cell" for way, said in zip(aligned, texts, strict=True)
        ]
        if left and told:
            told[0] = told[0].replace(r"\intbl", r"\intbl" + left, 1)
        yield f"{last if row is shown.rows[-1] else cells}{''.join(told)}\\row\n"


def _row(ends: Sequence[int], head: bool = False, top: bool = False, bottom: bool = False) -> str:
    """How the cells of a row lie: each ends at one of ``ends``."""
    cell = r"\clbrdrt\brdrs\brdrw12" if top else ""
    cell += r"\clbrdrb\brdrs\brdrw12" if bottom else ""
    cell += r"\clvertalb" if head else ""
    repeated = r"\trhdr" if head else ""
    return rf"\trowd\trgaph60\trkeep{repeated}" + "".join(rf"{cell}\cellx{end}" for end in ends)


def _head(
    spans: Sequence[Span], lines: Sequence[Sequence[Span]], depth: int, ends: Sequence[int], letters: str
) -> str:
    """A line of the head. Words that stand in two lines stand in the lower one."""
    last = depth == len(lines) - 1
    deep = [one for one in lines[0] if one.rows > 1] if last and depth else []
    shown = sorted([*spans, *deep], key=lambda one: one.first)
    told = []
    for one in shown:
        way = r"\qc" if one.columns > 1 else r"\qr" if one.numeric else r"\ql"
        said = text(one.text) if last or one.rows == 1 else ""
        told.append(rf"\pard\intbl\keepn{way}{letters}\b {said}\b0\cell")
    places = [ends[one.first + one.columns - 1] for one in shown]
    return f"{_row(places, head=True, top=depth == 0, bottom=last)}{''.join(told)}\\row\n"
