"""`segwright approve`: one person's word on what changes."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from segwright.cli.output import Progress, width, workspace_of, workspace_option
from segwright.cli.reviewing import CHANGES, ReviewCommand, key_option, keys_option, painted, stop


@click.command("approve", cls=ReviewCommand)
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option("--group", metavar="G", help="The hospitals of a group that `segwright diff` names.")
@click.option(
    "--against",
    metavar="BASE",
    help="The base that `diff` was given for --group [default: where this branch left main].",
)
@click.option("--because", required=True, metavar="TEXT", help="Why: what you looked at, and what you rely on.")
@click.option("--environment", default="production", show_default=True, metavar="E", help="Where it may run.")
@click.option("--yes", is_flag=True, help="Sign without asking; for scripts.")
@key_option
@keys_option
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisations: tuple[str, ...], group: str | None, against: str | None, because: str,
    environment: str, yes: bool, key: Path, keys: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Approve hospitals as they are now: show what changed since the last approval, sign it, write it into approvals.lock.

    What is signed are the hashes of plans and policy; whatever moves a byte of a message or a setting lapses it. Exit code 0 when
    all of it is approved by enough people then, 2 when another person must approve it, 1 when nothing was signed.
    """
    from segwright.plan.approval import says_why
    from segwright.review.report_text import text_report
    from segwright.service import approving
    from segwright.service.locks import own_signer, trusted
    from segwright.service.reviewing import group_of, open_state, policy_of
    from segwright.service.signing import CannotSign, Key
    from segwright.service.unreviewed import Unreviewed
    from segwright.workbench.lost import no_longer_exercised

    if bool(organisations) == bool(group):
        raise click.UsageError("Name hospitals, or a group with --group.")
    if not says_why(because):
        raise click.UsageError("--because must say why, on one line.")
    root = workspace_of(context, workspace)
    now = datetime.now(UTC)
    progress = Progress()
    try:
        policy = policy_of(root)
        signers = trusted(keys, root)
        signing = Key(key)
        own_signer(signers, signing.public, key)
        names = tuple(dict.fromkeys(organisations)) or group_of(root, str(group), against, os.environ, progress.say)
        after = open_state(root, names, os.environ, progress.say)
        approving.must_compile(after, names, environment)
        review = approving.against_approved(
            after, names, environment, policy, signers, now, os.environ, progress.say, no_longer_exercised
        )
        progress.done()
        proposals = approving.proposals(
            after, names, review, environment, because.strip(), signing, policy, signers, now
        )
        if not proposals:
            click.echo("There is nothing for you to approve.")
        else:
            click.echo("\n".join(text_report(review, width(), painted(sys.stdout))))
            click.echo()
        for each in proposals:
            click.echo(approving.said_proposal(each))
        if proposals and not yes:
            if not sys.stdin.isatty():
                raise Unreviewed("Nobody is here to ask: add --yes to sign.")
            click.confirm(f"Sign with {key}?", abort=True)
        approving.sign(root, [each.entry for each in proposals], signing)
        standing = approving.statuses(after, names, environment, policy, signers, now)
    except (Unreviewed, CannotSign, OSError) as error:
        progress.done()
        stop(error)
    for status in standing:
        click.echo(f"{status.organisation} in {status.environment}: {status.said}")
    sys.exit(0 if all(status.approved for status in standing) else CHANGES)
