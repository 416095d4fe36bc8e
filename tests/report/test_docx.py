"""A document as DOCX: what a word processor reads is what was said, the same bytes each time."""

import io
import sys
import zipfile
from dataclasses import replace

import docx as python_docx
import pytest
from docx.enum.section import WD_ORIENT

from example_document import HOSTILE, UNDER
from trialrun.report.display import Display, Shown
from trialrun.report.document import Document, Paragraph, Picture
from trialrun.report.docx import docx
from trialrun.report.heads import heads
from trialrun.report.missing import Missing


@pytest.fixture(scope="module")
def made(document):
    return docx(document)


@pytest.fixture(scope="module")
def read(made):
    return python_docx.Document(io.BytesIO(made))


def texts(row):
    return [cell.text for cell in row.cells]


def test_every_cell_can_be_read_back(read, document):
    displays = [block for block in document.blocks if isinstance(block, Display)]
    assert len(read.tables) == len(displays)
    for table, shown in zip(read.tables, displays, strict=True):
        rows = list(table.rows)[len(heads(shown)) :]
        told = shown.rows
        assert len(rows) == len(told)
        if len(told) > 60:
            rows, told = rows[:20], told[:20]
        for row, said in zip(rows, told, strict=True):
            if said.gap:
                assert set(texts(row)) == {""}
            elif said.heading:
                assert set(texts(row)) == {" ".join(filter(None, said.labels))}
            else:
                assert texts(row) == [*said.labels, *(cell.text for cell in said.cells)]


def test_headings_make_an_outline(read):
    styles = [one.style.name for one in read.paragraphs if one.style.name.startswith("Heading")]
    assert styles[0] == "Heading 1" and "Heading 2" in styles
    assert read.core_properties.title.startswith("VASCU-IL2")


def test_wide_displays_are_in_turned_sections_with_banner_and_pages(read, document):
    ways = {section.orientation for section in read.sections}
    assert ways == {WD_ORIENT.LANDSCAPE, WD_ORIENT.PORTRAIT}
    for section in read.sections:
        assert document.banner in [one.text for one in section.header.paragraphs]
        assert "PAGE" in section.footer._element.xml and "NUMPAGES" in section.footer._element.xml
        assert (section.page_width > section.page_height) == (section.orientation == WD_ORIENT.LANDSCAPE)


def test_a_head_over_several_columns_stands_over_them():
    read = python_docx.Document(io.BytesIO(docx(Document("report", "A", "", "fr", (UNDER,)))))
    above, below = list(read.tables[0].rows)[:2]
    assert texts(above) == ["Term", "Grade", *["Arm A\n(N=5)"] * 2, *["Arm B\n(N=5)"] * 2, "p"]
    assert texts(below) == ["Term", "Grade", "Number", "Events", "Number", "Events", "p"]
    assert read.tables[0]._tbl.xml.count("<w:tblHeader/>") == 2


def test_figures_are_drawn_and_links_lead_somewhere(read, document):
    [shape] = read.inline_shapes
    [picture] = [block for block in document.blocks if isinstance(block, Picture)]
    assert shape._inline.docPr.get("descr") == picture.alt
    paragraphs = [one.text for one in read.paragraphs]
    drawn = next(i for i, one in enumerate(read.paragraphs) if one._p.xpath(".//w:drawing"))
    assert picture.title in paragraphs[drawn - 1]
    assert paragraphs[drawn + 1] == picture.notes[0]
    name = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    body = read.element.body
    anchors = [one.get(f"{name}name") for one in body.iter(f"{name}bookmarkStart")]
    numbers = [one.get(f"{name}id") for one in body.iter(f"{name}bookmarkStart")]
    links = {one.get(f"{name}anchor") for one in body.iter(f"{name}hyperlink")}
    assert links and links <= set(anchors)
    assert len(set(numbers)) == len(numbers)


def test_what_is_said_is_escaped(read):
    assert HOSTILE in [one.text for one in read.paragraphs]
    odd = Document("report", "A", "", "en", (Paragraph((Shown("a\x00b\x0bc\ud800"),)),))
    assert python_docx.Document(io.BytesIO(docx(odd))).paragraphs[-1].text == "abc"


def test_the_language_is_that_of_the_document(read, spoken):
    assert {"en": "en-GB", "fr": "fr-FR"}[spoken] in read.styles.element.xml


def test_the_file_says_no_time(made, document):
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"created" not in parts.read("docProps/core.xml")
    assert docx(document) == made
    assert docx(replace(document, foot="other")) != made


def test_without_the_library_the_cure_is_said(document, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(Missing) as caught:
        docx(document)
    assert "pip install 'trialrun[docx]'" in caught.value.render()
