"""A fleet of made-up hospitals over the repository's own mappings, for the compile rows of `make bench`.

Every organisation exchanges eight messages and says thirty lines of its own, of ten kinds, beside an org.yaml of eighty lines.
The same number gives the same files, byte for byte.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

DERIVED: Final = {"ecg_result": ("holter_result", "stress_result"), "order_status": ("study_status",)}
"""Further messages of the generated workspace: the base mapping of one, with its profiles, under another name."""

LAYERS: Final = (
    "message_structure",
    "message_structure, grouped_orders",
    "message_structure, formatted_report",
    "message_structure, grouped_orders, pdf_report",
)
VERSIONS: Final = ("2.5.1", "2.5", "2.4", "2.5.1", "2.6")
ZONES: Final = ("Chicago", "New_York", "Denver", "Los_Angeles", "Phoenix")


def generate(root: Path, count: int, *, cases: bool = False) -> None:
    """A workspace of `count` organisations in an empty or missing folder; with `cases`, four for each."""
    shutil.copytree(ROOT / "mappings", root / "mappings")
    for path in sorted(root.glob("mappings/**/*.seg")):
        for name in DERIVED.get(path.stem, ()):
            text = path.read_text(encoding="utf-8")
            for word in ("mapping", "overlay"):
                text = text.replace(f"\n{word} {path.stem}\n", f"\n{word} {name}\n")
                text = text.replace(f"\n{word} {path.stem} ", f"\n{word} {name} ")
            path.with_name(f"{name}.seg").write_text(text, encoding="utf-8")
    (root / "orgs").mkdir()
    shutil.copy(ROOT / "orgs" / "schema.yaml", root / "orgs")
    for number in range(count):
        folder = root / "orgs" / organisation(number)
        folder.mkdir()
        for name, text in {**files(number), **(case_files(number) if cases else {})}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode())


def organisation(number: int) -> str:
    """The id of an organisation."""
    return f"hospital_{number:04}"


def files(number: int) -> dict[str, str]:
    """The files of one organisation by name."""
    return {
        "org.yaml": _config(number),
        "organisation.seg": _every_message(number),
        "ecg_result.seg": _result(number),
        "holter_result.seg": _holter(number),
        "ecg_order.seg": _order(number),
        "icd10_subset.csv": "code,display\n" + "".join(f'{code},"{said}"\n' for code, said in _DIAGNOSES),
    }


_SAMPLES: Final = ROOT / "engine" / "segwright" / "service" / "sample" / "cases"


def case_files(number: int) -> dict[str, str]:
    """The cases of one organisation, by the names of their files: an order, what is made of it, and what is answered."""
    name, digits = f"H{number:04}", 6 + number % 4
    sample = (_SAMPLES / "order_new" / "order.hl7").read_bytes().decode("ascii")
    order = (
        sample.replace("|EHR|SAMPLE|ECGAI|PLATFORM|", f"|EHR{number}|{name}|ECGAI|PULSEREAD|")
        .replace("1234567^^^SAMPLE^MR", f"{number:0{digits}}^^^{name}^MR")
        .replace("A-1001", f"A-{number}")
        .replace("^NPI^^^^NPI", f"^NPI^^^^NPI~L{number}^EXAMPLE^MORGAN^^^^MD^^{name}^^^^XX")
    )
    result = (_SAMPLES / "final" / "result.json").read_text(encoding="utf-8").replace("I44.0", "I10")
    event = (_SAMPLES / "order_accepted" / "event.json").read_text(encoding="utf-8")

    def case(message: str, minute: int) -> str:
        return (
            f'message: {message}\nenvironment: test\nat: "2026-03-02T10:{minute:02}:00-05:00"\n'
            f"control_id: {name}{minute:02}\norder: ../order_new/order.hl7\n"
        )

    return {
        "cases/order_new/case.yaml": "message: ecg_order\nenvironment: test\n",
        "cases/order_new/order.hl7": order,
        "cases/accepted/case.yaml": case("order_status", 1),
        "cases/accepted/event.json": event,
        "cases/preliminary/case.yaml": case("ecg_result", 2),
        "cases/preliminary/result.json": result.replace('"final"', '"preliminary"'),
        "cases/final/case.yaml": case("ecg_result", 3),
        "cases/final/result.json": result,
    }


_DIAGNOSES: Final = (
    ("I10", "Essential (primary) hypertension"),
    ("I48.91", "Unspecified atrial fibrillation"),
    ("R00.0", "Tachycardia, unspecified"),
)


def _config(number: int) -> str:
    version = VERSIONS[number % len(VERSIONS)]
    name, oid = f"H{number:04}", f"2.16.840.1.113883.19.{1000 + number}"
    instead = f"\n    instead:       {{receiving: {{application: EHR{number}T}}}}" if number % 7 == 0 else ""
    keeps_documents = "pdf_report" in LAYERS[number % len(LAYERS)]
    document = (
        "\ndocument:   {form: ED, type: application, subtype: pdf, encoding: Base64}\n" if keeps_documents else ""
    )
    result = """
    writes:      ORU^R01
    kinds:       {preliminary: yes, final: after sign-off, corrected: after sign-off, withdrawn: yes}
    unsolicited: no
    message_per: order"""
    status = "accepted: yes, in_progress: yes, completed: yes, cancelled: yes"
    return f"""# Hospital {number} of a made-up fleet.

organisation:
  id:     {organisation(number)}
  name:   Hospital {number}
  layers: [{LAYERS[number % len(LAYERS)]}]

times:      {{zone: America/{ZONES[number % len(ZONES)]}, precision: second, offset: yes, ambiguous: error}}

encoding:
  version:     {version}
  charset:     ASCII
  unencodable: {{"–": "-", "—": "-", "’": "'", "é": e, "è": e, "ñ": n, "ö": oe, "ü": ue, "ß": ss}}
  separators:  '|^~\\&'
  trailing:    trim
  segment_end: CR
  limits:      {{HD.1: cut 20}}

sending:    {{application: ECGAI, facility: {{namespace: PULSEREAD, id: 2.16.840.1.113883.19.77, type: ISO}}}}
receiving:  {{application: EHR{number}, facility: {{namespace: {name}, id: {oid}, type: ISO}}}}

patient:
  mrn_type:    MR
  mrn_pattern: '[0-9]{{{6 + number % 4}}}'
  authority:   {{namespace: {name}}}

providers:
  local_type:      XX
  local_authority: {{namespace: {name}}}

orders:     {{section: EC}}

narrative:  {{width: {60 + number % 20}}}

observations:
  kinds:       [heart_rate, pr_interval, qrs_duration, qt_interval, qtc_interval, p_axis, qrs_axis, t_axis]
  unit_system: UCUM

performing: {{name: PULSEREAD CARDIOLOGY {number % 50}}}
{document}
diagnosis:  {{system: I10C, dots: {"yes" if number % 3 else "no"}, maximum: {4 + number % 5}, codes: icd10_subset.csv, suggestions: none}}

charges:
  charge_type: CG
  credit_type: CR
  service:     {{code: "93010", text: Electrocardiogram interpretation and report, system: C4}}
  quantity:    1
  department:  CARD{number % 30}
  procedure:   {{code: "93010", text: Electrocardiogram interpretation and report, system: C4}}

mandatory:
  ecg_result:   [PID-3.1, ORC-2, ORC-3, OBR-2, OBR-3, OBR-4, OBR-22, OBR-25]
  order_status: [PID-3.1, ORC-2, ORC-5, OBR-4]

catalogue:
  ecg_order:     {{reads: [ORM^O01], orders: [new, change, cancel]}}
  ecg_result:{result}
  holter_result:{result}
  stress_result:{result}
  order_status:   {{writes: ORM^O01, message_per: order, kinds: {{{status}}}}}
  study_status:   {{writes: ORM^O01, message_per: order, kinds: {{{status}}}}}
  order_status_omg: {{writes: OMG^O19, message_per: order, kinds: {{{status}}}}}
  ecg_charge:
    writes:      DFT^P03
    kinds:       {{preliminary: no, final: after sign-off, corrected: no, withdrawn: after sign-off}}
    unsolicited: no
    message_per: order

delivery:
  when_uncertain:    resend
  retry:             {{first: 5s, most: 10m, for: 24h}}
  duplicate_refusal: delivered
  unsent_final:      as final

acknowledgement: {{accept: NE, application: AL, answer_within: 30s}}

environments:
  test:
    processing_id: T
    outbound:      {{mllp: ehr-test.{name.lower()}.example:6661, tls: {{identity: env:{name}_TEST_TLS}}}}
    inbound:       {{listener: {name.lower()}-test}}{instead}
  production:
    processing_id: P
    outbound:      {{mllp: ehr.{name.lower()}.example:6661, tls: {{identity: file:/run/secrets/{name.lower()}.pem}}}}
    inbound:       {{listener: {name.lower()}}}
"""


def _every_message(number: int) -> str:
    """Kinds: an overridden rule, a format with a line changed, an echoed field given a value."""
    return f"""overlay organisation
for reason "guide {number}: clinicians are known by their staff number alone"
  override OBR-16[local] = inherited required
  remove   OBR-16[npi]
end
override PV1-2 = inherited else "{"OEI"[number % 3]}"   because "guide {number}: walk-in patients come without a class"
override format address
  .7 = blank
end because "guide {number}: an address has no type here"
override PID-5.1 = inherited required   because "guide {number}: a patient without a family name is refused"
"""


def _result(number: int) -> str:
    """Kinds: a table with rows replaced, a loop moved, a component added, a check added, a segment added, a loop limited."""
    return f"""overlay ecg_result
override table observations
  heart_rate   -> "{number}-1" ^ "VENTRICULAR RATE" ^ "L", "/min", 0, 1
  qrs_duration -> "{number}-4" ^ "QRS DURATION" ^ "L",     "ms",   0, 4
end because "catalogue {number}"
move loop diagnoses at end of message   because "guide {number}: diagnoses follow the last OBR"
add measurement OBX-15.2 = org.performing.name   because "guide {number}: each value names who measured it"
add check signer that result.signed_by is missing or result.signed_by.npi is present
  else "the clinician who signed has no NPI"
  because "guide {number}: OBR-32 is checked"
add segment ZEC after OBR optional   because "guide {number}: readings are counted by algorithm"
  ZEC-1 = result.algorithm_name     optional
  ZEC-2 = result.algorithm_version  optional
  ZEC-3 = "{number}"
"""


def _holter(number: int) -> str:
    """Kinds: a loop narrowed, a value by conditions, fields removed."""
    return f"""overlay holter_result
override loop measurements where inherited and m.kind is not {("t_axis", "p_axis", "qt_interval")[number % 3]}
  because "guide {number}: not wanted of a Holter"
override measurement OBX-8
  = "H{number % 10}" when m.flag is present and m.flag is high
  = blank otherwise
  because "guide {number}: only what is too high"
"""


def _order(number: int) -> str:
    return f"""overlay ecg_order
override order.priority = first OBR-27.6 via priority on unmapped routine optional
  because "guide {number}: priority stands in the timing"
"""
