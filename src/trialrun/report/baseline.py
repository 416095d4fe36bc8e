"""Who the participants of each arm were before treatment, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trialrun.protocol.protocol import Protocol
from trialrun.report.comparison import title
from trialrun.report.estimate import Found, missing
from trialrun.report.figures.figure import Rows
from trialrun.report.language import Language

Line = tuple[str, ...]


def baseline(protocol: Protocol, found: Found, language: Language) -> Rows:
    """A row for each number and each code of a choice, a column for each arm."""
    arms = list(found.values())
    body = [(language("baseline.allocated"), *(str(arm["n"]) for arm in arms))]
    for name in arms[0]["numbers"]:
        cells = (_spread(arm["numbers"][name], arm["n"], language) for arm in arms)
        body.append((_number_title(protocol, name, language), *cells))
    for name in arms[0]["choices"]:
        body += _choice(protocol, name, arms, language)
    head = (language("participants"), *(title(protocol, arm, language) for arm in found))
    return Rows(head, tuple(body))


def _number_title(protocol: Protocol, name: str, language: Language) -> str:
    if name == "AGE":
        return language("baseline.AGE")
    parameter = protocol.study.endpoints[name].parameter  # type: ignore[union-attr]
    asked = next(
        item.ask(language.code)
        for form in protocol.forms.values()
        for item in form.items.values()
        if item.sdtm == parameter
    )
    return language("baseline.number", title=asked)


def _spread(found: Found, n: int, language: Language) -> str:
    if missing(found["median"]):
        return "–"
    numbers = {key: language.significant(found[key], finest=1) for key in ("median", "lower", "upper")}
    spread = language("baseline.spread", **numbers)
    return spread if found["n"] == n else language("baseline.some", spread=spread, n=found["n"])


def _choice(protocol: Protocol, name: str, arms: Sequence[Any], language: Language) -> Iterator[Line]:
    """A row for each code that someone has; one more where somebody's is not known."""
    asked, words = _words(protocol, name, language)
    for code in arms[0]["choices"][name]["counts"]:
        counts = [arm["choices"][name]["counts"][code] for arm in arms]
        if any(counts):
            shares = (_share(x, arm["n"], language) for x, arm in zip(counts, arms, strict=True))
            yield (f"{asked}{language('colon')}{words.get(code, code)}", *shares)
    unknown = [arm["choices"][name]["unknown"] for arm in arms]
    if any(unknown):
        yield (f"{asked}{language('colon')}{language('baseline.unknown')}", *map(str, unknown))


def _share(x: int, n: int, language: Language) -> str:
    return f"{x} ({language.percent(x, n)})" if n else "0"


def _words(protocol: Protocol, name: str, language: Language) -> tuple[str, dict[str, str]]:
    """The words of a choice and of its codes."""
    if name == "SITE":
        return language("baseline.SITE"), {key: site.name for key, site in protocol.study.sites.items()}
    if name == "SEX":
        items = [item for form in protocol.forms.values() for item in form.items.values()]
        item = next((one for one in items if one.sdtm == "DM.SEX"), None)
        asked = language("baseline.SEX")
    else:
        item = protocol.item(*protocol.variables[name].reads)
        asked = item.ask(language.code)
    return asked, {code: said(language.code) for code, said in item.codes.items()} if item else {}
