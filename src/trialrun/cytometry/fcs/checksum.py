"""The checksum behind the last segment of a data set (FCS 3.0, section 3.5): mostly absent or 00000000."""

from __future__ import annotations

import binascii

LENGTH = 8
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(data: memoryview | bytes) -> int:
    """CRC-16 of CCITT with each byte bit-reversed and 0 to begin with ("Kermit")."""
    crc = binascii.crc_hqx(bytes(data).translate(REVERSED), 0)
    return int(f"{crc:016b}"[::-1], 2)


def judged(data: memoryview, end: int) -> tuple[str, ...]:
    """A finding if the checksum from byte `end` on, to the end of the data set, is cut or does not agree.

    It is no reason to refuse a file: programs were seen to write it differently or not at all.
    """
    stored = bytes(data[end : end + LENGTH])
    digits = stored.strip(b" ")
    if not digits.isdigit():
        return ()
    if len(stored) < LENGTH:
        return (f"the file ends within its checksum, after {len(stored)} of {LENGTH} bytes: DATA is whole",)
    if int(digits) and int(digits) != (found := checksum(data[:end])):
        return (f"the checksum is {int(digits)}, but the bytes give {found}: the file may be damaged",)
    return ()
