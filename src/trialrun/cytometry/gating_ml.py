"""Gating-ML 2.0 read: gates, scales, matrices (ISAC, Spidlen 2015, Cytometry A 87A:683).

Nothing is fetched: a document that declares entities or a document type is refused before it is read further.
Elements of other standards are passed over, but within what Gating-ML defines nothing unknown is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from .compensation import Compensation
from .gates import Boolean, Dimension, Divider, Ellipsoid, Gate, Operand, Polygon, Quadrant, Ratio, Rectangle
from .hierarchy import Hierarchy, Population
from .transform import Asinh, GatingError, Hyperlog, Linear, Log, Logicle, Transform
from .xml import Element, parse

GATING = "http://www.isac-net.org/std/Gating-ML/v2.0/gating"
TRANSFORMS = "http://www.isac-net.org/std/Gating-ML/v2.0/transformations"
DATATYPES = "http://www.isac-net.org/std/Gating-ML/v2.0/datatypes"

_T = TypeVar("_T")

SCALES: dict[str, tuple[type[Linear | Log | Asinh | Logicle | Hyperlog], str]] = {
    "flin": (Linear, "TA"),
    "flog": (Log, "TM"),
    "fasinh": (Asinh, "TMA"),
    "logicle": (Logicle, "TWMA"),
    "hyperlog": (Hyperlog, "TWMA"),
}


def read(path: Path) -> Hierarchy:
    """The populations of a Gating-ML 2.0 file: one for each gate, and for each quadrant of a quadrant gate.

    Raises GatingError with the file, the line, the cause and the cure; OSError.
    """
    return loads(path.read_bytes(), path.name)


def loads(document: bytes, file: str = "Gating-ML") -> Hierarchy:
    """As `read`, from a document in memory; `file` is what errors call it."""
    root = parse(document, file)
    if root.name != (GATING, "Gating-ML"):
        raise root.error(f"is <{root.name[1]}>, not <Gating-ML> of version 2.0 ({GATING})")
    reader = _Reader(root)
    populations = [one for element in root.walk() for one in reader.populations(element)]
    try:
        return Hierarchy(populations)
    except GatingError as error:
        raise GatingError(f"{file}: {error}") from None


class _Reader:
    """The matrices and scales of a document, and the populations that use them."""

    def __init__(self, root: Element) -> None:
        elements = list(root.walk())
        self.matrices = _named(elements, "spectrumMatrix", _matrix)
        self.scales = _named(elements, "transformation", _scale)

    def populations(self, element: Element) -> Iterator[Population]:
        space, kind = element.name
        if space != GATING or kind not in _SHAPES:
            return
        name = _text(element, GATING, "id")
        parent = element.get(GATING, "parent_id")
        try:
            if kind == "QuadrantGate":
                for quadrant, gate in self.quadrants(element, name):
                    yield Population(quadrant, gate, parent)
            else:
                yield Population(name, _SHAPES[kind](self, element), parent)
        except GatingError as error:
            raise error if str(error).startswith(element.file) else element.error(str(error)) from None

    def rectangle(self, element: Element) -> Gate:
        found = element.children(GATING, "dimension")
        bounds = tuple((_optional(one, GATING, "min"), _optional(one, GATING, "max")) for one in found)
        return Rectangle(tuple(self.dimension(one) for one in found), bounds)

    def polygon(self, element: Element) -> Gate:
        dimensions = self.dimensions(element)
        if len(dimensions) != 2:
            raise element.error(f"a polygon has 2 dimensions, this has {len(dimensions)}")
        vertices = []
        for vertex in element.children(GATING, "vertex"):
            numbers = _coordinates(vertex)
            if len(numbers) != 2:
                raise vertex.error(f"a vertex has 2 coordinates, this has {len(numbers)}")
            vertices.append((numbers[0], numbers[1]))
        return Polygon((dimensions[0], dimensions[1]), tuple(vertices))

    def ellipsoid(self, element: Element) -> Gate:
        rows = _one(element, GATING, "covarianceMatrix").children(GATING, "row")
        covariance = tuple(
            tuple(_number(entry, DATATYPES, "value") for entry in row.children(GATING, "entry"))
            for row in rows
        )
        distance = _number(_one(element, GATING, "distanceSquare"), DATATYPES, "value")
        return Ellipsoid(
            self.dimensions(element), _coordinates(_one(element, GATING, "mean")), covariance, distance
        )

    def quadrants(self, element: Element, family: str) -> Iterator[tuple[str, Gate]]:
        dividers = {}
        for one in element.children(GATING, "divider"):
            values = tuple(_parsed(value, value.text) for value in one.children(GATING, "value"))
            divider = Divider(_text(one, GATING, "id"), self.dimension(one), values)
            dividers[divider.name] = divider
        for quadrant in element.children(GATING, "Quadrant"):
            parts = []
            for position in quadrant.children(GATING, "position"):
                divider_name = _text(position, GATING, "divider_ref")
                if divider_name not in dividers:
                    raise position.error(f"there is no divider `{divider_name}`; there are {_list(dividers)}")
                parts.append((dividers[divider_name], _number(position, GATING, "location")))
            yield _text(quadrant, GATING, "id"), Quadrant(family, tuple(parts))

    def boolean(self, element: Element) -> Gate:
        found = [
            one for one in element.content if one.name[0] == GATING and one.name[1] in ("and", "or", "not")
        ]
        if len(found) != 1:
            raise element.error("a Boolean gate holds one of <and>, <or>, <not>")
        operation: Literal["and", "or", "not"] = found[0].name[1]  # type: ignore[assignment]
        operands = []
        for reference in found[0].children(GATING, "gateReference"):
            complement = reference.get(GATING, "use-as-complement") in ("true", "1")
            operands.append(Operand(_text(reference, GATING, "ref"), complement))
        return Boolean(operation, tuple(operands))

    def dimensions(self, element: Element) -> tuple[Dimension, ...]:
        return tuple(self.dimension(one) for one in element.children(GATING, "dimension"))

    def dimension(self, element: Element) -> Dimension:
        transform = None
        if (wanted := element.get(GATING, "transformation-ref")) is not None:
            scale = self.referred(element, wanted)
            if isinstance(scale, Ratio):
                raise element.error(f"`{wanted}` is a ratio; a scale was expected here")
            transform = scale
        if ratios := element.children(DATATYPES, "new-dimension"):
            wanted = _text(ratios[0], DATATYPES, "transformation-ref")
            ratio = self.referred(ratios[0], wanted)
            if not isinstance(ratio, Ratio):
                raise ratios[0].error(f"`{wanted}` is a scale; a ratio (fratio) was expected here")
            if element.get(GATING, "compensation-ref") not in (None, "uncompensated"):
                raise element.error("a ratio of compensated channels is not supported; use uncompensated")
            return Dimension(ratio, None, transform)
        channel = _text(_one(element, DATATYPES, "fcs-dimension"), DATATYPES, "name")
        return Dimension(channel, self.compensation(element), transform)

    def referred(self, element: Element, name: str) -> Transform | Ratio:
        if name not in self.scales:
            raise element.error(f"there is no transformation `{name}`; there are {_list(self.scales)}")
        return self.scales[name]

    def compensation(self, element: Element) -> Compensation | Literal["file"] | None:
        name = element.get(GATING, "compensation-ref")
        if name in (None, "uncompensated"):
            return None
        if name == "FCS":
            return "file"
        if name not in self.matrices:
            raise element.error(f"there is no spectrumMatrix `{name}`; there are {_list(self.matrices)}")
        return self.matrices[name]


_SHAPES: dict[str, Callable[[_Reader, Element], Gate]] = {
    "RectangleGate": _Reader.rectangle,
    "PolygonGate": _Reader.polygon,
    "EllipsoidGate": _Reader.ellipsoid,
    "BooleanGate": _Reader.boolean,
    "QuadrantGate": _Reader.boolean,  # read as its quadrants
}


def _scale(element: Element, name: str) -> Transform | Ratio:
    if len(element.content) != 1:
        raise element.error(f"`{name}` holds {len(element.content)} elements, expected one scale or ratio")
    inner = element.content[0]
    kind = inner.name[1]
    if kind == "fratio":
        channels = [_text(one, DATATYPES, "name") for one in inner.children(DATATYPES, "fcs-dimension")]
        if len(channels) != 2:
            raise inner.error(f"a ratio is of 2 channels, this names {len(channels)}")
        return Ratio(channels[0], channels[1], *(_number(inner, TRANSFORMS, letter) for letter in "ABC"))
    if kind not in SCALES:
        raise inner.error(f"is no scale of Gating-ML 2.0; there are fratio, {_list(SCALES)}")
    scale, letters = SCALES[kind]
    try:
        return scale(**{letter.lower(): _number(inner, TRANSFORMS, letter) for letter in letters})
    except GatingError as error:
        raise error if str(error).startswith(inner.file) else inner.error(str(error)) from None


def _matrix(element: Element, name: str) -> Compensation:
    fluorochromes, detectors = (
        tuple(
            _text(one, DATATYPES, "name")
            for one in _one(element, TRANSFORMS, kind).children(DATATYPES, "fcs-dimension")
        )
        for kind in ("fluorochromes", "detectors")
    )
    rows = tuple(
        tuple(_number(one, TRANSFORMS, "value") for one in spectrum.children(TRANSFORMS, "coefficient"))
        for spectrum in element.children(TRANSFORMS, "spectrum")
    )
    if (element.get(TRANSFORMS, "matrix-inverted-already") or "false") not in ("false", "0"):
        raise element.error(f"`{name}` is stored inverted, which is not supported; store the spectra")
    try:
        return Compensation(detectors, fluorochromes, rows, name)
    except GatingError as error:
        raise element.error(str(error)) from None


def _named(elements: list[Element], kind: str, make: Callable[[Element, str], _T]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for element in elements:
        if element.name == (TRANSFORMS, kind):
            name = _text(element, TRANSFORMS, "id")
            if name in found:
                raise element.error(f"`{name}` is there twice; give each {kind} its own id")
            found[name] = make(element, name)
    return found


def _one(element: Element, space: str, name: str) -> Element:
    found = element.children(space, name)
    if len(found) != 1:
        raise element.error(f"holds {len(found)} <{name}>, expected one")
    return found[0]


def _coordinates(element: Element) -> tuple[float, ...]:
    return tuple(_number(one, DATATYPES, "value") for one in element.children(GATING, "coordinate"))


def _text(element: Element, space: str, name: str) -> str:
    if not (value := element.get(space, name)):
        raise element.error(f"has no attribute `{name}`")
    return value


def _optional(element: Element, space: str, name: str) -> float | None:
    return None if element.get(space, name) is None else _number(element, space, name)


def _number(element: Element, space: str, name: str) -> float:
    return _parsed(element, _text(element, space, name), f"attribute `{name}`")


def _parsed(element: Element, text: str, what: str = "its text") -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise element.error(f"{what} is `{text.strip()}`, expected a number")
    return number


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
