"""`review.yaml`: how many approvers a change needs by its severity, and what a workspace's own places mean.

    approvers: {identity: 2, clinical: 2, billing: 2, delivery: 1, structure: 1, cosmetic: 1}
    meanings:
      ZPS-1: {severity: identity, why: "is the hospital's own patient number"}

Takes the folder of a workspace; gives the policy, or findings at line and column. Without the file every change needs one
approver, and the report says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import Source, Span, undecodable
from segwright.core.suggest import nearest
from segwright.orgs.plain import read_quickly
from segwright.orgs.tree import Entry, Mapping, Node, Scalar
from segwright.orgs.workspace import LIMITS
from segwright.review.change import Severity
from segwright.review.meanings import Meaning, Meanings, is_place
from segwright.service.opening import read_file

FILE: Final = "review.yaml"
MOST: Final = 9
"""Most approvers that a change may need."""


class Policy(msgspec.Struct, frozen=True):
    """How many approvers each severity needs, and the places that the workspace rates itself."""

    approvers: dict[Severity, int]
    added: tuple[Meaning, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    sources: dict[str, Source] = {}
    given: bool = False

    @property
    def meanings(self) -> Meanings:
        """What places mean."""
        return Meanings(self.added)

    def needed(self, severity: Severity | None) -> int:
        """How many approvers a change of that severity needs."""
        return self.approvers.get(severity or Severity.COSMETIC, 1)


def read_policy(root: Path) -> Policy:
    """The policy of the workspace in a folder."""
    path = root / FILE
    everyone = dict.fromkeys(Severity, 1)
    if not os.path.lexists(path):
        return Policy(everyone)
    if path.exists() and not path.is_file() and not path.is_dir():  # nobody writes into a pipe that stands there
        return Policy(
            everyone, (), (diagnostic("SW1050", Span(FILE, 0, 0), file=FILE, reason="it is no ordinary file"),)
        )
    data, unread = read_file(path, LIMITS[path.suffix])
    if data is None:  # it was meant to say something: without it nothing can be weighed
        return Policy(everyone, (), tuple(unread))
    try:
        source = Source(FILE, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        found = diagnostic("SW0702", Span(FILE, 0, 0), file=FILE, **undecodable(error))
        return Policy(everyone, (), (found,))
    tree, findings = read_quickly(source)
    reader = _Reader(source, list(findings))
    if tree is not None:
        reader.read(tree)
    return Policy(
        {**everyone, **reader.approvers}, tuple(reader.added), tuple(reader.found), {FILE: source}, given=True
    )


class _Reader:
    def __init__(self, source: Source, found: list[Diagnostic]) -> None:
        self.source, self.found = source, found
        self.approvers: dict[Severity, int] = {}
        self.added: list[Meaning] = []

    def report(self, key: str, entry: Entry, reason: str, known: Iterable[str] = ()) -> None:
        span = self.source.span(entry.start, entry.end)
        names = list(known)
        self.found.append(diagnostic("SW1080", span, key=key, reason=reason, nearest=nearest(key, names), known=names))

    def read(self, tree: Mapping) -> None:
        """The sections of the file."""
        for key, entry in tree.entries.items():
            if key not in ("approvers", "meanings"):
                self.report(key, entry, "has no meaning here", ("approvers", "meanings"))
            elif not isinstance(entry.node, Mapping):
                self.report(key, entry, "must be a group of keys")
            elif key == "approvers":
                self._approvers(entry.node)
            else:
                self._meanings(entry.node)

    def _approvers(self, node: Mapping) -> None:
        for key, entry in node.entries.items():
            severity = _severity(key)
            text = _text(entry.node)
            if severity is None:
                self.report(key, entry, "is no severity", tuple(Severity))
            elif not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
                self.report(key, entry, f"must be a number from 1 to {MOST}")
            else:
                self.approvers[severity] = int(text)

    def _meanings(self, node: Mapping) -> None:
        for key, entry in node.entries.items():
            if not is_place(key):
                self.report(key, entry, "is no place: write ZPS, ZPS-1 or ZPS-1.2")
                continue
            given = (
                {name: each.node for name, each in entry.node.entries.items()}
                if isinstance(entry.node, Mapping)
                else {}
            )
            severity, why = _severity(_text(given.get("severity"))), _text(given.get("why"))
            if severity is None or not why or set(given) != {"severity", "why"}:
                self.report(key, entry, "must say `severity`, one of those of `approvers`, and `why`")
            elif severity.rank > Meanings().of(key).severity.rank:
                self.report(key, entry, f"is {Meanings().of(key).severity} already, and can only be made graver")
            else:
                self.added.append(Meaning(severity, why, key))


def _severity(text: str) -> Severity | None:
    return Severity(text) if text in tuple(Severity) else None


def _text(node: Node | None) -> str:
    return (node.text or "") if isinstance(node, Scalar) else ""
