"""The floor of the rows about the running system: by hand, for exactly one job, as fast as plain Python and SQLite allow.

One thread, one `select`, one SQLite file (WAL, synchronous=FULL), no framework. Whatever is ready at one look shares one commit.

**Accept**, for each order: the frame off the wire; forty fields read and fifteen of them required (`bound.extractor`, fixed
delimiters and charset); the message stored with its fields and its answer under a unique key of sender and control id; the commit;
then the acknowledgement that names its MSH-10. A control id that is there already gets the stored answer.

**Deliver**, for each message: the lane's next message claimed in line; the try written down and committed before the first byte
leaves; the frozen bytes sent; the acknowledgement read and MSA-1 and MSA-2 compared; the outcome written in the commit that opens
the lane's next try.

What the project does besides, and the floor does not: whose connection it is and whether the message agrees with that; any
delimiters and charset; saved answers in the original and the enhanced mode; an event for each step in a hash chain; orders, cases,
chains and gates; leases and fences, so that several processes may share the work; deadlines.
"""

from __future__ import annotations

import json
import selectors
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench import bound, network
from tests.bench.network import BEGIN, END, field


def _opened(file: Path, script: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.executescript(script)
    return connection


# --- accept --------------------------------------------------------------------------------------------------------------

_KEEP = (
    "INSERT INTO inbox (sender, control_id, body, fields, answer, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def accept(file: Path) -> None:
    """Takes orders until nothing more can be said to it."""
    database = _opened(
        file,
        "CREATE TABLE inbox (id INTEGER PRIMARY KEY, sender TEXT NOT NULL, control_id TEXT NOT NULL, body BLOB NOT NULL,"
        " fields TEXT NOT NULL, answer BLOB NOT NULL, at INTEGER NOT NULL, UNIQUE (sender, control_id))",
    )
    extract = bound.extractor()
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ, "told")
    heard: dict[socket.socket, bytes] = {}
    network.say(ports=[listening.getsockname()[1]])
    while True:
        came: list[tuple[socket.socket, tuple[Any, ...]]] = []
        for key, _ in selector.select():
            own = key.fileobj
            if key.data == "told":
                if not sys.stdin.readline():
                    return
            elif own is listening:
                one, _ = listening.accept()
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                heard[one] = b""
                selector.register(one, selectors.EVENT_READ)
            else:
                assert isinstance(own, socket.socket)
                data = own.recv(65536)
                if not data:
                    selector.unregister(own)
                    own.close()
                    continue
                *messages, heard[own] = (heard[own] + data).split(END)
                came += ((own, _judged(extract, message.removeprefix(BEGIN))) for message in messages)
        if not came:
            continue
        database.execute("BEGIN IMMEDIATE")
        before = database.total_changes
        database.executemany(_KEEP, [row for _, row in came])
        fresh = database.total_changes - before == len(came)
        database.execute("COMMIT")
        for own, row in came:
            answer = row[4] if fresh else database.execute(
                "SELECT answer FROM inbox WHERE sender = ? AND control_id = ?", row[:2]
            ).fetchone()[0]  # fmt: skip
            own.sendall(BEGIN + answer + END)


def _judged(extract: Any, message: bytes) -> tuple[Any, ...]:
    try:
        found = extract(message)
    except ValueError:
        code = "AE"
        control_id = field(message, 10).decode("latin-1")
        found = {"sending_application": "", "sending_facility": ""}
    else:
        code, control_id = "AA", found["control_id"]
    now = time.time_ns() // 1_000_000
    answer = (
        f"MSH|^~\\&|ECGAI|READING|HEARTEHR|NORTHSIDE|{now}||ACK|A{now}{control_id}|T|2.4\rMSA|{code}|{control_id}\r"
    )
    sender = f"{found['sending_application']}|{found['sending_facility']}"
    return sender, control_id, message, json.dumps(found), answer.encode("latin-1"), now


# --- deliver -------------------------------------------------------------------------------------------------------------

OUT = """
DROP TABLE IF EXISTS delivery;
DROP TABLE IF EXISTS attempt;
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, state TEXT NOT NULL, control_id TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX next ON delivery (lane, id) WHERE state = 'ready';
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, opened INTEGER NOT NULL, closed INTEGER NOT NULL, outcome TEXT NOT NULL,
    answer BLOB NOT NULL
);
"""


def owe(file: Path, owed: list[tuple[int, str, bytes]]) -> None:
    """Makes the file with what is to be delivered: lane, control id and body of each."""
    database = _opened(file, OUT)
    database.execute("BEGIN")
    database.executemany("INSERT INTO delivery (lane, state, control_id, body) VALUES (?, 'ready', ?, ?)", owed)
    database.execute("COMMIT")
    database.close()


def deliver(file: Path, receiver: int) -> None:
    """Waits for a word, then delivers everything."""
    database = _opened(file)
    lanes = [lane for (lane,) in database.execute("SELECT DISTINCT lane FROM delivery")]
    network.say(ready=True)
    if not sys.stdin.readline():
        return
    selector = selectors.DefaultSelector()
    open_: dict[int, tuple[int, int, bytes]] = {}  # lane → delivery, attempt, control id
    heard = dict.fromkeys(lanes, b"")
    sockets = {}
    for lane in lanes:
        sockets[lane] = own = socket.create_connection(("127.0.0.1", receiver))
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(own, selectors.EVENT_READ, lane)
    free = list(lanes)
    answered: list[tuple[int, bytes]] = []
    while free or open_:
        sending = []
        database.execute("BEGIN IMMEDIATE")
        now = time.time_ns() // 1_000_000
        for lane, answer in answered:
            delivery, attempt, _ = open_.pop(lane)
            database.execute(
                "UPDATE attempt SET closed = ?, outcome = 'confirmed', answer = ? WHERE id = ?", (now, answer, attempt)
            )
            database.execute("UPDATE delivery SET state = 'confirmed' WHERE id = ?", (delivery,))
        for lane in free:
            row = database.execute(
                "SELECT id, control_id, body FROM delivery WHERE lane = ? AND state = 'ready' ORDER BY id LIMIT 1",
                (lane,),
            ).fetchone()
            if row is None:
                continue
            made = database.execute(
                "INSERT INTO attempt (delivery, opened, closed, outcome, answer) VALUES (?, ?, 0, '', '')",
                (row[0], now),
            )
            database.execute("UPDATE delivery SET state = 'sending' WHERE id = ?", (row[0],))
            assert made.lastrowid is not None
            open_[lane] = row[0], made.lastrowid, row[1].encode()
            sending.append((lane, row[2]))
        database.execute("COMMIT")
        for lane, body in sending:
            sockets[lane].sendall(BEGIN + body + END)
        free, answered = [], []
        for key, _ in selector.select() if open_ else ():
            lane = key.data
            heard[lane] += sockets[lane].recv(65536)
            if not heard[lane].endswith(END):
                continue
            code, control_id = heard[lane].split(b"\r")[1].split(b"|")[1:3]
            if code != b"AA" or control_id != open_[lane][2]:
                raise SystemExit("the floor got an answer that is not its own")
            answered.append((lane, heard[lane]))
            free.append(lane)
            heard[lane] = b""
    while sys.stdin.readline():
        pass
