"""`segwright read`: order messages to one JSON line each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, refuse, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.core.diagnostic import Diagnostic


@click.command("read")
@click.argument("organisation", metavar="ORG")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--env", "environment", default="test", show_default=True, metavar="E", help="Environment.")
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, files: tuple[Path, ...], environment: str, workspace: Path | None
) -> None:
    """Read order messages (- is standard input) as ORG's mapping says.

    One JSON line for each file, in their order: {"file": …, "orders": […], …} or {"file": …, "refused": {"code": …, "position":
    …, "cause": …}}. Exit code 1 when any was refused.
    """
    import msgspec

    from segwright.service.opening import open_organisation, read_file
    from segwright.service.reading import document, read_orders, refused_document

    running, compiled, found = open_organisation(workspace_of(context, workspace), organisation, environment)
    if running is None:
        refuse(found, compiled.sources)
    refused = False
    for file in files:
        name = str(file)
        if name == "-":
            data: bytes | None = sys.stdin.buffer.read()
            problems: list[Diagnostic] = []
        else:
            data, problems = read_file(file)
        if data is None:
            refused = True
            cause = problems[0].facts["reason"]
            line = {"file": name, "refused": {"code": "file", "position": "file", "cause": cause}}
        else:
            orders, refusals = read_orders(running, data)
            refused = refused or orders is None
            line = {"file": name}
            line |= {"refused": refused_document(refusals)} if orders is None else document(orders, running)
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.flush()
    sys.exit(FOUND if refused else 0)
