"""Estimates, intervals and tests as they are written in one language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialrun.report.language import Language

Found = Mapping[str, Any]


def missing(found: Any) -> bool:
    """Whether a result is a reason instead of a number."""
    return isinstance(found, Mapping) and "not_estimable" in found


def change_of(found: Found, value: float, language: Language) -> str:
    """A change as printed: ``× 3.27`` on the log scale, with its sign on the linear one."""
    if found["scale"] == "log":
        return language("glance.ratio", value=plain(found, value, language))
    return ("+" if value > 0 else "") + plain(found, value, language)


def plain(found: Found, value: float, language: Language) -> str:
    return language.number(value, 2) if found["scale"] == "log" else language.significant(value, finest=1)


def bare(p: float, language: Language) -> str:
    """A p-value without its letter."""
    return language.p(p).removeprefix("P\N{NO-BREAK SPACE}").removeprefix("=\N{NO-BREAK SPACE}")


def share(part: Found, language: Language) -> tuple[str, str]:
    """``8 of 10 (80 %)`` and its interval."""
    if not part["n"]:
        return language("not.estimable"), language("interval.none")
    said = language("glance.of", x=part["x"], n=part["n"])
    return f"{said} ({language.percent(part['x'], part['n'])})", interval(
        part["interval"], language.share, language
    )


def interval(found: Found, written: Any, language: Language) -> str:
    if missing(found):
        return language("interval.none")
    ends = {end: "∞" if found[end] is None else written(found[end]) for end in ("lower", "upper")}
    return language("interval", level=level(found, language), low=ends["lower"], high=ends["upper"])


def level(found: Found, language: Language) -> str:
    return language.share(found["level"], 0)


def adjusted(p: str, family: Any, language: Language) -> str:
    """A test's p as printed, with what Holm's method makes of it where the study has a family of tests."""
    if family is None:
        return p
    return f"{p} ({language('glance.p.adjusted', p=bare(family['adjusted'], language))})"
