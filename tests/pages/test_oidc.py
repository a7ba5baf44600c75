"""Signing in by a provider: whom an administrator has bound, by proofs that hold, in the browser that was sent away."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from segwright.accounts import directory
from tests.pages.browser import look
from tests.pages.people import ORG, Client, People
from tests.pages.provider import CLIENT, SECRET, Provider
from tests.ports import free_ports
from tests.web.servers import Server


@pytest.fixture(scope="module")
def provider():
    made = Provider()
    yield made
    made.close()


@pytest.fixture(scope="module")
def known(tmp_path_factory, bundles, provider):
    """A server that knows the provider, and people."""
    folder = tmp_path_factory.mktemp("oidc")
    (port,) = free_ports(1)
    server = Server(folder, f"sqlite:///{folder / 'ledger.db'}", bundles, organisations=[ORG])
    (folder / "secret").write_text(SECRET)
    text = server.settings.read_text().replace('[api]\naddress = "127.0.0.1:0"', f'[api]\naddress = "127.0.0.1:{port}"')
    server.settings.write_text(
        text + f'\n[pages]\naddress = "http://127.0.0.1:{port}"\n[pages.oidc]\nissuer = "{provider.issuer}"\n'
        f'client = "{CLIENT}"\nsecret = "file:{folder / "secret"}"\nname = "Mercy sign-in"\n'
    )
    people = People(server.start(), orgs=(ORG,))
    account = people.person("anna", (ORG, "administrator"), password=False)
    people.store.write(lambda tx: directory.bind(tx, account.id, provider.issuer, "5f0c-anna", "test"))
    yield people
    people.close()
    server.close()


@pytest.fixture(autouse=True)
def as_it_was(provider):
    yield
    provider.spoilt, provider.subject = {}, "5f0c-anna"


def go_through(client: Client, path: str = "/sign-in/provider") -> str:
    """Away and back as a browser goes; the URL that it comes back with."""
    away = client.get(path)
    assert away.status_code == 303
    return client.get(away.headers["location"]).headers["location"]


def test_somebody_signs_in_by_the_provider_and_goes_on_where_he_wanted(known, visit):
    page = visit(known, path=f"/o/{ORG}/accounts")
    look(page, "sign-in-provider")
    page.get_by_role("link", name="Sign in with Mercy sign-in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Accounts")
    assert page.url == f"{known.server.url}/o/{ORG}/accounts"
    assert known.events("", "signed in")[-1]["actor"] == "anna"
    page.get_by_role("link", name="Anna", exact=True).first.click()
    look(page, "account-provider")


def test_whom_nobody_bound_learns_how_he_is_called_and_an_administrator_binds_him(known, provider, visit):
    provider.subject = "77-ben"
    ben = known.person("ben", (ORG, "clinician"), password=False)
    page = visit(known, path="/sign-in", expect_errors=True)
    page.get_by_role("link", name="Sign in with Mercy sign-in").click()
    expect(page.get_by_role("heading", name="You are not known here yet")).to_be_visible()
    expect(page.get_by_text("77-ben")).to_be_visible()
    look(page, "unknown")
    desk = visit(known, f"administrator.{ORG}", f"/o/{ORG}/accounts/{ben.id}")
    desk.get_by_label("Subject").fill("77-ben")
    desk.get_by_role("button", name="Bind", exact=True).click()
    expect(desk.get_by_role("status")).to_contain_text("may sign in by the provider now")
    page.goto(known.server.url + "/sign-in/provider")
    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    desk.get_by_role("button", name="Unbind").click()
    page.reload()
    expect(page).to_have_title("Sign in · segwright")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"key": "another"}, {"alg": "none"}, {"iss": "http://elsewhere.example"}, {"aud": "another client"}, {"nonce": "another"},
        {"nonce": None}, {"exp": 1}, {"exp": None}, {"iat": None}, {"sub": None}, {"sub": ""}, {"azp": "another client"},
    ],
    ids=str,
)  # fmt: skip
def test_a_proof_that_does_not_hold_lets_nobody_in(known, provider, spoilt):
    provider.spoilt = spoilt
    client = known.client()
    back = client.get(go_through(client))
    assert back.status_code == 403
    assert "The sign-in did not work" in back.text
    assert client.get("/account").status_code == 303


def test_what_came_back_to_one_browser_is_worth_nothing_in_another(known):
    mine, other = known.client(), known.client()
    back = go_through(mine)
    other.get("/sign-in")
    assert other.get(back).status_code == 403
    assert other.get("/account").status_code == 303
    assert mine.get(back).status_code == 303
    mine.post("/sign-out")
    assert mine.get(back).status_code == 403, "a code is taken once"


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x&code=x", "?state=a.b.c.d&code=x", "?error=access_denied&state=x"]
)
def test_an_answer_that_was_not_asked_for_lets_nobody_in(known, query):
    client = known.client()
    assert client.get("/sign-in/provider/back" + query).status_code == 403


def test_an_answer_of_another_issuer_lets_nobody_in(known, provider):
    client = known.client()
    back = go_through(client)
    from urllib.parse import quote

    assert quote(provider.issuer, safe="") in back
    assert (
        client.get(back.replace(quote(provider.issuer, safe=""), "http%3A%2F%2Felsewhere.example")).status_code == 403
    )


def test_a_disabled_account_does_not_come_in_by_the_provider(known, provider):
    provider.subject = "88-cora"
    cora = known.person("cora", (ORG, "clinician"), password=False)
    known.store.write(lambda tx: directory.bind(tx, cora.id, provider.issuer, "88-cora", "test"))
    client = known.client()
    assert client.get(go_through(client)).status_code == 303
    known.store.write(lambda tx: directory.disable(tx, cora.id, "test"))
    assert client.get("/account").status_code == 303
    assert client.get(go_through(client)).status_code == 403


def test_neither_code_nor_subject_nor_state_stands_in_the_log(known, provider):
    provider.subject = "canary-subject"
    client = known.client()
    back = go_through(client)
    client.get(back)
    time.sleep(0.1)
    log = "".join(known.server.raw)
    assert "canary" not in log
    assert back.partition("code=")[2][:12] not in log


def test_without_a_provider_its_pages_are_not_there(one):
    assert one.client().get("/sign-in/provider").status_code == 404
