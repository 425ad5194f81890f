"""What DVC knows of a path at a commit, read from its files in the repository: no `dvc` program, and no data.

The forms are those of DVC's own schema (dvc, `dvc/schema.py`): `*.dvc` files with `outs`, and `dvc.lock` with `outs` of stages.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..reader import decode, read
from ..scalars import source_text
from .failure import Failure
from .git import Folder, Repository

Data = dict[str, Any]
"""What is in a file of DVC, or a part of it."""

_HASHES = ("md5", "etag", "checksum")


@dataclass(frozen=True)
class Facts:
    """What DVC tracks: its hash with the name of the algorithm, its size in bytes and how many files; "" and -1 for what is unknown."""

    hash: str = ""
    size: int = -1
    files: int = -1


def facts(repository: Repository, commits: Collection[str], path: str) -> dict[str, Facts]:
    """The facts of a path at those commits, of some that were fetched, at which DVC keeps it.

    Of a path inside of a folder that DVC tracks as one, the hash is that of the folder, and the rest is unknown. Raises Failure where
    git itself has the path, as it has an output of `dvc.yaml` with `cache: false`: the program that fetches refuses that, too.
    """
    found, in_git = _found(repository, commits, path)
    for commit in in_git:
        message = f"`{path}` is in git itself in `{repository.address}` at {commit[:10]}, not under DVC"
        raise Failure("MLC906", message, "say `git` instead of `dvc`")
    return found


def kept(repository: Repository, commits: Collection[str], path: str) -> dict[str, Facts]:
    """As `facts`, without the commits at which git itself has the path."""
    return _found(repository, commits, path)[0]


def _found(repository: Repository, commits: Collection[str], path: str) -> tuple[dict[str, Facts], list[str]]:
    """The facts of a path, and the commits at which git itself has it."""
    *words, last = path.split("/")
    folders = repository.folders(commits, words, lambda name: name == last or _is_of_dvc(name))
    in_git = [commit for commit, way in folders.items() if len(way) > len(words) and last in way[-1] and not _is_of_dvc(last)]
    blobs = {
        entry.object
        for way in folders.values()
        for folder in way
        for name, entry in folder.items()
        if _is_of_dvc(name) and not entry.folder
    }
    files = repository.parsed
    files.update((name, _parsed(name, content)) for name, content in repository.blobs(blobs - files.keys()).items())
    found = {
        commit: _at(path, [("/".join(words[:depth]), folder) for depth, folder in enumerate(way)], files) for commit, way in folders.items()
    }
    return {commit: known for commit, known in found.items() if known is not None and commit not in in_git}, in_git


def _is_of_dvc(name: str) -> bool:
    return (name.endswith(".dvc") and name != ".dvc") or name in ("dvc.lock", "dvc.yaml")


def _at(path: str, way: Sequence[tuple[str, Folder]], files: Mapping[str, Data]) -> Facts | None:
    """The facts of a path, from what is in the folders on the way to it, each with its own path."""
    found: Facts | None = None
    for place, out in _outs(way, files):
        if place == path:
            return _facts(out)
        if path.startswith(f"{place}/"):
            found = Facts(_facts(out).hash)
    return found


def _outs(way: Sequence[tuple[str, Folder]], files: Mapping[str, Data]) -> Iterator[tuple[str, Data]]:
    """All that DVC tracks by a file that stands beside a path or above it, with its own path."""
    for folder, entries in reversed(way):
        data = {name: files.get(entry.object, {}) for name, entry in entries.items()}
        for name, file in data.items():
            if name.endswith(".dvc"):
                yield from _placed(folder, file.get("wdir"), file.get("outs"))
        lock = data.get("dvc.lock", {})
        stages = _mapping(lock.get("stages") if "schema" in lock else lock)  # before DVC 2 there was nothing around them
        declared = _mapping(data.get("dvc.yaml", {}).get("stages"))
        for name, stage in stages.items():
            wdir = _mapping(declared.get(name.partition("@")[0])).get("wdir")
            yield from _placed(folder, wdir, _mapping(stage).get("outs"))


def _mapping(value: Any) -> Data:
    return value if isinstance(value, dict) else {}


def _placed(folder: str, wdir: Any, outs: Any) -> Iterator[tuple[str, Data]]:
    for out in outs if isinstance(outs, list) else ():
        if isinstance(out, dict) and isinstance(out.get("path"), str):
            yield posixpath.normpath(posixpath.join(folder, wdir if isinstance(wdir, str) else "", out["path"])), out


def _parsed(name: str, raw: bytes) -> Data:
    """A file of DVC as data; {} where it is no mapping."""
    source = decode(name, raw, [])
    document = read(source, []) if source is not None else None
    return document.data if document is not None else {}


def _facts(out: Data) -> Facts:
    kind = next((kind for kind in _HASHES if out.get(kind) is not None), "")
    files = out.get("files")
    if not kind and isinstance(files, list):  # a remote that keeps versions itself: each file has its own
        sizes = [one.get("size") for one in files if isinstance(one, dict)]
        return Facts("", sum(size for size in sizes if isinstance(size, int)), len(files))
    size, count = out.get("size"), out.get("nfiles")
    text = source_text(out[kind]) if kind else ""
    return Facts(f"{kind}:{text}" if kind else "", size if isinstance(size, int) else -1, count if isinstance(count, int) else -1)
