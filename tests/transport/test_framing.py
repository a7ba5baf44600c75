from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segwright.transport.framing import HEAD, Frame, Noise, Parser, Reason, Refused, Unframeable, frame

ONE = b"MSH|^~\\&|A\rPID|1\r"
TWO = b"MSH|^~\\&|B\rPID|2\r"
PROFILES = ["strict", "tolerant"]
# Every byte that means something to a parser, next to some that do not.
streams = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"\x00", b"M", b"\x1c\r", frame(ONE)]), max_size=25).map(
        b"".join
    ),
)


def events(data: bytes, cuts=(), **options) -> list[Any]:
    parser = Parser(**options)
    found = []
    at = 0
    for cut in [*sorted(cuts), len(data)]:
        found += parser.feed(data[at:cut])
        at = max(at, cut)
    return found + parser.end()


def contents(data: bytes, **options) -> list[bytes]:
    return [event.content for event in events(data, **options) if isinstance(event, Frame)]


@pytest.mark.parametrize("profile", PROFILES)
def test_frames_one_after_another_are_messages(profile):
    assert events(frame(ONE) + frame(b"") + frame(TWO), profile=profile) == [Frame(ONE), Frame(b""), Frame(TWO)]


@pytest.mark.parametrize("profile", PROFILES)
def test_row_14_a_partial_frame_at_the_end_is_discarded_and_reported(profile):
    assert events(frame(ONE) + b"\x0b" + TWO, profile=profile) == [
        Frame(ONE),
        Refused(Reason.CUT_SHORT, len(TWO), TWO),
    ]
    assert events(b"\x0b", profile=profile) == [Refused(Reason.CUT_SHORT, 0, b"")]


@pytest.mark.parametrize("profile", PROFILES)
def test_row_15_a_lost_end_block_costs_the_first_message_and_never_the_second(profile):
    found = events(b"\x0b" + ONE + frame(TWO), profile=profile)
    assert found == [Refused(Reason.START_INSIDE, len(ONE), ONE), Frame(TWO)]


def test_row_16_an_end_block_without_return_ends_a_frame_only_for_a_tolerant_partner():
    data = b"\x0b" + ONE + b"\x1c" + frame(TWO)
    assert events(data, profile="tolerant") == [Frame(ONE), Frame(TWO)]
    assert events(data) == [Refused(Reason.END_INSIDE, len(ONE), ONE), Frame(TWO)]


@pytest.mark.parametrize("noise", [b"\r\n", b"\n", b"\x00\x00", b"\x1c\r", b"\r"])
def test_row_16_noise_between_frames_never_costs_the_frame_after_it(noise):
    data = frame(ONE) + noise + frame(TWO) + noise
    assert events(data, profile="tolerant") == [Frame(ONE), Frame(TWO)]
    assert events(data) == [Frame(ONE), Noise(noise), Frame(TWO), Noise(noise)]


@pytest.mark.parametrize("after", [b"\n", b"\x00", b"\n\x0b", b""])
def test_row_16_an_end_block_before_a_line_feed_a_nul_or_the_end_ends_a_tolerated_frame(after):
    assert contents(b"\x0b" + ONE + b"\x1c" + after, profile="tolerant") == [ONE]
    assert contents(b"\x0b" + ONE + b"\x1c" + after) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_row_17_an_end_byte_inside_a_message_never_makes_a_shorter_message(profile):
    data = b"\x0b" + ONE + b"\x1cOBX|1|ED\r\x1c\r" + frame(TWO)
    assert events(data, profile=profile) == [Refused(Reason.END_INSIDE, len(ONE), ONE), Frame(TWO)]


@pytest.mark.parametrize("message", [b"a\x1c\rb", b"a\x0bb", b"a\x1c", b"\x1c\r", b"\x0b"])
def test_row_17_a_message_that_holds_a_start_or_end_block_is_never_framed(message):
    with pytest.raises(Unframeable, match=r"^byte [12] of the message is 0x(0b|1c), which MLLP reserves$"):
        frame(message)


@pytest.mark.parametrize("profile", PROFILES)
def test_row_18_a_frame_above_the_cap_is_refused_before_it_is_held(profile):
    found = events(b"\x0b" + b"x" * 11 + b"\x1c\r" + frame(b"y" * 10), largest=10, profile=profile)
    assert found == [Refused(Reason.TOO_LARGE, 11, b"x" * 10), Frame(b"y" * 10)]


def test_row_18_two_gigabytes_in_one_frame_hold_no_more_memory_than_the_cap():
    chunk = b"x" * 2**20
    parser = Parser(largest=2**21)
    found: list[Any] = []
    found += parser.feed(b"\x0b" + ONE)
    for _ in range(2048):
        found += parser.feed(chunk)
        assert len(parser._content) <= 2**21
    assert [event.reason for event in found] == [Reason.TOO_LARGE]
    assert found[0].head.startswith(ONE)
    assert len(found[0].head) == HEAD
    assert parser.feed(frame(TWO)) == [Frame(TWO)]


def test_a_lone_end_byte_waits_for_what_follows_until_the_sender_is_silent():
    parser = Parser(profile="tolerant")
    assert parser.feed(b"\x0b" + ONE + b"\x1c") == []
    assert parser.may_be_over
    assert parser.settle() == [Frame(ONE)]
    assert parser.feed(b"\r" + frame(TWO)) == [Frame(TWO)]
    strict = Parser()
    strict.feed(b"\x0b" + ONE + b"\x1c")
    assert not strict.may_be_over
    assert strict.settle() == []
    assert strict.feed(b"\r") == [Frame(ONE)]


def test_a_frame_is_open_from_its_start_block_to_its_end():
    parser = Parser()
    seen = []
    for byte in b"\n\x0bM\x1c\r":
        parser.feed(bytes([byte]))
        seen.append(parser.inside)
    assert seen == [False, True, True, True, False]


def test_a_page_of_html_is_noise_and_long_noise_comes_in_pieces():
    page = b"HTTP/1.1 400 Bad Request\r\n\r\n<html>" + b"x" * 2 * HEAD
    found = events(page)
    assert [len(event.content) for event in found] == [HEAD, HEAD, len(page) - 2 * HEAD]
    assert b"".join(event.content for event in found) == page


@pytest.mark.parametrize("profile", PROFILES)
@given(data=streams, cuts=st.lists(st.integers(0, 80), max_size=10), largest=st.integers(0, 30))
@example(data=b"\x0bM\x1c\r\x0b", cuts=[0, 1, 2, 3, 4, 5, 6], largest=1)
def test_however_a_stream_is_cut_the_events_are_the_same(profile, data, cuts, largest):
    options = {"profile": profile, "largest": largest}
    whole = events(data, **options)
    assert events(data, [cut for cut in cuts if cut < len(data)], **options) == whole
    assert events(data, range(len(data)), **options) == whole


@pytest.mark.parametrize("profile", PROFILES)
@given(data=streams)
def test_what_comes_out_as_a_message_stood_between_start_and_end_block(profile, data):
    for content in contents(data, profile=profile):
        assert b"\x0b" + content + b"\x1c" in data
        assert not {0x0B, 0x1C} & set(content)


@given(messages=st.lists(st.binary(max_size=20).filter(lambda m: not {0x0B, 0x1C} & set(m)), max_size=5), junk=streams)
def test_messages_come_out_as_they_went_in_whatever_came_before(messages, junk):
    framed = b"".join(map(frame, messages))
    assert contents(framed) == messages
    after = contents(junk + framed)
    assert after[len(after) - len(messages) :] == messages


@given(junk=streams, cuts=st.lists(st.integers(0, 80), max_size=10))
def test_strict_takes_nothing_that_tolerant_refuses(junk, cuts):
    strict = contents(junk)
    tolerant = iter(contents(junk, profile="tolerant"))
    assert all(content in tolerant for content in strict)
