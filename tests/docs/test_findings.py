"""The page of findings and errors lists every code with what it means, and no others."""

import re
from pathlib import Path

from trialrun.protocol.lint.registry import CODES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "findings.md"


def test_every_code_is_on_the_page() -> None:
    parts = PAGE.read_text("utf-8").split("\n## ")
    listed = {
        part.split()[0].lower(): re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", part, re.MULTILINE)
        for part in parts[1:]
    }
    for heading, kind in (("errors", "error"), ("findings", "finding")):
        expected = sorted((code.name, code.means) for code in CODES if code.kind == kind)
        assert listed[heading] == expected
