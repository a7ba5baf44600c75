"""What operators ask of the ledger: figures, changes, whose a case is, any number, what waits for a second person."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
import sqlalchemy as sa

from segwright.ledger import feed, lanes, operate, orders, people, proposals, search, tally
from segwright.ledger import tables as t
from segwright.ledger.cases import Name
from segwright.ledger.migrate import downgrade, upgrade
from segwright.ledger.operate import By, Impossible
from segwright.ledger.orders import Control, Received, ReceivedOrder
from segwright.ledger.proposals import Act
from segwright.ledger.store import Store
from segwright.pages.board import live
from tests.ledger.hospital import TAKEN, FakeHospital, World

HOUR = 3_600_000
BY = By("pat", "a test")


def patient(number: str, authority: str = "MERCY") -> bytes:
    one = {"id": number, "authority": authority, "type": "MR"}
    return msgspec.json.encode({"identifiers": [one, {"id": "A-" + number, "authority": authority}], "mrn": one})


def order_of(world: World, whose: bytes, placer: str, control: Control = "new", org: str = "", again: str = "") -> int:
    hospital = world.hospitals[org or world.hospital.org]

    def take(tx):
        inbox = tx.insert(
            t.inbox, org=hospital.org, listener="l", sender="s", control_id=f"C{placer}{control}{again}", type="ORM^O01", body_hash="-",
            body=b"-", state="taken", code="AA", answer=b"", reason="", at=tx.now,
        )  # fmt: skip
        one = ReceivedOrder(control, placer, "", (Name("placer", "", placer),), b"{}")
        return orders.take(tx, hospital, inbox, Received(whose, ((one,),)))[0]

    return world.store.write(take)


# --- whose a case is ----------------------------------------------------------------------------------------------------------


def test_a_patients_cases_are_found_by_his_number_and_by_who_assigned_it(world):
    made = world(FakeHospital("mercy"), FakeHospital("grace"))
    first, second = order_of(made, patient("n417 "), "A1"), order_of(made, patient("N417"), "A2")
    other = order_of(made, patient("N417", "ELSEWHERE"), "A3")
    order_of(made, patient("N417"), "A4", org="grace")

    def by_number(tx, number):
        return people.cases_by_number(tx, "mercy", number, 10)

    read = made.store.read
    assert read(lambda tx: by_number(tx, " N417")) == [other, second, first]
    assert read(lambda tx: by_number(tx, "A-N417")) == [other, second, first]
    assert read(lambda tx: by_number(tx, "N41")) == []
    assert read(lambda tx: people.cases_of_patient(tx, "mercy", patient("N417"), 10)) == [second, first]
    assert read(lambda tx: people.cases_of_patient(tx, "mercy", b"no document", 10)) == []


def test_no_number_of_a_patient_stands_in_the_table(world):
    made = world()
    order_of(made, patient("N417"), "A1")
    rows = made.rows(t.person)
    assert len(rows) == 2
    assert "417" not in "".join(row["digest"] for row in rows if len(row["digest"]) != 64)
    assert all(len(row["digest"]) == 64 and set(row["digest"]) <= set("0123456789abcdef") for row in rows)


def test_an_order_that_was_another_patients_by_mistake_is_his_no_more(world):
    made = world()
    case = order_of(made, patient("WRONG"), "A1")
    order_of(made, patient("RIGHT"), "A1", "change")

    def found(number):
        return made.store.read(lambda tx: people.cases_by_number(tx, "mercy", number, 10))

    assert (found("WRONG"), found("RIGHT")) == ([], [case])
    with pytest.raises(orders.Refusal, match="another patient"):
        order_of(made, patient("REPEATED"), "A1", again="2")
    assert (found("REPEATED"), found("RIGHT")) == ([], [case])


def test_cases_that_become_one_are_found_as_one(world):
    made = world()
    both = msgspec.json.encode({"identifiers": [{"id": "N1"}, {"id": "N2"}]})  # one patient, who got another number
    first = order_of(made, patient("N1"), "A1")
    order_of(made, both, "A2")

    def join(tx):
        one = ReceivedOrder("new", "A3", "", (Name("placer", "", "A1"), Name("placer", "", "A2")), b"{}")
        return orders.take(tx, made.hospital, made.rows(t.inbox)[0]["id"], Received(both, ((one,),)))

    assert made.store.write(join) == [first]
    found = made.store.read(lambda tx: people.cases_by_number(tx, "mercy", "N2", 10))
    assert found == [first]


def test_orders_from_before_the_migration_are_found_by_their_patients(world):
    made = world()
    case = order_of(made, patient("OLD"), "A1")
    downgrade(made.store, "0002")
    assert not sa.inspect(made.store.engine).has_table("person")
    upgrade(made.store)
    assert made.store.read(lambda tx: people.cases_by_number(tx, "mercy", "OLD", 10)) == [case]


# --- any number -----------------------------------------------------------------------------------------------------------------


def test_everything_is_found_by_any_of_its_numbers_and_nothing_of_others(world):
    made = world(FakeHospital("mercy"), FakeHospital("grace"))
    case = order_of(made, patient("N417"), "A1")
    made.result(placer="A1", result="R1", study="ST1")
    control_id = made.rows(t.build)[0]["control_id"]

    def found(text, org="mercy", *, patients=False):
        return made.store.read(lambda tx: search.find(tx, org, text, patients=patients))

    assert [(one.id, one.as_) for one in found("A1 ").cases] == [(case, ("placer",))]
    assert [one.as_ for one in found("R1").cases] == [("result",)]
    assert [one.as_ for one in found("ST1").cases] == [("study",)]
    assert found("A1").cases[0].results == ("R1",)
    assert [one.placer for one in found("A1").cases[0].orders] == ["A1"]
    assert [one.id for one in found(control_id).deliveries] == [1]
    assert [one.control_id for one in found("CA1new").messages] == ["CA1new"]
    assert [one.as_ for one in found("n417", patients=True).cases] == [("patient",)]
    assert found("n417").nothing
    for text in ("A", "a1", "", "^", "A1^OTHER", "%", "R1' OR 1=1"):
        assert found(text, patients=True).nothing
    for text in ("A1", "R1", "ST1", control_id, "CA1new", "N417"):
        assert found(text, "grace", patients=True).nothing


# --- figures --------------------------------------------------------------------------------------------------------------------


def figures(world: World, lane: int | None = None) -> tally.Figures:
    while world.store.write(tally.advance):
        pass
    return world.store.read(lambda tx: tally.series(tx, world.hospital.org, lane, [0, 2_000_000_000_000]))[0]


def test_each_delivery_that_is_taken_is_counted_once_with_how_long_it_took(world, clock):
    made = world(FakeHospital(awaits_application=True, application_within=HOUR))
    made.order("A1")
    made.result(placer="A1")
    clock.pass_(700)
    made.send(lanes.Known("accepted", "CA", "CA", b"MSA|CA"))
    control_id = made.rows(t.build)[0]["control_id"]
    for _ in range(2):  # the application's acknowledgement says nothing new
        made.store.write(
            lambda tx: lanes.answered_elsewhere(tx, made.hospital, control_id, "confirmed", "AA", "AA", b"AA")
        )
    found = figures(made)
    assert found.taken == {1000: 1}
    assert (found.delivered, found.of("tries"), found.of("orders")) == (1, 1, 1)
    assert figures(made) == found, "nothing is counted twice"
    assert figures(made, 0).delivered == 0
    assert figures(made, 1).delivered == 1


@pytest.mark.parametrize("how", ["elsewhere", "decided", "confirmed while in doubt"])
def test_what_is_found_to_be_taken_later_is_counted_too(world, clock, how):
    made = world(FakeHospital(when_uncertain="hold"))
    made.order("A1")
    made.result(placer="A1")
    made.send(lanes.Known("uncertain", "no answer"))
    assert figures(made).delivered == 0
    assert figures(made).of("uncertain") == 1
    clock.pass_(3000)
    control_id = made.rows(t.build)[0]["control_id"]
    if how == "decided":
        made.store.write(lambda tx: operate.decide(tx, made.hospital, 1, "delivered", BY))
    else:
        made.store.write(
            lambda tx: lanes.answered_elsewhere(tx, made.hospital, control_id, "confirmed", "AA", "AA", b"AA")
        )
    assert figures(made).taken == {5000: 1}


def test_figures_agree_with_the_deliveries_themselves(world, clock):
    made = world()
    outcomes = [TAKEN, lanes.Known("rejected", "AE"), TAKEN, lanes.Known("not_sent", "gone"), TAKEN]
    for number in range(5):
        made.order(f"A{number}")
        made.result(placer=f"A{number}", result=f"R{number}")
        made.send(outcomes[number])
        clock.pass_(HOUR)
    made.send()
    found = figures(made)
    states = [state for (state,) in ((row,) for row in made.deliveries("state"))]
    assert found.delivered == states.count("confirmed")
    assert found.of("rejected") == states.count("rejected") == 1
    start = 1_700_000_000_000 // HOUR * HOUR
    hours = made.store.read(lambda tx: tally.series(tx, "mercy", None, [start + n * HOUR for n in range(8)]))
    assert sum(one.delivered for one in hours) == found.delivered
    assert [one.of("orders") for one in hours][:5] == [1] * 5


def test_a_share_is_within_the_least_limit_that_holds_it():
    found = tally.Figures(0, 1, {}, {100: 50, 1000: 45, 60_000: 5})
    assert [found.share_within(share) for share in (0.5, 0.51, 0.95, 0.96, 1)] == [100, 1000, 1000, 60_000, 60_000]
    assert tally.Figures(0, 1, {}, {}).share_within(0.5) == 0
    assert (tally.within(50), tally.within(51), tally.within(10**12)) == (50, 100, tally.LONGER)


# --- what changed -------------------------------------------------------------------------------------------------------------


def test_the_feed_tells_each_change_once_and_only_to_whom_it_belongs(world):
    made = world(FakeHospital("mercy"), FakeHospital("grace"))
    store = made.store
    cursors = store.read(feed.ends)
    assert store.read(lambda tx: feed.changes(tx, cursors)) == ({}, cursors)
    made.order("A1")
    made.result(placer="A1")
    made.order("B1", org="grace")
    found, after = store.read(lambda tx: feed.changes(tx, cursors))
    assert set(found) == {"mercy", "grace"}
    assert found["mercy"].deliveries == {1}
    assert not found["grace"].deliveries
    assert "built" in found["mercy"].kinds
    assert store.read(lambda tx: feed.changes(tx, after))[0] == {}


def test_a_browser_is_told_what_happened_between_reading_its_page_and_listening(world, monkeypatch):
    monkeypatch.setattr(live, "EVERY", 0.01)
    made = world(FakeHospital("mercy"), FakeHospital("grace"))
    store = made.store

    class Engine:
        async def read(self, function):
            return store.read(function)

    async def run():
        browsers = live.Feed(Engine())  # type: ignore[arg-type]

        async def told(since: str) -> tuple[str, str]:
            stream = browsers.follow("mercy", since)
            assert await anext(stream) == ("ready", "[]")
            try:
                return await asyncio.wait_for(anext(stream), 0.2)
            except TimeoutError:
                return ("nothing", "")
            finally:
                await stream.aclose()

        def since() -> str:
            return store.read(lambda tx: feed.written(feed.ends(tx, "mercy")))

        first = since()
        assert first == "0-0"
        made.order("B1", org="grace")
        assert await told(first) == ("nothing", ""), "what is another's is nothing to this browser"
        made.order("A1")
        assert await told(first) == ("changed", "[0]")
        second = since()
        made.result(placer="A1")
        assert await told(second) == ("changed", "[1]")
        assert await told(since()) == ("nothing", "")
        assert await told(since().replace("-", "-9")) == ("nothing", ""), "a cursor from elsewhere"
        assert await told("x.1-.-1.0-1-1") == ("changed", "[1]"), "no cursor at all: from the beginning"

    asyncio.run(run())


def test_the_feed_says_when_there_is_more_than_it_tells(world):
    made = world()
    made.order("A1")
    start = dict.fromkeys(made.store.read(feed.ends), -10000)
    assert made.store.read(lambda tx: feed.changes(tx, start))[0]["mercy"].more


# --- four eyes ------------------------------------------------------------------------------------------------------------------


def test_a_proposal_is_decided_once_and_never_by_its_author(store: Store):
    act = Act("resend", (1, 2, 3), as_new=True)
    number = store.write(lambda tx: proposals.propose(tx, "mercy", act, "ann", "lost at the hospital"))
    assert [one.act for one in store.read(lambda tx: proposals.waiting(tx, "mercy"))] == [act]
    assert store.read(lambda tx: proposals.waiting(tx, "grace")) == ()
    assert store.read(lambda tx: proposals.proposal(tx, "grace", number)) is None

    def settle(actor, decision, org="mercy"):
        return store.write(lambda tx: proposals.settle(tx, org, number, actor, decision))

    for actor, decision, org in (
        ("ann", "done", "mercy"), ("ann", "refused", "mercy"), ("bob", "withdrawn", "mercy"), ("bob", "done", "grace"),
    ):  # fmt: skip
        with pytest.raises(Impossible):
            settle(actor, decision, org)
    assert settle("bob", "done").second == "bob"
    with pytest.raises(Impossible, match="decided about already"):
        settle("cy", "done")
    assert store.read(lambda tx: proposals.waiting(tx, "mercy")) == ()
