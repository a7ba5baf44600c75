"""Why there is no review: what the commands of change review stop with."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source


class Unreviewed(Exception):
    """There is no review. Its text says why; `findings` show it in `sources`."""

    def __init__(
        self, reason: str, findings: Collection[Diagnostic] = (), sources: Mapping[str, Source] | None = None
    ) -> None:
        super().__init__(reason)
        self.findings = tuple(findings)
        self.sources = dict(sources or {})
