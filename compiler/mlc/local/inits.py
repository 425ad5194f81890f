"""The first process of a container: one that hands TERM on to the program, as on the engines.

The kernel ignores signals to the first process of a container that it does not handle (pid_namespaces(7)). On Argo no program is that:
the executor starts it in a process group of its own, sends signals to the group, and ends with its status, 128 + N after signal N
(cmd/argoexec/commands/emissary.go, workflow/executor/osspecific/command_unix.go and signal_linux.go). Two small programs do the same with
their option `-g`: catatonit, which podman recommends, and tini, which docker has as `docker-init`. Docker starts its own one for `--init`,
and a variable stands for the option (`TINI_KILL_PROCESS_GROUP`, src/tini.c); podman has nothing for the option, so one of this machine is
mounted. It has to be linked statically: it runs among the files of any image.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .binding import bound
from .sandbox import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TARGET = f"{OURS}/init"
_NAMES = ("catatonit", "docker-init", "tini-static", "tini")
_FOLDERS = ("/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman")
"""Where podman looks for it (`helper_binaries_dir`, containers.conf(5))."""

_COMPLAINT = re.compile(r"\(catatonit:\d+\): failed to exec pid1: (.*)|\[FATAL tini \(\d+\)\] exec .* failed: (.*)")
"""What they say of a program that they cannot start (`spawn_pid1` in catatonit.c, `spawn_process` in src/tini.c)."""

_INTERPRETER = 3  # PT_INTERP, elf(5)


@dataclass(frozen=True)
class Init:
    """How a container gets its first process: `options` of `run`, and `words` before the program, none where the engine adds them."""

    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


OF_THE_ENGINE = Init()
"""The user says `--init`."""

OF_DOCKER = Init(("--init", "--env", "TINI_KILL_PROCESS_GROUP=1"))


def of_this_machine(environ: Mapping[str, str]) -> Init | None:
    """A program of this machine, mounted; None where there is none."""
    folders = [*environ.get("PATH", os.defpath).split(os.pathsep), *_FOLDERS]
    for name in _NAMES:
        found = shutil.which(name, path=os.pathsep.join(folders))
        if found is not None and _is_static(found):
            return Init(("--mount", bound(os.path.realpath(found), _TARGET, read_only=True)), (_TARGET, "-g", "--"))
    return None


def complaint(line: str) -> int:
    """The status that a shell gives a program which an init could not start, as its last words tell; 0 where they are others."""
    found = _COMPLAINT.search(line)
    if found is None:
        return 0
    return 127 if (found[1] or found[2]) == "No such file or directory" else 126


def _is_static(path: str) -> bool:
    """Whether a program of Linux needs no other file to run (elf(5): no program header names an interpreter)."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] != 2:
                return False
            order = "<" if head[5] == 1 else ">"
            (start,) = struct.unpack_from(f"{order}Q", head, 32)
            size, count = struct.unpack_from(f"{order}HH", head, 54)
            for number in range(count):
                file.seek(start + number * size)
                if struct.unpack(f"{order}I", file.read(4))[0] == _INTERPRETER:
                    return False
    except (OSError, struct.error):
        return False
    return True
