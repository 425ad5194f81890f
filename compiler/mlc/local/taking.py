"""What a container wrote, copied out of it when it has stopped: by the engine, as a tar file; and the links in it, which nobody follows."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .logs import last
from .places import LINKS, Places, Zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

_ABSENT = re.compile(r"could not be found|no such (file|container:path)|not exist|Could not find", re.IGNORECASE)


class Copies:
    """Copies out of one stopped container.

    `base` is how a command of the engine starts, `binds` what is mounted: folders of this machine by path. `follows`: the engine follows
    a link at the path itself, and does not find what one leads to in a volume (podman does so, docker hands over the link).
    """

    def __init__(self, base: Sequence[str], environ: Mapping[str, str], name: str, binds: Mapping[str, Path], follows: bool) -> None:
        self._base, self._environ, self._name, self._binds, self._follows = list(base), dict(environ), name, binds, follows

    def copy(self, path: str, to: Path) -> bool:
        """Copy a file or folder to a path where nothing is, links followed; False where there is none. Raises OSError."""
        return self._copy(path, to, 0)

    def _copy(self, path: str, to: Path, links: int) -> bool:
        """Copy a file or folder of the stopped container, by way of a tar file that the engine makes of it."""
        if links > LINKS:
            raise OSError(errno.ELOOP, "links lead in a circle", path)
        with subprocess.Popen(  # noqa: S603 - words of ours
            [*self._base, "cp", f"{self._name}:{path}", "-"],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as client:
            assert client.stdout is not None  # noqa: S101 - it is a pipe
            assert client.stderr is not None  # noqa: S101 - as above
            errors = _Collected(client.stderr)
            try:
                found = _unpack(client.stdout, path, to)
            finally:
                client.stdout.close()
            code = client.wait()
            said = errors.text()
        if found is None:
            if code == 0 or _ABSENT.search(said):
                target = self._through_volume(path)
                return self._copy(target, to, links + 1) if target else False
            raise OSError(f"{os.path.basename(self._base[0])} cannot copy `{path}`: {last(said)}")
        for relative, target in found.items():
            self._copy_link(path, relative, target, to, links)
        return True

    def _copy_link(self, path: str, relative: str, target: str, to: Path, links: int) -> None:
        """Put what a link leads to in its place; `relative` is "" where the link is at the path itself."""
        link = os.path.normpath(os.path.join(path, relative))
        wanted = os.path.normpath(os.path.join(os.path.dirname(link), target))
        if f"{link}/".startswith(f"{wanted.rstrip('/')}/"):
            raise OSError(errno.ELOOP, "links lead in a circle", link)
        if not self._copy(wanted, to / relative if relative else to, links + 1):
            if not relative:
                return
            raise FileNotFoundError(errno.ENOENT, f"the link `{link}` leads nowhere")

    def _through_volume(self, path: str) -> str:
        """Where a path leads that is not found because a link on the way leads into a volume. "" where nothing is there."""
        if not self._follows:
            return ""
        binds = {target: str(source) for target, source in self._binds.items()}
        code = "import sys; sys.path.insert(0, sys.argv[1]); from mlc.local.taking import follow; follow(*sys.argv[2:])"
        package = str(Path(__file__).parents[2])
        words = [sys.executable, "-c", code, package, json.dumps(self._base), self._name, json.dumps(binds), path]
        before = [] if os.getuid() == 0 else [*self._base, "unshare"]
        done = subprocess.run(  # noqa: S603 - words of ours
            [*before, *words], env=self._environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True
        )
        return done.stdout if done.returncode == 0 and done.stdout != path else ""


class _Collected:
    """What a client says on its standard error, read beside its output so that it never waits for us."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._found = b""
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        while data := stream.read(1 << 12):
            self._found = (self._found + data)[-(1 << 14) :]

    def text(self) -> str:
        self._thread.join()
        return self._found.decode("utf-8", "replace")


def _unpack(stream: IO[bytes], path: str, to: Path) -> dict[str, str] | None:
    """Unpack a tar file of one file or folder to a path where nothing is; the links in it, by relative path, are left to the caller.

    None where it holds nothing. Raises OSError for what is neither file nor folder.
    """
    links: dict[str, str] = {}
    top: str | None = None
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                name = member.name.strip("/")
                if top is None:
                    top = name
                relative = name[len(top) :].strip("/")
                if (top and not f"{name}/".startswith(f"{top}/")) or ".." in relative.split("/"):
                    raise OSError(f"the engine put `{name}` into the copy of `{path}`")
                place = to / relative if relative else to
                if member.isdir():
                    place.mkdir()
                elif member.issym():
                    links[relative] = member.linkname
                elif member.islnk():
                    other = member.linkname.strip("/")[len(top) :].strip("/")
                    if ".." in other.split("/"):
                        raise OSError(f"the engine put a link to `{member.linkname}` into the copy of `{path}`")
                    shutil.copyfile(to / other, place)
                elif member.isreg():
                    source = archive.extractfile(member)
                    assert source is not None  # noqa: S101 - it is a regular file
                    with source, place.open("xb") as file:
                        shutil.copyfileobj(source, file, 1 << 20)
                    place.chmod(0o600 | member.mode & 0o777)
                else:
                    raise OSError(f"`{os.path.join(path, relative)}` is neither a file nor a folder")
    except tarfile.ReadError:
        if top is None:
            return None
        raise OSError(f"the copy of `{path}` is not complete") from None
    return None if top is None else links


def follow(base: str, name: str, binds: str, path: str) -> None:
    """Print where a path of a stopped container leads; "" where nothing is. For podman, run in its user namespace where it has one."""
    command = json.loads(base)
    mounted = subprocess.run([*command, "mount", name], capture_output=True, check=True, text=True).stdout.strip()  # noqa: S603
    try:
        zones = [Zone(target, Path(source), "volume") for target, source in json.loads(binds).items()]
        at, rest = Places(Zone("/", Path(mounted), "machine"), *zones).follow(path)
        sys.__stdout__ and sys.__stdout__.write("" if rest else at)
    finally:
        subprocess.run([*command, "unmount", name], capture_output=True, check=False)  # noqa: S603
