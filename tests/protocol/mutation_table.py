"""The mutations that people make by hand: in rules, in small words, in names, in the text and in the files."""

# ruff: noqa: E501  (a table is read a row at a time)
# fmt: off

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from mutations import FORMS, SOURCES, STUDY, VARIABLES, Mutation, Table, generated

WINDOWS = ("visits.*.window", "treatment.cycles.*.window")
COUNTED = ("treatment.cycles.*.after", "visits.*.after")
BIG = 10_000_000


def mutations() -> list[Mutation]:
    table = Table()
    for add in (generated, _rules, _words, _values, _names, _circles, _text, _yaml, _bytes, _files, _harmless):
        add(table)
    assert not table.missing, f"no bundled study has a place for {table.missing}"
    return table.mutations


def _swap(pattern: str, new: str, count: int = 1) -> Callable[[str], str | None]:
    """A change of the first match; None where there is none."""

    def change(old: str) -> str | None:
        made = re.sub(pattern, new, old, count=count)
        return made if made != old else None

    return change


def _rules(table: Table) -> None:
    """Rules as people write them who do not know the language."""
    quantity, name = r"'([0-9.]+) ([^']+)'", r"\b([a-z]{3})([a-z_]{3,})\b(?= *[<>])"
    for what, change, says in (
        ("misspelt variable", _swap(name, r"\1x\2"), "there is no variable"),
        ("a letter of another alphabet", lambda old: old.replace("a", "а", 1) if "a" in old.split()[0] else None, "another alphabet"),
        ("forgotten AND", _swap(" AND ", " "), "side by side"),
        ("forgotten OR", _swap(" OR ", " "), "side by side"),
        ("AND twice", _swap(" AND ", " AND AND "), "a value is missing"),
        ("ends after AND", lambda old: f"{old} AND", "the rule ends after AND"),
        ("begins with OR", lambda old: f"OR {old}", "a value is missing"),
        ("== for =", _swap(r" = ", " == "), "=="),
        ("=> for >=", _swap(r" >= ", " => "), "=>"),
        ("≥ for >=", _swap(r" >= ", " ≥ "), "≥"),
        ("&& for AND", _swap(" AND ", " && "), "&&"),
        ("|| for OR", _swap(" OR ", " || "), "||"),
        ("! for NOT", lambda old: f"!({old})", "!"),
        ("a parenthesis opened", lambda old: f"({old}", "is not closed"),
        ("a parenthesis closed", lambda old: f"{old})", "closes no ("),
        ("a quote not closed", _swap(rf"{quantity}", r"'\1 \2"), "quote"),
        ("a text for a number", _swap(quantity, "'high'"), "'high'"),
        ("a number for a code", _swap(r"= '[A-Za-z_]+'", "= 1"), "types clash"),
        ("a number for yes or no", lambda old: f"({old}) = 1", "types clash"),
        ("only a number", lambda old: "3", "needs a condition"),
        ("a number without unit", _swap(quantity, r"\1"), "has no unit"),
        ("a unit of another kind", _swap(quantity, r"'\1 N'"), "units clash"),
        ("a misspelt unit", _swap(quantity, r"'\1 \2x'"), ""),
        ("a unit in words", _swap(quantity, r"'\1 pinches'"), "pinches"),
        ("a comma in a number", _swap(r"'([0-9]+)\.([0-9]+) ", r"'\1,\2 "), "with a point"),
        ("a quantity without quotes", _swap(quantity, r"\1 \2"), ""),
        ("curly quotes", _swap(quantity, r"‘\1 \2’"), "‘"),
        ("double quotes", _swap(r"'([^']+)'", r'"\1"'), "double quotes"),
        ("a code that does not exist", _swap(r"= '([A-Za-z_]+)'", r"= '\1x'"), "not one of the codes"),
        ("= NULL", lambda old: f"({old}) = NULL", "NULL"),
        ("a chain of comparisons", _swap(r"([a-z_]+) (>=|<|>|<=) ", r"1 < \1 \2 "), "chained"),
        ("a comment", lambda old: f"{old} -- sure?", "comments"),
        ("a function", _swap(r"\b([a-z_]{5,}) >", r"abs(\1) >"), "a function"),
        ("an aggregate", _swap(r"\b([a-z_]{5,}) >", r"max(\1) >"), "an aggregate"),
        ("a query", lambda old: "SELECT 1", "SELECT"),
        ("an end mark", lambda old: f"{old};", ";"),
        ("a percent sign", lambda old: f"{old} OR 5 % > 3", "%"),
        ("nothing at all", lambda old: "", "the rule is empty"),
        ("only blanks", lambda old: "   ", "the rule is empty"),
        ("a blank that cannot be seen", _swap(" ", "\u200b "), "cannot be seen"),
        ("BETWEEN with one bound", lambda old: f"{old} AND 1 BETWEEN 2", "BETWEEN"),
        ("CASE without ELSE", lambda old: f"CASE WHEN {old} THEN TRUE END", "ELSE"),
        ("a number too large", lambda old: f"({old}) OR 1e400 > 1", "too large"),
        ("1,000 clauses", lambda old: " OR ".join([f"({old})"] * 1000) if " " in old else None, "a rule"),
        ("1,000 short clauses", lambda old: " OR ".join(["1 > 2"] * 1000), "a rule has at most"),
        ("900 kB long", lambda old: f"{old} OR " * (900_000 // (len(old) + 4)) + old, "characters long"),
        ("10,000 parentheses", lambda old: "(" * 9_000 + "1 = 1" + ")" * 9_000, "levels deep"),
        ("9,000 comments that do not end", lambda old: "/* " * 6_000, ""),
        ("9,000 quotes", lambda old: "' " * 9_000, ""),
        ("9,000 signs", lambda old: "- " * 9_000, ""),
    ):
        table.rule(what, change, says)


def _words(table: Table) -> None:
    """The small words, each in the wrong ways that come to mind."""
    nines = "9" * 400
    places: dict[str, tuple[str, str | tuple[str, ...], tuple[str, ...]]] = {
        "window": (STUDY, WINDOWS, ("3 days", "+3 days", "-3 days", "±-3 days", "+3/-3 days", "±3 hours", f"±{nines} days")),
        "counted day": (STUDY, COUNTED, ("C1", "C1 - 21 days", "C1 + -21 days", "21 days after C1", "C1 + 21", "C1 + 21..18 days", "C1 + 99999 days", f"C1 + {nines} days")),
        "length": (STUDY, "treatment.cycle_length", ("21", "three weeks", "-21 days", "21 Tage", "1.5 months", "0 fortnights", f"{nines} days", f"{nines} months")),
        "doses": (STUDY, "treatment.cycles.*.doses", ("five", "5", "0 daily", "5 a day", "daily x 5", "5 every 0 days", f"{nines} daily", "5 every 99999 days")),
        "range": (FORMS, "forms.*.items.*.limits", ("45..30", "30-45", "30…45", "..45", "low..high", "30,45", f"0..{nines}")),
        "volume": (STUDY, ("activities.*.blood", "specimens.*.volume", "blood_limits.visit"), ("10", "10 ml", "-10 mL", "ten mL", f"{nines} mL")),
        "citation": (STUDY, "epochs.*.from", ("hearsay", "doi 10.1056/x", "registry 12", "nowhere#1", "''", "assumed")),
        "date": (STUDY, "timeline.*.date", ("2008-02-30", "1 March 2008", "01/03/2008", "2008", "99999-01-01")),
        "country": (STUDY, "sites.*.country", ("France", "fr", "F")),
        "time zone": (STUDY, "sites.*.timezone", ("Paris", "Europe", "../../etc/passwd", "''")),
    }
    for kind, (file, patterns, wrong) in places.items():
        for one in wrong:
            shown = one if len(one) < 30 else f"{one[:6]}… {len(one)} long"
            table.value("small word", f"{kind} {shown}", file, patterns, one)
    for unit in ("mmHg", "°C", "g per L", "g/", "(g/L", "zork", "10^9//L", "mg/dl/"):
        table.value("unit", unit, FORMS, "forms.*.items.*.unit", f'"{unit}"', unit.strip("("))
    table.value("unit", "of a substance", STUDY, "treatment.substances.*.unit", '"milliongrams"')
    table.value("unit", "left out", FORMS, "forms.*.items.*.unit", "null", "unit", at="parent")


def _values(table: Table) -> None:
    """Values of a right kind that cannot be."""
    for name, file, pattern, new, says in (
        ("no arm", STUDY, "design.arms", "0", "at least 1"),
        ("arms in words", STUDY, "design.arms", "one", "whole number"),
        ("half an arm", STUDY, "design.arms", "1.5", "whole number"),
        ("-3 participants", STUDY, "enrolment.planned", "-3", "at least 1"),
        ("a huge number of participants", STUDY, "enrolment.planned", "9" * 15, "at most"),
        ("a number that ends nowhere", STUDY, "enrolment.planned", "1e400", "too large"),
        ("not a number", STUDY, "enrolment.planned", ".nan", "whole number"),
        ("infinite", STUDY, "enrolment.planned", ".inf", "whole number"),
        ("in hexadecimal", STUDY, "enrolment.planned", "0xFF", "whole number"),
        ("a number for a text", STUDY, "version", "1.0", "must be text"),
        ("yes for a text", STUDY, "sponsor", "true", "must be text"),
        ("a text for yes", FORMS, "forms.*.repeats", "sometimes", "true or false"),
        ("study day 0", STUDY, "visits.*.day", "0", "no study day 0"),
        ("a study day a million years away", STUDY, "visits.*.day", "-400000000", "at least"),
        ("a visit on a day in words", STUDY, "visits.*.day", "Monday", "whole number"),
        ("a dose of nothing", STUDY, "treatment.levels.*.dose", "0", "more than 0"),
        ("a negative dose", STUDY, "treatment.levels.*.dose", "-3", "more than 0"),
        ("a dose with its unit", STUDY, "treatment.levels.*.dose", "3 mg", "must be a number"),
        ("a confidence of 95", STUDY, "endpoints.*.confidence", "95", "less than 1"),
        ("half a decimal", FORMS, "forms.*.items.*.decimals", "0.5", "whole number"),
        ("a statement with a name", SOURCES, "sources.*.statements.1", "null", "must hold"),
        ("an unknown masking", STUDY, "design.masking", "blinded", "`masking`"),
        ("an unknown filler", FORMS, "forms.*.by", "physician", "`by`"),
        ("an unknown type", FORMS, "forms.*.items.*.type", "yes/no", "`type`"),
        ("an unknown kind of endpoint", STUDY, "endpoints.*.kind", "survival", "`kind`"),
        ("no words", STUDY, "title", '""', "nothing here"),
        ("words that are a number", STUDY, "title", "1.5", "between quotes"),
        ("words in `english`", STUDY, "title", "{english: A trial}", "language"),
        ("words in no language of the study", STUDY, "title", "{en: A trial, zz: Yksi}", "zz"),
        ("an empty list of sources", STUDY, "epochs.*.from", "[]", "source"),
        ("the first course on day 2", STUDY, "treatment.cycles.*.day", "2", "study day 1"),
        ("more doses than a course has", STUDY, "treatment.missed_dose.complete_with", "399", "doses"),
        ("an SDTM name that is too long", FORMS, "forms.*.items.*.sdtm", "LB.TEMPERATURE", "SDTM"),
        ("no codes", FORMS, "forms.*.items.*.codes", "{}", "codes"),
        ("no sites", STUDY, "sites", "{}", ""),
        ("no courses", STUDY, "treatment.cycles", "{}", ""),
    ):
        parent = ("an SDTM name that is too long", "no codes", "the first course on day 2")
        at = "parent" if name in parent else "key" if name == "words in `english`" else "value"
        table.value("value", name, file, pattern, new, says, at=at)


def _names(table: Table) -> None:
    """Names that are not there, or cannot be names."""
    for name, file, pattern, says in (
        ("form", STUDY, "activities.*.forms.*", "there is no form"),
        ("specimen", STUDY, "activities.*.specimens.*", "there is no specimen"),
        ("visit", STUDY, "activities.*.at.*", "there is no visit"),
        ("epoch", STUDY, "visits.*.epoch", "there is no epoch"),
        ("level", STUDY, "treatment.cycles.*.level", "there is no level"),
        ("substance", STUDY, "treatment.cycles.*.substance", "there is no substance"),
        ("visit of an endpoint", STUDY, "endpoints.*.at", "there is no visit"),
        ("parameter", STUDY, "endpoints.*.parameter", "SDTM name"),
        ("endpoint", STUDY, "objectives.*.endpoints.*", "there is no endpoint"),
        ("form of consent", STUDY, "recorded_on.consent", "there is no"),
        ("item", VARIABLES, "variables.*.item", "there is no"),
        ("period", VARIABLES, "variables.*.during", "there is no period"),
        ("proof", VARIABLES, "variables.*.complete", "there is no"),
        ("moment", VARIABLES, "variables.*.at", "there is no visit"),
    ):
        table.value("name", f"{name} misspelt", file, pattern, lambda old: f"{old}x" if old and "any" not in old and "every" not in old else None, says)
    table.value("name", "cycle that does not exist", STUDY, COUNTED, _swap(r"^[A-Z]\w*", "C99"), "there is no cycle")
    for name in ("e-mail", "1st", "Überdosis", "Δ", "💊", "تجربة", "раз", '"with blank"', "'a.b.c'", '""', "2008-01-01", "true"):
        _renamed(table, name, STUDY, "epochs.*", "cannot be a name" if name != "true" else "")
        _renamed(table, name, FORMS, "forms.*", "cannot be a name" if name != "true" else "")
    for word in ("and", "End", "NULL"):
        _renamed(table, word, VARIABLES, "variables.*", "rule language")


def _renamed(table: Table, name: str, file: str, pattern: str, says: str) -> None:
    from mutations import text

    study = table.studies()[0]
    found = text(study, file)
    path = next(found.find(pattern))
    if name != "true":
        table.add("name", f"{name} in {file}", study, file, found.renamed(path, name), line=found.line(path), says=says)


def _circles(table: Table) -> None:
    """What is counted from, read by, or said twice of itself."""
    from mutations import text

    table.value("circle", "a cycle after itself", STUDY, "treatment.cycles.C2.after", "C2 + 21 days", "circle")
    table.value("circle", "a cycle before consent", STUDY, "treatment.cycles.*.after", "consent + 1 days", "there is no cycle")
    table.value("circle", "a cycle inside the one before", STUDY, "treatment.cycles.C2.after", "C1 + 1 days", "before the last dose")
    study = table.studies()[0]
    found = text(study, VARIABLES)
    form = next(found.value(p) for p in found.find("variables.*.count"))
    both = f"  a_1: {{count: {form}, where: b_1 > 0, none: 0}}\n  b_1: {{count: {form}, where: a_1 > 0, none: 0}}\n"
    line = found.line(("variables",)) + 1
    table.add("circle", "two variables of each other", study, VARIABLES, found.written.replace("variables:\n", f"variables:\n{both}", 1), line=line, says="circle")
    for file, pattern in ((STUDY, "epochs.*"), (STUDY, "activities.*"), (FORMS, "forms.*"), (VARIABLES, "variables.*"), (SOURCES, "sources.*.statements.*")):
        study = table.studies()[0]
        found = text(study, file)
        first, second = list(found.find(pattern))[:2]
        table.add("duplicate", second[-1], study, file, found.renamed(second, first[-1]), line=found.line(second), says="said twice")
    study = table.studies()[0]
    found = text(study, STUDY)
    table.add("duplicate", "a whole key", study, STUDY, f"{found.written}\nid: AGAIN\n", line=found.written.count("\n") + 2, says="said twice")


def _inserted(table: Table, kind: str, name: str, line: str, says: str, **more: object) -> None:
    """A line put before `phase:` in the study file."""
    from mutations import text

    study = table.studies()[0]
    found = text(study, STUDY)
    at = found.keys["phase",].start_mark
    written = f"{found.written[: at.index]}{line}\n{found.written[at.index :]}"
    table.add(kind, name, study, STUDY, written, line=at.line + 1, says=says, **more)


def _text(table: Table) -> None:
    """Slips of the hand in the text itself."""
    for name, line, says in (
        ("a tab before a key", "\tnote: x", "tab"),
        ("a blank before a key", " note: x", ""),
        ("a key without its colon", "note", "no colon"),
        ("no space after the colon", "note:x", "a space is missing"),
        ("a second colon", "note: x: y", "second"),
        ("a quote not closed", 'note: "x', "quote"),
        ("a bracket not closed", "note: [x", "opened here"),
        ("a brace not closed", "note: {x: 1", "opened here"),
        ("a text that begins with @", "note: @x", "cannot begin"),
        ("a text that begins with `", "note: `x`", "cannot begin"),
        ("a text that begins with a comma", "note: , x", "value is missing"),
        ("a backslash between double quotes", 'note: "C:\\data"', "\\"),
        ("a list that is not one", "- note", ""),
        ("an equals sign", "note = x", "no colon"),
        ("a question mark", "? [a, b]\n: c", "a key must be a word"),
        ("a JSON comment", "// note", "begins with #"),
        ("a merge mark", "<<<<<<< HEAD", "two versions"),
    ):
        _inserted(table, "text", name, line, says)
    table.value("text", "a comma inside braces", STUDY, "condition", "{en: Rash, itching, fr: Éruption}", "follows a comma", at="key")
    table.value("text", "no space inside braces", STUDY, "design", "{arms:1}", "Put a space after the colon")
    table.whole("text", "another language", lambda old: b"<?xml version='1.0'?>\n<study/>\n", line=1)
    table.whole("text", "a list", lambda old: b"- a\n- b\n", line=1, says="`key: value`")
    table.whole("text", "JSON that is cut", lambda old: b'{"id": "A",\n"version": ')
    table.whole("text", "empty", lambda old: b"", line=1, says="`key: value`")
    table.whole("text", "only a comment", lambda old: b"# nothing yet\n", line=1, says="`key: value`")
    table.whole("text", "cut in the middle", lambda old: old[: old.index(b"treatment:")], line=1, says="is missing")


def _yaml(table: Table) -> None:
    """What YAML has and a study file has not."""
    for name, line, says in (
        ("an anchor", "note: &a x", "anchors"),
        ("an alias", "note: *a", "anchors"),
        ("a merge key", "<<: *a", "anchors"),
        ("a merge key without an alias", "<<: {note: x}", "`<<`"),
        ("a Python object", "note: !!python/object/apply:os.system [echo]", "tags"),
        ("a tag", "note: !secret x", "tags"),
        ("binary", "note: !!binary aGVsbG8=", "tags"),
        ("a second document", "---", "one document"),
        ("an escaped NUL", 'sponsr: "a\\0b"', "cannot be seen"),
    ):
        _inserted(table, "YAML", name, line, says)
    bomb = ["a0: &a0 [lol, lol]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    for name, data, says in (
        ("a bomb of aliases", "\n".join(bomb), "anchors"),
        ("10,000 brackets", "id: " + "[" * 10_000 + "]" * 10_000, "nested"),
        ("10,000 brackets that do not close", "id: " + "[{" * 10_000, "nested"),
        ("10,000 dashes", "id:\n" + "- " * 10_000, "nested"),
        ("10,000 question marks", "? " * 10_000, "nested"),
    ):
        table.whole("YAML", name, lambda old, data=data: data.encode(), line=1 if name != "10,000 dashes" else 2, says=says)


def _bytes(table: Table) -> None:
    """Encodings, and files that are far too large."""
    for name, change, line, says in (
        ("UTF-16", lambda old: old.decode().encode("utf-16"), 1, "UTF-8"),
        ("UTF-16 without its mark", lambda old: old.decode().encode("utf-16-le"), 1, "UTF-16"),
        ("UTF-32", lambda old: old.decode().encode("utf-32"), 1, "UTF-8"),
        ("Latin-1", lambda old: b"# caf\xe9\n" + old, 1, "UTF-8"),
        ("a NUL", lambda old: b"id: \0x\n" + old, 1, "cannot be seen"),
        ("an escape sequence", lambda old: b"id: \x1b[31m\n" + old, 1, "cannot be seen"),
        ("a mark that turns the reading direction", lambda old: "# \u202e\n".encode() + old, 1, "cannot be seen"),
        ("a line end of another kind", lambda old: "# \u2028\n".encode() + old, 1, "cannot be seen"),
        ("half a character", lambda old: b"# \xf0\x9f\n" + old, 1, "UTF-8"),
    ):
        table.whole("encoding", name, change, line=line, says=says)
    for name, change, says in (
        ("10 MB of zeros", lambda old: bytes(BIG), "bytes"),
        ("10 MB of junk", lambda old: bytes(i * i % 251 for i in range(1000)) * (BIG // 1000), "bytes"),
        ("10 MB of comment", lambda old: old + b"#" * BIG, "bytes"),
        ("10 MB of keys", lambda old: b"".join(b"k%d: x\n" % i for i in range(BIG // 11)), "bytes"),
    ):
        table.whole("size", name, change, says=says)
    for name, change, line in (
        ("1 MB of list", lambda old: b"id:\n" + b"- a\n" * 249_000, None),
        ("1 MB of flow", lambda old: b"id: [" + b"a," * 499_000 + b"]", None),
        ("1 MB of keys", lambda old: b"".join(b"k%d: x\n" % i for i in range(90_000)), None),
        ("1 MB of one key", lambda old: b"id: x\n" * 160_000, None),
        ("1 MB of text", lambda old: b"id: " + b"x" * 990_000, 1),
        ("1 MB in a quote that does not end", lambda old: b'id: "' + b"x " * 490_000, 1),
        ("1 MB of tabs", lambda old: b"\t" * 990_000, 1),
        ("15,000 unknown keys", lambda old: b"".join(b"k%d: x\n" % i for i in range(15_000)), 1),
        ("one key 15,000 times", lambda old: b"id: x\n" * 15_000, 2),
    ):
        table.whole("size", name, change, line=line)


def _files(table: Table) -> None:
    """What may lie in a folder in the place of a file."""

    def instead(make: Callable[[Path], object], file: str = FORMS) -> Callable[[Path], None]:
        def act(folder: Path) -> None:
            (folder / file).unlink()
            make(folder / file)

        return act

    for file in (FORMS, VARIABLES, SOURCES):
        table.folder("file", f"{file} missing", file, lambda folder, file=file: (folder / file).unlink(), says="missing")
    table.folder("file", "study.yaml missing", "study.yaml", lambda folder: (folder / STUDY).unlink(), says="no study.yaml")
    table.folder("file", "a folder", FORMS, instead(Path.mkdir), says="is not a file")
    table.folder("file", "study.yaml a folder", STUDY, instead(Path.mkdir, STUDY), says="is not a file")
    table.folder("file", "a link to itself", FORMS, instead(lambda path: path.symlink_to(path)), says="cannot be read")
    table.folder("file", "a link to nowhere", FORMS, instead(lambda path: path.symlink_to("nowhere")), says="cannot be read")
    table.folder("file", "a link to what never ends", FORMS, instead(lambda path: path.symlink_to("/dev/zero")), says="is not a file")
    table.folder("file", "a pipe that nobody fills", FORMS, instead(os.mkfifo), says="is not a file")
    table.folder("file", "one that may not be read", FORMS, lambda folder: (folder / FORMS).chmod(0), says="cannot be read")
    table.folder("file", "a name of another ending", "model.yml", lambda folder: (folder / "model.yml").write_text("a: 1"), says="not a study file")
    table.folder("file", "a name with a blank", "my study.yaml", lambda folder: (folder / "my study.yaml").write_text("a: 1"), says="not a study file")


def _harmless(table: Table) -> None:
    """Changes from which nothing may come."""
    from mutations import text

    def clutter(folder: Path) -> None:
        for i in range(10_000):
            (folder / f"notes {i}.txt").touch()

    for file in (STUDY, FORMS):
        table.whole("harmless", f"a mark of byte order in {file}", lambda old: b"\xef\xbb\xbf" + old, file, harmless=True)
        table.whole("harmless", f"line ends of Windows in {file}", lambda old: old.replace(b"\n", b"\r\n"), file, harmless=True)
        table.whole("harmless", f"a comment in {file}", lambda old: "# π 💊 تجربة\n".encode() + old, file, harmless=True)
        table.whole("harmless", f"empty lines in {file}", lambda old: old.replace(b"\n\n", b"\n\n\n\n"), file, harmless=True)
        table.whole("harmless", f"no line end in {file}", lambda old: old.rstrip(), file, harmless=True)
        table.whole("harmless", f"document marks in {file}", lambda old: b"---\n" + old + b"...\n", file, harmless=True)
        table.whole("harmless", f"blanks at line ends in {file}", lambda old: re.sub(rb"(?<=[}\]])\n", b"   \n", old), file, harmless=True)
    for name, file, pattern, change in (
        ("quotes around a word", STUDY, "phase", lambda old: f'"{old}"'),
        ("a number with a point", STUDY, "treatment.levels.*.dose", lambda old: f"{float(old)}"),
        ("one for a list of one", STUDY, "activities.*.at", lambda old: None),
        ("`no` as a text", STUDY, "sponsor", lambda old: f"'{old}'"),
    ):
        if name != "one for a list of one":
            table.value("harmless", name, file, pattern, change, harmless=True)
    study = table.studies()[0]
    found = text(study, STUDY)
    lines = found.written.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("phase:"))
    table.add("harmless", "the order of keys that are not names", study, STUDY, "".join([lines[at], *lines[:at], *lines[at + 1 :]]), harmless=True)
    table.folder("harmless", "10,000 other files in the folder", STUDY, clutter, harmless=True)
    table.folder("harmless", "a folder beside the files", STUDY, lambda folder: (folder / "notes").mkdir(), harmless=True)
    table.folder("harmless", "a database beside the files", STUDY, lambda folder: (folder / "trial.sqlite3").write_bytes(b"\0" * 99), harmless=True)
