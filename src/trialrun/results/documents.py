"""The documents of a pack: composed once in each language, printed in each format."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from trialrun.analysis.ard import Ard
from trialrun.analysis.log import Tables
from trialrun.protocol.protocol import Protocol
from trialrun.report.display import Display, text
from trialrun.report.document import Document
from trialrun.report.figures.picture import Begun, begun
from trialrun.report.figures.vega import Vega
from trialrun.report.pack import pack
from trialrun.report.study_report import Edition, study_report
from trialrun.results.wanted import Wanted
from trialrun.tables.files import table_hash

REPORT = "report"
"""The pack that every study has; the others are planned in its outputs."""

USUAL = ("html", "pdf")
FORMATS = ("html", "pdf", "rtf", "docx", "txt")
PRINTED = {"html": "report.html", "pdf": "report.pdf", "rtf": "report.rtf", "docx": "report.docx"}
"""Where each format but plain text is printed: a module whose function has the format's name."""
ASIDE = ("pdf",)
"""Set by a library that leaves Python free meanwhile."""
_LIBRARIES = {"pdf": "typst", "docx": "docx"}


def there(form: str) -> bool:
    """Whether this program prints a format, if the library for it is installed."""
    return form == "txt" or (form in PRINTED and find_spec(f"trialrun.{PRINTED[form]}") is not None)


def usual() -> tuple[str, ...]:
    """The formats that are printed where nobody says which: of HTML and PDF those that can be."""
    return tuple(one for one in USUAL if there(one) and (one not in _LIBRARIES or find_spec(_LIBRARIES[one])))


def file_name(wanted: Wanted, language: str, form: str) -> str:
    """``report.html``; in the second language ``report.fr.html``."""
    middle = "" if language == wanted.languages[0] else f".{language}"
    return f"{wanted.pack}{middle}.{form}"


def documents(
    protocol: Protocol,
    ard: Ard,
    tables: Tables,
    wanted: Wanted,
    vega: Vega,
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, bytes]:
    """Every document of a pack, by the name of its file. ``meanwhile`` is done while Typst sets the last."""
    made: dict[str, bytes | Future[bytes]] = {}
    with ThreadPoolExecutor(2) as press:  # Typst leaves Python free
        figures = {language: begun(ard, language, vega) for language in wanted.languages}
        composed: dict[str, Document] = {}
        for language in wanted.languages:
            composed[language] = compose(protocol, ard, tables, wanted, language, figures[language])
            for form in (one for one in wanted.formats if one in ASIDE):
                name = file_name(wanted, language, form)
                made[name] = press.submit(_printed, form, composed[language], ard, tables)
        for language, document in composed.items():
            for form in (one for one in wanted.formats if one not in ASIDE):
                made[file_name(wanted, language, form)] = _printed(form, document, ard, tables)
        meanwhile()
    return {name: one if isinstance(one, bytes) else one.result() for name, one in made.items()}


def _printed(form: str, document: Document, ard: Ard, tables: Tables) -> bytes:
    if form == "txt":
        shown = [text(block) for block in document.blocks if isinstance(block, Display)]
        found: str | bytes = "\n".join([document.title, document.banner, document.foot, "", *shown])
    else:
        render: Callable[..., str | bytes] = getattr(import_module(f"trialrun.{PRINTED[form]}"), form)
        found = render(document, ard, tables) if form == "html" else render(document)
    return found.encode() if isinstance(found, str) else found


def compose(
    protocol: Protocol, ard: Ard, tables: Tables, wanted: Wanted, language: str, figures: Begun
) -> Document:
    """The document of a pack in one language."""
    edition = Edition(
        wanted.virtual,
        date.fromisoformat(wanted.as_of),
        wanted.seed,
        _model(protocol) if wanted.virtual else {},
        {code: table_hash(table) for code, table in tables.items() if table.height},
    )
    if wanted.pack == REPORT:
        return study_report(protocol, ard, edition, language, figures)
    return pack(protocol, ard, edition, wanted.pack, language, figures)


def _model(protocol: Protocol) -> dict[str, Any]:
    """What is assumed of virtual people, beside the protocol."""
    if not protocol.model:
        return {}
    from trialrun.simulate.population import assumptions  # here, as only virtual trials need it

    return {"name": protocol.model["model"], "assumptions": assumptions(protocol)}
