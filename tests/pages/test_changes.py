"""Mapping changes on the pages: what reviewers see of them, decide, and hand out; each for their own hospitals only."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect

from segwright.delivery import proposals
from segwright.delivery.settings import Settings
from segwright.delivery.verdicts import Office
from segwright.pages.changes.running import moved
from segwright.plan.approval import FILE, read_lock, state_of, words
from segwright.plan.signers import read_signers
from tests.pages.browser import look, source
from tests.pages.people import People
from tests.pages.proposing import SERVER, Signing, change, opened, with_hashes
from tests.postgres import new_database

ORGS = ("larkspur", "northgate", "stbrigid", "tamarack")
NOW = "20990101000000"


@pytest.fixture(scope="module")
def proposal(tmp_path_factory) -> bytes:
    return change(tmp_path_factory.mktemp("proposal"))


def _people(folder: Path, database: str, bundles: Path, **given: Any) -> People:
    server = Signing(folder, database, bundles, **given).start()
    people = People(server, ORGS)
    people.person("dr.chen", *((org, "reviewer") for org in ORGS))
    people.person("dr.okoye", ("stbrigid", "reviewer"), ("tamarack", "reviewer"))
    people.person("ci", ("larkspur", "reviewer"))
    return people


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory, bundles) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("changes")
    people = _people(folder, f"sqlite:///{folder / 'ledger.db'}", bundles)
    yield people
    people.close()
    people.server.close()


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory, bundles, postgres) -> Iterator[People]:
    people = _people(tmp_path_factory.mktemp("changes"), new_database(postgres), bundles)
    yield people
    people.close()
    people.server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request) -> People:
    return request.getfixturevalue(f"on_{request.param}")


def proposed(people: People, data: bytes, who: str = "analyst.larkspur") -> int:
    """Puts a proposal to the server; gives its number."""
    server = people.server
    assert isinstance(server, Signing)
    return server.proposed(data, who)


def approvals(people: People, number: int) -> str:
    """The signed lines, as the proposer gets them."""
    server = people.server
    assert isinstance(server, Signing)
    return server.approvals(number).text


def anew(proposal: bytes, because: str) -> bytes:
    """The same change with hashes that nobody proposed before, so that tests do not meet each other's verdicts."""
    found = json.loads(proposal)
    found["because"] = because
    for hospital in found["review"]["hospitals"]:
        for binding in hospital["environments"].values():
            binding["items"] = {
                item: hashlib.sha256((because + hash_).encode()).hexdigest() for item, hash_ in binding["items"].items()
            }
    return json.dumps(found).encode()


def group_of(proposal: bytes, org: str) -> str:
    return next(group.id for group in opened(proposal).review.groups if org in group.organisations)


def decide(
    people: People, who: str, number: int, group: str, *orgs: str, what: str = "approve", because: str = "read it"
):
    org = next(iter(people.account(who).organisations))
    return people.client(who).post(
        f"/o/{org}/changes/{number}/{group}/{what}", {"hospital": list(orgs), "because": because}
    )


def said(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


# --- in the browser ---------------------------------------------------------------------------------------------------------


def test_two_reviewers_approve_in_two_browsers_and_what_is_downloaded_counts_as_theirs(office, visit, proposal):
    number = proposed(office, proposal)
    first = visit(office, "reviewer.stbrigid", "/o/stbrigid/changes")
    first.get_by_role("link", name="LNC instead of LN").click()
    expect(first.get_by_role("row", name="OBX-3.3 Observation Identifier")).to_contain_text("LN → LNC")
    expect(first.get_by_text("3 hospitals more are for other reviewers")).to_be_visible()
    assert "Tamarack" not in source(first)
    first.get_by_role("link", name="St. Brigid").click()
    first.get_by_label("Why").fill("LNC is what St Brigid's receiver asks for")
    first.get_by_role("button", name="Approve").click()
    expect(first.get_by_role("status")).to_contain_text("You approved it")
    expect(first.get_by_label("Decision").get_by_text("1 of 2")).to_be_visible()

    second = visit(office, "dr.okoye", f"/o/stbrigid/changes/{number}")
    second.get_by_role("link", name="2 hospitals").click()
    second.get_by_label("Why").fill("seen before and after of both")
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_label("Decision").get_by_text("approved", exact=True)).to_be_visible()
    first.reload()
    expect(first.get_by_label("Decision").get_by_text("approved", exact=True)).to_be_visible()

    first.get_by_role("link", name="LNC instead of LN").click()
    with first.expect_download() as download:
        first.get_by_role("link", name="Download what is approved").click()
    text = Path(download.value.path()).read_text()
    found = words(text, read_signers(SERVER.trusted('namespaces="segwright-accounts/*"')), NOW)
    assert {(word.entry.organisation, word.signer, word.through) for word in found} == {
        ("stbrigid", "reviewer.stbrigid", "review.hospital.example"), ("stbrigid", "dr.okoye", "review.hospital.example"),
    }  # fmt: skip
    there = {hospital.name: hospital.environments["production"] for hospital in opened(proposal).review.hospitals}
    assert {word.entry.items["policy"] for word in found} == {there["stbrigid"].items["policy"]}
    events = office.events("stbrigid", "change approved")
    assert [event["actor"] for event in events[-2:]] == ["reviewer.stbrigid", "dr.okoye"]


def test_every_page_reads_well(on_sqlite, visit, proposal):
    number = proposed(on_sqlite, anew(proposal, "LNC instead of LN, as the laboratories write it from 2027 on"))
    alike = group_of(proposal, "tamarack")
    page = visit(on_sqlite, "dr.chen", "/o/larkspur/changes")
    look(page, "changes-list")
    page.goto(on_sqlite.server.url + f"/o/larkspur/changes/{number}")
    look(page, "changes-proposal")
    page.goto(on_sqlite.server.url + f"/o/larkspur/changes/{number}/{group_of(proposal, 'larkspur')}")
    look(page, "changes-one-hospital")
    decide(on_sqlite, "dr.okoye", number, alike, "stbrigid", "tamarack", because="seen in both, with the cardiologist")
    decide(
        on_sqlite, "reviewer.tamarack", number, alike, "tamarack", what="refuse", because="billing has to be told first"
    )
    page.goto(on_sqlite.server.url + f"/o/larkspur/changes/{number}/{alike}")
    look(page, "changes-alike")
    page.get_by_role("link", name="Whole messages").click()
    look(page, "changes-whole-messages")
    page.goto(on_sqlite.server.url + "/o/stbrigid/live")
    look(page, "live")
    analyst = visit(on_sqlite, "analyst.larkspur", f"/o/larkspur/changes/{number}/{group_of(proposal, 'larkspur')}")
    expect(analyst.get_by_text("Approving is for reviewers.")).to_be_visible()
    assert analyst.get_by_role("button", name="Approve").count() == 0


def test_what_is_done_with_keeps_its_rules_and_what_was_said(office, visit, proposal):
    data = anew(proposal, "done with for long")
    number = proposed(office, data)
    for each in opened(data).review.groups:
        for org in each.organisations:
            decide(office, "dr.chen", number, each.id, org, what="refuse", because="not this year")
    page = visit(office, "dr.chen", "/o/larkspur/live")
    expect(page.get_by_text("As this server read the approvals when it started")).to_be_visible()
    while office.store.write(lambda tx: proposals.prune(tx, 2**62)):
        pass
    page.goto(f"{office.server.url}/o/larkspur/changes/{number}")
    expect(page.get_by_text("its messages before and after are not kept any more")).to_be_visible()
    expect(page.get_by_role("region", name="The rules behind it")).to_contain_text("QRS duration")
    expect(page.get_by_text("not this year").first).to_be_visible()
    look(page, "change-kept")
    theirs = group_of(data, "larkspur")
    assert office.client("dr.chen").get(f"/o/larkspur/changes/{number}/{theirs}").status_code == 404
    assert decide(office, "reviewer.larkspur", number, theirs, "larkspur").status_code == 404


def test_the_history_tells_the_rules_that_were_approved(on_sqlite, visit, proposal):
    data = anew(proposal, "told in the history")
    number = proposed(on_sqlite, data)
    decide(on_sqlite, "dr.chen", number, group_of(data, "larkspur"), "larkspur")
    page = visit(on_sqlite, "reviewer.larkspur", "/o/larkspur/live")
    entry = page.locator(".history li").filter(has=page.get_by_text("Approved")).first
    entry.locator("summary").click()
    expect(entry.locator(".rules")).to_contain_text("QRS duration")
    look(page, "live-history")


def test_approvals_that_changed_since_the_start_are_told(bundles, tmp_path):
    shutil.copytree(bundles / "larkspur", tmp_path / "bundles" / "larkspur", ignore=shutil.ignore_patterns(FILE))
    settings = Settings("test", "bundles", "")
    office = Office(None, "this server", None, 1, tmp_path / "bundles", tmp_path)

    def call(lock: str) -> Any:
        live = SimpleNamespace(judged=SimpleNamespace(lock=lock))
        return SimpleNamespace(org="larkspur", live=live, engine=SimpleNamespace(settings=settings))

    assert not moved(call(""), office)
    (tmp_path / "bundles" / "larkspur" / FILE).write_text("# others\n")
    assert moved(call(""), office)
    assert not moved(call("# others\n"), office)


def test_where_nobody_proposed_anything_the_page_says_how_it_is_done(one, visit):
    page = visit(one, "reviewer.larkspur", "/o/larkspur/changes")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    expect(page.get_by_text("segwright propose")).to_be_visible()
    expect(page.get_by_text("it has no key to sign with")).to_be_visible()
    look(page, "changes-empty")


# --- who may what -----------------------------------------------------------------------------------------------------------


def test_nobody_counts_twice_and_no_proposer_approves_his_own(office, proposal):
    number = proposed(office, anew(proposal, "twice"), "reviewer.larkspur")
    group = group_of(proposal, "larkspur")
    own = decide(office, "reviewer.larkspur", number, group, "larkspur")
    assert (own.status_code, "You proposed this change: somebody else" in said(own)) == (422, True)
    assert decide(office, "dr.chen", number, group, "larkspur").status_code == 303
    again = decide(office, "dr.chen", number, group, "larkspur")
    assert (again.status_code, "You approved larkspur already" in said(again)) == (422, True)
    lines = approvals(office, number)
    assert [entry.account for entry in read_lock(lines)] == ["dr.chen"]


def test_two_accounts_that_the_trusted_keys_know_as_one_person_are_one(tmp_path, bundles, proposal):
    from tests.plan.signing import Key

    chen = (
        Key("chen@hospital.example").trusted().replace("chen@hospital.example ", "chen@hospital.example,dr.chen,ci ", 1)
    )
    trusted = SERVER.trusted('namespaces="segwright-accounts/*"') + chen
    people = _people(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, trusted=trusted)
    try:
        number, group = proposed(people, proposal), group_of(proposal, "larkspur")
        assert decide(people, "dr.chen", number, group, "larkspur").status_code == 303
        again = decide(people, "ci", number, group, "larkspur")
        assert (again.status_code, "You approved larkspur already" in said(again)) == (422, True)
    finally:
        people.close()
        people.server.close()


def test_a_hospital_of_others_is_neither_seen_nor_approved_nor_named(office, proposal):
    number = proposed(office, anew(proposal, "foreign"), "ci")
    alike = group_of(proposal, "stbrigid")
    client = office.client("reviewer.stbrigid")
    pages = [
        client.get(f"/o/stbrigid/changes/{number}"),
        client.get(f"/o/stbrigid/changes/{number}/{alike}?of=tamarack&whole=1&all=1"),
    ]
    for page in pages:
        assert page.status_code == 200
        for name in ("tamarack", "larkspur", "northgate", "Tamarack", "Larkspur", "Northgate"):
            assert name not in page.text, name
    assert client.get(f"/o/stbrigid/changes/{number}/{group_of(proposal, 'larkspur')}").status_code == 404
    before = approvals(office, number)
    for orgs in (("tamarack",), ("stbrigid", "tamarack"), ("nowhere",)):
        answer = decide(office, "reviewer.stbrigid", number, alike, *orgs)
        assert answer.status_code == 404
    assert approvals(office, number) == before, "all of it or nothing"
    mine = client.get(f"/o/stbrigid/changes/{number}/approvals")
    assert mine.status_code == 409
    assert decide(office, "reviewer.stbrigid", number, alike, "stbrigid").status_code == 303
    decide(office, "dr.chen", number, alike, "tamarack")
    lines = read_lock(client.get(f"/o/stbrigid/changes/{number}/approvals").text)
    assert {entry.organisation for entry in lines} == {"stbrigid"}


def test_a_reviewer_of_one_hospital_and_analyst_of_another_approves_the_one(on_sqlite, proposal):
    number, alike = proposed(on_sqlite, anew(proposal, "half")), group_of(proposal, "stbrigid")
    on_sqlite.person("half", ("stbrigid", "reviewer"), ("tamarack", "analyst"))
    page = on_sqlite.client("half").get(f"/o/stbrigid/changes/{number}/{alike}?of=tamarack")
    assert "Tamarack" in page.text
    assert decide(on_sqlite, "half", number, alike, "tamarack").status_code == 404
    assert decide(on_sqlite, "half", number, alike, "stbrigid").status_code == 303


def test_all_that_wait_are_those_of_the_visitor_that_wait(office, proposal):
    number, alike = proposed(office, anew(proposal, "all of them"), "ci"), group_of(proposal, "stbrigid")
    decide(office, "reviewer.stbrigid", number, alike, "*")
    assert [entry.organisation for entry in read_lock(approvals(office, number))] == ["stbrigid"]
    decide(office, "dr.okoye", number, alike, "*", because="both of them")
    assert [entry.organisation for entry in read_lock(approvals(office, number))] == [
        "stbrigid",
        "stbrigid",
        "tamarack",
    ]
    decide(office, "dr.okoye", number, alike, "*", what="withdraw", because="neither of them")
    kinds = [(entry.kind, entry.organisation) for entry in read_lock(approvals(office, number))]
    assert kinds == [("revoke", "stbrigid"), ("revoke", "tamarack")], "what takes back one approval voids the others"
    assert decide(office, "reviewer.stbrigid", number, alike, "stbrigid", because="once more").status_code == 303
    assert [entry.kind for entry in read_lock(approvals(office, number))] == ["revoke", "approve", "revoke"]


# --- what becomes of it -----------------------------------------------------------------------------------------------------


def test_an_approval_lapses_when_what_it_is_bound_to_moves_and_holds_where_it_does_not(office, proposal):
    first = anew(proposal, "lapse")
    number = proposed(office, first)
    alike = group_of(proposal, "stbrigid")
    decide(office, "dr.okoye", number, alike, "stbrigid", "tamarack")
    moved = proposed(office, with_hashes(first, "stbrigid", "a", "lapse again"))
    page = said(office.client("dr.okoye").get(f"/o/stbrigid/changes/{number}/{alike}"))
    assert f"lapsed see proposal {moved}" in page
    late = decide(office, "reviewer.stbrigid", number, alike, "stbrigid")
    assert (late.status_code, f"Proposal {moved} took the place of this one" in said(late)) == (422, True)
    now = said(office.client("dr.okoye").get(f"/o/stbrigid/changes/{moved}/{alike}"))
    assert "waiting 0 of 2" in now, "what moved has to be approved anew"
    assert "waiting 1 of 2" in now, "what did not is still approved by one"
    assert read_lock(approvals(office, number)) == ()
    assert [entry.organisation for entry in read_lock(approvals(office, moved))] == ["tamarack"]


def test_a_refusal_keeps_approvals_from_being_handed_out_until_it_is_withdrawn(office, proposal):
    number, group = proposed(office, anew(proposal, "refuse")), group_of(proposal, "larkspur")
    decide(office, "dr.chen", number, group, "larkspur")
    no = decide(
        office, "reviewer.larkspur", number, group, "larkspur", what="refuse", because="OBX-23 names the wrong lab"
    )
    assert no.status_code == 303
    assert read_lock(approvals(office, number)) == ()
    blocked = decide(office, "ci", number, group, "larkspur")
    assert "reviewer.larkspur refused it for larkspur" in said(blocked)
    assert decide(office, "ci", number, group, "larkspur", what="withdraw").status_code == 422, "nothing of his"
    decide(office, "reviewer.larkspur", number, group, "larkspur", what="withdraw", because="it is the right one")
    decide(office, "reviewer.larkspur", number, group, "larkspur", because="it is the right one")
    assert {entry.account for entry in read_lock(approvals(office, number))} == {
        "dr.chen",
        "reviewer.larkspur",
    }
    kinds = [
        office.events("larkspur", kind)[-1]["actor"]
        for kind in ("change refused", "refusal withdrawn", "change approved")
    ]
    assert kinds == ["reviewer.larkspur"] * 3


def test_an_approval_that_was_downloaded_is_taken_back_by_a_signed_line(office, proposal):
    number, group = proposed(office, anew(proposal, "withdraw")), group_of(proposal, "larkspur")
    decide(office, "reviewer.larkspur", number, group, "larkspur")
    decide(office, "reviewer.larkspur", number, group, "larkspur", what="withdraw", because="too early")
    assert read_lock(approvals(office, number)) == (), "nobody had it: it is as if it had not been"
    decide(office, "reviewer.larkspur", number, group, "larkspur")
    carried = approvals(office, number)
    decide(office, "reviewer.larkspur", number, group, "larkspur", what="withdraw", because="a mistake in it")
    after = read_lock(approvals(office, number))
    assert [entry.kind for entry in after] == ["revoke"]
    both = words(
        carried + approvals(office, number),
        read_signers(SERVER.trusted('namespaces="segwright-accounts/*"')),
        NOW,
    )
    item, hash_ = next(iter(after[0].items.items()))
    assert state_of(item, hash_, "larkspur", "production", both).revoked
    decide(office, "dr.chen", number, group, "larkspur", because="mended, by talking")
    assert [entry.kind for entry in read_lock(approvals(office, number))] == ["revoke", "approve"]


# --- what is taken ----------------------------------------------------------------------------------------------------------


def test_a_proposal_is_taken_from_proposers_only_and_once(office, proposal):
    data = anew(proposal, "taken")
    number = office.server.propose(data)
    assert (number.status_code, number.json()["hospitals"]) == (201, 4)
    again = office.server.propose(data)
    assert (again.status_code, again.json()["proposal"], again.json()["again"]) == (
        200,
        number.json()["proposal"],
        True,
    )
    with office.server.client("larkspur") as client:
        assert client.post("/v1/proposals", content=b"").status_code == 401
        assert client.get("/v1/proposals/1/approvals").status_code == 401
    with office.server.client() as client:
        assert client.post("/v1/proposals", content=b"").status_code == 401
    assert office.server.approvals(987654321).status_code == 404


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (lambda found: found["review"]["hospitals"].clear(), "nothing changes for any hospital"),
        (lambda found: found["review"]["groups"].pop(), "its groups and its hospitals are not the same"),
        (lambda found: found["review"]["compared"].remove("stbrigid"), "that were not compared"),
        (lambda found: found["review"]["hospitals"][0]["environments"]["production"]["items"].update(policy="0"), "what an approval is bound to"),
        (lambda found: found["review"]["hospitals"][0]["environments"]["production"]["items"].pop("policy"), "what an approval is bound to"),
        (lambda found: found["review"]["hospitals"][0].update(where=[]), "where each change shows"),
        (lambda found: found.update(environment="../x"), "no proposal"),
        (lambda found: found.update(because=" "), "no proposal"),
        (lambda found: found.update(format=2), "of another format"),
    ],
)  # fmt: skip
def test_a_proposal_that_contradicts_itself_is_refused_with_the_reason(on_sqlite, proposal, damaged, said):
    found = json.loads(proposal)
    damaged(found)
    answer = on_sqlite.server.propose(json.dumps(found).encode())
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text


def test_a_key_that_may_not_speak_for_a_hospital_signs_nothing_for_it(tmp_path, bundles, proposal):
    trusted = SERVER.trusted('namespaces="segwright-accounts/larkspur"')
    people = _people(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, trusted=trusted)
    try:
        number = proposed(people, proposal)
        assert decide(people, "dr.chen", number, group_of(proposal, "larkspur"), "larkspur").status_code == 303
        no = decide(people, "dr.chen", number, group_of(proposal, "stbrigid"), "stbrigid")
        assert "do not let this server speak for accounts of stbrigid" in said(no)
    finally:
        people.close()
        people.server.close()


def test_without_a_key_the_pages_say_so_and_nobody_approves(tmp_path, bundles, proposal, visit):
    people = _people(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}", bundles, signs=False)
    try:
        number, group = proposed(people, proposal), group_of(proposal, "larkspur")
        page = visit(people, "dr.chen", f"/o/larkspur/changes/{number}/{group}")
        expect(page.get_by_text("Nobody can approve on this server's pages yet")).to_be_visible()
        assert page.get_by_role("button", name="Approve").count() == 0
        assert page.get_by_role("button", name="Refuse").count() == 1
        assert "has no key to sign with" in said(decide(people, "dr.chen", number, group, "larkspur"))
    finally:
        people.close()
        people.server.close()
