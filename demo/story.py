"""The whole story on loopback: four simulated hospitals over real MLLP, the real server in its own process, and in the end the
ledger and the hospitals' own files side by side.

Everything is what a real installation uses: `segwright compile`, `segwright serve`, the JSON API, the hospitals' own policies.
Only the hospitals are simulated; they read HL7 by themselves and keep what they file in plain files. Exit code 0 only if both
agree.

Afterwards each hospital has a study that waits for a signature, and there is an account for each role. On a terminal (or with
`--stay`) everything goes on running until it is interrupted; elsewhere it ends (`--end` ends it on a terminal, too).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import changing
import msgspec
from tracing import Heart, drawn

from segwright.codes.editions import editions
from segwright.hl7.wire import open_message
from segwright.plan.manifest import Manifest
from segwright.simulation.hospital import Hospital
from segwright.simulation.mode import Conduct
from segwright.simulation.orders import Numbered, samples_of
from segwright.simulation.record import Event, Record, events
from segwright.transport.sender import Destination

ROOT = Path(__file__).resolve().parents[1]
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
ORGS = ("larkspur", "northgate", "stbrigid", "tamarack")
STATUS = {
    "P": "preliminary", "F": "final", "C": "corrected",
    "SC": "accepted", "IP": "in progress", "CM": "completed", "CA": "cancelled",
}  # fmt: skip
"""OBR-25 and ORC-5, in words."""
SAMPLED = date(2026, 3, 2)
"""The day of the samples."""
ROLES = {
    "clinician": "sign the study that waits at each hospital: a code or two, then Sign",
    "operator": "see what went out and how it was answered; open a delivery",
    "reviewer": "read the mapping change that waits under Changes, and approve it",
    "analyst": "the same, and the board, without deciding anything and without a patient's data",
    "administrator": "accounts and roles",
}
"""Accounts of the demonstration, each named after its role, and what is there to try."""
PASSWORD = "four-hospitals"  # of accounts on loopback that are gone with the demonstration


def service_day() -> date:
    """The last day on which the hours of the samples have passed everywhere, or the day nearest to it that the newest edition of
    ICD-10-CM covers: codes are judged by their day, and nothing was recorded in the future."""
    newest = editions().newest
    return min(max((datetime.now(UTC) - timedelta(hours=21)).date(), newest.begins), newest.ends)


def paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def scene(title: str, *notes: str) -> None:
    print("\n" + paint(f"━━ {title}", "1;36"))
    for note in notes:
        print(paint(f"   {note}", "2"))


def say(who: str, what: str) -> None:
    print(f"   {who:<12}{what}", flush=True)


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def until(there: Callable[[], bool], what: str, within: float = 45) -> None:
    """Waits for something to be so; the demonstration fails when it is not so in time."""
    end = time.monotonic() + within
    while not there():
        if time.monotonic() > end:
            raise RuntimeError(f"this did not happen within {within:.0f} s: {what}")
        await asyncio.sleep(0.05)


class Server:
    """`segwright serve` in its own process, and its API."""

    def __init__(self, folder: Path, settings: Path, port: int, tokens: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.tokens = tokens
        self._log = open(folder / "server.log", "wb")  # noqa: SIM115 - as long as the process
        command = [sys.executable, "-m", "segwright", "serve", "--settings", str(settings)]
        # In a group of its own: Ctrl-C is for the story to take, which ends the server in its turn.
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=self._log, process_group=0)

    def ask(self, org: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.tokens[org]}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError("segwright serve ended by itself")
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/ready", timeout=5).status == 200
        return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


def heart_of(result: dict[str, Any]) -> Heart:
    """What to draw for a result, by what it says."""
    measured = {one["kind"]: float(one["value"]["value"]) for one in result["measurements"]}
    seconds = {kind: value / 1000 if value > 10 else value for kind, value in measured.items()}  # ms or s
    said = " ".join(one["name"] for one in result["findings"])
    return Heart(
        measured.get("heart_rate", 70), seconds.get("pr_interval", 0.16), seconds.get("qrs_duration", 0.09),
        "fibrillation" in said,
    )  # fmt: skip


class Story:
    """The scenes, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.hospitals: dict[str, Hospital] = {}
        self.orders: dict[str, list[Numbered]] = {org: [] for org in ORGS}
        self.told: list[tuple[str, Event]] = []
        self.server: Server | None = None
        self.day = service_day()

    # --- setting the scene ---

    async def set_up(self) -> None:
        compiled = subprocess.run(
            [sys.executable, "-m", "segwright", "compile", "--out", str(self.folder / "bundles")],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if compiled.returncode:
            raise RuntimeError(compiled.stdout + compiled.stderr)
        api, *ports = free_ports(1 + len(ORGS))
        inbound = dict(zip(ORGS, ports, strict=True))
        lines = ['environment = "test"', 'bundles = "bundles"', f'database = "sqlite:///{self.folder / "ledger.db"}"']
        tokens = {org: secrets.token_urlsafe(32) for org in ORGS}
        lines += [f'[api]\naddress = "127.0.0.1:{api}"\n[api.tokens]']
        for org, token in tokens.items():
            (self.folder / f"{org}.token").write_text(token)
            lines.append(f'{org} = ["file:{self.folder / org}.token"]')
        for org in ORGS:
            manifest = msgspec.json.decode(
                (self.folder / "bundles" / org / "test" / "manifest.json").read_bytes(), type=Manifest
            )
            record = Record(self.folder / f"{org}.jsonl")
            hospital = Hospital(
                manifest, record, seed=7, inbound=Destination("127.0.0.1", inbound[org]), told=self._hears(org)
            )
            await hospital.start(dict.fromkeys(manifest.destinations, ("127.0.0.1", 0)))
            self.hospitals[org] = hospital
            lines.append(
                f'[listeners.{manifest.listener.name}]\naddress = "127.0.0.1:{inbound[org]}"\nnetworks = ["127.0.0.0/8"]'
            )
            lines += [f'[instead.{org}.{name}]\naddress = "127.0.0.1:{port}"' for name, port in hospital.ports.items()]
            listens = ", ".join(f"{name} at {port}" for name, port in hospital.ports.items())
            say(org, f"{manifest.name}: listens ({listens}), sends orders to {inbound[org]}")
        self.settings.write_text("\n".join([*lines, *changing.settings(self.folder)]) + "\n")
        self.server = Server(self.folder, self.settings, api, tokens)
        await until(lambda: self.server.is_ready(), "the server is ready")
        say("segwright", f"serves: API at {self.server.url}, one SQLite file as its ledger")

    def _hears(self, org: str) -> Callable[[Event], None]:
        def hear(event: Event) -> None:
            self.told.append((org, event))
            kind = STATUS.get(event.status, event.status)
            if event.what in ("filed", "repeated", "refused", "ignored"):
                billing = f" ({event.door})" if event.door != "outbound" else ""
                answer = f", answers {event.code}" if event.code and event.conduct != "lossy" else ""
                what = f"{event.what}: {event.type} {kind}{billing} for {event.about[-1] if event.about else '-'}"
                say(
                    org,
                    paint(what, "32" if event.what == "filed" else "33") + paint(f"  {event.control_id}{answer}", "2"),
                )

        return hear

    async def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
        for hospital in self.hospitals.values():
            await hospital.stop()

    # --- what hospitals and platform do ---

    async def order(self, org: str, control: str = "new", number: int = 0) -> Numbered:
        cases = ROOT / "orgs" / org / "cases"
        files = [(cases / f"order_{what}" / "order.hl7").read_bytes() for what in ("new", "change", "cancel")]
        files = [file.replace(f"{SAMPLED:%Y%m%d}".encode(), f"{self.day:%Y%m%d}".encode()) for file in files]
        samples = samples_of(files, self.hospitals[org].manifest.encoding.codec)
        made, answer = await self.hospitals[org].order(samples, control, number)  # type: ignore[arg-type]
        said = answer.code if answer is not None else "nothing"
        say(
            org,
            f"sends {open_message(made.body).type} {control}: order {made.placer} for {self._patient(made)}; is answered {said}",
        )
        if answer is None or not answer.code.positive:
            raise RuntimeError(f"the order of {org} was not taken")
        if control == "new":
            self.orders[org].append(made)
            await until(lambda: self._known(org, made) is not None, "the order is known")
        return made

    def _patient(self, made: Numbered) -> str:
        return " ".join(open_message(made.body).field("PID-5[1]").split("^")[:2])

    def _known(self, org: str, made: Numbered) -> dict[str, Any] | None:
        _, found = self.server.ask(org, "GET", "/v1/orders?limit=100")
        return next((one for one in found["orders"] if one["placer"].startswith(made.placer)), None)

    def document(self, org: str, made: Numbered) -> dict[str, Any]:
        """What the AI found, in the platform's own form, with a drawn ECG."""
        path = ROOT / "orgs" / org / "cases" / "preliminary" / "result.json"
        path = path if path.exists() else ROOT / "orgs" / org / "cases" / "final" / "result.json"
        found: dict[str, Any] = json.loads(path.read_text().replace(f"{SAMPLED}T", f"{self.day}T"))
        found.pop("signed_by", None)
        found["criteria"] = [
            one for one in found.get("criteria", []) if not one.startswith("Age")
        ]  # of another patient
        return {
            **found, "id": f"R-{made.number}", "study": f"ST-{made.number:04}", "version": 1, "status": "preliminary",
            "diagnoses": [], "document": {"pdf": base64.b64encode(drawn(heart_of(found), made.number)).decode()},
        }  # fmt: skip

    async def post(self, org: str, made: Numbered, *, pathway: str = "order") -> Any:
        order = self._known(org, made)
        assert order is not None
        body = {"result": self.document(org, made)}
        if pathway == "order":
            body["order"] = {"id": order["id"]}
        status, answer = await asyncio.to_thread(self.server.ask, org, "POST", "/v1/results", body)
        say(
            "platform",
            f"posts a preliminary result for {org}'s {made.placer}: {status}, {answer.get('outcome', answer.get('title'))}",
        )
        return answer

    async def sign(self, org: str, made: Numbered, act: str = "sign", **more: Any) -> None:
        id_ = f"R-{made.number}"
        _, shown = self.server.ask(org, "GET", f"/v1/results/{id_}/shown?act={act}")
        _, choices = self.server.ask(org, "GET", "/v1/diagnoses?limit=2")
        codes = [one["code"] for one in choices["diagnoses"]]
        signer = json.loads((ROOT / "orgs" / org / "cases" / "final" / "result.json").read_text())["signed_by"]
        body = {"shown": shown["shown"], "signed_by": signer, "diagnoses": codes, **more}
        status, answer = await asyncio.to_thread(self.server.ask, org, "POST", f"/v1/results/{id_}/{act}", body)
        if status != 200:
            raise RuntimeError(f"{act} for {org}: {answer}")
        say("clinician", f"{act}s {org}'s result of {made.placer}; for billing: {', '.join(codes)}")

    def filed(self, org: str, made: Numbered, status: str, what: str = "filed") -> int:
        return sum(
            event.what == what and event.status == status and made.placer in event.about
            for name, event in self.told
            if name == org
        )

    # --- the scenes ---

    async def orders_in(self) -> None:
        scene(
            "Orders come in",
            "each hospital in its own HL7: 2.3, 2.4, 2.5.1, 2.8; each order is stored before it is answered",
        )
        for org in ORGS:
            await self.order(org)
        await until(
            lambda: all(any(name == org and e.what == "filed" for name, e in self.told) for org in ORGS),
            "every order is told as accepted",
        )

    async def preliminary(self) -> None:
        scene("The AI has read the ECGs", "preliminary results go out at once, except to St Brigid, which takes none")
        for org in ORGS:
            await self.post(org, self.orders[org][0])
        for org in ORGS:
            if org != "stbrigid":
                await until(
                    lambda org=org: self.filed(org, self.orders[org][0], "P") == 1, f"{org} has the preliminary"
                )  # type: ignore[misc]

    async def final(self) -> None:
        scene("Clinicians sign", "what was signed goes out as final; Tamarack's charge goes to its billing system")
        for org in ORGS:
            await self.sign(org, self.orders[org][0])
        for org in ORGS:
            await until(lambda org=org: self.filed(org, self.orders[org][0], "F") == 1, f"{org} has the final")  # type: ignore[misc]
        await until(lambda: any(e.door == "billing" and e.what == "filed" for _, e in self.told), "the charge is filed")

    async def correction(self) -> None:
        scene(
            "A correction",
            "the clinician amends a result that was sent; the hospital gets it as corrected, after the final",
        )
        made = self.orders["larkspur"][0]
        await self.sign(
            "larkspur", made, "amend", interpretation="Sinus rhythm. The earlier reading was of another lead."
        )
        await until(lambda: self.filed("larkspur", made, "C") == 1, "the correction is filed")

    async def second_pathway(self) -> None:
        scene(
            "The same result by a second pathway",
            "the platform pushes it once more, without naming the order: nothing goes out twice",
        )
        made = self.orders["northgate"][0]
        await self.settled()

        def came() -> int:
            return sum(org == "northgate" and made.placer in event.about for org, event in self.told)

        before = came()
        answer = await self.post("northgate", made, pathway="platform")
        if answer.get("outcome") != "duplicate":
            raise RuntimeError(f"the second pathway was not suppressed: {answer}")
        say(
            "segwright",
            f"suppressed ({answer.get('reason') or 'a duplicate'}); what stands for it: "
            + ", ".join(f"delivery {one['id']}" for one in answer["deliveries"]),
        )
        await asyncio.sleep(0.5)
        if came() != before:
            raise RuntimeError("something went out for a suppressed result")

    async def cancelled(self) -> None:
        scene("A cancelled order", "the hospital cancels before the result is there: the result has nowhere to go")
        made = await self.order("larkspur")
        await self.order("larkspur", "cancel", made.number)
        await until(lambda: self.filed("larkspur", made, "CA") == 1, "the hospital is told that its order has ended")
        await self.post("larkspur", made)
        await asyncio.sleep(0.5)
        if self.filed("larkspur", made, "P"):
            raise RuntimeError("a result went out for a cancelled order")
        say("segwright", "sends nothing for it")

    async def down(self) -> None:
        scene("A hospital is down", "St Brigid accepts no connection; the others notice nothing; then it comes back")
        hospital = self.hospitals["stbrigid"]
        made = await self.order("stbrigid")
        await hospital.go_down()
        say("stbrigid", paint("is down", "31"))
        await self.post("stbrigid", made)
        await self.sign("stbrigid", made)
        other = await self.order("northgate")
        await self.post("northgate", other)
        await until(lambda: self.filed("northgate", other, "P") == 1, "another hospital is served meanwhile")
        await asyncio.sleep(3)
        await hospital.come_up()
        say("stbrigid", paint("is up again", "32"))
        await until(lambda: self.filed("stbrigid", made, "F") == 1, "what waited is delivered")

    async def lost_answer(self) -> None:
        scene(
            "A lost acknowledgement", "Larkspur files the result, and the connection ends before its answer: nobody can know.",
            "The same bytes go again under the same MSH-10, and the hospital, which honours it, files them once",
        )  # fmt: skip
        made = await self.order("larkspur")
        await until(lambda: self.filed("larkspur", made, "SC") == 1, "the order is told as accepted")
        self.hospitals["larkspur"].next(Conduct.LOSSY)
        await self.post("larkspur", made)
        await until(lambda: self.filed("larkspur", made, "P") == 1, "it is filed")
        say("larkspur", paint("the connection ends without an answer", "31"))
        await until(lambda: self.filed("larkspur", made, "P", "repeated") == 1, "it is repeated", 60)

    async def settled(self, within: float = 60) -> None:
        def nothing_open() -> bool:
            with contextlib.closing(self.ledger()) as ledger:
                states = "('waiting', 'ready', 'sending', 'uncertain', 'needs_decision')"
                return ledger.execute(f"SELECT count(*) FROM delivery WHERE state IN {states}").fetchone()[0] == 0

        await until(nothing_open, "everything is decided", within)

    # --- the pages ---

    async def your_turn(self) -> None:
        """A study that waits in each hospital, and accounts to sign it with."""
        scene(
            "Your turn", "a new study waits in each hospital; what you sign is filed there, and told below",
            "and a change of the mappings waits for a reviewer",
        )  # fmt: skip
        change = asyncio.create_task(asyncio.to_thread(changing.made, ROOT, self.folder))
        for org in ORGS:
            await self.post(org, await self.order(org))
        await self.settled()
        password = self.folder / "password"
        password.write_text(PASSWORD)
        for role in ROLES:
            made = subprocess.run(
                [
                    sys.executable, "-m", "segwright", "accounts", "add", role, "--as", f"Demo {role.capitalize()}",
                    "--role", role, *(f"--org={org}" for org in ORGS), "--password-file", str(password),
                    "--settings", str(self.settings),
                ],
                cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if made.returncode:
                raise RuntimeError(made.stdout + made.stderr)
        for org in ORGS:
            self.signs(org)
        number = await asyncio.to_thread(changing.put, self.server.url, self.folder, await change)
        say("analyst", f"proposes: {changing.BECAUSE} (proposal {number})")

    def signs(self, org: str) -> None:
        """Says how the clinician's account stands in a hospital's messages."""
        named = json.loads((ROOT / "orgs" / org / "cases" / "final" / "result.json").read_text())["signed_by"]
        made = subprocess.run(
            [
                sys.executable, "-m", "segwright", "accounts", "signer", "clinician", f"--org={org}",
                *(f"{key}={value}" for key, value in named.items()), "--settings", str(self.settings),
            ],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)

    def address(self) -> None:
        """Where to go on, and as whom."""
        print(f"\n   Open {paint(self.server.url, '1;36')} and sign in; every password is {paint(PASSWORD, '1')}")
        for role, what in ROLES.items():
            print(f"   {paint(f'{role:<15}', '1')}{what}")
        print(f"   What each hospital files, a line each: {self.folder}/HOSPITAL.jsonl")

    # --- the accounts ---

    def ledger(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.folder / 'ledger.db'}?mode=ro", uri=True)

    def accounts(self) -> bool:
        """The ledger and the hospitals' files, each read by itself, side by side."""
        scene(
            "The accounts",
            "left what the ledger says went out, right what the hospital's own file says it filed",
            "a try in doubt may have arrived (then the file shows a repeat) or not",
        )
        agree = True
        print(
            f"   {'':<12}{'LEDGER: taken':>15}{'in doubt':>10}{'void':>6}{'held':>6}"
            f"   {'FILE: filed':>12}{'repeated':>10}   the same bytes"
        )
        with contextlib.closing(self.ledger()) as ledger:
            for org in ORGS:
                taken = dict(ledger.execute(
                    "SELECT b.control_id, b.body_hash FROM delivery d JOIN build b ON b.delivery_id = d.id AND b.live"
                    " WHERE d.org = ? AND d.state IN ('accepted', 'confirmed')", [org],
                ))  # fmt: skip
                tries = (
                    "SELECT count(*) FROM attempt a JOIN delivery d ON d.id = a.delivery_id"
                    " WHERE d.org = ? AND a.outcome != 'not_sent'"
                )
                repeated = ledger.execute(tries, [org]).fetchone()[0] - len(taken)
                states = dict(
                    ledger.execute("SELECT state, count(*) FROM delivery WHERE org = ? GROUP BY state", [org])
                )
                found = list(events(self.folder / f"{org}.jsonl"))
                filed = {event.control_id: event.sha256 for event in found if event.what == "filed"}
                times = sum(event.what == "filed" for event in found)
                again = sum(event.what == "repeated" for event in found)
                same = taken == filed and times == len(filed) and repeated >= again
                agree = agree and same
                void, held = states.get("void", 0), states.get("held", 0)
                counts = f"{len(taken):>15}{repeated:>10}{void:>6}{held:>6}   {times:>12}{again:>10}"
                print(f"   {org:<12}{counts}   " + (paint("yes", "32") if same else paint("NO", "31")))
        print(
            "\n   "
            + (
                paint("Both agree: nothing lost, nothing filed twice.", "1;32")
                if agree
                else paint("They differ.", "1;31")
            )
        )
        return agree


async def tell(*, stay: bool) -> int:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="segwright-demo-") as name:
        story = Story(Path(name))
        print(paint("segwright: orders in, results out, one ledger", "1;36"))
        scene(
            "Four hospitals and one server", "real MLLP on loopback; the hospitals are simulated, the patients invented"
        )
        try:
            await story.set_up()
            for part in (
                story.orders_in, story.preliminary, story.final, story.correction, story.second_pathway, story.cancelled,
                story.down, story.lost_answer, story.settled,
            ):  # fmt: skip
                await part()
            agree = story.accounts()
            await story.your_turn()
            print(
                f"\n   {time.monotonic() - start:.0f} s. Each message: make demo-messages. Your own: segwright serve, simulate"
            )
            story.address()
            if stay:
                await interrupted()
                with contextlib.suppress(RuntimeError):  # whoever tried things may have left something open
                    await story.settled(within=10)
                agree = story.accounts()
        except RuntimeError as failed:
            print(paint(f"\n   {failed}", "1;31"))
            log = Path(name) / "server.log"
            print(log.read_text()[-4000:] if log.exists() else "")
            return 1
        finally:
            await story.stop()
    return 0 if agree else 1


async def interrupted() -> None:
    """Waits for Ctrl-C."""
    print(paint("\n   Everything goes on until you press Ctrl-C.", "2"), flush=True)
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()
    print()


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--stay", action="store_true", help="go on until interrupted, also without a terminal")
    parse.add_argument("--end", action="store_true", help="end after the story, also on a terminal")
    given = parse.parse_args()
    try:
        return asyncio.run(tell(stay=given.stay or (sys.stdout.isatty() and not given.end)))
    except KeyboardInterrupt:  # before the end of the story
        return 130


if __name__ == "__main__":
    sys.exit(main())
