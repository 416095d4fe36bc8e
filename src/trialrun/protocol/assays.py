"""The assays of a panel file, held against themselves and the study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trialrun.protocol.assay import BACKGROUND, UNITS, Assay, Elispot
from trialrun.protocol.form import Form
from trialrun.protocol.problem import Problem
from trialrun.protocol.sheet import Sheet
from trialrun.protocol.study import StudyFile
from trialrun.protocol.unit import same

Path = tuple[str | int, ...]


def wrong(sheet: Sheet, name: str, assay: Assay) -> Iterator[Problem]:
    """What an assay says of antigens that are not there, or says twice."""
    path: Path = ("assays", name)
    filled: dict[str, str] = {}
    for item, answer in assay.fills.items():
        if (before := filled.setdefault(answer.model_dump_json(), item)) != item:
            what = f"`{item}` is answered by what answers `{before}`"
            yield sheet.problem((*path, "fills", item), what, "Let one number answer one item.")
    if not isinstance(assay, Elispot):
        return
    known = [BACKGROUND, *assay.antigens]
    for item, answer in assay.fills.items():
        names = known if answer.spots else [*assay.antigens]
        if answer.antigen is not None and answer.antigen not in names:
            at = (*path, "fills", item, answer.kind)
            yield sheet.unknown(at, "antigen", answer.antigen, names)
    taken = {antigen.casefold(): antigen for antigen in assay.antigens}
    for antigen, words in assay.antigens.items():
        for i, word in enumerate(words):
            if (before := taken.setdefault(" ".join(word.casefold().split()), antigen)) != antigen:
                what = f"`{word}` is said to be both {before} and {antigen}"
                hint = "Write each name that plates use under one antigen."
                yield sheet.problem((*path, "antigens", antigen, i), what, hint)


def of_the_study(
    sheet: Sheet, name: str, assay: Assay, study: StudyFile, forms: Mapping[str, Form]
) -> Iterator[Problem]:
    """The specimen, the form and its items."""
    path: Path = ("assays", name)
    yield from sheet.asked(path, assay.specimen, assay.form, study, forms)
    if assay.form not in forms:
        return
    items = {key: one for key, one in forms[assay.form].items.items() if one.type in ("number", "integer")}
    for item, answer in assay.fills.items():
        at = (*path, "fills", item)
        if item not in items:
            what = f"number item of the form `{assay.form}` called"
            yield sheet.unknown(at, what, item, items)
        elif not same(UNITS[answer.kind], items[item].unit):
            what = f"`{item}` is in {items[item].unit}, and this answer in {UNITS[answer.kind]}"
            yield sheet.problem(at, what, "Fill an item of the same unit.")
