"""Every mistake in an org.yaml is found at its place, in one run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segwright.core.prose import catalogue, help_lines, message
from segwright.core.source import Source
from segwright.orgs.declaration import Schema
from segwright.orgs.load import check_together, load_organisation
from segwright.orgs.organisation import Organisation
from tests.orgs.conftest import NAME, Edit

TLS = '{mllp: "billing-test.fixture.example:6671", tls: {identity: env:FIXTURE_TEST_TLS}}'

# (what the mistake is called, replacements, code, the text the finding points at, words of its sentences)
MISTAKES = [
    ("unknown key", [("precision: second", "precison: second")], "SW0720", "precison", "Did you mean `precision`?"),
    ("unknown key elsewhere", [("value_type: NM", "maximum: 3")], "SW0720", "maximum", "is a key of `diagnosis`"),
    ("unknown section", [("visit: {", "vist: {")], "SW0720", "vist", "org.yaml has no key `vist`"),
    ("missing key", [("zone: America/Chicago, ", "")], "SW0721", "times", "`times.zone` is missing"),
    (
        "missing section",
        [("acknowledgement: {accept: AL, application: NE, answer_within: 30s}", "")],
        "SW0721",
        "",
        "is missing",
    ),
    (
        "missing in production",
        [("    inbound: {listener: fixture, networks: [10.20.0.0/16]}\n", "")],
        "SW0721",
        "production",
        "inbound",
    ),
    ("missing below a name", [('{mllp: "billing.fixture.example:6671", tls', "{tls")], "SW0721", "billing", "mllp"),
    (
        "text for a boolean",
        [("offset: no", "offset: maybe")],
        "SW0722",
        "maybe",
        "takes yes or no, and here stands `maybe`",
    ),
    ("boolean in capitals", [("offset: no", "offset: No")], "SW0722", "No", "yes or no"),
    ("leading zero", [("maximum: 4", "maximum: 04")], "SW0722", "04", "a whole number"),
    ("list for a text", [("mrn_type: MR", "mrn_type: [MR]")], "SW0722", "[MR]", "a text, and here stands a list"),
    ("text for a list", [("layers: [fixture_vendor]", "layers: fixture_vendor")], "SW0722", "fixture_vendor", "a list"),
    (
        "text for a group",
        [
            (
                "header: {structure: yes, profile: ECG_V2, profile_authority: {namespace: FIXGEN}, country: USA}",
                "header: x",
            )
        ],
        "SW0722",
        "x",
        "a group of keys",
    ),
    ("not a number", [("amount: 12.50", "amount: 12,50")], "SW0722", "12,50", "a number"),
    ("choice", [("when_uncertain: resend", "when_uncertain: resned")], "SW0723", "resned", "Did you mean `resend`?"),
    ("choice in a list", [("orders: [new, change, cancel]", "orders: [new, chang]")], "SW0723", "chang", "change"),
    ("kind nobody knows", [("corrected: yes", "correct: yes")], "SW0720", "correct", "Did you mean `corrected`?"),
    ("gate", [("final: after sign-off", "final: after signoff")], "SW0723", "after signoff", "after sign-off"),
    ("no value", [("check_digit: M10", "check_digit:")], "SW0724", "check_digit", "has no value"),
    ("null", [("check_digit: M10", "check_digit: null")], "SW0724", "check_digit", "put it in quotes"),
    ("too large", [("maximum: 4", "maximum: 400")], "SW0725", "400", "more than 99"),
    ("empty list", [("identifier_types: [MR, PI]", "identifier_types: []")], "SW0725", "[]", "has 0 items; at least 1"),
    ("empty text", [("mrn_type: MR", "mrn_type: ''")], "SW0725", "''", "is empty"),
    ("pattern of a key", [("country: USA", "country: us")], "SW0726", "us", "USA"),
    ("message type", [("reads: [ORM^O01]", "reads: [ORM_O01]")], "SW0726", "ORM_O01", "ORU^R01"),
    ("path", [("[PID-3.1,", "[PID3.1,")], "SW0726", "PID3.1", "PID-3.1"),
    ("limited type", [("HD.1: cut 20", "hd.1: cut 20")], "SW0726", "hd.1", "HD.1"),
    ("two characters", [('"•": "*"', '"••": ""')], "SW0726", '"••"', "one character"),
    (
        "half an authority",
        [("application_type: ISO\n", "\n")],
        "SW0727",
        "application_id",
        "without `receiving.application_type`",
    ),
    (
        "tls and its excuse",
        [("plain_because: the test network is closed", "plain_because: the test network, tls: {identity: env:X}")],
        "SW0728",
        "tls",
        "cannot stand together",
    ),
    ("zone", [("America/Chicago", "America/Chicgo")], "SW0730", "America/Chicgo", "Did you mean `America/Chicago`?"),
    ("zone abbreviation", [("America/Chicago", "CST")], "SW0730", "CST", "named as in America/Chicago"),
    (
        "version without tables",
        [("version: 2.5.1", "version: 2.7.1")],
        "SW0731",
        "2.7.1",
        "`2.7.1` is not available. No tables",
    ),
    ("version nobody made", [("version: 2.5.1", "version: 3.0")], "SW0731", "3.0", "Available are 2.3"),
    ("charset", [("charset: 8859/1", "charset: latin-9000")], "SW0732", "latin-9000", "MSH-18"),
    ("four separators", [(r"'|^~\&'", r"'^~\&'")], "SW0733", r"'^~\&'", "the field separator (MSH-1) stands in front"),
    ("equal separators", [(r"'|^~\&'", r"'|^^\&'")], "SW0733", r"'|^^\&'", "twice"),
    ("duration", [("first: 5s", "first: 5")], "SW0734", "5", "5s, 10m, 24h"),
    (
        "address",
        [("mllp: ehr.fixture.example:6661", "mllp: ehr.fixture.example")],
        "SW0735",
        "ehr.fixture.example",
        "host and port",
    ),
    (
        "port",
        [("mllp: ehr.fixture.example:6661", "mllp: ehr.fixture.example:70000")],
        "SW0735",
        "ehr.fixture.example:70000",
        "65535",
    ),
    ("limit", [("HD.1: cut 20", "HD.1: 20")], "SW0736", "20", "cut 20"),
    ("pattern", [("'[0-9]{8}'", "'[0-9{8}'")], "SW0737", "'[0-9{8}'", "not a pattern"),
    ("pattern python warns of", [("'[0-9]{8}'", "'[[0-9]{8}'")], "SW0737", "'[[0-9]{8}'", "backslash"),
    ("layer twice", [("[fixture_vendor]", "[epic, epic]")], "SW0738", "epic", "`epic` stands twice"),
    (
        "other folder",
        [("id: fixture_general", "id: fixture_special")],
        "SW0739",
        "fixture_special",
        "its folder `fixture_general`",
    ),
    ("test is production", [("processing_id: T", "processing_id: P")], "SW0740", "P", "is `P` in test"),
    ("production is test", [("processing_id: P", "processing_id: D")], "SW0740", "D", "is `D` in production"),
    (
        "no tls in production",
        [("      tls: {identity: file:/run/secrets/fixture.pem, trust: file:/etc/segwright/fixture-ca.pem}\n", "")],
        "SW0741",
        "outbound",
        "environments.production.outbound",
    ),
    (
        "one listener for both",
        [("listener: fixture-test", "listener: fixture")],
        "SW0742",
        "fixture",
        "both test and production",
    ),
    (
        "reads and writes",
        [("{reads: [ORM^O01], ", "{reads: [ORM^O01], writes: ORU^R01, ")],
        "SW0743",
        "ecg_order",
        "reads and writes",
    ),
    (
        "nothing",
        [("{reads: [ORM^O01], orders: [new, change, cancel]}", "{}")],
        "SW0743",
        "ecg_order",
        "neither reads nor writes",
    ),
    ("which orders", [(", orders: [new, change, cancel]", "")], "SW0743", "ecg_order", "does not say which"),
    (
        "results without unsolicited",
        [("    unsolicited: no\n", "")],
        "SW0743",
        "ecg_result",
        "does not say `unsolicited`",
    ),
    (
        "kinds of orders",
        [("orders: [new, change, cancel]", "orders: [new], kinds: {charge: yes, credit: no}")],
        "SW0743",
        "ecg_order",
        "no meaning",
    ),
    ("undecided kind", [(", withdrawn: yes", "")], "SW0744", "kinds", "says nothing about `withdrawn`"),
    (
        "read twice",
        [("  ecg_order: {", "  other: {reads: [ORM^O01], orders: [new]}\n  ecg_order: {")],
        "SW0745",
        "ORM^O01",
        "by `other` and by `ecg_order`",
    ),
    (
        "mandatory of nothing",
        [("  ecg_result: [PID", "  ecg_reslt: [PID")],
        "SW0746",
        "ecg_reslt",
        "Did you mean `ecg_result`?",
    ),
    (
        "destination in one environment",
        [(f"    destinations: {{billing: {TLS}}}\n", "")],
        "SW0747",
        "billing",
        "which test does not have",
    ),
    ("replacement", [('"’": "\'"', '"’": "→"')], "SW0749", '"→"', "8859/1"),
    ("nothing for a character", [('"’": "\'"', '"’": ""')], "SW0725", '""', "is empty"),
    ("a deletion for a character", [('"’": "\'"', '"’": "\\"\\""')], "SW0726", '"\\"\\""', "one to eight printable"),
    ("network", [("10.20.0.0/16", "10.20.0.1/16")], "SW0726", "10.20.0.1/16", "a network such as"),
    (
        "more diagnoses needed than allowed",
        [("minimum: 0", "minimum: 5")],
        "SW0755",
        "4",
        "`diagnosis.maximum` (4) is less than `diagnosis.minimum` (5)",
    ),
    ("most before first", [("most: 10m", "most: 1s")], "SW0716", "1s", "shorter than `delivery.retry.first` (5s)"),
    ("twice", [("mrn_type: MR\n", "mrn_type: MR\n  mrn_type: PI\n")], "SW0712", "mrn_type", "`mrn_type` stands twice"),
    ("alias", [("mrn_type: MR", "mrn_type: *other")], "SW0713", "*other", "An alias"),
    ("anchor", [("mrn_type: MR", "mrn_type: &mr MR")], "SW0713", "&mr", "An anchor"),
    ("tag", [("mrn_type: MR", "mrn_type: !!str MR")], "SW0713", "!!str", "A tag"),
    ("list as key", [("mrn_type: MR", "[a]: MR\n  mrn_type: MR")], "SW0715", "[a]", "a key that is not a name"),
    ("tab", [("  mrn_type: MR", "\tmrn_type: MR")], "SW0711", "\t", "tab"),
    ("second document", [("diagnosis: {", "---\ndiagnosis: {")], "SW0714", "---", "second YAML document"),
    ("directive", [("# Fixture General", "%YAML 1.1\n---\n# Fixture General")], "SW0713", "", "A directive"),
    ("open quote", [("networks: [10.20.0.0/16]}", 'networks: ["10.20')], "SW0710", '"', "never closed"),
    ("backslash", [(r"'|^~\&'", '"|^~\\&"')], "SW0710", "&", "single quotes"),
    ("colon", [("charset: 8859/1", "charset: a: b")], "SW0710", ":", "on one line"),
    (
        "instead of what no mapping reads",
        [("instead: {receiving", "instead: {delivery: {when_uncertain: hold}, receiving")],
        "SW0720",
        "delivery",
        "environments.test.instead",
    ),
]


@pytest.mark.parametrize(
    ("replacements", "code", "excerpt", "words"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_found_at_its_place(
    edit: Edit, replacements: list[tuple[str, str]], code: str, excerpt: str, words: str
) -> None:
    source, _, diagnostics = edit(*replacements)
    found = [d for d in diagnostics if d.code == code]
    assert found, [(d.code, d.facts) for d in diagnostics]
    assert source.text[found[0].span.start : found[0].span.end] == excerpt
    said = " ".join([message(found[0]), *help_lines(found[0])])
    assert words in said
    assert all(d.organisation in {"", "fixture_general"} for d in diagnostics)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~\n"])
def test_a_file_without_anything_is_said_to_be_empty(schema: Schema, text: str) -> None:
    _, diagnostics = load_organisation(Source(NAME, text), schema)
    assert [d.code for d in diagnostics] == ["SW0704"]


@pytest.mark.parametrize(("text", "what"), [("- a\n", "a list"), ("hello\n", "one value")])
def test_a_file_of_something_else_is_refused(schema: Schema, text: str, what: str) -> None:
    _, diagnostics = load_organisation(Source(NAME, text), schema)
    assert [(d.code, d.facts["what"]) for d in diagnostics] == [("SW0715", what)]


def test_twenty_mistakes_of_one_file_are_reported_in_one_run_in_its_order(edit: Edit) -> None:
    chosen = [
        "unknown key",
        "boolean in capitals",
        "too large",
        "choice",
        "gate",
        "half an authority",
        "charset",
        "limit",
        "pattern",
        "layer twice",
        "other folder",
        "test is production",
        "undecided kind",
        "mandatory of nothing",
        "most before first",
        "address",
        "not a number",
        "twice",
        "path",
        "choice in a list",
    ]
    picked = [m for m in MISTAKES if m[0] in chosen]
    source, _, diagnostics = edit(*[r for m in picked for r in m[1]])
    codes = [d.code for d in diagnostics]
    for _, _, code, _, _ in picked:
        assert code in codes
        codes.remove(code)
    assert codes == [], "no mistake is told twice"
    starts = [d.span.start for d in diagnostics]
    assert starts == sorted(starts)
    first = next(d for d in diagnostics if d.code == "SW0720")
    assert source.position(first.span.start) == (4, 32)


def test_a_missing_key_also_shows_its_declaration(edit: Edit) -> None:
    _, _, diagnostics = edit(("zone: America/Chicago, ", ""))
    assert [(label.role, label.span.file) for label in diagnostics[0].labels] == [("schema", "orgs/schema.yaml")]


def test_the_second_of_two_shows_the_first(edit: Edit) -> None:
    source, _, diagnostics = edit(("[fixture_vendor]", "[epic, epic]"))
    (label,) = diagnostics[0].labels
    assert (label.role, source.text[label.span.start : label.span.end]) == ("first", "epic")
    assert label.span.start < diagnostics[0].span.start


def test_an_unusual_but_right_text_is_read_the_slow_way_with_the_same_result(
    organisation: Organisation, edit: Edit
) -> None:
    _, found, _ = edit(
        ("layers: [fixture_vendor]", "layers:\n    [fixture_vendor, ]"), ("organisation: {id", 'organisation: { "id"')
    )
    assert found is not None
    assert found.data == organisation.data


def test_the_versions_may_be_given(schema: Schema, text: str) -> None:
    found, diagnostics = load_organisation(Source(NAME, text), schema, versions=["2.3"])
    assert found is None
    assert [(d.code, d.facts["nearest"]) for d in diagnostics] == [("SW0731", "2.3")] or diagnostics[0].code == "SW0731"


def test_a_listener_belongs_to_one_organisation(organisation: Organisation, schema: Schema, text: str) -> None:
    other = text.replace("id: fixture_general", "id: other").replace("listener: fixture-test", "listener: other-test")
    second, _ = load_organisation(Source("orgs/other/org.yaml", other), schema)
    assert second is not None
    (found,) = check_together([organisation, second])
    assert (found.code, found.organisation, found.facts["first"]) == ("SW0742", "other", "fixture_general (production)")
    assert check_together([organisation]) == []


SECRETS = [
    ("identity: env:FIXTURE_TEST_TLS", "identity: {}"),
    ("identity: env:FIXTURE_TEST_TLS", "identity: [{}]"),
    ("identity: env:FIXTURE_TEST_TLS", "identity: {{path: {}}}"),
    ("identity: env:FIXTURE_TEST_TLS", "identity: env:X, password: {}"),
    ("identity: env:FIXTURE_TEST_TLS", "identity: env:X, anything: {}"),
    ("trust: file:/etc/segwright/fixture-ca.pem", "trust: '{}'"),
    ("name: Fixture General Hospital", "name: '-----BEGIN PRIVATE KEY----- {} -----END PRIVATE KEY-----'"),
    ("zone: America/Chicago", "zone: '-----BEGIN PRIVATE KEY----- {}'"),
]


@settings(max_examples=60, deadline=None)
@given(secret=st.from_regex(r"[A-Za-z0-9+/=]{8,24}", fullmatch=True), which=st.sampled_from(SECRETS))
def test_no_secret_is_ever_said(schema: Schema, text: str, secret: str, which: tuple[str, str]) -> None:
    secret = f"Zq{secret}"  # never a word of our own
    old, new = which
    changed = text.replace(old, new.format(secret))
    assert secret in changed
    found, diagnostics = load_organisation(Source(NAME, changed), schema)
    assert found is None
    assert {d.code for d in diagnostics} & {"SW0729", "SW0720", "SW0722"}
    for diagnostic in diagnostics:
        assert secret not in repr(diagnostic), diagnostic.code
        assert secret not in " ".join([message(diagnostic), *help_lines(diagnostic)])


YAML = st.text(alphabet="{}[],:'\"#\n -|>&*!%@`~\\ab01.\tyes?é\x00\x85\ufeff", max_size=60)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_text_makes_loading_crash(schema: Schema, text: str, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        changed = data.draw(YAML)
    else:
        start = data.draw(st.integers(0, len(text)))
        changed = text[:start] + data.draw(YAML) + text[start + data.draw(st.integers(0, 30)) :]
    found, diagnostics = load_organisation(Source(NAME, changed), schema)
    assert (found is None) == bool(diagnostics)
    for diagnostic in diagnostics:
        assert message(diagnostic)
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("abc{}[]:1.", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_value_at_any_key_is_judged_not_crashed_on(schema: Schema, data: st.DataObject) -> None:
    import json

    def shape(declaration):
        if data.draw(st.integers(0, 5)) == 0:
            return data.draw(JSON)
        if declaration.kind == "keys":
            return {name: shape(field) for name, field in declaration.fields.items() if data.draw(st.integers(0, 3))}
        if declaration.kind == "names":
            return {
                name: shape(declaration.each)
                for name in data.draw(st.lists(st.sampled_from(["a", "final", "HD.1"]), max_size=2))
            }
        if declaration.kind == "list":
            return [shape(declaration.each) for _ in range(data.draw(st.integers(0, 2)))]
        return data.draw(st.sampled_from(["yes", "12", "5s", "a:1", "cut 2", "P", "ORU^R01", *declaration.allowed]))

    source = Source(NAME, json.dumps(shape(schema.root), ensure_ascii=False))
    found, diagnostics = load_organisation(source, schema)
    assert (found is None) == bool(diagnostics)
    assert all(message(d) for d in diagnostics)


def test_every_sentence_of_the_range_is_in_the_catalogue_with_its_reason() -> None:
    entries = {code: entry for code, entry in catalogue().items() if "SW0701" <= code <= "SW0749"}
    assert len(entries) == 49
    for code, entry in entries.items():
        assert entry.title, code
        assert entry.help, code
        assert entry.why, code
        assert entry.message, code
