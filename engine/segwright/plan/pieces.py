"""A plan's text in pieces: what it does apart from the values it does it with.

The plans of the hospitals of one base differ mostly in the texts of their constants and tables. So the body is cut at its
constants: `fixed` is what stands between them, equal for all plans that do the same, and `values` are theirs. What holds of one
plan by its fixed pieces (that it may run, the code generated for it) holds of every other that has them.

The cut is made in the plan's JSON, where a constant is easily found: quotes within a JSON string are escaped, so `"value":"` can
stand nowhere but in a constant, the only operation that has a text for a value. Takes a plan or its canonical bytes; gives the
plan again. Refuses nothing: whether bytes are a plan that may run is for `plan.admit` to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Final, Self
from weakref import WeakValueDictionary

import msgspec

from segwright.plan import ops
from segwright.plan.canonical import ENCODER

_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TEXT: Final = rb'\{"op":"const","type":"text","value":' + _STRING + rb"\}"
_LISTS: Final = re.compile(rb'"items":(\[' + _TEXT + rb"(?:," + _TEXT + rb")*\])")
_VALUES: Final = re.compile(rb'"value":(' + _STRING + rb")")


class PlanJson(ops.Plan, frozen=True, kw_only=True):
    """A plan whose body and tables were not looked into."""

    body: msgspec.Raw  # type: ignore[assignment]
    tables: tuple[msgspec.Raw, ...] = ()  # type: ignore[assignment]


class Shared:
    """What many plans hold, once in memory: pieces of JSON, and a `key` that is equal for equal ones."""

    __slots__ = ("__weakref__", "key", "pieces")

    def __init__(self, key: bytes, pieces: tuple[bytes, ...]) -> None:
        self.key: Final = key
        self.pieces: Final = pieces

    @classmethod
    def of(cls, *pieces: bytes) -> Shared:
        """The one object for these pieces."""
        # JSON holds no NUL; with their number, the same bytes cannot be cut in two ways even if they are no JSON.
        key = sha256(b"%d\0%b" % (len(pieces), b"\0".join(pieces))).digest()
        known = _shared.get(key)
        if known is None:
            known = _shared[key] = cls(key, pieces)
        return known


_shared: WeakValueDictionary[bytes, Shared] = WeakValueDictionary()


class Pieces:
    """A plan: its `frame` (all of it but body and tables), the JSON of each of its `tables`, the `fixed` pieces of its body, and
    the JSON of the `values` that stand between them (a list of texts is one)."""

    __slots__ = ("fixed", "frame", "tables", "values")

    def __init__(self, frame: ops.Plan, body: bytes, tables: Iterable[bytes]) -> None:
        fixed, values = _cut(body)
        self.frame: Final = frame
        self.tables: Final = tuple(map(Shared.of, tables))
        self.fixed: Final = Shared.of(*fixed)
        self.values: Final = values

    @classmethod
    def of(cls, plan: ops.Plan) -> Self:
        """The pieces of a plan."""
        frame = msgspec.structs.replace(plan, body=(), tables=())
        return cls(frame, ENCODER.encode(plan.body), (ENCODER.encode(table) for table in plan.tables))

    @classmethod
    def of_json(cls, plan: PlanJson) -> Self:
        """The pieces of a plan that was not looked into."""
        frame = ops.Plan(body=(), **{name: getattr(plan, name) for name in _FRAME})
        return cls(frame, bytes(plan.body), map(bytes, plan.tables))

    def with_values(self, values: Sequence[bytes]) -> Any:
        """The operations of the body, with these values in place of its own."""
        return body_of(self.frame.direction, self.fixed.pieces, values)

    @property
    def plan(self) -> ops.Plan:
        """The plan as a whole."""
        tables = tuple(msgspec.json.decode(table.pieces[0], type=ops.Table) for table in self.tables)
        return msgspec.structs.replace(self.frame, body=self.with_values(self.values), tables=tables)


_FRAME: Final = tuple(name for name in ops.Plan.__struct_fields__ if name not in ("body", "tables"))
_BODIES: Final[dict[str, Any]] = {"writes": tuple[ops.WriteOp, ...], "reads": tuple[ops.ReadOp, ...]}


def body_of(direction: str, fixed: Sequence[bytes], values: Sequence[bytes]) -> Any:
    """The operations of a body from its pieces."""
    return msgspec.json.decode(b"".join(_alternating(fixed, values)), type=_BODIES[direction])


def _cut(body: bytes) -> tuple[list[bytes], list[bytes]]:
    """What stands before, between and behind the values of the constants of a body, and these values."""
    fixed: list[bytes] = []
    values: list[bytes] = []
    before = b""
    for number, piece in enumerate(_LISTS.split(body)):
        if number % 2:
            fixed.append(before + b'"items":')
            values.append(piece)
            before = b""
        else:
            cut = _VALUES.split(before + piece)
            before = cut.pop()
            fixed += [one + b'"value":' for one in cut[::2]]
            values += cut[1::2]
    return [*fixed, before], values


def _alternating(fixed: Sequence[bytes], values: Sequence[bytes]) -> Iterator[bytes]:
    for one, other in zip(fixed, values, strict=False):
        yield one
        yield other
    yield fixed[-1]
