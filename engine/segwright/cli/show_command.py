"""`segwright show`: a mapping after all its layers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import coloured, refuse, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.service.showing import Line


@click.command("show")
@click.argument("organisation", metavar="ORG")
@click.argument("message", metavar="MESSAGE")
@click.option("--changed", is_flag=True, help="Only what layers above the base wrote or removed.")
@workspace_option
@click.pass_context
def command(context: click.Context, organisation: str, message: str, changed: bool, workspace: Path | None) -> None:
    """Print MESSAGE of ORG as it is after all layers: each line with its layer, file and line.

    Lines of overlays are marked + (added), ~ (overridden, replaced or moved) and - (removed, struck through), with their reason.
    """
    from segwright.core.diagnostic import diagnostic
    from segwright.core.suggest import nearest
    from segwright.service.opening import open_organisation
    from segwright.service.showing import flattened_lines

    running, compiled, found = open_organisation(workspace_of(context, workspace), organisation, "test")
    if running is None:
        refuse(found, compiled.sources)
    messages = running.compiled_organisation.messages["test"]
    if message not in messages:
        span = running.organisation.span(("catalogue",), "key")
        facts = {"name": message, "nearest": nearest(message, messages), "known": list(messages)}
        refuse([diagnostic("SW1030", span, organisation=organisation, **facts)], compiled.sources)  # type: ignore[arg-type]
    said: tuple[str, str] = ("", "")
    for line in flattened_lines(messages[message], compiled.sources):
        if not changed or line.word not in ("", "base") or line.layer not in ("", "base"):
            _print(line, again=said == (line.layer, line.because))
            said = (line.layer, line.because)


_COLUMN = 72
"""Where layer and place begin."""
_MARKS = {"base": " ", "": " ", "add": "+", "remove": "-"}


def _print(line: Line, *, again: bool) -> None:
    out = sys.stdout
    own = line.layer not in ("", "base")
    mark = _MARKS.get(line.word, "~") if line.kind == "removed" or own else " "
    text = f"{mark} {'  ' * line.indent}{line.text}"
    if line.kind == "removed":
        shown = style(text, out, fg="red", strikethrough=True) if coloured(out) else text
    elif own:
        shown = style(text, out, fg="green" if mark == "+" else "yellow")
    elif line.kind in ("block", "use"):
        shown = style(text, out, bold=True)
    else:
        shown = text
    where = f"{line.layer} {line.place}".strip()
    gap = " " * max(_COLUMN - len(text), 2) if where else ""
    click.echo(shown + gap + style(where, out, fg="blue"))
    if own and line.because and not again:
        click.echo(style(f"  {'  ' * line.indent}  because {line.because}", out, dim=True))
