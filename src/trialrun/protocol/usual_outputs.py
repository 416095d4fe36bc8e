"""What is reported of a study that plans no outputs of its own: the tables that every trial has.

They are written as an outputs file, which a study can keep and go on from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from trialrun.protocol.form import Form
from trialrun.protocol.outputs import Outputs, compile_outputs
from trialrun.protocol.problem import ProtocolError
from trialrun.protocol.source import parse
from trialrun.protocol.study import StudyFile
from trialrun.protocol.text import Text

FILE = "outputs.yaml"
UNDER_TREATMENT = "AESTDY >= 1"
# Kinds of adverse events by the variable of the item that says so, and what of it is counted.
COUNTED = {
    "AEREL": ("related", {"en": "Related", "fr": "Liés"}, "AEREL = 'Y'"),
    "AETOXGR": ("grade_3", {"en": "Grade 3 or more", "fr": "Grade 3 ou plus"}, "AETOXGR >= 3"),
    "AESER": ("serious", {"en": "Serious", "fr": "Graves"}, "AESER = 'Y'"),
}
LISTED = {
    "AETERM": {"en": "Event", "fr": "Événement"},
    "AESTDTC": {"en": "Onset", "fr": "Début"},
    "AEENDTC": {"en": "End", "fr": "Fin"},
    "AETOXGR": {"en": "Grade", "fr": "Grade"},
    "AESER": {"en": "Serious", "fr": "Grave"},
    "AEREL": {"en": "Related", "fr": "Lié"},
    "AEOUT": {"en": "Outcome", "fr": "Issue"},
}


def usual_outputs(study: StudyFile, adverse_event: Form | None) -> Outputs:
    """The usual outputs of a study, compiled; ``adverse_event`` is the form that records such events."""
    outputs, problems = compile_outputs(parse(usual_text(study, adverse_event), FILE), study.endpoints)
    if outputs is None or problems:
        raise ProtocolError(problems)
    return outputs


def usual_text(study: StudyFile, adverse_event: Form | None) -> str:
    """The same as the text of an outputs file."""
    content: dict[str, Any] = {
        "participants": "DM",
        "derive": {
            "enrolled": {"any": "DS", "where": "DSDECOD = 'ENROLLED'"},
            "dosed": {"any": "EX", "where": "EXOCCUR = 'Y'"},
            "doses": {"count": "EX", "where": "EXOCCUR = 'Y'"},
            "missed": {"count": "EX", "where": "EXOCCUR = 'N'"},
            "ending": {"last": "DS.DSDECOD", "where": "DSSCAT = 'STUDY PARTICIPATION'", "by": "DSSTDTC"},
        },
        "sets": {
            "SCR": {"title": {"en": "Screened", "fr": "Sélectionnés"}},
            "ENR": {"title": {"en": "Included", "fr": "Inclus"}, "where": "enrolled"},
            "SAF": {"title": {"en": "Safety", "fr": "Tolérance"}, "where": "dosed"},
        },
        "formats": {"count": {"zero": "0"}, "categories": {"zero": "0"}},
        "outputs": dict(_outputs(study, adverse_event)),
    }
    if study.arms:
        content = {"by": {**_arms(study), "total": {"en": "All", "fr": "Ensemble"}}, **content}
    content["packs"] = _packs(content["outputs"])
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _arms(study: StudyFile) -> dict[str, Any]:
    """A column for each arm, by its code in the tables, and one for all of them."""
    codes = {name: name.replace("_", " ").upper()[:20] for name in study.arms}
    titles = {codes[name]: _said(arm.title) for name, arm in study.arms.items()}
    return {"column": "ARMCD", "order": list(codes.values()), "titles": titles}


def _said(text: Text) -> dict[str, str]:
    return dict(text.by_language)


def _outputs(study: StudyFile, adverse_event: Form | None) -> Iterator[tuple[str, Any]]:
    yield "14.1.1", _table("Disposition", "Devenir des participants", "10.1", "SCR", _disposition())
    demographics = {
        "age": {"title": {"en": "Age (years)", "fr": "Âge (ans)"}, "summary": "AGE"},
        "sex": {"title": {"en": "Sex", "fr": "Sexe"}, "categories": "SEX", "levels": _SEXES},
    }
    yield "14.1.2", _table("Demographics", "Données démographiques", "11.2", "SAF", demographics)
    exposure = {
        "doses": {"title": {"en": "Doses received", "fr": "Doses reçues"}, "summary": "doses"},
        "missed": {
            "title": {"en": "Doses not given", "fr": "Doses non faites"},
            "summary": "missed",
        },
    }
    yield "14.1.3", _table("Exposure", "Exposition", "12.1", "SAF", exposure)
    for number, (name, endpoint) in enumerate(study.endpoints.items(), 1):
        title = _said(endpoint.title)
        table = {"kind": "table", "title": title, "section": "11.4.1", "set": "SAF"}
        apart = {"by": _arms(study)} if study.arms else {}  # who was treated differently is never pooled
        yield f"14.2.{number}", {**table, **apart, "rows": {name: {"endpoint": name}}}
    if adverse_event is not None:
        yield from _events(adverse_event)


_SEXES = {"F": {"en": "Female", "fr": "Femme"}, "M": {"en": "Male", "fr": "Homme"}}


def _table(en: str, fr: str, section: str, of: str, rows: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "table", "title": {"en": en, "fr": fr}, "section": section, "set": of, "rows": rows}


def _disposition() -> dict[str, Any]:
    levels = {
        "COMPLETED": {"en": "Completed", "fr": "Terminée"},
        "SCREEN FAILURE": {"en": "Not eligible", "fr": "Non éligible"},
        "WITHDRAWAL BY SUBJECT": {"en": "Withdrew", "fr": "Retrait"},
        "LOST TO FOLLOW-UP": {"en": "Lost to follow-up", "fr": "Perdu de vue"},
        "DEATH": {"en": "Death", "fr": "Décès"},
    }
    still = {"en": "Still taking part", "fr": "Participation en cours"}
    return {
        "screened": {"title": {"en": "Screened", "fr": "Sélectionnés"}, "count": "participants"},
        "enrolled": {
            "title": {"en": "Included", "fr": "Inclus"}, "count": "participants", "where": "enrolled",
        },
        "dosed": {
            "title": {"en": "At least one dose", "fr": "Au moins une dose"},
            "count": "participants", "where": "dosed",
        },
        "ending": {
            "title": {"en": "End of participation", "fr": "Fin de la participation"},
            "categories": "ending", "levels": levels, "missing": still,
        },
    }  # fmt: skip


def _events(form: Form) -> Iterator[tuple[str, Any]]:
    """Adverse events in an overview and as a list, by what the form asks."""
    asked = {item.sdtm.partition(".")[2] for item in form.items.values() if item.sdtm}
    rows: dict[str, Any] = {
        "any": {"title": {"en": "Any", "fr": "Tous"}, "count": "AE", "where": UNDER_TREATMENT}
    }
    for variable, (name, title, rule) in COUNTED.items():
        if variable in asked:
            rows[name] = {"title": title, "count": "AE", "where": f"{UNDER_TREATMENT} AND {rule}"}
    en, fr = "Adverse events under treatment", "Événements indésirables sous traitement"
    yield "14.3.1", _table(en, fr, "12.2", "SAF", rows)
    columns: dict[str, Any] = {"USUBJID": {"title": "Participant"}}
    columns |= {name: {"title": title} for name, title in LISTED.items() if name in asked}
    sort = ["USUBJID", *(["AESTDTC"] if "AESTDTC" in asked else [])]
    listing = {"events": {"listing": "AE", "sort": sort, "columns": columns}}
    yield "16.2.7", {
        "kind": "listing", "title": {"en": "Adverse events", "fr": "Événements indésirables"},
        "section": "16.2", "set": "ENR", "by": {"total": {"en": "All", "fr": "Ensemble"}}, "rows": listing,
    }  # fmt: skip


def _packs(outputs: dict[str, Any]) -> dict[str, Any]:
    said = [key for key in ("14.1.1", "14.3.1") if key in outputs]
    safety = [key for key in ("14.1.1", "14.1.3", "14.3.1", "16.2.7") if key in outputs]
    return {
        "board": {"title": {"en": "Report to the safety board", "fr": "Rapport au comité de surveillance"},
                  "outputs": safety},
        "sponsor": {"title": {"en": "Status for the sponsor", "fr": "État de l'essai pour le promoteur"},
                    "said": said},
    }  # fmt: skip
