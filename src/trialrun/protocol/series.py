"""Series: what is written once and takes place many times, unrolled before anything else is read.

An open-ended course (``repeat: 12, every: 21 days``) becomes C1 to C12; a visit of every course
(``C*.D8: {after: C* + 7 days}``) one visit for each; a visit ``as_needed: 6`` six that may be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

MOST = 120  # of one series


class Collision(ValueError):
    """A series that cannot be unrolled, with the path in the study file where it is written."""

    def __init__(self, message: str, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.path = path


def unrolled(cycles: Any) -> Any:
    """Cycles as written, each series as its members; what has no right shape is left for later checks."""
    if not isinstance(cycles, dict):
        return cycles
    found: dict[str, Any] = {}
    for name, cycle in cycles.items():
        for key, member in _members(name, cycle):
            if key in found or (key != name and key in cycles):
                said = f"the series {name} makes `{key}`, which is there already; rename one of them"
                raise Collision(said, ("treatment", "cycles", name))
            found[key] = member
    return found


def _members(name: str, cycle: Any) -> Iterator[tuple[str, Any]]:
    count = _count(cycle, "repeat")
    if count is None or "every" not in cycle:
        yield name, cycle
        return
    rest = {key: value for key, value in cycle.items() if key not in ("repeat", "every")}
    for i in range(1, count + 1):
        member = {**rest, "label": f"{rest.get('label', name)} {i}"}
        if i > 1:
            member.pop("day", None)
            member["after"] = f"{name}{i - 1} + {cycle['every']}"
        elif "day" in rest:
            member.pop("window", None)  # the first dose waits for nothing that it could be late for
        yield f"{name}{i}", member


def _count(content: Any, key: str) -> int | None:
    """How many members a series has, if it is one."""
    said = content.get(key) if isinstance(content, dict) else None
    return said if isinstance(said, int) and not isinstance(said, bool) and 2 <= said <= MOST else None


def visits(study: Any) -> Any:
    """A study file as written, with the visits of every course and those as needed unrolled."""
    if not isinstance(study, dict) or not isinstance(study.get("visits"), dict):
        return study
    treatment = study.get("treatment")
    cycles = unrolled(treatment.get("cycles")) if isinstance(treatment, dict) else {}
    found: dict[str, Any] = {}
    for name, visit in study["visits"].items():
        for key, member in _of_courses(name, visit, cycles if isinstance(cycles, dict) else {}):
            if key in found or (key != name and key in study["visits"]):
                said = f"the visits {name} make `{key}`, which is there already; rename one of them"
                raise Collision(said, ("visits", name))
            found[key] = member
    return {**study, "visits": found}


def _of_courses(name: str, visit: Any, cycles: Iterable[str]) -> Iterator[tuple[str, Any]]:
    if not isinstance(visit, dict) or not isinstance(name, str):
        yield name, visit
    elif "*" in name:
        yield from _each_course(name, visit, cycles)
    elif count := _count(visit, "as_needed"):
        for i in range(1, count + 1):
            yield f"{name}_{i}", {**visit, "as_needed": 1, "label": _numbered(visit.get("label", name), i)}
    else:
        yield name, visit


def _each_course(name: str, visit: Mapping[str, Any], cycles: Iterable[str]) -> Iterator[tuple[str, Any]]:
    pattern = name.partition(".")[0]
    named = [str(cycle) for cycle in cycles if fnmatchcase(str(cycle), pattern)]
    if not named:
        said = f"no cycle is called like `{pattern}`, of which `{name}` is a visit"
        raise Collision(f"{said}; known here: {', '.join(map(str, cycles))}", ("visits", name))
    for cycle in named:
        member = {key: _filled(value, pattern, cycle) for key, value in visit.items()}
        yield name.replace(pattern, cycle, 1), member


def _filled(value: Any, pattern: str, cycle: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, pattern, cycle) for key, one in value.items()}
    return value.replace(pattern, cycle) if isinstance(value, str) else value


def _numbered(label: Any, i: int) -> Any:
    if isinstance(label, dict):
        return {code: f"{words} {i}" for code, words in label.items()}
    return f"{label} {i}"


def origin(name: str, written: Iterable[object]) -> str | None:
    """The key as written that makes a member of a series: C of C3, X of X_2, C*.D8 of C3.D8."""
    for key in written:
        if not isinstance(key, str):
            continue
        if "*" in key and fnmatchcase(name, key):
            return key
        if name.startswith(key) and re.fullmatch(r"_?[0-9]+", name[len(key) :]):
            return key
    return None
