"""Doses that could not be given or written down as they are meant: refused at their place."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.dosing import _given, _says_other
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.treatment import Level

S, F = "study.yaml", "forms.yaml"
BY_SURFACE, TWO_ARMS = "dilfrequency_like", "parallel_blank"
PLACEBO = """unit: "{tablet}"
      unit_name: {en: tablet(s), fr: comprimé(s)}
      from: [synopsis#2, synopsis#3]
"""
LOW = "low: {dose: 0.20, per: m2, of: body_surface, round: 0.01, at_most: 0.5"


def edited(tmp_path: Path, study: str, file: str, old: str, new: str) -> Path:
    folder = tmp_path / "study"
    shutil.copytree(bundled()[study], folder)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("study", "file", "old", "new", "code", "says"),
    [
        (
            BY_SURFACE,
            S,
            LOW,
            "low: {dose: 20, per: m2, of: body_surface, round: 0.01",
            "dose",
            "of 4.38 m² (body_surface) would be given 87.56, which the form injection cannot hold",
        ),
        (
            BY_SURFACE,
            S,
            LOW,
            LOW.replace("round: 0.01, at_most: 0.5", "round: 5"),
            "dose",
            "of 0.745 m² (body_surface) would be given nothing",
        ),
        (
            BY_SURFACE,
            F,
            "limits: 0..18\n        usual: 0..0.7",
            "limits: 0..0.6",
            "dose",
            "would be given 0.7",
        ),
        (BY_SURFACE, F, "limits: 20..300", "limits: 0..300", "dose", "of 0 m²"),
        (
            TWO_ARMS,
            S,
            PLACEBO,
            "unit: mg\n      unit_name: mg\n      from: [synopsis#2, synopsis#3]\n",
            "dose-unit",
            "x in {tablet}, placebo in mg",
        ),
        (
            BY_SURFACE,
            S,
            "fr: millions d'UI}",
            "fr: IU}",
            "unit-name",
            "in `IU`",
        ),
    ],
)
def test_what_cannot_be_given_is_refused(
    tmp_path: Path, study: str, file: str, old: str, new: str, code: str, says: str
) -> None:
    with pytest.raises(ProtocolError) as told:
        load(edited(tmp_path, study, file, old, new))
    assert any(one.code == code and says in one.message for one in told.value.problems), told.value


def test_whether_a_dose_was_given_is_yes_or_no(tmp_path: Path) -> None:
    folder = tmp_path / "clean"
    shutil.copytree(Path(__file__).parent / "lint" / "clean", folder)
    text = (folder / F).read_text("utf-8")
    text = text.replace("type: text, only_if: NOT given,", "type: text,")
    text = text.replace("type: boolean, sdtm: EX.EXOCCUR", "type: text, sdtm: EX.EXOCCUR")
    (folder / F).write_text(text, "utf-8")
    with pytest.raises(ProtocolError, match="`given` of the form that records a dose is yes or no"):
        load(folder)


@pytest.mark.parametrize(
    ("words", "unit", "other"),
    [
        ("mg", "mg", False),
        ("g", "mg", True),
        ("µg", "mg", True),
        ("mcg", "ug", False),
        ("million IU", "10*6.[iU]", False),
        ("IU", "10*6.[iU]", True),
        ("U", "[iU]", False),
        ("U", "k[iU]", True),
        ("tablet(s)", "{tablet}", False),
        ("mg", "{tablet}", True),
        ("comprimés", "mg", False),  # it names no unit
    ],
)
def test_words_that_name_another_unit(words: str, unit: str, other: bool) -> None:
    assert _says_other(words, unit) is other


@given(dose=st.floats(0.01, 50), measure=st.floats(0.1, 300), step=st.sampled_from([0.01, 0.25, 5.0]))
def test_a_dose_is_near_what_is_meant_and_never_above_its_cap(
    dose: float, measure: float, step: float
) -> None:
    level = Level(dose=dose, per="kg", of="weight", round=step, at_most=100, **{"from": "outline#1"})
    given_ = _given(level, measure)
    assert given_ <= 100
    assert given_ == 100 or abs(given_ - dose * measure) <= step / 2 + 1e-6
