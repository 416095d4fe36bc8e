"""What differs between two protocols: every change in words, of which kind it is, and whom it touches.

The comparison is of what the files mean: comments, layout and the order of names change nothing. A name that
changed while all else about it stayed is a rename, and so are its uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from trialrun.protocol.allocation import Step
from trialrun.protocol.change import KINDS, NOBODY, STAGES, Change, Kind
from trialrun.protocol.change_words import both, field, gender, join, label, noun, quoted, say, told_apart
from trialrun.protocol.concern import Reach, called, concern, kind_of, readers, wider
from trialrun.protocol.content import Content, Path, rule_of
from trialrun.protocol.difference_plan import dosed, moved, plan_changes
from trialrun.protocol.difference_rule import clauses
from trialrun.protocol.difference_series import told_once
from trialrun.protocol.element import Part
from trialrun.protocol.form import Form, Item
from trialrun.protocol.pair import Pair, pair
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.text import Limits, Text

WORDING = ("title", "text", "ask", "label", "name", "product", "unit_name")
"""Keys that hold words and nothing else; whoever changes only these changes no act."""

PLANNED = ("at", "forms", "specimens")
"""Keys of an activity of which the acts tell: what is done where."""

_RULED = ("eligibility", "before_course", "before_dose", "stops", "suspensions", "outcomes")


def difference(old: Protocol, new: Protocol, examples: bool = True) -> tuple[Change, ...]:
    """Every change from ``old`` to ``new``, the gravest kind first; none for equal hashes.

    examples: look for values for which changed rules decide differently.
    """
    if old.hash == new.hash:
        return ()
    found = pair(old, new)
    told = told_once([*_elements(found), *_values(found)], lambda change: _member(found, change))
    changes = [*_names(found), *told, *_orders(found), *plan_changes(found)]
    if examples:
        from trialrun.protocol.difference_example import with_examples  # here: polars is heavy

        changes = list(with_examples(found, changes))
    return tuple(sorted(changes, key=lambda change: KINDS.index(change.kind)))


# ---- names ---------------------------------------------------------------------------------------


def _names(found: Pair) -> Iterator[Change]:
    for collection, names in found.renames.names.items():
        for old, new in names.items():
            what = {"noun": noun(collection[-1]), "label": label(new, found.after.elements[*collection, new])}
            path = "/".join((*collection, new))
            yield Change("administrative", "renamed", path, say("renamed", **what, old=old, new=new))


# ---- elements ------------------------------------------------------------------------------------


def _elements(found: Pair) -> Iterator[Change]:
    for path in _top(found.before.elements, found.after.elements):
        yield _element(found, path, found.old, found.before, "gone")
    for path in _top(found.after.elements, found.before.elements):
        yield _element(found, path, found.new, found.after, "new")


def _top(ours: Iterable[Path], theirs: Iterable[Path]) -> list[Path]:
    """Members that only we have, without those inside another such."""
    known = set(theirs)
    lone = [path for path in ours if path not in known]
    return [path for path in lone if not any(path[:i] in lone for i in range(1, len(path)))]


def _element(found: Pair, path: Path, where: Protocol, said: Content, act: str) -> Change:
    element, collection = said.elements[path], path[-2]
    inside = path[: -2 if len(path) > 2 and path[:-2] in said.elements else 0]
    name = label(path[-1], element)
    if isinstance(element, Step):
        kind, what = kind_of((where,), path), _line(path, element)
        reached = concern(where, path)
        act = "line.gone" if act == "gone" else "line.new"
        return Change(kind, "changes", "/".join(path), say(act, line=what, next=element.next), *reached)
    if collection in ("visits", "cycles"):
        name = _timed(where, _of(where, path, found, said))
    if inside:
        name = say("on" if collection == "items" else "of", inner=name, outer=owner(found, inside))
    says = say(f"{act}.{gender(collection)}", noun=noun(collection), label=name)
    reached = concern(where, _of(where, path, found, said))
    if act == "gone" and isinstance(element, Form | Item):
        reached = (STAGES, None)
    kind = kind_of((where,), _of(where, path, found, said))
    notes = tuple(_about(found, path, where, said, act))
    return Change(kind, "vanishes" if act == "gone" else "appears", "/".join(path), says, *reached, notes)


def _of(where: Protocol, path: Path, found: Pair, said: Content) -> Path:
    """A path by the names of the protocol it belongs to."""
    return found.was(path) if where is found.old and said is found.before else path


def _about(found: Pair, path: Path, where: Protocol, said: Content, act: str) -> Iterator[Text]:
    """What else to know of a member that comes or goes: its rule, its acts, what becomes of data."""
    rules = [(at, rule_of(said.values[at])) for at in said.below.get(path, ())]
    for at, tree in rules:
        if tree is not None and len(at) == len(path) + 1:
            yield say("rule", rule=tree)
    real = _of(where, path, found, said)
    point = where.timepoints.get(real[-1]) if path[0] in ("visits", "decisions") and len(path) == 2 else None
    if point and point.forms:
        yield say("there", acts=join(where.forms[form].title for form in point.forms))
    if path[0] in ("activities", "forms", "specimens") and len(path) == 2:
        points = [p.id for p in where.timepoints.values() if real[-1] in {
            name for task in p.tasks for name in (task.activity if path[0] == "activities" else None,
            task.form if path[0] == "forms" else task.specimen)}]  # fmt: skip
        if points:
            yield say("at", points=join(points))
    if act == "gone" and path[0] == "forms":
        yield say("fit.gone")
    if path[0] == "variables" and (reading := readers(where, real[1])):
        yield say("read by", readers=join(reader(where, rule) for rule in reading))


def reader(protocol: Protocol, rule: str) -> Text:
    """The part of the study that a rule belongs to, as people call it."""
    section, name, *rest = rule.split(".")
    if section in ("allocation", "enrolment"):
        return join((field(section), field(name)), " → ")
    if section == "treatment":
        level: Part = getattr(protocol.study.treatment, name)[rest[0]]
        return join((noun(name), label(rest[0], level)), " ")
    member = getattr(protocol.study, section)[name]
    said = join((noun(section), label(name, member)), " ")
    return said if not rest else join((said, label(rest[0], member.outcomes[rest[0]])), " → ")


# ---- values --------------------------------------------------------------------------------------


def owner(found: Pair, path: Path) -> Text:
    """What a path is about, as people call it: ``question «Age» on form «Demography»``."""
    depth = max((i for i in range(1, len(path) + 1) if found.element(path[:i])), default=0)
    if not depth:
        return field(path[-1]) if path else both(("The protocol", "Le protocole"))
    element, collection, name = found.element(path[:depth]), path[depth - 2], path[depth - 1]
    assert element is not None
    if isinstance(element, Step):
        return _line(path, element)
    said = _timed(found.new, path) if collection in ("visits", "cycles") else label(name, element)
    mine = join((noun(collection), said), " ")
    inside = path[: depth - 2]
    if depth > 2 and inside in found.after.elements | found.before.elements:
        return say("on" if collection == "items" else "of", inner=mine, outer=owner(found, inside))
    return mine


def _line(path: Path, step: Step) -> Text:
    """A line of the table of allocation, by its number and by whom it is about."""
    arms = join((", ".join(step.on), ": "), "") if step.on else both(("", ""))
    return say("line", number=int(path[2]) + 1, arms=arms, of=step.of, counted=step.counted)


def _member(found: Pair, change: Change) -> Text:
    """How the visit or course is called that a change is about."""
    path = tuple(change.path.split("/"))
    where = found.old if change.act == "vanishes" else found.new
    return _timed(where, path[:2] if path[0] == "visits" else path[:3])


def _timed(protocol: Protocol, path: Path) -> Text:
    """A visit by its label, a course by its name."""
    point = protocol.timepoints.get(path[1]) if path[0] == "visits" else None
    return called(point) if point else both((path[2],) * 2 if path[0] == "treatment" else (path[1],) * 2)


def _values(found: Pair) -> Iterator[Change]:
    before, after = found.before.meanings, found.after.meanings
    lone = {
        *_top(found.before.elements, found.after.elements),
        *_top(found.after.elements, found.before.elements),
    }
    for path in dict.fromkeys([*before, *after]):
        if before.get(path) == after.get(path) or any(path[:i] in lone for i in range(1, len(path) + 1)):
            continue
        if not (path[0] == "activities" and path[-1] in PLANNED):
            yield _value(found, path)


def _value(found: Pair, path: Path) -> Change:
    old, new = found.before.values.get(path), found.after.values.get(path)
    kind = _kind(found, path, old, new)
    before, after = (
        None if value is None else join((_unit(where, path, rule_of(value) or value),))
        for where, value in ((found.old, old), (found.new, new))
    )
    told = list(clauses(rule_of(old), rule_of(new), _row_names(found, path)))
    notes = [*told, *_notes(found, path, old, new)]
    reached: Reach = (NOBODY, None)
    if kind not in ("administrative", "sources"):
        reached = wider((concern(found.old, found.was(path)), concern(found.new, path)))
    if fits := list(_fit(path, old, new)):
        reached, notes = (STAGES, None), [*notes, *fits]
    says = _sentence(found, path, old, new, bool(told))
    return Change(kind, "changes", "/".join(path), says, *reached, tuple(notes), before, after)


def _row_names(found: Pair, path: Path) -> Mapping[str, str]:
    """What the names of a rule of the old protocol are called now."""
    if path[0] not in ("variables", "forms"):
        return found.renames.variables(None)
    old = found.was(path)
    variable = found.old.variables.get(old[1]) if path[0] == "variables" else None
    form = variable.reads[0] if variable else old[1]
    return found.renames.variables(form)


def _kind(found: Pair, path: Path, old: Any, new: Any) -> Kind:
    if path[-1] in ("from", "reason"):
        return "sources"
    words = path[-1] in WORDING or (len(path) > 5 and path[4] == "codes" and old and new)
    if words and path[0] not in ("objectives", "prohibited"):
        return "administrative"
    return kind_of(found.protocols, path)


def _sentence(found: Pair, path: Path, old: Any, new: Any, told: bool) -> Text:
    """The change in a sentence; where clauses are ``told`` below, the whole rule is not repeated."""
    depth = max((i for i in range(1, len(path)) if found.element(path[:i])), default=0)
    rest = path[depth:] if depth else path[-1:]
    if path[:3] == ("enrolment", "strata", "at_most"):
        return say("cap", what=_stratum(found, path[-1]), old=old, new=new)
    what = owner(found, path[:-1])
    ruled = rule_of(old) is not None and rule_of(new) is not None
    named = join((field(name, ruled) for name in rest), " ")
    if told:
        return say("ruled", what=what, field=named)
    if rest[:-1] and rest[-2] == "codes":
        named, key = field(rest[-2]), "more" if old is None else "less" if new is None else "changed"
        return say(key, what=what, field=named, old=_coded(rest[-1], old), new=_coded(rest[-1], new))
    if isinstance(old, tuple) and isinstance(new, tuple) and set(old) != set(new):
        gone, come = ([one for one in a if one not in b] for a, b in ((old, new), (new, old)))
        if path[-1] != "from" and not (gone and come):
            less, more = join(_titled(found.old, path, gone)), join(_titled(found.new, path, come))
            return say("less" if gone else "more", what=what, field=named, old=less, new=more)
    before, after = _unit(found.old, path, rule_of(old) or old), _unit(found.new, path, rule_of(new) or new)
    if isinstance(old, Text) and isinstance(new, Text):
        before, after = told_apart(old, new)
    return say("changed", what=what, field=named, old=before, new=after)


def _stratum(found: Pair, code: str) -> Text:
    """A kind of participants by the words of the answer that makes them one."""
    for protocol in (found.new, found.old):
        strata = protocol.study.enrolment.strata
        variable = protocol.variables.get(strata.by) if strata else None
        if variable and variable.reads[1] in (items := protocol.forms[variable.reads[0]].items):
            codes = items[variable.reads[1]].codes
            if code in codes:
                return quoted(codes[code])
    return both((code, code))


def _coded(code: str, words: Any) -> Any:
    return None if words is None else join((words, f"({code})"), " ")


def _titled(protocol: Protocol, path: Path, names: Iterable[str]) -> Iterator[Any]:
    """Names as people call them, where they are those of forms."""
    for name in names:
        known = path[-1] in ("needs", "events", "unless") and name in protocol.forms
        yield quoted(protocol.forms[name].title) if known else name


def _unit(protocol: Protocol, path: Path, value: Any) -> Any:
    """An amount of a dose with its unit; a setting by the title of its decision."""
    if path[:2] == ("treatment", "levels") and path[-1] == "dose":
        return dosed(protocol, path[2], value)
    decision = str(value).removeprefix("by ")
    if path[-1] == "setting" and decision != value and decision in protocol.decisions:
        return join((both(("by", "selon")), quoted(protocol.decisions[decision].title)), " ")
    return value


def _notes(found: Pair, path: Path, old: Any, new: Any) -> Iterator[Text]:
    before, after = rule_of(old), rule_of(new)
    if before is not None and after is not None:
        words = (*path[:-1], "text")
        if words in found.after.meanings and found.after.meanings[words] == found.before.meanings.get(words):
            yield say("same words", text=label("", found.after.elements[path[:-1]]))
    collections = {path[-3]} if len(path) > 2 else set()
    if path[-1] == "text" and collections & {*_RULED} and _rules_same(found, path[:-1]):
        yield say("same rule")
    if path[-1] in ("day", "after", "when", "otherwise"):
        yield from moved(found, path)
    if path[:2] in (("treatment", "levels"), ("treatment", "cycles")) and path[-1] in ("dose", "level"):
        yield from _doses(found, path)
    rules = readers(found.new, path[1]) if path[0] == "variables" else ()
    if rules and path[-1] not in ("from", "reason"):
        yield say("read by", readers=join(reader(found.new, rule) for rule in rules))


def _rules_same(found: Pair, path: Path) -> bool:
    ours = {
        at: one for at, one in found.before.under(path).items() if rule_of(found.before.values[path + at])
    }
    theirs = {
        at: one for at, one in found.after.under(path).items() if rule_of(found.after.values[path + at])
    }
    return ours == theirs


def _doses(found: Pair, path: Path) -> Iterator[Text]:
    cycles = [
        name
        for name, cycle in found.new.study.treatment.cycles.items()
        if path[2] in (name if path[1] == "cycles" else cycle.level,)
    ]
    if cycles:
        yield say("doses.of", points=join(cycles))


def _fit(path: Path, old: Any, new: Any) -> Iterator[Text]:
    """Why what was entered under the old protocol may not fit the new one."""
    if path[0] != "forms" or len(path) < 5 or path[2] != "items":
        return
    key = path[4]
    if key == "type":
        yield say("fit.type")
    elif key == "unit" and old is not None:
        yield say("fit.unit", old=old)
    elif key == "limits" and isinstance(new, Limits):
        if old is None or not (old.low in new and old.high in new):
            yield say("fit.limits")
    elif key == "codes" and new is None:
        yield say("fit.code", old=_coded(path[-1], old))
    elif key == "decimals" and new is not None and (old is None or new < old):
        yield say("fit.decimals")
    elif key == "required" and new:
        yield say("fit.required")


def _orders(found: Pair) -> Iterator[Change]:
    """Outcomes are read from top to bottom: their order decides."""
    for name, decision in found.new.decisions.items():
        was = found.old.decisions.get(found.was(("decisions", name))[1])
        if was is None:
            continue
        renamed = found.renames.names.get(("decisions", name, "outcomes"), {})
        before = [renamed.get(one, one) for one in was.outcomes]
        kept = [one for one in decision.outcomes if one in before]
        before = [one for one in before if one in decision.outcomes]
        if before != kept:
            says = say("order", what=owner(found, ("decisions", name)), old=before, new=kept)
            base = Change("safety", "changes", f"decisions/{name}/outcomes", says)
            reached = wider(
                (
                    concern(found.old, found.was(("decisions", name))),
                    concern(found.new, ("decisions", name)),
                )
            )
            yield replace(base, concerns=reached[0], until=reached[1])
