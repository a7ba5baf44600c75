"""Who may use which page: every route × every role, made of the table of routes, so that a new page is judged as well."""

from __future__ import annotations

import re

import pytest

from segwright.accounts.model import ROLES
from segwright.pages.application import ROUTES
from segwright.pages.routes import Route, filled
from tests.pages.people import ORG, OTHER, Client, People

OF_ORG = [route for route in ROUTES if route.of_organisation]
ENDS_SESSIONS = {"sign-out"}
WHO = ["", *(f"{role}.{ORG}" for role in ROLES), f"everyone.{OTHER}"]


def path_of(route: Route, org: str = ORG) -> str:
    """The path with an organisation, and ids that nobody has."""
    names = re.findall(r"{(\w+)", route.path)
    return filled(route.path, {name: org if name == "org" else 987654321 for name in names})


def asked(client: Client, route: Route, org: str = ORG) -> int:
    path = path_of(route, org)
    if route.passive:  # a stream has no end: its head is enough
        with client.http.stream("GET", path) as response:
            return response.status_code
    return (client.get(path) if route.method == "GET" else client.post(path)).status_code


@pytest.fixture(scope="module")
def clients(sqlite_people: People):
    return {name: sqlite_people.client(name) for name in WHO}


def said_of(route: Route) -> str:
    return f"{route.method} {route.name}"


@pytest.mark.parametrize("route", OF_ORG, ids=said_of)
def test_a_page_of_an_organisation_is_for_the_roles_it_names_and_nobody_else(clients, route):
    found = {name: asked(clients[name], route) for name in WHO}
    assert found[""] == 303, "who is not signed in is asked to"
    assert found[f"everyone.{OTHER}"] == 404, "for who has no role here it does not exist"
    for role in ROLES:
        status = found[f"{role}.{ORG}"]
        if role in route.roles:
            assert status in (200, 204, 303, 400, 404, 409, 422), f"{role}: {status}"
        else:
            assert status == 403, f"{role}: {status}"


@pytest.mark.parametrize("route", OF_ORG, ids=said_of)
def test_an_organisation_that_is_not_there_is_answered_like_one_of_others(clients, route):
    client = clients[f"everyone.{OTHER}"]
    pages = []
    for org in (ORG, "nowhere"):
        path = path_of(route, org)
        answer = client.get(path) if route.method == "GET" else client.post(path)
        pages.append((answer.status_code, answer.text, sorted(answer.headers)))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.of_organisation], ids=said_of)
def test_a_page_of_no_organisation_is_for_whom_it_says(one, route):
    one.person(f"visitor.{ORG}", (ORG, "clinician"))  # of its own: one of these routes signs out everywhere else
    nobody, somebody = one.client(), one.client(f"visitor.{ORG}")
    status = asked(nobody, route)
    if route.needs == "nobody":
        assert status != 500
    else:
        assert status == 303
        assert asked(somebody, route) in (200, 303, 404, 422)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=said_of)
@pytest.mark.parametrize("csrf", ["", "0" * 64, "ä"])
def test_a_form_that_is_not_of_our_page_does_nothing(clients, route, csrf):
    client = clients[f"administrator.{ORG}"]
    if "administrator" not in route.roles and route.of_organisation:
        client = clients[f"{route.roles[0]}.{ORG}"]
    answer = client.post(path_of(route), csrf=csrf)
    assert answer.status_code == 403
    assert "out of date" in answer.text


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=said_of)
def test_a_form_that_a_browser_says_is_of_another_site_does_nothing(clients, route):
    client = clients[f"administrator.{ORG}"]
    if "administrator" not in route.roles and route.of_organisation:
        client = clients[f"{route.roles[0]}.{ORG}"]
    assert client.post(path_of(route), **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.passive], ids=said_of)
def test_every_answer_says_how_a_browser_has_to_treat_it(clients, route):
    name = f"{route.roles[0]}.{ORG}" if route.roles else f"administrator.{ORG}"
    if route.name in ENDS_SESSIONS:
        name = ""
    client, path = clients[name], path_of(route)
    answer = client.get(path) if route.method == "GET" else client.post(path)
    assert answer.status_code != 500
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/o", "/o/larkspur", "/nothing", "/o/larkspur/accounts/0", "/o/larkspur/accounts/99999999999999999999"]
)
def test_what_is_not_there_is_a_page_that_says_so(clients, path):
    answer = clients[f"administrator.{ORG}"].get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_programs_still_get_problem_documents(one):
    import httpx2

    answer = httpx2.get(f"{one.server.url}/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
