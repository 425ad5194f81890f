# Fetches what DVC keeps for a version of the repository.
from __future__ import annotations

import os
import re
import shutil

from .base import Failed, Stop, main
from .checkout import fetch
from .dvc import Dvc
from .git import Git, inside


def pull(git: Git, path: str, out: str, where: str) -> None:
    """Pull one path from the remote, and move it to its place."""
    dvc = Dvc(git, path, where)
    source = os.path.join(git.path, path)
    if os.path.lexists(source) and git("ls-files", "--", ":(literal)" + path):
        raise Stop(f"`{path}` is in git itself in {where}, not under DVC: say `git` instead of `dvc`")
    dvc.set_up()
    try:
        dvc("pull", "--remote", dvc.remote, "--", dvc.target, tries=3)
    except Failed as failed:
        if not str(failed).startswith("dvc pull failed"):
            raise
        if re.search("does not exist as an output|[Nn]o such file or directory: .*\\.dvc|Unable to find", failed.output):
            raise Failed(f"`{path}` is not under DVC in {where}", failed.output) from None
        if re.search("[Mm]issing cache|neither locally nor on remote|Checkout failed|failed to pull data", failed.output):
            raise Failed(f"the data of `{path}` in {where} is not in the remote `{dvc.remote}`", failed.output) from None
        raise
    if not os.path.exists(source) or not inside(source, git.path):
        raise Stop(f"dvc gave no `{path}` in {where}")
    shutil.move(source, out)
    for folder, _, names in os.walk(out):
        for name in names:
            writable(os.path.join(folder, name))
    writable(out)


def writable(path: str) -> None:
    """DVC protects its files, which are links into its cache. Here the cache is gone, and the data is the step's own."""
    if not os.path.islink(path):
        os.chmod(path, os.stat(path).st_mode | 0o600)


if __name__ == "__main__":
    main(lambda work: fetch(work, pull))
