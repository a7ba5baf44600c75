"""`segwright approvals`: how things stand, and taking back."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from segwright.cli.output import Progress, style, workspace_of, workspace_option
from segwright.cli.reviewing import CHANGES, ReviewCommand, key_option, keys_option, server_token, stop, token_option


@click.group("approvals")
def command() -> None:
    """Who approved what, and whether it still holds."""


@command.command("verify", cls=ReviewCommand)
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option("--environment", default="production", show_default=True, metavar="E", help="Where it is to run.")
@keys_option
@workspace_option
@click.pass_context
def verify(
    context: click.Context, organisations: tuple[str, ...], environment: str, keys: Path | None, workspace: Path | None
) -> None:
    """Verify every signature, and that what the mappings compile to now is what was approved.

    Exit code 0 when all of it is approved, 2 when something lacks approval, 1 when a lock, signature or key file is refused or a
    hospital does not compile.
    """
    from segwright.service import approving
    from segwright.service.locks import trusted
    from segwright.service.reviewing import open_state, policy_of
    from segwright.service.unreviewed import Unreviewed

    root = workspace_of(context, workspace)
    progress = Progress()
    try:
        signers, policy = trusted(keys, root), policy_of(root)
        after = open_state(root, organisations, os.environ, progress.say)
        names = organisations or approving.organisations_of(after)
        found = approving.statuses(after, names, environment, policy, signers, datetime.now(UTC))
        progress.done()
    except (Unreviewed, OSError) as error:
        progress.done()
        stop(error)
    for status in found:
        colour = "green" if status.approved else "red" if status.problem else "yellow"
        sign = "✓" if status.approved else "✗" if status.problem else "!"
        click.echo(style(f"{sign} {status.organisation} in {status.environment}: {status.said}", sys.stdout, fg=colour))
    if any(status.problem for status in found):
        sys.exit(1)
    sys.exit(0 if all(status.approved for status in found) else CHANGES)


@command.command("revoke", cls=ReviewCommand)
@click.argument("organisations", nargs=-1, required=True, metavar="ORG…")
@click.option("--because", required=True, metavar="TEXT", help="Why it must not run any more.")
@click.option("--environment", default="production", show_default=True, metavar="E", help="Where it must not run.")
@key_option
@keys_option
@workspace_option
@click.pass_context
def revoke(
    context: click.Context, organisations: tuple[str, ...], because: str, environment: str, key: Path, keys: Path | None,
    workspace: Path | None,
) -> None:  # fmt: skip
    """Take back every approval of hospitals as they are now: nothing new is queued, and what is queued does not go out."""
    from segwright.plan.approval import says_why
    from segwright.service import approving
    from segwright.service.locks import own_signer, trusted
    from segwright.service.reviewing import open_state
    from segwright.service.signing import CannotSign, Key
    from segwright.service.unreviewed import Unreviewed

    if not says_why(because):
        raise click.UsageError("--because must say why, on one line.")
    root = workspace_of(context, workspace)
    now = datetime.now(UTC)
    progress = Progress()
    try:
        signers, signing = trusted(keys, root), Key(key)
        own_signer(signers, signing.public, key)
        after = open_state(root, organisations, os.environ, progress.say)
        progress.done()
        approving.must_compile(after, organisations, environment)
        words = [
            approving.revocation(after, name, environment, because.strip(), signing, now)
            for name in dict.fromkeys(organisations)
        ]
        approving.sign(root, words, signing)
        for name in dict.fromkeys(organisations):
            click.echo(
                f"{name} in {environment}: revoked, once the server has this lock (`segwright promote {environment} DIR --locks`)"
            )
    except (Unreviewed, CannotSign, OSError) as error:
        progress.done()
        stop(error)


@command.command("import", cls=ReviewCommand)
@click.argument("source", metavar="FILE|URL")
@token_option
@keys_option
@workspace_option
@click.pass_context
def import_(
    context: click.Context, source: str, token_file: Path | None, keys: Path | None, workspace: Path | None
) -> None:
    """Take approvals that were signed elsewhere, such as on a server's pages, into the locks; commit them then.

    FILE was downloaded from a page; URL is what `segwright propose` says, and needs the proposer's token. Every line must be
    signed by a trusted key (for an account: by one that may speak for accounts of that hospital), and must approve what the
    workspace compiles to now. Who approved is the account, not the server. Exit code 0 when all of it is approved by enough
    people then, 2 when another person must approve it, 1 when nothing was taken.
    """
    from segwright.service.approving import statuses
    from segwright.service.importing import imported
    from segwright.service.locks import text_of, trusted
    from segwright.service.reviewing import policy_of
    from segwright.service.unreviewed import Unreviewed

    root = workspace_of(context, workspace)
    now = datetime.now(UTC)
    progress = Progress()
    try:
        signers, policy = trusted(keys, root), policy_of(root)
        text = _fetched(source, token_file) if source.startswith(("http://", "https://")) else text_of(Path(source))
        after, taken = imported(root, source, text, signers, policy, now, os.environ, progress.say)
        progress.done()
        for each in taken:
            click.echo(each.said)
        by_environment: dict[str, dict[str, None]] = {}
        for each in taken:
            by_environment.setdefault(each.word.entry.environment, {})[each.word.entry.organisation] = None
        found = [
            status
            for environment, names in by_environment.items()
            for status in statuses(after, tuple(names), environment, policy, signers, now)
        ]
    except (Unreviewed, OSError) as error:
        progress.done()
        stop(error)
    for status in found:
        click.echo(f"{status.organisation} in {status.environment}: {status.said}")
    sys.exit(0 if all(status.approved for status in found) else CHANGES)


def _fetched(url: str, token_file: Path | None) -> str:
    """What a server's reviewers approved. Raises `Unreviewed`."""
    from segwright.service.unreviewed import Unreviewed
    from segwright.web.proposing import NotSent, fetched

    try:
        return fetched(url, server_token(token_file))
    except NotSent as error:
        raise Unreviewed(str(error)) from None
