"""schema.yaml read: every key a hospital's org.yaml may hold.

Takes the file's `Source`. Gives a `Schema`: declarations with places, and the same as rules for Cerberus. Refuses rules that
would supply or change a value (`default`, `coerce`, …), keys without a description, types that do not exist, and a schema in
which a key the engine itself reads is not declared. All findings of the file at once.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.source import Source, Span
from segwright.core.suggest import nearest
from segwright.orgs.declaration import ANY, Declaration, Key, Kind, Schema, dotted
from segwright.orgs.forms import CHECKS
from segwright.orgs.tree import Entry, Mapping, Node, Scalar, Sequence, read_tree

READABLE: Final = "readable"
"""A shared schema the engine makes itself: every key that mappings may read, none of them required."""

_KINDS: Final[dict[str, Kind]] = {
    "text": "text",
    "integer": "integer",
    "decimal": "decimal",
    "boolean": "boolean",
    "list": "list",
    "dict": "keys",
}
_RULES: Final = (
    "type", "required", "schema", "keysrules", "valuesrules", "allowed", "min", "max", "minlength", "maxlength", "regex",
    "check_with", "dependencies", "excludes", "empty", "meta",
)  # fmt: skip
_META: Final = ("says", "type", "mapping", "example", "together")
_SUPPLYING: Final = frozenset(
    {
        "default",
        "default_setter",
        "coerce",
        "rename",
        "rename_handler",
        "purge_unknown",
        "allow_unknown",
        "nullable",
        "readonly",
    }
)
_NAMED: Final = frozenset({*CHECKS, "version"})
_TYPE: Final = re.compile(r"(?:list of )?[A-Za-z][A-Za-z0-9_]*")

# What the engine reads itself. It is declared with these kinds, or the typed accessors of `Organisation` could not hold.
ENGINE: Final[tuple[tuple[str, Kind, bool], ...]] = (
    ("organisation.id", "text", True),
    ("organisation.name", "text", True),
    ("organisation.layers", "list", True),
    ("times.zone", "text", True),
    ("encoding.version", "text", True),
    ("encoding.charset", "text", True),
    ("encoding.unencodable", "names", True),
    ("encoding.separators", "text", True),
    ("encoding.trailing", "text", True),
    ("encoding.segment_end", "text", True),
    ("encoding.limits", "names", True),
    ("mandatory", "names", True),
    ("catalogue", "names", True),
    ("catalogue.*.reads", "list", False),
    ("catalogue.*.orders", "list", False),
    ("catalogue.*.writes", "text", False),
    ("catalogue.*.kinds", "names", False),
    ("catalogue.*.unsolicited", "boolean", False),
    ("catalogue.*.message_per", "text", False),
    ("delivery.when_uncertain", "text", True),
    ("delivery.retry.first", "text", True),
    ("delivery.retry.most", "text", True),
    ("delivery.retry.for", "text", True),
    ("acknowledgement.accept", "text", True),
    ("acknowledgement.application", "text", True),
    ("acknowledgement.answer_within", "text", True),
    ("environments.test.processing_id", "text", True),
    ("environments.test.outbound.mllp", "text", True),
    ("environments.test.inbound.listener", "text", True),
    ("environments.production.processing_id", "text", True),
    ("environments.production.outbound.mllp", "text", True),
    ("environments.production.inbound.listener", "text", True),
)


def load_schema(source: Source) -> tuple[Schema | None, list[Diagnostic]]:
    """The schema, or None with every reason why there is none."""
    schema, findings = _loaded(source.name, source.text)
    return schema, [*findings]


@lru_cache(maxsize=4)
def _loaded(name: str, text: str) -> tuple[Schema | None, list[Diagnostic]]:
    """What `load_schema` gives, once for each text in a process: it is the longest YAML of a workspace, and rarely changes."""
    source = Source(name, text)
    tree, findings = read_tree(source)
    if tree is None:
        return None, findings
    first = _Reading(source, tree, {})
    root, rules = first.root()
    findings += dict.fromkeys(first.findings)  # a shared schema is read at every place that names it
    if not findings and root is not None:
        # A second pass, now that it is known what mappings may read.
        kept = {name: _readable(field, rules[name]) for name, field in root.fields.items() if name not in _OWN}
        root, rules = _Reading(source, tree, {n: k for n, k in kept.items() if k}).root()
        findings += _engine_keys(source, root)
    if root is None or findings:
        return None, findings
    return Schema(source.name, _always(root, True), rules), []


_OWN: Final = frozenset({"organisation", "environments", "catalogue", "mandatory", "delivery", "encoding"})
"""Sections that are the same in every environment, or hold the environments."""


def _engine_keys(source: Source, root: Declaration | None) -> Iterable[Diagnostic]:
    schema = Schema(source.name, root, {}) if root is not None else None
    for name, kind, required in ENGINE if schema else ():
        found = schema.declared(tuple(name.split("."))) if schema else None
        if found is None or found.kind != kind or (required and not found.required):
            where = found.span if found else source.span(0, 0)
            word = next(word for word, k in (*_KINDS.items(), ("dict", "names")) if k == kind)
            write = f"Declare it with type: {word}" + (", required: yes" if required else "")
            yield diagnostic("SW0718", where, key=name, reason="the engine itself reads it.", write=write)


def _always(declaration: Declaration, above: bool) -> Declaration:
    """The same with `always` known: required, and every group above it too."""
    always = above and (declaration.required or not declaration.key)
    fields = {name: _always(field, always) for name, field in declaration.fields.items()}
    each = _always(declaration.each, False) if declaration.each else None
    return msgspec.structs.replace(declaration, always=always, fields=fields, each=each)


_Readable = tuple[Declaration, dict[str, Any]]


def _readable(declaration: Declaration, rules: dict[str, Any]) -> _Readable | None:
    """What is left of a section when only keys that mappings read remain, all of them optional."""
    kept = {k: v for k, v in rules.items() if k not in {"required", "dependencies", "excludes"}}
    if declaration.kind == "keys":
        fields = {name: _readable(field, rules["schema"][name]) for name, field in declaration.fields.items()}
        found = {name: field for name, field in fields.items() if field}
        kept["schema"] = {name: field[1] for name, field in found.items()}
        fields_left = {name: field[0] for name, field in found.items()}
        return (msgspec.structs.replace(declaration, required=False, fields=fields_left), kept) if found else None
    return (msgspec.structs.replace(declaration, required=False), kept) if declaration.mapping else None


def _rekeyed(declaration: Declaration, key: Key) -> Declaration:
    fields = {name: _rekeyed(field, (*key, name)) for name, field in declaration.fields.items()}
    each = _rekeyed(declaration.each, (*key, ANY)) if declaration.each else None
    return msgspec.structs.replace(declaration, key=key, fields=fields, each=each)


class _Reading:
    """One pass over the tree."""

    def __init__(self, source: Source, tree: Mapping, readable: dict[str, _Readable]) -> None:
        self.source = source
        self.tree = tree
        self.readable = readable
        self.findings: list[Diagnostic] = []
        shared = tree.entries.get("shared")
        self.shared = shared.node.entries if shared and isinstance(shared.node, Mapping) else {}
        self.open: list[str] = []

    def root(self) -> tuple[Declaration | None, dict[str, Any]]:
        """Everything under `keys`."""
        for name, entry in self.tree.entries.items():
            if name not in {"shared", "keys"}:
                known = ("shared", "keys")
                self._found(
                    "SW0717",
                    entry,
                    rule=name,
                    reason="At the top stand `shared` and `keys`.",
                    nearest=nearest(name, known),
                )
        keys = self.tree.entries.get("keys")
        if keys is None or not isinstance(keys.node, Mapping):
            self.findings.append(
                diagnostic("SW0718", self.source.span(0, 0), key="keys", reason="it lists what an org.yaml may hold.")
            )
            return None, {}
        fields, rules = self._fields(keys.node, ())
        return Declaration((), "keys", "", self._span(keys), fields=fields), rules

    def _span(self, entry: Entry) -> Span:
        return self.source.span(entry.start, entry.end)

    def _found(self, code: str, entry: Entry, **facts: Any) -> None:
        self.findings.append(diagnostic(code, self._span(entry), **facts))

    def _fields(self, node: Mapping, key: Key) -> tuple[dict[str, Declaration], dict[str, Any]]:
        fields: dict[str, Declaration] = {}
        rules: dict[str, Any] = {}
        for name, entry in node.entries.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                reason = "a key is written in small letters, digits and _, so that mappings can name it."
                self._found("SW0718", entry, key=dotted((*key, name)), reason=reason)
            fields[name], rules[name] = self._key(entry, (*key, name), described=True)
        return fields, rules

    def _key(self, entry: Entry, key: Key, *, described: bool) -> tuple[Declaration, dict[str, Any]]:
        """The declaration of one key, and its rules for Cerberus."""
        shown = dotted(key)
        if not isinstance(entry.node, Mapping):
            self._found(
                "SW0718", entry, key=shown, reason="its rules stand in { }.", write="{type: text, meta: {says: …}}"
            )
            return Declaration(key, "text", "text", self._span(entry)), {"type": "text"}
        given = entry.node.entries
        for rule, place in given.items():
            if rule in _SUPPLYING:
                reason = "No value is supplied, renamed or converted: an organisation writes every value itself."
                self._found("SW0717", place, rule=rule, reason=reason)
            elif rule not in _RULES:
                self._found("SW0717", place, rule=rule, nearest=nearest(rule, _RULES), known=_RULES)
        kind = self._kind(given, entry, shown)
        rules: dict[str, Any] = {"type": _CERBERUS[kind]}
        for rule, read in self._READERS.items():
            if rule in given:
                value = read(self, given[rule].node)
                if value is None:
                    self._found("SW0719", given[rule], rule=rule, key=shown, reason="cannot have this value.")
                else:
                    rules[rule] = value
        checks = tuple(rules.get("check_with", ()))
        for check in checks:
            if check not in _NAMED:
                reason = f"names no form; the forms are {', '.join(sorted(_NAMED))}."
                self._found(
                    "SW0719",
                    given["check_with"],
                    rule="check_with",
                    key=shown,
                    reason=reason,
                    nearest=nearest(check, _NAMED),
                )
        if any(check not in _NAMED for check in checks):
            del rules["check_with"]
        if kind == "text":
            rules.setdefault("empty", False)
        meta = self._meta(given, entry, key, described=described)
        fields, each = self._below(given, key, kind, rules, entry)
        declaration = Declaration(
            key,
            kind,
            self._type(meta, kind, each, given, entry, shown),
            self._span(entry),
            says=_text(meta.get("says")),
            example=_text(meta.get("example")),
            required=bool(rules.get("required", False)),
            mapping=_boolean_text(meta.get("mapping")),
            allowed=tuple(rules.get("allowed", ())),
            checks=checks,
            together=_groups(meta.get("together")),
            fields=fields,
            each=each,
        )
        return declaration, rules

    def _kind(self, given: dict[str, Entry], entry: Entry, shown: str) -> Kind:
        type_ = given.get("type")
        name = _text(type_)
        if type_ is None:
            self._found(
                "SW0718",
                entry,
                key=shown,
                reason="it has no type.",
                write="type: text, integer, decimal, boolean, list or dict",
            )
        elif name not in _KINDS:
            known = ", ".join(_KINDS)
            close = "text" if name in {"string", "str"} else nearest(name, _KINDS)
            self._found("SW0719", type_, rule="type", key=shown, reason=f"is one of {known}.", nearest=close)
        kind = _KINDS.get(name, "text")
        if kind == "keys" and ("valuesrules" in given or "keysrules" in given):
            return "names"
        return kind

    def _below(
        self, given: dict[str, Entry], key: Key, kind: Kind, rules: dict[str, Any], entry: Entry
    ) -> tuple[dict[str, Declaration], Declaration | None]:
        """What is declared below a key."""
        shown = dotted(key)
        if kind == "keys":
            if "schema" not in given:
                self._found("SW0718", entry, key=shown, reason="it does not list its keys.", write="schema: {…}")
                return {}, None
            fields, rules["schema"] = self._group(given["schema"], key)
            return fields, None
        if kind == "names":
            values = given.get("valuesrules")
            if values is None:
                self._found(
                    "SW0718", entry, key=shown, reason="it does not say what its values are.", write="valuesrules: {…}"
                )
                return {}, None
            each, rules["valuesrules"] = self._key(values, (*key, ANY), described=False)
            if "keysrules" in given:
                _, rules["keysrules"] = self._key(given["keysrules"], (*key, ANY), described=False)
            return {}, each
        if kind == "list":
            if "schema" not in given:
                self._found(
                    "SW0718",
                    entry,
                    key=shown,
                    reason="it does not say what its items are.",
                    write="schema: {type: text}",
                )
                return {}, None
            each, rules["schema"] = self._key(given["schema"], (*key, ANY), described=False)
            return {}, each
        for rule in ("schema", "keysrules", "valuesrules"):
            if rule in given:
                self._found("SW0719", given[rule], rule=rule, key=shown, reason="belongs to a list or dict.")
        return {}, None

    def _group(self, place: Entry, key: Key) -> tuple[dict[str, Declaration], dict[str, Any]]:
        """The keys of a group, written here or under `shared`."""
        if isinstance(place.node, Mapping):
            return self._fields(place.node, key)
        name = _text(place)
        if name == READABLE:
            fields = {n: _rekeyed(d, (*key, n)) for n, (d, _) in self.readable.items()}
            return fields, {n: rules for n, (_, rules) in self.readable.items()}
        shared = self.shared.get(name)
        if shared is None or not isinstance(shared.node, Mapping) or name in self.open:
            reason = "names itself." if name in self.open else "names nothing that stands under `shared`."
            close = "" if name in self.open else nearest(name, self.shared)
            self._found("SW0719", place, rule="schema", key=dotted(key), reason=reason, nearest=close)
            return {}, {}
        self.open.append(name)
        try:
            return self._fields(shared.node, key)
        finally:
            self.open.pop()

    def _meta(self, given: dict[str, Entry], entry: Entry, key: Key, *, described: bool) -> dict[str, Entry]:
        meta = given.get("meta")
        node = meta.node if meta else None
        entries = node.entries if isinstance(node, Mapping) else {}
        for name, place in entries.items():
            if name not in _META:
                self._found("SW0717", place, rule=f"meta.{name}", nearest=nearest(name, _META), known=_META)
        if described and not _text(entries.get("says")):
            reason = "nothing says what it is."
            self._found("SW0718", entry, key=dotted(key), reason=reason, write="meta: {says: one sentence}")
        if "mapping" in entries and _boolean(entries["mapping"].node) is None:
            self._found("SW0719", entries["mapping"], rule="meta.mapping", key=dotted(key), reason="is yes or no.")
        return entries

    def _type(
        self,
        meta: dict[str, Entry],
        kind: Kind,
        each: Declaration | None,
        given: dict[str, Entry],
        entry: Entry,
        shown: str,
    ) -> str:
        """The language type: as declared, else what the written kind gives."""
        if "type" in meta:
            name = _text(meta["type"])
            if not _TYPE.fullmatch(name) or name.startswith("list of ") != (kind == "list"):
                reason = "is a type of the mapping language, `list of …` exactly for a list."
                self._found("SW0719", meta["type"], rule="meta.type", key=shown, reason=reason)
            return name
        if kind == "list" and each is not None:
            return "table" if each.kind == "keys" else f"list of {each.type}"
        if kind in {"keys", "names", "list"}:
            if _boolean_text(meta.get("mapping")):
                reason = "mappings may read it, and nothing says as what."
                self._found(
                    "SW0718", meta["mapping"], key=shown, reason=reason, write="meta: {type: the record of model.seg}"
                )
            return ""
        return kind

    # --- values of rules ---------------------------------------------------------------------------------------------

    def _bool(self, node: Node) -> bool | None:
        return _boolean(node)

    def _count(self, node: Node) -> int | None:
        text = node.text if isinstance(node, Scalar) else None
        return int(text) if text and re.fullmatch(r"-?[0-9]{1,9}", text) else None

    def _names(self, node: Node) -> list[str] | None:
        texts = _texts(node)
        return texts or None

    def _pattern(self, node: Node) -> str | None:
        text = node.text if isinstance(node, Scalar) else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                re.compile(text or "(")
        except (re.error, OverflowError, RecursionError, Warning):
            return None
        return text

    _READERS: Final[dict[str, Callable[[_Reading, Node], Any]]] = {
        "required": _bool,
        "empty": _bool,
        "min": _count,
        "max": _count,
        "minlength": _count,
        "maxlength": _count,
        "allowed": _names,
        "check_with": _names,
        "dependencies": _names,
        "excludes": _names,
        "regex": _pattern,
    }


_CERBERUS: Final[dict[Kind, str]] = {
    "text": "text",
    "integer": "integer",
    "decimal": "decimal",
    "boolean": "boolean",
    "list": "list",
    "keys": "dict",
    "names": "dict",
}


def _text(entry: Entry | None) -> str:
    return entry.node.text or "" if entry and isinstance(entry.node, Scalar) else ""


def _boolean(node: Node) -> bool | None:
    text = node.text if isinstance(node, Scalar) else None
    return {"yes": True, "true": True, "no": False, "false": False}.get(text or "")


def _boolean_text(entry: Entry | None) -> bool:
    return bool(entry and _boolean(entry.node))


def _texts(node: Node) -> list[str]:
    """One text or a list of them; empty when it is anything else."""
    nodes: Collection[Node] = node.items if isinstance(node, Sequence) else [node]
    texts = [n.text for n in nodes if isinstance(n, Scalar) and n.text]
    return texts if len(texts) == len(nodes) else []


def _groups(entry: Entry | None) -> tuple[tuple[str, ...], ...]:
    if entry is None or not isinstance(entry.node, Sequence):
        return ()
    return tuple(tuple(_texts(group)) for group in entry.node.items)
