"""`segwright init`: a new workspace."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from segwright.cli.output import FOUND, Progress


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make a new workspace in DIR: the shared mappings, the schema, and one sample organisation with cases and snapshots.

    DIR must be empty or not exist. The workspace passes check and test.
    """
    from segwright.service import snapshots
    from segwright.service.opening import check
    from segwright.service.starting import ORGANISATION, NotEmpty, start
    from segwright.service.testing import compare_cases

    try:
        made = start(folder)
    except NotEmpty:
        click.echo(f"{folder} holds something already; a workspace is made in an empty folder", err=True)
        sys.exit(FOUND)
    except OSError as error:
        click.echo(f"{folder} cannot be made: {(error.strerror or 'the disk refuses').lower()}", err=True)
        sys.exit(FOUND)
    progress = Progress()
    progress.say("running the cases of the sample …")
    compiled, _ = check(folder, ())
    tested = compare_cases(folder, compiled, ORGANISATION)
    snapshots.write(folder, tested.changes)
    progress.done()
    click.echo(
        f"{folder} is a workspace now: {len(made)} files, and {len(tested.changes)} snapshots of the sample's cases."
    )
    click.echo(f"Begin with {folder / 'orgs' / ORGANISATION / 'org.yaml'}, then:\n")
    click.echo(f"    cd {folder}\n    segwright check\n    segwright test")
