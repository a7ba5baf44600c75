"""SW04xx: two writers, and a message against the HL7 standard and the hospital's own demands."""

from segwright.core.prose.entry import Entry

_REFUSED = (
    "Most receivers refuse, or quietly drop, what their tables do not hold. A refusal is seen within minutes; a dropped field is "
    "found when a clinician or the billing office misses it. Hospitals do ask for deviations: then `allow` names the deviation "
    "and its reason, and a reviewer sees both."
)
_EMPTY = (
    "A message without a required field is refused by a strict engine and lands in an error queue at a lenient one. Either way "
    "the result does not reach the chart, and the platform believes it was delivered."
)
_OBX2 = "OBX-2 tells the receiver how to read OBX-5. A text announced as a number is refused, or filed as 0."

ENTRIES: dict[str, Entry] = {
    "SW0401": Entry(
        "Two rules write one place",
        "`{target}` is written twice.",
        (
            "Keep one of the two; if each is right sometimes, make one rule with alternatives: `= A when …`, `= B otherwise`.",
            "`{outer}` already writes everything in it, `{inner}` too.",
        ),
        "Whichever of two rules wins, the other one's author believes that his is in force. In live interfaces a second rule "
        "with the same name has silently erased the first.",
    ),
    "SW0402": Entry(
        "An alternative that is never reached",
        "{reason}, so this one is never reached.",
        ("{advice}",),
        "The first alternative that applies is the one that is sent. What stands below one that always applies is never sent.",
    ),
    "SW0403": Entry(
        "A segment that the message does not have",
        "{segment} has no place in {structure} of HL7 {version}.",
        (
            "Take it out, or use a segment that belongs there.",
            'If this hospital asks for it: `allow SW0403 on {segment} because "…"`.',
        ),
        _REFUSED,
    ),
    "SW0404": Entry(
        "A segment that the version does not have",
        "HL7 {version} has no segment {segment}.",
        (
            "Did you mean `{nearest}`?",
            "Segments of your own begin with Z.",
            "The version stands in org.yaml under encoding.",
        ),
        _REFUSED,
    ),
    "SW0405": Entry(
        "A field that the engine writes",
        "{path} is written by the engine itself.",
        ("Delete the line; separators and character set stand in org.yaml under `encoding:`.",),
        "MSH-1, MSH-2 and MSH-18 say how the message is to be read. If they differ from how it was written, nothing in it can "
        "be trusted.",
    ),
    "SW0406": Entry(
        "A field that the segment does not have",
        "There is no {path} in HL7 {version}; {segment} has {count} fields.",
        (
            "Look up the number of the field you mean.",
            'If this hospital reads it nevertheless: `allow SW0406 on {path} because "…"`.',
        ),
        _REFUSED,
    ),
    "SW0407": Entry(
        "A withdrawn field",
        "{path} ({name}) was withdrawn in HL7 {version}.",
        (
            "The standard says where its content stands now.",
            'If this hospital still reads it: `allow SW0407 on {path} because "…"`.',
        ),
        _REFUSED,
    ),
    "SW0408": Entry(
        "A component that the data type does not have",
        "There is no `{path}` in HL7 {version}: it would stand in {type}, which has {count}.",
        (
            "Look up the component you mean.",
            'If this hospital reads it nevertheless: `allow SW0408 on {field} because "…"`.',
        ),
        _REFUSED,
    ),
    "SW0409": Entry(
        "A value of another kind than the field holds",
        "{path} holds {wanted} ({type}); `{name}` is {kind}.",
        (
            "Write it with `{advice}` at the end.",
            "Use a value of the model that is a time, and write it with `{written}`.",
            'If this hospital takes it as it is: `allow SW0409 on {field} because "…"`.',
        ),
        "A receiver reads a field by its type. A time in another form is refused at best, and shifted by hours at worst.",
    ),
    "SW0410": Entry(
        "A text that is too long for the field",
        "{path} holds at most {most}; this text has {given}.",
        ("Shorten it.", 'If this hospital takes more: `allow SW0410 on {field} because "…"`.'),
        "Receivers cut what is too long, without a word. A cut code is another code.",
    ),
    "SW0411": Entry(
        "Several values in a field that does not repeat",
        "{path} holds {most} in HL7 {version}, and more are written here.",
        (
            "Take one: `first …` instead of `each …`, or one of the named repetitions.",
            'If this hospital takes several: `allow SW0411 on {path} because "…"`.',
        ),
        _REFUSED,
    ),
    "SW0412": Entry(
        "An `allow` that allows nothing",
        "At {place} there is nothing that {code} would forbid; this `allow` has no effect.",
        ("Delete it.", "If it is meant for another place, name that one."),
        "Each deviation from the standard stays visible until it is gone. One that no longer exists hides the next one at the "
        "same place.",
    ),
    "SW0413": Entry(
        "A message type that the version does not have",
        "HL7 {version} has no message {type}.",
        ('If this hospital sends or takes it nevertheless: `allow SW0413 on message because "…"`.',),
        _REFUSED,
    ),
    "SW0414": Entry(
        "A segment that must be there",
        "Nothing writes {segment}, and {structure} of HL7 {version} cannot be without it.",
        (
            "Add `segment {segment}` with its fields.",
            'If this hospital takes the message without: `allow SW0414 on {segment} because "…"`.',
        ),
        _EMPTY,
    ),
    "SW0415": Entry(
        "A segment out of place",
        "{segment} cannot stand here: in {structure} of HL7 {version} it comes {after}; here it comes {stood}.",
        ("Move it: the segments go out in the order of the lines.",),
        "Position is meaning in HL7: a comment belongs to the segment above it. Misplaced, it is filed under another test, or "
        "the whole message is refused.",
    ),
    "SW0416": Entry(
        "A required field that no rule fills",
        "{path} ({name}) is required in HL7 {version}, and no rule writes it.",
        (
            "Add `{path} = …` to this segment.",
            'If this hospital takes it empty: `allow SW0416 on {path} because "…"`.',
        ),
        _EMPTY,
    ),
    "SW0417": Entry(
        "A required field that may stay empty",
        "{path} ({name}) is required in HL7 {version}, and this rule may leave it empty.",
        (
            "Write `required` instead of `optional`, or give a value for every case (`else …`, `otherwise`).",
            'If this hospital takes it empty: `allow SW0417 on {path} because "…"`.',
        ),
        _EMPTY,
    ),
    "SW0418": Entry(
        "This hospital's mandatory field is not written",
        "{path} is mandatory for this hospital, and nothing in `{message}` writes it.",
        ("Add a rule for it.", "Which fields are mandatory stands in org.yaml under `mandatory:`."),
        _EMPTY,
    ),
    "SW0419": Entry(
        "This hospital's mandatory field may stay empty",
        "{path} is mandatory for this hospital, and this rule may leave it empty.",
        (
            "What is sent as it came may lack {part}: make {whole} mandatory, and `reject` orders without it.",
            "In this hospital's overlay: `override {whole} = inherited required`, with the reason.",
            "Or give a value for every case: `else …`, `otherwise`.",
            "`{name}` may be missing.",
            "Which fields are mandatory stands in org.yaml under `mandatory:`.",
        ),
        _EMPTY,
    ),
    "SW0420": Entry(
        "A value without its type",
        "This OBX has a value (OBX-5) and does not say of which type it is (OBX-2).",
        ('Add OBX-2, such as `OBX-2 = "NM"` for a number or `OBX-2 = "TX"` for text.',),
        _OBX2,
    ),
    "SW0421": Entry(
        "A value type that is not known beforehand",
        "What OBX-2 will be is not known, so OBX-5 cannot be checked against it.",
        (
            "Write the type as a text, choose it by a condition, or take it from org.yaml or a table.",
            'If this hospital wants it so: `allow SW0421 on OBX-2 because "…"`.',
        ),
        _OBX2,
    ),
    "SW0422": Entry(
        "OBX-5 does not hold what OBX-2 says",
        "OBX-2 says {type}, and OBX-5 does not fit: {problem}.",
        (
            "Change the one that is wrong.",
            'If this hospital wants it so: `allow SW0422 on OBX-5 because "…"`.',
        ),
        _OBX2,
    ),
    "SW0427": Entry(
        "OBX-2 and OBX-5 that cannot be held against each other",
        "OBX-2 may say {type} where OBX-5 does not fit: {problem}. Whether the two can meet cannot be shown.",
        (
            "Decide both fields by the same conditions: then each type stands beside its own value.",
            'If they never meet at this hospital: `allow SW0427 on OBX-5 because "…"`.',
        ),
        _OBX2,
    ),
    "SW0428": Entry(
        "A text that the character set lacks",
        "`{text}` at {path} holds {characters}, which this hospital's character set ({charset}) does not have.",
        (
            "Write it with characters of {charset}.",
            "Or say in org.yaml what is sent instead, under encoding.unencodable.",
        ),
        "A message that holds it is never built: a question mark in its place would be another text.",
    ),
    "SW0429": Entry(
        "A count of a segment that is not written",
        "This message writes no {segment}, so {effect}.",
        (
            "Did you mean `{nearest}`?",
            'If it is meant so: `allow SW0429 on {path} because "…"`.',
        ),
        "Set ids that are all alike, or that run on where they begin at 1 for others, are refused or filed over each other.",
    ),
    "SW0423": Entry(
        "A segment that always says the same",
        "Nothing in `{segment}` depends on the patient, the order or the result.",
        (
            "Most often a value was forgotten: check the lines of this segment.",
            'If it is meant so: `allow SW0423 on {constant} because "…"`, or a `when …` that says for which messages.',
            "It has no lines of its own: it would go out as `{bare}` and nothing else, or not at all.",
            'If this hospital wants it so: `allow SW0423 on {bare} because "…"`.',
        ),
        "A segment copied from a sample message carries the sample's values: every patient gets the same diagnosis, insurance or "
        "account.",
    ),
    "SW0424": Entry(
        "Order numbers that differ between ORC and OBR",
        "{left} and {right} carry the same order number, and here they are written differently.",
        (
            "Write both alike; or let OBR begin with the number of its own: `… else` what stands in ORC.",
            'If this hospital tells them apart: `allow SW0424 on {right} because "…"`.',
        ),
        "Receivers match by one or the other. If the two differ, one system finds the order and the next one does not, and the "
        "result waits in a queue for a person.",
    ),
    "SW0425": Entry(
        "A stand-in for an identity, a code or a status",
        "By {path} the receiver files the message; a fixed value must not silently stand in for a missing or unknown one.",
        (
            "Write `required`: without the value there is no message, and the operator sees why.",
            'If this hospital wants the stand-in: `allow SW0425 on {path} because "…"`.',
        ),
        "A made-up order number, code or status is taken for a real one. The result is filed under a test that "
        "was never ordered, "
        "or as final when it is not, and nothing in the message shows it.",
    ),
    "SW0426": Entry(
        "A sub-id that moves between two versions of a result",
        "OBX-4 counts along `{loop}`, so a value gets another sub-id as soon as that list is longer or shorter.",
        (
            "Take it from what stays the same, such as the kind of measurement by a table, or an id of the list's own elements.",
            'If this hospital does not match by OBX-4: `allow SW0426 on OBX-4 because "…"`.',
        ),
        "A receiver replaces a preliminary value by the final one with the same OBX-3 and OBX-4. When a finding is added in "
        "front, every later one overwrites its neighbour, and one stays in the chart that nobody stated.",
    ),
}
