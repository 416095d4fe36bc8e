"""The schedule of activities: nothing of the plan is lost, alike columns are one, footnotes say the rules."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.protocol import Protocol, Task
from trialrun.report.language import language
from trialrun.report.schedule.column import columns
from trialrun.report.schedule.footnote import letter
from trialrun.report.schedule.schedule import Row, Schedule, plain, schedule

EN, FR = language("en"), language("fr")
Study = Callable[..., Protocol]

VARIABLES = """\
  biobank: {item: consent.biobank, at: SCR}
  first_flare: {first: flare.onset, during: since first dose}
  kilograms: {item: vital_signs.weight, at: SCR}
"""
ARMS = """\
arms:
  active: {title: Active, from: registry#10}
  control: {title: Control, from: registry#10}
allocation: {method: blocks, ratio: {active: 1, control: 1}, blocks: [4], from: registry#10}
"""
LOW = """\
    low: {dose: 0.05, per: kg, of: kilograms, round: 0.1, at_most: 4, from: registry#10}
"""
VISITS = """\
  UNS: {epoch: follow_up, label: Unscheduled, as_needed: 3, from: registry#13}
  AFTER: {epoch: follow_up, label: After, after: first_flare + 14 days, from: registry#13}
  W12: {epoch: follow_up, label: W12, arms: [control], after: first dose + 83 days, from: registry#13}
"""
SUBSTUDY = """\
substudies:
  cells: {title: Cells, require: biobank, from: registry#15}
"""


@pytest.fixture(scope="module")
def made() -> Schedule:
    return schedule(load("vascu_il2"), EN)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """The bundled study with some of its text replaced, in `file`: old, new, old, new …"""

    def changed(*pairs: str, file: str = "study.yaml") -> Protocol:
        folder = tmp_path / "study"
        if not folder.exists():
            shutil.copytree(bundled()["vascu_il2"], folder)
        text = (folder / file).read_text("utf-8")
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text, old
            text = text.replace(old, new)
        (folder / file).write_text(text, "utf-8")
        return load(str(folder))

    return changed


def row(made: Schedule, name: str) -> Row:
    return next(row for row in made.rows if row.id == name)


def done(made: Schedule, name: str) -> list[str]:
    """The heads of the columns in which a row has something."""
    cells = zip(made.heads, row(made, name).cells, strict=True)
    return [f"{head.column.course} {head.column.label}".strip() for head, cell in cells if cell]


def note(made: Schedule, beginning: str) -> str:
    """The one footnote that begins so, with what it lists, and plain spaces."""
    said = [" ".join([note.text, *note.items]).replace("\N{NO-BREAK SPACE}", " ") for _, note in made.notes]
    [found] = [text for text in said if text.startswith(beginning)]
    return found


# ---- columns -----------------------------------------------------------------------------------------


def test_the_columns_of_the_bundled_study(made: Schedule) -> None:
    shown = [(head.column.course, head.column.label, head.column.day) for head in made.heads]
    assert shown[:6] == [
        ("", "Screening", "−14"),
        ("Course W1", "D1", "1"),
        ("Course W1", "D2–D4", "2–4"),
        ("Course W1", "D5", "5"),
        ("Course W1", "D8", "8"),
        ("Course W1", "Tolerance of the first course", "19–22"),
    ]
    assert shown[-3:] == [("", "W37", "260"), ("", "28 days after last dose", "last dose + 28"), ("", "", "")]
    assert len(shown) == 23
    windows = {head.column.ids: head.column.window for head in made.heads}
    assert windows["SCR",] == "−14/+13"
    assert (windows["C2.D1",], windows["C2.D5",], windows["W11",]) == ("+7", "+1", "±3")
    assert (windows["C1.D1",], windows["tolerance_C1",]) == ("0", "")


def test_courses_that_are_alike_share_their_columns(study: Study) -> None:
    protocol = study(
        "places: {D1: day hospital, D5: on site}", "places: {D1: on site, D5: on site}",
        "C1.D1, C3.D1, W11", "C1.D1, W11",
        "[SCR, C3.D1, W11, W37]", "[SCR, W11, W37]",
        "[SCR, C4.D5, W37]", "[SCR, W37]",
        "secondary_at: [C3.D1, W37]", "secondary_at: [W37]",
    )  # fmt: skip
    found = [column for column in columns(protocol, EN) if column.courses == ("C2", "C3", "C4")]
    assert [(column.label, column.day) for column in found] == [
        ("D1", "22, 43, 64"),
        ("D2–D4", "23–25, 44–46, 65–67"),
        ("D5", "26, 47, 68"),
    ]
    assert {column.course for column in found} == {"Courses W3, W6, W9, each"}


def test_of_many_alike_courses_number_and_distance_are_said(study: Study) -> None:
    text = (bundled()["vascu_il2"] / "study.yaml").read_text("utf-8")
    c4 = next(line for line in text.splitlines(keepends=True) if line.startswith("    C4: "))

    def later(i: int) -> str:
        return c4.replace("C4:", f"C{i}:").replace("W9", f"W{3 * i - 3}").replace("C3 +", f"C{i - 1} +")

    protocol = study(c4, c4 + "".join(map(later, range(5, 10))), "at: [SCR, C4.D5, W37]", "at: [SCR, W37]")
    found = [column for column in columns(protocol, EN) if "C9" in column.courses]
    assert [column.day for column in found] == [
        "64, 85, …, 169",
        "65–67, 86–88, …, 170–172",
        "68, 89, …, 173",
    ]
    assert found[0].course == "Courses W9, W12, …, W24, each (6 in all, every 21 days)"


def test_doses_far_apart_share_a_column_that_says_how_far(study: Study) -> None:
    c4 = "{label: W9, after: C3 + 21 days, window: -0/+7 days, doses:"
    protocol = study(f"{c4} 5 daily", f"{c4} 9 every 2 days")
    found = [(column.label, column.day) for column in columns(protocol, EN) if column.courses == ("C4",)]
    assert found == [
        ("D1", "64"),
        ("D3–D7, every 2 days", "66–70"),
        ("D9", "72"),
        ("D11–D17, every 2 days", "74–80"),
    ]


def test_arms_events_sub_studies_and_visits_as_needed(study: Study) -> None:
    study("  consent_signed: ", f"{VARIABLES}  consent_signed: ", file="variables.yaml")
    protocol = study(
        "design: {arms: 1", "design: {arms: 2",
        "allocation: none, purpose", "allocation: randomised, purpose",
        "\nsites:\n", f"\n{ARMS}sites:\n",
        "level: half, setting", "level: {active: half, control: low}, setting",
        "    half:", f"{LOW}    half:",
        "C3: {label: W6, ", "C3: {label: W6, arms: [active], ",
        "  SAFETY: {epoch", f"{VISITS}  SAFETY: {{epoch",
        "\nactivities: ", f"\n{SUBSTUDY}\nactivities: ",
        "specimens: [pbmc], forms: [suppression]", "specimens: [pbmc], substudy: cells, forms: [suppression]",
    )  # fmt: skip
    made = schedule(protocol, EN)
    heads = {head.column.label: head.column for head in made.heads}
    assert (heads["Unscheduled 1–3"].day, heads["After"].day) == ("as needed", "event + 14")
    assert [head.column.course for head in made.heads if head.column.courses == ("C3",)] == [
        "Course W6, Active"
    ] * 3
    assert "onset of the first “Vasculitis flare” entry" in note(made, "Counted from an event")
    assert note(made, "Only in: ") == "Only in: Control."
    assert note(made, "As needed") == "As needed, at most 3 times."
    assert "sub-study “Cells”, that is, if “Agrees to storage of samples”" in note(
        made, "Only in the sub-study"
    )
    assert "Control: 0.05 million IU/kg" in note(made, "One dose, by arm: Active: 1.5 million IU")
    assert "Rounded to the nearest 0.1 million IU. At most 4 million IU." in note(made, "0.05 million IU/kg")
    amounts = [row for row in made.rows if row.id == "injection"]
    assert [row.detail.partition(", ")[2] for row in amounts] == [
        "million IU per dose",
        "million IU/kg per dose",
    ]
    assert [row.cells[1] for row in amounts] == ["1.5", "0.05"]


@settings(max_examples=30)
@given(data=st.data())
def test_every_timepoint_is_in_one_column_and_every_task_in_its_cell(data: st.DataObject) -> None:
    """However an activity is spread over the plan, the columns that share days lose none of it."""
    protocol = load("vascu_il2")
    names = data.draw(st.sets(st.sampled_from(list(protocol.timepoints))))
    points = {
        name: replace(point, tasks=(*point.tasks, Task("ecg", form="ecg")) if name in names else point.tasks)
        for name, point in protocol.timepoints.items()
    }
    made = schedule(replace(protocol, timepoints=points), EN)
    ids = [name for head in made.heads for name in head.column.ids]
    assert sorted(ids) == sorted(protocol.timepoints)
    for each in (row for row in made.rows if row.id not in ("injection", "blood")):
        shown = {
            name
            for head, cell in zip(made.heads, each.cells, strict=True)
            for name in head.column.ids
            if cell
        }
        asked = {name for name, point in points.items() if each.id in {task.activity for task in point.tasks}}
        assert shown == asked, each.id


# ---- rows --------------------------------------------------------------------------------------------


def test_rows_keep_the_authors_order_under_headings(made: Schedule) -> None:
    grouped = {group.title: [row.id for row in group.rows] for group in made.groups}
    assert grouped["Screening and eligibility"] == ["consent", "history", "cryoglobulin_history", "ecg"]
    assert grouped["Treatment"] == ["injection"]
    assert grouped["Safety"] == ["vital_signs", "adverse_events"]
    assert grouped["For decisions"] == ["tolerance_review"]
    assert grouped["Throughout, and at the end"] == ["any_time", "end"]
    assert sorted(name for names in grouped.values() for name in names) == sorted(
        load("vascu_il2").study.activities
    )


def test_cells(made: Schedule) -> None:
    assert done(made, "thyroid") == ["Screening", "Course W6 D1", "W11", "W37"]
    assert done(made, "any_time") == [""] and made.heads[-1].column.kind == "any time"
    assert [cell for cell in row(made, "injection").cells if cell] == ["1.5"] * 3 + ["3"] * 9
    assert row(made, "cryoglobulin").detail.replace("\N{NO-BREAK SPACE}", " ") == "10 mL"


def test_blood_is_added_up(made: Schedule) -> None:
    assert made.total is not None
    by_column = dict(zip((head.column.ids for head in made.heads), made.total.cells, strict=True))
    assert (by_column["SCR",], by_column["C1.D2", "C1.D3", "C1.D4"], by_column["C4.D5",]) == ("59", "", "38")
    assert note(made, "471 mL in all").endswith(
        "Limits: 80 mL at one visit, 200 mL in 30 days, 600 mL in the trial."
    )


def test_an_activity_without_forms_has_its_row(study: Study) -> None:
    made = schedule(
        study("  ecg: {title:", "  talk: {title: A talk, at: [C*.D5], from: registry#10}\n  ecg: {title:"), EN
    )
    assert done(made, "talk") == ["Course W1 D5", "Course W3 D5", "Course W6 D5", "Course W9 D5"]


# ---- footnotes ---------------------------------------------------------------------------------------


def test_footnotes_are_made_from_rules_and_keys(made: Schedule) -> None:
    assert note(made, "Only if").endswith("sex (Screening) is “Woman”; done also while that is not known.")
    assert note(made, "May be obtained") == "May be obtained up to 72 hours before."
    assert note(made, "Within 4") == "Within 4 hours before the dose."
    assert "temperature ≥ 38.5 °C or systolic pressure < 90 mmHg" in note(made, "A dose is held if, or while")
    assert "platelets ≥ 75 × 10⁹/L" in note(made, "A course begins only if")
    decided = "Doses: as decided at “Tolerance of the first course” (ambulatory or in hospital); D1:"
    assert note(made, f"{decided} day").endswith("D1: day hospital; D5: on site.")
    assert "up to 24 hours late. Two doses are at least 12 hours apart" in note(made, "A dose may be given")
    otherwise = "for those to whom that course is not given, from the actual day 1 of course W1"
    assert f"W9; {otherwise}" in note(made, "Counted from the actual")
    assert "5 mL, tube EDTA. Stained within 6 hours" in note(made, "Fresh blood")
    decision = note(made, "Tolerance of the first course")
    assert "on data at most 72 hours old" in decision
    assert "Stop interleukin-2: if dose-limiting toxicity or major flare of the vasculitis." in decision
    assert "Hold for review by the sponsor: in all other cases. For at most 7 days" in decision
    assert decision.count("While this is not known, the decision waits.") == 2


def test_footnotes_that_count_otherwise_say_how_far(study: Study) -> None:
    made = schedule(study("otherwise: C1 + 77 days", "otherwise: C1 + 80 days"), EN)
    found = [note.text for _, note in made.notes if "80 days" in note.text]
    assert len(found) == 1 and found[0].endswith("80 days after the actual day 1 of course W1.")


def test_every_letter_is_called_and_they_run_as_one_reads(made: Schedule) -> None:
    called = [mark for head in made.heads for mark in head.course_notes]
    called += [mark for head in made.heads for mark in head.notes]
    called += [*made.day_notes, *made.window_notes, *(mark for row in made.rows for mark in row.notes)]
    first = list(dict.fromkeys(called))
    assert first == [mark for mark, _ in made.notes] == [letter(i) for i in range(len(first))]


def test_letters_go_on_after_z() -> None:
    assert [letter(i) for i in (0, 25, 26, 51, 52, 701, 702)] == ["a", "z", "aa", "az", "ba", "zz", "aaa"]


def test_what_is_assumed_is_marked_and_listed(made: Schedule) -> None:
    assert row(made, "consent").assumed and not row(made, "injection").assumed
    assert {head.column.ids[0] for head in made.heads[1:4] if head.assumed} == set()
    assert dict(made.assumed)["Visits"][0] == (
        "Screening", "Days -28 to -1 give time for two cryoglobulin determinations read at day 7.",
    )  # fmt: skip
    assert next(group for group, _ in made.assumed) == "Treatment"


def test_in_french() -> None:
    made = schedule(load("vascu_il2"), FR)
    assert made.heads[2].column.label == "J2–J4"
    assert row(made, "injection").cells[1] == "1,5"
    said = note(made, "Seulement si").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert said == "Seulement si sexe (Sélection) : « Femme » ; fait aussi tant que cela n'est pas connu."
    assert not re.search(r"\b(?:if|only|dose is|course)\b", " ".join(note.text for _, note in made.notes))


def test_for_programs(made: Schedule) -> None:
    told = json.loads(json.dumps(plain(made)))
    assert told["columns"][2]["timepoints"] == ["C1.D2", "C1.D3", "C1.D4"]
    assert all(len(row["cells"]) == len(told["columns"]) for row in told["rows"])
    assert told["protocol_hash"] == load("vascu_il2").hash


def test_how_arms_are_chosen_and_inclusions_suspended_is_noted() -> None:
    blocks = [note.text for _, note in schedule(load("parallel_blank"), EN).notes]
    assert any("drawn at random in permuted blocks" in text for text in blocks)
    assert any(text.startswith("Inclusions are suspended for ") for text in blocks)
    for words, start in ((EN, "Cohorts of 2, the first in "), (FR, "Cohortes de 2, la première dans ")):
        notes = [note for _, note in schedule(load("dilfrequency_like"), words).notes]
        [table] = [note for note in notes if note.text.startswith(start)]
        assert len(table.items) == 11


def test_a_reason_that_a_series_shares_is_told_once() -> None:
    small = load(Path(__file__).parents[1] / "small_study")
    for _, found in schedule(small, EN).assumed:
        assert len({(reason, re.sub(r"[0-9]+", "", about)) for about, reason in found}) == len(found)
