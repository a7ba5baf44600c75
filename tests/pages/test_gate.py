"""What stands between a browser and the views: cookies, addresses, settings."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from segwright.delivery.settings import SettingsRefused, parsed
from segwright.pages.gate import Cookies, address_of, is_secure, secured

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
