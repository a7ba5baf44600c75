"""What the clinical pages never do: sign what was not seen, let two clinicians undo each other, show a patient to others, say one aloud."""

from __future__ import annotations

import re

import httpx2
import msgspec
import pytest
import sqlalchemy as sa

from segwright.ledger import tables as t
from tests.pages import studies
from tests.pages.people import Client, People
from tests.pages.studies import path
from tests.web.servers import eventually, order_message, preliminary

CANARY = "QUETZALCOATLUS"


def seen(page: httpx2.Response) -> str:
    found = re.search(r'name="seen" value="([0-9a-f.]+)"', page.text)
    assert found, page.text
    return found[1]


def signed(people: People, study) -> bool:
    return studies.of(people, study.org, study.result).state == "signed"


def chooses(client: Client, study, *codes: str, **texts: str) -> httpx2.Response:
    return client.post(path(study, "draft"), {"act": "sign", "code": list(codes), **texts})


# --- without JavaScript -----------------------------------------------------------------------------------------------------


def test_everything_is_done_without_javascript(people):
    client = people.client(studies.clinician(people, "larkspur"))
    study = studies.study(people, "larkspur")
    assert chooses(client, study, q="atrial").status_code == 303
    assert 'value="add:I48.91"' in client.get(path(study)).text
    client.post(path(study, "draft"), {"act": "sign", "do": "take", "q": "I48.91"})
    client.post(path(study, "draft"), {"act": "sign", "do": "add:I10", "code": ["I48.91"]})
    client.post(path(study, "draft"), {"act": "sign", "do": "up:I10", "code": ["I48.91", "I10"]})
    page = client.get(path(study)).text
    assert re.findall(r'name="code" value="([^"]+)"', page) == ["I10", "I48.91"]
    client.post(path(study, "draft"), {"act": "sign", "do": "remove:I48.91", "code": ["I10", "I48.91"]})
    answer = client.post(
        path(study, "draft"),
        {"act": "sign", "do": "sign", "code": ["I10"], "interpretation": "Sinus rhythm.\r\nNormal."},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, path(study, "sign"))
    confirm = client.get(path(study, "sign"))
    assert "Sinus rhythm.\nNormal." in confirm.text
    done = client.post(path(study, "sign"), {"seen": seen(confirm)})
    assert (done.status_code, done.headers["location"]) == (303, f"{path(study)}?said=study-signed")
    assert signed(people, study)
    document = msgspec.json.decode(
        people.store.read(lambda tx: tx.first(_SIGNOFF, {"org_": "larkspur", "result_": study.result})).document
    )
    assert [one["code"] for one in document["diagnoses"]] == ["I10"]
    assert document["interpretation"] == "Sinus rhythm.\nNormal."
    again = client.post(path(study, "sign"), {"seen": seen(confirm)})
    assert again.status_code == 409
    assert "signed already" in again.text


_SIGNOFF = (
    sa.select(t.signoff.c.document)
    .join(t.revision, t.revision.c.id == t.signoff.c.revision_id)
    .where(t.revision.c.org == sa.bindparam("org_"), t.revision.c.result_id == sa.bindparam("result_"))
    .order_by(t.signoff.c.id.desc())
)


# --- only what was seen -----------------------------------------------------------------------------------------------------


def test_nothing_is_signed_when_the_order_changed_after_it_was_shown(people):
    client = people.client(studies.clinician(people, "larkspur"))
    study = studies.study(people, "larkspur")
    at = int(study.result.rpartition("-")[2])
    before = client.get(path(study, "sign"))
    people.server.order("larkspur", order_message("larkspur", at, case="order_change"))
    eventually(lambda: "order changed" in {one["kind"] for one in _events(people, study.case)})
    answer = client.post(path(study, "sign"), {"seen": seen(before)})
    assert answer.status_code == 409
    assert "The order" in answer.text
    assert not signed(people, study)
    assert client.post(path(study, "sign"), {"seen": seen(answer)}).status_code == 303, (
        "what is shown anew can be signed"
    )
    assert signed(people, study)


def test_nothing_is_signed_when_another_version_came_after_it_was_shown(one):
    client = one.client(studies.clinician(one, "larkspur"))
    study = studies.study(one, "larkspur")
    chooses(client, study, "I10")
    before = client.get(path(study, "sign"))
    with one.server.client("larkspur") as api:
        document = preliminary("larkspur", 1, id=study.result, study=study.result.replace("R-", "ST-"), version=2)
        assert api.post("/v1/results", json={"result": {**document, "interpretation": "Otherwise."}}).status_code == 201
    answer = client.post(path(study, "sign"), {"seen": seen(before)})
    assert answer.status_code == 409
    assert "The result" in answer.text
    assert not signed(one, study)
    page = client.get(path(study)).text
    assert "A newer version of this result came after you had begun" in page
    assert re.findall(r'name="code" value="([^"]+)"', page) == ["I10"], "what was chosen is kept"


def test_nothing_is_signed_with_codes_that_were_changed_in_another_window(one):
    client = one.client(studies.clinician(one, "larkspur"))
    study = studies.study(one, "larkspur")
    chooses(client, study, "I10")
    before = client.get(path(study, "sign"))
    chooses(client, study, "I10", "I48.0")
    answer = client.post(path(study, "sign"), {"seen": seen(before)})
    assert answer.status_code == 409
    assert "Your choice" in answer.text
    assert not signed(one, study)


def test_a_made_up_fingerprint_signs_nothing(one):
    client = one.client(studies.clinician(one, "larkspur"))
    study = studies.study(one, "larkspur")
    for given in ("", "x", "1.2.3.4.5.6", "0." + ".".join(["0" * 64] * 5)):
        assert client.post(path(study, "sign"), {"seen": given}).status_code == 409
    assert not signed(one, study)


def test_codes_that_cannot_be_billed_are_refused_with_what_to_take_instead(one):
    client = one.client(studies.clinician(one, "larkspur"))
    at = studies.number()
    order = studies.ordered(one, "larkspur", at)
    study = studies.read(one, "larkspur", at, order, observed_at="2026-06-02T13:41:20-05:00")
    chooses(client, study, "I48.9", "QQQ", "I48.91", "I48.91")
    page = client.get(path(study)).text
    assert "I48.9 cannot be billed on 2 June 2026" in page
    assert 'value="swap:I48.9:I48.91"' in page
    assert "is no ICD-10-CM code" in page
    assert "ICD-10-CM 2026" in page
    confirm = client.get(path(study, "sign"))
    assert re.search(r'id="do" disabled', confirm.text)
    assert client.post(path(study, "sign"), {"seen": seen(confirm)}).status_code == 409
    assert not signed(one, study)


# --- two clinicians ---------------------------------------------------------------------------------------------------------


def test_the_second_clinician_sees_the_first_and_takes_over_with_a_reason(people):
    first = people.client(studies.clinician(people, "larkspur"))
    second = people.client(studies.clinician(people, "larkspur", "second.larkspur"))
    study = studies.study(people, "larkspur")
    chooses(first, study, "I10")
    first_saw = first.get(path(study, "sign"))
    page = second.get(path(study)).text
    assert "Clinician Larkspur has this study open" in page
    assert 'name="code"' not in page
    chooses(second, study, "I48.0")
    assert 'data-code="I48.0"' not in second.get(path(study)).text, "who does not have it chooses nothing"
    second_saw = second.get(path(study, "sign"))
    assert second.post(path(study, "sign"), {"seen": seen(second_saw)}).status_code == 409
    assert second.post(path(study, "take-over"), {"reason": "x"}).headers["location"].endswith("reason-needed")
    second.post(path(study, "take-over"), {"reason": "the first was called away"})
    answer = first.post(path(study, "sign"), {"seen": seen(first_saw)})
    assert answer.status_code == 409
    assert "Second Larkspur has this study open" in answer.text
    second_saw = second.get(path(study, "sign"))
    assert second.post(path(study, "sign"), {"seen": seen(second_saw)}).status_code == 303
    told = [one for one in people.events("larkspur", "taken over") if one["case"] == study.case]
    assert [(one["actor"], one["held_by"], one["why"]) for one in told] == [
        ("second.larkspur", "clinician.larkspur", "the first was called away")
    ]


def test_a_signature_that_comes_second_is_refused_and_says_who_signed(people):
    first = people.client(studies.clinician(people, "larkspur"))
    second = people.client(studies.clinician(people, "larkspur", "second.larkspur"))
    study = studies.study(people, "larkspur")
    first_saw = first.get(path(study, "sign"))
    second.post(path(study, "take-over"), {"reason": "two browsers race"})
    second_saw = second.get(path(study, "sign"))
    first.post(path(study, "take-over"), {"reason": "two browsers race"})
    assert first.post(path(study, "sign"), {"seen": seen(first_saw)}).status_code == 303
    answer = second.post(path(study, "sign"), {"seen": seen(second_saw)})
    assert answer.status_code == 409
    assert "Clinician Larkspur signed it on" in answer.text, "by the name that people read"


# --- where nothing can be sent ----------------------------------------------------------------------------------------------


def test_a_study_without_an_order_says_so_and_is_signed_once_it_came(people):
    client = people.client(studies.clinician(people, "larkspur"))
    at = studies.number()
    study = studies.read(people, "larkspur", at, None)
    page = client.get(path(study)).text
    assert "There is no order for this study yet" in page
    confirm = client.get(path(study, "sign"))
    assert re.search(r'id="do" disabled', confirm.text)
    assert client.post(path(study, "sign"), {"seen": seen(confirm)}).status_code == 409
    order = studies.ordered(people, "larkspur", at)
    with people.server.client("larkspur") as api:
        given = preliminary("larkspur", at, id=study.result, study=f"ST-{at}")
        api.post("/v1/results", json={"result": given, "order": {"id": order["id"]}})
    page = client.get(path(study)).text
    assert "There is no order for this study yet" not in page
    confirm = client.get(path(study, "sign"))
    assert client.post(path(study, "sign"), {"seen": seen(confirm)}).status_code == 303


def test_a_cancelled_order_leaves_the_worklist_and_its_study_says_why(people):
    client = people.client(studies.clinician(people, "larkspur"))
    study = studies.study(people, "larkspur")
    at = int(study.result.rpartition("-")[2])
    assert path(study) in client.get("/o/larkspur/worklist").text
    people.server.order("larkspur", order_message("larkspur", at, case="order_cancel"))
    eventually(lambda: studies.of(people, "larkspur", study.result).state == "done")
    assert path(study) not in client.get("/o/larkspur/worklist").text
    assert "The order was cancelled" in client.get(path(study)).text


def test_who_has_no_name_in_messages_is_told_who_enters_it(one):
    one.person("nameless.larkspur", ("larkspur", "clinician"))
    client = one.client("nameless.larkspur")
    study = studies.study(one, "larkspur")
    assert "It is not known how you sign" in client.get(path(study)).text
    administrator = one.client("administrator.larkspur")
    number = one.account("nameless.larkspur").id
    wrong = administrator.post(
        f"/o/larkspur/signers/{number}", {"given": "ADA", "family": "SPECIMEN", "npi": "1999000032"}
    )
    assert wrong.status_code == 422
    assert "This is no NPI" in wrong.text
    administrator.post(f"/o/larkspur/signers/{number}", {"given": "ADA", "family": "SPECIMEN", "npi": "1999000031"})
    assert "You sign as <strong>ADA SPECIMEN</strong>" in client.get(path(study)).text


# --- nobody else ------------------------------------------------------------------------------------------------------------


def urls(study) -> list[tuple[str, str]]:
    get = ["", "sign", "amend", "withdraw", "presence", "fate", "pdf", "picture"]
    post = ["draft", "sign", "amend", "withdraw", "take-over", "take-back", "leave"]
    return [("GET", path(study, act)) for act in get] + [("POST", path(study, act)) for act in post]


def test_another_organisation_finds_no_study_under_any_url(people):
    study = studies.study(people, "larkspur", document={"pdf": studies.PDF})
    client = people.client("everyone.northgate")
    theirs = studies.clinician(people, "northgate")
    for asked in (client, people.client(theirs)):
        for method, url in urls(study):
            for found in (url, url.replace("larkspur", "northgate")):  # by its own name, and by ours
                answer = (
                    asked.get(found) if method == "GET" else asked.post(found, {"reason": "curious", "code": ["I10"]})
                )
                assert answer.status_code in (404, 409, 422), f"{method} {found}: {answer.status_code}"
                assert "JUNIPER" not in answer.text
                assert answer.status_code == 404 or answer.status_code == 422
    assert studies.of(people, "larkspur", study.result) == study


@pytest.mark.parametrize("role", ["operator", "analyst", "reviewer", "administrator"])
def test_other_roles_of_the_hospital_see_no_study(one, role):
    study = studies.study(one, "larkspur", document={"pdf": studies.PDF})
    client = one.client(f"{role}.larkspur")
    for method, url in urls(study):
        answer = client.get(url) if method == "GET" else client.post(url)
        assert answer.status_code == 403
        assert "JUNIPER" not in answer.text


def test_a_patient_stands_in_no_log_title_address_event_or_refusal(people):
    who = studies.clinician(people, "larkspur")
    client = people.client(who)
    at = studies.number()
    order = studies.ordered(people, "larkspur", at, JUNIPER=CANARY)
    study = studies.read(
        people, "larkspur", at, order, document={"pdf": studies.PDF}, interpretation=f"Seen in {CANARY}."
    )
    chooses(client, study, "I10", q=CANARY, interpretation=f"{CANARY} again.")
    pages = [client.get(path(study, act)) for act in ("", "sign", "pdf")]
    pages.append(client.get("/o/larkspur/worklist"))
    assert CANARY in pages[0].text
    assert CANARY in pages[3].text
    client.post(path(study, "sign"), {"seen": seen(pages[1])})
    for page in pages[:2]:
        assert CANARY not in (re.search(r"<title>(.*?)</title>", page.text) or [""])[0]
        assert page.headers["cache-control"] == "no-store"
    for url in (path(study, "presence"), path(study, "fate"), "/o/larkspur/worklist/news"):
        assert CANARY not in client.get(url, **{"HX-Request": "true"}).text
    other = people.client("operator.larkspur")
    for method, url in urls(study):
        assert CANARY not in (other.get(url) if method == "GET" else other.post(url)).text
    assert CANARY not in "".join(people.server.raw)
    assert CANARY not in httpx2.get(f"{people.server.url}/metrics").text
    facts = people.store.read(lambda tx: [row.facts for row in tx.all(sa.select(t.event.c.facts))])
    assert not [one for one in facts if CANARY in one]
    looks = [
        one["page"]
        for one in people.events("larkspur", "viewed")
        if one["case"] == study.case or study.case in one.get("cases", [])
    ]
    assert {"study", "confirm-sign", "study-pdf", "worklist"} <= set(looks)


def test_a_document_is_served_as_what_it_is_or_not_at_all(one):
    client = one.client(studies.clinician(one, "larkspur"))
    study = studies.study(one, "larkspur", document={"pdf": studies.PDF})
    answer = client.get(path(study, "pdf"))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert answer.content.startswith(b"%PDF-")
    page = studies.study(one, "larkspur", document={"pdf": "PGh0bWw+PHNjcmlwdD4="})  # <html><script>
    assert client.get(path(page, "pdf")).status_code == 404


def _events(people: People, case: int) -> list[dict]:
    rows = people.store.read(lambda tx: tx.all(sa.select(t.event.c.kind).where(t.event.c.case_id == case)))
    return [{"kind": row.kind} for row in rows]
