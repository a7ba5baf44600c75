import pytest

from segwright.hl7.charset import codec_of, msh18_of


@pytest.mark.parametrize(
    ("msh18", "codec"),
    [
        ("ASCII", "ascii"),
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("ISO-8859-1", "iso8859-1"),
        ("iso8859-2", "iso8859-2"),
        ("8859-1", "iso8859-1"),
        ("ISO_8859-1", "iso8859-1"),
        ("UNICODE UTF-8", "utf-8"),
        ("unicode  utf-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UTF8", "utf-8"),
        (" utf-8 ", "utf-8"),
        ("UNICODE", "utf-8"),
        ("UNICODE UTF-16", "utf-16"),
        ("Windows-1252", "cp1252"),
        ("ISO IR87", "iso2022_jp"),
        ("GB 18030-2000", "gb18030"),
        ("8859/12", None),
        ("EBCDIC", None),
        ("", None),
    ],
)
def test_a_name_of_msh_18_gives_its_codec(msh18, codec):
    assert codec_of(msh18) == codec
    if codec:
        "x".encode(codec)


def test_a_configured_charset_gives_the_name_of_table_0211():
    assert [msh18_of(name) for name in ("ASCII", "8859/1", "8859/15", "UNICODE UTF-8", "utf-8")] == [
        *("ASCII", "8859/1", "8859/15", "UNICODE UTF-8", "UNICODE UTF-8")
    ]


@pytest.mark.parametrize("name", ["", "8859/12", "UNICODE UTF-16", "windows-1252", "nonsense"])
def test_other_charsets_cannot_be_configured(name):
    with pytest.raises(ValueError, match="choices are ASCII, 8859/1"):
        msh18_of(name)
