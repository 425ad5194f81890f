# Checks out a version of a dataset, or of the project's code. Another part takes from there what is wanted.
from __future__ import annotations

import re
from collections.abc import Callable

from .base import Failed, Stop, Work, say, shown, size_of
from .git import Git, check_path, check_tag


def fetch(work: Work, get: Callable[[Git, str, str, str], None]) -> None:
    git = Git(work)
    commit, version = check_out(git)
    where = "{} at {}".format(work.given["repo"], version)
    path = work.given.get("path", "")
    if path:
        check_path(path)
    work.deliver(commit, lambda out: get(git, path, out, where))
    known = version if version.endswith(commit) else f"{version} is commit {commit}"
    say(work, f"{known}: {size_of(work.given['out'])}")


def check_out(git: Git) -> tuple[str, str]:
    """Check out the version that is asked for: its commit, and how to name it."""
    given = git.work.given
    if "tag" in given:
        check_tag(git, given["tag"])
        return by_name(git, given["tag"], ("refs/tags/",), "tag"), "tag " + given["tag"]
    if "ref" in given:
        check_tag(git, given["ref"])
        if not re.fullmatch("[0-9a-f]{7,64}", given["ref"]) or git.refs(*(kind + given["ref"] for kind in ("refs/tags/", "refs/heads/"))):
            return by_name(git, given["ref"], ("refs/tags/", "refs/heads/"), "tag or branch"), given["ref"]
    return by_commit(git, given.get("rev") or given["ref"]), "commit " + (given.get("rev") or given["ref"])


def by_name(git: Git, name: str, kinds: tuple[str, ...], what: str) -> str:
    repo = git.work.given["repo"]
    found = git.refs(*(kind + name for kind in kinds))
    for kind in kinds:
        if kind + name in found:
            git.fetch(f"{kind}{name}:refs/x/here")
            git.check_out("refs/x/here")
            return git.commit("HEAD")
    tags = sorted(line.partition("refs/tags/")[2] for line in git("ls-remote", "--refs", "--tags", "--", "origin").splitlines())
    there = "it has {}".format(", ".join(tags[-10:])) if tags else "it has none"
    raise Stop(f"there is no {what} `{shown(name)}` in {repo}: {there}")


def by_commit(git: Git, rev: str) -> str:
    """Many servers give a commit by its full name; where that fails, or for a short one, the whole history is searched."""
    if not re.fullmatch("[0-9a-f]{7,64}", rev):
        raise Stop(f"`{shown(rev)}` is not a commit")
    if len(rev) in (40, 64):
        try:
            git.fetch(rev + ":refs/x/here")
        except Failed as failed:
            if not re.search("not our ref|remote ref|unadvertised|not allow", failed.output):
                raise
    if not git.commit("refs/x/here"):
        git.fetch("refs/heads/*:refs/x/heads/*", "refs/tags/*:refs/x/tags/*", depth=False)
    commit = git.commit(rev)
    if not commit.startswith(rev):
        raise Stop("there is no commit {} in {}".format(rev, git.work.given["repo"]))
    git.check_out(commit)
    return commit
