"""`segwright fmt`: mapping files in their one layout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, difference, said, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.core.source import Source
    from segwright.service.formatting import Laid


@click.command("fmt")
@click.argument("paths", nargs=-1, metavar="[PATH]…", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; name the files that would change, exit code 1."
)
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; show what would change, exit code 1.")
@click.option("--explain", is_flag=True, help="Write nothing; show how as, via and else are grouped.")
@workspace_option
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[Path, ...],
    only_check: bool,
    show_diff: bool,
    explain: bool,
    workspace: Path | None,
) -> None:
    """Bring mapping files (*.seg) into their one layout: PATHs, all of a folder, or the whole workspace.

    `-` reads a file from standard input and writes it to standard output. What a file says, and so what a hospital receives,
    never changes; comments stay. A file with a mistake of syntax is left as it is.
    """
    from segwright.service.formatting import lay_out, write_text

    if "-" in map(str, paths):
        if len(paths) > 1:
            raise click.UsageError("'-' stands alone.")
        _standard_input(only_check, show_diff, explain)
    root = workspace_of(context, workspace)
    chosen = paths or (root / "mappings", root / "orgs")
    wrong = changed = done = 0
    for laid in lay_out(chosen, root if not paths else Path.cwd()):
        done += 1
        said(laid.found, {laid.source.name: laid.source} if laid.source.text else {}, error=True)
        wrong += bool(laid.found)
        if explain:
            _explain(laid.source)
        elif laid.changed:
            changed += 1
            if show_diff:
                click.echo(difference(laid.source.name, laid.source.text, laid.after or ""), nl=False)
            elif only_check:
                click.echo(f"{laid.source.name} would change")
            else:
                assert laid.path is not None
                assert laid.after is not None
                try:
                    write_text(laid.path, laid.after)
                except OSError as error:
                    click.echo(
                        f"{laid.source.name} cannot be written: {(error.strerror or 'the disk refuses').lower()}",
                        err=True,
                    )
                    wrong += 1
                    continue
                click.echo(laid.source.name)
    if explain:
        sys.exit(FOUND if wrong else 0)
    if not done:
        click.echo("there is no mapping file here", err=True)
        sys.exit(FOUND)
    would = " would be" if only_check or show_diff else ""
    left = f", {wrong} left as {'it is' if wrong == 1 else 'they are'}" if wrong else ""
    click.echo(f"{done} file{'' if done == 1 else 's'}, {changed}{would} changed{left}", err=True)
    sys.exit(FOUND if wrong or (changed and would) else 0)


def _standard_input(only_check: bool, show_diff: bool, explain: bool) -> None:
    """One file from standard input."""
    from segwright.core.source import Source
    from segwright.service.formatting import decoded, lay_out_text

    text, found = decoded(sys.stdin.buffer.read(), "standard input")
    if text is None:
        said(found, {}, error=True)
        sys.exit(FOUND)
    laid: Laid = lay_out_text(Source("standard input", text))
    if laid.found:
        said(laid.found, {laid.source.name: laid.source}, error=True)
        sys.exit(FOUND)
    if explain:
        _explain(laid.source)
    elif show_diff:
        click.echo(difference("standard input", text, laid.after or ""), nl=False)
    elif not only_check:
        click.echo((laid.after or "").encode(), nl=False)
    sys.exit(FOUND if laid.changed and (only_check or show_diff) else 0)


def _explain(source: Source) -> None:
    """Every value with more than one step, and below it the same value with its brackets."""
    from segwright.lang.grouping import groupings

    for one in groupings(source)[0]:
        click.echo(style(f"{source.name}:{one.line}", sys.stdout, fg="blue"))
        click.echo(f"  {one.written}\n  {style(one.grouped, sys.stdout, bold=True)}")
