"""The ledger as a machine: whatever is done to it, in whatever order, the promise of delivery.md holds.

Hypothesis chooses what comes in, what becomes of each try, who dies when, and what operators do. Beside the ledger a receiver keeps what
it filed; the invariants compare the two.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from segwright.ledger import journal, lanes, operate, orders, results
from segwright.ledger import tables as t
from segwright.ledger.chain import RESULT_KINDS, UNSIGNED
from segwright.ledger.hospital import Gate
from segwright.ledger.lanes import Attempt, Held, Known, Lost
from segwright.ledger.operate import By, Impossible
from segwright.ledger.results import Conflict
from segwright.ledger.store import Store, Tx
from tests.ledger.hospital import LEASE, SECOND, Clock, FakeHospital, World

BY = By("ops", "because", second="another")
GATES: dict[str, Gate] = {
    "preliminary": "yes",
    "final": "after sign-off",
    "corrected": "after sign-off",
    "withdrawn": "yes",
}
PLACERS = ("A1", "A2")
OUTCOMES = ("not_sent", "uncertain", "filed, not answered", "accepted", "confirmed", "rejected", "refused_for_now")


class Filed:
    """One arrival at a hospital: which build, and what the ledger said of its delivery at that moment."""

    def __init__(self, org: str, attempt: Attempt, row: dict[str, Any], build: dict[str, Any]) -> None:
        self.org = org
        self.control_id = attempt.control_id
        self.body = attempt.body
        self.delivery = attempt.delivery
        self.row = row
        self.build = build


class Ledger(RuleBasedStateMachine):
    """Two organisations, two orders and two results each; up to two senders, who may die at any point."""

    held = Bundle("held")

    @initialize(when=st.sampled_from(["resend", "hold"]), unsent=st.sampled_from([None, "as final", "as corrected"]))
    def start(self, when: str, unsent: str | None) -> None:
        self.clock = Clock()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(f"sqlite:///{self.folder.name}/ledger.db", clock=self.clock)
        self.store.write(lambda tx: t.metadata.create_all(tx.connection))
        hospitals = [
            FakeHospital(org, gates=GATES, status=True, when_uncertain=when, unsent_final=unsent, budget=200 * SECOND)
            for org in ("one", "two")
        ]
        self.world = World(self.store, *hospitals)
        self.wire: list[Filed] = []
        self.flying: dict[int, tuple[Held, Attempt]] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            try:
                self.everything_that_can_go_goes()
            finally:
                self.store.close()
                self.folder.cleanup()

    # --- what comes in ---

    @rule(
        org=st.sampled_from(["one", "two"]),
        placer=st.sampled_from(PLACERS),
        control=st.sampled_from(["new", "change", "cancel"]),
    )
    def order(self, org: str, placer: str, control: str) -> None:
        try:
            self.world.order(placer, control, org)
        except orders.Refusal as refusal:
            assert refusal.code in ("unknown_order", "too_late", "cancelled")

    @rule(
        org=st.sampled_from(["one", "two"]), number=st.sampled_from([0, 1]), kind=st.sampled_from(RESULT_KINDS),
        version=st.integers(1, 4), with_order=st.booleans(), pathway=st.sampled_from(["order", "platform", "upload"]),
    )  # fmt: skip
    def result(self, org: str, number: int, kind: str, version: int, with_order: bool, pathway: Any) -> None:
        try:
            self.world.result(
                kind, version, placer=PLACERS[number] if with_order else "", result=f"R{number}", org=org, pathway=pathway,
                study=f"S{number}",
            )  # fmt: skip
        except Conflict as conflict:
            assert conflict.code in ("version", "second_final", "unknown_order", "withdrawn")

    @rule(
        org=st.sampled_from(["one", "two"]),
        number=st.sampled_from([0, 1]),
        act=st.sampled_from(["sign", "amend", "withdraw"]),
        text=st.sampled_from(["one", "other"]),
    )
    def sign(self, org: str, number: int, act: Any, text: str) -> None:
        try:
            self.world.sign(f"R{number}", act, org, text)
        except Conflict as conflict:
            assert conflict.code != "not_shown"

    @rule(org=st.sampled_from(["one", "two"]), number=st.sampled_from([0, 1]))
    def withdraw_signature(self, org: str, number: int) -> None:
        hospital = self.world.hospitals[org]
        try:
            self.store.write(lambda tx: results.withdraw_signature(tx, hospital, f"R{number}", "dr", "a doubt"))
        except Conflict as conflict:
            assert conflict.code in ("unknown_result", "not_signed")

    # --- what goes out ---

    @rule(target=held, holder=st.sampled_from(["w1", "w2"]))
    def take_hold(self, holder: str) -> Held | None:
        return self.world.take_hold(holder)

    @rule(held=held)
    def open(self, held: Held | None) -> None:
        if held is None or held.fence in [h.fence for h, _ in self.flying.values() if h.lane == held.lane]:
            return
        try:
            attempt = self.world.step(held)
        except Lost:
            return
        if attempt is not None:
            self._left(held, attempt)

    def _left(self, held: Held, attempt: Attempt) -> None:
        row = self.world.rows(t.delivery, t.delivery.c.id == attempt.delivery)[0]
        assert row["state"] == "sending"
        assert row["org"] == held.org
        if row["revision_id"] is not None and GATES[row["kind"]] == "after sign-off":
            signed = self.world.rows(
                t.signoff, t.signoff.c.revision_id == row["revision_id"], t.signoff.c.withdrawn_at == 0
            )
            assert signed, "an unsigned result left"
            assert signed[-1]["document"] in attempt.body, "something else was signed"
        self.flying[attempt.id] = (held, attempt)

    def _arrives(self, held: Held, attempt: Attempt) -> None:
        row = self.world.rows(t.delivery, t.delivery.c.id == attempt.delivery)[0]
        build = self.world.rows(t.build, t.build.c.control_id == attempt.control_id)[0]
        self.wire.append(Filed(held.org, attempt, row, build))

    @precondition(lambda self: self.flying)
    @rule(outcome=st.sampled_from(OUTCOMES), data=st.data())
    def close(self, outcome: str, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.flying)))
        held, attempt = self.flying.pop(number)
        if outcome in ("filed, not answered", "accepted", "confirmed"):
            self._arrives(held, attempt)
        known = Known("uncertain" if outcome == "filed, not answered" else outcome, outcome)  # type: ignore[arg-type]
        try:
            following = self.world.step(held, attempt, known)
        except Lost:
            return
        if following is not None:
            self._left(held, following)

    @precondition(lambda self: self.flying)
    @rule(arrived=st.booleans(), data=st.data())
    def die(self, arrived: bool, data: st.DataObject) -> None:
        held, attempt = self.flying.pop(data.draw(st.sampled_from(sorted(self.flying))))
        if arrived:
            self._arrives(held, attempt)

    @rule(milliseconds=st.sampled_from([1, SECOND, 10 * SECOND, LEASE + 1, 400 * SECOND]))
    def wait(self, milliseconds: int) -> None:
        self.clock.pass_(milliseconds)

    @precondition(lambda self: self.wire)
    @rule(data=st.data(), outcome=st.sampled_from(["confirmed", "rejected"]))
    def answer_late(self, data: st.DataObject, outcome: Any) -> None:
        filed = data.draw(st.sampled_from(self.wire))
        if outcome == "rejected":
            return  # who has filed a message does not refuse it afterwards
        hospital = self.world.hospitals[filed.org]
        self.store.write(
            lambda tx: lanes.answered_elsewhere(tx, hospital, filed.control_id, outcome, "AA", "AA", b"late")
        )

    # --- operators ---

    @rule(
        data=st.data(),
        act=st.sampled_from(
            ["hold", "release", "cancel", "resend", "resend as new", "delivered", "not delivered", "send newer"]
        ),
    )
    def operate(self, data: st.DataObject, act: str) -> None:
        rows = self.world.rows(t.delivery)
        if not rows:
            return
        row = data.draw(st.sampled_from(rows))
        hospital = self.world.hospitals[row["org"]]
        filed = any(one.delivery == row["id"] for one in self.wire)
        if (act == "not delivered" and filed) or (act == "delivered" and not filed):
            return  # who decides has asked the hospital

        def do(tx: Tx) -> None:
            match act:
                case "hold" | "release" | "cancel" | "resend":
                    getattr(operate, act)(tx, hospital, row["id"], BY)
                case "resend as new":
                    operate.resend(tx, hospital, row["id"], BY, as_new=True, confirmed=True)
                case _:
                    operate.decide(tx, hospital, row["id"], act, BY)  # type: ignore[arg-type]

        try:
            self.store.write(do)
        except Impossible as impossible:
            assert impossible.code in ("state", "confirm")

    # --- what always holds ---

    @invariant()
    def every_business_event_has_one_delivery(self) -> None:
        if not hasattr(self, "store"):
            return
        keys = Counter(
            (row["org"], row["destination"], row["message"], row["case_id"], row["part"], row["kind"], row["version"])
            for row in self.world.rows(t.delivery)
        )
        assert all(count == 1 for count in keys.values())

    @invariant()
    def what_arrives_is_a_frozen_build_and_repeats_are_the_same_bytes(self) -> None:
        if not hasattr(self, "store"):
            return
        by_id: dict[str, bytes] = {}
        for filed in self.wire:
            assert by_id.setdefault(filed.control_id, filed.body) == filed.body
            assert filed.build["body"] == filed.body
            assert filed.row["org"] == filed.org

    @invariant()
    def a_repeat_follows_only_an_unknown_outcome(self) -> None:
        if not hasattr(self, "store"):
            return
        hold = self.world.hospital.policy.when_uncertain == "hold"
        decided = {event["delivery_id"] for event in self.world.events("decided")} | {
            event["delivery_id"] for event in self.world.events("resent")
        }
        for control_id, count in Counter(filed.control_id for filed in self.wire).items():
            delivery = next(filed.delivery for filed in self.wire if filed.control_id == control_id)
            if hold and delivery not in decided:
                assert count == 1, "sent twice although the hospital wants at most once"
        tries = self.world.rows(t.attempt)
        for one in tries:
            before = [
                other for other in tries if other["build_id"] == one["build_id"] and other["number"] < one["number"]
            ]
            assert all(other["outcome"] not in ("accepted", "confirmed", "rejected") for other in before)

    @invariant()
    def first_arrivals_of_a_chain_come_in_its_order(self) -> None:
        if not hasattr(self, "store"):
            return
        seen: dict[tuple[str, int, str], tuple[bool, int, int]] = {}
        known: set[str] = set()
        for filed in self.wire:
            kind, row = filed.row["kind"], filed.row
            if kind not in RESULT_KINDS or filed.control_id in known:
                continue
            known.add(filed.control_id)
            key = (filed.org, row["case_id"], row["message"])
            rank = (kind != "preliminary", row["version"], RESULT_KINDS.index(kind))
            assert seen.get(key, (False, 0, -1)) <= rank, "an older revision arrived after a newer one"
            seen[key] = rank

    @invariant()
    def one_attempt_is_open_in_a_lane(self) -> None:
        if not hasattr(self, "store"):
            return
        open_ = self.world.rows(t.attempt, t.attempt.c.closed_at == 0)
        assert all(count == 1 for count in Counter(row["lane_id"] for row in open_).values())
        sending = {row["id"] for row in self.world.rows(t.delivery, t.delivery.c.state == "sending")}
        assert sending == {row["delivery_id"] for row in open_}

    @invariant()
    def the_chains_of_the_journal_hold(self) -> None:
        if not hasattr(self, "store"):
            return
        for chain in self.store.read(journal.chains):
            assert self.store.read(lambda tx, chain=chain: journal.verify(tx, chain))[1] is None  # type: ignore[misc]

    def everything_that_can_go_goes(self) -> None:
        """In the end: with hospitals that answer, nothing is left but what waits for a person, and what stands behind it."""
        self.flying.clear()
        for _ in range(60):
            self.clock.pass_(400 * SECOND)
            while (held := self.world.take_hold("last")) is not None:
                attempt = self.world.step(held)
                while attempt is not None:
                    self._arrives(held, attempt)
                    attempt = self.world.step(held, attempt, Known("confirmed", "AA"))
        rows = self.world.rows(t.delivery)
        stuck = [row for row in rows if row["state"] in ("ready", "uncertain", "sending")]
        assert not stuck, [(row["state"], row["reason"]) for row in stuck]
        for row in rows:
            if row["state"] == "waiting":
                before = [
                    other for other in rows
                    if (other["case_id"], other["lane_id"]) == (row["case_id"], row["lane_id"]) and other["seq"] < row["seq"]
                ]  # fmt: skip
                assert any(other["state"] in ("held", "needs_decision", "rejected") for other in before), (
                    "it waits for nothing"
                )
        for filed in self.wire:
            row = next(one for one in rows if one["id"] == filed.delivery)
            live = any(one["id"] == filed.build["id"] for one in self.world.rows(t.build, t.build.c.live.is_(True)))
            assert not live or row["state"] not in ("held", "waiting", "ready") or row["reason"] == UNSIGNED, (
                "what arrived is not accounted for"
            )
            assert row["state"] != "void", "what arrived counts as never sent"
        self.first_arrivals_of_a_chain_come_in_its_order()
        self.a_repeat_follows_only_an_unknown_outcome()


Ledger.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLedger = Ledger.TestCase
