"""`segwright simulate`: what an analyst types, and what it says when something is missing."""

from __future__ import annotations

import pytest

from segwright.simulation.record import Event, Record, events
from tests.cli.conftest import call
from tests.ports import free_ports


@pytest.fixture
def served(workspace):
    """A workspace with bundles and settings as `segwright serve` leaves them, and nobody who listens."""
    home = workspace / ".segwright"
    assert call("compile", "--workspace", workspace, "--out", home / "bundles").exit_code == 0
    ports = free_ports(2)
    (home / "settings.toml").write_text(
        'environment = "test"\nbundles = "bundles"\ndatabase = "sqlite:///ledger.db"\n'
        f'[listeners.{_listener(home)}]\naddress = "127.0.0.1:{ports[0]}"\nnetworks = ["127.0.0.0/8"]\n'
        f'[instead.sample.outbound]\naddress = "127.0.0.1:{ports[1]}"\n'
    )
    return workspace


def _listener(home) -> str:
    import msgspec

    return msgspec.json.decode((home / "bundles" / "sample" / "test" / "manifest.json").read_bytes())["listener"][
        "name"
    ]


def test_it_listens_where_the_settings_say_and_keeps_its_file_beside_them(served):
    result = call("simulate", "sample", "--workspace", served, "--for", "0.1", "--mode", "blind lossy=2 prompt=8")
    assert result.exit_code == 0, result.output
    assert "blind lossy=2 prompt=8" in result.output
    assert "for what goes to `outbound`" in result.output
    assert list(events(served / ".segwright" / "sample.jsonl")) == []


def test_orders_that_nobody_takes_are_said_to_be_unanswered(served):
    result = call(
        "simulate", "sample", "--workspace", served, "--for", "0", "--orders", "2", "--cancels", "1", "--seed", "4"
    )
    assert result.exit_code == 0, result.output
    assert result.output.count("gets no answer") == 3
    assert [(e.what, e.number, e.control) for e in events(served / ".segwright" / "sample.jsonl") if e.what == "sent"] == [
        ("sent", 1, "new"), ("sent", 2, "new"), ("sent", 2, "cancel"),
    ]  # fmt: skip


def test_show_tells_what_the_file_says(tmp_path):
    file = tmp_path / "h.jsonl"
    record = Record(file)
    segments = ("MSH|^~\\&|A", "PID|1||X")
    for again in (False, True):
        record.add(
            Event(
                "2026-03-02T14:05:00.000Z",
                "filed",
                "M1",
                type="ORU^R01",
                door="outbound",
                code="AA",
                about=("A1",),
                status="F",
                again=again,
                segments=segments,
            )
        )
    record.close()
    shown = call("simulate", "sample", "--workspace", ".", "--file", file, "--show").output
    assert "14:05:00.000" in shown
    assert "1  filed        ORU^R01 F" in shown
    assert "1  filed again  ORU^R01 F" in shown
    assert "PID" not in shown
    assert (
        "    PID|1||X" in call("simulate", "sample", "--workspace", ".", "--file", file, "--show", "--messages").output
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mode", "sleepy"], "sleepy is no mode"),
        (["--settings", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["--listen", "billing=127.0.0.1:1"], "sample has no destination billing"),
        (["--send", "nobody"], "no HOST:PORT"),
        (["--orders", "1", "--order", "nothing.hl7"], "nothing.hl7 cannot be read"),
        (["--show", "--file", "none.jsonl"], "none.jsonl cannot be read"),
    ],
)
def test_what_is_missing_is_said(served, arguments, said):
    result = call("simulate", "sample", "--workspace", served, "--for", "0", *arguments)
    assert result.exit_code != 0
    assert said in result.output.replace("\n", " ")


def test_an_unknown_hospital_and_production_are_refused(served):
    assert "manifest.json cannot be read" in call("simulate", "nobody", "--workspace", served, "--for", "0").output
    production = served / ".segwright" / "bundles" / "sample" / "production"
    assert (
        "nothing is simulated there"
        in call("simulate", "sample", "--workspace", served, "--bundle", production, "--for", "0").output
    )
