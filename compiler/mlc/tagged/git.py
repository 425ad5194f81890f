# Git: as little of a repository as is needed, and names that nobody can misuse.
from __future__ import annotations

import os
import shutil

from .base import TRIES, Failed, Stop, Work, shown


class Git:
    """A clone in the folder `repo`, with as little of the history as is needed."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.path = work.sub("repo", work.big)
        web = work.given["repo"].startswith("https:")
        for name in ("git",) if web else ("git", "ssh"):
            if shutil.which(name) is None:
                raise Stop(f"the program `{name}` is not installed")
        if not web and "known_hosts" not in work.given:
            raise Stop("known_hosts is missing: without it nobody knows whether the host is the right one")
        self("init", "--quiet", ".")
        self("remote", "add", "--", "origin", work.given["repo"])

    def __call__(self, *words: str, text: str = "", tries: int = 1, extra: dict[str, str] | None = None) -> str:
        options = ("core.hooksPath=/dev/null", "gc.auto=0", "core.autocrlf=false", "credential.helper=", "advice.detachedHead=false")
        start = ["git", *(word for option in options for word in ("-c", option))]
        return self.work.run([*start, *words], "git " + words[0], self.path, text, tries, extra)

    def refs(self, *names: str) -> dict[str, str]:
        """The refs of the remote, of those asked for. `HEAD` is the name of its branch."""
        found = {}
        for line in self("ls-remote", "--symref", "--", "origin", *names, tries=TRIES).splitlines():
            value, _, name = line.partition("\t")
            if name in names and not (name == "HEAD" and "HEAD" in found):
                found[name] = value[5:] if value.startswith("ref: ") else value
        return found

    def fetch(self, *specs: str, depth: bool = True) -> None:
        """Fetch. `SOURCE:TARGET` for each."""
        self(
            "fetch",
            "--quiet",
            "--no-tags",
            *(("--depth=1",) if depth else ()),
            "--",
            "origin",
            *("+" + spec for spec in specs),
            tries=TRIES,
        )

    def commit(self, name: str) -> str:
        """The commit that a ref of ours, or an object, stands for; "" where there is none."""
        try:
            return self("rev-parse", "--verify", "--quiet", name + "^{commit}").strip()
        except Failed:
            return ""

    def blob(self, commit: str, path: str) -> str | None:
        """The text of a file at a commit."""
        try:
            return self("cat-file", "blob", f"{commit}:{path}")
        except Failed:
            return None

    def check_out(self, commit: str) -> None:
        self("checkout", "--quiet", "--force", "--detach", commit)


def check_tag(git: Git, tag: str) -> None:
    """A tag may come from a parameter: only what git itself takes as a name goes on.

    A tag called `refs/heads/main` would make every push to that branch ambiguous, for everybody.
    """
    good = 0 < len(tag) <= 200 and tag.isprintable() and not tag.startswith(("-", "refs/")) and tag not in ("HEAD", "@")
    if good:
        try:
            git("check-ref-format", "refs/tags/" + tag)
        except Failed:
            good = False
    if not good:
        raise Stop(f"`{shown(tag)}` cannot be the name of a tag")


def check_path(path: str) -> None:
    parts = path.split("/")
    if (
        not path.isprintable()
        or path.startswith("-")
        or "\\" in path
        or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
    ):
        raise Stop(f"`{shown(path)}` is not a path in a repository")


def inside(path: str, folder: str) -> bool:
    """Whether a path, its links followed, lies in a folder."""
    return os.path.commonpath((os.path.realpath(path), os.path.realpath(folder))) == os.path.realpath(folder)


def copy(source: str, target: str, top: str, above: tuple[str, ...] = ()) -> None:
    """Copy a file or a folder, links followed: they stay within `top`, and lead to no folder that they are in."""
    real = os.path.realpath(source)
    if not os.path.exists(real):
        raise Stop(f"{os.path.relpath(source, top)} is a link to nothing")
    if not inside(real, top) or ".git" in os.path.relpath(real, top).split(os.sep)[:1]:
        raise Stop(f"{os.path.relpath(source, top)} is a link that leaves the repository")
    if real in above:
        raise Stop(f"{os.path.relpath(source, top)} is a link to a folder that it lies in")
    if not os.path.isdir(real):
        shutil.copy(real, target)
        return
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(real)):
        if name != ".git":
            copy(os.path.join(real, name), os.path.join(target, name), top, (*above, real))
