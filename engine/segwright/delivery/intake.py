"""A message that came, judged: how it is answered, and which orders are in it. Pure.

Takes the bytes of one message and the organisation whose listener or certificate it came by; gives an `Arrival` for the
inbox, the answers already built, and the orders as the ledger takes them. The organisation is never taken from the
message: MSH-3 to MSH-6 must agree with it. Nothing here raises on what was sent, and no text of an answer holds content
of the message."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from segwright.delivery.live import ORDER, PATIENT, Live, Record, answer_time
from segwright.hl7.acknowledgement import (
    Acknowledgement,
    Code,
    Fault,
    Header,
    acknowledge,
    fault_of,
    header_of,
    owed,
    read_acknowledgement,
)  # fmt: skip
from segwright.hl7.delimiters import STANDARD
from segwright.hl7.escape import escape, unescape
from segwright.hl7.paths import Path
from segwright.hl7.refusal import Refused
from segwright.hl7.values import Field
from segwright.hl7.wire import LARGEST, Message, open_message, split_batch
from segwright.ledger.cases import Name
from segwright.ledger.inbox import Arrival
from segwright.ledger.orders import Received, ReceivedOrder
from segwright.plan.manifest import Identifier, Party
from segwright.runtime.fields import NULL_TEXT
from segwright.runtime.outcome import Intake

Verdict = Literal["accepted", "error", "rejected"]

BETWEEN: Final = b"\x1c"
"""Stands between two answers to one message (accept, then application) where they are kept together: no message holds
it."""
LONGEST: Final = 500
"""Bytes of UTF-8 that a number, or a field of MSH that a message is known by, may have: more than any version of HL7 allows,
and few enough for the indexes of the ledger."""
UNFIT: Final = f"is longer than {LONGEST} bytes or holds a control character"
UNANSWERABLE: Final = "none"
"""The code of a message without an MSH to answer by: its connection is closed."""


class Came(msgspec.Struct, frozen=True):
    """A message as it came: by which listener, and when it is answered (ms and the control id of the answer)."""

    data: bytes
    listener: str
    now: int
    control_id: str


class Judged(msgspec.Struct, frozen=True):
    """What a message is. `orders` where there are any; `acknowledgement` when it is one, of a message of ours."""

    arrival: Arrival
    orders: Received | None = None
    acknowledgement: Acknowledgement | None = None

    @property
    def cancels(self) -> bool:
        """Whether an order is cancelled by it: that is done before it is answered."""
        return self.orders is not None and any(o.control == "cancel" for group in self.orders.groups for o in group)


class _No(Exception):
    """A reason against a message, found on the way."""

    def __init__(self, verdict: Verdict, reason: str, *faults: Fault, quarantined: bool = False) -> None:
        super().__init__(reason)
        self.verdict: Verdict = verdict
        self.reason = reason
        self.faults = faults
        self.quarantined = quarantined


def judge(live: Live, came: Came) -> Judged:
    """Judges one message."""
    header = header_of(came.data)
    if header is None:
        return Judged(_arrival(live, came, None, "refused", UNANSWERABLE, b"", "it has no MSH that could be answered"))
    try:
        message = _opened(live, came)
        _is_known_by(header)
        _agrees(live, header, message)
        if message.type.partition("^")[0] == "ACK":
            return _acknowledgement(live, came, header)
        orders = _orders(live, message)
    except _No as no:
        state: Literal["refused", "quarantined"] = "quarantined" if no.quarantined else "refused"
        code, answer = answers(header, no.verdict, came, no.reason, no.faults)
        return Judged(_arrival(live, came, header, state, code, answer, no.reason))
    code, answer = answers(header, "accepted", came)
    return Judged(_arrival(live, came, header, "stored", code, answer, ""), orders)


def given_up(live: Live, came: Came, why: str) -> Judged:
    """A message that could not be kept as it was judged, for a reason of ours: quarantined."""
    header = header_of(came.data)
    if header is None:
        return Judged(_arrival(live, came, None, "quarantined", UNANSWERABLE, b"", why))
    code, answer = answers(header, "error", came, why, (Fault("207", None, text=why),))
    return Judged(_arrival(live, came, header, "quarantined", code, answer, why))


def answers(
    header: Header, verdict: Verdict, came: Came, text: str = "", faults: Iterable[Fault] = ()
) -> tuple[str, bytes]:
    """What is owed to a message: the codes, and the acknowledgements (two of them `BETWEEN` each other)."""
    asked = owed(header, verdict)
    codes = [code for code in (asked.accept, asked.application) if code is not None]
    listed = tuple(faults)
    time = answer_time(came.now)
    made = []
    for number, code in enumerate(codes):
        control_id = came.control_id if number == 0 else f"{came.control_id}-2"
        # An accept acknowledgement says that the message is stored; what is wrong with it is the application's to say.
        said = listed if code is codes[-1] else ()
        made.append(acknowledge(header, code, control_id=control_id, time=time, text=text, faults=said))
    return " ".join(codes), BETWEEN.join(made)


def _arrival(
    live: Live, came: Came, header: Header | None, state: Literal["stored", "taken", "refused", "quarantined"], code: str,
    answer: bytes, reason: str,
) -> Arrival:  # fmt: skip
    def clash() -> bytes:
        assert header is not None  # without a control id nothing clashes
        fault = Fault("205", Path("MSH", 1, 10))
        return answers(header, "error", came, "another message has this control id", (fault,))[1]

    sender, control_id, type_ = "", "", ""
    if header is not None:
        sender = f"{_column(header.field(3))}|{_column(header.field(4))}"
        control_id, type_ = _column(header.control_id), _column(header.field(9))
    return Arrival(
        org=live.org, listener=came.listener, sender=sender, control_id=control_id, type=type_,
        hash=body_hash(came.data, header if live.manifest.intake.ignore_time else None), body=came.data, state=state, code=code,
        answer=answer, reason=reason, clash=clash, constant_ids=live.manifest.intake.constant_ids,
    )  # fmt: skip


def _fits(text: str) -> bool:
    """Whether every database keeps a text and finds it again, and it can be sent."""
    if text.isprintable() and 4 * len(text) <= LONGEST:
        return True  # almost every one
    try:
        escape(text, STANDARD)
        return len(text.encode()) <= LONGEST
    except ValueError:
        return False


def _column(text: str) -> str:
    """A field of MSH as the inbox keeps it. Of one that does not fit, the beginning and a digest: what are two stay two."""
    if _fits(text):
        return text
    beginning = "".join(character for character in text[:40] if character.isprintable())
    return f"{beginning}... (sha256 {hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()})"


def body_hash(data: bytes, without_time_of: Header | None = None) -> str:
    """What tells a message from another: sha256 of its bytes, or of its bytes without MSH-7."""
    if without_time_of is not None and without_time_of.field(7):
        line, end, rest = data.partition(b"\r")
        separator = without_time_of.delimiters.field.encode(without_time_of.codec)
        fields = line.split(separator)
        fields[6] = b""
        data = separator.join(fields) + end + rest
    return hashlib.sha256(data).hexdigest()


# --- step by step ---------------------------------------------------------------------------------------------------------


def _opened(live: Live, came: Came) -> Message:
    try:
        largest = live.manifest.intake.largest or LARGEST
        return open_message(came.data, default_charset=live.charset, largest=largest)
    except Refused as refused:
        # Bytes that cannot be read may be read by people.
        doubtful = refused.code in ("undecodable", "charset")
        raise _No("error" if doubtful else "rejected", str(refused), fault_of(refused), quarantined=doubtful) from None


def _is_known_by(header: Header) -> None:
    """Whether what the inbox knows a message by is of a form that it keeps."""
    for number in (3, 4, 9, 10):
        if not _fits(header.field(number)):
            reason = f"MSH-{number} {UNFIT}"
            raise _No("error", reason, Fault("102", Path("MSH", 1, number), text=reason), quarantined=True)


def _agrees(live: Live, header: Header, message: Message) -> None:
    """Whether it comes from this organisation and is meant for us: the credential says which organisation it must be."""
    delimiters, codec = message.delimiters, message.codec

    def identifier(number: int) -> list[str]:
        return [unescape(part, delimiters, codec) for part in header.field(number).split(delimiters.component)]

    def is_party(party: Party, application: int, facility: int) -> bool:
        return _names(party.application, identifier(application)) and _names(party.facility, identifier(facility))

    manifest = live.manifest
    if not any(is_party(sender, 3, 4) for sender in manifest.listener.senders):
        raise _No(
            "rejected", "MSH-3 and MSH-4 are not those of the organisation whose connection this is",
            Fault("204", Path("MSH", 1, 4), text="not the sender agreed for this connection"),
        )  # fmt: skip
    if not is_party(manifest.parties.ours, 5, 6):
        fault = Fault("204", Path("MSH", 1, 6), text="not the receiver agreed for this connection")
        raise _No("rejected", "MSH-5 and MSH-6 are not ours", fault)
    if not header.control_id.strip():
        raise _No("rejected", "MSH-10 is empty", Fault("101", Path("MSH", 1, 10)))
    processing = header.field(11).split(delimiters.component)[0]
    if processing != manifest.processing_id:
        reason = f"MSH-11 is not {manifest.processing_id}, which this connection is for"
        raise _No("rejected", reason, Fault("202", Path("MSH", 1, 11), text=reason))


def _names(wanted: Identifier, found: list[str]) -> bool:
    """Whether an HD names what was agreed: what was agreed about it must be so; a universal id that was not agreed is not
    asked."""
    namespace, id_, *_ = (*found, "", "")
    if not namespace and not id_:
        return False
    return (not namespace or namespace == wanted.namespace) and (not wanted.id or not id_ or id_ == wanted.id)


def _acknowledgement(live: Live, came: Came, header: Header) -> Judged:
    found = read_acknowledgement(came.data)
    if isinstance(found, Refused):
        raise _No("error", str(found), fault_of(found), quarantined=True)
    # An acknowledgement is answered only so that its sender knows it is stored; nothing is ever said of its content.
    code = Code.CA
    answer = acknowledge(header, code, control_id=came.control_id, time=answer_time(came.now))
    return Judged(_arrival(live, came, header, "taken", code, answer, ""), acknowledgement=found)


def _orders(live: Live, message: Message) -> Received:
    entry = live.reads(message.type)
    if entry is None:
        raise _No("rejected", "messages of this type are not agreed", Fault("200", Path("MSH", 1, 9)))
    agreed, reader = entry
    intake = reader.read(message)
    if not intake.good:
        intake = reader.trace(message)
    _refuse(live, agreed.name, intake)
    if not intake.groups:
        raise _No("error", "the message holds no order", Fault("100", Path("ORC", 1)))
    asked = {live.attribute(ORDER, order, "control") for group in intake.groups for order in group}
    for control in sorted(asked):
        if control not in agreed.orders:
            reason = f"orders of the kind {control} are not agreed"
            raise _No("rejected", reason, Fault("201", Path("ORC", 1, 1), text=reason))
    patient = live.encoded(PATIENT, intake.records["patient"])
    return Received(
        patient, tuple(tuple(_order(live, agreed.name, order) for order in group) for group in intake.groups)
    )


_CONDITIONS: Final = {"missing": "101", "unmapped": "103", "error_row": "103", "invalid": "102"}


def _refuse(live: Live, name: str, intake: Intake) -> None:
    """Raises when something stands against the message, with every reason and the element it is about."""
    if intake.good:
        return
    explanation = live.explanation(name)
    faults = []
    for problem in intake.problems:
        entry = explanation.entry(problem.op) if explanation is not None else None
        address = entry.address if entry is not None else ""
        what = ": ".join([problem.kind.replace("_", " "), *filter(None, [problem.facts.get("reason")])])
        text = _plain(f"{address}: {what}" if address else what)
        faults.append(Fault(_CONDITIONS.get(problem.kind, "102"), _path(entry.sentence if entry else ""), text=text))
    verdict: Verdict = "error"
    for reject in intake.rejects:
        verdict = "rejected" if reject.code == "AR" else verdict
        faults.append(Fault("102", None, text=_plain(f"{reject.name}: {reject.saying}")))
    if faults:
        listed = list({(fault.condition, str(fault.path), fault.text): fault for fault in faults}.values())
        raise _No(verdict, "; ".join(fault.text for fault in listed)[:200], *listed[:20])


def _path(sentence: str) -> Path | None:
    """The first element of the message that a rule reads."""
    for word in sentence.replace("(", " ").replace(")", " ").split():
        try:
            found = Path.parse(word)
        except ValueError:
            continue
        if found.field:
            return found
    return None


def _plain(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _order(live: Live, message: str, order: Record) -> ReceivedOrder:
    placer = _number(live, message, "placer", live.attribute(ORDER, order, "placer_number"))
    filler = live.attribute(ORDER, order, "filler_number")
    if not _is_number(placer):
        reason = "the placer order number has no number in it"
        raise _No("error", reason, Fault("101", None, text=reason))
    names = [placer]
    number = _number(live, message, "filler", filler) if isinstance(filler, Field) else None
    if number is not None and _is_number(number):
        names.append(number)
        if number.assigner in ("", live.manifest.parties.ours.application.namespace):
            names.append(
                Name("study", "", number.value)
            )  # the number may be our own: a result that came before its order
    return ReceivedOrder(
        control=live.attribute(ORDER, order, "control"), placer=placer.value + (f"^{placer.assigner}" if placer.assigner else ""),
        filler=filler.text if isinstance(filler, Field) else "",
        names=tuple(names), document=live.encoded(ORDER, order),
    )  # fmt: skip


def _number(live: Live, message: str, kind: str, field: Any) -> Name:
    """A number of an order. One that could not be found again, or not be sent back, is refused with its place."""
    name = _name(kind, field)
    if not (_fits(name.value) and _fits(name.assigner)):
        reason = f"the {kind} order number {UNFIT}"
        explanation = live.explanation(message)
        entries = explanation.entries if explanation is not None else ()
        sentence = next((entry.sentence for entry in entries if entry.address == f"order.{kind}_number"), "")
        raise _No("error", reason, Fault("102", _path(sentence), text=reason))
    return name


def _is_number(name: Name) -> bool:
    """Whether it tells one order from another: HL7 null and white space are everybody's."""
    return name.value.strip() not in ("", NULL_TEXT)


def _name(kind: str, field: Any) -> Name:
    """An entity identifier (EI) as the name of a case: the number, and who assigned it."""
    assert isinstance(field, Field)
    parts = [
        unescape(part, field.delimiters, field.codec or "utf-8")
        for part in field.text.split(field.delimiters.component)
    ]
    return Name(kind, "^".join(parts[1:]).rstrip("^"), parts[0])


# --- batches ----------------------------------------------------------------------------------------------------------------


def is_batch(data: bytes) -> bool:
    """Whether these bytes are a batch or a file of batches (2.10.3)."""
    return data.lstrip(b"\x0b \t\r\n")[:3] in (b"FHS", b"BHS")


def messages_of(data: bytes) -> list[bytes]:
    """The messages of a batch. Raises `Refused`."""
    return split_batch(data)
