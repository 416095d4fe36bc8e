"""A document as DOCX (Office Open XML), with headings that a word processor's outline shows.

Tables are written as XML and put into the file when it is made: python-docx is quadratic in the cells that
it makes one by one, and lxml slow in taking over large trees.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from trialrun.report.display import Display
from trialrun.report.document import Document, Facts, Heading, Link, Paragraph, Picture, Piece, Points
from trialrun.report.drawing import png, size
from trialrun.report.heads import Span, heads
from trialrun.report.language import Language, language
from trialrun.report.missing import Missing
from trialrun.report.pages import Placed, notes, outputs, runs
from trialrun.report.widths import widths

# Lengths in twips, of which an inch has 1440; letters in half points.
SHEET = (11906, 16838)  # A4
MARGIN = 1000
INDENT = 200
SIZE, SMALL = 17, 14
WIDE = 10  # columns, from where on the letters are small
EMU = 635  # English Metric Units, as drawings are measured, in a twip
LANGUAGES = {"en": "en-GB", "fr": "fr-FR"}
MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
FIRST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP file can say
SOFT, RULE = '<w:color w:val="52606D"/>', '<w:{} w:val="single" w:sz="6" w:color="1F2933"/>'
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # XML 1.0, production 2


def docx(document: Document) -> bytes:
    """The document, a section for each run of pages of one direction; figures as PNG. The same document
    gives the same bytes. Raises Missing where python-docx is not installed."""
    try:
        import docx as python_docx  # here, as it is an extra
    except ImportError as error:
        raise Missing("DOCX", "python-docx", "docx", "Or ask for RTF, which needs nothing.") from error
    made = python_docx.Document()
    _named(made, document)
    words = language(document.language)
    known = {output: number for number, output in enumerate(sorted(outputs(document)))}
    for xml in _front(document):
        _add(made, xml)
    tables: list[str] = []
    for number, (turned, some) in enumerate(runs(document) or [(False, ())]):
        section = made.add_section() if number else made.sections[0]
        _sheet(section, document, words, turned)
        for one in some:
            for xml in _block(one, words, known, turned):
                _add(made, xml, tables)
            if isinstance(one.block, Picture):
                _draw(made, one.block)
    held = io.BytesIO()
    made.save(held)
    return _timeless(held.getvalue(), tables)


def _add(made: Any, xml: str, tables: list[str] | None = None) -> None:
    """Put XML at the end of the document, before what is said of its last section; for a table a mark."""
    from docx.oxml import parse_xml
    from lxml.etree import ProcessingInstruction  # type: ignore[import-untyped]

    if tables is not None and xml.startswith("<w:tbl>"):
        element = ProcessingInstruction("table", str(len(tables)))
        tables.append(xml)
    else:
        element = parse_xml(_spaced(xml))
    made.element.body[-1].addprevious(element)


def _spaced(xml: str) -> str:
    """An element that says what its names mean."""
    return xml.replace(">", f' xmlns:w="{MAIN}">', 1)


def _named(made: Any, document: Document) -> None:
    """Title and language; no dates, no author, no letters of the template's own."""
    core = made.core_properties
    core.title, core.language, core.author, core.comments = (
        document.title,
        LANGUAGES[document.language],
        "",
        "",
    )
    for element in list(core._element):
        if element.tag.endswith(("}created", "}modified")):
            core._element.remove(element)
    from docx.shared import Pt, RGBColor

    for name in ("Normal", *(f"Heading {level}" for level in range(1, 7))):
        font = made.styles[name].font
        font.name, font.color.rgb = "Arial", RGBColor(0x1F, 0x29, 0x33)
        fonts = font.element.rPr.rFonts
        for theme in [one for one in fonts.attrib if one.endswith("Theme")]:
            del fonts.attrib[theme]
        level = int(name[-1]) if name[-1].isdigit() else 0
        font.size = Pt(15 - 1.5 * level) if level else Pt(SIZE / 2 + 1)
    for lang in made.styles.element.iter(f"{{{MAIN}}}lang"):
        lang.set(f"{{{MAIN}}}val", LANGUAGES[document.language])


def _sheet(section: Any, document: Document, words: Language, turned: bool) -> None:
    """The sheet, with the banner above, and below what the document is and the number of the page."""
    from docx.enum.section import WD_ORIENT
    from docx.oxml import parse_xml
    from docx.shared import Twips

    wide, high = SHEET[::-1] if turned else SHEET
    section.orientation = WD_ORIENT.LANDSCAPE if turned else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Twips(wide), Twips(high)
    section.left_margin = section.right_margin = section.bottom_margin = Twips(MARGIN)
    section.top_margin, section.header_distance, section.footer_distance = Twips(1300), Twips(500), Twips(500)
    page, pages = (_field(name) for name in ("PAGE", "NUMPAGES"))
    before, between, after = re.split("[\x02\x03]", words("output.page", page="\x02", pages="\x03"))
    number = _run(before, SMALL) + page + _run(between, SMALL) + pages + _run(after, SMALL)
    tab = f'<w:tabs><w:tab w:val="right" w:pos="{wide - 2 * MARGIN}"/></w:tabs>'
    below = f"<w:p><w:pPr>{tab}</w:pPr>{_run(document.foot, SMALL, SOFT)}<w:r><w:tab/></w:r>{number}</w:p>"
    banner = f'<w:p><w:pPr><w:jc w:val="center"/></w:pPr>{_run(document.banner, SIZE, "<w:b/>")}</w:p>'
    above = [banner, f"<w:p>{_run(document.title, SMALL, SOFT)}</w:p>"]
    for part, paragraphs in ((section.header, above), (section.footer, [below])):
        part.is_linked_to_previous = False
        for old in list(part._element):
            part._element.remove(old)
        for xml in paragraphs:
            part._element.append(parse_xml(_spaced(xml)))


def _field(name: str) -> str:
    return f'<w:fldSimple w:instr="{name}">{_run("1", SMALL)}</w:fldSimple>'


# ---- words ---------------------------------------------------------------------------------------


def _run(said: str, letters: int = 0, look: str = "") -> str:
    """Words of one look; a new line where they have one."""
    if not said:
        return ""
    bold, rest = ("<w:b/>", look.replace("<w:b/>", "")) if "<w:b/>" in look else ("", look)
    sized = f'<w:sz w:val="{letters}"/>' if letters else ""
    style = f"<w:rPr>{bold}{rest}{sized}</w:rPr>" if look or letters else ""
    texts = (f'<w:t xml:space="preserve">{escape(one)}</w:t>' for one in NOT_XML.sub("", said).split("\n"))
    return f"<w:r>{style}{'<w:br/>'.join(texts)}</w:r>"


def _paragraph(inside: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{inside}</w:p>"


def _pieces(some: Sequence[Piece], known: Mapping[str, int], letters: int = 0, look: str = "") -> str:
    told = []
    for one in some:
        run = _run(one.text, letters, look)
        if isinstance(one, Link) and one.output in known:
            run = f"<w:hyperlink w:anchor={quoteattr(_anchor(one.output))}>{run}</w:hyperlink>"
        told.append(run)
    return "".join(told)


def _anchor(output: str) -> str:
    """The name of a bookmark: letters, digits and underscores."""
    return "out_" + "".join(one if one.isascii() and one.isalnum() else "_" for one in output)


def _front(document: Document) -> Iterator[str]:
    yield _paragraph(_run(document.title, 32, "<w:b/>"))
    if document.subtitle:
        yield _paragraph(_run(document.subtitle, 0, SOFT))
    if document.standing:
        sides = "".join(
            f'<w:{side} w:val="single" w:sz="6" w:space="4" w:color="C98D1B"/>'
            for side in ("top", "left", "bottom", "right")
        )
        yield _paragraph(_run(document.standing, 0, "<w:b/>"), f"<w:pBdr>{sides}</w:pBdr>")
    for term, said in document.facts:
        yield _fact(term, _run(said))


def _fact(term: str, said: str) -> str:
    lies = '<w:tabs><w:tab w:val="left" w:pos="2800"/></w:tabs><w:ind w:left="2800" w:hanging="2800"/>'
    return _paragraph(f"{_run(term, 0, SOFT)}<w:r><w:tab/></w:r>{said}", lies)


def _heading(one: Placed, known: Mapping[str, int]) -> str:
    """A heading; that of an output has a bookmark."""
    title = _run(one.title)
    if one.output:
        number, name = known[one.output], quoteattr(_anchor(one.output))
        title = f'<w:bookmarkStart w:id="{number}" w:name={name}/>{title}<w:bookmarkEnd w:id="{number}"/>'
    return _paragraph(title, f'<w:pStyle w:val="Heading{min(one.level, 6)}"/>')


def _block(one: Placed, words: Language, known: Mapping[str, int], turned: bool) -> Iterator[str]:
    match one.block:
        case Heading():
            yield _heading(one, known)
        case Paragraph() as said:
            yield _paragraph(_pieces(said.pieces, known, *((SIZE, SOFT) if said.note else ())))
        case Points() as said:
            for item in said.items:
                yield _paragraph(_pieces(item, known), '<w:pStyle w:val="ListBullet"/>')
        case Facts() as said:
            for term, told in said.rows:
                yield _fact(term, _pieces(told, known))
        case Display() as shown:
            yield _heading(one, known)
            if shown.subtitle:
                yield _paragraph(_run(shown.subtitle, SIZE, SOFT), "<w:keepNext/>")
            yield _table(shown, one.title, SHEET[turned] - 2 * MARGIN)
            yield from _notes(notes(shown, words))
        case Picture() as shown:
            yield _heading(one, known)
            yield from _notes(shown.notes)


def _notes(some: Sequence[str]) -> Iterator[str]:
    for note in some:
        yield _paragraph(_run(note, SMALL, SOFT), '<w:spacing w:before="40" w:after="0"/>')
    yield "<w:p><w:pPr/></w:p>"


def _draw(made: Any, shown: Picture) -> None:
    """The drawing, before its notes."""
    from docx.shared import Emu

    wide, high = size(shown.svg, SHEET[0] - 2 * MARGIN, SHEET[1] - 4 * MARGIN)
    drawn = made.add_picture(io.BytesIO(png(shown.svg)), Emu(round(wide * EMU)), Emu(round(high * EMU)))
    drawn._inline.docPr.set("descr", shown.alt)
    paragraph = made.paragraphs[-1]._p
    for _ in range(len(shown.notes) + 1):
        paragraph.getprevious().addprevious(paragraph)


# ---- tables --------------------------------------------------------------------------------------


def _table(shown: Display, title: str, line: int) -> str:
    """Rows whose heads are repeated on each page and that no page cuts."""
    sizes = [after - before for before, after in pairwise([0, *_ends(widths(shown), line)])]
    letters = SMALL if len(sizes) >= WIDE else SIZE
    grid = "".join(f'<w:gridCol w:w="{one}"/>' for one in sizes)
    lines = heads(shown)
    told = [_head(spans, lines, depth, letters) for depth, spans in enumerate(lines)]
    aligned = [""] * len(shown.stub) + [_right(head.numeric) for head in shown.heads]
    for row in shown.rows:
        left = f'<w:ind w:left="{INDENT * row.indent}"/>' if row.indent else ""
        if row.gap:
            told.append(_row(_cell("", "", f'<w:gridSpan w:val="{len(sizes)}"/>')))
            continue
        if row.heading:
            said = _run(" ".join(filter(None, row.labels)), letters, "<w:b/>")
            told.append(_row(_cell(said, f"<w:keepNext/>{left}", f'<w:gridSpan w:val="{len(sizes)}"/>')))
            continue
        texts = [*row.labels, *(cell.text for cell in row.cells)]
        looks = [left + aligned[0], *aligned[1:]]
        told.append(
            _row("".join(_cell(_run(one, letters), look) for one, look in zip(texts, looks, strict=True)))
        )
    rules = f"<w:tblBorders>{RULE.format('top')}{RULE.format('bottom')}</w:tblBorders>"
    margins = '<w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/></w:tblCellMar>'
    lies = f'<w:tblW w:w="{sum(sizes)}" w:type="dxa"/>{rules}<w:tblLayout w:type="fixed"/>{margins}'
    named = f"<w:tblCaption w:val={quoteattr(NOT_XML.sub('', title))}/>"
    return f"<w:tbl><w:tblPr>{lies}{named}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(told)}</w:tbl>"


def _ends(shares: Sequence[float], line: int) -> list[int]:
    return [round(line * one) for one in accumulate(shares)]


def _right(numeric: bool) -> str:
    return '<w:jc w:val="right"/>' if numeric else ""


def _row(cells: str, head: bool = False) -> str:
    return f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if head else ''}</w:trPr>{cells}</w:tr>"


def _cell(said: str, paragraph: str = "", cell: str = "") -> str:
    close = '<w:spacing w:before="20" w:after="20" w:line="240" w:lineRule="auto"/>'
    keep, rest = (
        ("<w:keepNext/>", paragraph.replace("<w:keepNext/>", ""))
        if "keepNext" in paragraph
        else ("", paragraph)
    )
    return f"<w:tc><w:tcPr>{cell}</w:tcPr><w:p><w:pPr>{keep}{close}{rest}</w:pPr>{said}</w:p></w:tc>"


def _head(spans: Sequence[Span], lines: Sequence[Sequence[Span]], depth: int, letters: int) -> str:
    """A line of the head; words that stand in two lines are one cell."""
    last = depth == len(lines) - 1
    deep = [one for one in lines[0] if one.rows > 1] if len(lines) > 1 else []
    told = []
    for one in sorted([*spans, *deep] if depth else spans, key=lambda one: one.first):
        over = f'<w:gridSpan w:val="{one.columns}"/>' if one.columns > 1 else ""
        joined = ("<w:vMerge/>" if depth else '<w:vMerge w:val="restart"/>') if one.rows > 1 else ""
        ruled = last or one.rows > 1
        border = f"<w:tcBorders>{RULE.format('bottom')}</w:tcBorders>" if ruled else ""
        way = '<w:jc w:val="center"/>' if one.columns > 1 else _right(one.numeric)
        said = "" if one.rows > 1 and depth else _run(one.text, letters, "<w:b/>")
        told.append(_cell(said, f"<w:keepNext/>{way}", f'{over}{joined}{border}<w:vAlign w:val="bottom"/>'))
    return _row("".join(told), head=True)


# ---- the file ------------------------------------------------------------------------------------


def _timeless(made: bytes, tables: Sequence[str]) -> bytes:
    """The same ZIP file with its tables, its parts in one order and no time of writing."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/document.xml":
                told = re.sub(r"<\?table (\d+)\?>", lambda mark: tables[int(mark[1])], content.decode())
                content = told.encode()
            part = zipfile.ZipInfo(name, FIRST)
            part.compress_type, part.external_attr, part.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            new.writestr(part, content)
    return held.getvalue()
