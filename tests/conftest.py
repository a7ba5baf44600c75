"""Options of the whole test run, and what its packages share: made once in each process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import server

ROOT = Path(__file__).resolve().parents[1]

NO_CORPUS = "reads real messages of others, which are no part of this repository: run pytest --corpus DIR"


def pytest_addoption(parser):
    parser.addoption("--corpus", metavar="DIR", help="folder of real HL7 messages that the reader has to take")


@pytest.fixture(scope="session")
def corpus(request) -> list[Path]:
    """Every message file below the folder given by --corpus."""
    folder = request.config.getoption("--corpus")
    if not folder:
        pytest.skip(NO_CORPUS)
    files = sorted(Path(folder).rglob("*.hl7"))
    if not files:
        pytest.fail(f"no *.hl7 file is below {folder}")
    return files


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> Path:
    """A folder with the bundles of every reference hospital in each environment."""
    from segwright.service.bundling import write_bundles
    from segwright.service.compiling import compile_workspace

    folder = Path(tmp_path_factory.mktemp("bundles"))
    compiled = compile_workspace(ROOT)
    for organisation in compiled.organisations.values():
        write_bundles(folder, organisation, compiled.sources)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server, to make databases on."""
    with server() as url:
        yield url


def pytest_terminal_summary(terminalreporter):
    """One line that says what the corpus gave, or how to run it."""
    stats = terminalreporter.stats
    left_out = [report for report in stats.get("skipped", []) if NO_CORPUS in str(report.longrepr)]
    if left_out:
        terminalreporter.write_line(f"corpus: {len(left_out)} tests not run: each {NO_CORPUS}", yellow=True)
    for report in stats.get("passed", []):
        for name, line in report.user_properties:
            if name == "corpus" and report.when == "call":
                terminalreporter.write_line(f"corpus: {line}")
