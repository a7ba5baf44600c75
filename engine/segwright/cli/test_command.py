"""`segwright test`: the cases against their snapshots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, Progress, refuse, said, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.service.snapshots import Change

_MOST_LINES = 40


@click.command("test")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option("--update", is_flag=True, help="Show what changes, then write it.")
@workspace_option
@click.pass_context
def command(context: click.Context, organisations: tuple[str, ...], update: bool, workspace: Path | None) -> None:
    """Run the cases (of some organisations) and compare what they give with snapshots/, byte for byte.

    Exit code 1 when bytes differ, a case has no snapshot, a snapshot has no case, a message or kind of the catalogue has no case,
    or a case is refused that should not be. With --update differences are shown and written, and do not count.
    """
    from segwright.core.diagnostic import errors
    from segwright.service import snapshots
    from segwright.service.opening import check, organisations_in
    from segwright.service.testing import compare_cases

    root = workspace_of(context, workspace)
    progress = Progress()
    progress.say("compiling …")
    compiled, found = check(root, organisations)
    progress.done()
    if compiled.workspace is None or any(finding.code == "SW1033" for finding in found):
        refuse([f for f in found if f.code == "SW1033"] or found, compiled.sources)
    names = organisations or organisations_in(root)
    failed = bool(errors(found))
    changes: list[Change] = []
    if found:
        said(found, compiled.sources)
        click.echo()
    for name in names:
        tested = compare_cases(root, compiled, name, progress.say)
        progress.done()
        changes += tested.changes
        said(tested.found, tested.sources)
        for change in tested.changes:
            _show(change)
        good = sum(1 for outcome in tested.outcomes if not outcome.found) - len(
            {c.case for c in tested.changes if c.kind != "stale"}
        )
        line = f"{name}: {len(tested.outcomes)} cases, {good} as locked"
        wrong = bool(tested.found or tested.changes)
        click.echo(style(line, sys.stdout, fg="yellow" if wrong else "green"))
        failed = failed or bool(errors(tested.found))
    if not organisations:
        left = snapshots.ownerless(root, organisations_in(root))
        changes += left
        for change in left:
            _show(change)
    if update and errors(found):
        click.echo("nothing is written while there are errors")
    elif update:
        snapshots.write(root, changes)
        click.echo(f"{len(changes)} snapshots written" if changes else "nothing to write")
    elif changes:
        click.echo(f"{len(changes)} snapshots differ; if that is meant: segwright test --update")
    sys.exit(FOUND if failed or (changes and not update) else 0)


def _show(change: Change) -> None:
    """One snapshot that is not as it was, field by field."""
    from segwright.core.render import visible
    from segwright.review.difference import message_differences, said

    words = {"new": "is not there yet", "changed": "differs", "stale": "belongs to no case"}
    click.echo(style(f"{change.path} {words[change.kind]}", sys.stdout, bold=True))
    if change.kind == "stale":
        return
    if change.kind == "new":
        lines = change.after.decode("utf-8", "replace").replace("\r", "\n").splitlines()
        shown = [f"+ {line}" for line in lines]
    else:
        shown = [said(difference) for difference in message_differences(change.before, change.after)]
    colours = {"+": "green", "-": "red", "~": "yellow"}
    for line in shown[:_MOST_LINES]:
        click.echo("  " + style(visible(line), sys.stdout, fg=colours.get(line[0], "white")))
    if len(shown) > _MOST_LINES:
        click.echo(f"  … and {len(shown) - _MOST_LINES} lines more")
