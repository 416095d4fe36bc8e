"""What is known of one participant: folded from the entries of one chain, and from nothing else.

Replay and live commands go through the same `apply`, so that what a screen shows is what a replay gives.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Cohort, Times
from trialrun.journal.canon import canonical, digest
from trialrun.journal.entry import Change, Entry
from trialrun.protocol.protocol import Protocol
from trialrun.record import local
from trialrun.record.value import Content, plain

WHO = np.array([0])
"""A real participant is a batch of one."""

HAPPENED = "happened"
"""The name under which a form's own time is changed; no item may have it."""

PREFIX = "participant:"

Source = Mapping[str, str]
"""What values were computed from and by: in any case `sha256`, an attached file, and `wells`, the hash of
what is read of it, where files of other bytes say the same; beside it whatever names the program (say
`panel`, `engine`, `version`), and `accepted`, the reason of a person who accepts the file although something
speaks against it."""


@dataclass(slots=True)
class Cell:
    """What stands at one item, and the number of the entry that set it."""

    content: Content
    sequence: int
    source: Source | None = None
    """None for what a person wrote."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a person took back what a file gave, and left nothing in its place.

    accepted: the reasons for which the file had been accepted before.
    """

    by: str
    reason: str
    accepted: frozenset[str]

    def knew(self, reason: str) -> bool:
        """Whether a reason was given before: one in other signs is no other."""
        return bare(reason) in map(bare, self.accepted)


@dataclass(slots=True)
class Filled:
    """One form at one timepoint, or one row of a log, as it stands: filled first by entry ``since``.

    planned: the amount of a dose per kg or m² as it was planned when the dose was recorded.
    withdrawn: by what a source is known by and by item, what it gave and a person took back; until the same
    gives it again. accepted: by what a source is known by, the reasons for which it was accepted.
    """

    happened: str
    since: int
    sequence: int
    cells: dict[str, Cell] = field(default_factory=dict)
    planned: float | None = None
    withdrawn: dict[str, dict[str, Withdrawal]] = field(default_factory=dict)
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)

    def contents(self) -> dict[str, Content]:
        return {name: cell.content for name, cell in self.cells.items()}

    def taken_back(self, source: Source) -> dict[str, Withdrawal]:
        """By item what a person took back of a file, unless it is accepted now for another reason than
        before."""
        taken = {item: one for known in _names(source) for item, one in self.withdrawn.get(known, {}).items()}
        accepted = source.get("accepted")
        return {item: one for item, one in taken.items() if accepted is None or one.knew(accepted)}

    def digest(self) -> str:
        """What a signature binds to: the time and every content, as they stand."""
        return digest(canonical({"happened": self.happened, "contents": self.contents()}))


@dataclass(slots=True)
class Signature:
    """A signature on a form as it stood; ``voided`` is the entry that changed it afterwards.

    ``faithful`` is False where it was not bound to what stood there when it was given.
    """

    sequence: int
    form: str
    place: str
    user: str
    name: str
    role: str
    time: str
    meaning: str
    hash: str
    faithful: bool
    voided: int | None = None

    @property
    def valid(self) -> bool:
        return self.faithful and self.voided is None


@dataclass(frozen=True, slots=True)
class Act:
    """An act that is not a form: include, collect, decide, stop."""

    act: str
    name: str | None
    point: str | None
    outcome: str | None
    happened: str
    by: str
    sequence: int


class Projection:
    """One participant: the cohort of one that conduct reads, and where each value came from."""

    def __init__(self, protocol: Protocol, subject: str) -> None:
        self.protocol = protocol
        self.subject = subject
        self.site = ""
        self.zone = "UTC"
        self.sequence = 0
        self.cohort = Cohort(protocol, 1)
        self.filled: dict[tuple[str, str], Filled] = {}
        self.acts: list[Act] = []
        self.signatures: list[Signature] = []
        self.files: dict[str, dict[str, Any]] = {}

    @property
    def chain(self) -> str:
        return PREFIX + self.subject

    @classmethod
    def replay(
        cls, protocol: Protocol, subject: str, entries: Iterable[Entry], until: Times | None = None
    ) -> Projection:
        """The participant as the entries tell.

        until: leave out what took place after this local minute. What is known about the rest is
        taken as it stands now: a correction counts, whenever it was made.
        """
        projection = cls(protocol, subject)
        for entry in entries:
            if until is None or projection._counts(entry, until):
                projection.apply(entry)
        return projection

    def _counts(self, entry: Entry, until: Times) -> bool:
        if entry.act == "correct":
            found = self.filled.get(_where(entry))
            return found is not None and found.since == entry.payload["of"]
        return entry.happened is None or bool((local.wall(entry.happened) <= until).all())

    def apply(self, entry: Entry) -> None:
        """Fold one entry in. Raises KeyError for an act that this version does not know."""
        _APPLY[entry.act](self, entry)
        self.sequence = entry.sequence

    # ---- one method for each act -------------------------------------------------------------

    def _enrolled(self, entry: Entry) -> None:
        self.site = str(entry.site)
        self.zone = self.protocol.study.sites[self.site].timezone
        self.cohort.site[:] = self.site

    def _entered(self, entry: Entry) -> None:
        """A form that was filled, or filled again."""
        key = _where(entry)
        found = self.filled.setdefault(key, Filled("", entry.sequence, entry.sequence))
        found.happened, found.since = str(entry.happened), entry.sequence
        found.planned = entry.payload.get("planned")
        self._change(key, found, entry)

    def _wrote(self, entry: Entry) -> None:
        """A row of a log that was added or went on; its own time is that of its first entry."""
        key = _where(entry)
        found = self.filled.setdefault(key, Filled(str(entry.happened), entry.sequence, entry.sequence))
        self._change(key, found, entry)

    def _corrected(self, entry: Entry) -> None:
        self._change(_where(entry), self.filled[_where(entry)], entry)

    def _change(self, key: tuple[str, str], found: Filled, entry: Entry) -> None:
        found.sequence = entry.sequence
        for change in entry.changes:
            if change.item == HAPPENED:
                found.happened = change.new
            else:
                _replace(found, change, entry)
        self._tell(key, found, entry)
        for signature in self.signatures:
            if (signature.form, signature.place) == key and signature.voided is None:
                signature.voided = entry.sequence

    def _tell(self, key: tuple[str, str], found: Filled, entry: Entry) -> None:
        """Hand the changes on to the cohort."""
        form, place = key
        changed = {c.item: plain(c.new) for c in entry.changes if c.item != HAPPENED}
        happened, recorded = local.wall(found.happened), local.stored(entry.time, self.zone)
        if form in self.cohort.sheets:
            self.cohort.enter(form, place, WHO, happened, recorded, changed)
            return
        log = self.cohort.logs[form]
        log.write(0, place, happened[0], recorded[0], changed)
        if entry.act == "correct":
            log.move(0, place, happened[0])

    def _included(self, entry: Entry) -> None:
        said = entry.payload
        self.cohort.include(
            WHO,
            local.wall(str(entry.happened)),
            said.get("arm"),
            block=said.get("block", 0),
            stratum=said.get("stratum", ""),
            kind=said.get("kind"),
            order=said.get("order"),
        )
        self._act(entry, None)

    def _collected(self, entry: Entry) -> None:
        self.cohort.collect(
            entry.payload["specimen"], entry.payload["point"], WHO, local.wall(str(entry.happened))
        )
        self._act(entry, entry.payload["specimen"])

    def _decided(self, entry: Entry) -> None:
        name = entry.payload["decision"]
        outcome = list(self.protocol.decisions[name].outcomes).index(entry.payload["outcome"])
        self.cohort.decide(name, WHO, np.array([outcome], dtype=np.int8), local.wall(str(entry.happened)))
        self._act(entry, name)

    def _stopped(self, entry: Entry) -> None:
        self.cohort.stop(WHO, entry.payload["rule"], local.wall(str(entry.happened)))
        self._act(entry, entry.payload["rule"])

    def _act(self, entry: Entry, name: str | None) -> None:
        point = entry.payload.get("point")
        outcome = entry.payload.get("outcome") or entry.payload.get("arm")
        self.acts.append(
            Act(entry.act, name, point, outcome, str(entry.happened), entry.actor, entry.sequence)
        )

    def _signed(self, entry: Entry) -> None:
        form, place = _where(entry)
        found = self.filled.get((form, place))
        payload = entry.payload
        signature = Signature(
            sequence=entry.sequence,
            form=form,
            place=place,
            user=entry.actor,
            name=payload["name"],
            role=entry.role,
            time=entry.time,
            meaning=payload["meaning"],
            hash=payload["hash"],
            faithful=found is not None and found.digest() == payload["hash"],
        )
        self.signatures.append(signature)

    def _attached(self, entry: Entry) -> None:
        self.files[entry.payload["sha256"]] = {**entry.payload, "sequence": entry.sequence}


_APPLY = {
    "enrol": Projection._enrolled,
    "enter": Projection._entered,
    "dose": Projection._entered,
    "write": Projection._wrote,
    "correct": Projection._corrected,
    "include": Projection._included,
    "collect": Projection._collected,
    "decide": Projection._decided,
    "stop": Projection._stopped,
    "sign": Projection._signed,
    "attach": Projection._attached,
}


def _replace(found: Filled, change: Change, entry: Entry) -> None:
    """Put what is new in its cell, and remember what a person takes back from a file."""
    before, source = found.cells.get(change.item), entry.payload.get("source")
    if source is not None:
        for name in _names(source):
            found.withdrawn.get(name, {}).pop(change.item, None)
        if "accepted" in source:
            known = _name(source)
            found.accepted[known] = found.accepted.get(known, frozenset()) | {source["accepted"]}
    elif before is not None and before.source is not None and nothing(change.new):
        known = _name(before.source)
        taken = Withdrawal(entry.actor, change.reason or "", found.accepted.get(known, frozenset()))
        found.withdrawn.setdefault(known, {})[change.item] = taken
    found.cells[change.item] = Cell(change.new, entry.sequence, source)


def same(one: Source, other: Source) -> bool:
    """Whether two sources say the same: by their wells where both tell them, else by the file's bytes."""
    name = "wells" if "wells" in one and "wells" in other else "sha256"
    return one[name] == other[name]


def _name(source: Source) -> str:
    """What a source is known by."""
    return source.get("wells", source["sha256"])


def _names(source: Source) -> tuple[str, ...]:
    """What a source may be known by: entries from before there were `wells` have the sha256 alone."""
    return tuple(source[name] for name in ("wells", "sha256") if name in source)


def bare(text: str) -> str:
    """The letters and digits of a text, without case and accents: what is left when hands and machines write
    the same in their ways."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text.casefold())))


def nothing(content: Content) -> bool:
    """Whether nobody knows what stands at an item: a number may take its place."""
    return content is None or content == {"missing": "unknown"}


def _where(entry: Entry) -> tuple[str, str]:
    """The form and its place (a timepoint, or a log's row) that an entry is about."""
    return entry.payload["form"], entry.payload["place"]
