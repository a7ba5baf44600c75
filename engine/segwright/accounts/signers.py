"""How clinicians stand in messages when they sign: a document for each account and organisation, of the type that the model gives
`signed_by`. Administrators write it; it is about the clinician and nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.store import Tx
from segwright.library import builtins

_NPI_VALID: Final = next(one for one in builtins() if one.name == "npi_valid").call


def faults(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with how a clinician shall sign, by attribute, whatever the model."""
    if not any(given.values()):
        return {"given": "Fill in at least the name."}
    if given.get("npi") and not _NPI_VALID(given["npi"]):
        return {"npi": "This is no NPI: ten digits, of which the last one is a check digit."}
    return {}


def signer(tx: Tx, account: int, org: str) -> bytes | None:
    """How an account signs for an organisation, as JSON; None when nobody has said."""
    found = tx.scalar(sa.select(t.signer.c.document).where(t.signer.c.account_id == account, t.signer.c.org == org))
    return None if found is None else str(found).encode()


def signers(tx: Tx, org: str, accounts: Iterable[int]) -> dict[int, bytes]:
    """The same for several accounts, by their ids."""
    wanted = list(accounts)
    rows = tx.all(sa.select(t.signer).where(t.signer.c.org == org, t.signer.c.account_id.in_(wanted)))
    return {row.account_id: row.document.encode() for row in rows}


def set_signer(tx: Tx, account: int, org: str, document: bytes, actor: str) -> None:
    """Says how an account signs for an organisation. It is written down by whom."""
    tx.put(t.signer, account_id=account, org=org, document=document.decode(), actor=actor, at=tx.now)
    name = tx.scalar(sa.select(t.account.c.name).where(t.account.c.id == account))
    tx.journal.note("signer set", org, actor=actor, account=str(name))
