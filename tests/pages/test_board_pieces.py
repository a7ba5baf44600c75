"""What the board is made of: messages with names and masks, plots, certificates, one poller for all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.delivery.engine import Presented
from segwright.ledger import tally
from segwright.ledger.store import Unavailable
from segwright.ledger.tally import Figures
from segwright.pages.board import plots, words
from segwright.pages.board.certificates import certificates
from segwright.pages.board.live import Feed
from segwright.pages.messages import field_name, shown
from segwright.profiles import profile
from segwright.transport.tls import Certificate
from tools.make_field_names import FILE, text

MESSAGE = (
    b"MSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5.1\rPID|1||123||DOE^JANE\rOBX|1|ST|X||yes\rOBX|2|ST|Y||no\rZZZ|own\r"
)


# --- messages -----------------------------------------------------------------------------------------------------------------


def test_field_names_are_those_of_the_profiles():
    assert FILE.read_text("utf-8") == text(), "run tools/make_field_names.py"
    tables = profile("2.5.1")
    for name in ("MSH", "PID", "OBX", "DG1", "FT1"):
        segment = tables.segment(name)
        assert segment is not None
        for field in segment.fields:
            assert field_name(name, field.number) == field.name
    assert field_name("ZZZ", 1) == field_name("PID", 999) == field_name("PID", 0) == ""


def test_a_masked_message_shows_its_form_and_nothing_of_its_content():
    found = shown(MESSAGE, "ascii", unmask=False)
    assert [segment.place for segment in found.segments] == ["MSH", "PID", "OBX", "OBX(2)", "ZZZ"]
    fields = {field.path: field for segment in found.segments for field in segment.fields}
    assert (fields["PID-5"].name, fields["PID-5"].text, fields["PID-5"].length) == ("Patient Name", "", 8)
    assert fields["MSH-10"].text == "1"
    assert fields["OBX(2)-5"].length == 2
    assert "PID-2" not in fields
    assert "JANE" not in str(found)
    assert "JANE" in str(shown(MESSAGE, "ascii", unmask=True))


def test_a_note_stands_at_its_field_also_where_the_field_is_empty_or_missing():
    notes = {"PID-5": ("a",), "PID-4": ("b",), "PID-30": ("c",), "OBX(2)": ("d",), "NTE-3": ("e",)}
    found = shown(MESSAGE, "ascii", unmask=False, notes=notes)
    at = {field.path: field.notes for segment in found.segments for field in segment.fields if field.notes}
    assert at == {"PID-5": ("a",), "PID-4": ("b",), "PID-30": ("c",)}
    assert [segment.notes for segment in found.segments] == [(), (), (), ("d",), ()]
    assert found.elsewhere == ("e",)


def test_what_cannot_be_read_is_marked_where_reading_ends():
    broken = MESSAGE.replace(b"JANE", b"J\xffNE")
    found = shown(broken, "ascii", unmask=False)
    assert found.fault.startswith("byte ")
    (line,) = [line for line in found.lines if line.wrong]
    assert (line.number, line.wrong) == (2, "FF")
    assert "DOE" not in str(found.lines)
    assert (line.before, line.after) == ("PID|•||•••||•••^•", "••")
    odd = shown(b"MSH|^~\\&|A\rJANE DOE\rMSHJANE\r\xffMSH|JANE", "ascii", unmask=False)
    assert "JANE" not in str(odd.lines)
    assert "DOE" not in str(odd.lines)
    (line,) = [line for line in shown(broken, "ascii", unmask=True).lines if line.wrong]
    assert line.before.endswith("DOE^J")


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_can_be_shown(body, unmask):
    found = shown(body, "ascii", unmask=unmask)
    assert found.size == len(body)
    assert bool(found.fault) != bool(found.segments)


# --- plots --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC", "Pacific/Chatham"])
def test_days_are_the_hospitals_and_begin_at_quarters_of_an_hour(zone):
    now = int(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp() * 1000)
    bounds = plots.days(now, zone)
    assert len(bounds) == 31
    assert bounds[-2] <= now < bounds[-1]
    assert all(bound % tally.SLOT == 0 for bound in bounds)
    starts = [datetime.fromtimestamp(bound / 1000, ZoneInfo(zone)) for bound in bounds]
    assert all((one.hour, one.minute) == (0, 0) for one in starts)
    assert len({one.date() for one in starts}) == 31


def test_a_day_with_a_change_of_the_clock_is_longer_or_shorter():
    now = int(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp() * 1000)
    bounds = plots.days(now, "America/Chicago")
    assert {(end - start) // 3_600_000 for start, end in pairwise(bounds)} == {24, 25}


def test_the_last_24_hours_hold_the_present_one():
    now = 1_772_000_123_456
    bounds = plots.hours(now)
    assert len(bounds) == 25
    assert bounds[-2] <= now < bounds[-1]


def test_a_plot_says_what_it_shows():
    hours = [Figures(n * 3_600_000, (n + 1) * 3_600_000, {}, {}) for n in range(24)]
    empty = plots.throughput(hours, "UTC", by_day=False)
    assert (empty.says, empty.bars) == ("0 delivered in 24 hours", ())
    assert plots.latency(hours, "UTC", by_day=False).says == "Nothing was delivered."
    hours[3] = Figures(3 * 3_600_000, 4 * 3_600_000, {}, {100: 60, 5_000: 40})
    hours[4] = Figures(4 * 3_600_000, 5 * 3_600_000, {}, {200: 10})
    found = plots.throughput(hours, "UTC", by_day=False)
    assert found.says == "110 delivered in 24 hours, most of them at 03:00: 100"
    assert [bar.says for bar in found.bars] == ["03:00: 100", "04:00: 10"]
    assert found.bars[0].height == 10 * found.bars[1].height or found.bars[0].height > found.bars[1].height
    slow = plots.latency(hours, "UTC", by_day=False)
    assert slow.says == "Half were taken within 100 ms, 95 of 100 within 5 s."
    assert [name for name, _ in slow.lines] == ["half", "most"]


@given(st.integers(1, 10**9))
def test_the_scale_of_a_plot_holds_what_it_shows(most):
    top = plots._ceiling(most)
    assert most <= top <= max(4, 5 * most)
    assert top % 2 == 0 or top == 5 * 10 ** (len(str(top)) - 1)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "–"),
        (200, "200 ms"),
        (5_000, "5 s"),
        (1_800_000, "30 min"),
        (7_200_000, "2 h"),
        (tally.LONGER, "more than a day"),
    ],
)
def test_limits_are_said_in_the_unit_that_people_use(ms, said):
    assert words.limit(ms) == said


def test_every_state_and_verb_has_its_words():
    from segwright.ledger.tables import DECIDED, OPEN

    assert set(words.STATE) == set(words.MEANS) == {*OPEN, *DECIDED}
    assert set(words.VERB) == set(words.DOES) == set(words.FROM)
    shown_ = [state for _, _, states in words.COLUMNS for state in states]
    assert sorted(shown_) == sorted(OPEN), "each open state is counted in one column"


# --- certificates ---------------------------------------------------------------------------------------------------------------


def test_certificates_are_told_by_how_long_they_hold():
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def until(days):
        return Certificate("f", ("ehr.example",), now, now + timedelta(days=days, hours=1))

    presented = (
        Presented("destination a", "ours", until(90)), Presented("destination a", "theirs", until(29)),
        Presented("destination b", "ours", until(6)), Presented("destination b", "trusted", until(-1)),
        Presented("destination c", "theirs", None), Presented("destination c", "ours", None, "the secret is not there"),
    )  # fmt: skip
    engine: Any = SimpleNamespace(certificates=lambda org, shown: presented)
    found = certificates(engine, "mercy", {}, int(now.timestamp() * 1000))
    assert [(one.kind, one.says) for one in found] == [
        ("good", "90 days left"), ("doubt", "29 days left"), ("bad", "6 days left"), ("bad", "expired"),
        ("idle", "not seen yet"), ("bad", "the secret is not there"),
    ]  # fmt: skip


def test_an_engine_tells_the_certificates_of_a_hospitals_connections(bundles, tmp_path):
    import trustme

    from segwright.delivery.engine import Engine
    from segwright.delivery.live import Live
    from segwright.delivery.settings import ListenerSettings, ServerTls, Settings
    from segwright.ledger.migrate import upgrade
    from segwright.ledger.store import Store
    from segwright.plan.bundle import read_bundle

    issued = trustme.CA().issue_cert("segwright.example")
    identity = b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem))
    (tmp_path / "server.pem").write_bytes(identity)
    live = Live(read_bundle(bundles / "larkspur" / "test", organisation="larkspur", environment="test"))
    listener = ListenerSettings("127.0.0.1:0", ServerTls(f"file:{tmp_path / 'server.pem'}"))
    settings = Settings("test", str(bundles), "", listeners={"larkspur-test": listener})
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(store)
    try:
        engine = Engine(
            settings, store, {"larkspur": live}, environ={"LARKSPUR_TEST_TLS": identity.decode()}, listen=False
        )
        found = {(one.where, one.whose): one for one in engine.certificates("larkspur", {})}
        names = {key: one.certificate.names if one.certificate else None for key, one in found.items()}
        assert names == {
            ("destination outbound", "ours"): ("segwright.example",), ("destination outbound", "theirs"): None,
            ("listener larkspur-test", "ours"): ("segwright.example",),
        }  # fmt: skip
        without = Engine(settings, store, {"larkspur": live}, environ={}, listen=False)
        (ours, *_) = without.certificates("larkspur", {})
        assert ours.certificate is None
        assert "LARKSPUR_TEST_TLS" in ours.fault
    finally:
        store.close()


# --- one poller -----------------------------------------------------------------------------------------------------------------


class _Engine:
    """A ledger that changes when it is told to, and counts who looks."""

    def __init__(self) -> None:
        self.reads = 0
        self.found: dict[str, object] = {}

    async def read(self, function):
        self.reads += 1
        if self.reads == 1:
            return {}
        found, self.found = self.found, {}
        return found, {}


def test_one_poller_feeds_all_browsers_and_stops_with_the_last(monkeypatch):
    from segwright.ledger.feed import Changed
    from segwright.pages.board import live

    monkeypatch.setattr(live, "EVERY", 0.01)

    async def run():
        engine: Any = _Engine()
        feed = Feed(engine)
        streams = [feed.follow("mercy" if n else "grace") for n in range(20)]
        assert [await anext(stream) for stream in streams] == [("ready", "[]")] * 20
        await asyncio.sleep(0.05)
        assert engine.reads < 10, "twenty browsers are one look at a time"
        engine.found = {"mercy": Changed(frozenset({"built"}), frozenset({7, 5}), frozenset())}
        told = await asyncio.gather(*(anext(stream) for stream in streams[1:]))
        assert set(told) == {("changed", "[5,7]")}
        waiting = asyncio.ensure_future(anext(streams[0]))
        engine.found = {"mercy": Changed(frozenset({"order"}), frozenset(), frozenset({1}))}
        assert await anext(streams[1]) == ("changed", "[0]"), "no delivery, but something"
        engine.found = {"mercy": Changed(frozenset(), frozenset(range(1, 500)), frozenset())}
        assert await anext(streams[2]) != ("ready", "[]")
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for stream in streams:
            await stream.aclose()
        before = engine.reads
        await asyncio.sleep(0.05)
        assert engine.reads == before, "nobody watches, nobody looks"

    asyncio.run(run())


def test_a_stream_ends_when_the_records_cannot_be_reached():
    class Engine(_Engine):
        async def read(self, function):
            if self.reads:
                raise Unavailable("gone")
            return await super().read(function)

    async def run():
        stream = Feed(Engine()).follow("mercy", "0-3")  # type: ignore[arg-type]
        assert [one async for one in stream] == []

    asyncio.run(run())


def test_what_many_ask_for_at_once_is_worked_out_once():
    async def run():
        engine: Any = _Engine()
        feed, made = Feed(engine), []

        async def make():
            made.append(1)
            await asyncio.sleep(0.01)
            return len(made)

        assert await asyncio.gather(*(feed.shared("mercy", make) for _ in range(10))) == [1] * 10
        assert await feed.shared("grace", make) == 2

    asyncio.run(run())
