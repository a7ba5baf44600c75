"""Canonical JSON (RFC 8785): one value, one text, so that a hash of the bytes is a hash of the meaning.

Takes the types of `plan` (msgspec structs, tuples, dicts with text keys, texts, integers, booleans, None); gives UTF-8 bytes:
keys sorted by UTF-16 code units, no white space, the fewest escapes, members that hold their default left out. There are no
floats: what is not an integer is text. Reading refuses, with `NotCanonical`, everything that would be written differently:
unknown members, duplicate keys, another order, spelled-out defaults.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec

from segwright.plan.model import Model
from segwright.plan.ops import Plan

LARGEST: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps (I-JSON, RFC 7493)."""

_T = TypeVar("_T")
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPES: Final = str.maketrans({chr(code): f"\\u{code:04x}" for code in range(32)} | _SHORT)


class NotCanonical(Exception):
    """Bytes that are not the canonical form of a value of the type. The reason never quotes them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(value: object) -> bytes:
    """The canonical bytes. Raises TypeError for a float or a foreign type, ValueError for what JSON cannot hold: an integer
    beyond `LARGEST`, half of a surrogate pair."""
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode()


def _write(value: object, put: Any) -> None:
    if isinstance(value, str):
        put(_quoted(value))
    elif value is None:
        put("null")
    elif isinstance(value, bool):
        put("true" if value else "false")
    elif isinstance(value, int):
        if abs(value) > LARGEST:
            raise ValueError("the integer is too large for JSON")
        put(str(value))
    elif isinstance(value, msgspec.Struct):
        _write_members(_members(value), put)
    elif isinstance(value, tuple | list):
        put("[")
        for number, item in enumerate(value):
            if number:
                put(",")
            _write(item, put)
        put("]")
    elif isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("only text can be a key")
        _write_members(value, put)
    else:
        raise TypeError(f"{type(value).__name__} has no canonical form")


def _write_members(members: dict[str, object], put: Any) -> None:
    put("{")
    for number, key in enumerate(sorted(members, key=_utf16)):
        if number:
            put(",")
        put(_quoted(key))
        put(":")
        _write(members[key], put)
    put("}")


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _members(value: msgspec.Struct) -> dict[str, object]:
    config = value.__struct_config__
    members: dict[str, object] = {}
    if config.tag_field is not None:
        members[config.tag_field] = config.tag
    for name, written, default in _fields(type(value)):
        held = getattr(value, name)
        # Equal is not enough: True == 1.
        if not (default is not msgspec.NODEFAULT and type(held) is type(default) and held == default):
            members[written] = held
    return members


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    """Attribute, member name and default (NODEFAULT for none) of each field."""
    return tuple(
        (
            field.name,
            field.encode_name,
            field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default,
        )
        for field in msgspec.structs.fields(kind)
    )


def decode(data: bytes, type_: type[_T]) -> _T:
    """A value of a type from its canonical bytes. Raises `NotCanonical`."""
    try:
        value = msgspec.json.decode(data, type=type_)
        same = is_surely_canonical(value, data) or encode(value) == data
    except msgspec.ValidationError as error:
        raise NotCanonical(str(error)) from None
    except (msgspec.DecodeError, ValueError):
        raise NotCanonical("it is not JSON") from None
    except TypeError:
        raise NotCanonical("it holds a number that is no integer") from None
    except RecursionError:
        raise NotCanonical("it is nested too deeply") from None
    if not same:
        raise NotCanonical(
            "it is not canonical: a key occurs twice, an unknown or defaulted member is written, or order or spacing differ"
        )
    return value


ENCODER: Final = msgspec.json.Encoder(order="sorted")
"""msgspec's own sorted encoding, forty times faster than `encode` and nearly always the same. It leaves out a default only when
it is the same object, sorts keys by code point, and takes numbers that `encode` refuses: bytes in which that could matter are
doubtful, and left to `encode`."""

_ASTRAL: Final = bytes(range(0xF0, 0x100))
_NUMBER: Final = re.compile(rb"[:,\[]-?[0-9]+(?:[.eE]|(?<=[0-9]{16}))")


def is_surely_canonical(value: object, data: bytes) -> bool:
    """Whether the fast way vouches for the bytes that a value of one of our own types was decoded from."""
    if not isinstance(value, msgspec.Struct) or _is_doubtful(type(value), data):
        return False
    return ENCODER.encode(value) == data


def _is_doubtful(kind: type[msgspec.Struct], data: bytes) -> bool:
    spelled, is_open = _of_kind(kind)
    if not data.isascii() and len(data.translate(None, _ASTRAL)) != len(data):
        return True
    return any(each in data for each in spelled) or (is_open and _NUMBER.search(data) is not None)


@cache
def _of_kind(kind: type[msgspec.Struct]) -> tuple[tuple[bytes, ...], bool]:
    """Of a type and all that it is made of: how the defaults look that decoding makes anew when they are written out, and whether
    it may hold anything whatever. Such bytes never occur within a JSON text, whose quotes are escaped."""
    kinds: set[Any] = set()
    _collect(kind, kinds)
    spelled = {
        encode(written) + b":" + encode(default)
        for one in kinds
        if one is not Any
        for _, written, default in _fields(one)
        if isinstance(default, msgspec.Struct) or (isinstance(default, str) and default)
    }
    return tuple(sorted(spelled)), Any in kinds


def _collect(annotation: Any, found: set[Any]) -> None:
    """The structs, and `Any`, that an annotation is made of."""
    for part in get_args(annotation):
        _collect(part, found)
    is_struct = isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)
    if annotation in found or not (is_struct or annotation is Any):
        return
    found.add(annotation)
    if is_struct:
        for part in get_type_hints(annotation).values():
            _collect(part, found)


def encode_plan(plan: Plan) -> bytes:
    """The canonical bytes of a plan: as `encode`, by the fast way where it surely gives the same."""
    return _encode_quickly(plan)


def encode_model(model: Model) -> bytes:
    """The same of a model."""
    return _encode_quickly(model)


def _encode_quickly(value: msgspec.Struct) -> bytes:
    data = ENCODER.encode(value)
    return encode(value) if _is_doubtful(type(value), data) else data


def decode_plan(data: bytes) -> Plan:
    """A plan from its canonical bytes, of the right shape and no more: `plan.validate` says whether it may run. Raises
    `NotCanonical`."""
    return decode(data, Plan)


def plan_hash(plan: Plan) -> str:
    """sha256 of the canonical bytes, in hexadecimal."""
    return hash_of(encode_plan(plan))


def hash_of(data: bytes) -> str:
    """sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
