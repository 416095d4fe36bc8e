"""The summary of anyone's tables: people of the CDISC pilot and our own virtual trial, by the same page."""

import html as entities
import re

import pytest

from trialrun.analysis.summary import summary
from trialrun.report.language import language
from trialrun.report.summary import disposition, overview, render, terms
from trialrun.tables.defect import Defect
from trialrun.tables.sdtm import read
from trialrun.tables.validate import validate


@pytest.fixture(scope="module")
def people(pilot):
    return read(pilot / "cdiscpilotsdtm").tables


@pytest.fixture(scope="module")
def found(people):
    return summary(people)


def text(html: str) -> str:
    body = html.partition("<body>")[2]
    return re.sub(r"\s+", " ", entities.unescape(re.sub(r"<[^>]+>", " ", body)))


def cells(rows, title):
    [row] = [row for row in rows.body if row[0].strip() == title]
    return [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row[1:]]


def test_cells_are_participants_share_and_events(found):
    words = language("en")
    head = [
        title.replace("\N{NO-BREAK SPACE}", " ") for title in disposition(found["disposition"], words).head
    ]
    assert head[1:3] == ["Placebo (N = 86)", "Xanomeline High Dose (N = 84)"]
    assert cells(disposition(found["disposition"], words), "Completed") == [
        "58 (67.4%)", "27 (32.1%)", "25 (29.8%)", "·", "110 (35.9%)",
    ]  # fmt: skip
    events = found["adverse_events"]
    assert cells(overview(events, words), "Serious") == ["·", "2 (2.4%) [2]", "1 (1.2%) [1]", "3 (1.2%) [3]"]
    assert cells(terms(events, "serious", words), "SYNCOPE") == [
        "·",
        "1 (1.2%) [1]",
        "1 (1.2%) [1]",
        "2 (0.8%) [2]",
    ]
    assert cells(terms(events, "counts", language("fr")), "SYNCOPE")[3] == "7 (2,8 %) [10]"


@pytest.mark.parametrize("spoken", ["en", "fr"])
def test_the_page_is_whole_and_needs_nothing_else(found, people, spoken):
    html = render(found, validate(people), "CDISCPILOT01", spoken)
    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert f'<html lang="{spoken}">' in html
    assert not re.search(r"https?://|<script|<link|<iframe", html)
    said = text(html)
    assert not re.search(r"\b(None|NaN|nan|null)\b|\{\{|\{%", said)
    assert "banner" not in html.partition("</style>")[2]  # people are no virtual participants
    for one in ("Screen Failure", "ae.parquet#105", "SUDDEN DEATH", "APPLICATION SITE PRURITUS"):
        assert one in said
    assert said.count("not serious, yet AESDTH is Y") == 1 + 3  # by kind, and each


@pytest.mark.parametrize("spoken", ["en", "fr"])
def test_our_own_trial_needs_no_case_of_its_own(tables, spoken):
    html = render(summary(tables), [], "VASCU-IL2", spoken)
    said = text(html)
    words = language(spoken)
    assert words("banner") in said
    assert words("summary.findings.none") in said
    assert re.sub(r"\s", " ", words("summary.worst.grade", severity="3")) in said
    assert not re.search(r"\b(None|NaN|nan|null)\b|\{\{|\{%", said)


def test_a_value_of_the_data_is_text_on_the_page(found):
    defect = Defect("AE", 0, "AETERM", "<b>&", "ae.xpt#1", "wrong")
    assert "&lt;b&gt;&amp;" in render(found, [defect], "<i>study</i>")
    assert "<i>study" not in render(found, [defect], "<i>study</i>")


def test_a_long_list_of_findings_is_cut_and_says_so(found):
    many = [Defect("AE", row, "AETERM", "x", f"ae.xpt#{row}", "wrong") for row in range(1200)]
    said = text(render(found, many, "S"))
    assert "200 more are not listed here" in said
    assert "ae.xpt#999" in said
    assert "ae.xpt#1000" not in said
