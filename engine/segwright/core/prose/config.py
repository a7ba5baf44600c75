"""SW07xx: files of a workspace, YAML, the schema, and what organisations are configured with."""

from segwright.core.prose.entry import Entry

_NO_DEFAULT = (
    "Nothing site-specific is assumed: a value left to chance fits one hospital and is silently wrong for the next."
)

ENTRIES: dict[str, Entry] = {
    # --- files -------------------------------------------------------------------------------------------------------
    "SW0701": Entry(
        "File cannot be read",
        "`{file}` cannot be read: {reason}.",
        ("Give the account that runs segwright the right to read it.",),
        "A file that is skipped is a rule or a value that is missing from a hospital's messages.",
    ),
    "SW0702": Entry(
        "File is not UTF-8",
        "`{file}` is not UTF-8 text: byte {byte} ({value}, in line {line}) cannot be read.",
        ("Save the file as UTF-8 (Notepad: Save As, Encoding: UTF-8; Excel: Save As, “CSV UTF-8”).",),
        "Read in another encoding, a name such as Müller would reach the hospital as other characters.",
    ),
    "SW0703": Entry(
        "File is not text",
        "`{file}` is not a text file: {reason}.",
        ("Save it as plain text in UTF-8; a spreadsheet is exported as “CSV UTF-8”.",),
        "Word processors and spreadsheets keep a document in a form of their own; segwright reads only what a diff can show.",
    ),
    "SW0704": Entry(
        "File is empty",
        "`{file}` holds nothing.",
        ("Fill it, or delete it.",),
        "An empty file is more often a save that failed than a wish.",
    ),
    "SW0705": Entry(
        "File is too large",
        "`{file}` has {size} bytes; at most {limit} are read.",
        ("Large code lists belong in a CSV file beside org.yaml.",),
        "A limit keeps a file put here by mistake from stopping the check of every other hospital.",
    ),
    "SW0706": Entry(
        "Link leads in a circle or out of the workspace",
        "`{file}` is a link that {reason}.",
        ("Put the file itself here.",),
        "What a hospital's messages are made of must stand in the reviewed files, all of it.",
    ),
    "SW0707": Entry(
        "Not a workspace",
        "`{folder}` is not a workspace: it has no folder {missing}.",
        (
            "Run this in the folder that holds `mappings/` and `orgs/`.",
            "Make a new workspace with: segwright init {folder}",
            "The folder above, `{nearest}`, is one.",
        ),
        "A workspace is a folder with `mappings/` (shared by all hospitals) and `orgs/` (one folder per hospital).",
    ),
    "SW0708": Entry(
        "Organisation without org.yaml",
        "`{folder}` has no `org.yaml`.",
        ("Every folder in `orgs/` is an organisation: write its org.yaml, or move the folder elsewhere.",),
        "A folder with mappings and no configuration would be left out without a word.",
    ),
    "SW0709": Entry(
        "File that nobody reads",
        "`{file}` is not read.",
        (
            "Did you mean `{nearest}`?",
            "An organisation's folder holds org.yaml, files that end in .seg or .csv, approvals.lock and cases/.",
        ),
        "A file with a slip in its name looks like configuration and does nothing.",
    ),
    # --- YAML --------------------------------------------------------------------------------------------------------
    "SW0710": Entry(
        "Not YAML",
        "This cannot be read as YAML. {reason}",
        ("Nothing below this place was read.",),
        "YAML is read strictly: where it is unclear which value belongs to which key, nothing is guessed.",
    ),
    "SW0711": Entry(
        "Tab in the indentation",
        "This line is indented with a tab; YAML takes only spaces.",
        ("Replace each tab by two spaces.",),
        "Editors show a tab as two, four or eight columns, so nobody could see which key a value belongs to.",
    ),
    "SW0712": Entry(
        "Key written twice",
        "`{key}` stands twice here.",
        ("Keep one of the two.",),
        "Most YAML readers let the second win silently; the hospital would get one value while the reviewer reads the other.",
    ),
    "SW0713": Entry(
        "YAML feature that hides values",
        "{what} is not allowed here.",
        (
            "Write the value itself, at every place where it is used.",
            "If the text begins with `&`, `*`, `!` or `%`, put it in quotes.",
        ),
        "A reviewer approves a hospital's change from its lines alone; a value that stands elsewhere would change unseen.",
    ),
    "SW0714": Entry(
        "Several documents in one file",
        "A second YAML document begins here.",
        ("Remove the line `---`; a file holds one organisation.",),
        "Only the first document would be read.",
    ),
    "SW0715": Entry(
        "Not keys and values",
        "Here stands {what}; keys with values are expected, as in `zone: America/Chicago`.",
        ("A name that looks like something else goes in quotes.",),
        "Configuration is found by name: what has no name cannot be asked for by a mapping.",
    ),
    "SW0716": Entry(
        "Retry times out of order",
        "`{key}` ({found}) is shorter than `{other}` ({least}).",
        ("Waiting grows from `first` to `most`, and goes on `for` as long as said.",),
        "With the times the wrong way round a hospital that is down for a minute would lose its results to the operator's queue.",
    ),
    # --- schema.yaml -------------------------------------------------------------------------------------------------
    "SW0717": Entry(
        "Rule that a schema may not use",
        "`{rule}` is not a rule of schema.yaml. {reason}",
        ("Did you mean `{nearest}`?", "The rules are {known}."),
        _NO_DEFAULT,
    ),
    "SW0718": Entry(
        "Key not fully declared",
        "The declaration of `{key}` is not complete: {reason}",
        ("{write}",),
        "The schema is the page an analyst looks keys up in, and what editors complete from: every key says what it is.",
    ),
    "SW0719": Entry(
        "Rule with a wrong value",
        "The rule `{rule}` of `{key}` {reason}",
        ("Did you mean `{nearest}`?",),
        "A rule that cannot hold would pass every value.",
    ),
    # --- one key -----------------------------------------------------------------------------------------------------
    "SW0720": Entry(
        "Unknown key",
        "{where} has no key `{name}`.",
        (
            "Did you mean `{nearest}`?",
            "Behind the colon of a key stands a space: `{spaced}`.",
            "`{bare}` has no value: write one behind its colon.",
            "`{name}` is a key of `{elsewhere}`.",
            "Its keys are {known}.",
            "A key of your own is declared in orgs/schema.yaml first.",
        ),
        "A misspelt key that is ignored is the setting of a hospital that silently has no effect.",
    ),
    "SW0721": Entry(
        "Key missing",
        "`{key}` is missing.",
        ("Add it. Meaning: {says}.", "Write it in this form: {example}", "Its value is one of {known}."),
        _NO_DEFAULT,
    ),
    "SW0722": Entry(
        "Wrong kind of value",
        "`{key}` takes {expected}, and here stands {found}.",
        ("Did you mean `{nearest}`?", "Write it in this form: {example}", "Meaning: {says}."),
        "Values are read as they are spelled and never converted: facility 0123 is not 123, version 1.10 is not 1.1.",
    ),
    "SW0723": Entry(
        "Value not among the choices",
        "`{key}` is one of {known}; `{found}` is none of them.",
        ("Did you mean `{nearest}`?", "Meaning: {says}."),
        "A word the engine does not know would have to be guessed at.",
    ),
    "SW0724": Entry(
        "Key without a value",
        "`{key}` has no value.",
        (
            "Write its value, or remove the line.",
            "If the word null or a ~ itself is meant, put it in quotes.",
            "Meaning: {says}.",
        ),
        "YAML reads nothing, `null` and `~` as one and the same; none of them says what the hospital gets.",
    ),
    "SW0725": Entry(
        "Value too small, too large, too short or too long",
        "`{key}` {reason}",
        ("Meaning: {says}.",),
        "Limits stand in orgs/schema.yaml; what is beyond them was not thought of when the key was made.",
    ),
    "SW0726": Entry(
        "Value not in its form",
        "`{key}` is not in its form: expected is {form}.",
        ("Did you mean `{nearest}`?", "Write it in this form: {example}", "Meaning: {says}."),
        "A value of another form would be carried into the message or the connection as it is.",
    ),
    "SW0727": Entry(
        "Key that needs another",
        "`{key}` stands here without `{other}`.",
        ("Write {other} beside it, or remove it.", "Meaning: {says}."),
        "One half of such a pair means nothing to the receiver: an identifier without its type cannot be filed.",
    ),
    "SW0728": Entry(
        "Keys that exclude each other",
        "`{key}` and `{other}` cannot stand together.",
        ("Remove one of the two.",),
        "Nobody could say which of them holds.",
    ),
    "SW0729": Entry(
        "Secret in a file",
        "`{key}` must name where its secret is kept; here stands something else, which is not shown.",
        (
            "Write env:NAME for an environment variable, or file:/path for a file with an absolute path.",
            "If this was a real password, token or private key, it is in the history of this file now: change it.",
        ),
        "Files of a workspace are copied, compared and mailed. A secret in one of them is known to everybody who ever saw it.",
    ),
    "SW0730": Entry(
        "Unknown time zone",
        "There is no time zone `{found}`.",
        (
            "Did you mean `{nearest}`?",
            "Zones are named as in America/Chicago, Europe/Dublin, Asia/Kolkata or UTC.",
            "Meaning: {says}.",
        ),
        "Abbreviations such as CST have several meanings, and none follows daylight saving time.",
    ),
    "SW0731": Entry(
        "HL7 version not available",
        "HL7 version `{found}` is not available. {reason}",
        ("Available are {known}.", "Did you mean `{nearest}`?"),
        "Every field is checked against its version; one without tables could not be checked at all.",
    ),
    "SW0732": Entry(
        "Unknown character set",
        "`{found}` is not a character set that messages can be written in.",
        (
            "The choices are ASCII, 8859/1 to 8859/15 and UNICODE UTF-8, as MSH-18 names them.",
            "Did you mean `{nearest}`?",
        ),
        "MSH-18 tells the receiver how to read names; a wrong one turns them into other names.",
    ),
    "SW0733": Entry(
        "Separators not usable",
        "`{key}` is not a set of separators. {reason}",
        (
            "Write MSH-1 and MSH-2 as they stand in the message: '|^~\\&' (in single quotes; in double quotes: \"|^~\\\\&\").",
            "A sixth character is the truncation character of 2.7 and later.",
        ),
        "Two equal separators make every field after them unreadable.",
    ),
    "SW0734": Entry(
        "Not a length of time",
        "`{key}` is a length of time; `{found}` is none.",
        ("Write a number and its unit: 500ms, 5s, 10m, 24h or 30d.", "Meaning: {says}."),
        "A number without a unit has been read as seconds and as milliseconds, with a thousandfold difference.",
    ),
    "SW0735": Entry(
        "Not an address",
        "`{key}` is not a host and port.",
        (
            "Write it as ehr.hospital.example:6661; the port is 1 to 65535, an IPv6 address stands in [ ].",
            "Meaning: {says}.",
        ),
        "A connection needs both; there is no usual port for HL7.",
    ),
    "SW0736": Entry(
        "Not a limit",
        "`{key}` is not a limit; `{found}` is neither `cut N` nor `error N`.",
        ("Write cut 20 to shorten what is longer than 20 characters, error 20 to refuse the message.",),
        "Losing data is always said: a bare number would not tell whether longer text is cut or refused.",
    ),
    "SW0737": Entry(
        "Pattern that cannot be used",
        "`{key}` is not a pattern. {reason}",
        ("A pattern describes the whole value, as in [0-9]{{8}}; put it in single quotes.",),
        "A pattern that means nothing would accept every identifier or none.",
    ),
    "SW0738": Entry(
        "Value listed twice",
        "`{found}` stands twice in `{key}`.",
        ("Remove one of the two.",),
        "In an ordered list the second would be without effect; more often another value was meant.",
    ),
    # --- keys together -----------------------------------------------------------------------------------------------
    "SW0739": Entry(
        "Organisation and folder differ",
        "The organisation is called `{found}`, its folder `{folder}`.",
        ("Give both the same name.",),
        "Approvals, snapshots and the ledger know an organisation by its id; a copied folder must not send in another's name.",
    ),
    "SW0740": Entry(
        "Processing id of the wrong environment",
        "`{key}` is `{found}` in {environment}.",
        (
            "P (production) stands in production and nowhere else; a test environment has T (training) or D (debugging).",
        ),
        "MSH-11 is how a hospital keeps a test patient's result out of a real chart, and a real result out of the test system.",
    ),
    "SW0741": Entry(
        "Connection without TLS",
        "`{key}` sends patient data in production without TLS and gives no reason.",
        (
            "Add tls with its identity: tls: {{identity: env:NAME}}",
            'If the hospital\'s network protects it (a VPN), say so: plain_because: "…"',
        ),
        "MLLP itself is readable by everybody on the way.",
    ),
    "SW0742": Entry(
        "Listener named twice",
        "The listener `{found}` belongs to both {first} and {second}.",
        ("Give each environment its own listener.",),
        "The listener decides which organisation and environment an order belongs to: a test order must not reach production.",
    ),
    "SW0743": Entry(
        "Catalogue entry incomplete or contradictory",
        "`{key}` {reason}",
        (
            "An order type is written as: {{reads: [ORM^O01], orders: [new, change, cancel]}}",
            "A result type is written as: {{writes: ORU^R01, kinds: {{final: yes, …}}, unsolicited: no, message_per: order}}",
        ),
        "The catalogue says what an organisation exchanges; a message goes out only if it says so.",
    ),
    "SW0744": Entry(
        "Kind not decided",
        "`{key}` says nothing about {known}.",
        ("Write yes, no or after sign-off for each of them.",),
        "Whether a hospital gets preliminary or withdrawn results is decided, not left to what was not thought of.",
    ),
    "SW0745": Entry(
        "Message type read twice",
        "`{found}` is read by `{first}` and by `{second}`.",
        ("One message type is read by one mapping.",),
        "Nobody could say which of them reads an order.",
    ),
    "SW0746": Entry(
        "Mandatory fields of an unknown message",
        "`{name}` is not a message of this organisation's catalogue that it writes.",
        ("Did you mean `{nearest}`?", "The messages are {known}."),
        "Mandatory fields are guaranteed when mappings are compiled; those of a message that does not exist guard nothing.",
    ),
    "SW0747": Entry(
        "Unknown destination",
        "`{key}` names the destination `{found}`, which {environment} does not have.",
        (
            "Did you mean `{nearest}`?",
            "Its destinations are {known}.",
            "Declare it under environments: {environment}: destinations:",
        ),
        "A message whose destination exists only in the test system would be held in production on its first day.",
    ),
    "SW0748": Entry(
        "Table file not readable",
        "{reason}",
        (
            "{do}",
            'Every row has a value for each column of the first row; a value with a comma, quote or line end stands in "…".',
        ),
        "A row read one column off gives every later code a wrong meaning.",
    ),
    "SW0749": Entry(
        "Replacement that cannot be sent",
        "`{key}` replaces a character by one that {charset} does not have either.",
        ("Use characters of {charset}.", "Use plain letters, such as - for a dash."),
        "The replacement is sent in place of a character the hospital cannot read; it must be readable there.",
    ),
    "SW0750": Entry(
        "Not one of the listed values",
        "`{value}` is not a value of {enum}.",
        ("A comma stands between two values: `{commas}`.", "Did you mean `{nearest}`?", "Write {known}."),
        "A hospital that lists a measurement nobody knows gets one measurement less than was agreed.",
    ),
    "SW0751": Entry(
        "A value that nothing reads",
        "`{key}` is given here, and no mapping of this organisation reads it.",
        ("Delete it, or use it in the overlay: `… = {key}`.",),
        "Whoever filled in this value believes that the hospital receives it. It is most often one that a "
        "removed rule needed, or "
        "one whose rule was forgotten.",
    ),
    "SW0752": Entry(
        "Unknown diagnosis code",
        "`{code}` is no ICD-10-CM code ({edition}).",
        (
            "Did you mean `{nearest}`?",
            "{looks} is what a spreadsheet makes of a code: format the column as text.",
            "A code has {form}.",
        ),
        "A claim with a code that does not exist comes back weeks after the reading, when the clinician who chose it has long "
        "turned to other patients.",
    ),
    "SW0753": Entry(
        "A diagnosis code that cannot be billed",
        "`{code}` has more exact codes below it; only those are billed.",
        (
            "Write {children}, or a row for each that is wanted.",
            "It has {count} of them, from `{first}` to `{last}`: a row for each that is wanted.",
        ),
        "Payers refuse a claim whose diagnosis could have been said more exactly. Whoever offers the code here offers a refusal.",
    ),
    "SW0754": Entry(
        "A diagnosis code listed twice",
        "`{code}` stands in this list already.",
        ("Keep one of the two rows.",),
        "The clinician would find one diagnosis twice, perhaps in two wordings, and wonder what the difference is.",
    ),
    "SW0755": Entry(
        "Fewer diagnoses allowed than needed",
        "`diagnosis.maximum` ({found}) is less than `diagnosis.minimum` ({least}).",
        ("`minimum` is what a signed result must have, `maximum` what one message may carry.",),
        "No result could ever be signed: each would have too few diagnoses or too many.",
    ),
    "SW0756": Entry(
        "A suggested code that nobody may choose",
        "`{code}` is suggested here, and `{file}` does not list it.",
        ("Add a row for it to `{file}`, or delete this one.",),
        "The clinician would be offered a code that is refused when the result is signed.",
    ),
    "SW0757": Entry(
        "A finding that is no SNOMED CT code",
        "`{found}` is no SNOMED CT code: {reason}",
        ("Look the code up anew; a finding without one is known by its `name` alone.",),
        "Nothing would ever be suggested for it, and nobody would notice, or the suggestion would appear at another finding.",
    ),
    "SW0758": Entry(
        "A suggestion given twice",
        "`{code}` is suggested for this finding already.",
        ("Keep one of the two rows.",),
        "Of two rows that ask for another confidence each, only the lower one would mean anything.",
    ),
    "SW0759": Entry(
        "An edition of codes that cannot be used",
        "{reason}",
        ("Import it anew: segwright codes import FILE --edition NAME --from DATE --until DATE --into codes",),
        "Codes would be judged by another edition than the one that holds on the date of service.",
    ),
}
