"""The cache gives back what was kept, or nothing; whatever stands where its file should be, it neither fails nor believes it."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from segwright.service.cache import Cache, Entry, Seen, default_folder

KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    kept = Cache(tmp_path / "cache")
    kept.store("/w", {"a": Seen(b"signature", b"content")}, {KEY: Entry(b"value", b"body")})
    return kept


def test_what_was_stored_is_there(cache: Cache) -> None:
    assert cache.values([KEY, OTHER]) == {KEY: b"value"}
    assert cache.body(KEY) == b"body"
    assert cache.body(OTHER) is None
    assert cache.seen("/w") == {"a": Seen(b"signature", b"content")}
    assert cache.seen("/w2") == {}


def test_thousands_of_keys_are_asked_for_at_once(cache: Cache) -> None:
    keys = [number.to_bytes(32, "big") for number in range(2500)]
    cache.store("/w", {}, {key: Entry(key) for key in keys})
    assert cache.values(keys) == {key: key for key in keys}


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_file_is_begun_anew(cache: Cache, content: bytes) -> None:
    cache.path.write_bytes(content)
    for ending in ("-wal", "-shm"):
        Path(f"{cache.path}{ending}").unlink(missing_ok=True)
    assert cache.values([KEY]) == {}
    cache.store("/w", {}, {KEY: Entry(b"again")})
    assert cache.values([KEY]) == {KEY: b"again"}


@pytest.mark.parametrize("mark", ["user_version = 99", "application_id = 7"])
def test_a_foreign_database_is_begun_anew(cache: Cache, mark: str) -> None:
    database = sqlite3.connect(cache.path)
    database.execute(f"PRAGMA {mark}")
    database.commit()
    database.close()
    assert cache.values([KEY]) == {}
    cache.store("/w", {}, {KEY: Entry(b"again")})
    assert cache.values([KEY]) == {KEY: b"again"}


def test_a_missing_table_is_no_failure(cache: Cache) -> None:
    database = sqlite3.connect(cache.path)
    database.execute("DROP TABLE results")
    database.commit()
    database.close()
    assert cache.values([KEY]) == {}


def test_nobody_else_may_read_it(cache: Cache) -> None:
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(cache.path.stat().st_mode) == 0o600
    cache.folder.chmod(0o777)
    cache.values([KEY])
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"somebody's")
    cache = Cache(tmp_path / "cache")
    cache.folder.mkdir()
    cache.path.symlink_to(elsewhere)
    cache.store("/w", {}, {KEY: Entry(b"value")})
    assert cache.values([KEY]) == {}
    assert elsewhere.read_bytes() == b"somebody's"


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = Cache(tmp_path / "file" / "cache")
    cache.store("/w", {}, {KEY: Entry(b"value")})
    assert cache.values([KEY]) == {}


def test_two_at_once_do_not_disturb_each_other(cache: Cache) -> None:
    other = Cache(cache.folder)
    with cache._open() as database:
        assert database is not None
        database.execute("SELECT * FROM results").fetchall()
        other.store("/w", {}, {OTHER: Entry(b"from another")})
    assert cache.values([KEY, OTHER]) == {KEY: b"value", OTHER: b"from another"}


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache", largest=10_000)
    keys = [bytes([number]) * 32 for number in range(4)]
    for day, key in enumerate(keys):
        monkeypatch.setattr("segwright.service.cache.time.time", lambda day=day: 86_400.0 * (20_000 + day))
        cache.values([keys[0]])
        cache.store("/w", {}, {key: Entry(b"v" * 1000, b"b" * 2000)})
    assert list(cache.values(keys)) == [keys[0], keys[3]]
    assert [key for key in keys if cache.body(key)] == [keys[0], keys[3]]


def test_the_folder_is_the_one_of_the_platform(tmp_path: Path) -> None:
    assert default_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "segwright"
    assert default_folder({"XDG_CACHE_HOME": "relative"}) == default_folder({})
    assert os.path.isabs(default_folder({}))
