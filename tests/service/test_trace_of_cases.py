"""Every byte of every case's message names one operation, which a line of a mapping wrote; no value changes a structure."""

from __future__ import annotations

from pathlib import Path

import hl7
import pytest

from segwright.plan import ops
from segwright.plan.walk import walk
from segwright.runtime import interpret
from segwright.runtime.load import MessageRefused, Writer
from segwright.service.cases import _CaseReader, request_of
from segwright.service.compiling import CompiledWorkspace, compile_workspace
from segwright.service.rendering import prepare
from segwright.service.running import Running

ROOT = Path(__file__).parents[2]
Told = tuple[str, str, str, Running, list[list[object]]]


@pytest.fixture(scope="module")
def told() -> list[Told]:
    """Every case that writes: its hospital, name, message, the running hospital and the inputs of each message."""
    workspace: CompiledWorkspace = compile_workspace(ROOT)
    assert workspace.workspace is not None
    found: list[Told] = []
    for name, organisation in workspace.organisations.items():
        running = {environment: Running(organisation, environment) for environment in organisation.messages}
        for files in workspace.workspace.organisations[name].cases:
            case = _CaseReader(workspace.workspace, name, files, running).read()
            if case is None or case.make is None or case.refused:
                continue
            here = running[case.environment]
            inputs, findings = prepare(here, request_of(case))
            assert not findings
            found.append((name, case.name, case.message, here, inputs))
    assert len(found) >= 40
    return found


def test_every_byte_names_one_operation_that_a_line_wrote(told: list[Told]):
    for name, case, message, running, several in told:
        compiled = running.compiled(message)
        assert compiled.plan is not None
        operations = list(walk(compiled.plan))
        assert len(compiled.written) == len(operations)
        for inputs in several:
            traced = interpret.trace(compiled.plan, inputs)
            writer = running.loaded(message)
            assert isinstance(writer, Writer)
            assert traced.data == writer.render(inputs)
            assert traced.text.encode(compiled.plan.encoding.codec) == traced.data
            assert "".join(text for _, text in traced.parts) == traced.text
            assert {traced.op_at(place) for place in range(0, len(traced.text), 89)} <= {op for op, _ in traced.parts}
            for op, text in traced.parts:
                written = compiled.written[op]
                assert text, (name, case)
                assert written is not None, (name, case, type(operations[op]).__name__)
                assert written.address, (name, case)
                assert written.origin.span.file.endswith(".seg"), (name, case)


def shape(data: bytes, encoding: ops.Encoding) -> list[tuple[str, list[list[int]]]]:
    """Segments, fields, repetitions and components as a foreign parser counts them."""
    text = data.decode(encoding.codec).replace("\r\n", "\r")
    parsed = hl7.parse(text)
    found = []
    for segment in parsed:
        fields = []
        for number, field in enumerate(segment):
            if number and not (str(segment[0]) == "MSH" and number < 3):
                fields.append(
                    [len(repetition) if isinstance(repetition, hl7.Repetition) else 1 for repetition in field]
                )
        found.append((str(segment[0]), fields))
    return found


def test_hostile_values_never_change_the_structure_of_any_case(told: list[Told]):
    changed = 0
    for _, case, message, running, several in told:
        plan = running.compiled(message).plan
        assert plan is not None
        mark = plan.encoding
        text = "".join((mark.field, *mark.msh2, "\\F\\"))
        for inputs in several:
            writer = running.loaded(message)
            assert isinstance(writer, Writer)
            before = writer.render(inputs)
            places = [
                (index, path)
                for index, given in enumerate(plan.inputs)
                for path in _texts(running, given.type, inputs[index])
            ]
            for index, path in places[sum(map(ord, case)) % 5 :: 5]:  # other places in other cases
                poisoned, harmless = list(inputs), list(inputs)
                poisoned[index] = _with(inputs[index], path, text)
                harmless[index] = _with(inputs[index], path, "z" * len(text))
                try:
                    data, clean = writer.render(poisoned), writer.render(harmless)
                except MessageRefused:
                    continue  # a code, a length, a pattern: refused is as good as unchanged
                changed += data != before
                assert shape(data, mark) == shape(clean, mark), (case, path)
    assert changed > 100


def _texts(running: Running, type_: object, value: object, path: tuple[int, ...] = ()):
    """The places of the texts in a value that a person or a system chose."""
    if value is None:
        return
    kind, name = type_.kind, type_.name  # type: ignore[attr-defined]
    if kind == "list":
        for number, one in enumerate(value):  # type: ignore[arg-type, var-annotated]
            if number < 2:
                yield from _texts(running, type_.of, one, (*path, number))  # type: ignore[attr-defined]
    elif kind == "record" and name != "Message":
        for number, attribute in enumerate(running.model.records[name].attributes):
            yield from _texts(running, attribute.type, value[number], (*path, number))  # type: ignore[index]
    elif kind == "scalar" and name == "text" and isinstance(value, str):
        yield path


def _with(value: object, path: tuple[int, ...], text: str) -> object:
    if not path:
        return text
    parts = list(value)  # type: ignore[call-overload]
    parts[path[0]] = _with(parts[path[0]], path[1:], text)
    return tuple(parts)
