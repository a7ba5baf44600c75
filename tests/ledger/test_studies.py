"""Studies: what waits for a signature and in which order, who has one open; on both databases."""

from __future__ import annotations

import pytest

from segwright.ledger import studies
from segwright.ledger.hospital import Gate
from segwright.ledger.studies import HELD_FOR, standing
from tests.ledger.hospital import FakeHospital

GATED: dict[str, Gate] = {
    "preliminary": "yes",
    "final": "after sign-off",
    "corrected": "after sign-off",
    "withdrawn": "yes",
}


def waiting(world) -> list[str]:
    return [one.result for one in world.store.read(lambda tx: studies.waiting(tx, world.hospital.org))]


def state(world, result: str = "R1") -> str:
    found = world.store.read(lambda tx: studies.of_result(tx, world.hospital.org, result))
    return found.state


@pytest.fixture
def gated(world):
    return world(FakeHospital(gates=GATED))


def test_a_preliminary_result_waits_until_it_is_signed_and_again_when_the_signature_is_taken_back(gated):
    from segwright.ledger import results

    gated.order()
    gated.result("preliminary")
    assert waiting(gated) == ["R1"]
    gated.sign()
    assert (waiting(gated), state(gated)) == ([], "signed")
    found = gated.store.read(lambda tx: studies.signed(tx, "mercy"))
    assert [(one.result, one.signer) for one in found] == [("R1", "dr")]
    gated.store.write(lambda tx: results.withdraw_signature(tx, gated.hospital, "R1", "dr", "too early"))
    assert waiting(gated) == ["R1"]


def test_the_most_urgent_comes_first_and_of_these_what_came_first(gated):
    for number, text in enumerate(("", "", " stat", "")):
        gated.order(f"A{number}", text=text)
        gated.result("preliminary", placer=f"A{number}", result=f"R{number}")
    assert waiting(gated) == ["R2", "R0", "R1", "R3"]
    gated.order("A3", "change", text=" stat")
    assert waiting(gated) == ["R2", "R3", "R0", "R1"]
    first = gated.store.read(lambda tx: studies.waiting(tx, "mercy", limit=2))
    rest = gated.store.read(lambda tx: studies.waiting(tx, "mercy", after=(first[-1].urgency, first[-1].id)))
    assert [one.result for one in (*first, *rest)] == waiting(gated)
    assert gated.store.read(lambda tx: studies.how_many(tx, "mercy")).count == 4


def test_a_critical_value_comes_before_all_that_orders_ask_for(gated):
    for number, text in enumerate((" stat", "", "")):
        gated.order(f"A{number}", text=text)
        gated.result("preliminary", placer=f"A{number}", result=f"R{number}", text="critical" if number == 2 else "")
    assert waiting(gated) == ["R2", "R0", "R1"]
    (first,) = gated.store.read(lambda tx: studies.waiting(tx, "mercy", limit=1))
    assert first.urgency == studies.CRITICAL
    rest = gated.store.read(lambda tx: studies.waiting(tx, "mercy", after=(first.urgency, first.id)))
    assert [one.result for one in rest] == ["R0", "R1"], "the page behind it goes on with what orders want"


def test_a_newer_version_says_anew_whether_a_value_is_critical(gated):
    for number in (0, 1):
        gated.order(f"A{number}")
        gated.result("preliminary", placer=f"A{number}", result=f"R{number}", text="critical" if number == 1 else "")
    assert waiting(gated) == ["R1", "R0"]
    gated.result("preliminary", 2, placer="A1", result="R1")
    assert waiting(gated) == ["R0", "R1"]
    gated.result("preliminary", 2, placer="A0", result="R0", text="critical")
    assert waiting(gated) == ["R0", "R1"]


def test_a_cancelled_order_takes_its_study_off_the_worklist(gated):
    gated.order()
    gated.result("preliminary")
    gated.order(control="cancel")
    assert (waiting(gated), state(gated)) == ([], "done")


def test_a_result_that_came_before_its_order_waits_with_the_orders_urgency_once_that_came(gated):
    gated.result("preliminary", placer="", study="S1")
    assert waiting(gated) == ["R1"]
    gated.order()
    gated.result("preliminary", placer="A1", study="S1")  # names both: the cases are one
    found = gated.store.read(lambda tx: studies.of_result(tx, "mercy", "R1"))
    orders = gated.store.read(lambda tx: studies.orders(tx, [found.case]))
    assert [row.placer for row in orders[found.case]] == ["A1"]


def test_nobody_waits_for_a_signature_that_no_message_needs(world):
    free = world(FakeHospital(gates={"preliminary": "yes", "final": "yes"}))
    free.order()
    free.result("final")
    assert state(free) == "done"
    none = world(FakeHospital("other", gates={"preliminary": "yes"}))
    none.order(org="other")
    none.result("preliminary", org="other")
    assert state(none) == "done"


def test_where_a_result_stands_follows_from_what_it_is():
    def of(kind: str, **more) -> str:
        facts = {"signed": False, "gates": [], "finals": ["yes"], "orders": ["open"], "replaced": False, **more}
        return standing(kind, facts.pop("pathway", "order"), **facts)

    assert of("preliminary") == "waiting"
    assert of("preliminary", signed=True) == "signed"
    assert of("preliminary", orders=[]) == "waiting"
    assert of("preliminary", orders=["cancelled", "open"]) == "waiting"
    assert of("preliminary", orders=["cancelled"]) == "done"
    assert of("preliminary", replaced=True) == "done"
    assert of("preliminary", finals=[]) == "done"
    assert of("final", gates=["yes"]) == "done"
    assert of("final", gates=["yes", "after sign-off"]) == "waiting"
    assert of("final", gates=["yes"], pathway="sign-off") == "waiting", "its signature was taken back"


def test_a_study_is_held_by_one_until_no_page_says_that_it_is_open(gated, clock):
    gated.order()
    gated.result("preliminary")
    number = gated.store.read(lambda tx: studies.of_result(tx, "mercy", "R1")).id

    def hold(account: int):
        return gated.store.write(lambda tx: studies.hold(tx, "mercy", number, account))

    assert hold(1).holder == 1
    assert hold(2).holder == 1, "it is the first one's"
    assert hold(2).held_by_other(2, clock.now)
    clock.pass_(HELD_FOR // 2)
    since = hold(1).held_since
    clock.pass_(HELD_FOR // 2 + 1)
    assert hold(2).holder == 1, "the page said so in between"
    clock.pass_(HELD_FOR)
    found = hold(2)
    assert (found.holder, found.held_since > since) == (2, True)
    gated.store.write(lambda tx: studies.let_go(tx, "mercy", number, 1))
    assert hold(2).holder == 2, "nobody lets go of what is another's"
    gated.store.write(lambda tx: studies.let_go(tx, "mercy", number, 2))
    assert hold(1).holder == 1
    assert gated.store.write(lambda tx: studies.hold(tx, "grace", number, 1)) is None, "it is another organisation's"


def test_what_signing_would_send_is_what_it_sends(gated):
    from segwright.ledger import results

    gated.order()
    gated.result("preliminary")
    now = gated.store.read(lambda tx: results.shown(tx, gated.hospital, "R1", "sign"))
    document = b'{"of":"R1 preliminary 1","as":"final","text":""}'
    found = gated.store.read(lambda tx: results.intended(tx, gated.hospital, now, document, gated.store.clock(None)))
    assert [(one.message, one.sent_as, one.problems, one.hold) for one in found] == [("result", "final", (), "")]
    gated.sign()
    sent = gated.send()[-1]
    assert found[0].body is not None
    assert sent.split(b"|")[1:] == found[0].body.split(b"|")[1:], "but for its number"
    again = gated.store.read(lambda tx: results.shown(tx, gated.hospital, "R1", "withdraw"))
    after = gated.store.read(lambda tx: results.intended(tx, gated.hospital, again, document, 0))
    assert [one.sent_as for one in after] == ["withdrawn"]
    gated.hospital.broken.add("p1")
    broken = gated.store.read(lambda tx: results.intended(tx, gated.hospital, again, document, 0))
    assert [(one.body, one.problems) for one in broken] == [(None, ("PID-3: missing",))]


def test_a_ledger_that_had_no_worklist_gets_the_one_it_would_have(gated):
    from segwright.ledger import tables as t
    from segwright.ledger.migrate import downgrade, upgrade

    for number in range(5):
        gated.order(f"A{number}")
        gated.result("preliminary", placer=f"A{number}", result=f"R{number}")
    gated.result("preliminary", 2, placer="A1", result="R1", text=" again")
    gated.sign("R2")
    gated.order("A3", "cancel")
    gated.result("final", 2, placer="A4", result="R4")

    def worklist() -> list[dict]:
        return [{k: v for k, v in row.items() if k != "id"} for row in gated.rows(t.study)]

    before = sorted(worklist(), key=lambda row: row["result_id"])
    assert [row["state"] for row in before] == ["waiting", "waiting", "signed", "done", "waiting"]
    downgrade(gated.store, "0003")
    upgrade(gated.store)
    assert sorted(worklist(), key=lambda row: row["result_id"]) == before
