"""Whether a unit is valid UCUM: asked of ucumvert, at compile time only."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any


@cache
def _parser() -> Any:
    from ucumvert import get_ucum_parser

    return get_ucum_parser()


@lru_cache(maxsize=4096)
def is_ucum(code: str) -> bool:
    """Whether a code is valid UCUM (ucum.org, the essence file that ucumvert ships)."""
    from ucumvert import InvalidUcumError, parse_ucum

    try:
        parse_ucum(code, _parser())
    except InvalidUcumError:
        return False
    return True
