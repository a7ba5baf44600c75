"""Hand-written Python for exactly the two jobs of the benchmark: what a good programmer would write for one hospital and keep.

Nothing is general: delimiters, fields and charset are fixed. It is the fastest correct way we know in plain Python, given the
same input and the same duties as the project: every value escaped, mandatory ones checked, bytes in, bytes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tests.bench.samples import FIELDS, REQUIRED, Result

# --- reading ---------------------------------------------------------------------------------------------------------

_UNESCAPED = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}
_ESCAPE = re.compile(r"\\([FSTRE])\\")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _UNESCAPED[found[1]], text)


def extractor() -> Callable[[bytes], dict[str, str]]:
    """A function written out for the fields of the benchmark: bytes of a message (ISO 8859-1) to its values by name."""
    lines = [
        "def extract(data):",
        " text = data.decode('latin-1')",
        " found = {}",
        " for line in text.split('\\r'):",
        "  name = line[:3]",
        "  if name in found: found[name].append(line)",
        "  else: found[name] = [line]",
    ]
    wanted: dict[str, dict[int, dict[int, str]]] = {}
    for name, segment, field, component in FIELDS:
        place = field - 1 if segment == "MSH" else field
        wanted.setdefault(segment, {}).setdefault(place, {})[component] = name
    variables: dict[str, str] = {}

    def take(name: str, source: str) -> None:
        variable = variables[name] = f"v{len(variables)}"
        lines.extend(
            (
                f" v = {source}",
                " if '&' in v: v = v[:v.index('&')]",
                f" {variable} = unescape(v) if '\\\\' in v else v",
            )
        )

    for segment, fields in wanted.items():
        size = max(fields) + 1
        lines += [
            f" found_{segment} = found.get({segment!r})",
            f" z = found_{segment}[0].split('|', {size}) if found_{segment} is not None else ()",
            f" if len(z) < {size}: z = [*z, *PADDING[:{size} - len(z)]]",
        ]
        for place, components in fields.items():
            lines += [f" v = z[{place}]", " if '~' in v: v = v[:v.index('~')]"]
            if list(components) == [1]:
                lines.append(" if '^' in v: v = v[:v.index('^')]")
                take(components[1], "v")
                continue
            most = max(components)
            lines += [f" w = v.split('^', {most})", f" if len(w) < {most}: w += PADDING[:{most} - len(w)]"]
            for component, name in components.items():
                take(name, f"w[{component - 1}]")
    checks = " and ".join(variables[name] for name in variables if name in REQUIRED)
    lines.append(f" if not ({checks}): raise ValueError('missing')")
    lines.append(f" return {{{', '.join(f'{name!r}: {variable}' for name, variable in variables.items())}}}")
    names: dict[str, Any] = {"unescape": _unescape, "PADDING": [""] * 64}
    exec("\n".join(lines), names)
    extract: Callable[[bytes], dict[str, str]] = names["extract"]
    return extract


# --- writing ---------------------------------------------------------------------------------------------------------

_SPECIAL = re.compile(r"[|^~\\&\x00-\x1f\x7f]").search
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]").search

_FIXED = (
    "MSH|^~\\&|%s|%s|%s|%s|%s||ORU^R01|%s|P|2.4||||||8859/1\r"
    "PID|1||%s^^^%s^MR||%s^%s^%s||%s|%s|||%s^%s^%s^%s^%s||%s|||||%s\r"
    "PV1|1|%s|%s^%s^%s^%s||||%s^%s^%s||||||||||||%s\r"
    "ORC|RE|%s|%s\r"
    "OBR|1|%s|%s|%s^%s^C4|||%s|||||||||||||||%s||ECG|%s|||||||%s&%s&%s\r"
)


@lru_cache(maxsize=256)
def _template(measurements: int, diagnoses: int, notes: int) -> str:
    return "".join(
        (
            _FIXED,
            *(f"OBX|{number}|%s|%s^%s^LN||%s|%s|%s|%s|||F\r" for number in range(1, measurements + 1)),
            *(f"DG1|{number}||%s^%s^I10|||F\r" for number in range(1, diagnoses + 1)),
            *(f"NTE|{number}|L|%s\r" for number in range(1, notes + 1)),
        )
    )


def _escaped(values: list[str]) -> list[str]:
    joined = "\0".join(values)
    if _SPECIAL(joined) is None:
        return values
    if _CONTROL(joined) is not None:
        raise ValueError("control character")
    escaped = (
        joined.replace("\\", "\\E\\")
        .replace("|", "\\F\\")
        .replace("^", "\\S\\")
        .replace("&", "\\T\\")
        .replace("~", "\\R\\")
        .replace("\r", "\\X0D\\")
        .replace("\n", "\\X0A\\")
        .replace("\t", "\\X09\\")
        .split("\0")
    )
    if len(escaped) != len(values):
        raise ValueError("control character")
    return escaped


def write(result: Result, codec: str) -> bytes:
    """The result message."""
    m, p, v, o, measurements, diagnoses, notes = result
    if not (
        m[5]
        and p[0]
        and p[2]
        and p[3]
        and p[5]
        and p[6]
        and v[8]
        and o[0]
        and o[1]
        and o[2]
        and o[4]
        and o[6]
        and measurements
    ):
        raise ValueError("missing")
    values = [
        m[0], m[1], m[2], m[3], m[4], m[5],
        p[0], p[1], p[2], p[3], p[4] or "", p[5], p[6], p[7], p[8] or "", p[9], p[10], p[11], p[12], p[13],
        v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8],
        o[0], o[1], o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8], o[9],
    ]  # fmt: skip
    for b in measurements:
        values += (b[0], b[1], b[2], b[3], b[4] or "", b[5] or "", b[6] or "")
    for d in diagnoses:
        values += (d[0], d[1])
    values += notes
    text = _template(len(measurements), len(diagnoses), len(notes)) % tuple(_escaped(values))
    return text.encode(codec)
