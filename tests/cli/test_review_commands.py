"""Reviewing a change as people do: diff, approve, verify, replay, promote, rollback, at a terminal and in CI."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization

from segwright.plan.approval import Entry
from segwright.plan.release import current
from segwright.plan.vouching import exported, server_key, vouched
from segwright.review.document import decoded
from tests.cli.conftest import call
from tests.plan.signing import Key
from tests.review.brute_force import copied, edited

TABLES = "mappings/shared/tables.seg"
LN = ('"8633-0" ^ "QRS duration"           ^ "LN"', '"8633-0" ^ "QRS duration"           ^ "LNC"')

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen, which signs, is not installed"
)
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=somebody", "-c", "user.email=somebody@hospital.example", "-C", str(root), *arguments],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The four hospitals in a repository, on a branch that left main."""
    root = copied(tmp_path / "workspace")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "as it was")
    git(root, "checkout", "-qb", "change")
    return root


class People:
    """Keys of people, and the file of those who are trusted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        lines = []
        for name in ("alice", "bo", "eve"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True
            )
            if name != "eve":
                kind, key, _ = (folder / f"{name}.pub").read_text().split()
                lines.append(f"{name}@hospital.example {kind} {key}\n")
        self.trusted = folder / "trusted"
        self.trusted.write_text("".join(lines))

    def approve(self, root: Path, name: str, *arguments: object):
        return call(
            "approve",
            *arguments,
            "--because",
            "read it",
            "--key",
            self.folder / name,
            "--keys",
            self.trusted,
            "--yes",
            "--workspace",
            root,
        )

    def verify(self, root: Path, *arguments: object):
        return call("approvals", "verify", *arguments, "--keys", self.trusted, "--workspace", root)


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path / "people")


# --- diff ----------------------------------------------------------------------------------------------------------------


@needs_git
def test_nothing_changed_gives_0_and_says_so(repository):
    result = call("diff", "--workspace", repository)
    assert (result.exit_code, result.output) == (
        0,
        f"Nothing changes for any of 4 hospitals against {git(repository, 'rev-parse', 'HEAD')[:12]}.\n",
    )


@needs_git
def test_a_change_gives_2_and_is_told_within_100_columns(repository):
    edited(repository, TABLES, *LN)
    result = call("diff", "--workspace", repository)
    assert result.exit_code == 2
    assert "OBX-3.3 Observation Identifier: Name of Coding System" in result.output
    assert "LN → LNC" in result.output
    assert "`qrs_duration` is sent as 8633-0 ^ QRS duration ^ LNC, ms, 0, 4." in result.output
    assert "1 hospital untouched" in result.output
    assert max(map(len, result.output.splitlines())) <= 100


@needs_git
@pytest.mark.parametrize("form", ["markdown", "json", "html"])
def test_every_report_tells_the_same(repository, tmp_path, form):
    edited(repository, TABLES, *LN)
    edited(
        repository,
        "orgs/larkspur/ecg_result.seg",
        "interface guide 4.1, section 3.5",
        "<script>alert(1)</script> | `x` *y*",
    )
    edited(
        repository,
        "orgs/larkspur/ecg_result.seg",
        "add measurement OBX-23.1 = org.performing.name",
        'add measurement OBX-23.1 = "<b>|"',
    )
    out = tmp_path / f"report.{form}"
    assert call("diff", "--workspace", repository, "--format", form, "--out", out).exit_code == 2
    text = out.read_text()
    for word in ("OBX-3.3", "LNC", "larkspur", "stbrigid", "tamarack", "clinical"):
        assert word in text
    if form == "json":
        found = json.loads(text)
        assert found["severity"] == "clinical"
        assert {name for group in found["groups"] if group["changes"] for name in group["organisations"]} == {
            "larkspur",
            "stbrigid",
            "tamarack",
        }
        cases = [case for group in found["groups"] for case in group["cases"]]
        assert all(
            "^LNC" in case["after"] and "^LNC" not in case["before"] for case in cases if "final.ecg" in case["file"]
        )
    else:
        assert "<script>alert" not in text
        assert "<b>|" not in text
    if form == "html":
        assert "http" not in re.sub(r'http-equiv="[^"]*"', "", text), "the page fetches something"
        assert '>QRS duration</span>^<mark title="OBX-3 Observation Identifier">LNC</mark>' in text


@needs_git
def test_what_cannot_be_compared_gives_1(repository, tmp_path):
    for arguments in (["no-such-branch"], [tmp_path / "nowhere"], ["--formt", "json"], ["--org", "larkspurr"]):
        result = call("diff", *arguments, "--workspace", repository)
        assert result.exit_code == 1, arguments
        assert result.output
    assert "Did you mean larkspur?" in call("diff", "--org", "larkspurr", "--workspace", repository).output
    (repository / "review.yaml").write_text("approvers: {identity: two}\nmeaning: {}\n")
    result = call("diff", "--workspace", repository)
    assert result.exit_code == 1
    assert result.output.count("SW1080") == 2
    assert "Did you mean `meanings`?" in result.output


def test_without_git_a_folder_can_be_compared(tmp_path):
    root = copied(tmp_path / "workspace")
    edited(root, TABLES, *LN)
    assert call("diff", copied(tmp_path / "before"), "--workspace", root).exit_code == 2
    assert "is not in a git repository" in call("diff", "--workspace", root).output


@needs_git
def test_a_workspace_rates_places_of_its_own_and_only_graver(repository):
    edited(repository, TABLES, *LN)
    (repository / "review.yaml").write_text('meanings:\n  OBX-3: {severity: identity, why: "is how they file it"}\n')
    result = call("diff", "--workspace", repository)
    assert "the gravest change is identity and routing" in result.output
    (repository / "review.yaml").write_text('meanings:\n  OBX-3: {severity: cosmetic, why: "no matter"}\n')
    result = call("diff", "--workspace", repository)
    assert result.exit_code == 1
    assert "can only be made graver" in " ".join(result.output.split())


# --- approvals -------------------------------------------------------------------------------------------------------------


@needs_git
@needs_ssh_keygen
def test_four_eyes_approve_a_clinical_change_and_whatever_moves_lapses_it(repository, people):
    root = repository
    (root / "review.yaml").write_text("approvers: {identity: 1, clinical: 2}\n")
    assert people.verify(root, "larkspur").exit_code == 2
    git(root, "add", "-A")
    git(root, "commit", "-qm", "policy")
    assert people.approve(root, "alice", "larkspur", "stbrigid").exit_code == 0
    assert people.verify(root, "larkspur", "stbrigid").exit_code == 0
    # Layout lapses nothing.
    edited(root, TABLES, '  heart_rate   -> "8867-4"', '  # the pulse\n  heart_rate      ->   "8867-4"')
    assert people.verify(root, "larkspur").exit_code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "approved")
    # A code does, for exactly the message that it is in.
    edited(root, TABLES, *LN)
    result = people.verify(root, "larkspur")
    assert (result.exit_code, "the plan for ecg_result moved since it was approved" in result.output) == (2, True)
    git(root, "commit", "-qam", "LNC")
    found = call("diff", "approved", "--org", "larkspur", "--keys", people.trusted, "--workspace", root)
    assert found.exit_code == 2
    assert "LN → LNC" in found.output
    first = people.approve(root, "alice", "larkspur")
    assert first.exit_code == 2
    assert "rated clinical, needs 2 people" in first.output
    assert "is approved by 1 of 2 (alice@hospital.example)" in first.output
    assert people.approve(root, "alice", "larkspur").exit_code == 2, "one person is not two"
    assert people.approve(root, "bo", "larkspur").exit_code == 0
    assert people.verify(root, "larkspur").exit_code == 0
    lock = (root / "orgs/larkspur/approvals.lock").read_text()
    assert lock.count("\napprove ") == 3


@needs_git
@needs_ssh_keygen
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("orgs/larkspur/org.yaml", "application: ECGAI, facility", "application: ECGAJ, facility"),
        ("orgs/larkspur/org.yaml", "retry:             {first: 5s", "retry:             {first: 6s"),
        ("orgs/larkspur/org.yaml", "final: after sign-off", "final: yes"),
        ("mappings/shared/formats.seg", "  .4.2 = i.authority_id    optional\n  .4.3 = i.authority_type  optional", "  .4.2 = i.authority_type  optional\n  .4.3 = i.authority_id    optional"),
        ("mappings/messages/ecg_result.seg", '  ORC-1          = "RE"', '  ORC-1          = "OK"'),
    ],
)  # fmt: skip
def test_components_constants_settings_and_gates_lapse_an_approval(repository, people, file, old, new):
    assert people.approve(repository, "alice", "larkspur").exit_code == 0
    edited(repository, file, old, new)
    result = people.verify(repository, "larkspur")
    assert result.exit_code == 2, result.output
    assert "moved since it was approved" in result.output


@needs_git
@needs_ssh_keygen
def test_a_group_is_approved_at_once(repository, people):
    edited(repository, TABLES, *LN)
    result = call("diff", "--workspace", repository)
    groups = dict(re.findall(r"^  (g[0-9a-f]{8})  .* hospitals? · ([a-z, ]+)$", result.output, re.MULTILINE))
    (id, names) = next(iter(groups.items()))
    assert people.approve(repository, "alice", "--group", id).exit_code == 0
    assert people.verify(repository, *names.split(", ")).exit_code == 0
    result = people.approve(repository, "alice", "--group", "g00000000")
    assert result.exit_code == 1
    assert id in result.output


@needs_ssh_keygen
def test_tampering_and_strangers_are_refused_clearly(tmp_path, people):
    root = copied(tmp_path / "workspace")
    assert people.approve(root, "alice", "larkspur").exit_code == 0
    lock = root / "orgs/larkspur/approvals.lock"
    good = lock.read_text()
    for bad, reason in (
        (good.replace("rated=identity", "rated=cosmetic"), "line 2: the signature of an entry"),
        (good.replace("read it", "read not"), "line 2: the signature of an entry"),
        (re.sub(r"sig=.{40}", "sig=AAAA", good), "the signature of an entry"),
        (good + "approve larkspur production\n", "line 3: it is no line of a lock"),
    ):
        lock.write_text(bad)
        result = people.verify(root, "larkspur")
        assert result.exit_code == 1
        assert "orgs/larkspur/approvals.lock was tampered with or damaged" in result.output
        assert reason in result.output
    lock.write_text(good)
    # The lock of one hospital approves no other.
    (root / "orgs/northgate/approvals.lock").write_text(good)
    assert people.verify(root, "northgate").exit_code == 2
    result = people.approve(root, "eve", "larkspur")
    assert result.exit_code == 1
    assert "is not among the trusted ones" in result.output
    trusted = people.trusted.read_text()
    people.trusted.write_text(trusted.replace(" ssh-ed25519 AAAA", " ssh-ed25519 BBBB", 1))
    result = people.verify(root, "larkspur")
    assert (result.exit_code, "is not taken: line 1" in result.output) == (1, True)
    inside = root / "trusted"
    inside.write_text(trusted)
    result = call("approvals", "verify", "--keys", inside, "--workspace", root)
    assert (result.exit_code, "lies in the workspace" in result.output) == (1, True)
    assert call("approvals", "verify", "--workspace", root).exit_code == 1


@needs_ssh_keygen
def test_what_does_not_compile_or_is_not_there_is_not_signed(tmp_path, people):
    root = copied(tmp_path / "workspace")
    result = people.approve(root, "alice", "larkspur", "--environment", "staging")
    assert (result.exit_code, "has no environment staging; it has test, production" in result.output) == (1, True)
    assert people.approve(root, "alice", "larkspurr").exit_code == 1
    edited(root, "orgs/larkspur/org.yaml", "precision: second", "precision: week")
    result = people.approve(root, "alice", "larkspur")
    assert (result.exit_code, "larkspur does not compile" in result.output) == (1, True)
    assert "precision" in result.output
    assert people.verify(root, "larkspur").exit_code == 1
    assert not (root / "orgs/larkspur/approvals.lock").exists()


@needs_git
@needs_ssh_keygen
def test_approvals_of_a_server_s_accounts_are_imported_as_theirs(repository, people, tmp_path):
    root, server = repository, Key("review.hospital.example")
    signing = server_key(
        server.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
    )
    with people.trusted.open("a") as file:
        file.write(server.trusted('namespaces="segwright-accounts/larkspur"'))
    (root / "review.yaml").write_text("approvers: {identity: 2, clinical: 2}\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "policy")
    keys = ("--keys", people.trusted, "--workspace", root)
    document = decoded(call("diff", "approved", "--org", "larkspur", "--format", "json", *keys).output)
    (hospital,) = document.hospitals
    there = hospital.environments["production"]
    assert (hospital.severity, there.needs) == ("identity", 2)

    def entry(account: str, **changes: object) -> Entry:
        made = Entry(
            "approve", "larkspur", "production", there.items, hospital.severity or "cosmetic", there.needs,
            "2026-03-02T12:00:00Z", "seen on the page", "", document.revision,
        )  # fmt: skip
        return vouched(msgspec.structs.replace(made, **changes), account, signing)

    def take(*entries: Entry):
        (tmp_path / "export").write_text(exported(entries, server.name))
        return call("approvals", "import", tmp_path / "export", *keys)

    lock = root / "orgs/larkspur/approvals.lock"
    for bad, reason in (
        (entry("dr.chen", organisation="northgate"), "may not speak for accounts of northgate"),
        (entry("dr.chen", needs=1), "was signed as identity, to be approved by 1; what changes here is identity, and review.yaml asks for 2"),
        (entry("dr.chen", rated="cosmetic", needs=1), "signed as cosmetic"),
        (entry("dr.chen", items=dict.fromkeys(there.items, "0" * 64)), "is of another state of larkspur"),
        (entry("dr.chen", on="2999-01-01T00:00:00Z"), "is yet to come"),
        (entry("dr.chen", environment="staging"), "has no environment staging"),
        (msgspec.structs.replace(entry("dr.chen"), account="dr.okoye"), "line 2: the signature of an entry"),
    ):  # fmt: skip
        result = take(entry("dr.okoye"), bad) if "signature" not in reason else take(bad)
        assert (result.exit_code, reason in " ".join(result.output.split())) == (1, True), result.output
        assert not lock.exists()
    result = take(entry("dr.chen"))
    assert result.exit_code == 2, result.output
    assert "approved by dr.chen, as review.hospital.example says" in result.output
    assert "is approved by 1 of 2 (dr.chen)" in result.output
    assert take(entry("Dr.Chen", because="again")).exit_code == 2, "one person is not two"
    result = take(entry("dr.chen"), entry("dr.okoye"))
    assert result.exit_code == 0, result.output
    assert "(was there)" in result.output
    assert lock.read_text().count("\napprove ") == 3
    result = people.verify(root, "larkspur")
    assert (result.exit_code, result.output) == (0, "✓ larkspur in production: approved by dr.chen, dr.okoye\n")


@needs_ssh_keygen
def test_openssh_itself_verifies_what_a_lock_says(tmp_path, people):
    root = copied(tmp_path / "workspace")
    people.approve(root, "alice", "larkspur")
    line = (root / "orgs/larkspur/approvals.lock").read_text().splitlines()[1]
    payload, _, signature = line.rpartition(" sig=")
    armoured = tmp_path / "sig"
    armoured.write_text(
        "-----BEGIN SSH SIGNATURE-----\n"
        + "\n".join(re.findall(".{1,70}", signature))
        + "\n-----END SSH SIGNATURE-----\n"
    )
    subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", str(people.trusted), "-I", "alice@hospital.example", "-n", "segwright-approval", "-s", str(armoured)],
        input=payload.encode(), check=True, capture_output=True,
    )  # fmt: skip


# --- replay ----------------------------------------------------------------------------------------------------------------


@needs_git
def test_replay_tells_what_would_change_and_never_a_value(repository, tmp_path):
    recorded = tmp_path / "recorded"
    for name in ("larkspur", "northgate"):
        shutil.copytree(repository / "orgs" / name / "cases", recorded / "orgs" / name / "cases")
    edited(repository, TABLES, *LN)
    edited(
        repository,
        "mappings/messages/ecg_result.seg",
        "  OBR-4          = order.service ",
        "  OBR-4          = order.placer_number ",
    )
    result = call("replay", recorded, "--workspace", repository)
    assert result.exit_code == 2, result.output
    assert "OBX-3.3 Observation Identifier" in result.output
    assert "▒▒ (2 characters) → ▒▒▒ (3 characters)" in result.output
    assert "LNC" not in result.output
    assert "LV-70" not in result.output
    some = call("replay", recorded, "--last", 3, "--workspace", repository)
    assert some.output.startswith("3 recorded inputs")
    late = call("replay", recorded, "--since", "2031-01-01", "--workspace", repository)
    assert (late.exit_code, late.output[:20]) == (0, "0 recorded inputs th")
    assert call("replay", tmp_path / "nothing", "--workspace", repository).exit_code == 1


@needs_git
def test_replay_tells_new_failures_and_collisions_in_the_duplicate_guard(repository, tmp_path):
    recorded = tmp_path / "recorded"
    shutil.copytree(repository / "orgs/larkspur/cases", recorded / "orgs/larkspur/cases")
    edited(repository, "mappings/shared/parts.seg", "MSH-10   = message.control_id", 'MSH-10   = "ALWAYS-THE-SAME"')
    result = call("replay", recorded, "--workspace", repository)
    assert result.exit_code == 2, result.output
    assert "Collisions in the duplicate guard" in result.output
    assert "would have one control id" in result.output


# --- promotion and rollback ------------------------------------------------------------------------------------------------


@needs_git
@needs_ssh_keygen
def test_production_runs_what_ran_in_test_and_was_approved_and_goes_back(repository, people, tmp_path):
    root, deployed = repository, tmp_path / "deployed"

    def promote(environment: str, *arguments: object):
        return call(
            "promote",
            environment,
            deployed,
            *arguments,
            "--because",
            "go",
            "--keys",
            people.trusted,
            "--yes",
            "--workspace",
            root,
        )

    assert promote("production").exit_code == 1, "nothing runs in test"
    assert promote("test", "larkspur").exit_code == 0
    result = promote("production", "larkspur")
    assert (result.exit_code, "production runs only what was approved" in result.output) == (1, True)
    assert not (deployed / "production" / "current").exists()
    people.approve(root, "alice", "larkspur")
    assert promote("production", "larkspur").exit_code == 0
    assert "Nothing changes" in promote("production", "larkspur").output
    git(root, "add", "-A")
    git(root, "commit", "-qm", "approved")
    edited(root, TABLES, *LN)
    git(root, "commit", "-qam", "LNC")
    assert "larkspur: ecg_result (OBX-3)" in promote("test", "larkspur").output
    people.approve(root, "alice", "larkspur")
    assert promote("production", "larkspur", "--expects", 7).exit_code == 1
    assert promote("production", "larkspur", "--expects", 1).exit_code == 0
    # What is older does not replace what is newer by accident.
    git(root, "stash", "-u", "-q")
    git(root, "checkout", "-q", "HEAD~1")
    assert promote("test", "larkspur").exit_code == 0
    result = promote("production", "larkspur")
    assert (result.exit_code, "would undo it" in result.output) == (1, True)
    git(root, "checkout", "-q", "change")
    back = call(
        "rollback",
        "production",
        deployed,
        "--because",
        "they refuse LNC",
        "--keys",
        people.trusted,
        "--yes",
        "--workspace",
        root,
    )
    assert back.exit_code == 0, back.output
    assert "release 3, which is release 1 again changes:\n  larkspur: ecg_result (OBX-3)" in back.output
    assert (deployed / "production" / "current").read_text() == "3\n"
    # A bundle that is touched is no bundle.
    for plan in deployed.glob("bundles/*/manifest.json"):
        plan.write_bytes(plan.read_bytes().replace(b"larkspur", b"larkspux", 1))
    result = call(
        "rollback", "production", deployed, "--because", "again", "--keys", people.trusted, "--yes", "--workspace", root
    )
    assert (result.exit_code, "was changed after the bundle was made" in result.output) == (1, True)


@needs_git
@needs_ssh_keygen
def test_a_revocation_reaches_a_deployment_with_the_bundles_that_run(repository, people, tmp_path):
    deployed = tmp_path / "deployed"

    def promote(environment: str, *arguments: object):
        keys = ("--keys", people.trusted, "--workspace", repository, "--because", "because", "--yes")
        return call("promote", environment, deployed, *arguments, *keys)

    assert people.approve(repository, "alice", "larkspur").exit_code == 0
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "approved")
    assert promote("test", "larkspur").exit_code == 0
    assert promote("production", "larkspur").exit_code == 0
    assert "Nothing changes" in promote("production", "--locks").output
    before = current(deployed, "production")
    revoke = ("approvals", "revoke", "larkspur", "--because", "wrong units", "--key", people.folder / "bo")
    result = call(*revoke, "--keys", people.trusted, "--workspace", repository)
    assert (result.exit_code, "segwright promote production DIR --locks" in result.output) == (0, True)
    assert promote("production").exit_code == 1, "what was revoked is not promoted"
    result = promote("production", "--locks")
    assert (result.exit_code, "with entries that are new: 1 revoked" in result.output) == (0, True), result.output
    after = current(deployed, "production")
    assert before is not None
    assert after is not None
    assert after.organisations["larkspur"].bundle == before.organisations["larkspur"].bundle
    assert "\nrevoke larkspur production" in after.organisations["larkspur"].lock
    # Whoever takes the line out of the workspace takes it out of nothing that runs.
    git(repository, "checkout", "-q", "orgs/larkspur/approvals.lock")
    assert "Nothing changes" in promote("production", "--locks").output


def test_a_key_made_for_the_tests_is_what_openssh_would_trust():
    assert Key("alice").trusted().startswith("alice ssh-ed25519 AAAA")


@needs_git
def test_replay_takes_what_a_ledger_recorded(repository, tmp_path):
    from segwright.ledger import tables as t
    from segwright.ledger.migrate import upgrade
    from segwright.ledger.store import Store
    from tests.ledger.test_recorded import put

    cases = repository / "orgs/larkspur/cases"

    def filled(tx):
        order = put(
            tx,
            t.inbox,
            org="larkspur",
            type="ORM^O01",
            body=(cases / "order_new/order.hl7").read_bytes(),
            state="taken",
            at=1_000,
        )
        case = put(tx, t.case_, org="larkspur", opened_at=1_000)
        put(tx, t.order_, org="larkspur", case_id=case, part=1, inbox_id=order)
        lane = put(tx, t.lane, org="larkspur", destination="outbound")
        document = (cases / "final/result.json").read_bytes()
        revision = put(
            tx, t.revision, org="larkspur", case_id=case, result_id="R", version=1, kind="final", document=document
        )
        delivery = put(
            tx, t.delivery, org="larkspur", lane_id=lane, destination="outbound", message="ecg_result", case_id=case, part=1,
            kind="final", version=1, revision_id=revision,
        )  # fmt: skip
        put(
            tx,
            t.build,
            delivery_id=delivery,
            number=1,
            org="larkspur",
            destination="outbound",
            control_id="C1",
            live=True,
            at=2_000,
        )

    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(store)
    store.write(filled)
    store.close()
    settings = tmp_path / "settings.toml"
    settings.write_text('environment = "test"\nbundles = "bundles"\ndatabase = "sqlite:///ledger.db"\n')
    result = call("replay", "--settings", settings, "--workspace", repository)
    assert (result.exit_code, result.output) == (
        0,
        f"2 recorded inputs through {git(repository, 'rev-parse', 'HEAD')[:12]} and through the workspace: 2 give the same bytes.\n",
    )
    edited(repository, TABLES, *LN)
    result = call("replay", "--settings", settings, "--last", 1, "--workspace", repository)
    assert result.exit_code == 2
    assert "1  OBX-3.3 Observation Identifier" in result.output
