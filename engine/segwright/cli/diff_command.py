"""`segwright diff`: what changes, for which hospitals."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from segwright.cli.output import FOUND, Progress, coloured, width, workspace_of, workspace_option
from segwright.cli.reviewing import CHANGES, ReviewCommand, keys_option, painted, stop

FORMATS = ["text", "markdown", "json", "html"]


@click.command("diff", cls=ReviewCommand)
@click.argument("base", required=False, metavar="[BASE]")
@click.option("--org", "organisations", multiple=True, metavar="ORG", help="Only this hospital; may be given again.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How it is told.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file instead.")
@keys_option
@workspace_option
@click.pass_context
def command(
    context: click.Context, base: str | None, organisations: tuple[str, ...], form: str, out: Path | None, keys: Path | None,
    workspace: Path | None,
) -> None:  # fmt: skip
    """Compare the workspace with BASE: every case of every hospital before and after, field by field, and every rule.

    BASE is a revision of git, a folder with a workspace, or `approved`: what production may run now [default: where this branch
    left main]. Layout and comments change nothing. Exit code 0 when nothing changes, 2 when something does, 1 when it cannot be
    told.
    """
    from segwright.service.approving import APPROVED, compared_with_approved
    from segwright.service.reviewing import compared, written
    from segwright.service.unreviewed import Unreviewed
    from segwright.workbench.lost import no_longer_exercised

    root = workspace_of(context, workspace)
    progress = Progress()
    try:
        if base == APPROVED:
            found = compared_with_approved(
                root, keys, os.environ, organisations, progress.say, lost=no_longer_exercised
            )
        else:
            found = compared(root, base, os.environ, organisations, progress.say, no_longer_exercised)
        progress.done()
        review = found.review
        if form == "text":
            text = written(found, form, width() if out is None else 100, painted(sys.stdout if out is None else None))
        else:
            text = written(found, form)
        if out is None:
            click.echo(text, nl=False, color=coloured(sys.stdout))
        else:
            out.write_text(text, encoding="utf-8")
    except (Unreviewed, OSError) as error:
        progress.done()
        stop(error)
    if any(each.status == "broken" for each in review.organisations):
        click.echo("What compiled at the base does so no longer: `segwright check` says why.", err=True)
        sys.exit(FOUND)
    sys.exit(CHANGES if review.changed else 0)
