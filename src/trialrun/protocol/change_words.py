"""The words of changes, in English and French."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Any

from trialrun.protocol.element import Part
from trialrun.protocol.rule import Node, text_of
from trialrun.protocol.text import Anchor, Doses, Limits, Span, Text, Volume, Window

LANGUAGES = ("en", "fr")

# What the members of a collection are called, and their gender in French.
NOUNS: dict[str, tuple[str, str, str]] = {
    "activities": ("activity", "activité", "f"),
    "arms": ("arm", "bras", "m"),
    "background": ("background fact", "fait de contexte", "m"),
    "before_course": ("condition for beginning a course", "condition pour commencer une cure", "f"),
    "before_dose": ("hold before a dose", "suspension avant une dose", "f"),
    "cycles": ("course", "cure", "f"),
    "decisions": ("decision", "décision", "f"),
    "eligibility": ("criterion", "critère", "m"),
    "endpoints": ("end point", "critère de jugement", "m"),
    "epochs": ("period", "période", "f"),
    "forms": ("form", "formulaire", "m"),
    "items": ("question", "question", "f"),
    "levels": ("dose level", "niveau de dose", "m"),
    "objectives": ("objective", "objectif", "m"),
    "outcomes": ("outcome", "issue", "f"),
    "prohibited": ("prohibition", "interdiction", "f"),
    "results": ("published result", "résultat publié", "m"),
    "sites": ("site", "centre", "m"),
    "sources": ("source", "source", "f"),
    "specimens": ("specimen", "prélèvement", "m"),
    "statements": ("source statement", "énoncé de la source", "m"),
    "stops": ("stop rule", "règle d'arrêt", "f"),
    "substances": ("substance", "substance", "f"),
    "substudies": ("substudy", "sous-étude", "f"),
    "suspensions": ("suspension of inclusions", "suspension des inclusions", "f"),
    "timeline": ("milestone", "échéance", "f"),
    "variables": ("variable", "variable", "f"),
    "visits": ("visit", "visite", "f"),
}
# What the keys of the study files are called where their name, spaced, is not good enough.
FIELDS: dict[str, tuple[str, str]] = {
    "activities": ("activities", "activités"),
    "after": ("day counted from", "jour compté depuis"),
    "ahead": ("may be done ahead by", "peut être fait en avance de"),
    "allocation": ("allocation", "attribution"),
    "apart": ("least time between doses", "délai minimal entre doses"),
    "arms": ("arms", "bras"),
    "alpha": ("alpha", "alpha"),
    "as_needed": ("how often as needed", "combien de fois au besoin"),
    "ask": ("words", "libellé"),
    "at": ("read at", "lu à"),
    "at_least": ("boundary", "borne"),
    "before_dose": ("at most before the dose", "au plus avant la dose"),
    "blood": ("blood drawn", "sang prélevé"),
    "blood_limits": ("limits of blood drawn", "limites de sang prélevé"),
    "blocks": ("sizes of blocks", "tailles des blocs"),
    "border": ("border", "frontière"),
    "borders": ("learnt border", "frontière apprise"),
    "by": ("filled or taken by", "rempli ou pris par"),
    "codes": ("answers", "réponses"),
    "complete": ("proof that no row is missing", "preuve qu'aucune ligne ne manque"),
    "city": ("city", "ville"),
    "complete_at": ("followed far enough at", "suivi suffisant à"),
    "complete_with": ("doses that make a course complete", "doses qui font une cure complète"),
    "cohort": ("participants of a cohort", "participants d'une cohorte"),
    "count": ("counts", "compte"),
    "counted": ("who counts for the next cohort", "qui compte pour la cohorte suivante"),
    "cumulative": ("delay allowed in all", "retard permis au total"),
    "cycle_length": ("days of a course on which events count", "jours d'une cure où les événements comptent"),
    "delays": ("delays", "retards"),
    "design": ("design", "plan expérimental"),
    "day": ("study day", "jour d'étude"),
    "decimals": ("decimals", "décimales"),
    "dose": ("amount of a dose", "quantité d'une dose"),
    "doses": ("doses", "doses"),
    "during": ("counted during", "compté pendant"),
    "each": ("window of the doses after day 1", "fenêtre des doses après le jour 1"),
    "effect": ("effect", "effet"),
    "enrolment": ("enrolment", "inclusion"),
    "epoch": ("period", "période"),
    "expected": ("expected outcome", "issue attendue"),
    "exclude": ("excluded", "exclu"),
    "first": ("first participants", "premiers participants"),
    "for": ("longest hold", "suspension la plus longue"),
    "from": ("source", "source"),
    "item": ("reads", "lit"),
    "label": ("label", "nom"),
    "languages": ("languages", "langues"),
    "late": ("how late a dose may be", "retard permis d'une dose"),
    "level": ("level", "niveau"),
    "limits": ("limits", "limites"),
    "labels": ("labels", "noms des visites"),
    "lasts": ("lasts", "dure"),
    "masking": ("masking", "insu"),
    "missed_dose": ("missed doses", "doses manquées"),
    "next": ("next", "ensuite"),
    "on": ("of the arms", "des bras"),
    "or_else": ("if that cannot be", "sinon"),
    "enough": ("participants that are enough of an arm", "participants suffisants d'un bras"),
    "month": ("per month", "par mois"),
    "multiplicity": ("multiplicity", "multiplicité"),
    "needs": ("forms it needs", "formulaires requis"),
    "none": ("value when there is no row", "valeur sans aucune ligne"),
    "only": ("only for", "seulement pour"),
    "only_if": ("condition", "condition"),
    "otherwise": ("if the course is not given", "si la cure n'est pas donnée"),
    "participants": ("who counts", "qui compte"),
    "places": ("places", "lieux"),
    "planned": ("participants planned", "participants prévus"),
    "recorded_on": ("forms of the trial's own acts", "formulaires des actes de l'essai"),
    "reason": ("reason", "motif"),
    "replace": ("participants replaced at most", "participants remplacés au plus"),
    "require": ("required", "exigé"),
    "required": ("must be answered", "réponse obligatoire"),
    "same": ("alike in", "identiques par"),
    "sdtm": ("SDTM name", "nom SDTM"),
    "secondary_at": ("also looked at", "regardé aussi à"),
    "setting": ("setting", "cadre"),
    "substance": ("substance", "substance"),
    "stagger": ("staggered start", "début échelonné"),
    "then": ("then", "ensuite"),
    "treatment": ("treatment", "traitement"),
    "trial": ("in the trial", "dans l'essai"),
    "text": ("words", "libellé"),
    "title": ("title", "titre"),
    "type": ("type of answer", "type de réponse"),
    "unit": ("unit", "unité"),
    "unknown": ("if not known", "si inconnu"),
    "usual": ("usual range", "plage usuelle"),
    "visit": ("per visit", "par visite"),
    "when": ("when", "quand"),
    "volume": ("volume", "volume"),
    "what": ("what is prohibited", "ce qui est interdit"),
    "where": ("rows that count", "lignes qui comptent"),
    "window": ("window", "fenêtre"),
    "within": ("at most after", "au plus après"),
    "formula": ("formula", "formule"),
    "judged_at": ("judged at", "jugé à"),
    "length": ("days on which its events count", "jours où ses événements comptent"),
    "method": ("method", "méthode"),
    "of": ("measure it depends on", "mesure dont elle dépend"),
    "per": ("per", "par"),
    "ratio": ("ratio of the arms", "rapport des bras"),
    "round": ("rounded to a multiple of", "arrondie au multiple de"),
    "start": ("arm to start with", "bras de départ"),
    "strata": ("strata", "strates"),
    "substudy": ("substudy", "sous-étude"),
    "surface": ("height and weight of a body surface", "taille et poids d'une surface corporelle"),
    "table": ("table of the next arm", "table du bras suivant"),
}
RULE = ("rule", "règle")
SAID: dict[str, tuple[str, str]] = {
    "new.m": ("New {noun}: {label}.", "Nouveau {noun} : {label}."),
    "new.f": ("New {noun}: {label}.", "Nouvelle {noun} : {label}."),
    "gone.m": ("The {noun} {label} is dropped.", "Le {noun} {label} est supprimé."),
    "gone.f": ("The {noun} {label} is dropped.", "La {noun} {label} est supprimée."),
    "renamed": (
        "{noun} {label}: `{old}` is now called `{new}`; nothing else about it changes.",
        "{noun} {label} : `{old}` s'appelle maintenant `{new}` ; rien d'autre n'y change.",
    ),
    "cap": (
        "Participants with {what}: at most {old} → {new}.",
        "Participants avec {what} : au plus {old} → {new}.",
    ),
    "line": (
        "Table, line {number} ({arms}{of} judged, {counted} counted)",
        "Table, ligne {number} ({arms}{of} jugés, {counted} comptés)",
    ),
    "line.new": ("{line} is new: next {next}.", "{line}, nouvelle : ensuite {next}."),
    "line.gone": ("{line} is dropped: next {next}.", "{line}, supprimée : ensuite {next}."),
    "changed": ("{what}: {field} {old} → {new}.", "{what} : {field} {old} → {new}."),
    "ruled": ("{what}: change of the {field}.", "{what} : changement ({field})."),
    "more": ("{what}: {field} also include {new}.", "{what} : {field}, comprend aussi {new}."),
    "less": ("{what}: {field} no longer include {old}.", "{what} : {field}, ne comprend plus {old}."),
    "order": (
        "{what}: the outcomes are read in another order: {old} → {new}.",
        "{what} : les issues sont lues dans un autre ordre : {old} → {new}.",
    ),
    "act.appears": ("{what} is added at {points}.", "{what} s'ajoute à {points}."),
    "act.vanishes": ("{what} is no longer done at {points}.", "{what} n'est plus fait à {points}."),
    "doses.appear": ("Doses are added at {points}.", "Des doses s'ajoutent à {points}."),
    "doses.vanish": ("No dose is given any more at {points}.", "Plus de dose à {points}."),
    "follow": ("Moved along with it: {moves}.", "Déplacés avec cela : {moves}."),
    "total": ("Per participant in all: {old} → {new}.", "Au total par participant : {old} → {new}."),
    "total.arm": (
        "Per participant of the arm «{arm}» in all: {old} → {new}.",
        "Au total par participant du bras «{arm}» : {old} → {new}.",
    ),
    "total.of": ("{amount} in {count} doses", "{amount} en {count} doses"),
    "move": ("{point} study day {old} → {new}", "{point} jour d'étude {old} → {new}"),
    "dose.at": ("{point} {old} → {new}", "{point} {old} → {new}"),
    "doses.of": ("Given at {points}.", "Donné à {points}."),
    "until": ("who have not passed {point}", "qui n'ont pas passé {point}"),
    "at": ("Done at {points}.", "Fait à {points}."),
    "there": ("There: {acts}.", "On y fait : {acts}."),
    "any time": ("any time", "tout moment"),
    "form": ("Form {title}", "Formulaire {title}"),
    "specimen": ("Specimen {title}", "Prélèvement {title}"),
    "rule": ("Rule: {rule}.", "Règle : {rule}."),
    "clause.changed": ("Clause: {old} → {new}.", "Clause : {old} → {new}."),
    "clause.new": ("New clause: {new}.", "Clause nouvelle : {new}."),
    "clause.gone": ("Clause dropped: {old}.", "Clause supprimée : {old}."),
    "same words": (
        "Its words stay {text}: see that they still fit.",
        "Son libellé reste {text} : vérifier qu'il convient encore.",
    ),
    "same rule": ("Only the words change, not the rule.", "Seul le libellé change, pas la règle."),
    "fit.type": (
        "Data already entered may no longer fit: answers are of another type.",
        "Des données déjà saisies peuvent ne plus convenir : les réponses changent de type.",
    ),
    "fit.unit": (
        "Data already entered may no longer fit: they are in {old}, and have to be converted.",
        "Des données déjà saisies peuvent ne plus convenir : elles sont en {old} et seront à convertir.",
    ),
    "fit.limits": (
        "Data already entered may no longer fit: values that were allowed lie outside.",
        "Des données déjà saisies peuvent ne plus convenir : des valeurs permises sont hors limites.",
    ),
    "fit.code": (
        "Data already entered may no longer fit: whoever answered {old} has no such answer now.",
        "Des données déjà saisies peuvent ne plus convenir : la réponse {old} n'existe plus.",
    ),
    "fit.decimals": (
        "Data already entered may no longer fit: fewer decimals are kept.",
        "Des données déjà saisies peuvent ne plus convenir : moins de décimales sont gardées.",
    ),
    "fit.required": (
        "Data already entered may no longer fit: what was left empty is now required.",
        "Des données déjà saisies peuvent ne plus convenir : ce qui restait vide est maintenant obligatoire.",
    ),
    "fit.gone": (
        "Data already entered have no place any more.",
        "Les données déjà saisies n'ont plus de place.",
    ),
    "read by": ("Read by: {readers}.", "Lu par : {readers}."),
    "of": ("{inner} of the {outer}", "{inner} ({outer})"),
    "on": ("{inner} on the {outer}", "{inner} ({outer})"),
}  # fmt: skip


def both(words: tuple[str, str]) -> Text:
    """English and French words as one text."""
    return Text(tuple(zip(LANGUAGES, words, strict=True)))


def say(key: str, **values: Any) -> Text:
    """The sentence of a key in every language, its values shown as people read them."""
    return Text(tuple(
        (language, _sentence(SAID[key][i].format(**{name: shown(v, language) for name, v in values.items()})))
        for i, language in enumerate(LANGUAGES)
    ))  # fmt: skip


def join(texts: Iterable[Any], mark: str = ", ") -> Text:
    """Several values one after the other."""
    listed = list(texts)
    return Text(
        tuple((language, mark.join(shown(one, language) for one in listed)) for language in LANGUAGES)
    )


def quoted(words: Text) -> Text:
    return Text(tuple((language, f"«{words(language)}»") for language in LANGUAGES))


def field(name: str, rule: bool = False) -> Text:
    """What a key is called; one that holds a ``rule`` is called that."""
    if rule and name in ("require", "exclude", "hold", "when"):
        return both(RULE)
    return both(FIELDS[name]) if name in FIELDS else both((name.replace("_", " "),) * 2)


def noun(collection: str) -> Text:
    english, french, _ = NOUNS.get(collection, (collection.replace("_", " "),) * 2 + ("m",))
    return both((english, french))


def gender(collection: str) -> str:
    return NOUNS.get(collection, ("", "", "m"))[2]


def label(name: str, element: Part) -> Text:
    """How a member of a collection is called: its own words, else its name."""
    for word in ("title", "text", "ask", "what", "about", "says"):
        if found := getattr(element, word, None):
            return quoted(found if isinstance(found, Text) else both((found, found)))
    return both((name, name))


def _sentence(said: str) -> str:
    """A sentence begins with a capital and has one full stop; a piece of one has neither."""
    return f"{said[:1].upper()}{said[1:].rstrip('.')}." if said.endswith(".") else said


def told_apart(old: Text, new: Text) -> tuple[Text, Text]:
    """Words that changed; in a language where they did not, those of another where they did."""
    codes = sorted({*old.languages, *new.languages}, key=lambda code: code not in LANGUAGES)
    other = [code for code in codes if old(code) != new(code)] or codes
    sides = []
    for words in (old, new):
        said = (
            (
                language,
                words(language) if old(language) != new(language) else f"[{other[0]}] {words(other[0])}",
            )
            for language in LANGUAGES
        )
        sides.append(Text(tuple(said)))
    return sides[0], sides[1]


_CHOICES = {
    "continue": "continuer", "hold": "suspendre", "stop": "arrêter", "wait": "attendre", "do": "faire",
    "skip": "ne pas faire", "open": "ouvert", "single": "simple", "double": "double", "none": "aucune",
    "randomised": "aléatoire", "number": "nombre", "integer": "nombre entier", "boolean": "oui ou non",
    "choice": "choix", "higher": "plus haut", "lower": "plus bas", "same": "le même",
    "date": "date", "text": "texte",
}  # fmt: skip
_SPANS = {"day": "jour", "hour": "heure", "month": "mois", "week": "semaine"}
_YES = {"en": ("no", "yes"), "fr": ("non", "oui")}
_UNKNOWN = {"en": "not known", "fr": "inconnu"}
_NOTHING = {"en": "nothing", "fr": "rien"}


def shown(value: Any, language: str) -> str:
    """A value of a study file as people read it."""
    match value:
        case None:
            return _NOTHING[language]
        case Text():
            return value(language)
        case bool():
            return _YES[language][value]
        case int() | float():
            return f"{value:.12g}".replace(".", "," if language == "fr" else ".")
        case Window():
            return value.words(language)
        case Span() | Anchor() | Doses():
            return _french(str(value)) if language == "fr" else str(value)
        case Limits(low, high) if low == high:
            return shown(low, language)
        case Limits():
            to = "à" if language == "fr" else "to"
            return f"{shown(value.low, language)} {to} {shown(value.high, language)}"
        case Volume():
            return f"{shown(value.millilitres, language)} mL"
        case datetime.date():
            return value.isoformat()
        case tuple() | list() | frozenset():
            return ", ".join(shown(one, language) for one in value) or _NOTHING[language]
    if isinstance(value, Node):
        return phrase(value, language)
    return _CHOICES.get(str(value), str(value)) if language == "fr" else str(value)


def _french(text: str) -> str:
    text = re.sub(r"\b(day|hour|week)(s?)\b", lambda found: _SPANS[found[1]] + found[2], text)
    text = re.sub(r"\bmonths?\b", "mois", text).replace("last dose", "dernière dose")
    return text.replace(" daily", ", une par jour").replace(" every ", ", une tous les ").replace("..", " à ")


# What rules look like to people who do not read SQL.
_SIGNS = (
    (r"<>", "≠"), (r">=", "≥"), (r"<=", "≤"), (r"mm\[Hg\]", "mmHg"), (r"10\*9/L", "× 10⁹/L"),
    (r"\bumol/L", "µmol/L"), (r"\bCel\b", "°C"), (r"\{1\.73_m2\}", "1.73 m²"), (r" \* ", " × "),
    (r"\{([\w/]+)\}", r"\1"), (r"'([0-9.]+) a'", r"'\1 years'"), (r"'([^']*)'", r"\1"),
)  # fmt: skip
_CONNECTIVES = {
    "en": (("IS NOT NULL", "is known"), ("IS NULL", "is not known"), ("NOT IN", "not one of"),
           ("IN", "one of"), ("BETWEEN", "between"), ("AND", "and"), ("OR", "or"), ("NOT", "not")),
    "fr": (("IS NOT NULL", "est connu"), ("IS NULL", "est inconnu"), ("NOT IN", "hors de"), ("IN", "parmi"),
           ("BETWEEN", "entre"), ("AND", "et"), ("OR", "ou"), ("NOT", "non")),
}  # fmt: skip
_UNITS = {"years": "ans", "days": "jours", "hours": "heures", "weeks": "semaines"}


def phrase(tree: Node, language: str) -> str:
    """A rule in signs that people read: ``temperature ≥ 38.5 °C or spo2 < 92 %``."""
    return plain(_connected(text_of(tree), language), language)


def measured(value: Any, unit: str | None) -> Text:
    """A value and its UCUM unit as people read them; without a unit that is only a word, as {grade}."""
    unit = None if unit and re.fullmatch(r"\{\w+\}", unit) else unit
    years = {"en": "years", "fr": "ans"}
    said = {
        language: _UNKNOWN[language]
        if value is None
        else f"{shown(value, language)} {years[language] if unit == 'a' else unit or ''}".strip()
        for language in LANGUAGES
    }
    return Text(tuple((language, plain(text, language)) for language, text in said.items()))


def _connected(text: str, language: str) -> str:
    for word, said in _CONNECTIVES[language]:
        text = re.sub(rf"\b{word}\b(?=(?:[^']*'[^']*')*[^']*$)", said, text)
    return text


def plain(text: str, language: str) -> str:
    """Units, signs and names without what only programs need."""
    for sign, said in _SIGNS:
        text = re.sub(sign, said, text)
    if language == "fr":
        text = re.sub(r"(?<=[0-9])\.(?=[0-9])", ",", text)
        text = re.sub(r"(?<=[0-9] )(years|days|hours|weeks)\b", lambda found: _UNITS[found[1]], text)
    return re.sub(r"(?<=\w)_(?=\w)", " ", text)
