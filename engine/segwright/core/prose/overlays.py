"""SW05xx: what an overlay changes must be there, must change, and must say why."""

from segwright.core.prose.entry import Entry

_MUST_HIT = (
    "In one large public collection of interfaces, 476 of 538 receiver rules match nothing they mean to change and are "
    "silently added instead. The hospital's wish is in the file, and not in its messages."
)
_IDLE = (
    "A change that changes nothing hides: once the shared line below it moves on, it suddenly does change something, at one "
    "hospital only, and nobody remembers why it is there."
)
_ONE_PLACE = "Two changes of one line leave it to chance which one the hospital gets."

ENTRIES: dict[str, Entry] = {
    "SW0501": Entry(
        "A change that hits nothing",
        "There is no {what} `{address}` in {message}.",
        (
            "Did you mean `{nearest}`?",
            "It could be {known}.",
            "What is not there yet is added: `add {add}`.",
        ),
        _MUST_HIT,
    ),
    "SW0502": Entry(
        "A change that could mean several segments",
        "There are several {segment} segments here: {labels}.",
        ("Say which one by its label, such as `override {example} {segment}-… = …`.",),
        "Which of them was meant is the difference between a measurement and the report.",
    ),
    "SW0503": Entry(
        "Something added that is there already",
        "`{address}` is there already.",
        ("To change it, write `override` instead of `add`.",),
        "Two lines for one place leave it to chance which value the hospital gets.",
    ),
    "SW0504": Entry(
        "A change that changes nothing",
        "`{address}` is the same without this line.",
        ("Delete the line. If something else was meant, compare it with the inherited one.",),
        _IDLE,
    ),
    "SW0505": Entry(
        "One place changed twice",
        "In one layer {address} is changed twice.",
        (
            "The other line, for `{other}`, writes the same place or a part of it.",
            "Keep one of the two.",
        ),
        _ONE_PLACE,
    ),
    "SW0508": Entry(
        "A change of the other direction",
        "`{address}` has no place in `{message}`, which {direction} messages.",
        ("{advice}",),
        "Orders and results are read and approved apart; a change in the wrong one would do nothing.",
    ),
    "SW0509": Entry(
        "It is not said for which turn of a loop",
        "`{anchor}` stands in a loop, so “after it” may be after each one or after the last.",
        ("Write `each` behind it (after every one) or `all` (once, after the loop).",),
        "One segment in all, or one for every measurement: the receiver reads them as different things.",
    ),
    "SW0510": Entry(
        "`each` or `all` outside a loop",
        "`{anchor}` stands in no loop; `{word}` says nothing here.",
        ("Delete `{word}`.",),
        _IDLE,
    ),
    "SW0511": Entry(
        "The place to put something is not there",
        "There is no {what} `{address}` in {message} to put this next to.",
        ("Did you mean `{nearest}`?", "It could be {known}."),
        "A segment whose place is gone must not go somewhere else: position is meaning in HL7, and a comment after the wrong "
        "segment belongs to another test.",
    ),
    "SW0512": Entry(
        "`inherited` of several rules at once",
        "`{address}` is inherited as several rules, so there is no single value that `inherited` could be.",
        ("Change these one by one: {rules}.", "Or write the whole value without `inherited`."),
        "What `inherited` stands for must be one line that the reviewer can look at.",
    ),
    "SW0513": Entry(
        "Something added to a segment that goes back as it came",
        "This segment goes back as it was received, with all its fields; `{address}` is there already.",
        ("Write `override {address} = …`; `inherited` is the received field.",),
        "Added to what the hospital sent, a value would replace it. That must be said.",
    ),
    "SW0514": Entry(
        "A component that the value below does not have",
        "The inherited value has no component that `{address}` could change.",
        (
            "It could be {known}.",
            "To add it, write `add {add} = …` instead.",
            "What goes back as it was received has no components here. Write the whole field: `override {field} = …`.",
        ),
        _MUST_HIT,
    ),
    "SW0515": Entry(
        "An overlay of an unknown mapping",
        "There is no mapping `{name}` that this overlay could change.",
        (
            "Did you mean `{nearest}`?",
            "It could be {known}.",
            "`overlay organisation` changes all messages of this hospital.",
        ),
        _MUST_HIT,
    ),
    "SW0516": Entry(
        "An unknown layer",
        "There is no profile `{name}` under mappings/vendors.",
        ("Did you mean `{nearest}`?", "It could be {known}.", "A profile is a folder of that name with its overlays."),
        "A layer that is not found changes nothing, and the hospital would get what the shared mapping says instead of what its "
        "system expects.",
    ),
    "SW0518": Entry(
        "Something declared that nothing uses",
        "No message of this organisation uses the {kind} `{name}`.",
        (
            "Use it in an `override`, or delete it. What replaces an inherited one is written `override {override}`.",
            'Read it with a table (`table … from org "{file}"`), or delete it.',
        ),
        "The codes or lines somebody filled in here reach no message. Most often the rule that should use them was forgotten, or "
        "still uses the shared ones.",
    ),
    "SW0517": Entry(
        "The same change at several hospitals",
        "{organisations} make the same change of `{address}`.",
        (
            (
                "Put it into a profile in mappings/vendors and name that under `layers:` of each; then it is "
                "changed, and reviewed, "
                "in one place."
            ),
        ),
        "The same change in three places is three changes the day it must be corrected, and one of them is forgotten.",
    ),
    "SW0519": Entry(
        "A change whose base changed under it",
        "`{address}` says what it said at {base}, and {name} under it has changed since.",
        (
            "At {base} it was: {was}",
            "Now it is: {now}",
            "{more} of what it replaces changed too.",
            (
                "If this hospital needs the change as well, take it over here (`inherited` would have followed by itself). If "
                "not, leave the line as it is."
            ),
        ),
        "What a hospital changed stays as it is when the line below is corrected: then everybody gets the correction but this "
        "hospital, and nothing in the change says so.",
    ),
    "SW0520": Entry(
        "A component of a field that goes back as it came",
        "`{field}` goes back as it was received; a line for `{path}` would leave nothing else of it.",
        (
            "Write the whole field, such as `{field} = … ^ …`; there `inherited` is the received field.",
            "Have the order mapping read the other components, if they must go out too.",
        ),
        "A ward with a new name and without its room and bed is another place: the receiver overwrites where the patient lies.",
    ),
}
