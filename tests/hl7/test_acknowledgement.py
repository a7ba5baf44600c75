from typing import Any

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.acknowledgement import (
    CONDITIONS,
    Acknowledgement,
    Code,
    Fault,
    Header,
    Owed,
    acknowledge,
    fault_of,
    header_of,
    owed,
    read_acknowledgement,
)
from segwright.hl7.paths import Path
from segwright.hl7.refusal import Refused
from segwright.hl7.wire import open_message
from tests.hl7 import strategies

TIME = "20261126120000"


def order(
    *, version="2.5.1", msh9="ORM^O01^ORM_O01", control_id="M-1", asks="", charset="", delimiters="|^~\\&"
) -> bytes:
    """An order of a patient whose name must never come back."""
    f, c = delimiters[0], delimiters[1]
    msh9 = msh9.replace("^", c)
    msh = [
        "MSH",
        delimiters[1:],
        "LAB",
        f"NORTH{c}1.2{c}ISO",
        "AI",
        "US",
        "20260101",
        "",
        msh9,
        control_id,
        "P",
        version,
    ]
    accept, _, application = asks.partition("/")
    msh += ["", "", accept, application, "", charset]
    return f"{f.join(msh)}\rPID{f}1{f}{f}4711{f}{f}CANARY{c}EVE\r".encode()


def answer(data: bytes, code=Code.AA, **options) -> str:
    header = header_of(data)
    assert header is not None
    return acknowledge(header, code, control_id="A-1", time=TIME, **options).decode(header.codec)


def read(data: bytes) -> Acknowledgement:
    found = read_acknowledgement(data)
    assert isinstance(found, Acknowledgement), found
    return found


def refused(data: bytes) -> str:
    found = read_acknowledgement(data)
    assert isinstance(found, Refused)
    return found.code


def test_an_acknowledgement_turns_sender_and_receiver_round_and_echoes_the_rest():
    assert answer(order(charset="8859/1")) == (
        "MSH|^~\\&|AI|US|LAB|NORTH^1.2^ISO|20261126120000||ACK^O01^ACK|A-1|P|2.5.1||||||8859/1\rMSA|AA|M-1\r"
    )


@pytest.mark.parametrize(
    ("version", "msh9", "kind"),
    [
        ("2.5.1", "ORU^R01^ORU_R01", "ACK^R01^ACK"),
        ("2.3.1", "ORU^R01", "ACK^R01^ACK"),
        ("2.3", "ORU^R01", "ACK^R01"),
        ("2.2", "ORU", "ACK"),
        ("2.8", "ORU", "ACK"),
        ("", "ORU^R01", "ACK^R01"),
        ("2.5^USA", "ORU^R01", "ACK^R01^ACK"),
    ],
)
def test_the_type_names_the_event_and_from_2_3_1_on_the_structure(version, msh9, kind):
    fields = answer(order(version=version, msh9=msh9)).split("\r")[0].split("|")
    assert (fields[8], fields[11:]) == (kind, [version] if version else [])


def test_the_senders_own_delimiters_separate_its_acknowledgement():
    said = answer(
        order(delimiters="#*~\\&", version="2.4"),
        Code.AE,
        text="no * or # here",
        faults=[Fault("101", Path("PID", 1, 3))],
    )
    assert said == (
        "MSH#*~\\&#AI#US#LAB#NORTH*1.2*ISO#20261126120000##ACK*O01*ACK#A-1#P#2.4\r"
        "MSA#AE#M-1#no \\S\\ or \\F\\ here\rERR#PID*1*3*101&Required field missing&HL70357\r"
    )
    assert read(said.encode()).text == "no * or # here"


def test_up_to_2_4_faults_are_repetitions_of_err_1():
    faults = [Fault("101", Path.parse("PID-3.1"), text="who is it"), Fault("207")]
    assert answer(order(version="2.3"), Code.AE, text="refused", faults=faults).split("\r")[1:] == [
        "MSA|AE|M-1|refused",
        "ERR|PID^1^3^101&Required field missing&HL70357~^^^207&Application internal error&HL70357",
        "",
    ]


def test_from_2_5_on_each_fault_is_an_err_with_place_condition_severity_and_text():
    faults = [
        Fault("103", Path.parse("OBX(2)-5[3].1.2"), "W", "unknown unit"),
        Fault("101", Path("MSH", 1, 10)),
        Fault("207"),
    ]
    assert answer(order(), Code.AE, faults=faults).split("\r")[2:] == [
        "ERR||OBX^2^5^3^1^2|103^Table value not found^HL70357|W||||unknown unit",
        "ERR||MSH^1^10|101^Required field missing^HL70357|E",
        "ERR|||207^Application internal error^HL70357|E",
        "",
    ]


def test_msa_3_is_short_and_gone_since_2_7():
    assert answer(order(version="2.6"), text="x" * 100).split("\r")[1] == "MSA|AA|M-1|" + "x" * 80
    assert answer(order(version="2.7"), text="x" * 100).split("\r")[1] == "MSA|AA|M-1"


@pytest.mark.parametrize(
    ("asks", "verdict", "codes"),
    [
        ("", "accepted", (None, "AA")),
        ("", "error", (None, "AE")),
        ("", "rejected", (None, "AR")),
        ("AL", "accepted", ("CA", None)),
        ("AL/NE", "rejected", ("CR", None)),
        ("AL/AL", "accepted", ("CA", "AA")),
        ("AL/AL", "error", ("CE", "AE")),
        ("NE/AL", "accepted", (None, "AA")),
        ("/AL", "error", (None, "AE")),
        ("NE/NE", "accepted", (None, None)),
        ("NE/NE", "rejected", (None, None)),
        ("ER/NE", "accepted", (None, None)),
        ("ER/NE", "error", ("CE", None)),
        ("SU/ER", "accepted", ("CA", None)),
        ("SU/ER", "error", (None, "AE")),
        ("al/xx", "accepted", ("CA", None)),
    ],
)
def test_msh_15_and_16_say_which_acknowledgements_are_owed(asks, verdict, codes):
    header = header_of(order(asks=asks))
    assert header
    assert owed(header, verdict) == Owed(*codes)


def test_the_codes_know_what_they_say():
    assert [code for code in Code if code.positive] == ["AA", "CA"]
    assert [code for code in Code if code.commit] == ["CA", "CE", "CR"]


@pytest.mark.parametrize(
    "data",
    [
        order() + b"PID|\xff\xfe\r",  # not text in any charset
        order() + b"a line that is none",
        order(msh9=""),
        order()[:90],
        order().replace(b"\r", b"\n"),
        b"\xef\xbb\xbf" + order(),
        b" \r\n" + order(),
        order(charset="NONSENSE") + b"\xe9",
    ],
)
def test_row_19_a_message_that_cannot_be_read_is_answered_by_its_header(data):
    assert answer(data, Code.AE).endswith("\rMSA|AE|M-1\r")


def test_row_19_a_refusal_becomes_a_fault_that_names_the_place():
    data = order(charset="NONSENSE").replace(b"EVE", b"EV\xe9")
    with pytest.raises(Refused) as error:
        open_message(data)
    assert fault_of(error.value) == Fault("103", Path("MSH", 1, 18), text="the character set named here is not known")
    with pytest.raises(Refused) as error:
        open_message(order() + b"CANARY^EVE\r")
    fault = fault_of(error.value)
    assert (fault.condition, fault.path, fault.text[:10]) == ("100", None, "segment 3:")


def test_the_bytes_of_the_header_come_back_as_they_were_in_whatever_charset():
    for data in (
        order(control_id="Ä-1").decode().encode("latin-1"),
        order(control_id="Ä-1"),
        order(control_id="Ä-1", charset="8859/1").decode().encode("latin-1"),
        order(control_id="漢-1", charset="GB 18030-2000").decode().encode("gb18030"),
    ):
        header = header_of(data)
        assert header
        said = acknowledge(header, Code.AA, control_id="A-1", time=TIME)
        assert data.split(b"|")[9] in said
        assert data.split(b"|")[9] == read(said).control_id.encode(header.codec)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_two_byte_text_is_answered_in_two_byte_text(codec):
    said = answer(order().decode().encode(codec))
    assert said.endswith("MSA|AA|M-1\r")
    assert read(said.encode(codec)).answers("M-1")


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\n", b"PID|1\r", b"MSH", b"MSH|", b"MSH|^~\\\\&|", b"\x0b\x1c\r", b"\xff"]
)
def test_without_a_header_there_is_nothing_to_answer_by(data):
    assert header_of(data) is None


def test_the_header_of_a_message_is_the_same_however_it_is_had():
    for data in (order(), order(asks="AL/NE", delimiters="#*~\\&")):
        assert Header.of(open_message(data)) == header_of(data)


def test_a_text_of_ours_is_plain_ascii():
    header = header_of(order())
    assert header
    wrongs: list[dict[str, Any]] = [
        {"text": "é"},
        {"text": "a\rMSA|AA|1"},
        {"time": "\n"},
        {"faults": [Fault("101", text="\x0b")]},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="printable ASCII"):
            acknowledge(header, Code.AE, **{"control_id": "1", "time": TIME, **wrong})


def test_no_content_of_the_message_is_in_its_acknowledgement():
    for version in ("2.3", "2.5.1", "2.8"):
        for data in (
            order(version=version),
            order(version=version) + b"CANARY\xff\r",
            order(version=version) + b"CANARY\x00",
        ):
            try:
                open_message(data)
                faults = [Fault(condition, Path.parse("PID-5.1")) for condition in CONDITIONS]
            except Refused as error:
                faults = [fault_of(error)]
            assert "CANARY" not in answer(data, Code.AE, text="see ERR", faults=faults)


@given(
    delimiters=strategies.delimiters,
    version=st.sampled_from(["2.3", "2.4", "2.5", "2.7", "2.8.2"]),
    code=st.sampled_from(Code),
    faults=st.lists(
        st.builds(
            Fault,
            st.sampled_from(sorted(CONDITIONS)),
            st.none() | st.from_regex(r"(PID|OBX|Z01)\([1-9]\)-[1-9]", fullmatch=True).map(Path.parse),
            text=st.text(st.characters(min_codepoint=32, max_codepoint=126)),
        ),
        max_size=3,
    ),
    text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
)
def test_what_is_built_is_read_back(delimiters, version, code, faults, text):
    msh9 = f"A{delimiters.component}B"
    msh = delimiters.field.join(["MSH", delimiters.msh2, *[""] * 6, msh9, "ID", "P", version])
    header = header_of(msh.encode())
    assert header
    back = read(acknowledge(header, code, control_id="x", time=TIME, text=text, faults=faults))
    assert (back.code, back.control_id, back.own_id) == (code, "ID", "x")
    assert back.text == ("" if version >= "2.7" else text)
    assert [(fault.condition, fault.path) for fault in back.faults] == [
        (fault.condition, fault.path) for fault in faults
    ]
    if version >= "2.5":
        assert [fault.text for fault in back.faults] == [fault.text or CONDITIONS[fault.condition] for fault in faults]


def test_another_parser_reads_the_same():
    said = answer(order(), Code.AE, faults=[Fault("103", Path.parse("OBX(2)-5[1].1"), text="a|b")])
    parsed = hl7.parse(said)
    assert (str(parsed["MSA.F1.R1.C1"]), str(parsed["MSA.F2.R1.C1"])) == ("AE", "M-1")
    assert [str(parsed[f"ERR.F2.R1.C{n}"]) for n in range(1, 6)] == ["OBX", "2", "5", "1", "1"]
    assert (str(parsed["ERR.F3.R1.C1"]), parsed.unescape(str(parsed["ERR.F8.R1.C1"]))) == ("103", "a|b")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\x0b\x1c\r", "empty"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html><body>MSA|AA|M-1</body></html>", "not_hl7"),
        (b"<html>", "not_hl7"),
        (b"MSA|AA|M-1\r", "not_hl7"),
        (b"MSH", "delimiters"),
        (b"MSH|^~\\&", "no_msa"),
        (b"MSH|^~\\&|A\r", "no_msa"),
        (b"MSH|^~\\&|A||||||ACK|1\rMSA", "msa_code"),
        (b"MSH|^~\\&|A||||||ACK|1\rMSA|XX|1\r", "msa_code"),
        (b"MSH|^~\\&|A||||||ACK|1\rMSA|A", "msa_code"),
        (b"MSH|^~\\&|A||||||ACK|1\rMSA||1\r", "msa_code"),
        (b"MSH|^~\\&|A||||||ACK|1\rMSA|AA|1\rMSA|AE|2\r", "several_messages"),
        (b"MSH|^~\\&|A||||||ACK|1\rMSA|AA|1\rMSH|^~\\&|A||||||ACK|1\r", "several_messages"),
    ],
)
def test_row_12_what_is_no_acknowledgement_is_a_refusal(data, reason):
    assert refused(data) == reason


def test_row_5_msa_2_is_kept_exactly():
    for control_id in ("M-1", " M-1", "M-1 ", "m-1", "M-1^", "0M-1", ""):
        found = read(f"MSH|^~\\&|A||||||ACK|1|P|2.3\rMSA|AA|{control_id}|\r".encode())
        assert found.control_id == control_id
        assert found.answers("M-1") is (control_id == "M-1")
    assert not read(b"MSH|^~\\&|A||||||ACK|1|P|2.3\rMSA|AA\r").answers("")


@pytest.mark.parametrize(
    ("segments", "faults"),
    [
        (["ERR|PID^1^3^101&Required field missing&HL70357"], [("101", "PID-3", "Required field missing")]),
        (["ERR|PID^^5^103~OBX^2^3"], [("103", "PID-5", ""), ("", "OBX(2)-3", "")]),
        (["ERR||OBR^5^2^1^1^|101^Required field missing|E"], [("101", "OBR(5)-2.1", "Required field missing")]),
        (["ERR||OBR^1^4~OBR^1^22|101|E||||both"], [("101", "OBR-4", "both"), ("101", "OBR-22", "both")]),
        (["ERR|||204^^HL70357|F|||diagnostic"], [("204", None, "diagnostic")]),
        (["ERR|PID^1^3^101|PID^1^3|101|E|||d|user"], [("101", "PID-3", "user")]),
        (["ERR||PID|100|E", "ERR||Z01^2|100|W"], [("100", "PID", ""), ("100", "Z01(2)", "")]),
        (["ERR||PID-3.1|101|E", "ERR||PV1.7|101|E"], [("101", "PID-3.1", ""), ("101", "PV1-7", "")]),
        (["ERR||nonsense^x^y|101|E"], [("101", None, "")]),
        (["ERR||PID^a^b^c|101|E"], [("101", "PID", "")]),
        (["ERR||PID^1^5^^^2|102|E"], [("102", "PID-5.1.2", "")]),
        (["ERR"], []),
        ([], []),
    ],
)
def test_faults_name_a_path_whatever_form_the_receiver_writes(segments, faults):
    data = "\r".join(["MSH|^~\\&|A||||||ACK|1|P|2.5", "MSA|AE|M-1|no", *segments])
    found = read(data.encode())
    assert [(fault.condition, fault.path and str(fault.path), fault.text) for fault in found.faults] == faults


def test_msa_6_is_a_fault_where_there_is_no_err():
    head = b"MSH|^~\\&|A||||||ACK|1|P|2.4\rMSA|AR|M-1|no|||205^Duplicate key identifier\r"
    assert read(head).faults == (Fault("205", text="Duplicate key identifier"),)
    assert [fault.condition for fault in read(head + b"ERR|PID^1^3^101\r").faults] == ["101"]


@pytest.mark.parametrize(
    "data",
    [
        b"MSH|^~\\&|A||||||ACK|1\rMSA|AE|M-1|System.Exception: no\r\n   at Line 4\n\tat Line 5\rERR|PID^1^3^101\r",
        b"MSH|^~\\&|A||||||ACK|1\nMSA|AE|M-1|\xff\xfe\nERR|PID^1^3^101\n",
        b"\x0bMSH|^~\\&|A||||||ACK|1\rMSA| ae |M-1\rERR|PID^1^3^101\r\x1c\r",
        b"MSH|^~\\&|A\rMSA|AE|M-1|\x00\rERR|PID^1^3^101",
        b"MSH|^~\\&|A||||||ORR^O02|1\rMSA|AE|M-1\rERR|PID^1^3^101\rPID|||1\rORC|UA\r",
    ],
)
def test_a_nack_is_read_however_untidy_its_text_is(data):
    found = read(data)
    assert (found.code, found.control_id, found.faults) == ("AE", "M-1", (Fault("101", Path("PID", 1, 3)),))


WHOLE = b"MSH|^~\\&|A||||||ACK|1|P|2.5\rMSA|AE|M-1|text\rERR||PID^1^3|101^x|E\r"


@given(st.one_of(st.binary(), st.binary().map(b"MSH|^~\\&|".__add__), st.binary().map((WHOLE[:60]).__add__)))
def test_reading_never_raises(data):
    assert isinstance(read_acknowledgement(data), Acknowledgement | Refused)
    header_of(data)


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.binary(max_size=4))
def test_a_damaged_acknowledgement_never_raises_and_never_gives_a_longer_control_id(start, stop, junk):
    found = read_acknowledgement(WHOLE[:start] + junk + WHOLE[stop:])
    assert isinstance(found, Acknowledgement | Refused)
    cut = read_acknowledgement(WHOLE[:start])
    if isinstance(cut, Acknowledgement):
        assert "M-1".startswith(cut.control_id)
