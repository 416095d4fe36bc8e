"""Recorded participants under another version of the protocol: every judgement that would differ.

Each act is judged on what was recorded when it was done, by the old rules and by the new ones. What follows
is what really happened: an act that would have been refused still took place, and the next comes after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from trialrun.conduct import words
from trialrun.conduct.allocation import allocate
from trialrun.conduct.cohort import Times, day
from trialrun.conduct.decision import Judgement, judge
from trialrun.conduct.enrolment import may_enrol
from trialrun.conduct.permission import may_include, may_inject, stop_words
from trialrun.conduct.reading import answers
from trialrun.conduct.roll import Roll, kinds, roll
from trialrun.conduct.roll import join as joined
from trialrun.conduct.standing import states
from trialrun.conduct.stop import expired, triggered
from trialrun.conduct.verdict import YES, Reason, Verdict
from trialrun.journal.entry import Entry
from trialrun.protocol.allocation import Allocation, Blocks, Table
from trialrun.protocol.change import Stage
from trialrun.protocol.change_words import both, quoted
from trialrun.protocol.pair import Pair, pair
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rename import Renames
from trialrun.protocol.text import Text
from trialrun.record import local
from trialrun.record.projection import PREFIX, WHO, Projection
from trialrun.record.transcript import Misfit, Transcript
from trialrun.record.trial import Trial
from trialrun.record.value import plain

Asked = Literal["eligibility", "inclusions", "allocation", "decision", "dose", "stop"]

WORDS = {
    "eligible": ("eligible", "éligible"),
    "not eligible": ("not eligible", "non éligible"),
    "open": ("inclusions open", "inclusions ouvertes"),
    "closed": ("inclusions closed", "inclusions fermées"),
    "allowed": ("permitted", "permise"),
    "forbidden": ("forbidden", "interdite"),
    "stops": ("treatment is stopped", "traitement arrêté"),
    "goes on": ("treatment goes on", "le traitement continue"),
    "drawn": ("drawn by other rules", "tiré selon d'autres règles"),
    "none": ("no arm", "aucun bras"),
    "waits": ("waits", "attend"),
    "unknown": ("does not exist", "n'existe pas"),
}  # fmt: skip
_STAGE: Mapping[str, Stage | Literal["ended"]] = {
    "candidate": "candidate", "screening": "screened", "included": "screened", "in treatment": "treatment",
    "on hold": "treatment", "stopped": "follow_up", "in follow-up": "follow_up", "ended": "ended",
}  # fmt: skip


@dataclass(frozen=True)
class Differing:
    """A judgement that comes out otherwise: whose, of what, on which day, before and now, and why.

    because: the clauses that differ, with the values they read (in English, as all that conduct says).
    """

    subject: str
    asked: Asked
    name: str
    date: str
    old: Text
    new: Text
    because: tuple[str, ...]

    def as_json(self, language: str) -> dict[str, Any]:
        said = {"subject": self.subject, "asked": self.asked, "name": self.name, "date": self.date}
        return {**said, "old": self.old(language), "new": self.new(language), "because": list(self.because)}


@dataclass
class Rejudged:
    """stages: where the participants stand now, counted; judged: judgements looked at, by kind."""

    participants: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    differing: list[Differing] = field(default_factory=list)
    misfits: Counter[Misfit] = field(default_factory=Counter)


@dataclass
class Person:
    """One participant under the old protocol and under the new one."""

    then: Projection
    now: Transcript
    told: bool = False  # that a stop of the new protocol comes earlier

    def apply(self, entry: Entry) -> None:
        self.then.apply(entry)
        self.now.apply(entry)


Step = tuple[str, Entry, Entry | None]
"""A participant, an entry, and the one that follows it on its chain."""


def _silently(steps: Sequence[Step]) -> Iterable[Step]:
    return steps


def rejudge(
    trial: Trial, new: Protocol, watch: Callable[[Sequence[Step]], Iterable[Step]] = _silently
) -> Rejudged:
    """Judge everything a trial recorded by the rules of ``new`` as well; ``watch`` sees every step go by."""
    chains = {subject: list(trial.store.chain(PREFIX + subject)) for subject in trial.subjects()}
    replay = Replay(pair(trial.protocol, new))
    for subject, entry, following in watch(list(_in_time(chains))):
        replay.take(subject, entry, following)
    result = replay.result
    result.participants = len(chains)
    end = max((chain[-1].time for chain in chains.values()), default="")
    for person in replay.people.values():
        result.misfits.update(set(person.now.misfits))
        state = states(person.then.cohort, local.stored(end, person.then.zone))[0]
        result.stages[_STAGE[str(state)]] += 1
    return result


def _in_time(chains: Mapping[str, Sequence[Entry]]) -> Iterator[Step]:
    """Every entry of every participant as it was stored, and the one that follows it on its chain."""
    listed = [
        (entry.time, subject, entry.sequence, entry, chain[i + 1] if i + 1 < len(chain) else None)
        for subject, chain in chains.items()
        for i, entry in enumerate(chain)
    ]
    for _, subject, _, entry, following in sorted(listed, key=lambda one: one[:3]):
        yield subject, entry, following


class Replay:
    """Plays a record under both protocols at once, and looks at each judgement just before it was made."""

    def __init__(self, found: Pair) -> None:
        self.found = found
        self.result = Rejudged()
        self.people: dict[str, Person] = {}

    def take(self, subject: str, entry: Entry, following: Entry | None) -> None:
        """Judge one entry, then let it happen."""
        old, new = self.found.old, self.found.new
        if subject not in self.people:
            transcript = Transcript(old, new, self.found.renames, subject)
            self.people[subject] = Person(Projection(old, subject), transcript)
        person = self.people[subject]
        ask = {"include": self._include, "decide": self._decide, "dose": self._dose, "stop": self._stop}
        if entry.act in ask:
            ask[entry.act](person, entry)
        elif entry.act == "enter" and entry.payload["form"] == _end_form(old):
            self._left(person, entry)
        person.apply(entry)
        if entry.act in ("enter", "dose", "write", "correct"):
            self._triggers(person, entry, following)

    def _tell(
        self, person: Person, asked: Asked, name: str, moment: Times, old: Text, new: Text, why: Sequence[str]
    ) -> None:
        date = str(day(moment)[0])
        self.result.differing.append(Differing(person.then.subject, asked, name, date, old, new, tuple(why)))

    # ---- inclusion -------------------------------------------------------------------------------

    def _include(self, person: Person, entry: Entry) -> None:
        moment = local.wall(str(entry.happened))
        self._eligible(person, moment)
        verdicts = [
            may_enrol(one.protocol, self._present(one, moment), kinds(one.cohort, WHO, moment)[0])
            for one in (person.then, person.now)
        ]
        self._compared(person, "inclusions", "", moment, verdicts, ("open", "closed"))
        if self.found.old.arms or self.found.new.arms:
            self._allocated(person, entry, moment)

    def _allocated(self, person: Person, entry: Entry, moment: Times) -> None:
        """The arm that was given, and what the new protocol says of it. Nothing is drawn anew: of an arm that
        was drawn by other rules only that is told."""
        self.result.judged["allocation"] += 1
        old, new = self.found.old.study, self.found.new.study
        given = entry.payload.get("arm")
        was = old.arms[given].title if given in old.arms else both(WORDS["none"])
        arm = self.found.renames.path(("arms", str(given)))[1]
        if isinstance(new.allocation, Table):
            place = allocate(self.found.new, self._present(person.now, moment), "", lambda below: 0)
            if isinstance(place, Reason):
                return self._tell(
                    person, "allocation", "", moment, was, both(WORDS["waits"]), [place.message]
                )
            if place.arm != arm:
                title = new.arms[str(place.arm)].title
                return self._tell(person, "allocation", "", moment, was, title, [])
        elif given is not None and arm not in new.arms:
            return self._tell(person, "allocation", "", moment, was, both(WORDS["unknown"]), [])
        elif _method(old.allocation, self.found.renames) != _method(new.allocation, Renames()):
            why = [f"{_words(old.allocation)} → {_words(new.allocation)}"]
            return self._tell(person, "allocation", "", moment, was, both(WORDS["drawn"]), why)
        return None

    def _of(self, one: Projection) -> list[Projection]:
        """Everyone, under the protocol of this projection."""
        return [who.now if isinstance(one, Transcript) else who.then for who in self.people.values()]

    def _present(self, one: Projection, moment: Times) -> Roll | None:
        """Everyone else who is included; where a table gives the arms, who has one."""
        others = [who for who in self._of(one) if who is not one and not np.isnat(who.cohort.included[0])]
        if isinstance(one.protocol.study.allocation, Table):
            others = [who for who in others if who.cohort.arm_of(0)]
        rolls = [roll(who.cohort, WHO, moment) for who in others]
        return joined(rolls) if rolls else None

    def _left(self, person: Person, entry: Entry) -> None:
        """Who leaves without having been included was judged too."""
        if np.isnat(person.then.cohort.included[0]) and not np.isnat(person.then.cohort.consented[0]):
            self._eligible(person, local.wall(str(entry.happened)))

    def _eligible(self, person: Person, moment: Times) -> None:
        verdicts = [_criteria(may_include(one.cohort, WHO, moment)) for one in (person.then, person.now)]
        self._compared(person, "eligibility", "", moment, verdicts, ("eligible", "not eligible"))

    def _compared(
        self,
        person: Person,
        asked: Asked,
        name: str,
        moment: Times,
        verdicts: Sequence[Verdict],
        said: tuple[str, str],
    ) -> None:
        self.result.judged[asked] += 1
        old, new = (bool(verdict.permitted[0]) if verdict.conditions else True for verdict in verdicts)
        if old != new:
            first, then = (both(WORDS[said[not one]]) for one in (old, new))
            because = [reason.message for reason in verdicts[old].reasons()]
            self._tell(person, asked, name, moment, first, then, because)

    # ---- doses -----------------------------------------------------------------------------------

    def _dose(self, person: Person, entry: Entry) -> None:
        """An injection that was given; or one that was not, which the new protocol may have allowed."""
        contents = {change.item: change.new for change in entry.changes}
        given = plain(contents["given"]) is True if "given" in contents else False
        moment = local.wall(str(entry.happened))
        point = entry.payload["place"]
        verdicts = []
        for one, name in ((person.then, point), (person.now, self.found.renames.point(point))):
            if name not in one.protocol.timepoints or one.protocol.timepoints[name].dose is None:
                return self._tell(
                    person, "dose", point, moment, both(WORDS["allowed"]), both(WORDS["unknown"]), ()
                )
            amount = contents.get("dose") if given else None
            amount = plain(amount) if amount else None
            entered = local.stored(entry.time, person.then.zone)
            place = plain(contents["place"]) if given and contents.get("place") else None
            verdicts.append(may_inject(one.cohort, name, WHO, moment, amount, place, entered))
        return self._compared(person, "dose", point, moment, verdicts, ("allowed", "forbidden"))

    # ---- decisions -------------------------------------------------------------------------------

    def _decide(self, person: Person, entry: Entry) -> None:
        """A decision that was made: the outcome recorded, and the one of the new protocol."""
        self.result.judged["decision"] += 1
        name, moment = entry.payload["decision"], local.wall(str(entry.happened))
        new_name = self.found.renames.path(("decisions", name))[1]
        outcome = entry.payload["outcome"]
        said = quoted(person.then.protocol.decisions[name].outcomes[outcome].text)
        known = person.now.protocol.decisions.get(new_name)
        if known is None:
            return self._tell(person, "decision", name, moment, said, both(WORDS["unknown"]), ())
        now = judge(person.now.cohort, new_name, WHO, moment)
        chosen = list(known.outcomes)[int(now.outcome[0])] if now.ready[0] else None
        path = ("decisions", name, "outcomes", outcome)
        if chosen == self.found.renames.path(path)[3]:
            return None
        if chosen is None:
            waits = [reason.message for reason in now.reasons()]
            return self._tell(person, "decision", name, moment, said, both(WORDS["waits"]), waits)
        then = judge(person.then.cohort, name, WHO, moment)
        new = quoted(known.outcomes[chosen].text)
        return self._tell(person, "decision", name, moment, said, new, list(self._clauses(then, now)))

    def _clauses(self, then: Judgement, now: Judgement) -> Iterator[str]:
        """The first outcome that the two protocols answer otherwise, and what its rule read."""
        old, new = then.view.protocol, now.view.protocol
        names = {
            self.found.renames.path(("decisions", then.decision, "outcomes", name))[3]: name
            for name in then.frames
        }
        for name, frame in now.frames.items():
            rule = new.rules[f"decisions.{now.decision}.{name}"]
            answer = answers(rule, frame)[0]
            was = names.get(name)
            before = was and answers(old.rules[f"decisions.{then.decision}.{was}"], then.frames[was])[0]
            if answer != before:
                title = new.decisions[now.decision].outcomes[name].text()
                yield f"{'' if answer == YES else 'not '}«{title}»: {words.fact(rule, frame, 0)}"
                return

    # ---- stops -----------------------------------------------------------------------------------

    def _stop(self, person: Person, entry: Entry) -> None:
        """A stop that came: whether it would have come."""
        self.result.judged["stop"] += 1
        moment = local.wall(str(entry.happened))
        cohort = person.now.cohort
        if not [*triggered(cohort, WHO, moment), *expired(cohort, WHO, moment)]:
            rule = entry.payload["rule"]
            why = [stop_words(person.then.cohort, rule)]
            self._tell(person, "stop", rule, moment, both(WORDS["stops"]), both(WORDS["goes on"]), why)

    def _triggers(self, person: Person, entry: Entry, following: Entry | None) -> None:
        """A stop that did not come, and would have come with this entry."""
        if person.told or not np.isnat(person.then.cohort.stopped[0]):
            return
        if following is not None and following.act == "stop":
            return
        moment = local.stored(entry.time, person.then.zone)
        form = self.found.renames.path(("forms", entry.payload["form"]))[1]
        for rule, _ in triggered(person.now.cohort, WHO, moment, (form,)):
            person.told = True
            why = [stop_words(person.now.cohort, rule)]
            self._tell(person, "stop", rule, moment, both(WORDS["goes on"]), both(WORDS["stops"]), why)


def _method(allocation: Allocation | None, renames: Renames) -> object:
    """What an allocation comes to, its arms as ``renames`` calls them."""
    if not isinstance(allocation, Blocks):
        return allocation
    ratio = {renames.path(("arms", arm))[1]: part for arm, part in allocation.ratio.items()}
    return (
        ratio,
        set(allocation.blocks),
        [renames.variables(None).get(name, name) for name in allocation.strata],
    )


def _words(allocation: Allocation | None) -> str:
    if not isinstance(allocation, Blocks):
        return "a table" if allocation else "no allocation"
    ratio = ":".join(str(part) for part in allocation.ratio.values())
    sizes, strata = (" or ".join(map(str, allocation.blocks)), ", ".join(allocation.strata))
    return f"ratio {ratio} in blocks of {sizes}" + (f" by {strata}" if strata else "")


def _criteria(verdict: Verdict) -> Verdict:
    return Verdict(tuple(one for one in verdict.conditions if one.id.startswith("eligibility.")))


def _end_form(protocol: Protocol) -> str:
    return protocol.study.recorded_on.end.partition(".")[0]
