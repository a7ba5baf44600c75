"""A rule is lowered once for all organisations only where it comes out the same, and everything that it depends on is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segwright.core.source import Span
from segwright.lang import remembered
from segwright.lang.context import Context
from segwright.lang.remembered import Memory, _Watched
from segwright.lang.scope import EMPTY
from segwright.orgs.workspace import read_workspace
from segwright.profiles import profile
from segwright.service.compiling import Shared
from tests.bench.fleet import generate

PLACE = Span("x.seg", 0, 1)


class Settings:
    """An organisation that says little."""

    id = "mercy"

    def limit(self, place: str) -> tuple[str, int] | None:
        return ("cut", 20) if place == "HD.1" else None


@pytest.fixture
def ctx() -> Context:
    return Context(EMPTY, Settings(), profile("2.5.1"), "writes", "m")  # type: ignore[arg-type]


def test_what_is_read_and_done_is_written_down(ctx: Context) -> None:
    watched = _Watched(ctx)
    assert watched.function("text/text@1") == 0
    assert watched.pattern("[0-9]+") == 0
    assert watched.slot(2) == 0
    assert watched.settings.limit("HD.1") == ("cut", 20)
    assert watched.scope.formats.get(("cx", "as")) is None
    assert ("SW0411", "PID-3") not in watched.allowed
    watched.used_formats.add(("cx", "as"))
    assert not watched.lost
    field = watched.field(None, 0)  # type: ignore[arg-type]
    assert (field.taken, field.functions, field.patterns) == (2, (("text/text@1", 0),), (("[0-9]+", 0),))
    assert (ctx.slots, ctx.functions, ctx.used_formats) == (2, ["text/text@1"], {("cx", "as")})


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.found,
        lambda c: c.message,
        lambda c: c.loop_sources,
        lambda c: c.settings.keys,
        lambda c: list(c.scope.formats),
        lambda c: len(c.scope.tables),
        lambda c: c.scope.narratives,
        lambda c: list(c.allowed),
        lambda c: list(c.used_allows),
        lambda c: setattr(c, "asks_previous", True),
        lambda c: c.report("SW0301", PLACE, name="x"),
    ],
    ids=["found", "message", "loops", "keys", "formats", "tables", "narratives", "allows", "used", "set", "report"],
)
def test_anything_else_is_done_and_not_remembered(ctx: Context, use: Any) -> None:
    ctx.settings.keys = frozenset  # type: ignore[method-assign]
    watched = _Watched(ctx)
    use(watched)
    assert watched.lost


def test_what_is_set_is_set_on_the_context_itself(ctx: Context) -> None:
    _Watched(ctx).asks_previous = True
    assert ctx.asks_previous


def test_an_attribute_that_is_new_is_not_remembered(ctx: Context) -> None:
    ctx.invented = 7  # type: ignore[attr-defined]
    watched = _Watched(ctx)
    assert watched.invented == 7
    assert watched.lost


def test_hospitals_share_what_comes_out_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path / "w", 24)
    workspace, _ = read_workspace(tmp_path / "w")
    assert workspace is not None
    again: list[object] = []
    monkeypatch.setattr(remembered, "_done_again", _counting(remembered._done_again, again))
    plans = []
    for memory in (None, Memory()):
        shared = Shared(workspace, memory)
        made = [shared.compile(files)[0] for _, files in sorted(workspace.organisations.items())]
        plans.append([each.plan_bytes for organisation in made if organisation for each in organisation.compiled])
    assert plans[0] == plans[1]
    assert len(again) > 1000


def _counting(function: Any, calls: list[object]) -> Any:
    def counted(*given: object) -> None:
        calls.append(given)
        function(*given)

    return counted
