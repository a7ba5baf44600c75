"""`segwright watch`: a case rendered anew whenever a file changes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, coloured, said, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.workbench.watching import Frame

_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@click.command("watch")
@click.argument("organisation", metavar="ORG")
@click.argument("message", metavar="MESSAGE")
@click.option("--case", "case_name", required=True, metavar="C", help="The case of ORG to render.")
@click.option("--once", is_flag=True, help="Show it once and end, for scripts.")
@click.option("--fields/--segments", default=True, help="With each filled field by name, or segments alone.")
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, message: str, case_name: str, once: bool, fields: bool,
    workspace: Path | None,
) -> None:  # fmt: skip
    """Show what a case gives, and show it again whenever a mapping, a configuration or the case is saved.

    Fields that changed are marked with what they were. With errors the last good message stays, below what is wrong and where.
    Ctrl-C ends it. With --once: exit code 1 when something is wrong.
    """
    from segwright.core.diagnostic import errors
    from segwright.workbench.watching import frames

    root = workspace_of(context, workspace)
    try:
        for frame in frames(root, organisation, message, case_name, lambda: time.sleep(0.2)):
            if not once and coloured(sys.stdout):
                click.echo(_CLEAR, nl=False)
            _show(frame, f"{organisation} {message} {case_name}", fields=fields)
            sys.stdout.flush()
            if once:
                sys.exit(FOUND if errors(frame.view.found) else 0)
    except KeyboardInterrupt:
        click.echo("")


def _show(frame: Frame, title: str, *, fields: bool) -> None:
    from segwright.core.diagnostic import errors
    from segwright.service.pretty import pretty_lines

    out = sys.stdout
    wrong = errors(frame.view.found)
    changed = sum(len(each) for each in frame.changes.values())
    state = (
        f"{len(wrong)} error{'' if len(wrong) == 1 else 's'}" if wrong else f"{changed} changed" if changed else "ok"
    )
    click.echo(f"{style(title, out, bold=True)}  {style(state, out, fg='red' if wrong else 'green')}")
    if frame.view.found:
        said(frame.view.found, frame.view.sources)
    if frame.stale:
        click.echo(style("what it gave before the error:", out, dim=True))
    for name, data in frame.view.files.items():
        differences = frame.changes.get(name, ())
        click.echo(style(name, out, fg="blue"))
        if not name.endswith(".hl7"):
            click.echo(data.decode("utf-8", "replace").rstrip())
            continue
        notes = {each.path: f"was {each.before or '(nothing)'}" for each in differences if each.kind == "changed"}
        notes |= {each.path: "new" for each in differences if each.kind == "added"}
        for line in pretty_lines(data, colour=coloured(out), fields=fields, notes=notes):
            click.echo(line)
        for each in differences:
            if each.kind == "removed":
                click.echo(style(f"- {each.path} {each.before}", out, fg="red"))
