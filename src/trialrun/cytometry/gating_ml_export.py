"""Gating-ML 2.0 written: a hierarchy as a document that reads back to the same populations."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from .compensation import Compensation
from .gates import Boolean, Dimension, Divider, Ellipsoid, Polygon, Quadrant, Ratio, Rectangle
from .gating_ml import DATATYPES, GATING, SCALES, TRANSFORMS
from .hierarchy import Hierarchy, Population
from .transform import GatingError, Transform


def dumps(hierarchy: Hierarchy) -> str:
    """The document. A complement becomes its gate, named with " (inside)", and a Boolean gate that is not it.

    Raises GatingError for a scale that Gating-ML does not have.
    """
    writer = _Writer()
    for population in hierarchy.order:
        try:
            writer.add(population)
        except GatingError as error:
            raise GatingError(f"population `{population.name}`: {error}") from None
    indent(writer.root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(writer.root, encoding="unicode") + "\n"


class _Writer:
    def __init__(self) -> None:
        spaces = {"xmlns:gating": GATING, "xmlns:transforms": TRANSFORMS, "xmlns:data-type": DATATYPES}
        self.root = Element("gating:Gating-ML", spaces)
        self.scales: dict[Transform | Ratio, str] = {}
        self.matrices: dict[Compensation, str] = {}
        self.families: dict[tuple[str, str | None], Element] = {}
        self.dividers: dict[tuple[str, str | None], dict[str, Divider]] = {}

    def add(self, population: Population) -> None:
        if population.complement:
            inside = f"{population.name} (inside)"
            self.add(Population(inside, population.gate, population.parent))
            gate = self.gate("BooleanGate", population.name, population.parent)
            SubElement(SubElement(gate, "gating:not"), "gating:gateReference", {"gating:ref": inside})
            return
        shape, name, parent = population.gate, population.name, population.parent
        if isinstance(shape, Quadrant):
            self.quadrant(shape, name, parent)
        elif isinstance(shape, Boolean):
            gate = SubElement(self.gate("BooleanGate", name, parent), f"gating:{shape.operation}")
            for operand in shape.operands:
                asked = {"gating:ref": operand.population}
                if operand.complement:
                    asked["gating:use-as-complement"] = "true"
                SubElement(gate, "gating:gateReference", asked)
        elif isinstance(shape, Rectangle):
            dimensions = [self.dimension(one, "dimension") for one in shape.dimensions]
            for dimension, bounds in zip(dimensions, shape.bounds, strict=True):
                for side, bound in zip(("min", "max"), bounds, strict=True):
                    if bound is not None:
                        dimension.set(f"gating:{side}", _text(bound))
            self.gate("RectangleGate", name, parent).extend(dimensions)
        else:
            dimensions = [self.dimension(one, "dimension") for one in shape.dimensions]
            kind = "PolygonGate" if isinstance(shape, Polygon) else "EllipsoidGate"
            gate = self.gate(kind, name, parent)
            gate.extend(dimensions)
            gate.extend(_vertices(shape) if isinstance(shape, Polygon) else _ellipsoid(shape))

    def gate(self, kind: str, name: str, parent: str | None) -> Element:
        gate = SubElement(self.root, f"gating:{kind}", {"gating:id": name})
        if parent is not None:
            gate.set("gating:parent_id", parent)
        return gate

    def quadrant(self, shape: Quadrant, name: str, parent: str | None) -> None:
        key = (shape.family, parent)
        if key not in self.families:
            self.families[key], self.dividers[key] = self.gate("QuadrantGate", *key), {}
        family, known = self.families[key], self.dividers[key]
        for divider, _ in shape.parts:
            if divider.name not in known:
                known[divider.name] = divider
                family.insert(len(known) - 1, self.divider(divider))
            elif known[divider.name] != divider:
                raise GatingError(f"`{shape.family}` has two dividers called `{divider.name}`")
        quadrant = SubElement(family, "gating:Quadrant", {"gating:id": name})
        for divider, location in shape.parts:
            asked = {"gating:divider_ref": divider.name, "gating:location": _text(location)}
            SubElement(quadrant, "gating:position", asked)

    def divider(self, divider: Divider) -> Element:
        element = self.dimension(divider.dimension, "divider")
        element.set("gating:id", divider.name)
        for value in divider.values:
            SubElement(element, "gating:value").text = _text(value)
        return element

    def dimension(self, dimension: Dimension, kind: str) -> Element:
        matrix = dimension.compensation
        name = "uncompensated" if matrix is None else "FCS" if matrix == "file" else self.matrix(matrix)
        element = Element(f"gating:{kind}", {"gating:compensation-ref": name})
        if dimension.transform is not None:
            element.set("gating:transformation-ref", self.scale(dimension.transform))
        if isinstance(dimension.channel, Ratio):
            asked = {"data-type:transformation-ref": self.scale(dimension.channel)}
            SubElement(element, "data-type:new-dimension", asked)
        else:
            SubElement(element, "data-type:fcs-dimension", {"data-type:name": dimension.channel})
        return element

    def scale(self, scale: Transform | Ratio) -> str:
        if scale in self.scales:
            return self.scales[scale]
        kind, letters = _kind(scale)
        name = self.scales[scale] = f"{kind}_{len(self.scales) + 1}"
        element = SubElement(self.root, "transforms:transformation", {"transforms:id": name})
        numbers = {f"transforms:{letter}": _text(getattr(scale, letter.lower())) for letter in letters}
        inner = SubElement(element, f"transforms:{kind}", numbers)
        if isinstance(scale, Ratio):
            _channels(inner, (scale.numerator, scale.denominator))
        return name

    def matrix(self, matrix: Compensation) -> str:
        if matrix in self.matrices:
            return self.matrices[matrix]
        taken = {"FCS", "uncompensated", *self.matrices.values()}
        name = matrix.name if matrix.name not in taken else f"{matrix.name}_{len(taken)}"
        self.matrices[matrix] = name
        element = SubElement(self.root, "transforms:spectrumMatrix", {"transforms:id": name})
        _channels(SubElement(element, "transforms:fluorochromes"), matrix.fluorochromes)
        _channels(SubElement(element, "transforms:detectors"), matrix.detectors)
        for row in matrix.matrix:
            spectrum = SubElement(element, "transforms:spectrum")
            for share in row:
                SubElement(spectrum, "transforms:coefficient", {"transforms:value": _text(share)})
        return name


def _kind(scale: Transform | Ratio) -> tuple[str, str]:
    if isinstance(scale, Ratio):
        return "fratio", "ABC"
    for kind, (made, letters) in SCALES.items():
        if isinstance(scale, made):
            return kind, letters
    raise GatingError(f"Gating-ML 2.0 has no scale like FlowJo's {type(scale).__name__}")


def _vertices(shape: Polygon) -> Iterable[Element]:
    for vertex in shape.vertices:
        yield _numbers("vertex", "coordinate", vertex)


def _ellipsoid(shape: Ellipsoid) -> Iterable[Element]:
    yield _numbers("mean", "coordinate", shape.mean)
    covariance = Element("gating:covarianceMatrix")
    covariance.extend(_numbers("row", "entry", row) for row in shape.covariance)
    yield covariance
    yield Element("gating:distanceSquare", {"data-type:value": _text(shape.distance_square)})


def _numbers(kind: str, part: str, numbers: Iterable[float]) -> Element:
    element = Element(f"gating:{kind}")
    for number in numbers:
        SubElement(element, f"gating:{part}", {"data-type:value": _text(number)})
    return element


def _channels(element: Element, names: Iterable[str]) -> None:
    for name in names:
        SubElement(element, "data-type:fcs-dimension", {"data-type:name": name})


def _text(number: float) -> str:
    return repr(float(number))  # the shortest that reads back to the same number
