"""A bundle that is live: an organisation's catalogue, policy and plans, as the ledger and the reception ask for them.

Takes a loaded bundle (`plan.bundle`); gives a `Live` hospital that reads orders, decodes results, writes messages and
answers what the ledger asks (`ledger.hospital.Hospital`). Refuses, with `NotWritten`, a message that cannot be written;
problems name places and kinds, never values. A message is always written by the plan it was enqueued under: older plans
are fetched by their hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Final

import msgspec

from segwright.codes.editions import Editions, editions
from segwright.codes.judging import Rules
from segwright.delivery.approved import Judged
from segwright.hl7.values import Moment
from segwright.ledger.hospital import Material, NotWritten, Owed, Policy
from segwright.plan import ops
from segwright.plan.admit import admit
from segwright.plan.approval import items_of
from segwright.plan.bundle import Bundle
from segwright.plan.canonical import NotCanonical, encode_plan, hash_of
from segwright.plan.explain import Explanation
from segwright.plan.manifest import Entry, Manifest
from segwright.plan.model import Model, Type
from segwright.plan.pieces import Pieces
from segwright.plan.validate import PlanRefused
from segwright.runtime.decode import DecodeRefused, decode
from segwright.runtime.encode import Encoder
from segwright.runtime.load import Disagreement, MessageRefused, Reader, Writer, load
from segwright.runtime.outcome import Problem

Record = tuple[Any, ...]

ORDER, PATIENT, RESULT, EVENT = (Type("record", name) for name in ("Order", "Patient", "Result", "OrderEvent"))
GIVEN: Final = ("order", "group", "patient", "message", "previous")
CRITICAL: Final = ("critical_high", "critical_low")
"""Flags of a measurement that somebody must be told of at once."""
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter that is taken for a digit

PlanSource = Callable[[str], bytes | None]


class Live:
    """One organisation in the environment of this server. `plans`: where plans that are not in the bundle are kept, by
    hash. `judged`: how it stands with its approvals; None where nobody asked. `known`: the editions of ICD-10-CM that codes
    are judged by; None knows those that come with segwright."""

    def __init__(
        self,
        bundle: Bundle,
        plans: PlanSource = lambda _: None,
        judged: Judged | None = None,
        known: Editions | None = None,
    ) -> None:
        self.bundle = bundle
        self._known = known
        self.judged = judged
        self.manifest: Manifest = bundle.manifest
        self.model: Model = bundle.manifest.model
        self.policy = _policy(bundle.manifest)
        self._encoder = Encoder(self.model)
        self._plans = plans
        self._own = {entry.plan: bundle.plans[entry.name] for entry in self.manifest.catalogue}
        self._loaded: dict[str, Writer | Reader] = {}
        self._explanations: dict[str, Explanation | None] = {}
        self._priorities = _priorities(self.model)
        self._owed = {kind: tuple(_owed(self.manifest, kind)) for kind in _kinds(self.manifest)}
        self._addresses = {
            name: hashlib.sha256(msgspec.json.encode(destination, order="deterministic")).hexdigest()
            for name, destination in self.manifest.destinations.items()
        }

    @cached_property
    def coding(self) -> Rules:
        """Which diagnoses may be chosen here."""
        return Rules(self.manifest.diagnoses, self._known or editions())

    # --- what the ledger asks ---

    @property
    def org(self) -> str:
        """Its id."""
        return self.manifest.organisation

    @cached_property
    def items(self) -> dict[str, str]:
        """What an approval of it is bound to: the hash of each plan and of the policy."""
        return items_of(self.manifest)

    def owed(self, kind: str) -> tuple[Owed, ...]:
        """The messages that go out for a kind."""
        return self._owed.get(kind, ())

    def address(self, destination: str) -> str:
        """The hash of where a destination is, "" when there is none of this name."""
        return self._addresses.get(destination, "")

    def control_id(self, now: int) -> str:
        """A new MSH-10: when, and chance, in 16 characters (20 are allowed up to 2.6)."""
        return _base32(now, 9) + _base32(secrets.randbits(35), 7)

    def urgency(self, order: bytes) -> int:
        """The place of an order's `priority` among those that the model declares, the most urgent first; the last one for an
        order that does not say, or without an order."""
        declared = self._priorities
        if not declared:
            return 0
        said = msgspec.json.decode(order, type=_Prioritised).priority if order else None
        return declared.index(said) if said in declared else len(declared) - 1

    def critical(self, result: bytes) -> bool:
        """Whether any measurement of a result is flagged as critical. A model without measurements or flags has none."""
        found = msgspec.json.decode(result, type=_Measured).measurements
        return isinstance(found, list) and any(isinstance(one, dict) and one.get("flag") in CRITICAL for one in found)

    def write(self, plan: str, material: Material, sent_as: str, now: int, control_id: str) -> bytes:
        """The message, by the plan with this hash. Raises `NotWritten`."""
        writer, declared = self.plan(plan)
        assert isinstance(writer, Writer)
        try:
            return writer.render(self._inputs(declared, material, sent_as, now, control_id))
        except MessageRefused as refused:
            raise NotWritten(self._said(declared, refused.problems)) from None
        except DecodeRefused as refused:
            raise NotWritten(tuple(f"what is stored does not fit the live model: {refused}".split("; "))) from None
        except Disagreement:
            raise NotWritten(("a fault of the engine: its two ways to write this message differ",)) from None

    # --- plans ---

    def plan(self, plan_hash: str) -> tuple[Writer | Reader, ops.Plan]:
        """A plan ready to run, and the plan without its operations. Raises `NotWritten` when it is nowhere to be had."""
        declared = self._own.get(plan_hash)
        if declared is None:
            declared = self._fetched(plan_hash)
        if plan_hash not in self._loaded:
            self._loaded[plan_hash] = load(declared)
        return self._loaded[plan_hash], declared.frame

    def _fetched(self, plan_hash: str) -> Pieces:
        body = self._plans(plan_hash)
        if body is None or hash_of(body) != plan_hash:
            raise NotWritten(("the plan that it was enqueued under is not kept",))
        try:
            declared = admit(body)
        except NotCanonical:
            raise NotWritten(("the plan that it was enqueued under cannot be read",)) from None
        except PlanRefused:
            raise NotWritten(("the plan that it was enqueued under may not run on this engine",)) from None
        self._own[plan_hash] = declared
        return declared

    def plan_bodies(self) -> dict[str, bytes]:
        """The canonical bytes of every plan of the bundle, by hash."""
        return {entry.plan: encode_plan(self.bundle.plans[entry.name].plan) for entry in self.manifest.catalogue}

    def explanation(self, message: str) -> Explanation | None:
        """Where the plan of a message comes from; read once."""
        if message not in self._explanations:
            self._explanations[message] = self.bundle.explanation(message)
        return self._explanations[message]

    def _said(self, plan: ops.Plan, found: tuple[Problem, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(said(self.explanation(plan.message), problem) for problem in found))

    # --- inputs ---

    def subject_type(self, plan: ops.Plan) -> tuple[str, Type]:
        """The input that is decoded from JSON."""
        return next((given.name, given.type) for given in plan.inputs if given.name not in GIVEN)

    def _inputs(self, plan: ops.Plan, material: Material, sent_as: str, now: int, control_id: str) -> list[Any]:
        name, type_ = self.subject_type(plan)
        subject: Record = decode(self.model, type_, material.subject)
        status = self.model.records[type_.name].index("status")
        if subject[status] != sent_as:
            subject = (*subject[:status], sent_as, *subject[status + 1 :])
        orders = tuple(decode(self.model, ORDER, order, nulls=True) for order in material.orders)
        patient = None
        if material.patient is not None:
            patient = decode(self.model, PATIENT, material.patient, nulls=True)
        elif type_.name == RESULT.name:
            patient = subject[self.model.records[type_.name].index("patient")]
        if patient is None and any(given.name == "patient" for given in plan.inputs):
            raise NotWritten(("neither an order nor the result says whose it is",))
        given = {
            name: subject, "order": orders[0] if orders else None, "group": orders, "patient": patient,
            "message": (moment(now), control_id, sent_as),
        }  # fmt: skip
        return [given.get(each.name) for each in plan.inputs]

    # --- documents ---

    def encoded(self, type_: Type, record: Record) -> bytes:
        """The document of a record of the model."""
        return self._encoder.encode(type_, record)

    def decoded(self, type_: Type, document: bytes) -> Record:
        """A document of the model. Raises `DecodeRefused`."""
        record: Record = decode(self.model, type_, document)
        return record

    def attribute(self, type_: Type, record: Record, name: str) -> Any:
        """An attribute of a record; None when the model has none of this name."""
        index = self.model.records[type_.name].index(name)
        return None if index < 0 else record[index]

    # --- in ---

    def reads(self, type_: str) -> tuple[Entry, Reader] | None:
        """The catalogue's entry and reader for a message type."""
        for entry in self.manifest.catalogue:
            if entry.direction == "reads" and type_ in entry.types:
                reader, _ = self.plan(entry.plan)
                assert isinstance(reader, Reader)
                return entry, reader
        return None

    @property
    def charset(self) -> str:
        """The character set of what it sends without saying so."""
        return self.manifest.encoding.codec


class _Prioritised(msgspec.Struct, frozen=True):
    """Of an order's document what says how soon it is wanted. (HL7 null is an object there.)"""

    priority: Any = None


class _Measured(msgspec.Struct, frozen=True):
    """Of a result's document what says whether somebody must be told at once."""

    measurements: Any = None


def _priorities(model: Model) -> tuple[str, ...]:
    declared = next((one for one in model.records[ORDER.name].attributes if one.name == "priority"), None)
    return model.enums.get(declared.type.name, ()) if declared is not None else ()


def said(explanation: Explanation | None, problem: Problem) -> str:
    """A problem in words: the field, what stands against it, and the line of the mapping."""
    facts = ", ".join(f"{name} {value}" for name, value in sorted(problem.facts.items()) if name != "table")
    what = problem.kind.replace("_", " ") + (f" ({facts})" if facts else "")
    if explanation is None or not 0 <= problem.op < len(explanation.of) or explanation.of[problem.op] < 0:
        return what
    entry = explanation.entries[explanation.of[problem.op]]
    where = f" at {entry.place.file}:{entry.place.line}" if entry.place.line else ""
    return f"{entry.address}: {what}{where}"


def moment(now: int) -> Moment:
    """A time in ms since 1970 as the runtime takes it."""
    at = datetime.fromtimestamp(now / 1000, UTC)
    return Moment(at.strftime("%Y%m%d%H%M%S") + f".{now % 1000:03d}", 0)


def answer_time(now: int) -> str:
    """The same as acknowledgements say it in their MSH-7: to the second, in UTC."""
    return _answer_time(now // 1000)


@lru_cache(maxsize=4)
def _answer_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S+0000")


def _base32(number: int, digits: int) -> str:
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(digits)))


def _kinds(manifest: Manifest) -> set[str]:
    return {kind for entry in manifest.catalogue for kind in entry.kinds}


def _owed(manifest: Manifest, kind: str) -> list[Owed]:
    return [
        Owed(entry.name, entry.to, gate, entry.message_per, entry.unsolicited, entry.plan)
        for entry in manifest.catalogue
        if (gate := entry.kinds.get(kind, "no")) != "no"
    ]


def _policy(manifest: Manifest) -> Policy:
    delivery, acknowledgement = manifest.delivery, manifest.acknowledgement
    return Policy(
        when_uncertain=delivery.when_uncertain, first=delivery.first, most=delivery.most, budget=delivery.during,
        unsent_final=delivery.unsent_final, duplicate_refusal=delivery.duplicate_refusal,
        reuse_after=delivery.reuse_after or 0, four_eyes_above=delivery.four_eyes_above,
        awaits_application=acknowledgement.application in ("AL", "SU") and acknowledgement.accept != "NE",
        application_within=acknowledgement.confirmation or 0, per_minute=delivery.messages_per_minute or 0,
    )  # fmt: skip
