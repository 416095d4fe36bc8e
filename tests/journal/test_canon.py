import hashlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialrun.journal.canon import LARGEST, canonical, digest, parse
from trialrun.journal.errors import Unstorable

numbers = st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(values)
def test_a_text_read_back_is_the_same_value_and_the_same_text(value: object) -> None:
    written = canonical(value)
    assert parse(written) == value
    assert canonical(parse(written)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # RFC 8785, section 3.2.2 and appendix B
        ([333333333.33333329, 1e30, 4.50, 2e-3, 1e-27], "[333333333.3333333,1e+30,4.5,0.002,1e-27]"),
        ([-0.0, 5e-324, 1.7976931348623157e308], "[0,5e-324,1.7976931348623157e+308]"),
        ([9007199254740992.0, 295147905179352830000.0], "[9007199254740992,295147905179352830000]"),
        ('€$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        # RFC 8785, section 3.2.3: by UTF-16 units, so that 😀 comes before U+FB33
        (
            {"\ufb33": 1, "😀": 2, "ö": 3, "€": 4, "1": 5, "\r": 6},
            '{"\\r":6,"1":5,"ö":3,"€":4,"😀":2,"\ufb33":1}',
        ),
        ((1, 2.0, True), "[1,2,true]"),
    ],
)
def test_the_text_is_that_of_rfc_8785(value: object, written: str) -> None:
    assert canonical(value) == written
    assert canonical(parse(written)) == written


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"labs": [{"alt": math.nan}]}, r"labs\[0\]\.alt: nan is not a number; store None"),
        ({"a": -math.inf, "b": math.inf}, r"a: -inf is not a number.*; b: inf is not"),
        ({"id": 2**53}, r"id: 9007199254740992 is beyond .* store it as text"),
        ({"a": {1: 2}}, "a: the key 1 is not text"),
        ({"when": {1, 2}}, "when: set is not storable"),
        ({"note": "\ud83d"}, "note: half a character"),
        (b"x", "the value: bytes is not storable"),
    ],
)
def test_what_has_no_text_is_refused_by_place_and_cause(value: object, fault: str) -> None:
    with pytest.raises(Unstorable, match=fault):
        canonical(value)


def test_nan_is_not_read_either() -> None:
    with pytest.raises(ValueError, match="NaN is not JSON"):
        parse('{"a":NaN}')


def test_a_digest_is_the_sha_256_of_the_utf_8_text() -> None:
    assert digest("é") == digest("é".encode()) == hashlib.sha256(b"\xc3\xa9").hexdigest()
