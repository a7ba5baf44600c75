"""Explanations as trees on the terminal, and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from segwright.cli.output import style

if TYPE_CHECKING:
    from segwright.service.explaining import Branch, Twig

_COLOURS = {"false": "red", "missing": "red", "refused": "red", "true": "green", "there": "green", "taken": "green"}
_OF_THE_RULE = ("rule", "layer", "because", "instead of")


def print_branches(branches: Sequence[Branch]) -> None:
    """Each value with its tree; components that one rule wrote stand under that rule."""
    out = sys.stdout
    for _, together in groupby(branches, key=_rule):
        found = list(together)
        if len(found) == 1:
            print_head(found[0].path, found[0].name, found[0].value)
            print_twigs(found[0].twigs)
            continue
        path = found[0].path
        print_head(path.partition(".")[0] if "-" in path else path.rpartition(".")[0], found[0].name, "")
        rule = _rule(found[0])
        around = _around(found)
        print_twigs([*rule, *around], more=True)
        for number, branch in enumerate(found, 1):
            last = number == len(found)
            value = style(_visible(branch.value), out, fg="cyan")
            click.echo(f"{'└─' if last else '├─'} {style(branch.path, out, bold=True)}  {value}")
            own = branch.twigs[len(rule) : len(branch.twigs) - len(around)]
            print_twigs(own, "   " if last else "│  ")


def _rule(branch: Branch) -> tuple[Twig, ...]:
    """The first lines of a branch that speak of its rule."""
    count = next((n for n, twig in enumerate(branch.twigs) if twig.kind not in _OF_THE_RULE), len(branch.twigs))
    return branch.twigs[:count] if branch.twigs and branch.twigs[0].kind == "rule" else branch.twigs


def _around(branches: Sequence[Branch]) -> tuple[Twig, ...]:
    """The loops that all of some branches stand in: the last lines of each."""
    first = branches[0].twigs
    count = next((n for n, twig in enumerate(reversed(first)) if twig.kind != "in"), len(first))
    around = first[len(first) - count :]
    return around if all(branch.twigs[len(branch.twigs) - count :] == around for branch in branches) else ()


def print_head(path: str, name: str, value: str) -> None:
    """The line above a tree."""
    out = sys.stdout
    parts = [style(path, out, bold=True), name, style(_visible(value), out, fg="cyan")]
    click.echo("  ".join(part for part in parts if part))


def print_twigs(twigs: Sequence[Twig], indent: str = "", *, more: bool = False) -> None:
    """Lines with what explains them below. `more`: others follow at this level."""
    out = sys.stdout
    column = max([10, *(len(twig.kind) for twig in twigs)])
    for number, twig in enumerate(twigs, 1):
        last = number == len(twigs) and not more
        where = f"  {style(twig.place, out, fg='blue')}" if twig.place else ""
        kind = f"{twig.kind:<{column}}" if twig.kind else ""
        kind = style(kind, out, fg=_COLOURS[twig.kind]) if twig.kind in _COLOURS else kind
        click.echo(f"{indent}{'└─' if last else '├─'} {kind} {_visible(twig.text)}{where}")
        print_twigs(twig.twigs, indent + ("   " if last else "│  "))


def plain(twigs: Iterable[Twig]) -> list[dict[str, Any]]:
    """Trees as plain data."""
    return [
        {
            "kind": twig.kind,
            "text": twig.text,
            **({"place": twig.place} if twig.place else {}),
            **({"parts": plain(twig.twigs)} if twig.twigs else {}),
        }
        for twig in twigs
    ]


def print_json(document: Any) -> None:
    """A document on standard output."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _visible(text: str) -> str:
    from segwright.core.render import visible

    return visible(text)
