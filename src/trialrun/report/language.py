"""The words and numbers of a report in one language: a catalogue file each, and how it writes figures."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from trialrun.analysis.rounding import half_away, p_value, percent
from trialrun.protocol.source import plain

LANGUAGES = ("en", "fr")
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, eq=False)
class Language:
    """One catalogue: ``words`` by key, and the signs with which numbers and dates are written."""

    code: str
    words: dict[str, str]

    def __call__(self, key: str, **values: Any) -> str:
        """The words of ``key`` with ``{name}`` filled in; KeyError for a key not in the catalogue."""
        if key not in self.words:
            raise KeyError(f"report/languages/{self.code}.yaml has no `{key}`: add it to every catalogue")
        text = self.words[key]
        return text.format(**values) if values else text

    def plural(self, key: str, count: int, **values: Any) -> str:
        """``key.one`` or ``key.many``, as the language counts: French takes the singular for 0."""
        one = count < 2 if self.code == "fr" else count == 1
        return self(f"{key}.{'one' if one else 'many'}", count=count, **values)

    def unit(self, amount: float, unit: str) -> str:
        """A unit as it stands after an amount: French counts from 2 on, "1,5 million d'UI"."""
        if self.code == "fr" and abs(amount) < 2:
            return re.sub(r"^(million|milliard)s\b", r"\1", unit)
        return unit

    def number(self, value: float, decimals: int | None = None) -> str:
        """``value`` with the language's decimal sign; without ``decimals`` in its shortest form."""
        text = f"{value:.15g}" if decimals is None else str(half_away(value, decimals))
        return self._sign(text.replace("-", MINUS))

    def significant(self, value: float, figures: int = 3, finest: int = 9) -> str:
        """``value`` to ``figures`` significant figures, at most ``finest`` of them decimals."""
        if value == 0:
            return "0"
        decimals = max(0, figures - 1 - int(f"{abs(value):e}".partition("e")[2]))
        return self.number(value, min(decimals, finest))

    def percent(self, part: int, whole: int, decimals: int = 0) -> str:
        return self._with_percent(str(percent(part, whole, decimals)))

    def share(self, value: float, decimals: int = 1) -> str:
        """A proportion between 0 and 1 as a percentage."""
        return self._with_percent(str(half_away(value * 100, decimals)))

    def p(self, value: float) -> str:
        """``P = 0.031``: with the sign, which ``<`` and ``>`` replace."""
        text = p_value(value)
        sign, digits = (text[0], text[1:]) if text[0] in "<>" else ("=", text)
        return f"P {sign} {self._sign(digits)}".replace(" ", "\N{NO-BREAK SPACE}")

    def date(self, value: datetime.date) -> str:
        month = self.words["months"].split()[value.month - 1]
        day = "1er" if self.code == "fr" and value.day == 1 else str(value.day)
        return f"{day} {month} {value.year}"

    def setting(self, code: str) -> str:
        """A setting in words; one that the catalogue does not know as the study writes it."""
        return self.words.get(f"setting.{code}", code.replace("_", " "))

    def ending(self, term: str | None) -> str:
        """How participation ended, from the term in the tables; None = it goes on."""
        return self.words.get(f"ending.{term or 'ongoing'}", (term or "").lower())

    def listed(self, items: list[str], last: str = "and") -> str:
        """``a, b and c``; ``last`` is the key of the word before the last item."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self(last)} {items[-1]}"

    def _sign(self, text: str) -> str:
        return text.replace(".", self.words["decimal"])

    def _with_percent(self, text: str) -> str:
        return f"{self._sign(text)}{self.words['percent']}"


@cache
def language(code: str) -> Language:
    """The catalogue of a language; ValueError for one that is not there."""
    if code not in LANGUAGES:
        raise ValueError(f"the report is not written in `{code}`; choose one of {', '.join(LANGUAGES)}")
    text = (resources.files("trialrun.report") / "languages" / f"{code}.yaml").read_text(encoding="utf-8")
    words: dict[str, str] = plain(text)
    if code == "fr":
        words = {key: _unbroken(said) if key != "banner" else said for key, said in words.items()}
    return Language(code, words)


def _unbroken(text: str) -> str:
    """French sets a space before these signs, a narrow one before ; ! and ?, and no line may end there."""
    text = re.sub(r" (?=[:%])", "\N{NO-BREAK SPACE}", text)
    return re.sub(r" (?=[;!?])", "\N{NARROW NO-BREAK SPACE}", text)
