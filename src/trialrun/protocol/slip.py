"""Slips of the hand in a study file: what a YAML parser complains of, in plain words, with the cure."""

from __future__ import annotations

import re
from typing import Any

import yaml

from trialrun.protocol.problem import Place, Problem, shown

__all__ = ["slip"]

_KEY = re.compile(r"\s*(?:- )?([A-Za-z_][\w.]*)")


def slip(error: yaml.MarkedYAMLError, text: str, file: str, quotes: list[Place]) -> Problem:
    """The problem behind a parser's error. ``quotes`` are the places of quotes over several lines: one that
    was not closed is most often noticed far below, where the next quote opens."""
    problem, context = error.problem or "", error.context or ""
    if "escape" in problem:
        hint = "Write it twice (\\\\), or put the text between single quotes '…'."
        return Problem(
            _place(error.problem_mark, file), "a \\ between double quotes begins a special sign", hint
        )
    if "quoted scalar" in context or quotes:
        place = quotes[-1] if quotes else _place(error.context_mark, file)
        hint = "Close it on its own line with the same sign."
        return Problem(place, "a quote is opened here and not closed", hint)
    lines = text.splitlines()
    if "simple key" in context:
        place = _place(error.context_mark, file)
        return Problem(place, *_no_colon(_line(lines, place)))
    if "while parsing a flow" in context:
        return _bracket(error, lines, file)
    place = _place(error.problem_mark or error.context_mark, file)
    return Problem(place, *_explained(problem, context, _line(lines, place)))


def _place(mark: Any, file: str) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)


def _line(lines: list[str], place: Place) -> str:
    return lines[place.line - 1] if place.line and place.line <= len(lines) else ""


def _no_colon(line: str) -> tuple[str, str]:
    """A line that is no `key: value`."""
    said = shown(line.strip())
    key = _KEY.match(line)
    if key and line[key.end() :].startswith(":"):
        return (
            f"a space is missing after `{key[1]}:`",
            f"Write `{key[1]}: {shown(line[key.end() + 1 :].strip())}`.",
        )
    if re.match(r"<{7}|={7}|>{7}", line):
        return (
            "this line is left over from joining two versions of the file",
            "Keep one version, without such lines.",
        )
    if line.strip().startswith("//"):
        return "a comment begins with #", f"Write `# {said.lstrip('/ ')}`."
    if key and "=" in line:
        return f"`{said}` has no colon", f"Write `{key[1]}: {line.partition('=')[2].strip()}`."
    return f"`{said}` has no colon", "Write `key: value`; a comment begins with #."


def _bracket(error: yaml.MarkedYAMLError, lines: list[str], file: str) -> Problem:
    """Something between { } or [ ]: where it goes wrong, or where it opens if nothing closes it."""
    opened, noticed = _place(error.context_mark, file), _place(error.problem_mark, file)
    signs = "[ ]" if "sequence" in (error.context or "") else "{ }"
    hint = f"Put commas between its parts, and quotes around a text that contains {signs} or a comma."
    inside = _indent(_line(lines, noticed)) > _indent(_line(lines, opened)) and bool(_line(lines, noticed))
    if opened.line == noticed.line or inside:
        return Problem(noticed, f"something inside {signs} is not complete", f"Close it. {hint}")
    return Problem(opened, f"{signs[0]} is opened here and not closed", f"Close it with {signs[-1]}. {hint}")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _explained(problem: str, context: str, line: str) -> tuple[str, str]:
    """Any other complaint in plain words, and the cure."""
    if "\t" in line:
        return "a tab stands where spaces should", "Indent with spaces, not tabs."
    if "mapping values are not allowed" in problem:
        if line.count(": ") < 2 and not line.rstrip().endswith(":"):
            return (
                "this line is indented too far, or the line above it has a value already",
                "Check its indentation.",
            )
        hint = "A value that contains `: ` must be put between quotes; or this line is indented too far."
        return "a second `: ` stands in one line", hint
    if "cannot start any token" in problem:
        return "a text cannot begin with this sign", "Put the text between quotes."
    if "node content" in problem:
        return (
            "a value is missing here",
            "Write the value, or put a text that begins with such a sign between quotes.",
        )
    if "block scalar" in context:
        return "after | or > the text begins on the next line", "Begin a new line there, indented."
    hint = "Check its indentation, that it reads `key: value`, and that quotes and brackets are closed."
    return "this line does not fit under the lines above it", hint
