"""What surrounds the operations of a plan: its head, encoding, tables, patterns, functions, narratives and results.

Takes a `Plan`; gives what is wrong with these, as sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Final

from segwright.hl7.charset import codec_of
from segwright.hl7.delimiters import Delimiters, fault
from segwright.library import by_key
from segwright.library.zones import TZDATA_VERSION
from segwright.plan import patterns
from segwright.plan.ops import Cell, Encoding, Plan, Table
from segwright.plan.validate_words import HIGHEST, MOST_ATTRIBUTES, SEGMENT, constant_fault, is_name, is_type_name

FORMATS: Final = (1,)
"""The formats of plans that this engine runs: its own and the one before (there is none before 1)."""
LANGUAGES: Final = (1,)

_MESSAGE_TYPE: Final = re.compile(r"[A-Z0-9]{3}(\^[A-Z0-9]{3})?")
_HASH: Final = re.compile("[0-9a-f]{64}")
_VERSION: Final = re.compile(r"[0-9](\.[0-9]){0,2}")
_CHARSETS: Final = ("ASCII", *(f"8859/{part}" for part in (*range(1, 12), 13, 14, 15)), "UNICODE UTF-8")
_CODECS: Final = frozenset(codec_of(name) for name in _CHARSETS)
_SEGMENT_ENDS: Final = frozenset({"\r", "\n", "\r\n"})
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")


def frame_problems(plan: Plan) -> list[str]:
    """Everything that is wrong outside of the body."""
    return [*_head(plan), *encoding_problems(plan.encoding), *_parts(plan)]


def _head(plan: Plan) -> Iterator[str]:
    if plan.format not in FORMATS:
        yield f"format {plan.format} is not among those this engine runs"
    if plan.language not in LANGUAGES:
        yield f"language version {plan.language} is not among those this engine runs"
    if not is_name(plan.message):
        yield "the message has no name of the mapping language"
    if not plan.types or not all(_MESSAGE_TYPE.fullmatch(type_) for type_ in plan.types):
        yield "a message type is written ORU^R01"
    if not _HASH.fullmatch(plan.model):
        yield "the model is named by its sha256"
    if plan.direction == "reads" and plan.inputs:
        yield "a reading plan has no inputs"
    if plan.direction == "writes" and plan.results:
        yield "a writing plan has no results"
    names = [given.name for given in plan.inputs] + [made.name for made in plan.results]
    if len(set(names)) != len(names) or not all(map(is_name, names)):
        yield "inputs and results have different names of the mapping language"
    if len(plan.inputs) > plan.slots:
        yield "the plan has fewer slots than inputs"
    for result in plan.results:
        if not 1 <= result.size <= MOST_ATTRIBUTES or not is_type_name(result.type):
            yield "a result has a record type and at least one attribute"


def encoding_problems(encoding: Encoding) -> Iterator[str]:
    """What is wrong with how messages reach the wire, of a plan or a manifest."""
    if len(encoding.field) != 1 or len(encoding.msh2) not in (4, 5):
        yield "MSH-1 is one character, MSH-2 four or five"
    else:
        wrong = fault(Delimiters(encoding.field, *encoding.msh2))
        if wrong:
            yield wrong
    if encoding.codec not in _CODECS:
        yield "messages cannot be written in this codec"
    else:
        yield from _unencodable(encoding)
    if encoding.charset and (encoding.charset not in _CHARSETS or codec_of(encoding.charset) != encoding.codec):
        yield "MSH-18 names another charset than the one that is written"
    if encoding.field in encoding.charset or any(sign in encoding.charset for sign in encoding.msh2):
        yield "the charset's name holds a delimiter"
    if not _VERSION.fullmatch(encoding.version):
        yield "the HL7 version is written 2.5.1"
    if encoding.segment_end not in _SEGMENT_ENDS:
        yield "a segment ends with CR, LF or both"
    for name, number in encoding.full_to.items():
        if not SEGMENT.fullmatch(name) or not 1 <= number <= HIGHEST:
            yield "full_to gives a number of fields for each segment name"


def _unencodable(encoding: Encoding) -> Iterator[str]:
    for character, replacement in encoding.unencodable.items():
        if (
            len(character) != 1
            or not 1 <= len(replacement) <= 20
            or _CONTROL.search(replacement)
            or replacement == '""'
        ):
            yield "unencodable replaces one character by one to twenty printable ones"
            continue
        try:
            replacement.encode(encoding.codec)
        except UnicodeEncodeError:
            yield "a replacement for an unencodable character cannot be encoded itself"


def _parts(plan: Plan) -> Iterator[str]:
    for number, pattern in enumerate(plan.patterns):
        reason = patterns.check(pattern)
        if reason:
            yield f"pattern {number}: {reason}"
    for number, key in enumerate(plan.functions):
        if by_key(key) is None:
            yield f"function {number}: this engine has no such built-in in this version"
    for number, narrative in enumerate(plan.narratives):
        if not all(0 <= index < len(plan.functions) for index in narrative.filters):
            yield f"narrative {number}: a filter is not among the plan's functions"
    if plan.narratives and "jinja2" not in plan.libraries:
        yield "narratives pin the version of jinja2"
    for number, table in enumerate(plan.tables):
        yield from (f"table {number}: {reason}" for reason in table_problems(table))
    for name, version in plan.libraries.items():
        installed = _installed(name)
        if not version or not (installed == version or installed.startswith(f"{version}.")):
            yield "a library is pinned that this engine does not have in this version"


@cache
def _installed(name: str) -> str:
    if name == "tzdata":
        return TZDATA_VERSION
    if name == "jinja2":
        from importlib.metadata import version

        return version("jinja2")
    return ""


def table_problems(table: Table) -> Iterator[str]:
    """Everything that is wrong with a table."""
    keys = [row.keys for row in table.rows]
    if any(not 1 <= len(each) <= 3 or not all(each) for each in keys) or len({len(each) for each in keys}) > 1:
        yield "every row has one to three keys, as many as the others"
    elif any(before >= after for before, after in pairwise(keys)):
        yield "rows are sorted by their keys, each once"
    rows = [row.cells for row in table.rows] + ([table.otherwise] if table.otherwise is not None else [])
    if not rows or any(not cells or len(cells) != len(rows[0]) for cells in rows):
        yield "every row has as many cells as the others, at least one"
    if any(_is_wrong(cell) for cells in rows for cell in cells):
        yield "a cell's texts are not of its type"


def _is_wrong(cell: Cell) -> bool:
    if cell.type in ("blank", "error"):
        return bool(cell.value)
    if cell.type == "composite":
        return not 1 <= len(cell.value) <= HIGHEST or not any(cell.value)
    return len(cell.value) != 1 or bool(constant_fault(cell.type, cell.value[0]))
