"""What an operator does on the command line while a server runs; each on SQLite and PostgreSQL."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import call
from tests.web.servers import eventually, order_message, preliminary, signer

PATIENT = "JUNIPER"  # the given name in larkspur's sample order


def ledger(server, *arguments: object):
    return call(*arguments, "--settings", server.settings)


def done(server, *arguments: object) -> str:
    """An action that has to work."""
    result = ledger(server, *arguments, "--reason", "a test asks for it", "--by", "ada", "--yes")
    assert result.exit_code == 0, result.output
    return result.output


def submitted(server, org: str, number: int) -> dict:
    """An order and a preliminary result for it; what the API says of the result's delivery."""
    answer = server.order(org, order_message(org, number))
    assert answer.split(b"\r")[1][4:6] in (b"CA", b"AA"), answer
    with server.client(org) as client:
        eventually(
            lambda: any(
                one["placer"].partition("^")[0].endswith(f"-{number}")
                for one in client.get("/v1/orders").json()["orders"]
            )
        )
        placer = next(
            one["placer"] for one in client.get("/v1/orders").json()["orders"] if f"-{number}" in one["placer"]
        )
        taken = client.post("/v1/results", json={"result": preliminary(org, number), "order": {"placer": placer}})
        assert taken.status_code == 201, taken.text
        return taken.json()["deliveries"][0]


def state(server, org: str, delivery: int) -> str:
    with server.client(org) as client:
        return client.get(f"/v1/deliveries/{delivery}").json()["delivery"]["state"]


def becomes(server, org: str, delivery: int, wanted: str) -> None:
    eventually(lambda: state(server, org, delivery) == wanted, 60)


def test_a_refusal_is_explained_by_field_mapping_line_and_setting_and_mended_by_a_new_build(own):
    hospital = own.hospitals["larkspur", "outbound"]
    own.order("larkspur", order_message("larkspur", 1))
    eventually(lambda: "confirmed" in ledger(own, "ledger", "list", "--all").output)
    hospital.code, hospital.fault = "AE", "PID^1^3"
    delivery = submitted(own, "larkspur", 1)["id"]
    becomes(own, "larkspur", delivery, "rejected")

    listed = ledger(own, "ledger", "list", "larkspur", "--state", "rejected")
    assert str(delivery) in listed.output
    assert "PID-3" in " ".join(listed.output.split())
    assert max(len(line) for line in listed.output.splitlines()) <= 120

    why = ledger(own, "ledger", "why", "larkspur", delivery)
    assert why.exit_code == 0, why.output
    said = " ".join(why.output.split())
    for part in ("rejected", "101 Required field missing at PID-3", ".seg:", "by order (api)", "CST", "MSH|"):
        assert part in said, part
    assert PATIENT not in why.output
    assert "LV-700101-1" not in why.output.split("message")[-1]
    assert PATIENT in ledger(own, "ledger", "why", "larkspur", delivery, "--unmask").output
    assert PATIENT not in ledger(own, "ledger", "show", "larkspur", delivery).output
    seen = json.loads(ledger(own, "ledger", "why", "larkspur", delivery, "--format", "json").output)["events"]
    assert [one["kind"] for one in seen].count("content shown") == 1
    assert PATIENT in ledger(own, "ledger", "show", "larkspur", delivery, "--unmask").output
    story = json.loads(ledger(own, "ledger", "why", "larkspur", delivery, "--format", "json").output)
    assert story["delivery"]["state"] == "rejected"
    assert PATIENT not in json.dumps(story)

    unasked = ledger(own, "ledger", "resend", "larkspur", delivery, "--reason", "mended")
    assert (unasked.exit_code, "nothing was done" in unasked.output) == (1, True)
    hospital.code = hospital.fault = ""
    done(own, "ledger", "resend", "larkspur", delivery)
    becomes(own, "larkspur", delivery, "confirmed")
    story = json.loads(ledger(own, "ledger", "why", "larkspur", delivery, "--format", "json").output)
    assert [(one["number"], one["live"]) for one in story["builds"]] == [(1, False), (2, True)]
    assert len({one["control_id"] for one in story["builds"]}) == 2
    resent = next(one for one in story["events"] if one["kind"] == "resent")
    assert (resent["actor"], resent["facts"]["why"]) == ("ada", "a test asks for it")

    again = ledger(own, "ledger", "resend", "larkspur", delivery, "--reason", "once more", "--yes")
    assert (again.exit_code, "filed twice" in again.output, "--as-new" in again.output) == (1, True, True)
    assert "taken by the hospital already" in again.output
    before = len(hospital.filed)
    done(own, "ledger", "resend", "larkspur", delivery, "--as-new")
    eventually(lambda: len(hospital.filed) == before + 1)


def test_what_is_in_doubt_waits_for_a_decision_where_the_hospital_wants_that(own):
    hospital = own.hospitals["northgate", "outbound"]
    hospital.silent = True
    delivery = submitted(own, "northgate", 2)["id"]
    # The order's own message is in doubt first; the result waits behind it.
    first = json.loads(ledger(own, "ledger", "list", "northgate", "--format", "json").output)[-1]
    becomes(own, "northgate", first["id"], "needs_decision")
    waiting = json.loads(ledger(own, "ledger", "list", "northgate", "--format", "json").output)
    because = next(one["because"] for one in waiting if one["id"] == delivery)
    assert because == f"waits for delivery {first['id']} (accepted, needs_decision)"
    hospital.silent = False
    done(own, "ledger", "decide", "northgate", first["id"], "--as", "delivered")
    done(own, "lanes", "resume", "northgate", "outbound")
    becomes(own, "northgate", delivery, "confirmed")


def test_a_lane_is_paused_a_delivery_held_and_both_let_go_on(own):
    own.order("stbrigid", order_message("stbrigid", 3))
    lanes = eventually(lambda: json.loads(ledger(own, "lanes", "list", "stbrigid", "--format", "json").output))
    assert [lane["destination"] for lane in lanes] == ["outbound"]
    done(own, "lanes", "pause", "stbrigid", "outbound")
    assert "paused" in ledger(own, "lanes", "list").output
    own.order("stbrigid", order_message("stbrigid", 4))
    waiting = eventually(
        lambda: json.loads(ledger(own, "ledger", "list", "stbrigid", "--state", "ready", "--format", "json").output)
    )
    assert waiting[0]["because"].startswith("the lane is paused (ada: a test asks for it)")
    done(own, "ledger", "hold", "stbrigid", waiting[0]["id"])
    done(own, "lanes", "resume", "stbrigid", "outbound")
    held = json.loads(ledger(own, "ledger", "list", "stbrigid", "--state", "held", "--format", "json").output)
    assert [one["id"] for one in held] == [waiting[0]["id"]]
    done(own, "ledger", "release", "stbrigid", waiting[0]["id"])
    becomes(own, "stbrigid", waiting[0]["id"], "accepted")
    assert (
        "done"
        not in ledger(own, "ledger", "cancel", "stbrigid", waiting[0]["id"], "--reason", "too late", "--yes").output
    )


def test_above_the_limit_two_people_are_needed(own):
    own.order("stbrigid", order_message("stbrigid", 5))
    eventually(lambda: json.loads(ledger(own, "lanes", "list", "stbrigid", "--format", "json").output))
    done(own, "lanes", "pause", "stbrigid", "outbound")
    for number in range(10, 36):
        own.order("stbrigid", order_message("stbrigid", number))

    def ready():
        found = json.loads(
            ledger(own, "ledger", "list", "stbrigid", "--state", "ready", "--limit", 100, "--format", "json").output
        )
        return found if len(found) >= 26 else None

    ids = [one["id"] for one in eventually(ready)]
    alone = ledger(own, "ledger", "hold", "stbrigid", *ids, "--reason", "all of them", "--by", "ada", "--yes")
    assert (alone.exit_code, "--second" in alone.output) == (1, True)
    same = ledger(
        own, "ledger", "hold", "stbrigid", *ids, "--reason", "all of them", "--by", "ada", "--second", "ada", "--yes"
    )
    assert same.exit_code == 1
    done(own, "ledger", "hold", "stbrigid", *ids, "--second", "grace")


def test_a_message_in_quarantine_is_shown_masked_and_taken_as_new_or_discarded(own):
    message = order_message("larkspur", 6)
    own.order("larkspur", message)
    other = order_message("larkspur", 7).replace(b"C000007NE", b"C000006NE")
    third = order_message("larkspur", 8).replace(b"C000008NE", b"C000006NE")
    for clash in (other, third):
        assert b"MSA|CE|" in own.order("larkspur", clash)
    listed = json.loads(ledger(own, "quarantine", "list", "--format", "json").output)
    assert [one["reason"] for one in listed] == ["another message has this control id"] * 2
    first, second = (one["id"] for one in listed)
    assert PATIENT not in ledger(own, "quarantine", "show", "larkspur", first).output
    assert PATIENT in ledger(own, "quarantine", "show", "larkspur", first, "--unmask").output
    assert ledger(own, "quarantine", "show", "northgate", first).exit_code == 1
    done(own, "quarantine", "release", "larkspur", first)
    done(own, "quarantine", "discard", "larkspur", second)
    orders = eventually(lambda: "LV-700101-7" in (said := ledger(own, "orders", "list", "larkspur").output) and said)
    assert "LV-700101-8" not in str(orders)
    assert "nothing is in quarantine" in ledger(own, "quarantine", "list").output
    number = next(one["id"] for one in json.loads(ledger(own, "orders", "list", "--format", "json").output))
    assert PATIENT not in ledger(own, "orders", "show", "larkspur", number).output
    assert PATIENT in ledger(own, "orders", "show", "larkspur", number, "--unmask").output


def test_a_kind_that_is_stopped_is_held_when_its_turn_comes(own):
    done(own, "stop", "larkspur", "--kind", "ecg_result/preliminary")
    delivery = submitted(own, "larkspur", 9)["id"]
    becomes(own, "larkspur", delivery, "held")
    assert "this kind is stopped" in " ".join(ledger(own, "ledger", "why", "larkspur", delivery).output.split())
    wrong = ledger(own, "stop", "larkspur", "--kind", "ecg_result/prelim", "--reason", "a typing error", "--yes")
    assert (wrong.exit_code, "ecg_result/preliminary is meant?" in wrong.output) == (1, True)
    done(own, "allow", "larkspur", "--kind", "ecg_result/preliminary")
    done(own, "ledger", "release", "larkspur", delivery)
    becomes(own, "larkspur", delivery, "confirmed")


def test_the_record_is_verified_and_a_change_in_it_is_found(own):
    import sqlalchemy as sa

    delivery = submitted(own, "larkspur", 11)["id"]
    becomes(own, "larkspur", delivery, "confirmed")
    whole = ledger(own, "audit", "verify")
    assert (whole.exit_code, "0 broken" in whole.output) == (0, True)
    assert {"chain", "number", "hash"} == set(json.loads(ledger(own, "audit", "heads").output)[0])
    own.stop()
    engine = sa.create_engine(own.database)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE event SET actor = 'nobody' WHERE chain = 'org:larkspur' AND number = 2"))
    engine.dispose()
    changed = ledger(own, "audit", "verify")
    assert changed.exit_code == 1
    assert "org:larkspur: an event was changed at event 2" in changed.output


def test_tables_go_down_and_up_and_a_server_does_not_start_on_others(own):
    assert ledger(own, "migrate", "status").exit_code == 0
    own.stop()
    assert "no such version" in ledger(own, "migrate", "down", "nowhere", "--yes").output
    down = ledger(own, "migrate", "down", "base", "--yes")
    assert (down.exit_code, "everything in the ledger is lost: 0 orders" in down.output) == (0, True)
    assert ledger(own, "migrate", "status").exit_code == 1
    assert "segwright migrate up" in ledger(own, "ledger", "list").output
    assert ledger(own, "migrate", "up", "--yes").exit_code == 0
    assert ledger(own, "migrate", "status").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ledger", "list", "--state", "helt"], "'held'"),
        (["ledger", "why", "larkspur", "999"], "larkspur has no delivery 999"),
        (["ledger", "why", "nowhere", "1"], "knows no organisation nowhere"),
        (["ledger", "hold", "larkspur", "999", "--reason", "why not", "--yes"], "larkspur has no delivery 999"),
        (["ledger", "hold", "larkspur", "999", "--reason", " ", "--yes"], "--reason has to say why"),
        (["lanes", "pause", "larkspur", "elsewhere", "--reason", "why not", "--yes"], "no lane to elsewhere"),
        (["stop", "larkspur", "--reason", "why not"], "either a --kind or a --plan"),
        (["orders", "show", "larkspur", "999"], "larkspur has no order 999"),
        (["ledger", "list", "--database", "mysql://x"], "sqlite:///FILE or postgresql+psycopg"),
        (["ledger", "list", "--database", "sqlite:///nowhere.db"], "there is no ledger at"),
    ],
)  # fmt: skip
def test_mistakes_get_an_answer_that_helps(one, arguments, said):
    result = ledger(one, *arguments)
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.output.split())


def test_a_signer_is_told_of_what_left_before_the_signature_was_taken_back(own):
    delivery = submitted(own, "northgate", 12)
    becomes(own, "northgate", delivery["id"], "confirmed")
    with own.client("northgate") as client:
        shown = client.get("/v1/results/R-northgate-12/shown").json()["shown"]
        signed = client.post("/v1/results/R-northgate-12/sign", json={"shown": shown, "signed_by": signer("northgate")})
        assert signed.status_code == 200, signed.text
        final = signed.json()["deliveries"][0]["id"]
        becomes(own, "northgate", final, "confirmed")
        back = client.post("/v1/results/R-northgate-12/withdraw-signature", json={"reason": "not my patient"}).json()
        assert [one["id"] for one in back["left"]] == [final]
