"""The schedule as a page and as a PDF: whole, linked, the same bytes, and split where it is too wide."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.protocol.compile import load
from trialrun.protocol.plan import ANY_TIME
from trialrun.report.language import language
from trialrun.report.missing import Missing
from trialrun.report.schedule import paper
from trialrun.report.schedule.column import Column
from trialrun.report.schedule.layout import MARGIN, PAPERS, SIZES, layout, rows_of, spans
from trialrun.report.schedule.page import page
from trialrun.report.schedule.schedule import Head, Schedule, schedule


@pytest.fixture(scope="module", params=["en", "fr"])
def made(request: pytest.FixtureRequest) -> Schedule:
    return schedule(load("vascu_il2"), language(request.param))


class Seen(HTMLParser):
    """What a page holds: ids, links, and how many columns each row of the table covers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.rows: list[int] = []
        self.tags: Counter[str] = Counter()
        self.open: list[str] = []
        self.held: dict[int, int] = {}  # row -> columns that cells above reach into
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        if tag == "tr":
            self.rows.append(self.held.get(len(self.rows), 0))
        if tag in ("td", "th"):
            wide, deep = int(given.get("colspan", 1)), int(given.get("rowspan", 1))
            self.rows[-1] += wide
            for below in range(len(self.rows), len(self.rows) + deep - 1):
                self.held[below] = self.held.get(below, 0) + wide
            assert tag == "td" or given["scope"] in ("col", "colgroup", "row", "rowgroup")
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole(made: Schedule) -> None:
    text = page(made)
    seen = Seen(text)
    assert seen.open == []
    assert set(seen.rows) == {len(made.heads) + 1}, "every row covers all columns"
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)
    assert len(seen.ids) == len(set(seen.ids))
    assert {f"note-{mark}" for mark, _ in made.notes} <= set(seen.ids)
    assert (seen.tags["script"], seen.tags["caption"], seen.tags["link"], seen.tags["img"]) == (0, 1, 0, 0)
    assert "size: a4 landscape" in text
    assert text == page(made)


def test_the_page_warns_first_and_names_its_origin_last(made: Schedule) -> None:
    text = page(made)
    body = text[text.index("<body>") :]
    assert made.standing is not None
    assert body.index(made.standing) < body.index("<h1>")
    assert body.index("<footer>") < body.index(made.hash)
    assert f'<html lang="{made.words.code}">' in text


def test_the_page_escapes_what_the_study_says(made: Schedule) -> None:
    told = page(replace(made, title="<i>nobody</i>"))
    assert "&lt;i&gt;nobody&lt;/i&gt;" in told
    assert "<i>nobody" not in told


def test_the_pdf_is_the_same_each_time(made: Schedule) -> None:
    first = paper.pdf(made)
    assert first.startswith(b"%PDF-")
    assert first == paper.pdf(made)
    assert first != paper.pdf(made, "a3")
    assert b"CreationDate" not in first


def test_without_typst_the_cure_is_said(made: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(Missing) as caught:
        paper.pdf(made)
    assert "pip install 'trialrun[pdf]'" in caught.value.render()


def test_the_bundled_study_fits_on_one_sheet(made: Schedule) -> None:
    laid = layout(made)
    assert (laid.paper, len(laid.parts)) == ("a4", 1)
    assert laid.size >= 7


def wide(made: Schedule, columns: Sequence[Column]) -> Schedule:
    """A schedule with these columns, a mark in each."""
    heads = tuple(Head(column, (), (), False) for column in columns)
    group = replace(made.groups[0], rows=(replace(made.groups[0].rows[0], cells=("X",) * len(heads)),))
    return replace(made, heads=heads, groups=(group,), total=None)


words = st.text("abcdefgh –", max_size=25)
drawn = st.lists(
    st.builds(
        lambda course, label, day: Column((), "visit", "", (course,) if course else (), course, label, day),
        st.sampled_from(["", "", "C1", "C2", "C3"]), words, words,
    ),
    min_size=1, max_size=90,
)  # fmt: skip


@settings(max_examples=60)
@given(columns=drawn, on=st.sampled_from([None, "a4", "a3"]))
def test_however_many_columns_each_is_on_one_sheet_that_holds_it(
    columns: list[Column], on: str | None
) -> None:
    made = wide(schedule(load("vascu_il2"), language("en")), columns)
    laid = layout(made, on)
    assert [index for part in laid.parts for index in part.columns] == list(range(len(columns)))
    assert laid.size in SIZES
    for part in laid.parts:
        assert part.titles + sum(part.widths) <= PAPERS[laid.paper] - 2 * MARGIN + 0.01 * len(part.widths)
        assert all(width >= 6.5 for width in part.widths)
        assert sum(span.columns for span in part.heads[0]) == len(part.columns)
        assert [title for title, _ in rows_of(made, part)] == [made.groups[0].title]


def test_a_schedule_that_is_too_wide_becomes_several_tables_and_is_set(made: Schedule) -> None:
    columns = [
        Column((), "visit", "Treatment", (f"C{i // 3}",), f"Course {i // 3}", f"D{i}", str(i))
        for i in range(80)
    ]
    heads = wide(made, columns)
    laid = layout(heads, "a4")
    assert len(laid.parts) > 1
    assert {len(part.columns) % 3 for part in laid.parts[:-1]} == {0}, "courses stay whole"
    assert paper.pdf(heads).startswith(b"%PDF-")


def test_heads_span_their_courses() -> None:
    def head(kind: str, course: str, label: str) -> Head:
        return Head(Column((), kind, "Epoch", (course,) if course else (), course, label), (), (), False)

    rows = spans(
        [
            head("visit", "", "V"),
            head("course", "C1", "D1"),
            head("course", "C1", "D2"),
            head(ANY_TIME, "", ""),
        ]
    )
    assert [[(span.text, span.columns, span.rows) for span in row] for row in rows] == [
        [("Epoch", 3, 1), ("Epoch", 1, 5)],
        [("V", 1, 2), ("C1", 2, 1)],
        [("D1", 1, 1), ("D2", 1, 1)],
    ]
    assert len(spans([head("visit", "", "V")])) == 2
