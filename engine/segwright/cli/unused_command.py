"""`segwright unused`: what nobody reads and nothing uses."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from segwright.cli.output import Progress, refuse, style, workspace_of, workspace_option


@click.command("unused")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@workspace_option
@click.pass_context
def command(context: click.Context, organisations: tuple[str, ...], form: str, workspace: Path | None) -> None:
    """Show what comes and is never read, and what is there for nothing.

    Fields of the cases' orders that no mapping reads; attributes of their documents that no message sends; keys of org.yaml that
    nothing uses; rows of tables that no case looks up. Names and counts only, never a value. It is a list to think about, not of
    mistakes: exit code 0.
    """
    from segwright.core.diagnostic import errors
    from segwright.service.opening import check, organisations_in, unknown_organisations
    from segwright.workbench.told import unused_data, unused_lines
    from segwright.workbench.unused import unused_in

    root = workspace_of(context, workspace)
    progress = Progress()
    progress.say("compiling …")
    compiled, found = check(root, organisations)
    found = [*unknown_organisations(root, organisations), *found]
    progress.done()
    if errors(found) or compiled.workspace is None:
        refuse(errors(found) or found, compiled.sources)
    names = [name for name in organisations or organisations_in(root) if name in compiled.organisations]
    results = [unused_in(compiled, name) for name in names]
    if form == "json":
        from segwright.cli.trees import print_json

        print_json([unused_data(result, compiled.sources) for result in results])
        return
    for number, result in enumerate(results):
        click.echo("\n" if number else "", nl=False)
        click.echo(style(result.organisation, sys.stdout, bold=True))
        for line in unused_lines(result, compiled.sources):
            click.echo(f"  {line}")
