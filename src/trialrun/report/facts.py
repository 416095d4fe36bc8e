"""What a trial is, in terms and what is said of them: the head of every document."""

from __future__ import annotations

from collections.abc import Iterator

from trialrun.protocol.protocol import Protocol
from trialrun.report.language import Language


def facts_of(protocol: Protocol, language: Language) -> Iterator[tuple[str, str]]:
    """Term and description of everything that the study file says of itself at its head."""
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
        ("courses", ", ".join(courses(protocol, language))),
        ("sites", " · ".join(f"{site.name}, {site.city}" for site in study.sites.values())),
        ("sponsor", study.sponsor),
        ("identifiers", ", ".join(_identifier(*each, language) for each in study.identifiers.items())),
    ]
    yield from ((language(f"fact.{key}"), value) for key, value in rows if value)


def _identifier(name: str, value: str, language: Language) -> str:
    """``EudraCT 2006-…``, but ``NCT0057…`` without its prefix twice; the sponsor's in words."""
    said = language("fact.sponsor").lower() if name == "sponsor" else name
    return value if value.startswith(name) else f"{said} {value}"


def courses(protocol: Protocol, language: Language) -> Iterator[str]:
    """Each course: its label, how many doses of how much, and whose, where arms differ."""
    treatment = protocol.study.treatment
    for name, cycle in treatment.cycles.items():
        planned = protocol.timepoints[f"{name}.D1"]
        said = {"label": course_label(protocol, name, language.code), "count": cycle.doses.count}
        for arm in planned.doses or ("",):
            dose = planned.dose_of(arm)
            if dose:
                unit = language.unit(
                    dose.amount, treatment.substances[dose.substance].unit_name(language.code)
                )
                per = f"/{dose.per.replace('m2', 'm²')}" if dose.per else ""
                whose = f" ({protocol.study.arms[arm].title(language.code)})" if arm else ""
                amount = language.number(dose.amount)
                yield language("fact.course", **said, dose=amount, unit=f"{unit}{per}") + whose


def course_label(protocol: Protocol, cycle: str, language: str) -> str:
    """A course as its days are labelled in a language: ``W3``, in French ``S3``."""
    day_1 = protocol.timepoints[f"{cycle}.D1"].label(language)
    return day_1.rpartition(" ")[0] or day_1
