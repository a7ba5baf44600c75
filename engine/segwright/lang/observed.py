"""OBX-2 against OBX-5: in every case that can occur, the value is of the type that is said of it.

Takes what lowering learnt of an OBX: what each of the two fields can be, and in which circumstances. Each type is held against
each value that can stand beside it. Refuses a pair that does not fit and can occur (SW0422), and a pair of which it cannot be
shown whether it can (SW0427); nothing is guessed.

Two circumstances exclude one another when they leave a value of an enum nothing to be, or when no assignment of their
conditions makes both true. They surely meet when one is part of the other, or when what they have beside each other are
comparisons with listed values and presence, of values that no other condition of theirs looks at: inputs are independent. Of
ranges, patterns and sums that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final, Literal

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.lang.contents import Branch, Place
from segwright.lang.context import Context
from segwright.lang.flat import FlatRule
from segwright.lang.places import allowed
from segwright.lang.typed import Literal as Held
from segwright.lang.typed import Typed
from segwright.lang.writing import SegmentFacts
from segwright.plan import ops
from segwright.plan.walk import children

_SHORT_TEXTS: Final = frozenset({"ST", "TX", "ID", "IS"})
_TIMES: Final = {"DT": ("date",), "TM": ("time",), "DTM": ("dtm", "date"), "TS": ("dtm", "date")}
"""What makes a value of each type of time: a date alone is a time of lower precision (chapter 2A, DTM)."""
_NUMBERS: Final = ("number", "integer", "value_of")
_CODED: Final = frozenset({"CE", "CF", "CNE", "CWE"})
_ONE_LINE: Final = (*_NUMBERS, "digits", "date", "dtm", "time", "blank", "null")
"""What makes texts that have no line breaks."""
_MOST_CONDITIONS: Final = 12
"""Beyond that many different conditions, whether two cases can meet is not worked out."""


def check_value_type(ctx: Context, fact: SegmentFacts) -> None:
    """The check on one segment."""
    if fact.item.name != "OBX" or 5 not in fact.fields:
        return
    if 2 not in fact.fields:
        if not allowed(ctx, "SW0420", "OBX-2"):
            ctx.report("SW0420", fact.item.origin.span)
        return
    types, values = fact.fields[2], fact.fields[5]
    if any(ctx.blamed(rule.origin.span) for rule in (*types.rules, *values.rules)):
        return
    where = types.rules[0].origin.span
    said = [branch for made in types.made for branch in made.each]
    leaves = [branch.made.leaves.get((1, 1)) for branch in said]
    if not leaves or any(leaf is None or (leaf.constants is None and leaf.known) for leaf in leaves):
        if not allowed(ctx, "SW0421", "OBX-2"):
            ctx.report("SW0421", where)
        return
    unsure: tuple[str, str] | None = None
    for branch, leaf in zip(said, leaves, strict=True):
        for value in (each for made in values.made for each in made.each):
            for type_ in (leaf.constants or ("",)) if leaf is not None and leaf.known else ():
                problem = _problem(ctx, type_, value)
                meeting = _meeting(branch, value) if problem else "never"
                if meeting == "surely" and not allowed(ctx, "SW0422", "OBX-5", "OBX-2"):
                    _report(ctx, "SW0422", fact, type_, problem)
                    return
                if meeting == "perhaps":
                    unsure = unsure or (type_, problem)
    if unsure is not None and not allowed(ctx, "SW0427", "OBX-5", "OBX-2"):
        _report(ctx, "SW0427", fact, *unsure)


def _report(ctx: Context, code: str, fact: SegmentFacts, type_: str, problem: str) -> None:
    said, given = (_last_word(fact.fields[number].rules[0]) for number in (2, 5))
    ctx.report(code, given, Label(said, "the_type"), type=type_ or "nothing", problem=problem)


def _last_word(rule: FlatRule) -> Span:
    """Where what counts was written: an override of a component, else the rule."""
    return rule.parts[-1].origin.span if rule.parts else rule.origin.span


# --- one type and one value ------------------------------------------------------------------------------------------


def _problem(ctx: Context, value_type: str, value: Branch) -> str:
    """Why a value of OBX-5 cannot be of a type, or ""."""
    leaves = value.made.leaves
    if not leaves and not value.made.opaque:
        return ""
    if not value_type:
        return "" if _is_blank(leaves) else "there is a value"
    datatype = ctx.profile.datatype(value_type)
    if datatype is None:
        return f"HL7 {ctx.profile.version} has no data type {value_type}"
    if _is_blank(leaves) or value.made.opaque:
        return ""
    several = any(where != (1, 1) for where in leaves)
    if datatype.primitive and several:
        return f"{value_type} is one value, and OBX-5 has components there"
    first = leaves.get((1, 1))
    if value_type == "NM" and first is not None and _is_text(first):
        return "NM holds a number, and there it is text"
    if value_type in _SHORT_TEXTS and first is not None and first.hint == "ft":
        return f"{value_type} is plain text, and `as ft` makes formatted text"
    if value_type == "FT" and first is not None and _has_lines(first):
        return "FT is formatted text, and only `as ft` makes it"
    if value_type in _TIMES and first is not None and first.known and _moment(first) not in _TIMES[value_type]:
        return _wrong_time(value_type, _moment(first))
    if value_type in _CODED and not several and first is not None and first.hint in _NUMBERS:
        return f"{value_type} holds a code, and there it is a number"
    if value_type == "SN":
        return _not_structured(leaves)
    if value_type in ("ED", "RP") and not several:
        return f"{value_type} has components, and OBX-5 has one value there"
    return ""


def _is_blank(leaves: dict[Place, Typed]) -> bool:
    return all(leaf.hint in ("blank", "null") for leaf in leaves.values()) and bool(leaves)


def _is_text(leaf: Typed) -> bool:
    """Whether a value is a text that is no number, as far as its type and form show."""
    if not leaf.known or leaf.type.name not in ("text", "code"):
        return False
    if leaf.constants is not None:
        return not all(_is_number(text) for text in leaf.constants)
    return leaf.hint not in _NUMBERS


def _has_lines(leaf: Typed) -> bool:
    """Whether a value is a plain text that may have several lines: a constant has one."""
    return leaf.known and leaf.type.name == "text" and leaf.constants is None and leaf.hint not in ("ft", *_ONE_LINE)


def _not_structured(leaves: dict[Place, Typed]) -> str:
    """Why a value is no structured numeric (SN, chapter 2A): a comparator, then the number; without one it is equal."""
    first, number = leaves.get((1, 1)), leaves.get((2, 1))
    if number is None or number.hint == "blank":
        return "SN holds its number in the second component, and there is none there"
    if _is_text(number):
        return "SN holds a number in the second component, and there it is text"
    if first is not None and (first.hint in _NUMBERS or (first.constants and not _is_text(first))):
        return "SN holds a comparator (`>`, `<=`) in the first component, and there it is a number"
    return ""


def _moment(leaf: Typed) -> str:
    """What writes a time: `dtm` to the day is a date."""
    call = leaf.op
    if leaf.hint == "dtm" and isinstance(call, ops.Call) and call.arguments[1:2]:
        precision = call.arguments[1]
        if isinstance(precision, ops.Const) and precision.value in ("day", "month", "year"):
            return "date"
    return leaf.hint


def _wrong_time(value_type: str, hint: str) -> str:
    given = {"date": "a date", "dtm": "a date and time", "time": "a time of day"}.get(hint, "none of these")
    wanted = {"DT": "a date", "TM": "a time of day"}.get(value_type, "a date and time")
    return f"{value_type} holds {wanted}, and there it is {given}"


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()


# --- whether two cases can meet --------------------------------------------------------------------------------------


def _meeting(one: Branch, other: Branch) -> Literal["never", "perhaps", "surely"]:
    """Whether two cases can occur together. Each alone can: an alternative that never applies is found elsewhere."""
    if any(not left for left in one.facts.both(other.facts).values.values()):
        return "never"
    together = _distinct((*one.when, *other.when))
    atoms = _atoms(condition for condition, _ in together)
    if len(atoms) > _MOST_CONDITIONS:
        return "perhaps"
    if not any(_consistent(atoms, truth, together) for truth in product((True, False), repeat=len(atoms))):
        return "never"
    first = [held for held in _distinct(one.when) if held not in other.when]
    second = [held for held in _distinct(other.when) if held not in one.when]
    if not first or not second:
        return "surely"
    mine, theirs = (_atoms(condition for condition, _ in held) for held in (first, second))
    clouded = [atom for atom in (*mine, *theirs) if not _is_plain(atom)]
    if any(not _is_plain(atom) for atom in mine) and any(not _is_plain(atom) for atom in theirs):
        return "perhaps"
    looked_at = [operand for atom in clouded for operand in _operands(atom)]
    plain = [operand for atom in (*mine, *theirs) if _is_plain(atom) for operand in _operands(atom)]
    return "perhaps" if any(operand in looked_at for operand in plain) else "surely"


def _distinct(held: Iterable[Held]) -> list[Held]:
    found: list[Held] = []
    for each in held:
        if each not in found:
            found.append(each)
    return found


def _atoms(conditions: Iterable[ops.Condition]) -> list[ops.Condition]:
    """The different conditions that are made of no others."""
    found: list[ops.Condition] = []
    for condition in conditions:
        for atom in _atoms_of(condition):
            if atom not in found:
                found.append(atom)
    return found


def _atoms_of(condition: ops.Condition) -> Iterator[ops.Condition]:
    match condition:
        case ops.AllOf() | ops.AnyOf():
            for each in condition.conditions:
                yield from _atoms_of(each)
        case ops.Not():
            yield from _atoms_of(condition.condition)
        case _:
            yield condition


def _holds(condition: ops.Condition, atoms: list[ops.Condition], truth: tuple[bool, ...]) -> bool:
    match condition:
        case ops.AllOf():
            return all(_holds(each, atoms, truth) for each in condition.conditions)
        case ops.AnyOf():
            return any(_holds(each, atoms, truth) for each in condition.conditions)
        case ops.Not():
            return not _holds(condition.condition, atoms, truth)
        case _:
            return truth[atoms.index(condition)]


def _consistent(atoms: list[ops.Condition], truth: tuple[bool, ...], held: list[Held]) -> bool:
    """Whether an assignment makes everything hold as it must, and gives each value one constant to be."""
    if any(_holds(condition, atoms, truth) is not wanted for condition, wanted in held):
        return False
    can: list[tuple[ops.Value, frozenset[str]]] = []
    for atom, holds in zip(atoms, truth, strict=True):
        listed = _listed(atom)
        if listed is not None and holds:
            can.append(listed)
    for operand, constants in can:
        for other, others in can:
            if other == operand and not constants & others:
                return False
    for atom, holds in zip(atoms, truth, strict=True):
        listed = _listed(atom)
        if holds:
            continue
        if listed is not None and any(operand == listed[0] and constants <= listed[1] for operand, constants in can):
            return False
        if isinstance(atom, ops.Present) and any(operand == atom.value for operand, _ in can):
            return False
    return True


def _listed(atom: ops.Condition) -> tuple[ops.Value, frozenset[str]] | None:
    """A value and the constants that it is one of, where a condition says that."""
    match atom:
        case ops.Equal(left, ops.Const() as right):
            return left, frozenset({right.value})
        case ops.In(value, ops.Listed(values)) if all(isinstance(each, ops.Const) for each in values):
            return value, frozenset(each.value for each in values)
        case _:
            return None


def _is_plain(atom: ops.Condition) -> bool:
    """Whether a condition only asks whether a value is there, true, or one of some constants."""
    return isinstance(atom, ops.Present | ops.Truth) or _listed(atom) is not None


def _operands(atom: ops.Op) -> list[ops.Op]:
    """The values that a condition looks at: what it is made of, constants aside."""
    return [each for each in children(atom) if not isinstance(each, ops.Const | ops.Listed)]
