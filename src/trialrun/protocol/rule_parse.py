"""From a rule's text to its syntax: words are checked here, sqlglot says what binds to what.

sqlglot accepts far more than a rule may say (``a b`` is an alias, ``--`` drops the rest of the line,
``==`` and ``||`` are operators). So the words are checked first, then every value and every parenthesis
is handed to its parser as a bare name: what comes back can hold nothing that was not allowed, and each
name leads back to its place in the text. A parenthesis is parsed on its own, which keeps sqlglot's
recursion (some twenty frames for each level) flat.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.parser import Parser
from sqlglot.tokens import Token, Tokenizer, TokenType

from trialrun.protocol.rule import DEEPEST, LARGEST, LONGEST, RESERVED, RuleError, RuleProblem

__all__ = ["Syntax", "Word", "nearest", "syntax"]

_SIGNS = frozenset("= <> != < <= > >= + - * / ( ) ,".split())
_INFIX = frozenset("= <> != < <= > >= + - * / AND OR IN BETWEEN".split())
_VALUES = frozenset(["name", "number", "text", "truth"])
_NAME = re.compile(r"[^\W\d]\w*")
_AGGREGATES = frozenset("COUNT SUM MIN MAX AVG MEAN MEDIAN FIRST LAST ANY ALL EVERY SOME STDDEV".split())
_INSTEAD = {
    "==": "write = once",
    "&&": "write AND",
    "||": "write OR",
    "!": "write NOT",
    "|": "write OR",
    "&": "write AND",
    ".": "write 0.5, with a digit before the point",
    "->": "write the value's own name",
    ";": "a rule is one expression, without an end mark",
    "%": "a percentage is a quantity: '5 %'",
    "^": "write the product out: x * x",
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write <>",
    "=>": "write >=",
    "=<": "write <=",
    "::": "a rule does not convert; quoted text takes the type of what it is compared with",
    "[": "a list is written IN (…)",
    "`": "write the name bare",
    "“": "quote text with plain '…'",
    "”": "quote text with plain '…'",
    "‘": "quote text with plain '…'",
    "’": "quote text with plain '…'",
    "–": "write the minus sign -",
    "−": "write the minus sign -",
    "?": "write the value itself",
    "$": "write the value itself",
    ":": "write the value itself",
    "@": "write the variable's name as it is declared",
}
_WORDS_INSTEAD = {
    "SELECT": "a rule has no queries; declare an aggregate as a variable of the study and name it here",
    "FROM": "a rule has no queries; name the variables themselves",
    "WHERE": "a rule is only the condition: drop WHERE",
    "EXISTS": "a rule has no subqueries; declare a count as a variable of the study and write count > 0",
    "LIKE": "compare with = or IN (…)",
    "ILIKE": "compare with = or IN (…)",
    "ISNULL": "write IS NULL",
    "NOTNULL": "write IS NOT NULL",
    "XOR": "write (a AND NOT b) OR (NOT a AND b)",
    "IF": "write CASE WHEN … THEN … ELSE … END",
    "INTERVAL": "write the length of time as '5 days'",
    "DATE": "write the date alone, as '2008-03-03'",
    "CAST": "a rule does not convert; quoted text takes the type of what it is compared with",
    "CURRENT_DATE": "a rule has no clock; read a variable that holds the date",
    "NOW": "a rule has no clock; read a variable that holds the date",
    "AS": "a rule gives no names; define it in the study under a name",
    "NAN": "a missing number is NULL: write IS NULL",
    "YES": "write TRUE",
    "NO": "write FALSE",
}

_FUNCTIONS_INSTEAD = {
    "COALESCE": "say what unknown means: CASE WHEN x IS NULL THEN … ELSE x END",
    "IFNULL": "say what unknown means: CASE WHEN x IS NULL THEN … ELSE x END",
    "ABS": "write x BETWEEN -1 AND 1",
    "GREATEST": "compare each: x > 1 OR y > 1",
    "LEAST": "compare each: x < 1 OR y < 1",
    "DATEDIFF": "subtract the dates: b - a > '5 days'",
}


@dataclass(frozen=True)
class Word:
    """One word of a rule: ``kind`` is name, number, text or truth for a value, else the sign or keyword."""

    kind: str
    text: str
    offset: int


@dataclass
class Syntax:
    """What sqlglot made of the words. Its columns are named ``v3`` for the value that is word 3,
    ``g3`` for the parenthesis or CASE that opens at word 3 and is found in ``groups``.
    """

    words: list[Word]
    groups: dict[int, exp.Expr] = field(default_factory=dict)
    whole: exp.Expr = field(default_factory=exp.Null)
    notes: list[str] = field(default_factory=list)


def syntax(text: str, known: Collection[str]) -> Syntax:
    """Read the words of a rule and how they bind. Raises `RuleError` with every problem of the words."""
    if len(text) > LONGEST:
        raise RuleError((RuleProblem(LONGEST, f"a rule is at most {LONGEST:,} characters long", _DEFINE),))
    problems: list[RuleProblem] = []
    words = _words(text, frozenset(known), problems)
    outline = _Outline(words, frozenset(known), problems)
    outline.check(len(text))
    if problems:
        raise RuleError(tuple(sorted(set(problems), key=lambda problem: (problem.offset, problem.message))))
    found = Syntax(words)
    found.whole = _Binding(found, outline).bind(0, len(words))
    return found


_DECLARE = "declare it as a variable of the study and name it here"
_DEFINE = "give parts of it names in the study's definitions"


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that was most likely meant, first by letter case, then by likeness."""
    same = [one for one in known if one.lower() == word.lower()]
    near = same or get_close_matches(word, sorted(known), 1, 0.6)
    return f"did you mean {near[0]}?" if near else None


def _words(text: str, known: frozenset[str], problems: list[RuleProblem]) -> list[Word]:
    """The words of the text, as sqlglot's tokenizer cuts them; what is not a word of rules is a problem."""
    try:
        tokens = Tokenizer().tokenize(text)
    except TokenError:
        problems.append(_unclosed(text))
        return []
    words: list[Word] = []
    end = 0
    for token in _joined(tokens, text):
        _between(text, end, token.start, problems)
        end = token.end + 1
        word = Word(_kind(token, text[token.start : end], known), token.text, token.start)
        if word.kind == "?":
            problems.append(_stranger(text[token.start : end], token.start))
        elif word.kind == "name" and word.text not in known:
            called = text[end:].lstrip().startswith("(")
            if not called and not (words and words[-1].kind == "number"):  # those have their own messages
                problems.append(_unknown(word, known))
        words.append(word)
    _between(text, end, len(text), problems)
    return words


def _joined(tokens: list[Token], text: str) -> list[Token]:
    """Tokens, with ``AE.grade`` as one name."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        touches = last is not None and last.end + 1 == token.start
        if last and touches and (token.text == "." or last.text.endswith(".")) and _NAME.match(last.text):
            start, end = last.start, token.end
            joined[-1] = Token(TokenType.VAR, text[start : end + 1], start=start, end=end)
        else:
            joined.append(token)
    return joined


def _kind(token: Token, source: str, known: frozenset[str]) -> str:
    """The kind of a word, ``?`` for what no rule may hold."""
    if token.token_type is TokenType.STRING and source.startswith("'"):
        return "text"
    if token.token_type is TokenType.NUMBER:
        return "number"
    upper = source.upper()
    if upper in RESERVED:
        return "truth" if upper in ("TRUE", "FALSE") else upper
    if source in _SIGNS:
        return source
    named = all(_NAME.fullmatch(part) for part in source.split("."))
    return "name" if named and (source in known or upper not in _WORDS_INSTEAD) else "?"


def _between(text: str, start: int, end: int, problems: list[RuleProblem]) -> None:
    """What the tokenizer skipped must be white space; the rest are comments."""
    skipped = text[start:end]
    if skipped.strip():
        offset = start + len(skipped) - len(skipped.lstrip())
        problems.append(RuleProblem(offset, "a rule has no comments", "say why in the element's own text"))


def _unclosed(text: str) -> RuleProblem:
    """The quote or comment that opens and never closes, found by passing over those that close."""
    closed = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|/\*.*?\*/|--[^\n]*|\{#.*?#\}", re.DOTALL)
    rest = closed.sub(lambda found: "x" * len(found[0]), text)
    opened = re.search(r"['\"]|/\*|\{#", rest)
    return RuleProblem(opened.start() if opened else 0, "a quote is not closed", "close it with '")


def _stranger(source: str, offset: int) -> RuleProblem:
    if source.startswith('"'):
        return RuleProblem(offset, f"{source} is in double quotes", "write a name bare and a text in single quotes '…'")
    hint = _WORDS_INSTEAD.get(source.split()[0].upper()) or _INSTEAD.get(source) or _INSTEAD.get(source[0])
    if re.fullmatch(r"\w'.*'", source, re.DOTALL):
        hint = f"write {source[1:]}"
    what = f"{source} is not a word of the rule language" if source[0].isalpha() else f"{source} is not allowed in a rule"
    return RuleProblem(offset, what, hint)


def _unknown(word: Word, known: frozenset[str]) -> RuleProblem:
    hint = nearest(word.text, known)
    return RuleProblem(word.offset, f"there is no variable or definition {word.text}", hint or "declare it in the study")


@dataclass
class _Open:
    """A parenthesis or CASE that is not closed yet."""

    kind: str  # "(", "IN", "CASE" or "" for the whole rule
    at: int
    betweens: int = 0
    step: str = ""  # CASE: its last keyword


class _Outline:
    """Checks that values and operators alternate and that everything opened is closed; keeps who closes whom."""

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
            self._report(self.words[0].offset, f"a rule has at most {LARGEST:,} values and operators", _DEFINE)
        at = prefixes = 0
        while at < len(self.words):
            prefixes = prefixes + 1 if self.words[at].kind in ("NOT", "-") else 0
            if prefixes + len(self.open) > DEEPEST:
                self._report(self.words[at].offset, f"the rule is more than {DEEPEST} levels deep", _DEFINE)
                return
            at += self._look(at)
        self._end(length)

    def _look(self, at: int) -> int:
        """Take in one word; the number of words that were taken."""
        kind = self.words[at].kind
        if kind == "?":
            self.wants_value = None
            return 1
        if kind in _VALUES:
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
        if name in _AGGREGATES:
            what, hint = "an aggregate, which a rule cannot compute", _DECLARE
        else:
            what, hint = "a function, which a rule cannot call", _FUNCTIONS_INSTEAD.get(name)
        self._report(word.offset, f"{word.text}(…) is {what}", hint)

    def _past(self, at: int) -> int:
        """The place after the parenthesis that opens at ``at``; what is in it belongs to a refused function."""
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
        if before.kind == "number" and word.kind == "name":
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
            self._report(word.offset, f"{word.text} closes no {opener}", f"remove it or open it with {opener}")
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
            self._report(length, f"the rule ends after {last.text}", "a value is missing")
        for opened in self.open[1:]:
            closer = "END" if opened.kind == "CASE" else ")"
            word = self.words[opened.at]
            self._report(word.offset, f"{word.text} is not closed", f"close it with {closer}")
        self._bounds(length)

    def _missing(self, at: int) -> None:
        word = self.words[at]
        before = self.words[at - 1] if at else None
        if before and before.kind + word.kind in (">=", "<=", "=>", "=<", "<>", "=="):
            self._report(before.offset, f"{before.text} {word.text} are two signs", "write one comparison sign")
            return
        place = f"between {before.text} and {word.text}" if before else f"before {word.text}"
        self._report(word.offset, f"a value is missing {place}", None)

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
        """The expression of the words from ``start`` to before ``end``; ``inside`` is the CASE being parsed."""
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
        if word.kind in _VALUES:
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
            raise RuleError((RuleProblem(word.offset, f"the rule cannot be read at {word.text}", hint),)) from None
        if len(parsed) != 1 or parsed[0] is None:
            raise RuleError((RuleProblem(0, "the rule is not one expression", "write one condition"),))
        return parsed[0]

