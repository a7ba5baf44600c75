"""`segwright rollback`: an earlier release again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from segwright.cli.output import workspace_of, workspace_option
from segwright.cli.reviewing import ReviewCommand, carried_out, keys_option, stop


@click.command("rollback", cls=ReviewCommand)
@click.argument("environment", type=click.Choice(["test", "production"]), metavar="test|production")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--to", type=click.IntRange(1), metavar="N", help="The release that is to run again [default: the one before]."
)
@click.option("--because", required=True, metavar="TEXT", help="Why; it is kept with the release.")
@click.option("--expects", type=int, metavar="N", help="Only if release N is what runs now.")
@click.option("--yes", is_flag=True, help="Do it without asking; for scripts.")
@keys_option
@workspace_option
@click.pass_context
def command(
    context: click.Context, environment: str, folder: Path, to: int | None, because: str, expects: int | None, yes: bool,
    keys: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Say what goes back when an earlier release of DIR runs again, ask, and do it. What was revoked since is refused."""
    from segwright.plan.release import ReleaseRefused
    from segwright.service import promoting
    from segwright.service.locks import trusted
    from segwright.service.unreviewed import Unreviewed

    root = workspace_of(context, workspace)
    try:
        signers = trusted(keys, root) if environment == "production" or keys is not None else None
        step = promoting.back(root, folder, environment, to, because, datetime.now(UTC), signers)
        carried_out(folder, step, expects, yes=yes)
    except (Unreviewed, ReleaseRefused, OSError) as error:
        stop(error)
    sys.exit(0)
