"""Makes the manifest of a bundle: what receiving, deciding, sending and acknowledging need of an organisation's configuration.

Takes a compiled organisation, its plans and the texts of the workspace; gives `plan.manifest.Manifest`. Refuses nothing: org.yaml
was checked. What an environment says under `instead` comes first everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from segwright.codes.icd10cm import dotted
from segwright.core.source import Source
from segwright.orgs import forms
from segwright.orgs.csvfile import read_rows
from segwright.orgs.organisation import Organisation
from segwright.plan import manifest as made
from segwright.plan.canonical import plan_hash
from segwright.plan.manifest import Manifest
from segwright.plan.model import Model
from segwright.plan.ops import Plan
from segwright.service.diagnoses import NONE
from segwright.service.settings import plan_encoding


def manifest_of(
    organisation: Organisation, environment: str, model: Model, plans: Mapping[str, Plan], sources: Mapping[str, Source]
) -> Manifest:
    """The manifest of an organisation in an environment. `plans` by message; `sources` by file."""
    given = _Given(organisation, environment)
    return Manifest(
        organisation=organisation.id,
        name=organisation.name,
        environment=environment,
        model=model,
        parties=made.Parties(ours=_party(given("sending")), theirs=_party(given("receiving"))),
        encoding=plan_encoding(organisation),
        zone=given("times", "zone"),
        processing_id=given("environment", "processing_id"),
        catalogue=tuple(_entry(organisation, plan) for plan in plans.values()),
        destinations=_destinations(given),
        listener=_listener(given),
        delivery=_delivery(given),
        acknowledgement=_acknowledgement(given),
        intake=_intake(given),
        batch=organisation.encoding.batch,
        diagnoses=_diagnoses(given, sources),
    )


class _Given:
    """What org.yaml gives a key in an environment: the value, or None."""

    def __init__(self, organisation: Organisation, environment: str) -> None:
        self.organisation = organisation
        self.environment = environment

    def __call__(self, *key: str) -> Any:
        found = self.organisation.value(key, self.environment)
        return None if found is None else found.value

    def milliseconds(self, *key: str) -> int | None:
        """A duration such as `5s`."""
        text = self(*key)
        return None if text is None else forms.milliseconds(text)

    def needed(self, *key: str) -> int:
        """A duration that the schema requires."""
        return self.milliseconds(*key) or 0


def _party(side: Mapping[str, Any]) -> made.Party:
    facility = side["facility"]
    return made.Party(
        made.Identifier(side["application"], side.get("application_id", ""), side.get("application_type", "")),
        made.Identifier(facility["namespace"], facility.get("id", ""), facility.get("type", "")),
    )


def _entry(organisation: Organisation, plan: Plan) -> made.Entry:
    entry = organisation.catalogue[plan.message]
    return made.Entry(
        entry.name,
        plan.direction,
        plan.types,
        plan_hash(plan),
        kinds=dict(entry.kinds),
        orders=entry.orders,
        to=(entry.to or made.OUTBOUND) if entry.writes else "",
        unsolicited=bool(entry.unsolicited),
        message_per="group" if entry.message_per == "group" else "order",
        mandatory=organisation.mandatory.get(entry.name, ()),
    )


def _destinations(given: _Given) -> dict[str, made.Destination]:
    connections = {made.OUTBOUND: given("environment", "outbound"), **(given("environment", "destinations") or {})}
    return {name: _destination(connection) for name, connection in connections.items()}


def _destination(connection: Mapping[str, Any]) -> made.Destination:
    address = forms.address(connection["mllp"])
    assert address is not None, "org.yaml was checked"
    tls = connection.get("tls")
    return made.Destination(
        address.host,
        address.port,
        None if tls is None else made.Tls(tls["identity"], tls.get("trust", ""), tls.get("server_name", "")),
        connection.get("plain_because", ""),
    )


def _listener(given: _Given) -> made.Listener:
    inbound = given("environment", "inbound")
    return made.Listener(
        inbound["listener"],
        tuple(_party(sender) for sender in inbound.get("senders", (given("receiving"),))),
        tuple(inbound.get("clients", ())),
        tuple(inbound.get("networks", ())),
    )


def _intake(given: _Given) -> made.Intake:
    kilobytes = given("intake", "largest")
    return made.Intake(
        mllp=given("intake", "mllp"),
        constant_ids=bool(given("intake", "constant_ids")),
        ignore_time=bool(given("intake", "ignore_time")),
        largest=None if kilobytes is None else kilobytes * 1024,
    )


def _delivery(given: _Given) -> made.Delivery:
    return made.Delivery(
        when_uncertain=given("delivery", "when_uncertain"),
        first=given.needed("delivery", "retry", "first"),
        most=given.needed("delivery", "retry", "most"),
        during=given.needed("delivery", "retry", "for"),
        connect=given.milliseconds("delivery", "connect_within"),
        write=given.milliseconds("delivery", "write_within"),
        messages_per_minute=given("delivery", "messages_per_minute"),
        duplicate_refusal=given("delivery", "duplicate_refusal"),
        unsent_final=given("delivery", "unsent_final"),
        reuse_after=given.milliseconds("delivery", "reuse_after"),
        four_eyes_above=given("delivery", "four_eyes_above"),
    )


def _acknowledgement(given: _Given) -> made.Acknowledgement:
    return made.Acknowledgement(
        accept=given("acknowledgement", "accept"),
        application=given("acknowledgement", "application"),
        answer=given.needed("acknowledgement", "answer_within"),
        confirmation=given.milliseconds("acknowledgement", "application_within"),
        confirmation_on=given("acknowledgement", "application_on"),
        other_control_id=bool(given("acknowledgement", "other_control_id")),
    )


def _diagnoses(given: _Given, sources: Mapping[str, Source]) -> made.Diagnoses | None:
    if given("diagnosis", "codes") is None:
        return None
    return made.Diagnoses(
        tuple(
            made.Choice(
                dotted(row["code"].strip()),
                row["display"],
                tuple(each for part in row.get("synonyms", "").split(";") if (each := part.strip())),
                row.get("first", "").strip() != "no",
            )
            for row in _rows(given, sources, given("diagnosis", "codes"))
        ),
        given("diagnosis", "maximum"),
        given("diagnosis", "minimum") or 0,
        tuple(
            made.Suggestion(
                dotted(row["code"].strip()),
                row["finding"].strip(),
                row["name"].strip(),
                row.get("confidence", "").strip(),
            )
            for row in _rows(given, sources, given("diagnosis", "suggestions"))
        ),
    )


def _rows(given: _Given, sources: Mapping[str, Source], name: str | None) -> Iterator[dict[str, str]]:
    """The rows of an organisation's CSV file by column; none where it has no such file."""
    if name is None or name == NONE:
        return
    table, _ = read_rows(sources[f"orgs/{given.organisation.id}/{name}"])
    assert table is not None, "the file was checked"
    for row in table.rows:
        yield {column: cell.text for column, cell in zip(table.names, row, strict=True)}
