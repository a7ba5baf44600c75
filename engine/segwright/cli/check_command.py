"""`segwright check`: compiles and reports everything that is wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, Progress, difference, said, workspace_of, workspace_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segwright.core.diagnostic import Diagnostic
    from segwright.core.source import Source


@click.command("check")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option(
    "--format", "form", type=click.Choice(["text", "concise", "json", "sarif"]), default="text", show_default=True,
    help="In full, a line each, or for programs.",
)  # fmt: skip
@click.option(
    "--cache/--no-cache", "cached", default=True, help="Use what earlier runs compiled, and keep what this one does."
)
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Processes to compile on [default: one for each processor]."
)
@click.option(
    "--since", "base", metavar="BASE",
    help="Also name changes whose base changed under them since a git revision, or since the workspace in another folder.",
)  # fmt: skip
@click.option("--fix", is_flag=True, help="First mend what can only have been meant in one way, and show it.")
@workspace_option
@click.pass_context
def command(
    context: click.Context,
    organisations: tuple[str, ...],
    form: str,
    fix: bool,
    cached: bool,
    jobs: int | None,
    base: str | None,
    workspace: Path | None,
) -> None:
    """Check every mapping and configuration, or those of some organisations.

    Exit code 1 when there is an error; warnings alone give 0.
    """
    from segwright import __version__
    from segwright.core.diagnostic import errors
    from segwright.service.cache import Cache, default_folder
    from segwright.service.fleet import check_fleet
    from segwright.service.opening import shown_sources, unknown_organisations

    root = workspace_of(context, workspace)
    if fix:
        _fix(root, organisations, error=form != "text")
    progress = Progress()
    progress.say("checking …")
    result = check_fleet(
        root,
        organisations or None,
        jobs=jobs,
        cache=Cache(default_folder(os.environ)) if cached else None,
        progress=lambda done, of: progress.say(f"compiling … {done} of {of}"),
    )
    stale: list[Diagnostic] = []
    texts: Mapping[str, Source] = result.sources
    if base is not None:
        progress.say(f"comparing with {base} …")
        stale, more = _stale(root, base, organisations)
        texts = {**texts, **more}
    progress.done()
    found = list(dict.fromkeys([*unknown_organisations(root, organisations), *result.found, *stale]))
    sources = shown_sources(texts)
    if form == "text":
        said(found, sources)
        if found:
            click.echo(f"More about one of them: segwright explain {found[0].code}")
        else:
            count = len(result.organisations)
            click.echo(f"{count} organisation{'' if count == 1 else 's'}, {result.messages} messages: nothing is wrong")
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


def _stale(root: Path, base: str, organisations: tuple[str, ...]) -> tuple[list[Diagnostic], Mapping[str, Source]]:
    from segwright.service.revision import NoSuchBase, workspace_at
    from segwright.service.stale import stale_overrides

    try:
        with workspace_at(root, base) as former:
            return stale_overrides(root, former, base, organisations or None)
    except NoSuchBase as refused:
        raise click.BadParameter(str(refused), param_hint="--since") from None


def _fix(root: Path, organisations: tuple[str, ...], *, error: bool) -> None:
    """Mends the files of the workspace (shared ones, and those of some organisations) and shows what was done."""
    from segwright.core.prose import catalogue
    from segwright.service.formatting import mend_files, write_text

    own = [root / "orgs" / name for name in organisations] or [root / "orgs"]
    for path, source, mended in mend_files([root / "mappings", *own], root):
        try:
            write_text(path, mended.text)
        except OSError as wrong:
            click.echo(f"{source.name} cannot be written: {(wrong.strerror or 'the disk refuses').lower()}", err=True)
            continue
        click.echo(difference(source.name, source.text, mended.text, context=0), nl=False, err=error)
        for code in dict.fromkeys(one.code for one in mended.done):
            number = sum(1 for one in mended.done if one.code == code)
            times = f" ({number} times)" if number > 1 else ""
            click.echo(f"  mended {code}: {catalogue()[code].title}{times}", err=error)
        click.echo(err=error)
