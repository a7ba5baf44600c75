"""What runs: the page says since when, approved by whom, and how it came to be so, from a deployment and its lock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from segwright.plan.approval import Entry, items_of
from segwright.plan.bundle import read_bundle
from segwright.plan.release import Deployed, Release, keep_bundle, put_into_force
from tests.pages.browser import look
from tests.pages.people import People
from tests.pages.proposing import SERVER, Signing
from tests.plan.signing import Key
from tests.review.brute_force import copied, edited

ORG = "larkspur"
ALICE = Key("alice@hospital.example")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory, bundles) -> Iterator[People]:
    """A deployment of which larkspur went to a second release and back, approved by Alice with a key of her own."""
    from segwright.service.bundling import write_bundles
    from segwright.service.compiling import compile_workspace

    folder = tmp_path_factory.mktemp("live")
    root = copied(folder / "workspace")
    edited(
        root,
        "orgs/larkspur/ecg_result.seg",
        "add measurement OBX-23.1 = org.performing.name",
        'add measurement OBX-23.1 = "ECG lab"',
    )
    compiled = compile_workspace(root, [ORG])
    write_bundles(folder / "second", compiled.organisations[ORG], compiled.sources)
    deployment = folder / "deployment"
    first = bundles / ORG / "test"
    hashes = [keep_bundle(deployment, made, ORG, "test") for made in (first, folder / "second" / ORG / "test")]
    items = items_of(read_bundle(first, organisation=ORG, environment="test").manifest)
    lock = ALICE.word(
        Entry("approve", ORG, "test", items, "clinical", 1, "2026-03-01T09:00:00Z", "read it with the cardiologist", "")
    )
    for number, (bundle, because, back) in enumerate(
        ((hashes[0], "the first", 0), (hashes[1], "the lab has a name", 0), (hashes[0], "the receiver refused it", 1)),
        1,
    ):
        put_into_force(
            deployment,
            Release(
                number,
                "test",
                number - 1,
                f"2026-03-0{number + 1}T10:00:00Z",
                because,
                {ORG: Deployed(bundle, lock)},
                "4f2a1c9",
                back,
            ),
        )
    trusted = ALICE.trusted() + SERVER.trusted(f'namespaces="segwright-accounts/{ORG}"')
    server = Signing(
        folder, f"sqlite:///{folder / 'ledger.db'}", deployment, organisations=(ORG,), trusted=trusted
    ).start()
    people = People(server, (ORG,))
    yield people
    people.close()
    server.close()


def test_the_page_says_what_runs_and_how_it_came_to_be_so(deployed, visit):
    page = visit(deployed, f"analyst.{ORG}", f"/o/{ORG}/live")
    expect(page.get_by_text("approved by alice@hospital.example")).to_be_visible()
    entries = page.get_by_role("listitem").filter(has=page.locator(".because, .badge"))
    told = [" ".join(text.split()) for text in entries.all_inner_texts()]
    order = [
        "Came into force",
        "Rolled back to release 1",
        "Promoted with release 2",
        "Promoted with release 1",
        "Approved alice@hospital.example",
    ]
    assert len(told) == len(order), told
    for text, wanted in zip(told, order, strict=True):
        assert wanted in text
    assert "the receiver refused it" in told[1]
    look(page, "live-deployed")


def test_a_clinician_does_not_see_it(deployed):
    assert deployed.client(f"clinician.{ORG}").get(f"/o/{ORG}/live").status_code == 403
