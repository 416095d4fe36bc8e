"""A trial: a folder that holds its study, its record and its files; or the same in memory, for tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

from trialrun.conduct.cohort import Cohort
from trialrun.conduct.decision import judge
from trialrun.conduct.verdict import Reason
from trialrun.journal.anchor import TRIAL, Anchor
from trialrun.journal.anchor import anchor as write_anchor
from trialrun.journal.append import append
from trialrun.journal.clock import Clock, SystemClock
from trialrun.journal.entry import Draft, Entry
from trialrun.journal.memory import MemoryStore
from trialrun.journal.store import Store
from trialrun.protocol.compile import load
from trialrun.protocol.file import whole
from trialrun.protocol.protocol import Protocol
from trialrun.record import local
from trialrun.record.command import Commands
from trialrun.record.facts import facts
from trialrun.record.look import ACT as LOOK
from trialrun.record.look import PACKS, Look, Looked
from trialrun.record.person import SYSTEM, UNMASKED, Person
from trialrun.record.projection import WHO, Projection, Signature
from trialrun.record.read import storable
from trialrun.record.refusal import Refused
from trialrun.record.submission import Command
from trialrun.tables.facts import Facts

STUDY, FILES = "study", "files"


@dataclass(frozen=True)
class Difference:
    """A decision that would now come out otherwise: its outcome then and now (None: it would wait), and
    the values that changed, name -> (then, now)."""

    decision: str
    decided: str
    now: str | None
    changed: Mapping[str, tuple[Any, Any]]
    reasons: tuple[Reason, ...]


class Trial(Commands):
    """Everything that may be done with one trial, and everything that may be asked of it."""

    def __init__(
        self,
        protocol: Protocol,
        store: Store,
        clock: Clock,
        folder: Path | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(protocol, store, clock)
        self.folder = folder
        self._close = close
        self._files: dict[str, bytes] = {}

    # ---- making and opening ----------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        protocol: Protocol,
        *,
        virtual: bool,
        clock: Clock | None = None,
        seed: int | None = None,
        people: Iterable[Person] = (),
    ) -> Self:
        """Make a trial, real or virtual for good, whole or not at all. Raises Refused."""
        clock, people = clock or SystemClock(), list(people)
        reasons = _first(virtual, clock, seed, people)
        if folder.exists() and any(folder.iterdir()):
            reasons.append(
                Reason("folder", f"{folder} is not empty", "a trial is made once; choose another folder")
            )
        if reasons:
            raise Refused(f"Making the trial {folder}", reasons)
        from trialrun.record import database
        from trialrun.record.store import DjangoStore

        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _copy(protocol, aside / STUDY)
            (aside / FILES).mkdir()
            opened = database.create(aside, virtual=virtual)
            _begin(protocol, DjangoStore(opened), clock, seed, people)
            opened.close()
            aside.chmod(0o755)  # a temporary folder is its maker's alone
            aside.replace(folder)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return cls.open(folder, clock)

    @classmethod
    def open(cls, folder: Path, clock: Clock | None = None) -> Self:
        """Open a trial with the study it was made with. Raises Refused, RecordError or ProtocolError."""
        from trialrun.record import database
        from trialrun.record.store import DjangoStore

        clock = clock or SystemClock()
        opened = database.attach(folder)
        store = DjangoStore(opened)
        protocol = load(folder / STUDY)
        reasons = [] if store.virtual else _real(clock, None)
        if next(store.chain(TRIAL)).protocol != protocol.hash:
            message = f"the files in {folder / STUDY} are not those the trial was made with"
            reasons.append(Reason("study", message, "restore them from a backup"))
        if reasons:
            opened.close()
            raise Refused(f"Opening the trial {folder}", reasons)
        return cls(protocol, store, clock, folder, opened.close)

    @classmethod
    def in_memory(
        cls,
        protocol: Protocol,
        *,
        virtual: bool = True,
        clock: Clock | None = None,
        seed: int | None = None,
        people: Iterable[Person] = (),
    ) -> Self:
        """A trial that lives as long as the process. Raises Refused."""
        clock, people = clock or SystemClock(), list(people)
        if reasons := _first(virtual, clock, seed, people):
            raise Refused("Making the trial", reasons)
        store = MemoryStore(virtual=virtual)
        _begin(protocol, store, clock, seed, people)
        return cls(protocol, store, clock)

    @property
    def virtual(self) -> bool:
        return self.store.virtual

    @property
    def seed(self) -> int | None:
        seed: int | None = next(self.store.chain(TRIAL)).payload["seed"]
        return seed

    def close(self) -> None:
        if self._close:
            self._close()

    # ---- people ------------------------------------------------------------------------------------

    def register(self, person: Person, *, by: str, key: str) -> Entry:
        """Make someone known who may act; an id stands for one person for ever."""
        arguments = {"name": person.name, "role": person.role}
        command = Command("user", f"Registering {person.id}", by, key, None, arguments)
        self._sound(command)
        role, reasons = self._actor(by, "user")
        if person.role == "investigator" and role not in ("investigator", "") and not reasons:
            message = f"{by} ({role}) does not register an investigator"
            reasons.append(Reason("role", message, "this is for: investigator"))
        if reasons := [*reasons, *person.faults()]:
            raise Refused(command.words, reasons)
        with self.store.lock([person.chain]):
            if before := self._repeated(person.chain, command):
                return before
            if known := self.person(person.id):
                message = f"`{person.id}` stands for {known.name}, {known.role}"
                raise Refused(
                    command.words, [Reason("user", message, "an id is never given again; choose another")]
                )
            draft = Draft(person.chain, key, by, role, "user", {**arguments, "request": command.digest()})
            return append(self.store, self.clock, [draft], protocol=self.protocol.hash)[0]

    # ---- what may be asked ---------------------------------------------------------------------------

    def cohort(self, subject: str) -> Cohort:
        """What is known of a participant, as conduct reads it: to look at, not to change."""
        return self.projection(subject).cohort

    def facts(self) -> Facts:
        """Everything as it now stands, each value with the entry that set it."""
        return facts((self.projection(subject) for subject in self.subjects()), self.virtual)

    def signatures(self, subject: str) -> tuple[Signature, ...]:
        """Every signature of a participant's forms, valid or void."""
        return tuple(self.projection(subject).signatures)

    def file(self, sha256: str) -> bytes:
        """An attached file by its hash. Raises KeyError or FileNotFoundError."""
        return self._files[sha256] if self.folder is None else (self.folder / FILES / sha256).read_bytes()

    def would_differ(self, subject: str, decision: str) -> Difference | None:
        """How a decision would come out with what is now known of its moment; None if it would be the same.

        Nothing is decided again: people look at the difference and say what it means.
        """
        entries = list(self.store.chain(self.projection(subject).chain))
        made = [e for e in entries if e.act == "decide" and e.payload["decision"] == decision]
        if not made:
            never = Reason("decided", "it was never made", "make it first")
            raise Refused(f"Looking at {decision} for {subject}", [never])
        last, moment = made[-1], local.wall(str(made[-1].happened))
        others = (e for e in entries if e.sequence < last.sequence or e.act not in ("decide", "stop"))
        then = Projection.replay(self.protocol, subject, others, until=moment)
        judgement = judge(then.cohort, decision, WHO, moment)
        position = int(judgement.outcome[0])
        now = list(self.protocol.decisions[decision].outcomes)[position] if position >= 0 else None
        if now == last.payload["outcome"]:
            return None
        values, before = storable(judgement.values()), last.payload["values"]
        changed = {
            name: (before.get(name), value) for name, value in values.items() if before.get(name) != value
        }
        return Difference(decision, last.payload["outcome"], now, changed, judgement.waiting[0])

    def anchor(self, *, by: str, key: str) -> Anchor:
        """Write the length and head of every chain down; keep `text()` of it where nobody here can reach."""
        self._sound(Command("anchor", "Anchoring", by, key, None, {}))
        role, reasons = self._actor(by, "anchor")
        if reasons:
            raise Refused("Anchoring", reasons)
        return write_anchor(self.store, self.clock, key=key, actor=by, role=role, protocol=self.protocol.hash)

    # ---- who looked at results -----------------------------------------------------------------------

    def may_look(self, pack: str, unblinds: bool, by: str) -> str:
        """The role in which someone may look at a pack. Raises Refused.

        unblinds: it shows results by arm of a masked trial. Nobody is unblinded where people are virtual.
        """
        role, reasons = self._actor(by, f"{LOOK}:{pack if pack in PACKS else PACKS[0]}")
        if unblinds and not self.virtual and role and role not in UNMASKED:
            message = f"results by arm would unblind {by} ({role})"
            able = ", ".join(sorted(UNMASKED))
            reasons.append(Reason("masking", message, f"while the trial is masked, this is for: {able}"))
        if reasons:
            raise Refused(f"Looking at the pack `{pack}`", reasons)
        return role

    def look(self, look: Look, *, by: str, key: str) -> Entry:
        """Write down that someone looks at results. Raises Refused for one who may not."""
        command = Command(LOOK, f"Looking at the pack `{look.pack}`", by, key, None, look.words())
        self._sound(command)
        role = self.may_look(look.pack, look.unblinded, by)
        with self.store.lock([TRIAL]):
            if before := self._repeated(TRIAL, command):
                return before
            payload = {**look.payload(), "request": command.digest()}
            draft = Draft(TRIAL, key, by, role, LOOK, payload)
            return append(self.store, self.clock, [draft], protocol=self.protocol.hash)[0]

    def looks(self) -> tuple[Looked, ...]:
        """Every look at results of this trial, in their order."""
        return tuple(
            Looked(e.sequence, e.time, e.actor, person.name, e.role, Look.of(e))
            for e in self.store.chain(TRIAL)
            if e.act == LOOK and (person := self.person(e.actor))
        )

    def people(self) -> tuple[Person, ...]:
        """Everyone who is registered, in order of id."""
        ids = sorted(chain.removeprefix("user:") for chain in self.store.heads() if chain.startswith("user:"))
        return tuple(person for id in ids if (person := self.person(id)))

    def _keep(self, sha256: str, content: bytes) -> None:
        if self.folder is None:
            self._files[sha256] = content
            return
        kept = self.folder / FILES / sha256
        if not kept.exists():
            with whole(kept) as part:
                part.write_bytes(content)


def _real(clock: Clock, seed: int | None) -> list[Reason]:
    reasons = []
    if not isinstance(clock, SystemClock):
        reasons.append(
            Reason(
                "clock",
                "a real trial takes the system's clock only",
                "leave the clock out, or make the trial virtual",
            )
        )
    if seed is not None:
        reasons.append(
            Reason("seed", "a real trial has no seed", "leave the seed out, or make the trial virtual")
        )
    return reasons


def _first(virtual: bool, clock: Clock, seed: int | None, people: list[Person]) -> list[Reason]:
    reasons = [] if virtual else _real(clock, seed)
    reasons += [fault for person in people for fault in person.faults()]
    ids = [person.id for person in people]
    reasons += [
        Reason("user", f"`{id}` is given to two people", "an id stands for one")
        for id in {*ids}
        if ids.count(id) > 1
    ]
    return reasons


def _copy(protocol: Protocol, folder: Path) -> None:
    folder.mkdir()
    for name, text in protocol.files.items():
        (folder / name).write_text(text, "utf-8", newline="")


def _begin(protocol: Protocol, store: Store, clock: Clock, seed: int | None, people: list[Person]) -> None:
    """The first entries: what trial this is, and who may act on it."""
    payload = {
        "study": protocol.id,
        "version": protocol.study.version,
        "virtual": store.virtual,
        "seed": seed,
    }
    drafts = [Draft(TRIAL, "create", SYSTEM, SYSTEM, "create", payload)]
    drafts += [
        Draft(p.chain, "create", SYSTEM, SYSTEM, "user", {"name": p.name, "role": p.role}) for p in people
    ]
    append(store, clock, drafts, protocol=protocol.hash)
