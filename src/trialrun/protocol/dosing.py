"""Whether the doses of the plan can be given and written down as they are meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trialrun.protocol.link import FORMS, STUDY
from trialrun.protocol.problem import Problem
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import Source


def dosing(protocol: Protocol, sources: Mapping[str, Source]) -> list[Problem]:
    """Doses planned nearer to each other than they may be, and doses written down in another unit."""
    return [*_too_near(protocol, sources[STUDY]), *_other_unit(protocol, sources[FORMS])]


def _too_near(protocol: Protocol, source: Source) -> Iterator[Problem]:
    apart = protocol.study.treatment.missed_dose.apart
    for name, cycle in protocol.study.treatment.cycles.items():
        if apart and cycle.doses.count > 1 and apart.days > cycle.doses.every:
            message = (
                f"the doses of {name} are planned {cycle.doses.every} days apart, and must be {apart} apart"
            )
            place = source.place(("treatment", "cycles", name, "doses"))
            hint = "Plan them further apart, or shorten `missed_dose.apart`."
            yield Problem(place, message.replace(" 1 days ", " 1 day "), hint, "doses-too-near")


def _other_unit(protocol: Protocol, source: Source) -> Iterator[Problem]:
    """The number on the injection form is compared with the plan as it stands."""
    form = protocol.study.recorded_on.injection
    written = protocol.forms[form].items["dose"].unit
    for dose in dict.fromkeys(
        (point.dose.substance, point.dose.unit) for point in protocol.doses if point.dose
    ):
        substance, planned = dose
        if written not in (None, "none", planned):
            place = source.place(("forms", form, "items", "dose", "unit"))
            message = f"doses are written down in {written}, and {substance} is planned in {planned}"
            yield Problem(place, message, f"Write `unit: {planned}` here.", "dose-unit")
