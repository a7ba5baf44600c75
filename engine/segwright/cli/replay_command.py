"""`segwright replay`: recorded inputs through the plans of a base and of the workspace."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.ledger_access import Where, ledger_options, opened, settings_of
from segwright.cli.output import Progress, workspace_of
from segwright.cli.reviewing import CHANGES, ReviewCommand, stop

if TYPE_CHECKING:
    from segwright.ledger.recorded import Recorded

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?")


@click.command("replay", cls=ReviewCommand)
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[DIR]")
@click.option("--against", metavar="BASE", help="The plans before [default: where this branch left main].")
@click.option(
    "--since", metavar="T", help="Only inputs of this time or later (2026-03-02, 2026-03-02T14:05); of a ledger in UTC."
)
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the youngest N inputs [of a ledger: 1000].")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@ledger_options
def command(
    where: Where, folder: Path | None, against: str | None, since: str | None, last: int | None, form: str
) -> None:
    """Run what was recorded through the plans before and after: what would change, be refused, or be filed twice.

    Inputs are those of the ledger, or of DIR, kept there as cases are: orgs/ORG/cases/NAME/ with case.yaml, order.hl7,
    result.json. Values are never shown. Exit code 0 when every input gives the same bytes, 2 when something would change, 1 when
    it cannot be told.
    """
    import msgspec

    from segwright.review.replay import replay_report
    from segwright.service.replaying import inputs_in, inputs_of, replay
    from segwright.service.reviewing import policy_of, states
    from segwright.service.unreviewed import Unreviewed

    if since and not _TIME.fullmatch(since):
        raise click.UsageError("--since takes a time such as 2026-03-02 or 2026-03-02T14:05:00.")
    if folder is not None and not (folder / "orgs").is_dir():
        raise click.UsageError(f"{folder} holds no recordings: there is no {folder}/orgs.")
    environment, found = _of_ledger(where, since, last or 1000) if folder is None else ("", [])
    root = workspace_of(where.context, where.workspace)
    progress = Progress()
    try:
        meanings = policy_of(root).meanings
        with states(root, against, os.environ, (), progress.say) as (before, after, name):
            if folder is None:
                inputs = inputs_of(after, environment, found)
            else:
                inputs = inputs_in(after, folder, re.sub(r"\D", "", since or ""), last)
            review = replay(before, after, name, inputs, meanings, progress.say)
        progress.done()
    except (Unreviewed, OSError) as error:
        progress.done()
        stop(error)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(review), indent=2).decode())
    else:
        click.echo("\n".join(replay_report(review)))
    sys.exit(CHANGES if review.changed else 0)


def _of_ledger(where: Where, since: str | None, last: int) -> tuple[str, list[Recorded]]:
    """The environment of a ledger, and what it recorded."""
    from segwright.ledger.recorded import recorded

    settings, _ = settings_of(where)
    start = int(datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp() * 1000) if since else 0
    with opened(settings) as store:
        return settings.environment, store.read(lambda tx: recorded(tx, start, last))
