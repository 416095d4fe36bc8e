"""The words of a rule: sqlglot cuts the text, and what is not a word of rules is a problem with its cure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from sqlglot.errors import TokenError
from sqlglot.tokens import Token, Tokenizer, TokenType  # type: ignore[attr-defined]

from trialrun.protocol.rule import NOT_DECLARED, RESERVED, RuleProblem

__all__ = ["VALUES", "Word", "nearest", "words"]

_SIGNS = frozenset(["=", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "(", ")", ","])
VALUES = frozenset(["name", "number", "text", "truth"])
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|/\*.*?\*/|--[^\n]*|\{#.*?#\}|(?P<open>['\"]|/\*|\{#)", re.DOTALL
)
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
    "SELECT": "a rule has no queries; declare a count in variables.yaml and write its name here",
    "FROM": "a rule has no queries; name the variables themselves",
    "WHERE": "a rule is only the condition: drop WHERE",
    "EXISTS": "a rule has no subqueries; declare a count in variables.yaml and write its name here",
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


@dataclass(frozen=True)
class Word:
    """One word of a rule: ``kind`` is name, number, text or truth for a value, else the sign or keyword."""

    kind: str
    text: str
    offset: int


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that was most likely meant, first by letter case, then by likeness."""
    same = [one for one in known if one.lower() == word.lower()]
    near = same or get_close_matches(word, sorted(known), 1, 0.6)
    return f"did you mean {near[0]}?" if near else None


def words(text: str, known: frozenset[str], problems: list[RuleProblem]) -> list[Word]:
    """The words of the text, as sqlglot's tokenizer cuts them; what is not a word of rules is a problem."""
    try:
        tokens = Tokenizer().tokenize(text)
    except TokenError:
        problems.append(_unclosed(text))
        return []
    found: list[Word] = []
    end = 0
    for token in _joined(tokens, text):
        _between(text, end, token.start, problems)
        end = token.end + 1
        word = Word(_kind(token, text[token.start : end], known), token.text, token.start)
        if word.text not in known and (meant := _FOREIGN.get(word.text.upper())):
            message = f"`{word.text}` is not a word of rules"
            problems.append(RuleProblem(token.start, message, f"write {meant}"))
            word = Word(meant, word.text, token.start)
        elif word.kind == "?":
            problems.append(_stranger(text[token.start : end], token.start))
        elif word.kind == "name" and word.text not in known:
            called = text[end:].lstrip().startswith("(")
            if not called and not (found and found[-1].kind == "number"):  # those have their own messages
                problems.append(_unknown(word, known))
        found.append(word)
    _between(text, end, len(text), problems)
    return found


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
    opened = next((found for found in _QUOTED.finditer(text) if found["open"]), None)
    return RuleProblem(opened.start() if opened else 0, "a quote is not closed", "close it with '")


def _stranger(source: str, offset: int) -> RuleProblem:
    if source.startswith('"'):
        return RuleProblem(
            offset, f"{source} is in double quotes", "write a name bare and a text in single quotes '…'"
        )
    hint = _WORDS_INSTEAD.get(source.split()[0].upper()) or _INSTEAD.get(source) or _INSTEAD.get(source[0])
    if re.fullmatch(r"\w'.*'", source, re.DOTALL):
        hint = f"write {source[1:]}"
    what = (
        f"{source} is not a word of the rule language"
        if source[0].isalpha()
        else f"{source} is not allowed in a rule"
    )
    return RuleProblem(offset, what, hint)


_FOREIGN = {"OU": "OR", "ET": "AND", "ODER": "OR", "UND": "AND"}
"""AND and OR as they are called in other languages."""


def _unknown(word: Word, known: frozenset[str]) -> RuleProblem:
    strange = next((letter for letter in word.text if not letter.isascii()), None)
    if strange:
        message = f"{word.text} holds a letter of another alphabet: {strange} (U+{ord(strange):04X})"
        return RuleProblem(word.offset, message, "type the name again, with letters a to z")
    hint = nearest(word.text, known)
    return RuleProblem(word.offset, f"there is no variable {word.text}", hint or NOT_DECLARED)
