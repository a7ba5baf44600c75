"""The examples of codes that are about files, documents, messages, cases and commands: each is run, wrong and put right.

What they print stands in one Markdown file for each code, which the code's page shows. `pytest --snapshot-update` writes them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segwright.core import prose
from tests.cli.conftest import call
from tests.findings.examples import HERE, examples, written
from tests.lang.contrasting import CONFIGURATION
from tests.lang.test_diagnostics import EXAMPLES as LANGUAGE

EXAMPLES = examples()


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> Path:
    """What `segwright init` makes; no test changes it."""
    folder = tmp_path_factory.mktemp("good") / "workspace"
    assert call("init", folder).exit_code == 0
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _seen_from_the_workspace(tmp_path, cache, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code)
def test_an_example_tells_its_code_and_put_right_it_does_not(example, good, tmp_path, request):
    title = prose.catalogue()[example.code].title
    text, wrong, right = written(example.code, good, tmp_path / "workspace", title)
    assert f"[{example.code}]" in wrong, wrong
    assert f"[{example.code}]" not in right, right
    assert not re.search(r"Traceback|``|\bNone\b|Errno", wrong), wrong
    path = HERE / f"{example.code}.md"
    if request.config.getoption("update_snapshots", default=False):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_every_code_has_one_failing_example_that_is_run():
    """Of syntax it is the contrast itself, of configuration too; of the language it stands in tests/lang/diagnostics."""
    here = [example.code for example in EXAMPLES]
    language = {path.stem[:6] for path in LANGUAGE}
    syntax = {code for code in prose.catalogue() if code.startswith("SW01")}
    assert here == sorted(set(here))
    assert sorted(set(prose.catalogue()) - {*here, *language, *syntax, *CONFIGURATION}) == []
    assert {path.stem for path in HERE.glob("SW*.md")} == set(here)
