"""Files of attempts: removed whatever programs left, copied without reading them where the file system can."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FICLONE = 0x40049409  # linux/fs.h


def remove(path: Path) -> None:
    """Remove a file or folder with all that is in it, also folders that a program closed. Nothing there is fine. Raises OSError.

    Files of another user, which containers without root privileges leave, are removed by podman in its user namespace.
    """
    try:
        _remove(path)
    except PermissionError:
        _open(path)
        try:
            _remove(path)
        except PermissionError:
            podman = shutil.which("podman")
            if podman is None or os.getuid() == 0:
                raise
            subprocess.run(  # noqa: S603 - a path of our own
                [podman, "unshare", "rm", "-rf", "--", str(path)], stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if os.path.lexists(path):
                raise


def _remove(path: Path) -> None:
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        if os.path.lexists(path):  # somebody removed something in it meanwhile
            _remove(path)


def _open(path: Path) -> None:
    """Let the owner of folders into them. Never through a link: that may lead anywhere."""
    if path.is_symlink():
        return
    for here, folders, _ in os.walk(path):
        for name in (".", *folders):
            with contextlib.suppress(OSError):
                inner = os.path.join(here, name)
                if not os.path.islink(inner):
                    os.chmod(inner, 0o700)


def make_empty(folder: Path, mode: int = 0o777) -> None:
    """An empty folder at a path, whatever was there. Raises OSError."""
    remove(folder)
    folder.mkdir(parents=True)
    folder.chmod(mode)


def copy_file(source: Path, to: Path) -> None:
    """A copy of a regular file at a path where nothing is; on file systems that can, both share their blocks. Raises OSError."""
    with source.open("rb") as old, to.open("xb") as new:
        mode = stat.S_IMODE(os.fstat(old.fileno()).st_mode)
        if not _cloned(old.fileno(), new.fileno()) and not _sent(old.fileno(), new.fileno()):
            shutil.copyfileobj(old, new, 1 << 20)
        os.fchmod(new.fileno(), 0o600 | mode & 0o777)


def _cloned(old: int, new: int) -> bool:
    """Have both share their blocks; False where the file system cannot."""
    try:
        fcntl.ioctl(new, _FICLONE, old)
    except OSError:
        return False
    return True


def _sent(old: int, new: int) -> bool:
    """Copy within the kernel; False where it does not know how to, with nothing written."""
    done = 0
    size = os.fstat(old).st_size
    try:
        while done < size:
            count = os.copy_file_range(old, new, min(size - done, 1 << 30))
            if count == 0:
                break
            done += count
    except (OSError, AttributeError) as error:
        if done == 0 and (isinstance(error, AttributeError) or error.errno != errno.ENOSPC):
            return False
        raise
    return True
