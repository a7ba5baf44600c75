"""The workspace as it was: at a revision of git, or in another folder.

Takes the folder of a workspace and how a person names what to compare it with; gives a folder that holds the workspace as it was
there, to be read and compiled like any other. Names inside of it are those of today's workspace. Refuses, with `NoSuchBase` and a
sentence for people: a name that is neither a revision nor a folder, a revision at which there was no workspace.

Git's own objects are read, never its working tree: nothing is checked out, no filter, hook or attribute has a say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

FOLDERS: Final = ("mappings", "orgs", "snapshots")
"""What of a revision belongs to a workspace."""

POLICY: Final = "review.yaml"
"""What lies beside them and decides how many must approve."""

_LINK: Final = "120000"
_FILES: Final = ("100644", "100755", _LINK)


class NoSuchBase(Exception):
    """There is nothing to compare with. Its text is a sentence that says why and what to do."""


@contextmanager
def workspace_at(root: Path, base: str) -> Iterator[Path]:
    """The folder of the workspace `root` as it was at `base`, for as long as the context is open.

    `base` is a revision (`main`, `HEAD~3`, a tag, a hash), or a folder with a workspace, used as it is. What begins with `.` or
    `/` or ends with `/` is a folder; anything else is a revision if git knows it, then a folder. Raises `NoSuchBase`, OSError.
    """
    if not base:
        raise NoSuchBase("What to compare with has no name.")
    if base.startswith((".", os.sep)) or base.endswith(os.sep):
        yield _folder(base)
        return
    commit = _commit(root, base)
    if not commit:
        yield _folder(base, why=_no_revision(root, base))
        return
    with tempfile.TemporaryDirectory(prefix="segwright-base-") as temporary:
        made = Path(temporary)
        _extract(root, commit, made)
        if not _is_workspace(made):
            raise NoSuchBase(
                f"At {base} there was no workspace in this folder: no `mappings/` with an `orgs/` beside it."
            )
        yield made


MAIN: Final = ("main", "master", "trunk")
"""What the branch is called that changes are merged into."""


def merge_base(root: Path) -> str:
    """The revision where the present branch left main. Raises `NoSuchBase` when that cannot be told."""
    why = _no_repository(root)
    if why:
        raise NoSuchBase(f"There is nothing to compare with: {why}. {_NAME_ONE}")
    if not git(root, "rev-parse", "--verify", "--quiet", "HEAD"):
        raise NoSuchBase("Nothing is committed here yet: there is nothing to compare with. Name a folder.")
    names = [f"{where}{main}" for main in MAIN for where in ("origin/", "")]
    there = [name for name in names if _commit(root, name)]
    for name in there:
        found = git(root, "merge-base", "HEAD", name)
        if found:
            return found[:12]
    if _shallow(root):
        raise NoSuchBase(
            "This clone is shallow, and where the branch left main is not in it: `git fetch --unshallow origin main:main`, "
            "or in CI fetch all of the history."
        )
    if there:
        raise NoSuchBase(f"This branch and {there[0]} have no common history. {_NAME_ONE}")
    raise NoSuchBase(f"There is no branch called main here, nor at origin: what to compare with? {_NAME_ONE}")


_NAME_ONE: Final = "Name a revision or a folder: `segwright diff HEAD~1`."


def _no_repository(root: Path) -> str:
    """Why nothing can be asked of git here; "" when it can."""
    if shutil.which("git") is None:
        return "git is not installed"
    asked = _git(root, "rev-parse", "--git-dir")
    if not asked.failed:
        return ""
    if "not a git repository" in asked.said:
        return f"{root} is not in a git repository"
    reason = asked.said.splitlines()[0].removeprefix("fatal: ") if asked.said else "no reason given"
    return f"git does not read the repository here ({reason})"


def _shallow(root: Path) -> bool:
    return git(root, "rev-parse", "--is-shallow-repository") == "true"


def _folder(base: str, why: str = "") -> Path:
    folder = Path(base).expanduser()
    if not folder.is_dir():
        raise NoSuchBase(why or f"There is no folder {base}.")
    if not _is_workspace(folder):
        said = f"The folder {base} holds no workspace: it has no `mappings/` with an `orgs/` beside it."
        if (folder / "bundles").is_dir() or any(folder.glob("*/*/manifest.json")):
            said += " What was compiled is compared by its revision, or as `approved`."
        raise NoSuchBase(said)
    return folder


def _is_workspace(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in ("mappings", "orgs"))


def _no_revision(root: Path, base: str) -> str:
    """Why a name that is no folder is no revision either."""
    why = _no_repository(root)
    if why:
        return f"{base} is no folder, and whether it is a revision cannot be told: {why}."
    if _shallow(root):
        return (
            f"{base} is neither a folder nor a revision that git knows here. This clone is shallow: `git fetch --unshallow` "
            "gets the rest of its history."
        )
    return f"{base} is neither a revision that git knows here nor a folder; `git log --oneline` lists revisions."


def _commit(root: Path, base: str) -> str:
    """The hash of the commit that a name stands for; "" when it is none."""
    if shutil.which("git") is None:
        return ""
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    return "" if found.failed else found.output.decode().strip()


class _Entry(NamedTuple):
    """A file of a tree: its mode, the name of its content, its path below the workspace."""

    mode: str
    blob: str
    path: PurePosixPath


def _extract(root: Path, commit: str, into: Path) -> None:
    """Writes the files of the workspace at a commit. Links stay links: the reader of workspaces judges where they lead."""
    entries = _entries(root, commit)
    for entry, content in zip(entries, _contents(root, entries), strict=True):
        place = into.joinpath(*entry.path.parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == _LINK:
            place.symlink_to(os.fsdecode(content))
        else:
            place.write_bytes(content)


def _entries(root: Path, commit: str) -> list[_Entry]:
    # `ls-tree` lists below the folder that git is called in, by names relative to it.
    listing = _git(root, "ls-tree", "-r", "-z", commit, "--", *(f"{name}/" for name in FOLDERS))
    entries = []
    for line in listing.needed().split(b"\0")[:-1]:
        head, _, name = line.partition(b"\t")
        mode, _, blob = head.decode().split(" ")
        path = PurePosixPath(os.fsdecode(name))
        # Git makes no such names; a repository made by hand could, and would write anywhere.
        if mode in _FILES and not path.is_absolute() and ".." not in path.parts:
            entries.append(_Entry(mode, blob, path))
    return entries


def _contents(root: Path, entries: list[_Entry]) -> Iterator[bytes]:
    """The content of each file, read by one process."""
    asked = "".join(f"{entry.blob}\n" for entry in entries).encode()
    answer = memoryview(_git(root, "cat-file", "--batch", given=asked).needed())
    at = 0
    for _ in entries:
        end = at + bytes(answer[at : at + 200]).index(b"\n")
        size = int(bytes(answer[at:end]).split(b" ")[2])
        yield bytes(answer[end + 1 : end + 1 + size])
        at = end + 1 + size + 1


def revision_of(root: Path) -> tuple[str, bool]:
    """The commit that the workspace is at, and whether its files are those of the commit, locks aside."""
    commit = git(root, "rev-parse", "HEAD")
    changed = git(root, "status", "--porcelain", "--", *FOLDERS[:2], POLICY, ":(exclude)orgs/*/approvals.lock")
    return commit, bool(commit) and not changed


def committed(root: Path) -> str:
    """The commit whose files the workspace has; "" when it has others, or nobody knows."""
    commit, clean = revision_of(root)
    return commit if clean else ""


def git(root: Path, *arguments: str) -> str:
    """What a call of git prints; "" when it fails, or there is no git."""
    if shutil.which("git") is None:
        return ""
    ran = _git(root, *arguments)
    return "" if ran.failed else ran.output.decode("utf-8", "replace").strip()


class _Ran(NamedTuple):
    """What a call of git gave."""

    failed: bool
    output: bytes
    said: str

    def needed(self) -> bytes:
        """The output of a call that should not fail. Raises OSError with what git said."""
        if self.failed:
            raise OSError(f"git cannot read the repository: {self.said}")
        return self.output


def _git(root: Path, *arguments: str, given: bytes = b"") -> _Ran:
    # core.fsmonitor and the like may name programs that a repository would have us run.
    call = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C", str(root), *arguments]
    done = subprocess.run(call, input=given, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return _Ran(done.returncode != 0, done.stdout, done.stderr.decode("utf-8", "replace").strip())
