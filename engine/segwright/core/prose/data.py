"""SW1001–SW1099: orders, results and cases: what is found while messages are read, rendered and compared."""

from segwright.core.prose.entry import Entry

_NO_PARTIAL = (
    "A message with a gap would be filed without what it lacks; so none is made, and everything is named at once."
)

ENTRIES: dict[str, Entry] = {
    # --- one rule cannot do its work -----------------------------------------------------------------------------------
    "SW1001": Entry(
        "A required value is missing",
        "`{address}` is required and nothing is there to fill it.",
        (
            "It comes from {source}.",
            "Or, when this hospital takes it empty: override {address} = inherited optional, with the reason.",
        ),
        _NO_PARTIAL,
    ),
    "SW1002": Entry(
        "A code without a row",
        "`{address}` looks up table `{table}`, which has no row for {given}.",
        (
            "Add the row, or say in the rule what stands for other codes: `on unmapped …`.",
            "Or say it for every rule, in table `{outward}`: `otherwise -> …`.",
        ),
        "A code that nobody mapped is never guessed: the receiver would file the result under another study.",
    ),
    "SW1003": Entry(
        "A code that must not be sent",
        "`{address}` looks up table `{table}`, where the row for {given} says `error`.",
        ("Give the row a code, if this hospital takes one.",),
        "An `error` row says that this hospital has no code for it, and that nothing else may stand in.",
    ),
    "SW1004": Entry(
        "A value cannot be converted",
        "`{address}`: `{function}` cannot take {given}: {reason}.",
        ("Correct the value, or say in the rule what is sent instead: `on invalid …`.",),
        "What does not fit its form is refused here, where it can be corrected, and not by the hospital at night.",
    ),
    "SW1005": Entry(
        "More than the hospital takes",
        "`{address}` is written at most {most} times; {found} are there.",
        ("Send fewer, or take the first ones and drop the rest: `first {most}` instead of `at most`.",),
        "Losing a diagnosis silently is worse than no message: dropping must be said in the mapping.",
    ),
    "SW1006": Entry(
        "A check of the mapping fails",
        "{saying} (check `{name}`).",
        (),
        "The check was written for this hospital, which would refuse the message.",
    ),
    "SW1007": Entry(
        "A character that the charset lacks",
        "`{address}` holds {characters}, which the character set of this hospital lacks.",
        ("List in org.yaml what is sent instead, under encoding.unencodable.",),
        "A question mark in a name is a wrong name.",
    ),
    "SW1008": Entry(
        "A control character in the data",
        "`{address}` holds a control character: {reason}.",
        ("Remove it where the value comes from.",),
        "Control characters end segments and messages; one in a name splits the message.",
    ),
    "SW1009": Entry(
        'A text of two quotes',
        "`{address}` would be the two characters that mean “delete the stored value”.",
        ("Leave the value out when nothing is known.",),
        "The receiver would erase what it holds.",
    ),
    "SW1010": Entry(
        "HL7 null where a value is needed",
        "`{address}` converts a value, and {given} came as HL7 null.",
        ("Say what is sent then: `when … is not null`, or `else …`.",),
        "Null means “delete”, and is neither a value nor a missing one.",
    ),
    "SW1011": Entry(
        "A field that repeats",
        "`{address}` reads one value, and {given} came with several repetitions.",
        ("Say which: `first {source} …`, or `each {source} …` for all of them.",),
        "The first repetition is not the right one everywhere.",
    ),
    "SW1012": Entry(
        "A field in another form",
        "`{address}`: {reason}.",
        (),
        "A field that is read as something else than it was sent shifts every value behind it.",
    ),
    "SW1013": Entry(
        "A segment to give back never came",
        "The order brought no segment {segment}, which goes back to this hospital as it came.",
        ("Write `optional` behind the segment if it may be absent.",),
        "A visit that is made up is worse than none.",
    ),
    "SW1014": Entry(
        "Values that cannot be compared",
        "`{address}` compares values that do not fit each other: {reason}.",
        (),
        "412 ms is not below 0.5 s by its digits.",
    ),
    "SW1016": Entry(
        "A narrative that fails",
        "`{address}`: the text cannot be made: {reason}.",
        (),
        "Half a report reads like a whole one.",
    ),
    # --- what a message is made from -----------------------------------------------------------------------------------
    "SW1020": Entry(
        "A kind that is not sent",
        "`{message}` of the kind {kind} is not sent to this hospital.",
        ("If it should be: `{kind}: yes` or `{kind}: after sign-off` in the catalogue.",),
        "A preliminary reading where nobody expects one is taken for the final one.",
    ),
    "SW1021": Entry(
        "A kind that is not in the catalogue",
        "The catalogue does not say whether `{message}` of the kind {kind} is sent.",
        ("Did you mean {nearest}?", "It decides {known}: write `{kind}: yes`, `no` or `after sign-off` beside them."),
        "What nobody decided is not sent.",
    ),
    "SW1022": Entry(
        "A result without an order",
        "This hospital takes no `{message}` without an order.",
        ("Give the order message it answers: --order FILE, or order.hl7 in a case.",
         "If the hospital does take them: `unsolicited: yes` in the catalogue."),
        "Without an order the hospital cannot file the result, and somebody has to look for the patient.",
    ),
    "SW1023": Entry(
        "Nobody's result",
        "`{message}` is about a patient, and neither an order nor the {subject} names one.",
        ("Give the order message, or the attribute `patient` of the {subject}.",),
        "A result without a patient is nobody's.",
    ),
    "SW1024": Entry(
        "The document is missing",
        "`{message}` is made from a {type}, and none is given.",
        ("Give the document: --{subject} FILE, or {subject}.json in a case.",),
        "A message is made from an order and a document; the catalogue says which.",
    ),
    "SW1025": Entry(
        "The order is missing",
        "`{message}` answers an order, and none is given.",
        ("Give the order message it answers: --order FILE, or order.hl7 in a case.",),
        "The numbers that the hospital matches by come from its order.",
    ),
    "SW1026": Entry(
        "The document does not fit the model",
        "{path} of the {subject}: {wrong}.",
        ("Did you mean {nearest}?", "Known: {known}."),
        "What the model does not declare would be dropped silently, and what it needs would be missing.",
    ),
    "SW1027": Entry(
        "The message cannot be made under these facts",
        "This {what} cannot be used: {reason}.",
        ("Write it in this form: {example}",),
        "Every message carries when it was made and a number of its own.",
    ),
    "SW1029": Entry(
        "No such order in the message",
        "Order number {number} is asked for; the message holds {count}.",
        (),
        "A result goes to one order and to no other.",
    ),
    "SW1030": Entry(
        "No such message",
        "This organisation's catalogue has no message `{name}`.",
        ("Did you mean {nearest}?", "It has {known}."),
        "What an organisation exchanges stands in its catalogue, all of it.",
    ),
    "SW1031": Entry(
        "The other direction",
        "`{name}` {direction} messages.",
        ("Of the other direction there are {known}.",),
        "Orders are read, results are written.",
    ),
    "SW1032": Entry(
        "The mapping has errors",
        "`{name}` cannot run: its mapping has errors.",
        ("They are shown by: segwright check",),
        "A mapping with an error has no plan.",
    ),
    "SW1033": Entry(
        "No such organisation",
        "There is no organisation `{name}` in this workspace.",
        (
            "Did you mean {nearest}?",
            "`{message}` is a message; the organisation stands before it.",
            "There are {known}.",
        ),
        "An organisation is a folder in `orgs/` with an org.yaml.",
    ),
    "SW1034": Entry(
        "No such environment",
        "This organisation has no environment `{name}`.",
        ("Did you mean {nearest}?", "It has {known}."),
        "Test and production differ in their processing id and their receivers.",
    ),
    "SW1035": Entry(
        "The organisation cannot be used",
        "`{name}` cannot be used: its configuration has errors.",
        ("They are shown by: segwright check {name}",),
        "A configuration with an error configures nothing.",
    ),
    "SW1036": Entry(
        "No such message or record",
        "`{name}` is neither a message made from a document nor a record or enum of the model.",
        ("Did you mean {nearest}?", "There are {known}."),
        "A schema is made of what mappings/model.seg declares.",
    ),
    # --- orders as they arrive -----------------------------------------------------------------------------------------
    "SW1040": Entry(
        "The message cannot be read",
        "{position}: {cause} ({code}).",
        ("A message begins with {begins} and its separators; nothing stands before them.",),
        "A message is read whole or not at all.",
    ),
    "SW1041": Entry(
        "A message of another type",
        "This hospital's catalogue has no message of this type that is read.",
        ("It reads {known}.",),
        "A message nobody mapped would be read by guessing.",
    ),
    "SW1042": Entry(
        "The order is refused by rule",
        "{code}: {saying} (rule `{name}`).",
        (),
        "The rule was written because such an order was once taken and went wrong.",
    ),
    "SW1043": Entry(
        "An order of a kind that is not agreed",
        "Orders of the kind {kind} are not agreed with this hospital.",
        ("`{name}` takes {known}; add it to `orders` in the catalogue if it is agreed.",),
        "A cancellation that is taken for an order starts work nobody wants.",
    ),
    "SW1044": Entry(
        "A message without an order",
        "The message is read by `{name}` and holds no order.",
        (),
        "An order that cannot be found is not an order that was read.",
    ),
    "SW1050": Entry(
        "The file cannot be read",
        "`{file}` cannot be read: {reason}.",
        (),
        "Nothing is made from a file that is not there.",
    ),
    # --- cases and their snapshots -------------------------------------------------------------------------------------
    "SW1060": Entry(
        "No case",
        "No case of this organisation shows {what}.",
        ("Add one: a folder in orgs/{organisation}/cases/ with a case.yaml that says `message: {message}`.",),
        "What no case shows may change without anybody seeing it.",
    ),
    "SW1061": Entry(
        "No snapshot",
        "Case `{case}` has no snapshot yet.",
        ("Look at what the case gives, then write it: segwright test {org} --update",),
        "A case without its locked output locks nothing.",
    ),
    "SW1062": Entry(
        "A snapshot of no case",
        "This snapshot belongs to no case.",
        (
            "Bring its case back, or let it go: segwright test {org} --update deletes it.",
            "There is no organisation `{gone}`: segwright test --update deletes what is left of it.",
        ),
        "A snapshot that nothing makes looks like a promise and is none.",
    ),
    "SW1063": Entry(
        "Other bytes than the snapshot",
        "Case `{case}` gives other bytes than its snapshot.",
        ("If the change is meant: segwright test {org} --update",),
        "The snapshot is what the hospital receives today.",
    ),
    "SW1064": Entry(
        "The case cannot be used",
        "`{key}` {reason}.",
        ("Did you mean {nearest}?", "It may say {known}."),
        "A case that is not read as it was meant tests something else.",
    ),
    "SW1065": Entry(
        "A file of the case is missing",
        "`{file}`, which the case names, is not there.",
        ("Did you mean {nearest}?", "A case is made of files of the workspace; this one would stand {outside} of it."),
        "A case holds all that goes in.",
    ),
    "SW1066": Entry(
        "The case should be refused",
        "The case says `refused: yes`, and a message came out.",
        ("Take `refused` out of case.yaml if that is right.",),
        "A refusal that no longer happens lets through what it was made for.",
    ),
    "SW1067": Entry(
        "The case is refused",
        "Nothing comes of {cases}; why is told here too: {codes}.",
        ("If that is right: `refused: yes` in case.yaml.",),
        "A case that gives nothing shows nothing.",
    ),
    "SW1068": Entry(
        "A case without case.yaml",
        "Case `{case}` has no case.yaml.",
        ("It says at least: message, environment, at and control_id.",),
        "A case says which message it is and when it is made, so that it gives the same bytes everywhere.",
    ),
    "SW1069": Entry(
        "No such case",
        "This organisation has no case `{name}`.",
        ("Did you mean {nearest}?", "It has {known}."),
        "A case is a folder in `cases/` of the organisation.",
    ),
}  # fmt: skip
