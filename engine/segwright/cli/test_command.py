"""`segwright test`: the cases against their snapshots."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segwright.cli.output import FOUND, Progress, refuse, said, style, workspace_of, workspace_option

if TYPE_CHECKING:
    from segwright.core.diagnostic import Diagnostic
    from segwright.core.source import Source
    from segwright.service.snapshots import Change

_MOST_LINES = 40


@click.command("test")
@click.argument("organisations", nargs=-1, metavar="[ORG]…")
@click.option("--update", is_flag=True, help="Show what changes, then write it.")
@click.option("--coverage", is_flag=True, help="Also: which lines of the mappings the cases exercise.")
@click.option(
    "--threshold", type=click.FloatRange(0, 100), metavar="P", help="With --coverage: exit code 1 below P percent."
)
@click.option("--dead", is_flag=True, help="With --coverage: list what is proved impossible, with the reason.")
@click.option("--mutate", is_flag=True, help="Also: mistakes that no snapshot would notice.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of --coverage and --mutate."
)
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisations: tuple[str, ...], update: bool, coverage: bool, threshold: float | None, dead: bool,
    mutate: bool, form: str, workspace: Path | None,
) -> None:  # fmt: skip
    """Run the cases (of some organisations) and compare what they give with snapshots/, byte for byte.

    Exit code 1 when bytes differ, a case has no snapshot, a snapshot has no case, a message or kind of the catalogue has no case,
    or a case is refused that should not be. With --update differences are shown and written, and do not count.

    --coverage lists every rule, alternative, else, table row, format line, check and reject that no case exercises; its last
    line is `coverage: N of M (P%)`. --mutate drops rules, flips defaults, swaps components, unmaps codes and shifts places, one
    at a time; a mutant that no snapshot notices is a missing case, and gives exit code 1.
    """
    if (threshold is not None or dead) and not coverage:
        raise click.UsageError("--threshold and --dead belong to --coverage.")
    if form == "json" and (update or not (coverage or mutate)):
        raise click.UsageError("--format json belongs to --coverage and --mutate, without --update.")
    if form == "json":
        from segwright.cli.judging import as_json

        as_json(workspace_of(context, workspace), organisations, coverage=coverage, threshold=threshold, mutate=mutate)
    from segwright.core.diagnostic import errors
    from segwright.service import snapshots
    from segwright.service.opening import check, organisations_in
    from segwright.service.testing import compare_cases

    root = workspace_of(context, workspace)
    progress = Progress()
    progress.say("compiling …")
    compiled, found = check(root, organisations)
    progress.done()
    if compiled.workspace is None or any(finding.code == "SW1033" for finding in found):
        refuse([f for f in found if f.code == "SW1033"] or found, compiled.sources)
    names = organisations or organisations_in(root)
    failed = bool(errors(found))
    changes: list[Change] = []
    if found:
        said(found, compiled.sources)
        click.echo()
    for name in names:
        tested = compare_cases(root, compiled, name, progress.say)
        progress.done()
        changes += tested.changes
        told = snapshots.findings(tested.changes, names, updating=update)
        _said(tested.found, told, tested.sources)
        good = sum(1 for outcome in tested.outcomes if not outcome.found) - len(
            {c.case for c in tested.changes if c.kind != "stale"}
        )
        line = f"{name}: {len(tested.outcomes)} cases, {good} as locked"
        wrong = bool(tested.found or tested.changes)
        click.echo(style(line, sys.stdout, fg="yellow" if wrong else "green"))
        failed = failed or bool(errors(tested.found))
    if not organisations:
        left = snapshots.ownerless(root, organisations_in(root))
        changes += left
        _said((), snapshots.findings(left, names, updating=update), {})
    if update and errors(found):
        click.echo("nothing is written while there are errors")
    elif update:
        snapshots.write(root, changes)
        click.echo(f"{_counted(changes)} written" if changes else "nothing to write")
    elif changes:
        are = "is" if len(changes) == 1 else "are"
        click.echo(f"{_counted(changes)} {are} not as locked; if that is meant: segwright test --update")
    compiling = [name for name in names if name in compiled.organisations]
    if (coverage or mutate) and not errors(found):
        from segwright.cli.judging import show_coverage, show_mutants

        click.echo()
        if mutate:
            failed = show_mutants(compiled, compiling) or failed
        if coverage:
            failed = show_coverage(compiled, compiling, threshold, dead=dead) or failed
    sys.exit(FOUND if failed or (changes and not update) else 0)


def _counted(changes: list[Change]) -> str:
    return "1 snapshot" if len(changes) == 1 else f"{len(changes)} snapshots"


def _said(found: Iterable[Diagnostic], told: Mapping[Diagnostic, Change], sources: Mapping[str, Source]) -> None:
    """Findings, and those about snapshots with what differs."""
    said([*found, *told], sources, beside={finding: _lines(change) for finding, change in told.items()})


def _lines(change: Change) -> list[str]:
    """What differs from a snapshot, field by field; of a new one what it holds."""
    from segwright.review.difference import message_differences, said

    if change.kind == "stale":
        return []
    if change.kind == "new":
        lines = [f"+ {line}" for line in change.after.decode("utf-8", "replace").replace("\r", "\n").splitlines()]
    else:
        lines = [said(difference) for difference in message_differences(change.before, change.after)]
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"… and {more} lines more"]
