"""Exports outside the data folder that still name people; they are not Heedful's to change."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from mmap import mmap

    from heedful.project.project import Project

LONGEST_SCAN = 20_000_000_000
"""Bytes of exports, times ids, that are searched before it is left to the reader."""


def naming(project: Project, ids: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """Files of sources that hold one of some ids.

    Args:
        project: The project.
        ids: The ids; short ones stand for too much else to be searched.

    Returns:
        The files, and whether some were not looked into: compressed, too many, or in a database.
    """
    from mmap import ACCESS_READ, mmap

    from heedful.ledger.mentions import short

    names = [one.encode() for one in ids if not short(one)]
    remote = any(source.remote for source in project.definitions.sources.values())
    found, unseen, looked = [], remote or len(names) < len(ids), 0
    for path in _files(project):
        size = path.stat().st_size
        looked += size * len(names)
        if looked > LONGEST_SCAN or path.suffix in {".gz", ".zip", ".xlsx", ".parquet"}:
            unseen = True
        elif size:
            with (
                path.open("rb") as file,
                mmap(file.fileno(), 0, access=ACCESS_READ) as text,
            ):
                if any(_holds(text, name) for name in names):
                    found.append(str(path))
    return tuple(found), unseen


def _files(project: Project) -> list[Path]:
    import glob

    root = project.root
    found = set()
    for source in project.definitions.sources.values():
        for globs in source.globs.values():
            for one in globs:
                found |= {
                    (root / name).resolve()
                    for name in glob.glob(one, root_dir=root, recursive=True)  # noqa: PTH207 - an absolute or parent pattern is allowed
                }
    return sorted(path for path in found if path.is_file())


def _shown(path: Path, root: Path) -> str:
    """A file as people at the project know it."""
    return os.path.relpath(path, root)


def _holds(text: mmap, name: bytes) -> bool:
    """Whether a file holds a name as a word of its own."""
    at = text.find(name)
    while at >= 0:
        around = text[max(0, at - 1) : at] + text[at + len(name) : at + len(name) + 1]
        if not any(chr(byte).isalnum() or byte == ord("_") for byte in around):
            return True
        at = text.find(name, at + 1)
    return False
