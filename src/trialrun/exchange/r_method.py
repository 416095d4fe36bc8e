"""Which methods of ours are computed again in R: the files of ``r/``, each with its tolerance and sources.

A file begins with ``# methods:`` that it redoes, the ``# tolerance:`` within which they must agree (of
R's value where that is larger than 1, else absolute) and its ``# source:``. For the method ``kruskal-wallis`` it has a
function ``redo_kruskal_wallis``: the data of a cell by name in, a list of statistics out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FIRST = ("proportion.R", "repeated.R")  # files whose functions others use
_HEAD = re.compile(r"^# (methods|tolerance|source): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class RFile:
    """One file of R functions: what it redoes, how near it must come, and where its methods are from."""

    name: str
    methods: tuple[str, ...]
    tolerance: float
    source: str
    text: str


@cache
def catalogue() -> tuple[RFile, ...]:
    """Every file, those first that others use."""
    found = {one.name: one.read_text("utf-8") for one in files(__package__).joinpath("r").iterdir()}
    ordered = sorted(
        (name for name in found if name.endswith(".R")), key=lambda name: (name not in _FIRST, name)
    )
    return tuple(_file(name, found[name]) for name in ordered)


def _file(name: str, text: str) -> RFile:
    head = dict(_HEAD.findall(text))
    methods = tuple(one.strip() for one in head["methods"].split(","))
    return RFile(name, methods, float(head["tolerance"]), head["source"], text)


@cache
def by_method() -> Mapping[str, RFile]:
    """Method, without its version -> the file that redoes it."""
    return {method: one for one in catalogue() for method in one.methods}


def function(method: str) -> str:
    """The R function of a method."""
    return f"redo_{re.sub('[^a-z0-9]', '_', method)}"
