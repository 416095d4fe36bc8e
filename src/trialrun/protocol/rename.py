"""Names that changed: which, and where a study file uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]

# (section, key) -> the collections whose names stand there: first the first word, then those after a point
# or an @ (`form.item@visit`). A name that stands anywhere else counts as a change of its own.
_USES: dict[tuple[str, str], str] = {
    **{("activities", key): key for key in ("forms", "specimens")},
    ("activities", "at"): "points",
    ("decisions", "needs"): "forms",
    **{("decisions", key): "points" for key in ("when", "expected")},
    **{("variables", key): "item" for key in (
        "item", "count", "max", "min", "sum", "first", "last", "span", "since", "complete")},
    **{("variables", key): "points" for key in ("at", "during")},
    **{("endpoints", key): "points" for key in ("until", "complete_at", "baseline", "at", "secondary_at")},
    **{("endpoints", key): "forms" for key in ("events", "unless")},
    **{("visits", key): "points" for key in ("after", "otherwise")},
    ("visits", "epoch"): "epochs",
    **{("treatment", key): key + "s" for key in ("level", "substance")},
    **{("treatment", key): "points" for key in ("after", "setting")},
    **{("recorded_on", key): "item" for key in (
        "consent", "injection", "end", "adverse_event", "deviation")},
    ("suspensions", "same"): "item",
    ("enrolment", "until"): "points",
    ("objectives", "endpoints"): "endpoints",
    ("multiplicity", "over"): "endpoints",
    ("timeline", "sum_of"): "timeline",
}  # fmt: skip
_PLACES = {"levels": ("treatment", "levels"), "substances": ("treatment", "substances")}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass
class Renames:
    """collection path (by new names) -> {old name: new name}."""

    names: dict[Path, dict[str, str]] = field(default_factory=dict)

    def add(self, collection: Path, old: str, new: str) -> None:
        self.names.setdefault(collection, {})[old] = new

    def path(self, path: Path) -> Path:
        """A path of the old protocol as it is called in the new one."""
        if not self.names:
            return path
        found: Path = ()
        for name in path:
            found = (*found, self.names.get(found, {}).get(name, name))
        return found

    def variables(self, form: str | None) -> Mapping[str, str]:
        """How the names that a rule reads are called now; ``form``: the one whose rows it is about."""
        of_form = self.names.get((*self.path(("forms", form)), "items"), {}) if form else {}
        return {**self.names.get(("variables",), {}), **of_form}

    def point(self, point: str) -> str:
        """A timepoint, or a pattern of some: a visit or decision, or a course and its day."""
        for collection in ("visits", "decisions"):
            if point in self.names.get((collection,), {}):
                return self.names[collection,][point]
        cycle, dot, day = point.partition(".")
        return self.names.get(("treatment", "cycles"), {}).get(cycle, cycle) + dot + day

    def value(self, path: Path, value: Any) -> Any:
        """A value that names elements, with their names of now."""
        use = _USES.get((path[0], path[-1]))
        if not self.names or use is None:
            return value
        if isinstance(value, tuple):
            return tuple(self._named(use, str(one)) for one in value)
        if hasattr(value, "after") and hasattr(value, "until"):
            return type(value)(self._named(use, value.after), value.offset, value.until)
        return self._named(use, value) if isinstance(value, str) else value

    def _named(self, use: str, text: str) -> str:
        if use == "points":
            prefix = "by " if text.startswith("by ") else ""
            return prefix + self.point(text.removeprefix(prefix))
        if use == "item":
            return self.item(text)
        known = self.names.get(_PLACES.get(use, (use,)), {})
        return _WORD.sub(lambda word: known.get(word[0], word[0]), text)

    def item(self, text: str) -> str:
        """``form``, ``form.item`` or ``form.item@moment``."""
        where, at, moment = text.partition("@")
        form, dot, item = where.strip().partition(".")
        of_form = self.path(("forms", form, "items", item))
        return of_form[1] + dot + of_form[3] + at + (self.point(moment.strip()) if at else "")
