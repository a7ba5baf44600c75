import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segwright.hl7.delimiters import STANDARD, Delimiters, fault
from segwright.hl7.escape import escape, escape_formatted, redelimit, unescape
from tests.hl7.strategies import REFUSED, delimiters, texts

CODECS = st.sampled_from(["ascii", "utf-8", "iso8859-1", "utf-16-le", "shift_jis"])


@given(texts, delimiters, CODECS)
def test_unescaping_gives_back_what_was_escaped(text, of, codec):
    assert unescape(escape(text, of), of, codec) == text


@given(texts, delimiters)
def test_escaped_text_holds_no_delimiter_and_no_line_end(text, of):
    for escaped in (escape(text, of), escape_formatted(text, of)):
        structural = {of.field, of.component, of.repetition, of.subcomponent, of.truncation, "\r", "\n", "\t"} - {""}
        assert not structural & set(escaped)


@given(texts, delimiters)
def test_formatted_text_comes_back_with_line_feeds_for_line_ends(text, of):
    assert unescape(escape_formatted(text, of), of, "utf-8") == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("control", REFUSED)
def test_a_control_character_is_refused_by_its_code_point_only(control):
    for write in (escape, escape_formatted):
        with pytest.raises(ValueError, match=f"U\\+{ord(control):04X}") as refused:
            write(f"SECRET{control}", STANDARD)
        assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"\X0D\\X0A\\X09\|", "\r\n\t|"),
        (r"\XC3A9\ \XC3\\XA9\ \XE6BCA2\ ", "é é 漢 "),
        (r"\X41\\XFF\ \X4\ ", r"\X41\\XFF\ \X4\ "),
        (r"one\.br\two\.sp\three\.BR\four", "one\ntwo\nthree\nfour"),
        (r"\H\bold\N\ \.ce\ \.sp+2\ \Zab\ \C2842\ ", r"bold \.ce\ \.sp+2\ \Zab\ \C2842\ "),
        (r"C:\temp\F\x \ 5\6 mg \T\ y", r"C:\temp|x \ 5\6 mg & y"),
        (r"\E\F\E\ ", r"\F\ "),
        (r"\E\.br\E\ ", r"\.br\ "),
        ("\\", "\\"),
        (r"\P\ ", r"\P\ "),
    ],
)
def test_escapes_of_every_kind(escaped, text):
    assert unescape(escaped, STANDARD, "utf-8") == text


def test_the_truncation_character_is_escaped_where_there_is_one():
    with_truncation = Delimiters(truncation="#")
    assert escape("Apt #5", with_truncation) == r"Apt \P\5"
    assert escape("Apt #5", STANDARD) == "Apt #5"
    assert unescape(r"Apt \P\5", with_truncation, "ascii") == "Apt #5"


def test_hexadecimal_is_read_in_the_charset_of_the_message():
    assert unescape(r"\XE9\ ", STANDARD, "iso8859-1") == "é "
    assert unescape(r"\X0D\ ", STANDARD, "utf-16-le") == "\r "


def _values(raw: str, of: Delimiters, codec: str = "utf-8") -> list[list[list[list[str]]]]:
    return [
        [
            [
                [unescape(sub, of, codec) for sub in component.split(of.subcomponent)]
                for component in one.split(of.component)
            ]
            for one in field.split(of.repetition)
        ]
        for field in raw.split(of.field)
    ]


# Letters of every escape that is translated or dropped, and of those that are kept as they stand (X, Z, C, M, dot).
translated = st.text(st.sampled_from("|^~&#\\FSTREPHN0ab!@*+é"))
raw_fields = st.text(st.sampled_from("|^~&#\\FSTREPHN0ab!@*+éXZCM."))


def _written_with(of: Delimiters, raw: str) -> str:
    return raw.translate(str.maketrans("|^~&\\", of.field + of.component + of.repetition + of.subcomponent + of.escape))


@given(translated, delimiters, delimiters)
def test_every_value_reads_the_same_under_other_delimiters(text, of, to):
    raw = _written_with(of, text)
    assert _values(redelimit(raw, of, to), to) == _values(raw, of)


@given(raw_fields, delimiters, delimiters)
def test_escapes_that_are_kept_read_the_same_too_with_one_escape_character(text, of, to):
    to = to._replace(escape=of.escape)
    assume(not fault(to))
    raw = _written_with(of, text)
    try:
        moved = redelimit(raw, of, to)
    except ValueError:
        return
    assert _values(moved, to) == _values(raw, of)


@given(texts, delimiters, delimiters)
def test_escaped_text_under_other_delimiters_is_the_text_escaped_for_them(text, of, to):
    assert unescape(redelimit(escape(text, of), of, to), to, "utf-8") == text


@given(raw_fields, delimiters)
def test_the_same_delimiters_and_charset_change_nothing(raw, of):
    assert redelimit(raw, of, of) == raw
    assert redelimit(raw, of, of, "iso8859-1", "iso8859-1") == raw
    assert redelimit(raw, of, of, "ascii", "utf-8") == raw


escaped_bytes = st.lists(st.binary(min_size=1, max_size=4).map(lambda b: f"\\X{b.hex().upper()}\\"), max_size=3).map(
    "".join
)


@given(st.lists(st.one_of(escaped_bytes, translated), max_size=4).map("".join), delimiters, delimiters)
def test_every_value_reads_the_same_in_another_charset(text, of, to):
    raw = _written_with(of, text)
    for codec, to_codec in (
        ("iso8859-1", "utf-8"),
        ("utf-8", "iso8859-15"),
        ("ascii", "iso8859-1"),
        ("cp1252", "ascii"),
    ):
        try:
            moved = redelimit(raw, of, to, codec, to_codec)
        except ValueError:
            continue
        assert _values(moved, to, to_codec) == _values(raw, of, codec)


@pytest.mark.parametrize(
    ("raw", "codec", "to_codec", "moved"),
    [
        ("caf/XE9/", "iso8859-1", "utf-8", "café"),
        ("caf/XC3A9/", "utf-8", "iso8859-1", "café"),
        ("caf/XC3//XA9/", "ascii", "iso8859-1", "café"),
        ("caf/XC3A9/", "ascii", "utf-8", "caf/XC3A9/"),
        ("caf/XC3A9/", "ascii", "ascii", "caf/XC3A9/"),
        ("caf/XC3A9/", "utf-8", "ascii", "café"),
        ("a/X5E/b/X0D/", "iso8859-1", "utf-8", "a/X5E/b/X0D/"),
        ("caf/XE9/", "", "utf-8", "caf/XE9/"),
        ("/X005E/", "utf-16-be", "utf-8", "/S/"),
    ],
)
def test_hexadecimal_escapes_are_read_in_their_own_charset_and_written_as_text(raw, codec, to_codec, moved):
    assert redelimit(raw.replace("/", "\\"), STANDARD, STANDARD, codec, to_codec) == moved.replace("/", "\\")


def test_bytes_that_are_no_text_in_their_charset_are_an_error_in_another():
    with pytest.raises(ValueError, match="no text in the charset"):
        redelimit("caf\\XE9\\", STANDARD, STANDARD, "utf-8", "iso8859-1")


def test_redelimiting_keeps_structure_and_escapes():
    other = Delimiters("#", "!", "@", "%", "*")
    assert redelimit(r"A^B&C~D\F\E\.br\F\X41\ 5# \S\ ", STANDARD, other) == "A!B*C@D|E%.br%F%X41% 5%F% ^ "
    assert redelimit("A!B@C*D%F%E^", other, STANDARD) == "A^B~C&D#E\\S\\"
    assert redelimit(r"a\b!", STANDARD, Delimiters(field="!")) == r"a\E\b\F" + "\\"


def test_an_escape_that_the_other_delimiters_cannot_write_is_an_error():
    with pytest.raises(ValueError, match="escape sequence"):
        redelimit(r"\.sp+2" + "\\", STANDARD, Delimiters(component="+"))
