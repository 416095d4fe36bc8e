"""Outputs are tried before there is anybody: a name that no table has is told with its line."""

import shutil
from pathlib import Path

from trialrun.analysis.outputs.tried import tried
from trialrun.protocol.compile import bundled, load

PLANNED = """
outputs:
  '14.1.1':
    kind: table
    title: Age
    rows:
      age: {summary: AGEE}
      sex: {title: Sex, categories: SEX}
  '14.1.2':
    kind: table
    title: Weight
    rows: {weight: {summary: VS.VSSTRESM}}
  '14.1.3':
    kind: table
    title: Sex
    rows: {sex: {title: Sex, categories: SEX}}
"""


def test_each_output_tells_a_name_that_no_table_has(tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(bundled()["vascu_il2"], study)
    (study / "outputs.yaml").write_text(PLANNED, "utf-8")
    source = (study / "sources.yaml").read_text("utf-8")
    (study / "sources.yaml").write_text(source.partition("published:")[0], "utf-8")
    found = [(problem.place.line, problem.message) for problem in tried(load(study))]
    assert [line for line, _ in found] == [7, 12]
    assert ["`AGEE`" in found[0][1], "`VSSTRESM`" in found[1][1]] == [True, True]


def test_outputs_that_fit_have_no_problem() -> None:
    assert tried(load("parallel_blank")) == []
