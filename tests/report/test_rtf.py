"""A document as RTF: every brace closed, every row of as many cells as it has places, in any language."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from example_document import HOSTILE, UNDER
from trialrun.report.display import Display
from trialrun.report.rtf import rtf, text


@pytest.fixture(scope="module")
def made(document):
    return rtf(document).decode("ascii")


def read(said):
    """The words of a piece of RTF, by what the specification says of escapes."""

    def letter(found):
        if found[1]:
            return (int(found[1]) % 65536).to_bytes(2, "little").decode("utf-16-le", "surrogatepass")
        return {"\\~": "\N{NO-BREAK SPACE}", "\\line ": "\n", "\\tab ": "\t"}.get(found[0], found[0][1:])

    told = re.sub(r"\\u(-?\d+)\?|\\line |\\tab |\\[^a-z]", letter, said)
    return told.encode("utf-16", "surrogatepass").decode("utf-16")


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("é ≥ 中 😀 {x} \\ \N{NO-BREAK SPACE}%\tend\nline")
def test_any_text_can_be_read_back(said):
    told = text(said)
    assert told.isascii() and told.isprintable()
    assert read(told) == said
    assert all(-32768 <= int(number) <= 32767 for number in re.findall(r"\\u(-?\d+)\?", told))


def test_every_group_is_closed(made):
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", made):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert made.startswith(r"{\rtf1\ansi") and made.endswith("}")


def test_every_row_has_a_place_for_each_cell(made):
    rows = re.findall(r"\\trowd.*?\\row\b", made)
    assert len(rows) > 100
    for row in rows:
        places = [int(one) for one in re.findall(r"\\cellx(\d+)", row)]
        assert places == sorted(set(places))
        assert len(places) == len(re.findall(r"\\cell\b", row))


def test_all_cells_of_all_displays_are_there(made, document):
    displays = [block for block in document.blocks if isinstance(block, Display)]
    rows = sum(len(shown.rows) for shown in displays)
    heads = sum(2 if any(head.under for head in shown.heads) else 1 for shown in displays)
    assert made.count("\\row\n") == rows + heads
    assert made.count("\\trhdr") == heads
    assert any(row.gap for shown in displays for row in shown.rows)  # an empty line is a row too


def test_wide_displays_are_in_turned_sections_with_banner_and_pages(made, document):
    sections = made.split("\\sectd")[1:]
    assert {"\\lndscpsxn" in one for one in sections} == {True, False}
    for one in sections:
        assert text(document.banner) in one and "PAGE" in one and "NUMPAGES" in one
        assert text(document.foot) in one


def test_a_head_over_several_columns_stands_over_them():
    alone = rtf(document_of(UNDER)).decode("ascii")
    above, below = re.findall(r"\\trowd[^\n]*\\trhdr[^\n]*", alone)
    ends = [re.findall(r"\\cellx(\d+)", line) for line in (above, below)]
    assert (len(ends[0]), len(ends[1])) == (5, 7)
    assert set(ends[0]) <= set(ends[1])
    assert "Arm A" in above and "Term" in below and "Term" not in above


def document_of(*blocks):
    from trialrun.report.document import Document

    return Document("report", "A", "", "fr", blocks)


def test_figures_are_drawn_and_links_lead_somewhere(made):
    [picture] = re.findall(r"\\pngblip\\picwgoal\d+\\pichgoal\d+\n([0-9a-f]+)}", made)
    assert bytes.fromhex(picture).startswith(b"\x89PNG")
    anchors = set(re.findall(r"\\bkmkstart (\w+)}", made))
    links = set(re.findall(r'HYPERLINK \\\\l "(\w+)"', made))
    assert links and links <= anchors


def test_what_is_said_is_escaped(made):
    assert text(HOSTILE) in made and r"\{braces\}" in made


def test_the_same_document_gives_the_same_bytes(document, made):
    assert rtf(document).decode("ascii") == made
    assert rtf(replace(document, foot="other")).decode("ascii") != made
