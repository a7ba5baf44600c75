"""What stands between a browser and the views: cookies, addresses, settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from segwright.delivery.settings import SettingsRefused, parsed
from segwright.pages.answer import Stream
from segwright.pages.drawing import Drawing, Static, lasting
from segwright.pages.gate import Cookies, address_of, is_secure, secured, streamed

PLAIN = 'environment = "test"\nbundles = "b"\ndatabase = "sqlite:///l.db"\n'


def request(client: str, **headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "client": (client, 1), "headers": named})


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("198.51.100.7", "", "198.51.100.7"), ("198.51.100.7", "10.1.1.1", "198.51.100.7"), ("10.20.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.20.0.7", "192.0.2.1, 203.0.113.9", "203.0.113.9"), ("10.20.0.7", "203.0.113.9, 10.20.0.7", "203.0.113.9"),
        ("10.20.0.7", "", "10.20.0.7"), ("10.20.0.7", "nonsense", "nonsense"),
    ],
)  # fmt: skip
def test_an_address_is_believed_from_known_proxies_only(client, forwarded, found):
    headers = {"x_forwarded_for": forwarded} if forwarded else {}
    assert address_of(request(client, **headers), ["10.20.0.7/32"]) == found


@pytest.mark.parametrize(
    ("more", "secure"),
    [
        ("", False), ('[pages]\naddress = "https://pages.example"', True), ('[pages]\naddress = "http://pages.example"', False),
        ('[api]\ntls = {identity = "env:I"}', True),
    ],
)  # fmt: skip
def test_cookies_go_over_tls_only_where_people_come_by_tls(more, secure):
    settings = parsed((PLAIN + more).encode(), "s")
    assert is_secure(settings) is secure
    cookies, response = Cookies(secure=secure), Response()
    cookies.set(response, cookies.session, "t" * 43)
    said = response.headers["set-cookie"]
    assert (said.startswith("__Host-segwright="), "Secure" in said) == (secure, secure)
    assert "Domain" not in said
    assert ("strict-transport-security" in secured(response, secure=secure).headers) is secure


@pytest.mark.parametrize("given", ["", "short", "a" * 44, "a" * 42 + "é", "a b" * 14 + "a"])
def test_what_cannot_be_a_token_is_not_looked_up(given):
    assert Cookies(secure=False).read(request("::1", cookie=f"segwright={given}"), "segwright") == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[pages]\naddress = "pages.example"', "pages.address"), ('[pages]\nproxies = ["10.0.0.1/4"]', "no network"),
        ('[pages]\nidle_minutes = 0', "pages.idle_minutes"), ('[pages]\nlongest_hours = 25', "pages.longest_hours"),
        ('[pages.oidc]\nissuer = "https://i.example"\nclient = "c"\nsecret = "env:S"', "it needs `address`"),
        ('[pages.oidc]\nissuer = "i.example"\nclient = "c"\nsecret = "env:S"', "pages.oidc.issuer"),
        ('[pages.oidc]\nissuer = "https://i.example"\nclient = "c"\nsecret = "plain"', "pages.oidc.secret"),
    ],
)  # fmt: skip
def test_settings_of_the_pages_that_cannot_be_are_said(more, said):
    with pytest.raises(SettingsRefused, match=said):
        parsed((PLAIN + more).encode(), "s")


def test_in_production_the_provider_and_the_pages_need_tls():
    text = PLAIN.replace('"test"', '"production"') + (
        '[approvals]\nkeys = "k"\n[pages]\naddress = "http://p.example"\n'
        '[pages.oidc]\nissuer = "http://i.example"\nclient = "c"\nsecret = "env:S"\n'
    )
    with pytest.raises(SettingsRefused) as refused:
        parsed(text.encode(), "s")
    assert [fault.partition(": ")[2] for fault in refused.value.faults] == [
        "pages.address: production needs https", "pages.oidc.issuer: production needs https",
    ]  # fmt: skip


def test_a_stream_gives_its_events_and_ends_when_the_server_stops_or_its_time_is_over():
    async def events() -> AsyncIterator[tuple[str, str]]:
        yield "lanes", "<p>one</p>\n<p>two</p>"
        await asyncio.sleep(3600)

    async def taken(*, stop: bool, within: float) -> list[str]:
        stopping, out = asyncio.Event(), []
        async for text in streamed(Stream(events()), stopping, within=within):
            out.append(text)
            if stop:
                stopping.set()
        return out

    async def both() -> None:
        wanted = ["event: lanes\ndata: <p>one</p>\ndata: <p>two</p>\n\n"]
        assert await taken(stop=True, within=3600) == wanted
        assert await taken(stop=False, within=0.05) == wanted

    asyncio.run(both())


def test_htmx_gets_the_block_that_a_page_names_and_everything_is_escaped():
    drawing = Drawing(Static(), lambda name, **values: f"/{name}")
    values = {"title": "<b>", "text": "t", "status": 404, "visitor": None, "environment": "test"}
    text = drawing.page("refused.html", values, "main")
    assert "&lt;b&gt;" in text
    assert "<html" not in text


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (7_800_000, "2 h 10 min"),
        (36_000_000, "10 h"),
        (200_000_000, "2 d"),
    ],
)
def test_how_long_something_lasts_is_said_in_what_matters(ms, said):
    assert lasting(ms) == said


def test_times_are_drawn_on_the_hospitals_clock():
    drawn = drawing_of(
        "{{ 1772467200000 | when }} {{ 1772467200000 | ago }} {{ 1 | count('lane') }} {{ 2000 | count('delivery', 'deliveries') }}"
    )
    assert drawn == (
        '<time datetime="2026-03-02T16:00:00.000Z">2 Mar 2026, 10:00 <span class="zone">CST</span></time> 1 min 1 lane 2,000 deliveries'
    )


def drawing_of(template: str) -> str:
    drawing = Drawing(Static(), lambda name: name)
    values = {"zone": "America/Chicago", "now": 1772467260000}
    return drawing._environment.from_string(template).render(values)
