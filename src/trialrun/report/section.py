"""What the report's sections show, as printed rows: facts, safety, course, assumptions."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import polars as pl

from trialrun.analysis.log import Tables
from trialrun.analysis.results import canonical
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.trace import assumptions
from trialrun.report.comparison import title
from trialrun.report.estimate import missing
from trialrun.report.figures.figure import Rows
from trialrun.report.language import Language
from trialrun.report.participants import course_label, short, words_of

Found = Mapping[str, Any]


def facts(protocol: Protocol, results: Found, language: Language) -> list[tuple[str, str]]:
    """Term and description of the head of the report."""
    study, code = protocol.study, language.code
    design = study.design
    arms = language.plural("fact.arms", design.arms)
    masking, allocation = (language(f"fact.{k}.{getattr(design, k)}") for k in ("masking", "allocation"))
    rows = [
        ("study", f"{study.id}, {study.version}"),
        ("phase", study.phase),
        ("condition", study.condition(code)),
        ("design", language("fact.design.said", arms=arms, masking=masking, allocation=allocation)),
        ("treatment", ", ".join(each.name(code) for each in study.treatment.substances.values())),
        ("courses", ", ".join(_courses(protocol, language))),
        ("sites", " · ".join(f"{site.name}, {site.city}" for site in study.sites.values())),
        ("sponsor", study.sponsor),
        ("identifiers", ", ".join(_identifier(*each) for each in study.identifiers.items())),
        ("participants", language("fact.participants.said", **results["counts"])),
    ]
    dates = [datetime.date.fromisoformat(day) for day in results["accrual"]["included"]]
    if dates:
        first, last = language.date(dates[0]), language.date(dates[-1])
        rows.append(("period", language("fact.period.said", first=first, last=last)))
    return [(language(f"fact.{key}"), value) for key, value in rows if value]


def _identifier(name: str, value: str) -> str:
    """``EudraCT 2006-…``, but ``NCT0057…`` without its prefix twice."""
    return value if value.startswith(name) else f"{name} {value}"


def _courses(protocol: Protocol, language: Language) -> Iterator[str]:
    treatment = protocol.study.treatment
    for name, cycle in treatment.cycles.items():
        planned = protocol.timepoints[f"{name}.D1"]
        said = {"label": course_label(protocol, name, language.code), "count": cycle.doses.count}
        for arm in planned.doses or ("",):
            dose = planned.dose_of(arm)
            if dose:
                unit = treatment.substances[dose.substance].unit_name(language.code)
                per = f"/{dose.per.replace('m2', 'm²')}" if dose.per else ""
                whose = f" ({protocol.study.arms[arm].title(language.code)})" if arm else ""
                amount = language.number(dose.amount)
                yield language("fact.course", **said, dose=amount, unit=f"{unit}{per}") + whose


# ---- safety --------------------------------------------------------------------------------------


def adverse_events(protocol: Protocol, safety: Found, language: Language) -> Rows:
    """Category by worst grade: participants (events)."""
    form = protocol.study.recorded_on.adverse_event
    grades = ("1", "2", "3", "4", "5")
    ungraded = any(row["ungraded"] for row in safety["by_category"])
    head = [language("safety.category"), *(language("safety.grade", grade=grade) for grade in grades)]
    head += [language("safety.ungraded")] if ungraded else []
    head += [language("safety.total"), language("serious")]
    body = []
    for row in safety["by_category"]:
        name = words_of(protocol, form, "category", row["category"], language.code) or language(
            "safety.other"
        )
        cells = [_or_dot(row["worst_grade"][grade]) for grade in grades]
        cells += [_or_dot(row["ungraded"])] if ungraded else []
        body.append((name, *cells, _both(row, language), _both(row["serious"], language)))
    return Rows(tuple(head), tuple(body))


def safety_summary(protocol: Protocol, results: Found, language: Language) -> Rows:
    """Participants (events) of each sort; in a column for each arm, and for all, where there are arms."""
    safety, arms = results["safety"], results.get("arms", {})
    groups = [*(arm["safety"] for arm in arms.values()), safety]
    names = {"any": "any", "grade_3_or_worse": "grade3", "related": "related", "serious": "serious"}
    names |= {"serious_related": "serious_related"}
    body = [
        (language(f"safety.{word}"), *(_both(each[key], language) for each in groups))
        for key, word in names.items()
    ]
    for variable in safety["stopping"]:
        counts = [each["stopping"][variable] for each in groups]
        said = [language("safety.not.derivable") if missing(one) else _both(one, language) for one in counts]
        body.append((_rule_words(protocol, variable, language), *said))
    columns = _columns(protocol, results, language) if arms else (language("events.head"),)
    return Rows((language("safety.summary"), *columns), tuple(body))


def _rule_words(protocol: Protocol, variable: str, language: Language) -> str:
    """The words of the first stop or suspension that reads a variable."""
    rules: Mapping[str, Any] = {
        **{f"stops.{name}": stop for name, stop in protocol.study.stops.items()},
        **{f"suspensions.{name}": rule for name, rule in protocol.study.suspensions.items()},
    }
    for name, rule in rules.items():
        if variable in protocol.rules[name].reads:
            return str(rule.text(language.code))
    return variable


def _both(found: Found, language: Language) -> str:
    if not found["events"]:
        return "·"
    return language("events.cell", participants=found["participants"], events=found["events"])


def _or_dot(count: int) -> str:
    return str(count) if count else "·"


# ---- suspensions ---------------------------------------------------------------------------------


def standing(found: Found, language: Language) -> list[str]:
    """Where the trial stands against one boundary, in sentences."""
    now = found["standing"]
    if missing(now):
        return [language("safety.not.derivable")]
    word = "boundary.stands" if now["stop_at"] else "boundary.stands.none"
    sentences = [language(word, events=now["events"], n=now["n"], stop_at=now["stop_at"])]
    if now["reached"]:
        date = language.date(datetime.date.fromisoformat(now["reached_on"]))
        return [*sentences, language("boundary.reached", date=date)]
    return [*sentences, language("boundary.not.reached")]


def probabilities(found: Found, language: Language) -> Rows:
    body = tuple(
        (
            language.share(each["rate"], 0),
            language.number(each["stop"], 3),
            language.number(each["expected_treated"], 1),
        )
        for each in found["probabilities"]
    )
    head = ("boundary.rate", "boundary.probability", "boundary.treated")
    return Rows(tuple(language(word) for word in head), body)


def rules(protocol: Protocol, suspensions: Found, language: Language) -> Rows:
    """Every rule that suspends inclusions, and its standing."""
    body = []
    for name, found in suspensions.items():
        now = found["standing"]
        steps = ", ".join(language("boundary.at.said", k=k, n=n) for n, k in found["steps"])
        steps += f" ({language('boundary.same')})" if found["same"] else ""
        said = language("safety.not.derivable")
        if not missing(now):
            said = language("boundary.status.open")
            if now["reached"]:
                date = language.date(datetime.date.fromisoformat(now["reached_on"]))
                said = language("boundary.status.reached", date=date)
        events = "–" if missing(now) else str(now["events"])
        body.append((protocol.study.suspensions[name].text(language.code), steps, events, said))
    head = ("boundary.rule", "boundary.at", "boundary.events", "boundary.status")
    return Rows(tuple(language(word) for word in head), tuple(body))


# ---- how the trial went --------------------------------------------------------------------------


def accrual(found: Found, language: Language) -> list[str]:
    count, planned = len(found["included"]), found["planned"]
    sentences = [
        language("accrual.said", count=count, planned=planned) if count else language("accrual.none")
    ]
    if found["months"] and found["end"]:
        end = language.date(datetime.date.fromisoformat(found["end"]))
        sentences.append(language("accrual.said.plan", planned=planned, months=found["months"], end=end))
        if count:
            last = language.date(datetime.date.fromisoformat(found["included"][-1]))
            said = {"months": found["months"], "last": last}
            sentences.append(language("accrual.said.in.time", count=found["in_time"], **said))
    return sentences


def disposition(protocol: Protocol, results: Found, language: Language) -> Rows:
    """Participants at each step; in a column for each arm, and for all, where there are arms."""
    counts = results["counts"]
    groups = [arm["counts"] for arm in results.get("arms", {}).values()]
    columns = [*groups, counts]
    body = []
    for name in (
        "screened",
        "included",
        "dosed",
        "completed",
        "stopped",
        "lost",
        "died",
        "ended_otherwise",
        "ongoing",
    ):
        after = name not in ("screened", "included", "dosed")
        if after and not counts[name] and name not in ("completed", "stopped", "lost"):
            continue
        shares = [
            language.percent(each[name], each["dosed"]) if after and each["dosed"] else "" for each in columns
        ]
        if groups:
            cells = [f"{each[name]} ({share})" if share else str(each[name])
                     for each, share in zip(columns, shares, strict=True)]  # fmt: skip
            cells = ["" for _ in groups] + cells[-1:] if name == "screened" else cells
            body.append((language(f"disposition.{name}"), *cells))
        else:
            body.append((language(f"disposition.{name}"), str(counts[name]), *shares))
    head = ("participants", "disposition.share")
    names = _columns(protocol, results, language) if groups else tuple(language(word) for word in head)
    return Rows((language("disposition.step"), *names), tuple(body))


def _columns(protocol: Protocol, results: Found, language: Language) -> tuple[str, ...]:
    """The arms' titles, and the word for all of them."""
    return (*(title(protocol, arm, language) for arm in results["arms"]), language("arms.both"))


def stops(protocol: Protocol, results: Found, language: Language) -> Rows:
    """Why injections were ended, in the study's words where the rule is one of its stops."""
    known = {
        name.replace("_", " ").upper(): stop.text(language.code)
        for name, stop in protocol.study.stops.items()
    }
    known |= {f"STOPS.{term}": text for term, text in known.items()}
    decisions = protocol.decisions.items()
    known |= {name.replace("_", " ").upper(): found.title(language.code) for name, found in decisions}
    arms = results.get("arms", {})
    each = [{row["rule"]: row["participants"] for row in arm["stops"]} for arm in arms.values()]
    body = tuple(
        (
            known.get(row["rule"], row["reason"] or row["rule"]),
            *(str(counts.get(row["rule"], 0)) for counts in each),
            str(row["participants"]),
        )
        for row in results["stops"]
    )
    names = _columns(protocol, results, language) if arms else (language("participants"),)
    return Rows((language("disposition.stops"), *names), body)


def exposure(protocol: Protocol, found: Found, language: Language) -> Rows:
    planned = found["planned"]["cumulative"]
    head = [language("participant"), language("exposure.doses"), language("exposure.missed")]
    head += [language("exposure.cumulative", unit=unit(protocol, language)), language("exposure.share")]
    body = tuple(
        (
            short(protocol, row["subject"]),
            str(row["doses"]),
            str(row["not_given"]),
            language.number(row["cumulative"]),
            language.share(row["cumulative"] / planned, 0) if planned else "–",
        )
        for row in found["participants"]
    )
    return Rows(tuple(head), body)


def not_given(protocol: Protocol, found: Found, language: Language) -> Rows:
    """Doses not given and why; neighbours of one course with the same reason share a row."""
    form = protocol.study.recorded_on.injection
    items = protocol.forms[form].items
    item = next((name for name, asked in items.items() if asked.sdtm == "EX.EXREASOC"), "")

    def why(row: Found) -> str:
        if not row["recorded"]:
            return language("exposure.no.record")
        said = words_of(protocol, form, item, row["reason"], language.code)
        return said or language("exposure.no.reason")

    def alike(row: Found) -> tuple[str, str | None, str]:
        return row["subject"], protocol.timepoints[row["point"]].cycle, why(row)

    body = []
    for (subject, _, reason), together in groupby(found["not_given"], alike):
        times = [protocol.timepoints[row["point"]].label(language.code) for row in together]
        body.append((short(protocol, subject), ", ".join(times), reason))
    head = ("participant", "exposure.timepoint", "exposure.reason")
    return Rows(tuple(language(word) for word in head), tuple(body))


def exposure_words(protocol: Protocol, found: Found, language: Language) -> str:
    planned = found["planned"]
    cumulative = language.number(planned["cumulative"])
    said = {"doses": found["doses"], "planned": planned["doses"], "cumulative": cumulative}
    return language("exposure.said", **said, unit=unit(protocol, language))


def unit(protocol: Protocol, language: Language) -> str:
    """The unit of doses in words; several substances with different units are named by all."""
    names = {s.unit_name(language.code): None for s in protocol.study.treatment.substances.values()}
    return ", ".join(names)


# ---- where it comes from -------------------------------------------------------------------------


def model_assumed(results: Found) -> list[dict[str, str]]:
    """What the model of virtual participants assumes; what it takes from a publication is no assumption."""
    listed = results.get("model", {}).get("assumptions", []) if results["virtual"] else []
    return [
        {**each, "element": each["element"].replace("/", " › ")}
        for each in listed
        if each.get("standing") != "published"
    ]


def assumed(protocol: Protocol, language: Language) -> list[tuple[str, list[dict[str, str]]]]:
    """Assumptions by group, the group's words first; elements that stand alone belong to the study."""
    groups: dict[str, list[dict[str, str]]] = {}
    for each in assumptions(protocol, language.code):
        group, _, rest = each["element"].partition("/")
        name = group if rest and f"group.{group}" in language.words else "study"
        path = (rest if name == group else each["element"]).replace("/", " › ")
        # The group says already what kind of element it is, in the language of the report.
        said = each["about"].partition(": ")[2] if rest else each["about"]
        groups.setdefault(name, []).append({**each, "about": said or path, "element": path})
    return [(language(f"group.{name}"), listed) for name, listed in groups.items()]


def provenance(protocol: Protocol, results: Found, language: Language) -> list[tuple[str, str]]:
    kind = language("provenance.virtual" if results["virtual"] else "provenance.real")
    rows = [
        ("provenance.protocol", f"{protocol.id} {protocol.study.version}"),
        ("provenance.hash", results["protocol_hash"]),
        ("provenance.software", results["software"]),
        ("provenance.participants", kind),
        ("provenance.seed", str(results["seed"]) if "seed" in results else ""),
        ("provenance.results", hashlib.sha256(canonical(results).encode()).hexdigest()),
    ]
    return [(language(word), value) for word, value in rows if value]


def hashes(tables: Tables, language: Language) -> Rows:
    body = tuple((code, str(len(table)), table_hash(table)) for code, table in tables.items() if len(table))
    head = ("provenance.table", "provenance.rows", "provenance.sha")
    return Rows(tuple(language(word) for word in head), body)


def table_hash(table: pl.DataFrame) -> str:
    """SHA-256 of a table written as CSV, UTF-8, in its order of rows and columns."""
    return hashlib.sha256(table.write_csv().encode()).hexdigest()
