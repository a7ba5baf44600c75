"""Constructs that no reference hospital uses, in one mapping of the laboratory: overlays over it, and documents for it."""

from __future__ import annotations

from functools import cache

from tests.lang.laboratory import lab
from tests.oracle.hospitals import Documents, Subject

DECLARATIONS = """\
table codes: Kind -> code: CWE, unit: text, rank: integer
  heart_rate   -> "8867-4" ^ "Heart rate"   ^ "LN", "/min", 2
  qrs_duration -> "8633-0" ^ "QRS duration",        "ms",   1
  qrs_axis     -> blank,                            "deg",  3
end
table flags: text -> text
  "N" -> "norm"
  "H" -> same
  "X" -> error
  "B" -> blank
  otherwise -> "odd"
end
table few: text -> text
  "N" -> "one"
end
table pairs: Kind, Sex -> low: decimal, word: text
  heart_rate, female   -> 60,   "hf"
  heart_rate, male     -> 59.5, "hm"
  qrs_duration, female -> 0.07, "qf"
  qrs_duration, male   -> 0.08, "qm"
  qrs_axis, female     -> -30,  "af"
  qrs_axis, male       -> -31,  "am"
end
table states: Status -> HL7 0123
  preliminary -> "P"
  final       -> "F"
  corrected   -> "C"
  withdrawn   -> "X"
end
format clinician(p: Provider) as XCN
  .1   = p.npi else p.id  required
  .2.1 = p.family
  .3   = p.given          optional
  .9.1 = "NPI"            when p.npi is present
       = "LOC"            otherwise
  .13  = "NPI"            when p.npi is present
end
format careful(p: Provider) as XCN
  .1   = p.id     required if p.npi is missing
  .2.1 = p.family as upper
  .3   = p.given  optional
  .4   = "fixed"
end
format numbered(i: Identifier) as CX
  .1   = i.id as trim on invalid "?"
  .4.1 = i.authority else "none"
  .4.2 = "1.2.3"
  .5   = i.type  optional
end
part noted(number: integer, words: optional text)
  segment NTE optional
    let said = words else "nothing"
    NTE-1 = number as integer
    NTE-3 = "{number as integer}: {said}"  when words is present
          = blank  otherwise
end
text story(r: Result)
  {{ r.study }}{% if r.comment is present %}: {{ r.comment }}{% endif %}.
  {% for m in r.measurements %}
  {% if m.flag is present and m.flag not in ["N", "H"] %}
  * {{ m.value | number(places=1) }} {{ m.flag }}
  {% elif m.kind is heart_rate %}
  rate {{ m.value | number }}{% for c in r.comments %} [{{ c }}]{% endfor %}.
  {% else %}
  other
  {% endif %}
  {% endfor %}
end
"""

BODY = """\
let whole = text story(result)
let who = order.provider
check study that not result.study matches "[A-Z]" else "the study has no number"
check doctor that result.status is preliminary or who is present else "somebody must have asked"

segment PID
  PID-3 = each i in patient.identifiers where i.type is missing or i.type in ["MR", "SS"] ordered by i.type as numbered  required
  PID-5 = patient.name
  PID-8 = patient.sex via sexes  optional

segment PV1 from order.received optional
  PV1-2  = inherited else "O"
  PV1-3  = "W" ^ "3"   when result.urgent
         = inherited   optional otherwise
  PV1-4  = blank
  PV1-19 = result.note optional

segment ZZA
  ZZA-1       = result.comment else result.note else result.study as lower
  ZZA-2       = result.comment else ("1" ^ blank ^ ("a" ^ result.study))
  ZZA-3.1     = result.note  optional
  ZZA-3.3.2   = "sub"
  ZZA-4[npi]  = first p in order.providers where p.npi is present as clinician  optional
  ZZA-4[who]  = who as careful  optional
  ZZA-4[lone].1 = result.note  optional
  ZZA-4[lone].3 = "third"
  ZZA-5       = each c in result.comments where c is not "first" as upper  optional
  ZZA-6       = join(" / ", result.comments)  optional
  ZZA-7       = null   when result.note is missing
              = "note" otherwise
  ZZA-8       = "A" ^ blank ^ "C"
  ZZA-9       = "study {result.study}, version {result.version as integer}"
  ZZA-10      = result.confidence as number(places: 2)  optional
  ZZA-11      = result.version
  ZZA-12      = order.filler_number else (result.study ^ "LAB")
  ZZA-13      = result.status via states

segment ZZB optional when result.status is not withdrawn
  ZZB-1 = "note"
  ZZB-2 = result.comment  optional
  ZZB-3 = count ZZB
  ZZB-4 = patient.birth_date as date(precision: year)  optional

segment ZZC
  ZZC-1 = "urgent"   when result.urgent and result.status is not withdrawn
        = "routine"  otherwise
  ZZC-2 = "sure"     when result.confidence is present and result.confidence is at least 0.9
        = "half"     when result.confidence is present and result.confidence is between 0.5 and 0.9
        = "unsure"   when result.confidence is present and result.confidence is below 0.5
        = blank      otherwise
  ZZC-3 = "yes"      when result.status in [final, corrected] or (patient.sex is present and patient.sex is female)
        = "no"       otherwise
  ZZC-4 = "much"     when result.version is above 3
        = "some"     when result.version is at most 3 and result.version is at least 1
        = "none"     otherwise
  ZZC-5 = result.comment as digits on invalid "0"  optional
  ZZC-6 = result.note via few on unmapped "other"  optional
  ZZC-7 = result.comment as text(max: 7, over: cut)  optional
  ZZC-8 = result.note as collapse as pad(width: 12, with: "0", side: left) on invalid blank  optional

use noted(1, result.comment)
use noted(2, result.note)

for each m in result.measurements where m.kind is not qrs_axis or m.flag is present ordered by codes.rank(m.kind) at most 6
    named measured
  segment OBX measured
    OBX-1  = count OBX
    OBX-2  = "NM"
    OBX-3  = m.kind via codes required
    OBX-4  = m.sub_id else "0"
    OBX-5  = m.value as number(unit: m.kind via codes.unit, places: 2)
    OBX-6  = m.kind via codes.unit
    OBX-7  = pairs.low(m.kind, patient.sex) as number(places: 1)  when patient.sex is present
           = blank  otherwise
    OBX-8  = m.flag via flags  optional
    OBX-11 = "F"

  segment ZZD when position is first or position is last
    ZZD-1 = position
    ZZD-2 = "first"  when position is first
          = "last"   otherwise
    ZZD-3 = count ZZD from 10
    ZZD-4 = pairs.word(m.kind, patient.sex)  when patient.sex is present
          = blank  otherwise

  for each c in result.comments first 2 named remarks
    segment NTE remark
      NTE-1 = count NTE since OBX
      NTE-2 = position
      NTE-3 = "{c} of {m.kind via codes.unit}"
  end
end

for each line in lines(whole, width: 24) named story when whole is present
  segment NTE story
    NTE-1 = position
    NTE-3 = line
end
"""

OVERLAY = """\
for reason "guide 1"
  override PID-5 = inherited as lower
  override ZZA-4[npi].2 = inherited required
  add      ZZA-4[who].13 = result.note optional
  add      ZZA-13.3 = "HL70123"
  override ZZA-9 = inherited when result.urgent
                 = "calm" otherwise
  override measured OBX-4 = inherited as text(max: 3, over: cut)
  override PID-3.4.2 = "9.9"
  add segment ZZE after ZZC optional
    ZZE-1 = "always"
    ZZE-2.1 = "part"
    ZZE-2.2 = order.provider.id optional
  add loop for each d in result.diagnoses first 3 named diagnoses after loop measured
    segment ZZF
      ZZF-1 = position
      ZZF-2 = d.code as icd10(dots: no) ^ d.display ^ "I10"
      ZZF-3 = count ZZF since OBX from 5
  end
  override loop measured where inherited and (m.flag is missing or m.flag is not "skip") ordered by codes.rank(m.kind) at most 5
end
"""


ENDINGS = {
    "a line that ends in a tag": """\
text ending(r: Result)
  {{ r.study }}{% if r.urgent %}, urgent{% endif %}
  is the study.
end
""",
    "an empty line behind a tag": """\
text ending(r: Result)
  {{ r.study }}
  {% if r.urgent %}

  urgent
  {% endif %}
end
""",
}
"""Texts whose lines end where it matters."""


def ending(name: str) -> tuple[Subject, Documents]:
    """One of them in a note."""
    return _made("segment NTE\n  NTE-3 = text ending(result) required\n", "", ENDINGS[name])


@cache
def laboratory() -> tuple[Subject, Documents]:
    """All of it compiled, with the documents that the laboratory has."""
    return _made(BODY, OVERLAY, DECLARATIONS)


def _made(body: str, overlay: str, declarations: str) -> tuple[Subject, Documents]:
    run = lab(body, overlay, declarations=declarations)
    assert not run.codes, run.report
    organisation = run.organisation
    compiled = organisation.messages["test"]["result"]
    made = Subject(compiled, organisation.organisation, organisation.model, "test")
    return made, made.documents(run.inputs)
