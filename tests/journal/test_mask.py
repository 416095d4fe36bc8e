import pytest

from trialrun.journal.errors import Unstorable
from trialrun.journal.mask import bound, masked

SALT = bytes(range(16))


def test_a_mask_binds_its_value_and_no_other() -> None:
    mask = masked("Jeanne, 1952-03-01", SALT)
    assert bound(mask, "Jeanne, 1952-03-01", SALT)
    assert not bound(mask, "Jeanne, 1952-03-02", SALT)
    assert not bound(mask, "Jeanne, 1952-03-01", bytes(16))
    assert "Jeanne" not in str(mask)


def test_a_mask_binds_the_type_too() -> None:
    assert len({masked(value, SALT)["masked"] for value in (1, "1", True, [1], None)}) == 5


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(Unstorable, match="a salt of 120 bits"):
        masked("x", SALT[:15])
