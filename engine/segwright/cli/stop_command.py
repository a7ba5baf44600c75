"""`segwright stop`: keep a kind of message from going out, or revoke a plan."""

from __future__ import annotations

from typing import Any

import click

from segwright.cli.stopping import change, options


@click.command("stop")
@options
def command(organisation: str, **given: Any) -> None:
    """Keep a kind of message from going out, or revoke a plan.

    What is queued is held when its turn comes; what is on the wire is finished.
    """
    from segwright.ledger import operate

    change(organisation, "stop", operate.stop, **given)
