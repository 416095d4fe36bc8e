"""CDISC ARS reporting events: valid, whole, and every reference leads somewhere."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import example_trial
from trialrun.analysis.ard import Ard, analyse_outputs
from trialrun.exchange.ars import reporting_event
from trialrun.exchange.ars_condition import condition
from trialrun.protocol.compile import load
from trialrun.protocol.outputs import load_outputs
from trialrun.protocol.protocol import Protocol
from trialrun.tables import adam, sdtm

SCHEMA = json.loads((Path(__file__).parent / "ars" / "ars_ldm.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load("vascu_il2")


SOME = ("14.1.1", "14.1.4", "14.2.1.1", "14.2.1.4", "14.3.1.2", "16.2.7.1")


@pytest.fixture(scope="module")
def ard(protocol: Protocol) -> Ard:
    return analyse_outputs(example_trial.tables(protocol), protocol.outputs, protocol, SOME)


@pytest.mark.slow
def test_every_output_of_the_reference_study_is_told(protocol: Protocol) -> None:
    ard = analyse_outputs(example_trial.tables(protocol), protocol.outputs, protocol)
    event = reporting_event(ard, protocol)
    assert [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(event)] == []
    assert unresolved(event) == []
    assert len(set(places(event))) == ard.cells["statistic"].drop_nulls().len()


@pytest.fixture(scope="module")
def event(ard: Ard, protocol: Protocol) -> dict[str, Any]:
    return reporting_event(ard, protocol)


@pytest.fixture(scope="module")
def by_arm(pilot: Path, protocol: Protocol) -> tuple[Ard, dict[str, Any]]:
    """Two published tables with arms, a total, and p-values beside them."""
    tables = {
        **sdtm.read(pilot / "cdiscpilotsdtm").tables,
        **adam.read(pilot / "cdiscpilotadam"),
    }
    outputs = load_outputs(Path(__file__).parents[1] / "analysis" / "outputs" / "pilot.yaml")
    ard = analyse_outputs(tables, outputs, only=["14-1.01", "14-2.01"])
    return ard, reporting_event(ard, replace(protocol, outputs=outputs))


def test_it_validates(event: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(event)] == []


def test_with_arms_and_comparisons_it_validates(by_arm: tuple[Ard, dict[str, Any]]) -> None:
    assert [e.message for e in jsonschema.Draft7Validator(SCHEMA).iter_errors(by_arm[1])] == []


def places(event: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (one["id"], result["operationId"], json.dumps(result.get("resultGroups")))
        for one in event["analyses"]
        for result in one["results"]
    ]


def test_every_number_is_there_once(
    ard: Ard, event: dict[str, Any], by_arm: tuple[Ard, dict[str, Any]]
) -> None:
    for cells, told in ((ard, event), by_arm):
        found = places(told)
        assert len(found) == len(set(found)) == cells.cells["statistic"].drop_nulls().len()
        values = Counter(r["rawValue"] for a in told["analyses"] for r in a["results"] if "rawValue" in r)
        numbers = [repr(one).removesuffix(".0") for one in cells.cells["value"].drop_nulls()]
        assert values == Counter([*numbers, *cells.cells["text"].drop_nulls()])


def test_every_reference_leads_somewhere(event: dict[str, Any], by_arm: tuple[Ard, dict[str, Any]]) -> None:
    for told in (event, by_arm[1]):
        assert unresolved(told) == []


def unresolved(event: dict[str, Any]) -> list[str]:
    def ids(name: str) -> set[str]:
        found = [one["id"] for one in event[name]]
        assert len(found) == len(set(found)), name
        return set(found)

    groups = {one["id"]: {each["id"] for each in one["groups"]} for one in event["analysisGroupings"]}
    operations = {o["id"]: m["id"] for m in event["methods"] for o in m["operations"]}
    relations = {
        r["id"]: r["operationId"]
        for m in event["methods"]
        for o in m["operations"]
        for r in o.get("referencedOperationRelationships", ())
    }
    wrong = [r for r, operation in relations.items() if operation not in operations]
    for one in event["analyses"]:
        wrong += [one["id"]] * (one["methodId"] not in ids("methods"))
        wrong += [one["id"]] * (one.get("analysisSetId", "") not in ids("analysisSets") | {""})
        wrong += [one["id"]] * (one.get("dataSubsetId", "") not in ids("dataSubsets") | {""})
        ordered = [each["groupingId"] for each in one.get("orderedGroupings", ())]
        for each in one.get("referencedAnalysisOperations", ()):
            wrong += [one["id"]] * (each["referencedOperationRelationshipId"] not in relations)
            wrong += [one["id"]] * (each["analysisId"] not in ids("analyses"))
        for result in one["results"]:
            wrong += [one["id"]] * (operations[result["operationId"]] != one["methodId"])
            held = result.get("resultGroups", [])
            wrong += [one["id"]] * ([each["groupingId"] for each in held] != ordered)
            wrong += [each["groupId"] for each in held if each["groupId"] not in groups[each["groupingId"]]]
    for item in event["mainListOfContents"]["contentsList"]["listItems"]:
        wrong += [item["name"]] * (item["outputId"] not in ids("outputs"))
        listed = {each["analysisId"] for each in item["sublist"]["listItems"]}
        wrong += sorted(listed - ids("analyses"))
    return wrong


def test_values_are_told_raw_and_as_written(by_arm: tuple[Ard, dict[str, Any]]) -> None:
    [age] = [one for one in by_arm[1]["analyses"] if one["id"] == "An.14-2.01.age.summary-1"]
    placebo = [
        (result["operationId"].rpartition(".")[2], result["rawValue"], result["formattedValue"])
        for result in age["results"]
        if result["resultGroups"][0]["groupId"].endswith(".Placebo")
    ]
    assert ("mean", "75.2093023256", "75.2") in [(n, v, f.strip()) for n, v, f in placebo]


def test_the_words_are_in_the_language_asked_for(ard: Ard, protocol: Protocol) -> None:
    french = reporting_event(ard, protocol, "fr")
    assert french["outputs"][0]["name"] == "Devenir des participants"
    results = [result for one in french["analyses"] for result in one["results"]]
    percents = [r for r in results if r["operationId"].endswith("percent") and "." in r.get("rawValue", "")]
    percents = [r["formattedValue"] for r in percents if "formattedValue" in r]
    assert percents
    assert all("," in one for one in percents)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("AGE >= 65", "AGE GE 65"),
        ("65 > AGE", "AGE LT 65"),
        ("dosed", "dosed EQ true"),
        ("NOT dosed", "NOT(dosed EQ true)"),
        ("A = 'x' AND B <> 'y' AND C < 2", "AND(A EQ x; B NE y; C LT 2)"),
        ("A = 'x' OR (B = 'y' AND C = -1)", "OR(A EQ x; AND(B EQ y; C EQ -1))"),
        ("A IN ('x', 'y')", "A IN x,y"),
        ("A NOT IN ('x', 'y')", "A NOTIN x,y"),
        ("A BETWEEN 1 AND 3", "AND(A GE 1; A LE 3)"),
        ("A IS NULL", ""),
        ("A + 1 > 2", ""),
        ("A = B", ""),
        ("A = 'x' AND B IS NULL", ""),
    ],
)
def test_a_rule_is_told_as_a_condition_or_not_at_all(rule: str, told: str) -> None:
    found = condition(rule, "DM")
    assert (said(found) if found else "") == told


def said(clause: dict[str, Any]) -> str:
    if "condition" in clause:
        one = clause["condition"]
        assert one["dataset"] == "DM"
        return f"{one['variable']} {one['comparator']} {','.join(one['value'])}"
    compound = clause["compoundExpression"]
    return f"{compound['logicalOperator']}({'; '.join(said(one) for one in compound['whereClauses'])})"
