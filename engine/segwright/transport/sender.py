"""Sending: one connection, one message in flight, and exactly what is known of its fate.

Takes a message; gives `NotSent` (not one byte was handed to the network), `Answered` (an answer to this message came back) or
`Uncertain` (all else). The line between the first and the last is one statement, `link.write`: before it nothing has left, after
it anything may have. Nothing is ever sent twice here; whether to send again is for whoever keeps the ledger.

A connection is kept for the next message only while nothing about it is in doubt. A deadline that passes, an answer to some other
message, a broken frame or a stray byte end it, so that a late answer is never read as the next message's. What an answer is an
answer to is decided by the caller's `Judge`, usually by MSA-2 (`by_control_id`).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from enum import Enum, StrEnum
from functools import partial
from typing import Final, TypeAlias

import msgspec

from segwright.hl7.acknowledgement import Acknowledgement, read_acknowledgement
from segwright.transport.framing import HEAD, Frame, Noise, Parser, Profile, Refused, Unframeable, frame
from segwright.transport.link import Closed, Heard, Link
from segwright.transport.tls import Certificate, peer_certificate

LARGEST_ANSWER: Final = 2**20
SETTLE: Final = 0.5
"""Seconds of silence after which a tolerated end block without CR ends an answer."""


class Destination(msgspec.Struct, frozen=True):
    """Where messages go. `server_name`: the name in the server's certificate, where it is not the host."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds for each step of sending one message, and for all of them together (`whole`). `idle`: a connection that was not
    used for longer is not used again, because firewalls forget silent ones without telling."""

    connect: float = 10
    handshake: float = 10
    write: float = 20
    answer: float = 30
    whole: float = 60
    idle: float = 300


class Why(StrEnum):
    """What came between a message and its answer."""

    UNFRAMEABLE = "unframeable"
    """The message holds a byte that MLLP reserves. (Not sent.)"""
    NO_ADDRESS = "no_address"
    """The host name has no address. (Not sent.)"""
    NO_CONNECTION = "no_connection"
    """No connection could be made: refused, unreachable. (Not sent.)"""
    CONNECT_TOO_SLOW = "connect_too_slow"
    """No connection within its deadline. (Not sent.)"""
    HANDSHAKE_TOO_SLOW = "handshake_too_slow"
    """No TLS within its deadline. (Not sent.)"""
    HANDSHAKE_FAILED = "handshake_failed"
    """The two sides could not agree on TLS, or the other one speaks none. (Not sent.)"""
    CERTIFICATE_EXPIRED = "certificate_expired"
    """The receiver's certificate has expired. (Not sent.)"""
    CERTIFICATE_NAME = "certificate_name"
    """The receiver's certificate is for another name. (Not sent.)"""
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    """The receiver's certificate is from no authority that is accepted. (Not sent.)"""
    OUR_CERTIFICATE_REFUSED = "our_certificate_refused"
    """The receiver does not take our certificate. TLS 1.3 says so only after the message was written: then it is uncertain in
    form, but it will be so every time."""
    FORBIDDEN = "forbidden"
    """The check just before the first byte said no. (Not sent.)"""
    NO_TIME = "no_time"
    """The whole budget was spent before anything was written. (Not sent.)"""
    LOST = "lost"
    """The connection ended, or what came on it was no answer of ours, before anything was written. (Not sent.)"""

    WRITE_TOO_SLOW = "write_too_slow"
    """The receiver did not take all bytes within the deadline."""
    ANSWER_TOO_SLOW = "answer_too_slow"
    """No answer within its deadline."""
    CLOSED = "closed"
    """The receiver closed the connection without an answer."""
    BROKEN = "broken"
    """The connection broke (reset, network lost, TLS error)."""
    FOREIGN_ANSWER = "foreign_answer"
    """What came back answers another message, or is no acknowledgement."""
    BROKEN_ANSWER = "broken_answer"
    """What came back is a frame cut short, glued to another or too large."""
    UNFRAMED_ANSWER = "unframed_answer"
    """Something came back, but in no frame."""
    STOPPED = "stopped"
    """Our side closed: while the answer was awaited, or before anything was written. (Then not sent.)"""


class NotSent(msgspec.Struct, frozen=True):
    """Not one byte was handed to the network. `detail`: the name of a system or TLS error, or what the check said."""

    why: Why
    detail: str = ""


class Answered(msgspec.Struct, frozen=True):
    """The answer to this message, without its frame."""

    answer: bytes


class Uncertain(msgspec.Struct, frozen=True):
    """The message may have arrived or not. `detail`: as above; `received`: what came back instead of an answer, as far as it is
    kept (message content); `all_written`: whether every byte had left this process."""

    why: Why
    detail: str = ""
    received: bytes = b""
    all_written: bool = True


Outcome: TypeAlias = NotSent | Answered | Uncertain

CONFIGURATION: Final = frozenset(
    {
        *(Why.UNFRAMEABLE, Why.CERTIFICATE_EXPIRED, Why.CERTIFICATE_NAME, Why.CERTIFICATE_UNTRUSTED),
        Why.OUR_CERTIFICATE_REFUSED,
    }
)
"""What no repetition mends: somebody has to change something."""


class Belongs(Enum):
    """What a frame that came back belongs to."""

    HERE = "here"
    """To the message in flight."""
    ELSEWHERE = "elsewhere"
    """To an earlier message of ours: the judge has taken note of it, and the awaited answer is still to come."""
    NOWHERE = "nowhere"
    """To nothing that we know of: the connection can no longer be trusted."""


Ours: TypeAlias = bool | asyncio.Future[bool]
"""Whether a frame belongs to an earlier message of ours: said at once, or as soon as it was found out."""

Judge: TypeAlias = Callable[[bytes], Belongs | asyncio.Future[bool]]
"""What a frame belongs to while a message is in flight. A future says later whether it is `ELSEWHERE` (true) or `NOWHERE`; one
that fails says nothing against the frame."""


def by_control_id(control_id: str, elsewhere: Callable[[bytes], Ours] = lambda answer: False) -> Judge:
    """The judge by the rule of HL7: an answer belongs to the message whose MSH-10 its MSA-2 repeats. `elsewhere` is asked about
    every other frame, and says whether it belongs to an earlier message, of which it takes note."""

    def judge(answer: bytes) -> Belongs | asyncio.Future[bool]:
        found = read_acknowledgement(answer)
        if isinstance(found, Acknowledgement) and found.answers(control_id):
            return Belongs.HERE
        known = elsewhere(answer)
        if isinstance(known, asyncio.Future):
            return known
        return Belongs.ELSEWHERE if known else Belongs.NOWHERE

    return judge


def _is_denied(known: Ours) -> bool:
    """Whether something was found out to belong to nothing of ours. What could not be found out is not held against it."""
    if not isinstance(known, asyncio.Future):
        return not known
    return not known.cancelled() and known.exception() is None and not known.result()


class Sender:
    """Sends messages to one destination, one after the other.

    `aside` is called with a frame that comes while nothing is in flight, such as the application acknowledgement (AA) after the
    accept acknowledgement (CA); it says whether it knows what the frame belongs to, else the connection ends. With `keep_open`
    false every message gets a connection of its own: for receivers whose MSA-2 tells nothing.
    """

    def __init__(
        self,
        destination: Destination,
        deadlines: Deadlines | None = None,
        *,
        aside: Callable[[bytes], Ours] = lambda answer: False,
        keep_open: bool = True,
        profile: Profile = "tolerant",
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._destination = destination
        self._deadlines = deadlines or Deadlines()
        self._aside = aside
        self._keep_open = keep_open
        self._profile: Profile = profile
        self._largest_answer = largest_answer
        self._link: Link | None = None
        self._exchange: _Exchange | None = None
        self._sending = False
        self._stopped = False
        self._used = 0.0
        self._peer: Certificate | None = None

    @property
    def connected(self) -> bool:
        """Whether a connection is open that the next message would use."""
        return self._link is not None and not self._link.over

    @property
    def peer(self) -> Certificate | None:
        """The certificate that the receiver showed last."""
        return self._peer

    async def send(
        self,
        message: bytes,
        *,
        judge: Judge,
        before_write: Callable[[], str] = lambda: "",
        within: float | None = None,
    ) -> Outcome:
        """Sends one message and waits for its answer.

        `before_write` is called when everything is ready, just before the first byte; whatever it says other than "" is why
        nothing may be sent now. `within` shortens the whole budget (seconds). What `judge` or `before_write` raise comes out
        here, and like a cancelled call it ends the connection: the message is then uncertain unless `before_write` raised.
        """
        if self._sending:
            raise RuntimeError("a message is in flight: a sender sends one at a time")
        self._sending, self._stopped = True, False
        try:
            return await self._send(message, judge, before_write, within)
        except BaseException:
            self._drop()
            raise
        finally:
            self._sending = False

    async def close(self) -> None:
        """Closes the connection. A message in flight is uncertain; one that has not begun to be written is not sent."""
        self._stopped = self._sending
        if self._exchange:
            self._exchange.give_up(Why.STOPPED)
        link, self._link = self._link, None
        if link:
            await link.closed(within=self._deadlines.handshake)

    async def _send(
        self, message: bytes, judge: Judge, before_write: Callable[[], str], within: float | None
    ) -> Outcome:
        loop = asyncio.get_running_loop()
        end = loop.time() + min(self._deadlines.whole, self._deadlines.whole if within is None else within)
        try:
            framed = frame(message)
        except Unframeable as mistake:
            return NotSent(Why.UNFRAMEABLE, str(mistake))
        link = await self._ready(end)
        if isinstance(link, NotSent):
            return link
        # Nothing below may wait until the message is written: what was checked must still be so.
        if self._stopped:
            self._drop()
            return NotSent(Why.STOPPED)
        if loop.time() >= end:
            return NotSent(Why.NO_TIME)
        forbidden = before_write()
        if forbidden:
            return NotSent(Why.FORBIDDEN, forbidden)
        exchange = self._exchange = _Exchange(judge, link, self._deadlines, end)
        try:
            link.write(framed)
            exchange.look()
            outcome = await exchange.over
        finally:
            exchange.forget()
            self._exchange = None
            self._used = loop.time()
        if isinstance(outcome, Uncertain) or not exchange.clean:
            self._drop()
        elif not self._keep_open and self._link:
            self._link.close()
            self._link = None
        return outcome

    # --- the connection ---

    async def _ready(self, end: float) -> Link | NotSent:
        """The open connection, if neither its age nor the network says anything against it; else a new one."""
        if self._link and asyncio.get_running_loop().time() > self._used + self._deadlines.idle:
            self._drop()
        await _listen_up()
        if self._link and not self._link.over:
            return self._link
        self._drop()
        link = await self._connect(end)
        if isinstance(link, NotSent):
            return link
        self._link = link
        self._used = asyncio.get_running_loop().time()
        self._stirred(link)
        await _listen_up()
        if not (link.ended or link.over):
            return link
        self._drop()
        return _before_writing(link.ended)

    async def _connect(self, end: float) -> Link | NotSent:
        loop = asyncio.get_running_loop()
        destination = self._destination
        parser = Parser(largest=self._largest_answer, profile=self._profile)
        try:
            async with asyncio.timeout_at(min(end, loop.time() + self._deadlines.connect)):
                transport, link = await loop.create_connection(
                    lambda: Link(parser, self._stirred), destination.host, destination.port
                )
        except TimeoutError:
            return NotSent(Why.CONNECT_TOO_SLOW)
        except socket.gaierror as error:
            return NotSent(Why.NO_ADDRESS, _named(error))
        except OSError as error:
            return NotSent(Why.NO_CONNECTION, _named(error))
        return link if destination.tls is None else await self._secure(link, transport, destination.tls, end)

    async def _secure(self, link: Link, plain: asyncio.Transport, tls: ssl.SSLContext, end: float) -> Link | NotSent:
        loop = asyncio.get_running_loop()
        name = self._destination.server_name or self._destination.host
        patience = self._deadlines.handshake
        try:
            async with asyncio.timeout_at(min(end, loop.time() + patience)):
                secure = await loop.start_tls(plain, link, tls, server_hostname=name, ssl_shutdown_timeout=patience)
        except TimeoutError:
            return NotSent(Why.HANDSHAKE_TOO_SLOW)
        except OSError as error:
            return _no_handshake(error)
        if secure is None:  # it ended in the very moment
            return NotSent(Why.LOST)
        link.adopt(secure)
        self._peer = peer_certificate(secure.get_extra_info("ssl_object"))
        return link

    def _drop(self) -> None:
        if self._link:
            self._link.abort()
            self._link = None

    # --- what comes back ---

    def _stirred(self, link: Link) -> None:
        while link is self._link and link.events:
            self._hear(link.events.popleft())
        if link is self._link and self._exchange:
            self._exchange.look()

    def _hear(self, event: Heard) -> None:
        if self._exchange and not self._exchange.over.done():
            self._exchange.hear(event)
        elif not isinstance(event, Frame):
            self._drop()
        else:
            known = self._aside(event.content)
            if isinstance(known, asyncio.Future):
                known.add_done_callback(partial(self._found_out, self._link))
            elif not known:
                self._drop()

    def _found_out(self, link: Link | None, known: asyncio.Future[bool]) -> None:
        """A frame that came while nothing was in flight. What is in flight by now is judged by its own answer."""
        if _is_denied(known) and link is self._link and not self._exchange:
            self._drop()


class _Exchange:
    """One message in flight, from its first byte to its outcome."""

    def __init__(self, judge: Judge, link: Link, deadlines: Deadlines, end: float) -> None:
        self._judge = judge
        self._link = link
        self._deadlines = deadlines
        self._end = end
        self._noise = b""
        self._heard_frames = False
        self._finding_out = 0
        self._closed: Closed | None = None
        self._loop = asyncio.get_running_loop()
        self._all_written = False
        self.over: asyncio.Future[Outcome] = self._loop.create_future()
        self.clean = False
        self._timer = self._alarm(deadlines.write, Why.WRITE_TOO_SLOW)
        self._settling: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Something about the connection changed. Once every byte has left, the answer is awaited."""
        if self.over.done() or self._link.over:
            return
        if self._link.flushed and not self._all_written:
            self._all_written = True
            self._timer.cancel()
            self._timer = self._alarm(self._deadlines.answer, Why.ANSWER_TOO_SLOW)
        if self._link.parser.may_be_over and self._settling is None:
            self._settling = self._loop.call_later(SETTLE, self._settle)

    def hear(self, event: Heard) -> None:
        match event:
            case Frame(content):
                self._weigh(content)
            case Noise(content):
                self._noise = (self._noise + content)[:HEAD]
            case Refused(reason, _, head):
                self._finish(Uncertain(Why.BROKEN_ANSWER, reason, head, self._link.flushed))
            case Closed():
                self._closed = event
                self._ended()

    def give_up(self, why: Why, detail: str = "") -> None:
        """No answer will be waited for any more."""
        if self._noise and why in (Why.ANSWER_TOO_SLOW, Why.CLOSED):
            why = Why.UNFRAMED_ANSWER
        self._finish(Uncertain(why, detail, self._noise, self._link.flushed))

    def forget(self) -> None:
        """Ends the clocks."""
        self._timer.cancel()
        if self._settling:
            self._settling.cancel()

    def _weigh(self, content: bytes) -> None:
        try:
            belongs = self._judge(content)
        except Exception as error:  # noqa: BLE001 - the judge is the caller's, and so is its mistake
            if not self.over.done():
                self.over.set_exception(error)
            return
        self._heard_frames = True
        if isinstance(belongs, asyncio.Future):
            self._finding_out += 1
            belongs.add_done_callback(partial(self._found_out, content))
            return
        match belongs:
            case Belongs.HERE:
                self.clean = self._link.flushed and not self._noise
                self._finish(Answered(content))
            case Belongs.NOWHERE:
                self._foreign(content)
            case Belongs.ELSEWHERE:
                pass

    def _found_out(self, content: bytes, known: asyncio.Future[bool]) -> None:
        self._finding_out -= 1
        if _is_denied(known):
            self._foreign(content)
        self._ended()

    def _foreign(self, content: bytes) -> None:
        self._finish(Uncertain(Why.FOREIGN_ANSWER, "", content, self._link.flushed))

    def _ended(self) -> None:
        """The connection has ended; whether what came before that was an answer of ours may still have to be found out."""
        if self._closed is None or self._finding_out:
            return
        error = self._closed.error
        if error is None:
            self.give_up(Why.CLOSED)
        elif not self._heard_frames and _refuses_us(error):
            self.give_up(Why.OUR_CERTIFICATE_REFUSED, _named(error))
        else:
            self.give_up(Why.BROKEN, _named(error))

    def _alarm(self, seconds: float, why: Why) -> asyncio.TimerHandle:
        return self._loop.call_at(min(self._end, self._loop.time() + seconds), self._too_late, why)

    def _too_late(self, why: Why) -> None:
        for event in self._link.parser.end():
            self.hear(event)
        self.give_up(why)

    def _settle(self) -> None:
        self._settling = None
        for event in self._link.parser.settle():
            self.hear(event)

    def _finish(self, outcome: Outcome) -> None:
        if not self.over.done():
            self.over.set_result(outcome)


async def _listen_up() -> None:
    """Lets the event loop tell what it knows: the first pass polls the network, the second hands over what there was."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


# --- errors of the system and of TLS, by name ---

_EXPIRED: Final = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED
_OTHER_NAME: Final = frozenset({62, 64})  # …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH


def _no_handshake(error: OSError) -> NotSent:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return NotSent(Why.CERTIFICATE_EXPIRED, error.verify_message)
        why = Why.CERTIFICATE_NAME if error.verify_code in _OTHER_NAME else Why.CERTIFICATE_UNTRUSTED
        return NotSent(why, error.verify_message)
    return NotSent(Why.OUR_CERTIFICATE_REFUSED if _refuses_us(error) else Why.HANDSHAKE_FAILED, _named(error))


def _before_writing(ended: Closed | None) -> NotSent:
    if ended is None or ended.error is None:
        return NotSent(Why.LOST)
    why = Why.OUR_CERTIFICATE_REFUSED if _refuses_us(ended.error) else Why.LOST
    return NotSent(why, _named(ended.error))


def _refuses_us(error: Exception) -> bool:
    """Whether a TLS alert is about our certificate, or about our having none."""
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    said = str(reason or "")
    return "ALERT" in said and any(word in said for word in ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"))


def _named(error: Exception) -> str:
    """The name of an error; its text may hold more than a name."""
    if isinstance(error, ssl.SSLError):
        return str(error.reason or type(error).__name__)
    if isinstance(error, socket.gaierror):
        return type(error).__name__
    number = getattr(error, "errno", None)
    return errno.errorcode.get(number, type(error).__name__) if number else type(error).__name__
