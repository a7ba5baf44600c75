"""The hospitals of the rows about the running system: bundles over the repository's own mappings, that take the benchmark's order
and are owed results.

`write(folder)` compiles them once; `lives(folder, …)` loads them, one bundle under as many ids as are wanted, so that sixteen
destinations are sixteen organisations with a lane each, as they are in service.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from segwright.core.diagnostic import errors
from segwright.core.render import render_text
from segwright.delivery import desk
from segwright.delivery.live import Live
from segwright.delivery.settings import Settings, parsed
from segwright.hl7.wire import open_message
from segwright.ledger import orders
from segwright.ledger import tables as t
from segwright.ledger.store import Tx
from segwright.plan.bundle import read_bundle
from segwright.plan.manifest import Listener
from segwright.service.bundling import write_bundles
from segwright.service.compiling import compile_workspace
from tests.bench import samples

ROOT: Final = Path(__file__).parents[2]
QUIET: Final = "northside"
"""Is sent results and nothing else."""
TALKATIVE: Final = "southside"
"""Is told of every order that it was accepted."""
DESTINATION: Final = "outbound"

_CONFIG: Final = r"""
organisation: {{id: {id}, name: Benchmark, layers: [message_structure]}}
times:        {{zone: America/Chicago, precision: second, offset: no, ambiguous: error}}
encoding:
  version: "2.4"
  charset: 8859/1
  unencodable: {{"–": "-", "’": "'"}}
  separators: '|^~\&'
  trailing: trim
  segment_end: CR
  limits: {{}}
sending:      {{application: ECGAI, facility: {{namespace: READING}}}}
receiving:    {{application: HEARTEHR, facility: {{namespace: NORTHSIDE}}}}
patient:      {{mrn_type: MR, mrn_pattern: 'N[0-9]{{7}}', authority: {{namespace: NORTHSIDE}}}}
providers:    {{local_type: XX, local_authority: {{namespace: NORTHSIDE}}}}
orders:       {{section: EC}}
observations: {{kinds: [heart_rate, pr_interval, qrs_duration, qt_interval, qtc_interval, qrs_axis]}}
narrative:    {{width: 60}}
diagnosis:    {{system: I10, dots: yes, maximum: 6, codes: icd10_subset.csv, suggestions: none}}
mandatory:
  ecg_result:   [PID-3.1, PID-5.1, ORC-2, ORC-3, OBR-2, OBR-3, OBR-25]
  order_status: [PID-3.1, ORC-2, ORC-5, OBR-4]
catalogue:
  ecg_order:    {{reads: [ORM^O01], orders: [new, change, cancel]}}
  ecg_result:
    writes:      ORU^R01
    kinds:       {{preliminary: yes, final: yes, corrected: yes, withdrawn: yes}}
    unsolicited: no
    message_per: order
  order_status:
    writes:      ORM^O01
    kinds:       {{accepted: {accepted}, in_progress: yes, completed: no, cancelled: yes}}
    message_per: order
delivery:        {{when_uncertain: resend, retry: {{first: 2s, most: 5m, for: 12h}}, unsent_final: as final}}
acknowledgement: {{accept: NE, application: AL, answer_within: 30s}}
environments:
  test:
    processing_id: T
    outbound:      {{mllp: "ehr.bench.example:1", tls: {{identity: env:NONE}}}}
    inbound:       {{listener: {id}}}
  production:
    processing_id: P
    outbound:      {{mllp: "ehr.bench.example:2", tls: {{identity: env:NONE}}}}
    inbound:       {{listener: {id}-production}}
"""
_OVERLAY: Final = """overlay organisation
for reason "the benchmark knows clinicians by their staff number alone"
  override OBR-16[local] = inherited required
  remove   OBR-16[npi]
end
override PV1-2 = inherited else "O"       because "the benchmark is sent patients without a class"
override PID-5.1 = inherited required     because "a patient without a family name is refused"
"""


def write(folder: Path) -> None:
    """Compiles the hospitals into `FOLDER/bundles`. Ends the program when they do not compile."""
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "mappings", workspace / "mappings")
    for unused in ("ecg_charge", "order_status_omg"):
        (workspace / "mappings" / "messages" / f"{unused}.seg").unlink()
    (workspace / "orgs").mkdir()
    shutil.copy(ROOT / "orgs" / "schema.yaml", workspace / "orgs")
    for name, accepted in ((QUIET, "no"), (TALKATIVE, "yes")):
        home = workspace / "orgs" / name
        home.mkdir()
        (home / "org.yaml").write_text(_CONFIG.format(id=name, accepted=accepted), encoding="utf-8")
        (home / "organisation.seg").write_text(_OVERLAY, encoding="utf-8")
        shutil.copy(ROOT / "orgs" / "stbrigid" / "icd10_subset.csv", home)
    compiled = compile_workspace(workspace)
    if errors(compiled.found):
        raise SystemExit(render_text(compiled.found, compiled.sources))
    for made in compiled.organisations.values():
        write_bundles(folder / "bundles", made, compiled.sources)


def ids(name: str, count: int) -> tuple[str, ...]:
    """The ids of so many organisations that are all like one."""
    return tuple(f"{name}{number}" for number in range(count))


def lives(folder: Path, name: str, count: int) -> dict[str, Live]:
    """One bundle under as many ids, each with a listener of its own."""
    bundle = read_bundle(folder / "bundles" / name / "test", organisation=name, environment="test")
    first: Live | None = None
    found = {}
    for org in ids(name, count):
        listener: Listener = msgspec.structs.replace(bundle.manifest.listener, name=org)
        manifest = msgspec.structs.replace(bundle.manifest, organisation=org, listener=listener)
        live = Live(msgspec.structs.replace(bundle, manifest=manifest))
        if first is None:
            first = live
            for entry in manifest.catalogue:
                live.plan(entry.plan)
        live._loaded = first._loaded
        found[org] = live
    return found


def settings(orgs: tuple[str, ...], database: str, receiver: int, *, listen: bool) -> Settings:
    """A server for these organisations: free ports to listen on, and all that goes out to one port of this machine."""
    text = f'environment = "test"\nbundles = "bundles"\ndatabase = {json.dumps(database)}\n'
    for org in orgs:
        if listen:
            text += f'[listeners.{org}]\naddress = "127.0.0.1:0"\nnetworks = ["127.0.0.0/8"]\n'
        text += f'[instead.{org}.{DESTINATION}]\naddress = "127.0.0.1:{receiver}"\n'
    return parsed(text.encode(), "the benchmark's settings")


# --- what comes and goes -----------------------------------------------------------------------------------------------

_ORDER: Final = samples.ORDER.replace("|P|2.4|", "|T|2.4|").encode("latin-1")
_CONTROL_ID, _PLACER = b"ORD20260302081500042", b"P7740019"


def order(number: int) -> bytes:
    """The benchmark's order of 22 segments as one with its own numbers. Its MSH-10 is `control_id(number)`."""
    return _ORDER.replace(_CONTROL_ID, control_id(number)).replace(_PLACER, b"P%09d" % number)


def control_id(number: int) -> bytes:
    """The MSH-10 of an order."""
    return b"O%09d" % number


@cache
def _result() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "orgs" / "stbrigid" / "cases" / "final" / "result.json").read_bytes())
    return found


def submission(number: int) -> desk.Submission:
    """The final result of an order."""
    document = {**_result(), "id": f"R{number}", "study": f"S{number}", "version": 1}
    return desk.Submission(
        msgspec.Raw(msgspec.json.encode(document)), desk.OrderReference(placer=f"P{number:09}^HEARTEHR")
    )


def owe(tx: Tx, live: Live, number: int) -> None:
    """Puts one result in line for an organisation: its order taken, its result submitted, its message frozen."""
    from segwright.delivery import intake

    data = order(number)
    judged = intake.judge(live, intake.Came(data, "bench", tx.now, "A1"))
    if judged.orders is None:
        raise SystemExit(f"the order of the benchmark is refused: {judged.arrival.reason}")
    kept = tx.insert(
        t.inbox, org=live.org, listener="bench", sender="s", control_id=f"O{number}", type="ORM^O01", body_hash="-", body=data,
        state="taken", code="AA", answer=b"", reason="", at=tx.now,
    )  # fmt: skip
    orders.take(tx, live, kept, judged.orders)
    taken = desk.submit(tx, live, submission(number), "order", "bench")
    if taken.outcome != "new" or len(taken.deliveries) != 1:
        raise SystemExit("the result of the benchmark is owed no message, or more than one")


def fields_of(data: bytes) -> int:
    """Segments of a message: what goes out is about as long as what comes in."""
    return len(open_message(data).segments)
