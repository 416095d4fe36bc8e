"""How figures are drawn: of each kind the words that it takes.

A figure computes nothing: it names the other rows of its output, and of those that list, the columns. What it
draws are their cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from trialrun.protocol.element import Name, Part
from trialrun.protocol.problem import nearest, shown
from trialrun.protocol.text import Several, Words

Number = float | int
Scale = Literal["linear", "log"]
Colour = Literal["blue", "sky", "green", "orange", "vermilion", "purple", "grey", "pale", "black"]
Shape = Literal["circle", "square", "triangle", "diamond", "cross", "bar"]

Use = tuple[tuple[str | int, ...], str, str | None]
"""Where in a figure a row is named, the row, and the column that it must list (None: any row will do)."""


class Layer(Part):
    """A piece of a figure that draws the cells of rows.

    ``LISTED``: keys that name a row that lists, and which keys name its columns. ``ROWS``: keys that name
    any row, or several.
    """

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {}
    ROWS: ClassVar[tuple[str, ...]] = ()

    def uses(self, path: tuple[str | int, ...] = ()) -> Iterator[Use]:
        """Every row and column that is named here, with its place."""
        for key, columns in self.LISTED.items():
            row = getattr(self, key)
            if row is None:
                continue
            yield (*path, key), row, ""
            yield from (
                ((*path, one), row, column)
                for one in columns
                for column in _names(getattr(self, one))
                if column is not None
            )
        for key in self.ROWS:
            yield from (((*path, key), row, None) for row in _names(getattr(self, key)))
        for key in type(self).model_fields:
            held = getattr(self, key)
            if isinstance(held, Layer):
                yield from held.uses((*path, key))
            elif isinstance(held, dict):
                for name, one in held.items():
                    if isinstance(one, Layer):
                        yield from one.uses((*path, key, name))


def _names(held: Any) -> tuple[Any, ...]:
    if isinstance(held, dict):
        return tuple(name for names in held.values() for name in names) + tuple(held)
    return held if isinstance(held, tuple) else () if held is None else (held,)


class Line(Part):
    """A value that is marked on an axis."""

    at: Number
    title: Words | None = None


class Level(Part):
    """How a value of a column is shown: its words, colour, and a sign for those who do not see the colour."""

    title: Words | None = None
    colour: Colour | None = None
    sign: str = ""
    values: Several = ()


class Drawn(Layer):
    """What all figures have."""

    figure: str


class Flow(Drawn):
    """Participants from one box to the next; ``within`` a box what else is said of them, and beside it
    (``aside``) those who leave before the following one."""

    ROWS = ("boxes", "aside", "within")
    figure: Literal["flow"]
    boxes: Several = Field(min_length=1)
    aside: dict[Name, Several] = Field(default_factory=dict)
    within: dict[Name, Several] = Field(default_factory=dict)


class KaplanMeier(Drawn):
    """A survival curve with its interval, and how many are at risk at some days."""

    ROWS = ("curve", "at_risk")
    figure: Literal["kaplan_meier"]
    curve: Name
    at_risk: Name | None = None
    x_title: Words
    y_title: Words


class Boundary(Drawn):
    """Events against people: where it stops, and the path of the trial."""

    ROWS = ("limits", "path")
    figure: Literal["boundary"]
    limits: Name
    path: Name | None = None
    x_title: Words
    y_title: Words
    stop: Words


class Middle(Layer):
    """A line through summaries: a row for the places along the axis, one for the values, line by line."""

    ROWS = ("x", "y")
    x: Name
    y: Name
    statistic: Name = "median"
    title: Words


class Shade(Layer):
    """Bands behind a figure: two rows for their beginnings and ends, line by line."""

    ROWS = ("begin", "end")
    begin: Name
    end: Name
    statistic: Name = "median"


class Profiles(Drawn):
    """A line for each participant, with the middle of all and shaded times."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "x", "y")}
    figure: Literal["profiles"]
    of: Name
    who: Name = "USUBJID"
    x: Name
    y: Name
    x_title: Words
    y_title: Words
    scale: Scale = "linear"
    zero: bool = True  # whether a linear axis begins at zero
    middle: Middle | None = None
    shade: Shade | None = None
    lines: tuple[Line, ...] = ()


class Pairs(Drawn):
    """Two values of each participant joined, with the estimate of their difference."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "before", "after")}
    ROWS = ("estimate",)
    figure: Literal["pairs"]
    of: Name
    who: Name = "USUBJID"
    before: Name
    after: Name
    before_title: Words
    after_title: Words
    y_title: Words
    scale: Scale = "linear"
    estimate: Name | None = None
    estimate_title: Words | None = None


class Means(Drawn):
    """Estimates with their intervals, line by line of the rows named; a group in its own colour."""

    ROWS = ("of",)
    figure: Literal["means"]
    of: Several = Field(min_length=1)
    estimate: Name = "mean"
    lower: Name = "lower"
    upper: Name = "upper"
    y_title: Words
    x_title: Words | None = None
    scale: Scale = "linear"
    joined: bool = True
    lines: tuple[Line, ...] = ()


class Waterfall(Drawn):
    """A bar for each participant, from the greatest rise to the greatest fall."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "value", "colour")}
    figure: Literal["waterfall"]
    of: Name
    who: Name = "USUBJID"
    value: Name
    colour: Name | None = None
    levels: dict[str, Level] = Field(default_factory=dict)
    y_title: Words
    x_title: Words
    lines: tuple[Line, ...] = ()


class HeatMap(Drawn):
    """Participant by visit, a panel for each of something, coloured by what a state means."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "panel", "x", "state")}
    figure: Literal["heat_map"]
    of: Name
    who: Name = "USUBJID"
    panel: Name
    x: Name
    state: Name
    levels: dict[str, Level] = Field(min_length=1)
    hide: str | None = None  # a level: a panel that has nothing else is left out


class Bars(Layer):
    """Bars along the time of each participant, coloured by a column."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "begin", "end", "colour")}
    of: Name
    who: Name = "USUBJID"
    begin: Name
    end: Name
    colour: Name | None = None
    title: Words | None = None
    levels: dict[str, Level] = Field(default_factory=dict)


class Marks(Layer):
    """Signs along the time of each participant."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "at", "label")}
    of: Name
    who: Name = "USUBJID"
    at: Name
    label: Name | None = None
    title: Words
    shape: Shape = "circle"
    colour: Colour = "black"
    place: Literal["on", "above", "below"] = "on"


class Swimmer(Drawn):
    """The time of each participant: how long, what in it, and what happened when."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "begin", "end", "ended")}
    figure: Literal["swimmer"]
    of: Name
    who: Name = "USUBJID"
    begin: Name | None = None
    end: Name
    ended: Name | None = None  # a column; who has nothing in it is still followed
    follow: Words
    ongoing: Words | None = None
    bars: dict[Name, Bars] = Field(default_factory=dict)
    marks: dict[Name, Marks] = Field(default_factory=dict)
    x_title: Words


class Scatter(Drawn):
    """Two values of each participant against each other, with their correlation."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "x", "y")}
    ROWS = ("related",)
    figure: Literal["scatter"]
    of: Name
    who: Name = "USUBJID"
    x: Name
    y: Name
    x_title: Words
    y_title: Words
    x_scale: Scale = "linear"
    related: Name | None = None
    x_lines: tuple[Line, ...] = ()
    y_lines: tuple[Line, ...] = ()


class Curve(Layer):
    """One density: a row that has its points among its lines, and the statistic that is its height."""

    ROWS = ("of",)
    of: Name
    density: Name = "posterior"
    title: Words
    colour: Colour = "blue"
    dashed: bool = False
    panel: Words | None = None


class Densities(Drawn):
    """Densities over a grid, such as before and after the data."""

    figure: Literal["densities"]
    curves: dict[Name, Curve] = Field(min_length=1)
    x: Name = "p"
    x_title: Words
    y_title: Words
    lines: tuple[Line, ...] = ()


class Dots(Drawn):
    """A dot for each term and group, or each term and grade."""

    ROWS = ("of",)
    figure: Literal["dots"]
    of: Name
    statistic: Name = "percent"
    x_title: Words
    grades: bool = False
    most: int = Field(default=30, ge=1, le=100)


class Timeline(Drawn):
    """What happened to each participant, from when to when, in lanes."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "begin", "end", "label", "colour")}
    figure: Literal["timeline"]
    of: Name
    who: Name = "USUBJID"
    begin: Name
    end: Name
    label: Name
    colour: Name | None = None
    levels: dict[str, Level] = Field(default_factory=dict)
    x_title: Words
    shade: Shade | None = None


class Trellis(Drawn):
    """A panel for each participant with a line for each measurement."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "x", "y", "line")}
    figure: Literal["trellis"]
    of: Name
    who: Name = "USUBJID"
    x: Name
    y: Name
    line: Name
    x_title: Words
    y_title: Words
    scale: Scale = "linear"
    lines: tuple[Line, ...] = ()


class Edish(Drawn):
    """Peak against peak in multiples of normal limits, with the quadrants of evaluating liver injury
    (Watkins et al., Drug Saf 2011;34:1-9)."""

    LISTED: ClassVar[dict[str, tuple[str, ...]]] = {"of": ("who", "x", "y")}
    figure: Literal["edish"]
    of: Name
    who: Name = "USUBJID"
    x: Name
    y: Name
    x_title: Words
    y_title: Words
    x_limit: Number = Field(default=3, gt=0)
    y_limit: Number = Field(default=2, gt=0)


def _tag(value: Any) -> str:
    said = value.get("figure") if isinstance(value, dict) else getattr(value, "figure", None)
    return f"[{said}]"


def _known(value: Any) -> Any:
    """Refuse a kind that nobody can draw."""
    if isinstance(value, dict) and value.get("figure") not in KINDS:
        said = str(value.get("figure"))
        close = nearest(said, KINDS)
        cure = f"write `{close}`" if close else f"write one of {', '.join(KINDS)}"
        raise ValueError(f"there is no figure `{shown(said)}`; {cure}")
    return value


KINDS = (
    "flow", "kaplan_meier", "boundary", "profiles", "pairs", "means", "waterfall", "heat_map", "swimmer",
    "scatter", "densities", "dots", "timeline", "trellis", "edish",
)  # fmt: skip

Figure = Annotated[
    Annotated[Flow, Tag("[flow]")]
    | Annotated[KaplanMeier, Tag("[kaplan_meier]")]
    | Annotated[Boundary, Tag("[boundary]")]
    | Annotated[Profiles, Tag("[profiles]")]
    | Annotated[Pairs, Tag("[pairs]")]
    | Annotated[Means, Tag("[means]")]
    | Annotated[Waterfall, Tag("[waterfall]")]
    | Annotated[HeatMap, Tag("[heat_map]")]
    | Annotated[Swimmer, Tag("[swimmer]")]
    | Annotated[Scatter, Tag("[scatter]")]
    | Annotated[Densities, Tag("[densities]")]
    | Annotated[Dots, Tag("[dots]")]
    | Annotated[Timeline, Tag("[timeline]")]
    | Annotated[Trellis, Tag("[trellis]")]
    | Annotated[Edish, Tag("[edish]")],
    Discriminator(_tag),
    BeforeValidator(_known),
]
