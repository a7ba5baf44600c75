"""Studies for the tests of the clinical pages: ordered by the hospital, read by the platform, ready for a clinician."""

from __future__ import annotations

import base64
import itertools
import json

from segwright.accounts import signers
from segwright.ledger import studies
from segwright.ledger.studies import Study
from tests.pages.people import People
from tests.web.servers import PLACERS, eventually, order_message, preliminary, signer

_NUMBERS = itertools.count(7000)


def number() -> int:
    """A number that no other study of the session has."""
    return next(_NUMBERS)


def clinician(people: People, org: str, name: str = "") -> str:
    """A clinician of a hospital who can sign; gives the account's name."""
    name = name or f"clinician.{org}"
    account = people.person(name, (org, "clinician"))
    document = json.dumps(signer(org)).encode()
    people.store.write(lambda tx: signers.set_signer(tx, account.id, org, document, "test"))
    return name


def ordered(people: People, org: str, at: int, *, case: str = "order_new", **replaced: str) -> dict:
    """Sends an order and waits until it is known; gives it as the API does."""
    people.server.order(org, order_message(org, at, case=case, **replaced))
    placer = f"{PLACERS[org].decode()}-{at}"

    def known() -> dict | None:
        with people.server.client(org) as api:
            found = api.get("/v1/orders", params={"limit": 500}).json()["orders"]
        return next((one for one in found if one["placer"].split("^")[0] == placer), None)

    found = eventually(known)
    assert isinstance(found, dict)
    return found


def read(people: People, org: str, at: int, order: dict | None, **members: object) -> Study:
    """The platform posts a preliminary result; gives the study that it makes."""
    given = preliminary(org, at, **{"id": f"R-{at}", "study": f"ST-{at}", **members})
    body: dict[str, object] = {"result": given}
    if order is not None:
        body["order"] = {"id": order["id"]}
    with people.server.client(org) as api:
        answer = api.post("/v1/results", json=body)
    assert answer.status_code in (200, 201), answer.text
    return of(people, org, str(given["id"]))


def study(people: People, org: str, **members: object) -> Study:
    """An ordered study with a preliminary result."""
    at = number()
    return read(people, org, at, ordered(people, org, at), **members)


def of(people: People, org: str, result: str) -> Study:
    """The study of a result, as it stands."""
    found = people.store.read(lambda tx: studies.of_result(tx, org, result))
    assert found is not None
    return found


def path(one: Study, act: str = "") -> str:
    """Where it is."""
    return f"/o/{one.org}/studies/{one.id}" + (f"/{act}" if act else "")


def _pdf() -> str:
    """A PDF of one page with a line of a heart's rhythm on it, in base64."""
    line = b"1 0 0 RG 1 w 20 100 m 80 100 l 90 120 l 100 40 l 110 180 l 120 90 l 130 100 l 200 100 l 210 120 l 220 40 l 230 180 l"
    content = line + b" 240 90 l 250 100 l 320 100 l S"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 340 200] /Contents 4 0 R >>",
        b"<< /Length " + str(len(content)).encode() + b" >>\nstream\n" + content + b"\nendstream",
    ]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for at, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % at + part + b"\nendobj\n"
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    out += table + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n" + str(len(out)).encode() + b"\n%%EOF\n"
    return base64.b64encode(out).decode()


PDF = _pdf()
