"""What stands between a file and the record, in words: listed for people, never resolved by a guess."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """kind: `unmatched`, `contradiction`, `duplicate`, `virtual`, `withdrawn`, `failed` or `conflict`, of
    whose file (or visit on a plate) nothing lands; `refused`, of which the file is kept and no number;
    `unknown`, which lands without some numbers; `unread`, which lands, and some of it moves no number."""

    kind: str
    file: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message} → {self.cure}"
