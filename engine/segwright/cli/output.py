"""What commands share in speaking to people: where the workspace is, colour, findings, progress."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from segwright.core.diagnostic import Diagnostic
    from segwright.core.source import Source

FOUND = 1
"""The exit code when something was found, refused or differs."""

F = TypeVar("F", bound=Callable[..., Any])


def workspace_option(function: F) -> F:
    """`--workspace DIR`."""
    return click.option(
        "--workspace",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The workspace [default: found from here upward].",
    )(function)


def workspace_of(context: click.Context, given: Path | None) -> Path:
    """The workspace that a command works on."""
    from segwright.service.opening import find_workspace

    return find_workspace(given or context.obj, Path.cwd())


def coloured(stream: TextIO) -> bool:
    """Whether a stream is a terminal that takes colour (NO_COLOR, TERM=dumb)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns to write in."""
    return min(shutil.get_terminal_size((100, 24)).columns, 120)


def said(
    findings: Iterable[Diagnostic], sources: Mapping[str, Source], *, error: bool = False,
    beside: Mapping[Diagnostic, Sequence[str]] | None = None,
) -> None:  # fmt: skip
    """Findings in full, on stdout or stderr; `beside`: lines that stand where the source would."""
    from segwright.core.render import render_text
    from segwright.service.opening import shown_sources

    stream = sys.stderr if error else sys.stdout
    text = render_text(findings, shown_sources(sources), colour=coloured(stream), width=width(), beside=beside)
    click.echo(text, nl=False, err=error, color=coloured(stream))


def refuse(findings: Iterable[Diagnostic], sources: Mapping[str, Source]) -> NoReturn:
    """Says findings on stderr and ends with exit code 1."""
    said(findings, sources, error=True)
    sys.exit(FOUND)


def style(text: str, stream: TextIO, **how: Any) -> str:
    """Coloured text where the stream takes it."""
    return click.style(text, **how) if coloured(stream) else text


def difference(name: str, before: str, after: str, *, context: int = 1) -> str:
    """What changes in a file, line by line, with signs and, on a terminal, colours."""
    import difflib

    from segwright.core.render import visible

    kinds = {"+": {"fg": "green"}, "-": {"fg": "red"}, "@": {"fg": "cyan"}}
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=context))[2:]
    shown = [style(visible(line.expandtabs(4)), sys.stdout, **kinds.get(line[:1], {})) for line in lines]
    if not lines and before != after:
        shown = ["  line ends, or white space at the end of the file"]
    return "".join(f"{line}\n" for line in [style(name, sys.stdout, bold=True), *shown])


class Progress:
    """One line on a terminal that says what is being done; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Replaces the line."""
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{text[: width() - 1]}")
            sys.stderr.flush()

    def done(self) -> None:
        """Takes the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
