"""Artifacts by content: a file is kept under the SHA-256 of its bytes, a folder under that of a list of what is in it.

An object is complete and on the disk before it has its name, and never changes after. Files and folders of equal content are kept once.
Of a file's mode only "may be executed" is kept, and that only inside of folders; links are not.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kind = Literal["file", "folder"]

_CHUNK = 1 << 20


class Kept(NamedTuple):
    """An artifact in the store; `size` is in bytes, that of all files of a folder."""

    kind: Kind
    digest: str
    size: int


class Objects:
    """The objects of a state folder. Several threads and processes may use it at once, but for `sweep`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, path: Path) -> Kept:
        """Take a file or folder in. It is moved, so nobody else may have it, and it must lie in the same file system.

        Raises OSError, also for what is neither file nor folder inside of it.
        """
        touched: set[Path] = set()
        kept = self._put(path, path.name, touched)
        for folder in touched:
            _flush(folder)
        return kept

    def has(self, kind: Kind, digest: str) -> bool:
        """Whether an artifact is there, with all that is in it."""
        if kind == "file":
            return self._path(digest).is_file()
        try:
            return all(self.has("folder" if mode == "folder" else "file", inner) for _, mode, inner, _ in self._entries(digest))
        except (OSError, ValueError):
            return False

    def copy(self, kind: Kind, digest: str, to: Path) -> None:
        """A copy that may be changed, at a path where nothing is. Raises OSError, also where the object is not what it was."""
        if kind == "file":
            self._copy(digest, to, 0o644)
            return
        to.mkdir(parents=True)
        for name, mode, inner, _ in self._entries(digest):
            if mode == "folder":
                self.copy("folder", inner, to / name)
            else:
                self._copy(inner, to / name, 0o755 if mode == "program" else 0o644)

    def show(self, kind: Kind, digest: str, to: Path) -> None:
        """Have the artifact at a path, to look at: its files cannot be written, and take no room. Raises OSError.

        Nothing is done where something is there already.
        """
        if to.exists():
            return
        to.parent.mkdir(parents=True, exist_ok=True)
        made = to.with_name(f".{to.name}-{secrets.token_hex(4)}")
        self._show(kind, digest, made)
        try:
            made.rename(to)
        except OSError:  # somebody else was as quick
            shutil.rmtree(made, ignore_errors=True)
            if not to.exists():
                raise

    def sweep(self, keep: Iterable[tuple[Kind, str]]) -> None:
        """Remove every object but these and what is in them. No other process may put artifacts meanwhile."""
        wanted: set[str] = set()
        listed: set[str] = set()
        waiting = list(keep)
        while waiting:
            kind, digest = waiting.pop()
            wanted.add(digest)
            if kind == "folder" and digest not in listed and self._path(digest).exists():
                listed.add(digest)
                waiting.extend(("folder" if mode == "folder" else "file", inner) for _, mode, inner, _ in self._entries(digest))
        for folder in self._folder.iterdir():
            for path in folder.iterdir() if folder.is_dir() else ():
                if folder.name + path.name not in wanted:
                    path.unlink()

    # --- one by one

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    def _put(self, path: Path, shown: str, touched: set[Path]) -> Kept:
        """Take one in; `shown` is what messages call it."""
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            if not mode & 0o400:
                path.chmod(mode | 0o400)
            digest, size = _digest(path)
            self._keep(path, digest, touched)
            return Kept("file", digest, size)
        if not stat.S_ISDIR(mode):
            raise OSError(f"{shown} is neither a file nor a folder")
        path.chmod(mode | 0o700)
        entries: list[tuple[str, str, str, int]] = []
        for name in sorted(os.listdir(path)):
            inner = path / name
            program = bool(inner.lstat().st_mode & 0o100)
            kept = self._put(inner, f"{shown}/{name}", touched)
            entries.append((name, "folder" if kept.kind == "folder" else "program" if program else "file", kept.digest, kept.size))
        path.rmdir()
        text = json.dumps(entries, separators=(",", ":")).encode()
        listing = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
        listing.write_bytes(text)
        digest = hashlib.sha256(text).hexdigest()
        self._keep(listing, digest, touched)
        return Kept("folder", digest, sum(size for *_, size in entries))

    def _keep(self, path: Path, digest: str, touched: set[Path]) -> None:
        to = self._path(digest)
        if to.exists():
            path.unlink()
            return
        if to.parent not in touched:
            if not to.parent.exists():
                to.parent.mkdir(exist_ok=True)
                touched.add(self._folder)
            touched.add(to.parent)
        path.chmod(0o444)
        _flush(path)
        path.replace(to)

    def _entries(self, digest: str) -> list[tuple[str, str, str, int]]:
        text = self._path(digest).read_bytes()
        if hashlib.sha256(text).hexdigest() != digest:
            raise OSError(f"object {digest[:12]} is not what it was")
        return [(name, mode, inner, size) for name, mode, inner, size in json.loads(text)]

    def _copy(self, digest: str, to: Path, mode: int) -> None:
        found = hashlib.sha256()
        with self._path(digest).open("rb") as source, to.open("xb") as target:
            while chunk := source.read(_CHUNK):
                found.update(chunk)
                target.write(chunk)
        if found.hexdigest() != digest:
            raise OSError(f"object {digest[:12]} is not what it was: somebody wrote to {self._path(digest)}")
        to.chmod(mode)

    def _show(self, kind: str, digest: str, to: Path) -> None:
        if kind == "folder":
            to.mkdir()
            for name, mode, inner, _ in self._entries(digest):
                self._show(mode, inner, to / name)
            return
        try:
            os.link(self._path(digest), to)
        except OSError:  # a file system without hard links, or with too many of one file
            self._copy(digest, to, 0o444)


def _digest(path: Path) -> tuple[str, int]:
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
    return found.hexdigest(), size


def _flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
