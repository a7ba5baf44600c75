"""The board asked without a browser: every act by every role, another organisation at every door, four eyes, a canary."""

from __future__ import annotations

import re

import pytest

from segwright.accounts.model import ROLES
from segwright.pages.board.routes import ROUTES
from segwright.pages.routes import Route, filled
from tests.pages.people import ORG, OTHER, People
from tests.pages.ward import NAME, Ward, form_of
from tests.web.servers import eventually

BOARD = f"/o/{ORG}/board"


@pytest.fixture
def ward(people: People):
    made = Ward(people)
    made.calm()
    yield made
    made.calm()


@pytest.fixture
def single(one: People):
    made = Ward(one)
    made.calm()
    yield made
    made.calm()


def lane_of(ward: Ward) -> int:
    from segwright.ledger import views

    return ward.people.store.read(lambda tx: views.lanes_of(tx, ward.org))[0].id


def path_of(route: Route, ids: dict[str, int], org: str = ORG) -> str:
    return filled(route.path, {"org": org, **ids})


# --- who may do what ----------------------------------------------------------------------------------------------------------


def test_every_act_is_an_operators_and_nothing_happens_when_others_try(ward):
    order, delivery = ward.rejected()
    message = ward.quarantined()
    ids = {"delivery": delivery, "order": order["id"], "message": message, "lane": lane_of(ward), "proposal": 1}
    before = ward.people.store.read(_events)
    for role in ROLES:
        if role == "operator":
            continue
        client = ward.people.client(f"{role}.{ORG}")
        for route in (one for one in ROUTES if one.method == "POST" and one.name != "orders-search"):
            form = {
                "verb": "cancel",
                "delivery": delivery,
                "reason": "because",
                "what": "kind",
                "name": "ecg_result/final",
            }
            assert client.post(path_of(route, ids), form).status_code == 403, (role, route.name)
    assert ward.people.store.read(_events) == before
    assert ward.state(delivery) == "rejected"


def _events(tx):
    import sqlalchemy as sa

    from segwright.ledger import tables as t

    kinds = ("paused", "cancelled", "stopped", "readmitted", "discarded", "viewed", "proposed", "resent", "allowed")
    return tx.scalar(sa.select(sa.func.count()).where(t.event.c.org == ORG, t.event.c.kind.in_(kinds)))


def test_another_organisation_finds_nothing_at_any_door(ward):
    order, delivery = ward.rejected(JUNIPER=NAME)
    ids = {
        "delivery": delivery,
        "order": order["id"],
        "message": ward.quarantined(),
        "lane": lane_of(ward),
        "proposal": 1,
    }
    other = ward.people.client(f"everyone.{OTHER}")
    form = {"verb": "cancel", "delivery": delivery, "reason": "because", "number": f"LV-700101-{order['number']}"}
    before = ward.people.store.read(_events)
    for route in ROUTES:
        for org in (ORG, OTHER):  # their own board, with our ids, has nothing of ours
            path = path_of(route, ids, org)
            if route.name == "board-live":
                continue
            given = f"?verb=hold&delivery={delivery}&what=plan&name=x" if route.method == "GET" else ""
            answer = other.get(path + given) if route.method == "GET" else other.post(path, form)
            if org == ORG:
                assert answer.status_code == 404, route.name
            elif (
                "{" in route.path.replace("{org}", "")
                or "act" in route.name
                or "stop" in route.name
                or "allow" in route.name
            ):
                theirs = route.name.startswith("lane") and answer.status_code in (
                    200,
                    303,
                    422,
                )  # a lane of the same number
                assert answer.status_code == 404 or theirs, (route.name, answer.status_code)
            assert f"LV-700101-{order['number']}^" not in answer.text
            assert NAME not in answer.text
    assert ward.people.store.read(_events) == before


def test_an_analyst_does_not_find_patients_by_their_numbers(ward):
    number = f"{id(ward) % 10**8:08}"
    order = ward.order(**{"||00417733^": f"||{number}^"})
    placer = f"LV-700101-{order['number']}"
    found = ward.people.client(f"operator.{ORG}").post(f"{BOARD}/orders", {"number": number})
    assert placer in found.text
    case = ward.deliveries(order)[0]["case_id"]
    assert any(case in event.get("cases", []) for event in ward.people.events(ORG, "viewed"))
    analyst = ward.people.client(f"analyst.{ORG}")
    assert placer not in analyst.post(f"{BOARD}/orders", {"number": number}).text
    assert placer in analyst.post(f"{BOARD}/orders", {"number": placer}).text


# --- what is done is what was looked at -------------------------------------------------------------------------------------------


def test_what_changed_since_it_was_looked_at_is_shown_again_instead_of_done(ward):
    _, delivery = ward.rejected()
    client = ward.people.client(f"operator.{ORG}")
    path = f"{BOARD}/act?verb=cancel&delivery={delivery}"
    stale = form_of(client, path)
    assert (
        client.post(
            f"{BOARD}/act", form_of(client, f"{BOARD}/act?verb=resend&delivery={delivery}") | {"reason": "again"}
        ).status_code
        == 303
    )
    ward.until(delivery, "accepted", "confirmed")
    answer = client.post(f"{BOARD}/act", stale | {"reason": "not wanted"})
    assert answer.status_code == 422
    assert "Something changed since you looked" in answer.text
    assert ward.state(delivery) in ("accepted", "confirmed")


def test_a_look_changes_nothing(ward):
    _, delivery = ward.rejected()
    client = ward.people.client(f"operator.{ORG}")
    before = ward.people.store.read(_everything)
    for verb in ("resend", "cancel", "decide", "hold", "release"):
        assert client.get(f"{BOARD}/act?verb={verb}&delivery={delivery}").status_code == 200
    assert ward.people.store.read(_everything) == before


def _everything(tx):
    import sqlalchemy as sa

    from segwright.ledger import tables as t

    def count(table):
        return tx.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.org == ORG))

    return (
        count(t.event),
        count(t.build),
        [tuple(row) for row in tx.all(sa.select(t.delivery.c.id, t.delivery.c.state))],
    )


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_nothing_is_done_without_a_reason(single, reason):
    _, delivery = single.rejected()
    client = single.people.client(f"operator.{ORG}")
    form = form_of(client, f"{BOARD}/act?verb=cancel&delivery={delivery}")
    answer = client.post(f"{BOARD}/act", form | {"reason": reason})
    assert answer.status_code == 422
    assert "Say why" in answer.text
    assert single.state(delivery) == "rejected"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404), ("verb=explode&delivery=1", 404), ("verb=hold", 422), ("verb=hold&delivery=999999999", 404),
        ("verb=hold&delivery=x", 422), ("verb=hold&delivery=99999999999999999999", 404), ("verb=decide&decision=maybe&delivery=1", 404),
    ],
)  # fmt: skip
def test_a_look_at_what_is_no_act_says_so(single, query, status):
    assert single.people.client(f"operator.{ORG}").get(f"{BOARD}/act?{query}").status_code == status


def test_states_that_nobody_has_and_ids_that_are_none_do_not_break_a_list(single):
    client = single.people.client(f"operator.{ORG}")
    assert client.get(f"{BOARD}/deliveries?state=nonsense&destination=nowhere&message=x&many=7").status_code == 200
    assert client.get(f"{BOARD}/deliveries?before=x").status_code == 404
    assert client.get(f"{BOARD}/figures?lane=987654").status_code == 404


# --- four eyes ----------------------------------------------------------------------------------------------------------------


def test_above_the_limit_a_second_person_agrees_on_a_session_of_their_own(one):
    org, board = "stbrigid", "/o/stbrigid/board"
    one.person("first.stbrigid", (org, "operator"))
    one.person("second.stbrigid", (org, "operator"))
    one.person("reader.stbrigid", (org, "analyst"))
    ward = Ward(one, org)
    ward.calm()
    many = []
    for _ in range(26):
        order = ward.order()
        many += [delivery["id"] for delivery in ward.deliveries(order)][:1]
    for delivery in many:
        ward.until(delivery, "accepted", "confirmed")
    first, second, reader = (one.client(f"{name}.stbrigid") for name in ("first", "second", "reader"))
    query = "&".join(f"delivery={delivery}" for delivery in many)
    page = first.get(f"{board}/act?verb=resend&{query}")
    assert "a second person has to agree" in page.text
    assert "26 of 26 were taken by the hospital already" in page.text
    form = form_of(first, f"{board}/act?verb=resend&{query}") | {
        "delivery": many,
        "as_new": "yes",
        "reason": "they lost a day",
    }
    filed = len(ward.hospital.filed)
    answer = first.post(f"{board}/act", form)
    assert answer.status_code == 303
    proposal = answer.headers["location"].partition("?")[0]
    assert len(ward.hospital.filed) == filed, "nothing is done before"
    seen = form_of(first, proposal)
    own = first.post(f"{proposal}/agree", seen)
    assert own.status_code == 422
    assert "a second person decides about it" in own.text
    assert reader.post(f"{proposal}/agree", seen).status_code == 403
    assert "waits for a second person" in second.get(f"{board}/deliveries/{many[0]}").text
    assert "1 action" in second.get(board).text
    assert second.post(f"{proposal}/agree", {"seen": "0" * 32}).status_code == 422
    assert second.post(f"{proposal}/agree", form_of(second, proposal)).status_code == 303
    eventually(lambda: len(ward.hospital.filed) == filed + 26)
    assert second.post(f"{proposal}/agree", {"seen": ""}).status_code == 422
    told = second.get(f"{board}/deliveries/{many[0]}").text
    assert "by first.stbrigid and second.stbrigid" in told
    assert "Decided by" in reader.get(proposal).text


# --- a canary -----------------------------------------------------------------------------------------------------------------


def test_a_patients_name_is_on_no_page_of_the_board_that_was_not_opened_and_in_no_log(ward):
    order, delivery = ward.rejected(f"PID^1^5^^^^{NAME}", JUNIPER=NAME)
    message = ward.quarantined(JUNIPER=NAME)
    ids = {"delivery": delivery, "order": order["id"], "message": message, "lane": lane_of(ward), "proposal": 1}
    query = f"?verb=resend&delivery={delivery}&what=kind&name=ecg_result/final"
    opened = 0
    for who in ("operator", "analyst"):
        client = ward.people.client(f"{who}.{ORG}")
        for route in ROUTES:
            if route.method == "GET" and route.name != "board-live":
                answer = client.get(path_of(route, ids) + query)
                assert NAME not in answer.text, route.name
                assert NAME not in str(answer.headers)
        for number in (f"LV-700101-{order['number']}", order["control_id"], NAME):
            answer = client.post(f"{BOARD}/orders", {"number": number})
            assert NAME not in answer.text.replace(f'value="{NAME}"', "")
    client = ward.people.client(f"operator.{ORG}")
    before = len(ward.people.events(ORG, "viewed"))
    for route in (one for one in ROUTES if one.name.endswith("-open")):
        assert NAME in client.post(path_of(route, ids)).text, route.name
        opened += 1
    assert len(ward.people.events(ORG, "viewed")) == before + opened == before + 3
    assert NAME not in "".join(ward.people.server.raw)


# --- live ---------------------------------------------------------------------------------------------------------------------


def test_a_browser_is_told_of_its_own_organisation_only(ward):
    ours, theirs = ward.people.client(f"operator.{ORG}"), ward.people.client(f"operator.{OTHER}")
    with ours.http.stream("GET", f"{BOARD}/live") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: ready"
        with theirs.http.stream("GET", f"/o/{OTHER}/board/live") as other:
            heard = other.iter_lines()
            assert next(heard) == "event: ready"
            order = ward.order()
            delivery = ward.deliveries(order)[0]["id"]
            told = next(line for line in lines if line.startswith("data: ") and str(delivery) in line)
            assert re.fullmatch(r"data: \[[\d,]+\]", told)
            elsewhere = Ward(ward.people, OTHER).order()
            line = next(line for line in heard if line.startswith("data: ") and line != "data: []")
            assert str(delivery) not in line or delivery in [
                one["id"] for one in Ward(ward.people, OTHER).deliveries(elsewhere)
            ]
