"""Which methods of ours are computed again in R: the files of ``r/``, each with its tolerance and sources.

A file begins with ``# methods:`` that it redoes, the relative ``# tolerance:`` within which they must agree,
which other files it ``# needs:`` and its ``# source:``. For the method ``kruskal-wallis`` it has a function
``redo_kruskal_wallis``: the data of a cell by name in, a list of statistics out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEAD = re.compile(r"^# (methods|tolerance|needs|source): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class RFile:
    """One file of R functions: what it redoes, how near it must come, which other files it needs, and where
    its methods are from."""

    name: str
    methods: tuple[str, ...]
    tolerance: float
    needs: tuple[str, ...]
    source: str
    text: str


@cache
def catalogue() -> Mapping[str, RFile]:
    """Every file by its name."""
    found = sorted(files(__package__).joinpath("r").iterdir(), key=lambda one: one.name)
    return {one.name: _file(one.name, one.read_text("utf-8")) for one in found if one.name.endswith(".R")}


def _file(name: str, text: str) -> RFile:
    head = dict(_HEAD.findall(text))
    methods, needs = (
        tuple(head.get(word, "").split(", ")) if word in head else () for word in ("methods", "needs")
    )
    return RFile(name, methods, float(head["tolerance"]), needs, head["source"], text)


@cache
def by_method() -> Mapping[str, RFile]:
    """Method, without its version -> the file that redoes it."""
    return {method: one for one in catalogue().values() for method in one.methods}


def function(method: str) -> str:
    """The R function of a method."""
    return f"redo_{re.sub('[^a-z0-9]', '_', method)}"
