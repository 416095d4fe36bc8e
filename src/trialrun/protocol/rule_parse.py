"""From a rule's text to its syntax: words are checked here, sqlglot says what binds to what.

sqlglot accepts far more than a rule may say (``a b`` is an alias, ``--`` drops the rest of the line,
``==`` and ``||`` are operators). So the words are checked first, then every value and every parenthesis
is handed to its parser as a bare name: what comes back can hold nothing that was not allowed, and each
name leads back to its place in the text. A parenthesis is parsed on its own, which keeps sqlglot's
recursion (some twenty frames for each level) flat.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError
from sqlglot.parser import Parser
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from trialrun.protocol.rule import DEEPEST, LARGEST, LONGEST, RESERVED, RuleError, RuleProblem
from trialrun.protocol.rule_words import VALUES, Word, words

__all__ = ["DEFINE", "Syntax", "syntax"]

DEFINE = "split it into several rules, or let a variable count"
_DECLARE = "declare it in variables.yaml and write its name here"
_AGGREGATES = frozenset(
    ["COUNT", "SUM", "MIN", "MAX", "AVG", "MEAN", "MEDIAN", "FIRST", "LAST", "ANY", "ALL", "EVERY", "SOME"]
)
_FUNCTIONS_INSTEAD = {
    "COALESCE": "say what unknown means: CASE WHEN x IS NULL THEN … ELSE x END",
    "IFNULL": "say what unknown means: CASE WHEN x IS NULL THEN … ELSE x END",
    "ABS": "write x BETWEEN -1 AND 1",
    "GREATEST": "compare each: x > 1 OR y > 1",
    "LEAST": "compare each: x < 1 OR y < 1",
    "DATEDIFF": "subtract the dates: b - a > '5 days'",
}


@dataclass
class Syntax:
    """What sqlglot made of the words. Its columns are named ``v3`` for the value that is word 3,
    ``g3`` for the parenthesis or CASE that opens at word 3 and is found in ``groups``.
    """

    words: list[Word]
    groups: dict[int, exp.Expr] = field(default_factory=dict)
    whole: exp.Expr = field(default_factory=exp.Null)


def syntax(text: str, known: Collection[str]) -> Syntax:
    """Read the words of a rule and how they bind. Raises `RuleError` with every problem of the words."""
    if len(text) > LONGEST:
        raise RuleError((RuleProblem(LONGEST, f"a rule is at most {LONGEST:,} characters long", DEFINE),))
    problems: list[RuleProblem] = []
    said = words(text, frozenset(known), problems)
    outline = _Outline(said, frozenset(known), problems)
    outline.check(len(text))
    if problems:
        raise RuleError(tuple(sorted(set(problems), key=lambda problem: (problem.offset, problem.message))))
    found = Syntax(said)
    found.whole = _Binding(found, outline).bind(0, len(said))
    return found


@dataclass
class _Open:
    """A parenthesis or CASE that is not closed yet."""

    kind: str  # "(", "IN", "CASE" or "" for the whole rule
    at: int
    betweens: int = 0
    step: str = ""  # CASE: its last keyword


class _Outline:
    """Checks that values and operators alternate and what opens is closed; keeps who closes whom."""

    def __init__(self, words: list[Word], known: frozenset[str], problems: list[RuleProblem]) -> None:
        self.words = words
        self.known = known
        self.problems = problems
        self.closes: dict[int, int] = {}
        self.commas: dict[int, list[int]] = {}
        self.open = [_Open("", 0)]
        self.wants_value: bool | None = True  # None after a word that was already refused: either may follow

    def check(self, length: int) -> None:
        """Look at every word once; ``length`` is where a problem of the end is reported."""
        if not self.words:
            if not self.problems:
                self._report(0, "the rule is empty", "write a condition")
            return
        counted = sum(word.kind not in ("(", ")", ",") for word in self.words)
        if counted > LARGEST:
            self._report(self.words[0].offset, f"a rule has at most {LARGEST:,} values and operators", DEFINE)
        at = prefixes = 0
        while at < len(self.words):
            prefixes = prefixes + 1 if self.words[at].kind in ("NOT", "-") else 0
            if prefixes + len(self.open) > DEEPEST:
                self._report(self.words[at].offset, f"the rule is more than {DEEPEST} levels deep", DEFINE)
                return
            at += self._look(at)
        self._end(length)

    def _look(self, at: int) -> int:
        """Take in one word; the number of words that were taken."""
        kind = self.words[at].kind
        if kind == "?":
            self.wants_value = None
            return 1
        if kind in VALUES:
            return self._value(at)
        if kind == "NULL":
            return self._null(at)
        if kind in ("(", "CASE"):
            return self._opens(at)
        if kind in (")", "END"):
            return self._closes(at)
        if kind in ("WHEN", "THEN", "ELSE"):
            return self._step(at)
        if kind == "NOT" and not self.wants_value and self._kind(at + 1) in ("IN", "BETWEEN"):
            return 1
        if kind == "IS":
            return self._is(at)
        if kind == "NOT" or (kind == "-" and self.wants_value):
            self._expect_value(at)
            self.wants_value = True
            return 1
        return self._infix(at)

    def _value(self, at: int) -> int:
        word = self.words[at]
        self._expect_value(at)
        self.wants_value = False
        if word.kind != "name" or self._kind(at + 1) != "(":
            return 1
        apart = self.words[at + 1].offset > word.offset + len(word.text)
        if word.text in self.known and apart:
            return 1  # two values side by side
        self._function(word)
        return self._past(at + 1) - at

    def _function(self, word: Word) -> None:
        name = word.text.upper()
        what = "an aggregate" if name in _AGGREGATES else "a function"
        hint = _DECLARE if name in _AGGREGATES else _FUNCTIONS_INSTEAD.get(name)
        self._report(word.offset, f"{word.text}(…) is {what}, which a rule cannot compute", hint)

    def _past(self, at: int) -> int:
        """The place after the parenthesis that opens at ``at``, the arguments of a refused function."""
        level = 0
        for place in range(at, len(self.words)):
            level += {"(": 1, ")": -1}.get(self._kind(place), 0)
            if level == 0:
                return place + 1
        return len(self.words)

    def _expect_value(self, at: int) -> None:
        if self.wants_value is not False:
            return
        before, word = self.words[at - 1], self.words[at]
        if before.kind == "number" and word.kind == "name" and word.text not in self.known:
            quoted = f"'{before.text} {word.text}'"
            self._report(word.offset, f"a quantity is written in quotes: {quoted}", f"write {quoted}")
        elif {before.kind, word.kind} == {"text"}:
            self._report(word.offset, "two texts stand side by side", "put AND, OR or a comma between them")
        else:
            said = f"{before.text} {word.text}"
            self._report(word.offset, f"'{said}': two values stand side by side", "was AND or OR forgotten?")

    def _null(self, at: int) -> int:
        before, offset = self._kind(at - 1), self.words[at].offset
        if before in ("=", "<>", "!="):
            instead = "IS NULL" if before == "=" else "IS NOT NULL"
            self._report(offset, f"nothing is ever {before} NULL", f"say {instead}")
        else:
            self._report(offset, "NULL is not a value", "NULL stands only in IS NULL and IS NOT NULL")
        self.wants_value = False
        return 1

    def _is(self, at: int) -> int:
        if self.wants_value:
            self._missing(at)
        no = self._kind(at + 1) == "NOT"
        end = at + 2 if no else at + 1
        self.wants_value = False
        if self._kind(end) == "NULL":
            return end + 1 - at
        said = self.words[end] if end < len(self.words) else None
        if said and said.kind == "truth":
            plain = (said.text.upper() == "TRUE") != no
            hint = "write the condition itself" if plain else "write NOT and the condition"
        else:
            hint = "write IS NULL, IS NOT NULL, or compare with ="
        self._report(self.words[at].offset, "IS is followed only by NULL or NOT NULL", hint)
        return end + 1 - at

    def _opens(self, at: int) -> int:
        word = self.words[at]
        before = self._kind(at - 1)
        self._expect_value(at)
        self.wants_value = True
        self.open.append(_Open("IN" if before == "IN" else word.kind, at))
        if word.kind == "CASE":
            self.open[-1].step = "CASE"
            if self._kind(at + 1) not in ("WHEN", ""):
                self._report(word.offset, "CASE is followed by WHEN", "write CASE WHEN x = 1 THEN …")
        return 1

    def _closes(self, at: int) -> int:
        word = self.words[at]
        opened = self.open[-1]
        if self.wants_value:
            self._missing(at)
        self.wants_value = False
        if (opened.kind == "CASE") != (word.kind == "END") or not opened.kind:
            opener = "(" if word.kind == ")" else "CASE"
            self._report(
                word.offset, f"{word.text} closes no {opener}", f"remove it or open it with {opener}"
            )
            return 1
        if word.kind == "END" and opened.step != "ELSE":
            self._report(word.offset, "CASE says nothing for all other cases", "write ELSE … before END")
        self._bounds(word.offset)
        self.open.pop()
        self.closes[opened.at] = at
        return 1

    def _step(self, at: int) -> int:
        word, opened = self.words[at], self.open[-1]
        allowed = {"WHEN": ("CASE", "THEN"), "THEN": ("WHEN",), "ELSE": ("THEN",)}[word.kind]
        if opened.kind != "CASE" or opened.step not in allowed:
            self._report(word.offset, f"{word.kind} is out of place", "write CASE WHEN … THEN … ELSE … END")
        elif self.wants_value and not (word.kind == "WHEN" and self._kind(at - 1) == "CASE"):
            self._missing(at)
        self._bounds(word.offset)
        opened.step = word.kind
        self.wants_value = True
        return 1

    def _infix(self, at: int) -> int:
        word, opened = self.words[at], self.open[-1]
        if self.wants_value:
            self._missing(at)
        self.wants_value = True
        if word.kind == ",":
            if opened.kind != "IN":
                self._report(word.offset, "a comma stands only in a list", "write x IN (a, b)")
            self.commas.setdefault(opened.at, []).append(at)
        elif word.kind == "IN" and self._kind(at + 1) != "(":
            self._report(word.offset, "IN is followed by a list in parentheses", "write x IN (a, b)")
        elif word.kind == "BETWEEN":
            opened.betweens += 1
        elif word.kind == "AND" and opened.betweens:
            opened.betweens -= 1
        return 1

    def _bounds(self, offset: int) -> None:
        if self.open[-1].betweens:
            self._report(offset, "BETWEEN lacks its second bound", "write x BETWEEN low AND high")
            self.open[-1].betweens = 0

    def _end(self, length: int) -> None:
        last = self.words[-1]
        if self.wants_value and self.words[-1].kind != "?":
            self._report(
                length, f"the rule ends after {last.text}", "write what comes after it, or remove it"
            )
        for opened in self.open[1:]:
            closer = "END" if opened.kind == "CASE" else ")"
            word = self.words[opened.at]
            self._report(word.offset, f"{word.text} is not closed", f"close it with {closer}")
        self._bounds(length)

    def _missing(self, at: int) -> None:
        word = self.words[at]
        before = self.words[at - 1] if at else None
        if before and before.kind + word.kind in (">=", "<=", "=>", "=<", "<>", "=="):
            self._report(
                before.offset, f"{before.text} {word.text} are two signs", "write one comparison sign"
            )
            return
        place = f"between {before.text} and {word.text}" if before else f"before {word.text}"
        self._report(word.offset, f"a value is missing {place}", "write it, or remove what has none")

    def _kind(self, at: int) -> str:
        return self.words[at].kind if 0 <= at < len(self.words) else ""

    def _report(self, offset: int, message: str, hint: str | None) -> None:
        self.problems.append(RuleProblem(offset, message, hint))


_TOKENS = {
    "=": TokenType.EQ, "<>": TokenType.NEQ, "!=": TokenType.NEQ, "<": TokenType.LT, "<=": TokenType.LTE,
    ">": TokenType.GT, ">=": TokenType.GTE, "+": TokenType.PLUS, "-": TokenType.DASH, "*": TokenType.STAR,
    "/": TokenType.SLASH,
    **{word: TokenType[word] for word in RESERVED},
}  # fmt: skip


class _Binding:
    """Hands sqlglot the words between two places, values and parentheses as bare names."""

    def __init__(self, found: Syntax, outline: _Outline) -> None:
        self.found = found
        self.outline = outline

    def bind(self, start: int, end: int, inside: int = -1) -> exp.Expr:
        """The expression of the words from ``start`` to before ``end``; ``inside`` is the CASE they are."""
        tokens: list[Token] = []
        at = start
        while at < end:
            kind = self.found.words[at].kind
            if kind == "(" and at > start and self.found.words[at - 1].kind == "IN":
                tokens.extend(self._list(at))
                at = self.outline.closes[at]
            elif kind == "(" or (kind == "CASE" and at != inside):
                tokens.append(self._group(at))
                at = self.outline.closes[at]
            else:
                tokens.append(self._token(at))
            at += 1
        return self._parsed(tokens)

    def _token(self, at: int) -> Token:
        word = self.found.words[at]
        if word.kind in VALUES:
            return Token(TokenType.VAR, f"v{at}", col=at)
        return Token(_TOKENS[word.kind], word.kind, col=at)

    def _group(self, at: int) -> Token:
        close = self.outline.closes[at]
        case = self.found.words[at].kind == "CASE"
        self.found.groups[at] = self.bind(at, close + 1, at) if case else self.bind(at + 1, close)
        return Token(TokenType.VAR, f"g{at}", col=at)

    def _list(self, at: int) -> list[Token]:
        """The tokens of an IN list, each element a group of its own."""
        ends = [*self.outline.commas.get(at, []), self.outline.closes[at]]
        tokens = [Token(TokenType.L_PAREN, "(", col=at)]
        start = at + 1
        for end in ends:
            self.found.groups[-start] = self.bind(start, end)
            tokens += [Token(TokenType.VAR, f"e{start}", col=start), Token(TokenType.COMMA, ",", col=end)]
            start = end + 1
        tokens[-1] = Token(TokenType.R_PAREN, ")", col=ends[-1])
        return tokens

    def _parsed(self, tokens: list[Token]) -> exp.Expr:
        try:
            parsed = Parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, "")
        except ParseError as error:
            at = int(error.errors[0].get("col") or 0) if error.errors else 0
            word = self.found.words[min(at, len(self.found.words) - 1)]
            hint = "add parentheses around what belongs together"
            raise RuleError(
                (RuleProblem(word.offset, f"the rule cannot be read at {word.text}", hint),)
            ) from None
        if len(parsed) != 1 or parsed[0] is None:
            raise RuleError((RuleProblem(0, "the rule is not one expression", "write one condition"),))
        return parsed[0]
