"""The pages of the built-in formats and functions, made from their records: `pages()`.

One page for each name: for each type it works on its arguments, its examples and where it comes from. The examples are those that
the tests run.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from segwright.hl7.values import Moment, Quantity
from segwright.library import builtins
from segwright.library.record import Builtin, Example, Parameter

_HIDDEN = ("concat",)
"""What nobody writes: the compiler makes it of `"{a} and {b}"`."""


def pages() -> dict[str, str]:
    """Every page by its file name, and `library/README.md`, which lists them."""
    records = sorted((r for r in builtins() if r.name not in _HIDDEN), key=lambda r: (r.kind, r.name))
    made = {}
    index = [
        "# Built-in formats and functions\n",
        "Made from the records that the compiler checks, the runtime runs and the tests try.\n",
    ]
    for kind, of_kind in groupby(records, key=lambda record: record.kind):
        index.append(f"\n## {kind.capitalize()}s\n")
        for name, group in groupby(of_kind, key=lambda record: record.name):
            same = list(group)
            made[f"library/{name}.md"] = _page(name, kind, same)
            index.append(f"- [`{name}`]({name}.md): {_first_sentence(same[0].summary)}")
    made["library/README.md"] = "\n".join(index) + "\n"
    return made


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".") + "."


def _page(name: str, kind: str, records: list[Builtin]) -> str:
    form = f"x as {name}" if kind == "format" else f"{name}(x, …)" if records[0].parameters else f"{name}(x)"
    lines = [f"# {name}\n", f"A {kind}: `{form}`.\n"]
    for record in records:
        works = " or ".join(f"`{subject}`" for subject in record.subject)
        lines.append(f"## From {works} to `{record.result}`\n")
        lines.append(f"{record.summary}\n")
        if record.parameters:
            lines += ["| argument | type | |", "|---|---|---|", *map(_parameter, record.parameters), ""]
        if record.examples:
            lines += ["| given | arguments | gives |", "|---|---|---|", *map(_example, record.examples), ""]
        if record.inverse:
            lines.append("Read with the same name: what was written comes back as it was.\n")
        version = f", version {record.version}" if record.version > 1 else ""
        lines.append(f"Source: {record.source}{version}.\n")
    return "\n".join(lines)


def _parameter(parameter: Parameter) -> str:
    if parameter.config:
        absent = f"without it, `org.{parameter.config}`"
    elif parameter.default is not None:
        absent = f"without it, `{_word(parameter.default)}`"
    elif parameter.optional:
        absent = "may be left out"
    else:
        absent = "must be given"
    choices = ": one of " + ", ".join(f"`{choice}`" for choice in parameter.choices) if parameter.choices else ""
    return f"| `{parameter.name}` | {parameter.type} | {_cell(parameter.summary.rstrip('.'))}{choices}; {absent}. |"


def _example(example: Example) -> str:
    arguments = ", ".join(f"`{name}: {_word(value)}`" for name, value in example.arguments.items())
    gives = f"refused: {_cell(example.refused)}" if example.refused else _value(example.result)
    return f"| {_value(example.subject)} | {arguments} | {gives} |"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple) and not isinstance(value, Moment | Quantity):
        return ", ".join(_value(item) for item in value) or "an empty list"
    return f"`{_cell(_word(value))}`"


def _word(value: Any) -> str:
    """A value as an analyst writes or reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and not isinstance(value, Moment | Quantity):
        return ", ".join("nothing" if item is None else _word(item) for item in value) or "none"
    if isinstance(value, Quantity):
        return f"{value.comparator}{value.value} {value.unit}".strip()
    if isinstance(value, Moment):
        offset = (
            ""
            if value.offset is None
            else f"{'-' if value.offset < 0 else '+'}{abs(value.offset) // 60:02}{abs(value.offset) % 60:02}"
        )
        return value.digits + offset
    if isinstance(value, Decimal | int | date):
        return str(value)
    text = "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in str(value))
    return f'"{text}"' if text != text.strip() or not text else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
