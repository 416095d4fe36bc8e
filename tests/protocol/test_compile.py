"""The bundled study spoiled in many ways: each error names file and line, and says what to write instead."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from trialrun.protocol.compile import bundled, load, locate
from trialrun.protocol.problem import Problem, ProtocolError
from trialrun.protocol.protocol import Protocol

STUDY, FORMS, VARIABLES, SOURCES = "study.yaml", "forms.yaml", "variables.yaml", "sources.yaml"


@dataclass(frozen=True)
class Spoiled:
    """One replacement in one file, and what must be said of it.

    The line is that of ``at``, a piece of the spoiled text (by default the new text itself).
    """

    file: str
    old: str
    new: str
    says: str
    hint: str = ""
    at: str | None = None

    def __str__(self) -> str:
        return f"{self.new.strip() or self.old.strip()}"[:40]


SPOILED = [
    # Keys and shapes
    Spoiled(
        STUDY,
        "sponsor: Inserm",
        "sponsr: Inserm",
        "the key `sponsr` is not known here",
        "Did you mean `sponsor`?",
    ),
    Spoiled(
        STUDY,
        "design: {arms: 1",
        "design: {arm: 1",
        "the key `arm` is not known here",
        "Did you mean `arms`?",
    ),
    Spoiled(
        STUDY,
        "C2: {label: W3, after: C1",
        "C2: {label: W3, aftr: C1",
        "the key `aftr`",
        "Did you mean `after`?",
    ),
    Spoiled(FORMS, "pulse:         {ask:", "pulse:         {aks:", "the key `aks`", "Did you mean `ask`?"),
    Spoiled(
        STUDY,
        "half: {dose: 1.5, from: registry#11}",
        "half: {dose: 1.5}",
        "`from` is missing in `half`",
        "assumption with a reason",
    ),
    Spoiled(
        STUDY,
        "level: half, setting: hospital",
        "setting: hospital",
        "`level` is missing in `C1`",
        at="label: W1, day",
    ),
    Spoiled(
        STUDY,
        ", reason: No act of a trial may precede consent.",
        "",
        "an assumption needs a `reason`",
        at="consented:",
    ),
    Spoiled(
        STUDY, "masking: open", "masking: opne", "`opne` is not a right `masking`", "Did you mean `open`?"
    ),
    Spoiled(STUDY, "arms: 1", "arms: one", "this must be a whole number, not `one`"),
    Spoiled(STUDY, "arms: 1", "arms: 0", "this must be at least 1, not `0`"),
    Spoiled(STUDY, 'version: "1.0"', "version: 1.0", "this must be text, not `1.0`", "between quotes"),
    Spoiled(STUDY, "country: FR", "country: France", "`France` is not a right `country`", "e.g. FR"),
    Spoiled(STUDY, "full: {dose: 3,", "full: {dose: -3,", "this must be more than 0"),
    Spoiled(
        STUDY,
        "kind: paired_change",
        "kind: paired_chnge",
        "`paired_chnge` is not a right `kind`",
        "Did you mean `paired_change`?",
    ),
    Spoiled(STUDY, "date: 2008-03-01", "date: 2008-02-31", "`2008-02-31` is not a date", "e.g. 2008-03-01"),
    Spoiled(FORMS, "repeats: true", "repeats: often", "this must be true or false"),
    Spoiled(
        STUDY, "fr: Cures suivantes en ambulatoire}", "fr: }", "`fr` has no words", at="ambulatory: {effect"
    ),
    Spoiled(
        STUDY, "en: Bilirubin above 1.5 times", "en: Bilirubin, above", "follows a comma", "between quotes"
    ),
    Spoiled(FORMS, "{en: Pulse, fr: Pouls}", "{en: Pulse, rf: Pouls}", "there is no language `rf`", "en, fr"),
    Spoiled(STUDY, "sites:\n", "sites: PSL\nsitez:\n", "the key `sitez`", "sites"),
    Spoiled(
        STUDY, "adult: {require:", "adult: {exclude: sex = 'F', require:", "either `require` or `exclude`"
    ),
    # The text itself
    Spoiled(
        STUDY,
        "phase: I/II",
        "phase: I/II\nphase: I/II",
        "`phase` is said twice, first on line",
        "Keep one",
        at="phase: I/II\nid",
    ),
    Spoiled(STUDY, "  half: {dose", "\thalf: {dose", "a tab stands where spaces should", "spaces, not tabs"),
    Spoiled(STUDY, "  half: {dose", "  half: &half {dose", "anchors and aliases", "Write the value out"),
    Spoiled(STUDY, "phase: I/II", "phase: *other", "anchors and aliases", "between quotes"),
    Spoiled(STUDY, "phase: I/II", "phase: !!str I/II", "tags are not used", "Remove it"),
    Spoiled(
        STUDY,
        "arms: 1, masking",
        "arms: 1 masking: [",
        "something inside { } is not complete",
        "quotes around",
    ),
    Spoiled(STUDY, "phase: I/II", "phase: I: II", "a second `: ` stands in one line", "between quotes"),
    Spoiled(STUDY, 'version: "1.0"', 'version: "1.0', "a quote is opened here and not closed"),
    Spoiled(FORMS, "limits: 20..250, usual: 45..120", "limits: 1e999", "too large for a number"),
    # Small words
    Spoiled(STUDY, "window: ±1 days", "window: 1 day", "`1 day` does not say before or after", "±1 day"),
    Spoiled(
        STUDY, "cycle_length: 21 days", "cycle_length: 3 fortnights", "is not a length of time", "21 days"
    ),
    Spoiled(
        STUDY,
        "after: C1 + 7 days",
        "after: C1 plus 7",
        "does not say a day counted from something",
        "C1 + 21 days",
    ),
    Spoiled(STUDY, "C1 + 18..21 days", "C1 + 21..18 days", "ends before it begins"),
    Spoiled(STUDY, "day: 1, doses: 5 daily", "day: 1, doses: five", "is not a number of doses", "5 daily"),
    Spoiled(FORMS, "limits: 30..45", "limits: 45..30", "ends below its beginning"),
    Spoiled(
        FORMS, "limits: 30..45, usual: 35..38.4", "limits: 30..45, usual: 35..55", "lies outside the limits"
    ),
    Spoiled(STUDY, "blood: 10 mL", "blood: 10 g", "is not a volume", "10 mL"),
    Spoiled(STUDY, "day: -14", "day: 0", "there is no study day 0"),
    Spoiled(STUDY, "timezone: Europe/Paris", "timezone: Europe/Pari", "is not a time zone", "Europe/Paris"),
    # Names that are not there
    Spoiled(STUDY, "forms: [ecg]", "forms: [ekg]", "there is no form `ekg`", "Did you mean `ecg`?"),
    Spoiled(
        STUDY,
        "specimens: [pbmc], forms: [suppression]",
        "specimens: [pbcm], forms: [suppression]",
        "there is no specimen `pbcm`",
        "pbmc",
    ),
    Spoiled(
        STUDY,
        "at: [SCR, W37], blood",
        "at: [SRC, W37], blood",
        "there is no visit or dose day `SRC`",
        "Did you mean `SCR`?",
    ),
    Spoiled(
        STUDY, "after: C3 + 21 days", "after: C33 + 21 days", "there is no cycle `C33`", "Did you mean `C3`?"
    ),
    Spoiled(STUDY, "level: half, ", "level: haf, ", "there is no level `haf`", "Did you mean `half`?"),
    Spoiled(
        STUDY,
        "until: tolerance_C1",
        "until: tolerance_C2",
        "there is no decision `tolerance_C2`",
        "tolerance_C1",
    ),
    Spoiled(
        STUDY, "expected: ambulatory", "expected: ambulant", "there is no outcome `ambulant`", "ambulatory"
    ),
    Spoiled(
        STUDY, "SCR: {epoch: screening", "SCR: {epoch: screning", "there is no epoch `screning`", "screening"
    ),
    Spoiled(
        STUDY, "parameter: CP.TREGCD4", "parameter: CP.TREGCD44", "SDTM name `CP.TREGCD44`", "CP.TREGCD4"
    ),
    Spoiled(
        STUDY,
        "events: [flare, rescue, death]",
        "events: [flair, rescue, death]",
        "there is no event `flair`",
        "flare",
    ),
    Spoiled(
        STUDY,
        "over: [regulatory_cells,",
        "over: [regulatory_cell,",
        "there is no endpoint `regulatory_cell`",
        "regulatory_cells",
    ),
    Spoiled(FORMS, "occurs: onset", "occurs: onst", "date item of the form `ae` called `onst`", "onset"),
    Spoiled(FORMS, "occurs: onset", "occurs: term", "date item of the form `ae` called `term`", "onset"),
    Spoiled(
        FORMS,
        "    repeats: true\n    occurs: onset",
        "    occurs: onset",
        "`occurs` belongs to a form with a row per occurrence",
        at="  ae:\n    title",
    ),
    Spoiled(
        STUDY, "item: place", "item: plaice", "choice item of the form `injection` called `plaice`", "place"
    ),
    Spoiled(
        STUDY,
        "item: place\n",
        "\n",
        "`item` and `allowed` go together",
        at="places:                          #",
    ),
    Spoiled(
        STUDY,
        "allowed: {hospital: [hospital]",
        "allowed: {hospital: [hospitl]",
        "code of injection.place `hospitl`",
        "hospital",
    ),
    Spoiled(
        STUDY,
        "ambulatory: [home",
        "ambulant: [home",
        "called `ambulatory`",
        "ambulant",
        at="ambulatory: {effect",
    ),
    Spoiled(
        STUDY, "places: {D1: day hospital", "places: {D1: day hopital", "called `day hopital`", "day hospital"
    ),
    Spoiled(
        STUDY,
        "level: half, setting: hospital",
        "level: half, setting: hospice",
        "called `hospice`",
        "hospital",
    ),
    Spoiled(STUDY, "apart: 12 hours", "apart: half a day", "is not a length of time", "21 days"),
    Spoiled(STUDY, "consent: consent.signed", "consent: consent.sined", "called `sined`", "consent.signed"),
    Spoiled(
        STUDY,
        "sum_of: [inclusion,",
        "sum_of: [inclusions,",
        "there is no milestone `inclusions`",
        "inclusion",
    ),
    Spoiled(
        STUDY,
        "from: registry#18",
        "from: registry#88",
        "there is no statement `registry#88`",
        "Statements of registry: 1, 2",
    ),
    Spoiled(
        STUDY,
        "from: registry#18",
        "from: registrie#18",
        "there is no statement `registrie#18`",
        "Did you mean `registry`?",
    ),
    Spoiled(STUDY, "from: registry#18", "from: hearsay", "`hearsay` is not a source", "registry#1"),
    Spoiled(
        VARIABLES, "item: demography.sex", "item: demography.sexe", "called `sexe`", "Did you mean `sex`?"
    ),
    Spoiled(
        VARIABLES,
        "item: demography.sex",
        "item: demographie.sex",
        "there is no form `demographie`",
        "demography",
    ),
    Spoiled(
        VARIABLES,
        "item: demography.age, at: SCR",
        "item: demography.age, at: W11",
        "visit with the form `demography` called `W11`",
        "SCR",
    ),
    Spoiled(
        VARIABLES,
        "during: latest course",
        "during: last course",
        "there is no period `last course`",
        "latest course",
    ),
    Spoiled(
        VARIABLES,
        "complete: flare_assessment.assessed@",
        "complete: flare_assessment.looked@",
        "yes/no item",
        "assessed",
    ),
    Spoiled(
        VARIABLES,
        "max: ae.grade",
        "max: ae.term",
        "`max` cannot be taken of ae.term, a text",
        "a number or date",
    ),
    Spoiled(
        VARIABLES,
        "max: ae.grade",
        "max: ae.grade\n    item: ae.grade",
        "this variable is item and max",
        "one of item",
        at="worst_related_grade_C1:",
    ),
    # Things that contradict each other
    Spoiled(
        STUDY,
        "C2: {label: W3, after: C1 +",
        "C2: {label: W3, after: C4 +",
        "counted in a circle: C2 → C4 → C3 → C2",
    ),
    Spoiled(
        STUDY,
        "C3: {label: W6, after: C2 + 21 days",
        "C3: {label: W6, day: 1",
        "exactly one cycle begins",
        at="C1: {label",
    ),
    Spoiled(
        STUDY,
        "C3: {label: W6, after: C2 + 21 days",
        "C3: {label: W6, after: C2 + 3 days",
        "may begin before the last dose of C2",
    ),
    Spoiled(STUDY, "C1 + 18..21 days", "C1 + 18..25 days", "waits for tolerance_C1", at="C2: {label"),
    Spoiled(STUDY, "C1.D8: {epoch", "C1.D5: {epoch", "`C1.D5` is already a dose day", "another name"),
    Spoiled(
        STUDY,
        "review: {effect: hold, otherwise: true",
        "review: {effect: hold, unknown: wait, when: infection",
        "only it, says `otherwise: true`",
        at="outcomes:",
    ),
    Spoiled(
        STUDY,
        "when: rescues >= 1, unknown: continue",
        "when: rescues >= 1",
        "`unknown` is missing in `rescue`",
        "Write `unknown: continue`",
    ),
    # Rules
    Spoiled(STUDY, "failed_lines >= 1", "failed_lines >= 1 consent_signed", "in the rule:", "AND"),
    Spoiled(
        STUDY, "failed_lines >= 1", "failed_line >= 1", "in the rule: there is no variable", "failed_lines"
    ),
    Spoiled(STUDY, "failed_lines >= 1", "failed_lines >= 1 -- not sure", "a rule has no comments"),
    Spoiled(
        STUDY, "weight - weight_day_1 >= '2 kg'", "weight - weight_day_1 >= '2 L'", "in the rule: units clash"
    ),
    Spoiled(STUDY, "weight - weight_day_1 >= '2 kg'", "weight - weight_day_1 >= 2", "has no unit", "'2 kg'"),
    Spoiled(STUDY, "temperature >= '38.5 Cel'", "temperature >= '38.5 °C'", "in the rule:", "Cel"),
    Spoiled(
        STUDY, "sex = 'M' OR contraception\"", "sex = 'H' OR contraception\"", "not one of the codes", "M"
    ),
    Spoiled(STUDY, "sex = 'M' OR contraception\"", 'sex = 1 OR contraception"', "in the rule: types clash"),
    Spoiled(STUDY, "hcv_rise_span >= '14 days'", "hcv_rise_span >= 14", "has no unit", "'14 days'"),
    Spoiled(
        FORMS, "only_if: \"sex = 'F'\"", "only_if: \"sax = 'F'\"", "in the rule: there is no variable", "sex"
    ),
    Spoiled(
        VARIABLES,
        "      related AND (grade = 5",
        "      related AND (grde = 5",
        "there is no variable grde",
        "grade",
        at="grde = 5",
    ),
    Spoiled(
        VARIABLES,
        "AND NOT (category = 'lymphopenia'",
        "AND NOT (category = 'lymphopaenia'",
        "not one of the codes",
        "lymphopenia",
    ),
    # Units and names
    Spoiled(FORMS, 'unit: "mm[Hg]", limits: 30..300', "unit: mmHg, limits: 30..300", "mmHg", "mm[Hg]"),
    Spoiled(
        FORMS, "sdtm: VS.TEMP", "sdtm: VS.TEMPERATURE", "is not an SDTM name", "LB.ALT", at="temperature:"
    ),
    Spoiled(
        FORMS,
        "type: boolean, sdtm: VS.NEWSIGN",
        "type: choice, sdtm: VS.NEWSIGN",
        "a choice lists its `codes`",
        at="new_sign:",
    ),
    Spoiled(
        VARIABLES,
        "  sex:                  {item",
        "  end:                  {item",
        "`end` is a word of the rule language",
        "another name",
    ),
    Spoiled(FORMS, "  ecg:\n", "  e-c-g:\n", "`e-c-g` cannot be a name", "letters a to z, digits and _"),
    Spoiled(SOURCES, "endpoint: efficacy", "endpoint: eficacy", "there is no endpoint `eficacy`", "efficacy"),
    Spoiled(SOURCES, "1: {says:", "one: {says:", "this must be a whole number, not `one`"),
]


def problems(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(ProtocolError) as caught:
        load(folder)
    return caught.value.problems


def spoil(folder: Path, file: str, old: str, new: str) -> str:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text, f"{file} no longer holds {old!r}"
    text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    return text


@pytest.mark.parametrize("one", SPOILED, ids=str)
def test_a_spoiled_study_says_where_and_what(study: Path, one: Spoiled) -> None:
    text = spoil(study, one.file, one.old, one.new)
    line = text[: text.index(one.at or one.new.strip("\n").splitlines()[-1].strip())].count("\n") + 1
    said = problems(study)
    found = [problem for problem in said if one.says in problem.message]
    assert found, f"nothing says {one.says!r}:\n" + "\n".join(map(str, said))
    assert (found[0].place.file, found[0].place.line) == (one.file, line)
    assert one.hint in (found[0].hint or "")
    for problem in said:
        assert_reads_well(problem)


def assert_reads_well(problem: Problem) -> None:
    """A message is a clause for people, a hint a sentence; neither speaks of how the program is made."""
    text = f"{problem.message} {problem.hint or ''}"
    for jargon in ("Input should", "pydantic", "Value error", "NoneType", "dict", "Traceback", "<class"):
        assert jargon not in text
    assert not problem.message.endswith(".")
    assert problem.hint is None or problem.hint[-1] in ".?"


def test_there_are_many_ways_to_be_wrong() -> None:
    assert len(SPOILED) >= 60


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (STUDY, "id: VASCU-IL2", "# a comment\n\nid:    VASCU-IL2   # and another"),
        (STUDY, "phase: I/II", 'phase: "I/II"'),
        (STUDY, "forms: [ecg]", "forms:\n    [\n      ecg,\n    ]"),
        (STUDY, "full: {dose: 3,", "full: {dose: 3.0,"),
        (STUDY, "half: {dose: 1.5, from: registry#11}", "half:\n      dose: 1.5\n      from: registry#11"),
        (FORMS, "unit: Cel,", "unit: 'Cel',"),
    ],
)
def test_comments_and_layout_do_not_change_the_hash(
    study: Path, protocol: Protocol, file: str, old: str, new: str
) -> None:
    spoil(study, file, old, new)
    assert load(study).hash == protocol.hash


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (STUDY, "full: {dose: 3,", "full: {dose: 2.5,"),
        (STUDY, "en: Pregnancy, fr", "en: Pregnant, fr"),
        (STUDY, "planned: 10", "planned: 12"),
        (FORMS, "usual: 35..38.4", "usual: 35..38.5"),
        (VARIABLES, "lasting <= '72 hours'", "lasting <= '71 hours'"),
        (SOURCES, "Inclusions last 18 months.", "Inclusions last eighteen months."),
    ],
)
def test_content_changes_the_hash(study: Path, protocol: Protocol, file: str, old: str, new: str) -> None:
    spoil(study, file, old, new)
    assert load(study).hash != protocol.hash


def test_the_order_of_outcomes_is_content(study: Path, protocol: Protocol) -> None:
    """Outcomes are read from top to bottom, so their order decides."""
    lines = (study / STUDY).read_text("utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("      ambulatory: "))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    (study / STUDY).write_text("\n".join(lines), "utf-8")
    assert load(study).hash != protocol.hash


def test_a_copy_elsewhere_has_the_same_hash(study: Path, protocol: Protocol) -> None:
    assert load(study).hash == protocol.hash


def test_a_changed_file_is_compiled_again(study: Path) -> None:
    assert load(study) is load(study)
    first = load(study)
    spoil(study, STUDY, "planned: 10", "planned: 12")
    assert (first.study.enrolment.planned, load(study).study.enrolment.planned) == (10, 12)


def test_problems_of_several_files_come_together_in_order(study: Path) -> None:
    spoil(study, STUDY, "masking: open", "masking: opne")
    spoil(study, FORMS, "repeats: true", "repeats: often")
    spoil(study, VARIABLES, "item: demography.sex", "itm: demography.sex")
    (study / SOURCES).unlink()
    found = problems(study)
    assert [problem.place.file for problem in found] == [FORMS, SOURCES, STUDY, VARIABLES]


def test_a_wrong_rule_is_reported_beside_a_wrong_name(study: Path) -> None:
    spoil(study, STUDY, "failed_lines >= 1", "failed_line >= 1")
    spoil(study, STUDY, "forms: [ecg]", "forms: [ekg]")
    spoil(study, STUDY, "level: half, ", "level: haf, ")
    said = " ".join(problem.message for problem in problems(study))
    assert all(word in said for word in ("failed_line", "ekg", "haf"))


def test_a_wrong_variable_is_blamed_once_not_in_every_rule(study: Path) -> None:
    spoil(study, VARIABLES, "item: demography.sex", "item: demography.sexe")
    [problem] = problems(study)
    assert problem.place.file == VARIABLES


def test_a_rule_in_a_folded_block_is_placed_to_the_character(study: Path) -> None:
    text = spoil(study, VARIABLES, "lasting <= '72 hours'", "lasting <= '72 g'")
    [problem] = problems(study)
    lines = text.splitlines()
    line = next(i for i, line in enumerate(lines) if "'72 g'" in line)
    assert (problem.place.line, problem.place.column) in (
        (line + 1, lines[line].index("lasting <= '72 g'") + 1),
        (line + 1, lines[line].index("'72 g'") + 1),
    )


def test_not_utf8(study: Path) -> None:
    (study / FORMS).write_bytes((study / FORMS).read_bytes().replace("é".encode(), b"\xe9", 1))
    [problem] = problems(study)
    assert problem.place.file == FORMS and problem.place.line
    assert "UTF-8" in problem.message
    assert problem.hint == "In your editor, save the file with the encoding UTF-8."


def test_a_byte_order_mark_is_harmless(study: Path, protocol: Protocol) -> None:
    (study / FORMS).write_bytes(b"\xef\xbb\xbf" + (study / FORMS).read_bytes())
    assert load(study).hash == protocol.hash


def test_a_huge_file_is_not_read(study: Path) -> None:
    with (study / FORMS).open("a") as file:
        file.write("#" * 1_000_001)
    [problem] = problems(study)
    assert "a study file at most 1,000,000" in problem.message


def test_a_yaml_bomb_is_refused_at_its_first_anchor(study: Path) -> None:
    levels = ["a0: &a0 [lol, lol]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (study / FORMS).write_text("\n".join(levels))
    [problem] = problems(study)
    assert (problem.place.line, "anchors" in problem.message) == (1, True)


def test_deep_nesting_is_refused(study: Path) -> None:
    (study / FORMS).write_text("forms: " + "[" * 5000 + "]" * 5000)
    [problem] = problems(study)
    assert "nested more than 30 levels" in problem.message


@pytest.mark.parametrize("name", [STUDY, FORMS, VARIABLES, SOURCES])
def test_an_empty_file(study: Path, name: str) -> None:
    (study / name).write_text("")
    assert any(one.place.file == name and "`key: value` lines" in one.message for one in problems(study))


@pytest.mark.parametrize("name", [FORMS, VARIABLES, SOURCES])
def test_a_missing_file(study: Path, name: str) -> None:
    (study / name).unlink()
    [problem] = problems(study)
    assert problem.place.file == name
    assert "is missing from the study folder" in problem.message


def test_a_file_that_does_not_belong(study: Path) -> None:
    (study / "model.yml").write_text("a: 1")
    [problem] = problems(study)
    assert (problem.place.file, problem.hint) == ("model.yml", "Did you mean `model.yaml`?")


def test_other_files_may_lie_beside(study: Path, protocol: Protocol) -> None:
    (study / "README.md").write_text("Notes.")
    (study / "trial.sqlite3").write_bytes(b"")
    assert load(study).hash == protocol.hash


def test_variables_that_read_each_other_are_refused(study: Path) -> None:
    circle = (
        "  first_a: {count: ae.grade, where: first_b > 1, none: 0}\n"
        "  first_b: {count: ae.grade, where: first_a > 1, none: 0}\n"
    )
    spoil(study, VARIABLES, "variables:\n", f"variables:\n{circle}")
    assert [one.message for one in problems(study)] == [
        "variables read each other in a circle: first_a → first_b → first_a",
        "variables read each other in a circle: first_b → first_a → first_b",
    ]


def test_one_sdtm_name_has_one_unit(study: Path) -> None:
    spoil(study, FORMS, "unit: g/L, decimals: 2, limits: 0..100, usual: 0..10, sdtm: LB.CRYOGLBN",
          "unit: mg/L, decimals: 2, limits: 0..100, usual: 0..10, sdtm: LB.CRYOGLBN")  # fmt: skip
    assert any("LB.CRYOGLBN is in g/L here and in mg/L in" in one.message for one in problems(study))


def test_a_study_is_found_by_name_and_by_folder(study: Path) -> None:
    assert locate("vascu_il2") == bundled()["vascu_il2"]
    assert locate(study) == study


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("vascu_il", "neither a folder nor a bundled study", "Did you mean `vascu_il2`?"),
        ("zzz", "neither a folder nor a bundled study", "Bundled studies: "),
    ],
)
def test_an_unknown_study(name: str, says: str, hint: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        locate(name)
    [problem] = caught.value.problems
    assert says in problem.message
    assert problem.hint and problem.hint.startswith(hint)


def test_a_file_or_an_empty_folder_is_no_study(study: Path, tmp_path: Path) -> None:
    for path, says in ((study / STUDY, "is a file"), (tmp_path, "has no study.yaml")):
        with pytest.raises(ProtocolError, match=says):
            locate(path)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("at_least: {1: 1}", "at_least: {1: 0}", "numbers from 1 on"),
        ("at_least: {2: 2, 5: 3}", "at_least: {2: 3, 5: 1}", "does not fall"),
        ("complete_with: 4", "complete_with: 6", "no course has 6 doses"),
        ("full: {dose: 3,", "full: {dose: 3000,", "cannot be entered"),
        ("FA.PURPURA: [resolved]", "FA.PURPURA: [resolvd]", "has no state `resolvd`"),
        ("    at: C4.D5\n", "    at: C4.D3\n", "is not measured at C4.D3"),
    ],
)
def test_what_could_never_work_is_an_error(tmp_path: Path, old: str, new: str, word: str) -> None:
    folder = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], folder)
    text = (folder / "study.yaml").read_text("utf-8")
    assert old in text
    (folder / "study.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ProtocolError) as caught:
        load(folder)
    [problem] = caught.value.problems
    assert word in problem.message
    assert problem.place.file == "study.yaml"
    assert problem.place.line == 1 + text[: text.index(old)].count("\n")
