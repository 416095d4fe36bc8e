"""What an error tells its reader to write: in the words that are allowed at its place."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trialrun.protocol.compile import bundled, load
from trialrun.protocol.problem import Problem, ProtocolError

SMALL = Path(__file__).parents[1] / "small_study"
STUDY, VARIABLES = "study.yaml", "variables.yaml"

Spoiled = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def spoiled(tmp_path: Path) -> Spoiled:
    """The problems of a bundled study, or the small one, after an edit."""

    def spoiled(study: str, old: str, new: str, file: str = STUDY) -> tuple[Problem, ...]:
        folder = tmp_path / "study"
        shutil.copytree({**bundled(), "small": SMALL}[study], folder)
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")
        with pytest.raises(ProtocolError) as error:
            load(folder)
        return error.value.problems

    return spoiled


@pytest.mark.parametrize(
    ("study", "old", "new", "says", "cure"),
    [
        (
            "vascu_il2",
            ", unknown: hold,",
            ",",
            "`unknown` is missing",
            "`unknown: hold` (no dose until it is known)",
        ),
        ("vascu_il2", ", unknown: continue,", ",", "`unknown` is missing", "Write `unknown: continue`"),
        ("transreg_like", ", unknown: do,", ",", "`only_if` and `unknown` go together", "`unknown: skip`"),
        (
            "small",
            "doses: 1 daily",
            "doses: 10 every 12 hours",
            "several doses a day cannot be written yet",
            "5 daily",
        ),
        (
            "vascu_il2",
            "require: consent_signed",
            "require: consent_signed ET consent_signed",
            "`ET` is not a word of rules",
            "Write AND.",
        ),
        (
            "vascu_il2",
            "after: C4 + 112 days",
            "after: age + 112 days",
            "`age` is a variable, but not a date",
            "C1",
        ),
    ],
)
def test_the_cure_can_be_typed(
    spoiled: Spoiled, study: str, old: str, new: str, says: str, cure: str
) -> None:
    problems = spoiled(study, old, new)
    assert len(problems) == 1
    assert says in problems[0].message
    assert cure in (problems[0].hint or "")


def test_the_cure_of_a_missing_source_cites_one_of_this_study(spoiled: Spoiled) -> None:
    [problem] = spoiled("small", ", setting: home, from: outline#1}", ", setting: home}")
    assert (problem.code, "outline#1" in (problem.hint or "")) == ("no-source", True)


def test_a_collision_points_at_the_line_of_the_series(spoiled: Spoiled) -> None:
    [problem] = spoiled(
        "small", "    S: {label", "    S2: {label: Other, after: S1 + 90 days}\n    S: {label"
    )
    assert "`S2`, which is there already" in problem.message
    assert problem.place.path == ("treatment", "cycles", "S")
    text = (SMALL / STUDY).read_text("utf-8").splitlines()
    assert text[(problem.place.line or 0) - 2].startswith("    S: {label")


def test_an_error_of_a_series_is_told_once(spoiled: Spoiled) -> None:
    [problem] = spoiled("small", "every: 14 days, substance: drug", "every: 14 days, substance: drugs")
    assert "there is no substance `drugs`" in problem.message


@pytest.mark.parametrize("word", ["no", "yes", "off"])
def test_a_word_is_neither_true_nor_false(spoiled: Spoiled, word: str) -> None:
    [problem] = spoiled("vascu_il2", "text, required: false", f"text, required: {word}", "forms.yaml")
    assert problem.message == f"this must be true or false, not `{word}`"
