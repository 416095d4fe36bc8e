"""What is reported of a study that plans no outputs: the tables that every trial has."""

import pytest

from trialrun.protocol.compile import load


@pytest.mark.parametrize("name", ["parallel_blank", "transreg_like", "dilfrequency_like"])
def test_a_study_without_outputs_has_the_usual_ones(name: str) -> None:
    protocol = load(name)
    assert protocol.outputs is None
    planned = protocol.reported.planned
    assert [key for key in planned if key.startswith("14.2.")] == [
        f"14.2.{number}" for number in range(1, 1 + len(protocol.study.endpoints))
    ]
    assert {"14.1.1", "14.1.2", "14.1.3", "14.3.1", "16.2.7"} <= set(planned)
    assert set(protocol.reported.file.packs) == {"board", "sponsor"}


def test_arms_are_columns_and_never_pooled_for_an_endpoint() -> None:
    planned = load("parallel_blank").reported
    assert planned.file.by is not None
    assert planned.file.by.total is not None
    by = planned.planned["14.2.1"].by
    assert by is not None
    assert by.order == ("ACTIVE", "PLACEBO")
    assert by.total is None


def test_a_study_with_outputs_has_its_own() -> None:
    protocol = load("vascu_il2")
    assert protocol.reported is protocol.outputs
