"""`trialrun verify`: prove the record of a trial whole and unaltered."""

import json
from pathlib import Path

import click


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
        click.echo(json.dumps({"entries": found.entries, "chains": len(found.chains), "findings": listed}))
    elif found.findings:
        for finding in found.findings:
            click.echo(str(finding) if finding.sequence else f"{finding.chain}: {finding.wrong}")
    else:
        click.echo(f"{found.entries} entries on {len(found.chains)} chains, all whole")
    ctx.exit(1 if found.findings else 0)
