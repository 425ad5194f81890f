# Fetches what git itself holds: a path of the repository, or all of it.
from __future__ import annotations

import os

from .base import Stop, main, say
from .checkout import fetch
from .git import Git, copy


def take(git: Git, path: str, out: str, where: str) -> None:
    """Copy what git itself holds."""
    source = os.path.join(git.path, path) if path else git.path
    if not os.path.lexists(source):
        raise Stop(f"there is no `{path}` in {where}")
    copy(source, out, git.path)
    for folder, _, names in os.walk(out) if path else ():
        for name in names:
            pointer(os.path.join(folder, name), where)
    if os.path.isfile(out):
        pointer(out, where)
    if os.path.exists(os.path.join(git.path, ".gitmodules")):
        say(git.work, "submodules are not fetched")


def pointer(path: str, where: str) -> None:
    if os.path.getsize(path) < 1024:
        with open(path, "rb") as file:
            if file.read(40).startswith(b"version https://git-lfs.github.com/spec/"):
                raise Stop(f"`{os.path.basename(path)}` in {where} is kept with Git LFS, which is not fetched")


if __name__ == "__main__":
    main(lambda work: fetch(work, take))
