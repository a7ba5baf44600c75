"""What generated source may hold, and that plans share it."""

from __future__ import annotations

import pytest

from segwright.runtime.calls import NAMES
from segwright.runtime.source import Source, TooDeep, Unsafe, code, function


def made(*lines: str, names: dict | None = None):
    source = Source("write", ("i",))
    for line in lines:
        source.line(line)
    return finished(source, NAMES if names is None else names)


def finished(source: Source, names: dict):
    return function(code(source, names), names, source.constants)


@pytest.mark.parametrize(
    "line",
    [
        "return 'text'",
        "return 1.5",
        "return b''",
        "return f'{i}'",
        "return i.__class__",
        "return i.format",
        "import os",
        "return __import__",
        "return open",
        "return lambda: i",
        "return [s for s in i]",
        "global s",
        "while True: pass",
        "try:\n  pass\n finally:\n  pass",
        "with i: pass",
        "class s: pass",
        "def g(): pass",
        "return i @ i",
        "yield i",
        "assert i",
        "return i ** 9",
    ],
)
def test_what_no_template_writes_is_refused(line):
    with pytest.raises(Unsafe):
        made(line)


@pytest.mark.parametrize(
    "method", ["format", "join", "replace", "__class__", "gi_frame", "f_globals", "co_code", "mro"]
)
def test_only_named_methods_are_called(method):
    with pytest.raises(Unsafe):
        made(f"return i.{method}(i)")


@pytest.mark.parametrize("method", ["append", "get", "index", "split", "text"])
def test_the_named_methods_may_be_called(method):
    made(f"return i.{method}(i)")


@pytest.mark.parametrize(
    "text",
    [
        "def write(i):\n return i\nwrite(1)\n",
        "def other(i):\n return i\n",
        "@any\ndef write(i):\n return i\n",
        "def write(i) -> int:\n return i\n",
        "def write(i: int):\n return i\n",
        "def write(i=1.5):\n return i\n",
        "def write(*i):\n return i\n",
        "def write(**i):\n return i\n",
        "def write(i):\n return any(x=i)\n",
        "def write(i):\n return any(*i)\n",
        "def write(i):\n def read(s):\n  return s\n return read\n",
        "write = 1\n",
        "",
    ],
)
def test_nothing_but_one_plain_function(text, monkeypatch):
    source = Source("write", ("i",))
    monkeypatch.setattr(Source, "text", lambda self: text)
    with pytest.raises(Unsafe):
        code(source, NAMES)


def test_builtins_must_be_shut_off():
    with pytest.raises(Unsafe):
        made("return i", names={"len": len})


def test_nothing_but_the_named_calls_can_be_seen():
    assert NAMES["__builtins__"] == {}
    assert not {"eval", "exec", "open", "getattr", "setattr", "__import__", "type"} & set(NAMES)


def test_the_same_text_has_one_code_object():
    one, other = made("return i"), made("return i")
    assert one.__code__ is other.__code__


def test_constants_are_parameters_and_never_part_of_the_text():
    source = Source("write", ("i",))
    source.line(f"return {source.constant('secret')}")
    assert "secret" not in source.text()
    assert finished(source, NAMES)(1) == "secret"


def test_statements_kept_aside_stand_at_their_new_indentation():
    source = Source("write", ("i",))
    with source.aside() as kept, source.block("if i:"):
        source.line("return 1")
    with source.block("if i is not None:"):
        source.replay(kept)
    source.line("return 2")
    assert finished(source, NAMES)(1) == 1
    assert finished(source, NAMES)(0) == 2


def test_too_deep_a_nesting_is_said_before_python_says_it():
    source = Source("write", ("i",))

    def deeper(levels: int) -> None:
        with source.block("if i:"):
            deeper(levels - 1) if levels else source.line("return 1")

    with pytest.raises(TooDeep):
        deeper(200)
