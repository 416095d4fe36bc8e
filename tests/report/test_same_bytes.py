"""Every format is the same bytes whatever the hash seed, the time zone and the locale."""

import hashlib
import os
import pickle
import subprocess
import sys

import pytest

from trialrun.report.docx import docx
from trialrun.report.html import html
from trialrun.report.pdf import pdf
from trialrun.report.rtf import rtf

AGAIN = """
import hashlib, pickle, sys
from trialrun.report.docx import docx
from trialrun.report.html import html
from trialrun.report.pdf import pdf
from trialrun.report.rtf import rtf
document, ard, tables = pickle.load(open(sys.argv[1], "rb"))
for made in (html(document, ard, tables).encode(), pdf(document), rtf(document), docx(document)):
    print(hashlib.sha256(made).hexdigest())
"""


@pytest.fixture(scope="session")
def spoken():
    """A new interpreter takes seconds: one language, with letters beyond ASCII."""
    return "fr"


def test_another_machine_makes_the_same_bytes(document, few, tables, tmp_path):
    kept = tmp_path / "kept"
    kept.write_bytes(pickle.dumps((document, few, tables)))
    strange = {
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C",
    }
    environment = {
        **os.environ,
        **strange,
        "POLARS_MAX_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    told = subprocess.run(
        [sys.executable, "-c", AGAIN, kept], env=environment, capture_output=True, text=True, check=True
    )
    made = (html(document, few, tables).encode(), pdf(document), rtf(document), docx(document))
    assert told.stdout.split() == [hashlib.sha256(one).hexdigest() for one in made]
