"""The planned outputs as compiled: what the file says, and where it says so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from trialrun.protocol.analysis import (
    EndpointResult,
    Hierarchy,
    Listed,
    Monitored,
    Organs,
    Proportion,
    Survival,
)
from trialrun.protocol.cell import Written
from trialrun.protocol.derived import Cases, Computed, Judged, Traced
from trialrun.protocol.figure import Drawn, Layer
from trialrun.protocol.output import EVERY_ROW, GROUP, Output, OutputsFile
from trialrun.protocol.problem import Problem, ProtocolError, coded, suggestion
from trialrun.protocol.rule import NOT_DECLARED, RESERVED, RuleError, RuleProblem
from trialrun.protocol.shape import shape
from trialrun.protocol.source import Source, read
from trialrun.protocol.trajectory import Trajectory

__all__ = ["Outputs", "compile_outputs", "load_outputs", "placeholders"]

Path = tuple[str | int, ...]
_HOLE = re.compile(r"\{(\w+)(?::(\d*)(?:\.(\d+))?([<>~]*))?\}")


@dataclass(frozen=True)
class Outputs:
    """The planned outputs of a study, or of anyone's tables."""

    file: OutputsFile
    source: Source = field(compare=False, repr=False)

    @property
    def planned(self) -> Mapping[str, Output]:
        return self.file.outputs

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what the file says."""
        return hashlib.sha256(self.source.said).hexdigest()

    def problem(self, path: Path, message: str, hint: str | None = None, code: str = "output") -> Problem:
        return Problem(self.source.place(path), message, hint, code)

    def rule_problems(self, path: Path, text: str, error: RuleError) -> list[Problem]:
        """What is wrong with a rule, each at its character."""
        return [self._placed(path, text, one) for one in error.problems]

    def _placed(self, path: Path, text: str, one: RuleProblem) -> Problem:
        if one.hint == NOT_DECLARED:
            one = replace(one, hint="name a column of these rows or of the participants, or derive one")
        hint = one.hint and f"{one.hint[0].upper()}{one.hint[1:]}{'' if one.hint[-1] in '.?' else '.'}"
        place = self.source.place_within(path, text, one.offset)
        return Problem(place, f"in the rule: {one.message}", hint, one.code)


def load_outputs(path: str | FilePath) -> Outputs:
    """An outputs file on its own, for anyone's tables; raises ProtocolError with every problem found."""
    try:
        source = read(FilePath(path))
    except ProtocolError as error:
        raise ProtocolError(coded(error.problems, "text")) from None
    outputs, problems = compile_outputs(source)
    if problems or outputs is None:
        raise ProtocolError(problems)
    return outputs


def compile_outputs(
    source: Source, endpoints: Collection[str] | None = None, suspensions: Collection[str] = ()
) -> tuple[Outputs | None, list[Problem]]:
    """The outputs of a file and what is wrong with them; ``endpoints`` and ``suspensions`` are those of the
    study, if there is one."""
    try:
        file: OutputsFile = shape(source, OutputsFile)
    except ProtocolError as error:
        return None, coded(error.problems, "shape")
    outputs = Outputs(file, source)
    return outputs, [*_names(outputs, endpoints, suspensions), *_rules(outputs), *_patterns(outputs)]


# ---- names ---------------------------------------------------------------------------------------


def _names(
    outputs: Outputs, endpoints: Collection[str] | None, suspensions: Collection[str]
) -> Iterator[Problem]:
    """Every set, endpoint, suspension rule and comparison that is named, and is not there."""
    file = outputs.file
    yield from _unformatted(outputs, ("formats",), file.formats)
    for name, derived in file.derive.items():
        if isinstance(derived, Traced):
            yield from _traced(outputs, ("derive", name, derived.verb), (derived.trajectory,))
    if endpoints is not None:
        yield from _of_the_study(outputs, endpoints, suspensions)
    for key, output in file.outputs.items():
        path: Path = ("outputs", key)
        if output.set is not None and output.set not in file.sets:
            yield _unknown(outputs, (*path, "set"), "analysis set", output.set, file.sets)
        for name, row in output.rows.items():
            here = (*path, "rows", name)
            yield from _traced(outputs, here, getattr(row, "trajectories", ()))
            compared = getattr(row, "compare", True)
            for i, one in enumerate(compared if isinstance(compared, tuple) else ()):
                if one not in output.compare:
                    yield _unknown(outputs, (*here, "compare", i), "comparison", one, output.compare)
            if isinstance(row, Drawn):
                yield from _drawn(outputs, here, row, output)
        if output.kind == "figure" and sum(isinstance(row, Drawn) for row in output.rows.values()) != 1:
            hint = "Write one row such as `drawn: {figure: means, ...}`; the others make its numbers."
            yield outputs.problem((*path, "rows"), "a figure needs one row that says how it is drawn", hint)
        yield from _unformatted(outputs, (*path, "formats"), output.formats)
        yield from _headed(outputs, path, output)
        yield from _spaced(outputs, path, output)
        repeated = [*dict.fromkeys(one for row in output.rows.values() for one in getattr(row, "each", ()))]
        if output.group_before is not None and output.group_before not in (EVERY_ROW, *repeated):
            places = [EVERY_ROW, *repeated]
            yield _unknown(outputs, (*path, "group_before"), "column in `each`", output.group_before, places)
    for name, pack in file.packs.items():
        for word, keys in (("said", pack.said), ("outputs", pack.outputs)):
            for i, key in enumerate(keys):
                if key not in file.outputs:
                    yield _unknown(outputs, ("packs", name, word, i), "output", key, file.outputs)


FORMATS = (
    "count", "categories", "known", "hierarchy", "worst", "summary", "endpoint", "proportion", "survival",
    "boundary", "organs", "ancova", "paired_change", "positive", "mixed_model", "imputation", "correlation",
    "p",
)  # fmt: skip
"""What ``formats`` says of: verbs, and the lines and columns that they may have beside their own."""


def _unformatted(outputs: Outputs, path: Path, formats: Collection[str]) -> Iterator[Problem]:
    """What is formatted, and is nothing that is written."""
    yield from (
        _unknown(outputs, (*path, one), "kind of cell", one, FORMATS) for one in formats if one not in FORMATS
    )


def _headed(outputs: Outputs, path: Path, output: Output) -> Iterator[Problem]:
    """Heads of groups that say more of one than its title and number."""
    header = output.by.header if output.by else None
    said = [((*path, "by", "header"), header)] if header else []
    said += [((*path, "group", i), one) for i, one in enumerate(output.group)]
    for place, pattern in said:
        for name in {hole[0] for _, text in pattern.by_language for hole in placeholders(text)} - {
            "title",
            "N",
        }:
            yield outputs.problem(place, f"a group has no `{name}`", "Write {title} or {N}.", "output")


def _spaced(outputs: Outputs, path: Path, output: Output) -> Iterator[Problem]:
    """Every column between whose values an empty line is asked for, and that no row is repeated for."""
    if isinstance(output.space, bool):
        return
    rows = [] if output.group_before == EVERY_ROW else output.rows.values()
    known = [EVERY_ROW] if rows else []
    known += [GROUP] if output.across == "statistics" else []
    for row in rows:
        known += row.levels if isinstance(row, Hierarchy) else getattr(row, "each", ())
    for i, one in enumerate(output.space):
        if one not in known:
            hint = (
                suggestion(one, known) or f"Write one or more of {', '.join(dict.fromkeys(known))}, or true."
            )
            yield outputs.problem((*path, "space", i), f"no line is repeated for `{one}`", hint, "name")


def _drawn(outputs: Outputs, here: Path, row: Drawn, output: Output) -> Iterator[Problem]:
    """Every row of the output, and column of a listing, that a figure names, and is not there."""
    rows = {name: one for name, one in output.rows.items() if not isinstance(one, Drawn)}
    for path, name, column in row.uses():
        found, place = rows.get(name), (*here, *path)
        if found is None:
            if not column:  # said once, where the row is named
                yield _unknown(outputs, place, "row", name, rows)
        elif column is not None and not isinstance(found, Listed):
            if not column:
                hint = f"Write `{name}: {{listing: TABLE, columns: ...}}`, or name a row that lists."
                yield outputs.problem(place, f"`{name}` lists no rows, and this figure draws them", hint)
        elif column and isinstance(found, Listed) and column not in found.columns:
            known = suggestion(column, found.columns)
            yield outputs.problem(place, f"`{name}` lists no column `{column}`", known, "name")


def _traced(outputs: Outputs, path: Path, names: Collection[str]) -> Iterator[Problem]:
    known = outputs.file.trajectories
    yield from (_unknown(outputs, path, "trajectory", one, known) for one in names if one not in known)


def _of_the_study(
    outputs: Outputs, endpoints: Collection[str], suspensions: Collection[str]
) -> Iterator[Problem]:
    """Every endpoint and suspension rule that is named, and that the study does not have."""
    named: list[tuple[Path, str, str, Collection[str]]] = [
        (("derive", name, "endpoint"), "endpoint", one.endpoint, endpoints)
        for name, one in outputs.file.derive.items()
        if isinstance(one, Judged)
    ]
    for key, output in outputs.planned.items():
        path: Path = ("outputs", key)
        for i, one in enumerate(output.estimands):
            named.append(((*path, "estimands", i), "endpoint", one, endpoints))
        for name, row in output.rows.items():
            here = (*path, "rows", name)
            if isinstance(row, EndpointResult):
                named.append(((*here, "endpoint"), "endpoint", row.endpoint, endpoints))
            elif isinstance(row, Organs):
                named.append(((*here, "organs"), "endpoint", row.organs, endpoints))
            elif isinstance(row, Monitored):
                named.append(((*here, "boundary"), "suspension rule", row.boundary, suspensions))
    for place, what, name, known in named:
        if name not in known:
            yield _unknown(outputs, place, what, name, known)


def _unknown(outputs: Outputs, path: Path, what: str, name: str, known: Collection[str]) -> Problem:
    hint = suggestion(name, known) or f"There is no {what} here yet: write one."
    return outputs.problem(path, f"there is no {what} `{name}`", hint, "name")


# ---- rules ---------------------------------------------------------------------------------------


def _rules(outputs: Outputs) -> Iterator[Problem]:
    """What is wrong with the words of rules; whether their columns exist is known when tables are there."""
    for path, text in stated(outputs.file):
        try:
            _readable(text)
        except RuleError as error:
            yield from outputs.rule_problems(path, text, error)


@lru_cache(maxsize=1024)
def _readable(text: str) -> None:
    """Raises RuleError if the text is no rule; many outputs, and most studies, choose the same rows."""
    from trialrun.protocol.rule_parse import syntax  # here, as sqlglot takes a tenth of a second to import

    named = set(re.findall(r"[A-Za-z_]\w*", text))
    syntax(text, {word for word in named if word.upper() not in RESERVED})


def stated(file: OutputsFile) -> Iterator[tuple[Path, str]]:
    """Every rule of the file with its place."""
    yield from _walk(file, ())


def _walk(part: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(part, Mapping):
        for key, one in part.items():
            yield from _walk(one, (*path, key))
    if not isinstance(part, BaseModel) or isinstance(part, Layer):
        return
    for name, said in type(part).model_fields.items():
        value, here = getattr(part, name), (*path, said.alias or name)
        if value is None:
            continue
        rule = name == "where" or name in RULES.get(type(part), ())
        if rule or (name == "of" and value not in DENOMINATORS):
            yield here, value
        elif isinstance(part, Cases) and name == "cases":
            yield from (((*here, code), text) for code, text in value.items())
        else:
            yield from _walk(value, here)


RULES: Mapping[type[BaseModel], tuple[str, ...]] = {
    Trajectory: ("positive",),
    Computed: ("value",),
    Proportion: ("proportion",),
    Survival: ("event", "competing"),
}
"""Words of an analysis, beside `where` and `of`, that are rules."""

DENOMINATORS = ("set", "known", "cell")
"""Whom a percentage is of, if not those who satisfy a rule."""


# ---- patterns ------------------------------------------------------------------------------------


def placeholders(pattern: str) -> list[tuple[str, str, str, str]]:
    """The ``{statistic:width.decimals<}`` of a pattern: name, width, decimals, flags."""
    return _HOLE.findall(pattern)


def _patterns(outputs: Outputs) -> Iterator[Problem]:
    """Braces that hold no statistic."""
    for path, written in _written(outputs.file, ()):
        for name in ("format", "zero", "none", "header"):
            text = getattr(written, name, None)
            for language, words in text.by_language if text else ():
                rest = _HOLE.sub("", words)
                if "{" in rest or "}" in rest:
                    at = outputs.source.place((*path, name))
                    message = f"`{words}` has braces that name no statistic ({language})"
                    hint = (
                        "Write e.g. {n}, {percent:.1} or {p:6.4<}: width, decimals, < for less than the last."
                    )
                    yield Problem(at, message, hint, "output")


def _written(part: Any, path: Path) -> Iterator[tuple[Path, BaseModel]]:
    if isinstance(part, Mapping):
        for key, one in part.items():
            yield from _written(one, (*path, key))
    elif isinstance(part, BaseModel):
        if isinstance(part, Written) or "header" in type(part).model_fields:
            yield path, part
        for name, said in type(part).model_fields.items():
            yield from _written(getattr(part, name), (*path, said.alias or name))
