from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.tables.build import build, study_day
from trialrun.tables.entry import FactsError

ONE, TWO, THREE = (f"VASCU-IL2-PSL-00{n}" for n in (1, 2, 3))


def one(table, **where):
    rows = table.filter(*(pl.col(name) == value for name, value in where.items()))
    assert rows.height == 1, rows
    return rows.row(0, named=True)


# ---- demographics ----------------------------------------------------------------------------------


def test_the_reference_dates_are_first_injection_and_last_participation(tables):
    completed = one(tables["DM"], USUBJID=ONE)
    assert completed["RFSTDTC"] == "2010-03-01T10:00:00"
    assert completed["RFENDTC"] == completed["RFPENDTC"] == "2010-11-15"
    assert completed["RFICDTC"] == "2010-02-15T08:00:00"
    assert (completed["SEX"], completed["AGE"], completed["AGEU"]) == ("M", 46.0, "YEARS")
    assert (completed["SITEID"], completed["COUNTRY"], completed["VIRTUAL"]) == ("PSL", "FR", "Y")
    assert completed["DTHFL"] is None


def test_a_withheld_dose_is_not_the_last_dose(tables):
    assert one(tables["DM"], USUBJID=TWO)["RFXENDTC"] == "2010-03-22T10:00:00"


def test_a_death_is_told_in_demographics(tables):
    assert (one(tables["DM"], USUBJID=TWO)["DTHFL"], one(tables["DM"], USUBJID=TWO)["DTHDTC"]) == (
        "Y",
        "2010-07-28",
    )


def test_a_fatal_event_is_a_death_before_the_end_form_is_filled(three, protocol):
    answers = three.answers("ae") | {
        "outcome": "fatal",
        "onset": date(2010, 3, 10),
        "ended": date(2010, 3, 12),
    }
    three.fill("PSL-001", "ae", None, datetime.fromisoformat("2010-03-12T09:00"), "a9", **answers)
    assert one(build(protocol, three.facts())["DM"], USUBJID=ONE)["DTHDTC"] == "2010-03-12"


def test_who_was_never_dosed_has_no_arm_and_the_reason(book, protocol):
    for subject, status in (("PSL-001", "screen_failure"), ("PSL-002", None)):
        book.enrol(subject)
        book.attend(subject, "SCR", date(2010, 2, 1))
        if status:
            end = {"status": status, "date": date(2010, 2, 3), "cause_of_death": None}
            book.fill(
                subject, "end_of_participation", None, datetime.fromisoformat("2010-02-03T09:00"), **end
            )
    book.act("PSL-002", "include", datetime.fromisoformat("2010-02-03T09:00"))
    table = build(protocol, book.facts())["DM"]
    failed, waiting = one(table, SUBJID="PSL-001"), one(table, SUBJID="PSL-002")
    assert (failed["ARM"], failed["ARMNRS"], failed["RFSTDTC"]) == (None, "SCREEN FAILURE", None)
    assert failed["RFPENDTC"] == "2010-02-03"
    assert (waiting["ARMCD"], waiting["ACTARMCD"], waiting["ARMNRS"]) == (
        "ALDESLEUKIN",
        None,
        "ASSIGNED, NOT TREATED",
    )


def test_the_site_is_said_once_in_the_participant_s_name(book, protocol):
    book.enrol("007", virtual=False)
    book.enrol("PSL-008")
    table = build(protocol, book.facts())["DM"]
    assert table["USUBJID"].to_list() == ["VASCU-IL2-PSL-007", "VASCU-IL2-PSL-008"]
    assert table["VIRTUAL"].to_list() == ["N", "Y"]


# ---- exposure --------------------------------------------------------------------------------------


def test_a_row_per_dose_with_what_was_planned(tables):
    rows = tables["EX"].filter(USUBJID=ONE)
    assert rows.height == 20
    dose = one(rows, TIMEPT="C4.D5")
    assert (dose["EXTRT"], dose["EXDOSE"], dose["EXDOSU"], dose["EXPDOSE"]) == (
        "ALDESLEUKIN",
        3.0,
        "10^6 IU",
        3.0,
    )
    assert (dose["EXROUTE"], dose["EXSETTING"], dose["EXPLACE"]) == ("SUBCUTANEOUS", "ambulatory", "hospital")
    assert (dose["VISIT"], dose["EXSTDY"], dose["VISITDY"]) == ("W9 D5", 68, 68)
    assert one(rows, TIMEPT="C1.D1")["EXSETTING"] == "hospital"


def test_a_dose_not_given_has_no_dose_but_a_reason(tables):
    withheld = one(tables["EX"], USUBJID=TWO, TIMEPT="C2.D2")
    assert (withheld["EXOCCUR"], withheld["EXDOSE"], withheld["EXREASOC"]) == ("N", None, "toxicity")
    assert withheld["EXSETTING"] == "hospital"


def test_a_setting_follows_the_outcome_that_names_it(three, protocol):
    three.act(
        "PSL-002",
        "decide",
        datetime.fromisoformat("2010-03-20T00:00"),
        "tolerance_C1",
        "tolerance_C1",
        "ambulatory_after_grade_2",
    )
    table = build(protocol, three.facts())["EX"]
    assert one(table, USUBJID=TWO, TIMEPT="C2.D1")["EXSETTING"] == "ambulatory"


# ---- visits, disposition, specimens ------------------------------------------------------------------


def test_a_visit_that_did_not_take_place_has_no_row(tables):
    assert set(tables["SV"].filter(USUBJID=THREE)["TIMEPT"]) == {"SCR", "C1.D1", "C1.D2", "W11"}


def test_a_dose_not_given_is_no_visit_by_itself(three, protocol):
    three.fill(
        "PSL-003",
        "injection",
        "C1.D3",
        datetime.fromisoformat("2010-03-03T10:00"),
        given=False,
        dose=0,
        reason_not_given="patient",
    )
    made = build(protocol, three.facts())
    assert one(made["EX"], USUBJID=THREE, TIMEPT="C1.D3")["EXOCCUR"] == "N"
    assert made["SV"].filter(USUBJID=THREE, TIMEPT="C1.D3").is_empty()


def test_disposition_tells_the_story_in_order(tables):
    story = tables["DS"].filter(USUBJID=TWO).select("DSCAT", "DSSCAT", "DSDECOD", "DSSTDY").rows()
    assert story == [
        ("PROTOCOL MILESTONE", None, "INFORMED CONSENT OBTAINED", -14),
        ("PROTOCOL MILESTONE", None, "ENROLLED", -2),
        ("OTHER EVENT", "TOLERANCE C1", "HOSPITAL", 19),
        ("DISPOSITION EVENT", "STUDY TREATMENT", "FLARE", 24),
        ("DISPOSITION EVENT", "STUDY PARTICIPATION", "DEATH", 150),
    ]


@pytest.mark.parametrize(
    ("name", "term", "words"),
    [
        ("stops.pregnant", "PREGNANT", "Pregnancy"),
        ("decisions.tolerance_C1", "TOLERANCE C1", "Tolerance of the first course"),
        (None, "OTHER", "other"),
    ],
)
def test_a_stop_is_told_by_its_rule(three, protocol, name, term, words):
    three.act("PSL-003", "stop", datetime.fromisoformat("2010-03-09T09:00"), name)
    stop = one(build(protocol, three.facts())["DS"], USUBJID=THREE, DSSCAT="STUDY TREATMENT")
    assert (stop["DSDECOD"], stop["DSTERM"]) == (term, words)


def test_what_is_done_at_any_time_has_no_planned_timepoint(book, protocol):
    book.enrol("PSL-001")
    end = {"status": "withdrawn", "date": date(2010, 2, 3), "cause_of_death": None}
    book.fill(
        "PSL-001", "end_of_participation", "any time", datetime.fromisoformat("2010-02-03T09:00"), **end
    )
    made = build(protocol, book.facts())
    assert made["SV"].is_empty()
    assert made["DS"].select("DSDECOD", "TIMEPT", "VISITNUM").rows() == [
        ("WITHDRAWAL BY SUBJECT", None, None)
    ]


def test_a_consent_refused_is_no_milestone(book, protocol):
    book.enrol("PSL-001")
    book.fill("PSL-001", "consent", "SCR", datetime.fromisoformat("2010-02-01T09:00"), signed=False)
    made = build(protocol, book.facts())
    assert made["DS"].is_empty()
    assert made["DM"]["RFICDTC"].to_list() == [None]


def test_a_specimen_collected_is_an_event(tables):
    taken = one(tables["BE"], USUBJID=ONE, TIMEPT="W11", BEREFID="treg_blood")
    assert (taken["BEDECOD"], taken["BESTDTC"], taken["BESTDY"]) == ("COLLECTING", "2010-05-17T08:30:00", 78)


# ---- findings --------------------------------------------------------------------------------------


def test_a_number_is_kept_as_text_as_number_and_with_its_unit(tables):
    row = one(tables["CP"], USUBJID=ONE, TIMEPT="C4.D5", CPTESTCD="TREGCD4")
    assert (row["CPORRES"], row["CPSTRESC"], row["CPSTRESN"]) == ("7.50", "7.50", 7.5)
    assert row["CPORRESU"] == row["CPSTRESU"] == "%"
    assert (row["CPCAT"], row["CPTEST"], row["VISIT"]) == (
        "Cytometry",
        "Regulatory T cells, % of CD4",
        "W9 D5",
    )
    assert (row["EPOCH"], row["CPDTC"], row["CPDY"]) == ("TREATMENT", "2010-05-07T08:00:00", 68)


def test_more_digits_than_declared_are_never_dropped(book, protocol):
    book.enrol("PSL-001")
    book.fill(
        "PSL-001", "vital_signs", "SCR", datetime.fromisoformat("2010-02-01T09:00"), temperature=36.6543
    )
    assert build(protocol, book.facts())["VS"]["VSORRES"].to_list() == ["36.6543"]


def test_a_choice_is_kept_in_words_and_as_code(tables):
    row = one(tables["FA"], USUBJID=ONE, TIMEPT="W19", FATESTCD="PURPURA")
    assert (row["FAORRES"], row["FASTRESC"], row["FASTRESN"], row["FAOBJ"]) == (
        "Gone",
        "resolved",
        None,
        "Purpura",
    )


def test_what_is_missing_says_why_and_has_no_unit(tables):
    row = one(tables["IS"], USUBJID=THREE, TIMEPT="C1.D1", ISTESTCD="HCVSPOT")
    assert (row["ISSTAT"], row["ISREASND"]) == ("NOT DONE", "cells lost")
    assert row["ISORRES"] is row["ISSTRESC"] is row["ISSTRESN"] is row["ISSTRESU"] is None


def test_an_item_left_empty_makes_no_row(tables):
    assert tables["DD"].filter(USUBJID=ONE).is_empty()
    assert tables["DD"]["DDSTRESC"].to_list() == ["Sepsis"]


def test_a_log_of_findings_is_dated_by_its_own_item_and_has_no_visit(tables):
    rows = tables["LB"].filter(USUBJID=ONE, LBCAT="Cryoglobulin determinations for eligibility")
    assert rows["LBDTC"].to_list() == ["2010-01-30", "2010-02-09"]
    assert rows["LBDY"].to_list() == [-30, -20]
    assert rows["TIMEPT"].to_list() == rows["VISITNUM"].to_list() == [None, None]
    assert rows["EPOCH"].to_list() == ["SCREENING", "SCREENING"]


def test_the_baseline_is_the_last_result_before_the_first_dose(tables):
    flagged = tables["CP"].filter(CPTESTCD="TREGCD4", CPBLFL="Y").select("USUBJID", "TIMEPT").rows()
    assert flagged == [(ONE, "C1.D1"), (TWO, "C1.D1"), (THREE, "SCR")]


def test_a_missing_result_is_no_baseline(tables):
    assert tables["IS"].filter(USUBJID=THREE, ISTESTCD="HCVSPOT", ISBLFL="Y").is_empty()


def test_each_test_has_one_baseline_at_most(tables):
    for code in ("LB", "VS", "FA", "RS", "QS"):
        flagged = tables[code].filter(pl.col(f"{code}BLFL") == "Y")
        assert not flagged.is_empty()
        assert not flagged.select("USUBJID", f"{code}TESTCD").is_duplicated().any()


# ---- events and interventions -----------------------------------------------------------------------


def test_an_event_is_one_row_of_all_its_items(tables):
    row = one(tables["AE"], USUBJID=ONE)
    assert (row["AETERM"], row["AECAT"], row["AETOXGR"], row["AEREL"], row["AEOUT"]) == (
        "Fever",
        "fever",
        "1",
        "Y",
        "resolved",
    )
    assert (row["AESTDY"], row["AEENDY"], row["EPOCH"]) == (2, 3, "TREATMENT")


def test_what_a_form_does_not_name_is_its_title(tables):
    assert set(tables["CE"]["CETERM"]) == set(tables["CE"]["CECAT"]) == {"Vasculitis flare"}
    assert one(tables["CM"], USUBJID=TWO)["CMTRT"] == "Systemic steroid"
    assert one(tables["CM"], USUBJID=TWO)["CMCAT"] == "Rescue treatment"


def test_an_unanswered_topic_stays_empty(three, protocol):
    answers = three.answers("ae") | {"term": None, "onset": "?not known"}
    three.fill("PSL-001", "ae", None, datetime.fromisoformat("2010-03-09T09:00"), "a9", **answers)
    row = one(build(protocol, three.facts())["AE"], USUBJID=ONE, AEOUT="ongoing")
    assert row["AETERM"] is row["AESTDTC"] is row["AESTDY"] is None


def test_a_form_without_a_start_is_dated_by_when_it_was_filled(tables):
    assert tables["DV"]["DVSTDTC"].to_list() == ["2010-05-20T09:00:00"]


# ---- what every table has ---------------------------------------------------------------------------


def test_the_order_of_the_facts_does_not_show(tables, three, protocol):
    for seed in (1, 2):
        again = build(protocol, three.facts(shuffle=seed))
        assert list(again) == list(tables)
        assert all(again[code].equals(table) for code, table in tables.items())


def test_sequence_numbers_count_from_one_within_a_participant(tables):
    for code, table in tables.items():
        if f"{code}SEQ" in table.columns:
            for _, rows in table.group_by("USUBJID"):
                assert rows[f"{code}SEQ"].to_list() == list(range(1, rows.height + 1))


def test_every_row_says_where_it_comes_from(tables):
    for code, table in tables.items():
        assert table["SRC"].null_count() == 0, code
        assert table["SRC"].str.contains(r"^PSL-00\d#\d+(,PSL-00\d#\d+)*$").all(), code


def test_several_sources_are_counted_not_spelled(tables):
    every = [[int(entry.partition("#")[2]) for entry in row.split(",")] for row in tables["SV"]["SRC"]]
    assert all(numbers == sorted(numbers) for numbers in every)
    assert any(numbers[0] < 100 <= numbers[-1] for numbers in every)


def test_the_study_names_no_table_that_is_absent(tables, protocol):
    from trialrun.tables.schema import domains

    for code, domain in domains(protocol).items():
        assert tables[code].schema == domain.schema


def test_no_participant_makes_empty_tables(book, protocol):
    assert all(table.is_empty() for table in build(protocol, book.facts()).values())


@settings(max_examples=50, deadline=None)
@given(st.integers(-400, 400))
def test_there_is_no_day_0(days):
    first = date(2010, 3, 1)
    when = (first + timedelta(days=days)).isoformat()
    frame = pl.DataFrame({"when": [when, when + "T23:59:00", when[:7], None], "first": [first] * 4})
    found = frame.select(study_day(pl.col("when"), pl.col("first"))).to_series().to_list()
    assert found == [days + (days >= 0)] * 2 + [None, None]


def test_the_day_before_the_first_dose_is_day_minus_1(three, protocol):
    three.fill(
        "PSL-001",
        "deviation",
        None,
        datetime.fromisoformat("2010-02-28T23:59"),
        "d1",
        about="Before",
        category="dose",
    )
    three.fill(
        "PSL-001",
        "deviation",
        None,
        datetime.fromisoformat("2010-03-01T00:00"),
        "d2",
        about="On the day",
        category="dose",
    )
    rows = build(protocol, three.facts())["DV"].filter(USUBJID=ONE)
    assert rows.select("DVTERM", "DVSTDY", "EPOCH").rows() == [
        ("Before", -1, "SCREENING"),
        ("On the day", 1, "TREATMENT"),
    ]


# ---- facts that do not fit --------------------------------------------------------------------------


def spoil(facts, name, **columns):
    frame = getattr(facts, name)
    row = frame.head(1).with_columns(
        pl.lit(value).cast(frame.schema[column]).alias(column) for column, value in columns.items()
    )
    return replace(facts, **{name: pl.concat([frame, row])})


@pytest.mark.parametrize(
    ("name", "columns", "complaint"),
    [
        ("values", {"form": "organz"}, "no such item: form organz"),
        ("values", {"item": "signd"}, "no such item: form consent, item signd"),
        ("values", {"point": "C9.D1"}, "values: the protocol has no such timepoint: point C9.D1"),
        ("values", {"subject": "PSL-009"}, "no such subject: subject PSL-009"),
        ("values", {"item": "signed"}, "more than one value"),
        ("values", {"row": "x", "number": float("nan")}, "not a number"),
        ("acts", {"point": "C9.D1"}, "acts: the protocol has no such timepoint"),
        ("subjects", {"site": "PSL"}, "named twice: subject PSL-001"),
    ],
)
def test_facts_that_do_not_fit_the_protocol_are_refused(facts, protocol, name, columns, complaint):
    with pytest.raises(FactsError) as refused:
        build(protocol, spoil(facts, name, **columns))
    assert complaint in str(refused.value)
    assert "no table was made" in str(refused.value)


def test_facts_of_another_shape_are_refused(facts, protocol):
    with pytest.raises(FactsError, match="acts: the columns are"):
        build(protocol, replace(facts, acts=facts.acts.drop("by")))
