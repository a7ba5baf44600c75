"""What cases give before and after, compared: changes of messages, of what is read, and of what is refused.

Takes for each case the `Result` of the same input through the plans before and through those after; gives `Seen` changes,
newly failing cases and those that fail no longer. Values are shown as they are: cases are synthetic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from segwright.profiles import VERSIONS
from segwright.review.change import Cause, Change, Failure, Kind, Seen, Severity
from segwright.review.difference import Difference, message_differences, profile_of
from segwright.review.meanings import Meanings, Rating, gravest

Reads = Mapping[str, tuple[str, ...]]
"""Of each attribute that a reading plan gives ("order.placer_number"), the HL7 places that it is read from."""
NO_READS: Final[Reads] = MappingProxyType({})


class Result(msgspec.Struct, frozen=True):
    """What a case gives in an environment: its files by name, or the reasons why it is refused. `message`: of the catalogue;
    `kinds`: what of the catalogue it shows."""

    case: str
    message: str
    environment: str
    files: dict[str, bytes]
    reasons: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether there is no message."""
        return bool(self.reasons)


class Comparison(msgspec.Struct, frozen=True):
    """What comparing one case gave."""

    seen: tuple[tuple[Change, str], ...] = ()
    failure: Failure | None = None
    recovered: bool = False


_NEWLY_SENT: Final = Rating(Severity.CLINICAL, "was refused before, and is sent or taken now", True)
_MESSAGE: Final = Rating(Severity.CLINICAL, "is a message of its own", True)
_REFUSAL: Final = Rating(Severity.DELIVERY, "says why a message is refused", False)


def compare_results(
    before: Result | None, after: Result | None, meanings: Meanings, reads: Reads = NO_READS, cause: Cause = "mapping"
) -> Comparison:
    """The results of one input before and after; None where the message is not in the catalogue."""
    message = (after or before or _NOTHING).message
    if before is None or after is None:
        files = (after or before or _NOTHING).files
        kind: Kind = "added" if before is None else "removed"
        change = _change(message, "message", "", kind, "", "", _MESSAGE, cause)
        return Comparison(tuple((change, file) for file in files))
    if after.refused and not before.refused:
        return Comparison(failure=Failure(after.case, message, after.reasons))
    if before.refused and not after.refused:
        change = _change(message, "message", "", "added", "refused", "sent", _NEWLY_SENT, cause)
        return Comparison(tuple((change, file) for file in after.files), recovered=True)
    if before.refused:
        if before.reasons == after.reasons:
            return Comparison()
        texts = " · ".join(before.reasons), " · ".join(after.reasons)
        return Comparison(((_change(message, "refusal", "", "changed", *texts, _REFUSAL, cause), after.case),))
    return Comparison(tuple(_files(before, after, meanings, reads, cause)))


_NOTHING: Final = Result("", "", "", {})


def _files(
    before: Result, after: Result, meanings: Meanings, reads: Reads, cause: Cause
) -> Iterator[tuple[Change, str]]:
    for name in dict.fromkeys((*before.files, *after.files)):
        old, new = before.files.get(name), after.files.get(name)
        if old is None or new is None:
            kind: Kind = "added" if old is None else "removed"
            yield _change(after.message, "message", "", kind, "", "", _MESSAGE, cause), name
        elif old != new:
            yield from file_changes(after.message, name, old, new, meanings, reads, cause)


def file_changes(
    message: str,
    name: str,
    before: bytes,
    after: bytes,
    meanings: Meanings,
    reads: Reads = NO_READS,
    cause: Cause = "mapping",
) -> Iterator[tuple[Change, str]]:
    """The changes between two files of one name, each with where it shows."""
    if name.endswith(".json"):
        yield from _documents(message, name, before, after, meanings, reads, cause)
    elif name.endswith(".txt"):
        texts = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
        yield _change(message, "refusal", "", "changed", *texts, _REFUSAL, cause), name
    else:
        field = after[3:4].decode("latin-1") or "|"
        for difference in message_differences(before, after):
            yield _rated(message, difference, field, meanings, cause), f"{name} {difference.path}".strip()


def _rated(message: str, found: Difference, field: str, meanings: Meanings, cause: Cause) -> Change:
    kind: Kind = "form" if found.kind == "bytes" else found.kind
    if kind == "changed" and not (found.before and found.after):
        kind = "filled" if found.after else "emptied"
    place = found.place or "message"
    if found.kind != "bytes" and "-" not in place and found.name:  # empty fields at the end
        kind = "form"
    if kind in ("added", "removed") and "-" not in place:
        rating = meanings.segment(found.after or found.before, field, place, kind)
    else:
        rating = meanings.rate(place, kind, found.before, found.after, found.datatype, alone=found.alone)
    return _change(message, place, common_name(place), kind, found.before, found.after, rating, cause)


@cache
def common_name(place: str) -> str:
    """What HL7 calls a place in its newest version, so that hospitals of several versions are told in the same words."""
    tables = profile_of(VERSIONS[-1])
    found = re.fullmatch(r"([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?.*", place)
    segment = tables.segment(found[1]) if tables is not None and found is not None else None
    field = segment.field(int(found[2])) if segment is not None and found is not None else None
    if tables is None or field is None or found is None:
        return ""
    datatype = tables.datatype(field.datatype) if found[3] and field.datatype not in ("", "varies") else None
    part = datatype.component(int(found[3])) if datatype is not None else None
    return f"{field.name}: {part.name}" if part is not None else field.name


def _change(
    message: str, place: str, name: str, kind: Kind, before: str, after: str, rating: Rating, cause: Cause
) -> Change:
    view: Any = "output"
    return Change(view, message, place, name, kind, before, after, rating.severity, rating.why, rating.repeats, cause)


# --- what is read ------------------------------------------------------------------------------------------------------


def _documents(
    message: str, name: str, before: bytes, after: bytes, meanings: Meanings, reads: Reads, cause: Cause
) -> Iterator[tuple[Change, str]]:
    old, new = dict(_leaves(json.loads(before), "")), dict(_leaves(json.loads(after), ""))
    seen = False
    for path in dict.fromkeys((*old, *new)):
        one, other = old.get(path, ""), new.get(path, "")
        if one == other:
            continue
        seen = True
        kind: Kind = "filled" if not one else "emptied" if not other else "changed"
        place = attribute_of(path)
        rating = _read_rating(place, kind, one, other, meanings, reads)
        change = _change(message, place, "", kind, one, other, rating, cause)
        yield msgspec.structs.replace(change, view="read"), f"{name} {path}"
    if not seen:
        rating = meanings.rate("message", "form", "", "")
        yield (
            _change(message, "message", "", "form", f"{len(before)} bytes", f"{len(after)} bytes", rating, cause),
            name,
        )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _leaves(below, f"{path}[{number + 1}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def attribute_of(path: str) -> str:
    """`orders[2].ordering_providers[1].npi` → `order.ordering_providers.npi`."""
    parts: list[str] = []
    for part in path.split("."):
        name, bracket, _ = part.partition("[")
        parts.append(name[:-1] if not parts and bracket and name.endswith("s") else name)
    return ".".join(parts)


def _read_rating(place: str, kind: Kind, before: str, after: str, meanings: Meanings, reads: Reads) -> Rating:
    """As the places that the attribute is read from."""
    parts = place.split(".")
    for length in range(len(parts), 0, -1):
        sources = reads.get(".".join(parts[:length]))
        if sources:
            found = gravest(meanings.rate(source, kind, before, after) for source in sources)
            assert found is not None
            return found
    return Rating(Severity.CLINICAL, "is read from an order", False)


# --- gathering ---------------------------------------------------------------------------------------------------------


def gathered(found: Iterator[tuple[Change, str]] | tuple[tuple[Change, str], ...]) -> tuple[Seen, ...]:
    """Each change once, with every place where it shows; the gravest first."""
    where: dict[Change, dict[str, None]] = {}
    for change, place in found:
        where.setdefault(change, {})[place] = None
    order = sorted(where, key=lambda change: (change.severity.rank, change.view, change.message, natural(change.place)))
    return tuple(Seen(change, tuple(where[change])) for change in order)


def natural(place: str) -> tuple[tuple[str, int], ...]:
    """A key that sorts OBX-2 before OBX-11."""
    return tuple((text, int(number or 0)) for text, number in re.findall(r"(\D+)(\d*)", place))
