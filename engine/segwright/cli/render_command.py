"""`segwright render`: the exact bytes of the message an organisation gets."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.given import new_control_id, now
from segwright.cli.output import coloured, refuse, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.core.source import Source
    from segwright.service.rendering import Request
    from segwright.service.running import Running

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
@click.option("--why", is_flag=True, help="With --pretty: behind each field the rule that wrote it; values are masked.")
@click.option("--unmask", is_flag=True, help="With --why: show values; they may be a patient's.")
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, message: str, order: Path | None, subject: Path | None, nth: int | None,
    environment: str, at: str | None, control_id: str | None, pretty: bool, why: bool, unmask: bool, workspace: Path | None,
) -> None:  # fmt: skip
    """Render MESSAGE of ORG's catalogue; its exact bytes go to standard output.

    Several orders give several messages, one behind the other. When nothing can be rendered, every reason is shown at the line of
    the mapping, and the exit code is 1.
    """
    from segwright.service.inputs import making
    from segwright.service.opening import open_organisation, read_file
    from segwright.service.rendering import Request, render

    if (why and not pretty) or (unmask and not why):
        raise click.UsageError("--why annotates what --pretty shows, and --unmask what --why masks.")
    running, compiled, found = open_organisation(workspace_of(context, workspace), organisation, environment)
    if running is None:
        refuse(found, compiled.sources)
    make, found = making(at or now(), control_id or new_control_id())
    files: dict[str, bytes | None] = {"order": None, "subject": None}
    for name, path in (("order", order), ("subject", subject)):
        if path is not None:
            files[name], problems = read_file(path)
            found += problems
    if make is None or found:
        refuse(found, compiled.sources)
    request = Request(message, make, files["order"], files["subject"], nth)
    messages, found = render(running, request)
    if found:
        refuse(found, compiled.sources)
    if not pretty:
        sys.stdout.buffer.write(b"".join(messages))
        sys.stdout.flush()
        return
    from segwright.service.pretty import pretty_lines

    notes = _notes(running, request, compiled.sources) if why else [None] * len(messages)
    for number, data in enumerate(messages):
        click.echo("\n" if number else "", nl=False)
        colour = coloured(sys.stdout)
        for line in pretty_lines(data, colour=colour, notes=notes[number], masked=why and not unmask):
            click.echo(line, color=colour)


def _notes(running: Running, request: Request, sources: Mapping[str, Source]) -> list[dict[str, str] | None]:
    """Of each message the rule behind each field."""
    from segwright.runtime.load import Writer
    from segwright.service.explaining import every_rule
    from segwright.service.opening import shown_sources
    from segwright.service.rendering import prepare

    writer = running.loaded(request.message)
    assert isinstance(writer, Writer)
    explained = running.explained(request.message)
    shown = shown_sources(sources)
    return [every_rule(explained, writer.trace(inputs), shown) for inputs in prepare(running, request)[0]]
