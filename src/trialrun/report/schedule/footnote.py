"""The footnotes of the schedule, made from the rules and keys of the study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trialrun.protocol.plan import LAST_DOSE
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.rule_prose import course_label, in_words, length, quoted
from trialrun.protocol.schedule import Activity, Outcome
from trialrun.protocol.text import Anchor, Text, Volume
from trialrun.report.language import Language
from trialrun.report.schedule.column import Column, has_day


@dataclass(frozen=True)
class Note:
    """What a footnote says, and what it lists."""

    text: str
    items: tuple[str, ...] = ()


@dataclass
class Notes:
    """The footnotes so far; each is lettered when it is first called, so that letters run as one reads."""

    letters: dict[Note, str] = field(default_factory=dict)

    def call(self, notes: Iterator[Note]) -> tuple[str, ...]:
        """The letters of these notes; what is said twice has one letter."""
        return tuple(self.letters.setdefault(note, letter(len(self.letters))) for note in notes)


def letter(number: int) -> str:
    """a … z, then aa, ab …"""
    high, low = divmod(number, 26)
    return (letter(high - 1) if high else "") + chr(ord("a") + low)


# ---- columns -----------------------------------------------------------------------------------------


def of_course(protocol: Protocol, column: Column, words: Language) -> Iterator[Note]:
    """Where the doses of a course are given."""
    doses = [point for point in protocol.doses if point.cycle == column.courses[0]]
    cycle = protocol.study.treatment.cycles[column.courses[0]] if doses else None
    if cycle is None:
        return
    where = _place(cycle.setting, words)
    if cycle.setting_decision:
        decision = protocol.decisions[cycle.setting_decision]
        settings = dict.fromkeys(
            _place(outcome.setting or name, words)
            for name, outcome in decision.outcomes.items()
            if outcome.effect == "continue"
        )
        title = quoted(decision.title(words.code), words.code)
        where = words("soa.by.decision", decision=title, settings=words.listed(list(settings), "or"))
    apart = [
        f"{_day(point, words)}{words('colon')}{_place(point.place, words)}" for point in doses if point.place
    ]
    yield Note(words("soa.given", where=words("soa.next").join([where, *apart])))


def _day(point: Timepoint, words: Language) -> str:
    return point.label(words.code).rsplit(" ", 1)[-1]


def _place(place: str, words: Language) -> str:
    return words.setting(place)


def of_column(protocol: Protocol, column: Column, words: Language) -> Iterator[Note]:
    """Who has a visit and what it is counted from; how a decision is taken."""
    for point in column.points[:1]:
        if point.only is not None:
            yield Note(words(f"soa.only.{point.only}"))
        if point.otherwise is not None and point.anchor is not None:
            yield _otherwise(protocol, point, point.anchor, point.otherwise, words)
        if point.anchor is not None and not has_day(protocol, point):
            counted = "soa.last.dose" if point.anchor.after == LAST_DOSE else "soa.event"
            yield Note(words(counted, what=point.anchor.after.replace("_", " ")))
        if point.kind == "decision":
            yield _decision(protocol, point, words)


def _otherwise(protocol: Protocol, point: Timepoint, anchor: Anchor, other: Anchor, words: Language) -> Note:
    """From which course a visit is counted, and from which instead; days apart only if they differ."""
    first, second = (_course(protocol, one.after, words) for one in (anchor, other))
    start = protocol.timepoints.get(f"{other.after}.D1")
    same = start is not None and start.offset + int(other.offset) == point.offset
    if same:
        return Note(words("soa.otherwise", course=first, other=second))
    return Note(words("soa.otherwise.days", course=first, other=second, days=f"{other.offset:g}"))


def _course(protocol: Protocol, name: str, words: Language) -> str:
    first = protocol.timepoints.get(f"{name}.D1")
    return course_label(first, words.code) if first else name.replace("_", " ")


def _decision(protocol: Protocol, point: Timepoint, words: Language) -> Note:
    decision = protocol.decisions[point.id]
    needs = [protocol.forms[form].title(words.code) for form in decision.needs if form in protocol.forms]
    head = words(
        "soa.decision",
        title=decision.title(words.code),
        by=words.words.get(f"soa.role.{decision.by}", decision.by),
        within=length(decision.within, words.code),
        needs=words.listed([quoted(title, words.code) for title in needs]),
    )
    outcomes = decision.outcomes.items()
    return Note(head, tuple(_outcome(protocol, point.id, name, outcome, words) for name, outcome in outcomes))


def _outcome(protocol: Protocol, decision: str, name: str, outcome: Outcome, words: Language) -> str:
    """``Stop: if … While this is not known, the decision waits.``"""
    rule = protocol.rules.get(f"decisions.{decision}.{name}")
    when = words("soa.if", rule=in_words(protocol, rule, words.code, here=decision)) if rule else None
    said = [words("soa.outcome", text=outcome.text(words.code), when=when or words("soa.else"))]
    if outcome.for_ is not None:
        said.append(words("soa.hold", time=length(outcome.for_, words.code)))
    if outcome.unknown == "wait":
        said.append(words("soa.wait"))
    return " ".join(said)


# ---- rows --------------------------------------------------------------------------------------------


def of_activity(protocol: Protocol, name: str, activity: Activity, words: Language) -> Iterator[Note]:
    """When an activity is done beside what its cells say, for whom, on which forms, with which specimens."""
    rule = protocol.rules.get(f"activities.{name}")
    if rule is not None:
        said = in_words(protocol, rule, words.code)
        yield Note(words(f"soa.only_if.{activity.unknown}", rule=said))
    if activity.ahead is not None:
        yield Note(words("soa.ahead", time=length(activity.ahead, words.code)))
    if activity.before_dose is not None:
        yield Note(words("soa.before_dose", time=length(activity.before_dose, words.code)))
    for specimen in activity.specimens:
        yield _specimen(protocol, specimen, words)
    if len(activity.forms) > 1:
        titles = [protocol.forms[form].title(words.code) for form in activity.forms]
        yield Note(words("soa.forms", forms=words("soa.next").join(titles)))


def _specimen(protocol: Protocol, name: str, words: Language) -> Note:
    specimen = protocol.study.specimens[name]
    handling = f" {specimen.handling(words.code)}." if specimen.handling else ""
    tube = words.words.get(f"soa.tube.{specimen.tube}", specimen.tube)
    said = words(
        "soa.specimen", title=specimen.title(words.code), volume=volume(specimen.volume, words), tube=tube
    )
    return Note(f"{said}{handling}")


def volume(drawn: Volume, words: Language) -> str:
    return f"{words.number(drawn.millilitres)}\N{NO-BREAK SPACE}mL"


def of_doses(protocol: Protocol, words: Language) -> Iterator[Note]:
    """What opens a course, what holds a dose, what ends the treatment, and what becomes of a missed dose."""
    study = protocol.study
    if study.before_course:
        yield _ruled(
            protocol, "before_course", {k: each.text for k, each in study.before_course.items()}, words
        )
    for unknown in ("hold", "continue"):
        held = {k: each.text for k, each in study.before_dose.items() if each.unknown == unknown}
        if held:
            yield _ruled(protocol, "before_dose", held, words, f".{unknown}")
    if study.stops:
        yield _ruled(protocol, "stops", {k: each.text for k, each in study.stops.items()}, words)
    missed = study.treatment.missed_dose
    said = [words("soa.late", time=length(missed.late, words.code))]
    if missed.apart is not None:
        said.append(words("soa.apart", time=length(missed.apart, words.code)))
    yield Note(" ".join([*said, words("soa.missed", count=missed.complete_with)]))


def _ruled(
    protocol: Protocol, section: str, texts: Mapping[str, Text], words: Language, kind: str = ""
) -> Note:
    """A list of rules, each as the study says it and then as it is read."""
    rules = (in_words(protocol, protocol.rules[f"{section}.{name}"], words.code) for name in texts)
    items = (
        words("soa.rule", text=text(words.code), rule=rule)
        for text, rule in zip(texts.values(), rules, strict=True)
    )
    return Note(words(f"soa.{section}{kind}"), tuple(items))


# ---- the rows of the head and of the foot --------------------------------------------------------------


def of_days(words: Language) -> Iterator[Note]:
    yield Note(words("soa.days.note"))


def of_windows(protocol: Protocol, words: Language) -> Iterator[Note]:
    delays = protocol.study.treatment.delays.cumulative
    if any(cycle.window.after for cycle in protocol.study.treatment.cycles.values()):
        yield Note(words("soa.windows.note", time=length(delays, words.code)))


def of_blood(protocol: Protocol, planned: float, words: Language) -> Iterator[Note]:
    """How much is drawn in all from someone who has every visit that is planned, and the limits."""
    said = words("soa.blood.note", total=volume(Volume(planned), words))
    limits = protocol.study.blood_limits
    if limits is not None:
        each: Sequence[Volume] = (limits.visit, limits.month, limits.trial)
        visit, month, trial = (volume(one, words) for one in each)
        said = f"{said} {words('soa.blood.limits', visit=visit, month=month, trial=trial)}"
    yield Note(said)
