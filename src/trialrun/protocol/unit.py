"""Units of measure: the part of UCUM that clinical trials use.

Codes and values follow The Unified Code for Units of Measure, version 2.2 of 2024-06-17
(https://ucum.org/ucum, tables of section 4), case sensitive. Three choices are stricter than UCUM,
so that a comparison that makes no sense is an error and not a number:

- ``mol`` is a base of its own (UCUM defines it as the number 6.02214076 × 10^23);
- an arbitrary unit such as ``[iU]`` is a base of its own (UCUM section 3.2 says the same in prose);
- two annotations, as in ``{cells}/uL`` and ``{copies}/uL``, must be equal to be compared.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isfinite

__all__ = ["Unit", "UnitError", "convert", "days", "factor", "linear", "named", "quantity", "same"]

_LONGEST = 80  # characters; keeps the recursion over parentheses shallow

_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip

# UCUM's base of electricity is the coulomb; here the ampere, so that "37 C" is no unit but a mistake for Cel.
_BASES = ("m", "s", "g", "K", "A", "mol", "[iU]")

# code: (how many, of what), in the terms of UCUM's own tables.
_DEFINED = {
    "%": ("1e-2", "1"), "[ppth]": ("1e-3", "1"), "[ppm]": ("1e-6", "1"),
    "l": ("1", "dm3"), "L": ("1", "dm3"),
    "min": ("60", "s"), "h": ("60", "min"), "d": ("24", "h"), "wk": ("7", "d"),
    "a": ("365.25", "d"), "mo": ("30.4375", "d"),
    "Hz": ("1", "s-1"), "Bq": ("1", "s-1"), "N": ("1", "kg.m/s2"), "Pa": ("1", "N/m2"), "J": ("1", "N.m"),
    "V": ("1", "J/(A.s)"), "Gy": ("1", "J/kg"), "cal": ("4.184", "J"),
    "m[Hg]": ("133.3220", "kPa"), "m[H2O]": ("9.80665", "kPa"),
    "eq": ("1", "mol"), "osm": ("1", "mol"), "kat": ("1", "mol/s"), "U": ("1", "umol/min"),
    "[IU]": ("1", "[iU]"),
    "[lb_av]": ("453.59237", "g"), "[in_i]": ("2.54", "cm"), "[ft_i]": ("12", "[in_i]"),
}  # fmt: skip
_NOT_METRIC = frozenset(
    ["%", "[ppth]", "[ppm]", "min", "h", "d", "wk", "a", "mo", "[lb_av]", "[in_i]", "[ft_i]"]
)

# kelvins per degree, kelvins at zero degrees
_THERMOMETERS = {
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
}

_TOKEN = re.compile(
    r"(?P<annotation>\{[^{}]*\})"
    r"|10[*^](?P<ten>[+-]?\d{1,2})?"
    r"|(?P<number>[1-9]\d{0,5})"
    r"|(?P<atom>(?:[A-Za-z%]|\[[^\[\]\s]*\])+)(?P<power>[+-]?[1-9])?"
    r"|(?P<sign>[./()])"
)

# What people write (a regular expression) and the code they mean, replaced one after the other.
_HABITS = tuple(
    line.split(maxsplit=1)
    for line in r"""
    [µμ]                                u
    [°º]\s?C|\bdegC\b|^C$|^[Cc]elsius$  Cel
    [°º]\s?F|\bdegF\b                   [degF]
    \b([cm]m)\s?Hg\b                    \1[Hg]
    \bcm\s?H2O\b                        cm[H2O]
    \bmcg\b                             ug
    \bMIU\b|^[Mm]illion\sIU$            M[iU]
    \b([kmu]?)IU(?![\w\]])              \1[iU]
    ^[x×]?\s?10(?:[eE^]|\*\*)(?=\d)     10*
    ⁹                                   *9
    ⁶                                   *6
    ²                                   2
    ³                                   3
    \b(m?)Eq\b                          \1eq
    \b(m?)Osm\b                         \1osm
    \bcells?\b                          {cells}
    \bcopies\b                          {copies}
    \bbpm\b                             {beats}/min
    \bpercent\b                         %
    \bsec(?:ond)?s?\b                   s
    \bmin(?:ute)?s\b|\bminute\b         min
    \bh(?:ou)?rs?\b                     h
    \bdays?\b                           d
    \bweeks?\b                          wk
    \bmonths?\b                         mo
    \by(?:ea)?rs?\b                     a
    \blbs?\b|\bpounds?\b                [lb_av]
    \binch(?:es)?\b                     [in_i]
    \b[kK][gG][sS]?\b                   kg
    \bcc\b                              mL
    \b[Gg]ra?ms?\b                      g
    1[.]73\s?m2$                        {1.73_m2}
    \s*/\s*                             /
    """.strip().splitlines()
)

_FRIENDLY = {"second": "s", "minute": "min", "hour": "h", "day": "d", "week": "wk"}
_AMBIGUOUS = re.compile(r"(?:months?|years?|mo|a)$")

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([^\d.].*?)\s*", re.DOTALL)
_POWER_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s+(10[*^].*?)\s*")


class UnitError(ValueError):
    """A unit that cannot be read, or two that cannot be compared; ``hint`` says what to write, if known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}; {hint}")
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Unit:
    """One unit: how many of its base units it is, and which.

    ``scale`` is exact; ``zero`` is the kelvins at zero, other than 0 for thermometer scales only.
    """

    text: str
    scale: Fraction = Fraction(1)
    dimensions: tuple[tuple[str, int], ...] = ()
    annotations: frozenset[str] = frozenset()
    zero: Fraction = Fraction(0)

    @staticmethod
    def parse(text: str) -> Unit:
        """Read a UCUM code. Raises `UnitError` with the nearest code that is known."""
        return _parse(text)

    @property
    def is_plain(self) -> bool:
        """Whether a value in this unit is simply a number, as in ``1`` or ``{score}``."""
        return not self.dimensions and self.scale == 1

    def __str__(self) -> str:
        return self.text

    def __mul__(self, other: Unit) -> Unit:
        return self._with(other, 1)

    def __truediv__(self, other: Unit) -> Unit:
        return self._with(other, -1)

    def _with(self, other: Unit, power: int) -> Unit:
        for unit in (self, other):
            if unit.zero:
                raise UnitError(f"{unit.text} has no true zero and cannot be multiplied or divided", "use K")
        exponents = dict(self.dimensions)
        for base, exponent in other.dimensions:
            exponents[base] = exponents.get(base, 0) + power * exponent
        return Unit(
            _joined(self.text, other.text, power),
            self.scale * other.scale**power,
            tuple(sorted((base, n) for base, n in exponents.items() if n)),
            self.annotations | other.annotations,
        )


def linear(source: str | Unit, target: str | Unit) -> tuple[Fraction, Fraction]:
    """``(scale, shift)`` such that a value v in ``source`` is ``v * scale + shift`` in ``target``; exact.

    Raises `UnitError` when the two do not measure the same thing.
    """
    one, other = _unit(source), _unit(target)
    if one.dimensions != other.dimensions:
        raise UnitError(f"{one.text} and {other.text} do not measure the same thing")
    if one.annotations and other.annotations and one.annotations != other.annotations:
        raise UnitError(f"{one.text} and {other.text} count different things")
    return one.scale / other.scale, (one.zero - other.zero) / other.scale


def factor(source: str | Unit, target: str | Unit) -> float:
    """How many ``target`` one ``source`` is. Raises `UnitError` also where a shift is needed (Cel to K)."""
    scale, shift = linear(source, target)
    if shift:
        raise UnitError(f"{source} to {target} is not a factor", "use convert")
    return float(scale)


def same(ours: str | None, theirs: str | None) -> bool:
    """Whether a number in one unit is the same number in the other, as in /uL and 10*6/L. ours: None for what
    is in any unit."""
    if ours is None:
        return True
    try:
        return theirs is not None and factor(ours, theirs) == 1
    except UnitError:
        return False


def convert(value: float, source: str | Unit, target: str | Unit) -> float:
    """A value in another unit, rounded once: 0.05 g/L is exactly 5 mg/dL. The value must be finite."""
    scale, shift = linear(source, target)
    return value if scale == 1 and not shift else float(Fraction(repr(value)) * scale + shift)


def quantity(text: str) -> tuple[float, str]:
    """Split ``'0.05 g/L'`` into 0.05 and ``'g/L'``; the unit is not read yet. Raises `UnitError`."""
    found = _POWER_QUANTITY.fullmatch(text) or _QUANTITY.fullmatch(text)
    if comma := re.match(r"\s*([+-]?\d+),(\d+)(.*)", text, re.DOTALL):
        meant = f"'{comma[1]}.{comma[2]}{comma[3]}'"
        raise UnitError(f"'{text}' has a comma in its number", f"write it with a point: {meant}")
    if not found or not isfinite(float(found[1])):
        raise UnitError(f"'{text}' is not a number with a unit", "write for example '38.5 Cel'")
    return float(found[1]), found[2]


def days(text: str) -> float:
    """A length of time in days: ``'5 days'``, ``'72 hours'``, ``'2 weeks'``, also ``'72 h'``.

    A month or a year has no fixed number of days: `UnitError`.
    """
    value, name = quantity(text)
    if _AMBIGUOUS.fullmatch(name):
        raise UnitError(
            f"'{text}' is ambiguous: months and years differ in length", "say it in days or weeks"
        )
    return convert(value, _FRIENDLY.get(name.removesuffix("s"), name), "d")


def named(words: str) -> Unit | None:
    """The unit that words name, as a code or as people write it (``µg``, ``mcg``); None if they name none."""
    try:
        return _parse(words.strip())
    except UnitError:
        code = _code(words)
    return _parse(code) if code else None


def _unit(unit: str | Unit) -> Unit:
    return unit if isinstance(unit, Unit) else _parse(unit)


def _joined(left: str, right: str, power: int) -> str:
    if right == "1":
        return left
    right = f"1{right}" if right.startswith("/") else right
    if power > 0:
        return right if left == "1" else f"{left}.{right}" if "/" not in right else f"{left}.({right})"
    right = f"({right})" if "/" in right or "." in right else right
    return f"/{right}" if left == "1" else f"{left}/{right}"


@lru_cache(maxsize=4096)
def _parse(text: str) -> Unit:
    if text in _THERMOMETERS:
        scale, zero = _THERMOMETERS[text]
        return Unit(text, scale, (("K", 1),), zero=zero)
    try:
        found = _Reader(text).whole()
    except UnitError as error:
        raise UnitError(error.message, _meant(text) or error.hint) from None
    return Unit(text, found.scale, found.dimensions, found.annotations)


def _meant(text: str) -> str | None:
    code = _code(text)
    return f"write '{code}'" if code else None


def _code(text: str) -> str | None:
    """The code that people mean by what is not one."""
    said = text.strip()
    for habit, code in _HABITS:
        said = re.sub(habit, code, said)
    if said == text or len(said) > _LONGEST:
        return None
    if said not in _THERMOMETERS:
        try:
            _Reader(said).whole()
        except UnitError:
            return None
    return said


@lru_cache(maxsize=512)
def _atom(code: str) -> Unit:
    if code in _BASES:
        return Unit(code, Fraction(1), ((code, 1),))
    if code in _DEFINED:
        value, of = _DEFINED[code]
        unit = _parse(of)
        return Unit(code, Fraction(value) * unit.scale, unit.dimensions)
    for length in (1, 2):
        prefix, rest = code[:length], code[length:]
        if prefix in _PREFIXES and rest not in _NOT_METRIC and (rest in _BASES or rest in _DEFINED):
            unit = _atom(rest)
            return Unit(code, Fraction(10) ** _PREFIXES[prefix] * unit.scale, unit.dimensions)
    raise _unknown(code)


def _unknown(code: str) -> UnitError:
    if code in _THERMOMETERS:
        return UnitError(
            f"{code} stands alone, without other units", "use K for a difference of temperatures"
        )
    metric = [*_BASES, *(one for one in _DEFINED if one not in _NOT_METRIC)]
    known = [
        *_DEFINED,
        *_BASES,
        *_THERMOMETERS,
        *(p + m for p in ("k", "d", "c", "m", "u", "n", "p") for m in metric),
    ]
    same = [one for one in known if one.lower() == code.lower()]
    near = same or difflib.get_close_matches(code, known, 1, 0.6)
    return UnitError(f"'{code}' is not a known UCUM unit", f"did you mean '{near[0]}'?" if near else None)


class _Reader:
    """Reads one UCUM term from left to right; ``.`` and ``/`` bind alike (UCUM section 2.2)."""

    def __init__(self, text: str) -> None:
        if not text or len(text) > _LONGEST or not text.isascii():
            raise UnitError(f"'{text[:_LONGEST]}' is not a UCUM unit")
        self.text = text
        self.at = 0

    def whole(self) -> Unit:
        unit = Unit("1") / self._after("/") if self.text.startswith("/") else self._term()
        while self.at < len(self.text) and self.text[self.at] in "./":
            unit = self._next(unit)
        if self.at < len(self.text):
            raise UnitError(f"'{self.text}' is not a UCUM unit: '{self.text[self.at :]}' is one too many")
        return unit

    def _term(self) -> Unit:
        unit = self._component()
        while self.at < len(self.text) and self.text[self.at] in "./":
            unit = self._next(unit)
        return unit

    def _next(self, unit: Unit) -> Unit:
        sign = self.text[self.at]
        right = self._after(sign)
        return unit * right if sign == "." else unit / right

    def _after(self, sign: str) -> Unit:
        self.at += len(sign)
        return self._component()

    def _component(self) -> Unit:
        found = _TOKEN.match(self.text, self.at)
        if not found or found["sign"] in (".", "/", ")"):
            where = f"before '{self.text[self.at :]}'" if self.text[self.at :] else "at its end"
            raise UnitError(f"'{self.text}' is not a UCUM unit: a unit is missing {where}")
        self.at = found.end()
        if found["sign"] == "(":
            unit = self._term()
            if self.text[self.at : self.at + 1] != ")":
                raise UnitError(f"'{self.text}' is not a UCUM unit: a parenthesis is not closed")
            self.at += 1
        else:
            unit = _simple(found)
        return self._annotated(unit)

    def _annotated(self, unit: Unit) -> Unit:
        found = _TOKEN.match(self.text, self.at)
        if not found or not found["annotation"]:
            return unit
        self.at = found.end()
        text = unit.text + found["annotation"]
        return Unit(text, unit.scale, unit.dimensions, unit.annotations | {found["annotation"]})


def _simple(found: re.Match[str]) -> Unit:
    """The unit of one annotation, number, power of ten or atom with its exponent."""
    if found["annotation"]:
        return Unit(found[0], annotations=frozenset({found["annotation"]}))
    if found["number"]:
        return Unit(found[0], Fraction(int(found["number"])))
    if not found["atom"]:
        return Unit(found[0], Fraction(10) ** int(found["ten"] or 1))
    unit, power = _atom(found["atom"]), int(found["power"] or 1)
    return Unit(found[0], unit.scale**power, tuple((base, n * power) for base, n in unit.dimensions))
