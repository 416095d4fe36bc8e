"""`trialrun ics`: decisions as published tables say, changes, and a mixture that decides nothing."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trialrun.cli import main

HEAD = "participant,visit,subset,cytokine,stimulation,positive,parent"
LINES = [
    "01,Day 1,CD4+,IFNg,core,12,81268",
    "01,Day 1,CD4+,IFNg,NS3,31,80112",
    "01,Day 1,CD4+,IFNg,Unstimulated,4,82636",
    "01,Day 1,CD4+,IFNg,SEB,607,81990",
    "01,W11,CD4+,IFNg,core,lost,lost",
    "01,W11,CD4+,IFNg,NS3,78,79034",
    "01,W11,CD4+,IFNg,Unstimulated,6,80551",
    "02,W11,CD4+,IFNg,core,3,81000",
    "02,W11,CD4+,IFNg,Unstimulated,5,900",
]


def run(folder: Path, *words: str, lines: list[str] = LINES) -> Result:
    path = folder / "ics.csv"
    path.write_text("\n".join([HEAD, *lines]), encoding="utf-8")
    return CliRunner().invoke(main, ["ics", str(path), *words])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def judged(result: Result) -> dict[tuple[str, str, str], Any]:
    """The one response of each participant, subset and cytokine."""
    stains = json.loads(result.output)["stains"]
    return {
        (one["participant"], one["subset"], one["cytokine"]): next(iter(one["responses"].values()))
        for one in stains
    }


def test_people_get_a_table_with_reasons(tmp_path: Path) -> None:
    said = run(tmp_path).output.splitlines()
    assert said[:6] == [
        "01, Day 1, CD4+, IFNg",
        "  Antigen            Events    Net %           95 % CI      p   Holm  Response",
        "  background        4/82636",
        "  core             12/81268    0.010    [0.000, 0.021]   .036   .036  negative",
        "  NS3              31/80112    0.034    [0.020, 0.050]  <.001  <.001  positive",
        "  SEB (control)   607/81990    0.735    [0.679, 0.797]  <.001  <.001  positive",
    ]
    assert "  Note: core: the stimulated well was lost" in said
    few = "Note: core: 900 parent events in the unstimulated well, at least 5000 are needed"
    assert few in " ".join(" ".join(said).split())
    assert [line.split()[-1] for line in said if line.startswith("  core")] == ["negative", *["unknown"] * 2]


def test_eqapol_is_decided_as_its_table_says(shared: Path, tmp_path: Path) -> None:
    table = rows(shared / "data/cytometry/eqapol_8color_ics/eqapol_8color_flowjo_ics_fisher.csv")
    lines = [
        f"{row['well']},1,{row['subset']},{row['cytokine']},{name},{row[f'n_{end}']},{row[f'N_{end}']}"
        for row in table
        for name, end in (("pool", "stim"), ("medium", "neg"))
    ]
    found = judged(run(tmp_path, "--json", lines=lines))
    assert len(found) == 16
    for row in table:
        one = found[row["well"], row["subset"], row["cytokine"]]
        assert one["p"] == pytest.approx(float(row["p_fisher"]), rel=1e-6, abs=1e-300)
        assert one["positive"] is (float(row["p_fisher"]) <= 0.01)


def test_compass_is_decided_as_its_table_says(shared: Path, tmp_path: Path) -> None:
    """Its control is spelt in two ways, as in the published file."""
    table = rows(shared / "data/cytometry/ics_counts/compass_ics_marginals_fisher.csv")
    lines = [
        f"{row['pid']},1,CD4,{row['cyt']},{name},{row[f'n_{end}']},{row[f'N_{end}']}"
        for k, row in enumerate(table)
        for name, end in (("ESAT6/CFP10", "stim"), (("Unstimulated", "UnStimulated")[k % 2], "unstim"))
    ]
    result = run(tmp_path, "--json", "--sensitivity", lines=lines)
    found = judged(result)
    assert len(found) == 105
    for row in table:
        one = found[row["pid"], "CD4", row["cyt"]]
        assert one["net"] == pytest.approx(float(row["pct_diff"]), rel=1e-6)
        assert one["positive"] is (float(row["p_fisher"]) <= 0.01 and one["net"] > 0)
    assert sum(one["positive"] for (_, _, cytokine), one in found.items() if cytokine == "IFNg|IL2") == 20
    told = json.loads(result.output)
    assert told["names_taken_for_one"] == ["stimulation Unstimulated, UnStimulated"]
    [mixed] = [one for one in told["sensitivity"] if one["cytokine"] == "IFNg|IL2"]
    assert mixed["members"] is None and "leaves no non-responders" in mixed["reason"]


def test_the_rule_is_what_is_asked(tmp_path: Path) -> None:
    told = json.loads(run(tmp_path, "--json", "--alpha", "0.05", "--net", "0.02", "--parent", "800").output)
    assert told["rule"] == {"alpha": 0.05, "minimum_net": 0.02, "minimum_parent": 800, "level": 0.95}
    first, _, few = told["stains"]
    assert first["responses"]["core"]["positive"] is False  # its net response is .0099 points
    assert first["responses"]["core"]["events"] == {"positive": 12, "parent": 81268}
    assert first["positive_controls"]["SEB"]["positive"] is True
    assert few["responses"]["core"]["positive"] is False and few["responses"]["core"]["reason"] is None
    for option in ("--alpha", "--net"):
        assert run(tmp_path, option, "nan").exit_code == 2


def test_the_changes_from_a_baseline_are_told_or_why_not(tmp_path: Path) -> None:
    said = run(tmp_path, "--baseline", "day 1").output
    assert said[said.index("01, CD4+, IFNg, change") :].splitlines() == [
        "01, CD4+, IFNg, change of the net response since Day 1",
        "  Antigen     Visit    Net %           95 % CI  p (min)  p (max)",
        "  NS3         W11      0.057    [0.030, 0.086]    <.001     .010",
        "  Note: core W11: the stimulated well of W11 was lost",
        "",
        "02, CD4+, IFNg, change of the net response since Day 1",
        "  Note: core W11: no assay of Day 1",
    ]
    changes = json.loads(run(tmp_path, "--json", "--baseline", "Day 1").output)["changes"]
    assert [one["net"] is None for one in changes] == [True, False, True]
    assert changes[1]["unadjusted"] <= changes[1]["minimal"] <= changes[1]["maximal"]
    wrong = run(tmp_path, "--baseline", "W12")
    assert wrong.exit_code == 2 and "Did you mean `W11`?" in wrong.output


def test_a_sensitivity_analysis_is_no_decision_and_refuses_few(tmp_path: Path) -> None:
    plain, more = run(tmp_path).output, run(tmp_path, "--sensitivity").output
    assert more.startswith(plain)
    heading, *notes = more.removeprefix(plain).strip().splitlines()
    assert heading == "Sensitivity analysis, not the decision: mixture over participants (MIMOSA, EM)"
    said = " ".join(" ".join(notes).split())
    assert "Day 1 CD4+ IFNg core" in said and "1 participant, at least 20 are needed" in said


def test_a_mixture_tells_whom_it_leaves_out(tmp_path: Path) -> None:
    lines = [
        f"{k:02},W11,CD4,IFNg,{name},{n},80000"
        for k in range(24)
        for name, n in (("core", 60 if k % 2 else 5 + k % 3), ("medium", 5))
    ]
    said = run(tmp_path, "--sensitivity", lines=[*lines, "99,W11,CD4,IFNg,core,lost,lost"]).output
    assert "W11, CD4, IFNg, core: 50 % of participants respond" in said
    assert said.endswith("  Note: 99: left out, for want of a count\n")
    shares = {line.split()[0]: line.split()[1] for line in said.splitlines() if line.startswith("  0")}
    assert float(shares["01"]) > 0.99 and float(shares["00"]) < 0.01


def test_a_positive_control_that_does_not_respond_is_told(tmp_path: Path) -> None:
    lines = [line.replace("SEB,607", "SEB,3") for line in LINES]
    assert "  Note: positive control SEB does not respond" in run(tmp_path, lines=lines).output.splitlines()


def test_a_defect_is_an_error_with_its_place(tmp_path: Path) -> None:
    result = run(tmp_path, lines=[line.replace("82636", "40%") for line in LINES])
    assert result.exit_code == 1
    assert "ics.csv, line 4, column parent: '40%' is not a count" in result.output


@pytest.mark.parametrize("width", ["60", "100"])
def test_nothing_is_cut(tmp_path: Path, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    lines = [
        line.replace("NS3", "NS3 pool 2 of 4 (15mers by 11)").replace("W11", "Week 11") for line in LINES
    ]
    said = run(tmp_path, "--baseline", "Day 1", "--sensitivity", lines=lines).output
    assert max(map(len, said.splitlines())) <= int(width)
    assert "…" not in said
    for words in ("background", "607/81990", "[0.679, 0.797]", "positive", "11)", "Holm", "p (max)", "Week"):
        assert words in said
