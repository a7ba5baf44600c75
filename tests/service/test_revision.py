"""The workspace as it was: from git without touching the working tree, or from a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from segwright.orgs.workspace import read_workspace
from segwright.service.revision import NoSuchBase, merge_base, workspace_at


def git(folder: Path, *arguments: str) -> str:
    identity = (
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b.example",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.autocrlf=false",
    )
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, workspace: Path) -> Path:
    """The sample workspace two folders deep in a repository, committed as `first` and changed since."""
    top = tmp_path / "repository"
    deep = top / "interfaces" / "ours"
    deep.parent.mkdir(parents=True)
    workspace.rename(deep)
    (top / "README.md").write_text("not part of it")
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    git(top, "tag", "first")
    return deep


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("mappings", "orgs", "snapshots")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def test_a_revision_is_the_workspace_as_it_was_committed(repository: Path) -> None:
    before = contents(repository)
    (repository / "mappings" / "model.seg").write_text("# emptied\n")
    (repository / "orgs" / "new.txt").write_text("not committed")
    for base in ("first", "HEAD", "main", "main~0", git(repository, "rev-parse", "HEAD")[:10]):
        with workspace_at(repository, base) as folder:
            assert contents(folder) == before
            assert {path.name for path in folder.iterdir()} <= {"mappings", "orgs", "snapshots"}
            found, problems = read_workspace(folder)
        assert found is not None
        assert problems == []
        assert not folder.exists()
    assert (repository / "mappings" / "model.seg").read_text() == "# emptied\n"


def test_bytes_are_those_of_the_commit_whatever_attributes_say(repository: Path) -> None:
    order = next(repository.glob("orgs/*/cases/*/order.hl7"))
    (repository.parent.parent / ".gitattributes").write_text("*.hl7 text eol=crlf export-ignore ident export-subst\n")
    order.write_bytes(b"MSH|^~\\&|$Id$\r\n$Format:%H$\r")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    committed = subprocess.run(
        ["git", "-C", str(repository), "cat-file", "blob", f"HEAD:./{order.relative_to(repository)}"],
        check=True,
        capture_output=True,
    ).stdout
    with workspace_at(repository, "HEAD") as folder:
        assert (folder / order.relative_to(repository)).read_bytes() == committed


def test_a_file_may_be_empty_and_its_name_may_be_anything(repository: Path) -> None:
    odd = repository / "mappings" / 'a "b"\nü .txt'
    odd.write_bytes(b"")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "odd")
    with workspace_at(repository, "HEAD") as folder:
        assert (folder / "mappings" / odd.name).read_bytes() == b""


def test_a_link_stays_a_link_and_is_judged_by_the_reader(repository: Path) -> None:
    (repository / "mappings" / "away.seg").symlink_to("/etc/passwd")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "away")
    with workspace_at(repository, "HEAD") as folder:
        _, problems = read_workspace(folder)
    assert [problem.code for problem in problems] == ["SW0706"]


def test_a_folder_is_used_as_it_is(repository: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with workspace_at(repository, str(made)) as folder:
        assert folder == made
    assert made.is_dir()
    monkeypatch.chdir(made.parent)
    for base in (f"./{made.name}", f"{made.name}/", made.name):
        with workspace_at(repository, base) as folder:
            assert folder.resolve() == made.resolve()


def test_a_name_that_is_both_is_the_revision_unless_it_is_written_as_a_folder(
    repository: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "branch", made.name)
    monkeypatch.chdir(made.parent)
    with workspace_at(repository, made.name) as folder:
        assert folder.resolve() != made.resolve()
    with workspace_at(repository, f"./{made.name}") as folder:
        assert folder.resolve() == made.resolve()


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("", "has no name"),
        ("mian", "neither a revision that git knows here nor a folder"),
        ("--output=x", "neither a revision"),
        ("HEAD:README.md", "neither a revision"),
        ("./nowhere", "There is no folder ./nowhere"),
        ("/", "The folder / holds no workspace"),
    ],
)
def test_what_is_neither_is_refused_with_what_to_do(repository: Path, base: str, said: str) -> None:
    with pytest.raises(NoSuchBase, match=said), workspace_at(repository, base):
        pass


def test_a_revision_without_a_workspace_is_refused(repository: Path) -> None:
    git(repository, "rm", "-rqf", "mappings")
    git(repository, "commit", "-qm", "gone")
    with pytest.raises(NoSuchBase, match="At HEAD there was no workspace"), workspace_at(repository, "HEAD"):
        pass


def test_outside_of_git_only_folders_can_be_named(workspace: Path) -> None:
    with pytest.raises(NoSuchBase, match="not in a git repository"), workspace_at(workspace, "main"):
        pass


def test_without_git_it_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoSuchBase, match="git is not installed"), workspace_at(repository, "main"):
        pass


# --- where the branch left main --------------------------------------------------------------------------------------------


def test_the_base_is_where_the_branch_left_main_from_whatever_folder_and_state(repository: Path) -> None:
    start = git(repository, "rev-parse", "HEAD").strip()[:12]
    assert merge_base(repository) == start, "on main itself: what is committed"
    git(repository, "checkout", "-qb", "change")
    (repository / "mappings" / "new.seg").write_text("# new\n")
    assert merge_base(repository) == start
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "a change")
    git(repository, "checkout", "-q", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "main went on")
    git(repository, "checkout", "-q", "change")
    assert merge_base(repository) == start, "what main got since is no change of this branch"
    assert merge_base(repository / "orgs") == start
    git(repository, "checkout", "-q", "--detach")
    assert merge_base(repository) == start


def test_without_a_place_where_it_left_main_it_says_why_and_what_to_do(repository: Path, tmp_path: Path) -> None:
    def why(root: Path) -> str:
        with pytest.raises(NoSuchBase) as refused:
            merge_base(root)
        return str(refused.value)

    shallow = tmp_path / "shallow"
    git(repository, "checkout", "-qb", "change")
    git(repository, "commit", "-q", "--allow-empty", "-m", "a change")
    top = Path(git(repository, "rev-parse", "--show-toplevel"))
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "change", top.as_uri(), str(shallow))
    assert "This clone is shallow" in why(shallow)
    with pytest.raises(NoSuchBase, match="This clone is shallow"), workspace_at(shallow, "HEAD~1"):
        pass
    git(repository, "branch", "-m", "main", "other")
    assert "no branch called main here" in why(repository)
    git(repository, "checkout", "-q", "--orphan", "main")
    git(repository, "commit", "-qm", "another beginning")
    git(repository, "checkout", "-q", "change")
    assert "no common history" in why(repository)
    unborn = tmp_path / "unborn"
    unborn.mkdir()
    assert "is not in a git repository" in why(unborn)
    git(unborn, "init", "-q", "-b", "main")
    assert "Nothing is committed here yet" in why(unborn)


def test_a_folder_of_what_was_compiled_is_told_as_that(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "made" / "bundles").mkdir(parents=True)
    with pytest.raises(NoSuchBase, match="or as `approved`"), workspace_at(repository, str(tmp_path / "made")):
        pass
