"""What a rule does, as an English sentence: for reviewers, and for whoever asks where a field comes from.

Takes a node of the syntax tree; gives a sentence. The one place where a mapping becomes prose: reports and explanations all say
it with these words. Says what is written and resolves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from segwright.lang import ast
from segwright.lang.printer import print_node


def sentence(node: Any, subject: str = "") -> str:
    """What a rule, row, line, operation or declaration does. `subject`: what it is about, where the node does not say."""
    said = _said(node, subject)
    return f"{said[:1].upper()}{said[1:]}." if said and not said.endswith((".", "?", "!")) else said


def of_alternatives(target: str, alternatives: Iterable[ast.Alternative]) -> str:
    """What the rule of a target does."""
    return sentence(ast.Rule(ast.Ref((target,)), tuple(alternatives)), target)


def _said(node: Any, subject: str) -> str:
    match node:
        case ast.Rule(target, alternatives):
            return f"{subject or _target(target)} {_alternatives(alternatives)}"
        case ast.FormatRule(target, alternatives):
            return f"{subject or target} {_alternatives(alternatives)}" if alternatives else f"{target} is left out"
        case ast.OverrideRule(address, alternatives) | ast.AddRule(address, alternatives):
            return f"{subject or address} {_alternatives(alternatives)}"
        case ast.Let(name, value):
            return f"`{name}` stands for {_value(value)}"
        case ast.Row():
            return _row(node)
        case ast.Segment() | ast.Loop() | ast.Group() | ast.Use():
            return _block(node)
        case ast.Check(name, condition, saying):
            return f"a message is refused ({name}: “{saying}”) unless {print_node(condition)}"
        case ast.Reject(code, name, condition, saying):
            return f"an order is refused with {code} ({name}: “{saying}”) when {print_node(condition)}"
        case ast.Allow(code, on):
            return f"{code} is allowed on {on}"
        case ast.Address():
            return f"{node} is not sent" if node.kind in ("rule", "segment", "loop") else f"{node} is left out"
        case ast.FieldDecl(name, type_):
            return f"`{subject}{name}` holds {type_}"
        case ast.EnumValue(name):
            return f"`{name}` is a value of {subject}"
        case _:
            return _operation(node)


def _target(target: ast.Target) -> str:
    return f"`{target}`" if isinstance(target, ast.Ref) else str(target)


def _operation(node: Any) -> str:
    match node:
        case ast.Remove(addresses):
            return f"{', '.join(map(str, addresses))} {'is' if len(addresses) == 1 else 'are'} not sent"
        case ast.OverrideSegment(address, when):
            return f"{address} is sent only when {print_node(when)}"
        case ast.OverrideLoop():
            limits = []
            if node.where is not None:
                limits.append(f"only where {print_node(node.where)}")
            if node.ordered_by is not None:
                limits.append(f"in the order of {_value(node.ordered_by)}")
            if node.limit is not None:
                limits.append(f"{node.limit.kind} {_value(node.limit.count)}")
            return f"{node.address} goes over its list {', '.join(limits)}"
        case ast.Move(address, anchor):
            return f"{address} moves {_anchor(anchor)}"
        case ast.AddBlock(block, anchor):
            return f"{_title(block)} is added {_anchor(anchor)}"
        case ast.AddCheck(check):
            return _said(check, "")
        case ast.Replace(address):
            return f"{address} is written anew"
        case _:
            return ""


def _anchor(anchor: ast.Anchor) -> str:
    where = {"after": "after", "before": "before", "end": "to the end of"}[anchor.where]
    spread = {"": "", "each": "every ", "all": "all of "}[anchor.spread]
    return f"{where} {spread}{anchor.place}"


def _title(block: ast.Segment | ast.Loop) -> str:
    return f"segment {block.name} {block.label}".strip() if isinstance(block, ast.Segment) else f"loop {block.name}"


def _block(node: ast.Segment | ast.Loop | ast.Group | ast.Use) -> str:
    match node:
        case ast.Segment():
            said = _title(node)
            said += " is sent as it was received" if node.echo is not None else " is sent"
            if node.when is not None:
                said += f" when {print_node(node.when)}"
            return said + (", if there is anything to say" if node.optional else "")
        case ast.Loop():
            limit = f", {node.limit.kind} {_value(node.limit.count)}" if node.limit is not None else ""
            when = f", when {print_node(node.when)}" if node.when is not None else ""
            return f"{_title(node)} goes over {_selection(node.of)}{limit}{when}"
        case ast.Group():
            under = f" under the {node.under} above it" if node.under else ""
            return f"each {node.segment}{under} is {_an(str(node.target))}"
        case ast.Use():
            given = ", ".join(
                f"{each.name}: {print_node(each.value)}" if each.name else print_node(each.value)
                for each in node.arguments
            )
            return f"part {node.name} is used" + (f" for {given}" if given else "")


def _an(word: str) -> str:
    return f"an {word}" if word[:1] in "aeiou" else f"a {word}"


def _row(row: ast.Row) -> str:
    keys = "anything else" if row.otherwise else " and ".join(f"`{_plain(key)}`" for key in row.keys)
    if row.change == "remove":
        return f"{keys} has no row any more"
    cells = ", ".join(map(_cell, row.cells))
    match row.arrow:
        case "<-":
            return f"{cells} is read as {keys}"
        case "<->":
            return f"{keys} is sent as {cells}, and read from it"
        case _:
            return f"{keys} is sent as {cells}"


def _cell(cell: ast.Cell) -> str:
    if cell.word:
        return {"same": "itself", "error": "nothing: the message is refused"}[cell.word]
    return " ^ ".join(map(_plain, cell.parts))


def _plain(value: Any) -> str:
    return value.value if isinstance(value, ast.Text) else print_node(value)


def _alternatives(alternatives: tuple[ast.Alternative, ...]) -> str:
    if not alternatives:
        return "is left out"
    rungs = []
    for each in alternatives:
        when = f" when {print_node(each.when)}" if each.when is not None else " otherwise" if each.otherwise else ""
        rungs.append(f"{_value(each.value)}{when}{_duty(each.duty)}")
    return f"is {'; it is '.join(rungs)}"


def _duty(duty: ast.Duty) -> str:
    match duty.kind:
        case "required" if duty.condition is not None:
            return f" (if {print_node(duty.condition)}, there is no message without it)"
        case "required":
            return " (without it there is no message)"
        case "optional":
            return " (left out when there is none)"
        case _:
            return ""


def _value(value: Any) -> str:
    match value:
        case ast.Text(text):
            return f"“{text}”"
        case ast.Blank():
            return "empty"
        case ast.Hold():
            return "an empty repetition that keeps its place"
        case ast.Null():
            return "the HL7 null, which deletes"
        case ast.Place():
            return "the turn of the loop"
        case ast.Inherited():
            return "what the layer below gives"
        case ast.Count(segment, since, start):
            behind = f" since the last {since}" if since else ""
            return f"the number of {segment} segments so far{behind}" + (
                f", counted from {start}" if start != 1 else ""
            )
        case ast.TextCall(name):
            return f"the text `{name}`"
        case ast.Keep(segments):
            return f"the received segments {', '.join(segments)}"
        case ast.Each(_, of):
            return f"each of {_selection(of)}"
        case ast.First(_, of):
            return f"the first of {_selection(of)}"
        case ast.As():
            given = ", ".join(
                print_node(each.value) if not each.name else f"{each.name}: {print_node(each.value)}"
                for each in value.arguments
            )
            other = f" (where that cannot be: {_value(value.on_invalid)})" if value.on_invalid is not None else ""
            return f"{_value(value.value)} as {value.format}" + (f" ({given})" if given else "") + other
        case ast.Via():
            other = f" (a code without a row: {_value(value.on_unmapped)})" if value.on_unmapped is not None else ""
            return f"{_value(value.value)} by the table `{value.table}`{other}"
        case ast.Else(first, other):
            return f"{_value(first)}, or where that is missing {_value(other)}"
        case ast.Composite(parts):
            return " ^ ".join("nothing" if isinstance(part, ast.Blank) else _value(part) for part in parts)
        case ast.Ref(names=("org", *rest)):
            return f"the setting {'.'.join(rest)}"
        case ast.Hl7Path():
            return f"the received {value}"
        case ast.Ladder(alternatives):
            return _alternatives(alternatives).removeprefix("is ")
        case _:
            return print_node(value)


def _selection(of: ast.Selection) -> str:
    said = _value(of.source)
    if of.where is not None:
        said += f" where {print_node(of.where)}"
    if of.having is not None:
        said += f" that have {of.having}"
    if of.ordered_by is not None:
        said += f", in the order of {_value(of.ordered_by)}"
    return said
