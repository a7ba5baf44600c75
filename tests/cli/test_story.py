"""`make demo` tells the whole story, and the ledger and the hospitals' files agree in the end."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.cli.conftest import ROOT


def test_the_story_is_told_and_the_accounts_agree():
    done = subprocess.run(
        [sys.executable, str(ROOT / "demo" / "story.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Both agree: nothing lost, nothing filed twice." in done.stdout
    accounts = done.stdout.partition("━━ The accounts")[2]
    for org in ("larkspur", "northgate", "stbrigid", "tamarack"):
        assert f" {org} " in accounts
    assert "repeated: ORU^R01 preliminary" in done.stdout  # the lost acknowledgement
    assert "duplicate" in done.stdout  # the second pathway
