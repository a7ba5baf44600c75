"""What reviewers say of proposed changes, and what it comes to.

Takes proposals, the accounts of reviewers and the server's key; gives how each organisation stands, and the signed lines
that `segwright approvals import` takes. A verdict is bound to the hashes of plans and policy and to the environment: it
holds for those in whichever proposal they stand, and for nothing else. Whether enough people approved is asked of
`plan.approval` itself, as a runtime asks. Refuses, with `Impossible` and a sentence, a verdict that would count for
nothing. The server never writes a workspace: lines are fetched, and carried there by anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from segwright.accounts.model import Account
from segwright.delivery.approved import signers_of
from segwright.delivery.proposals import NOTHING, Head, Part, head, newest, parts
from segwright.delivery.settings import Settings, secret
from segwright.ledger import tables as t
from segwright.ledger.execution import Row
from segwright.ledger.store import Tx
from segwright.plan.approval import Entry, ItemState, Word, read_lock, says_why, state_of
from segwright.plan.signers import Signers, known
from segwright.plan.sshsig import PrivateKey
from segwright.plan.vouching import exported, server_key, vouched

State = Literal["open", "approved", "refused", "lapsed", "superseded", "nothing"]


class Impossible(Exception):
    """A verdict that is not taken, in a sentence. `code`: unknown, reason, key, trust, proposer, twice, nothing, overtaken,
    refused."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Office:
    """What this server signs with, and whom it knows. `key`: None when nobody can approve here; `signers`: None when the
    settings name no trusted keys; `minimum`: people who must approve anything; `folder`: of the bundles, `root`: of the settings;
    `read_at`: when the keys and the approvals were read, in ms."""

    def __init__(
        self, key: PrivateKey | None, server: str, signers: Signers | None, minimum: int, folder: Path, root: Path = Path(),
        read_at: int = 0,
    ) -> None:  # fmt: skip
        self.key = key
        self.server = server
        self.signers = signers
        self.minimum = minimum
        self.folder = folder
        self.root = root
        self.read_at = read_at

    def person(self, account: str) -> str:
        """Who goes by the name of an account: the trusted keys may know two names of one person."""
        return self.signers.person(account) if self.signers is not None else known(account)

    def trusted_for(self, org: str) -> bool | None:
        """Whether the trusted keys let this server speak for accounts of an organisation; None when that is not known here."""
        if self.key is None or self.signers is None:
            return None
        signer = self.signers.of(self.key.public)
        return signer is not None and signer.vouches_for(org)


def office_of(settings: Settings, root: Path, environ: Mapping[str, str]) -> Office:
    """The office of a server. Raises `settings.SecretMissing`, `plan.vouching.CannotVouch`, `approved.NotRun`."""
    found = settings.approvals
    key = server_key(secret(found.sign, environ)) if found.sign else None
    return Office(
        key,
        found.server or "this server",
        signers_of(settings, root),
        found.approvers,
        root / settings.bundles,
        root,
        int(datetime.now(UTC).timestamp() * 1000),
    )


# --- how things stand -------------------------------------------------------------------------------------------------------


class Verdict(msgspec.Struct, frozen=True):
    """What somebody said of an organisation. `person`: who goes by that account; `withdrawn`: why it was taken back; `line`: of
    an approval, what was signed, and `undone` what takes it back where it was carried; `void`: it is older than such a line
    of somebody else, which voids all approvals of that state."""

    id: int
    proposal: int
    org: str
    binding: str
    kind: Literal["approve", "refuse"]
    account: str
    person: str
    because: str
    at: int
    withdrawn_at: int
    withdrawn: str
    fetched_at: int
    line: str
    undone: str
    void: bool = False

    @property
    def holds(self) -> bool:
        """Whether it was not taken back."""
        return not self.withdrawn_at and not self.void


class Stand(msgspec.Struct, frozen=True):
    """How an organisation of a proposal stands. `by`: people whose approvals count; `needs`: how many must; `verdicts`: all that
    was said of the same hashes, the newest first; `successor`: the proposal that took its place, 0 for none."""

    part: Part
    state: State
    by: tuple[str, ...] = ()
    needs: int = 1
    verdicts: tuple[Verdict, ...] = ()
    successor: int = 0

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """Those that hold."""
        return tuple(each for each in self.verdicts if each.kind == "refuse" and each.holds)

    @property
    def fetched(self) -> bool:
        """Whether any approval that holds was handed out."""
        return any(each.holds and each.fetched_at for each in self.verdicts)

    def of(self, person: str) -> tuple[Verdict, ...]:
        """What holds of what a person said."""
        return tuple(each for each in self.verdicts if each.person == person and each.holds)


def stands(tx: Tx, office: Office, found: Collection[Part]) -> list[Stand]:
    """How organisations of proposals stand, in the order given."""
    out: dict[tuple[int, str], Stand] = {}
    for environment in dict.fromkeys(part.environment for part in found):
        here = [part for part in found if part.environment == environment]
        orgs = list(dict.fromkeys(part.org for part in here))
        last = newest(tx, environment, orgs)
        said = _verdicts(tx, office, environment, orgs)
        for part in here:
            about = _voided([each for each in said.get(part.org, ()) if each.binding == part.binding])
            out[part.proposal, part.org] = _stand(office, part, about, last[part.org])
    return [out[part.proposal, part.org] for part in found]


def _verdicts(tx: Tx, office: Office, environment: str, orgs: Collection[str]) -> dict[str, list[Verdict]]:
    rows = tx.all(
        sa.select(t.verdict)
        .where(t.verdict.c.org.in_(orgs), t.verdict.c.environment == environment)
        .order_by(t.verdict.c.id.desc())
    )
    out: dict[str, list[Verdict]] = {}
    for row in rows:
        out.setdefault(row.org, []).append(_verdict(row, office))
    return out


def _voided(said: list[Verdict]) -> tuple[Verdict, ...]:
    """Verdicts about the same, those voided that a signed line took back with its own."""
    undone = max((read_lock(each.undone)[0].on for each in said if each.undone), default="")
    if not undone:
        return tuple(said)
    return tuple(
        msgspec.structs.replace(each, void=each.kind == "approve" and read_lock(each.line)[0].on <= undone)
        for each in said
    )


def about(tx: Tx, office: Office, org: str, most: int) -> list[Verdict]:
    """The last that was said of an organisation, whatever it was bound to."""
    statement = sa.select(t.verdict).where(t.verdict.c.org == org).order_by(t.verdict.c.id.desc()).limit(most)
    return [_verdict(row, office) for row in tx.all(statement)]


def _verdict(row: Row, office: Office) -> Verdict:
    return Verdict(
        row.id, row.change_id, row.org, row.binding, row.kind, row.account, office.person(row.account), row.because, row.at,
        row.withdrawn_at, row.withdrawn, row.fetched_at, row.line, row.undone,
    )  # fmt: skip


def _stand(office: Office, part: Part, said: tuple[Verdict, ...], last: tuple[int, str, str]) -> Stand:
    number, binding, _ = last
    later = number if number != part.proposal else 0
    if part.binding == NOTHING:
        return Stand(part, "superseded" if later else "nothing", successor=later)
    minimum = max(part.needs, office.minimum)
    reached = reached_by(part, minimum, counting(part, said, office))
    approved = bool(reached.by) and reached.approved
    state: State = "approved" if approved else "open"
    if any(each.kind == "refuse" and each.holds for each in said):
        state = "refused"
    if later and binding == part.binding:
        state = "superseded"  # the same stands there, with the same verdicts
    elif later and not (approved and binding == NOTHING):
        # Against what is approved by now, what was approved and carried over is no change any more: that is its good end.
        state = "lapsed" if any(each.kind == "approve" and each.holds for each in said) else "superseded"
    return Stand(part, state, reached.by, reached.needs, said, later)


def counting(part: Part, said: Iterable[Verdict], office: Office) -> list[Word]:
    """The words that count for a part: approvals that ask for as many people as it needs, and what takes them back."""
    words = []
    for each in said:
        if each.kind != "approve":
            continue
        if each.undone:
            words.append(Word(read_lock(each.undone)[0], each.person, office.server))
        entry = read_lock(each.line)[0]
        if each.holds and entry.needs >= part.needs:
            words.append(Word(entry, each.person, office.server))
    return words


def reached_by(part: Part, minimum: int, words: Collection[Word]) -> ItemState:
    """The state of the item of a part that lacks the most."""
    found = [state_of(item, hash_, part.org, part.environment, words, minimum) for item, hash_ in part.items.items()]
    return min(found, key=lambda each: (each.approved, len(each.by)))


# --- said -------------------------------------------------------------------------------------------------------------------

MOST_AT_ONCE: Final = 5_000
"""Organisations of one verdict."""


def approve(tx: Tx, office: Office, number: int, orgs: Collection[str], account: Account, because: str) -> list[Stand]:
    """An account approves organisations as a proposal has them: all of these, or none. Gives how they stand then. Raises
    `Impossible`."""
    if office.key is None:
        raise Impossible("key", "This server has no key to sign with, so nobody can approve on its pages.")
    proposal, found = _to_be_said(tx, office, number, orgs, because)
    person = office.person(account.name)
    if person == office.person(proposal.proposer):
        raise Impossible("proposer", "You proposed this change: somebody else has to approve it.")
    for stand in found:
        org = stand.part.org
        if office.trusted_for(org) is False:
            raise Impossible("trust", f"The trusted keys do not let this server speak for accounts of {org}.")
        if stand.state == "refused":
            raise Impossible(
                "refused", f"{stand.refusals[0].account} refused it for {org}: that has to be withdrawn first."
            )
        if any(each.kind == "approve" for each in stand.of(person)):
            raise Impossible("twice", f"You approved {org} already. It needs other people.")
    for stand in found:
        part = stand.part
        entry = Entry(
            "approve", part.org, part.environment, part.items, part.severity or "cosmetic", part.needs,
            _stamp(tx.now, stand.verdicts), because.strip(), "", proposal.revision,
        )  # fmt: skip
        line = vouched(entry, account.name, office.key).line
        _add(tx, proposal, part, "approve", account, because, line)
    return stands(tx, office, [stand.part for stand in found])


def refuse(tx: Tx, office: Office, number: int, orgs: Collection[str], account: Account, because: str) -> list[Stand]:
    """An account refuses organisations as a proposal has them. No approval of them is handed out while that holds. Raises
    `Impossible`."""
    proposal, found = _to_be_said(tx, office, number, orgs, because)
    person = office.person(account.name)
    for stand in found:
        if any(each.kind == "refuse" for each in stand.of(person)):
            raise Impossible("twice", f"You refused {stand.part.org} already.")
        if any(each.kind == "approve" for each in stand.of(person)):
            raise Impossible("twice", f"You approved {stand.part.org}: withdraw that first.")
    for stand in found:
        _add(tx, proposal, stand.part, "refuse", account, because, "")
    return stands(tx, office, [stand.part for stand in found])


def withdraw(tx: Tx, office: Office, number: int, orgs: Collection[str], account: Account, because: str) -> int:
    """An account takes back what it said of organisations of a proposal; gives how many verdicts. An approval that was fetched is
    taken back by a signed line, which voids what it approved wherever it was carried. Raises `Impossible`."""
    if not says_why(because):
        raise Impossible("reason", "Say why, on one line.")
    tx.lock(t.change, number)
    person, count = office.person(account.name), 0
    for stand in stands(tx, office, parts(tx, [number], orgs)):
        for each in stand.of(person):
            undone = ""
            if each.fetched_at:
                if office.key is None:
                    raise Impossible("key", "This server has no key any more to sign that an approval is taken back.")
                entry = read_lock(each.line)[0]
                back = Entry(
                    "revoke", entry.organisation, entry.environment, entry.items, "identity", 1,
                    max(entry.on, _clock(tx.now)), because.strip(), "",
                )  # fmt: skip
                undone = vouched(back, account.name, office.key).line
            tx.set(t.verdict, each.id, withdrawn_at=tx.now, withdrawn=because.strip(), undone=undone)
            kind = "approval withdrawn" if each.kind == "approve" else "refusal withdrawn"
            _note(tx, kind, stand.part, account, because, revoked=bool(undone))
            count += 1
    if not count:
        raise Impossible("nothing", "You have said nothing of it that could be withdrawn.")
    return count


def _to_be_said(tx: Tx, office: Office, number: int, orgs: Collection[str], because: str) -> tuple[Head, list[Stand]]:
    """The proposal, locked, and how the organisations stand. Raises `Impossible` where no verdict counts."""
    tx.lock(t.change, number)
    proposal = head(tx, number)
    if proposal is None or not orgs or len(orgs) > MOST_AT_ONCE:
        raise Impossible("unknown", "Choose at least one hospital.")
    if not says_why(because):
        raise Impossible("reason", "Say why, on one line: what you looked at, and what you rely on.")
    if proposal.pruned_at:
        raise Impossible("overtaken", "What it changes is not kept any more: nobody can decide about it.")
    found = stands(tx, office, parts(tx, [number], orgs))
    if {stand.part.org for stand in found} != set(orgs):
        raise Impossible("unknown", "Choose at least one hospital.")
    for stand in found:
        if stand.state == "nothing":
            raise Impossible(
                "nothing", f"There is nothing of {stand.part.org} to approve: it is gone, or does not compile."
            )
        if stand.state in ("lapsed", "superseded"):
            raise Impossible(
                "overtaken",
                f"Proposal {stand.successor} took the place of this one for {stand.part.org}: look at that one.",
            )
    return proposal, found


def _add(tx: Tx, proposal: Head, part: Part, kind: str, account: Account, because: str, line: str) -> None:
    tx.insert(
        t.verdict, change_id=proposal.id, org=part.org, environment=part.environment, binding=part.binding, kind=kind,
        account_id=account.id, account=account.name, because=because.strip(), line=line, at=tx.now,
    )  # fmt: skip
    _note(tx, "change approved" if kind == "approve" else "change refused", part, account, because)


def _note(tx: Tx, kind: str, part: Part, account: Account, because: str, **facts: Any) -> None:
    tx.journal.note(
        kind, part.org, actor=account.name, proposal=part.proposal, environment=part.environment, binding=part.binding,
        because=because.strip(), **facts,
    )  # fmt: skip


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp(ms: int, said: Iterable[Verdict]) -> str:
    """The time of an approval: now, but after whatever takes back an earlier one, since entries count in seconds."""
    undone = max((read_lock(each.undone)[0].on for each in said if each.undone), default="")
    now = _clock(ms)
    if now > undone:
        return now
    after = datetime.strptime(undone, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) + timedelta(seconds=1)
    return after.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- fetched ----------------------------------------------------------------------------------------------------------------


def export(tx: Tx, office: Office, number: int, orgs: Collection[str], actor: str) -> str:
    """The signed lines of a proposal, as `segwright approvals import` takes them: every approval that holds of what is still
    proposed and not refused, and what takes back what was fetched before. Writes down that they were fetched."""
    entries: list[Entry] = []
    for stand in stands(tx, office, parts(tx, [number], orgs)):
        entries += [read_lock(each.undone)[0] for each in stand.verdicts if each.undone]
        if stand.state not in ("open", "approved"):
            continue
        for each in reversed(stand.verdicts):
            if each.kind != "approve" or not each.holds:
                continue
            entry = read_lock(each.line)[0]
            if entry.needs >= stand.part.needs:
                entries.append(entry)
                if not each.fetched_at:
                    tx.set(t.verdict, each.id, fetched_at=tx.now)
        tx.journal.note("approvals fetched", stand.part.org, actor=actor, proposal=number)
    return exported(entries, office.server)
