"""The shape of a plan: all of it that decides generated source, apart from what only fills it.

Takes a plan's pieces, gives a `Split`: a key that is equal for plans of one shape, and what is this plan's own (`recipes.Own`).
Code is generated for the first plan of a shape, the others fill in their values.

`Split.blank` is a plan with a number in the place of every value. Generators are given nothing else, so nothing that the key
leaves out can reach the source: whatever they want of a plan's own data they must name by number, as a recipe.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from segwright.plan import ops
from segwright.plan.canonical import ENCODER
from segwright.plan.model import TEXT
from segwright.plan.pieces import Pieces, body_of
from segwright.runtime.recipes import LIST, KnownTable, Own, known_table


class Split:
    """A plan taken apart: what it shares with all plans of its shape, and what is its own."""

    __slots__ = ("_pieces", "_tables", "key")

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._tables = tuple(map(known_table, pieces.tables))
        frame = pieces.frame
        head = (
            frame.direction,
            _encoding_of(frame),
            tuple(given.optional for given in frame.inputs),
            tuple((result.slot, result.size) for result in frame.results),
            frame.slots,
            frame.functions,
            tuple(table.kinds for table in self._tables),
        )
        self.key: Final = sha256(pieces.fixed.key + ENCODER.encode(head)).digest()

    @property
    def blank(self) -> ops.Plan:
        """A plan of the same shape that holds nothing of this one's own."""
        frame = self._pieces.frame
        numbered = [
            b'[{"op":"const","type":"text","value":"%s%d"}]' % (LIST.encode(), number)
            if value.startswith(b"[")
            else b'"%d"' % number
            for number, value in enumerate(self._pieces.values)
        ]
        return ops.Plan(
            "",
            frame.direction,
            (),
            "",
            _encoding_of(frame),
            tuple(ops.Input("", TEXT, given.optional) for given in frame.inputs),
            self._pieces.with_values(numbered),
            frame.slots,
            tuple(table.blank for table in self._tables),
            functions=frame.functions,
            results=tuple(ops.Result(result.slot, "", "", result.size) for result in frame.results),
        )

    def own(self) -> Own:
        """What the recipes of the shape are filled from."""
        return Own(self._pieces.frame, msgspec.json.decode(b"[" + b",".join(self._pieces.values) + b"]"), self._tables)

    def operations(self) -> bytes:
        """What all plans of this shape have in common, packed."""
        return zlib.compress(b"\0".join(self._pieces.fixed.pieces))

    def stored(self, operations: bytes) -> Stored:
        """The plan put away beside the `operations` of its shape."""
        return Stored(operations, (ENCODER.encode(self._pieces.frame), *self._pieces.values), self._tables)


def _encoding_of(frame: ops.Plan) -> ops.Encoding:
    return msgspec.structs.replace(frame.encoding, version="", unencodable={})


class Stored:
    """A plan put away small, beside what it shares with others: the interpreter needs it only for errors."""

    __slots__ = ("_operations", "_own", "_tables")

    def __init__(self, operations: bytes, own: Sequence[bytes], tables: tuple[KnownTable, ...]) -> None:
        self._operations = operations
        # Packing them would save less than a kilobyte, and take as long as all the rest of loading.
        self._own = b"\0".join(own)
        self._tables = tables

    @property
    def plan(self) -> ops.Plan:
        """The plan again."""
        frame_, *values = self._own.split(b"\0")
        frame = msgspec.json.decode(frame_, type=ops.Plan)
        return msgspec.structs.replace(
            frame,
            body=body_of(frame.direction, zlib.decompress(self._operations).split(b"\0"), values),
            tables=tuple(table.table for table in self._tables),
        )
