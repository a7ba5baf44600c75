"""Chromium for the tests, and what looks at its pages: pictures and axe-core.

Chromium is the one at SEGWRIGHT_TEST_CHROMIUM, else the machine's own; where there is none and this is root on Debian or Ubuntu, it is
installed."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.npm import installed
from tests.web.servers import ROOT

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHOTS = ROOT / ".shots"
"""Pictures of every page, for people, taken by `make shots`; no part of the repository."""
TAKEN = bool(os.environ.get("SEGWRIGHT_SHOTS"))
WIDTHS = (1280, 1024)
SLOW = int(os.environ.get("SEGWRIGHT_SLOW_PAGES", "0"))
"""Bytes a second at which pages come to the browser, 0 for as fast as they can: `make slow-pages` finds tests, and scripts of ours,
that take a page for whole while it is still coming."""
PATIENCE = 30_000
"""ms until a page that does not come to be so is a failure: a machine may be slow."""
SCHEMES = ("light", "dark")
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe-core about what another scheme changes."""


def chromium() -> str:
    """The program. Raises RuntimeError with one sentence when there is none to be had."""
    found = os.environ.get("SEGWRIGHT_TEST_CHROMIUM") or _present()
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        with (Path(tempfile.gettempdir()) / "segwright-apt").open("w") as busy:
            fcntl.flock(busy, fcntl.LOCK_EX)
            found = _present() or _install()
    if not found:
        raise RuntimeError(
            "the tests need Chromium: install it (Debian, Ubuntu: chromium), or set SEGWRIGHT_TEST_CHROMIUM=/path/to/it"
        )
    return found


def _present() -> str:
    return next((found for name in NAMES if (found := shutil.which(name))), "")


def _install() -> str:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(command, env=quiet, capture_output=True, check=False)
    return _present()


class Chromium(NamedTuple):
    """A browser that runs, and the event loop of Playwright behind it."""

    browser: Browser
    loop: asyncio.AbstractEventLoop

    @contextmanager
    def used(self) -> Iterator[Browser]:
        """The browser, for one test. Playwright's loop counts as running in this thread all the time, also between two calls;
        it is said to run only as long as the browser is used, so that other tests of this process may run a loop."""
        asyncio._set_running_loop(self.loop)
        try:
            yield self.browser
        finally:
            asyncio._set_running_loop(None)


@contextmanager
def running() -> Iterator[Chromium]:
    """A browser, as long as it is needed."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        found = Chromium(browser, asyncio.get_running_loop())
        asyncio._set_running_loop(None)
        yield found
        with found.used():
            browser.close()
        asyncio._set_running_loop(found.loop)  # for Playwright's own end
    asyncio._set_running_loop(None)


def slowed(page: Page) -> None:
    """Lets pages come slowly where SEGWRIGHT_SLOW_PAGES says so."""
    if SLOW:
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 60, "downloadThroughput": SLOW, "uploadThroughput": -1},
        )


_REQUESTS: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()


def watched(page: Page) -> None:
    """Writes down what a page asks for, for a test that fails: `requests`."""
    lines = _REQUESTS[page] = []
    page.on("request", lambda one: lines.append(f"asked     {one.method} {one.url} {one.post_data or ''}"))
    page.on("requestfinished", lambda one: lines.append(f"answered  {one.method} {one.url}"))
    page.on("requestfailed", lambda one: lines.append(f"failed    {one.method} {one.url} {one.failure}"))


def requests(page: Page) -> str:
    """What a page asked for, in order."""
    return "\n".join(_REQUESTS[page])


def source(page: Page) -> str:
    """What a page holds, once it has come whole: a click that goes elsewhere ends when the first byte of the answer is there."""
    page.wait_for_load_state()
    return page.content()


def look(page: Page, name: str) -> None:
    """A page in light and dark, at every width: nothing runs out of it, and axe-core has no serious finding. Call it once for each
    state that is worth seeing; on the other database the same state is not looked at again."""
    looked = SHOTS / ".looked" / os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
    looked.mkdir(parents=True, exist_ok=True)
    try:
        (looked / name).touch(exist_ok=False)
    except FileExistsError:
        return
    page.wait_for_load_state()
    before = page.viewport_size
    for scheme in SCHEMES:
        # Without motion a colour is what it will be at once.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), f"{name} scrolls at {width}"
            if TAKEN:
                page.screenshot(path=SHOTS / f"{name}-{scheme}-{width}.png", full_page=True, animations="disabled")
        found = axe(page) if scheme == SCHEMES[0] else axe(page, of=COLOURS)
        assert found == [], f"{name} in {scheme}"
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    if before is not None:
        page.set_viewport_size(before)


def axe(page: Page, of: Sequence[str] = ()) -> list[str]:
    """What axe-core finds serious or worse, by these of its rules or by all: rule, what it is about, where."""
    page.evaluate((installed(Path(__file__).parent) / "node_modules" / "axe-core" / "axe.min.js").read_text() + "; 0")
    options = {"resultTypes": ["violations"], **({"runOnly": list(of)} if of else {})}
    found: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    return [
        f"{one['id']}: {one['help']}: {json.dumps([node['target'] for node in one['nodes']])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
