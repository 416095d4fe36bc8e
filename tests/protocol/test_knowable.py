"""What a rule can come to know: by where its variables are read, and by where their forms are asked."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from trialrun.protocol.knowable import ALWAYS, Moment, lacking, lacks, readings
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.variable import Variable


def reading(protocol: Protocol, **said: object) -> Protocol:
    """The protocol with one more variable, ``v``."""
    return replace(protocol, variables={**protocol.variables, "v": Variable.model_validate(said)})


def at(protocol: Protocol, point: str | None) -> Moment:
    return Moment(point, protocol.timepoints[point].offset if point else ALWAYS)


@pytest.mark.parametrize(
    ("said", "point", "whole", "code"),
    [
        ({"item": "laboratory.alt", "at": "this visit"}, "C2.D1", True, None),
        ({"item": "laboratory.alt", "at": "this visit"}, "C2.D2", True, "never-entered"),
        ({"item": "laboratory.alt", "at": "this visit"}, None, True, "never-entered"),
        ({"item": "laboratory.alt", "at": "course day 1"}, "C2.D2", True, None),
        ({"item": "laboratory.alt", "at": "latest"}, None, True, None),
        ({"item": "laboratory.alt", "at": "W11"}, "C2.D1", True, "read-too-early"),
        ({"item": "laboratory.alt", "at": ["W11", "SCR"]}, "C2.D1", True, None),
        ({"item": "tolerance.infection", "at": "latest"}, "C1.D1", True, "read-too-early"),
        ({"item": "end_of_participation.status", "at": "latest"}, "C1.D1", True, None),
        ({"item": "laboratory.alt", "at": "SCR", "within": "14 days"}, "C1.D1", True, None),
        ({"item": "laboratory.alt", "at": "SCR", "within": "14 days"}, "C2.D1", True, "too-old"),
        ({"item": "laboratory.alt", "at": "SCR", "within": "14 days"}, None, True, None),
        ({"count": "ae.grade", "none": 0}, "C1.D1", False, None),
        ({"count": "ae.grade", "none": 0}, "C1.D1", True, "unproven-list"),
        ({"max": "ae.grade"}, "C1.D1", True, None),
        ({"count": "ae.grade", "none": 0, "complete": "ae_review.reviewed@this visit"}, "C1.D1", True, None),
        (
            {"count": "ae.grade", "none": 0, "complete": "ae_review.reviewed@W37"},
            "C1.D1",
            True,
            "read-too-early",
        ),
        ({"count": "ae.grade", "during": "this course"}, "C1.D1", False, None),
        ({"count": "ae.grade", "during": "this course"}, "W11", False, "outside-course"),
        ({"max": "tolerance.infection"}, "C1.D1", False, "read-too-early"),
    ],
)
def test_what_can_be_known(
    protocol: Protocol, said: dict[str, object], point: str | None, whole: bool, code: str | None
) -> None:
    more = reading(protocol, **said)
    lack = lacking(more, "v", at(more, point), whole=whole)
    assert (lack.code if lack else None) == code


def test_what_a_form_that_is_asked_nowhere_holds_is_never_known(protocol: Protocol) -> None:
    activities = {key: one for key, one in protocol.study.activities.items() if key != "any_time"}
    study = protocol.study.model_copy(update={"activities": activities})
    less = reading(replace(protocol, study=study), count="rescue.medicine", none=0)
    lack = lacking(less, "v", at(less, None), whole=False)
    assert lack and lack.code == "never-entered" and "asked nowhere" in lack.why


def test_every_rule_about_participants_is_read_somewhere(protocol: Protocol) -> None:
    read = {one.rule for one in readings(protocol)}
    about = {name for name in protocol.rules if name.split(".")[0] not in ("variables", "forms")}
    assert read == about
    assert all(one.moments for one in readings(protocol))


def test_the_bundled_study_can_know_all_it_reads(protocol: Protocol) -> None:
    def missing() -> Iterator[object]:
        for one in readings(protocol):
            yield from lacks(protocol, one)

    assert list(missing()) == []
