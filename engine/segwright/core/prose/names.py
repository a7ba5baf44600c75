"""SW02xx: names that mean nothing, mean two things, or stand where they cannot be used."""

from segwright.core.prose.entry import Entry

_SILENT = (
    "A name that matches nothing is never passed over: in other engines a misspelt rule is quietly dropped, and the hospital "
    "gets a message without that value for weeks before anybody sees it."
)
_ONE_MEANING = (
    "When one name has two meanings, the reviewer reads one and the message carries the other. The usual victim is a code: "
    "a result filed under the wrong test."
)
_ARGUMENTS = (
    "An argument that is ignored or guessed changes how a value is written (its digits, its unit, its zone) without a trace "
    "in the message."
)

ENTRIES: dict[str, Entry] = {
    "SW0201": Entry(
        "A name is declared twice",
        "`{name}` is declared a second time.",
        (
            "Rename one of the two, or delete it.",
            (
                "What one hospital wants otherwise stands in its overlay: `override table`, `override format`, "
                "`override text` or "
                "`replace table`."
            ),
        ),
        _ONE_MEANING,
    ),
    "SW0202": Entry(
        "Unknown name",
        "There is no {kind} called `{name}`.",
        (
            "`{below}` is named further down: its `let` must stand above this line.",
            "`{name}` is a function: write `{function}`.",
            "`{name}` is a format: write `{format}`.",
            "Did you mean `{nearest}`?",
            'If it is meant as a text, put it in quotes: `"{text}"`.',
            "Here you can use {known}.",
            "This line is in part `{part}`, which knows only what `use {part}(…)` hands over.",
        ),
        _SILENT,
    ),
    "SW0203": Entry(
        "Unknown configuration key",
        "`{name}` is not a value of org.yaml that mappings can read.",
        (
            "Did you mean `{nearest}`?",
            "It is a group; name one of its values: {group}.",
            (
                "If `{fresh}` is a new value: declare it in orgs/schema.yaml, with `mapping: yes`, and give it "
                "in the org.yaml of each "
                "hospital."
            ),
        ),
        "A value that differs from hospital to hospital must be asked of every hospital. A key that is misspelt here would be "
        "empty everywhere, and the first hospital to notice would be the one whose facility code is missing.",
    ),
    "SW0204": Entry(
        "Not one of the listed values",
        "`{name}` is not a value of {enum}.",
        ("Did you mean `{nearest}`?", "Write {known}."),
        "A rule or row for a value that does not exist never applies: a corrected result would go out by the "
        "rule for all others, "
        "and the hospital would file it as new.",
    ),
    "SW0205": Entry(
        "Something asked of a value that has no parts",
        "`{of}` is of type {type}; there is no `.{name}` in it.",
        (
            "`{of}` is a list: go through it with `for each x in {listed}`, or take one with `first x in {listed} where …`.",
            "Use `{of}` itself, or look in mappings/model.seg for the record that has `{name}`.",
        ),
        _SILENT,
    ),
    "SW0206": Entry(
        "Unknown attribute",
        "`{of}` has no `{name}`.",
        ("Did you mean `{nearest}`?", "`{of}.` can be followed by {known}."),
        _SILENT,
    ),
    "SW0207": Entry(
        "An empty record or enum",
        "The {kind} `{name}` lists nothing.",
        ("Write what it holds between its first line and `end`, or delete it.",),
        "A list of values without values can hold no result; every message that needs it would wait for ever.",
    ),
    "SW0208": Entry(
        "A record that contains itself",
        "`{name}` contains itself: {chain}.",
        ("Take one of these attributes out, or keep only an identifier there.",),
        "Such a result would have no end, and a message that never ends holds up everything behind it.",
    ),
    "SW0209": Entry(
        "A part that uses itself",
        "Part `{name}` uses itself: {chain}.",
        ("Take one `use` out; what repeats is written with `for each`.",),
        "Expanding it would never end, and no message of this hospital would be made.",
    ),
    "SW0210": Entry(
        "Two segments or loops that cannot be told apart",
        "This message has `{title}` twice, and nothing tells the two apart.",
        (
            (
                "Give each a name of its own behind {segment}, such as `segment {segment} measurement` and "
                "`segment {segment} report`."
            ),
            "A loop goes by the name of its list: give one of the two its own, such as `for each … named more_{loop}`.",
        ),
        "An overlay says which segment it changes. If two go by one name, a hospital's change would land in the wrong one: its "
        "units in the report, its report code on a measurement.",
    ),
    "SW0211": Entry(
        "An argument that is not asked for",
        "`{of}` cannot take {said}.",
        ("Did you mean `{nearest}:`?", "It takes {known}."),
        _ARGUMENTS,
    ),
    "SW0212": Entry(
        "An argument given twice",
        "`{name}` is given twice.",
        ("Keep one of the two.",),
        _ARGUMENTS,
    ),
    "SW0213": Entry(
        "An argument is missing",
        "`{of}` needs {names}.",
        ("Write it in the brackets behind `{of}`.",),
        _ARGUMENTS,
    ),
    "SW0214": Entry(
        "A name that hides another",
        "`{name}` already has a meaning here.",
        ("Choose another name for the new one.",),
        _ONE_MEANING,
    ),
    "SW0215": Entry(
        "A line of the other direction",
        "A mapping that {direction} messages cannot hold this line.",
        (
            "It holds {holds}.",
            "What is made of incoming messages stands in a mapping that `reads` them; what goes out, in one that `writes`.",
        ),
        "Orders and results are read and approved apart. A line of the wrong direction would do nothing, and look as if it did.",
    ),
    "SW0216": Entry(
        "An argument of another type",
        "`{parameter}` of `{of}` is of type {wanted}; this is of type {type}.",
        ("Give it a value of type {wanted}.",),
        "A patient where an order is expected, or a code where a name is expected, is the kind of mix-up that "
        "fills a message with "
        "the wrong person's data.",
    ),
    "SW0217": Entry(
        "Unknown record to fill",
        "There is no record that `{name}` could stand for.",
        ("Did you mean `{nearest}`?", "A line begins with {known}.", "Records are declared in mappings/model.seg."),
        _SILENT,
    ),
    "SW0219": Entry(
        "Not an attribute of a record",
        "`{target}` is not one attribute of one record.",
        ("Write the record and one attribute, such as `{example}`. What lies deeper is filled by a format (`as …`).",),
        "An order is stored attribute by attribute; half of one cannot be kept.",
    ),
    "SW0220": Entry(
        "An attribute that nothing fills",
        "Nothing fills {names} of `{root}`.",
        (
            "Add `{example} = …` with the place it stands at in this message.",
            "If not every {record} has it, make it `optional` in mappings/model.seg.",
        ),
        "An order that is stored without its number can never be answered: the result would find no order at the hospital and "
        "end in its queue of unmatched results.",
    ),
}
