"""Folders in memory: what must not lie on a disk, and what is meant to be quick. They have no size of their own."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from .copies import remove

SHARED = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, which nobody else can enter

_TRIES = 100


def of_run(run_folder: Path) -> Path | None:
    """The folder in memory of a run, which need not be there; None where the machine has no place for it."""
    if not os.access(SHARED, os.W_OK | os.X_OK):
        return None
    return SHARED / f"mlc-{os.getuid()}" / hashlib.sha256(os.fsencode(run_folder.absolute())).hexdigest()[:16]


def of_attempt(folder: Path) -> Path | None:
    """The folder in memory of an attempt, whose own folder is RUN/TASK/NUMBER; it need not be there. None as above."""
    run = of_run(folder.parents[1])
    return run / f"{folder.parent.name}-{folder.name}" if run is not None else None


def make(folder: Path, mode: int = 0o777) -> Path:
    """Make a folder below that of an attempt, and those on the way: nobody else can enter them. Raises OSError."""
    tries = 0
    while True:
        _make_top()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
            return folder
        except (FileNotFoundError, FileExistsError):  # another attempt tidied up what was empty: on the way, or when it was looked at
            tries += 1
            if tries > _TRIES:
                raise


def _make_top() -> None:
    """Make the folder of this user, or see that it is that: somebody else may have made one of its name."""
    top = SHARED / f"mlc-{os.getuid()}"
    try:
        top.mkdir(mode=0o700)
    except FileExistsError:
        try:
            found = top.lstat()
        except FileNotFoundError:  # it was tidied up meanwhile
            return
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise OSError(f"`{top}` is not a folder that only you can enter: remove it") from None


def clear(folder: Path | None) -> None:
    """Remove the folder of a run or attempt with all that is in it; None for a machine without a place for it. Raises OSError."""
    if folder is not None:
        remove(folder)
        tidy(folder)


def tidy(folder: Path) -> None:
    """Remove an empty folder of a run or attempt, and those above it that are empty then."""
    while folder != SHARED:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # others are still there
            return
        folder = folder.parent
