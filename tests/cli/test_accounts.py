"""`segwright accounts`, as an administrator of the server types it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from segwright.accounts import directory
from segwright.accounts.passwords import fits
from segwright.accounts.signing_in import kept
from segwright.cli.main import cli
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store, Tx

PASSWORD = "a heron stands in shallow water"


def _organisations(tx: Tx) -> None:
    for org in ("mercy", "stluke"):
        tx.insert_new(t.installed, org=org, bundle="b", policy="p", destinations="{}", kinds="{}", at=1)


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(opened)
    opened.write(_organisations)
    yield opened
    opened.close()


@pytest.fixture
def run(tmp_path, store):
    settings = tmp_path / "settings.toml"
    settings.write_text('environment = "test"\nbundles = "bundles"\ndatabase = "sqlite:///ledger.db"\n')
    (tmp_path / "password").write_text(PASSWORD + "\n")

    def running(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["accounts", *arguments, "--settings", str(settings)])
        return result.exit_code, " ".join(result.output.split())

    return running


def test_the_first_administrator_is_made_and_may_sign_in(run, store, tmp_path):
    assert "no account yet: segwright accounts add" in run("list")[1]
    file = str(tmp_path / "password")
    code, said = run(
        "add", "Anna", "--as", "Anna Ruiz", "--role", "administrator", "--org", "mercy", "--password-file", file
    )
    assert (code, said) == (0, "anna may sign in; mercy: administrator")
    assert fits(store.read(lambda tx: kept(tx, "anna")).password, PASSWORD)
    assert not fits(store.read(lambda tx: kept(tx, "anna")).password, PASSWORD + " ")
    (listed,) = json.loads(run("list", "--format", "json")[1])
    assert (listed["shown_as"], listed["grants"]) == ("Anna Ruiz", [{"org": "mercy", "role": "administrator"}])
    assert "argon2" not in run("list", "--format", "json")[1]


def test_roles_are_given_and_taken_back_and_each_is_written_down(run, store, tmp_path):
    run("add", "anna", "--role", "administrator", "--org", "mercy", "--password-file", str(tmp_path / "password"))
    assert run("grant", "anna", "--role", "clinician", "--org", "mercy", "--org", "stluke")[0] == 0
    assert run("revoke", "anna", "--role", "clinician", "--org", "mercy") == (
        0, "done: anna, active; mercy: administrator; stluke: clinician",
    )  # fmt: skip
    code, said = run("revoke", "anna", "--role", "administrator", "--org", "mercy")
    assert (code, said) == (1, "This is the last administrator of mercy: make somebody else one first.")
    kinds = [row.kind for row in store.read(lambda tx: tx.all(t.event.select().where(t.event.c.chain == "org:mercy")))]
    assert kinds == ["account added", "role granted", "role granted", "role taken back"]


def test_a_disabled_account_keeps_its_name_and_comes_back(run, store, tmp_path):
    run("add", "ben", "--role", "clinician", "--org", "mercy", "--password-file", str(tmp_path / "password"))
    assert run("disable", "ben")[0] == 0
    assert store.read(lambda tx: kept(tx, "ben")).password == ""
    assert "disabled" in run("list")[1]
    assert run("enable", "ben")[0] == 0
    assert store.read(lambda tx: directory.named(tx, "ben")).state == "active"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "anna", "--role", "clinician"], "give --role and --org together"),
        (["add", "an na", "--password-file", "{password}"], "A name has letters, digits"),
        (["add", "anna", "--role", "clinician", "--org", "merci", "--password-file", "{password}"], "it knows mercy, stluke"),
        (["add", "anna", "--password-file", "{nowhere}"], "cannot be read (No such file or directory)"),
        (["add", "anna", "--password-file", "{short}"], "at least 12 characters"),
        (["add", "anna"], "name a file with --password-file"),
        (["add", "anna", "--no-password", "--password-file", "{password}"], "say opposite things"),
        (["add", "anna", "--role", "doctor", "--org", "mercy"], "'clinician'"),
        (["grant", "nobody", "--role", "clinician", "--org", "mercy"], "There is no account 'nobody'."),
        (["bind", "nobody", "subject"], "name it with --issuer"),
        (["password", "nobody", "--password-file", "{password}"], "There is no account 'nobody'."),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_what_to_do(run, tmp_path, arguments, said):
    (tmp_path / "short").write_text("short\n")
    places = {name: str(tmp_path / name) for name in ("password", "nowhere", "short")}
    code, output = run(*(argument.format(**places) for argument in arguments))
    assert code in (1, 2)
    assert said in output


def test_a_password_is_never_an_argument(run):
    assert "--password TEXT" not in run("add", "--help")[1]
    assert "--password-file FILE" in run("add", "--help")[1]


def test_how_a_clinician_signs_is_kept_and_a_number_with_a_slip_is_refused(run, store, tmp_path):
    from segwright.accounts import signers

    run("add", "ben", "--role", "clinician", "--org", "mercy", "--password-file", str(tmp_path / "password"))
    code, said = run("signer", "ben", "--org", "mercy", "given=BEN", "npi=1999000032")
    assert (code, "This is no NPI" in said) == (1, True)
    assert run("signer", "ben", "--org", "nowhere", "given=BEN")[0] == 1
    assert run("signer", "ben", "--org", "mercy", "BEN")[0] == 2
    assert run("signer", "ben", "--org", "mercy", "given=BEN", "npi=1999000031")[0] == 0
    number = store.read(lambda tx: directory.named(tx, "ben")).id
    assert store.read(lambda tx: signers.signer(tx, number, "mercy")) == b'{"given":"BEN","npi":"1999000031"}'
    assert store.read(lambda tx: signers.signer(tx, number, "stluke")) is None
