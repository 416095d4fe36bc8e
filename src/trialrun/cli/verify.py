"""`trialrun verify`: prove the record of a trial whole and unaltered."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trialrun.record.verify import Verified


@click.command()
@click.argument("trial", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--anchor",
    "anchors",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="An anchor kept outside; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def verify(ctx: click.Context, trial: Path, anchors: tuple[Path, ...], as_json: bool) -> None:
    """Prove the record of TRIAL whole and unaltered.

    Names the first bad entry of every chain: its chain, its number, and what is wrong. A tail that was
    cut off, or a chain rewritten as a whole, shows only against an anchor kept outside (--anchor).
    """
    from trialrun.journal.anchor import Anchor
    from trialrun.journal.errors import Unstorable
    from trialrun.record.verify import verify

    try:
        kept = tuple(Anchor.parse(path.read_text("utf-8")) for path in anchors)
    except (Unstorable, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error), param_hint="--anchor") from error
    found = verify(trial, kept)
    if as_json:
        listed = [{"chain": f.chain, "sequence": f.sequence, "wrong": f.wrong} for f in found.findings]
        counted = {"entries": found.entries, "chains": len(found.chains), "files": found.files}
        click.echo(json.dumps({**counted, "anchors": len(kept), "findings": listed}))
    else:
        for finding in found.findings:
            click.echo(finding)
        for line in _closing(found, len(kept)):
            click.echo(line)
    ctx.exit(1 if found.findings else 0)


def _closing(found: "Verified", anchors: int) -> Iterator[str]:
    """What was proven, and what could not be."""
    if not found.findings:
        yield f"{found.entries} entries on {len(found.chains)} chains, all whole"
        if found.files is not None:
            yield (
                f"{found.files} files are as SHA256SUMS says; who can change them can change that list too, "
                "so keep a copy of it outside"
            )
    if not anchors:
        yield (
            "no anchor was given: a cut tail or a rewritten chain shows only against an anchor kept outside "
            "(--anchor)"
        )
