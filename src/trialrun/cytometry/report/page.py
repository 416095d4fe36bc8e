"""A batch of gated samples as one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trialrun import __version__
from trialrun.cytometry.batch import Batch, engine
from trialrun.cytometry.quantity import Estimate
from trialrun.protocol.panel import Quantity
from trialrun.protocol.population import ALL, Population

from . import course, miflowcyt, plot
from .agreement import bridging, replicates
from .colour import swatches
from .language import Language, language
from .portrait import Portrait
from .seen import NOTHING, Seen

PACKAGES = ("numpy", "scipy", "flowio", "flowutils")
POLICY = "base-uri 'none'; form-action 'none'"
OPEN = 4
"""So many samples, and no more, are all shown at first."""
UNSAID = {"method", "title", "from_", "reason", "of", "against"}


def page(batch: Batch, portraits: Mapping[str, Portrait], code: str, visits: Sequence[str] = ()) -> str:
    """The page about a batch in a language (`en`, `fr`).

    portraits: by the name of a file. visits: their order, by default that in which the manifest names them.
    Raises ValueError for another language.
    """
    words = language(code)
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    samples = [Seen(one, portraits.get(one.file.name, NOTHING)) for one in batch.outcomes]
    order = _visits(samples, visits)
    shown = _Shown(batch, words, _ordered(samples, order), order)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            t=words,
            batch=batch,
            panel=batch.panel,
            samples=shown.samples,
            style=style,
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; {POLICY}",
            shown=shown,
            software={**software(), "engine": engine()[:16]},
            plot=plot,
            course=course,
        )
    )


def _visits(samples: Sequence[Seen], said: Sequence[str]) -> tuple[str, ...]:
    """The visits of participants' samples: as said, then those that the manifest names first."""
    lines = sorted(samples, key=lambda one: (one.row.line or 0, one.name))
    there = dict.fromkeys(one.row["timepoint"] for one in lines if not one.row["reference"])
    return (*(one for one in dict.fromkeys(said) if one in there), *(one for one in there if one not in said))


def _ordered(samples: Sequence[Seen], visits: Sequence[str]) -> tuple[Seen, ...]:
    """By participant and visit; references after them."""

    def place(one: Seen) -> tuple[bool, str, int, str, str]:
        visit = 0 if one.row["reference"] else visits.index(one.row["timepoint"])
        return bool(one.row["reference"]), one.participant, visit, one.row["batch"], one.name

    return tuple(sorted(samples, key=place))


def software() -> dict[str, str]:
    """The versions of what computes, as they are installed."""
    found = {"trialrun": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trialrun.cytometry.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["drawing"] = Markup  # ours, its words escaped where they are put in
    return environment


@cache
def _style() -> Markup:
    source, _, _ = _environment().loader.get_source(_environment(), "page.css")  # type: ignore[union-attr]
    return Markup(source)


@dataclass(frozen=True, eq=False)
class _Shown:
    """What the template asks for: names and numbers in the words of the page."""

    batch: Batch
    words: Language
    samples: tuple[Seen, ...]
    visits: tuple[str, ...]

    # ---- names ----

    def title(self, one: Population | Quantity, name: str) -> str:
        return one.title(self.words.code) if one.title else name.replace("_", " ")

    def population(self, name: str) -> str:
        if name == ALL:
            return self.words("all")
        return self.title(self.batch.panel.populations[name], name)

    def quantity(self, name: str) -> str:
        one = self.batch.panel.quantities[name]
        if one.title:
            return one.title(self.words.code)
        population = self.population(one.population)
        if one.kind == "percent":
            return self.words("quantity.percent", population=population, of=self.population(str(one.of)))
        marker = str(one.median) if one.kind == "median" else ""
        return self.words(f"quantity.{one.kind}", population=population, marker=marker)

    def unit(self, name: str) -> str:
        return self.words(f"unit.{self.batch.panel.quantities[name].kind}")

    def label(self, one: Seen) -> str:
        """Of whom and when a sample is; the file too where that is not enough to tell it from others."""
        said = self._said(one)
        alone = sum(self._said(other) == said for other in self.samples) == 1
        return said if said and alone else " · ".join(part for part in (said, one.name) if part)

    def _said(self, one: Seen) -> str:
        if one.row["reference"]:
            reference = self.batch.panel.references.get(one.row["reference"])
            titled = (
                reference.title(self.words.code) if reference and reference.title else one.row["reference"]
            )
            return " · ".join(part for part in (titled, one.row["batch"]) if part)
        return " · ".join(part for part in (one.participant, one.row["timepoint"]) if part)

    def estimate(self, one: Estimate | None) -> str:
        """A number with its interval."""
        if one is None or one.value is None:
            return "–"
        number = self.words.number
        if one.low is None or one.high is None:
            return number(one.value)
        return f"{number(one.value)} ({number(one.low)}\u2009–\u2009{number(one.high)})"

    def said(self, text: str) -> dict[str, str]:
        said, code = self.words.said(text)
        return {"text": said, "lang": code}

    def why(self, one: Estimate) -> list[tuple[str, str]]:
        """Why there is no number: what is said, after the name of the rule that withholds it, if one does."""
        rules = "|".join(map(re.escape, self.batch.panel.quality))
        first, *others = re.split(f"(?:^|; )({rules}): ", one.reason or "") if rules else [one.reason or ""]
        withheld = list(zip(others[::2], others[1::2], strict=True))
        return withheld if not first else [("", one.reason or "")]

    # ---- populations ----

    @property
    def tree(self) -> list[tuple[int, str, Population]]:
        """Depth, name and population, children below their parents, as the panel orders them."""
        populations = self.batch.panel.populations

        def below(parent: str, depth: int) -> list[tuple[int, str, Population]]:
            found = []
            for name, one in populations.items():
                if one.of == parent:
                    found += [(depth, name, one), *below(name, depth + 1)]
            return found

        return below(ALL, 1)

    @property
    def drawn(self) -> list[str]:
        """The populations whose gate is drawn in some sample."""
        return [name for _, name, _ in self.tree if any(name in one.pictures for one in self.samples)]

    @property
    def first(self) -> str:
        """The first population of a quantity that is drawn: it is shown before it is asked for."""
        named = [one.population for one in self.batch.panel.quantities.values()]
        return next((name for name in named if name in self.drawn), "")

    def part(self, one: Seen, name: str) -> str:
        """A population in % of its parent."""
        parent = self.batch.panel.populations[name].of
        return self.words.percent(one.count(name), one.count(parent))

    def spread(self, name: str) -> dict[str, str]:
        """Over the samples: median, least and greatest % of the parent, and how many samples have it."""
        parent = self.batch.panel.populations[name].of
        pairs = [(one.count(name), one.count(parent)) for one in self.samples]
        shares = [100 * part / whole for part, whole in pairs if part is not None and whole]
        events = [part for part, _ in pairs if part is not None]
        number = self.words.number
        if not shares:
            return {"events": "–", "median": "–", "range": "–", "known": "0"}
        return {
            "events": self.words.count(round(median(events))),
            "median": number(median(shares)),
            "range": f"{number(min(shares))}\u2009–\u2009{number(max(shares))}",
            "known": str(len(shares)),
        }

    def method(self, name: str) -> str:
        """How a population is chosen, as the panel says it."""
        one = self.batch.panel.populations[name]
        said = one.model_dump(exclude=UNSAID, exclude_defaults=True)
        parts = [f"{key}: {_plain(value)}" for key, value in said.items()]
        return "; ".join([self.words(f"method.{one.method}"), *parts])

    # ---- samples ----

    @property
    def virtual(self) -> int:
        return sum(one.virtual for one in self.samples)

    def verdicts(self, kind: str) -> int:
        return sum(one.verdict == kind for one in self.samples)

    def findings(self, one: Seen) -> list[tuple[str, str]]:
        """What was odd about the file, and by population about its gate."""
        gates = one.outcome.gates.items()
        return [
            *(("", said) for said in one.outcome.file.findings),
            *((name, said) for name, told in gates for said in told.get("findings", ())),
        ]

    def opened(self, place: int) -> bool:
        return len(self.samples) <= OPEN or place == 0

    # ---- courses ----

    @property
    def participants(self) -> list[str]:
        return list(dict.fromkeys(one.participant for one in self.samples if one.participant))

    def courses(self, name: str) -> list[tuple[str, str]]:
        """Each participant with the drawing of a quantity, all on one axis."""
        visits = self.visits
        points: dict[str, list[course.Point]] = {one: [] for one in self.participants}
        for one in self.samples:
            estimate = one.estimates.get(name)
            if not one.participant or estimate is None or estimate.value is None:
                continue
            points[one.participant].append(
                course.Point(
                    visits.index(one.row["timepoint"]),
                    estimate.value,
                    estimate.low,
                    estimate.high,
                    one.verdict == "fail",
                )
            )
        values = [
            value
            for some in points.values()
            for one in some
            for value in (one.value, one.low, one.high)
            if value is not None
        ]
        if not values:
            return []
        axis = course.ends(values)
        named = [one or self.words("visit.unsaid") for one in visits]
        return [(who, course.course(some, named, axis, self.words.short)) for who, some in points.items()]

    # ---- agreement ----

    @property
    def replicates(self) -> list[Any]:
        return replicates(self.samples)

    @property
    def bridging(self) -> list[Any]:
        return bridging(self.samples)

    # ---- reporting standard ----

    @property
    def reagents(self) -> list[miflowcyt.Reagent]:
        return miflowcyt.reagents(self.batch.panel, self.samples)

    @property
    def instrument(self) -> dict[str, list[str]]:
        return miflowcyt.instrument(self.samples)

    @property
    def dates(self) -> list[str]:
        return miflowcyt.dates(self.samples)

    def scale(self, marker: str) -> str:
        one = self.batch.panel.transform(marker)
        said = one.scale.model_dump(exclude_none=True)
        return ", ".join([one.kind, *(f"{key} {value:g}" for key, value in said.items())])

    @property
    def swatches(self) -> list[str]:
        return swatches(8)


def _plain(value: Any) -> str:
    """A value of the panel in a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(_plain(one) for one in value)}]"
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value is None else str(value)
