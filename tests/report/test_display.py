"""The reference study's outputs as laid out: the numbers of its results, each with its rows."""

import re

import pytest

from trialrun.report.display import display, text
from trialrun.report.language import language


def number(ard, output, path, statistic):
    [found] = ard.of(output).filter(path=path, statistic=statistic)["value"]
    return found


@pytest.mark.parametrize("statistic", ["p", "estimate"])
def test_a_trajectory_with_the_rules_of_an_endpoint_is_the_endpoint(ard, statistic):
    by_visit = number(ard, "14.2.2.10", f'["treg","treg","=C4.D5","{statistic}"]', statistic)
    at_once = number(ard, "14.2.2.3", f'["regulatory_cells","{statistic}"]', statistic)
    assert by_visit == pytest.approx(at_once, abs=1e-9)


def test_every_number_of_a_display_resolves_to_rows_of_the_record(ard):
    for output in ard.outputs:
        shown = display(ard, output)
        for cell in (
            cell for row in shown.rows for cell in row.cells if cell.id and cell.text not in ("", "0")
        ):
            found = ard.cells.filter(cell=cell.id)
            assert found.height, (output, cell)
            if found["method"][0] == "operating_characteristics/1":  # of the study itself: it has no rows
                continue
            if shown.kind == "listing" or (found["statistic"][0] == "n" and found["value"][0]):
                rows = ard.sources(cell.id)
                assert rows.height and rows["SRC"].is_not_null().all(), (output, cell)


def test_a_head_with_an_n_names_the_cell_that_counts_it(ard):
    [head] = display(ard, "14.1.4").heads
    assert ard.sources(head.id).height == ard.columns["14.1.4"][0].n
    assert f"(N={ard.columns['14.1.4'][0].n})" in head.title


def test_visits_and_codes_have_the_words_of_the_study_in_its_order(ard, spoken):
    shown = display(ard, "14.2.2.1", spoken)
    visits = [row.labels[0] for row in shown.rows]
    assert visits[:2] == {"en": ["Baseline", "W1 D5"], "fr": ["Valeur initiale", "S1 J5"]}[spoken]
    kinds = text(display(ard, "14.3.1.2", spoken))
    assert {"en": "Injection-site reaction", "fr": "Réaction au site d'injection"}[spoken] in kinds


def test_no_output_shows_a_name_or_a_number_that_is_none(ard, spoken):
    for output in ard.outputs:
        shown = text(display(ard, output, spoken))
        assert not re.search(r"\bnan\b", shown.lower()), output
        assert "None" not in shown and "{" not in shown, output
        if spoken == "fr":
            assert "Mean" not in shown and "Missing" not in shown, output


def test_every_method_has_words(ard, spoken):
    known = language(spoken).words
    named = {f"how.method.{one.split('/')[0]}" for one in ard.cells["method"].drop_nulls().unique()}
    assert named <= set(known), f"say what it does in report/languages/{spoken}.yaml"
