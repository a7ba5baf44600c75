"""Plans made ready to run: what the rest of the engine renders and reads messages with.

Takes a plan that `plan.admit` or `plan.validate` lets run, gives a `Writer` or a `Reader`. Both run a function generated from the
plan. The generated code only finds out that something stands against a message; the interpreter, which is slow and plain, then
says what, and has the last word: when it finds nothing, the two disagree, and nothing is sent (`Disagreement`).

Code is generated once for each shape (`runtime.shape`): the operations of a plan that comes in pieces are not even decoded when
its shape is known. A loaded plan keeps its constants and, compressed, so much of its own text that the interpreter can have the
plan again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from weakref import WeakValueDictionary

from segwright.hl7.wire import Message
from segwright.plan import ops
from segwright.plan.canonical import plan_hash
from segwright.plan.pieces import Pieces
from segwright.runtime import interpret
from segwright.runtime.calls import NAMES, Declined
from segwright.runtime.generate_read import ReadGenerator
from segwright.runtime.generate_write import WriteGenerator
from segwright.runtime.outcome import Intake, Problem, Trace
from segwright.runtime.recipes import Own, Recipe, assembler, filled
from segwright.runtime.shape import Split, Stored
from segwright.runtime.source import code, function


# Whoever asks for the reasons of one refusal often asks for those of another.
@lru_cache(maxsize=16)
def _again(stored: Stored) -> ops.Plan:
    return stored.plan


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


class _Shape:
    """What the plans of one shape share: the code, the constants that are the same for all, and the operations themselves.
    `fills` are the numbers of the constants that are each plan's own, `grouped` is the slot of a group's record (-1 for none)."""

    __slots__ = ("__weakref__", "code", "constants", "fills", "grouped", "operations")

    def __init__(self, split: Split) -> None:
        blank = split.blank
        source = (WriteGenerator(blank) if blank.direction == "writes" else ReadGenerator(blank)).generate()
        self.code: Final = code(source, NAMES)
        self.constants: Final = tuple(source.constants)
        self.fills: Final = tuple(number for number, one in enumerate(self.constants) if isinstance(one, Recipe))
        self.grouped: Final = next((op.record for op in blank.body if isinstance(op, ops.GroupOp)), -1)
        self.operations: Final = split.operations()

    def function(self, own: Own) -> Callable[..., Any]:
        """The function of one plan."""
        constants = list(self.constants)
        for number in self.fills:
            constants[number] = filled(own, constants[number])
        return function(self.code, NAMES, constants)


def _pieces_of(plan: ops.Plan | Pieces) -> Pieces:
    return plan if isinstance(plan, Pieces) else Pieces.of(plan)


_shapes: WeakValueDictionary[bytes, _Shape] = WeakValueDictionary()


def _made_ready(pieces: Pieces) -> tuple[Callable[..., Any], _Shape, Stored]:
    """The plan's function, what it shares, and the plan put away."""
    split = Split(pieces)
    shape = _shapes.get(split.key)
    if shape is None:
        shape = _shapes[split.key] = _Shape(split)
    return shape.function(split.own()), shape, split.stored(shape.operations)


class Writer:
    """Writes the messages of one plan."""

    __slots__ = ("_assembler", "_shape", "_stored", "_write")

    def __init__(self, plan: ops.Plan | Pieces) -> None:
        pieces = _pieces_of(plan)
        self._write, self._shape, self._stored = _made_ready(pieces)
        self._assembler = assembler(pieces.frame.encoding)

    @property
    def shape(self) -> object:
        """What it shares with every plan of the same form. It is made anew when nobody has it any more: who runs the plans of
        many organisations, one after another, holds on to it."""
        return self._shape

    def render(self, inputs: Sequence[Any]) -> bytes:
        """The message. Raises `MessageRefused` with every problem, ValueError for inputs that are not the plan's."""
        try:
            return self._assembler.message(self._write(inputs))
        except Exception as error:  # noqa: BLE001 - whatever it is, the interpreter says why
            return self._explained(inputs, declined=isinstance(error, Declined | TypeError))

    def trace(self, inputs: Sequence[Any]) -> Trace:
        """The message and which operation wrote each part of it, or all problems."""
        return interpret.trace(_again(self._stored), inputs)

    def _explained(self, inputs: Sequence[Any], *, declined: bool) -> bytes:
        found = self.trace(inputs)
        if found.problems:
            raise MessageRefused(found.problems)
        if not declined:
            raise Disagreement(plan_hash(_again(self._stored)))
        return found.data


class Reader:
    """Reads the messages of one plan."""

    __slots__ = ("_group", "_read", "_roots", "_shape", "_stored")

    def __init__(self, plan: ops.Plan | Pieces) -> None:
        pieces = _pieces_of(plan)
        self._read, self._shape, self._stored = _made_ready(pieces)
        results = sorted(pieces.frame.results, key=lambda result: result.slot)
        self._roots = tuple(result.name for result in results if result.slot != self._shape.grouped)
        self._group = next((result.name for result in results if result.slot == self._shape.grouped), "")

    @property
    def shape(self) -> object:
        """As a writer's."""
        return self._shape

    def read(self, message: Message) -> Intake:
        """The records of the message, or all that stands against it."""
        try:
            records, groups = self._read(message.segments, message.delimiters, message.escapes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the interpreter says why
            found = self.trace(message)
            if found.good and not isinstance(error, Declined | TypeError):
                raise Disagreement(plan_hash(_again(self._stored))) from None
            return found
        return Intake(dict(zip(self._roots, records, strict=True)), self._group, groups)

    def trace(self, message: Message) -> Intake:
        """The same with every step, and all problems."""
        return interpret.read(_again(self._stored), message)


def load(plan: ops.Plan | Pieces) -> Writer | Reader:
    """Makes a plan ready to run."""
    pieces = _pieces_of(plan)
    return Writer(pieces) if pieces.frame.direction == "writes" else Reader(pieces)
