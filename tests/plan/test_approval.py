"""Production runs what enough trusted people signed, and nothing that was touched since."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.plan import approval
from segwright.plan.approval import Approval, Entry, LockRefused, Refusal, items_of, read_lock, revoked_hashes, standing
from segwright.plan.bundle import Bundle, BundleRefused, read_bundle, write_bundle
from segwright.plan.signers import Signers, read_signers
from tests.plan.signing import Key
from tests.plan.test_bundle import PLANS, manifest

NOW = "20261126140000"
ALICE, BO, EVE = Key("alice"), Key("bo"), Key("eve")
SIGNERS = read_signers(ALICE.trusted() + BO.trusted())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundles") / "test"
    write_bundle(folder, manifest(), PLANS)
    return read_bundle(folder, organisation="mercy", environment="test")


@pytest.fixture(scope="module")
def production(tmp_path_factory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundles") / "production"
    write_bundle(folder, manifest(environment="production", processing_id="P"), PLANS)
    return read_bundle(folder, organisation="mercy", environment="production")


def entry(bundle: Bundle, needs: int = 1, **changes: object) -> Entry:
    manifest = bundle.manifest
    found = Entry(
        "approve", manifest.organisation, manifest.environment, items_of(manifest), "clinical", needs, "2026-11-26T12:00:00Z",
        'looked at the "diff"', "", "4f2a1c9",
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def asked(bundle: Bundle, lock: str, signers: Signers = SIGNERS, **more: object) -> Approval | Refusal:
    return approval.verified(bundle, lock, signers, NOW, **more)  # type: ignore[arg-type]


def refused(bundle: Bundle, lock: str, signers: Signers = SIGNERS, **more: object) -> Refusal:
    found = asked(bundle, lock, signers, **more)
    assert isinstance(found, Refusal), found
    return found


def test_a_bundle_that_a_trusted_person_signed_may_run(bundle):
    found = asked(bundle, "# words\n\n" + ALICE.word(entry(bundle)))
    assert isinstance(found, Approval)
    assert found.by == dict.fromkeys(items_of(bundle.manifest), ("alice",))


def test_without_words_it_may_not(bundle):
    assert refused(bundle, "").code == "unapproved"
    assert "is not approved" in refused(bundle, "").reason


def test_plans_and_policy_are_approved_apart_by_whoever_and_whenever(bundle):
    items = items_of(bundle.manifest)
    words = [
        (ALICE if number % 2 else BO).word(entry(bundle, items={item: hash_}))
        for number, (item, hash_) in enumerate(items.items())
    ]
    for order in permutations(words[:4]):
        assert isinstance(asked(bundle, "".join([*order, *words[4:]])), Approval)
    for left_out in range(len(words)):
        assert refused(bundle, "".join(words[:left_out] + words[left_out + 1 :])).code == "unapproved"


@pytest.mark.parametrize("item", ["plan", "policy"])
def test_whatever_moves_a_byte_or_a_setting_lapses_it(bundle, item):
    items = {name: ("0" * 64 if name.startswith(item) else hash_) for name, hash_ in items_of(bundle.manifest).items()}
    assert refused(bundle, ALICE.word(entry(bundle, items=items))).code == "unapproved"


def test_an_approval_holds_for_its_organisation_and_environment_alone(bundle):
    assert refused(bundle, ALICE.word(entry(bundle, organisation="another"))).code == "unapproved"
    assert refused(bundle, ALICE.word(entry(bundle, environment="staging"))).code == "unapproved"


def test_four_eyes_are_two_people_and_not_two_keys_or_two_lines(bundle):
    second = Key("alice's other key")
    signers = read_signers(ALICE.trusted() + second.trusted().replace("alice's other key", "alice") + BO.trusted())
    twice = ALICE.word(entry(bundle, 2)) + second.word(entry(bundle, 2)) + ALICE.word(entry(bundle, 2, because="again"))
    found = refused(bundle, twice, signers=signers)
    assert (found.code, "by 1 of 2: alice" in found.reason) == ("too_few", True)
    assert isinstance(asked(bundle, twice + BO.word(entry(bundle, 1)), signers), Approval)


def test_the_operator_may_ask_for_more_than_a_lock_says(bundle):
    assert refused(bundle, ALICE.word(entry(bundle)), minimum=2).code == "too_few"


def test_a_key_that_nobody_trusts_counts_for_nothing(bundle):
    assert refused(bundle, EVE.word(entry(bundle))).code == "unapproved"
    ended = read_signers(ALICE.trusted('valid-before="20261101"'))
    assert refused(bundle, ALICE.word(entry(bundle)), signers=ended).code == "unapproved"


def test_what_was_revoked_does_not_run_until_it_is_approved_again(bundle):
    lock = ALICE.word(entry(bundle)) + BO.word(entry(bundle, kind="revoke", on="2026-11-26T13:00:00Z"))
    assert refused(bundle, lock).code == "revoked"
    organisation, environment = bundle.manifest.organisation, bundle.manifest.environment
    assert revoked_hashes(lock, organisation, environment, SIGNERS, NOW) == set(items_of(bundle.manifest).values())
    again = lock + ALICE.word(entry(bundle, on="2026-11-26T13:30:00Z"))
    assert isinstance(asked(bundle, again), Approval)
    assert revoked_hashes(again, organisation, environment, SIGNERS, NOW) == frozenset()


def test_an_operator_may_revoke_without_the_lock(bundle):
    hash_ = items_of(bundle.manifest)["policy"]
    assert refused(bundle, ALICE.word(entry(bundle)), revoked=(hash_,)).code == "revoked"


def test_one_signature_is_written_in_one_way(bundle):
    """The last letter of base64 has bits that say nothing."""
    line = ALICE.word(entry(bundle)).rstrip("\n")
    signature = line.rpartition("sig=")[2]
    assert signature.endswith("E=")
    assert base64.b64decode(signature) == base64.b64decode(signature[:-2] + "F=")
    assert refused(bundle, line[:-2] + "F=").code == "lock"


@given(st.data())
def test_a_lock_with_any_letter_of_an_entry_changed_approves_nothing_of_it(bundle, data):
    line = ALICE.word(entry(bundle)).rstrip("\n")
    place = data.draw(st.integers(0, len(line) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda each: each != line[place]))
    found = asked(bundle, line[:place] + letter + line[place + 1 :])
    assert isinstance(found, Refusal)
    assert found.code in ("lock", "unapproved")


def test_tampering_is_refused_with_the_line_and_the_reason(bundle):
    line = ALICE.word(entry(bundle))
    for lock, reason in (
        (line.replace("needs=1", "needs=2"), "line 1: the signature of an entry .* does not fit"),
        ("# x\n" + line.replace("looked", "peeked"), "line 2: the signature"),
        (line.replace(ALICE.fingerprint, BO.fingerprint), "line 1: the signature"),
        (line.replace("approve ", "approve  ", 1), "line 1: it is no line"),
        (line.replace("rated=", "rate="), "lacks something"),
        (line.replace(" sig=", " note=x sig="), "what nobody knows"),
        (line + "<<<<<<< HEAD\n", "line 2: it is no line of a lock"),
    ):
        found = refused(bundle, lock)
        assert found.code == "lock"
        assert re.search(reason, found.reason), found.reason


@given(st.text(max_size=200))
def test_any_text_is_a_lock_or_refused(text):
    with suppress(LockRefused):
        read_lock(text)


def test_an_entry_reads_back_as_it_was_written(bundle):
    word = entry(bundle, because='with "quotes", \\ and ü')
    (found,) = read_lock(ALICE.word(word))
    assert msgspec.structs.replace(found, by="", signature="") == word


def test_production_refuses_and_others_run_visibly(bundle, production):
    unsigned = standing(production, "", SIGNERS, NOW)
    assert (unsigned.runs, unsigned.approved) == (False, False)
    assert "is not approved" in unsigned.said
    assert not standing(production, "", None, NOW).runs
    here = standing(bundle, "", SIGNERS, NOW)
    assert (here.runs, here.approved) == (True, False)
    assert here.said.startswith("UNAPPROVED, and runs only because this is test")
    good = standing(production, ALICE.word(entry(production)), SIGNERS, NOW)
    assert (good.runs, good.approved, good.said) == (True, True, "approved by alice")
    # Test may run without words, not with false ones.
    assert not standing(bundle, ALICE.word(entry(bundle)).replace("needs=1", "needs=3"), SIGNERS, NOW).runs


def test_an_approved_bundle_that_was_changed_on_disk_is_no_bundle(tmp_path):
    write_bundle(tmp_path / "test", manifest(), PLANS)
    plan = next(tmp_path.glob("test/plans/*.json"))
    plan.write_bytes(plan.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(BundleRefused, match="was changed after the bundle was made"):
        read_bundle(tmp_path / "test", organisation="mercy", environment="test")
