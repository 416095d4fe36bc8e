"""The groups of a batch in two rounds: in the second, gates are found without the samples that fail by rule.

What is done is kept in a folder, so that it is not done again: by the key of a group the results of each
round, and beside them the round whose tables and drawings its files have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from trialrun.protocol.file import whole
from trialrun.protocol.panel import Panel, SharedCut

from .cores import Cores
from .group import Failure, Group, gated
from .outcome import Outcome, packed, unpacked
from .quality import Beside, Judged, beside
from .withhold import withheld

__all__ = ["Rounds"]

Result = Outcome | Failure
FOUND_WITH = "{}; that was in gates found with it, and they were then found without it"
FOUND_WITH_ALL = "{}; that was in gates found with all samples"
FOUND_WITHOUT = "its gates were found without {}, which fails by rule"


class Rounds:
    """What comes of groups, by the names of their files."""

    def __init__(self, panel: Panel, source: str, folder: Path | None) -> None:
        """source: what results hang on beside the group; folder: where they are kept, if anywhere."""
        self.panel, self.source, self.folder = panel, source, folder
        self.found: dict[str, Result] = {}
        self.before: dict[str, tuple[Judged, ...]] = {}  # what stays of the first round
        self.notes: dict[str, tuple[str, ...]] = {}

    def gate(self, groups: Sequence[Group], run: Cores, tell: Callable[[float], None]) -> int:
        """Gate all groups. Of how many files the results were known from before."""
        self._forget_others(groups)
        fresh = [group for group in groups if not self._recalled(group)]
        self._do(fresh, run, tell)
        outcomes = self.outcomes
        last = [self._sounder(group, outcomes) for group in groups]
        again = [
            group
            for group in last
            if (group.aside and not self._recalled(group))
            or not (any(group is one for one in fresh) or self._current(group))
        ]
        self._do(again, run, tell)
        done = {file.name for group in (*fresh, *again) for file in group.files}
        return len({file.name for group in groups for file in group.files} - done)

    def _sounder(self, group: Group, outcomes: Sequence[Outcome]) -> Group:
        """The group, its failing samples set aside where it has others. It is done once: a sample that fails
        only then changes no gate, and one that fails no more has failed all the same. So too a cut that did
        not serve one beside all: of two halves that differ the one that is left would seem fine."""
        there = [one for one in outcomes if one.file in group.files]
        failed = [one for one in there if one.failed]
        if not failed or len(failed) == len(there):
            return group
        names = ", ".join(one.file.name for one in failed)
        for one in there:
            if one in failed:
                self.before[one.file.name] = tuple(
                    replace(rule, message=FOUND_WITH.format(rule.message))
                    for rule in one.quality
                    if rule.outcome == "fail"
                )
            else:
                self.before[one.file.name] = tuple(
                    replace(rule, message=FOUND_WITH_ALL.format(rule.message))
                    for rule in one.quality
                    if isinstance(self.panel.quality[rule.rule], SharedCut) and rule.outcome != "passed"
                )
                self.notes[one.file.name] = (FOUND_WITHOUT.format(names),)
        return replace(group, aside=frozenset(one.file.sha256 for one in failed))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """By the names of their files, with what the rules over several samples say."""
        named = sorted(self.found.items())
        outcomes = [self._told(one) for _, one in named if isinstance(one, Outcome)]
        others = beside(self.panel, [Beside(one.medians, one.estimates, one.file.row) for one in outcomes])
        return tuple(
            replace(one, quality=(*one.quality, *self._counted(one, more)))
            for one, more in zip(outcomes, others, strict=True)
        )

    def _told(self, one: Outcome) -> Outcome:
        """With what the first round says, and without what its own rules withhold: no other sample is held
        against a number that nobody is to use."""
        findings = (*one.file.findings, *self.notes.get(one.file.name, ()))
        file = replace(one.file, findings=findings)
        return withheld(self.panel, replace(one, quality=self._counted(one, one.quality), file=file))

    def _counted(self, one: Outcome, rules: Sequence[Judged]) -> tuple[Judged, ...]:
        """What counts of both rounds."""
        before = {rule.rule: rule for rule in self.before.get(one.file.name, ())}
        return tuple(_worse(rule, before.get(rule.rule, rule)) for rule in rules)

    @property
    def failures(self) -> list[Failure]:
        return [one for one in self.found.values() if isinstance(one, Failure)]

    # ---- gating ------------------------------------------------------------------------------------

    def _do(self, groups: Sequence[Group], run: Cores, tell: Callable[[float], None]) -> None:
        """Gate groups, and keep each as it is done."""
        if not groups:
            return
        for group in groups:
            self._sign(group, "")

        def finished(number: int, result: list[Result] | str) -> None:
            if not isinstance(result, str):
                self._keep(groups[number], result)

        done = run.all(gated, [(group,) for group in groups], tell, finished)
        for group, some in zip(groups, done, strict=True):
            names = [file.name for file in group.files]
            results = [Failure(name, some) for name in names] if isinstance(some, str) else some
            self.found |= zip(names, (_arrived(group, one) for one in results), strict=True)

    # ---- what is kept ------------------------------------------------------------------------------

    def _key(self, group: Group) -> str:
        """What the results of a group hang on, but for who stands aside."""
        said = [
            self.source,
            [[one.name, one.sha256, sorted(one.row.said.items())] for one in group.files],
            [[name, [one.sha256 for one in some]] for name, some in sorted(group.controls.items())],
            [[name, [one.model_dump() for one in some]] for name, some in sorted(group.adjustments.items())],
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()

    def _results(self, group: Group) -> Path | None:
        """Where the results of one round are kept."""
        if self.folder is None:
            return None
        aside = hashlib.sha256(",".join(sorted(group.aside)).encode()).hexdigest()[:16]
        return self.folder / f"{self._key(group)}{f'-{aside}' if group.aside else ''}.json"

    def _forget_others(self, groups: Sequence[Group]) -> None:
        """Delete what is kept of other panels, files or code."""
        if self.folder is None:
            return
        ours = {self._key(group) for group in groups}
        for path in (*self.folder.glob("*.json"), *self.folder.glob("*.round")):
            if path.stem.partition("-")[0] not in ours:
                path.unlink(missing_ok=True)

    def _recalled(self, group: Group) -> bool:
        """Whether the results of a round are known from before: then they are found."""
        path = self._results(group)
        try:
            content = json.loads(path.read_text("utf-8")) if path else []
            results = [unpacked(file, one) for file, one in zip(group.files, content, strict=True)]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        self.found |= {one.file.name: one for one in results}
        return True

    def _keep(self, group: Group, results: Sequence[Result]) -> None:
        """Keep the results of a round; one in which a file failed is tried again next time."""
        path = self._results(group)
        outcomes = [one for one in results if isinstance(one, Outcome)]
        if path is not None and len(outcomes) == len(results):
            _write(path, json.dumps([packed(one) for one in outcomes]))
            self._sign(group, self._signature(group))

    def _signature(self, group: Group) -> str:
        path, drawn = self._results(group), group.portraits
        return f"{path.stem if path else ''} {drawn.name if drawn else ''} {bool(group.membership)}"

    def _sign(self, group: Group, signature: str) -> None:
        """Write down of which round the tables and drawings of a group's files are."""
        if self.folder is not None:
            _write(self.folder / f"{self._key(group)}.round", signature)

    def _current(self, group: Group) -> bool:
        """Whether there are tables and drawings of this round, and of no other; more than are asked for will
        do."""
        if self.folder is None:
            return True
        enough = {self._signature(group), self._signature(group).replace(" False", " True")}
        try:
            signed = (self.folder / f"{self._key(group)}.round").read_text("utf-8")
        except OSError:
            return False
        return signed in enough and all(path.exists() for one in group.files for path in group.written(one))


def _worse(now: Judged, before: Judged) -> Judged:
    """What counts of two rounds; of two that are as bad a failure as it is now, else what was said of all.
    What either withholds is withheld."""
    order = ("passed", "unknown", "warn", "withhold", "fail").index
    if now.outcome == before.outcome == "withhold" and not set(now.about) <= set(before.about):
        if set(before.about) <= set(now.about):
            return now
        about = tuple(dict.fromkeys((*now.about, *before.about)))
        return replace(before, about=about, message=f"{now.message}; {before.message}")
    return now if now.outcome == "fail" or order(now.outcome) > order(before.outcome) else before


def _arrived(group: Group, one: Result) -> Result:
    """The outcome of a file, if all that is kept of it came into the folder."""
    if isinstance(one, Outcome):
        for path in group.written(one.file):
            if not path.exists():
                reason = (
                    f"{path} was written, and is not here: --out must be a folder that all machines share"
                )
                return Failure(one.file.name, reason)
    return one


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(text, "utf-8")
