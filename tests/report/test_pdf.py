"""A document as a PDF: tagged, bookmarked, turned where it is wide, the same bytes each time."""

import re
import sys
from dataclasses import replace

import pytest

from example_document import UNDER
from trialrun.report.display import DisplayRow, Shown
from trialrun.report.document import Heading, Paragraph, Picture
from trialrun.report.drawing import size
from trialrun.report.missing import Missing
from trialrun.report.pages import runs
from trialrun.report.pdf import _content, pdf
from trialrun.report.widths import LINE, lines, widths


@pytest.fixture(scope="module")
def made(document):
    return pdf(document)


def test_it_is_tagged_and_bookmarked_in_its_language(made, document, spoken):
    assert made.startswith(b"%PDF-")
    assert f"/Lang({spoken})".encode() in made
    assert b"/Marked true" in made and b"/Outlines" in made and b"/StructTreeRoot" in made
    assert b"CreationDate" not in made
    for block in document.blocks:
        if hasattr(block, "id"):
            assert f"({block.id})".encode() in made, "each output can be led to"


def test_wide_pages_are_turned(made):
    sizes = re.findall(rb"/MediaBox\[0 0 ([\d.]+) ([\d.]+)\]", made)
    turned = {float(wide) > float(high) for wide, high in sizes}
    assert turned == {True, False}


def test_the_same_document_gives_the_same_bytes(made, document):
    assert pdf(document) == made
    assert pdf(replace(document, title="Another")) != made


def test_headings_go_with_what_follows_them(document):
    turned = replace(UNDER, landscape=True)
    said = Paragraph((Shown("Words."),))
    blocks = (Heading("A"), turned, turned, Heading("B"), said, Heading("C"))
    told = [
        (way, [type(one.block).__name__ for one in some])
        for way, some in runs(replace(document, blocks=blocks))
    ]
    assert told == [
        (True, ["Heading", "Display", "Display"]), (False, ["Heading", "Paragraph"]), (False, ["Heading"]),
    ]  # fmt: skip


def test_no_level_of_headings_is_passed_over(document):
    deep = replace(document, blocks=(Heading("Deep", 4), Heading("One", 1), Heading("Three", 3), UNDER))
    [(_, blocks)] = _content(deep)["runs"]
    assert [block[1] for block in blocks[:3]] == [1, 1, 2]
    assert blocks[3][1]["level"] == 3
    assert pdf(deep).startswith(b"%PDF-")


def test_a_document_of_words_alone(document):
    alone = replace(
        document, blocks=(Paragraph((Shown("Nothing yet."),)),), banner="", standing="", facts=(), foot=""
    )
    assert pdf(alone).startswith(b"%PDF-")


def test_columns_share_the_line_by_what_they_hold():
    wide = replace(UNDER, heads=UNDER.heads * 3, rows=())
    assert sum(widths(wide)) == pytest.approx(1)
    assert sum(widths(replace(wide, landscape=True))) < 1
    narrow = replace(UNDER, stub=("A",), heads=UNDER.heads[:1], rows=())
    assert sum(widths(narrow)) < 0.25


def test_long_texts_share_what_the_other_columns_leave():
    cells = (Shown("A long reason. " * 20), Shown("7"))
    told = replace(UNDER, stub=("A",), heads=UNDER.heads[:2], rows=(DisplayRow(("Term",), cells),))
    term, reason, number = widths(told)
    assert sum(widths(told)) == pytest.approx(1)
    assert reason > 0.8 and term < 0.1 and number < 0.1
    assert 3 <= lines(told) <= 5


def test_no_word_of_a_head_is_wider_than_its_column():
    heads = tuple(replace(UNDER.heads[0], title=f"Lymphocytes{i} (10⁹/L)") for i in range(9))
    row = DisplayRow(("Tolerance of the first course",), (Shown("1.2"),) * 9)
    told = replace(UNDER, stub=("Visit",), heads=heads, rows=(row,), landscape=True)
    shares = widths(told)
    assert sum(shares) == pytest.approx(1)
    assert min(shares[1:]) * LINE[True] > len("Lymphocytes0")


def test_the_longest_text_has_the_widest_column_and_short_ones_stay_whole():
    cells = (Shown("8 of 10"), Shown("middling words " * 4), Shown("A long remark. " * 15))
    row = DisplayRow(("A result of some forty letters, say so",), cells)
    told = replace(UNDER, stub=("A",), heads=UNDER.heads[:1] * 3, rows=(row,))
    result, published, ours, remark = (share * LINE[False] for share in widths(told))
    assert remark > ours > result > published
    assert published > len("8 of 10") and remark > 45


def test_a_sentence_alone_has_its_width():
    said = DisplayRow(("There is nothing to tell of in this table.",), heading=True)
    told = replace(UNDER, stub=("Event",), heads=(), rows=(said,))
    assert sum(widths(told)) * LINE[False] > len(said.labels[0])


def test_a_short_document_is_one_page(document):
    """Two narrow tables of a status page stand beside each other, without a list of contents."""
    narrow = replace(UNDER, stub=("A",), heads=UNDER.heads[:1], rows=())
    short = _content(replace(document, blocks=(Heading("Status"), narrow, replace(narrow, id="B"))))
    assert short["contents"] == ""
    [(_, blocks)] = short["runs"]
    assert [kind for kind, *_ in blocks] == ["heading", "pair"]
    made = pdf(replace(document, blocks=(Heading("Status"), narrow, replace(narrow, id="B"))))
    assert len(re.findall(rb"/MediaBox", made)) == 1


def test_a_drawing_is_no_higher_than_a_page(document):
    [picture] = [block for block in document.blocks if isinstance(block, Picture)]
    assert size(picture.svg, 174, 190) == (174, 174 * 0.3)
    assert size('<svg viewBox="0 0 100 400">', 174, 190) == (47.5, 190)
    assert size("<svg>", 174, 190) == pytest.approx((174, 190))


def test_without_typst_the_cure_is_said(document, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(Missing) as caught:
        pdf(document)
    assert "pip install 'trialrun[pdf]'" in caught.value.render()
    assert caught.value.render().endswith("Or print the HTML.")
