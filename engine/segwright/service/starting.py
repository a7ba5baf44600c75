"""Makes a new workspace: the shared mappings, the schema, and one sample organisation with its cases.

Takes a folder that does not exist or is empty; gives the names of the files it made. The mappings and the schema are those that
segwright ships, the sample stands beside this module. Refuses, with `NotEmpty`, a folder with anything in it, and raises OSError.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from segwright.service.review_policy import FILE

_PACKAGE: Final = Path(__file__).resolve().parents[1]
SAMPLE: Final = Path(__file__).resolve().parent / "sample"
ORGANISATION: Final = "sample"

_README: Final = """# A segwright workspace

| | |
|---|---|
| `mappings/` | what hospitals share: data model, messages, parts, formats, tables; `vendors/`: what some share |
| `orgs/schema.yaml` | every value a hospital may set |
| `orgs/<org>/` | one hospital: `org.yaml`, overlays (`*.seg`), tables (`*.csv`) and its `cases/` |
| `snapshots/<org>/` | what each case gives, byte for byte; reviewed like code |
| `review.yaml` | how many people must approve a change, by its severity |

    segwright check          every mistake in every file
    segwright test           every case against its snapshot; --update shows what changes and writes it
    segwright diff           what changes against main, for which hospitals
    segwright show ORG MESSAGE       a mapping after all its layers
    segwright why ORG MESSAGE PATH --case CASE    where a field comes from

Begin with `orgs/sample/org.yaml`.
"""
_ATTRIBUTES: Final = (
    "* text=auto eol=lf\n# Bytes that are compared as bytes.\nsnapshots/** -text\n*.hl7 -text\n"
    "# A line each, in any order: what two branches approved is approved.\norgs/*/approvals.lock merge=union\n"
)
_IGNORED: Final = "/bundles/\n"


_REVIEW: Final = """# How many people must approve a change before production runs it, by what it means for a hospital.
# A workspace may rate places of its own, and only graver than segwright does:
#   meanings:
#     ZPS-1: {severity: identity, why: "is the number of the patient at the insurer"}
approvers: {identity: 2, clinical: 2, billing: 2, delivery: 1, structure: 1, cosmetic: 1}
"""


class NotEmpty(Exception):
    """The folder holds something already."""


def template() -> Path:
    """The folder that `mappings/` and `orgs/schema.yaml` are taken from: shipped with the package, or the source tree."""
    shipped = _PACKAGE / "_template"
    return shipped if shipped.is_dir() else _PACKAGE.parents[1]


def start(folder: Path) -> list[str]:
    """Makes the workspace and gives its files, by their name in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotEmpty
    folder.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*~")
    shutil.copytree(template() / "mappings", folder / "mappings", ignore=ignored)
    shutil.copytree(SAMPLE, folder / "orgs" / ORGANISATION, ignore=ignored)
    shutil.copyfile(template() / "orgs" / "schema.yaml", folder / "orgs" / "schema.yaml")
    for name, text in (
        ("README.md", _README),
        (".gitattributes", _ATTRIBUTES),
        (".gitignore", _IGNORED),
        (FILE, _REVIEW),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
