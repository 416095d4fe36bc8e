"""Random studies that are valid: forms, variables, rules, courses, visits, decisions and endpoints that fit."""

# ruff: noqa: E501  (a study is read an element at a time)
# fmt: off

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Content = dict[str, Any]

# Any words that a file may hold: quotes, signs of YAML, other scripts; not what no editor shows.
WORDS = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="\ufeff"), min_size=1, max_size=30
).filter(str.strip)
LONG = st.lists(st.sampled_from(["a", "“word”", "it's", "x: y", "# z", "3", "[no]", "{}", "— and —"]), min_size=30, max_size=60)
REASON = WORDS | LONG.map(" ".join)
TITLE = WORDS | st.fixed_dictionaries({"en": WORDS, "fr": WORDS})
UNITS = ["g/L", "10*9/L", "mm[Hg]", "Cel", "kg", "{score}", "none"]


@st.composite
def sourced(draw: st.DrawFn) -> Content:
    """Where something comes from."""
    cited = draw(st.sampled_from(["outline#1", "doi:10.1056/NEJMoa1105143", "assumption", ["outline#2", "assumption"]]))
    return {"from": cited} | ({"reason": draw(REASON)} if "assumption" in cited else {})


def bounds(draw: st.DrawFn) -> str:
    low, high = sorted(draw(st.tuples(*[st.decimals(-1000, 1000, places=2)] * 2)))
    return f"{low}..{high}"


@st.composite
def items(draw: st.DrawFn) -> Content:
    """One question of any type."""
    kind = draw(st.sampled_from(["number", "integer", "boolean", "choice", "date", "text"]))
    item: Content = {"ask": draw(TITLE), "type": kind}
    if kind in ("number", "integer"):
        item["unit"] = draw(st.sampled_from(UNITS))
        if draw(st.booleans()):
            item["limits"] = bounds(draw)
    if kind == "choice":
        item["codes"] = {code: draw(TITLE) for code in draw(st.sets(st.sampled_from(["a", "b", "no", "1", "x y"]), min_size=1))}
    if draw(st.booleans()):
        item["required"] = draw(st.booleans())
    return item | (draw(sourced()) if draw(st.booleans()) else {})


def form(draw: st.DrawFn, held: Content, **more: Any) -> Content:
    by = draw(st.sampled_from(["nurse", "investigator", "laboratory"]))
    return {"title": draw(TITLE), "by": by, "domain": "FA", **more, **draw(sourced()), "items": held}


def comparison(draw: st.DrawFn, name: str, item: Content) -> str:
    """A condition on one item, by its type."""
    if draw(st.integers(0, 5)) == 0:
        return f"{name} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    sign = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
    value = draw(st.decimals(0, 500, places=1))
    match item["type"]:
        case "number" | "integer":
            unit = item["unit"]
            return f"{name} {sign} {value}" if unit == "none" else f"{name} {sign} '{value} {unit}'"
        case "boolean":
            return name
        case "choice":
            codes = ", ".join(f"'{code}'" for code in item["codes"])
            return f"{name} IN ({codes})"
        case "date":
            return f"{name} {sign} '2008-03-0{draw(st.integers(1, 9))}'"
    return f"{name} = 'it''s'"


@st.composite
def rules(draw: st.DrawFn, names: Content, depth: int = 2) -> str:
    """A rule over items by name."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(sorted(names)))
        return comparison(draw, name, names[name])
    parts = draw(st.lists(rules(names, depth - 1), min_size=2, max_size=3))
    joined = f" {draw(st.sampled_from(['AND', 'OR']))} ".join(f"({part})" for part in parts)
    return f"NOT ({joined})" if draw(st.booleans()) else joined


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Content]:
    """The content of the four files of a study that compiles."""
    asked = {f"f{i}": {f"i{k}": draw(items()) for k in range(draw(st.integers(1, 3)))} for i in range(draw(st.integers(1, 3)))}
    names = {f"{form}_{name}": item for form, held in asked.items() for name, item in held.items()}
    asked["f0"]["measure"] = {"ask": "x", "type": "number", "unit": "g/L", "sdtm": "LB.ALT"}
    forms = {name: form(draw, held) for name, held in asked.items()} | _own_forms(draw)
    variables: Content = {
        f"{form}_{name}": {"item": f"{form}.{name}", "at": draw(st.sampled_from(["SCR", "latest", ["SCR", "latest"]]))}
        for form, held in asked.items()
        for name in held
    }
    events = {"grade": {"type": "integer", "unit": "{grade}"}, "related": {"type": "boolean"}}
    variables["events"] = {"count": "ae.grade", "where": draw(rules(events)), "during": "study", "none": 0}
    return {
        "sources.yaml": {"sources": {"outline": {"title": draw(WORDS), "prefix": "O", "statements": {str(n): {"says": draw(REASON)} for n in (1, 2)}}}},
        "forms.yaml": {"forms": forms},
        "variables.yaml": {"variables": variables},
        "study.yaml": _study(draw, names, list(asked)),
    }


def _own_forms(draw: st.DrawFn) -> Content:
    """The forms of the acts of the trial itself."""
    yes: Content = {"ask": "?", "type": "boolean"}
    grade = {"ask": "?", "type": "integer", "unit": "{grade}"}
    return {
        "consent": form(draw, {"signed": yes}),
        "dose": form(draw, {"given": yes, "dose": {"ask": "?", "type": "number", "unit": "mg"}}),
        "ending": form(draw, {"status": {"ask": "?", "type": "choice", "codes": {"done": "Done", "lost": "Lost"}}}),
        "ae": form(draw, {"grade": grade, "related": yes}, repeats=True),
        "deviation": form(draw, {"about": {"ask": "?", "type": "text"}}, repeats=True),
    }


def _study(draw: st.DrawFn, names: Content, asked: list[str]) -> Content:
    cycles = _cycles(draw)
    decided = draw(st.booleans())
    last = list(cycles)[-1]
    if decided and len(cycles) > 1:
        cycles[last]["setting"] = "by verdict"
    days = draw(st.integers(1, 60))
    return {
        "id": "RANDOM-1", "version": draw(st.sampled_from(["1.0", "2", "1e3", "null", "v 3: b"])), "title": draw(TITLE),
        "phase": "I/II", "sponsor": draw(WORDS), "languages": ["en", "fr"], "condition": draw(TITLE),
        "design": {"arms": 1, "masking": "open", "allocation": "none", "purpose": draw(WORDS)} | draw(sourced()),
        "sites": {"S1": {"name": draw(WORDS), "city": "Lyon", "country": "NO", "timezone": "Europe/Paris"} | draw(sourced())},
        "timeline": {"start": {"date": "2008-03-01"} | draw(sourced()), "all": {"lasts": draw(st.sampled_from(["18 months", "36 hours", "2 weeks", "0.3 days"]))} | draw(sourced())},
        "enrolment": {"planned": draw(st.integers(1, 500)), "evaluable": "dosed", "replace": 0} | draw(sourced()),
        "eligibility": {f"e{i}": {draw(st.sampled_from(["require", "exclude"])): draw(rules(names)), "text": draw(TITLE)} | draw(sourced()) for i in range(draw(st.integers(1, 4)))},
        "treatment": _treatment(draw, cycles),
        "before_dose": {"b": {"hold": draw(rules(names)), "unknown": draw(st.sampled_from(["hold", "continue"])), "text": draw(TITLE)} | draw(sourced())},
        "stops": {"s": {"when": "events >= 1", "unknown": "continue", "text": draw(TITLE)} | draw(sourced())},
        "decisions": {"verdict": _decision(draw, names)} if decided else {},
        "recorded_on": {"consent": "consent.signed", "injection": "dose", "end": "ending.status", "adverse_event": "ae", "deviation": "deviation"},
        "epochs": {name: {"title": draw(TITLE)} | draw(sourced()) for name in ("screening", "treatment")},
        "visits": {
            "SCR": {"epoch": "screening", "label": draw(TITLE), "day": -draw(st.integers(1, 40)), "window": draw(st.sampled_from(["±1 days", "-3/+0 days", "±1 weeks"]))} | draw(sourced()),
            "END": {"epoch": "treatment", "label": "W9", "after": draw(st.sampled_from([f"{last} + {days + 400} days", f"last dose + {days} days"]))} | draw(sourced()),
        },
        "activities": {
            "first": {"title": draw(TITLE), "forms": ["consent"], "at": ["SCR"]} | draw(sourced()),
            "all": {"title": draw(TITLE), "forms": asked, "at": ["SCR", "END", "C*.D1"], "only_if": draw(rules(names)), "unknown": "do", "blood": f"{draw(st.integers(1, 40))} mL"} | draw(sourced()),
            "given": {"title": draw(TITLE), "forms": ["dose"], "at": ["every dose"]} | draw(sourced()),
            "ever": {"title": draw(TITLE), "forms": ["ae", "deviation", "ending"], "at": ["any time"]} | draw(sourced()),
            **({"weigh": {"title": draw(TITLE), "forms": asked, "at": "verdict", "ahead": "72 hours"} | draw(sourced())} if decided else {}),
        },
        "objectives": {"o": {"level": "primary", "text": draw(TITLE), "endpoints": ["e"]} | draw(sourced())},
        "endpoints": {"e": _endpoint(draw)},
    }


def _cycles(draw: st.DrawFn) -> Content:
    """Courses, each counted from the one before, after its last dose."""
    cycles: Content = {}
    for i in range(1, draw(st.integers(2, 4))):
        count, every = draw(st.integers(1, 6)), draw(st.integers(1, 5))
        doses = f"{count} daily" if every == 1 else f"{count} every {every} days"
        when = {"day": 1} if i == 1 else {"after": f"C{i - 1} + {draw(st.integers(31, 90))} days", "window": draw(st.sampled_from(["-0/+7 days", "±1 days"]))}
        cycles[f"C{i}"] = {"label": f"W{3 * i}", **when, "doses": doses, "substance": "it", "level": "usual", "setting": "home"} | draw(sourced())
    return cycles


def _treatment(draw: st.DrawFn, cycles: Content) -> Content:
    dose = draw(st.floats(0.001, 10_000))
    return {
        "substances": {"it": {"name": draw(TITLE), "route": "oral", "unit": "mg", "unit_name": draw(st.sampled_from(["mg", {"en": "milligrams", "fr": "milligrammes"}]))} | draw(sourced())},
        "levels": {"usual": {"dose": dose} | draw(sourced())},
        "cycle_length": "30 days",
        "cycles": cycles,
        "delays": {"cumulative": "14 days", "beyond": "omit the cycle"} | draw(sourced()),
        "missed_dose": {"late": draw(st.sampled_from(["12 hours", "1 day", "7 hours"])), "make_up": "never", "complete_with": 1} | draw(sourced()),
    }


def _decision(draw: st.DrawFn, names: Content) -> Content:
    stop = {"effect": "stop", "when": draw(rules(names)), "unknown": "wait", "text": draw(TITLE)}
    hold = {"effect": "hold", "when": draw(rules(names)), "unknown": "wait", "for": "7 days", "then": "stop", "text": draw(TITLE)}
    outcomes = {"stop": stop, "hold": hold, "home": {"effect": "continue", "otherwise": True, "text": draw(TITLE)}}
    return {
        "title": draw(TITLE), "when": "C1 + 27..29 days", "by": "investigator", "within": "72 hours", "needs": ["f0"], "expected": "home",
        "outcomes": {name: one | draw(sourced()) for name, one in outcomes.items()},
    } | draw(sourced())


def _endpoint(draw: st.DrawFn) -> Content:
    estimand = {"population": draw(TITLE), "treatment": draw(TITLE), "variable": draw(TITLE), "intercurrent": {"death": "composite, " + draw(WORDS)}, "summary": draw(TITLE)}
    common = {"title": draw(TITLE), "level": "primary", "set": "dosed", "confidence": draw(st.floats(0.6, 0.99)), "estimand": estimand}
    change = {"kind": "paired_change", "parameter": "LB.ALT", "scale": "log", "baseline": ["SCR"], "at": "END", "missing": "left out of the exact test", "at_least": 3}
    without = {"kind": "proportion_without_event", "events": ["ae", "death"], "until": "END", "complete_at": "END", "missing": "counts as an event"}
    return common | draw(st.sampled_from([change, without])) | draw(sourced())
