"""One encoder for several threads: a server judges an order in one, and works off another in a second, before either was written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from segwright.plan.model import Attribute, Model, RecordType, Type
from segwright.runtime.decode import decode
from segwright.runtime.encode import Encoder

ORDER = Type("record", "Order")
MODEL = Model(
    {"Order": RecordType("Order", (Attribute("a", Type("scalar", "text")), Attribute("b", Type("scalar", "text"))))}, {}
)


def test_a_second_thread_that_comes_while_the_first_works_out_how_a_record_is_written_writes_the_same(monkeypatch):
    encoder, value = Encoder(MODEL), ("x", "y")
    found: list[bytes] = []
    known = Encoder._of
    with ThreadPoolExecutor(1) as other:

        def of(self: Encoder, type_: Type) -> Any:
            if type_ != ORDER and not found:
                found.append(b"")  # once, in the midst of the first one's work
                found[0] = other.submit(encoder.encode, ORDER, value).result(20)
            return known(self, type_)

        monkeypatch.setattr(Encoder, "_of", of)
        first = encoder.encode(ORDER, value)
    assert first == found[0] == encoder.encode(ORDER, value) == b'{"a":"x","b":"y"}'
    assert decode(MODEL, ORDER, first) == value
