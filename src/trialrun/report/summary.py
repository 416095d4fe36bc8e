"""The summary of anyone's tables: what was found wrong, then disposition, exposure and adverse events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trialrun.report.figures.figure import Rows
from trialrun.report.language import Language
from trialrun.report.language import language as spoken
from trialrun.report.page import environment
from trialrun.tables.defect import Defect, by_kind

Found = Mapping[str, Any]
INDENT = "\N{EM SPACE}"
TIE = "\N{NO-BREAK SPACE}"
MOST = 1000  # findings listed one by one on a page
NONE = "·"


def render(found: Found, defects: Sequence[Defect], name: str, language: str = "en") -> str:
    """The page as HTML. `found` is what `analysis.summary` gives, `name` how the data are called.

    ValueError for a language that pages are not written in. The same input gives the same text.
    """
    words = spoken(language)
    template = environment().get_template("summary.html.j2")
    return template.render(found=found, name=name, t=words, lang=language, **sections(found, defects, words))


def sections(found: Found, defects: Sequence[Defect], language: Language) -> dict[str, Any]:
    """Every table of the page, as printed rows."""
    events = found["adverse_events"]
    return {
        "kinds": kinds(defects, language),
        "defects": listed(defects[:MOST], language),
        "count": len(defects),
        "more": max(0, len(defects) - MOST),
        "notes": notes(found, language),
        "disposition": disposition(found["disposition"], language),
        "exposure": exposure(found["exposure"], language),
        "overview": overview(events, language) if events else None,
        "terms": terms(events, "counts", language) if events else None,
        "serious": terms(events, "serious", language) if events else None,
        "severity": severity(events, language) if events else None,
        "event_notes": event_notes(events, language) if events else [],
    }


def notes(found: Found, language: Language) -> list[str]:
    """By which arm the columns are, and how many participants have another."""
    said = [language(f"summary.by.{found['by']}")]
    return said + ([language.plural("summary.switched", found["switched"])] if found["switched"] else [])


# ---- findings ------------------------------------------------------------------------------------


def kinds(defects: Sequence[Defect], language: Language) -> Rows:
    """Findings counted by kind, each with the first row it stands in."""
    head = ("domain", "variable", "wrong", "count", "first")
    body = tuple(
        (kind.domain, kind.column, kind.message, str(kind.count), _place(kind.first))
        for kind in by_kind(defects)
    )
    return Rows(tuple(language(f"summary.{word}") for word in head), body)


def listed(defects: Sequence[Defect], language: Language) -> Rows:
    head = ("domain", "variable", "value", "wrong", "where")
    body = tuple((d.domain, d.column, d.value or NONE, d.message, _place(d)) for d in defects)
    return Rows(tuple(language(f"summary.{word}") for word in head), body)


def _place(defect: Defect) -> str:
    return defect.source or (NONE if defect.row is None else f"{defect.domain} {defect.row + 1}")


# ---- tables by arm -------------------------------------------------------------------------------


def _head(first: str, columns: Sequence[Found], language: Language) -> tuple[str, ...]:
    titles = [
        language("summary.n", title=column["title"] or language("summary.total"), n=column["participants"])
        for column in columns
    ]
    return (language(first), *titles)


def disposition(found: Found, language: Language) -> Rows:
    columns = found["columns"]

    def row(title: str, counts: Sequence[int]) -> tuple[str, ...]:
        return (title, *_shares(counts, columns, language))

    counts = found["counts"]
    body = [(language("summary.participants"), *(str(n) for n in counts["participants"]))]
    body += [row(language(f"summary.{step}"), counts[step]) for step in ("dosed", "completed", "ended")]
    body += [row(f"{INDENT}{language.ending(one['reason'])}", one["counts"]) for one in found["reasons"]]
    body += [row(language(f"summary.{step}"), counts[step]) for step in ("without", "died")]
    return Rows(_head("summary.step", columns, language), tuple(body))


def _shares(counts: Sequence[int], columns: Sequence[Found], language: Language) -> Iterator[str]:
    """Participants and their share of the column; a decimal where a column is long enough for one."""
    decimals = _decimals(columns)
    for count, column in zip(counts, columns, strict=True):
        share = language.percent(count, column["participants"], decimals) if count else ""
        yield f"{count}{TIE}({share})" if count else NONE


def _decimals(columns: Sequence[Found]) -> int:
    return 1 if any(column["participants"] >= 100 for column in columns) else 0


def exposure(found: Found, language: Language) -> Rows | None:
    """Null if nobody had a dose."""
    columns = found["columns"]
    if not columns:
        return None
    body = [(language("summary.days"), *_spreads(found["days"], columns, language))]
    for one in found["treatments"]:
        key = "summary.treatment" if one["unit"] else "summary.treatment.plain"
        title = language(key, treatment=one["treatment"] or NONE, unit=one["unit"])
        counts = [count["participants"] for count in one["counts"]]
        body.append((title, *_shares(counts, columns, language)))
        rows = [str(count["events"]) if count["events"] else NONE for count in one["counts"]]
        body.append((f"{INDENT}{language('summary.rows')}", *rows))
        body.append(
            (f"{INDENT}{language('summary.dose')}", *(_range(dose, language) for dose in one["doses"]))
        )
        had = [{"participants": count} for count in counts]
        body.append(
            (f"{INDENT}{language('summary.cumulative')}", *_spreads(one["cumulative"], had, language))
        )
    return Rows(_head("participants", columns, language), tuple(body))


def _range(dose: Found, language: Language) -> str:
    if dose["low"] is None:
        return NONE
    low, high = language.number(dose["low"]), language.number(dose["high"])
    return low if low == high else language("summary.range", low=low, high=high)


def _spreads(spreads: Sequence[Any], columns: Sequence[Found], language: Language) -> Iterator[str]:
    for spread, column in zip(spreads, columns, strict=True):
        if spread is None:
            yield NONE
            continue
        said = {key: language.number(spread[key]) for key in ("median", "low", "high")}
        whole = spread["n"] == column["participants"]
        yield language("summary.spread" if whole else "summary.spread.of", n=spread["n"], **said)


# ---- adverse events ------------------------------------------------------------------------------


def overview(found: Found, language: Language) -> Rows:
    columns = found["columns"]
    body = [
        (language(f"summary.{what}"), *_cells(found[what], columns, language))
        for what in ("any", "serious", "fatal")
    ]
    body += _worst(found, found["worst"], "", language)
    return Rows(_head("participants", columns, language), tuple(body))


def _cells(counts: Sequence[Found], columns: Sequence[Found], language: Language) -> Iterator[str]:
    shares = _shares([count["participants"] for count in counts], columns, language)
    for count, share in zip(counts, shares, strict=True):
        yield language("summary.cell", share=share, events=count["events"]) if count["events"] else NONE


def _worst(
    found: Found, worst: Sequence[Sequence[int]], indent: str, language: Language
) -> Iterator[tuple[str, ...]]:
    """A row for each severity that occurs, and for those of whom it is not known."""
    for place, level in enumerate([*found["severities"], None]):
        counts = [column[place] for column in worst]
        if level is not None or any(counts):
            graded = found["severity"] == "AETOXGR"
            key = "summary.worst.grade" if graded else "summary.worst"
            said = language("summary.severity.none") if level is None else _level(level, language)
            title = said.capitalize() if indent and not graded else language(key, severity=said)
            yield (indent + title, *_shares(counts, found["columns"], language))


def _level(level: str, language: Language) -> str:
    return language.words.get(f"severity.{level}", level)


def terms(found: Found, what: str, language: Language) -> Rows:
    """Systems, and below each its terms; `what` is all events (``counts``) or the ``serious``."""
    columns = found["columns"]
    body = []
    for system in found["systems"]:
        if system[what][-1]["participants"]:
            title = _words(system["name"]) or language("summary.uncoded")
            body.append((title, *_cells(system[what], columns, language)))
            body += [
                (
                    INDENT + (_words(one["name"]) or language("summary.unnamed")),
                    *_cells(one[what], columns, language),
                )
                for one in system["terms"]
                if one[what][-1]["participants"]
            ]
    return Rows(_head("summary.system", columns, language), tuple(body))


def severity(found: Found, language: Language) -> Rows:
    body = []
    for system in found["systems"]:
        title = _words(system["name"]) or language("summary.uncoded")
        body.append((title, *_cells(system["counts"], found["columns"], language)))
        body += _worst(found, system["worst"], INDENT, language)
    return Rows(_head("summary.system", found["columns"], language), tuple(body))


def event_notes(found: Found, language: Language) -> list[str]:
    left_out = [(key, found[key]["events"]) for key in ("before", "others")]
    said = [language.plural(f"summary.{key}", count) for key, count in left_out if count]
    return [language("summary.events.note"), *said]


def _words(name: str | None) -> str:
    """A term as the data have it; a code of several words is read as words."""
    return (name or "").replace("_", " ")
