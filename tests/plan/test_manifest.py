"""Manifests: what one may hold is refused by its types, what may not stand together by `faults`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from segwright.plan.canonical import NotCanonical, decode, encode
from segwright.plan.manifest import Choice, Delivery, Destination, Diagnoses, Listener, Manifest, Tls, faults
from tests.plan.test_bundle import THEIRS, manifest

PLAIN = Destination("ehr.mercy.example", 6661)
ENCRYPTED = Destination("ehr.mercy.example", 6661, Tls("file:/run/secrets/mercy.pem"))
PRODUCTION: dict[str, Any] = {"environment": "production", "processing_id": "P"}


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """The catalogue with one entry changed."""
    entries = list(manifest().catalogue)
    entries[number] = msgspec.structs.replace(entries[number], **changes)
    return {"catalogue": tuple(entries)}


def test_a_manifest_that_holds_together_has_no_faults() -> None:
    assert faults(manifest()) == []
    assert faults(manifest(**PRODUCTION, destinations={"outbound": ENCRYPTED})) == []
    because = msgspec.structs.replace(PLAIN, plain_because="inside the tunnel to Mercy")
    assert faults(manifest(**PRODUCTION, destinations={"outbound": because})) == []
    assert decode(encode(manifest()), Manifest) == manifest()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (entry(1, name="simple"), "a message stands in the catalogue twice"),
        (entry(1, types=("ORM^O01", "ORM^O01")), "a message type is read twice"),
        (entry(0, kinds={}), "simple writes"),
        (entry(0, orders=("new",)), "simple writes"),
        (entry(0, types=("ORU^R01", "ORU^R32")), "simple writes"),
        (entry(0, to="billing"), "goes to a destination that the manifest does not have"),
        (entry(0, to=""), "goes to a destination that the manifest does not have"),
        (entry(1, orders=()), "ecg_order reads"),
        (entry(1, kinds={"final": "yes"}), "ecg_order reads"),
        (entry(1, to="outbound"), "ecg_order reads"),
        (entry(1, unsolicited=True), "ecg_order reads"),
        (entry(1, mandatory=("PID-3",)), "ecg_order reads"),
        ({"destinations": {"ehr": PLAIN}}, "no destination `outbound`"),
        ({"processing_id": "P"}, "processing id P belongs to production"),
        ({"environment": "production", "destinations": {"outbound": ENCRYPTED}}, "processing id P"),
        ({**PRODUCTION, "destinations": {"outbound": PLAIN}}, "neither TLS nor a reason"),
        (
            {"destinations": {"outbound": msgspec.structs.replace(ENCRYPTED, plain_because="a tunnel")}},
            "TLS and a reason why not",
        ),
        ({"listener": Listener("mercy", (THEIRS,), networks=("10.0.0.300/16",))}, "a network that is none"),
        ({"delivery": Delivery("hold", 2, 1, 3)}, "not in order"),
        ({"delivery": Delivery("hold", 1, 3, 2)}, "not in order"),
        ({"diagnoses": Diagnoses((), 1, 2)}, "fewer diagnoses"),
        ({"diagnoses": Diagnoses((Choice("I10", "a"), Choice("I10", "b")), 2)}, "among the choices twice"),
        ({"encoding": msgspec.structs.replace(manifest().encoding, msh2="^^\\&")}, "encoding: the delimiters"),
    ],
)
def test_what_may_not_stand_together_is_a_fault(changes: dict[str, Any], said: str) -> None:
    found = faults(manifest(**changes))
    assert any(said in fault for fault in found), found


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("destinations", "outbound", "port"), 70_000),
        (("destinations", "outbound", "port"), 0),
        (("destinations", "outbound", "host"), ""),
        (("destinations", "outbound", "tls", "identity"), "-----BEGIN PRIVATE KEY-----"),
        (("destinations", "outbound", "tls", "identity"), "env:MERCY TLS"),
        (("destinations", "outbound", "tls", "identity"), "env:MERCY_TLS\n"),
        (("destinations", "outbound", "tls", "trust"), "relative/path.pem"),
        (("listener", "senders"), []),
        (("listener", "name"), ""),
        (("delivery", "first"), 0),
        (("delivery", "when_uncertain"), "drop"),
        (("acknowledgement", "answer"), "30s"),
        (("acknowledgement", "accept"), "always"),
        (("catalogue",), []),
        (("catalogue", 0, "kinds", "final"), "perhaps"),
        (("catalogue", 1, "orders"), ["renew"]),
        (("parties", "ours", "application", "namespace"), ""),
        (("processing_id",), "X"),
        (("batch",), "files"),
    ],
)
def test_what_a_member_may_not_hold_is_refused_when_it_is_read(place: tuple[Any, ...], value: Any) -> None:
    document = json.loads(encode(manifest()))
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(NotCanonical):
        decode(encode(document), Manifest)


def test_a_message_goes_to_its_own_destination() -> None:
    billing = Destination("billing.mercy.example", 6662)
    both = manifest(**entry(0, to="billing"), destinations={"outbound": PLAIN, "billing": billing})
    assert both.destination("simple") == billing
    with pytest.raises(KeyError):
        both.destination("ecg_order")
    with pytest.raises(KeyError):
        both.destination("other")
