"""Rules: what is easily misread, what is always or never true, and what can never be known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from trialrun.protocol.form import Form
from trialrun.protocol.knowable import Moment, lacks, readings
from trialrun.protocol.lint.code import Found, finding
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Between, Compare, Constant, Node, Variable, children, text_of
from trialrun.protocol.text import Limits
from trialrun.protocol.unit import linear

SHOWN = 4  # moments that a finding names
NUMBERS = ("max", "min", "first", "last")  # aggregates whose value is one of their item
MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


@finding(
    "misread",
    narrow=True,
    means="A rule is right, and people are likely to read it otherwise.",
    matters="AND binds before OR in the machine, not in everyone's mind: the rule would act on other people.",
    mend="Add parentheses that say what is meant.",
    was="when: severe_events >= 1, unknown: continue",
    now="when: severe_events >= 1 OR severe_events >= 2 AND worst_grade_C1 >= 3, unknown: continue",
)
def misread(protocol: Protocol) -> Iterator[Found]:
    for name, rule in protocol.rules.items():
        for note in rule.notes:
            yield Found(name.replace(".", "/"), f"{note[0].upper()}{note[1:]}.")


def _unknown(protocol: Protocol, code: str) -> Iterator[Found]:
    """Rules that cannot know a variable at some or all of the moments at which they are read."""
    for reading in readings(protocol):
        for name, lack, moments in lacks(protocol, reading):
            if lack.code == code:
                message = f"The rule reads `{name}` {_when(moments)}: {lack.why}."
                yield Found("/".join(map(str, reading.path[:-1])), message)


def _when(moments: tuple[Moment, ...]) -> str:
    named = [one.point for one in moments if one.point]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return f"at {', '.join(named[:SHOWN])}{more}" if named else "at any time"


@finding(
    "read-too-early",
    narrow=True,
    means="A rule reads what is collected only after it is read.",
    matters="The value is never known in time: what waits for it, a criterion or a decision, never opens.",
    mend="Collect it earlier, or read it from an earlier visit.",
    file="variables.yaml",
    was="cramps_at_screening: {item: diary.cramps, at: SCR}",
    now="cramps_at_screening: {item: diary.cramps, at: W2}",
)
def too_early(protocol: Protocol) -> Iterator[Found]:
    return _unknown(protocol, "read-too-early")


@finding(
    "never-entered",
    narrow=True,
    means="A rule reads a value that nobody enters, or not at the visit at which the rule is read.",
    matters="The rule stays unknown: a permission stays shut for everyone, a decision waits for ever.",
    mend="Ask the form at that visit (`activities`), or read the value elsewhere (`at: latest`).",
    was="forms: [review], at: [C*.D1, tolerance,",
    now="forms: [review], at: [C1.D1, tolerance,",
)
def never_entered(protocol: Protocol) -> Iterator[Found]:
    return _unknown(protocol, "never-entered")


@finding(
    "too-old",
    narrow=True,
    means="A rule reads a value that is always older than the study lets it be.",
    matters="The value never counts: what waits for it never opens.",
    mend="Measure it later, or let it be older (`within`).",
    file="variables.yaml",
    was="magnesium: {item: laboratory.magnesium, at: this visit}",
    now="magnesium: {item: laboratory.magnesium, at: SCR, within: 7 days}",
)
def too_old(protocol: Protocol) -> Iterator[Found]:
    return _unknown(protocol, "too-old")


@finding(
    "decision-needs-more",
    means="A decision reads a form of its own day that is not among those it needs.",
    matters="Nobody is told to fill it in time, so the decision waits, or rests on what is old.",
    mend="Add the form to `needs`.",
    was="needs: [review, laboratory]",
    now="needs: [laboratory]",
)
def needs_more(protocol: Protocol) -> Iterator[Found]:
    for name, decision in protocol.decisions.items():
        rules = (protocol.rules.get(f"decisions.{name}.{key}") for key in decision.outcomes)
        reads = {one for rule in rules if rule for one in rule.reads}
        for form in sorted({form for read in reads for form in _read_there(protocol, read, name)}):
            if form not in decision.needs:
                yield Found(f"decisions/{name}", f"{name} reads {form} on its own day, and does not need it.")


def _read_there(protocol: Protocol, name: str, decision: str) -> Iterator[str]:
    """The forms of which a variable reads what was filled at a decision."""
    variable = protocol.variables[name]
    if {"this visit", decision} & set(variable.at):
        yield variable.reads[0]
    proof, _, at = (variable.complete or "").partition("@")
    if at.strip() in ("this visit", decision):
        yield proof.strip().partition(".")[0]


@finding(
    "unproven-list",
    narrow=True,
    means="A permission counts the rows of a form, and nothing says that all rows are there.",
    matters="An empty list is not `none`: the count stays unknown, and the permission never opens.",
    mend="Name the signed statement that the list is whole (`complete: review.reviewed@this visit`).",
    file="variables.yaml",
    was="during: C1, none: 0, complete: review.reviewed@tolerance}",
    now="during: C1, none: 0}",
)
def unproven(protocol: Protocol) -> Iterator[Found]:
    return _unknown(protocol, "unproven-list")


@finding(
    "threshold-outside-limits",
    narrow=True,
    means="A comparison is always true or never true, whatever may be entered.",
    matters="Most often a unit or a decimal point has slipped, and the rule protects nobody or everybody.",
    mend="Correct the threshold, its unit, or the limits of the item.",
    was="temperature >= '38.5 Cel'",
    now="temperature >= '385 Cel'",
)
def thresholds(protocol: Protocol) -> Iterator[Found]:
    for name, rule in protocol.rules.items():
        ranges = _ranges(protocol, name)
        for said, limits, always in _settled(rule.tree, ranges):
            within = (
                f"{limits.low:g} to {limits.high:g}"
                if math.isfinite(limits.high)
                else f"{limits.low:g} or more"
            )
            how = "always" if always else "never"
            message = f"`{said}` is {how} true: what may be entered is {within}."
            yield Found(name.replace(".", "/"), message)


def _ranges(protocol: Protocol, rule: str) -> Mapping[str, Limits]:
    """What each number that a rule reads may be, in its own unit."""
    found = {name: limits for name in protocol.variables if (limits := _range(protocol, name)) is not None}
    kind, name, *_ = rule.split(".")
    own: Form | None = protocol.forms[name] if kind == "forms" else None
    if kind == "variables":
        own = protocol.forms[protocol.variables[name].reads[0]]
    return {**found, **({key: one.limits for key, one in own.items.items() if one.limits} if own else {})}


def _range(protocol: Protocol, name: str) -> Limits | None:
    variable = protocol.variables[name]
    if variable.aggregate == "count":
        return Limits(0, math.inf)
    form, item = variable.reads
    asked = protocol.forms[form].items.get(item)
    if asked is None or asked.limits is None or variable.aggregate not in (None, *NUMBERS):
        return None
    if variable.surface:
        return None
    values = [asked.limits.low, asked.limits.high]
    values += [float(variable.none)] if isinstance(variable.none, int | float) else []
    return Limits(min(values), max(values))


def _settled(node: Node, ranges: Mapping[str, Limits]) -> Iterator[tuple[str, Limits, bool]]:
    """Comparisons whose answer no value changes: their text, the range of the value, and the answer."""
    parts = node.comparisons if isinstance(node, Between) else (node,)
    for part in parts:
        if isinstance(part, Compare) and (known := _against(part, ranges)):
            limits, op, threshold = known
            answer = _always(op, limits, threshold)
            if answer is not None:
                yield text_of(part), limits, answer
    for inner in children(node):
        yield from _settled(inner, ranges)


def _against(part: Compare, ranges: Mapping[str, Limits]) -> tuple[Limits, str, float] | None:
    """(range, comparison, threshold in the unit of the range) of a comparison of one value with a number."""
    left, right, op = part.left, part.right, str(part.op)
    if isinstance(left, Constant):
        left, right, op = right, left, MIRRORED.get(op, op)
    if not isinstance(left, Variable) or not isinstance(right, Constant) or left.name not in ranges:
        return None
    if right.type.kind != "number" or not isinstance(right.value, int | float):
        return None
    scale, shift = linear(right.type.unit or "1", left.type.unit or "1")
    return ranges[left.name], op, float(right.value * float(scale) + float(shift))


def _always(op: str, limits: Limits, threshold: float) -> bool | None:
    """Whether ``value op threshold`` is true of all values in the limits, of none, or of some (None)."""
    low, high = limits.low, limits.high
    true_false = {
        ">=": (low >= threshold, high < threshold),
        ">": (low > threshold, high <= threshold),
        "<=": (high <= threshold, low > threshold),
        "<": (high < threshold, low >= threshold),
        "=": (low == high == threshold, not low <= threshold <= high),
        "<>": (not low <= threshold <= high, low == high == threshold),
    }
    always, never = true_false[op]
    return True if always else False if never else None


CODES = (misread, too_early, never_entered, too_old, needs_more, unproven, thresholds)
