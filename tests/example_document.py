"""A document of every kind of block, from the outputs of the reference study: what renderers are tried on."""

from dataclasses import replace

from trialrun.analysis.ard import Ard
from trialrun.report.display import Display, DisplayRow, Head, Shown, display
from trialrun.report.document import (
    Block,
    Document,
    Facts,
    Heading,
    Link,
    Paragraph,
    Picture,
    Points,
    sentence,
)
from trialrun.report.language import language

DRAWING = (
    '<svg width="300" height="90" viewBox="0 0 300 90"><rect width="300" height="90" fill="#eef1f4"/>'
    '<circle cx="60" cy="45" r="30" fill="#0072B2"/>'
    '<text x="120" y="50" font-family="Liberation Sans" font-size="12">Début, 1 µg</text></svg>'
)
HOSTILE = 'a <b>bold</b> claim & "quotes" \\ {braces} #hash $x$ </script>'
UNDER = Display(
    "14.9.9",
    "table",
    HOSTILE,
    "Below <i>it</i>",
    ("Term", "Grade"),
    (
        Head("A", "Number", "n", "Arm A\n(N=5)"),
        Head("A", "Events", "events", "Arm A\n(N=5)"),
        Head("B", "Number", "n", "Arm B\n(N=5)"),
        Head("B", "Events", "events", "Arm B\n(N=5)"),
        Head("p", "p"),
    ),
    (
        DisplayRow((HOSTILE, ""), heading=True),
        DisplayRow(("Éruption", "3"), tuple(Shown(one) for one in ("1 (20,0 %)", "2", "", "0", "<0,001")), 1),
        DisplayRow(("", ""), gap=True),
        DisplayRow(("Œdème", "≥ 3"), tuple(Shown(one) for one in ("3 (60,0 %)", "4", "1", "1", "0,5")), 1),
    ),
    (HOSTILE,),
    reasons=("nobody was <seen>",),
)


def document(ard: Ard, code: str) -> Document:
    """Every output that is no figure, and a block of each kind."""
    words = language(code)
    shown = [display(ard, one, code) for one, planned in ard.outputs.items() if planned.kind != "figure"]
    number = next(cell for row in shown[0].rows for cell in row.cells if cell.id)
    there = {"n": number, "where": Link("Table 14.1.1", "14.1.1"), "other": Link("elsewhere", "99.9")}
    blocks: list[Block] = [
        Heading("Résumé", 1, "2"),
        Paragraph(sentence("Were screened: {n}, see {where}; {other}.", there)),
        Points(((Shown(HOSTILE),), (Shown("Second"), number))),
        Facts((("Sites", (Shown("3"),)), ("Ended", (number,)))),
        Paragraph((Shown("Small print."),), note=True),
        Heading("Tables", 1, "14"),
        *shown,
        UNDER,
        UNDER,  # an output may be shown again
        Picture(
            "F14.2",
            "Course",
            "A circle & a word",
            {"mark": "circle", "data": {"values": [{"said": "</script>"}]}},
            DRAWING,
            replace(shown[0], id="F14.2b"),
            None,
            ("Note.",),
        ),
    ]
    return Document(
        "report", f"VASCU-IL2 {words('report')}", "Version 1 <1>", code, tuple(blocks), words("banner"),
        "Historical reference.", (("Study", "VASCU-IL2"),), f"VASCU-IL2 · {ard.hash[:16]}", "trialrun 0",
    )  # fmt: skip
