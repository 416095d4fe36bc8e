"""The report: whole, alone on disk, in both languages, and saying what it must."""

import html as entities
import re
import time
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from trialrun.analysis.results import analyse
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions
from trialrun.report.figures.swimmer import swimmer
from trialrun.report.language import language
from trialrun.report.participants import participants
from trialrun.report.report import render
from trialrun.report.statement import statement

VOID = {"meta", "br", "link", "img", "hr", "input"}
BANNER = {
    "en": "Virtual participants: simulated, not observed",
    "fr": "Participants virtuels : simulés, non observés",
}


def flat(text: str) -> str:
    """Text with every run of spaces, unbreakable ones too, as one space."""
    return re.sub(r"\s+", " ", text).strip()


class Page(HTMLParser):
    """Reads a page; fails where tags do not close in order. Collects ids, links, and text outside style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return flat(" ".join(self.words))


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_it_is_one_well_formed_page_in_its_language(html: str, page: Page, spoken: str) -> None:
    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert ("html", "lang", spoken) in page.attributes
    assert len(page.ids) == len(set(page.ids))


def test_links_and_labels_lead_somewhere(page: Page) -> None:
    for _, name, value in page.attributes:
        if name in ("href", "xlink:href"):
            assert value[1:] in page.ids
        if name == "aria-labelledby":
            assert value in page.ids


def test_nothing_is_fetched(html: str, page: Page) -> None:
    assert not re.search(r"https?://", html)
    assert not re.search(r"@import|@font-face|<script|<link|<iframe|<object", html)
    loaded = [value for _, name, value in page.attributes if name in ("src", "href", "xlink:href")]
    assert all(value.startswith("#") for value in loaded)
    used = re.findall(r"url\(([^)]*)\)", html)
    assert all(value.strip("'\"").startswith("#") for value in used)


def test_no_hole_shows_through(html: str, page: Page) -> None:
    for hole in ("NaN", "None", "undefined", "Infinity", "nan", "not_estimable"):
        assert not re.search(rf"\b{hole}\b", page.text), hole
        assert not re.search(rf'="[^"]*\b{hole}\b', html), hole
    assert "{{" not in html
    assert "{%" not in html


def test_it_says_that_participants_were_virtual_and_that_no_one_may_be_enrolled(
    html: str, page: Page, protocol: Protocol, spoken: str
) -> None:
    said = page.text
    assert said.count(BANNER[spoken]) == 3  # the title, the screen, the head of every printed page
    assert protocol.study.standing
    assert flat(protocol.study.standing(spoken)) in said


def test_a_report_on_people_has_no_banner(protocol: Protocol, example: ModuleType) -> None:
    tables = example.tables(protocol, 2, virtual=False)
    said = render(protocol, tables, analyse(protocol, tables))
    assert BANNER["en"] not in said
    assert "simulated" not in said


def test_every_assumption_is_there_with_its_reason(page: Page, protocol: Protocol, spoken: str) -> None:
    for each in assumptions(protocol, spoken):
        assert flat(each["reason"]) in page.text


def test_the_numbers_are_those_of_the_results(page: Page, spoken: str) -> None:
    numbers = {
        "en": ("× 3.27", "P = 0.004 (0.008 after Holm)", "8 of 10 (80%)", "44.4% to 97.5%", "0.648", "52.5"),
        "fr": (
            "× 3,27",
            "P = 0,004 (0,008 après Holm)",
            "8 sur 10 (80 %)",
            "44,4 % à 97,5 %",
            "0,648",
            "52,5",
        ),
    }
    for number in numbers[spoken]:
        assert number in page.text


def test_provenance_is_complete(page: Page, results: dict[str, Any]) -> None:
    for value in (results["protocol_hash"], results["software"], "20260101"):
        assert value in page.text


def test_published_results_stand_beside_ours(page: Page, protocol: Protocol, spoken: str) -> None:
    assert protocol.sources.published
    for row in protocol.sources.published.results:
        assert flat(row.about(spoken)) in page.text
        assert flat(row.value(spoken)) in page.text
    assert protocol.sources.published.cite in page.text


def test_figures_are_drawn_described_and_accompanied_by_their_numbers(html: str, page: Page) -> None:
    drawings = html.count('role="img"')
    assert drawings == html.count("<svg ") == html.count("<figure ") == 6
    assert all(value for _, name, value in page.attributes if name == "aria-label")
    assert html.count("<figcaption>") >= 3
    assert len(re.findall(r"<figure.*?<details>.*?<table.*?</figure>", html, re.DOTALL)) == 6


def test_french_numbers_have_a_comma(
    protocol: Protocol, tables: dict[str, pl.DataFrame], results: Any
) -> None:
    said = Page(render(protocol, tables, results, "fr")).text
    results_only = said[said.index("Les résultats en bref") : said.index("Ce qui a été supposé")]
    assert re.findall(r"\d\.\d", results_only.replace("doi:10.1056", "")) == []


def test_the_text_of_drawings_is_text(html: str) -> None:
    assert "font-family=" in html
    assert "Liberation Sans, Arial" in entities.unescape(html)
    for label in ("PSL-001", "W3" if 'lang="en"' in html else "S3"):
        assert f">{label}</text>" in html


def test_the_same_trial_gives_the_same_report_in_time(
    protocol: Protocol, tables: dict[str, pl.DataFrame], results: dict[str, Any], html: str, spoken: str
) -> None:
    started = time.process_time()
    again = render(protocol, tables, results, spoken)
    assert time.process_time() - started < 5
    assert again == html


@pytest.mark.parametrize("participants", [0, 1, 6])
def test_a_trial_that_has_hardly_begun_has_a_report(
    protocol: Protocol, example: ModuleType, participants: int
) -> None:
    tables = example.tables(protocol, participants)
    page = Page(render(protocol, tables, analyse(protocol, tables), "fr"))
    assert not re.search(r"\b(NaN|None|undefined|nan)\b", page.text)
    if participants == 6:
        assert "6 paires" in page.text
    if participants == 0:
        assert "Personne n'a encore été traité" in page.text


def test_a_decision_to_wait_is_drawn(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> None:
    waits = pl.col("USUBJID").str.ends_with("004") & (pl.col("DSSCAT") == "TOLERANCE C1")
    ds = tables["DS"].with_columns(DSDECOD=pl.when(waits).then(pl.lit("HOLD")).otherwise("DSDECOD"))
    who = participants(protocol, {**tables, "DS": ds})
    assert [one.label for one in who if one.holds] == ["PSL-004"]
    drawn = swimmer(protocol, who, language("en"))
    assert ("hold", "decision to wait") in drawn.key


def test_a_test_that_could_not_succeed_says_so(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> None:
    """Five of ten unchanged: five signs give no P below 2/32."""
    spots = pl.col("ISTESTCD") == "HCVSPOT"
    baseline = tables["IS"].filter(spots & (pl.col("TIMEPT") == "C1.D1")).select("USUBJID", before="ISSTRESN")
    still = pl.col("USUBJID").str.slice(-3).is_in(["001", "002", "003", "004"])
    same = (
        tables["IS"]
        .join(baseline, on="USUBJID", how="left")
        .with_columns(ISSTRESN=pl.when(still & spots).then("before").otherwise("ISSTRESN"))
        .drop("before")
    )
    changed = {**tables, "IS": same}
    found = statement(protocol, analyse(protocol, changed), "specific_cells", language("en"))
    said = " ".join(found.sentences)
    assert "unchanged in 4" in said
    assert "Only 5 differences are not zero: no P below 0.063 was possible." in said


def test_an_unknown_language_is_refused(protocol: Protocol, tables: Any, results: Any) -> None:
    with pytest.raises(ValueError, match="choose one of en, fr"):
        render(protocol, tables, results, "de")


def test_words_of_the_trial_cannot_become_markup(protocol: Protocol, tables: Any, results: Any) -> None:
    harmful = {**results, "software": "<script>alert(1)</script>"}
    said = render(protocol, tables, harmful)
    assert "<script" not in said


def test_a_published_row_says_whether_the_model_was_fitted_to_it(
    page: Page, protocol: Protocol, spoken: str
) -> None:
    assert protocol.sources.published
    marked = {row.id for row in protocol.sources.published.results if row.fitted}
    assert {"improved", "cryoglobulin_fell", "regulatory_cells"} <= marked
    words = language(spoken)
    assert page.text.count(flat(words("published.fitted"))) == len(marked)
    rest = len(protocol.sources.published.results) - len(marked)
    assert page.text.count(flat(words("published.not.fitted"))) == rest
    assert flat(words("published.tuned")) in page.text


def test_a_trial_of_people_has_no_words_about_the_model(protocol: Protocol, example: ModuleType) -> None:
    tables = example.tables(protocol, 2, virtual=False)
    results = {**analyse(protocol, tables), "model": MODEL}
    said = Page(render(protocol, tables, results)).text
    assert "fitted" not in said[: said.index("What was assumed", said.index("Exposure Doses given"))]
    assert "The model of virtual participants" not in said


def test_events_are_named_and_flares_stand_alone(page: Page, spoken: str) -> None:
    named = {
        "en": ("had no vasculitis flare, rescue treatment or death", "vasculitis flare: 1 of 10"),
        "fr": (
            "sans poussée de vascularite, traitement de secours ni décès",
            "poussée de vascularite : 1 sur 10",
        ),
    }
    for said in named[spoken]:
        assert said in page.text
    assert "without an event" not in page.text
    assert "aucun événement" not in page.text


def test_a_flare_that_waits_for_adjudication_is_said(protocol: Protocol, tables: Any) -> None:
    waiting = {**tables, "CE": tables["CE"].with_columns(CEADJUD=pl.lit(None, pl.String))}
    said = Page(render(protocol, waiting, analyse(protocol, waiting))).text
    assert "Vasculitis flare: 1 not yet adjudicated" in said
    assert "vasculitis flare: 1 of 10 (1 not yet adjudicated)" in said


def test_doses_not_given_have_their_reason(page: Page, spoken: str) -> None:
    row = {"en": "PSL-004 W3 D4 Toxicity", "fr": "PSL-004 S3 J4 Toxicité"}[spoken]
    assert row in page.text


def test_hodges_and_lehmann_are_named(page: Page, spoken: str) -> None:
    assert {"en": "(Hodges–Lehmann ratio × 3.27)", "fr": "(rapport de Hodges-Lehmann × 3,27)"}[
        spoken
    ] in page.text
    assert not re.search(r"median of \d+ pairs|médiane de \d+ paires", page.text)


MODEL = {
    "name": "two_cells",
    "assumptions": [
        {
            "element": "model/people/late",
            "about": "late",
            "reason": "People come late.",
            "standing": "assumed",
        },
        {"element": "two_cells/ka", "about": "ka", "reason": "Read in a paper.", "standing": "published"},
    ],
}


def test_the_assumptions_of_the_model_are_counted_apart(protocol: Protocol, tables: Any) -> None:
    results = analyse(protocol, tables)
    without = Page(render(protocol, tables, results)).text
    assert "The model of virtual participants" not in without
    said = Page(render(protocol, tables, {**results, "model": MODEL})).text
    assert "The model of virtual participants (two_cells) assumes 1 thing more" in said
    assert "People come late." in said
    assert "Read in a paper." not in said
    counted = re.search(r"The sources leave (\d+) things open", without)
    assert counted and counted[0] in said


def test_accrual_says_how_many_came_in_time(page: Page, spoken: str, results: dict[str, Any]) -> None:
    count = results["accrual"]["in_time"]
    words = {"en": f"within the planned 18 months: {count};", "fr": f"dans les 18 mois prévus : {count} ;"}
    assert words[spoken] in page.text
