# DVC: in the folder of the repository that has the data.
from __future__ import annotations

import os
import re
import sys

from .base import Failed, Stop, shown
from .git import Git, inside

LAUNCHER = """\
import sys
try:
    import asyncssh
except ImportError:
    pass
else:
    connect = asyncssh.connect
    def strict(*words, **options):
        # Without this, DVC takes any host for the right one: sshfs says `known_hosts=None` (sshfs/spec.py).
        options.update(known_hosts=KNOWN, agent_path=None, agent_forwarding=False)
        return connect(*words, **options)
    asyncssh.connect = strict
from dvc.cli import main
sys.exit(main(sys.argv[1:]))
"""


class Dvc:
    """DVC in the clone: the folder that has the `.dvc` of a path, which may be any folder above it (`dvc init --subdir`)."""

    def __init__(self, git: Git, path: str, where: str) -> None:
        self.git, self.work = git, git.work
        parts = path.split("/")
        roots = ["/".join(parts[:count]) for count in range(len(parts) - 1, -1, -1)]
        found = [root for root in roots if os.path.isdir(os.path.join(git.path, root, ".dvc"))]
        if not found:
            raise Stop(f"there is no .dvc folder beside or above `{path}` in {where}: run `dvc init` there")
        self.root = found[0]
        self.top = os.path.join(git.path, self.root)
        self.target = path[len(self.root) + 1 :] if self.root else path
        if not inside(os.path.join(git.path, os.path.dirname(path)), git.path) or not inside(os.path.join(self.top, ".dvc"), git.path):
            raise Stop(f"`{path}` leads out of the repository in {where}")
        self.work.sub("start")  # a folder with nothing else in it: Python looks for modules there first
        self.launcher = self.work.write("start/dvc-main", LAUNCHER.replace("KNOWN", repr(self.work.known_hosts)))
        self.remote = ""

    def __call__(self, *words: str, tries: int = 1) -> str:
        try:
            return self.work.run([sys.executable, self.launcher, *words], "dvc " + words[0], self.top, "", tries)
        except Failed as failed:
            if "No module named 'dvc'" in failed.output:
                raise Stop(f"DVC is not installed: {sys.executable} has no module `dvc`") from None
            raise

    def remotes(self) -> dict[str, str]:
        """The remotes of `.dvc/config` and their addresses; `remote` becomes the default one."""
        found = {}  # type: dict[str, str]
        section, self.remote = "", ""
        with open(os.path.join(self.top, ".dvc", "config"), encoding="utf-8") as file:
            for line in file:
                head = re.match("\\s*\\[(.*)\\]\\s*$", line)
                pair = re.match("\\s*(url|remote)\\s*=\\s*(.*?)\\s*$", line)
                if head:
                    section = head.group(1).strip().strip("'")
                elif pair and pair.group(1) == "url" and section.startswith("remote "):
                    found[section[len("remote ") :].strip().strip('"')] = pair.group(2).strip("'\"")
                elif pair and pair.group(1) == "remote" and section == "core":
                    self.remote = pair.group(2).strip("'\"")
        return found

    def set_up(self) -> None:
        """Settings of this clone alone: where to keep things, whose key, and that what comes is what it says that it is."""
        local = os.path.join(self.top, ".dvc", "config.local")
        if os.path.lexists(local):
            os.unlink(local)
        remotes = self.remotes()
        self.remote = self.work.given.get("remote") or self.remote
        if not self.remote:
            raise Stop(
                "the repository has no default remote for DVC: name one with `remote`, of %s" % (", ".join(sorted(remotes)) or "none")
            )
        if self.remote not in remotes:
            raise Stop("DVC has no remote `{}`: there is {}".format(shown(self.remote), ", ".join(sorted(remotes)) or "none"))
        url = remotes[self.remote]
        folder = os.path.join(self.top, ".dvc", url[len("file://") :] if url.startswith("file://") else url)
        if ("://" not in url or url.startswith("file:")) and (not os.path.isdir(folder) or inside(folder, self.git.path)):
            raise Stop(f"the remote `{self.remote}` is the folder {url}, which is not here: what is put there would go with this container")
        lines = ["[core]", "analytics = false", "check_update = false", "autostage = false", "[cache]"]
        lines += ['dir = "{}"'.format(self.work.sub("cache", self.work.big)), 'type = "reflink,hardlink,copy"', "slow_link_warning = false"]
        lines += [f"['remote \"{self.remote}\"']", "verify = true"]
        if self.work.key and remotes[self.remote].startswith("ssh:"):
            lines.append(f'keyfile = "{self.work.key}"')
        with open(local, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
