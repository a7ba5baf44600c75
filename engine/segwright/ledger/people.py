"""Whose a case is: found again by the numbers that hospitals give their patients, of which only digests are kept.

Takes a patient as its mapping read it (JSON with `identifiers` and `mrn`); gives digests, and the cases that have them. A digest
begins with that of the number alone, for whoever searches with nothing but a number, and ends with that of its assigning
authority, without which two hospitals' patients would be one. Each is sha256 over the organisation and the text, cut to 128
bits. A document of another form has no digests: such a case is found by its own numbers only."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.execution import Prepared
from segwright.ledger.store import Tx

_HALF: Final = 32
"""Hexadecimal digits of each half of a digest."""


class AnotherPatient(Exception):
    """A number says that something belongs to a case, and the case is another patient's."""

    def __init__(self) -> None:
        super().__init__("a number that it goes by belongs to another patient")


class _Identifier(msgspec.Struct):
    id: str = ""
    authority: str | None = None
    authority_id: str | None = None


class _Patient(msgspec.Struct):
    identifiers: list[_Identifier] = []
    mrn: _Identifier | None = None


_OF_CASE: Final = Prepared(sa.select(t.person.c.digest).where(t.person.c.case_id == sa.bindparam("case")))
_decode: Final = msgspec.json.Decoder(_Patient).decode


def _read(patient: bytes) -> _Patient:
    try:
        return _decode(patient)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Patient()


def digest(org: str, number: str, authority: str) -> str:
    """What is kept of a patient's number. How it is written (small letters, spaces around it) does not count."""
    return _half(org, "number", number.strip().casefold()) + _of_authority(org, authority.strip())


def _half(org: str, what: str, text: str) -> str:
    return hashlib.sha256(f"{org}\0{what}\0{text}".encode()).hexdigest()[:_HALF]


@lru_cache(1024)
def _of_authority(org: str, authority: str) -> str:
    """There are few of them."""
    return _half(org, "authority", authority)


def _digest(org: str, one: _Identifier) -> str:
    return digest(org, one.id, one.authority or one.authority_id or "")


def digests(org: str, patient: bytes) -> tuple[str, ...]:
    """All digests of a patient."""
    found = _read(patient)
    numbers = [*found.identifiers, *([found.mrn] if found.mrn is not None else [])]
    named = dict.fromkeys((one.id, one.authority or one.authority_id or "") for one in numbers if one.id.strip())
    return tuple(dict.fromkeys(digest(org, number, authority) for number, authority in named))


def remember(tx: Tx, org: str, case: int, patient: bytes, *, new: bool) -> None:
    """Writes down whose a case is, as the last message about it says. `new`: nothing was written about the case yet. The case is
    locked."""
    wanted = digests(org, patient)
    if not wanted:
        return
    if not new:
        known = {row.digest for row in tx.all(_OF_CASE, {"case": case})}
        gone = known.difference(wanted)
        if gone:  # it was another patient's by mistake
            tx.run(sa.delete(t.person).where(t.person.c.case_id == case, t.person.c.digest.in_(sorted(gone))))
        wanted = tuple(one for one in wanted if one not in known)
    if wanted:
        tx.add_new(t.person, [{"org": org, "digest": one, "case_id": case} for one in wanted])


def is_anothers(tx: Tx, org: str, case: int, patient: bytes) -> bool:
    """Whether a case is known to be another patient's. Who assigned a number does not count here: some messages say it, some do
    not."""
    wanted = {digest[:_HALF] for digest in digests(org, patient)}
    return bool(wanted) and _are_two(_numbers(tx, case), wanted)


def _numbers(tx: Tx, case: int) -> set[str]:
    return {row.digest[:_HALF] for row in tx.all(_OF_CASE, {"case": case})}


def _are_two(one: set[str], other: set[str]) -> bool:
    """Whether numbers are those of two people: some of each are known, and none is the same."""
    return bool(one and other) and one.isdisjoint(other)


def merged(tx: Tx, org: str, kept: int, gone: int) -> None:
    """Two cases became one. Raises `AnotherPatient` when they are known to be two patients'."""
    if _are_two(_numbers(tx, kept), _numbers(tx, gone)):
        raise AnotherPatient
    rows = [{"org": org, "digest": row.digest, "case_id": kept} for row in tx.all(_OF_CASE, {"case": gone})]
    if rows:
        tx.add_new(t.person, rows)
    tx.run(sa.delete(t.person).where(t.person.c.case_id == gone))


def cases_by_number(tx: Tx, org: str, number: str, limit: int) -> list[int]:
    """Cases of patients with a number, whoever assigned it, the newest first."""
    c, beginning = t.person.c, digest(org, number, "")[:_HALF]
    where = (c.org == org, c.digest >= beginning, c.digest < beginning + "g")  # no digit is above f
    found = tx.all(sa.select(c.case_id).where(*where).order_by(c.case_id.desc()).limit(limit * 4))
    return list(dict.fromkeys(int(row.case_id) for row in found))[:limit]


def cases_of_patient(tx: Tx, org: str, patient: bytes, limit: int) -> list[int]:
    """The cases of a patient, by his medical record number and who assigned it, the newest first."""
    mrn = _read(patient).mrn
    if mrn is None or not mrn.id.strip():
        return []
    c = t.person.c
    where = (c.org == org, c.digest == _digest(org, mrn))
    found = tx.all(sa.select(c.case_id).where(*where).order_by(c.case_id.desc()).limit(limit))
    return [int(row.case_id) for row in found]
