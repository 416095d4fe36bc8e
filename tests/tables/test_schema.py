import pytest

from trialrun.tables import schema

FINDINGS_IN_VS = ["VSTESTCD", "VSORRES", "VSSTRESN", "VSSTAT", "VSBLFL", "VISITNUM", "EPOCH", "VSDTC", "VSDY"]


def test_the_study_gets_what_its_conduct_and_its_forms_name(protocol):
    made = schema.domains(protocol)
    assert {
        "DM",
        "SV",
        "EX",
        "DS",
        "BE",
        "AE",
        "CE",
        "CM",
        "DV",
        "LB",
        "VS",
        "CP",
        "IS",
        "MB",
        "QS",
        "RS",
        "FA",
    } <= set(made)
    assert "PC" not in made
    assert set(FINDINGS_IN_VS) <= set(made["VS"].names)


def test_every_table_has_identifiers_source_and_no_column_twice(protocol):
    for domain in schema.domains(protocol).values():
        assert domain.names[:3] == ("STUDYID", "DOMAIN", "USUBJID")
        assert domain.names[-3:] == ("TIMEPT", "SRC", "VIRTUAL")
        assert len(set(domain.names)) == len(domain.names)
        assert set(domain.keys) <= set(domain.names)
        assert all(len(name) <= 9 for name in domain.names)


def test_what_only_the_forms_name_becomes_a_column_of_events_and_a_test_of_findings(protocol):
    made = schema.domains(protocol)
    assert made["CE"].column("CEMAJOR").label == "Threatens an organ or life"
    assert "EXGIVER" in made["EX"].names
    assert "ALT" not in made["LB"].names
    assert set(schema.tests(protocol, "LB")) >= {"ALT", "CRYOGLBN"}
    assert "LBDTC" not in schema.tests(protocol, "LB")


def test_a_test_may_be_measured_by_several_forms(protocol):
    forms = [form for form, _, _ in schema.tests(protocol, "LB")["CRYOGLBN"]]
    assert forms == ["cryoglobulin_determination", "cryoglobulin"]


def test_an_unknown_domain_is_refused_with_a_cure(protocol):
    with pytest.raises(ValueError, match=r"`XX`.*not a known domain; write"):
        schema.domain(protocol, "XX")


@pytest.mark.parametrize("code", ["LB", "AE", "CM", "DM", "SV"])
def test_an_empty_table_has_its_shape(protocol, code):
    domain = schema.domain(protocol, code)
    assert domain.empty().schema == domain.schema
