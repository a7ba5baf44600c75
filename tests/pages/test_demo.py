"""`make demo` as a newcomer has it: the story is told, its terminal says where to go and as whom, and what is signed there is filed by the
hospitals. Nothing is known here but what the terminal and the pages say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from segwright.simulation.record import Event, events
from tests.pages.browser import PATIENCE
from tests.web.servers import ROOT, eventually

HOSPITALS = ("larkspur", "northgate", "stbrigid", "tamarack")
TAKEN = re.compile("(Filed|Taken) by the hospital")


class Demo:
    """The terminal in which the demonstration runs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "demo" / "story.py"), "--stay"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "engine"), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def found(self, pattern: str) -> str:
        """What a person reads off the terminal."""
        found = re.search(pattern, self.said)
        assert found, f"{pattern} is nowhere in\n{self.said}"
        return found[1]

    def end(self) -> int:
        """Ctrl-C, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def demo() -> Iterator[Demo]:
    running = Demo()
    try:
        eventually(lambda: "press Ctrl-C" in running.said or running.process.poll() is not None, 240)
        assert running.process.poll() is None, running.said
        yield running
    finally:
        running.end()


def signed_in(browser: Browser, demo: Demo, name: str) -> Page:
    """A browser of its own, at the address that the terminal says, as an account that it names."""
    assert demo.found(rf"\n   ({name}) +\w")
    address, password = demo.found(r"Open (\S+) and sign in"), demo.found(r"every password is (\S+)")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Your work").wait_for()
    return page


def named(demo: Demo, org: str) -> str:
    """What people call a hospital."""
    return demo.found(rf"\n   {org} +(.+?): listens")


def signs(page: Page, demo: Demo, org: str) -> tuple[str, list[str]]:
    """Signs what came last at a hospital with the codes that the page suggests. Gives the order's number and the codes."""
    page.get_by_role("link", name="segwright").first.click()
    page.get_by_role("region", name=named(demo, org)).get_by_role("link", name="Worklist").click()
    order = re.findall(rf"\n   {org} +sends \S+ new: order (\S+) ", demo.said)[-1]
    page.locator("tr", has_text=order).get_by_role("link").click()
    page.get_by_text("valid from 1 October 2026").wait_for()  # the edition that judges the codes
    page.get_by_title("The ECG report of this study").wait_for()
    page.get_by_role("button", name=re.compile("^Take .* and go on to sign$")).click()
    page.get_by_role("heading", name="Sign this result?").wait_for()
    codes = page.locator(".summary .code").all_text_contents()
    page.get_by_role("button", name="Sign and send").click()
    page.locator("#fate li", has_text="Final result").get_by_text(TAKEN).first.wait_for()
    return order, codes


def filed(folder: Path, org: str, order: str) -> Event:
    """The final result of an order in the hospital's own file."""
    (found,) = [
        event for event in events(folder / f"{org}.jsonl")
        if event.what == "filed" and event.status == "F" and order in event.about and event.type.startswith("ORU")
    ]  # fmt: skip
    return found


def charges(folder: Path) -> list[Event]:
    """What Tamarack's billing system has filed."""
    return [event for event in events(folder / "tamarack.jsonl") if event.door == "billing" and event.what == "filed"]


def diagnoses(event: Event) -> list[str]:
    """DG1-3, the code."""
    return [line.split("|")[3].split("^")[0] for line in event.segments if line.startswith("DG1")]


def test_a_newcomer_signs_at_each_hospital_and_sees_it_filed(demo, browser):
    story, _, turn = demo.said.partition("━━ The accounts")
    assert all(f" {org} " in turn for org in HOSPITALS)
    assert "repeated: ORU^R01 preliminary" in story  # the lost acknowledgement
    assert "duplicate" in story  # the second pathway
    assert "Both agree: nothing lost, nothing filed twice." in turn
    folder = Path(demo.found(r"What each hospital files, a line each: (\S+)/"))

    clinician = signed_in(browser, demo, "clinician")
    signed = {org: signs(clinician, demo, org) for org in HOSPITALS}
    clinician.close()
    for org, (order, codes) in signed.items():
        assert codes
        line = f"{org:<12}filed: ORU^R01 final for {order}"
        eventually(lambda line=line: line in demo.said)  # type: ignore[misc]
        assert filed(folder, org, order).code in ("AA", "CA")

    order, codes = signed["larkspur"]
    event = filed(folder, "larkspur", order)
    assert diagnoses(event) == codes  # with dots
    places = [line[:3] for line in event.segments]
    assert places[places.index("OBR") + 1] == "DG1"
    order, codes = signed["stbrigid"]
    event = filed(folder, "stbrigid", order)
    assert diagnoses(event) == [code.replace(".", "") for code in codes]
    assert [line[:3] for line in event.segments][-len(codes) :] == ["DG1"] * len(codes)
    order, codes = signed["northgate"]
    event = filed(folder, "northgate", order)
    assert all(code.replace(".", "") in "\r".join(event.segments) for code in codes)
    _, codes = signed["tamarack"]
    eventually(lambda: len(charges(folder)) == 2)  # one was the story's
    charge = charges(folder)[-1]
    (ft1,) = [line for line in charge.segments if line.startswith("FT1")]
    assert [one.split("^")[0] for one in ft1.split("|")[19].split("~")] == codes

    operator = signed_in(browser, demo, "operator")
    for org in HOSPITALS:
        order = signed[org][0]
        operator.get_by_role("link", name="segwright").first.click()
        operator.get_by_role("region", name=named(demo, org)).get_by_role("link", name="Operations").click()
        operator.get_by_role("navigation", name="Operations").get_by_role("link", name="Orders").click()
        operator.get_by_role("searchbox").first.fill(order)
        operator.get_by_role("button", name="Search").first.click()
        operator.get_by_role("link", name=re.compile(re.escape(order))).first.click()
        operator.locator("tr", has_text=re.compile("final", re.IGNORECASE)).get_by_role("link").first.click()
        operator.get_by_text(re.compile("Accepted|Confirmed")).first.wait_for()
    operator.close()

    reviewer = signed_in(browser, demo, "reviewer")
    reviewer.get_by_role("region", name=named(demo, "larkspur")).get_by_role("link", name="Changes").click()
    reviewer.get_by_role("link", name="QRS duration is coded").click()
    reviewer.get_by_text("LN → LNC").first.wait_for()
    reviewer.locator(".groups").get_by_role("link").first.click()
    reviewer.get_by_label("Why").fill("LNC is what the receivers ask for")
    reviewer.get_by_role("button", name="Approve").click()
    reviewer.get_by_text("You approved it.").wait_for()
    reviewer.close()

    assert demo.end() == 0, demo.said
    after = demo.said.rpartition("━━ The accounts")[2]
    assert "Both agree: nothing lost, nothing filed twice." in after
    assert all(f" {org} " in after for org in HOSPITALS)
