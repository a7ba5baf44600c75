"""The nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_SHOWN = 16


def shown(names: Iterable[str]) -> list[str]:
    """Names as a finding lists them: each in backquotes, none at all when there are too many to read."""
    known = list(dict.fromkeys(names))
    return [f"`{name}`" for name in known] if len(known) <= MOST_SHOWN else []


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, or "" when none is close. Case alone never makes a name far."""
    candidates = sorted(set(known))
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    if name.casefold() in folded:
        return folded[name.casefold()]
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else ""
