"""Artifacts by content: what goes in comes out, once for equal content, and never half."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from mlc.local.artifacts import Objects

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    (tmp_path / "objects").mkdir()
    return Objects(tmp_path / "objects")


def content(path: Path) -> object:
    """A file's bytes and whether it may be executed, or what is in a folder."""
    if path.is_dir():
        return {inner.name: content(inner) for inner in path.iterdir()}
    return path.read_bytes(), bool(path.stat().st_mode & 0o100)


def tree(path: Path) -> Path:
    """A folder with files of all kinds."""
    (path / "a" / "empty").mkdir(parents=True)
    (path / "a" / "data.bin").write_bytes(bytes(range(256)) * 9)
    (path / "run.sh").write_text("#!/bin/sh\n")
    (path / "run.sh").chmod(0o750)
    (path / "nothing").write_text("")
    (path / "kö 'n\n").write_text("odd name")
    (path / os.fsdecode(b"\xff")).write_text("no UTF-8")
    (path / "copy.sh").write_text("#!/bin/sh\n")
    return path


def stored(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "objects").rglob("*") if path.is_file())


def test_file(objects: Objects, tmp_path: Path) -> None:
    """A file is taken in and handed out as it was; the copy may be changed, the object may not."""
    (tmp_path / "model").write_bytes(b"\0weights" * 100_000)
    kept = objects.put(tmp_path / "model")
    assert (kept.kind, kept.size) == ("file", 800_000)
    assert not (tmp_path / "model").exists()
    assert objects.has(kept.kind, kept.digest)
    objects.copy(kept.kind, kept.digest, tmp_path / "copy")
    assert content(tmp_path / "copy") == (b"\0weights" * 100_000, False)
    (tmp_path / "copy").write_text("changed")
    [path] = stored(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert path.stat().st_size == 800_000


def test_folder(objects: Objects, tmp_path: Path) -> None:
    """A folder comes out with all names, empty folders, and what may be executed; equal files are kept once."""
    kept = objects.put(tree(tmp_path / "out"))
    assert kept.kind == "folder"
    assert kept.size == 9 * 256 + 10 + 8 + 8 + 10
    assert not (tmp_path / "out").exists()
    objects.copy(kept.kind, kept.digest, tmp_path / "copy")
    assert content(tmp_path / "copy") == content(tree(tmp_path / "again"))
    assert len(stored(tmp_path)) == 5 + 3  # of six files two are equal; three folders
    (tmp_path / "copy" / "a" / "new").write_text("a copy may be changed")


def test_equal_content(objects: Objects, tmp_path: Path) -> None:
    """The same content has the same digest, wherever and whenever it was written; another name or mode is another folder."""
    first = objects.put(tree(tmp_path / "one"))
    before = stored(tmp_path)
    assert objects.put(tree(tmp_path / "two")) == first
    assert stored(tmp_path) == before
    (tree(tmp_path / "three") / "run.sh").chmod(0o640)
    assert objects.put(tmp_path / "three").digest != first.digest
    (tree(tmp_path / "four") / "nothing").rename(tmp_path / "four" / "something")
    assert objects.put(tmp_path / "four").digest != first.digest


def test_show(objects: Objects, tmp_path: Path) -> None:
    """What is there to look at takes no room; what is at the place already stays."""
    kept = objects.put(tree(tmp_path / "out"))
    objects.show(kept.kind, kept.digest, tmp_path / "look" / "model")
    assert (tmp_path / "look" / "model" / "a" / "data.bin").stat().st_nlink == 2
    assert (tmp_path / "look" / "model" / "a" / "empty").is_dir()
    (tmp_path / "other").write_text("x")
    other = objects.put(tmp_path / "other")
    objects.show(other.kind, other.digest, tmp_path / "look" / "model")
    assert (tmp_path / "look" / "model").is_dir()
    objects.show(other.kind, other.digest, tmp_path / "look" / "file")
    assert (tmp_path / "look" / "file").read_text() == "x"
    assert not [path for path in (tmp_path / "look").iterdir() if path.name.startswith(".")]


def test_show_without_links(objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system has no hard links there is a copy to look at."""
    kept = objects.put(tree(tmp_path / "out"))

    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    objects.show(kept.kind, kept.digest, tmp_path / "look")
    assert (tmp_path / "look" / "a" / "data.bin").read_bytes() == bytes(range(256)) * 9


def test_objects_that_somebody_changed(objects: Objects, tmp_path: Path) -> None:
    """Nobody gets what is not what was stored."""
    for name, write in (("file", lambda path: path.write_text("weights")), ("folder", tree)):
        write(tmp_path / name)
        kept = objects.put(tmp_path / name)
        path = tmp_path / "objects" / kept.digest[:2] / kept.digest[2:]
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(OSError, match="is not what it was"):
            objects.copy(kept.kind, kept.digest, tmp_path / f"copy of {name}")


def test_what_is_missing(objects: Objects, tmp_path: Path) -> None:
    """An artifact is there only with everything that is in it."""
    kept = objects.put(tree(tmp_path / "out"))
    assert objects.has("folder", kept.digest)
    assert not objects.has("folder", "0" * 64)
    assert not objects.has("file", "0" * 64)
    inner = objects.put(tree(tmp_path / "out") / "a" / "data.bin")
    (tmp_path / "objects" / inner.digest[:2] / inner.digest[2:]).unlink()
    assert not objects.has("folder", kept.digest)


def test_neither_file_nor_folder(objects: Objects, tmp_path: Path) -> None:
    """Pipes and links are refused by name; nothing is waited for."""
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "pipe")
    with pytest.raises(OSError, match="out/pipe is neither a file nor a folder"):
        objects.put(tmp_path / "out")
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="link is neither a file nor a folder"):
        objects.put(tmp_path / "link")


def test_sweep(objects: Objects, tmp_path: Path) -> None:
    """What no run has goes, with what is in it; what is in another folder stays."""
    keep = objects.put(tree(tmp_path / "keep"))
    (tree(tmp_path / "lose") / "more").write_text("more")
    lose = objects.put(tmp_path / "lose")
    (tmp_path / "file").write_text("file")
    file = objects.put(tmp_path / "file")
    objects.sweep([("folder", keep.digest)])
    assert objects.has("folder", keep.digest)
    assert not objects.has("folder", lose.digest)
    assert not objects.has("file", file.digest)
    assert len(stored(tmp_path)) == 8


def test_many_at_once(objects: Objects, tmp_path: Path) -> None:
    """Threads that store equal and different artifacts at once do not hurt each other."""
    found: list[set[str]] = [set() for _ in range(8)]

    def work(number: int) -> None:
        for turn in range(20):
            path = tmp_path / f"{number}-{turn}"
            tree(path)
            (path / "turn").write_text(str(turn))
            found[number].add(objects.put(path).digest)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one == found[0] and len(one) == 20 for one in found)
    assert all(objects.has("folder", digest) for digest in found[0])
