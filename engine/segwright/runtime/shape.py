"""The shape of a plan: all of it that decides the generated source, apart from what only fills it.

Takes a plan, gives a `Split`: a key that is equal for plans of one shape, and what is this plan's own (`Own`). The plans of the
hospitals of one base differ in texts, tables, patterns and narratives; generating code once for all of them is what makes loading
a fleet fast and small.

The split is made in the plan's JSON, where the value of a constant is found by one regular expression: a quote within a JSON
string is escaped, so `"op":"const"` can stand nowhere but in an operation. `Shape.plan` is that JSON with a number in the place
of each value. Generators are given nothing else, so nothing that the key leaves out can reach the source: whatever they want of
a plan's own data they must name by number, as a recipe (`runtime.recipes`) which `Own` is filled into.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

import msgspec

from segwright.plan import ops
from segwright.plan.model import TEXT
from segwright.runtime.constants import ERROR_CELL, cells_of, kinds_of

_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_VALUE: Final = re.compile(
    rb'(?<="items":)(\[(?:\{"op":"const","type":"text","value":' + _STRING + rb"\},?)+\])"
    rb'|(?<="op":"const","type":"text","value":)(' + _STRING + rb")"
    rb'|(?<="op":"const","type":"integer","value":)(' + _STRING + rb")"
    rb'|(?<="op":"const","type":"decimal","value":)(' + _STRING + rb")"
    rb'|(?<="op":"const","type":"boolean","value":)(' + _STRING + rb")"
)
LISTED: Final = "list "
"""What precedes the number of a whole list of texts; the number of a single constant stands alone."""

_encoder: Final = msgspec.json.Encoder(order="sorted")
