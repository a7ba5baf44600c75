"""One logical line as what it says, in columns: `said(node)`.

Takes a node as `lang.parse` makes it of one line (a block without what stands in it); gives its words, ready to be laid out.
`lang.printer` puts them below each other, `lang.layout` lines them up with their neighbours.
"""

from __future__ import annotations

from typing import Any

import msgspec

from segwright.lang import ast
from segwright.lang.build import Closing, Reason
from segwright.lang.inline import (
    anchor,
    arguments,
    condition,
    constant,
    limit,
    loop_head,
    parameters,
    place,
    quoted,
    segment_clauses,
    segment_name,
    source_of,
    table_shape,
    value,
)


class Said(msgspec.Struct, frozen=True):
    """What a line says.

    `head`: the words before the sign; of a change its verb, label and target (columns of their own). `sign`: `=`, `:`, an arrow
    or nothing. `alternatives`: each value with what qualifies it. `cells`: of a row, each with its components. `end`: words after
    the last alternative. `below`: a sentence that stands on a line of its own (`else "…"`, `saying "…"`, `from …`), `because` the
    reason, which does so too.
    """

    kind: str
    head: tuple[str, ...]
    sign: str = ""
    alternatives: tuple[tuple[str, str], ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    end: str = ""
    below: str = ""
    because: str = ""


def said(node: Any, *, named: bool = False) -> Said:
    """The words of a line. `named`: the head of a loop says its name even if its list gives it the same one."""
    made = _statement(node, named) or _declared(node) or _operation(node, named)
    if made is None:
        raise TypeError(f"no line: {type(node).__name__}")
    return made


def _line(text: str, *, kind: str = "line", below: str = "", because: str = "") -> Said:
    return Said(kind, (text,), below=below, because=_reason(because))


def _reason(because: str) -> str:
    return f"because {quoted(because)}" if because else ""


def _alternatives(alternatives: tuple[ast.Alternative, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((value(alternative.value), _qualified(alternative)) for alternative in alternatives)


def _qualified(alternative: ast.Alternative) -> str:
    duty = alternative.duty
    words: list[str] = [duty.kind] if duty.kind else []
    if duty.condition is not None:
        words.append(f"if {condition(duty.condition)}")
    if alternative.when is not None:
        words.append(f"when {condition(alternative.when)}")
    if alternative.otherwise:
        words.append("otherwise")
    return " ".join(words)


def _rule(kind: str, head: tuple[str, ...], node: Any, end: str = "") -> Said:
    sign = "=" if node.alternatives else ""
    return Said(kind, head, sign, _alternatives(node.alternatives), end=end, because=_reason(node.because))


def _address(address: ast.Address) -> tuple[str, str]:
    """Label and target of a rule; other places are one word."""
    return (address.label, str(address.target)) if address.kind == "rule" else ("", str(address))


def _statement(node: Any, named: bool) -> Said | None:
    match node:
        case ast.Rule():
            return _rule("rule", (str(node.target),), node)
        case ast.Let():
            return Said("rule", (f"let {node.name}",), "=", ((value(node.value), ""),))
        case ast.Segment():
            return _line(segment_name(node) + segment_clauses(node), kind="block")
        case ast.Loop():
            return _line(loop_head(node, named=named), kind="block")
        case ast.Group():
            under = f" under {node.under}" if node.under else ""
            return _line(f"for each {node.target} group from {node.segment}{under}", kind="block")
        case ast.Use():
            return _line(f"use {node.name}" + (arguments(node.arguments) if node.arguments else ""))
        case ast.Check() | ast.Reject():
            return _check(node)
        case ast.Allow():
            return _line(f"allow {node.code} on {place(node.on)}", because=node.because)
        case ast.Mapping():
            inputs = f"from {parameters(node.inputs)}" if node.inputs else ""
            return _line(
                f"mapping {node.name} {node.direction} {', '.join(node.messages)}", kind="header", below=inputs
            )
        case ast.Overlay():
            return _line(f"overlay {node.name}", kind="header")
    return None


def _check(node: ast.Check | ast.Reject, verb: str = "", because: str = "") -> Said:
    if isinstance(node, ast.Check):
        text, below = f"check {node.name} that {condition(node.condition)}", f"else {quoted(node.saying)}"
    else:
        text = f"reject {node.code} {node.name} when {condition(node.condition)}"
        below = f"saying {quoted(node.saying)}"
    return _line(verb + text, kind="check", below=below, because=because)


def _declared(node: Any) -> Said | None:
    match node:
        case ast.Record() | ast.Enum():
            return _line(f"{type(node).__name__.lower()} {node.name}", kind="declaration")
        case ast.FieldDecl():
            return Said("field", (node.name,), ":", ((str(node.type), ""),))
        case ast.EnumValue():
            return _line(node.name)
        case ast.Table():
            return _line(f"table {node.name}{table_shape(node)}", kind="declaration")
        case ast.Row():
            return _row(node)
        case ast.Format():
            head = f"format {node.name}({parameters((node.parameter,))}) {node.direction} {node.type}"
            return _line(head, kind="declaration")
        case ast.FormatRule():
            return _rule("operation" if node.change else "rule", (node.change, "", str(node.target)), node)
        case ast.Part():
            given = f"({parameters(node.parameters)})" if node.parameters else ""
            return _line(f"part {node.name}{given}", kind="declaration")
        case ast.Narrative():
            given = f"({parameters((node.parameter,))})" if node.parameter is not None else ""
            return _line(f"text {node.name}{given}", kind="declaration")
    return None


def _row(row: ast.Row) -> Said:
    keys = ("otherwise",) if row.otherwise else tuple(constant(key) for key in row.keys)
    if row.change:
        keys = (f"{row.change} {keys[0]}", *keys[1:])
    cells = tuple((cell.word,) if cell.word else tuple(constant(part) for part in cell.parts) for cell in row.cells)
    return Said("row", keys, row.arrow if row.cells else "", cells=cells)


def _operation(node: Any, named: bool) -> Said | None:
    match node:
        case Reason():
            return _line(f"for reason {quoted(node.because)}", kind="block")
        case Closing():
            return Said("end", ("end",), because=_reason(node.because))
        case ast.OverrideRule():
            return _rule("operation", ("override", *_address(node.address)), node)
        case ast.AddRule():
            beside = f"{'before' if node.before else 'after'} [{node.beside}]" if node.beside else ""
            return _rule("operation", ("add", *_address(node.address)), node, beside)
        case ast.Remove():
            first, *rest = node.addresses
            label, target = _address(first)
            text = target + "".join(f", {address.target}" for address in rest)
            return Said("operation", ("remove", label, text), because=_reason(node.because))
        case ast.OverrideSegment():
            text = f"{node.address} when {condition(node.when)}"
            return Said("operation", ("override", "", text), because=_reason(node.because))
        case ast.OverrideLoop():
            return Said("operation", ("override", "", _changed_loop(node)), because=_reason(node.because))
        case ast.Move():
            return Said(
                "operation", ("move", "", f"{node.address} {anchor(node.anchor)}"), because=_reason(node.because)
            )
        case ast.AddCheck():
            return _check(node.check, "add ", node.because)
        case ast.AddBlock():
            return _added(node, named)
        case ast.Replace():
            return _replaced(node, named)
        case ast.OverrideTable() | ast.OverrideFormat() | ast.OverrideText() | ast.OverridePart():
            word = type(node).__name__.removeprefix("Override").lower()
            return _line(f"override {word} {node.name}", kind="block", because=node.because)
    return None


def _changed_loop(node: ast.OverrideLoop) -> str:
    text = str(node.address)
    if node.where is not None:
        text += f" where {condition(node.where)}"
    if node.ordered_by is not None:
        text += f" ordered by {source_of(node.ordered_by)}"
    return text + (f" {limit(node.limit)}" if node.limit is not None else "")


def _added(node: ast.AddBlock, named: bool) -> Said:
    block = node.block
    if isinstance(block, ast.Segment):
        # The anchor stands before the clauses, as it is read: after WHAT, then WHEN.
        head = f"add {segment_name(block)} {anchor(node.anchor)}{segment_clauses(block)}"
    else:
        head = f"add loop {loop_head(block, named=named)} {anchor(node.anchor)}"
    return _line(head, kind="block", because=node.because)


def _replaced(node: ast.Replace, named: bool) -> Said:
    block = node.body
    if isinstance(block, ast.Segment):
        head = f"replace {segment_name(block)}{segment_clauses(block)}"
    elif isinstance(block, ast.Loop):
        head = f"replace loop {node.address.name} {loop_head(block, node.address.name, named=named)}"
    else:
        head = f"replace table {block.name}{table_shape(block)}"
    return _line(head, kind="block", because=node.because)
