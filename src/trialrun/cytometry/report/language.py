"""The words and numbers of the page in one language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from trialrun.protocol.source import plain

LANGUAGES = ("en", "fr")
MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class Language:
    """words: by key. sentences: what other parts tell in English, as patterns, and the same here."""

    code: str
    words: dict[str, str]
    sentences: tuple[tuple[re.Pattern[str], str], ...] = ()

    def __call__(self, key: str, **values: Any) -> str:
        """The words of a key with ``{name}`` filled in. Raises KeyError."""
        text = self.words[key]
        return text.format(**values) if values else text

    def plural(self, key: str, count: int, **values: Any) -> str:
        """``key.one`` or ``key.many``: French takes the singular for 0."""
        one = count < 2 if self.code == "fr" else count == 1
        return self(f"{key}.{'one' if one else 'many'}", count=self.count(count), **values)

    def count(self, value: int | None) -> str:
        """A whole number with its thousands apart; a dash for what is not known."""
        return "–" if value is None else f"{value:,}".replace(",", self.words["thousands"])

    def number(self, value: float | None, figures: int = 3) -> str:
        """To so many significant figures, never fewer than the digits before the decimal sign."""
        if value is None:
            return "–"
        if value == 0:
            return "0"
        decimals = max(0, figures - 1 - int(f"{abs(value):.{figures - 1}e}".partition("e")[2]))
        text = f"{value:,.{min(decimals, 6)}f}".replace(",", "\0").replace(".", self.words["decimal"])
        return text.replace("\0", self.words["thousands"]).replace("-", MINUS)

    def short(self, value: float) -> str:
        """In its shortest form, as on an axis."""
        bare = f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) < 1e9 else f"{value:g}"
        text = bare.replace(",", "\0").replace(".", self.words["decimal"])
        return text.replace("\0", self.words["thousands"]).replace("-", MINUS)

    def percent(self, part: int | None, whole: int | None) -> str:
        """A share of events, to three figures; a dash where there is none."""
        if part is None or not whole:
            return "–"
        return f"{self.number(100 * part / whole)}{self.words['percent']}"

    def said(self, text: str) -> tuple[str, str]:
        """A sentence of other parts and the language that it is in: English where nobody translated it."""
        for pattern, words in self.sentences:
            if match := pattern.fullmatch(text):
                parts = [self._part(one) for one in match.groups()]
                return words.format(*parts), self.code
        return text, "en"

    def _part(self, text: str) -> str:
        """What differs in a sentence: a number as this language writes it, or a sentence of its own."""
        if re.fullmatch(r"[+-]?[\d,]*\d(\.\d+)?(e[+-]?\d+)?", text):
            bare = text.replace(",", self.words["thousands"]).replace(".", self.words["decimal"])
            return bare.replace("-", MINUS)
        return self.said(text)[0]


@cache
def language(code: str) -> Language:
    """The catalogue of a language. Raises ValueError for one that is not there."""
    if code not in LANGUAGES:
        raise ValueError(f"the page is not written in `{code}`; choose one of {', '.join(LANGUAGES)}")
    words: dict[str, str] = _file(f"{code}.yaml")
    if code == "en":
        return Language(code, words)
    sentences = tuple(
        (re.compile("(.+?)".join(map(re.escape, english.split("{}"))), re.DOTALL), _unbroken(here))
        for english, here in _file(f"sentences.{code}.yaml").items()
    )
    return Language(code, {key: _unbroken(said) for key, said in words.items()}, sentences)


def _file(name: str) -> dict[str, str]:
    text = (resources.files("trialrun.cytometry.report") / "languages" / name).read_text(encoding="utf-8")
    found: dict[str, str] = plain(text)
    return found


def _unbroken(text: str) -> str:
    """French sets a space before these signs, a narrow one before ; ! and ?, and no line may end there."""
    text = re.sub(r" (?=[:%»])|(?<=«) ", "\N{NO-BREAK SPACE}", text)
    return re.sub(r" (?=[;!?])", NARROW, text)
