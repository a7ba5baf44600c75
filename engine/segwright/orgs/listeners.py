"""What no organisation can show alone: a listener decides whose message it is, so none belongs to two organisations."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Span


class Listener(msgspec.Struct, frozen=True):
    """A listener that an environment of an organisation takes its messages from, and where org.yaml says so."""

    organisation: str
    environment: str
    name: str
    span: Span


def claimed_twice(listeners: Iterable[Listener]) -> list[Diagnostic]:
    """A finding for each listener that another organisation named before."""
    found: list[Diagnostic] = []
    owners: dict[str, Listener] = {}
    for listener in listeners:
        owner = owners.setdefault(listener.name, listener)
        if owner.organisation != listener.organisation:
            found.append(
                diagnostic(
                    "SW0742",
                    listener.span,
                    Label(owner.span, "first"),
                    organisation=listener.organisation,
                    found=listener.name,
                    first=f"{owner.organisation} ({owner.environment})",
                    second=f"{listener.organisation} ({listener.environment})",
                )
            )
    return found
