"""What differs between two protocols: every class of change by a small edit of the bundled study."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trialrun.protocol.change import KINDS, STAGES, Change
from trialrun.protocol.compile import bundled, load
from trialrun.protocol.content import meaning
from trialrun.protocol.difference import difference
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import And, Node, Not, Or, Type, parse, text_of
from trialrun.protocol.rule_columns import evaluate

S, F, V = "study.yaml", "forms.yaml", "variables.yaml"
Edit = tuple[str, str, str]
Edited = Callable[..., Protocol]

PLAN = "after: C4 + 112 days, otherwise: C1 + 175 days, window: ±7 days"
THIN = "  thin: {exclude: \"egfr < '30 mL/min/{1.73_m2}'\", text: Poor kidney, from: registry#3}\n"
HOSPITAL = "worst_related_grade_C1 <= 3 AND serious_related_C1 = 0"

# The edit, the path of the change, its kind, how many stages it touches, its sentence in English.
EDITS: list[tuple[list[Edit], str, str, int, str]] = [
    (
        [(S, 'version: "1.0"', 'version: "1.1"')],
        "version",
        "administrative",
        0,
        "The protocol: version 1.0 → 1.1.",
    ),
    (
        [(S, "title: {en: Screening, fr", "title: {en: Selection, fr")],
        "epochs/screening/title",
        "administrative",
        0,
        "Period «Selection»: title Screening → Selection.",
    ),
    (
        [(S, "fr: Âgé de 18 à 75 ans}", "fr: De 18 à 75 ans}")],
        "eligibility/adult/text",
        "administrative",
        0,
        "Criterion «Aged 18 to 75 years»: words [fr] Âgé de 18 à 75 ans → [fr] De 18 à 75 ans.",
    ),
    (
        [(S, "city: Paris", "city: Lyon")],
        "sites/PSL/city",
        "administrative",
        0,
        "Site PSL: city Paris → Lyon.",
    ),
    (
        [(S, "'75 a', text", "'80 a', text")],
        "eligibility/adult/require",
        "eligibility",
        2,
        "Criterion «Aged 18 to 75 years»: rule age between 18 years and 75 years → "
        "age between 18 years and 80 years.",
    ),
    (
        [(S, "  renal: {exc", "  #renal: {exc")],
        "eligibility/renal",
        "eligibility",
        2,
        "The criterion «eGFR below 45» is dropped.",
    ),
    (
        [(S, "eligibility:\n", f"eligibility:\n{THIN}")],
        "eligibility/thin",
        "eligibility",
        2,
        "New criterion: «Poor kidney».",
    ),
    (
        [(S, "full: {dose: 3,", "full: {dose: 2.5,")],
        "treatment/levels/full/dose",
        "treatment",
        3,
        "Dose level full: amount of a dose 3 million IU → 2.5 million IU.",
    ),
    (
        [(S, "full: {dose: 3,", "full: {dose: 2.5,")],
        "plan/total",
        "treatment",
        3,
        "Per participant in all: 52.5 million IU in 20 doses → 45 million IU in 20 doses.",
    ),
    (
        [
            (
                S,
                "C2 + 21 days, window: -0/+7 days, doses: 5 daily",
                "C2 + 21 days, window: -0/+7 days, doses: 6 daily",
            )
        ],
        "plan/doses",
        "treatment",
        3,
        "Doses are added at C3.D6.",
    ),
    (
        [(S, "W3, after: C1 + 21 days", "W3, after: C1 + 28 days")],
        "treatment/cycles/C2/after",
        "treatment",
        3,
        "Course C2: day counted from C1 + 21 days → C1 + 28 days.",
    ),
    (
        [(S, "W3, after: C1 + 21 days", "W3, after: C1 + 28 days")],
        "plan/days",
        "schedule",
        4,
        "Moved along with it: C3 study day 43 → 50; C4 study day 64 → 71; W11 study day 78 → 85; "
        "28 days after last dose (SAFETY) study day 96 → 103; W14 study day 99 → 106; "
        "W19 study day 134 → 141; W25 study day 176 → 183; W31 study day 218 → 225; W37 study day 260 → 267.",
    ),
    (
        [(S, "by tolerance_C1, places: {D1: day hospital,", "hospital, places: {D1: day hospital,")],
        "treatment/cycles/C2/setting",
        "treatment",
        3,
        "Course C2: setting by «Tolerance of the first course» → hospital.",
    ),
    (
        [(S, "cumulative: 14 days", "cumulative: 7 days")],
        "treatment/delays/cumulative",
        "treatment",
        3,
        "Delays: delay allowed in all 14 days → 7 days.",
    ),
    (
        [(S, "late: 24 hours", "late: 12 hours")],
        "treatment/missed_dose/late",
        "treatment",
        3,
        "Missed doses: how late a dose may be 1 day → 12 hours.",
    ),
    (
        [(S, "systolic < '90 mm", "systolic < '85 mm")],
        "before_dose/vital_signs/hold",
        "safety",
        3,
        "Hold before a dose «Fever, low pressure or low oxygen»: change of the rule.",
    ),
    (
        [(S, "'2 kg'\", unknown: hold", "'2 kg'\", unknown: continue")],
        "before_dose/weight_gain/unknown",
        "safety",
        3,
        "Hold before a dose «2 kg gained since day 1 of the course»: if not known hold → continue.",
    ),
    (
        [(S, "major_flares >= 1, unknown", "major_flares >= 2, unknown")],
        "stops/flare/when",
        "safety",
        3,
        "Stop rule «Major flare of the vasculitis»: rule major flares ≥ 1 → major flares ≥ 2.",
    ),
    (
        [(S, "  rescue: {when", "  #rescue: {when"), (V, "  rescues: ", "  #rescues: ")],
        "stops/rescue",
        "safety",
        3,
        "The stop rule «Rescue treatment» is dropped.",
    ),
    (
        [(S, HOSPITAL, HOSPITAL.replace("3", "2"))],
        "decisions/tolerance_C1/outcomes/hospital/when",
        "safety",
        3,
        "Outcome «Later courses in hospital» of the decision «Tolerance of the first course»: "
        "change of the rule.",
    ),
    (
        [(S, "laboratory, hcv_rna, tolerance]\n    ex", "laboratory, tolerance]\n    ex")],
        "decisions/tolerance_C1/needs",
        "safety",
        3,
        "Decision «Tolerance of the first course»: forms it needs no longer include «HCV RNA».",
    ),
    (
        [(S, "when: C1 + 18..21 days", "when: C1 + 16..21 days")],
        "decisions/tolerance_C1/when",
        "safety",
        3,
        "Decision «Tolerance of the first course»: when C1 + 18..21 days → C1 + 16..21 days.",
    ),
    (
        [(S, "{2: 2, 5: 3}", "{2: 2, 5: 2}")],
        "suspensions/flares/at_least/5",
        "safety",
        2,
        "Suspension of inclusions «Flares beyond the boundary»: boundary 5 3 → 2.",
    ),
    (
        [(S, "stagger: {first: 3", "stagger: {first: 2")],
        "enrolment/stagger/first",
        "safety",
        2,
        "Staggered start: first participants 3 → 2.",
    ),
    (
        [(S, "planned: 10", "planned: 12")],
        "enrolment/planned",
        "analysis",
        2,
        "Enrolment: participants planned 10 → 12.",
    ),
    (
        [(S, PLAN, PLAN.replace("112", "119"))],
        "visits/W25/after",
        "schedule",
        4,
        "Visit W25: day counted from C4 + 112 days → C4 + 119 days.",
    ),
    (
        [(S, PLAN, PLAN.replace("±7", "±14"))],
        "visits/W25/window",
        "schedule",
        4,
        "Visit W25: window ±7 days → ±14 days.",
    ),
    (
        [
            (S, "  W31: {", "  #W31: {"),
            (S, "W25, W31, W37], from: [registry#2", "W25, W37], from: [registry#2"),
            (S, "complete_at: W31", "complete_at: W25"),
        ],
        "visits/W31",
        "schedule",
        4,
        "The visit W31 is dropped.",
    ),
    (
        [(S, "at: [SCR, C3.D1, W11, W37], b", "at: [SCR, C3.D1, W11, W19, W37], b")],
        "plan/forms/thyroid",
        "schedule",
        4,
        "Form «Thyroid» is added at W19.",
    ),
    (
        [(S, "at: [SCR, C4.D5, W37]", "at: [SCR, C4.D5]")],
        "plan/forms/suppression",
        "schedule",
        4,
        "Form «Suppression assay» is no longer done at W37.",
    ),
    (
        [(S, "ahead: 72 hours", "ahead: 48 hours")],
        "activities/safety_laboratory/ahead",
        "schedule",
        4,
        "Activity «Safety laboratory»: may be done ahead by 3 days → 2 days.",
    ),
    (
        [(S, "volume: 25 mL", "volume: 20 mL")],
        "specimens/pbmc/volume",
        "schedule",
        4,
        "Specimen «Mononuclear cells»: volume 25 mL → 20 mL.",
    ),
    (
        [(S, "trial: 600 mL", "trial: 550 mL")],
        "blood_limits/trial",
        "safety",
        4,
        "Limits of blood drawn: in the trial 600 mL → 550 mL.",
    ),
    (
        [(S, "only_if: \"sex = 'F'\", u", "only_if: \"sex = 'F' AND age < '60 a'\", u")],
        "activities/pregnancy/only_if",
        "schedule",
        3,
        "Activity «Pregnancy test»: change of the condition.",
    ),
    (
        [(F, "unit: a, limits", "unit: mo, limits")],
        "forms/demography/items/age/unit",
        "data",
        4,
        "Question «Age at consent» on the form «Demography and cover»: unit a → mo.",
    ),
    (
        [(F, "limits: 0..120, usual: 18..75", "limits: 18..120, usual: 18..75")],
        "forms/demography/items/age/limits",
        "data",
        4,
        "Question «Age at consent» on the form «Demography and cover»: limits 0 to 120 → 18 to 120.",
    ),
    (
        [(F, "          immunosuppressant: {en: Immunosuppressant, fr: Immunosuppresseur}\n", "")],
        "forms/prior_therapy/items/therapy/codes/immunosuppressant",
        "data",
        4,
        "Question «Treatment (one row per line and medicine)» on the form «Earlier treatment lines»: "
        "answers no longer include Immunosuppressant (immunosuppressant).",
    ),
    (
        [
            (F, "      social_cover:  {ask", "      insured:  {ask"),
            (V, "demography.social_cover", "demography.insured"),
        ],
        "forms/demography/items/insured",
        "administrative",
        0,
        "Question «Covered by social security»: `social_cover` is now called `insured`; "
        "nothing else about it changes.",
    ),
    (
        [(V, "  home_unsafe: ", "  unsafe_home: "), (S, "NOT home_unsafe", "NOT unsafe_home")],
        "variables/unsafe_home",
        "administrative",
        0,
        "Variable unsafe_home: `home_unsafe` is now called `unsafe_home`; nothing else about it changes.",
    ),
    (
        [(V, "where: \"value >= '0.05 g/L'\"\n    none", "where: \"value >= '0.1 g/L'\"\n    none")],
        "variables/cryo_determinations/where",
        "eligibility",
        2,
        "Variable cryo_determinations: rows that count value ≥ 0.05 g/L → value ≥ 0.1 g/L.",
    ),
    (
        [(V, "grade >= 3 AND NOT", "grade >= 2 AND NOT")],
        "variables/dose_limiting_events/where",
        "safety",
        3,
        "Variable dose_limiting_events: change of the rows that count.",
    ),
    (
        [(S, "at: W19\n", "at: W25\n")],
        "endpoints/efficacy/at",
        "analysis",
        0,
        "End point «Clinical response by organ»: read at W19 → W25.",
    ),
    (
        [(S, "alpha: 0.05", "alpha: 0.025")],
        "multiplicity/alpha",
        "analysis",
        0,
        "Multiplicity: alpha 0.05 → 0.025.",
    ),
    (
        [(S, "full: {dose: 3, from: registry#10", "full: {dose: 3, from: registry#11")],
        "treatment/levels/full/from",
        "sources",
        0,
        "Dose level full: source registry#10 → registry#11.",
    ),
    (
        [(S, "reason: Watch list of interleukin-2.", "reason: Watch list.")],
        "activities/safety_laboratory/reason",
        "sources",
        0,
        "Activity «Safety laboratory»: reason Watch list of interleukin-2. → Watch list.",
    ),
    (
        [(S, "en: Interferon alfa during", "en: Any interferon during")],
        "prohibited/interferon/what",
        "safety",
        4,
        "Prohibition «Any interferon during interleukin-2»: what is prohibited "
        "Interferon alfa during interleukin-2 → Any interferon during interleukin-2.",
    ),
    (
        [(S, "masking: open", "masking: double")],
        "design/masking",
        "treatment",
        4,
        "Design: masking open → double.",
    ),
    (
        [(S, "  SAFETY: {", "  AFTER: {"), (S, "SAFETY]", "AFTER]")],
        "visits/AFTER",
        "administrative",
        0,
        "Visit AFTER: `SAFETY` is now called `AFTER`; nothing else about it changes.",
    ),
]

# Edits that change nothing but the way it is written.
HARMLESS: list[list[Edit]] = [
    [(S, "# VASCU-IL2 as a program.", "# A program.")],
    [(S, "age BETWEEN '18 a' AND '75 a'", "age <= '75 a' AND age >= '18 a'")],
    [(S, "triad OR biopsy_proven,", "biopsy_proven OR triad,")],
    [(S, "cryo_last_age <= '28 days'", "'672 hours' >= cryo_last_age")],
    [(S, "haemoglobin < '100 g/L'", "haemoglobin < '10 g/dL'")],
    [(S, "forms: [organs, bvas, nerve, renal]", "forms: [renal, organs, bvas, nerve]")],
    [(S, "at: [SCR, C*.D1]", "at: [C1.D1, SCR, C2.D1, C3.D1, C4.D1]")],
    [(S, "ahead: 72 hours", "ahead: 3 days")],
    [(V, "IN ('toxicity', 'hold')", "IN ('hold', 'toxicity')")],
]


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    """A copy of the bundled study with some texts replaced, compiled."""

    def made(*edits: Edit) -> Protocol:
        folder = tmp_path_factory.mktemp("edited") / "study"
        shutil.copytree(bundled()["vascu_il2"], folder)
        for file, old, new in edits:
            text = (folder / file).read_text("utf-8")
            assert old in text, old
            (folder / file).write_text(text.replace(old, new), "utf-8")
        return load(folder)

    return made


def one(changes: tuple[Change, ...], path: str, act: str | None = None) -> Change:
    [found] = [change for change in changes if change.path == path and act in (None, change.act)]
    return found


@pytest.mark.parametrize(
    ("edits", "path", "kind", "touched", "says"), EDITS, ids=[f"{i}-{e[1]}" for i, e in enumerate(EDITS)]
)
def test_an_edit_is_told(
    protocol: Protocol, edited: Edited, edits: list[Edit], path: str, kind: str, touched: int, says: str
) -> None:
    changes = difference(protocol, edited(*edits), examples=False)
    found = one(changes, path)
    assert (found.says("en"), found.kind, len(found.concerns)) == (says, kind, touched)
    assert found.says("fr") != found.says("en")
    assert found.concerns == STAGES[:touched]


@pytest.mark.parametrize("edits", HARMLESS, ids=[edits[0][2][:24] for edits in HARMLESS])
def test_another_wording_of_the_same_is_no_change(
    protocol: Protocol, edited: Edited, edits: list[Edit]
) -> None:
    assert difference(protocol, edited(*edits)) == ()


def test_the_same_is_no_change(protocol: Protocol) -> None:
    assert difference(protocol, protocol) == ()


MIRRORED = {"appears": "vanishes", "vanishes": "appears", "changes": "changes", "renamed": "renamed"}


@settings(max_examples=5)
@given(chosen=st.sets(st.sampled_from(range(len(EDITS))), min_size=1, max_size=4))
def test_what_appears_one_way_vanishes_the_other(
    edited: Edited, protocol: Protocol, chosen: set[int]
) -> None:
    edits = list(dict.fromkeys(edit for i in sorted(chosen) for edit in EDITS[i][0]))
    try:
        new = edited(*edits)
    except (AssertionError, ProtocolError):
        assume(False)  # edits that do not go together
    there = difference(protocol, new, examples=False)
    back = difference(new, protocol, examples=False)
    assert there
    assert sorted((c.kind, MIRRORED[c.act]) for c in there) == sorted((c.kind, c.act) for c in back)
    acts = [{(c.act, c.path) for c in changes if c.act != "renamed"} for changes in (there, back)]
    assert {(MIRRORED[act], path) for act, path in acts[0]} == acts[1]
    assert [c.kind for c in there] == sorted((c.kind for c in there), key=KINDS.index)


# ---- notes -----------------------------------------------------------------------------------------


def notes(change: Change) -> str:
    return " ".join(note("en") for note in change.notes)


def test_a_rule_is_told_clause_by_clause(protocol: Protocol, edited: Edited) -> None:
    new = edited((S, "systolic < '90 mm[Hg]' OR spo2 < '92 %'", "systolic < '85 mm[Hg]' OR new_sign"))
    found = one(difference(protocol, new), "before_dose/vital_signs/hold")
    assert "Clause: systolic < 90 mmHg → systolic < 85 mmHg." in notes(found)
    assert "Clause dropped: spo2 < 92 %." in notes(found)
    assert "New clause: new sign." in notes(found)
    assert "Its words stay «Fever, low pressure or low oxygen»" in notes(found)
    assert found.old is not None and "spo2 < 92 %" in found.old("en")


def test_words_that_change_alone_are_said_to(protocol: Protocol, edited: Edited) -> None:
    new = edited((S, "text: {en: Aged 18 to 75 years", "text: {en: Adult"))
    assert "Only the words change, not the rule." in notes(
        one(difference(protocol, new), "eligibility/adult/text")
    )


def test_a_dropped_visit_says_what_was_done_there(protocol: Protocol, edited: Edited) -> None:
    edits = next(edits for edits, path, *_ in EDITS if path == "visits/W31")
    assert "Flare assessment" in notes(one(difference(protocol, edited(*edits)), "visits/W31"))


@pytest.mark.parametrize(
    ("edit", "path", "says"),
    [
        ((F, "limits: 0..120, usual: 18", "limits: 10..120, usual: 18"), "age/limits", "lie outside"),
        ((F, "unit: a, limits", "unit: mo, limits"), "age/unit", "they are in a, and have to be converted"),
    ],
)
def test_data_that_no_longer_fit_are_warned_of(
    protocol: Protocol, edited: Edited, edit: Edit, path: str, says: str
) -> None:
    found = one(difference(protocol, edited(edit), examples=False), f"forms/demography/items/{path}")
    assert "may no longer fit" in notes(found) and says in notes(found)


def test_wider_limits_are_no_reason_to_warn(protocol: Protocol, edited: Edited) -> None:
    new = edited((F, "limits: 0..120, usual: 18", "limits: 0..130, usual: 18"))
    assert "fit" not in notes(
        one(difference(protocol, new, examples=False), "forms/demography/items/age/limits")
    )


def test_outcomes_read_in_another_order_are_told(protocol: Protocol, edited: Edited) -> None:
    text = (bundled()["vascu_il2"] / S).read_text("utf-8").splitlines(keepends=True)
    first, second = (
        next(line for line in text if line.startswith(f"      {name}: {{eff")) for name in ("stop", "hold")
    )
    new = edited((S, first + second, second + first))
    found = one(difference(protocol, new), "decisions/tolerance_C1/outcomes")
    assert found.says("en").startswith(
        "Decision «Tolerance of the first course»: the outcomes are read in another"
    )
    assert found.example is not None
    assert {found.example.old("en"), found.example.new("en")} == {
        "«Stop interleukin-2»",
        "«Wait at most 7 days and decide again»",
    }


# ---- examples --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edits", "path", "telling", "old", "new"),
    [
        (
            [(S, "AND '75 a'", "AND '80 a'")],
            "eligibility/adult/require",
            {"age": "76 years"},
            "criterion not met, or not known to be",
            "criterion met",
        ),
        (
            [(S, "systolic < '90 mm", "systolic < '85 mm")],
            "before_dose/vital_signs/hold",
            {"systolic": "89 mmHg"},
            "the dose is held",
            "the dose may be given",
        ),
        (
            [(S, "'2 kg'\", unknown: hold", "'2 kg'\", unknown: continue")],
            "before_dose/weight_gain/unknown",
            {"weight_day_1": "not known"},
            "the dose is held",
            "the dose may be given",
        ),
        (
            [(S, HOSPITAL, HOSPITAL.replace("3", "2"))],
            "decisions/tolerance_C1/outcomes/hospital/when",
            {"worst_related_grade_C1": "3"},
            "«Later courses in hospital»",
            "«Hold for review by the sponsor»",
        ),
        (
            [(V, "grade >= 3 AND NOT", "grade >= 2 AND NOT")],
            "variables/dose_limiting_events/where",
            {"related": "yes", "grade": "2"},
            "the row does not count",
            "the row counts",
        ),
    ],
)
def test_an_example_shows_what_is_decided_otherwise(
    protocol: Protocol, edited: Edited, edits: list[Edit], path: str, telling: Any, old: str, new: str
) -> None:
    found = one(difference(protocol, edited(*edits)), path).example
    assert found is not None
    assert {name: value("en") for name, value in found.values if name in found.telling} == telling
    assert (found.old("en"), found.new("en")) == (old, new)


def test_that_no_example_was_found_is_said(protocol: Protocol, edited: Edited) -> None:
    new = edited((S, "require: failed_lines >= 1", "require: failed_lines >= 1 AND failed_lines >= 0"))
    found = one(difference(protocol, new), "eligibility/refractory/require")
    assert found.example is None and found.tried > 0


# ---- rules -----------------------------------------------------------------------------------------

NAMES = {"a": Type("boolean"), "b": Type("boolean"), "c": Type("boolean")}


def rules() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(list(NAMES)),
        lambda inner: st.one_of(
            inner.map(lambda rule: f"NOT ({rule})"),
            st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
                lambda three: f"({three[0]}) {three[1]} ({three[2]})"
            ),
        ),
        max_leaves=6,
    )


def turned(node: Node) -> str:
    """A rule written anew with the parts of every AND and OR in reverse."""
    if isinstance(node, And | Or):
        return f" {type(node).__name__.upper()} ".join(f"({turned(part)})" for part in reversed(node.parts))
    return f"NOT ({turned(node.part)})" if isinstance(node, Not) else text_of(node)


@given(rules(), rules())
def test_rules_of_one_meaning_decide_alike(text: str, other: str) -> None:
    """Parts turned round mean the same, and what means the same says the same of every value."""
    one, same, another = (parse(t, NAMES) for t in (text, turned(parse(text, NAMES).tree), other))
    assert meaning(one.tree) == meaning(same.tree)
    frame = pl.DataFrame(
        list(itertools.product((True, False, None), repeat=3)), dict.fromkeys(NAMES, pl.Boolean), orient="row"
    )
    said = evaluate({"one": one, "same": same, "another": another}, frame)
    assert said["one"].to_list() == said["same"].to_list()
    if said["one"].to_list() != said["another"].to_list():
        assert meaning(one.tree) != meaning(another.tree)


# ---- any two studies -------------------------------------------------------------------------------

STUDIES = {**bundled(), "small_study": Path(__file__).parents[1] / "small_study"}


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(STUDIES, 2)))
def test_any_two_studies_can_be_compared(old: str, new: str) -> None:
    changes = difference(load(STUDIES[old]), load(STUDIES[new]))
    assert changes
    for change in changes:
        for language in ("en", "fr"):
            assert change.as_json(language)["says"]


@pytest.fixture
def altered(tmp_path: Any) -> Callable[..., tuple[Protocol, Protocol]]:
    """A bundled study before and after edits, each of one place."""

    def altered(study: str, *edits: Edit) -> tuple[Protocol, Protocol]:
        folder = tmp_path / study
        shutil.copytree(bundled()[study], folder)
        for file, old, new in edits:
            text = (folder / file).read_text("utf-8")
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
            (folder / file).write_text(text.replace(old, new), "utf-8")
        return load(bundled()[study]), load(folder)

    return altered


Altered = Callable[..., tuple[Protocol, Protocol]]


def test_what_the_allocation_counts_is_a_reader(altered: Altered) -> None:
    edit = (V, "cytometry.treg_percent, at: TROUGH", "cytometry.treg_percent, at: [TROUGH, SCR]")
    changes = difference(*altered("dilfrequency_like", edit), examples=False)
    found = one(changes, "variables/treg_trough/at")
    assert found.kind == "safety"
    assert any("who counts for the next cohort" in note("en") for note in found.notes)


def test_doses_are_readers_of_the_measure_they_are_computed_from(altered: Altered) -> None:
    edit = (V, "formula: Mosteller", "formula: Du Bois")
    changes = difference(*altered("dilfrequency_like", edit), examples=False)
    found = one(changes, "variables/body_surface/formula")
    assert any("dose level low" in note("en") for note in found.notes)
    assert found.concerns == STAGES[:3]


def test_strata_are_readers_and_their_limits_are_told_in_words(altered: Altered) -> None:
    old, new = altered("transreg_like", (S, "lupus: 12", "lupus: 24"))
    found = one(difference(old, new, examples=False), "enrolment/strata/at_most/lupus")
    assert found.kind == "eligibility"
    assert found.says("en") == "Participants with «Systemic lupus erythematosus»: at most 12 → 24."


def test_a_line_of_the_table_is_told_readably_and_is_of_safety(altered: Altered) -> None:
    line = "{of: 10..10, counted: 7..10, next: lower, or_else: stop}"
    edit = (S, line, line.replace("lower", "same, exclude: true"))
    changes = difference(*altered("dilfrequency_like", edit), examples=False)
    found = one(changes, "allocation/table/8/next")
    assert found.says("en") == "Table, line 9 (10 judged, 7 to 10 counted): next lower → same."
    assert found.says("fr") == "Table, ligne 9 (10 jugés, 7 à 10 comptés) : ensuite plus bas → le même."
    assert {change.kind for change in changes} == {"safety"}
    assert found.concerns == STAGES[:2]


def test_one_edit_of_a_series_is_told_once(tmp_path: Any) -> None:
    folder = tmp_path / "small"
    shutil.copytree(STUDIES["small_study"], folder)
    text = (folder / S).read_text("utf-8")
    (folder / S).write_text(text.replace("repeat: 4, every: 14 days", "repeat: 4, every: 21 days"), "utf-8")
    old, new = load(STUDIES["small_study"]), load(folder)
    found = [one for one in difference(old, new, examples=False) if one.path.startswith("treatment/cycles")]
    assert [change.says("en") for change in found] == [
        "Course S2 … S4: day counted from S1 + 14 days → S1 + 21 days."
    ]
    assert found[0].notes[-1]("en") == "S4 study day 43 → 64."
