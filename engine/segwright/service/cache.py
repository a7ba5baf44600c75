"""Compiled results kept between runs, by what they were made from: one SQLite file in a folder of the user's own.

Takes keys and bytes; gives bytes or nothing. Knows nothing of what they mean; nothing in it can run (no pickle). A file that is
foreign, damaged or of another layout is thrown away and begun anew; where there can be none, everything is simply not there.
Several processes may use it at once.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

LAYOUT: Final = 1
LARGEST: Final = 256 * 2**20
"""Most bytes that are kept; what was not used for longest goes first."""

_APPLICATION: Final = 0x5E6C0DE
_DAY: Final = 86_400
_FEW: Final = 500
"""Keys asked for at once: SQLite takes 999 parameters at least."""

_TABLES: Final = (
    "CREATE TABLE seen (place TEXT PRIMARY KEY, signature BLOB NOT NULL, content BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE results (key BLOB PRIMARY KEY, used INTEGER NOT NULL, size INTEGER NOT NULL, value BLOB NOT NULL)",
    "CREATE TABLE bodies (key BLOB PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE INDEX results_used ON results (used)",
)


class Seen(msgspec.Struct, frozen=True):
    """A folder as it was last looked at: the signature of its files' sizes and times, and what their contents came to."""

    signature: bytes
    content: bytes


class Entry(msgspec.Struct, frozen=True):
    """A result: `value` is read at once, `body` only when it is asked for."""

    value: bytes
    body: bytes = b""


def default_folder(environ: Mapping[str, str]) -> Path:
    """Where this platform keeps a user's caches. `environ`: the environment variables."""
    if environ.get("XDG_CACHE_HOME") and Path(environ["XDG_CACHE_HOME"]).is_absolute():
        return Path(environ["XDG_CACHE_HOME"]) / "segwright"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "segwright" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "segwright"
    return Path.home() / ".cache" / "segwright"


class Cache:
    """The cache in a folder. Every call opens and closes the file, so that a process may fork between calls."""

    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self.folder = folder
        self.path = folder / "compiled.sqlite"
        self.largest = largest

    # --- what was seen ---------------------------------------------------------------------------------------------------

    def seen(self, root: str) -> dict[str, Seen]:
        """What is known of the folders of a workspace, by their place below it."""
        found: dict[str, Seen] = {}
        with self._open() as database:
            if database is not None:
                rows = database.execute(
                    "SELECT place, signature, content FROM seen WHERE place >= ? AND place < ?", _of(root)
                )
                found = {
                    place[len(root) + 1 :]: Seen(bytes(signature), bytes(content)) for place, signature, content in rows
                }
        return found

    # --- results ---------------------------------------------------------------------------------------------------------

    def values(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that are kept."""
        wanted = list(keys)
        found: dict[bytes, bytes] = {}
        today = int(time.time()) // _DAY
        with self._open() as database:
            if database is None:
                return {}
            old: list[bytes] = []
            for start in range(0, len(wanted), _FEW):
                some = wanted[start : start + _FEW]
                marks = ",".join("?" * len(some))
                for key, used, value in database.execute(
                    f"SELECT key, used, value FROM results WHERE key IN ({marks})", some
                ):
                    found[bytes(key)] = bytes(value)
                    if used != today:
                        old.append(bytes(key))
            if old:
                database.executemany("UPDATE results SET used = ? WHERE key = ?", [(today, key) for key in old])
        return found

    def body(self, key: bytes) -> bytes | None:
        """The body of a result."""
        row = None
        with self._open() as database:
            if database is not None:
                row = database.execute("SELECT body FROM bodies WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def store(self, root: str, seen: Mapping[str, Seen], entries: Mapping[bytes, Entry]) -> None:
        """Keeps what was seen of a workspace, and results."""
        today = int(time.time()) // _DAY
        with self._open() as database:
            if database is None:
                return
            database.executemany(
                "REPLACE INTO seen VALUES (?, ?, ?)",
                [(f"{root}\0{place}", each.signature, each.content) for place, each in seen.items()],
            )
            database.executemany(
                "REPLACE INTO results VALUES (?, ?, ?, ?)",
                [(key, today, len(each.value) + len(each.body), each.value) for key, each in entries.items()],
            )
            database.executemany(
                "REPLACE INTO bodies VALUES (?, ?)", [(key, each.body) for key, each in entries.items() if each.body]
            )
            self._prune(database)

    def _prune(self, database: sqlite3.Connection) -> None:
        """Drops what was not used for longest until a quarter is free, once there is too much."""
        (total,) = database.execute("SELECT coalesce(sum(size), 0) FROM results").fetchone()
        if total <= self.largest:
            return
        dropped = []
        for key, size in database.execute("SELECT key, size FROM results ORDER BY used, key"):
            if total <= self.largest * 3 // 4:
                break
            dropped.append((key,))
            total -= size
        database.executemany("DELETE FROM results WHERE key = ?", dropped)
        database.executemany("DELETE FROM bodies WHERE key = ?", dropped)
        # What was seen is small, and without its results it is worth nothing.
        database.execute("DELETE FROM seen")

    # --- the file --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """The open file within one transaction, or None when there can be none. What is damaged counts as empty."""
        database = self._connected()
        try:
            yield database
            if database is not None:
                database.commit()
        except sqlite3.OperationalError:
            pass  # locked for too long, or the disk is full: this time without
        except sqlite3.DatabaseError:
            if database is not None:
                database.close()
                database = None
            self._discard()
        finally:
            if database is not None:
                database.close()

    def _connected(self) -> sqlite3.Connection | None:
        for attempt in (1, 2):
            database = None
            try:
                if not self._safe():
                    return None
                database = sqlite3.connect(self.path, timeout=5.0)
                database.execute("PRAGMA trusted_schema = OFF")
                (application,) = database.execute("PRAGMA application_id").fetchone()
                (layout,) = database.execute("PRAGMA user_version").fetchone()
                if (application, layout) == (_APPLICATION, LAYOUT):
                    return database
                if (application, layout) == (0, 0) and not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                    _lay_out(database)
                    return database
            except sqlite3.OperationalError:
                if database is not None:
                    database.close()
                return None
            except sqlite3.DatabaseError:
                pass
            except OSError:
                return None
            if database is not None:
                database.close()
            if attempt == 1:
                self._discard()
        return None

    def _safe(self) -> bool:
        """Makes the folder and the file for this user alone; False when they are somebody else's, or links."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "geteuid"):
            held = self.folder.lstat()
            if not stat.S_ISDIR(held.st_mode) or held.st_uid != os.geteuid():
                return False
            if stat.S_IMODE(held.st_mode) & 0o077:
                self.folder.chmod(0o700)
            if self.path.is_symlink() or (self.path.exists() and self.path.stat().st_uid != os.geteuid()):
                return False
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600))
        return True

    def _discard(self) -> None:
        for ending in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                Path(f"{self.path}{ending}").unlink()


def _lay_out(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
        for table in _TABLES:
            database.execute(table)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {LAYOUT}")
    database.commit()


def _of(root: str) -> tuple[str, str]:
    """The first place of a workspace and the first behind it."""
    return f"{root}\0", f"{root}\1"
