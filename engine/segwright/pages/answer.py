"""What a view gives: data, from which `gate` makes HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec


class Saw(msgspec.Struct, frozen=True):
    """A look at a patient's data, to be written down before the answer leaves. `case`: whose; `cases`: of a list;
    `delivery`, `message`: of which one. Ids of the ledger, nothing else."""

    case: int = 0
    delivery: int = 0
    cases: tuple[int, ...] = ()
    message: int = 0


class Page(msgspec.Struct, frozen=True):
    """A template with its values. `fragment`: the block of it that htmx gets instead of the whole page, "" for the whole
    one; `status`: 422 for a form that is drawn again; `saw`: whose data it shows."""

    template: str
    values: Mapping[str, Any] = {}
    fragment: str = ""
    status: int = 200
    saw: tuple[Saw, ...] = ()


class Go(msgspec.Struct, frozen=True):
    """Another page, after something was done. `said`: a key of `words.SAID`, shown there once; `session`: a new token to
    keep in the cookie, "" to forget it, None to leave it."""

    url: str
    said: str = ""
    session: str | None = None


class Bytes(msgspec.Struct, frozen=True):
    """A picture or a document. `framed`: whether a page of ours may show it inside itself; `filename`: as what a browser keeps
    it, "" to show it."""

    body: bytes
    media_type: str
    framed: bool = False
    saw: tuple[Saw, ...] = ()
    filename: str = ""


class Stream(msgspec.Struct, frozen=True):
    """Server-sent events: (event, data) pairs, data one line each; ends when the visitor leaves or the server stops."""

    events: AsyncIterator[tuple[str, str]]


Answer = Page | Go | Bytes | Stream


class Refused(Exception):
    """What is not done, as a page that says so. `title` and `text` hold nothing of a patient."""

    def __init__(self, status: int, title: str, text: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.text = text
        self.headers = dict(headers or {})


NOT_THERE: Final = (
    "There is no such page",
    "It may have been moved, or it belongs to an organisation that you have no role for.",
)


def not_there() -> Refused:
    """What is not there, or must look so."""
    return Refused(404, *NOT_THERE)
