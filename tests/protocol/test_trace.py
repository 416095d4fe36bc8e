from trialrun.protocol.element import ASSUMPTION
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import about, assumptions, elements, trace


def test_every_statement_of_the_description_is_executed(protocol: Protocol) -> None:
    statements = trace(protocol)["statements"]
    assert [one["id"] for one in statements] == [f"R{i}" for i in range(1, 21)]
    for one in statements:
        assert bool(one["elements"]) != one["context"], one["id"]
    assert [one["id"] for one in statements if one["context"]] == ["R5"]


def test_statements_lead_to_what_executes_them(protocol: Protocol) -> None:
    found = {one["id"]: set(one["elements"]) for one in trace(protocol)["statements"]}
    assert "treatment/levels/half" in found["R11"]
    assert {f"treatment/cycles/C{i}" for i in range(1, 5)} <= found["R10"]
    assert "decisions/tolerance_C1/outcomes/ambulatory" in found["R12"]
    assert found["R20"] == {"timeline/overall"}
    assert "variables/failed_lines" in found["R3"]


def test_the_other_sources_are_listed_after(protocol: Protocol) -> None:
    further = trace(protocol)["further"]
    assert {one["id"][0] for one in further} == {"F", "E"}
    assert all(one["elements"] for one in further)


def test_every_element_cites_and_every_assumption_has_a_reason(protocol: Protocol) -> None:
    cited = elements(protocol)
    assert all(element.from_ for element in cited.values())
    for path, element in cited.items():
        if ASSUMPTION in element.from_:
            assert element.reason and len(element.reason.split()) >= 2, path


def test_assumptions_are_those_that_are_marked(protocol: Protocol) -> None:
    listed = assumptions(protocol)
    assert {one["element"] for one in listed} == {
        path for path, one in elements(protocol).items() if one.assumed
    }
    assert all(one["about"] and one["reason"] for one in listed)
    paths = {one["element"] for one in listed}
    assert {
        "enrolment",
        "labels",
        "variables/dose_limiting_events",
        "forms/hcv_history/items/genotype",
    } <= paths


def test_an_element_in_words(protocol: Protocol) -> None:
    cited = elements(protocol)
    said = {path: about(path, element) for path, element in cited.items()}
    assert said["activities/thyroid"] == "activity: Thyroid"
    assert said["eligibility/adult"] == "criterion: Aged 18 to 75 years"
    assert said["treatment/cycles/C2"] == "cycle: W3"
    assert said["design"] == "design"
    assert said["timeline/start"] == "timeline: start"
    assert about("activities/thyroid", cited["activities/thyroid"], "fr") == "activity: Thyroïde"
