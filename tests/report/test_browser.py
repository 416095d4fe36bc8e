"""A page in a browser: its policy holds, any number opens its panel, and keys do what they should."""

import base64
import hashlib
import json
import re
import shutil
import subprocess

import pytest

from example_document import document as example_document
from trialrun.report.html import html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# What a reader does, told as JSON at the end of the page. It is let in beside the page's own script.
VISIT = """
const told = {errors: [], refused: []};
addEventListener("error", (event) => told.errors.push(event.message));
document.addEventListener("securitypolicyviolation", (event) => told.refused.push(event.effectiveDirective));
const panel = document.getElementById("how");
const text = (one) => one.textContent;
const pressed = (key) => new KeyboardEvent("keydown", {key, bubbles: true});
const press = (key) => document.activeElement.dispatchEvent(pressed(key));
const numbers = [...document.querySelectorAll("button[data-n]")];
const hashes = new Set();
told.silent = 0;
for (const number of numbers) {
  number.click();
  const found = [...panel.querySelectorAll("code")].map(text);
  if (!panel.open || found.length !== 2 || !/^[0-9a-f]{64}$/.test(found[1])) told.silent += 1;
  hashes.add(found[1]);
}
told.numbers = numbers.length;
told.hashes = [...hashes];
const first = document.querySelector("#out-14\\\\.1\\\\.4 td button");
first.click();
told.asked = text(panel.querySelector("p.asked"));
told.values = [...panel.querySelectorAll("#how-body > dl:first-of-type dd")].map(text);
told.tables = [...panel.querySelectorAll("caption")].map(text);
told.source = text(panel.querySelector("small"));
told.rows = panel.querySelectorAll("tbody tr").length;
panel.querySelector(".more").click();
told.all = panel.querySelectorAll("tbody tr").length;
told.focus = document.activeElement.id;
press("Escape");
told.closed = !panel.open && document.activeElement === first;
first.focus();
press("ArrowDown");
told.down = document.activeElement === first.closest("tr").nextElementSibling.querySelector("button");
told.stops = first.closest("table").querySelectorAll("td > button:not([tabindex='-1'])").length;
told.sticky = getComputedStyle(document.querySelector(".banner")).position;
told.wide = document.documentElement.scrollWidth - innerWidth;
try { eval("told.evaluated = true"); } catch { told.evaluated = false; }
document.querySelector("h1").setAttribute("style", "position: fixed");
told.styled = getComputedStyle(document.querySelector("h1")).position === "fixed";
fetch("data:text/plain,x").then(() => { told.fetched = true; }, () => { told.fetched = false; });
setTimeout(() => {
  const verdict = document.createElement("pre");
  verdict.id = "verdict";
  verdict.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(told))));
  document.body.append(verdict);
}, 50);
"""


SPOKEN = "fr"  # a browser takes seconds: one language, which is not that of the program


@pytest.fixture(scope="module")
def told(few, tables, tmp_path_factory):
    if BROWSER is None:
        pytest.skip("no browser here: apt-get install chromium")
    page = html(example_document(few, SPOKEN), few, tables)
    digest = base64.b64encode(hashlib.sha256(VISIT.encode()).digest()).decode()
    page = page.replace("script-src ", f"script-src &#39;sha256-{digest}&#39; ", 1)
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    body, end, _ = page.rpartition("</body>")  # the page's own script may say it too
    path.write_text(f"{body}<script>{VISIT}</script>{end}</html>", encoding="utf-8")
    alone = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder}",
    ]
    seen = subprocess.run(
        [BROWSER, *alone, "--window-size=500,900", "--virtual-time-budget=5000", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    verdict = re.search(r'<pre id="verdict">([^<]+)</pre>', seen.stdout)
    assert verdict, seen.stderr[-2000:]
    return json.loads(base64.b64decode(verdict[1]))


def test_every_number_opens_its_panel(told, few):
    assert told["errors"] == []
    assert told["silent"] == 0 and told["numbers"] > 200
    assert set(told["hashes"]) <= set(few.cells["cell"].drop_nulls().to_list())


def test_the_panel_says_how_the_number_was_made(told):
    assert told["asked"].startswith("Tableau 14.1.4. Données démographiques")
    assert told["values"] == ["10"]
    assert "DM" in told["tables"]
    assert re.search(r"#\d+", told["source"])
    assert 0 < told["rows"] <= 20 < told["all"]


def test_keys(told):
    assert told["focus"] == "how-close"
    assert told["closed"] and told["down"]
    assert told["stops"] == 1, "a table is one stop of the Tab key"


def test_the_policy_holds_and_the_page_fits(told):
    assert told["evaluated"] is False and told["styled"] is False and told["fetched"] is False
    assert {"script-src", "style-src-attr", "connect-src"} <= set(told["refused"])
    assert told["sticky"] == "sticky"
    assert told["wide"] <= 0
