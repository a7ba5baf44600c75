"""Which structure a message type has: HL7 table 0354 (chapter 2), where many events share one structure.

Takes a message type as MSH-9 or as a mapping says it; gives structure ids to look for, the likeliest first; refuses
nothing (a wrong type gives ids that no version has).
"""

from __future__ import annotations

import re
from typing import Final

# HL7 2.5 table 0354, with the events of chapters 3 (ADT), 7 (ORU), 9 (MDM) and 10 (SIU, SRM, SRR).
_SHARED: Final[dict[str, str]] = {
    "ADT_A01": "A04 A08 A13",
    "ADT_A05": "A14 A28 A31",
    "ADT_A06": "A07",
    "ADT_A09": "A10 A11 A12",
    "ADT_A21": "A22 A23 A25 A26 A27 A29 A32 A33",
    "ADT_A30": "A34 A35 A36 A46 A47 A48 A49",
    "ADT_A39": "A40 A41 A42",
    "ADT_A43": "A44",
    "ADT_A50": "A51",
    "ADT_A52": "A53",
    "ADT_A54": "A55",
    "ADT_A61": "A62",
    "MDM_T01": "T03 T05 T07 T09 T11",
    "MDM_T02": "T04 T06 T08 T10",
    "ORU_R30": "R31 R32",
    "SIU_S12": "S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27",
    "SRM_S01": "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "SRR_S01": "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "PPR_PC1": "PC2 PC3",
    "PGL_PC6": "PC7 PC8",
}
# hl7apy also keeps a copy per event of these, which table 0354 does not have.
_COPIED: Final = frozenset({"SIU", "SRM", "SRR"})
_SHARES: Final = {f"{id[:3]}_{event}": id for id, events in _SHARED.items() for event in events.split()}


def structure_ids(message_type: str) -> tuple[str, ...]:
    """Structure ids for `TYPE^EVENT^STRUCTURE`, `TYPE^EVENT`, `TYPE_EVENT` or `ACK`, in the order to try them.

    A stated third component comes first; then the id made of type and event, which early versions have for events that
    later share one; then the shared id. An acknowledgement is ACK whatever its event.
    """
    kind, event, stated = (*re.split(r"[\^_]", message_type, maxsplit=2), "", "")[:3]
    own = f"{kind}_{event}" if event else kind
    shared = _SHARES.get(own, "")
    tries = [stated, shared, own] if kind in _COPIED else [stated, "ACK" if kind == "ACK" else own, shared]
    return tuple(dict.fromkeys(id for id in tries if id))
