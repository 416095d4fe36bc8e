"""A file of the laboratory as compiled: how what is wrong with it is told, with its place and cure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from trialrun.protocol.form import Form
from trialrun.protocol.problem import Problem, suggestion
from trialrun.protocol.source import Source
from trialrun.protocol.study import StudyFile

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Sheet:
    """The text that a file says its part of a study in."""

    source: Source = field(compare=False, repr=False)

    def problem(self, path: Path, message: str, hint: str | None = None, code: str = "panel") -> Problem:
        return Problem(self.source.place(path), message, hint, code)

    def asked(
        self,
        path: Path,
        specimen: str | None,
        form: str | None,
        study: StudyFile,
        forms: Mapping[str, Form],
    ) -> Iterator[Problem]:
        """Whether a study has a specimen and a form, and asks for both together."""
        if specimen is not None and specimen not in study.specimens:
            yield self.unknown((*path, "specimen"), "specimen", specimen, study.specimens)
        if form is None:
            return
        if form not in forms:
            yield self.unknown((*path, "form"), "form", form, forms)
            return
        activities = study.activities.values()
        together = [one for one in activities if form in one.forms and specimen in one.specimens]
        if specimen in study.specimens and not together:
            what = f"no activity asks for the form `{form}` with the specimen `{specimen}`"
            yield self.problem((*path, "form"), what, "Let one of `activities` ask for both.")

    def unknown(self, path: Path, what: str, name: str, known: Iterable[str]) -> Problem:
        hint = suggestion(name, known) or f"There is no {what} here yet: write one."
        return self.problem(path, f"there is no {what} `{name}`", hint, "name")
