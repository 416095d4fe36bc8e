"""Values kept beside the entry: the payload holds a salted hash, so the value can go and the chain stays.

E6(R3) 4.2.2(b) allows personal data entered by mistake to be masked under a logged, justified act. The
salt must be random, at least 128 bits, and be erased with the value: a date of birth has few enough
possible values to be guessed from a hash whose salt is known.
"""

from __future__ import annotations

from trialrun.journal.canon import canonical, digest
from trialrun.journal.errors import Unstorable

_SALT_BITS = 128  # NIST SP 800-132, section 5.1: at least 128 bits


def masked(value: object, salt: bytes) -> dict[str, str]:
    """What stands in the payload instead of `value`. Raises Unstorable for a short salt or a bad value."""
    if len(salt) * 8 < _SALT_BITS:
        raise Unstorable(f"a salt of {len(salt) * 8} bits; pass at least {_SALT_BITS} random bits")
    return {"masked": digest(salt + canonical(value).encode())}


def bound(mask: dict[str, str], value: object, salt: bytes) -> bool:
    """Whether `value` is the one that was masked."""
    return mask == masked(value, salt)
