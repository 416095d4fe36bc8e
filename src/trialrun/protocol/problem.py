"""A problem in what someone wrote: where it is, what is wrong, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

__all__ = [
    "FEW", "MANY", "Place", "Problem", "ProtocolError", "Refusal", "coded", "nearest", "shown", "suggestion",
]  # fmt: skip

FEW = 12  # names that can still be listed in a hint, problems of one rule
MANY = 100  # problems that anyone reads; the search for what was meant stops there, as it takes time


@dataclass(frozen=True)
class Place:
    """Where in a study folder: file name, line and column (both from 1), and the path of keys."""

    file: str
    line: int | None = None
    column: int | None = None
    path: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return f"{where} ({'.'.join(map(str, self.path))})" if self.path else where


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, how to mend it, and the code under which `check --explain` says more."""

    place: Place
    message: str
    hint: str | None = None
    code: str | None = None

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.place}: {self.message}{code}" + (f"\n    {self.hint}" if self.hint else "")

    def as_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "path": ".".join(map(str, self.place.path)),
            "message": self.message,
            "hint": self.hint,
        }


def coded(problems: Iterable[Problem], code: str) -> list[Problem]:
    """The problems, with this code where they have none of their own."""
    return [problem if problem.code else replace(problem, code=code) for problem in problems]


class Refusal(ValueError):
    """A value that a model refuses under a code of its own."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def _same(problem: Problem) -> tuple[object, ...]:
    """What makes two problems one: of a series, which stands at one place, the members differ by a number."""
    place = problem.place
    if place.line is None:
        return (problem,)
    return place.file, place.line, place.column, re.sub(r"[0-9]+", "#", problem.message)


class ProtocolError(Exception):
    """The study files cannot be compiled. Carries every problem found, each once, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(
                {_same(problem): problem for problem in reversed(list(problems))}.values(),
                key=lambda p: (p.place.file, p.place.line or 0, p.place.column or 0),
            )
        )
        super().__init__(self.render())

    def render(self) -> str:
        count = len(self.problems)
        more = f"… and {count - MANY:,} more." if count > MANY else None
        total = f"{count:,} problem{'s' if count != 1 else ''}."
        return "\n".join([*map(str, self.problems[:MANY]), *([more] if more else []), total])


def shown(value: object, longest: int = 60) -> str:
    """A value as an error shows it: cut if it is long."""
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return said if len(said) <= longest else f"{said[: longest - 20]} … ({len(said):,} characters)"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if any is close; letter case is forgiven."""
    by_case = {one.lower(): one for one in known}
    said = str(word).lower()
    found: Sequence[str] = get_close_matches(said, list(by_case), n=1, cutoff=0.6)
    if not found:  # a short word, such as W7 for W6, if only one other is as short and one letter away
        near = [one for one in by_case if len(one) == len(said) > 1 and sum(map(str.__ne__, one, said)) == 1]
        found = near if len(near) == 1 else []
    return by_case[found[0]] if found else None


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the known word that is close, or all of them when they are few."""
    known = list(known)
    close = nearest(word, known)
    if close:
        return f"Did you mean `{close}`?"
    return f"Known here: {', '.join(known)}." if 0 < len(known) <= FEW else None
