"""Syntax: SW0101 to SW0199, and how a terminal of the grammar is called when an analyst is told about it."""

from __future__ import annotations

from segwright.core.prose.entry import Entry

_KEYWORDS = """
    MAPPING WRITES READS OVERLAY FROM USE LET SEGMENT OPTIONAL REQUIRED IF WHEN OTHERWISE BECAUSE KEEP FOR EACH IN OF LIST WHERE
    ORDERED BY AT MOST LEAST FIRST LAST NAMED GROUP UNDER CHECK THAT ELSE REJECT SAYING ALLOW ON TABLE ORG SAME ERROR FORMAT AS
    PART RECORD ENUM TEXT END REASON OVERRIDE ADD REMOVE REPLACE MOVE LOOP AFTER BEFORE ALL MESSAGE VIA INVALID UNMAPPED BLANK
    HOLD NULL POSITION INHERITED COUNT SINCE HAVING OR AND NOT IS PRESENT MISSING CHANGED ABOVE BELOW BETWEEN MATCHES
""".split()

TERMINALS = {
    **{word: f"the word `{word.lower()}`" for word in _KEYWORDS},
    "ROW_ADD": "the word `add`",
    "ROW_OVERRIDE": "the word `override`",
    "ROW_REMOVE": "the word `remove`",
    "MESSAGE_TYPE": "a message such as ORU^R01",
    "CODE": "the code of a finding such as SW0403",
    "ACK_CODE": "`AE` or `AR`",
    "HL7": "a table such as `HL7 0123`",
    "PATH": "a field such as PID-3",
    "COMPONENT": "a component such as .1",
    "SEG": "a segment such as PID",
    "TYPE": "a type such as Order or XCN",
    "LABEL": "a name and a colon",
    "NAME": "a name",
    "DOTTED": "a path such as order.number",
    "NUMBER": "a number",
    "STRING": "a text in quotes",
    "ARROW": "an arrow (`->`, `<-` or `<->`)",
    "EQUAL": "`=`",
    "COMMA": "a comma",
    "COLON": "a colon",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "CIRCUMFLEX": "`^` and the next component",
    "$END": "the end of the line",
}
"""Every terminal in an analyst's words. A test holds this table against the grammar."""

_LINE = "A line that cannot be read maps nothing; the message would go out without it, so nothing of this file is used."
_BLOCK = "What stands in a block depends on where the block ends; guessing could put a value into another segment."
_ADDRESS = "A field has one spelling everywhere, so that a search finds every rule that writes it."

ENTRIES: dict[str, Entry] = {
    "SW0101": Entry(
        "A text that is never closed",
        "This text has no closing quote.",
        ("Put `\"` where the text ends. A text cannot go on in the next line.",
         "A quote inside a text is written twice: `\"say \"\"yes\"\"\"`."),
        "Without the closing quote the rest of the line would be sent as text.",
    ),
    "SW0102": Entry(
        "A typographic quote",
        "`{found}` is a typographic quote; a text stands between straight ones.",
        ("Write `\"` before and after the text. Word processors and mail programs put the curly ones in.",),
        "Curly quotes look right and are other characters; many hospital charsets cannot even carry them.",
    ),
    "SW0103": Entry(
        "A tab",
        "This file has tabs; columns are shown wrong by every other editor.",
        ("Let the editor insert spaces instead.",),
        "Reviewers compare lines by eye; a tab makes two equal columns look different.",
    ),
    "SW0104": Entry(
        "A character that only looks right",
        "Here stands {found}; it looks like {meant} and is another character.",
        ("Type {meant} on the keyboard; the other one came in by copying from a document.",),
        "Two characters that look alike are two different rules to a computer.",
    ),
    "SW0105": Entry(
        "A character that has no place here",
        "The character {found} means nothing here.",
        ("{advice}", "Take it out, or put it between quotes if it is part of a text."),
        _LINE,
    ),
    "SW0110": Entry(
        "Something else was expected",
        "{found} cannot stand here.",
        ("Here may stand {expected}.",),
        _LINE,
    ),
    "SW0111": Entry(
        "The line ends too early",
        "The line ends here, and something is missing.",
        ("Next would be {expected}.",
         "A line goes on in the next one only if that begins with `=`, `^`, `because` or a word such as `and`, `else`, `when`."),
        _LINE,
    ),
    "SW0112": Entry(
        "A misspelt word",
        "`{found}` is no word of the language.",
        ("Did you mean `{meant}`?", 'A text stands in quotes: `"{text}"`.'),
        "A word is never guessed: the wrong guess would change what a hospital receives.",
    ),
    "SW0113": Entry(
        "A line that begins with no known word",
        "No line begins with {found}.",
        ("A line is a rule (`OBX-2 = \"NM\"`) or begins with a word such as `segment`, `for each`, `use`, `table`, `override`.",),
        _LINE,
    ),
    "SW0114": Entry(
        "Two equal signs",
        "`==` is no sign of the language.",
        ("To say what a field becomes, write one `=`.", "To compare, write `is`: `when patient.sex is female`."),
        _LINE,
    ),
    "SW0115": Entry(
        "A wrong arrow",
        "`{found}` is no sign of the language.",
        ("In a table write `->` (out), `<-` (in) or `<->` (both ways).", "In a rule write `=`."),
        _LINE,
    ),
    "SW0116": Entry(
        "A sign in place of a word",
        "`{found}` is no sign of the language.",
        ("Write the word {meant}.",),
        "Conditions are read by people who never wrote a program; they are made of words.",
    ),
    "SW0117": Entry(
        "`if` in place of `when`",
        "A condition is introduced by `when`.",
        ("Write `when` in place of `if`.", "`if` stands only in `required if …`."),
        _LINE,
    ),
    "SW0118": Entry(
        "A segment in small letters",
        "`{found}` is written in small letters.",
        ("Write `{meant}`.",),
        _ADDRESS,
    ),
    "SW0119": Entry(
        "A field in another spelling",
        "`{found}` is no way to name a field here.",
        ("Write `{meant}`.", "{advice}"),
        _ADDRESS,
    ),
    "SW0120": Entry(
        "An empty text",
        "`\"\"` could mean three things.",
        ("`blank`: nothing is sent.",
         "`hold`: an empty repetition that keeps its place.",
         "`null`: HL7's own `\"\"`, which tells the receiver to delete what it has."),
        "An empty field keeps what the hospital has, an explicit null deletes it. Mixing them up erases allergies and addresses.",
    ),
    "SW0121": Entry(
        "`else if`",
        "There is no `else if`.",
        ("Alternatives stand below each other, the first that applies wins: `= \"A\" when …` and below it `= \"N\" otherwise`.",
         "`else` alone gives the value for when the one before it is missing."),
        _LINE,
    ),
    "SW0122": Entry(
        "A semicolon",
        "A line ends without a semicolon.",
        ("Take it out; one rule stands on one line.",),
        _LINE,
    ),
    "SW0123": Entry(
        "`:=`",
        "`:=` is no sign of the language.",
        ("Write `=`.",),
        _LINE,
    ),
    "SW0124": Entry(
        "Single quotes",
        "A text stands between double quotes.",
        ("Write `\"` before and after it.",),
        _LINE,
    ),
    "SW0125": Entry(
        "A comparison with nothing",
        "`is {found}` is not how absence is asked for.",
        ("Write `is missing` (or `is present` for the opposite).",
         "For HL7's explicit `\"\"` write `is null`."),
        "A field that was not sent and one that was sent as null ask for different deeds.",
    ),
    "SW0126": Entry(
        "A name in another spelling",
        "`{found}` is no name.",
        ("Names have small letters, digits and `_`: `{meant}`.",),
        "One spelling of names keeps a search for them complete.",
    ),
    "SW0127": Entry(
        "A conversion inside a condition",
        "`{found}` cannot stand inside a condition.",
        ("Give the value a name on the line before, `let shown = … {found} …`, and compare that.",
         "A lookup may be written as a call: `ranges.high(m.kind, patient.sex)`."),
        "A condition that converts could fail; naming the value first makes the failure visible.",
    ),
    "SW0128": Entry(
        "A bracket that is never closed",
        "This `{found}` is never closed.",
        ("Put `{meant}` where it ends; it must stand on the same line.",),
        _LINE,
    ),
    "SW0129": Entry(
        "A bracket that closes nothing",
        "This `{found}` closes nothing.",
        ("Take it out, or open it earlier in the line.",),
        _LINE,
    ),
    "SW0130": Entry(
        "A comparison by a sign",
        "`{found}` is no sign of the language.",
        ("Write {meant}.",),
        "Conditions are read by people who never wrote a program; they are made of words.",
    ),
    "SW0131": Entry(
        "Arithmetic",
        "`{found}`: the language does not calculate.",
        ("Put texts together by `\"{{a}} of {{b}}\"` or `join(\" \", a, b)`.",
         "Quantities are converted by `as number(unit: …)`."),
        "A calculated clinical value belongs where it can be validated, not in an interface.",
    ),
    "SW0132": Entry(
        "A comment of another language",
        "`{found}` begins no comment.",
        ("A comment begins with `#`; `##` above a rule goes into the interface specification.",),
        _LINE,
    ),
    "SW0133": Entry(
        "A single brace in a text",
        "This `{found}` stands alone.",
        ("Braces hold a value: `\"{{order.number}} of {{result.study}}\"`.",
         "For the character itself write it twice."),
        "A value that is not recognised as one would be sent as its own name.",
    ),
    "SW0134": Entry(
        "Empty braces",
        "Nothing stands between these braces.",
        ("Name a value: `{{order.number}}`.", "For the characters themselves write each brace twice."),
        _LINE,
    ),
    "SW0135": Entry(
        "The wrong sign",
        "Here stands `{found}`, and `{meant}` is needed.",
        ("{advice}",),
        _LINE,
    ),
    "SW0136": Entry(
        "A check without a name",
        "This `{found}` has no name.",
        ("Name it, so that an overlay can take it away: `{meant}`.",),
        "A check is overridden by its name; an unnamed one could never be changed for one hospital.",
    ),
    "SW0137": Entry(
        "A word of another language",
        "`{found}` is no word of the language.",
        ("{advice}",),
        _LINE,
    ),
    "SW0138": Entry(
        "A condition in place of a value",
        "`{found}` belongs to a condition, and here stands a value.",
        ("Write what the field becomes, then `when` and the condition: `= \"A\" when m.value is above 3`.",),
        _LINE,
    ),
    "SW0139": Entry(
        "A sign is missing between two words",
        "Between `{first}` and `{second}` a sign is missing.",
        ("An argument with a name has a colon: `{first}: {second}`.", "Two arguments have a comma between them."),
        _LINE,
    ),
    "SW0140": Entry(
        "A block without `end`",
        "This `{block}` has no `end`.",
        ("Put `end` after its last line.",),
        _BLOCK,
    ),
    "SW0141": Entry(
        "An `end` too many",
        "This `end` closes nothing.",
        ("Take it out. A segment has no `end`: it goes to the next line that is no rule of it.",),
        _BLOCK,
    ),
    "SW0142": Entry(
        "A rule outside of a segment",
        "`{path}` stands outside of a segment.",
        ("Open its segment on a line before: `segment {segment}`.",),
        "A segment may occur many times; only the open one says which of them a rule fills.",
    ),
    "SW0143": Entry(
        "A rule of another segment",
        "`{path}` belongs to {segment}, and the open segment is {open}.",
        ("Move the rule under `segment {segment}`, or write `{open}-…` if {open} was meant.",),
        "A segment may occur many times; only the open one says which of them a rule fills.",
    ),
    "SW0144": Entry(
        "A change outside of an overlay",
        "`{word}` changes an inherited mapping, and this file is not an overlay.",
        ("In a mapping write the rule itself.", "An overlay begins with `overlay NAME`."),
        "A base says what is; only overlays say what differs, so that every difference can be listed.",
    ),
    "SW0145": Entry(
        "A line before any mapping",
        "This line stands outside of a mapping.",
        ("Begin the file with `mapping NAME writes ORU^R01`, `mapping NAME reads ORM^O01` or `overlay NAME`.",
         "Without one of them a file holds only declarations: `record`, `enum`, `table`, `format`, `part`, `text`."),
        _LINE,
    ),
    "SW0146": Entry(
        "A second mapping in one file",
        "A file holds one mapping or one overlay, and this is its second.",
        ("Put it into a file of its own.",),
        "A file is what a reviewer approves; it speaks about one message.",
    ),
    "SW0147": Entry(
        "A declaration inside of a block",
        "The {kind} `{name}` is declared inside of a block.",
        ("Put it before or after the block; declarations are known in the whole file.",),
        _BLOCK,
    ),
    "SW0148": Entry(
        "A plain rule in an overlay",
        "An overlay says what it does to `{target}`.",
        ("Write `override {target} = …` if the layers below have this rule, `add {target} = …` if they do not.",),
        "A rule that matches nothing would be appended in silence, and one that repeats another would erase it.",
    ),
    "SW0149": Entry(
        "A line that has no place in this block",
        "This line cannot stand in {block}.",
        ("Close {opened} with `end` before it.",
         "An overlay changes what is below: write `add {kind} …` with its place (`after OBR`, `at end of message`)."),
        _BLOCK,
    ),
    "SW0150": Entry(
        "A change without a reason",
        "This `{what}` has no reason.",
        ("Add `because \"…\"`, or put it between `for reason \"…\"` and `end` together with others.",),
        "In two years nobody knows why one hospital differs, unless the line says so: a guide, a ticket, a name and a date.",
    ),
    "SW0151": Entry(
        "An empty reason",
        "This reason says nothing.",
        ("Name the source: the interface guide and its section, a ticket, a person and a date.",),
        "In two years nobody knows why one hospital differs, unless the line says so.",
    ),
    "SW0152": Entry(
        "A clause twice",
        "`{clause}` stands twice.",
        ("Keep one of them.",),
        _LINE,
    ),
    "SW0153": Entry(
        "A clause that does not belong here",
        "`{clause}` does not belong to {owner}.",
        (),
        _LINE,
    ),
    "SW0154": Entry(
        "`otherwise` with a condition",
        "`otherwise` is what applies when nothing else does; it has no `when`.",
        ("Take out one of the two.",),
        _LINE,
    ),
    "SW0155": Entry(
        "A place is missing",
        "This `{owner}` does not say where.",
        ("Add `after …`, `before …` or `at end of message`.",),
        "The order of segments is part of the agreement with the hospital.",
    ),
    "SW0156": Entry(
        "An arrow in the head of a table",
        "The head of a table has `->`, not `{found}`.",
        ("The direction of each row is said by the row's own arrow.",),
        _LINE,
    ),
    "SW0157": Entry(
        "A count that begins nowhere",
        "A count cannot begin at {found}.",
        ("Write a whole number: `count OBX from 1`.",),
        _LINE,
    ),
    "SW0158": Entry(
        "A number that no field has",
        "`{found}`: no segment has so many fields.",
        ("Check the number.",),
        _LINE,
    ),
    "SW0160": Entry(
        "A line that goes on with nothing",
        "`{found}` goes on with the line above, and here that line is complete.",
        ("Put it directly under the line it belongs to. Below `end` only `because` may stand.",),
        _LINE,
    ),
    "SW0162": Entry(
        "A decimal comma",
        "`{found}` is no number.",
        ("A number has a point: `{meant}`.",),
        "In HL7, too, a number has a point; with a comma it would be two numbers.",
    ),
    "SW0161": Entry(
        "A type in small letters",
        "`{found}` is no name of a type.",
        ("The names of records and enums begin with a capital letter: `{meant}`.",),
        "Types and values are told apart at a glance.",
    ),
    "SW0159": Entry(
        "A line beyond all measure",
        "This line is too long or too deeply nested to be read.",
        ("Give parts of it a name with `let`, or move codes into a table.",),
        "What cannot be read in a review cannot be approved.",
    ),
}  # fmt: skip
