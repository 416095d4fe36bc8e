"""Whether a model file agrees with its study and its model: every name in it must be known there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trialrun.protocol.form import Item
from trialrun.protocol.problem import Problem, suggestion
from trialrun.protocol.protocol import Protocol
from trialrun.protocol.source import Source
from trialrun.simulate.cells import NONE, strangers
from trialrun.simulate.people import Flare, Given, Kind, ModelFile
from trialrun.simulate.stated import EVERYONE

EVENT = (
    "term", "category", "system", "grade", "related", "serious", "seriousness", "onset", "ended", "outcome",
    "action",
)  # fmt: skip
"""The items by which adverse events are recorded; the study's form must have them."""
EVENT_CODES = {"outcome": ("ongoing", "resolved", "fatal"), "action": ("none", "held", "stopped")}
FLARE = ("major", "onset")
RESCUE = ("medicine", "started")
ORGAN_STATES = ("absent", "active", "new", "worse")
FLARE_SIGN = "flare"
"""The sign that every flare shows; the kinds of event name theirs themselves."""

Path = tuple[str | int, ...]


class Agreement:
    """Gathers what does not fit: names of the protocol and of the model that are not there."""

    def __init__(self, protocol: Protocol, source: Source, file: ModelFile, model: Any) -> None:
        self.protocol = protocol
        self.source = source
        self.file = file
        self.model = model
        self.organs: tuple[str, ...] = model.clinic.organs
        self.signs = {kind.shows.sign for _, kind in self._kinds() if kind.shows} | {FLARE_SIGN}
        self.problems: list[Problem] = []

    def check(self) -> list[Problem]:
        """Every problem found."""
        self._stated()
        self._changed()
        self._people()
        self._events()
        self._logs()
        self._answers()
        self._cells()
        return self.problems

    # ---- parts of the file

    def _stated(self) -> None:
        """What is stated by arm names the study's arms; every one of them has a chance of reactions."""
        stated, arms = self.file.stated, self.protocol.arms or (EVERYONE,)
        if stated is None:
            return
        for name, quantity in stated.quantities.items():
            for arm in quantity.change:
                self._known("arm", arm, arms, ("stated", "quantities", name, "change", arm))
        path = ("stated", "reactions", "chance")
        for arm in stated.reactions.chance:
            self._known("arm", arm, arms, (*path, arm))
        for arm in set(arms) - set(stated.reactions.chance):
            message = f"no chance of reactions is stated for {f'the arm `{arm}`' if arm else 'everyone'}"
            cure = f"Add {arm}: 0.02, or what you believe." if arm else "Write one number: there are no arms."
            self.problems.append(Problem(self.source.key_place(path), message, cure))

    def _changed(self) -> None:
        """What the study changes must be a number of the model."""
        for name in self.file.parameters:
            self._known("parameter of the model", name, self.model.parameters, ("parameters", name))
        for name in self.file.hazards:
            self._known("hazard of the model", name, self.model.clinic.events, ("hazards", name))

    def _people(self) -> None:
        people, path = self.file.people, ("people",)
        end_form, _, end_item = self.protocol.study.recorded_on.end.partition(".")
        for name in ("completed", "died", "not_included", "never_dosed"):
            self._code(end_form, end_item, getattr(people.ends, name), (*path, "ends", name))
        for name in people.leaving.per_year:
            self._code(end_form, end_item, name, (*path, "leaving", "per_year", name))
        missed, injection = people.missed_dose, self.protocol.study.recorded_on.injection
        if self._known("item", missed.item, self._items(injection), (*path, "missed_dose", "item")):
            for name in ("missed", "sign", "unknown"):
                self._code(injection, missed.item, getattr(missed, name), (*path, "missed_dose", name))
        if people.forgotten:
            self._known("form", people.forgotten.form, self.protocol.forms, (*path, "forgotten", "form"))

    def _events(self) -> None:
        events, path = self.file.events, ("events",)
        if self._row(events.form, EVENT, (*path, "form")):
            for at, kind in self._kinds():
                self._code(events.form, "category", kind.category, (*at, "category"))
                self._code(events.form, "system", kind.system, (*at, "system"))
            for at_, name in (("serious", "related"), ("serious", "other"), ("death", "seriousness")):
                self._code(
                    events.form, "seriousness", getattr(getattr(events, at_), name), (*path, at_, name)
                )
            for item, codes in EVENT_CODES.items():
                for code in codes:
                    self._code(events.form, item, code, (*path, "form"))
            for name in ("category", "system"):
                self._code(events.form, name, getattr(events.death, name), (*path, "death", name))
        self._same(
            "reaction", events.reactions.kinds, self.model.clinic.reactions, (*path, "reactions", "kinds")
        )
        if events.flare:
            self._flare(events.flare, (*path, "flare"))

    def _flare(self, flare: Flare, at: Path) -> None:
        for organ in flare.organs:
            self._known("organ", organ, self.organs, (*at, "organs", organ))
        if self._row(flare.form, FLARE, (*at, "form")) and "organ" in self._items(flare.form):
            for organ in self.organs:
                self._code(flare.form, "organ", flare.organs.get(organ, organ), (*at, "organs"))
        if flare.rescue and self._row(flare.rescue.form, RESCUE, (*at, "rescue", "form")):
            self._code(flare.rescue.form, "medicine", flare.rescue.medicine, (*at, "rescue", "medicine"))

    def _logs(self) -> None:
        for form, history in self.file.logs.items():
            if self._known("log", form, self.protocol.logs, ("logs", form)):
                for line, given in history.lines.items():
                    for k, row in enumerate(given.rows):
                        self._form(form, row, ("logs", form, "lines", line, "rows", k))

    def _answers(self) -> None:
        planned = [form for form, points in self.protocol.where_asked.items() if points]
        planned = [form for form in planned if form not in self.protocol.logs]
        end = self.protocol.study.recorded_on.end.partition(".")[0]
        for form, answers in self.file.answers.items():
            if self._known("form", form, planned, ("answers", form)):
                self._form(form, answers.items, ("answers", form, "items"))
        consent = self._said(self.protocol.study.recorded_on.consent, ("answers",))
        if consent is not None and consent.always is not True:
            place = self.source.place(("answers",))
            message = "people who do not consent are not simulated"
            self.problems.append(Problem(place, message, "Answer the consent with `true`."))
        for form in planned:
            if form not in self.file.answers and form != end:
                hint = f"Add `{form}` with its items, `from` and a reason."
                place = self.source.key_place(("answers",))
                self.problems.append(Problem(place, f"nobody answers the form `{form}`", hint))

    def _cells(self) -> None:
        """Cells are of a panel of the study: its markers, its populations, the items of its form."""
        panels = self.protocol.panels.panels if self.protocol.panels else {}
        for name, cells in self.file.cells.items():
            if not self._known("panel", name, panels, ("cells", name)):
                continue
            panel = panels[name]
            for path, kind, used, known in strangers(panel, cells):
                self._known(kind, used, known, ("cells", name, *path))
            for marker in panel.markers:
                if NONE not in cells.levels.get(marker, {}):
                    message = f"nothing says how bright cells without {marker} are"
                    cure = f"Add {marker}: {{{NONE}: 150}}, or what you believe."
                    self.problems.append(Problem(self.source.place(("cells", name, "levels")), message, cure))
            items = self.protocol.forms[panel.form].items if panel.form else ()
            for key, one in cells.kinds.items():
                at = ("cells", name, "kinds", key)
                for quantity in (*one.follows.values(), *filter(None, [one.number.quantity])):
                    self._known("quantity", quantity, self.model.quantities, at)
                for item in filter(None, (one.number.share, one.number.rest)):
                    self._known("item", item, items, at)

    # ---- one form, one item

    def _form(self, form: str, given: Mapping[str, Given], path: Path) -> None:
        items = self.protocol.forms[form].items
        for name, answer in given.items():
            if self._known("item", name, items, (*path, name)):
                self._answer(form, items[name], answer, (*path, name), items)
        acts = {"given", "dose", self.file.people.missed_dose.item}
        set_by_site = acts if form == self.protocol.study.recorded_on.injection else set()
        for name, item in items.items():
            if item.required and name not in given and name not in set_by_site:
                place = self.source.key_place(path)
                message = f"`{form}.{name}` must be answered, and is not"
                self.problems.append(Problem(place, message, f"Write {name}: … here."))

    def _answer(self, form: str, item: Item, answer: Given, path: Path, items: Iterable[str]) -> None:
        """The names in one answer, and whether it is of the item's type."""
        self._typed(item, answer, path)
        model = self.model
        one: list[tuple[str, str, str | None, Iterable[str]]] = [
            ("quantity", "quantity", answer.quantity, model.quantities),
            ("laboratory", "laboratory value", answer.laboratory, model.clinic.laboratory),
            ("process", "process", answer.process, model.clinic.processes),
            ("organ", "organ", answer.organ, self.organs),
            ("with", "organ", answer.with_, self.organs),
            ("plus", "item", answer.plus, items),
            ("above", "item", answer.above, items),
        ]
        several: list[tuple[str, str, Iterable[str], Iterable[str]]] = [
            ("affected", "organ", answer.affected, self.organs),
            ("residual", "organ", answer.residual, self.organs),
            ("shows", "sign", answer.shows, self.signs),
            ("when", "sign", answer.when, self.signs),
            ("sum", "item", answer.sum, items),
            ("at", "timepoint of this form", answer.at, self.protocol.where_asked[form]),
        ]
        for key, kind, name, known in one:
            if name is not None:
                self._known(kind, name, known, (*path, key))
        for key, kind, names, known in several:
            for name in names:
                self._known(kind, name, known, (*path, key))
        for code, organ in answer.among.items():
            self._code_of(item, code, (*path, "among", code))
            self._known("organ", organ, self.organs, (*path, "among", code))
        for other, factors in answer.by.items():
            self._shared(other, factors, (*path, "by", other))
        if answer.filtration:
            self._known("item", answer.filtration.creatinine, items, (*path, "filtration", "creatinine"))
            self._shared(answer.filtration.sex, ("F", "M"), (*path, "filtration", "sex"))
            self._said(answer.filtration.age, (*path, "filtration", "age"))

    def _typed(self, item: Item, answer: Given, path: Path) -> None:
        codes: dict[str, Iterable[str | None]] = {
            "share": answer.share or (),
            "by_setting": (answer.by_setting or {}).values(),
            "organ": (*ORGAN_STATES, answer.improved),
            "always": (str(answer.always),),
        }
        yes_no = ("chance", "affected", "shows")
        numbers = ("about", "quantity", "laboratory", "process", "since", "sum", "filtration")
        fits = {
            "choice": (*codes,),
            "boolean": (*yes_no, "always"),
            "number": (*numbers, "always"),
            "integer": (*numbers, "always"),
            "date": ("days_ago",),
            "text": ("always",),
        }[item.type]
        if answer.source not in fits:
            message = f"`{answer.source}` does not answer a {item.type}"
            self.problems.append(
                Problem(self.source.place(path), message, f"Write one of {', '.join(fits)}.")
            )
        elif item.type == "choice":
            for code in codes[answer.source]:
                self._code_of(item, code, (*path, answer.source))

    # ---- one name

    def _kinds(self) -> Iterator[tuple[Path, Kind]]:
        for part in ("reactions", "background"):
            for name, kind in getattr(self.file.events, part).kinds.items():
                yield ("events", part, "kinds", name), kind

    def _row(self, form: str, needed: Iterable[str], path: Path) -> bool:
        """Whether a log has the items by which these rows are written."""
        if not self._known("log", form, self.protocol.logs, path):
            return False
        lacking = [name for name in needed if name not in self.protocol.forms[form].items]
        if lacking:
            message = f"the form `{form}` has no item {', '.join(lacking)}, by which these rows are written"
            self.problems.append(Problem(self.source.place(path), message, "Add it to forms.yaml."))
        return not lacking

    def _items(self, form: str) -> Iterable[str]:
        return self.protocol.forms[form].items if form in self.protocol.forms else ()

    def _code(self, form: str, item: str, code: str, path: Path) -> None:
        self._code_of(self.protocol.item(form, item), code, path)

    def _code_of(self, item: Item, code: str | None, path: Path) -> None:
        if item.codes and code is not None:
            self._known("code", code, item.codes, path)

    def _shared(self, path_of_item: str, codes: Iterable[str], path: Path) -> None:
        """An item that is a share of codes, and all of them given."""
        given = self._said(path_of_item, path)
        if given is not None and set(given.share or ()) != set(codes):
            message = f"`{path_of_item}` is not a share of exactly {', '.join(codes)}"
            self.problems.append(Problem(self.source.place(path), message))

    def _said(self, path_of_item: str, path: Path) -> Given | None:
        form, _, item = path_of_item.partition(".")
        if self._known("form", form, self.file.answers, path) and self._known(
            "item", item, self.file.answers[form].items, path
        ):
            return self.file.answers[form].items[item]
        return None

    def _same(self, kind: str, given: Iterable[str], wanted: Iterable[str], path: Path) -> None:
        for name in given:
            self._known(kind, name, wanted, (*path, name))
        for name in set(wanted) - set(given):
            message = f"the model's {kind} `{name}` is missing"
            self.problems.append(Problem(self.source.key_place(path), message, f"Add {name}: {{term: …}}."))

    def _known(self, kind: str, name: str, known: Iterable[str], path: Path) -> bool:
        known = list(known)
        if name in known:
            return True
        place = self.source.key_place(path) if path[-1] == name else self.source.place(path)
        self.problems.append(Problem(place, f"there is no {kind} `{name}`", suggestion(name, known)))
        return False
