"""What the commands of change review share: exit codes, colours, and how they stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO, TypeVar

import click

from segwright.cli.output import coloured, said

if TYPE_CHECKING:
    from segwright.service.promoting import Step

CHANGES: Final = 2
"""The exit code when there are changes, or something is not approved."""

_COLOURS: Final = {
    "identity": {"fg": "red", "bold": True},
    "clinical": {"fg": "red"},
    "billing": {"fg": "magenta"},
    "delivery": {"fg": "yellow"},
    "structure": {"fg": "cyan"},
    "cosmetic": {"fg": "blue"},
    "bold": {"bold": True},
    "dim": {"dim": True},
    "added": {"fg": "green"},
    "removed": {"fg": "red"},
}


class WrongCall(click.UsageError):
    """A wrong call of a command whose exit code 2 means something else."""

    exit_code = 1


class ReviewCommand(click.Command):
    """A command whose exit code 2 means changes: a wrong call gives 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, with another exit code."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise WrongCall(error.message, error.ctx or ctx) from None

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """As click does, with another exit code."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise WrongCall(error.format_message(), error.ctx) from None


F = TypeVar("F", bound=Callable[..., Any])


def keys_option(function: F) -> F:
    """`--keys FILE`."""
    return click.option(
        "--keys", type=click.Path(path_type=Path), envvar="SEGWRIGHT_KEYS", metavar="FILE",
        help="Trusted public keys, as OpenSSH's allowed_signers; outside of the workspace [or SEGWRIGHT_KEYS].",
    )(function)  # fmt: skip


def key_option(function: F) -> F:
    """`--key FILE`."""
    return click.option(
        "--key", type=click.Path(path_type=Path), envvar="SEGWRIGHT_KEY", metavar="FILE",
        default=lambda: Path.home() / ".ssh" / "id_ed25519", show_default="~/.ssh/id_ed25519",
        help="Your SSH key, or the public half of one that your agent holds [or SEGWRIGHT_KEY].",
    )(function)  # fmt: skip


def token_option(function: F) -> F:
    """`--token-file FILE`."""
    return click.option(
        "--token-file", type=click.Path(path_type=Path), metavar="FILE",
        help="Where your token at the server is kept [or SEGWRIGHT_TOKEN holds it].",
    )(function)  # fmt: skip


def server_token(file: Path | None) -> str:
    """The token. Ends the command when there is none; it is never an argument, which others on the machine could see."""
    if file is None:
        token = os.environ.get("SEGWRIGHT_TOKEN", "").strip()
        if not token:
            raise click.UsageError("A token is needed: --token-file FILE, or SEGWRIGHT_TOKEN.")
        return token
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--token-file: {file} cannot be read ({type(error).__name__}).") from None
    if not token or len(token.split()) != 1:
        raise click.UsageError(f"--token-file: {file} holds no token.")
    return token


def painted(stream: TextIO | None) -> Callable[[str, str], str]:
    """Colours by role where the stream takes them."""
    if stream is None or not coloured(stream):
        return lambda text, role: text
    return lambda text, role: click.style(text, **_COLOURS.get(role, {}))  # type: ignore[arg-type]


def stop(error: Exception) -> NoReturn:
    """Says on stderr why there is no answer, and ends with 1."""
    findings = getattr(error, "findings", ())
    if findings:
        said(findings, getattr(error, "sources", {}), error=True)
    if isinstance(error, OSError) and error.filename:
        click.echo(f"{error.filename}: {(error.strerror or 'the disk refuses').lower()}.", err=True)
    elif str(error):
        click.echo(str(error), err=True)
    sys.exit(1)


def carried_out(folder: Path, step: Step, expects: int | None, *, yes: bool) -> None:
    """Says what a step changes, asks, and does it. Raises `Unreviewed`, `plan.release.ReleaseRefused`."""
    from segwright.service.promoting import carry_out
    from segwright.service.unreviewed import Unreviewed

    made = step.release
    if expects is not None and expects != made.previous:
        raise Unreviewed(
            f"{made.environment} runs release {made.previous}, not {expects}: look again at what would change."
        )
    runs = f"runs release {made.previous}" if made.previous else "runs nothing yet"
    if not step.changes:
        click.echo(f"Nothing changes: {made.environment} {runs}.")
        return
    back = f", which is release {made.goes_back_to} again" if made.goes_back_to else ""
    click.echo(f"{made.environment} {runs}; release {made.number}{back} changes:")
    for line in step.lines:
        click.echo(f"  {line}")
    if not yes:
        if not sys.stdin.isatty():
            raise Unreviewed("Nobody is here to ask: add --yes to do it.")
        click.confirm("Put it into force?", abort=True)
    carry_out(folder, step)
    click.echo(f"{made.environment} runs release {made.number}.")
