"""Cerberus asked: does this data follow the schema, key by key?

Takes typed data and a `Schema`, gives findings in our words: unknown and missing keys, wrong kinds, values outside their choices,
limits and forms. Cerberus decides; nothing is normalised, coerced or filled in. A value of a key that holds secrets, and of a
key nobody declared, is in no finding.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from cerberus import TypeDefinition, Validator, errors

from segwright.core.suggest import nearest
from segwright.orgs.declaration import Declaration, Schema, dotted, said
from segwright.orgs.finding import Finding, Path, described, shortened
from segwright.orgs.forms import CHECKS, Wrong, yes_or_no

_FORM: Final = errors.ErrorDefinition(0x4F, "check_with")


def _check(form: Callable[[str], Wrong | None]) -> Callable[[Any, Any, Any], None]:
    def check(self: Any, field: Any, value: Any) -> None:
        wrong = form(value) if isinstance(value, str) else None
        if wrong is not None:
            self._error(field, _FORM, wrong)

    return check


def _check_version(self: Any, field: Any, value: Any) -> None:
    known = self._config["versions"]
    if isinstance(value, str) and value not in known:
        reason = (
            "No tables of it are published for use here: 2.7 and 2.8 are its neighbours." if value == "2.7.1" else ""
        )
        facts = {"known": known, "reason": reason, "nearest": nearest(value, known)}
        self._error(field, _FORM, Wrong("SW0731", facts))


class _Quiet(errors.BaseErrorHandler):  # type: ignore[misc]
    """Cerberus builds its own sentences unless told not to."""

    def __call__(self, _: Any) -> None:
        """Nothing to tell."""


def _namespace(namespace: dict[str, Any]) -> None:
    namespace["types_mapping"] = {
        **Validator.types_mapping,
        "text": TypeDefinition("text", (str,), ()),
        "decimal": TypeDefinition("decimal", (Decimal,), ()),
    }
    for name, form in CHECKS.items():
        namespace[f"_check_with_{name}"] = _check(form)
    namespace["_check_with_version"] = _check_version


_Checker: Final = types.new_class("_Checker", (Validator,), exec_body=_namespace)


@lru_cache(maxsize=8)
def _checker(schema: Schema, versions: tuple[str, ...]) -> Any:
    """Cerberus checks the rules themselves once, when its validator is made."""
    return _Checker(schema.rules, error_handler=_Quiet, versions=versions)


def validate(data: dict[str, Any], schema: Schema, versions: tuple[str, ...]) -> list[Finding]:
    """Everything that is wrong with single keys."""
    checker = _checker(schema, versions)
    if checker.validate(data, normalize=False):
        return []
    found = [finding for error in checker._errors for finding in _findings(error, schema, names=False)]
    misspelt = {(f.path[:-1], f.facts["nearest"]) for f in found if f.code == "SW0720"}
    # A key that is there under a misspelt name is one mistake, not two.
    return [f for f in found if f.code != "SW0721" or (f.path[:-1], f.path[-1]) not in misspelt]


def _findings(error: Any, schema: Schema, *, names: bool) -> Iterator[Finding]:
    """One error of Cerberus, or those of the group it stands for. `names`: it is about the name of a key."""
    if error.is_group_error:
        for child in error.child_errors:
            yield from _findings(child, schema, names=error.code == errors.KEYSRULES.code)
        return
    path: Path = error.document_path
    declaration = schema.declared(path)
    facts = described(declaration, path)
    if names:
        yield _name(error, path, facts, schema)
    elif error.code == errors.UNKNOWN_FIELD.code:
        yield Finding("SW0720", path, "key", unknown(path, schema))
    elif error.code == errors.REQUIRED_FIELD.code:
        yield Finding("SW0721", path, "key", facts, declared=True)
    elif error.code == errors.NOT_NULLABLE.code:
        yield Finding("SW0724", path, "key", facts)
    elif error.code == errors.DEPENDENCIES_FIELD.code:
        other = dotted((*path[:-1], str(error.info[0])))
        yield Finding("SW0727", path, "key", facts | {"other": other}, declared=True)
    elif error.code == errors.EXCLUDES_FIELD.code:
        constraint = error.constraint if isinstance(error.constraint, list) else [error.constraint]
        yield Finding("SW0728", path, "key", facts | {"other": dotted((*path[:-1], str(constraint[0])))})
    else:
        yield _value(error, path, declaration, facts)


def _value(error: Any, path: Path, declaration: Declaration | None, facts: dict[str, Any]) -> Finding:
    """A value that is not what its key takes."""
    secret = declaration is not None and "secret" in declaration.checks
    if secret:
        return Finding("SW0729", path, "value", {"key": facts["key"]})
    found = shortened(error.value)
    if error.code == _FORM.code:
        wrong: Wrong = error.info[0]
        return Finding(wrong.code, path, "value", facts | {"found": found} | wrong.facts)
    if error.code == errors.BAD_TYPE.code:
        expected = said(declaration.kind) if declaration is not None else "another kind of value"
        facts |= {"expected": expected, "found": _kind(error.value), "nearest": _meant(declaration, error.value)}
        return Finding("SW0722", path, "value", facts, declared=True)
    if error.code == errors.UNALLOWED_VALUE.code:
        close = nearest(found, error.constraint)
        return Finding("SW0723", path, "value", facts | {"found": found, "nearest": close, "known": error.constraint})
    if error.code == errors.REGEX_MISMATCH.code:
        form = (declaration.example if declaration else "") or f"what the pattern {error.constraint} describes"
        return Finding("SW0726", path, "value", facts | {"form": form})
    return Finding("SW0725", path, "value", facts | {"reason": _beyond(error)}, declared=True)


def _name(error: Any, path: Path, facts: dict[str, Any], schema: Schema) -> Finding:
    """A free name that is not in its form, or not among the names that may be chosen."""
    if error.code == errors.UNALLOWED_VALUE.code:
        known = list(error.constraint)
        name = str(path[-1])
        facts = {"name": name, "where": where(path[:-1]), "nearest": nearest(name, known), "known": known}
        return Finding("SW0720", path, "key", facts)
    if error.code == _FORM.code:
        wrong: Wrong = error.info[0]
        return Finding(wrong.code, path, "key", facts | wrong.facts)
    parent = schema.declared(path[:-1])
    form = (parent.example if parent else "") or "what schema.yaml says its names are"
    return Finding("SW0726", path, "key", facts | {"form": form})


def unknown(path: Path, schema: Schema) -> dict[str, Any]:
    """About a key nobody declared: the nearest one beside it, else where a key of that name belongs."""
    name = str(path[-1])
    parent = schema.declared(path[:-1])
    known = list(parent.fields) if parent is not None else []
    head, colon, rest = name.partition(":")
    if colon and head in known:  # YAML takes `width:72` and, in braces, `width:` for the name of a key
        hint = {"spaced": f"{head}: {rest}"} if rest else {"bare": head}
        return {"name": name, "where": where(path[:-1]), "nearest": head, **hint}
    close = nearest(name, known)
    facts: dict[str, Any] = {"name": name, "where": where(path[:-1]), "nearest": close, "known": known}
    if not close:
        facts["elsewhere"] = next(
            (dotted(d.key[:-1]) for d in schema.values() if d.key[-1] == name and len(d.key) > 1), ""
        )
    return facts


def where(path: Path) -> str:
    """The group a key stands in, in words."""
    return f"`{dotted(path)}`" if path else "org.yaml"


def _meant(declaration: Declaration | None, value: Any) -> str:
    """The spelling that a value of the right kind has here, where another one is usual elsewhere; "" when there is none."""
    text = value if isinstance(value, str) else ""
    kind = declaration.kind if declaration is not None else ""
    if kind == "boolean":
        return yes_or_no(text)
    return text.partition(".")[0] if kind == "integer" and re.fullmatch(r"[0-9]+\.0+", text) else ""


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "a list"
    return f"`{shortened(value)}`"


def _beyond(error: Any) -> str:
    limit = error.constraint
    size = len(error.value) if hasattr(error.value, "__len__") else 0
    of = "items" if isinstance(error.value, list) else "keys" if isinstance(error.value, dict) else "characters"
    return {
        errors.MIN_VALUE.code: f"is {error.value}, less than {limit}.",
        errors.MAX_VALUE.code: f"is {error.value}, more than {limit}.",
        errors.MIN_LENGTH.code: f"has {size} {of}; at least {limit} belong there.",
        errors.MAX_LENGTH.code: f"has {size} {of}; at most {limit} belong there.",
        errors.EMPTY_NOT_ALLOWED.code: f"is empty: at least one of its {of} belongs there.",
    }.get(error.code, "is not allowed here.")
