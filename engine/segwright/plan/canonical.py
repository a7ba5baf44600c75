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
from typing import Any, Final, TypeVar

import msgspec

from segwright.plan.ops import Op, Plan

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
        same = (type_ is Plan and _surely_canonical(value, data)) or encode(value) == data
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


_ASTRAL: Final = re.compile(rb"[\xf0-\xff]")
_sorted: Final = msgspec.json.Encoder(order="sorted")


def _surely_canonical(value: object, data: bytes) -> bool:
    """Whether msgspec's own sorted encoding, forty times faster, vouches for the bytes of a plan. It leaves out a default only
    when it is the same object, and it sorts keys by code point: bytes in which that could matter are left to `encode`."""
    if _ASTRAL.search(data) or any(spelled in data for spelled in _spelled_defaults()):
        return False
    return _sorted.encode(value) == data


@cache
def _spelled_defaults() -> tuple[bytes, ...]:
    """How the defaults look that decoding makes anew when they are written out. Such bytes never occur within a JSON text, whose
    quotes are escaped."""
    found: set[bytes] = set()
    for kind in Op.__subclasses__():
        for _, written, default in _fields(kind):
            if isinstance(default, msgspec.Struct) or (isinstance(default, str) and default):
                found.add(encode(written) + b":" + encode(default))
    return tuple(sorted(found))


def encode_plan(plan: Plan) -> bytes:
    """The canonical bytes of a plan: as `encode`, by the fast way where it surely gives the same."""
    data = _sorted.encode(plan)
    return encode(plan) if _ASTRAL.search(data) or any(s in data for s in _spelled_defaults()) else data


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
