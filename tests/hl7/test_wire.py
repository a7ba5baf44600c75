import codecs

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7 import wire
from segwright.hl7.delimiters import STANDARD, Delimiters
from segwright.hl7.refusal import Code, Refused
from segwright.hl7.wire import Message, open_message, split_batch
from tests.hl7.strategies import REFUSED, delimiters

SEGMENTS = ["MSH|^~\\&|APP|FAC|||20260101||ORM^O01^ORM_O01|ID1|P|2.4", "PID|1||A^^^B~C", "ORC|NW|5 ", "ZED|x"]
ORDER = "\r".join(SEGMENTS)


def message(msh18: str = "", name: str = "DOE") -> str:
    return f"MSH|^~\\&|||||||ADT^A01|1|P|2.5||||||{msh18}\rPID|||||{name}\r"


def refusal(data: bytes, **options) -> Refused:
    with pytest.raises(Refused) as refused:
        open_message(data, **options)
    return refused.value


def test_a_message_is_read():
    read = open_message(ORDER.encode())
    assert read == Message(SEGMENTS, STANDARD, "utf-8", "ORM^O01", "ID1", "2.4", "ascii")


@pytest.mark.parametrize(
    "data",
    [
        ORDER + "\r",
        ORDER.replace("\r", "\n"),
        ORDER.replace("\r", "\r\n") + "\r\n",
        ORDER.replace("\r", "\r\n\r\n"),
        ORDER.replace("\r", "\r \t\r"),
        ORDER.replace("\rORC", "\nORC"),
        ORDER + "\r\n\n",
        "\x0b" + ORDER + "\r\x1c\r",
        "\x0b" + ORDER + "\x1c\r",
        "\x0b" + ORDER + "\x1c",
        ORDER + "\r\x1c\r\n",
        "\ufeff" + ORDER,
        "\x0b\ufeff\r\n" + ORDER,
        " \r\n\t" + ORDER,
        ORDER.replace("\r", "\r  "),
    ],
)
def test_what_carries_a_message_does_not_change_it(data):
    assert open_message(data.encode()).segments == SEGMENTS


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_first_bytes(codec):
    text = message("UNICODE UTF-16", "DÖE漢")
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}[codec]
    for data in (text.encode(codec), mark + text.encode(codec), b"\x0b" + mark + text.encode(codec) + b"\x1c\r"):
        read = open_message(data)
        assert (read.field("PID-5"), read.codec) == ("DÖE漢", codec)


@pytest.mark.parametrize(
    ("msh18", "codec"),
    [
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859-15"),
        ("UNICODE UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("windows-1252", "cp1252"),
        ("8859/1~UNICODE UTF-8", "latin-1"),
        ("UNICODE", "utf-8"),
    ],
)
def test_msh_18_says_how_bytes_are_read(msh18, codec):
    read = open_message(message(msh18, "DÖÉ").encode(codec))
    assert read.field("PID-5") == "DÖÉ"
    assert codecs.lookup(read.codec) == codecs.lookup(codec)


@pytest.mark.parametrize("msh18", ["", "ASCII", "UNICODE UTF-16"])
def test_bytes_that_no_charset_is_declared_for_are_read_as_utf_8_and_the_charset_stays_ascii(msh18):
    read = open_message(message(msh18, "DÖÉ").encode())
    assert read.field("PID-5") == "DÖÉ"
    assert (read.codec, read.escapes) == ("utf-8", "ascii")


def test_a_declared_charset_is_believed_even_where_utf_8_would_do():
    assert open_message(message("8859/1", "é").encode()).field("PID-5") == "Ã©"


def test_japanese_messages_name_what_they_switch_to():
    data = message("~ISO IR87", "山田").encode("iso2022_jp")
    assert open_message(data).field("PID-5") == "山田"
    assert open_message(message("", "山田").encode("iso2022_jp"), default_charset="ISO IR87").field("PID-5") == "山田"


@pytest.mark.parametrize(
    ("msh18", "codec"),
    [("ISO IR14", "shift_jis"), ("BIG-5", "big5"), ("GB 18030-2000", "gb18030"), ("~ISO IR87", "iso2022_jp")],
)
def test_a_character_of_the_header_may_hold_the_byte_of_a_delimiter(msh18, codec):
    signs = [chr(point) for point in range(0x3000, 0xA000) if b"|" in chr(point).encode(codec, "ignore")][:20]
    assert signs
    for facility in (signs[0], "サポート" if codec == "shift_jis" else signs[-1], "".join(signs)):
        data = message(msh18, "山").replace("MSH|^~\\&||", f"MSH|^~\\&||{facility}").encode(codec)
        read = open_message(data)
        assert (read.field("MSH-4"), read.field("PID-5"), read.codec) == (facility, "山", codec)


def test_undeclared_latin_text_is_read_only_when_the_caller_says_that_it_is():
    data = message("", "É").encode("latin-1")
    refused = refusal(data)
    assert (refused.code, refused.offset) == ("undecodable", data.index(b"\xc9"))
    assert refused.position == f"byte {data.index(0xC9) + 1}"
    assert open_message(data, default_charset="8859/1").field("PID-5") == "É"
    assert open_message(data, default_charset="windows-1252").codec == "cp1252"
    assert open_message(message("ASCII", "É").encode("latin-1"), default_charset="8859/1").field("PID-5") == "É"


def test_utf_8_comes_before_a_latin_default_and_after_a_multi_byte_one():
    for end in ("\r", "\n\r"):  # the second takes the slow half
        assert (
            open_message(message("", "É").replace("\r", end).encode(), default_charset="8859/1").field("PID-5") == "É"
        )
    assert open_message(message("", "联通").encode("gb18030"), default_charset="GB 18030-2000").field("PID-5") == "联通"
    assert open_message(message("", "éa漢").encode(), default_charset="GB 18030-2000").field("PID-5")


def test_a_default_charset_that_is_none_is_the_callers_mistake():
    with pytest.raises(ValueError, match="default_charset"):
        open_message(ORDER.encode(), default_charset="nonsense")


def test_an_unknown_charset_is_refused_only_where_it_matters():
    assert open_message(message("NONSENSE").encode()).field("PID-5") == "DOE"
    refused = refusal(message("NONSENSE", "É").encode())
    assert (refused.code, refused.position) == ("charset", "MSH-18")


def test_declared_utf_8_with_other_bytes_is_refused_whatever_the_default():
    assert refusal(message("UNICODE UTF-8", "É").encode("latin-1"), default_charset="8859/1").code == "undecodable"


@pytest.mark.parametrize(
    ("data", "code", "position", "offset"),
    [
        (b"", "empty", "byte 1", 0),
        (b"\x0b\x1c\r", "empty", "byte 1", 0),
        (b" \r\n", "empty", "byte 1", 0),
        (b"\xef\xbb\xbf", "empty", "byte 1", 0),
        (b"hello", "not_hl7", "segment 1", 0),
        (b"\x0bmsh|^~\\&|", "not_hl7", "segment 1", 1),
        (b"PID|1\r" + ORDER.encode(), "not_hl7", "segment 1", 0),
        (b"MSH", "delimiters", "MSH-1", None),
        (b"MSH\r", "delimiters", "MSH-1", None),
        (b"MSH|^~\\&", "no_type", "MSH-9", None),
        (b"MSH|^~\\\\&|||||||A|", "delimiters", "MSH-2", None),
        (b"MSH|^~\\&|||||||^O01|1", "no_type", "MSH-9", None),
        (b"FHS|^~\\&\r" + ORDER.encode(), "several_messages", "segment 1", 0),
        ((ORDER + "\r" + ORDER).encode(), "several_messages", "segment 5 (MSH)", len(ORDER) + 1),
        ((ORDER + "\rBTS|1").encode(), "several_messages", "segment 5 (BTS)", len(ORDER) + 1),
        ((ORDER + "\rthe rest|F").encode(), "segment_name", "segment 5", len(ORDER) + 1),
        ((ORDER + "\rThe\r").encode(), "segment_name", "segment 5", len(ORDER) + 1),
        ((ORDER + "\rOBX#1").encode(), "segment_name", "segment 5", len(ORDER) + 1),
        ((ORDER + "\rECG\r").encode(), "segment_name", "segment 5", len(ORDER) + 1),
        ((ORDER + "\nECG|||F\r").encode(), "segment_name", "segment 5", len(ORDER) + 1),
        ((ORDER + "\r\nECG|||F\r\n").encode(), "segment_name", "segment 5", len(ORDER) + 2),
        ((ORDER + "\r ECG|||F\r").encode(), "segment_name", "segment 5", len(ORDER) + 2),
        ((ORDER + "é\rOBX|\x00\r").encode(), "control_character", "segment 5 (OBX)", len(ORDER) + 7),
        (
            ("\x0b" + ORDER + "\x1c\r\x0b" + ORDER + "\x1c\r").encode(),
            "control_character",
            "segment 4 (ZED)",
            len(ORDER) + 1,
        ),
    ],
)
def test_what_cannot_be_read_whole_is_refused(data, code, position, offset):
    refused = refusal(data)
    assert (refused.code, refused.position, refused.offset) == (code, position, offset)


@pytest.mark.parametrize("control", REFUSED)
def test_every_control_character_is_refused_by_name(control):
    refused = refusal((ORDER + control + "x").encode())
    assert refused.code == "control_character"
    assert f"U+{ord(control):04X}" in refused.cause


def test_a_segment_that_hl7_does_not_define_is_read_where_nothing_suggests_a_broken_field():
    assert open_message((ORDER + "\rXY1|1\rZZ9\rEVN").encode()).segments[4:] == ["XY1|1", "ZZ9", "EVN"]


def test_a_message_above_the_limit_is_refused():
    assert open_message(ORDER.encode(), largest=len(ORDER))
    refused = refusal(ORDER.encode(), largest=len(ORDER) - 1)
    assert (refused.code, refused.offset) == ("too_large", len(ORDER) - 1)


def test_a_refusal_does_not_quote_the_message():
    secrets = ["SECRETNAME", "SEC"]
    for data in (
        ORDER + "\rSECRETNAME|",
        ORDER + "|SECRETNAME\x00",
        "SECRETNAME",
        message("SECRETNAME", "é"),
        "MSH|SECRETNAME|",
        ORDER + "\rSEC\r",
    ):
        refused = refusal(data.encode())
        assert not any(secret in f"{refused!r}{refused}{refused.position}" for secret in secrets)
    undecodable = refusal(message("UNICODE UTF-8", "SECRETNAME É").encode("latin-1"))
    assert undecodable.__cause__ is None
    assert undecodable.__suppress_context__


def test_every_reason_is_documented_and_is_its_own_slug():
    assert all(code.value == code.name.lower() for code in Code)


@pytest.mark.parametrize(
    ("msh9", "kind"),
    [("ACK", "ACK"), ("ACK^", "ACK"), ("ORU^R01", "ORU^R01"), ("ORU^R01^ORU_R01", "ORU^R01"), ("ORU^^ORU_R01", "ORU")],
)
def test_the_type_is_code_and_event(msh9, kind):
    assert open_message(f"MSH|^~\\&|||||||{msh9}|1".encode()).type == kind


@given(delimiters)
def test_any_legal_delimiters_are_read(of: Delimiters):
    f, c = of.field, of.component
    read = open_message(f"MSH{f}{of.msh2}{f * 7}ORM{c}O01{f}ID{f}P{f}2.5{c}US\rPID{f}1{f}{f}A{c}B\rZ01{f}\r".encode())
    assert (read.delimiters, read.type, read.control_id, read.version) == (of, "ORM^O01", "ID", "2.5")
    assert read.field("PID-3.2") == "B"
    assert len(read.segments) == 3


def test_short_headers_leave_control_id_and_version_empty():
    read = open_message(b"MSH|^~\\&|||||||ACK")
    assert (read.control_id, read.version) == ("", "")


def test_fields_are_reached_by_path_and_one_after_the_other():
    read = open_message(ORDER.encode())
    assert (read.field("MSH-1"), read.field("MSH-2"), read.field("MSH-9.3")) == ("|", "^~\\&", "ORM_O01")
    assert (read.field("PID-3[2]"), read.field("PID-9"), read.field("PID(2)-1"), read.field("NTE")) == ("C", "", "", "")
    listed = list(read.fields())
    assert listed[:3] == [(0, "MSH", 1, "|"), (0, "MSH", 2, "^~\\&"), (0, "MSH", 3, "APP")]
    assert listed[-1] == (3, "ZED", 1, "x")
    assert all(read.field(f"{name}-{number}") == text for _, name, number, text in listed)


@pytest.mark.parametrize(
    "data",
    [
        "FHS|^~\\&\rBHS|^~\\&\r{0}\r{0}\rBTS|2\rFTS|1\r",
        "BHS|^~\\&\n{0}\n{0}\nBTS|2\n",
        "FHS|^~\\&\r{0}\r{0}\r",
        "{0}\r{0}\rBTS|1\r",
        "{0}\r\n\r\n{0}",
        "\x0b{0}\r\x1c\r\x0b{0}\x1c\r",
        "\ufeff{0}\r\ufeff{0}\r",
        "FHS|^~\\&\rBHS|^~\\&\r{0}\rBTS|1\rBHS|^~\\&\r{0}\rBTS|1\rFTS|2\r",
        "FHS#^~\\&\r{0}\r{0}\rBTS#2#x\rFTS#\r",
    ],
)
def test_a_file_is_split_into_its_messages(data):
    text = data.format(ORDER)
    for encoded in (text.encode(), text.removeprefix("\x0b").encode("utf-16")):
        assert [open_message(one).segments for one in split_batch(encoded)] == [SEGMENTS, SEGMENTS]


def test_a_file_of_one_message_is_that_message():
    assert split_batch(ORDER.encode()) == [ORDER.encode()]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "empty"),
        ("FHS|^~\\&\rFTS|0", "empty"),
        ("hello", "not_hl7"),
        ("hello\r{0}", "not_hl7"),
        ("BHS|^~\\&\r{0}\rBTS|2", "batch"),
        ("FHS|^~\\&\rBHS|^~\\&\r{0}\rBTS|1\rFTS|2", "batch"),
        ("FHS|^~\\&\rhello\r{0}", "batch"),
        ("{0}\rBTS|1\rhello", "batch"),
    ],
)
def test_a_file_that_lacks_messages_or_holds_other_text_is_refused(data, code):
    with pytest.raises(Refused) as refused:
        split_batch(data.format(ORDER).encode())
    assert refused.value.code == code
    assert "hello" not in str(refused.value)


mutations = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 3),
        st.binary(max_size=3) | st.sampled_from([b"\r", b"\n", b"\rMSH|", b"\x1c\r"]),
    ),
    max_size=4,
)
OPTIONS = st.sampled_from(["UNICODE UTF-8", "8859/1", "ISO IR87", "GB 18030-2000", "ASCII"])


def _read_or_refused(data: bytes, charset: str) -> None:
    for read in (lambda: open_message(data, default_charset=charset), lambda: split_batch(data)):
        try:
            read()
        except Refused as refused:
            assert refused.offset is None or 0 <= refused.offset <= len(data)
            assert refused.position
            assert refused.cause


@given(st.binary(), OPTIONS)
def test_random_bytes_are_read_or_refused(data, charset):
    _read_or_refused(data, charset)
    _read_or_refused(b"MSH|^~\\&|" + data, charset)


@given(mutations, st.integers(0, 400), st.sampled_from(["utf-8", "utf-16", "latin-1"]), OPTIONS)
def test_mutated_and_truncated_messages_are_read_or_refused(changes, cut, codec, charset):
    data = (message("8859/1", "DÖE") + ORDER[60:] + "\rOBX|1|TX|||é").encode(codec)
    for at, length, new in changes:
        data = data[:at] + new + data[at + length :]
    _read_or_refused(data[: 400 - cut], charset)


ends = st.sampled_from(["\r", "\n", "\r\n", "\r\r", "\n "])
lines = st.sampled_from(
    ["PID|1", "OBX|é", "ZZZ", "EVN", "ECG|1", "ECG", "the", "MSH|", "BTS|1", " NTE|1", "OBX|\x00", "", "Z1|", "OBX|\t"]
)


@given(
    st.lists(st.tuples(lines, ends), max_size=6),
    st.sampled_from(["", "8859/1", "UTF-8", "X"]),
    st.sampled_from(["utf-8", "latin-1"]),
)
def test_the_quick_half_and_the_slow_half_agree(rest, msh18, codec):
    text = message(msh18, "x") + "".join(line + end for line, end in rest)
    data = text.encode(codec)

    def outcome(read):
        try:
            return read()
        except Refused as refused:
            return (refused.code, refused.position)

    for whole in (data, data.replace(b"\r", b"\n"), data.replace(b"\r", b"\r\n")):
        assert outcome(lambda whole=whole: open_message(whole)) == outcome(
            lambda whole=whole: wire._open_slowly(whole, "utf-8")
        )


values = st.text(st.sampled_from("ab1 ^~&|é"), max_size=20)


@given(st.lists(values, min_size=1, max_size=5))
def test_python_hl7_splits_the_same_fields(rests):
    text = "MSH|^~\\&|A|B|||||ORU^R01|7\r" + "".join(f"OBX|{rest}\r" for rest in rests)
    text += "ZZZ|python-hl7 strips the end of a message\r"
    parsed = hl7.parse(text)
    listed = [text for _, name, _, text in open_message(text.encode()).fields() if name == "OBX"]
    assert listed == [str(field) for segment in parsed.segments("OBX") for field in segment[1:]]
