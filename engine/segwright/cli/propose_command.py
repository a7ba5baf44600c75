"""`segwright propose`: what changes, put to the reviewers on a server's pages."""

from __future__ import annotations

import os
from pathlib import Path

import click

from segwright.cli.output import Progress, workspace_of, workspace_option
from segwright.cli.reviewing import ReviewCommand, keys_option, server_token, stop, token_option


@click.command("propose", cls=ReviewCommand)
@click.argument("base", required=False, metavar="[BASE]", default="approved")
@click.option("--because", required=True, metavar="TEXT", help="What the change is for; reviewers read it first.")
@click.option(
    "--server", required=True, envvar="SEGWRIGHT_SERVER", metavar="URL", help="Whose pages [or SEGWRIGHT_SERVER]."
)
@token_option
@click.option("--environment", default="production", show_default=True, metavar="E", help="Where it is to run.")
@click.option("--org", "organisations", multiple=True, metavar="ORG", help="Only this hospital; may be given again.")
@keys_option
@workspace_option
@click.pass_context
def command(
    context: click.Context, base: str, because: str, server: str, token_file: Path | None, environment: str,
    organisations: tuple[str, ...], keys: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Ask the reviewers on a server's pages to approve the workspace as it is, each for their own hospitals.

    What they are shown is the comparison with BASE that `segwright diff` makes [default: approved, what production may run now];
    what they approve are the hashes of plans and policy. The workspace has to be committed, so that it can be found again. Exit
    code 0 when the server has it or nothing changes, 1 when it was not sent.
    """
    from segwright.plan.approval import says_why
    from segwright.service.approving import APPROVED, compared_with_approved
    from segwright.service.reviewing import compared, proposed
    from segwright.service.revision import committed
    from segwright.service.unreviewed import Unreviewed
    from segwright.web.proposing import PATH, NotSent, propose
    from segwright.workbench.lost import no_longer_exercised

    if not says_why(because):
        raise click.UsageError("--because must say why, on one line.")
    root = workspace_of(context, workspace)
    token = server_token(token_file)
    progress = Progress()
    try:
        if not committed(root):
            raise Unreviewed("Commit first: reviewers approve a state that others can check out.")
        if base == APPROVED:
            found = compared_with_approved(
                root, keys, os.environ, organisations, progress.say, environment, no_longer_exercised, lacking=True
            )
        else:
            found = compared(root, base, os.environ, organisations, progress.say, no_longer_exercised)
        progress.done()
        if not found.review.organisations:
            click.echo("Nothing lacks approval, or nothing changes: there is nothing to propose.")
            return
        taken = propose(server, token, proposed(found, environment, because.strip()))
    except (Unreviewed, NotSent, OSError) as error:
        progress.done()
        stop(error)
    place = server.rstrip("/")
    hospitals = f"{taken.hospitals:,} hospital{'' if taken.hospitals == 1 else 's'}"
    click.echo(
        f"Proposal {taken.proposal}{' (it was there already)' if taken.again else ''}: {hospitals} for {environment}."
    )
    if taken.page:
        click.echo(f"  to review   {place}{taken.page}")
    click.echo(f"  afterwards  segwright approvals import {place}{PATH}/{taken.proposal}/approvals --token-file …")
