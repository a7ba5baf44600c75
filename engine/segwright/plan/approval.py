"""Approvals: what may run in production, signed by whom. The lock of an organisation, and what a runtime makes of it.

    approve mercy production plan:ecg_result=HASH policy=HASH rated=clinical needs=2 on=2026-11-26T14:03:00Z from=4f2a1c9
      because="…" by=SHA256:… sig=…                                                  (all on one line)

A line is one person's word on some plans and perhaps the policy, each by its hash: two branches that change different
messages can be merged, and both approvals hold. What is signed is the line up to ` sig=`. The order of lines means nothing.
With as="NAME" before the key, a server signed, and says which of its accounts, or which subject of an identity provider,
approved: that is who counts.

Takes a bundle, the text of a lock, the trusted signers and the time; gives an `Approval` or a `Refusal`. A line that was
tampered with refuses all of it; one whose key nobody trusts (any more) counts for nothing. Imports no compiler: what
delivers calls this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from segwright.plan.bundle import Bundle
from segwright.plan.manifest import Manifest
from segwright.plan.signers import ACCOUNTS, NAMESPACE, Signer, Signers
from segwright.plan.sshsig import SignatureRefused, verify

FILE: Final = "approvals.lock"
PRODUCTION: Final = "production"
"""The environment that runs nothing unapproved."""
POLICY: Final = "policy"

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_TOKEN: Final = re.compile(r' ([a-z][a-z0-9_]*(?::[A-Za-z0-9_]+)?)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
_HEAD: Final = re.compile(r"(approve|revoke) ([a-z][a-z0-9_]{0,60}) ([a-z][a-z0-9_]{0,60})(?= )")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_LONGEST: Final = 64 * 1024
LONGEST_REASON: Final = 2_000
LONGEST_ACCOUNT: Final = 300
"""Most characters of a reason, and of the name of an account."""


class LockRefused(Exception):
    """A lock that is not taken. `line`: from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(f"line {line}: {reason}")
        self.reason = reason
        self.line = line


class Entry(msgspec.Struct, frozen=True):
    """One line. `items`: by `plan:NAME` or `policy` the hash that is approved or revoked. `rated`: the severity it was approved
    as; `needs`: how many people must. `source`: the revision it was made from, "" when nobody knows. `by`: the fingerprint of the
    key. `account`: whose word it is when a server signed, "" when the key is the approver's own. `signature` is "" before it is
    signed."""

    kind: Literal["approve", "revoke"]
    organisation: str
    environment: str
    items: Mapping[str, str]
    rated: str
    needs: int
    on: str
    because: str
    by: str
    source: str = ""
    signature: str = ""
    account: str = ""

    @property
    def namespace(self) -> str:
        """What it is signed for."""
        return f"{ACCOUNTS}{self.organisation}" if self.account else NAMESPACE

    @property
    def payload(self) -> str:
        """What is signed."""
        items = " ".join(f"{name}={hash_}" for name, hash_ in sorted(self.items.items()))
        words = [
            self.kind,
            self.organisation,
            self.environment,
            items,
            f"rated={self.rated}",
            f"needs={self.needs}",
            f"on={self.on}",
        ]
        words += [f"from={self.source}"] if self.source else []
        words += [f"because={json.dumps(self.because)}"]
        words += [f"as={json.dumps(self.account)}"] if self.account else []
        return " ".join([*words, f"by={self.by}"])

    @property
    def line(self) -> str:
        """The line of the lock."""
        return f"{self.payload} sig={self.signature}"


class Approval(msgspec.Struct, frozen=True):
    """A bundle may run: by item (`plan:NAME`, `policy`) who approved it."""

    organisation: str
    environment: str
    by: Mapping[str, tuple[str, ...]]


class Refusal(msgspec.Struct, frozen=True):
    """A bundle may not run. `code`: unapproved, too_few, revoked, lock; `reason` in words."""

    code: Literal["unapproved", "too_few", "revoked", "lock"]
    reason: str


class Standing(msgspec.Struct, frozen=True):
    """Whether a bundle may run where it stands, and what must be shown about it: outside of production it may without approval,
    visibly. `code`: of the refusal, "" when it is approved."""

    runs: bool
    approved: bool
    said: str
    code: str = ""


# --- reading a lock ------------------------------------------------------------------------------------------------------


def read_lock(text: str) -> tuple[Entry, ...]:
    """The entries of a lock. Raises `LockRefused` for any line that is none."""
    return tuple(entry for _, entry in _numbered(text))


def _numbered(text: str) -> Iterator[tuple[int, Entry]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, _entry(line, number)


def _entry(line: str, number: int) -> Entry:
    head = _HEAD.match(line)
    if head is None or len(line) > _LONGEST:
        raise LockRefused("it is no line of a lock", number)
    given: dict[str, str] = {}
    position = head.end()
    while position < len(line):
        token = _TOKEN.match(line, position)
        if token is None or token[1] in given:
            raise LockRefused("it cannot be read", number)
        given[token[1]] = token[2]
        position = token.end()
    items = {name: value for name, value in given.items() if name == POLICY or name.startswith("plan:")}
    others = {name: value for name, value in given.items() if name not in items}
    known = {"rated", "needs", "on", "because", "by", "sig"}
    if (
        set(others) - {"from", "as"} != known
        or not items
        or not all(_HASH.fullmatch(value) for value in items.values())
    ):
        raise LockRefused("it lacks something, or holds what nobody knows", number)
    try:
        because = json.loads(others["because"])
        account = json.loads(others["as"]) if "as" in others else ""
        needs = int(others["needs"])
    except ValueError:
        raise LockRefused("it cannot be read", number) from None
    texts = isinstance(because, str) and isinstance(account, str)
    if not _TIME.fullmatch(others["on"]) or not texts or needs < 1 or ("as" in others and not is_account(account)):
        raise LockRefused("it cannot be read", number)
    entry = Entry(
        head[1], head[2], head[3], items, others["rated"], needs, others["on"], because, others["by"],  # type: ignore[arg-type]
        others.get("from", ""), others["sig"], account,
    )  # fmt: skip
    if entry.line != line:  # the payload must be the very bytes that were signed
        raise LockRefused("it is not written as segwright writes it", number)
    return entry


def is_account(text: str) -> bool:
    """Whether a text can name an account, or a subject of an identity provider: printable, without spaces around it."""
    return 0 < len(text) <= LONGEST_ACCOUNT and text.isprintable() and text == text.strip()


def says_why(text: str) -> bool:
    """Whether a text can be the reason of an entry: something, on one line."""
    return 3 <= len(text.strip()) <= LONGEST_REASON and text.isprintable()


class Word(msgspec.Struct, frozen=True):
    """An entry whose signature holds, and whose word it is. `through`: the server that says so, "" when a person signed."""

    entry: Entry
    signer: str
    through: str = ""


class Unheard(msgspec.Struct, frozen=True):
    """An entry whose signature holds and that counts for nothing all the same; `reason` in words."""

    entry: Entry
    reason: str


def words(text: str, signers: Signers, now: str) -> tuple[Word, ...]:
    """The entries that count. `now`: YYYYMMDDHHMMSS in UTC. Raises `LockRefused` when one was tampered with."""
    return tuple(found for found in heard(text, signers, now) if isinstance(found, Word))


def heard(text: str, signers: Signers, now: str) -> tuple[Word | Unheard, ...]:
    """Every entry, with whose word it is or why it is nobody's. Raises `LockRefused` when one was tampered with."""
    return tuple(_heard(entry, number, signers, now) for number, entry in _numbered(text))


def _heard(entry: Entry, number: int, signers: Signers, now: str) -> Word | Unheard:
    try:
        key = verify(entry.signature, entry.payload.encode(), entry.namespace)
    except SignatureRefused as refused:
        raise LockRefused(f"the signature of an entry ({entry.by}) is refused: {refused.reason}", number) from None
    if key.fingerprint != entry.by:
        raise LockRefused("an entry is signed by another key than it says", number)
    signer = signers.of(key)
    reason = _unheard(entry, signer, now)
    if reason or signer is None:
        return Unheard(entry, reason)
    if entry.account:
        return Word(entry, signers.person(entry.account), signer.name)
    return Word(entry, signers.person(signer.name))


def _unheard(entry: Entry, signer: Signer | None, now: str) -> str:
    """Why an entry counts for nothing; "" when it counts."""
    if signer is None:
        return f"nobody trusts the key {entry.by}"
    if not signer.counts(now):
        return f"the key of {signer.name} does not count at this time"
    if entry.account and not signer.vouches_for(entry.organisation):
        return f"the key of {signer.name} may not speak for accounts of {entry.organisation}"
    if not entry.account and signer.vouches:
        return f"the key of {signer.name} speaks for accounts, and the entry names none"
    return ""


# --- what it means -----------------------------------------------------------------------------------------------------------


def items_of(manifest: Manifest) -> dict[str, str]:
    """What must be approved of a bundle: the hash of each plan, and of the policy."""
    return {**{f"plan:{entry.name}": entry.plan for entry in manifest.catalogue}, POLICY: manifest.policy_hash}


class ItemState(msgspec.Struct, frozen=True):
    """What the words say of one item: by whom it was approved, how many must, and whether it was revoked since."""

    by: tuple[str, ...]
    needs: int
    revoked: bool = False

    @property
    def approved(self) -> bool:
        """Whether enough people approved it and nobody revoked it."""
        return not self.revoked and len(self.by) >= self.needs


def state_of(
    item: str, hash_: str, organisation: str, environment: str, said: Iterable[Word], minimum: int = 1
) -> ItemState:
    """What the words say of an item. An approval that is not younger than a revocation is void."""
    about = [
        word
        for word in said
        if (word.entry.organisation, word.entry.environment) == (organisation, environment)
        and word.entry.items.get(item) == hash_
    ]
    revoked = max((word.entry.on for word in about if word.entry.kind == "revoke"), default="")
    approving = [word for word in about if word.entry.kind == "approve" and word.entry.on > revoked]
    names = tuple(dict.fromkeys(word.signer for word in approving))
    return ItemState(names, max([minimum, *(word.entry.needs for word in approving)]), bool(revoked) and not approving)


def verified(
    bundle: Bundle, lock: str, signers: Signers, now: str, *, minimum: int = 1, revoked: Collection[str] = ()
) -> Approval | Refusal:
    """Whether a bundle may run in its environment. `now`: YYYYMMDDHHMMSS in UTC; `minimum`: people who must approve anything,
    whatever a lock says; `revoked`: hashes of plans or policies that the operator lets run no more."""
    return verified_manifest(bundle.manifest, lock, signers, now, minimum=minimum, revoked=revoked)


def verified_manifest(
    manifest: Manifest, lock: str, signers: Signers, now: str, *, minimum: int = 1, revoked: Collection[str] = ()
) -> Approval | Refusal:
    """As `verified`, for a manifest whose plans are known to be those that it names."""
    try:
        said = words(lock, signers, now)
    except LockRefused as refused:
        return Refusal("lock", f"{FILE} of {manifest.organisation}: {refused}")
    where = f"{manifest.organisation} in {manifest.environment}"
    by: dict[str, tuple[str, ...]] = {}
    for item, hash_ in items_of(manifest).items():
        state = state_of(item, hash_, manifest.organisation, manifest.environment, said, minimum)
        called = called_item(item)
        if state.revoked or hash_ in revoked:
            return Refusal("revoked", f"{called} of {where} was revoked")
        if not state.by:
            return Refusal("unapproved", f"{called} of {where} is not approved")
        if not state.approved:
            return Refusal(
                "too_few", f"{called} of {where} is approved by {len(state.by)} of {state.needs}: {', '.join(state.by)}"
            )
        by[item] = state.by
    return Approval(manifest.organisation, manifest.environment, by)


def standing(
    bundle: Bundle, lock: str, signers: Signers | None, now: str, *, minimum: int = 1, revoked: Collection[str] = ()
) -> Standing:
    """Whether a bundle may run. Without `signers` nothing is approved."""
    answer: Approval | Refusal = Refusal("unapproved", "no trusted keys were given")
    if signers is not None:
        answer = verified(bundle, lock, signers, now, minimum=minimum, revoked=revoked)
    if isinstance(answer, Approval):
        everyone = sorted({name for names in answer.by.values() for name in names})
        return Standing(True, True, f"approved by {', '.join(everyone)}")
    production = bundle.manifest.environment == PRODUCTION
    tampered = answer.code in ("lock", "revoked")
    if production or tampered:
        return Standing(False, False, answer.reason, answer.code)
    return Standing(
        True, False, f"UNAPPROVED, and runs only because this is {bundle.manifest.environment}: {answer.reason}", answer.code,
    )  # fmt: skip


def revoked_hashes(lock: str, organisation: str, environment: str, signers: Signers, now: str) -> frozenset[str]:
    """The hashes that were revoked and not approved again: what was queued under them must not go out. Raises `LockRefused`."""
    said = words(lock, signers, now)
    items = {(item, hash_) for word in said for item, hash_ in word.entry.items.items() if word.entry.kind == "revoke"}
    return frozenset(hash_ for item, hash_ in items if state_of(item, hash_, organisation, environment, said).revoked)


def called_item(item: str) -> str:
    """How people call an item: the message's name, or the policy."""
    return "the policy" if item == POLICY else f"the plan for {item.partition(':')[2]}"
