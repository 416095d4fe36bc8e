"""A rule in words, as a protocol's text says it: questions for variables, units as people write them.

In English and French; a study in another language is given the English words around its own. A clause
that is word for word the rule of a stop is said as the study says that stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol, Timepoint
from trialrun.protocol.rule import (
    And,
    Arithmetic,
    Between,
    Case,
    Compare,
    Constant,
    In,
    IsNull,
    Named,
    Negative,
    Node,
    Not,
    Or,
    Rule,
    Variable,
    text_of,
)
from trialrun.protocol.text import Span, Text
from trialrun.protocol.unit import UnitError, quantity
from trialrun.protocol.variable import Variable as Declared

__all__ = ["asked", "course_label", "in_words", "length", "number", "quoted", "unit"]

NBSP = "\N{NO-BREAK SPACE}"
ROWS = ("happened", "lasting")  # what every row of a form has, beside its items

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "and": " and ", "or": " or ", "not": "not ({})", "quote": "“{}”",
        "is": "{} is {}", "is not": "{} is not {}",
        "yes": "{}: yes", "no": "{}: no", "among": "{} is one of {}", "not among": "{} is none of {}",
        "between": "{} from {} to {}", "null": "{} is not known", "known": "{} is known",
        "case": "{}; else {}", "when": "if {}, {}", "true": "yes", "false": "no", "else": ", else ",
        "course day 1": "day 1 of the course", "latest": "latest value", "within": "at most {} old",
        "some": "at least one “{form}” entry{rest}", "none": "no “{form}” entry{rest}",
        "several": "at least {item} “{form}” entries{rest}", "count": "number of “{form}” entries{rest}",
        "max": "highest {item} of the “{form}” entries{rest}",
        "min": "lowest {item} of the “{form}” entries{rest}",
        "sum": "sum of {item} over the “{form}” entries{rest}",
        "first": "{item} of the first “{form}” entry{rest}",
        "last": "{item} of the last “{form}” entry{rest}",
        "span": "time between the first and the last “{form}” entry, by {item}{rest}",
        "since": "time since the last “{form}” entry, by {item}{rest}", "with": " (with {})",
        "this course": " in this course", "latest course": " in the latest course",
        "courses": " during courses",
        "since first dose": " since the first dose", "course": " in course {}",
        "happened": "date", "lasting": "duration", "surface": "body surface",
    },
    "fr": {
        "and": " et ", "or": " ou ", "not": "non ({})", "quote": "« {} »", "is": "{} : {}",
        "is not": "{} autre que {}", "yes": "{} : oui", "no": "{} : non", "among": "{} parmi {}",
        "not among": "{} hors de {}", "between": "{} de {} à {}", "null": "{} : non connu",
        "known": "{} : connu", "case": "{} ; sinon {}", "when": "si {}, {}", "true": "oui", "false": "non",
        "else": ", sinon ", "course day 1": "jour 1 de la cure", "latest": "dernière valeur",
        "within": "de {} au plus", "some": "au moins une saisie « {form} »{rest}",
        "none": "aucune saisie « {form} »{rest}", "several": "au moins {item} saisies « {form} »{rest}",
        "count": "nombre de saisies « {form} »{rest}",
        "max": "valeur la plus haute de {item} dans les saisies « {form} »{rest}",
        "min": "valeur la plus basse de {item} dans les saisies « {form} »{rest}",
        "sum": "somme de {item} sur les saisies « {form} »{rest}",
        "first": "{item} de la première saisie « {form} »{rest}",
        "last": "{item} de la dernière saisie « {form} »{rest}",
        "span": "délai entre la première et la dernière saisie « {form} », selon {item}{rest}",
        "since": "délai depuis la dernière saisie « {form} », selon {item}{rest}", "with": " (avec {})",
        "this course": " dans cette cure", "latest course": " dans la dernière cure",
        "courses": " pendant les cures", "since first dose": " depuis la première dose",
        "course": " dans la cure {}",
        "happened": "date", "lasting": "durée", "surface": "surface corporelle",
    },
}  # fmt: skip
"""``{form}`` is the title of a form, ``{rest}`` the period and what its entries say."""

TIMES = {
    "en": {"a": "years", "mo": "months", "d": "days", "h": "hours", "wk": "weeks", "min": "minutes"},
    "fr": {
        "a": "ans", "mo": "mois", "d": "jours", "h": "heures", "wk": "semaines", "min": "minutes",
        "year": "an", "years": "ans", "month": "mois", "months": "mois", "day": "jour", "days": "jours",
        "hour": "heure", "hours": "heures", "week": "semaine", "weeks": "semaines",
    },
}  # fmt: skip
SPELT = (("mm[Hg]", "mmHg"), ("Cel", "°C"), ("umol", "µmol"), ("ug", "µg"), ("{1.73_m2}", "1.73 m²"))
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SIGNS = {"=": "=", "<>": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
OPERATIONS = {"+": "+", "-": "−", "*": "×", "/": "/"}


def in_words(
    protocol: Protocol, rule: Rule, language: str = "en", form: str | None = None, here: str | None = None
) -> str:
    """A rule in words: ``temperature ≥ 38.5 °C or “New sign”: yes``.

    ``form`` names the form whose rows the rule is about, if it is about rows; ``here`` the timepoint at
    which it is read, which is then not said again.
    """
    stops = protocol.study.stops
    ruled = {text_of(protocol.rules[f"stops.{name}"].tree): stop.text for name, stop in stops.items()}
    ruled.pop(text_of(rule.tree), None)
    return _Prose(protocol, language, form, here, ruled).said(rule.tree)


def asked(protocol: Protocol, variable: str, language: str) -> str:
    """What a variable is, in words: the question it reads, and when."""
    return _Prose(protocol, language, None, None, {}).value(Variable(variable, protocol.types[variable]))


def number(text: str, language: str) -> str:
    """A number as a language writes it."""
    return text.replace(".", ",") if language == "fr" else text


def unit(code: str, language: str) -> str:
    """A UCUM unit as people write it: ``× 10⁹/L``, ``mmHg``, ``jours``."""
    if code in TIMES.get(language, TIMES["en"]):
        return TIMES.get(language, TIMES["en"])[code]
    for ucum, word in SPELT:
        code = code.replace(ucum, word)
    code = re.sub(r"\[iU\]|IU", "UI" if language == "fr" else "IU", code)
    code = re.sub(r"\{([^}]*)\}", lambda found: found[1].replace("_", " "), code)
    code = re.sub(r"log10(?=\w)", "log10 ", code)
    code = re.sub(r"^10\*(-?\d+)\.?", lambda found: f"× 10{found[1].translate(RAISED)} ", code)
    return number(code.replace(" /", "/").strip(), language)


def length(span: Span, language: str) -> str:
    """A length of time in words, up to three days in hours: ``72 hours``, ``7 jours``."""
    text = f"{round(span.hours, 3):g} hours" if span.days <= 3 and not span.months else str(span)
    amount, word = text.split(" ")
    return f"{number(amount, language)}{NBSP}{unit(word, language)}"


def course_label(point: Timepoint, language: str) -> str:
    """What a course is called: the label of a day of it, without the day."""
    return point.label(language).rsplit(" ", 1)[0]


def quoted(words: str, language: str) -> str:
    return _bound(_word("quote", language).format(words), language)


def _word(key: str, language: str) -> str:
    return WORDS.get(language, WORDS["en"])[key]


def _bound(text: str, language: str) -> str:
    """French sets a space inside its quotes and before a colon, and no line may end there."""
    if language != "fr":
        return text
    return text.replace("« ", f"«{NBSP}").replace(" »", f"{NBSP}»").replace(" :", f"{NBSP}:")


def _small(words: str) -> str:
    """Words within a sentence: a capital falls, unless it begins an abbreviation (``ALT``, ``eGFR``)."""
    head = words.split(maxsplit=1)[0]
    return words[0].lower() + words[1:] if head[1:].islower() else words


@dataclass(frozen=True)
class _Prose:
    protocol: Protocol
    language: str
    form: str | None
    here: str | None
    ruled: Mapping[str, Text]

    def word(self, key: str) -> str:
        return _word(key, self.language)

    def fill(self, key: str, *parts: str, **named: str) -> str:
        return _bound(self.word(key).format(*parts, **named), self.language)

    # Conditions

    def said(self, node: Node) -> str:
        """A condition, true as said."""
        ruled = self.ruled.get(text_of(node))
        if ruled is not None:
            return _small(ruled(self.language))
        match node:
            case And(parts) | Or(parts):
                between = self.word("and" if isinstance(node, And) else "or")
                return between.join(self._part(part, And if isinstance(node, Or) else Or) for part in parts)
            case Not(part):
                return self._denied(part)
            case Named(_, tree):
                return self.said(tree)
            case Compare(op, left, right):
                return self._compared(op, left, right)
            case In(value, options):
                return self._among("among", value, options)
            case Between(value, low, high):
                return self._between(value, low, high)
            case IsNull(value):
                return self.fill("null", self.value(value))
            case Variable():
                return self.fill("yes", self.value(node))
            case _:
                return self.value(node)

    def _part(self, part: Node, other: type[And] | type[Or]) -> str:
        """A part of an AND or OR; one of the other kind stands in parentheses."""
        said = self.said(part)
        inner = part.tree if isinstance(part, Named) else part
        return f"({said})" if isinstance(inner, other) and text_of(part) not in self.ruled else said

    def _denied(self, part: Node) -> str:
        """What NOT says, without a "not" where there is a plain way."""
        match part:
            case Variable():
                return self.fill("no", self.value(part))
            case Compare(op, left, right):
                return self._compared(OPPOSITE[op], left, right)
            case In(value, options):
                return self._among("not among", value, options)
            case IsNull(value):
                return self.fill("known", self.value(value))
            case Not(inner):
                return self.said(inner)
            case _:
                return self.fill("not", self.said(part))

    def _compared(self, op: str, left: Node, right: Node) -> str:
        if isinstance(left, Constant) and not isinstance(right, Constant):
            left, right, op = right, left, MIRRORED.get(op, op)
        if isinstance(left, Variable) and isinstance(right, Constant):
            counted = self._counted(op, left, right)
            if counted:
                return counted
        if left.type.kind in ("choice", "text", "boolean") and op in ("=", "<>"):
            return self.fill("is" if op == "=" else "is not", self.value(left), self.value(right, left))
        return f"{self.value(left)} {SIGNS[op]}{NBSP}{self.value(right, left)}"

    def _among(self, key: str, value: Node, options: Iterable[Node]) -> str:
        return self.fill(key, self.value(value), ", ".join(self.value(one, value) for one in options))

    def _between(self, value: Node, low: Node, high: Node) -> str:
        """``age from 18 to 75 years``: a unit that both limits have is said once."""
        least, most = self.value(low, value), self.value(high, value)
        (bare, _, one), (_, _, other) = least.partition(NBSP), most.partition(NBSP)
        return self.fill("between", self.value(value), bare if one == other else least, most)

    # Values

    def value(self, node: Node, beside: Node | None = None) -> str:
        """What is compared; ``beside`` is what a constant is compared with."""
        match node:
            case Variable(name):
                return self._variable(name)
            case Constant():
                return self._constant(node, beside)
            case Arithmetic(op, left, right):
                return f"{self._operand(left, op)} {OPERATIONS[op]}{NBSP}{self._operand(right, op)}"
            case Negative(value):
                return f"−{self._operand(value, '*')}"
            case Named(_, tree):
                return self.value(tree, beside)
            case Case(branches, otherwise):
                whens = [self.fill("when", self.said(when), self.value(then)) for when, then in branches]
                return self.fill("case", "; ".join(whens), self.value(otherwise))
            case _:
                return f"({self.said(node)})"

    def _operand(self, node: Node, op: str) -> str:
        said = self.value(node)
        return f"({said})" if op in "*/-" and isinstance(node, Arithmetic) else said

    def _constant(self, node: Constant, beside: Node | None) -> str:
        if isinstance(node.value, bool):
            return self.word("true" if node.value else "false")
        text = node.text.strip("'").replace("''", "'")
        if node.type.kind in ("choice", "text"):
            item = self._item(beside.name)[2] if isinstance(beside, Variable) else None
            known = item.codes.get(text) if item else None
            return quoted(known(self.language) if known else text, self.language)
        try:
            code = quantity(text)[1] if node.text.startswith("'") and node.type.kind != "date" else ""
        except UnitError:
            code = ""
        amount = text.removesuffix(code).strip() if code else text
        return f"{number(amount, self.language)}{NBSP}{unit(code, self.language)}".strip(NBSP)

    def _item(self, name: str) -> tuple[str, str, Item | None]:
        """(form, name, item) that a variable reads; of the rows' own form first, not named."""
        rows = self.protocol.forms.get(self.form or "")
        if rows is not None and (name in rows.items or name in ROWS):
            return "", name, rows.items.get(name)
        declared = self.protocol.variables.get(name)
        form, item = declared.reads if declared else ("", name)
        known = self.protocol.forms.get(form)
        return form, item, known.items.get(item) if known else None

    def _variable(self, name: str) -> str:
        form, key, item = self._item(name)
        declared = self.protocol.variables.get(name)
        if not form or declared is None:
            return self._asked(key, item)
        if declared.aggregate:
            return self._aggregate(declared.aggregate, declared, name)
        qualities = [*self._form(form, item), *self._when(declared)]
        said = self._asked(key, item)
        if declared.surface:
            said, qualities = self.word("surface"), [str(declared.formula), *self._when(declared)]
        return f"{said} ({', '.join(qualities)})" if qualities else said

    def _asked(self, name: str, item: Item | None) -> str:
        """The question; a long one, or one answered by yes or no, between quotes."""
        if item is None:
            return self.word(name) if name in ROWS else name.replace("_", " ")
        asked = item.ask(self.language)
        plain = item.type != "boolean" and len(asked.split()) <= 6 and not re.search(r"[,;:(«“]", asked)
        return _small(asked) if plain else quoted(asked, self.language)

    def _form(self, form: str, item: Item | None) -> Iterator[str]:
        """The form, where another one asks in the same words (``Result``)."""
        asked = item.ask(self.language) if item else None
        others = (other for name, other in self.protocol.forms.items() if name != form)
        if any(one.ask(self.language) == asked for other in others for one in other.items.values()):
            yield self.protocol.forms[form].title(self.language)

    def _when(self, declared: Declared) -> Iterator[str]:
        moments = [self._moment(at) for at in declared.at if at not in ("this visit", self.here)]
        if moments:
            yield self.word("else").join(moments)
        if declared.within is not None:
            yield self.fill("within", length(declared.within, self.language))

    def _moment(self, at: str) -> str:
        point = self.protocol.timepoints.get(at)
        if point is not None:
            return point.label(self.language)
        return self.word(at) if at in ("course day 1", "latest") else at

    # Rows of a form

    def _entries(self, key: str, declared: Declared, name: str, item: str = "") -> str:
        form = declared.reads[0]
        title = self.protocol.forms[form].title(self.language) if form in self.protocol.forms else form
        return self.fill(
            key, form=title, rest=f"{self._during(declared)}{self._where(form, name)}", item=item
        )

    def _during(self, declared: Declared) -> str:
        period = declared.during
        if period is None or period == "study":
            return ""
        if period in ("this course", "latest course", "courses", "since first dose"):
            return self.word(period)
        first = self.protocol.timepoints.get(f"{period}.D1")
        return self.fill("course", course_label(first, self.language) if first else period)

    def _where(self, form: str, name: str) -> str:
        rule = self.protocol.rules.get(f"variables.{name}")
        if rule is None:
            return ""
        return self.fill("with", _Prose(self.protocol, self.language, form, self.here, {}).said(rule.tree))

    def _aggregate(self, kind: str, declared: Declared, name: str) -> str:
        _, key, item = self._item(name)
        return self._entries(kind, declared, name, self._asked(key, item))

    def _counted(self, op: str, left: Variable, right: Constant) -> str | None:
        """``at least one … entry`` and ``no … entry``, where a count is compared with a number."""
        declared = self.protocol.variables.get(left.name)
        if declared is None or declared.aggregate != "count" or not isinstance(right.value, float):
            return None
        least = right.value + 1 if op == ">" else right.value
        if op in (">", ">=") and least.is_integer() and least > 0:
            if least == 1:
                return self._entries("some", declared, left.name)
            return self._entries("several", declared, left.name, f"{least:g}")
        if (op in ("=", "<=") and right.value == 0) or (op == "<" and right.value == 1):
            return self._entries("none", declared, left.name)
        return None
