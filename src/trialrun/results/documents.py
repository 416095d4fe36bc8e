"""The documents of a pack: composed once in each language, printed in each format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from trialrun.analysis.ard import Ard
from trialrun.analysis.log import Tables
from trialrun.protocol.protocol import Protocol
from trialrun.report.display import Display, display, text
from trialrun.report.document import Block, Document, Heading
from trialrun.report.language import language as spoken
from trialrun.results.wanted import Wanted

FORMATS = ("html", "pdf", "rtf", "docx", "txt")
PRINTED = {"html": "report.html", "pdf": "report.pdf", "rtf": "report.rtf", "docx": "report.docx"}
"""Where each format but plain text is printed: a module whose function has the format's name."""


def there(form: str) -> bool:
    """Whether this program can print a format."""
    return form == "txt" or (form in PRINTED and find_spec(f"trialrun.{PRINTED[form]}") is not None)


def file_name(wanted: Wanted, language: str, form: str) -> str:
    """``report.html``; in the second language ``report.fr.html``."""
    middle = "" if language == wanted.languages[0] else f".{language}"
    return f"{wanted.pack}{middle}.{form}"


def documents(protocol: Protocol, ard: Ard, tables: Tables, wanted: Wanted) -> dict[str, bytes]:
    """Every document of a pack, by the name of its file."""
    made = {}
    for language in wanted.languages:
        document = compose(protocol, ard, tables, wanted, language)
        for form in wanted.formats:
            made[file_name(wanted, language, form)] = _printed(form, document, ard, tables)
    return made


def _printed(form: str, document: Document, ard: Ard, tables: Tables) -> bytes:
    if form == "txt":
        shown = [text(block) for block in document.blocks if isinstance(block, Display)]
        found: str | bytes = "\n".join([document.title, document.banner, document.foot, "", *shown])
    else:
        render: Callable[..., str | bytes] = getattr(import_module(f"trialrun.{PRINTED[form]}"), form)
        found = render(document, ard, tables) if form == "html" else render(document)
    return found.encode() if isinstance(found, str) else found


def compose(protocol: Protocol, ard: Ard, tables: Tables, wanted: Wanted, language: str) -> Document:
    """The document of a pack in one language."""
    words = spoken(language)
    blocks: list[Block] = []
    for output in ard.outputs:
        shown = display(ard, output, language)
        blocks += [Heading(shown.title, 2, output), shown]
    study = protocol.study
    foot = f"{protocol.id} {study.version} · {wanted.as_of} · {ard.hash[:16]}"
    return Document(
        wanted.pack,
        study.title(language),
        f"{protocol.id} {study.version}",
        language,
        tuple(blocks),
        banner=words("banner") if wanted.virtual else "",
        standing=study.standing(language) if study.standing else "",
        foot=foot,
    )
