"""Shared mappings and declarations that no organisation uses, checked all the same.

Takes what organisations share and what they use of it; gives the findings of everything else. It is compiled for no organisation,
in each HL7 version that some organisation speaks and in `VERSIONS`: told is what is wrong in all of them, since what one version
lacks may be meant for another. A profile that nobody lists is checked over the bases that it changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.alone import Nobody, check_alone
from segwright.lang.compile import Order, compile_message, used_as
from segwright.lang.context import Context
from segwright.lang.scope import Scope
from segwright.lang.settings import Declared
from segwright.orgs.csvtables import fill
from segwright.plan import ops
from segwright.profiles import profile

if TYPE_CHECKING:
    from segwright.service.compiling import Shared
    from segwright.service.together import Use

VERSIONS: Final = ("2.5.1", "2.3", "2.8")
"""The most spoken, the oldest, and one that has withdrawn what the others have."""


def unused_problems(shared: Shared, use: Use) -> list[Diagnostic]:
    """What is wrong with what nobody uses; nothing is told without a schema, which says what their lines may name."""
    if shared.schema is None:
        return []
    known = {(d.code, d.span) for d in shared.found}
    left: dict[tuple[str, Span], Diagnostic] | None = None
    for version in dict.fromkeys((*use.versions, *VERSIONS)):
        found = {(d.code, d.span): d for d in _problems(shared, use, version)}
        left = {key: d for key, d in (found if left is None else left).items() if key in found and key not in known}
        if not left:
            break  # no other version can add to it
    return [*(left or {}).values()]


def _problems(shared: Shared, use: Use, version: str) -> Iterator[Diagnostic]:
    nobody = _nobody(shared, version)
    stacks: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in shared.bases if name not in use.messages]
    for vendor, layer in shared.vendors.items():
        if vendor not in use.layers:
            changed = {file.overlay.name for file in layer.files if file.overlay is not None}
            every = shared.bases if "organisation" in changed else changed & set(shared.bases)
            stacks += [(name, (vendor,)) for name in sorted(every)]
            scope, problems = shared.layered_scope((vendor,))
            yield from problems
            yield from _declarations(nobody, scope, [d for file in layer.files for d in file.declarations], use)
    for name, layers in stacks:
        mapping = shared.bases[name]
        flattened = shared.below(name, mapping, layers)
        scope, _ = fill(flattened.scope, shared.workspace.tables, {})
        order = Order(name, mapping.direction, mapping.messages, span=mapping.span)
        compiled = compile_message(
            msgspec.structs.replace(flattened, scope=scope), order, nobody, _encoding(version), ""
        )
        yield from (found for found in compiled.found if found.span.file.startswith("mappings/"))
    scope, _ = fill(shared.scope, shared.workspace.tables, {})
    yield from _declarations(nobody, scope, [d for file in shared.base.files for d in file.declarations], use)


def _declarations(nobody: Nobody, scope: Scope, declared: list[ast.Declaration], use: Use) -> Iterator[Diagnostic]:
    for each in declared:
        if used_as(each) not in use.names:
            reads = isinstance(each, ast.Format) and each.direction == "from"
            ctx = Context(scope, nobody, profile(nobody.version), "reads" if reads else "writes", "")
            check_alone(ctx, each)
            yield from (found for found in ctx.found if found.span.file.startswith("mappings/"))


def _nobody(shared: Shared, version: str) -> Nobody:
    """No organisation, with the schema of all."""
    schema = shared.schema

    def declared(key: tuple[str, ...]) -> Declared | None:
        found = None if schema is None else schema.declared(key)
        return None if found is None or not found.mapping or not found.type else Declared(found.type, True, found.span)

    every = () if schema is None else schema.root.walk()
    keys = frozenset(each.key for each in every if each.mapping and each.type and "*" not in each.key)
    return Nobody(version, declared, keys)


def _encoding(version: str) -> ops.Encoding:
    return ops.Encoding(version, "|", "^~\\&", "UNICODE UTF-8", "utf-8")
