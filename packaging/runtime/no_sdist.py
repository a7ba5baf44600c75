"""Refuses a source distribution of the runtime: its sources are those of segwright, whose sdist holds this folder."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NoSdist(BuildHookInterface):  # type: ignore[type-arg]
    """Stops the build before anything is written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Always fails; `version` and `build_data` are hatchling's."""
        raise RuntimeError("segwright-runtime is built as a wheel only: python -m build --wheel packaging/runtime")
