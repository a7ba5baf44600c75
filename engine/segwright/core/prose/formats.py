"""SW08xx: declared formats and narrative texts."""

from segwright.core.prose.entry import Entry

_READ = "What is read wrong from an order is wrong in every message about it, and the order is acknowledged by then."
_TEXT = (
    "Narrative text can print, repeat and choose, and nothing else. So every line of a report can be checked before a patient's "
    "result is in it."
)

ENTRIES: dict[str, Entry] = {
    "SW0801": Entry(
        "A reading format that makes no record",
        "`{format}` reads into {type}, which is no record.",
        (
            "Name a record of mappings/model.seg behind the colon; a single value is read with `.1` and a built-in format.",
        ),
        _READ,
    ),
    "SW0802": Entry(
        "A reading format that leaves a record unfinished",
        "`{format}` does not fill {names}, and no {record} can be without.",
        ("Add a line for each that is `required`, or make it `optional` in mappings/model.seg.",),
        _READ,
    ),
    "SW0803": Entry(
        "A line of a reading format that fills nothing",
        "`{target}` is not an attribute of `{parameter}`.",
        ("In a format that reads, a line is `{parameter}.attribute = .1 …`.",),
        _READ,
    ),
    "SW0804": Entry(
        "An attribute that must be there, and may stay empty",
        "By this rule `{target}` may stay empty, and no {record} can be without it.",
        ("Write `required` (an order without it is refused), or make it `optional` in mappings/model.seg.",),
        "An order is stored whole or not at all; one without its number could never be answered.",
    ),
    "SW0805": Entry(
        "A format that cannot be read backwards",
        "`{format}` can be written and not read: one of its lines does not lead back.",
        (
            "That line: {reason}.",
            "Declare how it is read: `format {format}(p: …) from …` with a line for each attribute.",
        ),
        "Reading must give back exactly what was written. A line that chooses or shortens has lost something that cannot be "
        "guessed.",
    ),
    "SW0806": Entry(
        "A text that cannot be read",
        "This line of the text cannot be read: {problem}.",
        (
            (
                "A value is written `{{{{ path }}}}`, a condition `{{% if … %}} … {{% endif %}}`, a list `{{% for "
                "x in list %}} … {{% endfor %}}`."
            ),
        ),
        _TEXT,
    ),
    "SW0807": Entry(
        "Something that a text does not have",
        "A text cannot hold {what}.",
        ("It has values with formats (`{{{{ path | dtm }}}}`), `if` with our conditions, and `for` over lists.",),
        _TEXT,
    ),
}
