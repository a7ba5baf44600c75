"""Which function lowers which kind of value: the whole list.

Importing it fills `lang.lowering`; whoever compiles imports it. Order of the modules, lower ones first: `lowering`, `fitting`,
`references`, `lookup`, `builtin`, `conditions`, `received`, `values`, `duties`, `formats`, `narrative`, `contents`.
"""

from __future__ import annotations

from segwright.lang import ast, values
from segwright.lang.formats import formatted
from segwright.lang.lowering import KINDS
from segwright.lang.narrative import narrate
from segwright.lang.received import take
from segwright.lang.references import reference

KINDS.update(
    {
        ast.Ref: reference,
        ast.Text: values.text,
        ast.Interpolation: values.interpolation,
        ast.Number: values.number,
        ast.Blank: values.blank,
        ast.Null: values.null,
        ast.Hold: values.hold,
        ast.Place: values.position,
        ast.Count: values.count,
        ast.Inherited: values.inherited,
        ast.Call: values.call,
        ast.Via: values.via,
        ast.Else: values.otherwise,
        ast.Ladder: values.alternatives,
        ast.Each: values.element,
        ast.First: values.element,
        ast.Composite: values.composed,
        ast.As: formatted,
        ast.TextCall: narrate,
        ast.Hl7Path: take,
        ast.ComponentPath: take,
        ast.Keep: take,
    }
)
