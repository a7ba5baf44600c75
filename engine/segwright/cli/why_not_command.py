"""`segwright why-not`: why a field is not in a message, or an attribute not in an order."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from segwright.cli.given import Given, case_option, file_options, need_values
from segwright.cli.output import FOUND, refuse, workspace_of, workspace_option
from segwright.cli.trees import plain, print_branches, print_head, print_json, print_twigs
from segwright.cli.why_command import hl7_path


@click.command("why-not")
@click.argument("organisation", metavar="ORG")
@click.argument("message", metavar="MESSAGE")
@click.argument("path", metavar="PATH")
@case_option
@file_options
@click.option("--nth", type=click.IntRange(1), default=1, metavar="N", help="Of several messages or orders, number N.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, message: str, path: str, case_name: str | None, order: Path | None,
    subject: Path | None, nth: int, form: str, workspace: Path | None,
) -> None:  # fmt: skip
    """Explain why nothing stands at PATH of MESSAGE: each rule that could have written it, and which of its conditions was false
    or which of its values missing, part by part.

    No value is ever shown. Exit code 1 when the path is filled after all; then `segwright why` explains it.
    """
    need_values(case_name, order, subject)
    given = Given(workspace_of(context, workspace), organisation, message)
    if given.entry.reads:
        from segwright.workbench.why_read import why_read

        answer = why_read(given.running, message, given.order(case_name, order), path, given.sources, nth=nth)
        if answer.unknown:
            meant = (
                f" Did you mean '{answer.nearest}'?" if answer.nearest else f" It could be {', '.join(answer.known)}."
            )
            raise click.UsageError(f"{message} reads no '{path}'.{meant}")
        if any(branch.value != "(missing)" for branch in answer.branches):
            _there(path, "segwright why")
        if form == "json":
            trees = [twig for branch in answer.branches for twig in plain(branch.twigs)]
            print_json({"organisation": organisation, "message": message, "path": path, "why_not": trees})
        else:
            print_branches(answer.branches)
        return
    from segwright.workbench.why_not import why_not

    wanted = hl7_path(path)
    here, inputs = given.inputs(case_name, order, subject, nth)
    found = why_not(here, message, inputs, wanted, given.sources)
    if found.found:
        refuse(found.found, given.compiled.sources)
    if found.there:
        _there(path, "segwright why")
    if form == "json":
        print_json({"organisation": organisation, "message": message, "path": path, "why_not": plain(found.twigs)})
        return
    print_head(found.path, found.name, "(empty)" if found.sent else "(not in the message)")
    print_twigs(found.twigs)


def _there(path: str, command_: str) -> None:
    click.echo(f"{path} is there; `{command_}` with the same arguments says where it comes from")
    sys.exit(FOUND)
