"""`segwright allow`: let a stopped kind or plan go out again."""

from __future__ import annotations

from typing import Any

import click

from segwright.cli.stopping import change, options


@click.command("allow")
@options
def command(organisation: str, **given: Any) -> None:
    """Let a stopped kind or plan go out again.

    What was held by it stays held until somebody releases it: segwright ledger release.
    """
    from segwright.ledger import operate

    change(organisation, "allow", operate.allow, **given)
