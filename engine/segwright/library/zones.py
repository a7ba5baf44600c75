"""Time zones from the tzdata package, never from the machine: the same bytes everywhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

from segwright.library.record import Refusal

TZDATA_VERSION: Final[str] = str(tzdata.IANA_VERSION)


@cache
def zone_names() -> frozenset[str]:
    """Every zone that the package names."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@cache
def zone(name: str) -> ZoneInfo:
    """The rules of one zone."""
    if name not in zone_names():
        raise Refusal("the time zone is not in the time-zone data")
    path = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
