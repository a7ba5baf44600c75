"""The diagnoses of a result: its date of service, what was found, and the editions that the server was told of."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from segwright.codes.editions import NoEdition
from segwright.codes.importing import write_edition
from segwright.codes.judging import Found
from segwright.delivery import billing, desk
from segwright.delivery.engine import editions_of
from segwright.delivery.live import Live
from segwright.delivery.settings import parsed
from tests.codes.small import FIRST

SETTINGS = 'environment = "test"\nbundles = "b"\ndatabase = "sqlite:///x.db"\n'
RESULT = {
    "id": "r", "version": 1, "status": "preliminary", "study": "s", "observed_at": "2026-05-04T09:00:00-07:00",
    "issued_at": "2026-05-04T09:05:00-07:00", "measurements": [], "criteria": [], "comments": [],
    "findings": [], "diagnoses": [],
}  # fmt: skip


def record(live: Live, **members: object):
    return desk.canonical(live, json.dumps({**RESULT, **members}).encode())[0]


@pytest.mark.parametrize(
    ("org", "observed", "on"),
    [
        ("larkspur", "2026-10-01T04:59:59+00:00", date(2026, 9, 30)),  # in Chicago still the evening before
        ("larkspur", "2026-10-01T05:00:00+00:00", date(2026, 10, 1)),
        ("larkspur", "2026-10-01T00:30-07:00", date(2026, 10, 1)),
        ("larkspur", "2026-10-01", date(2026, 10, 1)),
        ("larkspur", "2026-10", None),
    ],
)
def test_the_date_of_service_is_the_day_in_the_hospitals_zone(lives, org: str, observed: str, on: date | None):
    assert billing.service_day(lives[org], record(lives[org], observed_at=observed)) == on


def test_findings_are_read_as_the_algorithm_gave_them(lives):
    findings = [{"name": "AF", "code": "164889003", "confidence": 0.97}, {"name": "ST elevation, inferior"}]
    live = lives["larkspur"]
    made = record(live, findings=findings, diagnoses=[{"code": "I48.91", "display": "x"}])
    assert billing.findings_of(live, made) == (
        Found("AF", "164889003", Decimal("0.97")),
        Found("ST elevation, inferior"),
    )
    assert [one.code for one in billing.suggestions_for(live, made)] == ["I48.91", "R94.31"]
    assert billing.codes_of(live, made) == ("I48.91",)
    assert billing.against(live, made, ["I48.91"]) == ()


@pytest.mark.parametrize("org", ["larkspur", "northgate", "stbrigid", "tamarack"])
def test_every_hospital_suggests_something_for_atrial_fibrillation_and_may_sign_it(lives, org: str):
    live = lives[org]
    made = record(live, findings=[{"name": "Atrial fibrillation", "code": "164889003", "confidence": 0.95}])
    (one,) = billing.suggestions_for(live, made)
    assert one.code == "I48.91"
    assert billing.against(live, made, [one.code]) == ()


def test_the_settings_name_a_folder_of_further_editions(tmp_path: Path):
    assert [each.name for each in editions_of(parsed(SETTINGS.encode(), "s"), tmp_path).all] == ["2026-04", "2027"]
    told = parsed((SETTINGS + '[codes]\neditions = "codes"\n').encode(), "s")
    with pytest.raises(NoEdition, match="it is no folder"):
        editions_of(told, tmp_path)
    write_edition(FIRST, "2028", date(2027, 10, 1), date(2028, 9, 30), "x", tmp_path / "codes")
    assert [each.name for each in editions_of(told, tmp_path).all] == ["2026-04", "2027", "2028"]
