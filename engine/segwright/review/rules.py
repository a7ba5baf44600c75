"""The rules of two states of a workspace, compared: added, removed, changed; by meaning, whatever the layout and comments.

Takes the parsed files of each layer, and configuration as settings; gives `RuleChange`s. A rule is known by its layer, what
it stands in and its address: that is how an analyst would find it again. The severity of a rule is that of the places it
can reach: a row of a table weighs as much as the gravest field that looks it up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from segwright.core.source import Source, Span
from segwright.lang import ast, flat
from segwright.lang.printer import bare, print_node
from segwright.lang.scope import Layer
from segwright.lang.sentence import sentence
from segwright.review.change import RuleChange, Severity
from segwright.review.meanings import Meanings, gravest

Setting = tuple[str, Span]
"""The text of a value of org.yaml, and where it stands."""


class Rule(msgspec.Struct, frozen=True):
    """One rule as written: where it belongs, its canonical text, what it does."""

    layer: str
    within: str
    address: str
    text: str
    sentence: str
    because: str
    span: Span
    places: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """The tables, formats, texts, parts and settings that it mentions."""


# --- what is written ---------------------------------------------------------------------------------------------------


def rules_of(layer: Layer) -> Iterator[Rule]:
    """Every rule of a layer, in the order of its files."""
    for file in layer.files:
        if file.mapping is not None:
            head = _head(file.mapping)
            said = f"The mapping {file.mapping.name} {head}."
            yield Rule(layer.name, file.mapping.name, "mapping", head, said, "", file.mapping.span)
            yield from _statements(layer.name, file.mapping.name, file.mapping.body)
        if file.overlay is not None:
            yield from _operations(layer.name, f"overlay {file.overlay.name}", file.overlay.operations)
        for declaration in file.declarations:
            yield from _declaration(layer.name, declaration)


def settings_of(layer: str, settings: Mapping[str, Setting]) -> Iterator[Rule]:
    """The values of an organisation's configuration as rules."""
    for key, (text, span) in settings.items():
        said = f"`{key}` is {text}." if text else f"`{key}` is empty."
        yield Rule(layer, "org.yaml", key, text, said, "", span)


def rows_of(layer: str, source: Source) -> Iterator[Rule]:
    """The lines of a CSV file as rules, known by their first column; the first line names the columns."""
    name = source.name.rsplit("/", 1)[-1]
    position = 0
    for number, line in enumerate(source.text.splitlines(keepends=True)):
        text = line.strip()
        span = Span(source.name, position, position + len(line.rstrip()))
        position += len(line)
        if text:
            key, _, rest = text.partition(",")
            value = rest.strip().strip('"')
            said = f"`{key.strip()}` is {value}." if number else f"The columns are {text}."
            yield Rule(layer, name, key.strip() if number else "columns", text, said, "", span)


def _head(mapping: ast.Mapping) -> str:
    inputs = ", ".join(f"{each.name}: {each.type}" for each in mapping.inputs)
    return f"{mapping.direction} {', '.join(mapping.messages)}" + (f" from {inputs}" if inputs else "")


def _rule(layer: str, within: str, address: str, text: str, node: Any, because: str = "", subject: str = "") -> Rule:
    said = sentence(node, subject) or f"{address[:1].upper()}{address[1:]}: {text}"
    places = tuple(dict.fromkeys([*_place(address), *(str(path) for path in flat.within(node, ast.Hl7Path))]))
    return Rule(layer, within, address, text, said, because, node.span, places, _names(node))


def _text(node: Any) -> str:
    """The canonical text on one line, without its reason."""
    plain = msgspec.structs.replace(node, because="") if hasattr(node, "because") else node
    if getattr(plain, "doc", ""):
        plain = msgspec.structs.replace(plain, doc="")
    return " ".join(print_node(plain).split())


def _statements(layer: str, within: str, body: Iterable[ast.Statement]) -> Iterator[Rule]:
    for statement in body:
        match statement:
            case ast.Segment():
                head = msgspec.structs.replace(statement, rules=(), doc="")
                title = f"segment {statement.name} {statement.label}".strip()
                yield _rule(layer, within, title, _text(head), head)
                for rule in statement.rules:
                    yield _segment_rule(layer, within, statement, rule)
            case ast.Loop():
                loop = msgspec.structs.replace(statement, body=(), doc="")
                yield _rule(layer, within, f"loop {statement.name}", _text(loop).removesuffix(" end"), loop)
                yield from _statements(layer, within, statement.body)
            case ast.Group():
                group = msgspec.structs.replace(statement, body=(), doc="")
                yield _rule(layer, within, f"group {statement.target}", _text(group).removesuffix(" end"), group)
                yield from _statements(layer, within, statement.body)
            case ast.Rule():
                yield _rule(layer, within, str(statement.target), _text(statement), statement, statement.because)
            case ast.Let():
                yield _rule(layer, within, f"let {statement.name}", _text(statement), statement)
            case ast.Use():
                yield _rule(layer, within, f"use {statement.name}", _text(statement), statement)
            case ast.Check() | ast.Reject():
                kind = "check" if isinstance(statement, ast.Check) else "reject"
                yield _rule(layer, within, f"{kind} {statement.name}", _text(statement), statement)
            case ast.Allow():
                yield _rule(
                    layer, within, f"allow {statement.code} on {statement.on}", "", statement, statement.because
                )


def _segment_rule(layer: str, within: str, segment: ast.Segment, rule: ast.Rule | ast.Let) -> Rule:
    label = f"{segment.label} " if segment.label else ""
    if isinstance(rule, ast.Let):
        return _rule(layer, within, f"{label}let {rule.name}", _text(rule), rule)
    address = f"{label}{rule.target}"
    return _rule(layer, within, address, _text(rule), rule, rule.because, address)


_WORDS: Final[dict[type, str]] = {
    ast.OverrideSegment: "override", ast.OverrideLoop: "override", ast.Move: "move", ast.Replace: "replace",
}  # fmt: skip


def _operations(layer: str, within: str, operations: Iterable[ast.Operation]) -> Iterator[Rule]:
    for operation in operations:
        because = operation.because
        match operation:
            case ast.Remove(addresses):
                for address in addresses:
                    yield _rule(layer, within, f"remove {address}", "", address, because)
            case ast.OverrideTable(name, rows):
                yield from (_row(layer, f"override table {name}", row, because, name) for row in rows)
            case ast.OverrideFormat(name, lines):
                yield from (_line(layer, f"override format {name}", line, because, name) for line in lines)
            case ast.OverridePart(name, inner):
                yield from _operations(layer, f"override part {name}", inner)
            case ast.OverrideText(name):
                yield _rule(layer, within, f"text {name}", _text(operation), operation, because)
            case ast.AddBlock(block):
                title = (
                    f"segment {block.name} {block.label}" if isinstance(block, ast.Segment) else f"loop {block.name}"
                )
                yield _rule(layer, within, title.strip(), _text(operation), operation, because)
            case ast.AddCheck(check):
                kind = "check" if isinstance(check, ast.Check) else "reject"
                yield _rule(layer, within, f"{kind} {check.name}", _text(operation), operation, because)
            case ast.Allow():
                yield _rule(layer, within, f"allow {operation.code} on {operation.on}", "", operation, because)
            case _:
                at = str(operation.address)
                word = _WORDS.get(type(operation), "")
                yield _rule(layer, within, f"{word} {at}".strip(), _text(operation), operation, because, at)


def _declaration(layer: str, found: ast.Declaration) -> Iterator[Rule]:
    match found:
        case ast.Table():
            head = msgspec.structs.replace(found, rows=(), doc="")
            yield _rule(layer, f"table {found.name}", "columns", _text(head).removesuffix(" end"), head)
            yield from (_row(layer, f"table {found.name}", row, "", found.name) for row in found.rows)
        case ast.Format():
            within = f"format {found.name}"
            bare_format = msgspec.structs.replace(found, rules=(), doc="")
            title = f"format {found.direction} {found.type}"
            yield _rule(layer, within, title, _text(bare_format).removesuffix(" end"), bare_format)
            yield from (_line(layer, within, line, line.because, found.name) for line in found.rules)
        case ast.Part():
            yield from _statements(layer, f"part {found.name}", found.body)
        case ast.Narrative():
            text = "\n".join(line.text for line in found.lines)
            yield Rule(
                layer,
                f"text {found.name}",
                "text",
                text,
                f"The words of the text `{found.name}`.",
                "",
                found.span,
                (),
                (found.name,),
            )
        case ast.Record():
            for field in found.fields:
                yield _rule(layer, f"record {found.name}", field.name, str(field.type), field, "", f"{found.name}.")
        case ast.Enum():
            for value in found.values:
                yield _rule(layer, f"enum {found.name}", value.name, "", value, "", found.name)


def _row(layer: str, within: str, row: ast.Row, because: str, table: str) -> Rule:
    plain = msgspec.structs.replace(row, doc="")
    keys = "otherwise" if row.otherwise else ", ".join(print_node(key) for key in row.keys)
    address = f"{keys} <- {_cells(row)}" if row.arrow == "<-" else keys
    text = f"{row.arrow} {_cells(row)}" if row.change != "remove" else "remove"
    return Rule(layer, within, address, text, sentence(plain), because, row.span, (), (table,))


def _cells(row: ast.Row) -> str:
    return ", ".join(cell.word or " ^ ".join(print_node(part) for part in cell.parts) for cell in row.cells)


def _line(layer: str, within: str, line: ast.FormatRule, because: str, format_: str) -> Rule:
    text = " ".join(_alternatives(line.alternatives).split())
    subject = f"{line.target} of {format_}"
    return Rule(
        layer,
        within,
        str(line.target),
        text,
        sentence(line, subject),
        because or line.because,
        line.span,
        (),
        (*_names(line), format_),
    )


def _alternatives(alternatives: tuple[ast.Alternative, ...]) -> str:
    """The values of a rule as written."""
    return print_node(ast.Rule(ast.Ref(("x",)), alternatives)).partition(" ")[2].strip() if alternatives else ""


# --- what it can reach -------------------------------------------------------------------------------------------------

_HL7: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?:-\d+(?:\.\d+)?)?(?![A-Za-z0-9])")


def _place(address: str) -> list[str]:
    """The HL7 places that an address names: `measurement OBX-5` → `OBX-5`, `OBR-16[npi].9` → `OBR-16.9`."""
    return _HL7.findall(re.sub(r"\[\w+\]", "", address))


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)
    elif isinstance(node, ast.Node):
        yield node
        for name in node.__struct_fields__:
            yield from _nodes(getattr(node, name))


def _names(node: Any) -> tuple[str, ...]:
    """The tables, formats, texts, parts and settings that a node mentions."""
    found: dict[str, None] = {}
    for each in _nodes(node):
        match each:
            case ast.Via(table=table):
                found[table.names[0]] = None
            case ast.Call(name=name):
                found[name.names[0]] = None
            case ast.As(format=format_):
                found[format_] = None
            case ast.TextCall(name=name) | ast.Use(name=name):
                found[name] = None
            case ast.Ref(names=("org", *rest)):
                found[f"org.{'.'.join(rest)}"] = None
            case ast.Ref(names=(name,)):
                found[name] = None
    return tuple(found)


class Reach:
    """Which places each name of a workspace can reach."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.places: dict[str, set[str]] = {}
        self.users: dict[str, set[str]] = {}
        for rule in rules:
            kind, _, name = rule.within.rpartition(" ")
            owner = name if kind.endswith(("table", "format", "part", "text")) else ""
            if rule.address.startswith(("let ",)) or " let " in rule.address:
                owner = rule.address.rpartition(" ")[2]
            for mentioned in rule.names:
                if rule.places:
                    self.places.setdefault(mentioned, set()).update(rule.places)
                if owner and owner != mentioned:
                    self.users.setdefault(mentioned, set()).add(owner)

    def of(self, name: str) -> set[str]:
        """The places that a table, format, text, part or setting can reach, through whatever uses it."""
        seen: set[str] = set()
        waiting, places = [name], set[str]()
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                places |= self.places.get(each, set())
                waiting.extend(self.users.get(each, ()))
        return places


_ENGINE: Final = {
    "catalogue": "catalogue", "delivery": "delivery", "acknowledgement": "acknowledgement", "environments": "destinations",
    "encoding": "encoding", "times": "zone", "mandatory": "catalogue.x.mandatory", "intake": "intake", "organisation": "model",
    "diagnosis": "diagnoses", "sending": "parties", "receiving": "parties",
}  # fmt: skip
"""What the engine reads of org.yaml itself, by section, and the setting of a manifest that stands for it."""


def severity_of(rule: Rule, reach: Reach, meanings: Meanings) -> Severity:
    """As grave as the gravest place that a rule can reach."""
    places = set(rule.places)
    if rule.within == "org.yaml":
        places |= reach.of(f"org.{rule.address}")
        section = _ENGINE.get(rule.address.split(".")[0])
        places |= {section} if section is not None else set()
    elif rule.within.endswith(".csv"):
        places.add("diagnoses")
    elif rule.within.startswith(("record ", "enum ")):
        places.add("model")
    elif not rule.within.startswith("part ") or not places:
        kind, _, name = rule.within.rpartition(" ")
        if kind.endswith(("table", "format", "text")):
            places |= reach.of(name)
    if rule.address.startswith(("check ", "reject ")):
        places.add("catalogue.x.mandatory")
    found = gravest(meanings.rate(place, "changed", "", "") for place in places)
    return found.severity if found is not None else Severity.CLINICAL


# --- comparing -----------------------------------------------------------------------------------------------------------

_ORDER: Final = "order"
"""The address of a change of order alone."""


def rule_changes(
    before: Iterable[Rule], after: Iterable[Rule], meanings: Meanings, place: Callable[[Span, bool], str],
    hospitals: Callable[[str], int],
) -> tuple[RuleChange, ...]:  # fmt: skip
    """What was added, removed and changed. `place` says where a span stands (in the state after, when True); `hospitals` how many
    hospitals a layer is for."""
    olds, news = list(before), list(after)
    old, new = _keyed(olds), _keyed(news)
    reach = Reach([*olds, *news])
    found = []
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        rule = other or one
        assert rule is not None
        if one is not None and other is not None and (one.text, one.within) == (other.text, other.within):
            continue
        kind: Any = "changed" if one is not None and other is not None else "added" if one is None else "removed"
        found.append(
            RuleChange(
                kind, rule.layer, rule.within, rule.address, one.text if one else "", other.text if other else "",
                rule.sentence, rule.because, place(rule.span, other is not None), severity_of(rule, reach, meanings),
                hospitals(rule.layer),
            )
        )  # fmt: skip
    found += _reordered(old, new, place, hospitals)
    return tuple(sorted(found, key=lambda each: (each.layer != "base", each.layer, each.severity.rank)))


def _keyed(rules: Iterable[Rule]) -> dict[tuple[str, str, str, int], Rule]:
    """Rules by where one would look for them; of several alike, by their number."""
    counts: Counter[tuple[str, str, str]] = Counter()
    keyed = {}
    for rule in rules:
        key = (rule.layer, rule.within, rule.address)
        counts[key] += 1
        keyed[(*key, counts[key])] = rule
    return keyed


def _reordered(
    old: Mapping[tuple[str, str, str, int], Rule], new: Mapping[tuple[str, str, str, int], Rule],
    place: Callable[[Span, bool], str], hospitals: Callable[[str], int],
) -> Iterator[RuleChange]:  # fmt: skip
    """Mappings and parts whose lines stand in another order: that is the order of the message."""
    sequences: list[dict[tuple[str, str], list[tuple[str, str, str, int]]]] = []
    for rules, others in ((old, new), (new, old)):
        sequence: dict[tuple[str, str], list[tuple[str, str, str, int]]] = {}
        for key in rules:
            if (
                key in others
                and not key[1].startswith(("table ", "record ", "enum ", "org.yaml", "override "))
                and not key[1].endswith(".csv")
            ):
                sequence.setdefault(key[:2], []).append(key)
        sequences.append(sequence)
    for within, keys in sequences[1].items():
        if sequences[0].get(within, keys) == keys:
            continue
        rule = new[next(key for key, was in zip(keys, sequences[0][within], strict=True) if key != was)]
        said = f"The lines of {within[1]} stand in another order, from {rule.address} on."
        yield RuleChange(
            "changed", rule.layer, rule.within, _ORDER, "", "", said, "", place(rule.span, True), Severity.STRUCTURE,
            hospitals(rule.layer),
        )  # fmt: skip


def same(one: ast.File, other: ast.File) -> bool:
    """Whether two files say the same, whatever their layout and comments."""
    return bool(bare(one) == bare(other))
