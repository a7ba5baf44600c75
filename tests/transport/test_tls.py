import os
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from segwright.transport.tls import (
    ALERT_DAYS,
    TlsMistake,
    certificates_in,
    client_context,
    client_key,
    expiry_alert,
    server_context,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = b"-----BEGIN"


def parts(identity: bytes) -> tuple[bytes, bytes]:
    """The certificates of an identity, and its key."""
    at = identity.rindex(KEY)
    return identity[:at], identity[at:]


def test_a_certificate_says_for_whom_and_until_when_it_is(authority):
    end = datetime(2027, 3, 1, 8, tzinfo=UTC)
    pem = authority.identity("EHR.example", "10.1.2.3", "a@b.example", not_after=end)
    found = certificates_in(pem)[0]
    assert (found.names, found.not_after) == (("ehr.example", "10.1.2.3", "a@b.example"), end)
    der = ssl.PEM_cert_to_DER_cert(
        parts(pem)[0].decode().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    )
    import hashlib

    assert found.fingerprint == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    ("left", "alert"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30), None),
        (timedelta(days=30, seconds=-1), 30),
        (timedelta(days=14), 30),
        (timedelta(days=13), 14),
        (timedelta(days=6, hours=23), 7),
        (timedelta(seconds=1), 7),
        (timedelta(seconds=-1), 0),
        (timedelta(days=-400), 0),
    ],
)
def test_row_40_people_are_told_30_14_and_7_days_before_a_certificate_expires(authority, left, alert):
    soon = certificates_in(authority.identity(not_before=NOW - timedelta(days=900), not_after=NOW + left))
    later = certificates_in(authority.identity(not_after=NOW + timedelta(days=300)))
    assert expiry_alert([*later, *soon], NOW) == alert
    assert expiry_alert([], NOW) is None
    assert ALERT_DAYS == (30, 14, 7)


def test_tls_1_2_is_the_least_and_names_are_checked(authority):
    client = client_context(trust=authority.pem)
    server = server_context(identity=authority.identity())
    assert client.minimum_version == server.minimum_version == ssl.TLSVersion.TLSv1_2
    assert client.check_hostname
    assert client.verify_mode is ssl.CERT_REQUIRED
    assert server.verify_mode is ssl.CERT_NONE
    assert server_context(identity=authority.identity(), clients=authority.pem).verify_mode is ssl.CERT_REQUIRED


def test_without_authorities_of_its_own_a_client_trusts_the_machines(authority):
    assert client_context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_no_identity_is_refused_without_a_word_of_the_key(authority, stranger, in_memory, monkeypatch):
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    certificates, key = parts(authority.identity())
    locked = load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    server_context(identity=certificates + key)
    for identity, mistake in (
        (b"", "no certificate"),
        (key, "no certificate"),
        (b"garbage", "no certificate"),
        (certificates, "no private key"),
        (certificates + key[:100], "no private key"),
        (certificates + locked, "no private key"),
        (certificates + parts(stranger.identity())[1], "another certificate"),
    ):
        with pytest.raises(TlsMistake, match=mistake) as refused:
            server_context(identity=identity)
        assert key[60:80].decode() not in str(refused.value)


def test_what_is_no_authority_is_refused(authority):
    with pytest.raises(TlsMistake, match="no certificate"):
        client_context(trust=b"garbage")
    with pytest.raises(TlsMistake, match="no certificate"):
        server_context(identity=authority.identity(), clients=b"garbage")


def test_a_client_is_written_in_many_ways_and_spelt_in_one():
    digits = "0123456789abcdef" * 4
    pairs = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    assert {client_key(text) for text in (digits, digits.upper(), pairs, f"SHA256:{pairs}", f" sha256:{digits} ")} == {
        digits
    }
    assert client_key(" EHR.Mercy.example ") == "ehr.mercy.example"
    assert client_key(digits[:-1]) == digits[:-1]
