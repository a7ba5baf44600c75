"""HL7 paths written outside mappings (org.yaml's `mandatory`), as syntax nodes."""

from __future__ import annotations

import re

from segwright.lang import ast

_PATH = re.compile(r"([A-Z][A-Z0-9]{2})-([0-9]{1,3})(?:\[([A-Za-z0-9_]+)\])?(?:\.([0-9]{1,2}))?(?:\.([0-9]{1,2}))?")


def parse_path(text: str) -> ast.Hl7Path | None:
    """`PID-3.1` as a path, or None when it is not one."""
    found = _PATH.fullmatch(text)
    if found is None:
        return None
    segment, field, repetition, component, subcomponent = found.groups()
    return ast.Hl7Path(segment, int(field), repetition or "", int(component or 0), int(subcomponent or 0))
