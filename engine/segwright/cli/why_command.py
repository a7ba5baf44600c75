"""`segwright why`: where a field of a message, or an attribute of an order, comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.given import Given, case_option, file_options, need_values
from segwright.cli.output import FOUND, refuse, said, workspace_of, workspace_option
from segwright.cli.trees import plain, print_branches, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segwright.service.explaining import Branch


@click.command("why")
@click.argument("organisation", metavar="ORG")
@click.argument("message", metavar="MESSAGE")
@click.argument("path", metavar="PATH")
@case_option
@file_options
@click.option("--nth", type=click.IntRange(1), default=1, metavar="N", help="Of several messages or orders, number N.")
@click.option("--unmask", is_flag=True, help="Show values; they may be a patient's.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, message: str, path: str, case_name: str | None, order: Path | None,
    subject: Path | None, nth: int, unmask: bool, form: str, workspace: Path | None,
) -> None:  # fmt: skip
    """Explain what stands at PATH of MESSAGE.

    Of a message that is written PATH is a field: OBX(2)-5, PID-3[1].4, OBR. Of one that is read it is an attribute of the model:
    patient.mrn, order.priority. Field, rule with file and line, layer, reason, what it replaced, configuration, format, table
    row, alternative, source. Where nothing stands, `segwright why-not` says why.
    """
    need_values(case_name, order, subject)
    given = Given(workspace_of(context, workspace), organisation, message)
    if given.entry.reads:
        branches = _read(given, path, case_name, order, nth, unmask)
    else:
        branches = _written(given, path, case_name, order, subject, nth, unmask)
    if form == "json":
        values = [
            {"path": each.path, "name": each.name, "value": each.value, "why": plain(each.twigs)} for each in branches
        ]
        print_json({"organisation": organisation, "message": message, "path": path, "values": values})
    else:
        print_branches(branches)


def _written(
    given: Given, path: str, case_name: str | None, order: Path | None, subject: Path | None, nth: int, unmask: bool
) -> Sequence[Branch]:
    from segwright.service.explaining import why

    wanted = hl7_path(path)
    here, inputs = given.inputs(case_name, order, subject, nth)
    answer = why(here, given.entry.name, inputs, wanted, given.sources, unmask=unmask)
    if answer.found:
        refuse(answer.found, given.compiled.sources)
    return answer.branches


def _read(
    given: Given, path: str, case_name: str | None, order: Path | None, nth: int, unmask: bool
) -> Sequence[Branch]:
    from segwright.workbench.why_read import why_read

    opened = given.order(case_name, order)
    answer = why_read(given.running, given.entry.name, opened, path, given.sources, nth=nth, unmask=unmask)
    if answer.unknown:
        meant = f" Did you mean '{answer.nearest}'?" if answer.nearest else f" It could be {', '.join(answer.known)}."
        raise click.UsageError(f"{given.entry.name} reads no '{path}'.{meant}")
    if answer.found:
        said(answer.found, given.compiled.sources, error=True)
    if answer.found and not answer.branches:
        raise SystemExit(FOUND)
    return answer.branches


_ELSEWHERE = re.compile(
    r"(?P<segment>[A-Za-z][A-Za-z0-9]{2})(?P<before>\(\d+\))?[-._](?P<field>\d+)(?P<behind>\(\d+\))?(?P<nth>\[\d+\])?"
    r"(?P<parts>(?:[-._]\d+)*)"
)
"""A path in the spelling of other tools: OBX.5, obx-5.1, PID-5-1, OBX-5(2)."""


def hl7_path(text: str):  # type: ignore[no-untyped-def]
    """A path as typed. Refuses one that is none."""
    from segwright.hl7.paths import Path as Hl7Path

    try:
        return Hl7Path.parse(text)
    except ValueError as error:
        found = _ELSEWHERE.fullmatch(text)
        if found is None:
            raise click.UsageError(f"'{text}' is no path: {error}.") from None
        which = found["before"] or found["behind"] or ""
        parts = re.sub("[-_]", ".", found["parts"])
        meant = f"{found['segment'].upper()}{which}-{found['field']}{found['nth'] or ''}{parts}"
        raise click.UsageError(f"'{text}' is no path. Did you mean '{meant}'?") from None
