"""The branches of narrative texts: which of them a message shows, and texts with one of them gone.

Takes a plan; gives for each of its texts the tags that decide (`if`, `elif`, `else`, `for`) in their order, which is the order
they have in the mapping too; a plan whose texts say which branches they take; and texts with small mistakes. Works on the checked
source of the plan, which names nothing but arguments, elements and filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from segwright.plan import ops
from segwright.workbench.marks import Mark

_TAG: Final = re.compile(r"{%-?\s*(if|elif|else|for|endif|endfor)\b(.*?)-?%}", re.DOTALL)
_PRINTED: Final = re.compile(r"{{.*?}}", re.DOTALL)
_SAID: Final = re.compile(r"@(\d+):(\d+)@")
_EQUAL: Final = re.compile(r'\s*\(v(\d+)((?:\[\d+\])+) == "(\w+)"\)\s*')


class Tag(NamedTuple):
    """A tag that opens a branch: its word, what follows it, and where it stands in the text it was found in."""

    word: str
    rest: str
    start: int
    end: int


def tags(text: str) -> list[Tag]:
    """The tags of a text that open a branch."""
    return [
        Tag(found[1], found[2], found.start(), found.end())
        for found in _TAG.finditer(text)
        if not found[1].startswith("end")
    ]


def saying(plan: ops.Plan) -> ops.Plan:
    """The plan with texts that say which branches they take."""
    told = []
    for number, narrative in enumerate(plan.narratives):
        source = narrative.source
        for place, tag in reversed(list(enumerate(tags(source)))):
            source = f"{source[: tag.end]}@{number}:{place}@{source[tag.end :]}"
        told.append(msgspec.structs.replace(narrative, source=source))
    return msgspec.structs.replace(plan, narratives=tuple(told))


def said(text: str) -> set[Mark]:
    """The branches that a message of such a plan says were taken."""
    return {("branch", int(found[1]), int(found[2])) for found in _SAID.finditer(text)}


def asked(tag: Tag, narrate: ops.Narrate) -> ops.Equal | None:
    """The comparison of an argument's attribute with a constant that a tag makes; None for any other tag."""
    found = _EQUAL.fullmatch(tag.rest)
    if found is None or int(found[1]) >= len(narrate.arguments):
        return None
    value: ops.Value = narrate.arguments[int(found[1])]
    for number in re.findall(r"\d+", found[2]):
        value = ops.Attr(value, int(number))
    return ops.Equal(value, ops.Const("text", found[3]))


def mistaken(source: str) -> Iterator[tuple[int, str, str]]:
    """A text with one mistake: the number of the tag it stands behind (-1 before any), what was done, and the text."""
    opened = tags(source)
    for number, tag in enumerate(opened):
        if tag.word in ("if", "elif"):
            yield number, f"`{tag.word}` never taken", _put(source, tag, f"{{% {tag.word} false %}}")
        elif tag.word == "for":
            yield (
                number,
                "the list left out",
                _put(source, tag, re.sub(r" in .*?%}", " in [] %}", source[tag.start : tag.end])),
            )
        else:
            yield number, "`else` left out", source[: tag.end] + source[_end(source, tag) :]
    for printed in _PRINTED.finditer(source):
        number = max((n for n, tag in enumerate(opened) if tag.end <= printed.start()), default=-1)
        yield number, "what it prints left out", source[: printed.start()] + source[printed.end() :]


def _put(source: str, tag: Tag, text: str) -> str:
    return source[: tag.start] + text + source[tag.end :]


def _end(source: str, tag: Tag) -> int:
    """Where the branch that a tag opens is closed."""
    depth = 0
    for found in _TAG.finditer(source, tag.end):
        if found[1] in ("if", "for"):
            depth += 1
        elif found[1].startswith("end"):
            if not depth:
                return found.start()
            depth -= 1
    return len(source)
