"""The footnotes of the schedule, made from the rules and keys of the study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trialrun.protocol.allocation import SITE, Blocks, Step, Table
from trialrun.protocol.calendar import dose_unit
from trialrun.protocol.change_words import shown
from trialrun.protocol.plan import FIRST_DOSE
from trialrun.protocol.protocol import Dose, Protocol, Timepoint
from trialrun.protocol.rule_prose import asked, course_label, in_words, length, quoted
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
    """Where the doses of a course are given, and which dose in which arm."""
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
    if doses[0].doses:
        arms = (
            f"{protocol.study.arms[arm].title(words.code)}{words('colon')}{_dose(protocol, dose, words)}"
            for arm, dose in doses[0].doses.items()
        )
        yield Note(words("soa.by.arm", arms=words("soa.next").join(arms)))


def _dose(protocol: Protocol, dose: Dose, words: Language) -> str:
    substance = protocol.study.treatment.substances[dose.substance].name(words.code)
    return words(
        "soa.dose",
        amount=words.number(dose.amount),
        unit=dose_unit(protocol, dose, words.code),
        substance=substance,
    )


def _day(point: Timepoint, words: Language) -> str:
    return point.label(words.code).rsplit(" ", 1)[-1]


def _place(place: str, words: Language) -> str:
    return words.setting(place)


def of_column(protocol: Protocol, column: Column, words: Language) -> Iterator[Note]:
    """Who has a visit and what it is counted from; how a decision is taken."""
    for point in column.points[:1]:
        if point.arms and not point.cycle:
            titles = [protocol.study.arms[arm].title(words.code) for arm in point.arms]
            yield Note(words("soa.arms", arms=words.listed(titles)))
        if point.only is not None:
            yield Note(words(f"soa.only.{point.only}"))
        if point.as_needed:
            yield Note(words("soa.as_needed.note", count=len(column.points)))
        if point.otherwise is not None and point.anchor is not None:
            yield _otherwise(protocol, point, point.anchor, point.otherwise, words)
        if point.event is not None:
            yield Note(words("soa.event", what=asked(protocol, point.event, words.code)))
        elif not has_day(point) and not point.as_needed:
            yield Note(words("soa.last.dose"))
        if point.kind == "decision":
            yield _decision(protocol, point, words)


def _otherwise(protocol: Protocol, point: Timepoint, anchor: Anchor, other: Anchor, words: Language) -> Note:
    """From which course a visit is counted, and from which instead; days apart only if they differ."""
    first, second = (_course(protocol, one.after, words) for one in (anchor, other))
    start = 0 if other.after == FIRST_DOSE else protocol.timepoints[f"{other.after}.D1"].offset
    if start + int(other.offset) == point.offset:
        return Note(words("soa.otherwise", course=first, other=second))
    return Note(words("soa.otherwise.days", course=first, other=second, days=f"{other.offset:g}"))


def _course(protocol: Protocol, name: str, words: Language) -> str:
    """``the actual day 1 of course W3``, or ``the first dose``."""
    if name == FIRST_DOSE:
        return words("soa.from.first")
    return words("soa.from.course", label=course_label(protocol.timepoints[f"{name}.D1"], words.code))


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
    if activity.substudy is not None:
        yield _substudy(protocol, activity.substudy, words)
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


def _substudy(protocol: Protocol, name: str, words: Language) -> Note:
    title = quoted(protocol.study.substudies[name].title(words.code), words.code)
    rule = in_words(protocol, protocol.rules[f"substudies.{name}"], words.code)
    return Note(words("soa.substudy", title=title, rule=rule))


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
    yield from _measured(protocol, words)
    yield _missed(protocol, words)
    if study.allocation:
        yield _allocation(protocol, study.allocation, words)
    for name, suspension in study.suspensions.items():
        rule = in_words(protocol, protocol.rules[f"suspensions.{name}"], words.code)
        least = sorted(suspension.at_least.items())
        bounds = ", ".join(words("soa.of", count=count, size=size) for size, count in least)
        text = suspension.text(words.code)
        yield Note(words("soa.suspension", text=text, rule=rule, bounds=bounds))


def _allocation(protocol: Protocol, allocation: Blocks | Table, words: Language) -> Note:
    """How the arm of the next participant is chosen."""
    title = {arm: each.title(words.code) for arm, each in protocol.study.arms.items()}
    if isinstance(allocation, Blocks):
        ratio = ", ".join(f"{title[arm]} {share}" for arm, share in allocation.ratio.items())
        sizes = ", ".join(map(str, allocation.blocks))
        strata = [
            words("soa.site") if one == SITE else asked(protocol, one, words.code)
            for one in allocation.strata
        ]
        within = words("soa.strata", strata=", ".join(strata)) if strata else ""
        return Note(f"{words('soa.blocks', ratio=ratio, sizes=sizes)} {within}".strip())
    rule = in_words(protocol, protocol.rules["allocation.counted"], words.code)
    said = words("soa.table", size=allocation.cohort, start=title[allocation.start], rule=rule)
    return Note(said, tuple(_line(step, title, words) for step in allocation.table))


def _line(step: Step, title: Mapping[str, str], words: Language) -> str:
    """A line of the table of allocation."""
    after = title.get(step.next) or words(f"soa.next.{step.next}")
    arms = words("soa.on", arms=", ".join(title[arm] for arm in step.on)) if step.on else ""
    of, counted = shown(step.of, words.code), shown(step.counted, words.code)
    line = words("soa.line", arms=arms, of=of, counted=counted, next=after)
    return f"{line}{words('soa.excluded') if step.exclude else ''}"


def _measured(protocol: Protocol, words: Language) -> Iterator[Note]:
    """How a dose per kg or m² becomes an amount."""
    given = {
        each for point in protocol.doses for each in (point.dose, *point.doses.values()) if each and each.per
    }
    for dose in sorted(given, key=lambda dose: dose.level):
        said = [
            words(
                "soa.per", dose=_dose(protocol, dose, words), what=asked(protocol, dose.of or "", words.code)
            )
        ]
        unit = protocol.study.treatment.substances[dose.substance].unit_name(words.code)
        if dose.round:
            said.append(words("soa.rounded", amount=words.number(dose.round), unit=unit))
        if dose.at_most:
            said.append(words("soa.at_most", amount=words.number(dose.at_most), unit=unit))
        yield Note(" ".join(said))


def _missed(protocol: Protocol, words: Language) -> Note:
    """How late a dose may be, and how many make a course complete; by course where courses differ."""
    missed = protocol.study.treatment.missed_dose
    said = [words("soa.late", time=length(missed.late, words.code))]
    if missed.apart is not None:
        said.append(words("soa.apart", time=length(missed.apart, words.code)))
    said.append(words("soa.missed"))
    counts: dict[int, list[str]] = {}
    for cycle in protocol.cycles:
        label = course_label(protocol.timepoints[f"{cycle}.D1"], words.code)
        counts.setdefault(protocol.complete_with(cycle), []).append(label)
    for count, labels in counts.items():
        which = "" if len(counts) == 1 else f" ({', '.join(dict.fromkeys(labels))})"
        said.append(words.plural("soa.complete", count, which=which))
    return Note(" ".join(said))


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
