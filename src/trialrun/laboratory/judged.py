"""What one visit on a plate answers, whatever the assay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judged:
    """failed: why nothing of it can be used, empty if it can. numbers: by item of the form, a number or why
    there is none. unread: the stimuli that no answer is asked of."""

    failed: str
    numbers: Mapping[str, float | str]
    unread: tuple[str, ...] = ()
