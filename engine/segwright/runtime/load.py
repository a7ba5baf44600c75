"""Plans made ready to run: what the rest of the engine renders and reads messages with.

Takes a plan that `plan.validate` lets run, gives a `Writer` or a `Reader`. Both run a function generated from the plan. The
generated code only finds out that something stands against a message; the interpreter, which is slow and plain, then says what,
and has the last word: when it finds nothing, the two disagree, and nothing is sent (`Disagreement`).

A loaded plan keeps its constants, its share of a code object and, compressed, its own text for the interpreter.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec

from segwright.hl7.wire import Message
from segwright.plan import ops
from segwright.runtime import interpret
from segwright.runtime.assemble import Assembler
from segwright.runtime.calls import NAMES, Declined
from segwright.runtime.generate_read import ReadGenerator
from segwright.runtime.generate_write import WriteGenerator
from segwright.runtime.outcome import Intake, Problem, Trace
from segwright.runtime.source import function


class MessageRefused(Exception):
    """There is no message. `problems` are all reasons."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class Disagreement(Exception):
    """The generated code and the interpreter differ: a fault of the engine, never of a message. Nothing was sent."""

    def __init__(self, plan: str) -> None:
        super().__init__(f"the generated code of plan {plan} refuses what the interpreter writes")
        self.plan = plan


class _Stored:
    """A plan put away small: the interpreter needs it only for errors."""

    __slots__ = ("_packed",)

    def __init__(self, plan: ops.Plan) -> None:
        self._packed = zlib.compress(_encoder.encode(plan), 6)

    @property
    def plan(self) -> ops.Plan:
        """The plan again."""
        return _unpacked(self._packed)

    @property
    def hash(self) -> str:
        """What names the plan in an error."""
        return sha256(zlib.decompress(self._packed)).hexdigest()


_encoder: Final = msgspec.json.Encoder(order="deterministic")


@lru_cache(maxsize=16)
def _unpacked(packed: bytes) -> ops.Plan:
    return msgspec.json.decode(zlib.decompress(packed), type=ops.Plan)


class Writer:
    """Writes the messages of one plan."""

    __slots__ = ("_assembler", "_stored", "_write")

    def __init__(self, plan: ops.Plan) -> None:
        self._write = function(WriteGenerator(plan).generate(), NAMES)
        self._assembler = Assembler(plan.encoding)
        self._stored = _Stored(plan)

    def render(self, inputs: Sequence[Any]) -> bytes:
        """The message. Raises `MessageRefused` with every problem, ValueError for inputs that are not the plan's."""
        try:
            return self._assembler.message(self._write(inputs))
        except Exception as error:  # noqa: BLE001 - whatever it is, the interpreter says why
            return self._explained(inputs, declined=isinstance(error, Declined | TypeError))

    def trace(self, inputs: Sequence[Any]) -> Trace:
        """The message and which operation wrote each part of it, or all problems."""
        return interpret.trace(self._stored.plan, inputs)

    def _explained(self, inputs: Sequence[Any], *, declined: bool) -> bytes:
        found = self.trace(inputs)
        if found.problems:
            raise MessageRefused(found.problems)
        if not declined:
            raise Disagreement(self._stored.hash)
        return found.data


class Reader:
    """Reads the messages of one plan."""

    __slots__ = ("_group", "_read", "_roots", "_stored")

    def __init__(self, plan: ops.Plan) -> None:
        self._read = function(ReadGenerator(plan).generate(), NAMES)
        grouped = next((op.record for op in plan.body if isinstance(op, ops.GroupOp)), -1)
        results = sorted(plan.results, key=lambda result: result.slot)
        self._roots = tuple(result.name for result in results if result.slot != grouped)
        self._group = next((result.name for result in results if result.slot == grouped), "")
        self._stored = _Stored(plan)

    def read(self, message: Message) -> Intake:
        """The records of the message, or all that stands against it."""
        try:
            records, groups = self._read(message.segments, message.delimiters, message.codec)
        except Exception as error:  # noqa: BLE001 - whatever it is, the interpreter says why
            found = self.trace(message)
            if found.good and not isinstance(error, Declined | TypeError):
                raise Disagreement(self._stored.hash) from None
            return found
        return Intake(dict(zip(self._roots, records, strict=True)), self._group, groups, (), (), (), ())

    def trace(self, message: Message) -> Intake:
        """The same with every step, and all problems."""
        return interpret.read(self._stored.plan, message)


def load(plan: ops.Plan) -> Writer | Reader:
    """Makes a plan ready to run."""
    return Writer(plan) if plan.direction == "writes" else Reader(plan)
