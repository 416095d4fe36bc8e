"""Values for which an old and a new rule decide differently: boundary values tried until one is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations, islice, product
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl

from trialrun.protocol.change import Change, Example
from trialrun.protocol.change_words import both, measured, quoted
from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rule import Arithmetic, Constant, Node, Rule, Type, Variable, children
from trialrun.protocol.rule_columns import evaluate
from trialrun.protocol.rulebook import row_types
from trialrun.protocol.text import Text
from trialrun.protocol.unit import UnitError, convert

if TYPE_CHECKING:
    from trialrun.protocol.pair import Pair

MOST = 20_000  # examples tried for one rule
SEED = 20_080_303  # the same examples every time
POOL = 12  # values tried of one variable

Values = dict[str, Any]
Judge = Callable[[pl.DataFrame], list[str]]
"""What is decided in each row of a frame, as the key of WORDS or an outcome."""

WORDS: dict[str, tuple[str, str]] = {
    "met": ("criterion met", "critère satisfait"),
    "shut": ("criterion not met, or not known to be", "critère non satisfait, ou non connu"),
    "begins": ("the course may begin", "la cure peut commencer"),
    "waits": ("the course may not begin", "la cure ne peut pas commencer"),
    "held": ("the dose is held", "la dose est suspendue"),
    "given": ("the dose may be given", "la dose peut être donnée"),
    "stopped": ("treatment stops", "le traitement est arrêté"),
    "goes on": ("treatment goes on", "le traitement continue"),
    "suspends": ("counts for the suspension of inclusions", "compte pour la suspension des inclusions"),
    "does not suspend": ("does not count for it", "ne compte pas"),
    "done": ("it is done", "c'est fait"),
    "skipped": ("it is not done", "ce n'est pas fait"),
    "joined": ("belongs to it", "en fait partie"),
    "not joined": ("does not belong to it", "n'en fait pas partie"),
    "counted": ("the row counts", "la ligne compte"),
    "not counted": ("the row does not count", "la ligne ne compte pas"),
    "unjudged": ("the row cannot be judged", "la ligne ne peut pas être jugée"),
    "asked": ("it is asked", "la question est posée"),
    "not asked": ("it is not asked", "la question n'est pas posée"),
    "pending": ("the decision waits: not known", "la décision attend : inconnu"),
}  # fmt: skip


@dataclass(frozen=True)
class Usual:
    """What a variable may be: lowest, highest, whether a whole number, and an ordinary value."""

    low: float = 0.0
    high: float = float("inf")
    whole: bool = False
    plain: float | None = None


@dataclass(frozen=True)
class Case:
    """A question put to both protocols: the rules that answer it in each, and how their answers are read.

    named: outcome -> its words, by the names of the new protocol; renames: names that the old rules use;
    usual: variable -> what it may be.
    """

    old: tuple[Rule, ...]
    new: tuple[Rule, ...]
    judge: tuple[Judge, Judge]
    named: tuple[Mapping[str, Text], Mapping[str, Text]]
    renames: Mapping[str, str]
    usual: Mapping[str, Usual]


def with_examples(found: Pair, changes: Sequence[Change]) -> Iterator[Change]:
    """The changes, those of rules with an example of what they decide otherwise."""
    asked: set[str] = set()
    for change in changes:
        question = _question(change)
        case = None if question is None or question in asked else _case(found, question)
        if question is None or case is None:
            yield change
            continue
        asked.add(question)
        example, tried = search(case)
        yield replace(change, example=example, tried=tried)


def _question(change: Change) -> str | None:
    """The rule or decision that a change is about: ``eligibility.adult``, ``decisions.tolerance``."""
    section, *rest = change.path.split("/")
    last, whole = rest[-1] if rest else "", change.act in ("appears", "vanishes")
    if change.kind in ("administrative", "sources"):
        return None
    if section == "decisions":
        outcome = rest[1:2] == ["outcomes"]
        decides = whole or len(rest) == 2 or last in ("when", "otherwise")
        return f"decisions.{rest[0]}" if outcome and decides else None
    if section == "forms":
        return f"forms.{rest[0]}.{rest[2]}" if last == "only_if" else None
    ruled = last in ("require", "exclude", "hold", "when", "unknown", "participants", "only_if", "where")
    return f"{section}.{rest[0]}" if ruled and not whole else None


# ---- what is asked of both -------------------------------------------------------------------------


def _case(found: Pair, question: str) -> Case | None:
    """The case of a question; None where one protocol does not know it, or types have become others."""

    section, *names = question.split(".")
    path = ("forms", names[0], "items", names[1]) if section == "forms" else (section, *names)
    before = [name for name in found.was(path) if name != "items"] if section == "forms" else found.was(path)
    old, new = _side(found.old, tuple(before)), _side(found.new, (section, *names))
    if old is None or new is None:
        return None
    form = found.old.variables[before[1]].reads[0] if section == "variables" else before[1]
    renames = found.renames.variables(form if section in ("variables", "forms") else None)
    outcomes = found.renames.names.get(("decisions", names[0], "outcomes"), {})
    named = {outcomes.get(name, name): words for name, words in old[2].items()}
    usual = {**_usual(found.old, question), **_usual(found.new, question)}

    def judge(frame: pl.DataFrame) -> list[str]:
        return [outcomes.get(said, said) for said in old[1](frame)]

    return Case(old[0], new[0], (judge, new[1]), (named, new[2]), renames, usual)


Side = tuple[tuple[Rule, ...], Judge, Mapping[str, Text]]


def _side(protocol: Protocol, path: tuple[str, ...]) -> Side | None:
    section, name = path[0], path[1]
    if section == "decisions":
        return _decision(protocol, name) if name in protocol.decisions else None
    rule = protocol.rules.get(".".join(path))
    if rule is None:
        return None
    yes, no, unknown = _read(protocol, section, name)

    def judge(frame: pl.DataFrame) -> list[str]:
        said = evaluate({"said": rule}, frame)["said"].to_list()
        return [unknown if one is None else yes if one else no for one in said]

    return (rule,), judge, {}


def _read(protocol: Protocol, section: str, name: str) -> tuple[str, str, str]:
    """What yes, no and unknown of a rule come to."""
    study = protocol.study
    match section:
        case "eligibility":
            return ("met", "shut", "shut") if study.eligibility[name].require else ("shut", "met", "shut")
        case "before_course":
            return "begins", "waits", "waits"
        case "before_dose":
            held = study.before_dose[name].unknown == "hold"
            return "held", "given", "held" if held else "given"
        case "stops":
            return "stopped", "goes on", "goes on"
        case "suspensions":
            return "suspends", "does not suspend", "does not suspend"
        case "substudies":
            return "joined", "not joined", "not joined"
        case "activities":
            return "done", "skipped", "done" if study.activities[name].unknown == "do" else "skipped"
        case "forms":
            return "asked", "not asked", "not asked"
    return "counted", "not counted", "unjudged"


def _decision(protocol: Protocol, name: str) -> Side:
    """The outcomes read from top to bottom; one that is not known makes the decision wait."""
    outcomes = protocol.decisions[name].outcomes
    rules = {one: protocol.rules[f"decisions.{name}.{one}"] for one, o in outcomes.items() if o.when}
    last = next((one for one, outcome in outcomes.items() if outcome.otherwise), "pending")

    def judge(frame: pl.DataFrame) -> list[str]:
        said = evaluate(rules, frame).rows()
        found = []
        for row in said:
            first = next(
                ((one, answer) for one, answer in zip(rules, row, strict=True) if answer is not False), None
            )
            found.append(last if first is None else first[0] if first[1] else "pending")
        return found

    return tuple(rules.values()), judge, {one: quoted(outcome.text) for one, outcome in outcomes.items()}


def _usual(protocol: Protocol, question: str) -> dict[str, Usual]:
    """Variable (or item, in a rule over rows) -> what it may be."""
    found: dict[str, Usual] = {}
    for name, variable in protocol.variables.items():
        form, item = variable.reads
        whole = variable.aggregate == "count"
        if not whole and form in protocol.forms and item in protocol.forms[form].items:
            found |= _range(name, protocol.forms[form].items[item])
            none = variable.none
            if name in found and isinstance(none, int | float):  # no row at all is what is ordinary
                found[name] = replace(found[name], low=min(found[name].low, none), plain=float(none))
        elif whole or variable.aggregate in ("span", "since"):
            found[name] = Usual(0, 1000, True, 0)
    section, name, *_ = question.split(".")
    form = (
        protocol.variables[name].reads[0] if section == "variables" and name in protocol.variables else name
    )
    if section in ("variables", "forms") and form in protocol.forms:
        for item, asked in protocol.forms[form].items.items():
            found |= _range(item, asked)
        found |= {"lasting": Usual(0, 1000, True, 0)} if "lasting" in row_types(protocol.forms[form]) else {}
    return found


def _range(name: str, item: Item) -> dict[str, Usual]:
    limits = item.limits or item.usual
    if limits is None:
        return {}
    plain = round((item.usual.low + item.usual.high) / 2) if item.usual else limits.low
    return {name: Usual(limits.low, limits.high, item.type == "integer", plain)}


# ---- searching -------------------------------------------------------------------------------------


def search(case: Case, most: int = MOST) -> tuple[Example | None, int]:
    """An example for which the two decide differently, as plain as can be, and how many were tried."""
    types = _types(case)
    if types is None:
        return None, 0
    pools = {name: _pool(name, kind, case) for name, kind in types.items()}
    tried = _tried(pools, most)
    verdicts = _verdicts(case, types, tried)
    differing = [i for i, (old, new) in enumerate(verdicts) if old != new]
    if not differing:
        return None, len(tried)
    quiet = {name: pool[0] for name, pool in pools.items()}
    best = min(differing, key=lambda i: _strangeness(tried[i], quiet))
    found = _plainer(case, types, tried[best], quiet)
    old, new = _verdicts(case, types, [found])[0]
    values = tuple((name, _reading(found[name], kind)) for name, kind in types.items())
    telling = frozenset(name for name in types if found[name] != quiet[name])
    said = (case.named[0].get(old) or both(WORDS[old]), case.named[1].get(new) or both(WORDS[new]))
    return Example(values, telling, *said), len(tried)


def _types(case: Case) -> dict[str, Type] | None:
    """The variables of both, typed as in the new protocol; None if one has become of another kind."""
    types: dict[str, Type] = {}
    for one in _read_by(case):
        known = types.setdefault(one.name, one.type)
        other = known.measure != one.type.measure
        if known.kind != one.type.kind or (other and _converted(1.0, one.type, known) is None):
            return None
        if known.kind == "choice":
            types[one.name] = replace(known, codes=tuple(dict.fromkeys((*known.codes, *one.type.codes))))
    return types


def _read_by(case: Case) -> Iterator[Variable]:
    """The variables of the new rules, and those of the old ones by their new names."""
    for rule in case.new:
        yield from _variables(rule.tree)
    for rule in case.old:
        yield from (replace(one, name=case.renames.get(one.name, one.name)) for one in _variables(rule.tree))


def _variables(node: Node) -> Iterator[Variable]:
    if isinstance(node, Variable):
        yield node
    for one in children(node):
        yield from _variables(one)


def _constants(node: Node) -> Iterator[Constant]:
    if isinstance(node, Constant):
        yield node
    for one in children(node):
        yield from _constants(one)


def _converted(value: float, source: Type, target: Type) -> float | None:
    try:
        return convert(value, source.measure or "1", target.measure or "1")
    except UnitError:
        return None


def _pool(name: str, kind: Type, case: Case) -> list[Any]:
    """Values worth trying, the least remarkable first, and unknown last."""
    constants = [one for rule in (*case.old, *case.new) for one in _constants(rule.tree)]
    if kind.kind == "boolean":
        return [False, True, None]
    if kind.kind in ("choice", "text"):
        said = {str(one.value) for one in constants if isinstance(one.value, str)}
        named = [code for code in kind.codes if code in said] if kind.codes else sorted(said)
        others = [code for code in kind.codes if code not in said][:1] if kind.codes else ["other"]
        return [*others, *named[:POOL], None]
    if kind.kind == "date":
        dates = [one.value for one in constants if isinstance(one.value, date)] or [date(2008, 3, 3)]
        return [*dict.fromkeys(day + timedelta(days=k) for day in dates for k in (0, -1, 1, 14)), None]
    return [*_numbers(name, kind, case, constants), None]


def _numbers(name: str, kind: Type, case: Case, constants: list[Constant]) -> list[float]:
    """The numbers the rules compare with, in the variable's unit, and their neighbours within its range."""
    usual = case.usual.get(name, Usual())
    direct = [
        value
        for one in constants
        if isinstance(one.value, int | float) and not isinstance(one.value, bool)
        and (value := _converted(float(one.value), one.type, kind)) is not None
    ]  # fmt: skip
    plain = usual.plain if usual.plain is not None else max(usual.low, 0.0)
    mixed = any(isinstance(node, Arithmetic) for rule in (*case.old, *case.new) for node in _nodes(rule.tree))
    beside = plain or 100.0  # what differences and ratios are tried around
    points = [
        *direct,
        *((beside + c for c in direct) if mixed else ()),
        *((beside * c for c in direct) if mixed else ()),
    ]
    step = 1.0 if usual.whole else min((round(abs(v) / 100, 6) or 0.1 for v in points), default=0.1)
    near = [round(v + k * step, 9) for v in points for k in (0, 1, -1)]
    wanted = dict.fromkeys([plain, *([beside] if mixed else ()), *near])
    return [value for value in wanted if usual.low <= value <= usual.high][:POOL] or [usual.low]


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for one in children(node):
        yield from _nodes(one)


def _tried(pools: Mapping[str, list[Any]], most: int) -> list[Values]:
    """Every combination where they are few; else those that differ from the plain one in two, and chance."""
    names = list(pools)
    size = 1
    for pool in pools.values():
        size *= len(pool)
    if size <= most:
        return [dict(zip(names, row, strict=True)) for row in product(*pools.values())]
    quiet = {name: pool[0] for name, pool in pools.items()}
    pairs = (
        {**quiet, one: first, other: second}
        for one, other in combinations(names, 2)
        for first in pools[one]
        for second in pools[other]
    )
    found = list(islice(pairs, most // 2))
    chance = Random(SEED)
    return found + [{n: chance.choice(pool) for n, pool in pools.items()} for _ in range(most - len(found))]


def _verdicts(case: Case, types: Mapping[str, Type], rows: Sequence[Values]) -> list[tuple[str, str]]:
    """What the old and the new protocol decide in each row; an outcome by its name."""
    old, new = case.judge
    before, after = _frame(rows, types, case.old, case.renames), _frame(rows, types, case.new, {})
    return list(zip(old(before), new(after), strict=True))


_COLUMNS: dict[str, Any] = {"boolean": pl.Boolean, "choice": pl.String, "text": pl.String, "date": pl.Date}


def _frame(
    rows: Sequence[Values], types: Mapping[str, Type], rules: Sequence[Rule], renames: Mapping[str, str]
) -> pl.DataFrame:
    """The rows as the rules of one protocol read them: by its own names, in its own units."""
    columns: dict[str, pl.Series] = {"": pl.Series([None] * len(rows))}
    for own in (one for rule in rules for one in _variables(rule.tree)):
        name = renames.get(own.name, own.name)
        values = [row[name] for row in rows]
        if own.type.measure != types[name].measure:
            values = [None if v is None else _converted(v, types[name], own.type) for v in values]
        columns[own.name] = pl.Series(own.name, values, dtype=_COLUMNS.get(own.type.kind, pl.Float64))
    return pl.DataFrame(columns)


def _strangeness(row: Values, quiet: Values) -> tuple[int, int]:
    """How far an example is from the plain one: unknown values first."""
    return sum(value is None for value in row.values()), sum(row[name] != quiet[name] for name in row)


def _plainer(case: Case, types: Mapping[str, Type], row: Values, quiet: Values) -> Values:
    """The example with every value made plain that does not matter."""
    for name in row:
        plain = {**row, name: quiet[name]}
        old, new = _verdicts(case, types, [plain])[0]
        row = plain if old != new else row
    return row


def _reading(value: Any, kind: Type) -> Text:
    return measured(value, "days" if kind.kind == "duration" else kind.unit)
