"""`segwright render`: the exact bytes of the message an organisation gets."""

from __future__ import annotations

import secrets
import sys
from datetime import datetime
from pathlib import Path

import click

from segwright.cli.output import coloured, refuse, workspace_of, workspace_option

_FILE = click.Path(path_type=Path)


@click.command("render")
@click.argument("organisation", metavar="ORG")
@click.argument("message", metavar="MESSAGE")
@click.option("--order", type=_FILE, metavar="FILE", help="The order message it answers.")
@click.option(
    "--result",
    "--event",
    "--subject",
    "subject",
    type=_FILE,
    metavar="FILE",
    help="The document it is made from, as JSON.",
)
@click.option("--nth", type=click.IntRange(1), metavar="N", help="Only for order N of several in the order message.")
@click.option("--env", "environment", default="test", show_default=True, metavar="E", help="Environment.")
@click.option("--at", metavar="TIME", help="When the message is made, as 2026-03-02T14:05:00-06:00 [default: now].")
@click.option("--control-id", metavar="ID", help="Its number, MSH-10 [default: a new one].")
@click.option("--pretty", is_flag=True, help="For people: a segment a line, its fields by name below.")
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, message: str, order: Path | None, subject: Path | None, nth: int | None,
    environment: str, at: str | None, control_id: str | None, pretty: bool, workspace: Path | None,
) -> None:  # fmt: skip
    """Render MESSAGE of ORG's catalogue; its exact bytes go to standard output.

    Several orders give several messages, one behind the other. When nothing can be rendered, every reason is shown at the line of
    the mapping, and the exit code is 1.
    """
    from segwright.service.inputs import making
    from segwright.service.opening import open_organisation, read_file
    from segwright.service.rendering import Request, render

    running, compiled, found = open_organisation(workspace_of(context, workspace), organisation, environment)
    if running is None:
        refuse(found, compiled.sources)
    make, found = making(
        at or datetime.now().astimezone().isoformat(timespec="seconds"), control_id or new_control_id()
    )
    files: dict[str, bytes | None] = {"order": None, "subject": None}
    for name, path in (("order", order), ("subject", subject)):
        if path is not None:
            files[name], problems = read_file(path)
            found += problems
    if make is None or found:
        refuse(found, compiled.sources)
    messages, found = render(running, Request(message, make, files["order"], files["subject"], nth))
    if found:
        refuse(found, compiled.sources)
    if not pretty:
        sys.stdout.buffer.write(b"".join(messages))
        sys.stdout.flush()
        return
    from segwright.service.pretty import pretty_lines

    for number, data in enumerate(messages):
        click.echo("\n" if number else "", nl=False)
        for line in pretty_lines(data, colour=coloured(sys.stdout)):
            click.echo(line, color=coloured(sys.stdout))


def new_control_id() -> str:
    """A number that no other message has; 18 characters, because older receivers take 20."""
    return f"SW{secrets.token_hex(8).upper()}"
