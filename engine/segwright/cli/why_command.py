"""`segwright why`: where a field of a message comes from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import refuse, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.service.explaining import Branch


@click.command("why")
@click.argument("organisation", metavar="ORG")
@click.argument("message", metavar="MESSAGE")
@click.argument("path", metavar="PATH")
@click.option("--case", "case_name", required=True, metavar="C", help="The case of ORG that gives the values.")
@click.option(
    "--nth", type=click.IntRange(1), default=1, metavar="N", help="Of several messages of the case, number N."
)
@click.option("--unmask", is_flag=True, help="Show values; they may be a patient's.")
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, message: str, path: str, case_name: str, nth: int, unmask: bool,
    workspace: Path | None,
) -> None:  # fmt: skip
    """Explain what stands at PATH (OBX(2)-5, PID-3[1].4, OBR) of the MESSAGE that a case gives.

    Field, rule with file and line, layer, reason, what it replaced, configuration, table row, built-in and source.
    """
    from segwright.core.diagnostic import diagnostic
    from segwright.core.source import NOWHERE
    from segwright.core.suggest import nearest
    from segwright.hl7.paths import Path as Hl7Path
    from segwright.service.cases import read_case, request_of
    from segwright.service.explaining import why
    from segwright.service.opening import open_organisation, shown_sources
    from segwright.service.rendering import entry_of, prepare
    from segwright.service.running import Running

    try:
        wanted = Hl7Path.parse(path)
    except ValueError as error:
        raise click.UsageError(f"'{path}' is no path: {error}.") from None
    running, compiled, found = open_organisation(workspace_of(context, workspace), organisation, "test")
    if running is None or compiled.workspace is None:
        refuse(found, compiled.sources)
    entry, found = entry_of(running, message, writes=True)
    if entry is None:
        refuse(found, compiled.sources)
    cases = {files.name: files for files in compiled.workspace.organisations[organisation].cases}
    if case_name not in cases:
        facts = {"name": case_name, "nearest": nearest(case_name, cases), "known": list(cases)}
        refuse([diagnostic("SW1069", NOWHERE, organisation=organisation, **facts)], {})  # type: ignore[arg-type]
    environments = {name: Running(running.compiled_organisation, name) for name in running.organisation.environments}
    case, found, source = read_case(compiled.workspace, organisation, cases[case_name], environments)
    if case is None:
        refuse(found, {**compiled.sources, source.name: source})
    if case.message != message:
        raise click.UsageError(f"Case '{case_name}' is one of {case.message}, not of {message}.")
    here = environments[case.environment]
    prepared, found = prepare(here, request_of(case))
    if found:
        refuse(found, compiled.sources)
    if nth > len(prepared):
        raise click.UsageError(f"The case gives {len(prepared)} messages.")
    answer = why(here, message, prepared[nth - 1], wanted, shown_sources(compiled.sources), unmask=unmask)
    if answer.found:
        refuse(answer.found, compiled.sources)
    for branch in answer.branches:
        _print(branch)


def _print(branch: Branch) -> None:
    from segwright.core.render import visible

    out = sys.stdout
    click.echo(f"{style(branch.path, out, bold=True)}  {branch.name}  {style(visible(branch.value), out, fg='cyan')}")
    for number, twig in enumerate(branch.twigs, 1):
        glyph = "└─" if number == len(branch.twigs) else "├─"
        where = f"  {style(twig.place, out, fg='blue')}" if twig.place else ""
        click.echo(f"{glyph} {twig.kind:<10} {visible(twig.text)}{where}")
