"""An XML document as elements that know their line. Entities and document types are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from .transform import GatingError

Name = tuple[str, str]  # name space, local name


@dataclass(eq=False)
class Element:
    """An element: its name, attributes, content in order, text, and where it stands."""

    file: str
    line: int
    name: Name
    attributes: dict[Name, str]
    content: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, space: str, name: str) -> str | None:
        """An attribute, with its name space or without."""
        return self.attributes.get((space, name), self.attributes.get(("", name)))

    def children(self, space: str, name: str) -> list[Element]:
        return [one for one in self.content if one.name == (space, name)]

    def walk(self) -> Iterator[Element]:
        """This element and all within it, in the order of the document."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.content))

    def error(self, what: str) -> GatingError:
        return GatingError(f"{self.file}, line {self.line}, <{self.name[1]}>: {what}")


def parse(document: bytes, file: str) -> Element:
    """The root of a document. Raises GatingError where it is not well-formed or declares entities."""
    parser = expat.ParserCreate(namespace_separator="\n")  # which no name can hold
    parser.buffer_text = True
    top = Element(file, 0, ("", ""), {})
    open_elements = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        named = {_name(key): value for key, value in attributes.items()}
        element = Element(file, parser.CurrentLineNumber, _name(name), named)
        open_elements[-1].content.append(element)
        open_elements.append(element)

    def end(_: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def refuse(*_: object) -> None:
        raise GatingError(
            f"{file}, line {parser.CurrentLineNumber}: declares a document type or an entity, which could "
            "pull in other files or grow without end; remove the declaration"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except GatingError:
        raise
    except expat.ExpatError as error:
        raise GatingError(
            f"{file}, line {error.lineno}: not well-formed XML ({expat.ErrorString(error.code)})"
        ) from None
    except (LookupError, ValueError) as error:  # an encoding that Python does not have, or not for XML
        raise GatingError(f"{file}: its encoding cannot be read ({error}); save it as UTF-8") from None
    return top.content[0]


def _name(joined: str) -> Name:
    space, _, name = joined.rpartition("\n")
    return (space, name)
