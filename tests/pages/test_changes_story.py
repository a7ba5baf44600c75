"""The whole way of a change: a shared table is edited, proposed, approved by two reviewers in two browsers, carried into the
workspace, promoted, and runs in production; and every way in which it must not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from segwright.delivery import proposals
from tests.cli.conftest import call
from tests.pages.people import People
from tests.pages.proposing import LN, SERVER, TABLES, Signing
from tests.plan.signing import Key
from tests.review.brute_force import copied, edited
from tests.web.servers import MAIN, ROOT

ORGS = ("larkspur", "northgate", "stbrigid", "tamarack")
PR = '"8625-6" ^ "P-R interval"           ^ "{}"'

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
    pytest.mark.skipif(
        shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen, which signs, is not installed"
    ),
]


class Workspace:
    """A copied workspace in git whose hospitals were approved by two people with keys of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = copied(folder / "workspace")
        shutil.copy(ROOT / "review.yaml", self.root)
        self.trusted = folder / "trusted"
        self.untrusting = folder / "untrusting"
        lines = []
        for name in ("alice", "bo"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True
            )
            kind, key, _ = (folder / f"{name}.pub").read_text().split()
            lines.append(f"{name}@hospital.example {kind} {key}\n")
        self.untrusting.write_text("".join(lines) + Key("another.server").trusted('namespaces="segwright-accounts/*"'))
        self.trusted.write_text(
            "".join(lines)
            + SERVER.trusted(
                'namespaces="segwright-accounts/larkspur,segwright-accounts/stbrigid,segwright-accounts/tamarack"'
            )
        )
        self.git("init", "-q", "-b", "main")
        self.commit("as it was")
        for name in ("alice", "bo"):
            given = call("approve", *ORGS, "--because", "as it was", "--key", folder / name, "--yes", *self.keys)
            assert given.exit_code in (0, 2), given.output
        self.commit("approved")

    @property
    def keys(self) -> tuple[object, ...]:
        return ("--keys", self.trusted, "--workspace", self.root)

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@hospital.example", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, "-C", str(self.root), *arguments], check=True, capture_output=True, text=True
        ).stdout

    def commit(self, because: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", because)

    def propose(self, server: Signing, because: str, who: str = "analyst.larkspur"):
        token = server.folder / f"{who}.token"
        return call("propose", "--because", because, "--server", server.url, "--token-file", token, *self.keys)

    def take(self, source: object, *more: object):
        return call("approvals", "import", source, *more, *self.keys)

    def verify(self):
        return call("approvals", "verify", *ORGS, *self.keys)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="module")
def review(tmp_path_factory, workspace, bundles) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("review")
    trusted = workspace.trusted.read_text()
    server = Signing(folder, f"sqlite:///{folder / 'ledger.db'}", bundles, organisations=ORGS, trusted=trusted).start()
    people = People(server, ORGS)
    people.person("dr.chen", *((org, "reviewer") for org in ORGS))
    people.person("dr.okoye", *((org, "reviewer") for org in ORGS))
    yield people
    people.close()
    server.close()


def production(folder: Path, deployment: Path, trusted: Path) -> subprocess.Popen[bytes]:
    """A server of production over a deployment; its listeners on loopback."""
    settings = folder / "production.toml"
    reason = 'plain_because = "a tunnel of the hospital carries it"'
    settings.write_text(
        f'environment = "production"\nbundles = "{deployment}"\ndatabase = "sqlite:///{folder / "production.db"}"\n'
        f'[api]\naddress = "127.0.0.1:0"\n[approvals]\nkeys = "{trusted}"\n'
        + "".join(f'[listeners.{org}]\naddress = "127.0.0.1:0"\nnetworks = ["127.0.0.0/8"]\n{reason}\n' for org in ORGS)
    )
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "serve", "--settings", str(settings)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
    )  # fmt: skip


def test_a_change_goes_from_the_workspace_over_two_browsers_into_production(tmp_path, workspace, review, visit):
    root, server = workspace.root, review.server
    edited(root, TABLES, *LN)
    dirty = workspace.propose(server, "LNC instead of LN")
    assert (dirty.exit_code, "Commit first" in dirty.output) == (1, True), dirty.output
    workspace.commit("LNC instead of LN")
    proposed = workspace.propose(server, "LNC instead of LN")
    assert proposed.exit_code == 0, proposed.output
    assert "3 hospitals for production" in proposed.output
    number = int(proposed.output.split()[1].rstrip(":"))
    assert "already" in workspace.propose(server, "LNC instead of LN").output

    # Somebody of a hospital that does not change finds nothing there, whatever he sends.
    group = review.store.read(lambda tx: proposals.parts(tx, [number], ("larkspur",)))[0].group
    stranger = review.client("reviewer.northgate")
    for path in (
        f"/o/northgate/changes/{number}",
        f"/o/larkspur/changes/{number}",
        f"/o/northgate/changes/{number}/{group}",
    ):
        assert stranger.get(path).status_code == 404
    form = {"hospital": "larkspur", "because": "as a stranger"}
    assert stranger.post(f"/o/northgate/changes/{number}/{group}/approve", form).status_code == 404

    # Two reviewers, each in a browser of their own.
    for who, why in (("dr.chen", "LNC is what the receivers ask for"), ("dr.okoye", "read before and after")):
        page = visit(review, who, "/o/larkspur/changes")
        page.get_by_role("link", name="LNC instead of LN").click()
        expect(page.get_by_role("row", name="OBX-3.3 Observation Identifier")).to_contain_text("LN → LNC")
        page.get_by_role("link", name="3 hospitals").click()
        expect(page.get_by_text("Clinical changes need 2 people")).to_be_visible()
        page.get_by_label("Why").fill(why)
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("status")).to_contain_text("You approved it")
        assert page.get_by_role("button", name="Approve").count() == 0, "nobody is asked twice"
    page.get_by_role("link", name="LNC instead of LN").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download what is approved").click()
    file = tmp_path / "approvals.txt"
    file.write_bytes(Path(download.value.path()).read_bytes())

    # What must not be taken.
    before = workspace.verify()
    assert before.exit_code == 2
    text = file.read_text()
    (tmp_path / "tampered").write_text(text.replace('as="dr.chen"', 'as="dr.eve"'))
    tampered = workspace.take(tmp_path / "tampered")
    assert (tampered.exit_code, "signature" in tampered.output) == (1, True), tampered.output
    (tmp_path / "other_why").write_text(text.replace("read before", "slept before"))
    assert workspace.take(tmp_path / "other_why").exit_code == 1
    untrusted = call("approvals", "import", file, "--keys", workspace.untrusting, "--workspace", root)
    assert (untrusted.exit_code, "nobody trusts the key" in untrusted.output) == (1, True), untrusted.output
    assert workspace.git("status", "--porcelain") == "", "nothing was written"

    # What is taken: from the server itself, then the file says the same again.
    token = server.folder / "analyst.larkspur.token"
    url = f"{server.url}/v1/proposals/{number}/approvals"
    taken = workspace.take(url, "--token-file", token)
    assert taken.exit_code == 0, taken.output
    assert "approved by dr.chen, as review.hospital.example says" in taken.output
    assert "(was there)" in workspace.take(file).output
    verified = workspace.verify()
    assert verified.exit_code == 0, verified.output
    for line in verified.output.splitlines():  # what did not move was approved before, by people with keys of their own
        pages = "" if "northgate" in line else ", dr.chen, dr.okoye"
        assert line.endswith(f"approved by alice@hospital.example, bo@hospital.example{pages}"), line
    workspace.commit("approved on the pages")
    assert "nothing to propose" in workspace.propose(server, "once more").output

    # Promoted, and run by a server of production.
    deployment = tmp_path / "deployment"
    for step in ("test", "production"):
        promoted = call("promote", step, deployment, "--because", "LNC", "--yes", *workspace.keys)
        assert promoted.exit_code == 0, promoted.output
    process = production(tmp_path, deployment, workspace.trusted)
    try:
        lines: list[bytes] = []
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if b'"listener":"api"' in line:
                break
        assert b'"listener":"api"' in lines[-1], b"".join(lines).decode()
        assert not any(b"unapproved" in line for line in lines)
    finally:
        process.terminate()
        process.communicate(timeout=60)
    refused = production(tmp_path, deployment, workspace.untrusting)
    _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert b"larkspur in production is not approved" in said


def test_an_approval_of_what_moved_since_lapses_and_counts_for_nothing(tmp_path, workspace, review):
    server = review.server
    edited(workspace.root, TABLES, PR.format("LN"), PR.format("LNC"))
    workspace.commit("LNC for P-R")
    number = int(workspace.propose(server, "LNC for P-R").output.split()[1].rstrip(":"))
    client = review.client("dr.chen")
    parts = review.store.read(lambda tx: proposals.parts(tx, [number], ORGS))
    for group in {part.group for part in parts}:
        orgs = [part.org for part in parts if part.group == group]
        for who in ("dr.chen", "dr.okoye"):
            form = {"hospital": orgs, "because": "read it"}
            assert review.client(who).post(f"/o/larkspur/changes/{number}/{group}/approve", form).status_code == 303
    kept = tmp_path / "kept"
    kept.write_bytes(client.get(f"/o/larkspur/changes/{number}/approvals").content)
    edited(workspace.root, TABLES, PR.format("LNC"), PR.format("L"))
    workspace.commit("L for P-R")
    stale = workspace.take(kept)
    assert (stale.exit_code, "the plan for ecg_result moved since it was approved" in stale.output) == (2, True), (
        stale.output
    )
    workspace.git("checkout", "--", "orgs")
    later = int(workspace.propose(server, "L for P-R").output.split()[1].rstrip(":"))
    page = client.get(f"/o/larkspur/changes/{number}").text
    assert "lapsed" in page
    assert client.get(f"/o/larkspur/changes/{number}/approvals").status_code == 409, (
        "nothing of it is handed out any more"
    )
    assert later > number
    assert workspace.verify().exit_code == 2


def test_proposing_says_what_is_wrong(tmp_path, workspace, review):
    server, token = review.server, tmp_path / "token"
    token.write_text("x" * 32)
    wrong = call("propose", "--because", "try", "--server", server.url, "--token-file", token, *workspace.keys)
    assert (wrong.exit_code, "401" in wrong.output) == (1, True), wrong.output
    assert "x" * 32 not in wrong.output
    plain = call(
        "propose", "--because", "try", "--server", "http://review.example", "--token-file", token, *workspace.keys
    )
    assert (plain.exit_code, "over TLS only" in plain.output) == (1, True)
    nowhere = call(
        "propose", "--because", "try", "--server", "http://127.0.0.1:9", "--token-file", token, *workspace.keys
    )
    assert (nowhere.exit_code, "cannot be reached" in nowhere.output) == (1, True)
    assert (
        call("propose", "--because", "x", "--server", server.url, "--token-file", token, *workspace.keys).exit_code == 1
    )
    page = workspace.take(server.url + "/sign-in", "--token-file", token)
    assert (page.exit_code, "approvals" in page.output) == (1, True)
