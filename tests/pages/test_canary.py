"""A patient whose name, number, birth date, address and story must be found nowhere in a browser, nor in what a server says of
itself, but on pages whose look was written down.

Clinicians and operators go their whole way through Chromium, with a profile on disk; afterwards everything that passed and
everything that stayed is searched: each URL asked for, addresses and titles, cookies, what pages stored, the console, the files of
the profile, the log, /metrics and error pages."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from segwright.pages.application import ROUTES
from tests.pages import studies
from tests.pages.browser import FLAGS, PATIENCE, chromium
from tests.pages.people import ORG, People
from tests.pages.studies import PDF, path
from tests.pages.ward import Ward

NAME, GIVEN, NUMBER, BORN, STREET, STORY, TYPED = (
    "QUORNDONWICK", "PERIWINKLEMAY", "77341965", "19340221", "Canarygasse 9", "Zebrafinching", "Budgerigarish",
)  # fmt: skip
CANARY = (NAME, GIVEN, NUMBER, BORN, "1934-02-21", "21 Feb 1934", "Canarygasse", STORY, TYPED)
"""Each as it comes, and as pages write it."""
BOARD = f"/o/{ORG}/board"
PATIENT = {
    "SAMPLE^JUNIPER": f"{NAME}^{GIVEN}", "00417733": NUMBER, "19580314": BORN, "12 Imaginary Ln": STREET,
    "Palpitations for two days": f"{STORY} for two days",
}  # fmt: skip
"""What stands for what in the sample order."""


def holds(data: str | bytes) -> set[str]:
    """Which of it stands in a text, or in bytes in either of the ways in which browsers keep text."""
    if isinstance(data, str):
        return {one for one in CANARY if one.casefold() in data.casefold()}
    low = data.lower()
    return {one for one in CANARY if any(one.lower().encode(how) in low for how in ("utf-8", "utf-16-le"))}


_PATTERNS = [(route, re.compile(re.sub(r"\\\{\w+(:int)?\\\}", "[^/]+", re.escape(route.path)))) for route in ROUTES]


def route_of(url: str, method: str) -> str:
    """The name of the route behind a URL, "" for none."""
    plain = re.sub(r"^https?://[^/]+", "", url).partition("?")[0]
    method = "GET" if method == "HEAD" else method
    found = [route.name for route, pattern in _PATTERNS if route.method == method and pattern.fullmatch(plain)]
    return found[0] if found else ""


KEPT = """async () => ({
  title: document.title, address: location.href, state: JSON.stringify(history.state), cookie: document.cookie,
  local: JSON.stringify(localStorage), session: JSON.stringify(sessionStorage),
  caches: self.caches ? JSON.stringify(await caches.keys()) : "", databases: JSON.stringify(await indexedDB.databases()),
})"""
"""What a page keeps beside itself."""


class Wire:
    """What passes between a browser and a server, relayed as it is. (What Playwright hears of an answer is gone once the page has
    gone on, and its own way of standing in between turns the browser's cache off.)"""

    def __init__(self, port: int) -> None:
        self.streams: list[tuple[bytearray, bytearray]] = []
        wire = self

        class Relay(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                asked, answered = bytearray(), bytearray()
                wire.streams.append((asked, answered))
                with socket.create_connection(("127.0.0.1", port)) as server:
                    back = threading.Thread(target=wire._pass_on, args=(server, self.request, answered), daemon=True)
                    back.start()
                    wire._pass_on(self.request, server, asked)
                    back.join()

        self._listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)
        self._listening.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listening.server_address[1]}"
        threading.Thread(target=self._listening.serve_forever, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept += data
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def exchanges(self) -> Iterator[tuple[Sent, Sent]]:
        """Each request with its answer."""
        for asked, answered in self.streams:
            yield from zip(_messages(bytes(asked)), _messages(bytes(answered)), strict=False)

    def close(self) -> None:
        self._listening.shutdown()
        self._listening.server_close()


class Sent(NamedTuple):
    """One half of an exchange: its first line, its headers, its body."""

    first: str
    headers: str
    body: bytes


def _messages(data: bytes) -> Iterator[Sent]:
    """The messages of one direction of a connection (RFC 9112). A stream without a length ends it."""
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, _, headers = head.decode("latin-1").partition("\r\n")
        length = re.search(r"(?mi)^content-length: *(\d+)", headers)
        size = int(length[1]) if length else len(data) if "chunked" in headers.lower() else 0
        yield Sent(first, headers, data[:size])
        data = data[size:]


class Watched:
    """A browser with a profile of its own, and everything that it asked, got and kept. `pages`: routes whose answers hold it,
    with how many did."""

    def __init__(self, context: BrowserContext, people: People, who: str, wire: Wire) -> None:
        self.who = who
        self.url = wire.url
        self.wire = wire
        self.told: list[tuple[str, str]] = []
        self.pages: Counter[str] = Counter()
        self.context = context
        context.on("request", lambda request: self.told.append(("URL", request.url)))
        context.on("console", lambda message: self.told.append(("console", message.text)))
        context.add_cookies([{"name": "segwright", "value": people.token(who), "url": self.url}])
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.told.append(("error of a page", str(error))))

    def goes(self, to: str) -> Page:
        self.look()
        self.page.goto(self.url + to)
        self.look()
        return self.page

    def look(self) -> None:
        """What there is beside the page itself."""
        kept: dict[str, Any] = self.page.evaluate(KEPT) if self.page.url.startswith("http") else {}
        self.told += [(f"{name} of {self.page.url}", str(value)) for name, value in kept.items()]
        self.told.append(("cookies", str(self.context.cookies())))

    def ended(self) -> None:
        """Reads what passed over the wire."""
        for asked, answered in self.wire.exchanges():
            self.told += [
                ("request", asked.first),
                ("its headers", asked.headers),
                ("headers of an answer", answered.headers),
            ]
            if holds(answered.body):
                method, url, _ = asked.first.split(" ")
                self.pages[route_of(url, method) or f"{asked.first} gave {answered.first}"] += 1


@contextmanager
def watched(browser: Browser, people: People, who: str, folder: Path) -> Iterator[Watched]:
    """A browser that keeps its profile in a folder, as people's do."""
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=chromium(), args=[flag for flag in FLAGS if flag != "--headless"], headless=True,
        viewport={"width": 1280, "height": 800},
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    wire = Wire(people.server.ports["api"])
    try:
        made = Watched(context, people, who, wire)
        yield made
        made.look()
    finally:
        context.close()
        wire.close()
    made.ended()


def reads(clinician: Watched, study, delivery_of) -> None:
    """The whole clinical path: found, chosen, signed, amended, withdrawn; with slips."""
    page = clinician.goes(f"/o/{ORG}/worklist")
    expect(page.get_by_role("link", name=NAME).first).to_be_visible()
    page = clinician.goes(path(study))
    page.fill("#q", NAME)  # a name, typed where a code belongs
    page.locator("#q").press("End")
    page.wait_for_timeout(600)
    clinician.look()
    page.fill("#q", "atrail fib")
    page.locator(".hits .code").first.wait_for()
    page.press("#q", "Enter")
    page.locator(".chosen li").first.wait_for()
    with page.expect_response(lambda answer: answer.url.endswith("/draft")):
        page.fill("#interpretation", f"{TYPED} rhythm of {NAME}.")
    clinician.look()
    page.click("#sign")
    page.locator("#do").wait_for()
    clinician.look()
    page.click("#do")
    page.wait_for_url("**said=study-signed")
    page.locator("#fate").get_by_text("Final result").wait_for()
    clinician.look()
    page.go_back()
    clinician.look()
    clinician.goes(path(study))
    page.get_by_role("link", name="Amend").click()
    with page.expect_response(lambda answer: answer.url.endswith("/draft")):
        page.fill("#comments", f"{TYPED} comment")
    page.click("#sign")
    page.locator("#reason").fill("it was another lead")
    clinician.look()
    page.click("#do")
    page.wait_for_url("**said=study-amended")
    clinician.look()
    page.get_by_role("link", name="Withdraw").click()
    page.locator("#reason").fill("another patient")
    page.click("#do")
    page.wait_for_url("**said=study-withdrawn")
    for tab in ("mine", "signed"):
        clinician.goes(f"/o/{ORG}/worklist?tab={tab}")
    for act in ("sign", "amend", "withdraw", "pdf", "nothing"):
        clinician.goes(path(study, act)) if act != "pdf" else clinician.page.request.get(
            clinician.url + path(study, act)
        )
    clinician.goes(f"{BOARD}/deliveries/{delivery_of}")  # not hers


def operates(operator: Watched, order: dict[str, Any], delivery: int, message: int) -> None:
    """Every page of the board, masked and opened; searched by what must not be in a URL."""
    page = operator.page
    for part in (
        "",
        "/deliveries",
        "/deliveries?show=everything",
        "/suppressed",
        "/orders",
        "/quarantine",
        "/lanes",
        "/figures",
        "/proposals",
    ):
        operator.goes(BOARD + part)
    operator.goes(f"{BOARD}/deliveries/{delivery}")
    page.get_by_role("button", name="Show the patient's data").click()
    expect(page.get_by_text("That you looked at it is written down.")).to_be_visible()
    operator.goes(f"{BOARD}/deliveries/{delivery}")
    page.get_by_role("button", name="Send again").click()
    page.get_by_label("Reason").fill("mended at the hospital")
    operator.look()
    operator.goes(f"{BOARD}/orders")
    for number in (NUMBER, NAME, f"LV-700101-{order['number']}"):
        page.get_by_label("Search by any number").fill(number)
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("button", name="Search").click()
        if number != NAME:
            expect(page.get_by_role("link", name=f"LV-700101-{order['number']}").first).to_be_visible()
        operator.look()
    operator.goes(f"{BOARD}/orders/{order['id']}")
    page.get_by_role("button", name="Show the patient's data").click()
    expect(page.get_by_role("region", name="What was ordered, and for whom")).to_contain_text(NAME)
    operator.goes(f"{BOARD}/orders/{order['id']}/cancel")
    operator.goes(f"{BOARD}/messages/{message}")
    page.get_by_role("button", name="Show the patient's data").click()
    page.get_by_text("That you looked at it is written down.").wait_for()
    operator.look()
    for act in ("release", "discard"):
        operator.goes(f"{BOARD}/messages/{message}/{act}")
    page.get_by_label("Reason").fill("xx")
    operator.goes(f"/o/{ORG}/worklist")  # not his


def looks(analyst: Watched, order: dict[str, Any], delivery: int, message: int) -> None:
    """The same without a patient's data."""
    for part in (
        "", "/deliveries", f"/deliveries/{delivery}", f"/orders/{order['id']}", "/quarantine", f"/messages/{message}", "/lanes",
    ):  # fmt: skip
        analyst.goes(BOARD + part)
    for part in ("changes", "live", "worklist", f"studies/{order['id']}", f"{NUMBER[0]}nothing"):
        analyst.goes(f"/o/{ORG}/{part}")


LOOKED = {
    "clinician": {"worklist", "study", "study-draft", "confirm-sign", "confirm-amend", "confirm-withdraw"},
    "operator": {"delivery-open", "order-open", "message-open"},
    "analyst": set(),
}  # fmt: skip
"""Pages that must have shown the patient, or nothing was tried."""
TYPED_BACK = {"orders-search"}
"""Whose form repeats what was typed into it."""


@pytest.fixture
def people(postgresql_people: People) -> People:
    """The server whose database says most when something is wrong, values too."""
    return postgresql_people


@pytest.fixture
def went(people: People, browser: Browser, tmp_path: Path) -> dict[str, Any]:
    """All of them have gone their way: their browsers by role, with the folders of their profiles."""
    ward = Ward(people)
    ward.calm()
    clinician = studies.clinician(people, ORG, "canary.clinician")
    order, delivery = ward.rejected(f"PID^1^5^^^^{NAME}", **PATIENT)
    message = ward.quarantined(**PATIENT)
    number = studies.number()
    ordered = studies.ordered(people, ORG, number, **PATIENT)
    study = studies.read(
        people, ORG, number, ordered, interpretation=f"{STORY}.", comments=[f"{STORY} once more"],
        document={"pdf": PDF},
    )  # fmt: skip
    for role in ("operator", "analyst"):
        people.person(f"canary.{role}", (ORG, role))
    found: dict[str, Any] = {}
    with watched(browser, people, clinician, tmp_path / "clinician") as one:
        reads(one, study, delivery)
    found["clinician"] = one
    with watched(browser, people, "canary.operator", tmp_path / "operator") as two:
        operates(two, order, delivery, message)
    found["operator"] = two
    with watched(browser, people, "canary.analyst", tmp_path / "analyst") as three:
        looks(three, order, delivery, message)
    found["analyst"] = three
    return found


def test_a_patient_is_seen_on_pages_whose_look_is_written_down_and_left_nowhere_else(people, went, tmp_path):
    for role, browser in went.items():
        leaks = [(where, one) for where, text in browser.told for one in holds(text)]
        assert leaks == [], f"in the browser of the {role}"
        seen = Counter(str(event["page"]) for event in people.events(ORG, "viewed") if event["actor"] == browser.who)
        assert LOOKED[role] <= set(browser.pages), f"the {role} saw too little for this to prove anything"
        unwritten = {
            page: count for page, count in browser.pages.items() if count > seen[page] and page not in TYPED_BACK
        }
        assert unwritten == {}, f"pages that showed the {role} the patient, and wrote nothing down"
        profile = [file for file in sorted((tmp_path / role).rglob("*")) if file.is_file()]
        assert {str(file.relative_to(tmp_path)): found for file in profile if (found := holds(file.read_bytes()))} == {}
        cached = {
            url.decode() for file in profile if "Cache" in str(file)
            for url in re.findall(re.escape(browser.url.encode()) + rb"(/[^\x00-\x20\"]*)", file.read_bytes())
        }  # fmt: skip
        assert any(url.startswith("/static/") for url in cached), "nothing was cached: the wrong folder was searched"
        assert {url for url in cached if not url.startswith("/static/")} == set()
    said = "".join(people.server.raw)
    assert said
    assert holds(said) == set()
    with people.server.client() as client:
        metrics = client.get("/metrics", headers={"Authorization": "Bearer " + "o" * 32}).text
        assert "segwright" in metrics
        assert holds(metrics) == set()
