"""What each place of a message means for a hospital, as data; and how grave a difference at it is.

Takes a difference; gives its severity, why, and whether receivers tell repeats by the place. The most exact place wins:
OBR-4.2 before OBR-4 before OBR. Places nobody lists are clinical: what a hospital does with a Z-segment only the hospital
knows. A workspace may rate places of its own (`review.yaml`), and only ever graver than here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from segwright.review.change import Kind, Severity

_I, _C, _B = Severity.IDENTITY, Severity.CLINICAL, Severity.BILLING
_D, _S, _X = Severity.DELIVERY, Severity.STRUCTURE, Severity.COSMETIC


class Meaning(msgspec.Struct, frozen=True):
    """Places of one meaning. `places`: segments ("PID"), fields ("PID-3"), ranges of fields ("MSH-3..6"), components
    ("DG1-3.2"), or settings ("delivery.retry"), divided by blanks. `repeats`: repeats are told by it."""

    severity: Severity
    why: str
    places: str
    repeats: bool = False


MEANINGS: Final = (
    # --- whom it is about, and where it goes ---
    Meaning(_I, "says which system sends and which receives", "MSH-3..6 BHS-3..6 FHS-3..6"),
    Meaning(_I, "decides how the receiver takes the message", "MSH-9"),
    Meaning(_I, "tells training from production", "MSH-11"),
    Meaning(_I, "decides who may see the message", "MSH-8"),
    Meaning(_I, "is how a receiver knows a repeat", "MSH-10", repeats=True),
    Meaning(_I, "says which patient it is", "PID MRG PD1-12 NK1"),
    Meaning(_I, "is the patient's number", "PID-2..4 MRG-1 MRG-4"),
    Meaning(_I, "is the account that visit and charges are kept under", "PID-18"),
    Meaning(_I, "says where the patient is, to which result and mail are sent", "PV1-2 PV1-3 PV1-6 PV1-11"),
    Meaning(
        _I,
        "says which clinicians get the result",
        "PV1-7..9 PV1-17 PV1-52 OBR-10 OBR-16 OBR-28 ORC-10..12 ORC-19 ORC-21 OBR-17 PV2-13",
    ),
    Meaning(_I, "is the number of the visit", "PV1-19 PV1-50"),
    Meaning(
        _I,
        "is a number that the order is found and repeats are known by",
        "ORC-2..4 ORC-8 ORC-33 OBR-2 OBR-3 OBR-53",
        repeats=True,
    ),
    Meaning(_I, "often holds the accession number", "OBR-18..21", repeats=True),
    Meaning(_I, "ties the result to another one", "OBR-26 OBR-29 OBR-54", repeats=True),
    Meaning(_I, "is the number of the document", "TXA-12..16", repeats=True),
    Meaning(_I, "answers a message by its number", "MSA-2", repeats=True),
    # --- what is said about the patient's health ---
    Meaning(_C, "is the result, and how it must be read", "OBX"),
    Meaning(_C, "is a note that clinicians read", "NTE"),
    Meaning(_C, "says what was examined, when, and how final it is", "OBR"),
    Meaning(_C, "says what becomes of the order", "ORC"),
    Meaning(_C, "is a fact about the patient's health", "AL1 IAM PRB SPM SAC TQ1 RXA RXO RXE PD1 PV2 TXA"),
    # --- what is billed ---
    Meaning(_B, "is the diagnosis that is billed", "DG1 DRG"),
    Meaning(_B, "is a charge", "FT1"),
    Meaning(_B, "is how a charge is known a second time", "FT1-2 FT1-3", repeats=True),
    Meaning(_B, "is a procedure that is billed", "PR1 OBR-44 OBR-45 OBR-43"),
    Meaning(_B, "is the reason for the study, that insurers ask for", "OBR-31 ORC-16 OBR-13.2"),
    Meaning(_B, "says who pays", "GT1 IN1 IN2 IN3 PV1-20..43 ACC"),
    # --- when it goes ---
    Meaning(_D, "says which acknowledgements are asked for", "MSH-15 MSH-16 MSA ERR"),
    # --- how the message is built ---
    Meaning(_S, "says how the message is built", "MSH BHS FHS BTS FTS EVN DSC SFT UAC ADD PV1"),
    Meaning(
        _S, "counts the segments", "PID-1 PV1-1 OBR-1 OBX-1 NTE-1 DG1-1 FT1-1 PR1-1 SPM-1 TQ1-1 AL1-1 NK1-1 GT1-1 IN1-1"
    ),
    Meaning(_S, "says where a note comes from", "NTE-2"),
    # --- settings: when, where and whether a message goes out ---
    Meaning(_I, "decides where messages go, and whom we trust there", "destinations"),
    Meaning(_I, "decides whose orders are taken", "listener"),
    Meaning(_I, "says which system sends and which receives", "parties"),
    Meaning(_I, "tells training from production", "processing_id"),
    Meaning(_I, "decides where this message goes", "catalogue.*.to"),
    Meaning(_I, "decides which messages are sent or taken", "catalogue.*.types catalogue.*.direction"),
    Meaning(_C, "decides how times are read and written", "zone"),
    Meaning(_B, "decides which diagnoses clinicians may choose for billing", "diagnoses"),
    Meaning(
        _D,
        "decides what is sent or taken, when, and after whose signature",
        "catalogue delivery acknowledgement intake",
    ),
    Meaning(_D, "decides what stops a message", "catalogue.*.mandatory"),
    Meaning(_D, "decides what one message covers", "catalogue.*.message_per", repeats=True),
    Meaning(
        _D,
        "decides what happens to a message that may have arrived before",
        "delivery.when_uncertain delivery.duplicate_refusal delivery.reuse_after intake.constant_ids intake.ignore_time",
        repeats=True,
    ),
    Meaning(_S, "decides how messages are built", "encoding batch"),
    Meaning(_S, "is the form of the data, which every plan is made for", "model"),
    Meaning(_X, "is the name that people know the hospital by", "name"),
)
"""Sources: HL7 v2.8.2 chapters 2 (control), 3 (ADT), 4 (orders), 6 (finance), 7 (observations), 9 (documents), and what real
interfaces file results by."""

DISPLAYED: Final = frozenset({"CE", "CWE", "CNE", "CF"})
"""Data types of which the second, fifth and ninth component are words shown beside a code."""
_WORDS: Final = frozenset({2, 5, 9})
READ_BY_ITS_WORDS: Final = ("OBX",)
"""Segments whose words are read as the result itself: a clinician sees "Heart rate", not the code."""

_UNKNOWN: Final = Meaning(_C, "has a meaning that only this hospital knows", "")
_UNKNOWN_SETTING: Final = Meaning(_D, "decides how messages are handled", "")

_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:-(\d+)(?:\.(\d+))?)?")


class Rating(NamedTuple):
    """Severity, why, and whether repeats are told by the place."""

    severity: Severity
    why: str
    repeats: bool


class Meanings:
    """The meanings of places, with those that a workspace adds."""

    def __init__(self, added: Iterable[Meaning] = ()) -> None:
        self._by_place: dict[str, Meaning] = {}
        for meaning in MEANINGS:
            for place in _places(meaning.places):
                self._by_place[place] = meaning
        for meaning in added:
            for place in _places(meaning.places):
                below = self.of(place)
                if meaning.severity.rank <= below.severity.rank:
                    self._by_place[place] = meaning

    def of(self, place: str) -> Meaning:
        """The meaning of a place or setting, the most exact one."""
        found = _PLACE.match(place)
        if found is None:
            return self._setting(place)
        segment, field, component = found.groups()
        named = (f"{segment}-{field}.{component}", f"{segment}-{field}", segment)
        return next((self._by_place[name] for name in named if name in self._by_place), _UNKNOWN)

    def _setting(self, place: str) -> Meaning:
        parts = place.split(".")
        for length in range(len(parts), 0, -1):
            names = parts[:length]
            starred = [*names[:1], "*", *names[2:]] if length > 2 else names
            for name in (".".join(names), ".".join(starred)):
                if name in self._by_place:
                    return self._by_place[name]
        return _UNKNOWN_SETTING

    def rate(
        self, place: str, kind: Kind, before: str, after: str, datatype: str = "", *, alone: bool = True
    ) -> Rating:
        """How grave it is that `before` became `after` at a place. `datatype`, `alone`: of a component, see `Difference`."""
        meaning = self.of(place)
        severity, why = meaning.severity, meaning.why
        if kind == "form":
            return Rating(_S, "is the form of the message, not what it says", False)
        if kind == "changed" and (words := self._words(place, before, after, datatype, alone=alone)):
            return Rating(_X, words, False)
        if kind != "changed" and severity is _X:  # what is dropped, or new, is never cosmetic
            severity = _S
        return Rating(severity, why, meaning.repeats)

    def _words(self, place: str, before: str, after: str, datatype: str, *, alone: bool) -> str:
        """Why a change is one of words alone; "" when it is not."""
        found = _PLACE.fullmatch(place)
        if found is None or datatype not in DISPLAYED or int(found[3] or 0) not in _WORDS or not alone:
            return ""
        if place in self._by_place:  # somebody rated these very words
            return ""
        if found[1] not in READ_BY_ITS_WORDS:
            return "is text beside a code that stays"
        same = " ".join(before.split()).casefold() == " ".join(after.split()).casefold()
        return "is the same text in other letters" if same and found[2] != "5" else ""

    def segment(self, text: str, field: str, place: str, kind: Kind) -> Rating:
        """How grave it is that a whole segment came or went: as its gravest field that holds anything. `field`: the separator."""
        texts = text.split(field)[1:]
        ratings = [self.rate(f"{place}-{number}", kind, "", "") for number, held in enumerate(texts, 1) if held] or [
            self.rate(place, kind, "", "")
        ]
        grave = min(ratings, key=lambda rating: rating.severity.rank)
        # Set ids and the like do not make a note an order: the gravest that is of this segment's own kind.
        severity = grave.severity if grave.severity.rank < _X.rank else _S
        return Rating(severity, self.of(place).why, any(rating.repeats for rating in ratings))


def _places(text: str) -> list[str]:
    """The places of a meaning, ranges written out."""
    out = []
    for word in text.split():
        first, dots, last = word.partition("..")
        if not dots:
            out.append(word)
            continue
        segment, _, start = first.partition("-")
        out += [f"{segment}-{number}" for number in range(int(start), int(last) + 1)]
    return out


def gravest(ratings: Iterable[Rating]) -> Rating | None:
    """The gravest of several; it tells repeats when any does."""
    found = list(ratings)
    if not found:
        return None
    grave = min(found, key=lambda rating: rating.severity.rank)
    return grave._replace(repeats=any(rating.repeats for rating in found))


def is_place(text: str) -> bool:
    """Whether a text names a place as `MEANINGS` does: a segment, field, range or component."""
    return re.fullmatch(r"[A-Z][A-Z0-9]{2}(?:-[1-9]\d*(?:\.\.[1-9]\d*|\.[1-9]\d*)?)?", text) is not None
