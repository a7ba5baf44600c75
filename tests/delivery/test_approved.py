"""A server runs in production what was approved, and says elsewhere what was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from segwright.delivery.engine import Refused, install, load
from segwright.delivery.live import Live
from segwright.delivery.settings import Settings, SettingsRefused, parsed
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store
from segwright.plan.approval import FILE, Entry, items_of
from segwright.plan.bundle import read_bundle, write_bundle
from segwright.plan.release import Deployed, Release, keep_bundle, put_into_force
from tests.plan.signing import Key
from tests.plan.test_bundle import PLANS, manifest

ALICE, EVE = Key("alice"), Key("eve")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Bundles of one hospital for both environments, and a file of trusted keys."""
    write_bundle(tmp_path / "bundles/mercy/test", manifest(), PLANS)
    write_bundle(tmp_path / "bundles/mercy/production", manifest(environment="production", processing_id="P"), PLANS)
    (tmp_path / "trusted").write_text(ALICE.trusted())
    return tmp_path


def settings(environment: str, keys: str = "trusted", approvers: int = 1, bundles: str = "bundles") -> Settings:
    approvals = f'\n[approvals]\nkeys = "{keys}"\napprovers = {approvers}\n' if keys else ""
    return parsed(
        f'environment = "{environment}"\nbundles = "{bundles}"\ndatabase = "sqlite:///x"\n{approvals}'.encode(), "x"
    )


def loaded(root: Path, given: Settings) -> dict[str, Live]:
    return load(given, cast(Any, None), root)


def word(root: Path, key: Key, **changes: Any) -> str:
    bundle = read_bundle(root / "bundles/mercy/production", organisation="mercy", environment="production")
    given = {"kind": "approve", "needs": 1, "on": "2026-11-26T12:00:00Z", "because": "read it", **changes}
    return key.word(
        Entry(
            given["kind"],
            "mercy",
            "production",
            items_of(bundle.manifest),
            "clinical",
            given["needs"],
            given["on"],
            given["because"],
            "",
        )
    )


def test_production_needs_trusted_keys():
    with pytest.raises(SettingsRefused, match="production runs only what was approved"):
        settings("production", keys="")


@pytest.mark.parametrize(
    ("lock", "reason"),
    [
        ("", "is not approved"),
        (EVE, "is not approved"),
        ("approve nonsense\n", "approvals.lock of mercy: line 1"),
    ],
)
def test_production_does_not_start_with_what_was_not_approved(root, lock, reason):
    (root / "bundles/mercy" / FILE).write_text(word(root, lock) if isinstance(lock, Key) else lock)
    with pytest.raises(Refused, match=reason):
        loaded(root, settings("production"))


def test_production_runs_what_was_approved_by_enough(root):
    (root / "bundles/mercy" / FILE).write_text(word(root, ALICE))
    live = loaded(root, settings("production"))["mercy"]
    assert live.judged is not None
    assert live.judged.standing.said == "approved by alice"
    with pytest.raises(Refused, match="by 1 of 2: alice"):
        loaded(root, settings("production", approvers=2))


def test_test_runs_unapproved_and_says_so(root):
    live = loaded(root, settings("test", keys=""))["mercy"]
    assert live.judged is not None
    assert not live.judged.standing.approved
    assert live.judged.standing.said.startswith("UNAPPROVED")


def test_what_was_revoked_does_not_run_and_what_is_queued_under_it_stays(root):
    lock = word(root, ALICE) + word(root, ALICE, kind="revoke", on="2026-11-26T13:00:00Z")
    (root / "bundles/mercy" / FILE).write_text(lock)
    with pytest.raises(Refused, match="was revoked"):
        loaded(root, settings("production"))
    # Another plan is approved by now: the server runs, and knows what must not go out any more.
    other = {"plan:simple": "0" * 64, "policy": "1" * 64}
    gone = Entry("revoke", "mercy", "production", other, "identity", 1, "2026-11-26T13:00:00Z", "wrong", "")
    (root / "bundles/mercy" / FILE).write_text(word(root, ALICE) + ALICE.word(gone))
    live = loaded(root, settings("production"))["mercy"]
    assert live.judged is not None
    assert live.judged.revoked == {"0" * 64, "1" * 64}


def test_taking_back_one_hospital_s_approval_stops_that_hospital_and_no_other(root):
    folder = root / "bundles/other"
    write_bundle(
        folder / "production", manifest(organisation="other", environment="production", processing_id="P"), PLANS
    )
    bundle = read_bundle(folder / "production", organisation="other", environment="production")
    entry = Entry(
        "approve", "other", "production", items_of(bundle.manifest), "clinical", 1, "2026-11-26T12:00:00Z", "x", ""
    )
    (folder / FILE).write_text(ALICE.word(entry))
    (root / "bundles/mercy" / FILE).write_text(word(root, ALICE))
    assert set(loaded(root, settings("production"))) == {"mercy", "other"}
    taken_back = word(root, ALICE) + word(root, ALICE, kind="revoke", on="2026-11-26T13:00:00Z")
    (root / "bundles/mercy" / FILE).write_text(taken_back)
    logged: list[tuple[str, dict[str, Any]]] = []
    given = settings("production")
    lives = load(given, cast(Any, None), root, lambda event, **facts: logged.append((event, facts)))
    assert set(lives) == {"other"}
    assert [(event, facts["organisation"]) for event, facts in logged] == [("revoked", "mercy")]


def test_plans_whose_approval_was_taken_back_are_stopped_in_the_ledger(root):
    gone = Entry(
        "revoke", "mercy", "production", {"plan:simple": "0" * 64}, "identity", 1, "2026-11-26T13:00:00Z", "wrong", ""
    )
    (root / "bundles/mercy" / FILE).write_text(word(root, ALICE) + ALICE.word(gone))
    store = Store(f"sqlite:///{root / 'ledger.db'}")
    try:
        upgrade(store)
        install(store, "production", loaded(root, settings("production")))
        stops = store.read(lambda tx: tx.all(sa.select(t.stop.c.what, t.stop.c.name, t.stop.c.reason)))
    finally:
        store.close()
    assert [tuple(row) for row in stops] == [("plan", "0" * 64, "its approval was taken back")]


@pytest.mark.parametrize(("text", "reason"), [("nonsense\n", "is not taken: line 1"), (None, "cannot be read")])
def test_a_key_file_that_was_touched_is_refused(root, text, reason):
    (root / "bundles/mercy" / FILE).write_text(word(root, ALICE))
    (root / "trusted").unlink() if text is None else (root / "trusted").write_text(text)
    with pytest.raises(Refused, match=reason):
        loaded(root, settings("production"))


def test_a_deployment_says_which_bundles_run_and_by_which_lock(root):
    hash_ = keep_bundle(root / "deployed", root / "bundles/mercy/production", "mercy", "production")
    release = Release(1, "production", 0, "2026-11-26T12:00:00Z", "x", {"mercy": Deployed(hash_, word(root, ALICE))})
    put_into_force(root / "deployed", release)
    given = settings("production", bundles="deployed")
    assert loaded(root, given)["mercy"].bundle.hash == hash_
    (root / "deployed/bundles" / hash_ / "manifest.json").write_bytes(b"{}")
    with pytest.raises(Refused, match="changed after the bundle was made"):
        loaded(root, given)
    (root / "deployed/production/current").write_text("2")
    with pytest.raises(Refused, match="there is no release 2"):
        loaded(root, given)
