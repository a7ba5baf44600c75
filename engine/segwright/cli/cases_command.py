"""`segwright cases`: what can be done with the cases of an organisation; so far, suggest some."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, Progress, refuse, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.workbench.suggesting import Suggestion


@click.group("cases")
def command() -> None:
    """Cases: what goes into a message, and the bytes that come out."""


@command.command("suggest")
@click.argument("organisation", metavar="ORG")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N", help="Of what is made up.")
@click.option("--write", is_flag=True, help="Write the folders; without it they are only shown.")
@workspace_option
@click.pass_context
def suggest(context: click.Context, organisation: str, seed: int, write: bool, workspace: Path | None) -> None:
    """Suggest the smallest cases that reach what no case of ORG reaches.

    Everything in them is made up. They are marked SUGGESTED in their note: read each one and what it gives, say in the note what
    it shows, give it a name; then lock its snapshot with `segwright test ORG --update`. Exit code 1 when something is left that
    no suggestion reaches.
    """
    from segwright.service.opening import open_organisation
    from segwright.workbench.suggesting import suggest as suggested_for
    from segwright.workbench.told import untouched_lines

    root = workspace_of(context, workspace)
    running, compiled, found = open_organisation(root, organisation, "test")
    if running is None:
        refuse(found, compiled.sources)
    progress = Progress()
    suggested = suggested_for(compiled, organisation, seed=seed, say=progress.say)
    progress.done()
    for suggestion in suggested.suggestions:
        _show(suggestion, compiled.sources)
        if write:
            _write(root / "orgs" / organisation / "cases" / suggestion.name, suggestion.files)
    count = len(suggested.suggestions)
    if not count and not suggested.left:
        click.echo("the cases reach everything; there is nothing to suggest")
    elif write:
        what = "1 case written; read it" if count == 1 else f"{count} cases written; read them"
        click.echo(f"{what}, then: segwright test {organisation} --update")
    else:
        click.echo(f"{count} case{'' if count == 1 else 's'} suggested; nothing is written without --write")
    for message in suggested.unstarted:
        click.echo(f"{message} has no case, and nothing made up is accepted; write one, the search goes on from there")
    if suggested.left:
        click.echo(f"not reached by any change that was tried ({len(suggested.left)}):")
        for line in untouched_lines(suggested.left, compiled.sources):
            click.echo(f"  {line}")
    sys.exit(FOUND if suggested.left else 0)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        click.echo(f"{folder} cannot be written: {(error.strerror or 'the disk refuses').lower()}", err=True)
        sys.exit(FOUND)


def _show(suggestion: Suggestion, sources: object) -> None:
    out = sys.stdout
    refused = ", which is refused" if suggestion.refused else ""
    click.echo(style(f"{suggestion.name}{refused}: reaches {len(suggestion.reaches)}", out, bold=True))
    for point in suggestion.reaches:
        click.echo(f"    {point.kind}  {point.address}  {point.text}")
    for name, data in suggestion.files.items():
        click.echo(style(f"  {name}", out, fg="blue"))
        text = data.decode("utf-8", "replace").replace("\r", "\n")
        for line in text.rstrip().splitlines():
            click.echo(f"    {line}")
    click.echo()
