"""`segwright replay`: recorded inputs through the plans of a base and of the workspace."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from segwright.cli.output import Progress, workspace_of, workspace_option
from segwright.cli.reviewing import CHANGES, ReviewCommand, stop


@click.command("replay", cls=ReviewCommand)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--against", metavar="BASE", help="The plans before [default: where this branch left main].")
@click.option(
    "--since", metavar="T", help="Only inputs made at this time or later (2026-03-02 or 2026-03-02T14:05:00)."
)
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the youngest N inputs.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@workspace_option
@click.pass_context
def command(
    context: click.Context, folder: Path, against: str | None, since: str | None, last: int | None, form: str,
    workspace: Path | None,
) -> None:  # fmt: skip
    """Run what was recorded in DIR through the plans before and after: what would change, be refused, or be filed twice.

    DIR holds inputs as cases are kept: orgs/ORG/cases/NAME/ with case.yaml, order.hl7, result.json. Values are never shown.
    Exit code 0 when every input gives the same bytes, 2 when something would change, 1 when it cannot be told.
    """
    import re

    import msgspec

    from segwright.review.replay import replay_report
    from segwright.service.approving import policy_of
    from segwright.service.replaying import replay
    from segwright.service.reviewing import Unreviewed, states

    if since and not re.fullmatch(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?", since):
        raise click.UsageError("--since takes a time such as 2026-03-02 or 2026-03-02T14:05:00.")
    if not (folder / "orgs").is_dir():
        raise click.UsageError(f"{folder} holds no recordings: there is no {folder}/orgs.")
    root = workspace_of(context, workspace)
    progress = Progress()
    digits = re.sub(r"\D", "", since or "")
    try:
        meanings = policy_of(root).meanings
        with states(root, against, os.environ, (), progress.say) as (before, after, name):
            review = replay(before, after, name, folder, meanings, digits, last, progress.say)
        progress.done()
    except (Unreviewed, OSError) as error:
        progress.done()
        stop(error)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(review), indent=2).decode())
    else:
        click.echo("\n".join(replay_report(review)))
    sys.exit(CHANGES if review.changed else 0)
