"""Units: what UCUM codes mean, what may be compared, and what a mistake is answered."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialrun.protocol.unit import Unit, UnitError, convert, days, factor, linear, quantity

FACTORS = [
    ("g/L", "mg/dL"), ("10*9/L", "/uL"), ("kg/m2", "g/cm2"), ("mL/min", "L/h"), ("U/L", "kat/L"),
    ("ug/kg/min", "mg/kg/h"), ("[lb_av]", "kg"), ("[in_i]", "cm"), ("[ft_i]", "m"), ("wk", "h"), ("a", "d"),
    ("mo", "d"), ("%", "1"), ("[ppth]", "%"), ("[ppm]", "%"), ("mmol/L", "umol/mL"), ("meq/L", "mmol/L"),
    ("cm[H2O]", "Pa"), ("kcal", "kJ"), ("mV", "V"), ("Hz", "/min"), ("mosm/kg", "osm/kg"), ("J", "cal"),
    ("mg/(m2.d)", "g/m2/wk"), ("10*6/mL", "10*9/L"), ("pg/mL", "ng/L"), ("Gy", "cGy"), ("N", "g.m/s2"),
]  # fmt: skip

UNITS = sorted(
    {unit for pair in FACTORS for unit in pair} | {"[iU]/mL", "mm[Hg]", "{cells}/uL", "Cel", "[degF]", "K"}
)


@pytest.fixture(scope="module")
def peer():  # type: ignore[no-untyped-def]
    return pytest.importorskip("ucumvert").PintUcumRegistry()


@pytest.mark.parametrize(("source", "target"), FACTORS)
def test_factor_agrees_with_pint(peer, source, target):  # type: ignore[no-untyped-def]
    expected = peer.from_ucum(source).to(peer.from_ucum(target)).magnitude

    assert factor(source, target) == pytest.approx(expected, rel=1e-12)


def test_mercury_is_ucums_not_the_conventional_one():
    """UCUM's table has 133.3220 kPa per m[Hg]; pint has 133.322387415."""
    assert factor("mm[Hg]", "Pa") == 133.322


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.floats(-1e6, 1e6))
def test_there_and_back(one, other, value):
    try:
        there = convert(value, one, other)
    except UnitError:
        with pytest.raises(UnitError):
            linear(other, one)
        return

    assert convert(there, other, one) == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_a_product_of_units_can_be_read_again(one, other):
    try:
        units = [Unit.parse(one) * Unit.parse(other), Unit.parse(one) / Unit.parse(other)]
    except UnitError:
        assert "Cel" in (one, other) or "[degF]" in (one, other)
        return
    for unit in units:
        assert Unit.parse(unit.text) == unit


@given(st.text("gLmol/.(){}[]iU%10*^-2 dcukhCelµ", max_size=12))
def test_any_text_is_a_unit_or_a_unit_error(text):
    try:
        unit = Unit.parse(text)
    except UnitError as error:
        assert error.message
    else:
        assert unit.text == text and unit.scale > 0


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (0.05, "g/L", "mg/dL", 5.0),
        (98.6, "[degF]", "Cel", 37.0),
        (37.0, "Cel", "[degF]", 98.6),
        (0.0, "Cel", "K", 273.15),
        (38.5, "Cel", "Cel", 38.5),
        (1.1, "mg", "ug", 1100.0),
    ],
)
def test_a_conversion_is_rounded_once(value, source, target, expected):
    assert convert(value, source, target) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[iU]/mL", "U/mL"), ("[iU]", "%"), ("[iU]", "1"), ("[iU]/L", "/L"), ("mmol/L", "g/L"), ("mmol/L",
        "10*9/L"),
        ("{cells}/uL", "{copies}/uL"), ("Cel", "s"), ("mL/min", "mL"), ("mL/min/{1.73_m2}", "mL/min/{m2}"),
    ],
)  # fmt: skip
def test_what_measures_different_things_is_not_compared(one, other):
    with pytest.raises(UnitError):
        linear(one, other)


def test_an_annotation_meets_its_absence():
    assert factor("{cells}/uL", "10*9/L") == 0.001
    assert factor("mL/min/{1.73_m2}", "mL/min") == 1


def test_a_temperature_scale_has_no_factor_and_stands_alone():
    with pytest.raises(UnitError, match="convert"):
        factor("Cel", "K")
    with pytest.raises(UnitError, match="stands alone"):
        Unit.parse("Cel/min")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("mmHg", "mm[Hg]"), ("°C", "Cel"), ("C", "Cel"), ("IU/mL", "[iU]/mL"), ("10e9/L", "10*9/L"),
        ("x10^9/L", "10*9/L"), ("mcg/mL", "ug/mL"), ("µg/L", "ug/L"), ("cells/uL", "{cells}/uL"), ("hours",
        "h"),
        ("kg/m²", "kg/m2"), ("mEq/L", "meq/L"), ("gram", "g"), ("MG", "mg"), ("g / L", "g/L"), ("lbs",
        "[lb_av]"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"), ("million IU", "M[iU]"), ("Mol", "mol"), ("years", "a"),
    ],
)  # fmt: skip
def test_a_habit_is_answered_with_the_code(said, meant):
    with pytest.raises(UnitError) as caught:
        Unit.parse(said)

    assert f"'{meant}'" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text", ["", "(", "mg/", "mg//L", "(mg", "mg)", "zork", "m" * 200, "{", "10*999", "mg L", "2..g", "%%"]
)
def test_no_unit(text):
    with pytest.raises(UnitError):
        Unit.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 days", 5),
        ("1 day", 1),
        ("72 hours", 3),
        ("72 h", 3),
        ("2 weeks", 14),
        ("90 minutes", 0.0625),
        ("1.5 d", 1.5),
    ],
)
def test_days(text, expected):
    assert days(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1 month", "ambiguous"), ("2 years", "ambiguous"), ("1 a", "ambiguous"), ("5 mg", "same thing"),
        ("5", "number with a unit"), ("days", "number with a unit"), ("3 jiffies", "UCUM"),
        ("1e999 d", "number with a unit"),
    ],
)  # fmt: skip
def test_no_length_of_time(text, word):
    with pytest.raises(UnitError, match=word):
        days(text)


def test_quantity_splits_a_number_from_a_power_of_ten():
    assert quantity("3 10*9/L") == (3.0, "10*9/L")
    assert quantity("1.5e3 mg/dL") == (1500.0, "mg/dL")
    assert quantity(" -5% ") == (-5.0, "%")


def test_reading_units_and_rules_loads_nothing_heavy():
    rooms = "trialrun.protocol.rule, trialrun.protocol.unit"
    code = f"import sys, {rooms}; print({{'polars', 'numpy', 'sqlglot'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
