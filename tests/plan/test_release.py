"""A release is put into force whole, and never over one that the caller did not see."""

from __future__ import annotations

import msgspec
import pytest

from segwright.plan.bundle import write_bundle
from segwright.plan.release import (
    Deployed,
    Overtaken,
    Release,
    ReleaseRefused,
    bundle_folder,
    current,
    keep_bundle,
    next_number,
    put_into_force,
    release,
)
from tests.plan.test_bundle import PLANS, manifest


def made(number: int, previous: int, **changes: object) -> Release:
    found = Release(number, "production", previous, "2026-11-26T12:00:00Z", "because", {"mercy": Deployed("0" * 64)})
    return msgspec.structs.replace(found, **changes)


def test_nothing_runs_at_first_and_then_what_was_put_into_force(tmp_path):
    assert current(tmp_path, "production") is None
    assert next_number(tmp_path, "production") == 1
    put_into_force(tmp_path, made(1, 0))
    assert current(tmp_path, "production") == made(1, 0)
    put_into_force(tmp_path, made(2, 1))
    assert current(tmp_path, "production") == made(2, 1)
    assert release(tmp_path, "production", 1) == made(1, 0)
    assert next_number(tmp_path, "production") == 3
    assert current(tmp_path, "test") is None


def test_what_overtook_the_caller_stays(tmp_path):
    put_into_force(tmp_path, made(1, 0))
    put_into_force(tmp_path, made(2, 1))
    with pytest.raises(Overtaken, match="runs release 2 by now, not 1"):
        put_into_force(tmp_path, made(3, 1))
    assert current(tmp_path, "production") == made(2, 1)


def test_two_cannot_change_it_at_once(tmp_path):
    put_into_force(tmp_path, made(1, 0))
    (tmp_path / "production" / ".being-changed").touch()
    with pytest.raises(Overtaken, match="being changed by somebody else"):
        put_into_force(tmp_path, made(2, 1))
    assert current(tmp_path, "production") == made(1, 0)


def test_a_death_before_the_last_step_leaves_the_old_one_running(tmp_path, monkeypatch):
    import os

    put_into_force(tmp_path, made(1, 0))
    real = os.replace

    def dying(source, target):
        if str(target).endswith("current"):
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        put_into_force(tmp_path, made(2, 1))
    monkeypatch.undo()
    assert current(tmp_path, "production") == made(1, 0)
    assert next_number(tmp_path, "production") == 3, "the number that was written is taken"
    put_into_force(tmp_path, made(3, 1))
    assert current(tmp_path, "production") == made(3, 1)


@pytest.mark.parametrize(
    ("name", "data"),
    [("current", b"x"), ("current", b"\xff"), ("releases/000001.json", b"{"), ("releases/000001.json", b"{}")],
)
def test_what_is_no_deployment_is_refused(tmp_path, name, data):
    put_into_force(tmp_path, made(1, 0))
    (tmp_path / "production" / name).write_bytes(data)
    with pytest.raises(ReleaseRefused):
        current(tmp_path, "production")


def test_a_release_under_another_number_is_refused(tmp_path):
    put_into_force(tmp_path, made(1, 0))
    place = tmp_path / "production" / "releases"
    (place / "000002.json").write_bytes((place / "000001.json").read_bytes())
    with pytest.raises(ReleaseRefused, match="another one than its name says"):
        release(tmp_path, "production", 2)


@pytest.mark.parametrize("environment", ["..", "bundles", "a/b", ""])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, environment):
    with pytest.raises(ReleaseRefused, match="no name of an environment"):
        current(tmp_path, environment)


def test_a_bundle_is_kept_once_under_its_hash(tmp_path):
    write_bundle(tmp_path / "made", manifest(), PLANS)
    hash_ = keep_bundle(tmp_path / "deployed", tmp_path / "made", "mercy", "test")
    assert keep_bundle(tmp_path / "deployed", tmp_path / "made", "mercy", "test") == hash_
    assert [path.name for path in (tmp_path / "deployed" / "bundles").iterdir()] == [hash_]
    with pytest.raises(ReleaseRefused, match="another environment"):
        keep_bundle(tmp_path / "deployed", tmp_path / "made", "mercy", "production")
    with pytest.raises(ReleaseRefused):
        bundle_folder(tmp_path, "../../etc")
