"""How a cell of an output is written, and how columns are named there."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from trialrun.protocol.element import Name, Part
from trialrun.protocol.problem import shown
from trialrun.protocol.text import Text

PARTICIPANTS = "participants"
"""The name of the table with one row for each participant."""


Number = float | int


def _pattern(value: Any) -> Any:
    """How a cell is written: words with ``{statistic}`` in them; they may be empty."""
    if isinstance(value, str):
        return Text((("en", value),))
    if isinstance(value, dict) and value and all(isinstance(words, str) for words in value.values()):
        return Text(tuple(value.items()))
    if isinstance(value, Text):
        return value
    raise ValueError('this is not how a cell is written; write e.g. "{n} ({percent:.1}%)"')


Pattern = Annotated[Text, BeforeValidator(_pattern)]


def _column(value: str) -> str:
    if not re.fullmatch(r"([A-Za-z][A-Za-z0-9_]*\.)?[A-Za-z][A-Za-z0-9_]*", value):
        raise ValueError(f"`{shown(value)}` cannot name a column; write e.g. AGE or AE.AEDECOD")
    return value


Column = Annotated[str, AfterValidator(_column)]


def _limit(value: str) -> str:
    if not re.fullmatch(r"[<>]\d*\.?\d+", value):
        raise ValueError(
            f"`{shown(value)}` is no limit; write what stands for a number beyond it: <.0001, >.99"
        )
    return value


Limit = Annotated[str, AfterValidator(_limit)]


class Written(Part):
    """A cell: its pattern, what stands for none (``zero``) and for what cannot be estimated (``none``), and
    for a first number beyond ``limits`` (``<.0001``)."""

    title: Pattern | None = None
    format: Pattern | None = None
    zero: Pattern | None = None
    none: Pattern | None = None
    where: str | None = None
    limits: tuple[Limit, ...] = ()


Space = Annotated[int, Field(ge=0, le=3)]
"""How many empty lines stand above something; ``true`` is one."""


def listed(value: Any) -> Any:
    """Names alone, or each with more to say of it."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return {one: {} for one in value}
    return value


class Statistic(Written):
    """One line of a summary; ``of`` another column of the same rows."""

    of: Name | None = None
    under: Pattern | None = None


Statistics = Annotated[dict[Name, Statistic], BeforeValidator(listed)]


def one_verb(value: Any, kinds: dict[str, str], example: str) -> Any:
    """Refuse what has no verb, or two."""
    if isinstance(value, dict):
        said = [word for word in kinds if word in value]
        if len(said) != 1:
            found = " and ".join(said) or "none"
            raise ValueError(
                f"this needs one verb, and has {found}; write one of {', '.join(kinds)}: {example}"
            )
    return value


def tag_of(value: Any, kinds: dict[str, str]) -> str:
    if isinstance(value, Part):
        return f"[{type(value).__name__}]"
    said = [kinds[word] for word in kinds if isinstance(value, dict) and word in value]
    return f"[{said[0] if said else next(iter(kinds.values()))}]"
