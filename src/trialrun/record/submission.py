"""How a command becomes entries: one way in for everything that happens to participants.

A command says what it wants and how to check it. `_submit` locks the participant's chain, looks at what
is known, gathers every reason against, and only then appends, applies, and lets the protective rules act.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from trialrun.conduct.cohort import Times, day
from trialrun.conduct.stop import overdue, triggered
from trialrun.conduct.verdict import Reason
from trialrun.journal.append import append
from trialrun.journal.canon import digest
from trialrun.journal.clock import Clock
from trialrun.journal.entry import Change, Draft, Entry
from trialrun.journal.store import Store
from trialrun.protocol.protocol import Protocol
from trialrun.record import local
from trialrun.record.person import RIGHTS, SYSTEM, Person
from trialrun.record.projection import HAPPENED, PREFIX, WHO, Projection
from trialrun.record.refusal import Refused
from trialrun.record.value import unstorable


@dataclass
class Outcome:
    """What a command's check found: reasons against it, and what would be stored.

    payload: beside what the caller said; changes: of the items; more: acts that follow from it, each
    (act, key's ending, payload, changes), stored in the same transaction.
    """

    reasons: list[Reason] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    more: list[tuple[str, str, dict[str, Any], tuple[Change, ...]]] = field(default_factory=list)
    happened: str | None = None
    """When what follows from it took place, if the command itself has no time."""
    forms: tuple[str, ...] | None = ()
    """The forms whose stop rules are to be looked at (None: every stop rule)."""


@dataclass(frozen=True)
class Command:
    """Who wants what, and when it took place; ``arguments`` are the caller's own words."""

    act: str
    words: str
    by: str
    key: str
    happened: datetime | None
    arguments: Mapping[str, Any]

    def digest(self) -> str:
        """What must be equal for a repeated key to mean a repeated command."""
        said = [self.act, self.by, self.happened, dict(self.arguments)]
        return digest(json.dumps(said, sort_keys=True, default=str))

    def faults(self) -> list[Reason]:
        """What keeps these words from being a command at all, whatever they ask for."""
        found = [fault for name, said in self._texts() for fault in _text_faults(name, said)]
        if "/" in str(self.key):
            message = f"the key `{self.key:.40}` contains a `/`"
            found.append(Reason("key", message, "the program's own acts have such keys; leave it out"))
        if self.happened is None and self.act not in TIMELESS:
            found.append(Reason("happened", "the act has no time", "say when it took place"))
        for name in {*NAMED} & {*self.arguments}:
            found += _answer_faults(name, self.arguments[name])
        return found

    def _texts(self) -> Iterator[tuple[str, Any]]:
        yield from (("by", self.by), ("key", self.key))
        for name, said in self.arguments.items():
            if name not in (*NAMED, HAPPENED, "size") and not (said is None and name in OPTIONAL):
                yield name, said


TIMELESS = ("enrol", "correct", "sign", "user", "anchor", "look")
ANSWERS = ("values", "missing", "confirmed")
NAMED = (*ANSWERS, "source")
"""Arguments that are texts or values by name."""
OPTIONAL = ("reason", "deviation")


def _text_faults(name: str, said: Any) -> list[Reason]:
    if not isinstance(said, str):
        return [Reason(name, f"`{name}` is not a text", "write it as text")]
    return [*unstorable(name, said)]


def _answer_faults(name: str, said: Any) -> list[Reason]:
    """Answers go by the names of their items; why one is missing, or right all the same, is told in words."""
    if not isinstance(said, Mapping) or not all(isinstance(item, str) for item in said):
        return [Reason(name, f"`{name}` does not name items", "write item: answer, the item as text")]
    found = [fault for item in said for fault in unstorable(name, item)]
    for item, answer in said.items():
        words = name == "values" or isinstance(answer, str)
        found += unstorable(f"item.{item}", answer) if words else _text_faults(f"item.{item}", answer)
    return found


Check = Callable[[Projection, Times], Outcome]
"""What is known and the local minute of the act → what it comes to."""


class Submission:
    """A trial's store with what is known from it."""

    def __init__(self, protocol: Protocol, store: Store, clock: Clock) -> None:
        self.protocol = protocol
        self.store = store
        self.clock = clock
        self._people: dict[str, Person] = {}
        self._known: dict[str, Projection] = {}

    # ---- who -----------------------------------------------------------------------------------

    def person(self, user: str) -> Person | None:
        """Who a user id stands for, or None."""
        if user not in self._people:
            for entry in self.store.chain(f"user:{user}"):
                if entry.act == "user":
                    self._people[user] = Person(user, entry.payload["name"], entry.payload["role"])
        return self._people.get(user)

    def _actor(self, user: str, act: str) -> tuple[str, list[Reason]]:
        """The role of a user, and why this person may not do this act."""
        person = self.person(user)
        if person is None:
            return "", [Reason("actor", f"nobody is registered as `{user}`", "register this person first")]
        if act in RIGHTS[person.role]:
            return person.role, []
        able = ", ".join(role for role, acts in RIGHTS.items() if act in acts)
        message = f"{person.name} ({person.role}) has no right to `{act}`"
        return person.role, [Reason("role", message, f"this is for: {able}")]

    # ---- what is known -------------------------------------------------------------------------

    def subjects(self) -> tuple[str, ...]:
        """Everyone enrolled, by number."""
        return tuple(chain.removeprefix(PREFIX) for chain in self.store.heads() if chain.startswith(PREFIX))

    def projection(self, subject: str) -> Projection:
        """What is known of a participant now. Raises Refused for one who is not there."""
        found = self._known.get(subject)
        if found is None:
            found = Projection.replay(self.protocol, subject, self.store.chain(PREFIX + subject))
            if found.sequence == 0:
                there = Reason("subject", f"there is no participant `{subject}`", "enrol this person first")
                raise Refused(f"Looking up {subject}", [there])
            self._known[subject] = found
        elif self.store.head(found.chain).sequence > found.sequence:  # another process wrote
            for entry in self.store.chain(found.chain, found.sequence):
                found.apply(entry)
        return found

    @contextmanager
    def _locked(self, subject: str) -> Iterator[Projection]:
        """The participant's chain for this command alone; nothing half-known is kept if it fails."""
        applied = None
        try:
            with self.store.lock([PREFIX + subject]):
                known = self.projection(subject)
                applied = known.sequence
                yield known
        except BaseException:
            if applied is not None and self._known[subject].sequence != applied:
                del self._known[subject]
            raise

    # ---- the one way in ------------------------------------------------------------------------

    def _submit(self, subject: str, command: Command, check: Check) -> Entry:
        """Store a command on a participant's chain, or raise Refused with every reason.

        Time passes first, so that a stop that is due stands before whatever is done; with the rest it is
        taken back if the command is refused.
        """
        self._sound(command)
        if not isinstance(subject, str):
            raise Refused(command.words, [Reason("subject", "the participant's id is not a text", "name it")])
        with self._locked(subject) as known:
            if before := self._repeated(known.chain, command):
                return before
            now = self.clock.now()
            role, reasons = self._actor(command.by, command.act)
            happened = local.there(now, known.zone)
            for rule in self._overdue(known, happened):
                self._stop(known, rule, None)
            if command.happened is not None:
                reasons += (wrong := local.faults(command.happened, known.zone, now))
                if not wrong:
                    happened = local.minute(command.happened)
            outcome = check(known, happened)
            reasons += outcome.reasons
            if reasons:
                raise Refused(f"{command.words} for {subject}", reasons)
            drafts = [self._draft(known, command, role, outcome)]
            since = drafts[0].happened or outcome.happened
            drafts += [self._following(drafts[0], since, *more) for more in outcome.more]
            entries = self._append(known, drafts)
            forms = (
                None if outcome.forms is None else {*outcome.forms, *(d.payload["form"] for d in drafts[1:])}
            )
            self._protect(known, entries[0], forms)
            return entries[0]

    def _sound(self, command: Command) -> None:
        """Raises Refused for words that are no command."""
        if faults := command.faults():
            raise Refused(command.words, faults)

    def _repeated(self, chain: str, command: Command) -> Entry | None:
        """The entry this very command made before. Raises Refused if its key made another."""
        if not command.key:
            reason = Reason("key", "the command has no key", "give each act a key of its own")
            raise Refused(command.words, [reason])
        before = self.store.find(chain, command.key)
        if before and before.payload.get("request") != command.digest():
            where = f"entry {before.sequence} of {chain} (`{before.act}` by {before.actor})"
            message = f"the key `{command.key}` already stands for {where}"
            raise Refused(command.words, [Reason("key", message, "give the new act its own key")])
        return before

    def _draft(self, known: Projection, command: Command, role: str, outcome: Outcome) -> Draft:
        return Draft(
            chain=known.chain,
            key=command.key,
            actor=command.by,
            role=role,
            act=command.act,
            payload={**outcome.payload, "request": command.digest()},
            changes=outcome.changes,
            site=known.site,
            happened=None if command.happened is None else local.text(command.happened, known.zone),
        )

    def _following(
        self,
        cause: Draft,
        happened: str | None,
        act: str,
        ending: str,
        payload: dict[str, Any],
        changes: tuple[Change, ...],
    ) -> Draft:
        return Draft(
            chain=cause.chain,
            key=f"{cause.key}/{ending}",
            actor=cause.actor,
            role=cause.role,
            act=act,
            payload=payload,
            changes=changes,
            site=cause.site,
            happened=happened,
        )

    def _append(self, known: Projection, drafts: Iterable[Draft]) -> list[Entry]:
        entries = append(self.store, self.clock, list(drafts), protocol=self.protocol.hash)
        for entry in entries:
            known.apply(entry)
        return entries

    # ---- what the rules then do by themselves ----------------------------------------------------

    def _protect(self, known: Projection, cause: Entry, forms: set[str] | None) -> None:
        """Stop the injections if what was just stored makes a stop rule true, or decided to stop."""
        if cause.act == "decide" and not np.isnat(known.cohort.stopped[0]):
            self._stop(known, str(known.cohort.stop_rule[0]), cause.sequence)
        elif forms is None or forms:
            for rule, _ in triggered(known.cohort, WHO, local.stored(cause.time, known.zone), forms):
                self._stop(known, rule, cause.sequence)

    def _stop(self, known: Projection, rule: str, cause: int | None) -> Entry:
        """The program's own act: no more injections, by this rule, since this entry (None: time passed)."""
        there = local.there(self.clock.now(), known.zone)
        draft = Draft(
            chain=known.chain,
            key=f"stop/{known.sequence + 1}",
            actor=SYSTEM,
            role=SYSTEM,
            act="stop",
            payload={"rule": rule, "cause": cause},
            site=known.site,
            happened=f"{there[0]}[{known.zone}]",
        )
        return self._append(known, [draft])[0]

    def tick(self, subject: str | None = None) -> list[Entry]:
        """Let time pass, for one participant or all: stops by holds that ran out, and by events that
        have lasted too long.

        To be called at least once a day; calling it again changes nothing.
        """
        stops = []
        for one in self.subjects() if subject is None else (subject,):
            with self._locked(one) as known:
                for rule in self._overdue(known, local.there(self.clock.now(), known.zone)):
                    stops.append(self._stop(known, rule, None))
        return stops

    def _overdue(self, known: Projection, now: Times) -> list[str]:
        """Stop rules that time alone has made true by ``now``; the first is the one that counts."""
        return [rule for rule, _ in overdue(known.cohort, WHO, now)][:1]

    # ---- conditions that many commands share -----------------------------------------------------

    def _within_participation(self, known: Projection, happened: Times) -> list[Reason]:
        """Consent was given by then, and participation had not ended."""
        consented, ended = known.cohort.consented, known.cohort.ended
        reasons = []
        if np.isnat(consented[0]):
            reasons.append(Reason("consent", "no signed consent", "record the consent first"))
        elif (happened < consented)[0]:
            message = f"{local.shown(happened)} is before the consent of {local.shown(consented)}"
            reasons.append(
                Reason("consent", message, "nothing of the trial precedes consent; correct the time")
            )
        if (happened > ended)[0]:
            message = f"participation ended on {day(ended)[0]} ({known.cohort.end_status[0]})"
            reasons.append(
                Reason(
                    "participation", message, "nothing after it is recorded; correct the time if it is wrong"
                )
            )
        return reasons
