"""`segwright simulate`: a hospital to try things with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from segwright.cli.output import FOUND, workspace_of, workspace_option
from segwright.simulation.mode import WORDS

if TYPE_CHECKING:
    from segwright.plan.manifest import Manifest
    from segwright.simulation.mode import Mode
    from segwright.simulation.orders import Samples
    from segwright.simulation.record import Record

_FILE = click.Path(path_type=Path)


def _words() -> str:
    """The words of a mode, for the help."""
    width = max(map(len, WORDS))
    return "\b\nModes:\n" + "\n".join(f"  {word:<{width}}  {meaning}" for word, meaning in WORDS.items())


@click.command("simulate", epilog=_words())
@click.argument("organisation", metavar="ORG")
@click.option(
    "--settings", type=_FILE, metavar="FILE", help="The server's settings [default: .segwright/settings.toml]."
)
@click.option(
    "--listen",
    multiple=True,
    metavar="[NAME=]HOST:PORT",
    help="Where it listens, for each destination [default: the settings' `instead`].",
)
@click.option("--send", metavar="HOST:PORT", help="Where its orders go [default: the settings' listener].")
@click.option(
    "--bundle", type=_FILE, metavar="DIR", help="The bundle that says what was agreed [default: the settings' bundles]."
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    metavar="WORDS",
    help="How it behaves, such as 'blind prompt=8 lossy=2' [default: honours prompt].",
)
@click.option("--orders", type=click.IntRange(0), default=0, metavar="N", help="Orders that it sends.")
@click.option(
    "--changes", type=click.IntRange(0), default=0, metavar="N", help="Of these, how many are changed afterwards."
)
@click.option(
    "--cancels", type=click.IntRange(0), default=0, metavar="N", help="Of these, how many are cancelled afterwards."
)
@click.option(
    "--order",
    "samples",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="An order message to send, with fresh numbers [default: those of ORG's cases].",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, metavar="S", help="Decides patients and behaviour."
)
@click.option(
    "--file", type=_FILE, metavar="PATH", help="Where it keeps what it did [default: ORG.jsonl beside the settings]."
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Ends after so long [default: Ctrl-C ends it].",
)
@click.option("--show", is_flag=True, help="Only show what its file says.")
@click.option("--messages", is_flag=True, help="With --show: the filed messages themselves.")
@workspace_option
@click.pass_context
def command(
    context: click.Context, organisation: str, settings: Path | None, listen: tuple[str, ...], send: str | None,
    bundle: Path | None, modes: tuple[str, ...], orders: int, changes: int, cancels: int,
    samples: tuple[Path, ...], seed: int, file: Path | None,
    seconds: float | None, show: bool, messages: bool, workspace: Path | None,
) -> None:  # fmt: skip
    """Be ORG's hospital: listen for results, file or refuse them by its mandatory fields, send orders.

    What it does is kept in a plain file, one JSON object a line, flushed to the disk before it answers; a repeat is known by it
    also after a restart. --show prints that file.

    A mode is one word for repeats and any for how each message is treated, mixed by weight and drawn by the seed, such as
    `--mode "honours prompt=90 lossy=5 late=5"`. The words are listed below.
    """
    root = workspace_of(context, workspace)
    place = settings or root / ".segwright" / "settings.toml"
    kept = file or place.parent / f"{organisation}.jsonl"
    if show:
        _show(kept, messages=messages)
        return
    server = _server(place, needed=settings is not None or not (listen and send and bundle))
    manifest = _manifest(bundle or place.parent / server.bundles / organisation / server.environment, organisation)
    mode = _mode(modes)
    doors = _doors(organisation, manifest, server, listen)
    inbound = _address(send or _listener(organisation, manifest, server), "--send")
    found = _samples(root, organisation, manifest, samples) if orders else None
    click.echo(f"{manifest.name} ({organisation}), {mode}, seed {seed}; keeps what it does in {kept}")
    import asyncio

    work = _work(manifest, mode, seed, _record(kept), doors, inbound, found, (orders, changes, cancels), seconds)
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        pass
    except OSError as error:
        _stop(f"it cannot listen: {error.strerror or type(error).__name__}")


class _Address(msgspec.Struct, frozen=True):
    address: str


class _Server(msgspec.Struct, frozen=True):
    """As much of the server's settings as a hospital needs to know."""

    environment: str = "test"
    bundles: str = "bundles"
    listeners: dict[str, _Address] = {}
    instead: dict[str, dict[str, _Address]] = {}


def _server(place: Path, *, needed: bool) -> _Server:
    import tomllib

    try:
        return msgspec.convert(tomllib.loads(place.read_text()), _Server)
    except OSError as error:
        if not needed:
            return _Server()
        _stop(
            f"{place} cannot be read ({error.strerror}): `segwright serve` makes it, --settings names another, "
            "or give --bundle, --listen and --send"
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        _stop(f"{place}: {error}")


def _manifest(folder: Path, organisation: str) -> Manifest:
    from segwright.plan.manifest import Manifest

    try:
        found = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except OSError as error:
        _stop(f"{folder / 'manifest.json'} cannot be read ({error.strerror}): segwright compile makes bundles")
    except msgspec.DecodeError as error:
        _stop(f"{folder / 'manifest.json'} is no manifest: {error}")
    if found.organisation != organisation:
        _stop(f"{folder} is a bundle of {found.organisation}, not of {organisation}")
    if found.environment == "production":
        _stop("a production bundle is for real hospitals: nothing is simulated there")
    return found


def _mode(words: tuple[str, ...]) -> Mode:
    from segwright.simulation.mode import mode_of

    try:
        return mode_of(words)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--mode") from None


def _doors(
    organisation: str, manifest: Manifest, server: _Server, listen: tuple[str, ...]
) -> dict[str, tuple[str, int]]:
    given = {}
    for text in listen:
        name, equals, address = text.rpartition("=")
        given[name if equals else "outbound"] = address
    instead = server.instead.get(organisation, {})
    doors = {}
    for name in manifest.destinations:
        address = given.pop(name, "") or (instead[name].address if name in instead else "")
        if not address:
            _stop(
                f"nothing says where {organisation} listens for what goes to `{name}`: "
                f"[instead.{organisation}.{name}] or --listen {name}=HOST:PORT"
            )
        doors[name] = _address(address, f"--listen {name}")
    if given:
        _stop(
            f"{organisation} has no destination {' nor '.join(sorted(given))}; it has {', '.join(manifest.destinations)}"
        )
    return doors


def _listener(organisation: str, manifest: Manifest, server: _Server) -> str:
    name = manifest.listener.name
    if name not in server.listeners:
        _stop(f"nothing says where {organisation}'s orders go: [listeners.{name}] or --send HOST:PORT")
    return server.listeners[name].address.replace("0.0.0.0", "127.0.0.1")


def _address(text: str, what: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        _stop(f"{what}: {text} is no HOST:PORT")
    return host.strip("[]"), int(port)


def _samples(root: Path, organisation: str, manifest: Manifest, files: Sequence[Path]) -> Samples:
    from segwright.hl7.refusal import Refused
    from segwright.simulation.orders import NoOrders, samples_of

    chosen = list(files) or sorted((root / "orgs" / organisation / "cases").glob("*/order.hl7"))
    if not chosen:
        _stop(f"{organisation} has no case with an order.hl7: name one with --order")
    try:
        return samples_of([path.read_bytes() for path in chosen], manifest.encoding.codec)
    except OSError as error:
        _stop(f"{error.filename} cannot be read ({error.strerror})")
    except (NoOrders, Refused) as error:
        _stop(f"the order messages cannot be sent: {error}")


async def _work(
    manifest: Manifest, mode: Mode, seed: int, record: Record, doors: dict[str, tuple[str, int]], inbound: tuple[str, int],
    samples: Samples | None, counts: tuple[int, int, int], seconds: float | None,
) -> None:  # fmt: skip
    import asyncio

    from segwright.simulation.hospital import Hospital
    from segwright.simulation.show import line
    from segwright.transport.sender import Destination

    hospital = Hospital(
        manifest,
        record,
        mode,
        seed=seed,
        inbound=Destination(*inbound),
        told=lambda event: click.echo(line(event)),
    )
    await hospital.start(doors)
    for name, port in hospital.ports.items():
        click.echo(
            f"listens on {doors[name][0]}:{port} for what goes to `{name}`; orders go to {inbound[0]}:{inbound[1]}"
        )
    try:
        if samples is not None:
            await _orders(hospital, samples, *counts)
        await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))
    finally:
        await hospital.stop()


async def _orders(hospital: object, samples: Samples, orders: int, changes: int, cancels: int) -> None:
    from segwright.simulation.hospital import Hospital

    assert isinstance(hospital, Hospital)
    made = [(await hospital.order(samples))[0] for _ in range(orders)]
    for one in made[: min(changes, orders)]:
        await hospital.order(samples, "change", one.number)
    for one in made[len(made) - min(cancels, orders) :]:
        await hospital.order(samples, "cancel", one.number)


def _record(kept: Path) -> Record:
    from segwright.simulation.record import Record

    try:
        return Record(kept)
    except OSError as error:
        _stop(f"{kept} cannot be used ({error.strerror}): --file names another")
    except msgspec.DecodeError as error:
        _stop(f"{kept} is not the file of a simulated hospital: {error}")


def _show(kept: Path, *, messages: bool) -> None:
    from segwright.simulation import show
    from segwright.simulation.record import events

    try:
        found = list(events(kept))
    except OSError as error:
        _stop(f"{kept} cannot be read ({error.strerror}): the hospital has not run yet")
    except msgspec.DecodeError as error:
        _stop(f"{kept} is not the file of a simulated hospital: {error}")
    for text in show.messages(found) if messages else [*map(show.line, found), "", *show.summary(found)]:
        click.echo(text)


def _stop(reason: str) -> NoReturn:
    click.echo(reason, err=True)
    sys.exit(FOUND)
