"""Entries that were signed elsewhere, such as on a page of a server, taken into the locks of the workspace.

Takes a text of lines as locks hold them, of any organisations; gives what each is, and writes those that were not there.
Refuses, with `Unreviewed`, the whole text for one line: a signature that does not hold, a key that nobody trusts or that may
not speak for accounts of the organisation, a line that approves nothing of what the workspace compiles to, one that was rated
milder than what changes. So whoever carries the text need not be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from segwright.plan.approval import FILE, Entry, LockRefused, Unheard, Word, called_item, heard, items_of, read_lock
from segwright.plan.signers import Signers
from segwright.service.approving import against_approved, must_compile, rating
from segwright.service.diffing import Say
from segwright.service.locks import add_lines, digits, lock_text, stamp
from segwright.service.review_policy import Policy
from segwright.service.reviewing import open_state
from segwright.service.states import State
from segwright.service.unreviewed import Unreviewed

SKEW: Final = timedelta(minutes=10)
"""How far the clock of a server may be ahead. What is dated later would outlive a revocation."""


class Imported(msgspec.Struct, frozen=True):
    """A word that is in the lock now. `known`: it was there already; `moved`: what of it the workspace compiles to otherwise."""

    word: Word
    known: bool
    moved: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """In one sentence."""
        entry, by = self.word.entry, self.word.signer
        what = ", ".join(called_item(item) for item in entry.items)
        done = "approved" if entry.kind == "approve" else "revoked"
        through = f", as {self.word.through} says" if self.word.through else ""
        text = f"{entry.organisation} in {entry.environment}: {what}, {done} by {by}{through}"
        if self.known:
            return f"{text} (was there)"
        if self.moved:
            return f"{text} ({', '.join(called_item(item) for item in self.moved)} moved since)"
        return text


def imported(
    root: Path, source: str, text: str, signers: Signers, policy: Policy, now: datetime, environ: Mapping[str, str],
    say: Say = lambda text: None,
) -> tuple[State, list[Imported]]:  # fmt: skip
    """Takes the entries of a text into the locks; gives the workspace, and what they are. `source`: where it is from."""
    found = _words(source, text, signers, now)
    names = tuple(dict.fromkeys(word.entry.organisation for word in found))
    after = open_state(root, names, environ, say)
    for environment in dict.fromkeys(word.entry.environment for word in found):
        here = [word.entry.organisation for word in found if word.entry.environment == environment]
        must_compile(after, tuple(dict.fromkeys(here)), environment)
    there = {name: _lines(root, name) for name in names}
    taken = [
        Imported(word, word.entry.line in there[word.entry.organisation], _moved(after, word.entry)) for word in found
    ]
    for each in taken:
        entry = each.word.entry
        if entry.kind == "approve" and not each.known and len(each.moved) == len(entry.items):
            raise Unreviewed(
                f"{_which(each.word)} is of another state of {entry.organisation}: the workspace compiles to nothing of it. "
                "Check out the revision that was reviewed, or approve what is here."
            )
    new = [each.word for each in taken if not each.known]
    _rated(after, [word.entry for word in new if word.entry.kind == "approve"], policy, signers, now, environ, say)
    for name in names:
        if entries := [word.entry for word in new if word.entry.organisation == name]:
            add_lines(root, name, entries)
    return after, taken


def _lines(root: Path, name: str) -> set[str]:
    """The entries of a lock, as written."""
    try:
        return {entry.line for entry in read_lock(lock_text(root, name))}
    except LockRefused as refused:
        raise Unreviewed(f"orgs/{name}/{FILE} was tampered with or damaged: {refused}") from None


def _words(source: str, text: str, signers: Signers, now: datetime) -> list[Word]:
    """The words of a text, each once, all of which count."""
    try:
        found = heard(text, signers, digits(now))
    except LockRefused as refused:
        raise Unreviewed(f"{source} is not taken: {refused}.") from None
    if not found:
        raise Unreviewed(f"{source} holds no entry.")
    out: dict[str, Word] = {}
    for each in found:
        if isinstance(each, Unheard):
            raise Unreviewed(f"{source}: an entry about {each.entry.organisation} counts for nothing: {each.reason}.")
        if each.entry.on > stamp(now + SKEW):
            raise Unreviewed(f"{_which(each)} is dated {each.entry.on}, which is yet to come.")
        out[each.entry.line] = each
    return list(out.values())


def _which(word: Word) -> str:
    return f"The entry of {word.signer} about {word.entry.organisation}"


def _moved(after: State, entry: Entry) -> tuple[str, ...]:
    """What of an entry the workspace compiles to otherwise, or not at all."""
    items = items_of(after.manifest(entry.organisation, entry.environment))
    return tuple(item for item, hash_ in entry.items.items() if items.get(item) != hash_)


def _rated(
    after: State, entries: list[Entry], policy: Policy, signers: Signers, now: datetime, environ: Mapping[str, str], say: Say
) -> None:  # fmt: skip
    """Raises `Unreviewed` for an entry that asks for fewer people than what changes needs here."""
    for environment in dict.fromkeys(entry.environment for entry in entries):
        here = [entry for entry in entries if entry.environment == environment]
        names = tuple(dict.fromkeys(entry.organisation for entry in here))
        review = against_approved(after, names, environment, policy, signers, now, environ, say)
        severities = {each.name: each.severity for each in review.organisations}
        for entry in here:
            severity = severities.get(entry.organisation)
            needed = max(policy.needed(severity), policy.needed(rating(entry.rated)))
            if entry.needs < needed:
                raise Unreviewed(
                    f"The entry about {entry.organisation} was signed as {entry.rated}, to be approved by {entry.needs}; what "
                    f"changes here is {severity or 'cosmetic'}, and review.yaml asks for {needed}. Approve it against what is "
                    "here."
                )
