"""The pages of the catalogue: what every code says, what to do about it and why it matters, as one Markdown document.

`python -m segwright.core.prose.pages` prints it; docs/findings.md is that, and a test holds it current.
"""

from __future__ import annotations

import re
import sys

from segwright.core.prose import catalogue
from segwright.core.prose.entry import Entry

_FACT = re.compile(r"\{[a-z_]+\}")

_AREAS = {
    "SW01": "Writing", "SW02": "Names", "SW03": "Types and what may be missing", "SW04": "HL7 structure", "SW05": "Overlays",
    "SW06": "Tables", "SW07": "Configuration", "SW08": "Formats and texts", "SW09": "The catalogue of messages",
    "SW10": "Messages, documents and cases",
}  # fmt: skip


_INTRODUCTION = """\
Every code that `segwright` reports: what it says, what to do, and why it matters. `…` stands for what is named in the
place at hand. A failing example of each, compiled and with its report, stands in `tests/lang/diagnostics/`.
"""


def pages() -> str:
    """All codes by area, in order."""
    out = ["# Findings\n", _INTRODUCTION]
    area = ""
    for code, entry in sorted(catalogue().items()):
        if code[:4] != area:
            area = code[:4]
            out.append(f"## {_AREAS[area]}\n")
        out.append(_page(code, entry))
    return "\n".join(out)


def _page(code: str, entry: Entry) -> str:
    lines = [f"### {code}: {entry.title}\n", f"> {_plain(entry.message)}\n"]
    lines += [f"- {_plain(line)}" for line in entry.help]
    if entry.help:
        lines.append("")
    if entry.why:
        lines.append(f"{_plain(entry.why)}\n")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return _FACT.sub("…", text).replace("{{", "{").replace("}}", "}")


if __name__ == "__main__":
    sys.stdout.write(pages())
