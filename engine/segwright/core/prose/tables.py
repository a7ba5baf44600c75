"""SW06xx: tables of codes: rows, columns, keys, gaps, and codes the standard does not have."""

from segwright.core.prose.entry import Entry

_CODES = (
    "A code is all the receiver has: it files, triggers and bills by it. A wrong one is not refused; it is taken for what it "
    "says."
)
_ROWS = (
    "A table is read as it stands, often out of a spreadsheet in which a cell has slipped. One column off, every code means "
    "something else."
)

ENTRIES: dict[str, Entry] = {
    "SW0601": Entry(
        "Another number of keys",
        "Table `{table}` is looked up by {count}; {given} given here.",
        ("With several keys write `{table}(a, b)`; with one, `a via {table}`.",),
        _CODES,
    ),
    "SW0602": Entry(
        "A key of another type",
        "Table `{table}` is looked up by {wanted}; `{name}` is of type {type}.",
        ("Look it up with a value of type {wanted}, or use a table whose key is of type {type}.",),
        _CODES,
    ),
    "SW0603": Entry(
        "Unknown column",
        "Table `{table}` has no column `{name}`.",
        ("Did you mean `{nearest}`?", "It could be {known}.", "Its only column has no name: write `via {plain}`."),
        _CODES,
    ),
    "SW0604": Entry(
        "`same` for something that is no text",
        "`same` passes the value on as it is, and {why}.",
        ("Write a value to send instead, or {instead}.",),
        "Our own words mean nothing at a hospital; only a text or code that came in can be passed on.",
    ),
    "SW0605": Entry(
        "A row with too few or too many values",
        "Table `{table}` has {count}; this row has {given}.",
        ("Write a value for each column, separated by commas; `blank` where there is none.",),
        _ROWS,
    ),
    "SW0606": Entry(
        "Two rows for one key",
        "Table `{table}` has two rows for `{key}`.",
        (
            "Keep one of the two.",
            "For codes that several senders use, read them with `<-` rows and write one with `->`.",
        ),
        "Which of the two codes is sent would be left to chance.",
    ),
    "SW0607": Entry(
        "Not a UCUM unit",
        "`{unit}` is not a unit of UCUM.",
        (
            "Did you mean `{nearest}`?",
            "UCUM is case-sensitive: `ms`, `/min`, `deg`, `mm[Hg]`, `uV`.",
            "A unit of the hospital's own is written without `as ucum`, from a table.",
        ),
        "A unit is half of the value. One that the receiver does not know is dropped or taken for another, and 420 becomes "
        "420 of something.",
    ),
    "SW0608": Entry(
        "A row with too few or too many keys",
        "Table `{table}` has {count}; this row has {given}.",
        ("Write a key for each, separated by commas, before the arrow.",),
        _ROWS,
    ),
    "SW0609": Entry(
        "A word where a text is needed",
        "`{name}` is no {wanted}.",
        ('If it is a text, put it in quotes: `"{name}"`.',),
        "Without quotes a word is a name; as a name it means nothing here.",
    ),
    "SW0610": Entry(
        "Components in a column of single values",
        "{column} of table `{table}` holds one value ({type}), and here are several components.",
        ("Give the column a type with components (`CWE`, `CE`), or write one value.",),
        _ROWS,
    ),
    "SW0611": Entry(
        "A cell of another type",
        "{column} of table `{table}` is of type {wanted}, and `{value}` is not.",
        ("Write a value of type {wanted}, without quotes.",),
        _ROWS,
    ),
    "SW0612": Entry(
        "A code that the HL7 table does not have",
        "`{code}` is not in HL7 table {number} of version {version}.",
        (
            "Did you mean `{nearest}`?",
            "It could be {known}.",
            'If this hospital uses it: `allow SW0612 on {place} because "…"`.',
        ),
        "This table is closed: receivers know these codes and no others. An unknown status is taken for final, or the whole "
        "result is refused.",
    ),
    "SW0613": Entry(
        "A value without a row",
        "Table `{table}` has no row for {missing}, and `{name}` can be that.",
        ("Add a row for each: `{example} -> …`.", "Or add an `otherwise` row, or `on unmapped …` behind the `via`."),
        "The day the value comes there would be no code for it: a corrected result, say, that cannot be sent while the wrong one "
        "stands in the chart.",
    ),
    "SW0614": Entry(
        "A table's file is not there",
        "Table `{table}` is read from `{file}`, and {folder} has no such file.",
        ("Did you mean `{nearest}`?", "Put the file there, or correct its name."),
        "A table without its rows has no code for anything.",
    ),
    "SW0615": Entry(
        "A file without the columns of its table",
        "`{file}` has no column {missing} for table `{table}`.",
        (
            "Did you mean `{meant}` where `{slip}` stands?",
            "Its first row names {columns}.",
            "It must name the keys first, then each column as the table declares it.",
        ),
        _ROWS,
    ),
}
