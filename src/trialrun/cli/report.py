"""`trialrun report`: what was known of a trial on a day, as a folder of results."""

from __future__ import annotations

import datetime
import shlex
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialrun.cli.terminal import as_json, console, print_json, program, progress

if TYPE_CHECKING:
    from trialrun.record.trial import Trial
    from trialrun.results.report import Reported

STEPS = {
    "tables": "Building the tables of that day",
    "analysis": "Computing the planned outputs",
    "report": "Writing the documents",
}


@click.command()
@click.argument("trial", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    show_default="today; of a virtual trial, the last day of its record",
    help="What was known at the end of this day.",
)
@click.option("--by", metavar="PERSON", help="Who looks: a user id. Needed for a real trial.")
@click.option(
    "--pack",
    default="report",
    show_default=True,
    help="The study report, or a pack that the study's outputs plan: board, sponsor …",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    show_default="TRIAL/reports/DATE-PACK",
    help="A new folder for everything.",
)
@click.option("--formats", metavar="LIST", show_default="html,pdf", help="Of html, pdf, rtf, docx, txt.")
@click.option("--languages", metavar="LIST", show_default="those of the study", help="E.g. en,fr.")
@click.option(
    "--outputs",
    metavar="LIST",
    multiple=True,
    help="Some planned outputs, e.g. 14.1.1,14.1.4; may be repeated.",
)
@as_json
def report(
    trial: Path,
    as_of: datetime.datetime | None,
    by: str | None,
    pack: str,
    out: Path | None,
    formats: str | None,
    languages: str | None,
    outputs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write what was known of TRIAL on a day into a folder: numbers, tables, study and documents.

    Whoever looks is written down in the trial's record, with what was looked at; `looks` lists it.
    """
    from trialrun.record.known import stand
    from trialrun.record.trial import Trial
    from trialrun.results.report import Asked
    from trialrun.results.report import report as make

    opened = Trial.open(trial)
    try:
        stand(opened)
        who = _who(opened, pack) if by is None else by
        wanted = tuple(one for said in outputs for one in _listed(said))
        asked = Asked(pack, _languages(opened, languages), _formats(formats), wanted or None)
        day = as_of.date() if as_of else None
        with progress({} if as_json else STEPS) as tell:
            told = (lambda *_: None) if as_json else tell
            made = make(opened, asked, by=who, key=uuid.uuid4().hex, day=day, folder=out, tell=told)
        if as_json:
            print_json(
                {"folder": str(made.folder), "by": who, "look": made.look.sequence, **made.made.manifest}
            )
        else:
            _close(made, opened, trial)
    except OSError as error:
        raise click.ClickException(
            f"the results cannot be written: {error}. Choose another --out."
        ) from error
    finally:
        opened.close()


def _who(trial: Trial, pack: str) -> str:
    """The first statistician or investigator of a virtual trial; for a real one somebody must be named."""
    if not trial.virtual:
        message = "this trial is real: say who looks at its results, with --by and a user id"
        raise click.BadParameter(message, param_hint="'--by'")
    for role in ("statistician", "investigator"):
        for person in trial.people():
            if person.role == role:
                return person.id
    raise click.BadParameter("nobody of this trial may look: name someone", param_hint="'--by'")


def _listed(said: str) -> list[str]:
    return [one.strip() for one in said.split(",") if one.strip()]


def _formats(said: str | None) -> tuple[str, ...]:
    from trialrun.results.documents import FORMATS, there, usual

    if said is None:
        return usual()
    found = tuple(dict.fromkeys(_listed(said)))
    for one in found:
        if not there(one):
            able = ", ".join(form for form in FORMATS if there(form))
            raise click.BadParameter(f"`{one}` is not written; write of {able}", param_hint="'--formats'")
    return found


def _languages(trial: Trial, said: str | None) -> tuple[str, ...]:
    from trialrun.report.language import LANGUAGES

    known = [one for one in trial.protocol.study.languages if one in LANGUAGES]
    found = tuple(dict.fromkeys(_listed(said))) if said is not None else tuple(known)
    for one in found:
        if one not in known:
            message = f"the study is not written in '{one}'. Its languages: {', '.join(known)}."
            raise click.BadParameter(message, param_hint="'--languages'")
    return found or tuple(known)


def _close(made: Reported, trial: Trial, folder: Path) -> None:
    """What was written, in whose name, and what to try next."""
    from rich.table import Table
    from rich.text import Text

    manifest, out = made.made.manifest, console()
    count = len(manifest["record"])  # whoever consented, included or not
    people = f"{count} {'virtual ' if trial.virtual else ''}participant{'' if count == 1 else 's'}"
    out.print(
        f"{manifest['study']} {manifest['version']}, as known on {manifest['as_of']}: {people}", style="bold"
    )
    if manifest["unblinded"]:
        out.print(
            "The trial is masked, and these are results by arm: whoever reads them is unblinded.",
            style="bold red",
        )
    listed = Table(box=None, show_header=False, pad_edge=False)
    for name, what in _files(made):
        listed.add_row(Text(name, style="bold"), what)
    out.print(f"\n{made.folder}")
    out.print(listed)
    person = trial.person(made.look.actor)
    name = f"{person.name} ({person.role})" if person else made.look.actor
    out.print(f"\nWritten into the record: {name} looked, entry {made.look.sequence} of the trial's chain.")
    out.print("What to try next", style="bold")
    again = f"{program()} verify-results {shlex.quote(str(made.folder))} --trial {shlex.quote(str(folder))}"
    out.print(Text(f"  {again}", style="cyan"), soft_wrap=True)


def _files(made: Reported) -> Sequence[tuple[str, str]]:
    manifest = made.made.manifest
    outputs, cells = len(manifest["outputs"]), made.made.ard.cells["statistic"].drop_nulls().len()
    documents = sorted(path.name for path in made.folder.glob(f"{manifest['pack']}.*"))
    return [
        *((name, "") for name in documents),
        (
            "cells.csv",
            f"{cells:,} numbers of {outputs} outputs, each with its source; rows.csv: the rows behind",
        ),
        ("ars.json", "the same as a CDISC ARS reporting event"),
        ("tables/, study/", "what everything was made from"),
        ("manifest.json", f"results {manifest['results'][:16]}…, protocol {manifest['protocol'][:16]}…"),
        ("SHA256SUMS", "the hash of every file"),
    ]
