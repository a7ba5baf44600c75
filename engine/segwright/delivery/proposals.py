"""Changes that people are asked to approve: taken from `segwright propose`, kept, and found again for who may see them.

Takes a review as data (`review.document.Proposal`); keeps it whole and unchanged, apart for each organisation, so that what
is another's is never even read for somebody. Another state of the workspace is another proposal, and takes the place of the
earlier one organisation by organisation. Refuses, with `NotTaken`, what cannot be asked. Functions of a transaction; no
compiler: what a proposal says is the word of its proposer, and what an approval is bound to are the hashes it names.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import tables as t
from segwright.ledger.execution import Row
from segwright.ledger.store import Tx
from segwright.plan.approval import POLICY
from segwright.review.change import Severity
from segwright.review.document import Document, Proposal, ShownCase

LARGEST_SENT: Final = 16 << 20
"""Bytes of a proposal as it comes, compressed."""
LARGEST: Final = 128 << 20
"""Bytes of a proposal."""
MOST_HOSPITALS: Final = 5_000

_ORG: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")
_ITEM: Final = re.compile(r"policy|plan:[A-Za-z0-9_]{1,100}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")

NOTHING: Final = ""
"""The binding of an organisation for which nothing is to be approved: no plan and no policy of it moves, or it is gone."""


class NotTaken(Exception):
    """A proposal that nobody can be asked about, and why."""


class Own(msgspec.Struct, frozen=True):
    """What a proposal says of one organisation alone: for each change of its group where it shows, and its files."""

    where: tuple[tuple[str, ...], ...] = ()
    cases: tuple[ShownCase, ...] = ()


class Head(msgspec.Struct, frozen=True):
    """A proposal without its review. `severity`: "" when nothing moves; `pruned_at`: since when only its rules are kept, or 0."""

    id: int
    environment: str
    proposer: str
    because: str
    base: str
    revision: str
    severity: str
    at: int
    pruned_at: int


class Part(msgspec.Struct, frozen=True):
    """An organisation of a proposal. `group`: "" when nothing of it changes; `binding`: what an approval holds for, NOTHING when
    nothing can be approved; `items`: the hash of each plan and of the policy; `needs`: how many people must approve."""

    proposal: int
    org: str
    environment: str
    group: str
    severity: str
    needs: int
    binding: str
    items: Mapping[str, str]


# --- taken ------------------------------------------------------------------------------------------------------------------


def unpacked(data: bytes) -> bytes:
    """A proposal as it comes, gzip, decompressed. Raises `NotTaken`."""
    opening = zlib.decompressobj(wbits=31)
    try:
        found = opening.decompress(data, LARGEST + 1)
    except zlib.error:
        raise NotTaken("it is not compressed with gzip") from None
    if len(found) > LARGEST:
        raise NotTaken(f"it has more than {LARGEST:,} bytes: propose some hospitals at a time, with --org")
    if not opening.eof or opening.unused_data:
        raise NotTaken("it is cut short, or more follows it")
    return found


def take(tx: Tx, proposal: Proposal, digest: str, proposer: str) -> tuple[int, bool]:
    """Keeps a proposal that was judged; gives its number, and whether it is the newest one already. `digest`: of its text."""
    review = proposal.review
    newest = tx.first(
        sa.select(t.change.c.id, t.change.c.digest)
        .where(t.change.c.environment == proposal.environment)
        .order_by(t.change.c.id.desc())
        .limit(1)
    )
    if newest is not None and newest.digest == digest:
        return int(newest.id), True
    number = tx.insert(
        t.change, environment=proposal.environment, digest=digest, proposer=proposer, because=proposal.because.strip(),
        base=review.base, revision=review.revision, severity=str(review.severity or ""), body=_packed(_shared(review)),
        at=tx.now,
    )  # fmt: skip
    rows = list(_rows(proposal, number))
    tx.run(sa.insert(t.change_part), rows)
    for row in rows:
        if row["group_"]:
            tx.journal.note(
                "change proposed", row["org"], actor=proposer, proposal=number, environment=proposal.environment,
                severity=row["severity"],
            )  # fmt: skip
    return number, False


def judge(proposal: Proposal) -> None:
    """Raises `NotTaken` for a proposal that contradicts itself."""
    review = proposal.review
    of_groups = [name for group in review.groups for name in group.organisations]
    names = [hospital.name for hospital in review.hospitals]
    if not names:
        raise NotTaken("nothing changes for any hospital")
    if len(review.compared) > MOST_HOSPITALS or len(names) > MOST_HOSPITALS:
        raise NotTaken(f"it is about more than {MOST_HOSPITALS:,} hospitals: propose some at a time, with --org")
    if len(set(of_groups)) != len(of_groups) or sorted(of_groups) != sorted(names):
        raise NotTaken("its groups and its hospitals are not the same")
    if not all(map(_ORG.fullmatch, {*names, *review.compared})) or not set(names) <= set(review.compared):
        raise NotTaken("it names hospitals that can be none, or that were not compared")
    if not proposal.because.isprintable() or len(proposal.because.strip()) < 3:
        raise NotTaken("it must say on one line what it is for")
    sizes = {group.id: len(group.changes) for group in review.groups}
    members: dict[str, frozenset[str]] = {}
    for group in review.groups:
        members.setdefault(group.id, frozenset(group.organisations))
    for hospital in review.hospitals:
        binding = hospital.environments.get(proposal.environment)
        if hospital.name not in members.get(hospital.group, frozenset()):
            raise NotTaken(f"{hospital.name} is not in the group that it names")
        if len(hospital.where) != sizes[hospital.group]:
            raise NotTaken(f"{hospital.name} does not say where each change shows")
        if binding is not None and not (
            POLICY in binding.items
            and binding.needs >= 1
            and all(_ITEM.fullmatch(item) and _HASH.fullmatch(hash_) for item, hash_ in binding.items.items())
        ):
            raise NotTaken(f"{hospital.name} does not say what an approval is bound to")


def _shared(review: Document) -> Document:
    """What everybody who sees anything of it reads: without hospitals of their own and without files."""
    groups = tuple(msgspec.structs.replace(group, cases=()) for group in review.groups)
    return msgspec.structs.replace(review, groups=groups, hospitals=(), compared=())


def _rows(proposal: Proposal, number: int) -> Iterable[dict[str, Any]]:
    review = proposal.review
    firsts = {group.organisations[0]: group.cases for group in review.groups}
    hospitals = {hospital.name: hospital for hospital in review.hospitals}
    for name in sorted(review.compared):
        row = {
            "change_id": number, "org": name, "environment": proposal.environment, "group_": "", "severity": "", "needs": 0,
            "binding": NOTHING, "items": "{}", "body": b"",
        }  # fmt: skip
        hospital = hospitals.get(name)
        if hospital is not None:
            cases = firsts[name] if name in firsts else proposal.cases.get(name, ())
            body = _packed(Own(hospital.where, cases))
            row |= {"group_": hospital.group, "severity": str(hospital.severity or ""), "body": body}
            there = hospital.environments.get(proposal.environment)
            if there is not None and there.moved:
                items = msgspec.json.encode(there.items, order="deterministic")
                row |= {"needs": there.needs, "binding": hashlib.sha256(items).hexdigest(), "items": items.decode()}
        yield row


def _packed(value: msgspec.Struct) -> bytes:
    return zlib.compress(msgspec.json.encode(value), 6)


# --- found ------------------------------------------------------------------------------------------------------------------

_HEAD: Final = [
    t.change.c[name]
    for name in ("id", "environment", "proposer", "because", "base", "revision", "severity", "at", "pruned_at")
]
_PART: Final = [
    t.change_part.c[name]
    for name in ("change_id", "org", "environment", "group_", "severity", "needs", "binding", "items")
]


def head(tx: Tx, number: int) -> Head | None:
    """A proposal by its number."""
    row = tx.first(sa.select(*_HEAD).where(t.change.c.id == number))
    return _head(row) if row is not None else None


def heads(tx: Tx, orgs: Collection[str], *, before: int = 0, most: int = 20) -> list[Head]:
    """The newest proposals that change something for any of these organisations. `before`: only those with a smaller number."""
    touching = (
        sa.select(t.change_part.c.change_id)
        .where(t.change_part.c.org.in_(orgs), t.change_part.c.group_ != "")
        .distinct()
    )
    if before:
        touching = touching.where(t.change_part.c.change_id < before)
    chosen = touching.order_by(t.change_part.c.change_id.desc()).limit(most)
    rows = tx.all(sa.select(*_HEAD).where(t.change.c.id.in_(chosen.scalar_subquery())).order_by(t.change.c.id.desc()))
    return [_head(row) for row in rows]


def _head(row: Row) -> Head:
    return Head(
        row.id, row.environment, row.proposer, row.because, row.base, row.revision, row.severity, row.at, row.pruned_at
    )  # fmt: skip


def review(tx: Tx, number: int) -> Document:
    """The review of a proposal: of all its organisations, without their own places and files. What of it somebody may see is
    for `shown`."""
    body = tx.scalar(sa.select(t.change.c.body).where(t.change.c.id == number))
    return msgspec.json.decode(zlib.decompress(body), type=Document)


def parts(tx: Tx, numbers: Collection[int], orgs: Collection[str]) -> list[Part]:
    """Of proposals those organisations, of these, for which anything changes; by name."""
    rows = tx.all(
        sa.select(*_PART)
        .where(t.change_part.c.change_id.in_(numbers), t.change_part.c.org.in_(orgs), t.change_part.c.group_ != "")
        .order_by(t.change_part.c.org)
    )
    return [_part(row) for row in rows]


def _part(row: Row) -> Part:
    items = msgspec.json.decode(row.items, type=dict[str, str])
    return Part(row.change_id, row.org, row.environment, row.group_, row.severity, row.needs, row.binding, items)


def organisations(tx: Tx, number: int) -> tuple[str, ...]:
    """Every organisation for which a proposal changes something: to count, and for its proposer."""
    rows = tx.all(
        sa.select(t.change_part.c.org)
        .where(t.change_part.c.change_id == number, t.change_part.c.group_ != "")
        .order_by(t.change_part.c.org)
    )
    return tuple(row.org for row in rows)


def everybody(tx: Tx, number: int) -> tuple[str, ...]:
    """Every organisation that a proposal compared: to know whose names somebody must not read."""
    return tuple(row.org for row in tx.all(sa.select(t.change_part.c.org).where(t.change_part.c.change_id == number)))


def own(tx: Tx, number: int, org: str) -> Own:
    """What a proposal says of one organisation alone."""
    body = tx.scalar(
        sa.select(t.change_part.c.body).where(t.change_part.c.change_id == number, t.change_part.c.org == org)
    )
    return msgspec.json.decode(zlib.decompress(body), type=Own) if body else Own()


def newest(tx: Tx, environment: str, orgs: Collection[str]) -> dict[str, tuple[int, str, str]]:
    """Of each organisation the newest proposal that compared it: its number, the binding and the group there."""
    last = (
        sa.select(t.change_part.c.org, sa.func.max(t.change_part.c.change_id).label("number"))
        .where(t.change_part.c.org.in_(orgs), t.change_part.c.environment == environment)
        .group_by(t.change_part.c.org)
        .subquery()
    )
    rows = tx.all(
        sa.select(t.change_part.c.org, t.change_part.c.change_id, t.change_part.c.binding, t.change_part.c.group_).join(
            last, sa.and_(t.change_part.c.org == last.c.org, t.change_part.c.change_id == last.c.number)
        )
    )
    return {row.org: (row.change_id, row.binding, row.group_) for row in rows}


# --- let go -----------------------------------------------------------------------------------------------------------------


def prune(tx: Tx, before: int, minimum: int = 1, most: int = 20) -> int:
    """Lets go of what nobody decides about any more: proposals from before a time of whose hospitals each was decided or
    overtaken. What somebody said of one is kept for good, with its rules in sentences; its messages before and after are not. One
    that was overtaken before anybody said anything goes altogether. `minimum`: how many people must approve at least; `most`:
    how many at once. Gives how many it were."""
    c, count = t.change.c, 0
    for row in tx.all(sa.select(c.id, c.environment).where(c.pruned_at == 0, c.at < before).order_by(c.id)):
        if tx.lock(t.change, row.id) is None:
            continue  # by another process, just now
        found = tx.all(sa.select(*_PART).where(t.change_part.c.change_id == row.id))
        last = newest(tx, row.environment, [each.org for each in found])
        overtaken = {each.org for each in found if last[each.org][0] != row.id}
        if not all(each.org in overtaken or _is_decided(tx, _part(each), minimum) for each in found):
            continue
        said = tx.first(sa.select(t.verdict.c.id).where(t.verdict.c.change_id == row.id).limit(1))
        if said is None and len(overtaken) == len(found):
            tx.run(sa.delete(t.change_part).where(t.change_part.c.change_id == row.id))
            tx.run(sa.delete(t.change).where(c.id == row.id))
        else:
            rules = msgspec.structs.replace(review(tx, row.id), fleet=(), groups=(), fields={})
            tx.set(t.change, row.id, body=_packed(rules), pruned_at=tx.now)
            tx.run(sa.update(t.change_part).where(t.change_part.c.change_id == row.id).values(body=b""))
        count += 1
        if count >= most:
            break
    return count


def _is_decided(tx: Tx, part: Part, minimum: int) -> bool:
    """Whether enough people approved a part, or anybody refused it, or there is nothing to approve."""
    if part.binding == NOTHING:
        return True
    c = t.verdict.c
    where = (c.org == part.org, c.environment == part.environment, c.binding == part.binding, c.withdrawn_at == 0)
    said = tx.all(sa.select(c.kind, c.account_id).where(*where))
    approving = {each.account_id for each in said if each.kind == "approve"}
    return any(each.kind == "refuse" for each in said) or len(approving) >= max(part.needs, minimum)


# --- what of it somebody may see --------------------------------------------------------------------------------------------


def shown(found: Document, orgs: Collection[str], everybody: Collection[str]) -> Document:
    """A review as who has a role for `orgs` may see it: groups, places, values and rules that are about them, nothing that is
    about others of `everybody`, and no name of theirs."""
    mine = set(orgs)
    groups = []
    for group in found.groups:
        names = tuple(name for name in group.organisations if name in mine)
        if names:
            changes = tuple(msgspec.structs.replace(change, where=()) for change in group.changes)
            groups.append(msgspec.structs.replace(group, organisations=names, changes=changes))
    lines = []
    for line in found.fleet:
        values = []
        for value in line.values:
            names = tuple(name for name in value.organisations if name in mine)
            if names:
                values.append(msgspec.structs.replace(value, organisations=names))
        if values:
            values.sort(key=lambda value: -len(value.organisations))
            said = values[0].said if len(values) == 1 else f"{len(values):,} different values, such as {values[0].said}"
            lines.append(msgspec.structs.replace(line, values=tuple(values), said=said))
    others = set(everybody) - mine
    rules = tuple(rule for rule in found.rules if rule.layer not in others and not _stands_with(rule.place, others))
    grave = [group.severity for group in groups if group.severity is not None]
    return msgspec.structs.replace(
        found, groups=tuple(groups), fleet=tuple(lines), rules=rules, hospitals=(), compared=(),
        severity=min(grave, key=lambda severity: Severity(severity).rank, default=None),
        notes=tuple(note for note in found.notes if not _names(note, others)),
        problems=tuple(problem for problem in found.problems if not _names(problem, others)),
    )  # fmt: skip


def _stands_with(place: str, others: Collection[str]) -> bool:
    """Whether a place is in the folder of one of these organisations."""
    found = re.match(r"orgs/([^/]+)/", place)
    return found is not None and found[1] in others


def _names(text: str, others: Collection[str]) -> bool:
    """Whether a text names one of these organisations."""
    return any(word in others for word in re.findall(r"[a-z][a-z0-9_]*", text))
