"""HL7 2.3 to 2.8.2 structure as frozen types.

Takes a version (`profile("2.5.1")`); gives segments, fields, data types, message structures and tables, and says
whether a sequence of segments can stand in a structure (`place`); refuses versions without tables (`UnknownVersion`).
Importing this package does not import hl7apy: the first `profile(version)` does.
"""

from __future__ import annotations

from segwright.profiles.model import (
    ComponentType,
    DataType,
    FieldType,
    Group,
    SegmentPlace,
    SegmentType,
    Structure,
)
from segwright.profiles.placement import Loop, Placement, Problem, Seg, place, required_segments
from segwright.profiles.standard import VERSIONS, Profile, UnknownVersion, profile
from segwright.profiles.tables import is_closed, why_open

__all__ = [
    "VERSIONS",
    "ComponentType",
    "DataType",
    "FieldType",
    "Group",
    "Loop",
    "Placement",
    "Problem",
    "Profile",
    "Seg",
    "SegmentPlace",
    "SegmentType",
    "Structure",
    "UnknownVersion",
    "is_closed",
    "place",
    "profile",
    "required_segments",
    "why_open",
]
