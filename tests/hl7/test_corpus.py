"""Real messages of others, read from the folder given by `pytest --corpus DIR`: none crashes the reader, and the elements
that an order is known by are those that python-hl7 finds."""

import re
from collections import Counter

import hl7

from segwright.hl7.charset import codec_of
from segwright.hl7.paths import Path, at, locate
from segwright.hl7.refusal import Code, Refused
from segwright.hl7.wire import Message, open_message, split_batch

KEYS = [("MSH", 10), ("PID", 3), ("ORC", 2), ("ORC", 3), ("OBR", 2), ("OBR", 3)]


def _elsewhere(data: bytes, message: Message) -> hl7.Message:
    """The message as python-hl7 reads it, decoded here by MSH-18 and nothing else."""
    declared = codec_of(message.field("MSH-18")) or "utf-8"
    text = data.decode("utf-8-sig" if declared in ("utf-8", "ascii") else declared)
    return hl7.parse(re.sub(r"[\r\n]+\s*", "\r", text.strip("\x0b\x1c\r\n")) + "\r")


def _elements(parsed: hl7.Message, segment: str, field: int) -> list[str]:
    found = [one for one in parsed if str(one[0]) == segment]
    return [str(one[field]) if len(one) > field else "" for one in found]


def _compare(data: bytes, message: Message) -> None:
    parsed = _elsewhere(data, message)
    assert [str(segment[0]) for segment in parsed] == [segment[:3] for segment in message.segments]
    for name, field in KEYS:
        ours = [
            message.field(Path(name, occurrence, field))
            for occurrence in range(1, sum(segment[:3] == name for segment in message.segments) + 1)
        ]
        assert ours == _elements(parsed, name, field), f"{name}-{field}"


def test_every_message_is_read_as_python_hl7_reads_it_or_refused_for_a_reason(corpus, record_property):
    counted: Counter[str] = Counter()
    refused: list[str] = []
    for file in corpus:
        data = file.read_bytes()
        try:
            message = open_message(data)
            _compare(data, message)
            counted["read"] += 1
        except Refused as first:
            if first.code != Code.SEVERAL_MESSAGES:
                refused.append(f"{file.parent.name}/{file.name}: {first.code}, {first}")
                continue
            counted["batches"] += 1
            for one in split_batch(data):
                _compare(one, open_message(one))
                counted["in batches"] += 1
    account = f"read {counted['read']} files, {counted['batches']} more as batches of {counted['in batches']} messages"
    record_property("corpus", f"{account}; refused {len(refused)} of {len(corpus)}")
    for line in refused:
        record_property("corpus", f"refused {line}")
    assert counted["read"] + counted["batches"] + len(refused) == len(corpus)
    assert len(refused) <= len(corpus) / 50


def test_every_field_is_found_at_its_place(corpus):
    for file in corpus:
        try:
            message = open_message(file.read_bytes())
        except Refused:
            continue
        text = "".join(segment + "\r" for segment in message.segments)
        seen: Counter[str] = Counter()
        for index, name, number, raw in list(message.fields())[:60]:
            seen[name] += number == 1
            assert message.segments[index][:3] == name
            path = Path(name, seen[name], number)
            place = locate(text, path)
            assert place is not None
            assert text[slice(*place)] == raw
            assert at(text, place[0])[:3] == path[:3]
