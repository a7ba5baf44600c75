import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.paths import Path, at, locate
from segwright.hl7.refusal import Refused

MESSAGE = "MSH|^~\\&|APP|FAC|||||ORU^R01|1|P|2.5\rPID|1||A^1&2^B~C^^^D|x\rOBX|1|ST\rOBX|2|ED|^X^Y||a&b~c\rOBX||\rZZZ\r"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("PID", Path("PID")),
        ("PID-3", Path("PID", 1, 3)),
        ("PID-3[1]", Path("PID", 1, 3, 1)),
        ("PID-3.4", Path("PID", 1, 3, 1, 4)),
        ("PID-3.4.1", Path("PID", 1, 3, 1, 4, 1)),
        ("PID-3[2].4", Path("PID", 1, 3, 2, 4)),
        ("OBX(3)-5.1", Path("OBX", 3, 5, 1, 1)),
        ("OBX(3)", Path("OBX", 3)),
    ],
)
def test_a_path_is_read_and_written(text, path):
    assert Path.parse(text) == path
    assert str(path) == text


def test_the_first_occurrence_and_repetition_need_no_number():
    assert Path.parse("PID(1)-3[1].4") == Path.parse("PID-3.4")
    assert Path.parse("PID-3[1]") != Path.parse("PID-3")


@pytest.mark.parametrize(
    "text", ["", "pid-3", "PID-0", "PID-03", "PID.3", "PID-3.", "PID-3[0]", "PID()-3", "PIDX", "PID-3.1.1.1", "PID-3\n"]
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ValueError, match="a path is written as"):
        Path.parse(text)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-2.1", "^~\\&"),
        ("MSH-2.2", None),
        ("MSH-3", "APP"),
        ("MSH-9.2", "R01"),
        ("PID", "PID|1||A^1&2^B~C^^^D|x"),
        ("PID-2", ""),
        ("PID-3", "A^1&2^B~C^^^D"),
        ("PID-3[1]", "A^1&2^B"),
        ("PID-3.1", "A"),
        ("PID-3.1.1", "A"),
        ("PID-3.2.2", "2"),
        ("PID-3[2].4", "D"),
        ("PID-3[2].3", ""),
        ("PID-3[2].5", None),
        ("PID-3[3]", None),
        ("PID-5", None),
        ("OBX(2)-5[1].1.2", "b"),
        ("OBX(4)-1", None),
        ("ZZZ-1", None),
        ("ZZZ", "ZZZ"),
        ("NTE-1", None),
    ],
)
def test_an_element_is_located(path, found):
    place = locate(MESSAGE, Path.parse(path))
    assert (place and MESSAGE[slice(*place)]) == found


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ("M", "MSH"),
        ("|^~", "MSH-1"),
        ("~\\", "MSH-2"),
        ("ORU", "MSH-9.1"),
        ("1||A", "PID-1"),
        ("|A^", "PID-2"),
        ("2^B", "PID-3.2.2"),
        ("C^^", "PID-3[2].1"),
        ("D|x", "PID-3[2].4"),
        ("x\r", "PID-4"),
        ("\rOBX|1", "PID-4"),
        ("b~c", "OBX(2)-5.1.2"),
        ("c\r", "OBX(2)-5[2]"),
        ("ZZZ\r", "ZZZ"),
    ],
)
def test_a_character_names_its_element(before, path):
    assert str(at(MESSAGE, MESSAGE.index(before))) == path


def test_places_outside_of_a_message_are_errors():
    for offset in (-1, len(MESSAGE)):
        with pytest.raises(ValueError, match="outside"):
            at(MESSAGE, offset)
    with pytest.raises(ValueError, match="no segment"):
        at("\r" + MESSAGE, 0)


def test_a_text_without_delimiters_is_refused():
    for text in ("", "PID"):
        with pytest.raises(Refused):
            locate(text, Path("PID"))


pieces = st.text(st.sampled_from("|^~&ab"), max_size=12)


@given(
    st.lists(st.tuples(st.sampled_from(["PID", "OBX", "ZZ1"]), pieces), max_size=5),
    st.sampled_from(["\r", "\n", "\r\n"]),
)
def test_every_character_lies_in_the_element_it_names(segments, end):
    text = "MSH|^~\\&|A^B&C" + end + "".join(f"{name}|{rest}{end}" for name, rest in segments)
    for offset, character in enumerate(text):
        path = at(text, offset)
        assert Path.parse(str(path)) == path
        place = locate(text, path)
        assert place is not None
        assert place[0] <= offset
        assert offset <= place[1] or character in "\r\n"
        assert not set(text[slice(*place)]) & set("^~&|") or path.field in (0, 1, 2)


@given(st.lists(pieces, min_size=1, max_size=4), st.sampled_from(["|^~\\&", "#!@%*", "@~&#\\"]))
def test_python_hl7_finds_the_same_elements(rests, characters):
    of = Delimiters(*characters)
    table = str.maketrans("|^~&", of.field + of.component + of.repetition + of.subcomponent)
    text = f"MSH{of.field}{of.msh2}{of.field}A\r" + "".join(f"OBX{of.field}{rest.translate(table)}\r" for rest in rests)
    parsed = hl7.parse(text)
    for occurrence, segment in enumerate(parsed.segments("OBX"), 1):
        for field in range(1, len(segment)):
            for repetition, one in enumerate(segment[field], 1):
                place = locate(text, Path("OBX", occurrence, field, repetition))
                assert place is not None
                assert text[slice(*place)] == str(one)
        assert locate(text, Path("OBX", occurrence, len(segment))) is None
