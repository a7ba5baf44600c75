"""Passwords take turns: in order, beside everything else, and no more of them than an address may try."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import expect

from segwright.accounts import sessions
from segwright.accounts.passwords import fits, hashed, is_old
from segwright.accounts.signing_in import Kept
from segwright.ledger import tables as t
from segwright.pages import signin
from segwright.pages.answer import Page
from segwright.pages.gate import Tries
from segwright.pages.hashing import Hashing
from segwright.pages.routes import Form
from tests.pages.browser import look
from tests.pages.people import ORG, PASSWORD


class Gate:
    """A hash that takes as long as a test wants, and knows who came."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.at_once = 0
        self.most = 0
        self.go = threading.Event()

    def __call__(self, name: str) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.came.append(name)
        assert self.go.wait(20)
        self.at_once -= 1
        return name


async def _turn(hashing: Hashing, gate: Gate, name: str) -> str:
    async with hashing.turn() as does:
        return await does(gate, name)


async def _until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not found():
            await asyncio.sleep(0.01)


def test_passwords_are_hashed_one_at_a_time_in_the_order_in_which_they_came():
    async def story() -> None:
        hashing, gate = Hashing(1), Gate()
        waiting = []
        for name in "abcdefgh":
            waiting.append(asyncio.create_task(_turn(hashing, gate, name)))
            await asyncio.sleep(0)
        await _until(lambda: gate.came == ["a"])  # and this loop turns meanwhile
        gate.go.set()
        assert await asyncio.gather(*waiting) == gate.came == list("abcdefgh")
        assert gate.most == 1

    asyncio.run(story())


def test_whoever_goes_away_before_his_turn_takes_nobodys_time():
    async def story() -> None:
        hashing, gate = Hashing(1), Gate()
        first, gone, last = (asyncio.create_task(_turn(hashing, gate, name)) for name in ("first", "gone", "last"))
        await _until(lambda: gate.came == ["first"])
        gone.cancel()
        gate.go.set()
        assert [await first, await last] == gate.came == ["first", "last"]
        assert gone.cancelled()

    asyncio.run(story())


def test_a_fault_while_hashing_lets_the_next_one_have_its_turn():
    async def story() -> None:
        hashing = Hashing(1)

        def fails(name: str) -> str:
            raise MemoryError(name)

        with pytest.raises(MemoryError):
            async with hashing.turn() as does:
                await does(fails, "x")
        async with hashing.turn() as does:
            assert await does(str.upper, "next") == "NEXT"

    asyncio.run(story())


def test_of_many_wrong_passwords_at_once_no_more_are_compared_than_an_address_may_try(monkeypatch):
    compared: list[str] = []

    def wrong(kept: str, password: str) -> bool:
        compared.append(password)
        return False

    monkeypatch.setattr(signin, "fits", wrong)
    parts = {"tries": Tries(), "hashing": Hashing(1), "limits": sessions.Limits(1, 1)}

    def call(number: int, address: str) -> Any:
        async def read(function: object) -> Kept:
            return Kept(0, "")

        async def write(function: object) -> None:
            return None

        form = Form([("name", "anna"), ("password", f"guess {number}")])
        return SimpleNamespace(
            form=form, query=Form([]), parts=parts, address=address, now=1, read=read, write=write,
            settings=SimpleNamespace(oidc=None),
        )  # fmt: skip

    async def story() -> list[Any]:
        many = (signin.sign_in(call(number, "203.0.113.9")) for number in range(3 * Tries.MOST))
        return await asyncio.gather(*many, signin.sign_in(call(999, "203.0.113.10")))

    *answers, other = asyncio.run(story())
    assert all(isinstance(one, Page) for one in answers)
    assert sorted(one.status for one in answers) == [422] * Tries.MOST + [429] * 2 * Tries.MOST
    assert other.status == 422, "another address waits for its turn and is heard"
    assert len(compared) == Tries.MOST + 1


def test_a_password_kept_with_other_costs_is_kept_anew_at_the_next_sign_in(one):
    name = "kept.long.ago"
    account = one.person(name, (ORG, "clinician"))
    old = PasswordHasher().hash(PASSWORD)  # as it was made before: in four lanes
    assert is_old(old)
    one.store.write(lambda tx: tx.set(t.account, account.id, password=old))
    assert one.client().post("/sign-in", {"name": name, "password": PASSWORD}).status_code == 303
    row = one.store.read(lambda tx: tx.get(t.account, account.id))
    assert row is not None
    assert row.password != old
    assert not is_old(row.password)
    assert fits(row.password, PASSWORD)
    assert not is_old(hashed(PASSWORD))


def test_whoever_waits_for_a_sign_in_is_told_so_and_presses_once(one, visit):
    page = visit(one, expect_errors=True)
    held: list[Any] = []
    page.route("**/sign-in", lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    # The answer goes elsewhere: while a page waits for the next one, its driver tells nothing of it.
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('iframe'), {name: 'elsewhere', hidden: true}))"
    )
    page.evaluate("document.querySelector('form').target = 'elsewhere'")
    page.get_by_label("Name").fill(f"clinician.{ORG}")
    page.get_by_label("Password").fill(PASSWORD)
    press = page.get_by_role("button", name="Sign in")
    press.dispatch_event("click")
    expect(page.get_by_text("Signing you in …")).to_be_visible()
    expect(page.locator("form[aria-busy]")).to_be_visible()
    press.dispatch_event("click")
    look(page, "sign-in-waits")
    assert len(held) == 1
    held[0].abort()
    page.evaluate("dispatchEvent(new Event('pageshow'))")  # somebody goes back to the form
    expect(page.get_by_text("Signing you in …")).to_be_hidden()
    press.dispatch_event("click")
    expect(page.get_by_text("Signing you in …")).to_be_visible()
    assert len(held) == 2
    held[1].abort()
