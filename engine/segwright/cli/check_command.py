"""`segwright check`: compiles and reports everything that is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from segwright.cli.output import FOUND, Progress, said, workspace_of, workspace_option


@click.command("check")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option(
    "--format", "form", type=click.Choice(["text", "concise", "json", "sarif"]), default="text", show_default=True,
    help="In full, a line each, or for programs.",
)  # fmt: skip
@workspace_option
@click.pass_context
def command(context: click.Context, organisations: tuple[str, ...], form: str, workspace: Path | None) -> None:
    """Check every mapping and configuration, or those of some organisations.

    Exit code 1 when there is an error; warnings alone give 0.
    """
    from segwright import __version__
    from segwright.core.diagnostic import errors
    from segwright.service.opening import check, shown_sources

    progress = Progress()
    progress.say("compiling …")
    compiled, found = check(workspace_of(context, workspace), organisations)
    progress.done()
    sources = shown_sources(compiled.sources)
    if form == "text":
        said(found, sources)
        if not found:
            messages = sum(len(next(iter(o.messages.values()))) for o in compiled.organisations.values())
            count = len(compiled.organisations)
            click.echo(f"{count} organisation{'' if count == 1 else 's'}, {messages} messages: nothing is wrong")
    elif form == "concise":
        from segwright.core.render import render_concise

        click.echo(render_concise(found, sources), nl=False)
    elif form == "json":
        from segwright.core.render_json import render_json

        click.echo(render_json(found, sources), nl=False)
    else:
        from segwright.core.sarif import render_sarif

        click.echo(render_sarif(found, sources, version=__version__), nl=False)
    sys.exit(FOUND if errors(found) else 0)
