"""Files as they really are at times: empty, binary, half written, huge, not there. Every command meets every one of them.

None makes a traceback; a command that needs the file says what is wrong with it, any other does its work. The workspace is as small
as one can be, and commands run in this process, so that all of it takes seconds. What would serve or send until it is stopped
(`serve`, `worker`, `simulate`) ends as soon as it would begin.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segwright.cli.main import COMMANDS
from tests.cli.conftest import call

CLINIC = Path(__file__).parents[1] / "lang" / "clinic"
SCHEMA = Path(__file__).parents[2] / "orgs" / "schema.yaml"
ORG, CASES = "orgs/clinic", "orgs/clinic/cases"
FILES = (
    "mappings/model.seg", "mappings/result.seg", "mappings/shared.seg", "orgs/schema.yaml", f"{ORG}/org.yaml", f"{ORG}/result.seg",
    f"{ORG}/rooms.csv", f"{ORG}/approvals.lock", f"{CASES}/final/case.yaml", f"{CASES}/final/result.json",
    f"{CASES}/order_new/order.hl7", "snapshots/clinic/final.result.hl7", "review.yaml",
)  # fmt: skip
RUNNING = (
    ".segwright/settings.toml", ".segwright/ledger.db", ".segwright/sample.token", ".segwright/sample.jsonl",
    ".segwright/bundles/sample/test/manifest.json",
)  # fmt: skip
"""What a server keeps beside its workspace; the plans of its bundle are met, too."""

ORDER = "MSH|^~\\&|EHR|C|ECGAI|LAB|20260302093000||ORM^O01|1|T|2.5.1\rPID|1||12||A\rORC|NW|7\rOBR|1|7||E^ECG\r"
RESULT = {
    "status": "final", "study": "S", "issued_at": "2026-03-02T10:00:00-06:00", "comment": "1", "urgent": False,
    "measurements": [{"kind": "heart_rate", "value": {"value": 60, "unit": "/min"}}], "comments": [],
}  # fmt: skip
CONFIG = """\
organisation: {id: clinic, name: Clinic, layers: []}
times:        {zone: America/Chicago, precision: second, offset: no, ambiguous: error}
encoding:     {version: 2.5.1, charset: ASCII, unencodable: {}, separators: '|^~\\&', trailing: trim, segment_end: CR, limits: {}}
sending:      {application: ECGAI, facility: {namespace: LAB}}
receiving:    {application: EHR, facility: {namespace: CLINIC}}
patient:      {mrn_type: MR, mrn_pattern: "[0-9]+", authority: {namespace: CLINIC}}
observations: {kinds: [heart_rate]}
narrative:    {width: 72}
mandatory:    {}
catalogue:
  order:  {reads: [ORM^O01], orders: [new]}
  result: {writes: ORU^R01, kinds: {preliminary: no, final: yes, corrected: no, withdrawn: no}, unsolicited: no, message_per: order}
delivery:        {when_uncertain: hold, retry: {first: 5s, most: 10m, for: 24h}}
acknowledgement: {accept: AL, application: NE, answer_within: 30s}
environments:
  test:       {processing_id: T, outbound: {mllp: "test.clinic.example:1", tls: {identity: env:T}}, inbound: {listener: clinic-test}}
  production: {processing_id: P, outbound: {mllp: "clinic.example:1", tls: {identity: env:P}}, inbound: {listener: clinic}}
"""
MADE = {
    f"{ORG}/org.yaml": CONFIG,
    f"{ORG}/result.seg": 'overlay result\n\noverride NTE-1 = rooms.value("1")\n  because "guide"\n\n'
    'table rooms: text -> value: text from org "rooms.csv"\n',
    f"{ORG}/rooms.csv": "code,value\n1,2\n",
    f"{ORG}/approvals.lock": "# none yet\n",
    f"{CASES}/order_new/case.yaml": "message: order\nenvironment: test\n",
    f"{CASES}/order_new/order.hl7": ORDER,
    f"{CASES}/final/case.yaml": 'message: result\nenvironment: test\nat: "2026-03-02T10:00:00-06:00"\ncontrol_id: "1"\n'
    "order: ../order_new/order.hl7\n",
    f"{CASES}/final/result.json": json.dumps(RESULT),
    "review.yaml": "approvers: {identity: 2}\n",
}


def _write(data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def _half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 2**20)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


KINDS: dict[str, Callable[[Path], None]] = {
    "empty": _write(b""),
    "binary": _write(bytes(range(256)) * 8),
    "utf16": _write("overlay ecg_result".encode("utf-16")),
    "half": _half,
    "huge": _huge,
    "deep": _write(b"[({" * 10_000),
    "folder": _folder,
    "link": _link,
    "pipe": _pipe,
    "away": Path.unlink,
    "rtf": _write(b"{\\rtf1\\ansi MSH|^~\\&|}"),
    "control": _write(b"\x1b[2Jmapping \x07m writes ORU^R01\n"),
}


EDITION = ("--edition", "2027", "--from", "2026-10-01", "--until", "2027-09-30")
NOT_OF_FILES = frozenset({"explain", "init"})
"""Commands that read no file of a workspace."""


def of_a_workspace(root: Path, good: Path) -> dict[str, list[list[object]]]:
    """What each command is called with in a workspace; `good` is the same one in order."""
    order, result = root / CASES / "order_new" / "order.hl7", root / CASES / "final" / "result.json"
    release = root / "release"
    because = ["--because", "a test", "--yes", "--keys", root / "keys"]
    return {
        "approvals": [["approvals", "verify", "--keys", root / "keys"]],
        "approve": [["approve", "clinic", *because, "--key", root / "key"]],
        "cases": [["cases", "suggest", "clinic"]],
        "check": [["check"], ["check", "--fix", "--format", "sarif"]],
        "codes": [["codes", "import", result, *EDITION, "--into", root / "codes"], ["codes", "import", order, *EDITION, "--into", root]],
        "compile": [["compile", "--out", root / "out"]],
        "diff": [["diff", good]],
        "fmt": [["fmt", "--check"]],
        "promote": [["promote", "test", release, *because]],
        "propose": [["propose", good, "--because", "a test", "--server", "http://127.0.0.1:1", "--token-file", order]],
        "read": [["read", "clinic", order]],
        "render": [["render", "clinic", "result", "--order", order, "--result", result]],
        "replay": [["replay", root, "--against", good]],
        "rollback": [["rollback", "test", release, *because]],
        "schema": [["schema", "result"]],
        "show": [["show", "clinic", "result"]],
        "test": [["test", "--coverage"], ["test", "--update"]],
        "unused": [["unused", "clinic"]],
        "watch": [["watch", "clinic", "result", "--case", "final", "--once"]],
        "why": [["why", "clinic", "result", "PID", "--case", "final"], ["why", "clinic", "order", "patient.mrn", "--order", order]],
        "why-not": [["why-not", "clinic", "result", "OBX-8", "--case", "final"]],
    }  # fmt: skip


def of_a_server(root: Path) -> dict[str, list[list[object]]]:
    """What the commands of a running system are called with."""
    settings: list[object] = ["--settings", root / ".segwright" / "settings.toml"]
    reason = ["--reason", "a test", "--yes"]
    return {
        "accounts": [["accounts", "list"]],
        "allow": [["allow", "sample", "--kind", "ecg_result/final", *reason]],
        "audit": [["audit", "verify"], ["audit", "heads"]],
        "lanes": [["lanes", "list"], ["lanes", "pause", "sample", "outbound", *reason]],
        "ledger": [["ledger", "list"], ["ledger", "why", "sample", "1"], ["ledger", "show", "sample", "1"]],
        "migrate": [["migrate", "status"], ["migrate", "up"]],
        "orders": [["orders", "list"]],
        "quarantine": [["quarantine", "list"]],
        "replay": [["replay"]],
        "serve": [["serve", *settings]],
        "simulate": [["simulate", "sample", "--for", "0"], ["simulate", "sample", "--show"]],
        "stop": [["stop", "sample", "--kind", "ecg_result/final", *reason]],
        "worker": [["worker", *settings]],
    }


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """A workspace in order, its cases locked."""
    root = tmp_path_factory.mktemp("small") / "workspace"
    shutil.copytree(CLINIC, root)
    for name, text in MADE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    shutil.copy(SCHEMA, root / "orgs" / "schema.yaml")
    shared = root / "mappings" / "shared.seg"
    shared.write_text(
        shared.read_text()
        .replace("org.sending.facility", "org.sending.facility.namespace")
        .replace("    PID-5.1", "    PID-3.4.1 = org.patient.authority.namespace\n    PID-5.1")
    )
    locked = call("test", "--update", "--workspace", root)
    assert locked.exit_code == 0, locked.output
    assert all((root / name).is_file() for name in FILES)
    return root


async def _nothing(*_: object, **__: object) -> None:
    pass


@pytest.fixture
def _ends_at_once(monkeypatch) -> None:
    from segwright.simulation.hospital import Hospital
    from segwright.web import serving

    monkeypatch.setattr(serving, "serve", _nothing)
    monkeypatch.setattr(serving, "work", _nothing)
    monkeypatch.setattr(Hospital, "start", _nothing)


def called(line: list[object], root: Path) -> None:
    """Calls a command and looks at what it says."""
    result = call(*line, *(() if line[0] == "codes" else ("--workspace", root)))
    said = result.output + result.stderr
    # 2: something changes or is not approved, or a place that is no folder or file was named.
    assert result.exit_code in (0, 1, 2), (line, said)
    assert "Traceback" not in said, line
    assert "\x1b" not in said, line
    assert said or result.exit_code == 0, line


ALL = bool(os.environ.get("SEGWRIGHT_ALL_BAD_FILES"))
GIVEN = ("order.hl7", "result.json")  # a pipe that somebody names is read, as every command does


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_makes_no_traceback_in_any_command_of_a_workspace(kind: str, small: Path, tmp_path: Path) -> None:
    """Every kind in every command, every file in every command and every kind in every file; of the three together every other one,
    or all with SEGWRIGHT_ALL_BAD_FILES=1."""
    shift = list(KINDS).index(kind)
    for number, file in enumerate(FILES):
        if kind == "pipe" and file.endswith(GIVEN):
            continue
        root = Path(shutil.copytree(small, tmp_path / str(number)))
        KINDS[kind](root / file)
        for turn, lines in enumerate(of_a_workspace(root, small).values()):
            if (number + shift + turn) % 2 == 0 or ALL:
                for line in lines:
                    called(line, root)


@pytest.fixture(scope="session")
def served(made, tmp_path_factory) -> Path:
    """A workspace with everything that a server keeps."""
    from segwright.web import serving

    root = Path(shutil.copytree(made, tmp_path_factory.mktemp("served") / "workspace"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "serve", _nothing)
        result = call("serve", "--workspace", root)
    assert result.exit_code == 0, result.output
    (root / ".segwright" / "sample.jsonl").write_text("")
    assert all((root / name).is_file() for name in RUNNING), sorted((root / ".segwright").rglob("*"))
    return root


@pytest.mark.usefixtures("_ends_at_once")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pipe"])  # what settings name is read, a pipe too
def test_a_bad_file_makes_no_traceback_in_any_command_of_a_server(kind: str, served: Path, tmp_path: Path) -> None:
    plan = next(path for path in (served / RUNNING[-1]).parent.rglob("*.json") if path.name != "manifest.json")
    for number, file in enumerate((*RUNNING, plan.relative_to(served).as_posix())):
        root = Path(shutil.copytree(served, tmp_path / str(number)))
        settings = root / ".segwright" / "settings.toml"
        settings.write_text(settings.read_text().replace(str(served), str(root)))
        KINDS[kind](root / file)
        for lines in of_a_server(root).values():
            for line in lines:
                called(line, root)


def test_every_command_is_called() -> None:
    root = Path("workspace")
    assert set(COMMANDS) == {*of_a_workspace(root, root), *of_a_server(root), *NOT_OF_FILES}, (
        "say in this file how the command is called"
    )


def test_what_is_wrong_with_a_file_is_said_with_its_code(small: Path, tmp_path: Path) -> None:
    """Of the commands that compile, whatever needs the file: not a word less than `check` would say."""
    for number, file in enumerate(FILES[:6]):
        root = Path(shutil.copytree(small, tmp_path / str(number)))
        KINDS["binary"](root / file)
        for name in ("check", "compile", "read", "render", "show", "watch", "why"):
            for line in of_a_workspace(root, small)[name]:
                result = call(*line, "--workspace", root)
                assert result.exit_code == 1, line
                assert "[SW07" in result.output or '"SW07' in result.output, (line, file, result.output)


@pytest.mark.parametrize("missing", ["mappings", "orgs", ORG, CASES, "snapshots"])
def test_a_folder_that_is_gone_makes_no_traceback_either(missing: str, small: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(small, tmp_path / "workspace"))
    shutil.rmtree(root / missing)
    for lines in of_a_workspace(root, small).values():
        for line in lines:
            called(line, root)
