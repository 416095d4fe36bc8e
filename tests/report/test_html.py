"""A document as a page: whole, safe, the same bytes each time, and each number leads to its rows."""

import base64
import hashlib
import html as escapes
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from example_document import HOSTILE, UNDER
from trialrun.report.display import Shown
from trialrun.report.document import Heading, Paragraph
from trialrun.report.heads import heads
from trialrun.report.html import html
from trialrun.report.provenance import _ranges

VOID = {"meta", "br", "rect", "circle"}


class Seen(HTMLParser):
    """What a page holds: ids, links, numbers that may be asked about, columns of each row of each table."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.numbers, self.open, self.tables = [], [], [], [], []
        self.attributes = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.attributes.update(given)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if "data-n" in given:
            self.numbers.append(int(given["data-n"]))
        if tag == "table":
            self.tables.append(([], Counter()))
        if tag == "tr":
            rows, held = self.tables[-1]
            rows.append(held[len(rows)])
        if tag in ("td", "th"):
            rows, held = self.tables[-1]
            wide = int(given.get("colspan", 1))
            rows[-1] += wide
            for below in range(len(rows), len(rows) + int(given.get("rowspan", 1)) - 1):
                held[below] += wide
            assert tag == "td" or given["scope"] in ("col", "colgroup", "row", "rowgroup")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(document, few, tables):
    return html(document, few, tables)


@pytest.fixture(scope="module")
def seen(page):
    return Seen(page)


@pytest.fixture(scope="module")
def results(page):
    return json.loads(block(page, "results"))


def block(page, name):
    return re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)[1]


def test_the_page_is_whole(seen):
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)
    assert all(len(set(rows)) == 1 for rows, _ in seen.tables), "every row covers all columns"


def test_nothing_comes_from_outside_and_one_script_runs(page, seen):
    policy = escapes.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])
    for tag, part in (("script", r"<script>(.*?)</script>"), ("style", r"<style>(.*?)</style>")):
        [told] = re.findall(part, page, re.S)
        digest = base64.b64encode(hashlib.sha256(told.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "style" not in seen.attributes
    assert not [one for one in seen.attributes if one.startswith("on")]
    read = re.sub(r"<script>.*?</script>", "", page, flags=re.S)  # names of formats stand in the script
    assert "://" not in read.replace("http-equiv", "")


def test_every_number_resolves_to_its_result_and_its_rows(seen, results, few):
    assert set(seen.numbers) == set(range(len(results["cells"])))
    name = dict(few.rows.select("row", "id").iter_rows())
    held = {cell: some for (cell,), some in few.cells.group_by("cell", maintain_order=True)}
    for place, (method, parameters, statistics, rows) in enumerate(results["cells"]):
        cell = base64.b64decode(results["ids"][43 * place : 43 * place + 43] + "=").hex()
        own = held[cell]
        assert results["methods"][method] == own["method"][0]
        told = {
            results["keys"][key]: results["values"][value]
            for key, value in zip(parameters[::2], parameters[1::2], strict=True)
        }
        assert told == json.loads(own["parameters"][0])
        assert [results["statistics"][one] for one in statistics[::2]] == own["statistic"].unique(
            maintain_order=True
        ).to_list()
        names = [results["rows"]["id"][one] for one in numbers(results["sets"][rows])]
        assert names == [name[row] for row in sorted(set(own["sources"][0]))]
        if own["method"][0] != "operating_characteristics/1":  # that of the rule alone
            assert names, cell


def numbers(ranges):
    place, found = 0, []
    for gap, many in zip(ranges[::2], ranges[1::2], strict=True):
        found += range(place + gap, place + gap + many)
        place += gap + many
    return found


def test_rows_have_the_values_of_their_tables(results, tables, few):
    place = 0
    for table in results["rows"]["tables"]:
        own = {**few.made, **tables}[table["name"]]
        told = results["rows"]["id"][place : place + table["rows"]]
        behind = few.rows.filter(pl.col("id").is_in(told), table=table["name"])  # figures may have more
        assert told == behind["id"].to_list()
        some = own.filter(pl.col("SRC").is_in(behind["SRC"].implode()))
        for name, (values, at) in table["columns"].items():
            assert not at or len(at) == table["rows"]
            told = {str(one) for one in values}
            assert told <= {
                str(int(one) if isinstance(one, float) and one.is_integer() else one)
                for one in some[name].to_list()
            }
        place += table["rows"]
    assert place == len(results["rows"]["id"])


def test_other_tables_are_refused(document, few, tables):
    other = {**tables, "AE": tables["AE"].reverse()}
    with pytest.raises(ValueError, match="not those of the table AE"):
        html(document, few, other)
    with pytest.raises(ValueError, match=r"not in the table C[EM]"):
        html(document, few, {"AE": tables["AE"], "ZZ": tables["AE"]})


def test_a_number_that_is_no_result_is_refused(document, few):
    stray = replace(document, blocks=(Paragraph((Shown("7", "0" * 64),)),))
    with pytest.raises(ValueError, match=f"shows {'0' * 64}, which is not among the results"):
        html(stray, few)


def test_without_tables_the_rows_are_named(document, few):
    told = json.loads(block(html(document, few), "results"))["rows"]
    assert told["tables"] == [] and len(told["id"]) == len(told["src"]) > 0


def test_what_is_said_is_escaped(page):
    assert escapes.escape(HOSTILE) in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert "<b>bold" not in page and "<i>it" not in page
    assert page.count("</script>") == 4


def test_no_number_is_none_or_nan(page):
    assert not re.search(r">(nan|None|NaN)<", page)
    assert not re.search(r"[\[,:](NaN|Infinity)", block(page, "results"))


def test_the_page_speaks_its_language(page, spoken):
    assert f'<html lang="{spoken}">' in page
    told = {"en": "Listing 16.2.7.1", "fr": "Liste 16.2.7.1"}[spoken]
    assert told in page
    assert json.loads(block(page, "words"))["decimal"] == {"en": ".", "fr": ","}[spoken]


def test_the_banner_stands_before_all(page, document):
    body = page[page.index("<body>") :]
    assert body.index(document.banner) < body.index("<h1>")
    assert 'class="banner"' not in html_of_real(document)


def html_of_real(document):
    from trialrun.analysis.ard import Ard
    from trialrun.analysis.outputs.recorded import SCHEMA

    rows = pl.DataFrame(schema={"row": pl.UInt32, "table": pl.String, "id": pl.String, "SRC": pl.String})
    return html(
        replace(document, banner="", blocks=(Heading("Alone"),)),
        Ard(pl.DataFrame(schema=SCHEMA), rows, {}, {}),
    )


def test_a_head_over_several_columns():
    above, below = heads(UNDER)
    assert [(one.text, one.columns, one.rows) for one in above] == [
        ("Term", 1, 2), ("Grade", 1, 2), ("Arm A\n(N=5)", 2, 1), ("Arm B\n(N=5)", 2, 1), ("p", 1, 2),
    ]  # fmt: skip
    assert [one.text for one in below] == ["Number", "Events"] * 2


def test_rows_are_told_as_ranges():
    assert _ranges([4, 2, 3, 9, 4]) == (2, 3, 4, 1)
    assert _ranges([]) == ()
    assert numbers(_ranges([0, 1, 5])) == [0, 1, 5]
