"""A fleet is checked as each organisation is: on one process or several, cached or anew, findings and plans are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from segwright.orgs.load import check_together
from segwright.service import fleet, inventory
from segwright.service.cache import Cache
from segwright.service.compiling import compile_workspace
from segwright.service.fleet import FleetResult, check_fleet
from tests.bench.fleet import generate, organisation

COUNT = 9
ENGINE = Path(__file__).parents[2] / "engine"

Edit = Callable[[Path], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A fleet in which one organisation has an unknown path, one a wrong value, and one no org.yaml."""
    folder = tmp_path / "workspace"
    generate(folder, COUNT)
    replace(folder / "orgs" / organisation(3) / "ecg_result.seg", "OBX-15.2", "OBX-95")
    replace(folder / "orgs" / organisation(5) / "org.yaml", "precision: second", "precision: week")
    (folder / "orgs" / organisation(8) / "org.yaml").unlink()
    settle(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def settle(folder: Path) -> None:
    """As if every file had been written an hour ago (that it was renamed now still counts as a change)."""
    for path in folder.rglob("*"):
        os.utime(path, (1_790_000_000, 1_790_000_000))


def plans(result: FleetResult) -> dict[tuple[str, str, str], bytes | None]:
    return {
        (name, environment, message): result.plan(name, environment, message)
        for name, checked in result.organisations.items()
        for environment, messages in checked.hashes.items()
        for message in messages
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_findings_and_plans_of_a_fleet_are_those_of_the_workspace(root: Path, jobs: int) -> None:
    result = check_fleet(root, jobs=jobs)
    compiled = compile_workspace(root)
    together = check_together(each.organisation for each in compiled.organisations.values())
    assert set(result.found) == {*compiled.found, *together}
    assert {d.organisation for d in result.found if d.code in {"SW0406", "SW0723", "SW0708"}} == {
        organisation(3),
        organisation(5),
        organisation(8),
    }
    assert plans(result) == {
        (name, environment, message): each.plan_bytes
        for name, made in compiled.organisations.items()
        for environment, messages in made.messages.items()
        for message, each in messages.items()
    }
    assert result.messages == 8 * len(compiled.organisations)


def test_a_process_that_dies_leaves_its_work_to_this_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(*_: object) -> None:
        raise BrokenProcessPool

    whole = check_fleet(root, jobs=2)
    monkeypatch.setattr(fleet, "_pooled", dying)
    assert check_fleet(root, jobs=2).found == whole.found


def test_what_comes_from_the_cache_is_what_compiling_gives(root: Path, cache: Cache) -> None:
    cold = check_fleet(root, jobs=1, cache=cache)
    warm = check_fleet(root, jobs=1, cache=cache)
    assert (cold.hits, warm.hits) == (0, COUNT)
    assert warm.found == cold.found == check_fleet(root, jobs=1).found
    assert plans(warm) == plans(cold)
    assert warm.organisations == cold.organisations


def test_one_organisation_is_found_in_what_the_fleet_left(root: Path, cache: Cache) -> None:
    check_fleet(root, jobs=1, cache=cache)
    one = check_fleet(root, [organisation(3)], jobs=1, cache=cache)
    assert one.hits == 1
    assert "SW0406" in {found.code for found in one.found}
    assert list(one.sources) == [f"orgs/{organisation(3)}/ecg_result.seg"]


def _append(path: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return edit


def _swap(path: str, old: str, new: str) -> Edit:
    return lambda root: replace(root / path, old, new)


def _touch(path: str) -> Edit:
    def edit(root: Path) -> None:
        (root / path).write_text("x", encoding="utf-8")

    return edit


OWN = f"orgs/{organisation(0)}"


@pytest.mark.parametrize(
    ("edit", "compiled"),
    [
        (_swap("mappings/messages/ecg_charge.seg", 'FT1-1    = "1"', 'FT1-1        = "2"'), COUNT),
        (_swap("mappings/shared/tables.seg", '"A"', '"B"'), COUNT),
        (_swap("mappings/model.seg", "critical_high", "critical_higher"), COUNT),
        (_append("mappings/vendors/formatted_report/ecg_result.seg", "# said\n"), 2),
        (_append("orgs/schema.yaml", "\n# said\n"), COUNT),
        (_swap(f"{OWN}/org.yaml", "PULSEREAD", "PULSEREED"), 1),
        (_swap(f"{OWN}/ecg_result.seg", "ZEC-3 =", "ZEC-4 ="), 1),
        (_swap(f"{OWN}/icd10_subset.csv", "hypertension", "hypotension"), 1),
        (_touch(f"{OWN}/stray.sag"), 1),
        (_touch("orgs/stray.sag"), 0),
        (lambda root: (root / OWN / "ecg_order.seg").unlink(), 1),
        (lambda root: (root / OWN / "cases" / "one").mkdir(parents=True), 1),
    ],
    ids=[
        "base",
        "table",
        "model",
        "profile",
        "schema",
        "org.yaml",
        "overlay",
        "csv",
        "stray",
        "stray in orgs",
        "gone",
        "case",
    ],
)
def test_a_change_of_any_file_is_seen(root: Path, cache: Cache, edit: Edit, compiled: int) -> None:
    check_fleet(root, jobs=1, cache=cache)
    edit(root)
    changed = check_fleet(root, jobs=1, cache=cache)
    anew = check_fleet(root, jobs=1)
    assert changed.hits == COUNT - compiled
    assert changed.found == anew.found
    assert plans(changed) == plans(anew)


def test_a_file_of_the_same_size_and_time_is_seen_by_its_other_marks(root: Path, cache: Cache) -> None:
    check_fleet(root, jobs=1, cache=cache)
    replace(root / OWN / "org.yaml", "PULSEREAD", "PULSEREED")
    os.utime(root / OWN / "org.yaml", (1_790_000_000, 1_790_000_000))
    assert check_fleet(root, jobs=1, cache=cache).hits == COUNT - 1


def test_another_engine_compiles_anew(root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    check_fleet(root, jobs=1, cache=cache)
    monkeypatch.setattr(fleet, "engine", lambda: b"another")
    assert check_fleet(root, jobs=1, cache=cache).hits == 0


def test_the_engine_is_known_by_its_files_and_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = inventory.engine.__wrapped__()
    assert inventory.engine.__wrapped__() == before
    (tmp_path / "jinja2-9.9.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert inventory.engine.__wrapped__() != before


def test_what_changed_while_it_was_compiled_is_not_kept(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_some = fleet._Compiler.organisations

    def slowly(self: fleet._Compiler, names: list[str]) -> fleet.Compiled:
        results = compile_some(self, names)
        replace(root / OWN / "organisation.seg", "guide 0", "guide O")
        return results

    monkeypatch.setattr(fleet._Compiler, "organisations", slowly)
    check_fleet(root, [organisation(0)], jobs=1, cache=cache)
    monkeypatch.undo()
    assert check_fleet(root, [organisation(0)], jobs=1, cache=cache).hits == 0


def test_a_hit_loads_no_parser_and_no_tables(root: Path, cache: Cache) -> None:
    inventory.engine.cache_clear()
    check_fleet(root, jobs=1, cache=cache)
    code = (
        "import sys; from pathlib import Path; from segwright.service.cache import Cache;"
        "from segwright.service.fleet import check_fleet;"
        f"r = check_fleet(Path({str(root)!r}), cache=Cache(Path({str(cache.folder)!r}))); assert r.hits == {COUNT}, r.hits;"
        "print([m for m in ('lark', 'cerberus', 'ruamel', 'ruamel.yaml', 'hl7apy', 'jinja2', 'tzdata') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ENGINE)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_folder_that_is_no_workspace_is_said_to_be_none(tmp_path: Path, cache: Cache) -> None:
    result = check_fleet(tmp_path, cache=cache)
    assert not result.readable
    assert [found.code for found in result.found] == ["SW0707"]
