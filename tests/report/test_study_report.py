"""The study report: the skeleton of ICH E3, results in words that lead to their cells, every output once."""

import re
from collections import Counter

import polars as pl
import pytest

from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.analysis.estimate import NotEstimable
from trialrun.protocol.protocol import Protocol
from trialrun.report.display import Display, Shown
from trialrun.report.document import Document, Facts, Heading, Link, Paragraph, Picture, Points
from trialrun.report.language import language as words_of
from trialrun.report.pack import NoPack, pack
from trialrun.report.published import published
from trialrun.report.study_report import Edition, study_report


@pytest.fixture(scope="module")
def ard(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> Ard:
    assert protocol.outputs is not None
    return analyse_outputs(tables, protocol.outputs, protocol)


@pytest.fixture(scope="module")
def report(protocol: Protocol, ard: Ard, spoken: str) -> Document:
    return study_report(protocol, ard, Edition(virtual=True, seed=1), spoken)


def pieces(document: Document) -> list[Shown | Link]:
    found: list[Shown | Link] = []
    for block in document.blocks:
        if isinstance(block, Paragraph):
            found += block.pieces
        elif isinstance(block, Points):
            found += [piece for item in block.items for piece in item]
        elif isinstance(block, Facts):
            found += [piece for _, item in block.rows for piece in item]
    return found


def test_the_sections_are_those_of_e3_in_order(report: Document) -> None:
    numbers = [one.number for one in report.blocks if isinstance(one, Heading) and one.number]
    chapters = [number for number in numbers if "." not in number]
    assert chapters == ["2", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"]
    assert len(numbers) == len(set(numbers))


def test_every_output_stands_once(report: Document, ard: Ard) -> None:
    stands = Counter(one.id for one in report.blocks if isinstance(one, Display | Picture))
    assert {key: stands[key] for key in ard.outputs} == dict.fromkeys(ard.outputs, 1)


def test_every_number_in_words_is_a_cell_and_every_link_an_output(report: Document, ard: Ard) -> None:
    known = set(ard.cells["cell"])
    ids = [piece.id for piece in pieces(report) if isinstance(piece, Shown) and piece.id]
    assert len(ids) > 20
    assert set(ids) <= known
    links = {piece.output for piece in pieces(report) if isinstance(piece, Link)}
    assert links
    assert links <= set(ard.outputs)


def test_counts_in_words_say_what_they_stand_under(report: Document) -> None:
    """The same words are told apart, several cells by their heads, and no part passes for a whole."""
    said = ["".join(piece.text for piece in item) for item in points(report)]
    course, events, visit = {
        "en": ("Courses begun – Course 1", "Any – n (%) [events]", "W1 D1"),
        "fr": ("Cures commencées – Cure 1", "Tous – n (%) [événements]", "S1 J1"),
    }[report.language]
    assert sum(sentence.startswith(course) for sentence in said) == 1
    assert sum(sentence.startswith(events) for sentence in said) == 1
    assert not any(sentence.startswith(visit) for sentence in said)  # of many visits the first would be told


def test_the_words_say_what_the_cells_say(report: Document, ard: Ard) -> None:
    cells = ard.of("14.2.1.1").filter(pl.col("analysis") == "tolerance")
    values = dict(cells.select("statistic", "value").iter_rows())
    said = ["".join(piece.text for piece in item) for item in points(report)]
    x, n = f"{values['x']:g}", f"{values['n']:g}"
    begins = f"{x} of {n} participants" if report.language == "en" else f"{x} participants sur {n} "
    assert any(sentence.startswith(begins) for sentence in said)


def points(document: Document) -> list[tuple[Shown | Link, ...]]:
    return [item for block in document.blocks if isinstance(block, Points) for item in block.items]


def test_virtual_people_are_named_and_real_ones_are_not(protocol: Protocol, ard: Ard) -> None:
    assert study_report(protocol, ard, Edition(virtual=True), "fr").banner
    assert not study_report(protocol, ard, Edition(virtual=False), "fr").banner


def test_nobody_yet(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> None:
    assert protocol.outputs is not None
    nobody = {code: table.clear() for code, table in tables.items()}
    empty = analyse_outputs(nobody, protocol.outputs, protocol)
    made = study_report(protocol, empty, Edition(virtual=False))
    said = " ".join(piece.text for piece in pieces(made))
    assert not re.search(r"\bnan\b|\bNone\b", said)
    assert "Not estimable" in said


def test_a_pack_that_is_not_planned_is_told(protocol: Protocol, ard: Ard) -> None:
    with pytest.raises(NoPack) as refused:
        pack(protocol, ard, Edition(virtual=True), "bord")
    assert "no pack `bord`" in refused.value.render()


def test_the_adjusted_p_value_of_a_primary_endpoint_is_said_and_leads_to_its_cell(
    report: Document, ard: Ard
) -> None:
    told = {
        cell.id
        for line, cells in ard.lines("14.2.4.1")
        for cell in cells
        if line.key[-1] == "p_adjusted" and not isinstance(cell.values["p_adjusted"], NotEstimable)
    }
    assert told and told <= {piece.id for piece in pieces(report) if isinstance(piece, Shown)}


def test_flares_alone_stand_beside_the_published_flares(protocol: Protocol, ard: Ard, spoken: str) -> None:
    shown = published(protocol, ard, True, words_of(spoken))
    assert shown is not None
    first = shown.rows[0].cells[1]
    assert first.id in {
        cell.id for line, cells in ard.lines("14.2.1.1") for cell in cells if line.key == ("flares_alone",)
    }
    assert first.text.endswith("/10") or "/10 (" in first.text
