"""From what was reached to what is wrong: every finding, with the simplest evidence of it."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.protocol.protocol import Protocol
from trialrun.simulate.rehearse.finding import Finding
from trialrun.simulate.rehearse.history import History
from trialrun.simulate.rehearse.reached import Key, Reached

READ = (
    "eligibility", "before_course", "before_dose", "stops", "decisions", "suspensions", "activities",
    "substudies", "allocation",
)  # fmt: skip
WHAT = {
    "given": "{} can have the dose",
    "decide": "{} can have the decision",
    "came": "{} can come to the visit",
}
STOPPING = "stopping"  # the name of the intercurrent event of an estimand: injections were stopped
POLICY = "treatment policy"


def verdicts(protocol: Protocol, reached: Reached) -> list[Finding]:
    """All findings, the dangerous ones first, with the history of the simplest participant, not yet short."""
    checks = (_unsafe, _dead_ends, _unreached, _decisions, _rules, _forms, _together, _follow_up, _endpoints)
    return [finding for check in checks for finding in check(protocol, reached)]


def notes(protocol: Protocol, reached: Reached) -> list[str]:
    """What looks like a finding and is none, with the reason."""
    unneeded = [
        f"The last outcome of {decision}, `{name}`, is never needed: those before it leave nobody over."
        for decision, spec in protocol.decisions.items()
        for name, outcome in spec.outcomes.items()
        if outcome.otherwise
        and ("decide", decision) in reached
        and ("outcome", decision, name) not in reached
    ]
    return unneeded + [
        f"Outcome `{name}` of {decision} is never taken: a stop rule has stopped everyone it would stop."
        for decision, spec in protocol.decisions.items()
        for name in spec.outcomes
        if ("outcome", decision, name) not in reached and ("overtaken", decision, name) in reached
    ]


def _history(reached: Reached, key: Key | None) -> History:
    return reached.found[key].history if key is not None and key in reached else ()


def _unsafe(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    for key in sorted(reached.those("unsafe"), key=lambda one: reached.found[one].length):
        _, does, id = key
        history = _history(reached, key)
        yield Finding("unsafe", id, f"{_act(does)} is {history[-1].said}.", history)
    for key in sorted(reached.those("blind"), key=lambda one: reached.found[one].length):
        _, does, id = key
        history = _history(reached, key)
        message = f"{_act(does)} is {history[-1].said}; the rule says `unknown: continue`."
        yield Finding("blind", id, message, history)


def _act(does: str) -> str:
    return {"dose": "A dose", "include": "An inclusion", "decide": "A decision"}[does]


def _dead_ends(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    if ("dead end",) in reached:
        form = protocol.study.recorded_on.end.partition(".")[0]
        where = ", ".join(protocol.where_asked[form]) or "no timepoint"
        message = (
            "Nothing is due any more and nothing will be, yet participation has not ended: "
            f"«{protocol.forms[form].title()}» is asked only at {where}."
        )
        yield Finding("dead-end", "recorded_on.end", message, _history(reached, ("dead end",)))


def _unreached(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    """Visits nobody comes to, doses nobody gets, decisions nobody makes: with the nearest attempt."""
    for point in protocol.timepoints.values():
        kind = {"course": "given", "decision": "decide"}.get(point.kind, "came")
        arms = point.arms or protocol.arms or (None,)
        lacks = [arm for arm in arms if (f"{kind} in arm", point.id, str(arm)) not in reached]
        if lacks:
            what = WHAT[kind].format(_of(protocol, lacks))
            history, why = _nearest(reached, point.id, str(lacks[0]))
            yield Finding("never-reached", point.id, f"{what} {point.id}{why}.", history)


def _nearest(reached: Reached, point: str, arm: str) -> tuple[History, str]:
    """How near someone of an arm came to a timepoint, and in words why they did not have it."""
    tries = [k for does in ("dose", "decide") for k in reached.those("refused", does, point, arm)]
    if tries:
        history = _history(reached, min(tries, key=lambda key: int(key[-1])))
        return history, f": the nearest attempt is {history[-1].said}"
    for word in ("missed", "void", "waiting"):
        for key in (("point in arm", point, word, arm), ("point", point, word)):
            if key in reached:
                return _history(reached, key), f": it is {word} for everyone"
    return (), ""


def _of(protocol: Protocol, arms: list[str | None]) -> str:
    """Nobody, or nobody of some of the arms."""
    titles = [f"«{protocol.study.arms[arm].title()}»" for arm in arms if arm]
    return f"Nobody of the arm {', '.join(titles)}" if 0 < len(titles) < len(protocol.arms) else "Nobody"


def _decisions(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    for decision, spec in protocol.decisions.items():
        if ("decide", decision) not in reached:
            continue
        for name, outcome in spec.outcomes.items():
            got = ("outcome", decision, name) in reached
            if not got and not outcome.otherwise and ("overtaken", decision, name) not in reached:
                message = f"Nobody can get the outcome `{name}` («{outcome.text()}»)."
                yield Finding("no-outcome", f"decisions.{decision}.{name}", message)
            if got and outcome.effect == "hold" and ("lifted", decision, name, "continue") not in reached:
                message = (
                    f"A hold by `{name}` («{outcome.text()}») is never lifted: it always ends in a stop."
                )
                key = next((k for k in reached.those("lifted", decision, name)), ("outcome", decision, name))
                yield Finding("no-way-back", f"decisions.{decision}.{name}", message, _history(reached, key))


def _rules(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    """Rules that never change their mind where they are read."""
    for name in protocol.rules:
        kind = name.partition(".")[0]
        if kind not in READ or _said_elsewhere(protocol, reached, name):
            continue
        said = reached.said(name)
        if {"yes", "no"} <= said:
            continue
        if not said:
            yield Finding("never-read", name, f"The rule {name} is never read.")
            continue
        word = next((one for one in ("yes", "no") if one in said), "unknown")
        always = {"yes": "always true", "no": "never true", "unknown": "always unknown"}[word]
        also = " or unknown" if word != "unknown" and "unknown" in said else ""
        history = _history(reached, ("rule", name, word))
        code = "always-unknown" if word == "unknown" else "always-the-same"
        yield Finding(code, name, f"The rule of {name} is {always}{also} where it is read.", history)


def _said_elsewhere(protocol: Protocol, reached: Reached, name: str) -> bool:
    """An outcome nobody gets, or is overtaken by a stop, is told as such; so is a decision nobody makes."""
    kind, _, own = name.partition(".")
    if kind != "decisions":
        return False
    decision, _, outcome = own.partition(".")
    if "unknown" in reached.said(name) and len(reached.said(name)) == 1:
        return False
    return ("outcome", decision, outcome) not in reached or ("decide", decision) not in reached


def _forms(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    any_time = {
        form for row in protocol.study.activities.values() if "any time" in row.at for form in row.forms
    }
    for form, spec in protocol.forms.items():
        if ("form", form) not in reached and form not in any_time:
            asked = protocol.where_asked[form]
            why = f"it is asked only at {', '.join(asked)}" if asked else "no activity asks for it"
            yield Finding("no-form", f"forms.{form}", f"Nobody fills «{spec.title()}»: {why}.")
        elif spec.repeats and form not in any_time and not protocol.where_asked[form]:
            message = f"Nobody is asked for «{spec.title()}»: no activity asks for it."
            yield Finding("no-form", f"forms.{form}", message)


def _together(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    """Timepoints that some come to and others, but never one person to both."""
    points = [p for p in protocol.timepoints.values() if p.only is None and p.planned]
    alone = [p for p in points if ("came to", p.id) in reached]
    for k, first in enumerate(alone):
        for second in alone[k + 1 :]:
            one, other = first.id, second.id
            apart = first.arms and second.arms and not set(first.arms) & set(second.arms)
            if not apart and ("both", one, other) not in reached:
                message = f"Nobody can have both {one} and {other}: who has one cannot have the other."
                yield Finding("windows", f"{one}, {other}", message, _history(reached, ("came to", other)))


def _follow_up(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    """Visits that those never get who stopped before the course that the visit is counted from."""
    for point in protocol.visits:
        if ("bereft", point.id) in reached and ("bereft came", point.id) not in reached:
            course = point.anchor.after if point.anchor else ""
            message = f"Who stops before {course} never comes to {point.id}: its day is over by then."
            yield Finding("no-follow-up", point.id, message, _history(reached, ("bereft", point.id)))


def _endpoints(protocol: Protocol, reached: Reached) -> Iterator[Finding]:
    for name, endpoint in protocol.study.endpoints.items():
        place, title = f"endpoints.{name}", endpoint.title()
        arms = [arm for arm in protocol.arms or (None,) if ("endpoint", name, str(arm)) not in reached]
        if arms:
            who = _of(protocol, arms)
            message = f"{who} can have the end point «{title}»: no participant has all the data it reads."
            yield Finding("no-endpoint", place, message, _history(reached, ("over", str(arms[0]))))
        elif (
            endpoint.estimand.strategy(STOPPING).startswith(POLICY)
            and ("stopped early",) in reached
            and ("endpoint stopped", name) not in reached
        ):
            message = (
                f"Who stops early cannot have the end point «{title}», though its estimand says "
                f"`{STOPPING}: {POLICY}`."
            )
            yield Finding("no-endpoint", place, message, _history(reached, ("stopped early",)))
