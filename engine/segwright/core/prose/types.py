"""SW03xx: types, and what may be missing."""

from segwright.core.prose.entry import Entry

_ABSENCE = (
    "What happens when a value is missing must be decided before it is missing. An empty field can mean “unknown”, “unchanged” "
    "or “delete”, and the hospital's system picks one: a patient loses a date of birth, or an order its number, and the result "
    "ends in a queue where nobody looks."
)
_IDLE = "A word that does nothing is a wrong belief about the data. The next reader takes it for true and builds on it."
_ONE_FORM = (
    "Left to chance, a value is written as the program happens to print it: a time with a zone the hospital does not read, an "
    "inner word where the hospital expects its code. Receivers file that, and nobody sees it until a chart is read."
)
_TYPES = (
    "Two kinds of value are never equal, so the line would never do what it says: no abnormal flag, no filter, no stop."
)
_STRUCTURE = (
    "Components tell a receiver what is the code, what the name and whose code it is. A value in the wrong one is filed as "
    "something else, most often as free text that no rule or bill can use."
)
_READ = "Orders are read once and acknowledged. What was read wrong then is wrong in every message about that order."

ENTRIES: dict[str, Entry] = {
    "SW0301": Entry(
        "A value that may be missing",
        "`{name}` may be missing, and this rule does not say what happens then.",
        (
            (
                "Add `required` (no message without it), `optional` (the field stays empty), or `else …` with a value to send "
                "instead."
            ),
        ),
        _ABSENCE,
    ),
    "SW0302": Entry(
        "A missing value where one is needed",
        "`{name}` may be missing here, and {where} cannot do without it.",
        (
            "Say when it is there: `when {name} is present`, or `{name} is present and …` inside a condition.",
            "Or give a value to use instead: `{name} else …`.",
        ),
        _ABSENCE,
    ),
    "SW0303": Entry(
        "This hospital does not give a value that is needed",
        "This line needs `{key}`, and the org.yaml of {organisation_id} does not give it.",
        (
            "Add it to orgs/{organisation_id}/org.yaml, under `{section}`.",
            "If hospitals can do without it, write `optional` or `else …` here.",
        ),
        "Nothing site-specific has a default. A facility code that one hospital forgot would otherwise be the code of the first "
        "hospital that had one, and results would go to the wrong house.",
    ),
    "SW0304": Entry(
        "A word about absence where nothing can be missing",
        "`{name}` is always there; `{word}` says nothing here.",
        ("Delete `{word}`.",),
        _IDLE,
    ),
    "SW0305": Entry(
        "An `else` that is never used",
        "`{name}` is always there; what stands behind `else` is never sent.",
        (
            "Delete the `else …`.",
            "A value that is wrong, or has no row in a table, is another matter: that is `on invalid …` or `on unmapped …`.",
        ),
        _IDLE,
    ),
    "SW0306": Entry(
        "Alternatives of two kinds",
        "The alternatives of one value must be of one type: {left} here, {right} there.",
        ("Bring both to the form that is sent, for instance with `as …` or `via …` behind each.",),
        "A field that holds sometimes a number and sometimes a word cannot be read by the receiver: one of the two is refused.",
    ),
    "SW0307": Entry(
        "Not a list",
        "`{name}` is not a list; it is of type {type}.",
        ("`each`, `first`, `for each` and `in` need a list. A single value is written as it is.",),
        _TYPES,
    ),
    "SW0308": Entry(
        "Something that has no order",
        "Nothing can be ordered by `{name}`: it is of type {type}.",
        ("Order by a text, a number or a time; an enum gets an order by a table: `ordered by sequence(x.kind)`.",),
        "The order of results in a message is the order in which a clinician reads them. It must be the same every time.",
    ),
    "SW0309": Entry(
        "Not a yes or no",
        "`{name}` is of type {type}; a condition is a comparison, or something that is yes or no.",
        ("Write what is asked of it: `is present`, `is …`, `is above …`, `in […]`.",),
        "Whether “0”, “N” or an empty text counts as yes is decided differently by every program. Here it is written down.",
    ),
    "SW0311": Entry(
        "`hold` inside a value",
        "`{word}` stands alone: it keeps the place of a whole repetition.",
        (
            "For an empty component write `blank`.",
            "Where `{name}` is missing: `= {name} when {name} is present`, and below it `= hold otherwise`.",
        ),
        _STRUCTURE,
    ),
    "SW0312": Entry(
        "`position` outside a loop",
        "`{word}` counts the turns of a loop, and no loop is around this line.",
        ("For a set id use `count OBX` (the segments written so far), or write the number.",),
        "Set ids tie comments to results at many hospitals; a number that means nothing puts the comment under another test.",
    ),
    "SW0313": Entry(
        "`inherited` where nothing is inherited",
        "`inherited` is the value of the line that an `override` changes; nothing is inherited here.",
        ("Write the value itself.", "In a segment echoed with `from`, `inherited` is the received field."),
        "A line that speaks of another one must have one to speak of, or its reader is misled.",
    ),
    "SW0314": Entry(
        "Components where one value is needed",
        "Several components (`^`) cannot stand here; one value is needed.",
        ('Components make up a whole field. To join texts, write "{{one}} {{two}}" or `join(" ", one, two)`.',),
        _STRUCTURE,
    ),
    "SW0315": Entry(
        "A value of a list without its code",
        "`{name}` is one of our own words ({enum}); a hospital reads codes.",
        ("Translate it by a table: `{name} via …`.", "Tables for it: {tables}."),
        _ONE_FORM,
    ),
    "SW0316": Entry(
        "A list where one value is needed",
        "`{name}` is a list ({type}); one value stands here.",
        ('Take one with `first x in {name} …`, join all with `join(", ", {name})`, or go through it with `for each`.',),
        "Which of several values is sent must be chosen, not left to their order in a file.",
    ),
    "SW0317": Entry(
        "A record without a format",
        "`{name}` is a whole {type}; a format must say how it is written.",
        ("Write `{name} as …`; formats for it: {known}.", "Or name one of its attributes: `{name}.…`."),
        _STRUCTURE,
    ),
    "SW0318": Entry(
        "A value without a written form",
        "`{name}` is of type {type}, which can be written in several ways.",
        ("Say how: `{name} {advice}`.",),
        _ONE_FORM,
    ),
    "SW0319": Entry(
        "Something received where a text is needed",
        "`{name}` is of type {type}: it goes back as it came, whole, and is no text.",
        (
            (
                "Write it to a whole field of its own (`ORC-2 = {name}`), or read the text you need in the mapping "
                "that reads orders."
            ),
        ),
        "Order numbers go back exactly as the hospital sent them. Cut up or joined to something, they no longer match.",
    ),
    "SW0320": Entry(
        "A format or function for another type",
        "`{format}` works on {wanted}; `{name}` is of type {type}.",
        ("Use a format for {type}, or another value.",),
        _TYPES,
    ),
    "SW0321": Entry(
        "A format of several components where one value is needed",
        "`{format}` gives several components; one value is needed here.",
        ("It can stand alone on the right of a field. Here, name the attribute you need.",),
        _STRUCTURE,
    ),
    "SW0322": Entry(
        "A reading format in a message that goes out",
        "`{format}` reads a field that came in; it cannot write one.",
        ("Use a format declared `as …`, or declare one: `format {format}(x: …) as …`.",),
        "Reading decides between several things a sender may have meant. Writing must say one of them.",
    ),
    "SW0323": Entry(
        "A function without its first value",
        "`{name}` needs the value it works on as its first argument, without a name.",
        ("Write `{name}(value, …)`.",),
        "What a function works on is never guessed.",
    ),
    "SW0324": Entry(
        "Not one of the possible words",
        "`{name}` is no possible `{parameter}` of `{of}`.",
        ("Did you mean `{nearest}`?", "Possible are {known}."),
        _ONE_FORM,
    ),
    "SW0325": Entry(
        "An argument of another type",
        "`{parameter}` of {of} is of type {wanted}; this is of type {type}.",
        ("Give it a value of type {wanted}.",),
        _TYPES,
    ),
    "SW0326": Entry(
        "A column of several components where one value is needed",
        "`{name}` gives a whole {type} with its components; one value is needed here.",
        ("It can stand alone on the right of a field. For one value add a column of type text to the table.",),
        _STRUCTURE,
    ),
    "SW0327": Entry(
        "`is changed` of something that is not compared",
        "`is changed` compares with what this hospital accepted last; only a path of the result can be asked that.",
        ("Write it with a path such as `result.comment is changed`.",),
        "A correction that marks the wrong values as changed sends a clinician to the wrong line.",
    ),
    "SW0328": Entry(
        "A comparison of two kinds of value",
        "`{name}` is of type {left}; it can never be the same as something of type {right}.",
        ("Compare it with a value of type {left}.",),
        _TYPES,
    ),
    "SW0329": Entry(
        "A condition that is never true",
        "`{name}` can never be {value} here.",
        (
            (
                "An earlier condition, or the catalogue of this organisation, has ruled it out: delete the "
                "line, or write the value "
                "that is meant."
            ),
        ),
        "A rule that never applies looks as if it covered a case. The day the case comes, another rule writes the field.",
    ),
    "SW0330": Entry(
        "A comparison by size of things that have none",
        "`is {operator}` compares two numbers, times or quantities; `{name}` is of type {type}.",
        ("Compare numbers with numbers; a text that holds a number becomes one by `as number`.",),
        "As texts, “9” is more than “10”: an alarm limit compared as text is wrong for exactly the values that matter.",
    ),
    "SW0331": Entry(
        "A number without its unit",
        "`{name}` has a unit, and it is compared with a bare number.",
        (
            'Give the number its unit: `quantity_of(100, unit: "ms")`, or compare `value_of({name})` if the unit is certain.',
        ),
        "0.42 s and 420 ms are the same interval. A limit without its unit is wrong a thousandfold for half of the senders.",
    ),
    "SW0332": Entry(
        "A pattern that is not known beforehand",
        "What stands behind `matches` must be known when the mapping is checked.",
        ("Write a text in quotes, or a value of org.yaml.",),
        "A pattern taken from a message could be anything, and could not be checked before it lets a wrong number through.",
    ),
    "SW0333": Entry(
        "A pattern that cannot be used",
        "The pattern `{pattern}` cannot be used: {problem}.",
        ("Write it with characters, `[0-9]`, `.`, `?`, `*`, `+`, `{{n,m}}`, `|` and brackets.",),
        "Patterns guard identifiers. One that is not understood the same way everywhere lets another hospital's numbers pass.",
    ),
    "SW0334": Entry(
        "A received field inside a component",
        "`{name}` is a whole field as it was received; it cannot stand in a component.",
        ("Write it to a whole field, or have the order mapping read the text you need, such as `ORC-2.1`.",),
        "Order numbers go back exactly as the hospital sent them: with its components, and in a field of their own.",
    ),
    "SW0335": Entry(
        "A list inside a component",
        "This is a list, and a component does not repeat.",
        ("Write it to the whole field, or take one value with `first …`.",),
        _STRUCTURE,
    ),
    "SW0336": Entry(
        "A choice between composites inside a composite",
        "Inside other components one form must be fixed; this one decides between several.",
        ("Write a rule for each component, each with its own `when`, or decide for the whole field.",),
        _STRUCTURE,
    ),
    "SW0337": Entry(
        "A format behind alternatives that are no records",
        "`as {format}` cannot follow alternatives that already have components.",
        ("Put the format behind each alternative: `(a as {format}) else (b as {format})`.",),
        _STRUCTURE,
    ),
    "SW0338": Entry(
        "A format for another record",
        "`{format}` is a format for {wanted}; `{name}` is of type {type}.",
        ("Use a format for {type}, or another value.",),
        "A patient written by the format for clinicians puts the patient's number where the ordering provider stands.",
    ),
    "SW0339": Entry(
        "A format that is too deep for a component",
        "`{format}` has subcomponents, and inside a component there is no room for them.",
        ("Write it to a whole field.",),
        _STRUCTURE,
    ),
    "SW0340": Entry(
        "A received place in a message that goes out",
        "`{said}` is read from a message that came in; this mapping writes one.",
        (
            (
                "Have the mapping that reads orders keep it (`order.x = {said}`) and write `order.x` here; "
                "whole segments go back "
                "with `keep` and `segment … from`."
            ),
        ),
        "Between an order and its results lie days and many messages. Only what was stored with the order is still at hand.",
    ),
    "SW0341": Entry(
        "A repeating field read as if it were one",
        "{path} may come several times; this line does not say which one is meant.",
        (
            (
                "Write `first {path}` or `each {path}`; where it matters which, with a condition, such as "
                '`first PID-3 where .5 is "MR"`.'
            ),
        ),
        "PID-3 holds every number a patient has. Whichever comes first today is another one tomorrow, and the result goes to "
        "the wrong chart.",
    ),
    "SW0342": Entry(
        "A component of nothing",
        "`{said}` is a component of a repetition, and none is at hand here.",
        ("Write the whole path (`ORC-12.1`), or use it behind `each …` or `first …`, or in a format that reads.",),
        _READ,
    ),
    "SW0343": Entry(
        "A value of another type",
        "`{target}` is of type {wanted}; this value is of type {type}.",
        ("Write it with `{advice}` at the end.", "Look at its declaration in mappings/model.seg."),
        _READ,
    ),
    "SW0344": Entry(
        "A condition on the environment",
        "`{name}` differs between test and production, and no condition may ask for it.",
        (
            (
                "What differs is written as a value: `MSH-11 = org.environment.processing_id`; a value of the test "
                "system stands in "
                "org.yaml under `environments: test: instead:`."
            ),
        ),
        "A message is tested so that production sends the same. A line that does something else in production was never tested.",
    ),
    "SW0346": Entry(
        "A field that holds separators",
        "{path} says how the message is to be read; it holds no data.",
        ("Read another field: MSH-3 is the sending application.",),
        "Separators differ from sender to sender and say nothing about an order.",
    ),
    "SW0345": Entry(
        "An argument that can never work",
        "With `{parameter}` as `{value}`, {of} works on nothing: {reason}.",
        (),
        "Every message that comes to this line would be refused.",
    ),
}
