"""Signing in and out: by people in a browser, and by those who should not."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from segwright.accounts import directory, sessions
from segwright.accounts.signing_in import FIRST_LOCK, FREE
from segwright.pages.gate import Tries, safe_next
from tests.pages.browser import look
from tests.pages.people import ORG, OTHER, PASSWORD, People


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_somebody_signs_in_finds_the_own_work_and_signs_out(people, visit):
    page = visit(people, path=f"/o/{ORG}/accounts")
    expect(page).to_have_title("Sign in · segwright")
    look(page, "sign-in")
    sign_in(page, f"Administrator.{ORG} ")  # the case of a name does not count
    expect(page.get_by_role("heading", level=1)).to_contain_text("Accounts")
    page.get_by_role("link", name="segwright").click()
    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    look(page, "home")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.goto(f"{people.server.url}/account")
    expect(page).to_have_title("Sign in · segwright")


def test_a_wrong_password_and_a_name_that_nobody_has_are_told_alike(one, visit):
    page = visit(one, expect_errors=True)
    sign_in(page, f"clinician.{ORG}", "not the password")
    first = page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Name")).to_have_value(f"clinician.{ORG}")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()
    look(page, "sign-in-wrong")
    sign_in(page, "nobody.at.all", "not the password")
    assert page.get_by_role("alert").inner_text() == first
    assert "clinician" not in page.url


def test_an_account_is_locked_after_wrong_passwords_and_an_administrator_unlocks_it(people, visit):
    name = f"locked.{people.server.database[:6]}"
    account = people.person(name, (ORG, "clinician"))
    page = visit(people, expect_errors=True)
    for _ in range(FREE):
        sign_in(page, name, "not the password")
        page.get_by_role("alert").wait_for()
    sign_in(page, name)  # the right one, too late
    expect(page.get_by_role("alert")).to_contain_text("locked for some minutes")
    assert people.account(name).locked_until - time.time() * 1000 <= FIRST_LOCK
    desk = visit(people, f"administrator.{ORG}", f"/o/{ORG}/accounts/{account.id}")
    look(desk, "account-locked")
    desk.get_by_role("button", name="Unlock").click()
    expect(desk.get_by_role("status")).to_contain_text("may sign in again")
    sign_in(page, name)
    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    assert [event["actor"] for event in people.events("", "sign-in refused") if event["actor"] == name] == [name] * (
        FREE + 1
    )


def test_a_password_that_somebody_else_chose_is_changed_before_anything_else(people, visit):
    name = f"fresh.{people.server.database[:6]}"
    people.person(name, (ORG, "administrator"), temporary=True)
    page = visit(people, path=f"/o/{ORG}/accounts", expect_errors=True)
    sign_in(page, name)
    expect(page.get_by_text("Somebody else chose your password")).to_be_visible()
    page.goto(f"{people.server.url}/o/{ORG}/accounts")
    expect(page.get_by_text("Somebody else chose your password")).to_be_visible()
    look(page, "first-password")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("short")
    page.get_by_label("New password once more").fill("short")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("at least 12 characters;")).to_be_visible()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("three otters under a bridge")
    page.get_by_label("New password once more").fill("three otters under a bridge")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    page.goto(f"{people.server.url}/o/{ORG}/accounts")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Accounts")


def test_a_session_ends_when_it_is_not_used_when_it_is_old_and_when_the_account_is_disabled(people):
    name = f"ending.{people.server.database[:6]}"
    account = people.person(name, (ORG, "clinician"))
    over = people.client()
    over.http.cookies.set("segwright", people.token(name, sessions.Limits(3_600_000, 1)))
    time.sleep(0.01)
    assert over.get("/account").status_code == 303
    client = people.client(name)
    assert client.get("/account").status_code == 200
    import sqlalchemy as sa

    from segwright.ledger import tables as t

    idle = sa.update(t.session).where(t.session.c.account_id == account.id)
    people.store.write(lambda tx: tx.run(idle.values(seen_at=tx.now - 31 * 60_000)))
    assert client.get("/account").status_code == 303
    client = people.client(name)
    from segwright.accounts import directory

    people.store.write(lambda tx: directory.disable(tx, account.id, "test"))
    assert client.get("/account").status_code == 303


def test_a_role_that_is_taken_back_holds_from_the_next_click_on(people):
    from segwright.accounts import directory
    from segwright.accounts.model import Grant

    name = f"fading.{people.server.database[:6]}"
    account = people.person(name, (ORG, "administrator"), (ORG, "clinician"))
    client = people.client(name)
    assert client.get(f"/o/{ORG}/accounts").status_code == 200
    people.store.write(lambda tx: directory.revoke(tx, account.id, Grant(ORG, "administrator"), "test"))
    assert client.get(f"/o/{ORG}/accounts").status_code == 403
    people.store.write(lambda tx: directory.revoke(tx, account.id, Grant(ORG, "clinician"), "test"))
    assert client.get(f"/o/{ORG}/accounts").status_code == 404


def test_signing_in_begins_a_new_session_and_the_cookie_is_for_no_script_and_no_other_site(one):
    client = one.client()
    answer = client.post("/sign-in", {"name": f"clinician.{ORG}", "password": PASSWORD, "next": "//evil.example/"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("segwright="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    token = re.match(r"segwright=([\w-]{43});", cookie)
    assert token
    assert token[1] not in "".join(one.server.raw)
    first = client.http.cookies["segwright"]
    client.post("/sign-out")
    client.post("/sign-in", {"name": f"clinician.{ORG}", "password": PASSWORD})
    assert client.http.cookies["segwright"] != first
    stale = one.client()
    stale.http.cookies.set("segwright", first)
    assert stale.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/o/larkspur/accounts", "/o/larkspur/accounts"), ("/", "/"), ("", "/"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ("https://evil.example", "/"), ("/a//b", "/"), ("/a?q=1", "/"), ("/a\r\nSet-Cookie: x", "/"), ("javascript:alert(1)", "/"),
        ("/" + "a" * 400, "/"), ("/é", "/"),
    ],
)  # fmt: skip
def test_one_is_sent_on_to_a_page_of_ours_and_nowhere_else(given, kept):
    assert safe_next(given) == kept


def test_an_address_from_which_too_many_tries_fail_waits_and_others_do_not():
    tries = Tries()
    for number in range(Tries.MOST):
        assert tries.wait("a", number) == 0
        tries.failed("a", number)
    assert tries.wait("a", 1000) == Tries.WITHIN - 1000
    assert tries.wait("b", 1000) == 0
    assert tries.wait("a", Tries.WITHIN) == 0


def test_what_a_password_must_be_is_said_and_what_is_typed_never_returns(one, visit):
    page = visit(one, f"administrator.{ORG}", f"/o/{ORG}/accounts", expect_errors=True)
    look(page, "accounts")
    made = page.get_by_role("region", name="Make an account")
    page.get_by_label("Name to sign in with").fill("dr.new")
    page.get_by_label("Full name").fill("Dr. Nilufar New")
    page.get_by_label("First password").fill("tooshort")
    made.get_by_role("checkbox", name="Clinician").check()
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_text("A password has at least 12 characters")).to_be_visible()
    expect(page.get_by_label("Full name")).to_have_value("Dr. Nilufar New")
    expect(made.get_by_role("checkbox", name="Clinician")).to_be_checked()
    expect(page.get_by_label("First password")).to_have_value("")
    look(page, "accounts-fault")
    page.get_by_label("First password").fill("a lamp by the window")
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_role("status")).to_contain_text("The account was made")
    page.get_by_role("link", name="Dr. Nilufar New").click()
    look(page, "account")
    page.get_by_role("checkbox", name="Reviewer").check()
    page.get_by_role("button", name="Keep these roles").click()
    expect(page.get_by_role("status")).to_contain_text("The roles are changed")
    assert one.account("dr.new").roles(ORG) == {"clinician", "reviewer"}
    assert one.account("dr.new").temporary
    assert [event["role"] for event in one.events(ORG, "role granted") if event["account"] == "dr.new"] == [
        "clinician",
        "reviewer",
    ]


def test_an_administrator_sees_nothing_of_other_organisations_and_takes_nobodys_account_over(one):
    both = one.person("both.sides", (ORG, "clinician"), (OTHER, "clinician"))
    theirs = one.account(f"clinician.{OTHER}")
    client = one.client(f"administrator.{ORG}")
    page = client.get(f"/o/{ORG}/accounts").text
    assert "both.sides" in page
    assert f"clinician.{OTHER}" not in page
    assert client.get(f"/o/{ORG}/accounts/{theirs.id}").status_code == 404
    shown = client.get(f"/o/{ORG}/accounts/{both.id}")
    assert OTHER not in shown.text
    for act in ("password", "disable", "enable"):
        answer = client.post(f"/o/{ORG}/accounts/{both.id}/{act}", {"password": "a lamp by the window"})
        assert answer.status_code == 403, act
        assert client.post(f"/o/{ORG}/accounts/{theirs.id}/{act}").status_code == 404
    assert one.account("both.sides").state == "active"


def test_the_last_administrator_stays_one(one):
    there = one.store.read(lambda tx: directory.of_organisation(tx, "tamarack"))
    assert not [account.name for account in there if "administrator" in account.roles("tamarack")]
    last = one.person("last.one", ("tamarack", "administrator"))
    client = one.client("last.one")
    answer = client.post(f"/o/tamarack/accounts/{last.id}/roles", {"role": ["clinician"]})
    assert answer.status_code == 422
    assert "last administrator" in answer.text
    assert one.account("last.one").roles("tamarack") == {"administrator"}


def test_refusals_are_pages_one_can_go_on_from(one, visit):
    page = visit(one, f"clinician.{ORG}", f"/o/{ORG}/accounts", expect_errors=True)
    expect(page.get_by_role("heading", name="You are not an administrator here")).to_be_visible()
    look(page, "refused-role")
    page.goto(f"{one.server.url}/o/{OTHER}/accounts")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    look(page, "refused-missing")
    page.get_by_role("link", name="To the first page").click()
    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    look(page, "home-empty")


def test_the_keyboard_alone_is_enough_to_sign_in(one, visit):
    page = visit(one)
    page.keyboard.type(f"clinician.{ORG}")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Go to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_no_page_says_what_was_typed_into_it_in_an_address_or_a_log(people: People):
    client = people.client()
    client.post("/sign-in", {"name": "canary-name", "password": "canary-password"})
    client.get("/nothing/canary-path")
    log = "".join(people.server.raw)
    assert "canary" not in log
