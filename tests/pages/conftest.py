"""A real `segwright serve` with the reference hospitals on each database, accounts, and a browser: one of each for the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.pages import browser as browsers
from tests.pages.people import ORG, People
from tests.postgres import new_database
from tests.web.servers import Server

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def sqlite_people(tmp_path_factory, bundles: Path) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("pages")
    yield from _served(folder, f"sqlite:///{folder / 'ledger.db'}", bundles)


@pytest.fixture(scope="session")
def postgresql_people(tmp_path_factory, bundles: Path, postgres: str) -> Iterator[People]:
    yield from _served(tmp_path_factory.mktemp("pages"), new_database(postgres), bundles)


def _served(folder: Path, database: str, bundles: Path) -> Iterator[People]:
    server = Server(folder, database, bundles).start()
    people = People(server)
    yield people
    people.close()
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def people(request: pytest.FixtureRequest) -> People:
    """The accounts and the server of a session, on each database. Tests share it: they use names, orders and results of their
    own."""
    found: People = request.getfixturevalue(f"{request.param}_people")
    return found


@pytest.fixture
def one(sqlite_people: People) -> People:
    """The same on SQLite only, for what has nothing to do with the database."""
    return sqlite_people


@pytest.fixture(scope="session")
def chromium() -> Iterator[browsers.Chromium]:
    with browsers.running() as found:
        yield found


@pytest.fixture
def browser(chromium: browsers.Chromium) -> Iterator[Browser]:
    with chromium.used() as found:
        yield found


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """`visit(people, "clinician.larkspur", "/o/larkspur/worklist")`: a browser of its own, signed in as that account (as nobody with
    ""), on that page. What its console says or a page refuses is a failure of the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def visiting(
        people: People, name: str = "", path: str = "/", *, width: int = 1280, expect_errors: bool = False
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800})
        contexts.append(context)
        if name:
            context.add_cookies([{"name": "segwright", "value": people.token(name), "url": people.server.url}])
        page = context.new_page()
        browsers.slowed(page)
        browsers.watched(page)
        if not expect_errors:
            page.on(
                "console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None
            )
            page.on("pageerror", lambda error: said.append(str(error)))
        page.set_default_timeout(browsers.PATIENCE)
        page.goto(people.server.url + path)
        return page

    yield visiting
    for context in contexts:
        context.close()
    assert said == [], "the browser's console has something to say"


@pytest.fixture(scope="session")
def org() -> str:
    return ORG
