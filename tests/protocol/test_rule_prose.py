"""Rules in words: what a reader sees is what the rule means."""

import itertools
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.compile import load
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import parse
from trialrun.protocol.rule_columns import evaluate
from trialrun.protocol.rule_prose import asked, in_words, length, unit
from trialrun.protocol.text import span

NBSP = "\N{NO-BREAK SPACE}"


def said(protocol: Protocol, text: str, language: str = "en", here: str | None = None) -> str:
    return in_words(protocol, parse(text, protocol.types), language, here=here).replace(NBSP, " ")


@pytest.mark.parametrize(
    ("rule", "english", "french"),
    [
        ("temperature >= '38.5 Cel'", "temperature ≥ 38.5 °C", "température ≥ 38,5 °C"),
        ("NOT temperature >= '38.5 Cel'", "temperature < 38.5 °C", "température < 38,5 °C"),
        ("'90 mm[Hg]' > systolic", "systolic pressure < 90 mmHg", "pression systolique < 90 mmHg"),
        ("platelets < '75 10*9/L'", "platelets < 75 × 10⁹/L", "plaquettes < 75 × 10⁹/L"),
        ("age BETWEEN '18 a' AND '75 a'", "age at consent (Screening) from 18 to 75 years",
         "âge au consentement (Sélection) de 18 à 75 ans"),
        ("sex = 'F'", "sex (Screening) is “Woman”", "sexe (Sélection) : « Femme »"),
        ("sex <> 'F'", "sex (Screening) is not “Woman”", "sexe (Sélection) autre que « Femme »"),
        ("sex IN ('F', 'M')", "sex (Screening) is one of “Woman”, “Man”",
         "sexe (Sélection) parmi « Femme », « Homme »"),
        ("triad", "“Purpura, arthralgia and asthenia together” (Screening): yes",
         "« Purpura, arthralgies et asthénie associés » (Sélection) : oui"),
        ("NOT biopsy_proven", "“Vasculitis proven by biopsy” (Screening): no",
         "« Vascularite prouvée par biopsie » (Sélection) : non"),
        ("platelets IS NULL", "platelets is not known", "plaquettes : non connu"),
        ("platelets IS NOT NULL", "platelets is known", "plaquettes : connu"),
        ("weight - weight_day_1 >= '2 kg'", "weight − weight (day 1 of the course) ≥ 2 kg",
         "poids − poids (jour 1 de la cure) ≥ 2 kg"),
        ("alt_latest > 3 * alt_baseline", "ALT (latest value) > 3 × ALT (Screening)",
         "ALAT (dernière valeur) > 3 × ALAT (Sélection)"),
        ("rescues >= 1", "at least one “Rescue treatment” entry since the first dose",
         "au moins une saisie « Traitement de secours » depuis la première dose"),
        ("rescues = 0", "no “Rescue treatment” entry since the first dose",
         "aucune saisie « Traitement de secours » depuis la première dose"),
        ("rescues > 2", "at least 3 “Rescue treatment” entries since the first dose",
         "au moins 3 saisies « Traitement de secours » depuis la première dose"),
        ("rescues <= 2", "number of “Rescue treatment” entries since the first dose ≤ 2",
         "nombre de saisies « Traitement de secours » depuis la première dose ≤ 2"),
        ("worst_related_grade_C1 <= 1",
         "highest grade of the “Adverse event” entries in course W1 "
         "(with “Related to interleukin-2”: yes) ≤ 1",
         "valeur la plus haute de grade dans les saisies « Événement indésirable » dans la cure S1 "
         "(avec « Lié à l'interleukine-2 » : oui) ≤ 1"),
        ("CASE WHEN new_sign THEN platelets ELSE neutrophils END > '1 10*9/L'",
         "if “New purpura, dyspnoea, confusion or sign of infection”: yes, platelets; else neutrophils "
         "> 1 × 10⁹/L", None),
    ],
)  # fmt: skip
def test_a_clause(protocol: Protocol, rule: str, english: str, french: str | None) -> None:
    assert said(protocol, rule) == english
    if french:
        assert said(protocol, rule, "fr") == french


def test_the_same_question_on_two_forms_names_its_form(protocol: Protocol) -> None:
    assert said(protocol, "pregnancy_test = 'negative'") == "result (Pregnancy test) is “Negative”"


def test_a_moment_is_not_said_where_the_rule_is_read(protocol: Protocol) -> None:
    assert (
        said(protocol, "infection") == "“Infection present or treated” (Tolerance of the first course): yes"
    )
    assert said(protocol, "infection", here="tolerance_C1") == "“Infection present or treated”: yes"


def test_the_rule_of_a_stop_is_said_as_the_study_says_that_stop(protocol: Protocol) -> None:
    rule = protocol.rules["decisions.tolerance_C1.stop"]
    assert in_words(protocol, rule) == "dose-limiting toxicity or major flare of the vasculitis"
    itself = protocol.rules["stops.rescue"]
    assert in_words(protocol, itself).startswith("at least one “Rescue treatment” entry")


def test_rules_of_rows_ask_the_questions_of_their_form(protocol: Protocol) -> None:
    rule = protocol.rules["variables.serious_related_C1"]
    assert in_words(protocol, rule, form="ae") == "“Serious”: yes and “Related to interleukin-2”: yes"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_name_of_a_variable_is_left_in_any_rule(protocol: Protocol, language: str) -> None:
    for name, rule in protocol.rules.items():
        section, _, rest = name.partition(".")
        form = {"variables": lambda n: protocol.variables[n].reads[0], "forms": lambda n: n.partition(".")[0]}
        words = in_words(protocol, rule, language, form[section](rest) if section in form else None)
        assert not re.search(r"\w_\w", words), name
        assert words.count("(") == words.count(")"), name
        assert "{" not in words, name


ATOMS = {
    "new_sign": "“New purpura, dyspnoea, confusion or sign of infection”: yes",
    "platelets >= '75 10*9/L'": "platelets ≥ 75 × 10⁹/L",
    "spo2 < '92 %'": "oxygen saturation in room air < 92 %",
}
rules = st.recursive(
    st.sampled_from(list(ATOMS)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' AND '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
    ),
    max_leaves=8,
)


@given(text=rules)
def test_words_read_back_as_a_rule_mean_the_same(text: str) -> None:
    """With and, or and the clauses put back as SQL, the words decide every case as the rule does."""
    protocol = load("vascu_il2")
    words = said(protocol, text)
    for rule, atom in ATOMS.items():
        words = words.replace(atom, rule)
    back = words.replace(" and ", " AND ").replace(" or ", " OR ")
    cases = list(itertools.product([True, False, None], [80.0, 60.0, None], [91.0, 95.0, None]))
    frame = pl.DataFrame(cases, schema=["new_sign", "platelets", "spo2"], orient="row")
    both = {"rule": parse(text, protocol.types), "words": parse(back, protocol.types)}
    decided = evaluate(both, frame)
    assert decided["rule"].to_list() == decided["words"].to_list()


@pytest.mark.parametrize(
    ("time", "english", "french"),
    [("72 hours", "72 hours", "72 heures"), ("7 days", "7 days", "7 jours"),
     ("1 days", "24 hours", "24 heures"), ("2 weeks", "14 days", "14 jours"),
     ("18 months", "18 months", "18 mois")],
)  # fmt: skip
def test_lengths(time: str, english: str, french: str) -> None:
    assert length(span(time), "en").replace(NBSP, " ") == english
    assert length(span(time), "fr").replace(NBSP, " ") == french


@pytest.mark.parametrize(
    ("ucum", "english", "french"),
    [("10*9/L", "× 10⁹/L", "× 10⁹/L"), ("mm[Hg]", "mmHg", "mmHg"), ("umol/L", "µmol/L", "µmol/L"),
     ("mL/min/{1.73_m2}", "mL/min/1.73 m²", "mL/min/1,73 m²"), ("10*6.[iU]", "× 10⁶ IU", "× 10⁶ UI"),
     ("a", "years", "ans"), ("g/L", "g/L", "g/L")],
)  # fmt: skip
def test_units(ucum: str, english: str, french: str) -> None:
    assert (unit(ucum, "en"), unit(ucum, "fr")) == (english, french)


def test_what_a_variable_is(protocol: Protocol) -> None:
    assert asked(protocol, "weight_day_1", "en") == "weight (day 1 of the course)"
