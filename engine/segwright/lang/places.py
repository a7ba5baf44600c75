"""HL7 places: whether a path exists in a version, what type stands there, and what a value may put into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.typed import Typed
from segwright.plan import ops
from segwright.profiles import FieldType, is_closed

ENGINE_FIELDS: Final = {("MSH", 1), ("MSH", 2), ("MSH", 18)}
_TIMES: Final = {"TS", "DTM", "DT", "TM"}
_TIME_TEXT: Final = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,5}(?:\.[0-9]{1,4})?(?:[+-][0-9]{4})?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]*\.?[0-9]*")


def allowed(ctx: Context, code: str, *places: str) -> bool:
    """Whether an `allow` covers a deviation at one of these places; an allow that covers something is used."""
    for place in places:
        if (code, place) in ctx.allowed:
            ctx.used_allows.add((code, place))
            return True
    return False


def check_place(ctx: Context, path: ast.Hl7Path, *, reading: bool = False) -> bool:
    """Reports a segment, field or component that this version does not have (or has withdrawn)."""
    if path.segment.startswith("Z"):
        return True
    version = ctx.profile.version
    segment = ctx.profile.segment(path.segment)
    if segment is None:
        ctx.report(
            "SW0404",
            path.span,
            segment=path.segment,
            version=version,
            nearest=nearest(path.segment, ctx.profile.segment_names()),
        )
        return False
    if not reading and (path.segment, path.field) in ENGINE_FIELDS:
        ctx.report("SW0405", path.span, path=str(path))
        return False
    field = segment.field(path.field)
    if field is None:
        if not allowed(ctx, "SW0406", f"{path.segment}-{path.field}"):
            ctx.report(
                "SW0406",
                path.span,
                path=f"{path.segment}-{path.field}",
                segment=path.segment,
                version=version,
                count=len(segment.fields),
            )
            return False
        return True
    if field.withdrawn:
        if not reading and not allowed(ctx, "SW0407", f"{path.segment}-{path.field}"):
            ctx.report("SW0407", path.span, path=f"{path.segment}-{path.field}", version=version, name=field.name)
        return True
    if path.component:
        return check_component(
            ctx, field.datatype, path.component, path.subcomponent, path.span, str(path), f"{path.segment}-{path.field}"
        )
    return True


def check_component(
    ctx: Context, datatype: str, component: int, subcomponent: int, span: Span, said: str, field: str = ""
) -> bool:
    """Reports a component or subcomponent that a data type does not have in this version."""
    type_ = ctx.profile.datatype(datatype)
    if datatype in ("", "varies", "VARIES", "*") or type_ is None:
        return True
    if type_.primitive:
        if component > 1 or subcomponent > 1:
            if allowed(ctx, "SW0408", said, field):
                return True
            _no_component(ctx, span, said, datatype, "no components", field)
            return False
        return True
    found = type_.component(component)
    if found is None:
        if allowed(ctx, "SW0408", said, field):
            return True
        _no_component(ctx, span, said, datatype, f"{len(type_.components)} components", field)
        return False
    if subcomponent:
        return check_component(ctx, found.datatype, subcomponent, 0, span, said, field)
    return True


def _no_component(ctx: Context, span: Span, said: str, datatype: str, count: str, field: str) -> None:
    ctx.report(
        "SW0408",
        span,
        path=said,
        type=datatype,
        version=ctx.profile.version,
        count=count,
        field=field or said.split(".")[0],
    )


def check_value(
    ctx: Context,
    path: str,
    datatype: str,
    table: str,
    length: int | None,
    typed: Typed,
    span: Span,
    *,
    whole: bool = False,
) -> None:
    """Reports a value that cannot stand at a place: its kind, a code outside the place's HL7 table, a constant too long."""
    if not typed.known or typed.hint in ("null", "blank"):
        return
    base = path.split("[")[0].split(".")[0]
    # Every character set has ASCII: of most texts nothing needs to be asked.
    texts = [text for text in (*(typed.constants or ()), *_fixed(ctx, typed.op)) if not text.isascii()]
    if texts and not (typed.key[:1] == ("org",) and ctx.settings.is_broken(typed.key[1:])):
        check_charset(ctx, path, dict.fromkeys(texts), span)
    primitive = _primitive(ctx, datatype)
    for text in typed.constants or ():
        if table and is_closed(table) and primitive in ("ID", "IS") and ctx.profile.allows(table, text) is False:
            if not allowed(ctx, "SW0612", path, base) and not _told(ctx, text, table):
                known = tuple(sorted(ctx.profile.table(table) or ()))
                ctx.report(
                    "SW0612",
                    span,
                    code=text,
                    number=table,
                    version=ctx.profile.version,
                    known=shown(known),
                    nearest=nearest(text, known),
                    place=base,
                )
            break
        # Lengths of HL7 2.4 to 2.5.1 forgot its own codes: OBX-2 has two characters, and CWE stands in its table.
        listed = bool(table) and ctx.profile.allows(table, text) is True
        if length is not None and len(text) > length and not listed and not allowed(ctx, "SW0410", path, base):
            most = f"{length} character" if length == 1 else f"{length} characters"
            ctx.report("SW0410", span, path=path, most=most, given=len(text), field=base)
    if primitive in _TIMES:
        fine = typed.hint in ("dtm", "date", "time") or (
            typed.constants is not None and all(_TIME_TEXT.fullmatch(t) for t in typed.constants)
        )
        if not fine and not allowed(ctx, "SW0409", path, base):
            ctx.report(
                "SW0409",
                span,
                path=path,
                type=primitive,
                name=typed.said,
                wanted="a time",
                kind="text",
                written="as dtm",
                field=base,
            )
    elif primitive in ("NM", "SI"):
        fine = typed.hint in ("number", "integer", "digits", "value_of") or (
            typed.constants is not None and all(_NUMBER.fullmatch(t) for t in typed.constants)
        )
        # Text that was received may stand in a numeric component (an area code); a whole numeric field must be made one.
        fine = fine or (not whole and typed.constants is None)
        if not fine and not allowed(ctx, "SW0409", path, base):
            ctx.report(
                "SW0409",
                span,
                path=path,
                type=primitive,
                name=typed.said,
                wanted="a number",
                kind="text",
                advice="as number",
                field=base,
            )
    if (
        typed.hint == "ft"
        and primitive not in ("FT", "varies", "VARIES", "*", "")
        and not allowed(ctx, "SW0409", path, base)
    ):
        ctx.report(
            "SW0409",
            span,
            path=path,
            type=primitive,
            name=typed.said,
            wanted="plain text",
            kind="formatted text",
            field=base,
        )


def check_charset(ctx: Context, place: str, texts: Iterable[str], span: Span) -> None:
    """Reports a fixed text that the organisation's character set cannot carry: the message would never be built."""
    for text in texts:
        if lacking := ctx.settings.lacking(text):
            characters = ", ".join(f"`{sign}` (U+{ord(sign):04X})" for sign in lacking)
            ctx.report("SW0428", span, text=text, path=place, characters=characters, charset=ctx.settings.charset)


def _fixed(ctx: Context, op: ops.Op) -> Iterator[str]:
    """The texts in a value that are sent as they stand, if they are more than ASCII: alternatives, and what is between `{…}`."""
    match op:
        case ops.Const(type="text") if not op.value.isascii():
            yield from ctx.in_each_environment(op.value)
        case ops.Coalesce():
            for option in op.values:
                yield from _fixed(ctx, option)
        case ops.Choose():
            for rung in op.rungs:
                yield from _fixed(ctx, rung.value)
        case ops.Call():
            texts = [text for one in op.arguments if isinstance(one, ops.Const) for text in _fixed(ctx, one)]
            if texts and ctx.functions[op.function].startswith("concat/text@"):
                yield from texts


def _told(ctx: Context, code: str, table: str) -> bool:
    """Whether the row that gives a code has been reported for it already."""
    return any(
        d.code == "SW0612"
        and d.facts["code"] == code
        and d.facts["number"] == table
        and d.facts["place"].startswith("table ")
        for d in ctx.found
    )


def _primitive(ctx: Context, datatype: str) -> str:
    """The primitive type that a single value lands in: the first component of a composite, and so on down."""
    seen = 0
    while seen < 4:
        type_ = ctx.profile.datatype(datatype)
        if type_ is None or type_.primitive:
            return datatype
        datatype = type_.components[0].datatype
        seen += 1
    return datatype


def check_leaves(
    ctx: Context, path: ast.Hl7Path, field: FieldType, leaves: dict[tuple[int, int], Typed], span: Span
) -> None:
    """Checks every leaf of a field against its data type."""
    datatype = ctx.profile.datatype(field.datatype)
    for (component, subcomponent), typed in sorted(leaves.items()):
        at = typed.span if typed.span.file else span
        said = f"{path.segment}-{path.field}"
        if datatype is None or datatype.primitive:
            if (component, subcomponent) != (1, 1):
                if field.datatype not in ("varies", "VARIES", "*", ""):
                    check_component(
                        ctx, field.datatype, component, subcomponent, typed.span, f"{said}.{component}", said
                    )
            else:
                check_value(ctx, said, field.datatype, field.table, field.length, typed, typed.span, whole=True)
            continue
        said = f"{said}.{component}" + (f".{subcomponent}" if subcomponent > 1 else "")
        if not check_component(ctx, field.datatype, component, 0, at, said, f"{path.segment}-{path.field}"):
            continue
        found = datatype.component(component)
        if found is None:
            continue
        inner = ctx.profile.datatype(found.datatype)
        if inner is not None and not inner.primitive:
            if check_component(ctx, found.datatype, subcomponent, 0, at, said, f"{path.segment}-{path.field}"):
                part = inner.component(subcomponent)
                if part is not None:
                    table = part.table or (found.table if subcomponent == 1 else "")
                    check_value(ctx, said, part.datatype, table, part.length, typed, typed.span)
        elif subcomponent > 1:
            check_component(ctx, found.datatype, subcomponent, 0, at, said, f"{path.segment}-{path.field}")
        else:
            table = found.table or (field.table if component == 1 else "")
            check_value(ctx, said, found.datatype, table, found.length, typed, typed.span)
