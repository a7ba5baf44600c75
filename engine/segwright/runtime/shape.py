"""The shape of a plan: all of it that decides generated source, apart from what only fills it.

Takes a plan, gives a `Split`: a key that is equal for plans of one shape, and what is this plan's own (`recipes.Own`). The plans
of the hospitals of one base differ mostly in texts, tables, patterns and narratives: code is generated for the first of them, the
others fill in their values.

The split is made in the plan's JSON, where a constant is easily found: quotes within a JSON string are escaped, so `"op":"const"`
can stand nowhere but in an operation. `Split.blank` is a plan with a number in the place of every value. Generators are given
nothing else, so nothing that the key leaves out can reach the source: whatever they want of a plan's own data they must name by
number, as a recipe.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from segwright.plan import ops
from segwright.plan.model import TEXT
from segwright.runtime.recipes import LIST, KnownTable, Own, known_table

_encoder: Final = msgspec.json.Encoder(order="sorted")
_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TEXT_ITEM: Final = rb'\{"op":"const","type":"text","value":' + _STRING + rb"\}"
_LISTS: Final = re.compile(rb'"items":(\[' + _TEXT_ITEM + rb"(?:," + _TEXT_ITEM + rb")*\])")
_CONSTANT: Final = b'"op":"const","type":"'
_VALUE: Final = re.compile(rb'((?:text|integer|decimal|boolean)","value":)(' + _STRING + rb")")


class Split:
    """A plan taken apart: `fixed` and `values` of its body in turn, one more of the former, and everything else."""

    __slots__ = ("_fixed", "_plan", "_tables", "_values", "key")

    def __init__(self, plan: ops.Plan) -> None:
        self._plan = plan
        self._fixed, self._values = _taken_apart(_encoder.encode(plan.body))
        self._tables = tuple(known_table(_encoder.encode(table), table) for table in plan.tables)
        head = (
            plan.direction,
            _encoding_of(plan),
            tuple(given.optional for given in plan.inputs),
            tuple((result.slot, result.size) for result in plan.results),
            plan.slots,
            plan.functions,
            tuple(table.kinds for table in self._tables),
        )
        self.key: Final = sha256(b"\0".join((_encoder.encode(head), *self._fixed))).digest()

    @property
    def blank(self) -> ops.Plan:
        """A plan of the same shape that holds nothing of this one's own."""
        plan = self._plan
        numbered = [
            b'[{"op":"const","type":"text","value":"%s%d"}]' % (LIST.encode(), number)
            if value.startswith(b"[")
            else b'"%d"' % number
            for number, value in enumerate(self._values)
        ]
        body = msgspec.json.decode(_together(self._fixed, numbered), type=_body_type(plan.direction))
        return ops.Plan(
            "",
            plan.direction,
            (),
            "",
            _encoding_of(plan),
            tuple(ops.Input("", TEXT, given.optional) for given in plan.inputs),
            body,
            plan.slots,
            tuple(table.blank for table in self._tables),
            functions=plan.functions,
            results=tuple(ops.Result(result.slot, "", "", result.size) for result in plan.results),
        )

    def own(self) -> Own:
        """What the recipes of the shape are filled from."""
        values = msgspec.json.decode(b"[" + b",".join(self._values) + b"]") if self._values else []
        return Own(self._plan, values, self._tables)

    def operations(self) -> bytes:
        """What all plans of this shape have in common, packed."""
        return zlib.compress(b"\0".join(self._fixed))

    def stored(self, operations: bytes) -> Stored:
        """The plan put away beside the `operations` of its shape."""
        rest = msgspec.structs.replace(self._plan, body=(), tables=())
        own = zlib.compress(b"\0".join((_encoder.encode(rest), *self._values)), 1)
        return Stored(operations, own, self._tables)


def _encoding_of(plan: ops.Plan) -> ops.Encoding:
    return msgspec.structs.replace(plan.encoding, version="", unencodable={})


class Stored:
    """A plan put away small, beside what it shares with others: the interpreter needs it only for errors."""

    __slots__ = ("_operations", "_own", "_tables")

    def __init__(self, operations: bytes, own: bytes, tables: tuple[KnownTable, ...]) -> None:
        self._operations = operations
        self._own = own
        self._tables = tables

    @property
    def plan(self) -> ops.Plan:
        """The plan again."""
        rest, *values = zlib.decompress(self._own).split(b"\0")
        plan = msgspec.json.decode(rest, type=ops.Plan)
        body = _together(zlib.decompress(self._operations).split(b"\0"), values)
        return msgspec.structs.replace(
            plan,
            body=msgspec.json.decode(body, type=_body_type(plan.direction)),
            tables=tuple(table.table for table in self._tables),
        )


_WRITES: Final = tuple[ops.WriteOp, ...]
_READS: Final = tuple[ops.ReadOp, ...]


def _body_type(direction: str) -> Any:
    return _WRITES if direction == "writes" else _READS


def _taken_apart(body: bytes) -> tuple[list[bytes], list[bytes]]:
    """What stands before, between and behind the values of the constants of a body, and these values; a list of texts is one."""
    fixed = [b""]
    values: list[bytes] = []
    for number, piece in enumerate(_LISTS.split(body)):
        if number % 2:
            fixed[-1] += b'"items":'
            values.append(piece)
            fixed.append(b"")
            continue
        first, *others = piece.split(_CONSTANT)
        fixed[-1] += first
        for other in others:
            found = _VALUE.match(other)
            if found is None:
                fixed[-1] += _CONSTANT + other
            else:
                fixed[-1] += _CONSTANT + found[1]
                values.append(found[2])
                fixed.append(other[found.end() :])
    return fixed, values


def _together(fixed: list[bytes], values: list[bytes]) -> bytes:
    return b"".join(_alternating(fixed, values))


def _alternating(fixed: list[bytes], values: list[bytes]) -> Iterator[bytes]:
    for one, other in zip(fixed, values, strict=False):
        yield one
        yield other
    yield fixed[-1]
