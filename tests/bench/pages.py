"""The rows about the pages: what each costs in a ledger that grows to a million deliveries, and fifty clinicians at once.

One organisation has the whole ledger, which is the hardest case: whatever reads all of an organisation reads everything. Its
documents are those of one real study that a server took, wrote and delivered before (`_stock`); `growth` makes them many. Studies
that wait are made as in service: an order over MLLP, a result over the API, each of a patient of its own. The server is a process of
`segwright serve` with all its duties; its hospital answers at once. Times are those of whole requests over HTTP, as a browser on the
same machine has them; what was answered is looked at before it counts. Sizes are set as docs/performance.md says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

import httpx2
import sqlalchemy as sa

from segwright.accounts import signers
from segwright.ledger import studies
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store, Tx
from segwright.service.bundling import write_bundles
from segwright.service.compiling import compile_workspace
from tests import postgres
from tests.bench.growth import EACH, Grown, Stock
from tests.bench.running import cpu
from tests.pages.people import PASSWORD, People
from tests.web.servers import ROOT, Server, eventually, order_message, preliminary, signer

Figures = dict[str, Any]

ORG: Final = "larkspur"
SIZES: Final = tuple(sorted({10_000, int(os.environ.get("SEGWRIGHT_BENCH_LEDGER", "100000"))}))
CLINICIANS: Final = int(os.environ.get("SEGWRIGHT_BENCH_CLINICIANS", "50"))
STUDIES: Final = int(os.environ.get("SEGWRIGHT_BENCH_STUDIES", "4"))
"""Studies that each clinician signs: half of them with pauses, half without."""
PAUSE: Final = float(os.environ.get("SEGWRIGHT_BENCH_PAUSE", "1"))
TURNS: Final = int(os.environ.get("SEGWRIGHT_BENCH_LOOKS", "30"))
KEYSTROKES: Final = ("a", "atr", "atrial fib")
SLOWEST_PAGE: Final = 100.0
"""The goal for the median of every page, in ms: what a person feels as at once."""

_MRN: Final = "00417733"
_SEEN: Final = re.compile(r'name="seen" value="([^"]+)"')
_CSRF: Final = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
_CODE: Final = re.compile(r'name="code" value="([^"]+)"')


# --- the ledger ---------------------------------------------------------------------------------------------------------------


def _bundles(folder: Path) -> Path:
    compiled = compile_workspace(ROOT, [ORG])
    for made in compiled.organisations.values():
        write_bundles(folder / "bundles", made, compiled.sources)
    return folder / "bundles"


@contextlib.contextmanager
def _serving(folder: Path, database: str, bundles: Path) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    server = Server(folder, database, bundles, organisations=[ORG]).start()
    try:
        yield server
    finally:
        server.close()


def _send_in(server: Server, number: int) -> None:
    """One study that waits: the hospital orders it, the platform reads it."""
    given = {_MRN: f"{number:08}"} if number else {}
    server.order(ORG, order_message(ORG, number, **given))
    body = {"result": preliminary(ORG, number), "order": {"placer": f"LV-700101-{number}^LVMCEHR"}}

    def posted() -> bool:
        with server.client(ORG) as api:
            return api.post("/v1/results", json=body).status_code in (200, 201)

    eventually(posted)  # the order is worked off a moment after it was answered


def _stock(folder: Path, bundles: Path) -> Stock:
    """The documents of one study that was ordered, read, signed and filed."""
    database = f"sqlite:///{folder / 'one.db'}"
    with _serving(folder / "one", database, bundles) as server:
        _send_in(server, 1)
        result = f"R-{ORG}-1"
        with server.client(ORG) as api:
            shown = api.get(f"/v1/results/{result}/shown", params={"act": "sign"}).json()["shown"]
            code = api.get("/v1/diagnoses", params={"limit": 1}).json()["diagnoses"][0]["code"]
            body = {"shown": shown, "signed_by": signer(ORG), "diagnoses": [code]}
            assert api.post(f"/v1/results/{result}/sign", json=body).status_code == 200
        store = Store(database, connections=1)

        def filed() -> Stock | None:
            return store.read(_documents)

        found = eventually(filed)
        store.close()
    assert isinstance(found, Stock)
    return found


def _documents(tx: Tx) -> Stock | None:
    final = (t.delivery.c.kind == "final", t.delivery.c.state == "confirmed")
    delivery = tx.first(sa.select(t.delivery).where(*final))
    if delivery is None:
        return None

    def first(table: sa.Table, *where: sa.ColumnElement[bool]) -> Any:
        found = tx.first(sa.select(table).where(*where))
        assert found is not None, f"{table.name} is empty"
        return found

    build, order, came = first(t.build, t.build.c.delivery_id == delivery.id), first(t.order_), first(t.inbox)
    acknowledged, signed, result = first(t.answer), first(t.signoff), first(t.revision)
    return Stock(
        organisations=(ORG,), message=delivery.message, plan=delivery.plan, address=build.address, came=bytes(came.body),
        order=bytes(order.document), patient=bytes(order.patient), result=bytes(result.document), signed=bytes(signed.document),
        sent=bytes(build.body), acknowledged=bytes(acknowledged.body), states=("held", "rejected", "needs_decision", "held"),
        arrivals=("taken", "quarantined", "taken", "taken"), studies=("signed",), patients=5, until=int(time.time() * 1000),
    )  # fmt: skip


def _grown(database: str, stock: Stock, deliveries: int) -> None:
    store = Store(database, connections=1)
    upgrade(store)
    Grown(store, stock).grow(deliveries * EACH)
    store.close()


# --- each page alone ------------------------------------------------------------------------------------------------------------


class Visitor:
    """A browser without a screen, signed in as an account. It goes to a page, or sends a form, and looks whether that was answered as
    it should be."""

    def __init__(self, people: People, name: str) -> None:
        self.http = httpx2.Client(base_url=people.server.url, timeout=60, headers={"Accept": "text/html"})
        self.http.cookies.set("segwright", people.token(name))
        self.csrf = _found(_CSRF, self.http.get("/account").text)

    def get(self, path: str, wanted: str = "") -> str:
        return self._looked(self.http.get(path), wanted)

    def post(self, path: str, form: dict[str, Any], wanted: str = "", *, htmx: bool = False) -> str:
        headers = {"HX-Request": "true"} if htmx else {}
        return self._looked(self.http.post(path, data={"csrf": self.csrf, **form}, headers=headers), wanted)

    def _looked(self, answer: httpx2.Response, wanted: str) -> str:
        if answer.status_code != 200 or wanted not in answer.text:
            raise SystemExit(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
        return answer.text


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise SystemExit(f"{pattern.pattern} is not on the page")
    return found[1]


def _signs(people: People, name: str) -> None:
    """An account that may sign."""
    account = people.person(name, (ORG, "clinician"))
    document = json.dumps(signer(ORG)).encode()
    people.store.write(lambda tx: signers.set_signer(tx, account.id, ORG, document, "bench"))


def _pages(people: People, deliveries: int, waiting: int) -> dict[str, Callable[[], object]]:
    """Every page by what it shows. `waiting`: a study that waits."""
    _signs(people, "clinician.alone")
    clinician, operator = Visitor(people, "clinician.alone"), Visitor(people, f"operator.{ORG}")
    reviewer = Visitor(people, f"reviewer.{ORG}")
    org, board = f"/o/{ORG}", f"/o/{ORG}/board"
    study, done = f"{org}/studies/{waiting}", deliveries - 5_000
    """A delivered one, among those with documents that can be read."""
    words = iter(range(10**9))

    def keystroke() -> str:
        typed = KEYSTROKES[next(words) % len(KEYSTROKES)]
        return clinician.post(f"{study}/draft", {"act": "sign", "q": typed}, 'class="hits"', htmx=True)

    def draft() -> str:
        return clinician.post(f"{study}/draft", {"act": "sign", "interpretation": "Sinus rhythm."}, htmx=True)

    clinician.post(f"{study}/draft", {"act": "sign", "do": "add:I10"}, "I10", htmx=True)
    clinician.get(f"{org}/worklist")  # begins to build what a search of all codes needs
    clinician.post(f"{study}/draft", {"act": "sign", "q": "pain in thoracic spine"}, "ICD-10-CM there is", htmx=True)
    return {
        "clinician: worklist": lambda: clinician.get(f"{org}/worklist", "/studies/"),
        "clinician: worklist, signed": lambda: clinician.get(f"{org}/worklist?tab=signed", "/studies/"),
        "clinician: whether something came": lambda: clinician.get(f"{org}/worklist/news?newest=1"),
        "clinician: a study": lambda: clinician.get(study, "Billing codes"),
        "clinician: a study that was signed": lambda: clinician.get(f"{org}/studies/{done}", "Signed by"),
        "clinician: a keystroke of a code search": keystroke,
        "clinician: a keystroke of the interpretation": draft,
        "clinician: what signing sends": lambda: clinician.get(f"{study}/sign", 'name="seen"'),
        "clinician: says that the page is open": lambda: clinician.get(f"{study}/presence?revision=1"),
        "operator: board": lambda: operator.get(board, "outbound"),
        "operator: board, what changes": lambda: operator.get(f"{board}/now", "outbound"),
        "operator: deliveries that are open": lambda: operator.get(f"{board}/deliveries", "/deliveries/"),
        "operator: all deliveries": lambda: operator.get(f"{board}/deliveries?show=everything", "/deliveries/"),
        "operator: all deliveries, further down": lambda: operator.get(
            f"{board}/deliveries?show=everything&before={deliveries // 2}", "/deliveries/"
        ),
        "operator: the story of a delivery": lambda: operator.get(f"{board}/deliveries/{done}", "MSH"),
        "operator: the same, opened": lambda: operator.post(f"{board}/deliveries/{done}/open", {}, "JUNIPER"),
        "operator: orders": lambda: operator.get(f"{board}/orders", "/orders/"),
        "operator: search by an order's number": lambda: operator.post(
            f"{board}/orders", {"number": f"P{done}"}, "/orders/"
        ),
        "operator: search by a control id": lambda: operator.post(
            f"{board}/orders", {"number": f"B{done}"}, "/deliveries/"
        ),
        "operator: search by a patient's number": lambda: operator.post(
            f"{board}/orders", {"number": "00000101"}, "/orders/"
        ),
        "operator: an order": lambda: operator.get(f"{board}/orders/{done}", "/deliveries/"),
        "operator: lanes": lambda: operator.get(f"{board}/lanes", "outbound"),
        "operator: figures of a day": lambda: operator.get(f"{board}/figures", "outbound"),
        "operator: figures of a month": lambda: operator.get(f"{board}/figures?over=month", "outbound"),
        "operator: quarantine": lambda: operator.get(f"{board}/quarantine", "/messages/"),
        "operator: suppressed": lambda: operator.get(f"{board}/suppressed", "/deliveries/"),
        "reviewer: changes": lambda: reviewer.get(f"{org}/changes"),
        "reviewer: what is live": lambda: reviewer.get(f"{org}/live"),
    }


def _spread(taken: list[float]) -> dict[str, float]:
    """In ms."""
    return {
        "least": min(taken) * 1000,
        "median": median(taken) * 1000,
        "p95": (quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]) * 1000,
        "maximum": max(taken) * 1000,
    }


def _timed(job: Callable[[], object]) -> float:
    start = perf_counter()
    job()
    return perf_counter() - start


def _alone(people: People, deliveries: int, waiting: int) -> dict[str, dict[str, float]]:
    out = {}
    process = people.server.process
    assert process is not None
    for name, job in _pages(people, deliveries, waiting).items():
        first, before = _timed(job), cpu(process.pid)
        taken = [_timed(job) for _ in range(TURNS)]
        used = (cpu(process.pid) - before) / TURNS
        out[name] = _spread(taken) | {"first": first * 1000, "cpu": used * 1000}
    return out


# --- fifty at once ----------------------------------------------------------------------------------------------------------------


class Clinician:
    """One of many at once. `taken`: seconds of each of its steps, by name."""

    def __init__(self, url: str, name: str, pause: float) -> None:
        self.http = httpx2.AsyncClient(base_url=url, timeout=120, headers={"Accept": "text/html"})
        self.name = name
        self.pause = pause
        self.csrf = ""
        self.taken: list[tuple[str, float]] = []

    async def _step(self, what: str, asked: Awaitable[httpx2.Response], *wanted: int, pause: bool = True) -> str:
        start = perf_counter()
        answer = await asked
        self.taken.append((what, perf_counter() - start))
        if answer.status_code not in (wanted or (200,)):
            raise SystemExit(f"{self.name}, {what}: {answer.status_code} {answer.text[:400]}")
        if pause and self.pause:
            await asyncio.sleep(self.pause)
        return answer.text

    async def enter(self) -> None:
        """Signs in by a password."""
        page = await self._step("sign-in page", self.http.get("/sign-in"), pause=False)
        form = {"csrf": _found(_CSRF, page), "name": self.name, "password": PASSWORD, "next": "/"}
        await self._step("sign in", self.http.post("/sign-in", data=form), 303)
        self.csrf = _found(_CSRF, await self._step("first page", self.http.get("/account")))

    async def sign(self, study: int) -> None:
        """From the worklist to what became of it."""
        at = f"/o/{ORG}/studies/{study}"
        await self._step("worklist", self.http.get(f"/o/{ORG}/worklist"))
        page = await self._step("open a study", self.http.get(at))
        codes = _CODE.findall(page)
        for typed in KEYSTROKES:
            await self._step("search keystroke", self._choose(at, codes, q=typed))
        page = await self._step("choose", self._choose(at, codes, q=KEYSTROKES[-1], do="take"))
        await self._step("go on to sign", self._choose(at, _CODE.findall(page), do="sign"), 204, 303)
        page = await self._step("what signing sends", self.http.get(f"{at}/sign"))
        form = {"csrf": self.csrf, "seen": _found(_SEEN, page)}
        signed = perf_counter()
        await self._step("sign", self.http.post(f"{at}/sign", data=form), 303, pause=False)
        while "hx-get" in await self._step("fate", self.http.get(f"{at}/fate"), pause=False):
            await asyncio.sleep(0.25)
        self.taken.append(("from signing to filed", perf_counter() - signed))

    def _choose(self, at: str, codes: list[str], **form: str) -> Awaitable[httpx2.Response]:
        data = {"csrf": self.csrf, "act": "sign", "code": codes, **form}
        return self.http.post(f"{at}/draft", data=data, headers={"HX-Request": "true"})


async def _at_once(
    url: str, names: list[str], theirs: list[list[int]], pause: float
) -> tuple[dict[str, list[float]], float]:
    """Everybody signs his studies; gives the seconds of every step by name, and those of the whole."""
    clinicians = [Clinician(url, name, pause) for name in names]
    await asyncio.gather(*(one.enter() for one in clinicians))

    async def work(one: Clinician, mine: list[int]) -> None:
        for study in mine:
            await one.sign(study)

    start = perf_counter()
    await asyncio.gather(*(work(one, mine) for one, mine in zip(clinicians, theirs, strict=True)))
    whole = perf_counter() - start
    out: dict[str, list[float]] = {}
    for one in clinicians:
        for what, seconds in one.taken:
            out.setdefault(what, []).append(seconds)
        await one.http.aclose()
    return out, whole


def _together(people: People, waiting: list[int]) -> Figures:
    """The same work with pauses and without. Every signature must be filed exactly once."""
    names = [f"clinician{number}.{ORG}" for number in range(CLINICIANS)]
    for name in names:
        _signs(people, name)
    hospital = people.server.hospitals[ORG, "outbound"]
    figures: Figures = {}
    half = len(waiting) // 2
    for pause, part in ((PAUSE, waiting[:half]), (0.0, waiting[half:])):
        before, last = len(hospital.filed), people.store.read(_newest)
        theirs = [part[number::CLINICIANS] for number in range(CLINICIANS)]
        taken, whole = asyncio.run(_at_once(people.server.url, names, theirs, pause))
        steps = sum(len(found) for what, found in taken.items() if what != "from signing to filed")
        finals = [_placer(one) for one in list(hospital.filed)[before:] if _is_final(one)]
        if len(finals) != len(part) or len(set(finals)) != len(part):
            raise SystemExit(f"{len(part)} were signed; filed were {len(finals)} finals of {len(set(finals))} studies")
        taken["the same by the ledger's clock"] = people.store.read(lambda tx, after=last: _sent(tx, after))  # type: ignore[misc]
        title = f"{CLINICIANS} clinicians at once, " + (
            f"{pause:g} s between two steps" if pause else "without a pause"
        )
        figures[title] = {
            "signed": len(part), "seconds": whole, "signed_a_second": len(part) / whole, "requests_a_second": steps / whole,
            "ms": {what: _spread(found) for what, found in taken.items()},
        }  # fmt: skip
        print(
            f"\n{title}: {len(part)} studies in {whole:.1f} s, {len(part) / whole:.1f} signatures and {steps / whole:.0f} requests"
            " a second; each filed once"
        )
        _table(figures[title]["ms"])
    return figures


def _newest(tx: Tx) -> int:
    return int(tx.scalar(sa.select(sa.func.max(t.signoff.c.id))) or 0)


def _sent(tx: Tx, after: int) -> list[float]:
    """Seconds from each signature to what it sent having been taken: of sending alone, without the pages on both sides of it."""
    since = (t.delivery.c.decided_at - t.signoff.c.at).label("ms")
    taken = sa.select(since).join(t.signoff, t.signoff.c.revision_id == t.delivery.c.revision_id)
    finals = (t.signoff.c.id > after, t.delivery.c.kind == "final", t.delivery.c.decided_at > 0)
    return [row.ms / 1000 for row in tx.all(taken.where(*finals))]


def _is_final(message: bytes) -> bool:
    lines = message.split(b"\r")
    return b"|ORU^R01" in lines[0] and any(line.startswith(b"OBR|") and line.split(b"|")[25] == b"F" for line in lines)


def _placer(message: bytes) -> bytes:
    return next(line.split(b"|")[2] for line in message.split(b"\r") if line.startswith(b"OBR|"))


def _table(rows: dict[str, dict[str, float]]) -> None:
    columns = [
        column for column in ("cpu", "least", "median", "p95", "maximum") if all(column in one for one in rows.values())
    ]
    print(f"  {'ms':46}" + "".join(f"{column:>10}" for column in columns))
    for name, one in rows.items():
        print(f"  {name:46}" + "".join(f"{one[column]:10.1f}" for column in columns))


# --- the row ----------------------------------------------------------------------------------------------------------------------


def pages() -> Figures:
    """Every page alone in a short and in a long ledger; fifty clinicians at once in the long one."""
    figures: Figures = {}
    with TemporaryDirectory(dir=os.environ.get("SEGWRIGHT_BENCH_FOLDER")) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        bundles = _bundles(folder)
        stock = _stock(folder, bundles)
        postgresql = os.environ.get("SEGWRIGHT_BENCH_PAGES_POSTGRESQL")
        for deliveries in () if postgresql == "only" else SIZES:
            database = f"sqlite:///{folder / f'{deliveries}.db'}"
            figures |= _measured(folder / str(deliveries), database, bundles, stock, deliveries, "SQLite")
        if postgresql:
            url = stack.enter_context(postgres.server(durable=True))
            for deliveries in SIZES:
                database = postgres.new_database(url)
                figures |= _measured(folder / f"p{deliveries}", database, bundles, stock, deliveries, "PostgreSQL")
    _growth(figures)
    return figures


def _measured(folder: Path, database: str, bundles: Path, stock: Stock, deliveries: int, what: str) -> Figures:
    start = perf_counter()
    _grown(database, stock, deliveries)
    print(f"\n{deliveries:,} deliveries, {what}: made in {perf_counter() - start:.0f} s")
    with _serving(folder, database, bundles) as server:
        people = People(server, (ORG,))
        largest = deliveries == max(SIZES)
        count = 1 + (CLINICIANS * STUDIES if largest else 50)
        for number in range(101, 101 + count):
            _send_in(server, number)
        found = people.store.read(lambda tx: studies.waiting(tx, ORG, limit=count + 1))
        waiting = [one.id for one in found]
        assert len(waiting) == count, (len(waiting), count)
        title = f"pages, {what}, {deliveries:,} deliveries"
        figures: Figures = {title: _alone(people, deliveries, waiting[0])}
        print(f"\n{title}, one request at a time")
        _table(figures[title])
        if largest:
            figures |= {f"{what}: {name}": one for name, one in _together(people, waiting[1:]).items()}
        faults = [one for one in server.log if one["event"] == "fault"]
        if faults:
            raise SystemExit(f"the server's log tells of faults: {faults[:3]}")
        people.close()
    return figures


def _growth(figures: Figures) -> None:
    """Says of each page what a longer ledger costs it, and which is slower than the goal."""
    for what in ("SQLite", "PostgreSQL"):
        short, long = (figures.get(f"pages, {what}, {size:,} deliveries") for size in (SIZES[0], SIZES[-1]))
        if short is None or long is None:
            continue
        grown = {name: long[name]["least"] / short[name]["least"] for name in long}
        worst = sorted(grown, key=lambda name: -grown[name])[:5]
        print(f"\n{what}: {SIZES[-1]:,} deliveries instead of {SIZES[0]:,}, by the fastest of {TURNS}, cost most")
        for name in worst:
            print(f"  {name:46} × {grown[name]:.2f}")
        slow = [name for name in long if long[name]["median"] > SLOWEST_PAGE]
        print(f"  slower than {SLOWEST_PAGE:g} ms in the median: " + (", ".join(slow) if slow else "none"))
