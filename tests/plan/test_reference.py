"""docs/plan.md says what the engine does."""

from __future__ import annotations

from pathlib import Path

import pytest

from segwright.plan.ops import Op
from segwright.plan.reference import GROUPS, REFUSED, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plan.md"


def test_the_page_is_current() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert page(written) == written, "write it anew: PYTHONPATH=engine python -m segwright.plan.reference"


def test_every_operation_has_its_place_and_its_refusals() -> None:
    shown = {kind for _, kinds in GROUPS for kind in kinds}
    assert shown == set(Op.__subclasses__())
    assert set(REFUSED) == {kind.__struct_config__.tag for kind in shown}


def test_a_page_without_a_place_for_the_operations_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        page("# The plan\n")
