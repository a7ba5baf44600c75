"""`segwright promote`: what runs where."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from segwright.cli.output import Progress, workspace_of, workspace_option
from segwright.cli.reviewing import ReviewCommand, carried_out, keys_option, stop


@click.command("promote", cls=ReviewCommand)
@click.argument("environment", type=click.Choice(["test", "production"]), metavar="test|production")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option("--because", required=True, metavar="TEXT", help="Why; it is kept with the release.")
@click.option("--expects", type=int, metavar="N", help="Only if release N is what runs now.")
@click.option(
    "--approvers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="People who must have approved anything, whatever a lock says.",
)
@click.option(
    "--locks", is_flag=True, help="Only what the locks say by now, with the bundles that run: a revocation, say."
)
@click.option("--yes", is_flag=True, help="Do it without asking; for scripts.")
@keys_option
@workspace_option
@click.pass_context
def command(
    context: click.Context, environment: str, folder: Path, organisations: tuple[str, ...], because: str, expects: int | None,
    approvers: int, locks: bool, yes: bool, keys: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Put hospitals into force in DIR: the workspace into test, or what runs in test into production.

    Production takes only what ran in test, as it was compiled then, and only when all of it is approved. Says what changes and
    asks. Exit code 0 when it is in force, or nothing changes; 1 when it is refused.
    """
    from segwright.plan.release import ReleaseRefused
    from segwright.service import promoting
    from segwright.service.locks import trusted
    from segwright.service.unreviewed import Unreviewed

    root = workspace_of(context, workspace)
    now = datetime.now(UTC)
    progress = Progress()
    progress.say("compiling …")
    try:
        if locks:
            step = promoting.with_locks(root, folder, environment, organisations, because, now)
        elif environment == promoting.TEST:
            step = promoting.from_workspace(root, folder, organisations, because, now)
        else:
            signers = trusted(keys, root)
            step = promoting.from_test(root, folder, organisations, because, now, signers, approvers)
        progress.done()
        carried_out(folder, step, expects, yes=yes)
    except (Unreviewed, ReleaseRefused, OSError) as error:
        progress.done()
        stop(error)
    sys.exit(0)
