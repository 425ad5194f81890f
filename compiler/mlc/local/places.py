"""Where on this machine a program's paths lead: what it sees at each is a folder of its own, a volume, or the machine's."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .copies import copy_file

LINKS = 40
"""How many links are followed on the way to a file, as many as Linux follows (path_resolution(7))."""


@dataclass(frozen=True)
class Zone:
    """What a path stands for, with all below it: `own` is the attempt's, `volume` what somebody mounts there, `machine` is this machine."""

    inside: str
    outside: Path
    kind: Literal["own", "volume", "machine"]
    read_only: bool = False


class Places:
    """The paths of one program. The longest zone that a path lies in counts."""

    def __init__(self, *zones: Zone) -> None:
        self.zones = {zone.inside: zone for zone in zones}

    def put(self, zone: Zone) -> None:
        """Another zone; it takes the place of one that was there."""
        self.zones[zone.inside] = zone

    def zone(self, path: str) -> Zone:
        """The zone that a path without links lies in."""
        at = path
        while at not in self.zones:
            at = os.path.dirname(at)
        return self.zones[at]

    def outside(self, path: str) -> Path:
        """Where a path without links lies on this machine, whether or not something is there."""
        zone = self.zone(path)
        rest = path[len(zone.inside) :].lstrip("/")
        return zone.outside / rest if rest else zone.outside

    def may_have(self, path: str) -> bool:
        """Quickly: False where nothing is at a path of the machine itself."""
        zone = self.zone(path)
        return zone.kind != "machine" or str(zone.outside) != zone.inside or os.path.lexists(path)

    def follow(self, path: str) -> tuple[str, str]:
        """A path with its links followed as the program sees them: how far there is something, and the rest.

        Raises OSError for links in a circle, and where this user may not look.
        """
        parts = deque(path.split("/"))
        at, links = "/", 0
        while parts:
            part = parts.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                at = os.path.dirname(at)
                continue
            inner = os.path.join(at, part)
            outside = self.outside(inner)
            try:
                found = outside.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return at, "/".join([part, *parts])
            if stat.S_ISLNK(found.st_mode) and inner not in self.zones:
                links += 1
                if links > LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink(outside)
                at = "/" if target.startswith("/") else at
                parts.extendleft(reversed(target.split("/")))
                continue
            at = inner
        return at, ""

    def find(self, path: str) -> Path | None:
        """Where on this machine that is which the program sees at a path, links followed; None where nothing is. Raises OSError."""
        at, rest = self.follow(path)
        return None if rest else self.outside(at)

    def copy(self, path: str, to: Path, own: Path) -> bool:
        """Copy a file or folder to a path where nothing is, links followed; False where there is none. Raises OSError.

        What lies in `own` is not needed any more: files there may become the copy.
        """
        at, rest = self.follow(path)
        if rest:
            return False
        self._copy(at, to, own, ())
        return True

    def _copy(self, at: str, to: Path, own: Path, above: tuple[tuple[int, int], ...]) -> None:
        outside = self.outside(at)
        found = outside.stat()
        if stat.S_ISREG(found.st_mode):
            # A further name costs nothing. Not where another one is there already: the program may have made it of somebody's file.
            if found.st_nlink == 1 and found.st_uid == os.getuid() and outside.is_relative_to(own):
                with contextlib.suppress(OSError):
                    os.link(outside, to)
                    return
            if outside.is_relative_to(own) and not os.access(outside, os.R_OK):
                outside.chmod(found.st_mode & 0o777 | 0o400)
            copy_file(outside, to)
            return
        if not stat.S_ISDIR(found.st_mode):
            raise OSError(f"`{at}` is neither a file nor a folder")
        me = (found.st_dev, found.st_ino)
        if me in above:
            raise OSError(errno.ELOOP, "links lead in a circle", at)
        to.mkdir()
        if outside.is_relative_to(own) and not os.access(outside, os.R_OK | os.X_OK):
            outside.chmod(0o700)
        for name in sorted(os.listdir(outside)):
            inner, rest = self.follow(os.path.join(at, name))
            if rest:
                raise FileNotFoundError(errno.ENOENT, f"the link `{os.path.join(at, name)}` leads nowhere")
            self._copy(inner, to / name, own, (*above, me))
