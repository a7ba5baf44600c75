"""The history checker sees what it is there to see: a true history is found clean, and every forgery of it is found out."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from segwright.ledger import tables as t
from segwright.ledger.store import Store
from segwright.simulation.record import Event
from tests.faults import history
from tests.faults.campaign import Campaign, Size, bundles, memory_folder

Files = dict[str, list[Event]]


@pytest.fixture(scope="module")
def true_history() -> Iterator[Campaign]:
    """A small campaign in which nobody is killed."""
    folder = Path(tempfile.mkdtemp(prefix="segwright-history-", dir=memory_folder()))
    campaign = Campaign(
        f"sqlite:///{folder}/ledger.db", folder, bundles(folder), Size(orders=24, kills=0, stops=0), seed=5
    )
    asyncio.run(campaign.run())
    yield campaign
    shutil.rmtree(folder)


def rules(campaign: Campaign, files: Files) -> set[str]:
    return {violation.rule for violation in campaign.judged(files).violations}


def filed(files: Files, org: str) -> list[int]:
    return [place for place, event in enumerate(files[org]) if event.what == "filed" and not event.again]


def test_a_true_history_is_clean(true_history):
    assert rules(true_history, true_history.files()) == set()
    assert true_history.judged(true_history.files()).counts["arrivals"] > 40


def _forget(files: Files) -> None:
    del files["larkspur"][filed(files, "larkspur")[3]]


def _file_twice(files: Files) -> None:
    files["larkspur"].append(replace(files["larkspur"][filed(files, "larkspur")[0]], again=True))


def _other_bytes(files: Files) -> None:
    place = filed(files, "stbrigid")[0]
    files["stbrigid"][place] = replace(files["stbrigid"][place], sha256="0" * 64)


def _stranger(files: Files) -> None:
    place = filed(files, "tamarack")[0]
    files["tamarack"].append(replace(files["tamarack"][place], control_id="NOBODY"))


def _other_door(files: Files) -> None:
    place = next(place for place in filed(files, "tamarack") if files["tamarack"][place].door == "billing")
    files["tamarack"][place] = replace(files["tamarack"][place], door="outbound")


def _again_at_hold(files: Files) -> None:
    files["northgate"].append(files["northgate"][filed(files, "northgate")[0]])


def _out_of_order(files: Files) -> None:
    """The last filing about an order comes before the first."""
    places = filed(files, "larkspur")
    order = next(files["larkspur"][place].about for place in places if files["larkspur"][place].status == "CM")
    about = [place for place in places if files["larkspur"][place].about == order]
    first, last = about[0], about[-1]
    files["larkspur"][first], files["larkspur"][last] = files["larkspur"][last], files["larkspur"][first]


@pytest.mark.parametrize(
    ("forge", "rule"),
    [
        (_forget, history.LOST), (_file_twice, history.TWICE), (_other_bytes, history.BYTES), (_stranger, history.GHOST),
        (_other_door, history.GHOST), (_again_at_hold, history.HOLD), (_out_of_order, history.ORDER),
    ],
)  # fmt: skip
def test_a_forged_file_is_found_out(true_history, forge: Callable[[Files], None], rule: str):
    files = true_history.files()
    forge(files)
    assert rule in rules(true_history, files)


@pytest.mark.parametrize(
    ("forge", "rule"),
    [
        (sa.update(t.delivery).where(t.delivery.c.state == "confirmed").values(state="void"), history.GATE),
        (sa.update(t.delivery).where(t.delivery.c.state == "void").values(state="accepted"), history.LOST),
        (sa.update(t.delivery).where(t.delivery.c.state == "confirmed").values(state="ready"), history.LOST),
        (sa.update(t.attempt).values(outcome="not_sent"), history.GHOST),
        (sa.update(t.event).where(t.event.c.number == 3).values(actor="nobody"), history.JOURNAL),
        (sa.update(t.order_).values(placer="X"), history.LOST),
    ],
)
def test_a_forged_ledger_is_found_out(true_history, tmp_path, forge: sa.Update, rule: str):
    shutil.copy(true_history.folder / "ledger.db", tmp_path / "ledger.db")
    before = true_history.database
    store = Store(f"sqlite:///{tmp_path}/ledger.db")
    store.write(lambda tx: tx.run(forge))
    store.close()
    try:
        true_history.database = f"sqlite:///{tmp_path}/ledger.db"
        assert rule in rules(true_history, true_history.files())
    finally:
        true_history.database = before
