"""A participant's record as another version of the protocol would have it: what has a place there, and what
has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trialrun.journal.entry import Change, Entry
from trialrun.protocol.change_words import join, quoted
from trialrun.protocol.form import Item
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.rename import Renames
from trialrun.protocol.text import Text
from trialrun.protocol.unit import UnitError, convert
from trialrun.record import local
from trialrun.record.projection import HAPPENED, WHO, Filled, Projection
from trialrun.record.value import plain

Misfit = tuple[str, str]
"""(what, why not): ``form.item`` or an act, and one of WHY."""

WHY = {
    "form": ("the form does not exist", "le formulaire n'existe pas"),
    "place": ("it is not asked there", "il n'est pas demandé là"),
    "item": ("the question does not exist", "la question n'existe pas"),
    "type": ("its answers are of another type", "ses réponses sont d'un autre type"),
    "unit": ("its unit cannot be converted", "son unité ne peut être convertie"),
    "code": ("the answer does not exist", "la réponse n'existe pas"),
    "limits": ("the value lies outside the limits", "la valeur est hors limites"),
    "arm": ("the arm does not exist", "le bras n'existe pas"),
    "act": ("the act does not exist", "l'acte n'existe pas"),
}  # fmt: skip


class Transcript(Projection):
    """Folds the entries of a trial of ``old`` into a cohort of ``new``; ``misfits``: what has no place.

    A number in another unit is converted. A value outside the limits is kept: it was measured.
    """

    def __init__(self, old: Protocol, new: Protocol, renames: Renames, subject: str) -> None:
        super().__init__(new, subject)
        self.old = old
        self.renames = renames
        self.misfits: list[Misfit] = []

    def apply(self, entry: Entry) -> None:
        own = {
            "enrol": self._came,
            "include": self._placed,
            "collect": self._took,
            "decide": self._chose,
            "stop": self._ended,
        }
        if entry.act in own:
            own[entry.act](entry)
        elif entry.act not in ("sign", "attach"):
            super().apply(entry)
        self.sequence = entry.sequence

    def _came(self, entry: Entry) -> None:
        self.site = str(entry.site)
        self.zone = self.old.study.sites[self.site].timezone

    def _placed(self, entry: Entry) -> None:
        """Included, in the arm as it is called now; of one that does not exist, in none."""
        arm = entry.payload.get("arm")
        named = self.renames.path(("arms", arm))[1] if arm else None
        if named is not None and named not in self.protocol.arms:
            self.misfits.append((f"arms.{named}", "arm"))
            named = None
        self._included(replace(entry, payload={**entry.payload, "arm": named}))

    def _took(self, entry: Entry) -> None:
        specimen = self.renames.path(("specimens", entry.payload["specimen"]))[1]
        point = self.renames.point(entry.payload["point"])
        if (specimen, point) in self.cohort.collected:
            self.cohort.collect(specimen, point, WHO, local.wall(str(entry.happened)))
        else:
            self.misfits.append((f"{specimen}@{point}", "act"))

    def _chose(self, entry: Entry) -> None:
        path = ("decisions", entry.payload["decision"], "outcomes", entry.payload["outcome"])
        _, decision, _, outcome = self.renames.path(path)
        known = self.protocol.decisions.get(decision)
        if known is None or outcome not in known.outcomes:
            self.misfits.append((f"{decision}.{outcome}", "act"))
            return
        changed = {**entry.payload, "decision": decision, "outcome": outcome}
        self._decided(replace(entry, payload=changed))

    def _ended(self, entry: Entry) -> None:
        section, name, *rest = entry.payload["rule"].split(".")
        name = self.renames.path((section, name))[1]
        if section == "stops" and name not in self.protocol.study.stops:
            section = "decisions"  # so that its words are its name
        self.cohort.stop(WHO, ".".join((section, name, *rest)), local.wall(str(entry.happened)))

    def _tell(self, key: tuple[str, str], found: Filled, entry: Entry) -> None:
        """Hand on what has a place in the new protocol."""
        was, place = key
        form = self.renames.path(("forms", was))[1]
        changes = [change for change in entry.changes if change.item != HAPPENED]
        repeats = self.old.forms[was].repeats
        if form not in self.protocol.forms or self.protocol.forms[form].repeats != repeats:
            self.misfits += [(f"{form}.{change.item}", "form") for change in changes]
            return
        place = place if repeats else self.renames.point(place)
        if not repeats and place not in self.cohort.sheets[form].column:
            self.misfits.append((f"{form}@{place}", "place"))
            return
        told = dict(self._told(was, form, changes))
        happened, recorded = local.wall(found.happened), local.stored(entry.time, self.zone)
        if not repeats:
            self.cohort.enter(form, place, WHO, happened, recorded, told)
            return
        self.cohort.write(form, 0, place, happened[0], recorded[0], told)
        if entry.act == "correct":
            self.cohort.logs[form].move(0, place, happened[0])

    def _told(self, was: str, form: str, changes: list[Change]) -> Iterator[tuple[str, Any]]:
        for change in changes:
            name = self.renames.path(("forms", was, "items", change.item))[3]
            asked = self.protocol.forms[form].items.get(name)
            value = plain(change.new)
            why, value = (
                ("item", None) if asked is None else _fitted(self.old.item(was, change.item), asked, value)
            )
            if why:
                self.misfits.append((f"{form}.{name}", why))
            if asked is not None:
                yield name, value


def _fitted(old: Item, new: Item, value: Any) -> tuple[str | None, Any]:
    """(why it does not fit, the value in the new item's terms)."""
    if value is None:
        return None, None
    numbers = ("number", "integer")
    if old.type != new.type and not (old.type in numbers and new.type in numbers):
        return "type", None
    if new.type == "choice" and value not in new.codes:
        return "code", None
    if new.type in numbers:
        try:
            value = convert(
                float(value), *("1" if u in (None, "none") else str(u) for u in (old.unit, new.unit))
            )
        except UnitError:
            return "unit", None
        if new.limits and value not in new.limits:
            return "limits", value
    return None, value


def misfit_words(protocols: tuple[Protocol, ...], what: str) -> Text:
    """What has no place, as people call it."""
    form, _, item = what.partition("@")[0].partition(".")
    for protocol in protocols:
        if form in protocol.forms:
            title = quoted(protocol.forms[form].title)
            asked = protocol.forms[form].items.get(item)
            said = [quoted(asked.ask)] if asked else []
            at = [f"@ {what.partition('@')[2]}"] if "@" in what else []
            return join((title, *said, *at), " ")
    return join((what,))
