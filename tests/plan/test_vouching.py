"""A server speaks for its accounts: they count as who they are, for the organisations it may speak for, and the server never does."""

from __future__ import annotations

import shutil
import subprocess

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from segwright.plan.approval import (
    Approval,
    Entry,
    LockRefused,
    Refusal,
    Unheard,
    Word,
    heard,
    items_of,
    revoked_hashes,
    words,
)
from segwright.plan.signers import Signers, read_signers
from segwright.plan.vouching import CannotVouch, exported, server_key, vouched
from tests.plan.signing import Key
from tests.plan.test_approval import NOW, asked, bundle, entry, refused  # noqa: F401

SERVER, ALICE, BO = Key("review.hospital.example"), Key("alice"), Key("bo")


def private(key: Key) -> bytes:
    """A key's file as `ssh-keygen` writes it."""
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen is not installed"
)
SIGNING = server_key(private(SERVER))
SPEAKS = 'namespaces="segwright-accounts/mercy"'


def trusting(*lines: str) -> Signers:
    return read_signers("".join(lines))


SIGNERS = trusting(SERVER.trusted(SPEAKS), ALICE.trusted().replace("alice ", "alice,a.chen "), BO.trusted())


def said(found: Entry, account: str = "dr.chen") -> str:
    return vouched(found, account, SIGNING).line + "\n"


def test_an_account_counts_as_itself_and_not_as_the_server(bundle):  # noqa: F811
    found = asked(bundle, said(entry(bundle)), SIGNERS)
    assert isinstance(found, Approval)
    assert set(found.by.values()) == {("dr.chen",)}
    (word,) = words(said(entry(bundle)), SIGNERS, NOW)
    assert (word.signer, word.through) == ("dr.chen", "review.hospital.example")


def test_four_eyes_are_two_accounts_or_an_account_and_another_person(bundle):  # noqa: F811
    two = entry(bundle, 2)
    for lock in (
        said(two) + said(two, "DR.Chen"),
        said(two, "a.chen") + ALICE.word(two),
        said(two, "alice") + ALICE.word(two),
        said(two, "A.Chen") + said(two, "alice"),
    ):
        assert refused(bundle, lock, SIGNERS).code == "too_few"
    for lock in (
        said(two) + said(two, "dr.okoye"),
        said(two, "a.chen") + BO.word(two),
        said(two, "https://id.hospital.example#0123") + ALICE.word(two),
    ):
        assert isinstance(asked(bundle, lock, SIGNERS), Approval)


def test_a_server_speaks_for_the_organisations_that_the_trusted_keys_name(bundle):  # noqa: F811
    for line in (SERVER.trusted('namespaces="segwright-accounts/northgate"'), SERVER.trusted()):
        signers = trusting(line, ALICE.trusted())
        assert refused(bundle, said(entry(bundle)), signers).code == "unapproved"
        (found,) = heard(said(entry(bundle)), signers, NOW)
        assert isinstance(found, Unheard)
        assert "may not speak for accounts of mercy" in found.reason
    everywhere = trusting(SERVER.trusted('namespaces="segwright-accounts/*"'))
    assert isinstance(asked(bundle, said(entry(bundle)), everywhere), Approval)


def test_neither_a_server_alone_nor_a_person_for_others_counts(bundle):  # noqa: F811
    (found,) = heard(SERVER.word(entry(bundle)), SIGNERS, NOW)
    assert isinstance(found, Unheard)
    assert "the entry names none" in found.reason
    (found,) = heard(vouched(entry(bundle), "bo", server_key(private(ALICE))).line, SIGNERS, NOW)
    assert isinstance(found, Unheard)
    assert "the key of alice may not speak for accounts" in found.reason


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace('as="dr.chen"', 'as="dr.okoye"'),
        lambda line: line.replace('as="dr.chen" ', ""),
        lambda line: line.replace('as="dr.chen"', 'as=""'),
        lambda line: line.replace("approve mercy", "approve northgate"),
        lambda line: line.replace("approve ", "revoke "),
        lambda line: line.replace("needs=1", "needs=2"),
    ],
)
def test_whom_it_names_and_where_cannot_be_changed(bundle, change):  # noqa: F811
    with pytest.raises(LockRefused):
        words(change(said(entry(bundle))), SIGNERS, NOW)


def test_a_signature_of_one_kind_is_never_taken_for_the_other(bundle):  # noqa: F811
    own = SERVER.word(entry(bundle)).strip()
    payload, _, signature = own.rpartition(" sig=")
    with pytest.raises(LockRefused):
        words(payload.replace(" by=", ' as="dr.chen" by=') + f" sig={signature}", SIGNERS, NOW)


def test_an_account_takes_back_and_is_taken_back(bundle):  # noqa: F811
    lock = ALICE.word(entry(bundle)) + said(entry(bundle, kind="revoke", on="2026-11-26T13:00:00Z"))
    assert refused(bundle, lock, SIGNERS).code == "revoked"
    assert revoked_hashes(lock, "mercy", "test", SIGNERS, NOW) == set(items_of(bundle.manifest).values())
    lock = said(entry(bundle)) + BO.word(entry(bundle, kind="revoke", on="2026-11-26T13:00:00Z"))
    assert isinstance(asked(bundle, lock, SIGNERS), Refusal)


def test_what_is_exported_reads_back_as_it_was_signed(bundle):  # noqa: F811
    each = [vouched(entry(bundle, because=f"nr. {number}, ü"), f"Frau Öz {number}", SIGNING) for number in range(3)]
    found = heard(exported(each, "review.hospital.example\n# x"), SIGNERS, NOW)
    assert [word.entry for word in found if isinstance(word, Word)] == each


def test_a_server_signs_nothing_that_would_be_refused(bundle):  # noqa: F811
    good = entry(bundle)
    for account in ("", " x", "a\nb", "x" * 301):
        with pytest.raises(CannotVouch, match="the account has no name"):
            vouched(good, account, SIGNING)
    for because in ("", "ok", "a\nb", "x" * 2001):
        with pytest.raises(CannotVouch, match="must say why, on one line"):
            vouched(msgspec.structs.replace(good, because=because), "x", SIGNING)
    changes: tuple[dict[str, object], ...] = (
        {"organisation": "Mercy"},
        {"items": {}},
        {"items": {"policy": "x"}},
        {"on": "today"},
        {"needs": 0},
        {"rated": "a b"},
    )
    for bad in changes:
        with pytest.raises(CannotVouch, match="would"):
            vouched(msgspec.structs.replace(good, **bad), "x", SIGNING)


def test_a_server_s_key_is_ed25519():
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    for text, reason in (
        (b"", "no private key"), (b"\xff\0", "no private key"), (curve, "ssh-ed25519"),
        (SERVER.trusted().encode(), "no private key"),
    ):  # fmt: skip
        with pytest.raises(CannotVouch, match=reason):
            server_key(text)


@needs_ssh_keygen
def test_a_server_s_key_has_no_passphrase(tmp_path):
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "a secret", "-f", str(tmp_path / "key")]
    subprocess.run(make, check=True)
    with pytest.raises(CannotVouch, match="has a passphrase"):
        server_key((tmp_path / "key").read_bytes())


@needs_ssh_keygen
def test_openssh_makes_the_same_bytes_and_verifies_them(tmp_path, bundle):  # noqa: F811
    place, data = tmp_path / "key", tmp_path / "data"
    place.write_bytes(private(SERVER))
    place.chmod(0o600)
    line = said(entry(bundle)).strip()
    payload, _, signature = line.rpartition(" sig=")
    data.write_text(payload)
    space = "segwright-accounts/mercy"
    subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-n", space, "-f", place, data], check=True)
    armoured = (tmp_path / "data.sig").read_text()
    assert "".join(armoured.splitlines()[1:-1]) == signature
    trusted = tmp_path / "trusted"
    trusted.write_text(SERVER.trusted(SPEAKS))
    verify = ["ssh-keygen", "-Y", "verify", "-f", trusted, "-I", SERVER.name, "-s", tmp_path / "data.sig", "-n"]
    subprocess.run([*verify, space], input=payload.encode(), check=True, capture_output=True)
    other = subprocess.run(
        [*verify, "segwright-accounts/northgate"], input=payload.encode(), check=False, capture_output=True
    )
    assert other.returncode != 0
