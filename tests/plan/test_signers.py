"""A file of trusted keys is read as OpenSSH reads it, or refused with its line: nothing in it is passed over."""

from __future__ import annotations

import pytest

from segwright.plan.signers import SignersRefused, read_signers
from segwright.plan.sshsig import public_key
from tests.plan.signing import Key

ALICE, BO = Key("alice@hospital.example"), Key("bo")


def test_people_are_known_by_their_keys():
    second = Key("alice-2")
    text = f"# trusted\n\n{ALICE.trusted()}{second.trusted().replace('alice-2', ALICE.name)}{BO.trusted()}"
    signers = read_signers(text)
    assert signers.names == (ALICE.name, "bo")
    for key, name in ((ALICE, ALICE.name), (second, ALICE.name), (BO, "bo")):
        found = signers.of(public_key(key.type, key.base64))
        assert found is not None
        assert found.name == name
    assert signers.of(public_key(Key("eve").type, Key("eve").base64)) is None


def test_a_key_counts_within_its_time():
    signers = read_signers(ALICE.trusted('valid-after="20260101",valid-before="20270101Z"'))
    (signer,) = signers.by_key.values()
    assert [signer.counts(now) for now in ("20251231235959", "20260101000000", "20261231235959", "20270101000000")] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_key_for_other_things_is_left_out():
    text = ALICE.trusted('namespaces="git,file"') + BO.trusted('namespaces="git,segwright-approval"')
    assert read_signers(text).names == ("bo",)


def test_a_person_may_have_several_names_in_any_letters():
    line = ALICE.trusted().replace(ALICE.name, f"{ALICE.name},a.chen,https://id.example#0123")
    other = Key("alice-2").trusted().replace("alice-2", "Alice@Hospital.example")
    signers = read_signers(line + other + BO.trusted())
    for name in (ALICE.name, "A.Chen", "https://ID.example#0123", "ａ.chen"):
        assert signers.person(name) == ALICE.name
    assert signers.person("bo") == "bo"
    assert signers.person("Carol ") == "carol"
    assert signers.names == (ALICE.name, "bo")


def test_a_server_s_key_is_nobody_s_own_and_speaks_for_its_organisations_alone():
    server = Key("review.hospital.example")
    spaces = 'namespaces="segwright-accounts/larkspur,file,segwright-accounts/stbrigid"'
    signers = read_signers(server.trusted(spaces) + ALICE.trusted())
    assert signers.names == (ALICE.name,)
    found = signers.of(public_key(server.type, server.base64))
    assert found is not None
    asked = ("larkspur", "stbrigid", "northgate", "*")
    assert [found.vouches_for(name) for name in asked] == [True, True, False, False]
    (everywhere,) = read_signers(server.trusted('namespaces="segwright-accounts/*"')).by_key.values()
    assert everywhere.vouches_for("northgate")
    (person,) = read_signers(ALICE.trusted()).by_key.values()
    assert not person.vouches_for("larkspur")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no trusted key"),
        ("# nobody\n", "holds no trusted key"),
        ("alice\n", "line 1: it is no line"),
        (ALICE.trusted("cert-authority"), "line 1: the option cert-authority is not taken"),
        (ALICE.trusted('valid-before="soon"'), "a time is written"),
        (ALICE.trusted('verify-required="x"'), "is not taken"),
        (ALICE.trusted().replace(ALICE.name, "*"), "one person's"),
        (ALICE.trusted().replace(ALICE.name, "a,b*"), "one person's"),
        (ALICE.trusted().replace(ALICE.name, "a,b,"), "one person's"),
        (ALICE.trusted('namespaces="segwright-*"'), "no patterns"),
        (ALICE.trusted('namespaces="*"'), "no patterns"),
        (ALICE.trusted('namespaces="segwright-accounts/"'), "the name of one organisation"),
        (ALICE.trusted('namespaces="segwright-accounts/lark*"'), "the name of one organisation"),
        (ALICE.trusted('namespaces="segwright-accounts/larkspur,segwright-approval"'), "no person's own"),
        (
            ALICE.trusted('namespaces="segwright-accounts/larkspur"').replace(ALICE.name, "server,alice"),
            "no person's own",
        ),
        (ALICE.trusted().replace(ALICE.name, "alice,bo") + BO.trusted(), "line 2: bo is alice's name, too"),
        (BO.trusted() + ALICE.trusted().replace(ALICE.name, "alice,BO"), "line 2: BO is bo's name, too"),
        (ALICE.trusted().replace("AAAA", "BBBB"), "line 1: the key"),
        (ALICE.trusted()[:-9], "line 1: the key"),
        (
            ALICE.trusted() + ALICE.trusted().replace(ALICE.name, "bo"),
            "line 2: the key stands there twice, also as alice",
        ),
    ],
)
def test_what_it_does_not_understand_refuses_the_file(text, reason):
    with pytest.raises(SignersRefused, match=reason):
        read_signers(text)
