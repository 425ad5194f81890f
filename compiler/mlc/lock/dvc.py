"""What DVC knows of a path at a commit, read from its files in the repository: no `dvc` program, and no data.

The forms are those of DVC's own schema (dvc, `dvc/schema.py`): `*.dvc` files with `outs`, and `dvc.lock` with `outs` of stages.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..reader import decode, read
from ..scalars import source_text
from .git import Repository

_HASHES = ("md5", "etag", "checksum")


@dataclass(frozen=True)
class Facts:
    """What DVC tracks: its hash with the name of the algorithm, its size in bytes and how many files; "" and -1 for what is unknown."""

    hash: str = ""
    size: int = -1
    files: int = -1


def facts(repository: Repository, commit: str, path: str) -> Facts | None:
    """The facts of a path at a commit that was fetched; None where DVC does not track it.

    Of a path inside of a folder that DVC tracks as one, the hash is that of the folder, and the rest is unknown.
    """
    found: Facts | None = None
    for place, out in _outs(repository, commit, path):
        if place == path:
            return _facts(out)
        if path.startswith(f"{place}/"):
            found = Facts(_facts(out).hash)
    return found


def _outs(repository: Repository, commit: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that DVC tracks by a file that stands beside the path or above it, with its own path."""
    folder = posixpath.dirname(path)
    while True:
        names = repository.names(commit, folder)
        for name in names:
            if name.endswith(".dvc") and name != ".dvc":
                data = _read(repository, commit, posixpath.join(folder, name))
                yield from _placed(folder, data.get("wdir"), data.get("outs"))
        if "dvc.lock" in names:
            lock = _read(repository, commit, posixpath.join(folder, "dvc.lock"))
            stages = _mapping(lock.get("stages") if "schema" in lock else lock)  # before DVC 2 there was nothing around them
            declared = _mapping(_read(repository, commit, posixpath.join(folder, "dvc.yaml")).get("stages"))
            for name, stage in stages.items():
                wdir = _mapping(declared.get(name.partition("@")[0])).get("wdir")
                yield from _placed(folder, wdir, _mapping(stage).get("outs"))
        if not folder:
            return
        folder = posixpath.dirname(folder)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _placed(folder: str, wdir: Any, outs: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for out in outs if isinstance(outs, list) else ():
        if isinstance(out, dict) and isinstance(out.get("path"), str):
            yield posixpath.normpath(posixpath.join(folder, wdir if isinstance(wdir, str) else "", out["path"])), out


def _read(repository: Repository, commit: str, path: str) -> dict[str, Any]:
    """A file of DVC as data; {} where there is none, or where it is no mapping."""
    raw = repository.blob(commit, path)
    source = decode(path, raw, []) if raw is not None else None
    document = read(source, []) if source is not None else None
    return document.data if document is not None else {}


def _facts(out: dict[str, Any]) -> Facts:
    kind = next((kind for kind in _HASHES if out.get(kind) is not None), "")
    files = out.get("files")
    if not kind and isinstance(files, list):  # a remote that keeps versions itself: each file has its own
        sizes = [one.get("size") for one in files if isinstance(one, dict)]
        return Facts("", sum(size for size in sizes if isinstance(size, int)), len(files))
    size, count = out.get("size"), out.get("nfiles")
    text = source_text(out[kind]) if kind else ""
    return Facts(f"{kind}:{text}" if kind else "", size if isinstance(size, int) else -1, count if isinstance(count, int) else -1)
