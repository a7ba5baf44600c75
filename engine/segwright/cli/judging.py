"""What `segwright test` says of coverage and mutants."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from segwright.cli.output import FOUND, Progress, refuse, style

if TYPE_CHECKING:
    from segwright.service.compiling import CompiledWorkspace


def show_coverage(compiled: CompiledWorkspace, names: Iterable[str], threshold: float | None, *, dead: bool) -> bool:
    """Coverage of some organisations; whether it lies below the threshold."""
    from segwright.workbench.coverage import coverage_of, last_line, reaches
    from segwright.workbench.told import coverage_line, dead_everywhere, dead_lines, untouched_lines

    progress = Progress()
    found = []
    for name in names:
        coverage = coverage_of(compiled, name, progress.say)
        progress.done()
        found.append(coverage)
        whole = coverage.hit == len(coverage.points)
        click.echo(style(coverage_line(coverage), sys.stdout, fg="green" if whole else "yellow"))
        for line in untouched_lines(coverage.untouched, compiled.sources):
            click.echo(f"  {line}")
        for line in dead_lines(coverage.dead, compiled.sources) if dead else ():
            click.echo(f"  impossible: {line}")
        if not whole:
            click.echo(f"  segwright cases suggest {name} looks for cases that reach them")
    everywhere = dead_everywhere(found) if len(found) > 1 else []
    if everywhere:
        click.echo("impossible at every organisation that has it:")
        for line in dead_lines(everywhere, compiled.sources):
            click.echo(f"  {line}")
    click.echo(last_line(found))
    return threshold is not None and not reaches(found, threshold)


def show_mutants(compiled: CompiledWorkspace, names: Iterable[str]) -> bool:
    """The mutants of some organisations that nothing notices; whether there is any."""
    from segwright.workbench.mutation import mutation_of, totals
    from segwright.workbench.told import survivor_lines

    progress = Progress()
    found = []
    for name in names:
        mutation = mutation_of(compiled, name, say=progress.say)
        progress.done()
        found.append(mutation)
        colour = "yellow" if mutation.survivors else "green"
        click.echo(style(f"{name}: {mutation.noticed} of {mutation.count} mutants noticed", sys.stdout, fg=colour))
        for survivor in mutation.survivors:
            for line in survivor_lines(survivor, compiled.sources):
                click.echo(f"  {line}")
    click.echo(totals(found))
    return any(mutation.survivors for mutation in found)


def as_json(
    root: Path, organisations: tuple[str, ...], *, coverage: bool, threshold: float | None, mutate: bool
) -> NoReturn:
    """Coverage and mutants as one document on standard output."""
    from segwright.cli.trees import print_json
    from segwright.core.diagnostic import errors
    from segwright.service.opening import check, organisations_in
    from segwright.workbench.coverage import coverage_of, reaches
    from segwright.workbench.mutation import mutation_of
    from segwright.workbench.told import coverage_data, mutation_data

    compiled, found = check(root, organisations)
    if errors(found) or compiled.workspace is None:
        refuse(errors(found) or found, compiled.sources)
    names = organisations or organisations_in(root)
    document: dict[str, object] = {}
    failed = False
    if coverage:
        covered = [coverage_of(compiled, name) for name in names]
        document["coverage"] = [coverage_data(each, compiled.sources) for each in covered]
        failed = threshold is not None and not reaches(covered, threshold)
    if mutate:
        mutated = [mutation_of(compiled, name) for name in names]
        document["mutants"] = [mutation_data(each, compiled.sources) for each in mutated]
        failed = failed or any(each.survivors for each in mutated)
    print_json(document)
    sys.exit(FOUND if failed else 0)
