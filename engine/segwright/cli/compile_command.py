"""`segwright compile`: the bundles that the runtime loads."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from segwright.cli.output import FOUND, Progress, refuse, said, workspace_of, workspace_option


@click.command("compile")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the bundles go [default: bundles/ in the workspace].",
)
@workspace_option
@click.pass_context
def command(context: click.Context, organisations: tuple[str, ...], out: Path | None, workspace: Path | None) -> None:
    """Compile to bundles: DIR/ORG/ENVIRONMENT with a manifest and a plan for each message.

    The approvals of a hospital are laid beside its bundles. Prints the hash and the folder of each.
    Nothing is written when anything has an error; the exit code is then 1.
    """
    from segwright.core.diagnostic import errors
    from segwright.plan.approval import FILE
    from segwright.plan.bundle import BundleRefused
    from segwright.service.bundling import write_bundles
    from segwright.service.opening import check

    root = workspace_of(context, workspace)
    progress = Progress()
    progress.say("compiling …")
    compiled, found = check(root, organisations)
    progress.done()
    if errors(found):
        refuse(found, compiled.sources)
    if found:
        said(found, compiled.sources, error=True)
    folder = out if out is not None else root / "bundles"
    for name, organisation in compiled.organisations.items():
        progress.say(f"writing {name} …")
        try:
            hashes = write_bundles(folder, organisation, compiled.sources)
        except (OSError, BundleRefused) as error:
            progress.done()
            reason = error.strerror if isinstance(error, OSError) else str(error)
            click.echo(f"the bundle of {name} cannot be written: {reason}", err=True)
            sys.exit(FOUND)
        progress.done()
        lock = root / "orgs" / name / FILE
        if lock.is_file():  # whoever loads the bundles asks it whether they may run
            (folder / name / FILE).write_bytes(lock.read_bytes())
        for environment, hash_ in hashes.items():
            click.echo(f"{hash_}  {folder / name / environment}")
