"""What README.md tells a newcomer is so."""

from __future__ import annotations

import re
from importlib import import_module

from segwright.cli.main import COMMANDS
from tests.cli.conftest import ROOT, call

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_it_names_exists_and_every_command_is_named():
    named = set(re.findall(r"^(?:    |\| `)segwright ([\w-]+)", TEXT, re.MULTILINE))
    assert named == set(COMMANDS)


def _commands() -> list[list[str]]:
    """Every command, those of groups too."""
    found = []
    for name in COMMANDS:
        command = import_module(f"segwright.cli.{name.replace('-', '_')}_command").command
        found += [[name], *([name, sub] for sub in getattr(command, "commands", ()))]
    return found


def test_every_option_it_names_is_one():
    shown = "".join(call(*name, "--help").output for name in _commands())
    for option in set(re.findall(r"(--[a-z][a-z-]*)", TEXT)):
        assert option in shown, option


def test_its_overlay_compiles(workspace):
    block = re.search(r"^    (# orgs/mercy/.*?)\n\n(?=\S)", TEXT, re.MULTILINE | re.DOTALL)
    assert block is not None
    overlay = "\n".join(line[4:] for line in block[1].splitlines())
    assert "override" in overlay
    (workspace / "orgs" / "sample" / "ecg_result.seg").write_text(overlay[overlay.index("overlay") :] + "\n")
    result = call("check", "--workspace", workspace)
    assert result.exit_code == 0, result.output


def test_every_place_it_lists_is_there():
    for place in re.findall(r"^\| `([a-z/]+/)` \|", TEXT, re.MULTILINE):
        assert (ROOT / place).is_dir(), place
    for target in re.findall(r"\]\(([A-Z][A-Za-z.]+)\)", TEXT):
        assert (ROOT / target).is_file(), target


def test_every_make_target_it_names_is_one():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (\w+)", TEXT)) - {"this"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE) or re.search(
            rf"^.*\b{target}\b.*: ", makefile, re.MULTILINE
        )
