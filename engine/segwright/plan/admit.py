"""Plans let in: from bytes to a plan that may run.

Takes the bytes of a plan; gives its pieces; refuses, with `NotCanonical` or `PlanRefused`, what is not a plan or may not run.

The whole way is `canonical.decode_plan` and `validate.check`. The plans of a fleet are mostly alike, so what was found out on
the whole way is remembered by what it depends on, the *skeleton*: the fixed pieces of the body, and of all else what operations
can refer to. Of the next plan with that skeleton only the rest is looked at: the frame, as always, tables that are new, each
value for itself, and the limits. (A canonical text in which one canonical value takes the place of another stays canonical.)

This short way never refuses. It says yes, or the whole way is gone, which also finds the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from segwright.plan import canonical, ops
from segwright.plan.canonical import ENCODER, is_surely_canonical
from segwright.plan.pieces import Pieces, PlanJson, Shared
from segwright.plan.validate import MOST_CONSTANTS, MOST_OPS, MOST_TABLES, check, constants_of, size, size_of_table
from segwright.plan.validate_frame import frame_problems, table_problems
from segwright.plan.validate_words import constant_fault
from segwright.plan.walk import walk


def admit(data: bytes) -> Pieces:
    """The pieces of a plan that may run, from its canonical bytes. Raises `NotCanonical`, `PlanRefused`."""
    pieces = _pieces(data)
    skeleton = _skeleton(pieces) if pieces is not None else None
    if pieces is not None and skeleton is not None and _is_known_good(pieces, skeleton):
        return pieces
    plan = canonical.decode_plan(data)
    check(plan)
    if pieces is None:
        return Pieces.of(plan)
    values = _values(pieces)
    if skeleton is not None and values is not None:
        _skeletons.keep(skeleton.key, _facts(plan, pieces, values))
    return pieces


class _Facts(NamedTuple):
    """What is known of all plans with a skeleton. `operations` without those in lists of texts; `size` in bytes of the texts of
    operations that are no values; `others`: the place and type of each value that is no text."""

    operations: int
    size: int
    others: tuple[tuple[int, str], ...]


class _TableFacts(NamedTuple):
    """What operations can refer to in a sound table: how many keys and, by column, which types of cells; and its size."""

    keys: int
    columns: tuple[tuple[str, ...], ...]
    size: int


class _Skeleton(NamedTuple):
    key: bytes
    size_of_tables: int


_T = TypeVar("_T")
_MOST_REMEMBERED: Final = 8192


class _Memory(Generic[_T]):
    """A few thousand things by hash; all are forgotten when they become too many."""

    def __init__(self) -> None:
        self._held: dict[bytes, _T] = {}
        self.get = self._held.get

    def keep(self, key: bytes, value: _T) -> None:
        if len(self._held) >= _MOST_REMEMBERED:
            self.clear()
        self._held[key] = value

    def clear(self) -> None:
        self._held.clear()


_skeletons: Final = _Memory[_Facts]()
_tables: Final = _Memory[_TableFacts]()


def forget() -> None:
    """Empties what is remembered; every plan goes the whole way again."""
    _skeletons.clear()
    _tables.clear()


def _pieces(data: bytes) -> Pieces | None:
    """The pieces of a plan whose frame is canonical; None when it is not, or the bytes are no plan at all."""
    try:
        plan = msgspec.json.decode(data, type=PlanJson)
        if ENCODER.encode(plan) != data:
            return None
        pieces = Pieces.of_json(plan)
        return pieces if is_surely_canonical(pieces.frame, ENCODER.encode(pieces.frame)) else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _skeleton(pieces: Pieces) -> _Skeleton | None:
    """The skeleton of a plan; None when one of its tables is not sound."""
    tables = [_table(table) for table in pieces.tables]
    sound = [table for table in tables if table is not None]
    if len(sound) < len(tables):
        return None
    frame = pieces.frame
    referred = (
        frame.direction,
        len(frame.inputs),
        frame.slots,
        tuple((result.slot, result.size) for result in frame.results),
        len(frame.patterns),
        frame.functions,
        frame.narratives,
        tuple((table.keys, table.columns) for table in sound),
    )
    return _Skeleton(sha256(pieces.fixed.key + ENCODER.encode(referred)).digest(), sum(table.size for table in sound))


def _table(shared: Shared) -> _TableFacts | None:
    facts = _tables.get(shared.key)
    if facts is not None:
        return facts
    (encoded,) = shared.pieces
    try:
        table = msgspec.json.decode(encoded, type=ops.Table)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if not is_surely_canonical(table, encoded) or any(True for _ in table_problems(table)):
        return None
    rows = [row.cells for row in table.rows] + ([table.otherwise] if table.otherwise is not None else [])
    columns = tuple(tuple(sorted({row[column].type for row in rows})) for column in range(len(rows[0])))
    facts = _TableFacts(len(table.rows[0].keys) if table.rows else 0, columns, size_of_table(table))
    _tables.keep(shared.key, facts)
    return facts


def _facts(plan: ops.Plan, pieces: Pieces, values: list[Any]) -> _Facts:
    operations = tuple(walk(plan))
    # Constants of an operation that are neither values nor in the frame: names and sentences of checks.
    own = size(chain.from_iterable(map(constants_of, operations))) - size(_texts(values))
    kinds = (
        piece.rpartition(b'","value":')[0].rpartition(b'"')[2].decode() for piece in pieces.fixed.pieces[: len(values)]
    )
    others = tuple(
        (number, kind)
        for number, (kind, value) in enumerate(zip(kinds, values, strict=True))
        if type(value) is str and kind != "text"
    )
    return _Facts(len(operations) - _listed(values), own, others)


def _is_known_good(pieces: Pieces, skeleton: _Skeleton) -> bool:
    facts = _skeletons.get(skeleton.key)
    values = _values(pieces)
    if facts is None or values is None or frame_problems(pieces.frame):
        return False
    texts = list(_texts(values))
    frame = pieces.frame
    constants = [*frame.patterns, *frame.functions, *(narrative.source for narrative in frame.narratives), *texts]
    return (
        all(texts)
        and not any(constant_fault(kind, values[number]) for number, kind in facts.others)
        and facts.operations + _listed(values) <= MOST_OPS
        and facts.size + size(constants) <= MOST_CONSTANTS
        and skeleton.size_of_tables <= MOST_TABLES
    )


def _values(pieces: Pieces) -> list[Any] | None:
    """The values of a body: a text each, or the list of the operations that are a list of texts. None when one of them is not
    JSON, or not canonical."""
    encoded = b"[" + b",".join(pieces.values) + b"]"
    try:
        values: list[Any] = msgspec.json.decode(encoded)
        return values if ENCODER.encode(values) == encoded and len(values) == len(pieces.values) else None
    except (msgspec.DecodeError, ValueError):
        return None


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if type(value) is str:
            yield value
        else:
            yield from (item["value"] for item in value)


def _listed(values: Iterable[Any]) -> int:
    """How many operations stand in lists of texts."""
    return sum(len(value) for value in values if type(value) is not str)
